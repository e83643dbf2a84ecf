// SPDX-License-Identifier: MIT OR Apache-2.0
// Dumps: packets as the XDP programs are done with them, what was dropped included.
//
// A dump has a program, which the taps of all interfaces go on to with each packet, and a ring. The
// program filters, copies the first bytes into the ring and goes on to the next dump. So packets that
// are not asked for cost the filter and nothing else, and while there is no dump none of it is there.
//
// Threads    start, stop and get: any; they take the plane's lock. A reader: one thread, in any process.
// Cost       start(), stop(): control path, a grace period (8 to 20 ms). burst, release: no system call.
// Ownership  the plane owns dumps; they end with it. A reader keeps ring and counters as long as it is
//            open, also when the dump or the plane is gone.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <linux/filter.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

__BEGIN_DECLS

struct pp_plane;

#define PP_DUMP_ANY_RULE (-1)
#define PP_DUMP_ANY_IFACE (-1)
#define PP_DUMP_RING_BYTES_MAX (1u << 30)

// Classic BPF, as pcap_compile() makes it. It sees the whole packet.
struct pp_dump_filter {
	const struct sock_filter *insn;
	uint32_t count; // 0: everything matches; at most 4,096
};

struct pp_dump_config {
	struct pp_dump_filter filter[2]; // by enum pp_frame_kind
	// Bit i: enum pp_count i. A packet that moved none of these counters is not wanted; 0: all are.
	uint32_t counted;
	int64_t rule_id; // of the rule that judged, 0: the default action; or PP_DUMP_ANY_RULE
	int32_t iface; // index in the configuration, or PP_DUMP_ANY_IFACE
	uint32_t snap_bytes; // of a packet, 1 to PP_DUMP_SNAP_MAX
	uint32_t ring_bytes; // a power of two, 4096 to PP_DUMP_RING_BYTES_MAX
};

// Counters of all CPUs.
struct pp_dump_stats {
	uint64_t matched;
	uint64_t lost; // of these, because the ring was full
};

struct pp_dump_info {
	struct pp_dump_config config; // without the filters' instructions
	struct pp_dump_stats stats;
	int ring_fd; // borrowed, for a reader
	int counts_fd;
	uint32_t cpu_count; // parts of the counters
};

// Every packet that a program is done with after this returned is looked at.
//
// @param dump  Set to the number of the dump, 0 to PP_DUMPS_MAX - 1.
// @return      0; -EINVAL: a filter is no program, or a number is out of range; -EBUSY: there are
//              PP_DUMPS_MAX dumps already; -E2BIG: the filter is too long; -errno of the kernel.
int pp_plane_dump_start(struct pp_plane *plane,
			const struct pp_dump_config *config,
			uint32_t *dump,
			struct pp_error *err);

// No packet is looked at any more when this returns: the counters are final.
//
// @param out  May be NULL.
void pp_plane_dump_stop(struct pp_plane *plane, uint32_t dump, struct pp_dump_stats *out);

// @return  0; -ENOENT: there is no such dump.
int pp_plane_dump_get(const struct pp_plane *plane, uint32_t dump, struct pp_dump_info *out);

struct pp_dump_reader;

// Map a dump's ring and counters. Needs no privilege.
//
// @param ring_fd    And counts_fd: duplicated.
// @param ring_bytes As configured.
// @param cpu_count  As pp_dump_info says.
// @return           0; -ENOMEM; -errno of mmap().
int pp_dump_reader_open(struct pp_dump_reader **out,
			int ring_fd,
			int counts_fd,
			uint32_t ring_bytes,
			uint32_t cpu_count,
			struct pp_error *err);
// NULL is allowed.
void pp_dump_reader_close(struct pp_dump_reader *reader);

// Take records, oldest first: those of one CPU are in the order of its packets.
//
// @param note  Room for max; each has note->meta.cap_bytes of packet behind it. Borrowed until
//              release.
// @return      Records stored.
uint32_t pp_dump_reader_burst(struct pp_dump_reader *reader,
			      const struct pp_dump_note *note[],
			      uint32_t max);

// Give back everything that burst() took.
void pp_dump_reader_release(struct pp_dump_reader *reader);

void pp_dump_reader_stats(const struct pp_dump_reader *reader, struct pp_dump_stats *out);

__END_DECLS
