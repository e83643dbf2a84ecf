// SPDX-License-Identifier: MIT OR Apache-2.0
#include "statements_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rule_word.h"

#define LINE_BYTES_MAX 16384u // of a rule with its comment
#define PATH_BYTES_MAX 4096u

struct reader {
	struct pp_statements *to;
	const char *next; // the line after this one
	const char *end;
	const char *line_begin;
	uint32_t line;
	const char *folder;
	uint64_t now_ns;
	struct pp_error *err;
	char text[LINE_BYTES_MAX + 1]; // the line, without its end
};

int pp_statements_create(struct pp_statements **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

// Drop what came behind these counts.
static void cut(struct pp_statements *statements, uint32_t rules, uint32_t sets, uint32_t protects)
{
	while (statements->set_count > sets)
		pp_set_unref(statements->set[--statements->set_count].set);
	statements->rule_count = rules;
	statements->protect_count = protects;
}

void pp_statements_destroy(struct pp_statements *statements)
{
	if (statements == NULL)
		return;
	cut(statements, 0, 0, 0);
	free(statements->rule);
	free(statements->set);
	free(statements->protect);
	free(statements);
}

uint32_t pp_statements_rule_count(const struct pp_statements *statements)
{
	return statements->rule_count;
}

const struct pp_statement_rule *pp_statements_rule(const struct pp_statements *statements,
						   uint32_t index)
{
	return &statements->rule[index];
}

// Make room for one more in an array; powers of two are when it grows.
//
// @return  The new last element, zeroed; NULL: no memory.
static void *grow(void *array, uint32_t *count, size_t bytes)
{
	uint8_t **at = array;

	if ((*count & (*count - 1)) == 0) {
		uint8_t *grown = reallocarray(*at, *count > 0 ? 2 * *count : 1, bytes);

		if (grown == NULL)
			return NULL;
		*at = grown;
	}
	return memset(*at + (*count)++ * bytes, 0, bytes);
}

static int fail_at(const struct reader *r, const char *at, int ret, const char *text)
{
	return pp_error_set(r->err, ret, r->line, (uint32_t)(at - r->text) + 1, "%s", text);
}

static int no_memory(const struct reader *r)
{
	return pp_error_set(r->err, -ENOMEM, r->line, 0, "no memory for the rules");
}

// Take the next line.
//
// @return  1; 0: there is none; -EINVAL.
static int next_line(struct reader *r)
{
	const char *end, *nul;
	size_t len;

	if (r->next >= r->end)
		return 0;
	r->line++;
	r->line_begin = r->next;
	end = memchr(r->next, '\n', (size_t)(r->end - r->next)) ?: r->end;
	len = (size_t)(end - r->next);
	r->next = end + 1;
	if (len > LINE_BYTES_MAX)
		return pp_error_set(r->err, -EINVAL, r->line, LINE_BYTES_MAX + 1,
				    "the line is too long: at most %u bytes", LINE_BYTES_MAX);
	nul = memchr(r->line_begin, '\0', len);
	if (nul != NULL)
		return pp_error_set(r->err, -EINVAL, r->line, (uint32_t)(nul - r->line_begin) + 1,
				    "NUL byte: rules are plain text");
	if (len > 0 && r->line_begin[len - 1] == '\r')
		len--;
	memcpy(r->text, r->line_begin, len);
	r->text[len] = '\0';
	return 1;
}

static struct pp_place place_of(const struct reader *r, const struct pp_word *word)
{
	return (struct pp_place){r->to->texts, r->line, (uint32_t)(word->text - r->text) + 1};
}

static int expect_name(struct reader *r, const char *text, size_t len, char name[PP_NAME_BYTES])
{
	if (pp_rule_word_name(text, len, name))
		return 0;
	return fail_at(r, text, -EINVAL, "expected " PP_NAME_EXPECTED " for a set");
}

static int expect_end(struct reader *r, struct pp_words *words)
{
	struct pp_word word;

	if (!pp_rule_word_next(words, &word))
		return 0;
	return fail_at(r, word.text, -EINVAL, "expected the end of the line");
}

static int keep_set(struct reader *r, struct pp_set *set, struct pp_place at)
{
	struct pp_statement_set *kept;

	for (uint32_t i = 0; i < r->to->set_count; i++)
		if (strcmp(pp_set_name(r->to->set[i].set), pp_set_name(set)) == 0)
			return pp_error_set(r->err, -EINVAL, at.line, at.col,
					    "the set '%s' stands twice", pp_set_name(set));
	kept = grow(&r->to->set, &r->to->set_count, sizeof(*kept));
	if (kept == NULL)
		return no_memory(r);
	*kept = (struct pp_statement_set){pp_set_ref(set), at};
	return 0;
}

static int take_set(struct reader *r, struct pp_set *set, struct pp_place at)
{
	int ret = keep_set(r, set, at);

	pp_set_unref(set);
	return ret;
}

// Where the brace closes, comments left out; NULL: nowhere.
static const char *find_close(const char *at, const char *end)
{
	for (; at < end && *at != '}'; at++)
		if (*at == '#')
			at = memchr(at, '\n', (size_t)(end - at)) ?: end - 1;
	return at < end ? at : NULL;
}

// Errors count from the brace; make them count from the beginning of the text.
static void shift_error(struct pp_error *err, uint32_t line, uint32_t col)
{
	if (err == NULL)
		return;
	if (err->line == 1 && err->col > 0)
		err->col += col - 1;
	if (err->line > 0)
		err->line += line - 1;
}

// Go on behind the closing brace, on whatever line it stands.
static int leave_braces(struct reader *r, const char *close)
{
	struct pp_words words;
	int ret;

	while (r->next <= close) {
		ret = next_line(r);
		if (ret < 0)
			return ret;
	}
	pp_rule_word_init(&words, r->text + (close - r->line_begin) + 1);
	return expect_end(r, &words);
}

// @param open  Behind the opening brace, in the text itself.
static int read_braces(struct reader *r, const char *name, const char *open, struct pp_place at)
{
	const char *close = find_close(open, r->end);
	struct pp_set_entry *entry = NULL;
	struct pp_set *set = NULL;
	size_t count;
	int ret;

	if (close == NULL)
		return pp_error_set(r->err, -EINVAL, at.line, at.col,
				    "the set '%s' has no '}' at its end", name);
	ret = pp_set_parse(open, (size_t)(close - open), r->now_ns, &entry, &count, r->err);
	if (ret < 0) {
		shift_error(r->err, r->line, (uint32_t)(open - r->line_begin) + 1);
		return ret;
	}
	ret = pp_set_create(&set, name, entry, count, r->err);
	free(entry);
	ret = ret ?: take_set(r, set, at);
	return ret ?: leave_braces(r, close);
}

// What is wrong inside of a file is said with its name, at the place of the statement.
static int name_file(struct reader *r, int ret, const char *path, const struct pp_error *inner)
{
	if (inner->line > 0)
		return pp_error_set(r->err, ret, r->line, 1, "%s:%u:%u: %s", path, inner->line,
				    inner->col, inner->text);
	return pp_error_set(r->err, ret, r->line, 1, "%s: %s", path, inner->text);
}

static int read_file(struct reader *r, const char *name, struct pp_words *words, struct pp_place at)
{
	struct pp_error inner = {0};
	char path[PATH_BYTES_MAX];
	struct pp_set *set = NULL;
	struct pp_word word;
	int ret;

	if (!pp_rule_word_next(words, &word))
		return fail_at(r, word.text, -EINVAL, "expected the path of a file after 'file'");
	if (*word.text == '/' || r->folder == NULL)
		ret = snprintf(path, sizeof(path), "%.*s", (int)word.len, word.text);
	else
		ret = snprintf(path, sizeof(path), "%s/%.*s", r->folder, (int)word.len, word.text);
	if (ret >= (int)sizeof(path))
		return fail_at(r, word.text, -ENAMETOOLONG, "the path is too long");
	ret = pp_set_load(&set, name, path, r->now_ns, &inner);
	if (ret < 0)
		return name_file(r, ret, path, &inner);
	ret = take_set(r, set, at);
	return ret ?: expect_end(r, words);
}

static int read_set(struct reader *r, struct pp_words *words, const struct pp_word *first)
{
	struct pp_place at = place_of(r, first);
	char name[PP_NAME_BYTES];
	struct pp_word word;
	int ret;

	pp_rule_word_next(words, &word);
	ret = expect_name(r, word.text, word.len, name);
	if (ret < 0)
		return ret;
	pp_rule_word_next(words, &word);
	if (pp_rule_word_is(&word, "file"))
		return read_file(r, name, words, at);
	if (word.len > 0 && word.text[0] == '{')
		return read_braces(r, name, r->line_begin + (word.text - r->text) + 1, at);
	return fail_at(r, word.text, -EINVAL, "expected '{' or 'file' after the name of a set");
}

static int read_protect(struct reader *r, struct pp_words *words, const struct pp_word *first)
{
	struct pp_statement_protect *protect;
	char name[PP_NAME_BYTES];
	struct pp_word word;
	int ret;

	if (!pp_rule_word_next(words, &word) || word.text[0] != '@')
		return fail_at(r, word.text, -EINVAL, "expected @SET after 'protect'");
	ret = expect_name(r, word.text + 1, word.len - 1, name);
	ret = ret ?: expect_end(r, words);
	if (ret < 0)
		return ret;
	protect = grow(&r->to->protect, &r->to->protect_count, sizeof(*protect));
	if (protect == NULL)
		return no_memory(r);
	strcpy(protect->name, name);
	protect->at = place_of(r, first);
	return 0;
}

static int read_rule(struct reader *r, const struct pp_word *first)
{
	struct pp_statement_rule *kept;
	struct pp_rule rule;
	int ret = pp_rule_parse(r->text, &rule, r->err);

	if (ret < 0) {
		if (r->err != NULL)
			r->err->line = r->line;
		return ret;
	}
	if (r->to->rule_count == PP_RULES_MAX)
		return pp_error_set(r->err, -ENOSPC, r->line, place_of(r, first).col,
				    "the rule set is full: it holds at most %u rules",
				    PP_RULES_MAX);
	kept = grow(&r->to->rule, &r->to->rule_count, sizeof(*kept));
	if (kept == NULL)
		return no_memory(r);
	*kept = (struct pp_statement_rule){rule, r->line, place_of(r, first).col, r->to->texts};
	return 0;
}

static int read_statement(struct reader *r)
{
	struct pp_words words;
	struct pp_word first;

	pp_rule_word_init(&words, r->text);
	if (!pp_rule_word_next(&words, &first))
		return 0;
	if (pp_rule_word_is(&first, "set"))
		return read_set(r, &words, &first);
	if (pp_rule_word_is(&first, "protect"))
		return read_protect(r, &words, &first);
	return read_rule(r, &first);
}

int pp_statements_read(struct pp_statements *statements,
		       const char *text,
		       size_t len,
		       const char *folder,
		       uint64_t now_ns,
		       struct pp_error *err)
{
	const struct pp_statements before = *statements;
	struct reader r = {.to = statements,
			   .next = text,
			   .end = text + len,
			   .folder = folder,
			   .now_ns = now_ns,
			   .err = err};
	int ret;

	while ((ret = next_line(&r)) > 0) {
		ret = read_statement(&r);
		if (ret < 0)
			break;
	}
	if (ret < 0)
		cut(statements, before.rule_count, before.set_count, before.protect_count);
	statements->texts++;
	return ret;
}
