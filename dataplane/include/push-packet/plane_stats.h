// SPDX-License-Identifier: MIT OR Apache-2.0
// Statistics of a plane. All rows are sums over CPUs, workers and sockets, closed sockets included.
//
// Threads    as plane.h, which includes this file: the control thread, or several that take
//            pp_plane_lock().
// Cost       control path: walks what CPUs, workers and threads counted. No packet waits for it.
// Ownership  what is filled in is the caller's; names in it are borrowed from the plane.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/analyser.h>
#include <push-packet/error.h>
#include <push-packet/ledger.h>
#include <push-packet/ruleset.h>

__BEGIN_DECLS

struct pp_consumer_config;
struct pp_plane;

struct pp_iface_info {
	const char *name; // borrowed
	uint32_t ifindex; // 0: the interface is gone
	uint8_t frame_kind; // enum pp_frame_kind
	uint8_t mode; // in force: PP_XDP_NATIVE or PP_XDP_SKB
	bool frags; // the xdp.frags variant is loaded
	bool attached;
	bool up;
	uint32_t mtu_bytes;
	uint32_t queue_count; // channels at the moment
	uint32_t row_count; // rows 0 to row_count - 1 of pp_plane_queue(); the last one stands
		// for packets of queues beyond those known at the start
	uint64_t times_deleted, times_returned, times_down, times_up, times_mtu, times_channels;
};

struct pp_queue_info {
	int32_t queue; // -1: the row of queues beyond
	bool socket; // an AF_XDP socket covers it
	bool zerocopy; // in force
	bool hugepages; // in force
	bool spread; // enum pp_layout in force
	int32_t numa_node; // of the UMEM; -1: unknown
	uint32_t napi_id; // 0: none, preferred busy poll cannot work
	int32_t worker; // index; -1: none
	uint32_t frames;
};

// What judges what an interface sends.
struct pp_egress_info {
	uint8_t attached; // PP_EGRESS_TCX or PP_EGRESS_CLSACT; PP_EGRESS_AUTO: nothing is attached
	uint32_t verified_insns; // 0: nothing is loaded, or the kernel does not say
};

uint32_t pp_plane_iface_count(const struct pp_plane *plane);
void pp_plane_iface(const struct pp_plane *plane, uint32_t iface, struct pp_iface_info *out);
void pp_plane_queue(const struct pp_plane *plane,
		    uint32_t iface,
		    uint32_t row,
		    struct pp_queue_info *info,
		    struct pp_ledger_row *ledger);

// What an interface sent. Of the ledger's columns move: seen, seen_bytes, passed, dropped, aborted,
// unparsed_*, super_* and those of copies; pp_plane_queue() has none of it.
void pp_plane_egress(const struct pp_plane *plane,
		     uint32_t iface,
		     struct pp_egress_info *info,
		     struct pp_ledger_row *ledger);

// Packets and bytes that a rule judged. slot: entry's, or PP_SLOT_DEFAULT. Counts from when the rule
// in force got the slot.
struct pp_rule_stats {
	uint64_t pkts;
	uint64_t bytes;
};
void pp_plane_rule_stats(const struct pp_plane *plane, uint32_t slot, struct pp_rule_stats *out);

// The rules in force. Borrowed until the next pp_plane_apply().
const struct pp_ruleset *pp_plane_rules(const struct pp_plane *plane);

// The engine in force, and why it was picked when the configuration said auto. Borrowed.
const char *pp_plane_engine(const struct pp_plane *plane);

struct pp_worker_info {
	int32_t cpu;
	uint64_t loops;
	uint64_t idle_loops; // nothing was there
	uint64_t sleeps; // in poll()
	uint64_t kicks; // system calls for AF_XDP
	uint64_t busy_cycles; // of the TSC, in loops that found something to do
	uint64_t bursts; // of received packets and copies
};
uint32_t pp_plane_worker_count(const struct pp_plane *plane);
void pp_plane_worker(const struct pp_plane *plane, uint32_t worker, struct pp_worker_info *out);

// What a COUNT consumer saw.
struct pp_count_stats {
	uint64_t pkts;
	uint64_t bytes; // whole packets, not what was captured
	uint64_t size_pkts[PP_SIZE_BUCKETS];
};

struct pp_source_stats {
	uint8_t family; // enum pp_family; NONE: not IP, or cut off before the source address
	uint8_t addr[16];
	struct pp_count_stats count;
};

uint32_t pp_plane_consumer_count(const struct pp_plane *plane);
const struct pp_consumer_config *pp_plane_consumer(const struct pp_plane *plane, uint32_t consumer);

// What became of the packets for an analyser. Lost: a thread's ring was full.
struct pp_analyser_info {
	const char *kind; // name of its ops; borrowed
	uint32_t threads; // 0: on the workers
	uint64_t routed, routed_lost, routed_analysed;
	uint64_t copied, copied_lost, copied_analysed;
};

// @param thread  -1: all together.
// @return        0; -EINVAL: no analyser, or no such thread.
int pp_plane_analyser(const struct pp_plane *plane,
		      uint32_t consumer,
		      int32_t thread,
		      struct pp_analyser_info *out);

// Ask an analyser what it counted.
//
// @param out  row has room for query->limit.
// @return     As pp_analyser_ops.top(); -EINVAL: no analyser; -EOPNOTSUPP: it lists nothing.
int pp_plane_analyser_top(const struct pp_plane *plane,
			  uint32_t consumer,
			  const struct pp_analyser_query *query,
			  struct pp_analyser_top *out,
			  struct pp_error *err);

// @return  As pp_analyser_ops.numbers(); 0: no analyser.
uint32_t pp_plane_analyser_numbers(const struct pp_plane *plane,
				   uint32_t consumer,
				   struct pp_analyser_number number[],
				   uint32_t max);

// The next line that an analyser has for the log, its consumer's name in front. Ask a few times a
// second, and until there is none.
//
// @return  Whether there was one.
#define PP_PLANE_NEWS_BYTES (PP_ANALYSER_NEWS_BYTES + PP_NAME_BYTES + 16)
bool pp_plane_news(const struct pp_plane *plane, char text[PP_PLANE_NEWS_BYTES]);

#define PP_SLOT_FORMER PP_SLOTS_MAX // of pp_plane_count_rule(): rules that are gone

// What a COUNT consumer counted for one rule slot, since the rule in force got it. Packets of
// rules that are gone by the time they are counted stand under PP_SLOT_FORMER.
//
// @return  0; -EINVAL: not a COUNT consumer, or no such slot.
int pp_plane_count_rule(const struct pp_plane *plane,
			uint32_t consumer,
			uint32_t slot,
			struct pp_count_stats *out);

// The sources with the most packets, most first. Sources that found no room in the table of a
// worker or thread (65,536 entries, 16 looked at for each) are summed in other.
//
// @return  Entries stored, 0 to max; -EINVAL: not a COUNT consumer.
int pp_plane_count_sources(const struct pp_plane *plane,
			   uint32_t consumer,
			   struct pp_source_stats *out,
			   uint32_t max,
			   struct pp_count_stats *other);

// Every column over all interfaces and queues, and what was sent.
void pp_plane_total(const struct pp_plane *plane, struct pp_ledger_row *out);

__END_DECLS
