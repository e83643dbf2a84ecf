// SPDX-License-Identifier: MIT OR Apache-2.0
#include "table_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *pp_table_number(int64_t value, char buf[PP_TABLE_NUMBER_BYTES])
{
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[PP_TABLE_NUMBER_BYTES];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, magnitude);
	char *to = buf;

	if (value < 0)
		*to++ = '-';
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

const char *pp_table_time(uint64_t ms, char buf[PP_TABLE_TIME_BYTES])
{
	uint64_t s = ms / 1000 + (ms % 1000 != 0);

	if (s < 60)
		snprintf(buf, PP_TABLE_TIME_BYTES, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, PP_TABLE_TIME_BYTES, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, PP_TABLE_TIME_BYTES, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buf, PP_TABLE_TIME_BYTES, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
	return buf;
}

void pp_table_init(struct pp_table *table, const struct pp_table_column *column, uint32_t columns)
{
	*table = (struct pp_table){.column = column, .columns = columns};
}

void pp_table_fini(struct pp_table *table)
{
	for (size_t i = 0; i < table->cells; i++)
		free(table->cell[i]);
	free(table->cell);
}

void pp_table_put(struct pp_table *table, const char *text)
{
	char **grown = reallocarray(table->cell, table->cells + 1, sizeof(*grown));

	if (grown)
		table->cell = grown;
	if (!grown || !(grown[table->cells] = strdup(text))) {
		table->no_memory = true;
		return;
	}
	table->cells++;
}

static void print_cell(const struct pp_table *table,
		       uint32_t column,
		       const char *text,
		       const int *width,
		       FILE *out)
{
	bool last = column + 1 == table->columns;

	if (table->column[column].right)
		fprintf(out, "%*s", width[column], text);
	else
		fprintf(out, "%-*s", last ? 0 : width[column], text);
	fputs(last ? "\n" : "  ", out);
}

int pp_table_print(const struct pp_table *table, FILE *out)
{
	int width[PP_TABLE_COLUMNS_MAX] = {0};

	if (table->no_memory)
		return -ENOMEM;
	for (uint32_t c = 0; c < table->columns; c++)
		width[c] = (int)strlen(table->column[c].heading);
	for (size_t i = 0; i < table->cells; i++) {
		int len = (int)strlen(table->cell[i]);

		if (len > width[i % table->columns])
			width[i % table->columns] = len;
	}
	for (uint32_t c = 0; c < table->columns; c++)
		print_cell(table, c, table->column[c].heading, width, out);
	for (size_t i = 0; i < table->cells; i++)
		print_cell(table, (uint32_t)(i % table->columns), table->cell[i], width, out);
	return 0;
}
