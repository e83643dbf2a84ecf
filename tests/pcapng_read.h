// SPDX-License-Identifier: MIT OR Apache-2.0
// A reader of pcapng for tests, written from the format's text (draft-ietf-opsawg-pcapng) and not from
// our writer. It takes nothing for granted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcapng_packet {
	uint32_t iface;
	uint64_t time_ns;
	const uint8_t *data;
	uint32_t cap_bytes;
	uint32_t len_bytes;
	uint32_t queue;
	int64_t verdict; // -1: none
	uint64_t drops;
	char comment[200];
};

struct pcapng_sum {
	uint64_t pkts;
	uint64_t drops; // that packets tell of
	uint32_t ifaces;
	uint32_t stats; // blocks
	uint64_t received; // that these tell of
	uint64_t dropped;
	uint64_t delivered;
	char comment[500]; // of the section
};

// Read a file: compressed when its name ends so.
//
// @param sum  Is added to; ifaces and comment are the last section's.
// @param see  Called for each packet; may be NULL.
// @return     Whether the file is pcapng from its first byte to its last.
bool pcapng_read(const char *path,
		 struct pcapng_sum *sum,
		 void (*see)(void *arg, const struct pcapng_packet *packet),
		 void *arg);
