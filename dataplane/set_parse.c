// SPDX-License-Identifier: MIT OR Apache-2.0
#include "set_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "duration.h"
#include "prefix.h"
#include "rule_word.h"

#define FILE_BYTES_MAX (1u << 30)

struct reader {
	const char *next;
	const char *end;
	const char *line_begin;
	uint32_t line;
	struct pp_set_entry *entry;
	size_t count;
	size_t room;
	struct pp_error *err;
};

struct token {
	const char *text;
	size_t len;
};

static uint32_t col_of(const struct reader *r, const char *at)
{
	return (uint32_t)(at - r->line_begin) + 1;
}

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '\n' || c == '\r';
}

// Skip separators and comments, keeping count of lines.
static void skip(struct reader *r)
{
	for (; r->next < r->end; r->next++) {
		if (*r->next == '#')
			while (r->next < r->end && *r->next != '\n')
				r->next++;
		if (r->next == r->end || !is_separator(*r->next))
			return;
		if (*r->next == '\n') {
			r->line++;
			r->line_begin = r->next + 1;
		}
	}
}

static bool next_token(struct reader *r, struct token *token)
{
	skip(r);
	token->text = r->next;
	while (r->next < r->end && !is_separator(*r->next) && *r->next != '#')
		r->next++;
	token->len = (size_t)(r->next - token->text);
	return token->len > 0;
}

// The token in a form that is fit for a message: pp_rule_word_next() knows how.
static void show(const struct token *token, struct pp_word *word)
{
	char text[PP_WORD_SHOWN_MAX + 2];
	struct pp_words words;

	snprintf(text, sizeof(text), "%.*s", (int)token->len, token->text);
	pp_rule_word_init(&words, text);
	pp_rule_word_next(&words, word);
}

static int bad_token(const struct reader *r, const struct token *token, const char *expected)
{
	struct pp_word word;

	if (token->len == 0)
		return pp_error_set(r->err, -EINVAL, r->line, col_of(r, token->text), "expected %s",
				    expected);
	if (memchr(token->text, '\0', token->len) != NULL)
		return pp_error_set(r->err, -EINVAL, r->line, col_of(r, token->text),
				    "NUL byte: a set is plain text");
	show(token, &word);
	return pp_error_set(r->err, -EINVAL, r->line, col_of(r, token->text),
			    "expected %s, not '%s'", expected, word.shown);
}

static int bad_prefix(const struct reader *r,
		      const struct token *token,
		      enum pp_prefix_fault fault,
		      const struct pp_prefix *prefix)
{
	struct pp_word word;
	int ret;

	if (fault == PP_PREFIX_NO_ADDRESS)
		return bad_token(r, token, "an address or a prefix such as 192.0.2.0/24");
	show(token, &word);
	ret = pp_prefix_error(fault, word.shown, prefix, r->err);
	if (r->err != NULL) {
		r->err->line = r->line;
		r->err->col = col_of(r, token->text);
	}
	return ret;
}

static struct pp_set_entry *new_entry(struct reader *r)
{
	if (r->count == r->room) {
		size_t room = r->room > 0 ? 2 * r->room : 64;
		struct pp_set_entry *grown = reallocarray(r->entry, room, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		r->entry = grown;
		r->room = room;
	}
	return &r->entry[r->count++];
}

static bool is_ttl(const struct token *token)
{
	return token->len == 3 && memcmp(token->text, "ttl", 3) == 0;
}

static int read_ttl(struct reader *r, uint64_t now_ns, struct pp_set_entry *entry)
{
	struct token token;
	uint64_t ttl_ns;

	next_token(r, &token);
	if (!pp_duration_parse(token.text, token.len, &ttl_ns))
		return bad_token(r, &token, PP_DURATION_EXPECTED " after 'ttl'");
	entry->expires_ns = now_ns + ttl_ns;
	return 0;
}

static int read_all(struct reader *r, uint64_t now_ns)
{
	struct token token;

	while (next_token(r, &token)) {
		struct pp_prefix prefix;
		enum pp_prefix_fault fault;
		struct pp_set_entry *entry;

		if (is_ttl(&token) && r->count > 0 && r->entry[r->count - 1].expires_ns == 0) {
			int ret = read_ttl(r, now_ns, &r->entry[r->count - 1]);

			if (ret < 0)
				return ret;
			continue;
		}
		fault = pp_prefix_read(token.text, token.len, &prefix);
		if (fault != PP_PREFIX_GOOD)
			return bad_prefix(r, &token, fault, &prefix);
		if (r->count == PP_SET_ENTRIES_MAX)
			return pp_error_set(r->err, -ENOSPC, r->line, col_of(r, token.text),
					    "a set holds at most %u entries", PP_SET_ENTRIES_MAX);
		entry = new_entry(r);
		if (entry == NULL)
			return pp_error_set(r->err, -ENOMEM, r->line, 0, "no memory for a set");
		*entry = (struct pp_set_entry){.prefix = prefix};
	}
	return 0;
}

int pp_set_parse(const char *text,
		 size_t len,
		 uint64_t now_ns,
		 struct pp_set_entry **entry,
		 size_t *count,
		 struct pp_error *err)
{
	struct reader r = {
		.next = text, .end = text + len, .line_begin = text, .line = 1, .err = err};
	int ret = read_all(&r, now_ns);

	if (ret < 0) {
		free(r.entry);
		return ret;
	}
	*entry = r.entry;
	*count = r.count;
	return 0;
}

static int read_file(FILE *file, char **text, size_t *len, struct pp_error *err)
{
	struct stat st;
	size_t room = 65536;

	// A pipe has no size; a file may grow while it is read.
	if (fstat(fileno(file), &st) == 0 && st.st_size > 0)
		room = (size_t)st.st_size + 1;
	*text = NULL;
	for (*len = 0;; room *= 2) {
		char *grown = room <= FILE_BYTES_MAX ? realloc(*text, room) : NULL;

		if (grown == NULL)
			return pp_error_set(err, -ENOMEM, 0, 0, "the file is too large");
		*text = grown;
		*len += fread(*text + *len, 1, room - *len, file);
		if (*len < room)
			break;
	}
	if (ferror(file))
		return pp_error_set(err, -EIO, 0, 0, "cannot read the file");
	return 0;
}

int pp_set_load(struct pp_set **out,
		const char *name,
		const char *path,
		uint64_t now_ns,
		struct pp_error *err)
{
	struct pp_set_entry *entry = NULL;
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len, count;
	int ret;

	if (file == NULL) {
		ret = -errno;
		return pp_error_set(err, ret, 0, 0, "cannot open the file: %s",
				    strerrordesc_np(-ret));
	}
	ret = read_file(file, &text, &len, err);
	ret = ret ?: pp_set_parse(text, len, now_ns, &entry, &count, err);
	ret = ret ?: pp_set_create(out, name, entry, count, err);
	free(entry);
	free(text);
	fclose(file);
	return ret;
}
