// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_lines.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/trace.h>

#include "engine_tuple.h"
#include "engine_tuple_lookup.h"

#define LINE_BYTES 64u
#define PAGE_LINES 64u

struct reads {
	const uint8_t *body;
	uint32_t *last; // by line: 1 + the header that read it last
	uint64_t *of_headers; // by line: headers that read it
	uint32_t header;
};

struct part {
	const char *name;
	uint64_t at; // to where the next part begins
};

static void note(void *arg, const void *at)
{
	struct reads *reads = arg;
	uint64_t line = (uint64_t)((const uint8_t *)at - reads->body) / LINE_BYTES;

	if (reads->last[line] == reads->header + 1)
		return;
	reads->last[line] = reads->header + 1;
	reads->of_headers[line]++;
}

static void print_part(const struct reads *reads, const struct part *part, uint32_t count)
{
	uint64_t lines = 0, pages = 0, sum = 0, page = UINT64_MAX;

	for (uint64_t i = part[0].at / LINE_BYTES; i < part[1].at / LINE_BYTES; i++) {
		if (reads->of_headers[i] == 0)
			continue;
		lines++;
		sum += reads->of_headers[i];
		pages += page != i / PAGE_LINES;
		page = i / PAGE_LINES;
	}
	printf("%-8s %9llu %9llu %6llu %7.2f\n", part[0].name,
	       (unsigned long long)(part[1].at - part[0].at),
	       (unsigned long long)lines * LINE_BYTES, (unsigned long long)pages,
	       (double)sum / count);
}

static void print(const struct reads *reads, const struct pp_engine_shape *shape, uint32_t count)
{
	struct pp_tuple_config config;
	const struct pp_tuple_part *ip4 = &config.part[PP_TUPLE_IP4];
	struct part part[] = {{"tables", 0}, {"fields", offsetof(struct pp_tuple_head, fields)},
			      {"conds", 0},  {"cells", 0},
			      {"words", 0},  {"homes", 0},
			      {"behind", 0}, {"", 0}};
	const struct part all[] = {{"all", 0}, {"", shape->body_bytes}};

	memcpy(&config, shape->config, sizeof(config));
	part[2].at = config.cond_at;
	part[3].at = ip4->cell_at;
	part[4].at = ip4->word_at;
	part[5].at = ip4->rule_at;
	part[6].at = ip4->rule_at + (uint64_t)pp_tuple_homes(&config) * PP_TUPLE_UNIT_BYTES;
	part[7].at = config.part[PP_TUPLE_IP6].cell_at;
	printf("%-8s %9s %9s %6s %7s\n", "part", "bytes", "read", "pages", "lines");
	for (int i = 0; i < 7; i++)
		print_part(reads, &part[i], count);
	print_part(reads, all, count);
}

int classify_lines(const struct engine_case *c, const struct oracle_packet *header, uint32_t count)
{
	uint64_t lines = c->shape.body_bytes / LINE_BYTES + 1;
	struct reads reads = {.body = c->body};
	struct pp_tuple_work work = {.read = note, .arg = &reads};

	reads.last = calloc(lines, sizeof(reads.last[0]));
	reads.of_headers = calloc(lines, sizeof(reads.of_headers[0]));
	for (uint32_t i = 0; reads.last != NULL && reads.of_headers != NULL && i < count; i++) {
		struct pp_key key;

		reads.header = i;
		pp_trace_key(&header[i], 0, &key);
		pp_tuple_lookup(c->body, (const struct pp_tuple_config *)c->shape.config, &key, 0,
				&work);
	}
	if (reads.last != NULL && reads.of_headers != NULL)
		print(&reads, &c->shape, count);
	else
		lines = 0;
	free(reads.last);
	free(reads.of_headers);
	return lines == 0 ? -ENOMEM : 0;
}
