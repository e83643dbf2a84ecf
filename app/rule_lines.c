// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_options.h"
#include "text_file.h"

#define BLANKS " \t\r"

static int add(struct pp_rule_lines *lines, const char *text, uint32_t number, struct pp_error *err)
{
	struct pp_rule_line *grown = reallocarray(lines->line, lines->count + 1, sizeof(*grown));

	if (!grown)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	lines->line = grown;
	grown[lines->count++] = (struct pp_rule_line){.text = text, .number = number};
	return 0;
}

int pp_rule_lines_take(struct pp_rule_lines *lines, char *const *rule, struct pp_error *err)
{
	int ret = 0;

	*lines = (struct pp_rule_lines){0};
	while (!ret && *rule)
		ret = add(lines, *rule++, lines->count + 1, err);
	return ret;
}

static bool begins_with_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(text, word, len) && strchr(BLANKS, text[len]);
}

static int read_line(struct pp_rule_lines *lines, char *text, uint32_t number, struct pp_error *err)
{
	const char *first = text + strspn(text, BLANKS);
	size_t len = strlen(text);

	if (!*first || *first == '#')
		return 0;
	if (begins_with_word(first, "set") || begins_with_word(first, "protect"))
		return pp_error_set(err, -EINVAL, number, (uint32_t)(first - text) + 1,
				    "expected a rule; sets are loaded by 'push-packet set load', "
				    "protection stands in the configuration");
	if (text[len - 1] == '\r')
		text[len - 1] = '\0';
	return add(lines, text, number, err);
}

static int split(struct pp_rule_lines *lines, struct pp_error *err)
{
	char *next = lines->owned, *text;
	uint32_t number = 0;
	int ret = 0;

	while (!ret && (text = strsep(&next, "\n")))
		ret = read_line(lines, text, ++number, err);
	return ret;
}

int pp_rule_lines_read(struct pp_rule_lines *lines, const char *file, struct pp_error *err)
{
	bool standard_input = !strcmp(file, "-");
	size_t len;
	int ret;

	*lines = (struct pp_rule_lines){.file = standard_input ? "standard input" : file};
	ret = standard_input ? pp_text_file_read_fd(STDIN_FILENO, &lines->owned, &len)
			     : pp_text_file_read(file, &lines->owned, &len);
	if (ret)
		return pp_error_set(err, ret, 0, 0, "cannot read it: %s", pp_text_file_why(ret));
	return split(lines, err);
}

void pp_rule_lines_fini(struct pp_rule_lines *lines)
{
	free(lines->line);
	free(lines->owned);
}

void pp_rule_lines_complain(const struct pp_rule_lines *lines,
			    uint32_t index,
			    uint32_t col,
			    const char *text)
{
	const struct pp_rule_line *line = &lines->line[index];

	fflush(stdout);
	if (lines->file) {
		fprintf(stderr, "%s:%u:%u: error: %s\n", lines->file, line->number, col ? col : 1,
			text);
		return;
	}
	fprintf(stderr, "push-packet: error: %s\n  %s\n", text, line->text);
	if (col && col <= strlen(line->text) + 1)
		fprintf(stderr, "  %*s\n", (int)col, "^");
	// Most likely one rule without quotes.
	if (lines->count > 1 && !strchr(line->text, ' '))
		fprintf(stderr, "  each argument is a rule of its own: quote it as a whole\n");
}

void pp_rule_lines_complain_refusal(const struct pp_rule_lines *lines,
				    const json_t *refusal,
				    const struct pp_error *err)
{
	const json_t *data = json_object_get(refusal, "data"), *at = json_object_get(data, "index");
	const char *message = json_string_value(json_object_get(refusal, "message"));
	json_int_t index = lines->count == 1 && data ? 0 : -1,
		   col = pp_ctl_options_number(data, "col");

	if (json_is_integer(at))
		index = json_integer_value(at);
	if (message && index >= 0 && index < lines->count)
		pp_rule_lines_complain(lines, (uint32_t)index, (uint32_t)col, message);
	else
		pp_ctl_options_complain(err);
}
