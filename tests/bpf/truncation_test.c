// SPDX-License-Identifier: MIT OR Apache-2.0
// Packets that end too early: at every byte of every header.
#include "tap_test.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

TestSuite(truncation, .fini = close_run);

// Every length that BPF_PROG_TEST_RUN takes: the reason why not, or the rule.
static void cut_everywhere(uint32_t iface)
{
	uint32_t whole = packet.len_bytes;

	for (packet.len_bytes = ETH_HLEN; packet.len_bytes <= whole; packet.len_bytes++) {
		int reason = packet_missing(&packet, packet.len_bytes);

		expect_fate(iface, reason ? UNPARSED(reason) : DROPPED(1));
	}
}

static void begin(uint32_t iface, uint32_t tags)
{
	packet_begin(&packet, tap_run_kind(iface));
	for (uint32_t i = 0; i < tags; i++)
		packet_vlan(&packet, i == 0 && tags > 1 ? ETH_P_8021AD : ETH_P_8021Q, 100);
}

static const uint8_t protos[] = {IPPROTO_TCP,	  IPPROTO_UDP,	IPPROTO_SCTP,
				 IPPROTO_UDPLITE, IPPROTO_ICMP, IPPROTO_ICMPV6};

Test(truncation, ip4_at_every_byte_behind_0_to_2_tags_with_and_without_options)
{
	open_run("drop src 192.0.2.1 dst 198.51.100.1");
	for (uint32_t tags = 0; tags <= 2; tags++)
		for (uint32_t options = 0; options <= 40; options += 20)
			for (size_t i = 0; i < sizeof(protos); i++) {
				static const uint8_t src[] = {192, 0, 2, 1};
				static const uint8_t dst[] = {198, 51, 100, 1};

				begin(0, tags);
				packet_ip4(&packet, src, dst, options, 0);
				packet_l4(&packet, protos[i], 1, 2);
				packet_finish(&packet);
				cut_everywhere(0);
			}
}

Test(truncation, ip6_at_every_byte_behind_0_to_2_tags)
{
	open_run("drop src 2001:db8::1 dst 2001:db8::2");
	for (uint32_t tags = 0; tags <= 2; tags++)
		for (size_t i = 0; i < sizeof(protos); i++) {
			begin(0, tags);
			packet_ip(&packet, "2001:db8::1", "2001:db8::2");
			packet_l4(&packet, protos[i], 1, 2);
			packet_finish(&packet);
			cut_everywhere(0);
		}
}

Test(truncation, each_ip6_extension_header_at_every_byte)
{
	static const uint8_t exts[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
				       IPPROTO_AH};

	open_run("drop src 2001:db8::1 dst 2001:db8::2 dport 2");
	for (size_t i = 0; i < sizeof(exts); i++)
		for (uint8_t len = 0; len <= 5; len++) {
			begin(0, 0);
			packet_ip(&packet, "2001:db8::1", "2001:db8::2");
			packet_ext(&packet, exts[i], len);
			packet_l4(&packet, IPPROTO_UDP, 1, 2);
			packet_finish(&packet);
			cut_everywhere(0);
		}
}

Test(truncation, ip6_fragment_header_and_all_headers_in_a_row_at_every_byte)
{
	open_run("drop src 2001:db8::1 dst 2001:db8::2 proto udp");
	for (uint16_t offset = 0; offset <= 1; offset++) {
		begin(0, 1);
		packet_ip(&packet, "2001:db8::1", "2001:db8::2");
		packet_ext(&packet, IPPROTO_HOPOPTS, 1);
		packet_ext(&packet, IPPROTO_DSTOPTS, 0);
		packet_ext(&packet, IPPROTO_ROUTING, 2);
		packet_ext(&packet, IPPROTO_AH, 4);
		packet_fragment(&packet, offset, true);
		packet_l4(&packet, IPPROTO_UDP, 1, 2);
		packet_finish(&packet);
		cut_everywhere(0);
	}
}

Test(truncation, raw_ip_at_every_byte)
{
	static const char *const addr[][2] = {{"192.0.2.1", "198.51.100.1"},
					      {"2001:db8::1", "2001:db8::2"}};

	open_run("drop dport 2");
	for (size_t i = 0; i < 2; i++) {
		begin(TAP_RUN_RAW_IFACE, 0);
		packet_ip(&packet, addr[i][0], addr[i][1]);
		packet_l4(&packet, IPPROTO_TCP, 1, 2);
		packet_finish(&packet);
		cut_everywhere(TAP_RUN_RAW_IFACE);
	}
}

// Where the last tag says what follows, and it is not there.
Test(truncation, three_tags_are_too_deep_wherever_they_end)
{
	open_run("drop any");
	begin(0, 3);
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_l4(&packet, IPPROTO_UDP, 1, 2);
	packet_finish(&packet);
	for (uint32_t len = packet.len_bytes; len >= ETH_HLEN; len--) {
		packet.len_bytes = len;
		expect_fate(0, UNPARSED(len >= ETH_HLEN + 8 ? PP_COUNT_UNPARSED_VLAN_DEEP
							    : PP_COUNT_UNPARSED_VLAN_SHORT));
	}
}
