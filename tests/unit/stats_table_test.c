// SPDX-License-Identifier: MIT OR Apache-2.0
#include "stats_table.h"
#include "table_text.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

// The table of a JSON text.
static char *table(const char *text)
{
	json_error_t error;
	json_t *stats = json_loads(text, 0, &error);
	char *printed = NULL;
	size_t len;
	FILE *out = open_memstream(&printed, &len);

	cr_assert_not_null(stats, "%s", error.text);
	pp_stats_table_print(stats, out);
	fclose(out);
	json_decref(stats);
	return printed;
}

static void expect(const char *text, const char *needle)
{
	char *printed = table(text);

	cr_expect(strstr(printed, needle), "no '%s' in:\n%s", needle, printed);
	free(printed);
}

static void expect_not(const char *text, const char *needle)
{
	char *printed = table(text);

	cr_expect_not(strstr(printed, needle), "'%s' in:\n%s", needle, printed);
	free(printed);
}

#define QUEUE(number, ledger) "{\"queue\":" number ",\"socket\":true,\"ledger\":{" ledger "}}"
#define IFACE(queues)                                                                              \
	"{\"interfaces\":[{\"name\":\"eth0\",\"frame\":\"ethernet\",\"mode\":\"native\","          \
	"\"attached\":true,\"up\":true,\"mtu\":1500,\"queues\":[" queues "]}]}"

Test(stats_table, numbers_have_commas)
{
	char buf[PP_TABLE_NUMBER_BYTES];

	cr_expect_str_eq(pp_table_number(0, buf), "0");
	cr_expect_str_eq(pp_table_number(999, buf), "999");
	cr_expect_str_eq(pp_table_number(1000, buf), "1,000");
	cr_expect_str_eq(pp_table_number(-1234567, buf), "-1,234,567");
	cr_expect_str_eq(pp_table_number(INT64_MAX, buf), "9,223,372,036,854,775,807");
	cr_expect_str_eq(pp_table_number(INT64_MIN, buf), "-9,223,372,036,854,775,808");
}

Test(stats_table, queues_stand_side_by_side_with_their_total)
{
	static const char stats[] =
		IFACE(QUEUE("0", "\"seen\":1000000") "," QUEUE("1", "\"seen\":5"));

	expect(stats, "queue 0          queue 1            total\n");
	expect(stats, "seen                        1,000,000                5        1,000,005\n");
}

Test(stats_table, main_columns_are_there_when_zero_and_losses_are_not)
{
	static const char stats[] = IFACE(QUEUE("0", "\"seen\":0"));

	expect(stats, "    dropped ");
	expect(stats, "    xsk_rx ");
	expect(stats, "    copied ");
	expect_not(stats, "rx_ring_full");
	expect_not(stats, "unparsed");
	expect_not(stats, "route_no_socket");
}

Test(stats_table, losses_are_shown)
{
	static const char *const losses[] = {"route_no_socket",	 "aborted",	 "no_frame",
					     "too_long",	 "rx_ring_full", "handoff_full",
					     "tx_ring_full",	 "tx_bad",	 "no_consumer",
					     "copy_ring_full",	 "copy_no_ring", "unparsed_ip_bad",
					     "unparsed_l4_short"};
	char stats[1024], ledger[64], row[64];

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		snprintf(ledger, sizeof(ledger), "\"%s\":77", losses[i]);
		snprintf(stats, sizeof(stats), IFACE(QUEUE("0", "%s")), ledger);
		snprintf(row, sizeof(row), "    %-20s %16s", losses[i], "77");
		expect(stats, row);
	}
}

Test(stats_table, other_queues_are_shown_when_packets_came_there)
{
	expect_not(IFACE(QUEUE("0", "") "," QUEUE("null", "\"seen\":0")), "other queues");
	expect(IFACE(QUEUE("0", "") "," QUEUE("null", "\"seen\":3")), "other queues");
}

Test(stats_table, idle_queues_of_many_are_left_out_but_counted)
{
	char queues[4096] = "", stats[8192];

	for (int i = 0; i < 20; i++)
		sprintf(queues + strlen(queues), "%s{\"queue\":%d,\"ledger\":{\"seen\":%d}}",
			i ? "," : "", i, i == 7 ? 41 : 0);
	snprintf(stats, sizeof(stats), IFACE("%s"), queues);
	expect(stats, "queue 7");
	expect_not(stats, "queue 8");
	expect(stats, "seen                               41               41\n");
}

Test(stats_table, skb_mode_is_loud)
{
	expect("{\"interfaces\":[{\"name\":\"t\",\"mode\":\"skb\",\"frame\":\"raw_ip\"}]}",
	       "raw IP, SKB (GENERIC) MODE");
	expect("{\"interfaces\":[{\"name\":\"t\",\"attached\":false}]}", "NOT ATTACHED");
	expect("{\"stopped\":true,\"interfaces\":[{\"name\":\"t\",\"attached\":false}]}",
	       ", detached");
}

Test(stats_table, events_are_told)
{
	expect("{\"interfaces\":[{\"name\":\"t\",\"events\":{\"deleted\":2,\"mtu\":0}}]}",
	       "deleted 2 times");
}

Test(stats_table, balance_is_said)
{
	expect("{\"balanced\":true}", "ledger balances");
	expect("{\"balanced\":false,\"in_flight\":{\"rx\":12}}",
	       "redirected = xsk_rx + no_frame + too_long + rx_ring_full: 12 in flight");
	expect("{\"balanced\":false,\"in_flight\":{\"ring\":-1}}",
	       "copied = ring_read: -1 too many on the right: a bug");
	expect("{\"balanced\":false,\"total\":{\"rx_bad_fill\":3}}", "rx_bad_fill is 3: a bug");
	expect_not("{\"balanced\":false,\"in_flight\":{\"rx\":0}}", "in flight");
	expect("{\"balanced\":false}", "not each queue by itself");
}

Test(stats_table, rules_have_hits_and_the_default_is_last)
{
	static const char stats[] =
		"{\"rules\":[{\"id\":3,\"prio\":1000,\"text\":\"drop any\",\"packets\":2500,"
		"\"bytes\":150000},{\"id\":0,\"text\":\"default pass\",\"packets\":1}]}";

	expect(stats, "       3    1000            2,500          150,000  drop any\n");
	expect(stats, "       -       -                1                0  default pass\n");
}

Test(stats_table, many_rules_are_cut_to_those_with_packets)
{
	char *stats = malloc(65536), *end = stpcpy(stats, "{\"rules\":[");

	for (int i = 1; i <= 500; i++)
		end += sprintf(end, "{\"id\":%d,\"text\":\"r%d.\",\"packets\":%d},", i, i, i == 9);
	strcpy(end, "{\"id\":0,\"text\":\"default pass\"}]}");
	expect(stats, "r9.");
	expect_not(stats, "r8.");
	expect(stats, "499 rules without a packet are not shown");
	expect(stats, "default pass");
	free(stats);
}

Test(stats_table, consumers_show_rules_sources_and_sizes)
{
	static const char stats[] =
		"{\"size_max_bytes\":[64,128],\"consumers\":[{\"name\":\"c\",\"kind\":\"count\","
		"\"rules\":[{\"id\":4,\"packets\":10,\"bytes\":1000,\"sizes\":[9,0,1]}],"
		"\"sources\":[{\"addr\":\"2001:db8::1\",\"packets\":10,\"bytes\":1000,\"sizes\":[]},"
		"{\"addr\":null,\"packets\":1}],\"other\":{\"packets\":5},"
		"\"former\":{\"packets\":7,\"bytes\":700}},"
		"{\"name\":\"s\",\"kind\":\"sink\"}]}";

	expect(stats, "consumer c: count");
	expect(stats, "1,000  <=64:9  longer:1\n");
	expect(stats, "2001:db8::1");
	expect(stats, "(not IP)");
	expect(stats, "(table full)");
	expect(stats, "(former rules)                          7              700\n");
	expect(stats, "consumer s: sink");
}

Test(stats_table, engine_and_its_cache_are_shown)
{
#define ENGINE(more)                                                                               \
	"{\"engine\":{\"name\":\"tuple\",\"why\":\"auto: 10,000 rules\",\"tables\":35,"            \
	"\"steps_max\":1200,\"image_bytes\":2000000,\"used_bytes\":900000" more "}}"

	expect(ENGINE(""), "engine tuple (auto: 10,000 rules), 35 tables, at most 1,200 steps, "
			   "image 2,000,000 bytes (900,000 used), verdict cache off\n");
	expect(ENGINE(",\"cache\":{\"on\":true,\"hits\":5000,\"misses\":3,\"bypassed\":0}"),
	       "verdict cache: 5,000 hits, 3 misses, 0 bypassed\n");
	expect(ENGINE(",\"verified_insns\":123456,\"load_ns\":98000000"),
	       "programs: 123,456 instructions verified, loaded in 98 ms\n");
	expect(ENGINE(",\"loads\":2"), "loaded again 2 times\n");
	expect_not(ENGINE(""), "loaded again");
	expect_not("{\"engine\":{\"name\":\"linear\"}}", "tables");
	expect_not("{\"engine\":\"linear\"}", "steps");
}

Test(stats_table, answer_of_another_version_does_not_crash)
{
	static const char *const odd[] = {
		"{}",
		"{\"interfaces\":1,\"rules\":{},\"consumers\":\"x\",\"workers\":null,\"total\":[]}",
		"{\"interfaces\":[1,null,[],{\"queues\":[1,{\"queue\":\"x\",\"ledger\":7}]}]}",
		"{\"rules\":[1,{\"id\":\"x\"}],\"consumers\":[{\"rules\":[1],\"sources\":[{}]}]}",
		"[]",
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		free(table(odd[i]));
}

Test(stats_table, rates_are_per_second)
{
	json_t *before = json_loads("{\"total\":{\"seen\":1000}}", 0, NULL);
	json_t *after = json_loads("{\"total\":{\"seen\":5000,\"dropped\":6}}", 0, NULL);
	char *printed = NULL;
	size_t len;
	FILE *out = open_memstream(&printed, &len);

	pp_stats_table_print_rates(before, after, 2.0, out);
	fclose(out);
	cr_expect(strstr(printed, "seen 2,000"), "%s", printed);
	cr_expect(strstr(printed, "dropped 3"), "%s", printed);
	free(printed);
	json_decref(before);
	json_decref(after);
}
