// SPDX-License-Identifier: MIT OR Apache-2.0
// Packets from a capture file: pcap or pcapng, read by libpcap.
//
// Threads    one.
// Cost       control path; the file is read as packets are asked for.
// Ownership  what next() gives is borrowed until the next call.
#pragma once

#include <stdint.h>

#include <push-packet/error.h>

struct pp_capture;

struct pp_capture_packet {
	const uint8_t *data;
	uint32_t cap_bytes; // there are so many
	uint32_t len_bytes; // of the packet when it was captured: more, when it was cut short
};

// Open a capture file.
//
// @param path  "-": standard input.
// @return      0; -ENOENT, -EACCES, ...; -EINVAL: not a capture, or its packets are of a kind that no
//              interface of ours has; err says which.
int pp_capture_open(struct pp_capture **out, const char *path, struct pp_error *err);
// NULL is allowed.
void pp_capture_close(struct pp_capture *capture);

// @return  enum pp_frame_kind of all its packets.
uint8_t pp_capture_frame_kind(const struct pp_capture *capture);

// @return  1: here is one; 0: that was all; -EIO: err says what is wrong with the file.
int pp_capture_next(struct pp_capture *capture,
		    struct pp_capture_packet *out,
		    struct pp_error *err);
