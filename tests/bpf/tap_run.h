// SPDX-License-Identifier: MIT OR Apache-2.0
// The real XDP program, packet by packet, through BPF_PROG_TEST_RUN: loaded as the plane loads it,
// on three interfaces that are in the configuration only. pp0 and pp1 carry Ethernet, pp2 raw IP;
// each has two known queues and the row for the queues beyond. Names are those of rule_gen.h.
//
// Threads    one thread, which tap_run_open() pins to a CPU.
// Cost       tests only.
// Ownership  tap_run_close() frees everything; a process that dies leaves nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/plane.h>

#include "copy_ring.h"
#include "engine.h"
#include "maps.h"
#include "packet.h"
#include "tap.h"
#include "tap_out.h"

#define TAP_RUN_IFACES RULE_GEN_IFACES
#define TAP_RUN_TIMED_IFACE 1u // its records carry the time
#define TAP_RUN_RAW_IFACE 2u
#define TAP_RUN_ROWS_EACH 3u // two queues and the rest
#define TAP_RUN_ROWS_IFACE (TAP_RUN_ROWS_EACH + 1u) // and what is sent
#define TAP_RUN_ROWS (TAP_RUN_IFACES * TAP_RUN_ROWS_IFACE)
// As much of a packet that is sent as every kernel's test run takes.
#define TAP_RUN_SENT_MAX 3000u
#define TAP_RUN_CONSUMERS (2 * RULE_GEN_CONSUMERS)
#define TAP_RUN_RING_BYTES (1u << 20)
// The longest packet that fits in one buffer for every kernel that is supported.
#define TAP_RUN_LINEAR_MAX 3400u
#define TAP_RUN_OUT_BYTES (PACKET_BYTES_MAX + 256)

// Slots that are looked at: the smallest are given first, and no engine here has more rules.
#define TAP_RUN_SLOTS 4096u

// The default action's rule id is 0; this stands for "no rule was asked".
#define TAP_RUN_UNJUDGED UINT32_MAX

struct tap_run_counters {
	struct pp_ledger_row row[TAP_RUN_ROWS];
	struct pp_rule_stats rule[TAP_RUN_SLOTS];
};

struct tap_run {
	struct pp_iface_config iface[TAP_RUN_IFACES];
	struct pp_consumer_config consumer[TAP_RUN_CONSUMERS];
	struct pp_bindings bindings;
	const struct pp_engine *engine;
	struct pp_maps maps;
	struct pp_ruleset *rules;
	struct pp_tap *tap[TAP_RUN_IFACES];
	struct pp_tap_out *out_tap[TAP_RUN_IFACES];
	struct pp_copy_ring ring; // of the CPU that the thread is pinned to
	struct tap_run_counters before; // the last shot
	// How the next packets arrive.
	bool sent; // not at all: the tc program sees them; its verdicts are told as XDP's
	uint32_t queue;
	uint32_t ifindex; // of a real interface that has the queue; may be 0 for queue 0
	uint32_t meta_bytes; // metadata that is there before the program runs
	uint32_t linear_bytes; // in the first buffer; 0: as many as fit
	// What the last shot gave back: metadata in front, if there is any.
	uint32_t out_bytes;
	uint8_t out[TAP_RUN_OUT_BYTES];
	char text[2000];
};

// What must become of a packet.
struct tap_run_fate {
	uint32_t verdict; // XDP_*
	uint32_t exit; // enum pp_count: passed, dropped, ...
	uint32_t beside; // a counter that moves with it: unparsed_*, copied, ...; 0: none
	uint32_t rule_id; // who judged
};

// Make the maps and publish rules. The program of an interface is loaded for its first packet.
//
// @param rules  Statements, one a line; "default drop" may be the first line. NULL: none.
// @return       0; -errno, with err set and nothing left open.
int tap_run_open(struct tap_run *run, const char *rules, struct pp_error *err);
// The same with another engine than linear, or with a verdict cache, which is off above.
//
// @param cache  enum pp_cache_mode.
int tap_run_open_engine(struct tap_run *run,
			const char *engine,
			uint8_t cache,
			const char *rules,
			struct pp_error *err);
// The same with an engine that is not built in, which stays until close.
int tap_run_open_with(struct tap_run *run,
		      const struct pp_engine *engine,
		      uint8_t cache,
		      const char *rules,
		      struct pp_error *err);
void tap_run_close(struct tap_run *run);

// Load the program of an interface, both variants, if it is not loaded: it takes a while, and most
// tests use one interface.
//
// @return  0; -errno, err with the kernel's words.
int tap_run_load(struct tap_run *run, uint32_t iface, struct pp_error *err);

// Put other rules in force. run owns set from now on.
int tap_run_publish(struct tap_run *run, struct pp_ruleset *set, struct pp_error *err);
int tap_run_publish_text(struct tap_run *run, const char *rules, struct pp_error *err);

// Read rules from text.
int tap_run_rules(const char *text, struct pp_ruleset **out, struct pp_error *err);

// Run the program once.
//
// @param frags  The xdp.frags variant.
// @return       XDP_*; -errno of BPF_PROG_TEST_RUN.
int tap_run_shoot(
	struct tap_run *run, uint32_t iface, bool frags, const uint8_t *data, uint32_t bytes);

// The slot that the matcher gives, built for user space, over the image in force.
uint32_t tap_run_match(const struct tap_run *run, const struct pp_key *key);

// Take the counters as they are for the state before the next packet.
void tap_run_sync(struct tap_run *run);

// Run the program once and compare the verdict and every counter there is with what must be.
//
// @return  NULL: all as it must be; else what differs, with the packet, until the next call.
const char *tap_run_differs(struct tap_run *run,
			    uint32_t iface,
			    bool frags,
			    const uint8_t *data,
			    uint32_t bytes,
			    const struct tap_run_fate *fate);

// The same for both variants; a packet that is too long for one buffer: for xdp.frags only.
const char *tap_run_both_differ(struct tap_run *run,
				uint32_t iface,
				const struct packet *packet,
				const struct tap_run_fate *fate);

// The oldest record of the copy ring; borrowed until the next call. Gives back the one before.
//
// @return  NULL: none.
const struct pp_meta *tap_run_record(struct tap_run *run);

// Enter a network namespace of its own that holds an interface with some receive queues, and let
// the next packets arrive there. The namespace goes with the process.
//
// @return  0; -errno.
int tap_run_enter_queues(struct tap_run *run, uint32_t queues);

// Put an AF_XDP socket, bound to nothing, into the row of an interface's queue.
//
// @param fd  Set to the socket; close it.
// @return    0; -errno.
int tap_run_add_socket(struct tap_run *run, uint32_t iface, uint32_t queue, int *fd);

static inline uint32_t tap_run_kind(uint32_t iface)
{
	return iface == TAP_RUN_RAW_IFACE ? PP_FRAME_RAW_IP : PP_FRAME_ETHERNET;
}
