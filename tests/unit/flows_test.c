// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `flows` through its table of functions.
#include "analysers.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/plane.h>

#include "packet.h"
#include "parse.h"
#include "sketch.h"
#include "spread.h"
#include "tcp_flags.h"

#define SECOND_NS 1000000000ull
#define TCP_FLAGS_AT 13

static void *state;
static struct pp_analyser_iface iface[2] = {{"eth0", PP_FRAME_ETHERNET}, {"tun0", PP_FRAME_RAW_IP}};
static struct packet packet;
static uint64_t now_ns;
static struct pp_analyser_top found;

static void begin(const char *entries)
{
	struct pp_analyser_option option[] = {{"entries", entries}, {"idle", "10s"}};
	static struct pp_analyser_env env;
	struct pp_error err;

	env = (struct pp_analyser_env){.thread_count = 1,
				       .iface_count = 2,
				       .iface = iface,
				       .option_count = 2,
				       .option = option,
				       .parse = pp_parse_packet};
	now_ns = 1000 * SECOND_NS;
	cr_assert_eq(pp_flows_ops.create(&state, &env, &err), 0, "%s", err.text);
}

static void end(void)
{
	free(found.row);
	pp_flows_ops.destroy(state);
}

static void see_cut(uint8_t index, uint32_t cap_bytes)
{
	struct pp_meta meta = {
		.iface = index, .len_bytes = packet.len_bytes, .cap_bytes = cap_bytes};
	struct pp_packet_view view = {.meta = &meta,
				      .data = packet.data,
				      .cap_bytes = cap_bytes,
				      .len_bytes = packet.len_bytes,
				      .time_ns = now_ns};

	pp_flows_ops.packets(pp_flows_ops.thread(state, 0), &view, 1, now_ns);
}

static void see(void)
{
	see_cut(0, packet.len_bytes);
}

static void tcp(const char *src, const char *dst, uint16_t sport, uint16_t dport, uint8_t flags)
{
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_vlan(&packet, 0x8100, 5);
	packet_ip(&packet, src, dst);
	packet_l4(&packet, IPPROTO_TCP, sport, dport);
	packet.data[packet.l4_at + TCP_FLAGS_AT] = flags;
	packet_payload(&packet, 10);
	packet_finish(&packet);
	see();
}

static struct pp_analyser_top *list(uint8_t sort)
{
	struct pp_analyser_query query = {
		.by = PP_BY_FLOW, .sort = sort, .limit = 100000, .now_ns = now_ns};
	struct pp_error err;

	free(found.row);
	found = (struct pp_analyser_top){.row = calloc(query.limit, sizeof(*found.row))};
	pp_flows_ops.tick(pp_flows_ops.thread(state, 0), now_ns);
	cr_assert_eq(pp_flows_ops.top(state, &query, &found, &err), 0, "%s", err.text);
	return &found;
}

static uint64_t number(const char *name)
{
	struct pp_analyser_number all[PP_ANALYSER_NUMBERS_MAX];
	uint32_t count = pp_flows_ops.numbers(state, all, PP_ANALYSER_NUMBERS_MAX);

	for (uint32_t i = 0; i < count; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i].value;
	cr_expect_fail("no number %s", name);
	return 0;
}

Test(flows, both_directions_are_one_flow_as_its_first_packet_goes)
{
	const struct pp_analyser_row *row;
	struct in_addr client;

	begin("64");
	// The client's address is the higher one here and the lower one there.
	tcp("203.0.113.9", "192.0.2.1", 40000, 443, PP_TCP_SYN);
	now_ns += SECOND_NS;
	tcp("192.0.2.1", "203.0.113.9", 443, 40000, PP_TCP_SYN | 0x10);
	tcp("203.0.113.9", "192.0.2.1", 40000, 443, 0x10);
	cr_assert_eq(list(PP_SORT_BYTES)->count, 1);
	row = &found.row[0];
	inet_pton(AF_INET, "203.0.113.9", &client);
	cr_expect_arr_eq(row->key.src, &client, 4);
	cr_expect_eq(row->key.sport, 40000);
	cr_expect_eq(row->key.dport, 443);
	cr_expect_eq(row->key.proto, IPPROTO_TCP);
	cr_expect_eq(row->pkts, 3);
	cr_expect_eq(row->bytes, 3 * packet.len_bytes);
	cr_expect_eq(row->way[0].pkts, 2);
	cr_expect_eq(row->way[1].pkts, 1);
	cr_expect_eq(row->way[0].tcp_flags, PP_TCP_SYN | 0x10);
	cr_expect_eq(row->way[1].tcp_flags, PP_TCP_SYN | 0x10);
	cr_expect_eq(row->last_ns - row->first_ns, SECOND_NS);
	cr_expect_eq(row->error_pkts, 0);
	end();
}

Test(flows, new_ones_are_listed_with_the_last_first)
{
	begin("64");
	for (uint16_t i = 0; i < 20; i++, now_ns += SECOND_NS)
		tcp("2001:db8::1", "2001:db8::2", (uint16_t)(1000 + i), 80, PP_TCP_SYN);
	cr_assert_eq(list(PP_SORT_NEW)->count, 20);
	for (uint16_t i = 0; i < 20; i++)
		cr_expect_eq(found.row[i].key.sport, 1019 - i);
	end();
}

Test(flows, an_idle_record_gives_its_place_only_when_it_is_needed)
{
	begin("64");
	for (uint16_t i = 0; i < 64; i++)
		tcp("192.0.2.1", "192.0.2.2", (uint16_t)(1000 + i), 80, 0);
	cr_expect_eq(number("records") + number("packets_without_record"), 64);
	now_ns += 11 * SECOND_NS;
	for (uint16_t i = 0; i < 8; i++)
		tcp("192.0.2.1", "192.0.2.2", (uint16_t)(2000 + i), 80, 0);
	cr_expect_gt(number("records_evicted"), 0);
	cr_expect_eq(number("records_begun"), number("records") + number("records_evicted"));
	cr_expect_leq(number("records"), 64);
	end();
}

Test(flows, heavy_flows_are_found_in_a_flood_within_the_bound)
{
	const uint32_t flood = 200000, heavy = 2000;
	uint64_t lost = 0;

	begin("64");
	for (uint32_t i = 0; i < flood; i++) {
		uint32_t addr = htonl(0x0a000000 + i);

		packet_udp(&packet, "10.0.0.0", "198.51.100.1", 1, 2);
		memcpy(packet.data + packet.ip_at + 12, &addr, 4);
		see();
		if (i % (flood / heavy) == 0) {
			packet_udp(&packet, "192.0.2.77", "198.51.100.1", 5, 6);
			see();
		}
	}
	list(PP_SORT_PKTS);
	cr_assert_eq(found.total.pkts, flood + heavy);
	cr_assert_leq(found.error_pkts, (flood + heavy) / PP_SKETCH_KEYS);
	cr_expect_eq(found.row[0].key.sport == 5 || found.row[0].key.dport == 5, true);
	cr_expect_geq(found.row[0].pkts, heavy);
	cr_expect_leq(found.row[0].pkts - found.row[0].error_pkts, heavy);
	for (uint32_t i = 0; i < found.count; i++)
		lost += found.row[i].pkts;
	cr_expect_eq(lost, flood + heavy, "counters add up to all packets");
	for (uint32_t i = 1; i < found.count; i++)
		cr_assert_leq(found.row[i].pkts - found.row[i].error_pkts, 1);
	end();
}

Test(flows, what_is_cut_off_or_not_ip_is_counted_as_far_as_it_is_seen)
{
	begin("64");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 7, 8);
	for (uint32_t cut = 0; cut <= packet.len_bytes; cut++)
		see_cut(0, cut);
	list(PP_SORT_PKTS);
	// Not IP; IP without ports; with ports.
	cr_expect_eq(found.count, 3);
	cr_expect_eq(found.total.pkts, packet.len_bytes + 1);
	cr_expect_eq(found.total.bytes, (packet.len_bytes + 1) * (uint64_t)packet.len_bytes);
	end();
}

Test(flows, tcp_flags_are_found_behind_all_headers_and_never_behind_the_end)
{
	packet_begin(&packet, PP_FRAME_RAW_IP);
	packet_ip(&packet, "2001:db8::1", "2001:db8::2");
	packet_ext(&packet, IPPROTO_HOPOPTS, 1);
	packet_ext(&packet, IPPROTO_AH, 4);
	packet_fragment(&packet, 0, true);
	packet_l4(&packet, IPPROTO_TCP, 1, 2);
	packet_finish(&packet);
	packet.data[packet.l4_at + TCP_FLAGS_AT] = 0x5a;
	for (uint32_t cut = 0; cut <= packet.len_bytes; cut++) {
		uint8_t *bytes = malloc(cut ?: 1);

		memcpy(bytes, packet.data, cut);
		cr_assert_eq(pp_tcp_flags(PP_FRAME_RAW_IP, bytes, cut),
			     cut > packet.l4_at + TCP_FLAGS_AT ? 0x5a : 0);
		free(bytes);
	}
}

static uint32_t hash_of(uint8_t spread)
{
	struct pp_meta meta = {.len_bytes = packet.len_bytes, .cap_bytes = packet.len_bytes};

	return pp_spread_hash(spread, PP_FRAME_ETHERNET, &meta, packet.data);
}

Test(flows, a_flow_has_one_hash_for_both_directions)
{
	static const char *const addr[][2] = {{"192.0.2.1", "198.51.100.7"},
					      {"2001:db8::1", "2001:db8::2"}};
	uint32_t there, lanes[4] = {0};

	for (uint16_t i = 0; i < 4000; i++) {
		const char *const *a = addr[i % 2];

		packet_udp(&packet, a[0], a[1], i, 53);
		there = hash_of(PP_SPREAD_FLOW);
		lanes[(uint64_t)there * 4 >> 32]++;
		packet_udp(&packet, a[1], a[0], 53, i);
		cr_assert_eq(hash_of(PP_SPREAD_FLOW), there);
	}
	for (int i = 0; i < 4; i++)
		cr_expect(lanes[i] > 800 && lanes[i] < 1200, "%u of 4000 in a quarter", lanes[i]);
}

Test(flows, hosts_stay_together_with_their_fragments)
{
	uint32_t whole;

	packet_udp(&packet, "192.0.2.1", "198.51.100.7", 1, 53);
	whole = hash_of(PP_SPREAD_HOSTS);
	packet_udp(&packet, "198.51.100.7", "192.0.2.1", 9, 99);
	cr_expect_eq(hash_of(PP_SPREAD_HOSTS), whole);
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip4(&packet, (const uint8_t[]){192, 0, 2, 1}, (const uint8_t[]){198, 51, 100, 7}, 0,
		   100);
	packet_l4(&packet, IPPROTO_UDP, 0, 0);
	packet_finish(&packet);
	cr_expect_eq(hash_of(PP_SPREAD_HOSTS), whole);
	packet_udp(&packet, "192.0.2.2", "198.51.100.7", 1, 53);
	cr_expect_neq(hash_of(PP_SPREAD_HOSTS), whole);
}
