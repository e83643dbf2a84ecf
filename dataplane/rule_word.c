// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_word.h"

#include <string.h>

#define BLANKS " \t"

static void show(struct pp_word *word)
{
	static const char hex[] = "0123456789abcdef";
	char *to = word->shown;

	for (size_t i = 0; i < word->len && i < PP_WORD_SHOWN_MAX; i++) {
		unsigned char byte = (unsigned char)word->text[i];

		if (byte > ' ' && byte < 0x7f) {
			*to++ = (char)byte;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[byte >> 4];
		*to++ = hex[byte & 15];
	}
	strcpy(to, word->len > PP_WORD_SHOWN_MAX ? "..." : "");
}

void pp_rule_word_init(struct pp_words *words, const char *text)
{
	words->text = words->next = words->end = text;
}

bool pp_rule_word_next(struct pp_words *words, struct pp_word *out)
{
	words->next += strspn(words->next, BLANKS);
	if (*words->next == '#')
		words->next += strlen(words->next);
	out->len = strcspn(words->next, BLANKS);
	out->text = out->len > 0 ? words->next : words->end;
	words->next += out->len;
	if (out->len > 0)
		words->end = words->next;
	show(out);
	return out->len > 0;
}

bool pp_rule_word_accept(struct pp_words *words, const char *text)
{
	struct pp_words before = *words;
	struct pp_word word;

	if (pp_rule_word_next(words, &word) && pp_rule_word_is(&word, text))
		return true;
	*words = before;
	return false;
}

bool pp_rule_word_is(const struct pp_word *word, const char *text)
{
	return strlen(text) == word->len && memcmp(word->text, text, word->len) == 0;
}

bool pp_rule_word_number(const char *text, size_t len, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;

	if (len == 0 || len > 10 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (value > max)
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

bool pp_rule_word_name(const char *text, size_t len, char out[PP_NAME_BYTES])
{
	if (len == 0 || len >= PP_NAME_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_byte(text[i]))
			return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}
