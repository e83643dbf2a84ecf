// SPDX-License-Identifier: MIT OR Apache-2.0
// The verdict cache, in the real program: what it answers, what it counts, when it stands aside.
#include "tap_test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include <linux/if_ether.h>

// As bpf/cache.bpf.h has them.
#define TRIAL 1024u
#define BYPASS 32768u

TestSuite(cache, .fini = close_run, .timeout = 120);

static void open_cached(const char *rules)
{
	struct pp_error err = {0};

	cr_assert_eq(tap_run_open_engine(&run, "linear", PP_CACHE_ON, rules, &err), 0, "%s",
		     err.text);
}

static struct pp_cache_stats stats(void)
{
	struct pp_cache_stats out = {0};

	pp_cache_stats(&run.maps.images.cache, &out);
	return out;
}

static uint64_t looked_up(const struct pp_cache_stats *s)
{
	return s->hits + s->misses + s->bypassed;
}

// The packet once, and what the cache counted for it.
static void expect_counts(uint64_t hits, uint64_t misses, struct tap_run_fate fate)
{
	struct pp_cache_stats before = stats(), after;
	const char *differs;

	differs = tap_run_differs(&run, 0, false, packet.data, packet.len_bytes, &fate);
	cr_expect_null(differs, "%s", differs);
	after = stats();
	cr_expect_eq(after.hits - before.hits, hits, "%lu hits", after.hits - before.hits);
	cr_expect_eq(after.misses - before.misses, misses, "%lu misses",
		     after.misses - before.misses);
}
#define expect_hit(fate) expect_counts(1, 0, fate)
#define expect_miss(fate) expect_counts(0, 1, fate)

// The same packet many times over; its verdict does not matter. The kernel takes some milliseconds
// to prepare, however many times it is.
static void repeat(uint32_t times)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet.data,
		    .data_size_in = packet.len_bytes, .repeat = (int)times);
	struct pp_error err = {0};

	cr_assert_eq(tap_run_load(&run, 0, &err), 0, "%s", err.text);
	cr_assert_eq(bpf_prog_test_run_opts(pp_tap_prog_fd(run.tap[0], false), &opts), 0);
}

// A packet of its own source for each number.
static void packet_of(bool ip6, uint32_t number, uint16_t dport)
{
	char src[64];

	snprintf(src, sizeof(src), ip6 ? "2001:db8:%x::%x" : "10.%u.%u.1", number >> 8 & 0xff,
		 number & 0xff);
	packet_udp(&packet, src, ip6 ? "2001:db8::1" : "192.0.2.1",
		   (uint16_t)(1000 + (number >> 16)), dport);
}

Test(cache, second_packet_of_a_flow_is_a_hit)
{
	open_cached("drop proto udp dport 53");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 53);
	expect_miss(DROPPED(1));
	expect_hit(DROPPED(1));
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1, 53);
	expect_miss(DROPPED(1));
	expect_hit(DROPPED(1));
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1, 54);
	expect_miss(PASSED(0));
	expect_hit(PASSED(0));
}

Test(cache, every_part_of_the_key_counts)
{
	open_cached("drop src 192.0.2.1 dst 198.51.100.1 proto udp sport 1 dport 2\n"
		    "drop src 2001:db8::1 dst 2001:db8::2 proto udp sport 1 dport 2");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_miss(DROPPED(1));
	packet_udp(&packet, "192.0.2.2", "198.51.100.1", 1, 2);
	expect_miss(PASSED(0));
	packet_udp(&packet, "192.0.2.1", "198.51.100.2", 1, 2);
	expect_miss(PASSED(0));
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 2, 2);
	expect_miss(PASSED(0));
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 3);
	expect_miss(PASSED(0));
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1, 2);
	expect_miss(DROPPED(2));
	packet_udp(&packet, "2001:db8:0:0:1::1", "2001:db8::2", 1, 2);
	expect_miss(PASSED(0));
	packet_udp(&packet, "2001:db8:0:1::1", "2001:db8::2", 1, 2);
	expect_miss(PASSED(0));
	packet_udp(&packet, "2001:db8::1", "2001:db8:0:1::2", 1, 2);
	expect_miss(PASSED(0));
	packet_udp(&packet, "2001:db8::1", "2001:db8::3", 1, 2);
	expect_miss(PASSED(0));
}

// Entries that hold something, of one family.
static uint32_t entries(bool ip6)
{
	const struct pp_cache_layout *layout = &run.maps.images.cache.layout;
	uint32_t found = 0;

	for (uint32_t cpu = 0; cpu < run.maps.images.cache.cpu_count; cpu++) {
		const uint8_t *at = run.maps.images.cache.bytes + cpu * layout->cpu_bytes;
		const struct pp_cache_ip4 *ip4 = (const void *)(at + sizeof(struct pp_cache_head));
		const struct pp_cache_ip6 *e6 = (const void *)(at + layout->ip6_at);

		for (uint64_t i = 0; !ip6 && i <= layout->ip4_mask; i++)
			found += ip4[i].serial != 0;
		for (uint64_t i = 0; ip6 && i <= layout->ip6_mask; i++)
			found += e6[i].serial != 0;
	}
	return found;
}

// The serial of the only entry there is; what stands before it is its key.
static const __u64 *only_entry(bool ip6)
{
	const struct pp_cache_layout *layout = &run.maps.images.cache.layout;

	for (uint32_t cpu = 0; cpu < run.maps.images.cache.cpu_count; cpu++) {
		const uint8_t *at = run.maps.images.cache.bytes + cpu * layout->cpu_bytes;
		const struct pp_cache_ip4 *ip4 = (const void *)(at + sizeof(struct pp_cache_head));
		const struct pp_cache_ip6 *e6 = (const void *)(at + layout->ip6_at);

		for (uint64_t i = 0; !ip6 && i <= layout->ip4_mask; i++)
			if (ip4[i].serial != 0)
				return &ip4[i].addr;
		for (uint64_t i = 0; ip6 && i <= layout->ip6_mask; i++)
			if (e6[i].serial != 0)
				return &e6[i].addr[0];
	}
	return NULL;
}

// Find a flow that drives flow 0 out, and see that each gets its own verdict all the same.
static void expect_neighbours_apart(bool ip6)
{
	const volatile __u64 *entry;
	__u64 first[2];
	uint32_t other = 0;

	packet_of(ip6, 0, 53);
	expect_miss(DROPPED(1));
	entry = only_entry(ip6);
	cr_assert_not_null(entry);
	first[0] = entry[0];
	first[1] = entry[1];
	do {
		// More hits than misses, or the cache stands aside.
		packet_of(ip6, ++other, 54);
		for (int i = 0; i < 3; i++)
			tap_run_shoot(&run, 0, false, packet.data, packet.len_bytes);
	} while (entry[0] == first[0] && entry[1] == first[1] && other < 400000);
	cr_assert_lt(other, 400000u);
	tap_run_sync(&run);
	for (int round = 0; round < 3; round++) {
		packet_of(ip6, 0, 53);
		expect_miss(DROPPED(1));
		expect_hit(DROPPED(1));
		packet_of(ip6, other, 54);
		expect_miss(PASSED(0));
		expect_hit(PASSED(0));
	}
}

Test(cache, flows_that_share_an_entry_get_their_own_verdicts)
{
	open_cached("drop proto udp dport 53");
	expect_neighbours_apart(false);
	expect_neighbours_apart(true);
}

// Ten times as many flows as there are entries, each with a verdict that only its port decides.
Test(cache, more_flows_than_entries_get_their_own_verdicts)
{
	struct rule_gen gen;

	open_cached("drop proto udp dport 53");
	rule_gen_init(&gen, 20);
	for (uint32_t i = 0; i < 60000; i++) {
		uint32_t number = rule_gen_below(&gen, 80000);
		bool drop = rule_gen_below(&gen, 2);

		packet_of(rule_gen_below(&gen, 2), number, drop ? 53 : 54);
		cr_assert_eq(tap_run_shoot(&run, 0, false, packet.data, packet.len_bytes),
			     drop ? XDP_DROP : XDP_PASS, "packet %u", i);
	}
}

Test(cache, other_rules_are_asked_anew)
{
	open_cached("drop proto udp dport 53");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 53);
	expect_miss(DROPPED(1));
	expect_hit(DROPPED(1));
	use_rules("pass proto udp dport 53\ndrop any");
	expect_miss(PASSED(1));
	expect_hit(PASSED(1));
	use_rules("drop proto udp dport 53");
	expect_miss(DROPPED(1));
	expect_hit(DROPPED(1));
}

Test(cache, other_sets_are_asked_anew)
{
	open_cached("set a { 192.0.2.0/24 }\ndrop src @a");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 53);
	expect_miss(DROPPED(1));
	expect_hit(DROPPED(1));
	use_rules("set a { 192.0.3.0/24 }\ndrop src @a");
	expect_miss(PASSED(0));
	expect_hit(PASSED(0));
}

Test(cache, frames_without_ip_are_not_kept)
{
	open_cached("drop any");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_next(&packet, ETH_P_ARP);
	packet_payload(&packet, 46);
	packet_finish(&packet);
	expect_counts(0, 0, DROPPED(1));
	expect_counts(0, 0, DROPPED(1));
	cr_expect_eq(entries(false) + entries(true), 0);
}

Test(cache, interfaces_are_kept_apart)
{
	open_cached("drop on pp0 proto udp");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 53);
	expect_miss(DROPPED(1));
	cr_expect_eq(tap_run_shoot(&run, 1, false, packet.data, packet.len_bytes), XDP_PASS);
	tap_run_sync(&run);
	expect_hit(DROPPED(1));
}

static void flood(uint32_t from, uint32_t flows)
{
	for (uint32_t i = 0; i < flows; i++) {
		packet_of(i & 1, from + i, 9);
		tap_run_shoot(&run, 0, false, packet.data, packet.len_bytes);
	}
}

Test(cache, flood_of_sources_switches_it_off_and_flows_switch_it_on)
{
	struct pp_cache_stats s;

	open_cached("drop proto udp dport 53");
	flood(0, TRIAL);
	s = stats();
	cr_expect_eq(s.misses, TRIAL);
	cr_expect_eq(s.bypassed, 0);
	flood(TRIAL, 100);
	s = stats();
	cr_expect_eq(s.misses, TRIAL, "it looks nothing up");
	cr_expect_eq(s.bypassed, 100);
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 53);
	repeat(BYPASS - 100);
	s = stats();
	cr_expect_eq(s.bypassed, BYPASS);
	repeat(5 * TRIAL);
	s = stats();
	cr_expect_eq(s.misses, TRIAL + 1);
	cr_expect_eq(s.hits, 5 * TRIAL - 1, "it pays again");
	cr_expect_eq(s.bypassed, BYPASS);
	flood(2 * TRIAL, TRIAL - 1);
	s = stats();
	cr_expect_eq(s.misses, 2 * TRIAL);
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 53);
	repeat(10);
	cr_expect_eq(stats().bypassed, BYPASS, "with as many hits it stays");
}

Test(cache, hits_misses_and_bypassed_are_the_packets_looked_up)
{
	struct pp_cache_stats s;
	struct rule_gen gen;
	uint64_t asked = 0;

	open_cached("drop proto udp dport 53");
	rule_gen_init(&gen, 21);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t kind = rule_gen_below(&gen, 10);

		packet_of(kind & 1, rule_gen_below(&gen, i < 5000 ? 1u << 20 : 50), 53);
		if (kind == 0) {
			packet_begin(&packet, PP_FRAME_ETHERNET);
			packet_next(&packet, ETH_P_ARP);
			packet_payload(&packet, 46);
		}
		packet_finish(&packet);
		asked += kind != 0;
		tap_run_shoot(&run, 0, false, packet.data, packet.len_bytes);
	}
	s = stats();
	cr_expect_gt(s.bypassed, 0);
	cr_expect_eq(looked_up(&s), asked, "%lu of %lu", looked_up(&s), asked);
}

Test(cache, without_it_nothing_is_counted)
{
	struct pp_cache_stats s;

	open_run("drop proto udp dport 53");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 53);
	expect_fate(0, DROPPED(1));
	s = stats();
	cr_expect_not(s.on);
	cr_expect_eq(looked_up(&s), 0);
}
