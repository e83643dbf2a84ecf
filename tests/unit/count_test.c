// SPDX-License-Identifier: MIT OR Apache-2.0
#include "count.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "packet.h"
#include "rule_table.h"

#define RAW_IFACE 2u
#define LAST_SLOT UINT16_MAX // that a packet can name

static uint8_t frame_kind[PP_IFACES_MAX];
static struct pp_count_table *table;
static struct pp_rule_page page[PP_RULE_PAGES];
static struct pp_rule_table rules; // slot N is rule N's
static struct packet packet;

static void init(void)
{
	memset(frame_kind, PP_FRAME_ETHERNET, sizeof(frame_kind));
	frame_kind[RAW_IFACE] = PP_FRAME_RAW_IP;
	for (uint32_t slot = 0; slot < PP_SLOTS_MAX; slot++)
		page[slot / PP_RULE_PAGE].id[slot % PP_RULE_PAGE] = slot;
	for (uint32_t i = 0; i < PP_RULE_PAGES; i++)
		rules.page[i] = &page[i];
	cr_assert_eq(pp_count_create(&table, frame_kind), 0);
}

static void fini(void)
{
	pp_count_destroy(table);
}

TestSuite(count, .init = init, .fini = fini);

// len_bytes: of the whole packet, of which cap_bytes are there.
static void count_cut(uint32_t iface, uint16_t slot, uint32_t len_bytes, uint32_t cap_bytes)
{
	struct pp_meta meta = {.iface = (uint8_t)iface,
			       .slot = slot,
			       .rule_id = slot,
			       .len_bytes = len_bytes,
			       .cap_bytes = cap_bytes};

	pp_count_packet(table, &rules, &meta, packet.data);
}

static void count(uint16_t slot)
{
	count_cut(0, slot, packet.len_bytes, packet.len_bytes);
}

static struct pp_count_stats rule(uint32_t slot)
{
	struct pp_count_stats sum = {0};

	pp_count_rule(table, slot, &sum);
	return sum;
}

struct search {
	uint8_t family;
	uint8_t addr[16];
	uint32_t found;
	uint32_t sources;
	struct pp_count_stats sum;
	struct pp_count_stats all;
};

static void add(struct pp_count_stats *sum, const struct pp_count_stats *stats)
{
	sum->pkts += stats->pkts;
	sum->bytes += stats->bytes;
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		sum->size_pkts[i] += stats->size_pkts[i];
}

static void see(void *arg, const struct pp_source_stats *source)
{
	struct search *search = arg;

	search->sources++;
	add(&search->all, &source->count);
	if (source->family != search->family || memcmp(source->addr, search->addr, 16) != 0)
		return;
	search->found++;
	add(&search->sum, &source->count);
}

// addr NULL: the entry of packets without a source address.
static struct search find(const char *addr)
{
	struct search search = {0};
	bool ip6 = addr != NULL && strchr(addr, ':') != NULL;

	if (addr != NULL) {
		search.family = ip6 ? PP_FAMILY_IP6 : PP_FAMILY_IP4;
		cr_assert_eq(inet_pton(ip6 ? AF_INET6 : AF_INET, addr, search.addr), 1);
	}
	pp_count_each_source(table, see, &search);
	return search;
}

Test(count, packets_and_bytes_go_to_their_rule_and_no_other)
{
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	count(0);
	count(7);
	count(7);
	count(LAST_SLOT);
	cr_expect_eq(rule(7).pkts, 2);
	cr_expect_eq(rule(7).bytes, 2u * packet.len_bytes);
	for (uint32_t slot = 0; slot < PP_SLOT_FORMER; slot++)
		cr_assert_eq(rule(slot).pkts, slot == 7			       ? 2
					      : slot == 0 || slot == LAST_SLOT ? 1
									       : 0);
	cr_expect_eq(rule(PP_SLOT_FORMER).pkts, 0);
	cr_expect_eq(find("192.0.2.1").sum.pkts, 4);
}

Test(count, packets_of_a_rule_whose_slot_is_anothers_are_of_former_rules)
{
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	count(7);
	page[0].id[7] = PP_SLOTS_MAX + 1;
	count(7);
	count(7);
	cr_expect_eq(rule(7).pkts, 1);
	cr_expect_eq(rule(PP_SLOT_FORMER).pkts, 2);
	cr_expect_eq(rule(PP_SLOT_FORMER).bytes, 2u * packet.len_bytes);
	cr_expect_eq(find("192.0.2.1").sum.pkts, 3);
}

Test(count, sums_are_added_to_what_the_caller_has)
{
	struct pp_count_stats sum = {.pkts = 100, .bytes = 1000, .size_pkts = {5}};

	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	count(1);
	pp_count_rule(table, 1, &sum);
	cr_expect_eq(sum.pkts, 101);
	cr_expect_eq(sum.bytes, 1000 + packet.len_bytes);
	cr_expect_eq(sum.size_pkts[0], 6);
}

Test(count, sizes_fall_into_buckets_by_their_upper_edge)
{
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	for (uint16_t i = 0; i < PP_SIZE_BUCKETS - 1; i++) {
		count_cut(0, i, pp_size_bucket_max_bytes[i], 60);
		count_cut(0, i, pp_size_bucket_max_bytes[i] + 1, 60);
	}
	for (uint32_t slot = 0; slot < PP_SIZE_BUCKETS - 1; slot++)
		for (uint32_t bucket = 0; bucket < PP_SIZE_BUCKETS; bucket++)
			cr_expect_eq(rule(slot).size_pkts[bucket],
				     bucket == slot || bucket == slot + 1, "slot %u bucket %u",
				     slot, bucket);
	count_cut(0, 100, UINT32_MAX, 60);
	count_cut(0, 100, 0, 0);
	cr_expect_eq(rule(100).size_pkts[PP_SIZE_BUCKETS - 1], 1);
	cr_expect_eq(rule(100).size_pkts[0], 1);
}

Test(count, sources_are_told_apart_by_family_and_address)
{
	static const char *const addr[] = {"192.0.2.1",
					   "192.0.2.2",
					   "0.0.0.0",
					   "255.255.255.255",
					   "2001:db8::1",
					   "2001:db8:0:0:1::1",
					   "::",
					   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
					   "::ffff:192.0.2.1"};
	uint32_t n = sizeof(addr) / sizeof(addr[0]);
	struct search search;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t times = 0; times <= i; times++) {
			bool ip6 = strchr(addr[i], ':') != NULL;

			packet_udp(&packet, addr[i], ip6 ? "2001:db8::9" : "198.51.100.1", 1, 2);
			count(1);
		}
	for (uint32_t i = 0; i < n; i++) {
		search = find(addr[i]);
		cr_expect_eq(search.found, 1, "%s", addr[i]);
		cr_expect_eq(search.sum.pkts, i + 1, "%s", addr[i]);
	}
	cr_expect_eq(search.sources, n);
}

Test(count, packets_without_an_address_share_one_entry)
{
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_next(&packet, ETH_P_ARP);
	packet_payload(&packet, 28);
	count(1);
	packet.len_bytes = 5;
	count(1);
	packet.len_bytes = 0;
	count(1);
	cr_expect_eq(find(NULL).found, 1);
	cr_expect_eq(find(NULL).sum.pkts, 3);
	cr_expect_eq(find("0.0.0.0").found, 0);
}

Test(count, source_is_known_from_a_copy_that_ends_behind_the_ip_header)
{
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	count_cut(0, 1, 1500, packet.l4_at);
	count_cut(0, 1, 1500, packet.l4_at - 1);
	cr_expect_eq(find("192.0.2.1").sum.pkts, 1);
	cr_expect_eq(find("192.0.2.1").sum.bytes, 1500);
	cr_expect_eq(find(NULL).sum.pkts, 1);
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1, 2);
	count_cut(0, 1, 1500, packet.l4_at);
	cr_expect_eq(find("2001:db8::1").sum.bytes, 1500);
}

Test(count, interface_says_where_the_packet_begins)
{
	packet_begin(&packet, PP_FRAME_RAW_IP);
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_l4(&packet, IPPROTO_UDP, 1, 2);
	packet_finish(&packet);
	count_cut(RAW_IFACE, 1, packet.len_bytes, packet.len_bytes);
	count_cut(0, 1, packet.len_bytes, packet.len_bytes);
	// An index that no interface has must not be looked up beyond the table.
	count_cut(255, 1, packet.len_bytes, packet.len_bytes);
	cr_expect_eq(find("192.0.2.1").sum.pkts, 1);
	cr_expect_eq(find(NULL).sum.pkts, 2);
}

Test(count, more_sources_than_the_table_holds_are_summed_and_none_is_lost)
{
	struct pp_count_stats other = {0};
	uint32_t total = PP_COUNT_SOURCES * 3 / 2;
	struct search search;

	packet_udp(&packet, "10.0.0.0", "198.51.100.1", 1, 2);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < total; i++) {
			uint32_t addr = htonl(0x0a000000 + i);

			memcpy(packet.data + packet.ip_at + 12, &addr, 4);
			count(1);
		}
	search = find("10.0.0.0");
	pp_count_other(table, &other);
	cr_expect_eq(search.found, 1, "who came first has an entry");
	cr_expect_eq(search.sum.pkts, 2);
	cr_expect_gt(other.pkts, 0);
	cr_expect_leq(search.sources, PP_COUNT_SOURCES);
	cr_expect_gt(search.sources, PP_COUNT_SOURCES * 9 / 10, "%u", search.sources);
	add(&search.all, &other);
	cr_expect_eq(search.all.pkts, 2 * total);
	cr_expect_eq(search.all.bytes, 2ull * total * packet.len_bytes);
	cr_expect_eq(search.all.size_pkts[0], 2 * total);
	cr_expect_eq(rule(1).pkts, 2 * total);
}

Test(count, empty_table_has_nothing_and_destroy_takes_null)
{
	struct pp_count_stats other = {0};

	cr_expect_eq(find(NULL).sources, 0);
	pp_count_other(table, &other);
	cr_expect_eq(other.pkts + other.bytes, 0);
	pp_count_destroy(NULL);
}
