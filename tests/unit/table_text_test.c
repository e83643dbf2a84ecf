// SPDX-License-Identifier: MIT OR Apache-2.0
#include "table_text.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

Test(time, left_is_rounded_up_and_never_0_while_there_is_some)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} times[] = {
		{0, "0s"},	     {1, "1s"},
		{1000, "1s"},	     {1001, "2s"},
		{59000, "59s"},	     {59001, "1m00s"},
		{597001, "9m58s"},   {3599000, "59m59s"},
		{3600000, "1h00m"},  {86399000, "23h59m"},
		{86400000, "1d00h"}, {UINT64_MAX, "213503982334d14h"},
	};
	char buf[PP_TABLE_TIME_BYTES];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		cr_assert_str_eq(pp_table_time(times[i].ms, buf), times[i].text);
}

static char *table_of(const char *const *cell, size_t cells)
{
	static const struct pp_table_column columns[] = {
		{"id", true}, {"name", false}, {"rule", false}};
	struct pp_table table;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	pp_table_init(&table, columns, 3);
	for (size_t i = 0; i < cells; i++)
		pp_table_put(&table, cell[i]);
	cr_assert_eq(pp_table_print(&table, out), 0);
	pp_table_fini(&table);
	fclose(out);
	return text;
}

Test(table, is_as_wide_as_its_texts)
{
	static const char *const cells[] = {"1", "a", "drop any", "1000", "longer", "pass"};
	char *text = table_of(cells, 6);

	cr_assert_str_eq(text, "  id  name    rule\n"
			       "   1  a       drop any\n"
			       "1000  longer  pass\n");
	free(text);
}

Test(table, without_rows_has_headings)
{
	char *text = table_of(NULL, 0);

	cr_assert_str_eq(text, "id  name  rule\n");
	free(text);
}
