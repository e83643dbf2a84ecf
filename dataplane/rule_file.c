// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rule_word.h"
#include "ruleset_swap.h"

// Longer than any rule with a comment, short enough that /dev/zero is not read for ever.
#define LINE_BYTES_MAX 16384
#define LINE_TEXT "16384"
_Static_assert(LINE_BYTES_MAX == 16384, "LINE_TEXT is its text");

struct reader {
	FILE *file;
	uint32_t line; // number of the line in text
	char text[LINE_BYTES_MAX + 1];
};

// Read the next line without its end, which is LF, CR LF or the end of the file.
//
// @return  1; 0: there is none; -EINVAL; -errno of read().
static int read_line(struct reader *reader, struct pp_error *err)
{
	size_t len = 0;
	int byte;

	reader->line++;
	while ((byte = getc_unlocked(reader->file)) != EOF && byte != '\n') {
		if (byte == '\0')
			return pp_error_set(err, -EINVAL, reader->line, (uint32_t)len + 1,
					    "NUL byte: a rule file is plain text");
		if (len == LINE_BYTES_MAX)
			return pp_error_set(err, -EINVAL, reader->line, (uint32_t)len + 1,
					    "the line is too long: at most " LINE_TEXT " bytes");
		reader->text[len++] = (char)byte;
	}
	if (byte == EOF && ferror(reader->file) != 0) {
		int err_no = errno;

		return pp_error_set(err, -err_no, reader->line, 0, "cannot read the file: %s",
				    strerrordesc_np(err_no));
	}
	if (len == 0 && byte == EOF)
		return 0;
	if (len > 0 && reader->text[len - 1] == '\r')
		len--;
	reader->text[len] = '\0';
	return 1;
}

static int add_line(struct pp_ruleset *set, const struct reader *reader, struct pp_error *err)
{
	struct pp_words words;
	struct pp_word first;
	struct pp_rule rule;
	int ret;

	pp_rule_word_init(&words, reader->text);
	if (!pp_rule_word_next(&words, &first))
		return 0;
	ret = pp_rule_parse(reader->text, &rule, err);
	if (ret == 0) {
		ret = pp_ruleset_add(set, &rule, NULL, err);
		if (ret < 0 && err != NULL)
			err->col = (uint32_t)(first.text - reader->text) + 1;
	}
	if (ret < 0 && err != NULL)
		err->line = reader->line;
	return ret;
}

static int add_file(struct pp_ruleset *set, FILE *file, struct pp_error *err)
{
	struct reader reader = {.file = file};
	int ret;

	while ((ret = read_line(&reader, err)) > 0) {
		ret = add_line(set, &reader, err);
		if (ret < 0)
			return ret;
	}
	return ret;
}

int pp_ruleset_load(struct pp_ruleset *set, const char *path, struct pp_error *err)
{
	struct pp_ruleset *copy;
	FILE *file;
	int ret;

	file = fopen(path, "re");
	if (file == NULL) {
		int err_no = errno;

		return pp_error_set(err, -err_no, 0, 0, "cannot open the file: %s",
				    strerrordesc_np(err_no));
	}
	ret = pp_ruleset_copy(&copy, set);
	if (ret < 0) {
		pp_error_set(err, ret, 0, 0, "no memory for the rules");
		goto close_file;
	}
	ret = add_file(copy, file, err);
	if (ret == 0)
		pp_ruleset_swap(set, copy);
	pp_ruleset_destroy(copy);
close_file:
	fclose(file);
	return ret;
}
