// SPDX-License-Identifier: MIT OR Apache-2.0
// `sample` and `limit`: which packets are copied, and that the rest is counted.
#include "tap_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "meters.h"

TestSuite(meter, .fini = close_run);

struct counts {
	uint64_t taken; // by the meter, whatever became of the copy
	uint64_t sampled_out;
	uint64_t limited;
};

static struct counts counts_now(void)
{
	struct pp_ledger_row row = {0};

	for (uint32_t i = 0; i < TAP_RUN_ROWS; i++)
		pp_kernel_counts_queue(&run.maps.counts, i, &row);
	return (struct counts){row.v[PP_LEDGER_COPIED] + row.v[PP_LEDGER_COPY_RING_FULL],
			       row.v[PP_LEDGER_COPY_SAMPLED_OUT], row.v[PP_LEDGER_COPY_LIMITED]};
}

// The packet so many times, and what came of it.
static struct counts shoot(uint32_t times)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet.data,
		    .data_size_in = packet.len_bytes, .repeat = (int)times);
	struct counts before = counts_now(), after;
	struct pp_error err = {0};

	cr_assert_eq(tap_run_load(&run, 0, &err), 0, "%s", err.text);
	cr_assert_eq(bpf_prog_test_run_opts(pp_tap_prog_fd(run.tap[0], false), &opts), 0);
	after = counts_now();
	after.taken -= before.taken;
	after.sampled_out -= before.sampled_out;
	after.limited -= before.limited;
	cr_expect_eq(after.taken + after.sampled_out + after.limited, times);
	return after;
}

static void udp(uint16_t sport, uint16_t dport)
{
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", sport, dport);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(meter, one_packet_of_each_n_is_copied)
{
	static const uint32_t every[] = {2, 3, 10, 100, 1000, 99991, 1000000};
	char rule[80];

	open_run(NULL);
	udp(1, 2);
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		uint32_t blocks = 2000000 / every[i];

		// Ids begin with 1 in each set of this test: the rule that had it before was others'.
		use_rules("pass any");
		snprintf(rule, sizeof(rule), "pass dport 9\ncopy take 1 sample 1/%u proto udp",
			 every[i]);
		use_rules(rule);
		cr_expect_eq(shoot(blocks * every[i]).taken, blocks, "1/%u", every[i]);
	}
}

Test(meter, ten_million_packets_give_exactly_their_share)
{
	open_run("copy take 1 sample 1/1000 proto udp");
	udp(1, 2);
	cr_expect_eq(shoot(10000000).taken, 10000);
}

// 3 degrees of freedom: 16.3 is exceeded once in a thousand runs, 30 once in a million.
Test(meter, every_place_in_a_block_is_as_likely)
{
	uint32_t hits[4] = {0};
	double chi = 0;

	open_run("copy take 1 sample 1/4 proto udp");
	udp(1, 2);
	for (uint32_t i = 0; i < 8000; i++)
		hits[i % 4] += (uint32_t)shoot(1).taken;
	for (int i = 0; i < 4; i++)
		chi += (hits[i] - 500.0) * (hits[i] - 500.0) / 500.0;
	cr_expect_lt(chi, 30, "%u %u %u %u", hits[0], hits[1], hits[2], hits[3]);
}

// Two kinds of packets that take turns: every second packet would be always the same kind.
Test(meter, traffic_in_step_with_the_sampling_is_seen_as_it_is)
{
	uint64_t of_a = 0;

	open_run("copy take 1 sample 1/2 proto udp");
	for (uint32_t i = 0; i < 4000; i++) {
		udp(1, 2);
		of_a += shoot(1).taken;
		udp(3, 4);
		shoot(1);
	}
	// 2,000 expected, sigma is 31.6.
	cr_expect(of_a > 1800 && of_a < 2200, "%llu", (unsigned long long)of_a);
}

Test(meter, a_flow_is_copied_in_both_directions_or_in_none)
{
	uint32_t taken = 0;

	open_run("copy take 1 sample flow 1/8 any");
	for (uint32_t flow = 0; flow < 8000; flow++) {
		const char *a = flow % 2 ? "192.0.2.1" : "2001:db8::1";
		const char *b = flow % 2 ? "198.51.100.9" : "2001:db8::9";
		uint16_t sport = (uint16_t)(1024 + flow), dport = (uint16_t)(flow % 7);
		uint64_t there, back;

		packet_udp(&packet, a, b, sport, dport);
		there = shoot(1).taken + shoot(1).taken;
		packet_udp(&packet, b, a, dport, sport);
		back = shoot(1).taken + shoot(1).taken;
		cr_assert(there == back && (there == 0 || there == 2), "flow %u: %llu %llu", flow,
			  (unsigned long long)there, (unsigned long long)back);
		taken += there == 2;
	}
	// 1,000 expected, sigma is 29.6.
	cr_expect(taken > 850 && taken < 1150, "%u", taken);
}

Test(meter, protocol_and_ports_tell_flows_apart)
{
	uint32_t taken[2] = {0};

	open_run("copy take 1 sample flow 1/2 any");
	for (uint32_t i = 0; i < 500; i++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		packet_ip(&packet, "192.0.2.1", "198.51.100.1");
		packet_l4(&packet, i % 2 ? 17 : 6, (uint16_t)(i / 2), 80);
		packet_finish(&packet);
		taken[i % 2] += (uint32_t)shoot(1).taken;
	}
	cr_expect(taken[0] > 70 && taken[0] < 180, "%u of 250", taken[0]);
	cr_expect(taken[1] > 70 && taken[1] < 180, "%u of 250", taken[1]);
}

Test(meter, what_has_no_addresses_is_sampled_as_packets)
{
	open_run("copy take 1 sample flow 1/10 any");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_finish(&packet);
	cr_expect_eq(shoot(1000).taken, 100);
}

// Packets one by one for a while: of a run of many the kernel waits between runs.
//
// @param lost_ns  Set to what passed between two of them, beyond the tenth of a second that a limit can
//                 save up, all together.
static struct counts flood(uint64_t for_ns, uint64_t *lost_ns)
{
	uint64_t begin_ns = now_ns(), last_ns = begin_ns, at_ns;
	struct counts sum = {0}, got;

	*lost_ns = 0;
	while ((at_ns = now_ns()) - begin_ns < for_ns) {
		if (at_ns - last_ns > 100000000)
			*lost_ns += at_ns - last_ns - 100000000;
		last_ns = at_ns;
		got = shoot(1);
		sum.taken += got.taken;
		sum.limited += got.limited;
	}
	return sum;
}

Test(meter, a_limit_holds_over_time_and_gives_all_that_it_allows)
{
	uint64_t begin_ns, lost_ns;
	struct counts sum;
	double allowed, least;

	open_run("copy take 1 limit 5000/s proto udp");
	udp(1, 2);
	shoot(1);
	pp_maps_share(&run.maps); // one CPU sees its packets
	flood(150000000, &lost_ns);
	begin_ns = now_ns();
	sum = flood(500000000, &lost_ns);
	allowed = 5000 * (double)(now_ns() - begin_ns) / 1e9;
	least = allowed - 5000 * (double)lost_ns / 1e9;
	cr_expect(sum.taken <= allowed + 500 + 1, "%llu of %.0f", (unsigned long long)sum.taken,
		  allowed);
	cr_expect(sum.taken >= least * 0.98 - 1, "%llu of %.0f", (unsigned long long)sum.taken,
		  least);
	cr_expect_gt(sum.limited, sum.taken);
}

Test(meter, a_new_limit_is_shared_by_all_cpus_and_may_burst_for_a_tenth_of_a_second)
{
	struct pp_rule rule = {.limit_per_s = 1000};
	struct pp_meter meter;

	pp_meters_fill(&meter, &rule, 1, 0, 4);
	cr_expect_eq(meter.cost, 4000000000u);
	cr_expect_eq(meter.credit_max / meter.cost, 25);
	rule.limit_per_s = 1;
	pp_meters_fill(&meter, &rule, 1, 0, 4);
	cr_expect_eq(meter.credit_max, meter.cost, "one copy at least");
}

Test(meter, a_limit_counts_what_the_sampling_leaves)
{
	struct counts got;

	open_run("copy take 1 sample 1/10 limit 1/s proto udp");
	udp(1, 2);
	got = shoot(1000);
	cr_expect_eq(got.sampled_out, 900);
	cr_expect_eq(got.taken, 1);
	cr_expect_eq(got.limited, 99);
}

Test(meter, take_and_verdict_stand_beside_the_options)
{
	const struct pp_meta *record = NULL;
	struct pp_ledger_row row = {0};

	open_run("copy take 20 sample 1/4 to count-b then drop dport 2");
	udp(1, 2);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(tap_run_shoot(&run, 0, false, packet.data, packet.len_bytes),
			     XDP_DROP);
	record = tap_run_record(&run);
	cr_assert_not_null(record);
	cr_expect_eq(record->cap_bytes, 20);
	cr_expect_eq(record->consumer, 1);
	cr_expect_null(tap_run_record(&run));
	pp_kernel_counts_queue(&run.maps.counts, 0, &row);
	cr_expect_eq(row.v[PP_LEDGER_DROPPED], 4);
}

static struct pp_ruleset *many(uint32_t rules)
{
	struct pp_ruleset *set;
	struct pp_error err;
	char *text = calloc(rules, 64);
	size_t len = 0;

	for (uint32_t i = 0; i < rules; i++)
		len += (size_t)sprintf(text + len, "copy sample 1/%u proto udp dport %u\n", i + 2,
				       i + 1);
	cr_assert_eq(tap_run_rules(text, &set, &err), 0, "%s", err.text);
	free(text);
	return set;
}

Test(meter, every_rule_of_as_many_as_can_be_has_its_own)
{
	struct pp_error err = {0};
	uint32_t rule_id = 0;

	cr_assert_eq(tap_run_open_engine(&run, "tuple", PP_CACHE_OFF, NULL, &err), 0);
	cr_assert_eq(tap_run_publish(&run, many(PP_METERS_MAX), &err), 0, "%s", err.text);
	for (uint32_t i = 0; i < PP_METERS_MAX; i += 93) {
		udp(1, (uint16_t)(i + 1));
		cr_expect_eq(shoot((i + 2) * 10).taken, 10, "rule %u", i);
	}
	pp_ruleset_destroy(run.rules);
	run.rules = many(PP_METERS_MAX + 1);
	cr_expect_eq(
		pp_maps_publish(&run.maps, run.engine, run.rules, &run.bindings, &rule_id, &err),
		-ENOSPC);
	cr_expect_eq(rule_id, PP_METERS_MAX + 1);
	cr_expect_str_eq(err.text, "at most 1024 rules can have 'sample' or 'limit'");
}

Test(meter, rules_find_theirs_again_and_leave_them_when_they_go)
{
	static struct pp_meters meters;
	uint32_t a, b, again;

	cr_expect_eq(pp_meters_take(&meters, 7, &a, NULL), 0);
	cr_expect_eq(pp_meters_take(&meters, 8, &b, NULL), 0);
	cr_expect_neq(a, b);
	cr_expect_eq(pp_meters_take(&meters, 7, &again, NULL), 0);
	cr_expect_eq(a, again);
	cr_expect_eq(meters.count, 2);
	pp_meters_release(&meters, 7);
	pp_meters_release(&meters, 7);
	cr_expect_eq(meters.count, 1);
	cr_expect_eq(pp_meters_take(&meters, 9, &again, NULL), 0);
	cr_expect_eq(again, a, "what was left is free");
}
