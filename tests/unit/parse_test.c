// SPDX-License-Identifier: MIT OR Apache-2.0
// The parser built for user space, under AddressSanitizer: each packet lies in memory of exactly its
// size, so a look one byte too far ends the test. Starts at no byte at all, where BPF_PROG_TEST_RUN
// cannot go.
#include "parse.h"

#include <criterion/criterion.h>

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "oracle_parse.h"
#include "packet.h"

static struct packet packet;

static int parse(uint32_t kind, const uint8_t *data, uint32_t bytes, struct pp_key *key)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	int reason;

	cr_assert_not_null(exact);
	memcpy(exact, data, bytes);
	// malloc(0) would give a byte that one may look at.
	reason = pp_parse_packet(kind, 5, bytes ? exact : exact + 1, bytes, key);
	free(exact);
	return reason;
}

static uint64_t load_be(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static void check_addresses(const struct pp_key *key, const struct oracle_packet *want)
{
	if (want->family == PP_FAMILY_IP4)
		cr_expect_eq(key->addr[0], load_be(want->src, 4) << 32 | load_be(want->dst, 4));
	if (want->family == PP_FAMILY_IP6) {
		cr_expect_arr_eq(&key->addr[0], want->src, 16);
		cr_expect_arr_eq(&key->addr[2], want->dst, 16);
	}
}

// Whether the key says what the packet is, bit by bit of its word.
static void check_key(const struct pp_key *key, const struct oracle_packet *want)
{
	bool ports = key->word >> PP_KEY_FLAGS_SHIFT & PP_KEY_PORTS;

	cr_expect_eq((uint8_t)key->word, want->family);
	cr_expect_eq((uint8_t)(key->word >> PP_KEY_PROTO_SHIFT), want->proto);
	cr_expect_eq((uint8_t)(key->word >> PP_KEY_IFACE_SHIFT), 5);
	cr_expect_eq(ports, want->has_ports);
	cr_expect_eq((uint16_t)(key->word >> PP_KEY_SPORT_SHIFT), want->sport);
	cr_expect_eq((uint16_t)(key->word >> PP_KEY_DPORT_SHIFT), want->dport);
	check_addresses(key, want);
}

static void check_packet(uint32_t kind, const uint8_t *data, uint32_t bytes)
{
	struct oracle_packet want = {0};
	int reason = oracle_parse(kind, data, bytes, &want);
	struct pp_key key;
	char hex[600];

	cr_assert_eq(parse(kind, data, bytes, &key), reason, "%u bytes: %s", bytes,
		     packet_hex(data, bytes, hex, sizeof(hex)));
	if (reason == 0)
		check_key(&key, &want);
}

static void cut_everywhere(uint32_t kind)
{
	struct pp_key key;

	for (uint32_t len = 0; len <= packet.len_bytes; len++) {
		cr_expect_eq(parse(kind, packet.data, len, &key), packet_missing(&packet, len),
			     "%u bytes", len);
		check_packet(kind, packet.data, len);
	}
}

static const uint32_t kinds[] = {PP_FRAME_ETHERNET, PP_FRAME_RAW_IP};

Test(parse, ip4_with_options_and_ports_at_every_byte)
{
	static const uint8_t src[] = {192, 0, 2, 1}, dst[] = {198, 51, 100, 1};

	for (size_t kind = 0; kind < 2; kind++)
		for (uint32_t options = 0; options <= 40; options += 4) {
			packet_begin(&packet, kinds[kind]);
			packet_ip4(&packet, src, dst, options, 0);
			packet_l4(&packet, IPPROTO_TCP, 1000, 2000);
			packet_finish(&packet);
			cut_everywhere(kinds[kind]);
		}
}

Test(parse, ip6_with_every_extension_header_at_every_byte)
{
	for (size_t kind = 0; kind < 2; kind++)
		for (uint16_t offset = 0; offset < 2; offset++) {
			packet_begin(&packet, kinds[kind]);
			packet_ip(&packet, "2001:db8::1", "2001:db8::2");
			packet_ext(&packet, IPPROTO_HOPOPTS, 1);
			packet_ext(&packet, IPPROTO_ROUTING, 2);
			packet_ext(&packet, IPPROTO_DSTOPTS, 0);
			packet_ext(&packet, IPPROTO_AH, 3);
			packet_fragment(&packet, offset, true);
			packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
			packet_finish(&packet);
			cut_everywhere(kinds[kind]);
		}
}

Test(parse, tags_at_every_byte)
{
	for (uint32_t tags = 0; tags <= 2; tags++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		for (uint32_t i = 0; i < tags; i++)
			packet_vlan(&packet, i ? ETH_P_8021Q : ETH_P_8021AD, 7);
		packet_ip(&packet, "192.0.2.1", "198.51.100.1");
		packet_l4(&packet, IPPROTO_SCTP, 1000, 2000);
		packet_finish(&packet);
		cut_everywhere(PP_FRAME_ETHERNET);
	}
}

Test(parse, no_byte_is_read_of_nothing)
{
	struct pp_key key;

	cr_expect_eq(parse(PP_FRAME_ETHERNET, packet.data, 0, &key), PP_COUNT_UNPARSED_ETH_SHORT);
	cr_expect_eq(parse(PP_FRAME_RAW_IP, packet.data, 0, &key), PP_COUNT_UNPARSED_IP_SHORT);
}

Test(parse, later_fragment_says_so)
{
	static const uint8_t src[] = {192, 0, 2, 1}, dst[] = {198, 51, 100, 1};
	struct pp_key key;

	for (uint16_t offset = 0; offset < 2; offset++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		packet_ip4(&packet, src, dst, 0, PACKET_MORE_FRAGMENTS | offset);
		packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
		packet_finish(&packet);
		cr_assert_eq(parse(PP_FRAME_ETHERNET, packet.data, packet.len_bytes, &key), 0);
		cr_expect_eq((uint8_t)(key.word >> PP_KEY_FLAGS_SHIFT),
			     offset ? PP_KEY_LATER_FRAG : PP_KEY_PORTS);
	}
}

// Analysers read the addresses of copies that end before the ports.
Test(parse, cut_behind_the_addresses_still_tells_family_and_addresses)
{
	static const char *const addr[][2] = {{"192.0.2.1", "198.51.100.1"},
					      {"2001:db8::1", "2001:db8::2"}};

	for (size_t i = 0; i < 2; i++) {
		struct oracle_packet want = {0};
		struct pp_key key;

		packet_udp(&packet, addr[i][0], addr[i][1], 1000, 2000);
		cr_assert_eq(oracle_parse(PP_FRAME_ETHERNET, packet.data, packet.len_bytes, &want),
			     0);
		cr_assert_eq(parse(PP_FRAME_ETHERNET, packet.data, packet.l4_at, &key),
			     PP_COUNT_UNPARSED_L4_SHORT);
		cr_expect_eq((uint8_t)key.word, want.family);
		check_addresses(&key, &want);
		cr_assert_eq(parse(PP_FRAME_ETHERNET, packet.data, packet.l4_at - 1, &key),
			     PP_COUNT_UNPARSED_IP_SHORT);
		cr_expect_eq((uint8_t)key.word, PP_FAMILY_NONE);
	}
}

static void damage(struct rule_gen *gen)
{
	for (uint32_t n = rule_gen_below(gen, 4); n > 0; n--)
		packet.data[rule_gen_below(gen, packet.len_bytes)] ^=
			(uint8_t)(1u << rule_gen_below(gen, 8));
	if (rule_gen_below(gen, 2))
		packet.len_bytes = rule_gen_below(gen, packet.len_bytes + 1);
}

Test(parse, reads_random_and_damaged_packets_as_the_naive_parser_does)
{
	struct pp_ruleset *set = NULL;
	struct rule_gen gen;
	struct pp_rule rule;

	rule_gen_init(&gen, 11);
	cr_assert_eq(pp_ruleset_create(&set), 0);
	for (int i = 0; i < 200; i++) {
		rule_gen_rule(&gen, &rule);
		cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	}
	for (int i = 0; i < 100000; i++) {
		uint32_t kind = kinds[rule_gen_below(&gen, 2)];
		struct oracle_packet what;

		rule_gen_packet(&gen, set, &what);
		packet_build(&packet, kind, &what, &gen);
		damage(&gen);
		check_packet(kind, packet.data, packet.len_bytes);
	}
	pp_ruleset_destroy(set);
}

// RFC 2675 allows a length of 0 where the packet is longer than the field can say; Linux writes it
// into IPv4 headers as well.
Test(parse, a_length_of_0_is_that_of_a_packet_too_long_for_the_field)
{
	static const char *const address[][2] = {{"192.0.2.1", "192.0.2.2"},
						 {"2001:db8::1", "2001:db8::2"}};
	struct pp_key key;

	for (int i = 0; i < 2; i++) {
		packet_begin(&packet, PP_FRAME_RAW_IP);
		packet_ip(&packet, address[i][0], address[i][1]);
		packet_l4(&packet, IPPROTO_TCP, 1000, 5001);
		packet_payload(&packet, 10);
		packet_finish(&packet);
		memset(packet.data + (i == 0 ? 2 : 4), 0, 2);
		cr_expect_neq(pp_parse_captured(PP_FRAME_RAW_IP, 5, packet.data, packet.len_bytes,
						UINT16_MAX, &key),
			      0);
		cr_assert_eq(pp_parse_captured(PP_FRAME_RAW_IP, 5, packet.data, packet.len_bytes,
					       UINT16_MAX + 1, &key),
			     0);
		cr_expect_eq((uint16_t)(key.word >> PP_KEY_DPORT_SHIFT), 5001);
	}
}
