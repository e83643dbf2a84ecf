// SPDX-License-Identifier: MIT OR Apache-2.0
// Blocks of a capture file in the format pcapng, made in memory.
//
// Source: IETF draft-ietf-opsawg-pcapng, sections 3.5 (options) and 4.1, 4.2, 4.3, 4.6 (blocks). A
// file is a section block, an interface block for each interface, then packet blocks, and at the
// end a statistics block for each interface. Every number is in the byte order of this machine,
// which the section block tells. Time is in nanoseconds since 1970-01-01 UTC.
//
// Every function here stores one whole block, or nothing when it does not fit.
//
// Threads    any; nothing is shared.
// Cost       a copy of the packet and some stores; nothing is allocated, no system call.
// Ownership  the caller's; texts and packets are borrowed for the call. Texts are UTF-8, NULL: none;
//            of one that is longer, the first PP_PCAPNG_TEXT_MAX bytes are stored.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/abi.h>

__BEGIN_DECLS

#define PP_PCAPNG_TEXT_MAX 1024
// The least room that holds any packet block with up to so many bytes of packet.
#define PP_PCAPNG_PACKET_ROOM(cap_bytes) ((size_t)(cap_bytes) + 128 + PP_PCAPNG_TEXT_MAX)

#define PP_PCAPNG_NO_VERDICT (-1)
#define PP_PCAPNG_UNKNOWN UINT64_MAX // of counters: the option is left out

struct pp_pcapng_section {
	const char *application;
	const char *os;
	const char *comment;
};

struct pp_pcapng_iface {
	uint8_t frame_kind; // enum pp_frame_kind: link type Ethernet or raw IP
	uint32_t snap_bytes; // no packet has more; 0: no limit
	const char *name;
	const char *description;
};

struct pp_pcapng_packet {
	uint32_t iface; // number of the interface block, from 0
	uint64_t time_ns;
	const uint8_t *data;
	uint32_t cap_bytes; // of data
	uint32_t len_bytes; // of the packet when it was received
	uint32_t queue; // that it was received by; PP_QUEUE_OUT: it was sent, and has none
	int verdict; // XDP_PASS, XDP_DROP, XDP_REDIRECT, ...; PP_PCAPNG_NO_VERDICT
	uint64_t
		drops; // packets of this interface lost since the last block; 0: the option is left out
	const char *comment;
	size_t comment_bytes; // the comment needs no NUL
};

struct pp_pcapng_stats {
	uint32_t iface;
	uint64_t time_ns; // of this block
	uint64_t start_ns; // of the capture
	uint64_t end_ns;
	// Each may be PP_PCAPNG_UNKNOWN.
	uint64_t received; // by the interface, as far as this capture was concerned
	uint64_t dropped; // of them, for lack of room
	uint64_t delivered; // of them, to the file
};

// Store a block.
//
// @param out   Room for it; NULL: nothing is stored.
// @param room  Bytes there.
// @return      Bytes of the block, a multiple of 4. More than room: nothing was stored.
size_t pp_pcapng_section(uint8_t *out, size_t room, const struct pp_pcapng_section *section);
size_t pp_pcapng_iface(uint8_t *out, size_t room, const struct pp_pcapng_iface *iface);
size_t pp_pcapng_packet(uint8_t *out, size_t room, const struct pp_pcapng_packet *packet);
size_t pp_pcapng_stats(uint8_t *out, size_t room, const struct pp_pcapng_stats *stats);

// The XDP verdict code that a rule's verdict stands for.
//
// @param verdict  enum pp_verdict.
// @return         XDP_PASS, XDP_DROP or XDP_REDIRECT of <linux/bpf.h>; PP_PCAPNG_NO_VERDICT: none of
//                 them.
int pp_pcapng_verdict(uint32_t verdict);

__END_DECLS
