// SPDX-License-Identifier: MIT OR Apache-2.0
// Packets for tests, byte by byte. Each call appends one header and writes its number into the
// header before; packet_finish() writes the lengths. Between the calls or after them a test may
// change any byte.
//
// Threads    one struct packet a thread.
// Cost       tests only.
// Ownership  caller's storage. A call that finds no room aborts: the test is wrong.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oracle.h"
#include "rule_gen.h"

#define PACKET_BYTES_MAX 74000u // BPF_PROG_TEST_RUN takes a little less
#define PACKET_NEEDS_MAX 24u
#define PACKET_MORE_FRAGMENTS 0x2000u // in the fragment field of IPv4

// A packet that ends before end cannot be parsed, for this reason.
struct packet_need {
	uint32_t end;
	int reason; // PP_COUNT_UNPARSED_*
};

struct packet {
	uint32_t len_bytes;
	uint32_t ip_at; // offsets in data
	uint32_t l4_at;
	uint32_t next_at; // where the last header says what follows it
	uint32_t next_bytes; // 2: an EtherType, 1: an IP protocol, 0: nobody says
	bool later_fragment;
	uint32_t need_count;
	struct packet_need need[PACKET_NEEDS_MAX]; // by end
	uint8_t data[PACKET_BYTES_MAX];
};

// Begin an Ethernet frame, or a packet that starts with the IP header.
//
// @param kind  enum pp_frame_kind.
void packet_begin(struct packet *packet, uint32_t kind);

// @param type  ETH_P_8021Q, ETH_P_8021AD.
void packet_vlan(struct packet *packet, uint16_t type, uint16_t tci);

// Say what follows without appending it.
void packet_next(struct packet *packet, uint16_t type);

// @param option_bytes  0 to 40, a multiple of 4.
// @param fragment      Flags and offset, host order.
void packet_ip4(struct packet *packet,
		const uint8_t src[4],
		const uint8_t dst[4],
		uint32_t option_bytes,
		uint16_t fragment);
void packet_ip6(struct packet *packet, const uint8_t src[16], const uint8_t dst[16]);
// IPv4 or IPv6, by the addresses' text.
void packet_ip(struct packet *packet, const char *src, const char *dst);

// IPv6 extension header.
//
// @param proto  IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH.
// @param len    Its length field: 8 * (len + 1) bytes, AH 4 * (len + 2).
void packet_ext(struct packet *packet, uint8_t proto, uint8_t len);

// @param offset  In 8-byte units.
void packet_fragment(struct packet *packet, uint16_t offset, bool more);

// The header of a transport protocol: of the size it has for TCP, UDP, SCTP, UDP-Lite, ICMP,
// ICMPv6; of four bytes for any other. In a later fragment: 24 bytes of payload in its place.
void packet_l4(struct packet *packet, uint8_t proto, uint16_t sport, uint16_t dport);

// Bytes that differ from their neighbours.
void packet_payload(struct packet *packet, uint32_t bytes);

// Write the lengths and the checksum of the IP header.
void packet_finish(struct packet *packet);

// A whole UDP packet with 18 bytes of payload.
void packet_udp(
	struct packet *packet, const char *src, const char *dst, uint16_t sport, uint16_t dport);

// Build what is described, with what does not matter at random: tags, options, extension headers,
// fragment headers, payload, padding.
void packet_build(struct packet *packet,
		  uint32_t kind,
		  const struct oracle_packet *what,
		  struct rule_gen *gen);

// Why the packet, cut to len bytes, cannot be parsed, as the builder knows.
//
// @return  0: it can; PP_COUNT_UNPARSED_*.
int packet_missing(const struct packet *packet, uint32_t len);

// Hexadecimal of the first bytes, for messages.
//
// @return  buf.
const char *packet_hex(const uint8_t *data, uint32_t bytes, char *buf, uint32_t size);
