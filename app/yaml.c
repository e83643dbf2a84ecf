// SPDX-License-Identifier: MIT OR Apache-2.0
#include "yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *text;
	struct fy_parser *parser;
	struct fy_diag *diag;
	struct pp_error *err;
};

static int read_node(struct reader *r, struct fy_event *event, uint32_t depth, struct pp_yaml *out);

static int fail(struct reader *r, struct fy_event *event, const char *text)
{
	const struct fy_mark *mark = event ? fy_event_start_mark(event) : NULL;

	return pp_error_set(r->err, -EINVAL, mark ? (uint32_t)mark->line + 1 : 1,
			    mark ? (uint32_t)mark->column + 1 : 1, "%s", text);
}

// libfyaml's own errors come as a list; the first is the cause of the rest.
static int fail_syntax(struct reader *r)
{
	void *prev = NULL;
	struct fy_diag_error *first = fy_diag_errors_iterate(r->diag, &prev);

	if (!first)
		return fail(r, NULL, "the text ends too early, or is no YAML");
	return pp_error_set(r->err, -EINVAL, first->line > 0 ? (uint32_t)first->line : 1,
			    first->column > 0 ? (uint32_t)first->column : 1, "YAML: %s",
			    first->msg);
}

// The next event; NULL with *err set at a syntax error.
static struct fy_event *next(struct reader *r, int *err)
{
	struct fy_event *event = fy_parser_parse(r->parser);

	if (!event || fy_parser_get_stream_error(r->parser)) {
		fy_parser_event_free(r->parser, event);
		*err = fail_syntax(r);
		return NULL;
	}
	return event;
}

static bool is_null(const char *text, size_t len)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
		if (strlen(nulls[i]) == len && !memcmp(nulls[i], text, len))
			return true;
	}
	return false;
}

// Characters before the first word, in its line.
static int32_t first_word(const char *text)
{
	const char *word = text + strspn(text, " \t\r\n"), *line = word;

	while (line > text && line[-1] != '\n')
		line--;
	return (int32_t)(word - line);
}

// Whether the characters of the value stand in the file one after the other. libfyaml's marks
// of a quoted value are those of what is between the quotes, of a block the line behind the |.
static void locate_text(struct reader *r,
			struct fy_event *event,
			enum fy_scalar_style style,
			size_t len,
			struct pp_yaml *out)
{
	const struct fy_mark *start = fy_event_start_mark(event), *end = fy_event_end_mark(event);
	bool quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;

	out->text_col = -1;
	if (start && style == FYSS_LITERAL && start->column == 0)
		out->text_col = first_word(r->text + start->input_pos) - first_word(out->text);
	if (!start || !end || (style != FYSS_PLAIN && !quoted))
		return;
	if (end->input_pos - start->input_pos == len)
		out->text_col = quoted;
	if (quoted && out->col > 1)
		out->col--;
}

static int read_scalar(struct reader *r, struct fy_event *event, struct pp_yaml *out)
{
	struct fy_token *token = event->scalar.value;
	enum fy_scalar_style style = FYSS_PLAIN;
	const char *text = "";
	size_t len = 0;

	if (token) {
		style = fy_token_scalar_style(token);
		text = fy_token_get_text(token, &len);
	}
	if (!text)
		return -ENOMEM;
	if (style == FYSS_PLAIN && is_null(text, len)) {
		out->text = len ? strndup(text, len) : NULL;
		return 0;
	}
	if (memchr(text, '\0', len))
		return fail(r, event, "there is a NUL character in this text");
	out->text = strndup(text, len);
	if (!out->text)
		return -ENOMEM;
	out->kind = PP_YAML_SCALAR;
	locate_text(r, event, style, len, out);
	return 0;
}

static struct pp_yaml *grow(struct pp_yaml **array, uint32_t count)
{
	struct pp_yaml *grown = reallocarray(*array, count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	*array = grown;
	grown[count] = (struct pp_yaml){0};
	return &grown[count];
}

static int read_key(struct reader *r, struct fy_event *event, struct pp_yaml *out)
{
	struct pp_yaml *key = grow(&out->key, out->count);
	int err;

	if (!key)
		return -ENOMEM;
	if (event->type != FYET_SCALAR)
		return fail(r, event, "expected a key: a plain word");
	err = read_node(r, event, PP_YAML_DEPTH_MAX, key);
	if (!err && key->kind != PP_YAML_SCALAR)
		err = fail(r, event, "expected a key before the colon");
	if (err)
		free(key->text);
	return err;
}

// One item, or one key with its value.
static int
read_member(struct reader *r, struct fy_event *event, uint32_t depth, struct pp_yaml *out)
{
	struct fy_event *value = event;
	struct pp_yaml *item;
	int err = 0;

	if (out->kind == PP_YAML_MAPPING) {
		err = read_key(r, event, out);
		if (err)
			return err;
		value = next(r, &err);
	}
	item = value ? grow(&out->item, out->count) : NULL;
	if (!item) {
		if (out->kind == PP_YAML_MAPPING)
			free(out->key[out->count].text);
		err = err ? err : -ENOMEM;
	} else {
		out->count++;
		if (out->kind == PP_YAML_MAPPING) {
			// For a value that was left out, which has no place of its own.
			item->line = out->key[out->count - 1].line;
			item->col = out->key[out->count - 1].col;
		}
		err = read_node(r, value, depth + 1, item);
	}
	if (value != event)
		fy_parser_event_free(r->parser, value);
	return err;
}

static int
read_members(struct reader *r, enum fy_event_type end, uint32_t depth, struct pp_yaml *out)
{
	struct fy_event *event;
	bool done = false;
	int err = 0;

	while (!err && !done) {
		event = next(r, &err);
		if (!event)
			return err;
		done = event->type == end;
		if (!done)
			err = read_member(r, event, depth, out);
		fy_parser_event_free(r->parser, event);
	}
	return err;
}

static int read_node(struct reader *r, struct fy_event *event, uint32_t depth, struct pp_yaml *out)
{
	const struct fy_mark *mark = fy_event_start_mark(event);

	if (mark && (event->type != FYET_SCALAR || event->scalar.value)) {
		out->line = (uint32_t)mark->line + 1;
		out->col = (uint32_t)mark->column + 1;
	}
	if (depth > PP_YAML_DEPTH_MAX)
		return fail(r, event, "nested too deep");
	switch (event->type) {
	case FYET_SCALAR:
		return read_scalar(r, event, out);
	case FYET_SEQUENCE_START:
		out->kind = PP_YAML_SEQUENCE;
		return read_members(r, FYET_SEQUENCE_END, depth, out);
	case FYET_MAPPING_START:
		out->kind = PP_YAML_MAPPING;
		return read_members(r, FYET_MAPPING_END, depth, out);
	case FYET_ALIAS:
		return fail(r, event,
			    "aliases (*name) are not supported here: write the value out");
	default:
		return fail(r, event, "expected a value");
	}
}

// What stands between the documents' nodes: markers, and the end.
static int read_stream(struct reader *r, struct pp_yaml **out)
{
	struct fy_event *event;
	bool done = false;
	int err = 0;

	while (!err && !done) {
		event = next(r, &err);
		if (!event)
			return err;
		if (event->type == FYET_STREAM_END) {
			done = true;
		} else if (event->type == FYET_DOCUMENT_START && *out) {
			err = fail(r, event, "a second document starts here, expected only one");
		} else if (event->type != FYET_STREAM_START && event->type != FYET_DOCUMENT_START &&
			   event->type != FYET_DOCUMENT_END) {
			*out = calloc(1, sizeof(**out));
			err = *out ? read_node(r, event, 1, *out) : -ENOMEM;
		}
		fy_parser_event_free(r->parser, event);
	}
	return err;
}

int pp_yaml_parse(const char *text, size_t len, struct pp_yaml **out, struct pp_error *err)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg parse_cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG};
	struct reader r = {.text = text, .err = err};
	struct pp_yaml *root = NULL;
	int ret = -ENOMEM;

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	r.diag = fy_diag_create(&diag_cfg);
	if (!r.diag)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	fy_diag_set_collect_errors(r.diag, true);

	parse_cfg.diag = r.diag;
	r.parser = fy_parser_create(&parse_cfg);
	if (r.parser && !fy_parser_set_string(r.parser, text, len))
		ret = read_stream(&r, &root);
	if (ret == -ENOMEM)
		pp_error_set(err, ret, 0, 0, "out of memory");
	if (r.parser)
		fy_parser_destroy(r.parser);
	fy_diag_destroy(r.diag);
	if (ret) {
		pp_yaml_destroy(root);
		return ret;
	}
	*out = root;
	return 0;
}

static void fini(struct pp_yaml *node)
{
	for (uint32_t i = 0; i < node->count; i++) {
		fini(&node->item[i]);
		if (node->key)
			free(node->key[i].text);
	}
	free(node->item);
	free(node->key);
	free(node->text);
}

void pp_yaml_destroy(struct pp_yaml *root)
{
	if (!root)
		return;
	fini(root);
	free(root);
}

const char *pp_yaml_kind_name(const struct pp_yaml *node)
{
	static const char *const names[] = {
		[PP_YAML_NULL] = "nothing",
		[PP_YAML_SCALAR] = "a single value",
		[PP_YAML_SEQUENCE] = "a list",
		[PP_YAML_MAPPING] = "a mapping (key: value)",
	};

	return names[node->kind];
}
