// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ledger.h>

#include <criterion/criterion.h>

#include <stddef.h>
#include <string.h>

Test(ledger, every_column_has_a_name_of_its_own)
{
	for (int i = 0; i < PP_LEDGER_COLUMNS; i++) {
		const char *name = pp_ledger_name((enum pp_ledger_column)i);

		cr_expect_gt(strlen(name), 3);
		cr_expect_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(name),
			     "%s", name);
		for (int j = 0; j < i; j++)
			cr_expect_str_neq(name, pp_ledger_name((enum pp_ledger_column)j));
	}
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_COLUMNS), "?");
}

Test(ledger, names_stand_at_their_columns)
{
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_SEEN), "seen");
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_UNPARSED_L4_SHORT), "unparsed_l4_short");
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_NO_FRAME), "no_frame");
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_XSK_RX), "xsk_rx");
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_HANDOFF_FULL), "handoff_full");
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_COPY_ANALYSED), "copy_analysed");
	cr_expect_str_eq(pp_ledger_name(PP_LEDGER_TX_COMPLETED), "tx_completed");
}

Test(ledger, add_sums_every_column)
{
	struct pp_ledger_row sum, row;

	for (uint64_t i = 0; i < PP_LEDGER_COLUMNS; i++) {
		sum.v[i] = i * i;
		row.v[i] = 1000 + i;
	}
	pp_ledger_add(&sum, &row);
	for (uint64_t i = 0; i < PP_LEDGER_COLUMNS; i++) {
		cr_expect_eq(sum.v[i], i * i + 1000 + i);
		cr_expect_eq(row.v[i], 1000 + i);
	}
}

// One equation: its left side, and every column of its right side.
struct equation {
	size_t in_flight; // offset in struct pp_ledger_in_flight
	enum pp_ledger_column left;
	enum pp_ledger_column right[8];
	uint32_t count;
};

#define IN_FLIGHT(name) offsetof(struct pp_ledger_in_flight, name)

static const struct equation equations[] = {
	{IN_FLIGHT(verdict),
	 PP_LEDGER_SEEN,
	 {PP_LEDGER_PASSED, PP_LEDGER_DROPPED, PP_LEDGER_REDIRECTED, PP_LEDGER_ROUTE_NO_SOCKET,
	  PP_LEDGER_ROUTE_NO_META, PP_LEDGER_ABORTED},
	 6},
	{IN_FLIGHT(rx),
	 PP_LEDGER_REDIRECTED,
	 {PP_LEDGER_XSK_RX, PP_LEDGER_NO_FRAME, PP_LEDGER_TOO_LONG, PP_LEDGER_RX_RING_FULL},
	 4},
	{IN_FLIGHT(worker),
	 PP_LEDGER_XSK_RX,
	 {PP_LEDGER_SINK, PP_LEDGER_REFLECTED, PP_LEDGER_HANDED_OFF, PP_LEDGER_HANDOFF_FULL,
	  PP_LEDGER_TX_RING_FULL, PP_LEDGER_TX_BAD, PP_LEDGER_NO_CONSUMER, PP_LEDGER_TO_PROGRAM},
	 8},
	{IN_FLIGHT(analysis), PP_LEDGER_HANDED_OFF, {PP_LEDGER_ANALYSED}, 1},
	{IN_FLIGHT(ring), PP_LEDGER_COPIED, {PP_LEDGER_RING_READ}, 1},
	{IN_FLIGHT(copy_worker),
	 PP_LEDGER_RING_READ,
	 {PP_LEDGER_COPY_HANDED_OFF, PP_LEDGER_COPY_HANDOFF_FULL, PP_LEDGER_COPY_NO_CONSUMER,
	  PP_LEDGER_COPY_TO_PROGRAM},
	 4},
	{IN_FLIGHT(copy_analysis), PP_LEDGER_COPY_HANDED_OFF, {PP_LEDGER_COPY_ANALYSED}, 1},
};
#define EQUATIONS (sizeof(equations) / sizeof(equations[0]))

static int64_t in_flight(const struct pp_ledger_row *row, const struct equation *equation)
{
	struct pp_ledger_in_flight out;
	int64_t value;

	memset(&out, 0x5a, sizeof(out));
	pp_ledger_in_flight(row, &out);
	memcpy(&value, (const char *)&out + equation->in_flight, sizeof(value));
	return value;
}

// How much the column should weigh in the equation.
static int64_t weight(const struct equation *equation, int column)
{
	if (column == (int)equation->left)
		return 1;
	for (uint32_t i = 0; i < equation->count; i++)
		if (column == (int)equation->right[i])
			return -1;
	return 0;
}

Test(ledger, each_column_weighs_in_its_equations_and_no_other)
{
	for (int column = 0; column < PP_LEDGER_COLUMNS; column++) {
		struct pp_ledger_row row = {0};

		row.v[column] = 7;
		for (size_t i = 0; i < EQUATIONS; i++)
			cr_expect_eq(in_flight(&row, &equations[i]),
				     7 * weight(&equations[i], column), "%s in equation %zu",
				     pp_ledger_name((enum pp_ledger_column)column), i);
	}
}

// A row in which each packet took every way out that there is.
static struct pp_ledger_row balanced_row(void)
{
	struct pp_ledger_row row = {0};
	uint64_t *v = row.v;

	v[PP_LEDGER_SEEN] = 106;
	v[PP_LEDGER_PASSED] = 1;
	v[PP_LEDGER_DROPPED] = 2;
	v[PP_LEDGER_REDIRECTED] = 97;
	v[PP_LEDGER_ROUTE_NO_SOCKET] = 3;
	v[PP_LEDGER_ROUTE_NO_META] = 2;
	v[PP_LEDGER_ABORTED] = 1;
	v[PP_LEDGER_NO_FRAME] = 4;
	v[PP_LEDGER_TOO_LONG] = 5;
	v[PP_LEDGER_RX_RING_FULL] = 6;
	v[PP_LEDGER_XSK_RX] = 82;
	v[PP_LEDGER_SINK] = 10;
	v[PP_LEDGER_REFLECTED] = 11;
	v[PP_LEDGER_TX_RING_FULL] = 12;
	v[PP_LEDGER_TX_BAD] = 1;
	v[PP_LEDGER_NO_CONSUMER] = 2;
	v[PP_LEDGER_HANDED_OFF] = 40;
	v[PP_LEDGER_HANDOFF_FULL] = 6;
	v[PP_LEDGER_ANALYSED] = 40;
	v[PP_LEDGER_COPIED] = 48;
	v[PP_LEDGER_RING_READ] = 48;
	v[PP_LEDGER_COPY_HANDED_OFF] = 30;
	v[PP_LEDGER_COPY_HANDOFF_FULL] = 17;
	v[PP_LEDGER_COPY_NO_CONSUMER] = 1;
	v[PP_LEDGER_COPY_ANALYSED] = 30;
	return row;
}

Test(ledger, balanced_means_that_every_equation_holds)
{
	struct pp_ledger_row row = balanced_row();

	cr_assert(pp_ledger_balanced(&row));
	for (size_t i = 0; i < EQUATIONS; i++) {
		for (uint32_t j = 0; j < equations[i].count; j++) {
			row = balanced_row();
			row.v[equations[i].right[j]]++;
			cr_expect_not(pp_ledger_balanced(&row), "equation %zu, one too many", i);
			row.v[equations[i].right[j]] -= 2;
			cr_expect_not(pp_ledger_balanced(&row), "equation %zu, one missing", i);
		}
		row = balanced_row();
		row.v[equations[i].left]++;
		cr_expect_not(pp_ledger_balanced(&row), "equation %zu, one in flight", i);
	}
}

Test(ledger, counters_of_our_own_bugs_unbalance)
{
	struct pp_ledger_row row = balanced_row();

	row.v[PP_LEDGER_RX_BAD_FILL] = 1;
	cr_expect_not(pp_ledger_balanced(&row));
	row = balanced_row();
	row.v[PP_LEDGER_TX_BAD_DESC] = 1;
	cr_expect_not(pp_ledger_balanced(&row));
}

// The kernel's rx_dropped contains fill_ring_empty; the columns must not.
Test(ledger, empty_ledger_is_balanced_and_unparsed_packets_are_part_of_passed)
{
	struct pp_ledger_row row = {0};

	cr_expect(pp_ledger_balanced(&row));
	row.v[PP_LEDGER_SEEN] = row.v[PP_LEDGER_PASSED] = 5;
	row.v[PP_LEDGER_UNPARSED_IP_BAD] = 5;
	cr_expect(pp_ledger_balanced(&row));
}
