// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_sections.h"
#include "text_file.h"

#define RULE_FILES_MAX 64

static void read_default(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {
		[PP_VERDICT_PASS] = "pass", [PP_VERDICT_DROP] = "drop", NULL};
	uint8_t verdict;

	(void)arg;
	if (pp_config_read_choice(r, value, words, &verdict))
		pp_ruleset_set_default(r->config->rules, verdict);
	r->config->default_at = pp_config_spot(r, value);
}

// Add a rule and remember where it stands.
//
// @return  Whether more can be added.
static bool add_rule(struct pp_config_reader *r, const struct pp_rule *rule, struct pp_spot at)
{
	struct pp_config *config = r->config;
	struct pp_error error;
	struct pp_spot *grown;
	uint32_t id;

	grown = reallocarray(config->rule_at, config->rule_count + 1, sizeof(*grown));
	if (!grown) {
		pp_report_error(r->report, at.file, at.line, at.col, "out of memory");
		return false;
	}
	config->rule_at = grown;
	if (pp_ruleset_add(config->rules, rule, &id, &error)) {
		pp_report_error(r->report, at.file, at.line, at.col, "%s", error.text);
		return false;
	}
	// A new set gives the ids 1, 2, 3, ...
	config->rule_at[config->rule_count++] = at;
	return true;
}

static bool read_rule(struct pp_config_reader *r, const char *text, struct pp_spot at, bool exact)
{
	struct pp_error error;
	struct pp_rule rule;

	if (pp_rule_parse(text, &rule, &error)) {
		uint32_t offset = exact && error.col ? error.col - 1 : 0;

		pp_report_error(r->report, at.file, at.line, at.col + offset, "%s", error.text);
		return true;
	}
	return add_rule(r, &rule, at);
}

// One of the config's file names; NULL without memory, which was reported.
static const char *keep_name(struct pp_config_reader *r, char *name)
{
	struct pp_config *config = r->config;
	char **grown = reallocarray(config->file, config->file_count + 1, sizeof(*grown));

	if (!grown || !name) {
		free(name);
		if (grown)
			config->file = grown;
		pp_report_error(r->report, r->file, 0, 0, "out of memory");
		return NULL;
	}
	config->file = grown;
	config->file[config->file_count++] = name;
	return name;
}

// A path of the configuration as seen from the configuration file.
static char *beside(const char *config_file, const char *path)
{
	const char *slash = strrchr(config_file, '/');
	char *joined;

	if (*path == '/' || !slash)
		return strdup(path);
	if (asprintf(&joined, "%.*s/%s", (int)(slash - config_file), config_file, path) < 0)
		return NULL;
	return joined;
}

static bool is_blank(const char *line)
{
	line += strspn(line, " \t\r");
	return !*line || *line == '#';
}

static void read_lines(struct pp_config_reader *r, const char *file, char *text)
{
	struct pp_spot at = {.file = file, .line = 1};
	char *next;

	for (char *line = text; line; line = next, at.line++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		at.col = 1 + (uint32_t)strspn(line, " \t");
		// Columns count from the first word.
		if (!is_blank(line) && !read_rule(r, line + at.col - 1, at, true))
			return;
	}
}

static void read_file(struct pp_config_reader *r, const struct pp_yaml *item)
{
	const char *path = pp_config_read_text(r, item, "the path of a rule file"), *file;
	char *text;
	size_t len;
	int err;

	file = path ? keep_name(r, beside(r->file, path)) : NULL;
	if (!file)
		return;
	err = pp_text_file_read(file, &text, &len);
	if (err) {
		pp_config_error(r, item, "cannot read rule file %s: %s", file,
				pp_text_file_why(err));
		return;
	}
	read_lines(r, file, text);
	free(text);
}

static void read_files(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint32_t count = pp_config_read_list(r, value, RULE_FILES_MAX, "rule files");

	(void)arg;
	for (uint32_t i = 0; i < count; i++)
		read_file(r, &value->item[i]);
}

// A block scalar (|) ends with a newline of its own; more of them are more than one rule.
static void read_inline_rule(struct pp_config_reader *r, const struct pp_yaml *item, bool *room)
{
	const char *text = pp_config_read_text(r, item, "a rule");
	bool exact = text && item->text_col >= 0;
	struct pp_spot at = pp_config_spot(r, item);
	size_t line = text ? strcspn(text, "\n") : 0;

	if (!text)
		return;
	if (text[line] && text[line + 1]) {
		pp_config_error(r, item,
				"expected one rule, found several lines: make each an item");
		return;
	}
	item->text[line] = '\0';
	if (exact)
		at.col += (uint32_t)item->text_col;
	*room = read_rule(r, text, at, exact);
}

static void read_inline(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint32_t count = pp_config_read_list(r, value, UINT32_MAX, "rules");
	bool room = true;

	(void)arg;
	for (uint32_t i = 0; i < count && room; i++)
		read_inline_rule(r, &value->item[i], &room);
}

void pp_config_rules(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const struct pp_config_key keys[] = {
		{"default", read_default}, {"files", read_files}, {"inline", read_inline}, {0}};

	pp_config_read_map(r, value, keys, arg);
}
