// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

void pp_config_error(struct pp_config_reader *r, const struct pp_yaml *node, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pp_report_error(r->report, r->file, node->line, node->col, "%s", text);
}

struct pp_spot pp_config_spot(const struct pp_config_reader *r, const struct pp_yaml *node)
{
	return (struct pp_spot){.file = r->file, .line = node->line, .col = node->col};
}

static void
unknown_key(struct pp_config_reader *r, const struct pp_yaml *key, const struct pp_config_key *keys)
{
	char list[300] = "";
	const char *hint = NULL;
	uint32_t best = PP_NEAREST_MAX + 1;

	for (; keys->name; keys++) {
		uint32_t distance = pp_nearest_distance(key->text, keys->name);
		size_t used = strlen(list);

		if (distance < best) {
			best = distance;
			hint = keys->name;
		}
		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", keys->name);
	}
	if (hint)
		pp_config_error(r, key, "unknown key '%.40s', did you mean '%s'?", key->text, hint);
	else
		pp_config_error(r, key, "unknown key '%.40s', expected one of: %s", key->text,
				list);
}

// The same key earlier in the mapping, or NULL.
static const struct pp_yaml *earlier(const struct pp_yaml *node, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++) {
		if (!strcmp(node->key[j].text, node->key[i].text))
			return &node->key[j];
	}
	return NULL;
}

static void read_pair(struct pp_config_reader *r,
		      const struct pp_yaml *node,
		      uint32_t i,
		      const struct pp_config_key *keys,
		      void *arg)
{
	const struct pp_yaml *key = &node->key[i], *first = earlier(node, i);
	const struct pp_config_key *k = keys;

	while (k->name && strcmp(k->name, key->text))
		k++;
	if (first)
		pp_config_error(r, key, "duplicate key '%.40s', first at line %u", key->text,
				first->line);
	else if (!k->name)
		unknown_key(r, key, keys);
	else {
		r->config->item_at[k->item] = pp_config_spot(r, &node->item[i]);
		k->read(r, &node->item[i], arg);
	}
}

bool pp_config_read_map(struct pp_config_reader *r,
			const struct pp_yaml *node,
			const struct pp_config_key *keys,
			void *arg)
{
	if (node->kind == PP_YAML_NULL)
		return true;
	if (node->kind != PP_YAML_MAPPING) {
		pp_config_error(r, node, "expected a mapping (key: value), found %s",
				pp_yaml_kind_name(node));
		return false;
	}
	for (uint32_t i = 0; i < node->count; i++)
		read_pair(r, node, i, keys, arg);
	return true;
}

uint32_t pp_config_read_list(struct pp_config_reader *r,
			     const struct pp_yaml *node,
			     uint32_t max,
			     const char *what)
{
	if (node->kind == PP_YAML_NULL)
		return 0;
	if (node->kind != PP_YAML_SEQUENCE) {
		pp_config_error(r, node, "expected a list of %s, found %s", what,
				pp_yaml_kind_name(node));
		return 0;
	}
	if (node->count > max) {
		pp_config_error(r, node, "%u %s, expected at most %u", node->count, what, max);
		return 0;
	}
	return node->count;
}

const char *
pp_config_read_text(struct pp_config_reader *r, const struct pp_yaml *node, const char *expected)
{
	if (node->kind == PP_YAML_SCALAR)
		return node->text;
	pp_config_error(r, node, "expected %s, found %s", expected, pp_yaml_kind_name(node));
	return NULL;
}

// Digits only: strtoull alone takes signs and spaces too.
static bool parse_number(const char *text, const char **end, uint64_t *out)
{
	unsigned long long value;
	char *stop;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &stop, 10);
	if (errno)
		value = UINT64_MAX;
	*end = stop;
	*out = value;
	return true;
}

// The checks of every kind of number; expected is what the message asks for.
static bool read_number(struct pp_config_reader *r,
			const struct pp_yaml *node,
			uint64_t min,
			uint64_t max,
			const char *expected,
			uint64_t *out)
{
	const char *text = pp_config_read_text(r, node, expected), *end;
	uint64_t value;

	if (!text)
		return false;
	if (!parse_number(text, &end, &value) || *end) {
		pp_config_error(r, node, "expected %s, found '%.40s'", expected, text);
		return false;
	}
	if (value < min || value > max) {
		pp_config_error(r, node, "%.40s is out of range, expected %s", text, expected);
		return false;
	}
	*out = value;
	return true;
}

bool pp_config_read_number(struct pp_config_reader *r,
			   const struct pp_yaml *node,
			   uint64_t min,
			   uint64_t max,
			   uint64_t *out)
{
	char expected[80];

	snprintf(expected, sizeof(expected), "a number from %lu to %lu", min, max);
	return read_number(r, node, min, max, expected, out);
}

bool pp_config_read_number_or(struct pp_config_reader *r,
			      const struct pp_yaml *node,
			      const char *word,
			      uint64_t min,
			      uint64_t max,
			      uint64_t *out)
{
	char expected[100];

	if (node->kind == PP_YAML_SCALAR && !strcmp(node->text, word)) {
		*out = 0;
		return true;
	}
	snprintf(expected, sizeof(expected), "'%s' or a number from %lu to %lu", word, min, max);
	return read_number(r, node, min, max, expected, out);
}

static bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

static uint64_t power_of_two_below(uint64_t value)
{
	return 1ull << (63 - __builtin_clzll(value));
}

bool pp_config_read_slots(struct pp_config_reader *r,
			  const struct pp_yaml *node,
			  uint32_t min,
			  uint32_t max,
			  uint32_t *out)
{
	char expected[80];
	uint64_t value;

	snprintf(expected, sizeof(expected), "a power of two from %u to %u", min, max);
	if (!read_number(r, node, min, max, expected, &value))
		return false;
	if (!is_power_of_two(value)) {
		pp_config_error(r, node, "%lu is not a power of two; near it are %lu and %lu",
				value, power_of_two_below(value), 2 * power_of_two_below(value));
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

// 0: not a suffix.
static uint64_t suffix_bytes(const char *suffix)
{
	static const struct {
		const char *suffix;
		uint64_t bytes;
	} suffixes[] = {{"", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}};

	while (*suffix == ' ')
		suffix++;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (!strcmp(suffix, suffixes[i].suffix))
			return suffixes[i].bytes;
	}
	return 0;
}

bool pp_config_read_size(struct pp_config_reader *r,
			 const struct pp_yaml *node,
			 uint64_t min,
			 uint64_t max,
			 uint64_t *out)
{
	static const char expected[] = "a size such as 65536, 512KiB or 4MiB";
	const char *text = pp_config_read_text(r, node, expected), *end;
	uint64_t value, unit = 0;

	if (!text)
		return false;
	if (parse_number(text, &end, &value))
		unit = suffix_bytes(end);
	if (!unit) {
		pp_config_error(r, node, "expected %s, found '%.40s'", expected, text);
		return false;
	}
	if (__builtin_mul_overflow(value, unit, &value) || value < min || value > max) {
		pp_config_error(r, node, "%.40s is out of range, expected %lu KiB to %lu MiB", text,
				min >> 10, max >> 20);
		return false;
	}
	if (!is_power_of_two(value)) {
		pp_config_error(r, node, "%.40s is not a power of two", text);
		return false;
	}
	*out = value;
	return true;
}

bool pp_config_read_choice(struct pp_config_reader *r,
			   const struct pp_yaml *node,
			   const char *const *words,
			   uint8_t *out)
{
	char expected[200] = "";
	const char *text;

	for (uint32_t i = 0; words[i]; i++) {
		size_t used = strlen(expected);

		snprintf(expected + used, sizeof(expected) - used, "%s%s",
			 !i		? ""
			 : words[i + 1] ? ", "
					: " or ",
			 words[i]);
	}
	text = pp_config_read_text(r, node, expected);
	if (!text)
		return false;
	for (uint32_t i = 0; words[i]; i++) {
		if (!strcmp(words[i], text)) {
			*out = (uint8_t)i;
			return true;
		}
	}
	pp_config_error(r, node, "expected %s, found '%.40s'", expected, text);
	return false;
}

char *pp_config_read_path(struct pp_config_reader *r, const struct pp_yaml *node, const char *what)
{
	const char *path = pp_config_read_text(r, node, what), *slash = strrchr(r->file, '/');
	char *joined = NULL;

	if (!path)
		return NULL;
	if (*path == '/' || !slash)
		joined = strdup(path);
	else if (asprintf(&joined, "%.*s/%s", (int)(slash - r->file), r->file, path) < 0)
		joined = NULL;
	if (!joined)
		pp_config_error(r, node, "out of memory");
	return joined;
}

bool pp_config_read_name(struct pp_config_reader *r,
			 const struct pp_yaml *node,
			 char *out,
			 size_t size)
{
	const char *text = pp_config_read_text(r, node, "a name");
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return false;
	if (!len || len >= size) {
		pp_config_error(r, node, "a name has 1 to %zu characters, this has %zu", size - 1,
				len);
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i])) {
			pp_config_error(
				r, node,
				"a name is made of letters, digits and . _ -, found '%.40s'", text);
			return false;
		}
	}
	memcpy(out, text, len + 1);
	return true;
}
