// SPDX-License-Identifier: MIT OR Apache-2.0
// What a packet is to the rules: lengths and versions that lie, tags, fragments, extension headers,
// frames that are not IP.
#include "tap_test.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

TestSuite(frame, .fini = close_run);

static void udp4(void)
{
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1000, 2000);
}

static void udp6(void)
{
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1000, 2000);
}

static uint8_t *ip(void)
{
	return packet.data + packet.ip_at;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

Test(frame, ip4_header_length_under_5_words_is_bad)
{
	open_run("drop any");
	for (uint8_t ihl = 0; ihl < 5; ihl++) {
		udp4();
		ip()[0] = (uint8_t)(0x40 | ihl);
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_IP_BAD));
	}
}

Test(frame, ip4_header_length_15_reads_ports_behind_the_options)
{
	static const uint8_t src[] = {192, 0, 2, 1}, dst[] = {198, 51, 100, 1};

	open_run("drop sport 1000 dport 2000");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip4(&packet, src, dst, 40, 0);
	packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
	packet_finish(&packet);
	cr_assert_eq(ip()[0], 0x4f);
	expect_fate(0, DROPPED(1));
}

Test(frame, ip4_header_length_15_in_a_packet_without_options_is_short)
{
	open_run("drop any");
	udp4();
	ip()[0] = 0x4f;
	// 60 bytes of header in 46 bytes of packet.
	put16(ip() + 2, 60);
	expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_IP_SHORT));
}

Test(frame, ip4_total_length_under_the_header_is_bad)
{
	static const uint8_t lie[] = {0, 1, 19};

	open_run("drop any");
	for (size_t i = 0; i < sizeof(lie); i++) {
		udp4();
		put16(ip() + 2, lie[i]);
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_IP_BAD));
	}
}

Test(frame, ip4_total_length_decides_what_is_ports_and_what_padding)
{
	open_run("drop sport 1000 dport 2000");
	for (uint32_t bytes = 20; bytes < 24; bytes++) {
		udp4();
		put16(ip() + 2, bytes);
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_L4_SHORT));
	}
	udp4();
	put16(ip() + 2, 24);
	expect_fate(0, DROPPED(1));
	// More than there is: what is there still counts.
	put16(ip() + 2, 0xffff);
	expect_fate(0, DROPPED(1));
}

Test(frame, icmp_in_a_header_that_promises_nothing_matches_by_protocol)
{
	open_run("drop proto icmp");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_l4(&packet, IPPROTO_ICMP, 0, 0);
	packet_finish(&packet);
	put16(ip() + 2, 20);
	expect_fate(0, DROPPED(1));
}

Test(frame, ip6_payload_length_decides_what_is_ports_and_what_padding)
{
	open_run("drop sport 1000 dport 2000");
	for (uint32_t bytes = 0; bytes < 4; bytes++) {
		udp6();
		put16(ip() + 4, bytes);
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_L4_SHORT));
	}
	udp6();
	put16(ip() + 4, 4);
	expect_fate(0, DROPPED(1));
	put16(ip() + 4, 0xffff);
	expect_fate(0, DROPPED(1));
}

Test(frame, ip6_extension_header_beyond_the_payload_length_is_short)
{
	open_run("drop any");
	for (uint32_t bytes = 0; bytes < 16; bytes++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		packet_ip(&packet, "2001:db8::1", "2001:db8::2");
		packet_ext(&packet, IPPROTO_DSTOPTS, 1);
		packet_l4(&packet, IPPROTO_ICMPV6, 0, 0);
		packet_finish(&packet);
		put16(ip() + 4, bytes);
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_EXT_SHORT));
	}
}

Test(frame, ip6_extension_header_length_255_is_walked_when_it_is_there)
{
	static const uint8_t exts[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
				       IPPROTO_AH};

	open_run("drop dport 2000");
	for (size_t i = 0; i < sizeof(exts); i++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		packet_ip(&packet, "2001:db8::1", "2001:db8::2");
		packet_ext(&packet, exts[i], 255);
		packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
		packet_finish(&packet);
		expect_fate(0, DROPPED(1));
		packet.len_bytes -= 5;
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_L4_SHORT));
		packet.len_bytes -= 4;
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_EXT_SHORT));
	}
}

Test(frame, version_that_contradicts_the_ethernet_type_is_bad)
{
	open_run("drop any");
	for (uint8_t version = 0; version < 16; version++) {
		udp4();
		ip()[0] = (uint8_t)(version << 4 | 5);
		expect_fate(0, version == 4 ? DROPPED(1) : UNPARSED(PP_COUNT_UNPARSED_IP_BAD));
		udp6();
		ip()[0] = (uint8_t)(version << 4);
		expect_fate(0, version == 6 ? DROPPED(1) : UNPARSED(PP_COUNT_UNPARSED_IP_BAD));
	}
}

Test(frame, raw_ip_of_another_version_is_no_ip)
{
	open_run("drop family ip4\ndrop family ip6\npass any");
	for (uint8_t version = 0; version < 16; version++) {
		packet_begin(&packet, PP_FRAME_RAW_IP);
		packet_ip(&packet, "192.0.2.1", "198.51.100.1");
		packet_l4(&packet, IPPROTO_ICMP, 0, 0);
		packet_payload(&packet, 40);
		packet_finish(&packet);
		// Read as IPv6: a payload length of 68 and no extension header.
		ip()[0] = (uint8_t)(version << 4 | 5);
		ip()[6] = 59;
		expect_fate(TAP_RUN_RAW_IFACE, version == 4   ? DROPPED(1)
					       : version == 6 ? DROPPED(2)
							      : PASSED(3));
	}
}

Test(frame, raw_ip_interface_sees_no_ethernet_header)
{
	open_run("drop src 192.0.2.1 dport 2000");
	packet_begin(&packet, PP_FRAME_RAW_IP);
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
	packet_finish(&packet);
	expect_fate(TAP_RUN_RAW_IFACE, DROPPED(1));
	expect_fate(0, PASSED(0)); // its bytes read as Ethernet are some other protocol
	udp4();
	expect_fate(TAP_RUN_RAW_IFACE, PASSED(0));
}

Test(frame, two_tags_of_either_kind_are_seen_through)
{
	static const uint16_t types[] = {ETH_P_8021Q, ETH_P_8021AD};

	open_run("drop src 192.0.2.1 dport 2000");
	for (uint32_t i = 0; i < 8; i++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		packet_vlan(&packet, types[i & 1], 0xffff);
		if (i & 4)
			packet_vlan(&packet, types[i >> 1 & 1], 0x0800);
		packet_ip(&packet, "192.0.2.1", "198.51.100.1");
		packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
		packet_finish(&packet);
		expect_fate(0, DROPPED(1));
	}
}

Test(frame, tags_before_what_is_not_ip_match_any_only)
{
	open_run("drop family ip4\ndrop family ip6\ndrop any");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_vlan(&packet, ETH_P_8021Q, 1);
	packet_next(&packet, ETH_P_ARP);
	packet_payload(&packet, 28);
	expect_fate(0, DROPPED(3));
}

Test(frame, third_tag_is_too_deep)
{
	open_run("drop any");
	for (uint32_t tags = 3; tags <= 5; tags++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		for (uint32_t i = 0; i < tags; i++)
			packet_vlan(&packet, ETH_P_8021Q, 1);
		packet_ip(&packet, "192.0.2.1", "198.51.100.1");
		packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
		packet_finish(&packet);
		expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_VLAN_DEEP));
	}
}

static void fragment4(uint16_t fragment)
{
	static const uint8_t src[] = {192, 0, 2, 1}, dst[] = {198, 51, 100, 1};

	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip4(&packet, src, dst, 0, fragment);
	packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
	packet_finish(&packet);
}

Test(frame, first_ip4_fragment_has_ports_and_later_ones_have_none)
{
	static const uint16_t first[] = {0, 0x4000, 0x8000, PACKET_MORE_FRAGMENTS, 0xe000};

	open_run("drop proto udp dport 0-65535\ndrop proto udp src 192.0.2.1");
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		fragment4(first[i]);
		expect_fate(0, DROPPED(1));
		for (uint32_t bit = 0; bit < 13; bit++) {
			fragment4((uint16_t)(first[i] | 1u << bit));
			expect_fate(0, DROPPED(2));
		}
	}
}

// Bytes that would be ports, were it not a later fragment.
Test(frame, later_fragment_of_4_bytes_is_not_short)
{
	open_run("drop proto udp");
	fragment4(1);
	packet.len_bytes = packet.l4_at;
	packet_finish(&packet);
	expect_fate(0, DROPPED(1));
}

static void fragment6(uint32_t exts, uint16_t offset, uint8_t proto)
{
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, "2001:db8::1", "2001:db8::2");
	for (uint32_t i = 0; i < exts; i++)
		packet_ext(&packet, IPPROTO_DSTOPTS, (uint8_t)i);
	packet_fragment(&packet, offset, true);
	packet_l4(&packet, proto, 1000, 2000);
	packet_finish(&packet);
}

Test(frame, first_ip6_fragment_has_ports_and_later_ones_have_none)
{
	open_run("drop proto udp dport 0-65535\ndrop proto udp src 2001:db8::1");
	for (uint32_t exts = 0; exts <= 7; exts++) {
		fragment6(exts, 0, IPPROTO_UDP);
		expect_fate(0, DROPPED(1));
		for (uint32_t bit = 0; bit < 13; bit++) {
			fragment6(exts, (uint16_t)(1u << bit), IPPROTO_UDP);
			expect_fate(0, DROPPED(2));
		}
	}
}

// RFC 8200: what a later fragment begins with is no header, whatever its number says.
Test(frame, later_ip6_fragment_of_an_extension_header_is_not_walked)
{
	open_run("drop proto 60\ndrop proto 44\ndrop any");
	fragment6(0, 1, IPPROTO_DSTOPTS);
	expect_fate(0, DROPPED(1));
	fragment6(7, 1, IPPROTO_FRAGMENT);
	expect_fate(0, DROPPED(2));
}

Test(frame, protocol_hidden_behind_the_fragment_header_is_found)
{
	open_run("drop proto 44\ndrop proto tcp dport 2000");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, "2001:db8::1", "2001:db8::2");
	packet_fragment(&packet, 0, true);
	packet_ext(&packet, IPPROTO_DSTOPTS, 0);
	packet_l4(&packet, IPPROTO_TCP, 1000, 2000);
	packet_finish(&packet);
	expect_fate(0, DROPPED(2));
}

Test(frame, two_fragment_headers_are_walked)
{
	open_run("drop proto udp dport 2000\npass proto udp");
	for (uint16_t offset = 0; offset <= 1; offset++) {
		packet_begin(&packet, PP_FRAME_ETHERNET);
		packet_ip(&packet, "2001:db8::1", "2001:db8::2");
		packet_fragment(&packet, 0, true);
		packet_fragment(&packet, offset, true);
		packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
		packet_finish(&packet);
		expect_fate(0, offset == 0 ? DROPPED(1) : PASSED(2));
	}
}

Test(frame, eight_extension_headers_are_walked_and_the_ninth_is_too_deep)
{
	static const uint8_t exts[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
				       IPPROTO_AH};

	open_run("drop dport 2000");
	for (uint32_t kind = 0; kind < sizeof(exts); kind++)
		for (uint32_t n = 0; n <= 12; n++) {
			packet_begin(&packet, PP_FRAME_ETHERNET);
			packet_ip(&packet, "2001:db8::1", "2001:db8::2");
			for (uint32_t i = 0; i < n; i++)
				packet_ext(&packet, exts[(kind + i) % sizeof(exts)], i & 1);
			packet_l4(&packet, IPPROTO_UDP, 1000, 2000);
			packet_finish(&packet);
			expect_fate(0, n <= PP_EXT_HEADERS_MAX
					       ? DROPPED(1)
					       : UNPARSED(PP_COUNT_UNPARSED_EXT_DEEP));
		}
}

Test(frame, ninth_header_that_is_a_later_fragment_is_too_deep)
{
	open_run("drop any");
	fragment6(7, 1, IPPROTO_UDP);
	expect_fate(0, DROPPED(1));
	fragment6(8, 1, IPPROTO_UDP);
	expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_EXT_DEEP));
}

Test(frame, ah_in_ip4_is_a_protocol)
{
	open_run("drop proto 51");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_l4(&packet, IPPROTO_AH, 0, 0);
	packet_finish(&packet);
	expect_fate(0, DROPPED(1));
}

// 802.3 lengths, loopback tests, and neighbours of the numbers that IP and tags have.
Test(frame, types_that_are_not_ip_match_any_only)
{
	static const uint16_t types[] = {0,	 46,	 1500,	 0x07ff, 0x0801, 0x0806, 0x0008,
					 0xdd86, 0x86dc, 0x86de, 0x80ff, 0x8101, 0x0081, 0x88a7,
					 0x88a9, 0x8847, 0x8863, 0x88cc, 0x9100, 0xffff};

	open_run("drop family ip4\ndrop family ip6\ndrop proto 0\ndrop sport 0-65535\n"
		 "drop src 0.0.0.0/0\ndrop src ::/0\npass any");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		udp4();
		put16(packet.data + 12, types[i]);
		expect_fate(0, PASSED(7));
	}
}

// Drivers put the headers into the first buffer. One that does not: the packet passes, counted.
Test(frame, headers_beyond_the_first_buffer_are_short)
{
	open_run("drop dport 2000");
	udp4();
	packet_payload(&packet, 200);
	packet_finish(&packet);
	run.linear_bytes = 100;
	if (tap_run_shoot(&run, 0, true, packet.data, packet.len_bytes) == -EINVAL)
		cr_skip_test("this kernel's test run always fills the first buffer");
	tap_run_sync(&run);
	for (uint32_t len = ETH_HLEN; len < 60; len++) {
		int reason = packet_missing(&packet, len);
		struct tap_run_fate fate = reason ? UNPARSED(reason) : DROPPED(1);
		const char *differs;

		run.linear_bytes = len;
		differs = tap_run_differs(&run, 0, true, packet.data, packet.len_bytes, &fate);
		cr_expect_null(differs, "%s", differs);
	}
}
