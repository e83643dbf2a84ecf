// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "record_pack.h"
#include "record_queue.h"

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define TIB (1ull << 40)
#define SECOND 1000000000ull
#define SNAP_MAX 262144u

enum kind {
	NUMBER,
	SIZE,
	TIME,
};

struct key {
	const char *name;
	enum kind kind;
	bool none; // the word none stands for 0
	uint64_t least;
	uint64_t most;
	size_t at; // in struct pp_record_options, a uint64_t
	const char *expected;
};

#define AT(field) offsetof(struct pp_record_options, field)
static const struct key keys[] = {
	{"file-size", SIZE, false, PP_RECORD_FILE_BYTES_MIN, TIB, AT(file_bytes),
	 "a size from 1MiB to 1024GiB"},
	{"file-time", TIME, true, SECOND, 86400 * SECOND, AT(file_ns),
	 "none, or a time from 1s to 1d"},
	{"file-packets", NUMBER, true, 1, UINT64_MAX, AT(file_pkts),
	 "none, or a number of packets"},
	{"budget", SIZE, true, 2 * PP_RECORD_FILE_BYTES_MIN, 1024 * TIB, AT(budget_bytes),
	 "none, or a size from 2MiB"},
	{"flush", TIME, false, SECOND / 10, 60 * SECOND, AT(flush_ns), "a time from 100ms to 60s"},
	{"buffer", SIZE, false, PP_RECORD_CHUNKS_MIN *PP_RECORD_CHUNK_BYTES, 64 * GIB,
	 AT(buffer_bytes), "a size from 512KiB to 64GiB"},
	{"snap", NUMBER, false, 1, SNAP_MAX, AT(snap_bytes), "a number of bytes from 1 to 262144"},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

// A whole number, and what follows it.
static bool read_number(const char *text, uint64_t *out, const char **rest)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	*rest = end;
	return errno == 0;
}

static bool read_size(const char *text, uint64_t *out)
{
	static const struct {
		const char *word;
		uint64_t bytes;
	} unit[] = {{"", 1}, {"KiB", KIB}, {"MiB", MIB}, {"GiB", GIB}};
	const char *rest;
	uint64_t number;

	if (!read_number(text, &number, &rest))
		return false;
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
		if (strcmp(rest, unit[i].word) == 0)
			return !__builtin_mul_overflow(number, unit[i].bytes, out);
	return false;
}

static bool read_value(const struct key *key, const char *text, uint64_t *out)
{
	const char *rest;
	bool good;

	if (key->none && strcmp(text, "none") == 0) {
		*out = 0;
		return true;
	}
	switch (key->kind) {
	case SIZE:
		good = read_size(text, out);
		break;
	case TIME:
		good = pp_duration_parse(text, strlen(text), out);
		break;
	default:
		good = read_number(text, out, &rest) && *rest == '\0';
	}
	return good && *out >= key->least && *out <= key->most;
}

static int read_compress(struct pp_record_options *out, const char *text, struct pp_error *err)
{
	if (strcmp(text, "none") != 0 && strcmp(text, "zstd") != 0)
		return pp_error_set(err, -EINVAL, 0, 0, "compress: expected none or zstd, not %s",
				    text);
	out->zstd = strcmp(text, "zstd") == 0;
	if (out->zstd && !pp_record_pack_available())
		return pp_error_set(err, -EINVAL, 0, 0,
				    "compress: this push-packet was built without zstd");
	return 0;
}

static int read_directory(struct pp_record_options *out, const char *text, struct pp_error *err)
{
	if (text[0] != '/')
		return pp_error_set(err, -EINVAL, 0, 0,
				    "directory: expected a path that begins with /, not %s", text);
	out->directory = text;
	return 0;
}

static int read_option(struct pp_record_options *out,
		       const struct pp_analyser_option *option,
		       struct pp_error *err)
{
	if (strcmp(option->key, "directory") == 0)
		return read_directory(out, option->value, err);
	if (strcmp(option->key, "compress") == 0)
		return read_compress(out, option->value, err);
	for (size_t i = 0; i < KEYS; i++) {
		uint64_t value;

		if (strcmp(option->key, keys[i].name) != 0)
			continue;
		if (!read_value(&keys[i], option->value, &value))
			return pp_error_set(err, -EINVAL, 0, 0, "%s: expected %s, not %s",
					    keys[i].name, keys[i].expected, option->value);
		memcpy((char *)out + keys[i].at, &value, sizeof(value));
		return 0;
	}
	return pp_error_set(err, -EINVAL, 0, 0,
			    "unknown key %s; a capture has directory, file-size, file-time, "
			    "file-packets, budget, compress, flush, buffer, snap",
			    option->key);
}

static uint32_t find(const struct pp_analyser_option option[], uint32_t count, const char *key)
{
	uint32_t i = 0;

	while (i < count && strcmp(option[i].key, key) != 0)
		i++;
	return i;
}

int pp_record_options_read(struct pp_record_options *out,
			   const struct pp_analyser_option option[],
			   uint32_t count,
			   uint32_t *at,
			   struct pp_error *err)
{
	struct pp_record_options read = {
		.file_bytes = 100 * MIB,
		.budget_bytes = GIB,
		.flush_ns = SECOND,
		.buffer_bytes = 8 * MIB,
		.snap_bytes = SNAP_MAX,
	};

	for (*at = 0; *at < count; ++*at) {
		int ret = read_option(&read, &option[*at], err);

		if (ret < 0)
			return ret;
	}
	if (read.directory == NULL)
		return pp_error_set(err, -EINVAL, 0, 0, "a capture needs a directory");
	// The file that is written stays, so what goes is always another one.
	if (read.budget_bytes != 0 && read.budget_bytes < 2 * read.file_bytes) {
		*at = find(option, count, "budget");
		if (*at == count)
			*at = find(option, count, "file-size");
		return pp_error_set(err, -EINVAL, 0, 0,
				    "budget: expected none, or at least twice file-size");
	}
	*out = read;
	return 0;
}

int pp_record_options_check_threads(const struct pp_record_options *options,
				    uint32_t threads,
				    struct pp_error *err)
{
	if (options->buffer_bytes / threads >= PP_RECORD_CHUNKS_MIN * PP_RECORD_CHUNK_BYTES)
		return 0;
	return pp_error_set(err, -EINVAL, 0, 0,
			    "buffer: expected at least 512KiB for each of %u threads", threads);
}

int pp_record_options_check(const struct pp_analyser_option option[],
			    uint32_t count,
			    uint32_t threads,
			    uint32_t *at,
			    struct pp_error *err)
{
	struct pp_record_options options;
	int ret = pp_record_options_read(&options, option, count, at, err);

	if (ret < 0 || threads == 0)
		return ret;
	ret = pp_record_options_check_threads(&options, threads, err);
	if (ret < 0)
		*at = find(option, count, "buffer");
	return ret;
}
