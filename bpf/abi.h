/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Everything that crosses the kernel/user line: map keys and values, images, records.
//
// Included by bpf/*.bpf.c and by user space alike, so: fixed-width <linux/types.h> types only,
// no pointers, no bool, no enum or bit-field in a struct, padding spelled out. Byte order and
// unit are part of the name: _be is network order, _ns nanoseconds, _bytes bytes.
#ifndef PP_ABI_H // and not #pragma once: user space sees a copy
#define PP_ABI_H

#include <linux/types.h>

#ifdef __bpf__
// <linux/stddef.h> defines it as a mere wish, which clang does not grant to what is long.
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#ifdef __cplusplus
#define PP_STATIC_ASSERT static_assert
#else
#define PP_STATIC_ASSERT _Static_assert
#endif

#define PP_RULES_MAX 131000
#define PP_LINEAR_RULES_MAX 1024 // that engine `linear` takes
// Slot 0 is the default action; rules have the others. There are more than twice as many as rules,
// so that all rules can be exchanged for others in one step. A loaded program knows as many as its
// rules need, a power of two, so that a mask keeps it inside of what is indexed by slot.
#define PP_SLOT_DEFAULT 0
#define PP_SLOTS_MIN 4096
#define PP_SLOTS_MAX (1u << 18)
#define PP_IFACES_MAX 64
// With an interface's index: packets that it sends (PP_KEY_OUT).
#define PP_IFACE_OUT 0x80u
#define PP_CONSUMERS_MAX 32
#define PP_CONSUMER_NONE 0x3f
// The longest packet a copy can hold; a longer one is cut to this.
#define PP_COPY_BYTES_MAX 65536
#define PP_TAKE_ALL 0xffffffffu

// What happens to a packet once it was copied, if it was.
enum pp_verdict {
	PP_VERDICT_PASS,
	PP_VERDICT_DROP,
	PP_VERDICT_ROUTE,
	PP_VERDICT_COUNT,
};

enum pp_frame_kind {
	PP_FRAME_ETHERNET,
	PP_FRAME_RAW_IP, // tun, WireGuard: the packet starts at the IP header
};

// Which way a packet goes, seen from this machine.
enum pp_direction {
	PP_DIRECTION_IN, // received: the XDP program
	PP_DIRECTION_OUT, // sent: the tc program
	PP_DIRECTIONS,
};

// Address family of a parsed packet or a rule: not AF_*, so that a byte holds it everywhere.
enum pp_family {
	PP_FAMILY_NONE = 0, // in a rule: any; in a key: neither IPv4 nor IPv6
	PP_FAMILY_IP4 = 4,
	PP_FAMILY_IP6 = 6,
};

// Counters of one receive queue on one CPU. The order is that of the names in
// dataplane/ledger.c. Written by that CPU only, read by anyone through mmap.
enum pp_count {
	PP_COUNT_SEEN,
	PP_COUNT_SEEN_BYTES,
	PP_COUNT_PASSED, // to the kernel's stack, unparsed ones included; not route_no_*
	PP_COUNT_DROPPED,
	PP_COUNT_REDIRECTED,
	PP_COUNT_ROUTE_NO_SOCKET, // passed: no AF_XDP socket covers the queue
	PP_COUNT_ROUTE_NO_META, // passed: no room for metadata in front of the packet
	PP_COUNT_ABORTED, // XDP_ABORTED: the image is missing or broken
	PP_COUNT_COPIED,
	PP_COUNT_COPY_RING_FULL,
	PP_COUNT_COPY_NO_RING, // this CPU has no copy ring: it came online after the start
	PP_COUNT_COPY_TOO_LONG, // the kernel could not give us the bytes
	PP_COUNT_COPY_SAMPLED_OUT, // `sample` of the rule chose others
	PP_COUNT_COPY_LIMITED, // `limit` of the rule was reached
	// Why a packet could not be parsed; each of these was passed.
	PP_COUNT_UNPARSED_ETH_SHORT,
	PP_COUNT_UNPARSED_VLAN_SHORT,
	PP_COUNT_UNPARSED_VLAN_DEEP, // more than two tags
	PP_COUNT_UNPARSED_IP_SHORT,
	PP_COUNT_UNPARSED_IP_BAD,
	PP_COUNT_UNPARSED_EXT_SHORT,
	PP_COUNT_UNPARSED_EXT_DEEP, // more than PP_EXT_HEADERS_MAX extension headers
	PP_COUNT_UNPARSED_L4_SHORT,
	// Of seen on the way out: packets that are to be cut up behind us (GSO), each counted as one, and
	// how many they will be.
	PP_COUNT_SUPER_PACKETS,
	PP_COUNT_SUPER_SEGMENTS,
	PP_COUNT_END,
};
#define PP_EXT_HEADERS_MAX 8

#define PP_COUNTS 32 // a power of two
struct pp_queue_row {
	__u64 count[PP_COUNTS]; // enum pp_count
};
PP_STATIC_ASSERT(PP_COUNT_END <= PP_COUNTS, "pp_queue_row holds every counter");

struct pp_rule_row {
	__u64 pkts;
	__u64 bytes;
};

// What each program is told at load: one per interface.
struct pp_tap_config {
	__u32 frame_kind; // enum pp_frame_kind
	__u32 iface;
	__u32 queue_base; // first row of this interface in the counters and pp_xsks
	__u32 queue_count; // rows; the last one is for queues beyond; behind it that of what is sent
	__u32 timestamps; // 1: time_ns is filled
	__u32 cpu_mask; // a power of two less one: what lies there by CPU has as many parts
};

// All counters lie in one element, the CPUs cpu_bytes apart, whole cache lines. Of each: the rows of
// the queues of every interface, then those of the rules by slot, then the states of meters.
struct pp_rows_layout {
	__u64 cpu_bytes;
	__u64 rules_at; // in a CPU's part
	__u64 meters_at;
	__u64 slots; // a power of two
};

// An element of pp_image: the selector, then two halves, each an image. The one that the selector
// names is in force; the other one is written. Where things are in a half, the same for all that are
// published to a loaded program:
struct pp_image_layout {
	__u64 half_bytes;
	__u64 slots; // of actions, behind the head; a power of two
	__u64 meters_at; // PP_METERS_MAX of them
	__u64 body_at; // what the engine compiled
	__u64 body_bytes;
	__u64 sets_at; // the area for sets
	__u64 set_bytes; // a power of two; 0: none
};
#define PP_IMAGE_HALVES_AT 4096
// What an element of pp_image begins with.
struct pp_image_front {
	__u32 selector;
	__u32 dumping; // 1: tell the programs in pp_dumps of every packet
};

// The verdict cache (bpf/cache.bpf.h): of each CPU a head, then entries for IPv4 and for IPv6. It
// belongs to programs, not to images: an entry says which image it is about.
struct pp_cache_head {
	__u64 hits;
	__u64 misses;
	__u64 bypassed; // packets that were not looked up, because it did not pay
	__u64 bypass_left; // that are still to be bypassed
	__u64 trial_hits; // hits and misses when the trial began
	__u64 trial_misses;
	__u64 pad[2];
};

struct pp_cache_ip4 {
	__u64 addr;
	__u64 word;
	__u64 serial; // of the image; 0: empty
	__u32 slot;
	__u32 pad;
};

struct pp_cache_ip6 {
	__u64 addr[4];
	__u64 word;
	__u64 serial;
	__u32 slot;
	__u32 pad[3];
};
PP_STATIC_ASSERT(sizeof(struct pp_cache_ip6) == 64, "one cache line");

struct pp_cache_layout {
	__u64 cpu_bytes; // 0: there is no cache
	__u64 ip4_mask; // entries - 1
	__u64 ip6_at;
	__u64 ip6_mask;
	__u64 seed; // odd
};

// What a ring of copied packets begins with, one per CPU; records follow. Positions count bytes and
// never wrap: a record lies at the rest of its position divided by the bytes of the ring.
struct pp_copy_ring_front {
	__u64 produced; // the program writes this line
	__u64 seen; // of consumed, when the program last looked
	__u64 pad[14]; // two lines: CPUs fetch them in pairs
	__u64 consumed; // user space writes this one
	__u64 pad_too[15];
};

// What a record with so many bytes of a packet takes: struct pp_meta, the bytes, up to 7 of padding.
#define PP_COPY_RECORD_BYTES(bytes) (((bytes) + 39) & ~7ull)

struct pp_copy_ring_layout {
	__u64 bytes; // of records; a power of two; 0: copying is off
	__u64 ordered; // 1: the CPU keeps stores in order
};

// What the verifier folds: constants of a loaded program.
#define PP_LOAD_ABI 5u
#define PP_ENGINE_NAME_BYTES 32
struct pp_load {
	__u32 abi; // PP_LOAD_ABI as the object was compiled with
	__u32 bytes; // of this struct
	char engine[PP_ENGINE_NAME_BYTES]; // whose pp_match() it is
	struct pp_tap_config tap;
	struct pp_rows_layout rows;
	struct pp_image_layout image;
	struct pp_cache_layout cache;
	struct pp_copy_ring_layout copy;
	__u64 config[16]; // the engine's: struct pp_engine_shape
};

#define PP_QUEUE_OUT 0xffffu

// In front of a routed packet (XDP metadata) and of a copied one (ring record).
struct pp_meta {
	__u64 time_ns; // CLOCK_MONOTONIC at the XDP program; 0: timestamps are off
	__u32 rule_id; // 0: the default action
	__u32 generation; // of the rule set that judged
	__u32 len_bytes; // of the whole packet
	__u32 cap_bytes; // of what follows this struct
	__u32 slot;
	__u16 queue; // receive queue on the interface; PP_QUEUE_OUT: it was sent
	__u8 iface; // index of the interface in the configuration
	__u8 consumer; // index of the consumer in the configuration
};
PP_STATIC_ASSERT(sizeof(struct pp_meta) == 32, "the kernel takes at most 32 bytes of metadata");

// A dump is a program in a slot of the program arrays pp_dumps and pp_dumps_frags, to which a tap
// gives every packet that it has done with. What the tap tells of the packet, one per CPU; and how a
// record in the dump's ring begins.
#define PP_DUMPS_MAX 8
#define PP_DUMP_SNAP_MAX 65528 // bytes of a packet in a record
struct pp_dump_note {
	struct pp_meta meta; // time_ns and cap_bytes are the dump's; consumer is not set
	__u32 counted; // bit i: enum pp_count i, how the packet left, and a copy or unparsed_*
	__u8 xdp; // XDP_*: the verdict
	__u8 frame_kind; // enum pp_frame_kind
	__u8 pad[2];
};
PP_STATIC_ASSERT(sizeof(struct pp_dump_note) == 40, "no hidden padding");

// What a dump counts on each CPU.
struct pp_dump_row {
	__u64 matched;
	__u64 lost; // of matched: the ring was full
	__u64 pad[6];
};
PP_STATIC_ASSERT(sizeof(struct pp_dump_row) == 64, "one cache line");

// What a packet is to the rules. One 64-bit word holds all but the addresses, so that most
// rules are refused by one mask and one compare.
//
//   bits  0- 7  enum pp_family
//   bits  8-15  IP protocol, after IPv6 extension headers; 0 where family is none
//   bits 16-22  interface, index in the configuration
//   bit     23  PP_KEY_OUT: the packet is sent; 0: it is received
//   bits 24-31  PP_KEY_PORTS | PP_KEY_LATER_FRAG
//   bits 32-47  destination port, host order; 0 without PP_KEY_PORTS
//   bits 48-63  source port, host order: both as they stand in the packet
struct pp_key {
	__u64 word;
	// IPv4: addr[0] = source << 32 | destination, host order. IPv6: source high and low
	// half, destination high and low half, each as the eight bytes stand in the packet.
	__u64 addr[4];
};
#define PP_KEY_PORTS 0x01u
#define PP_KEY_LATER_FRAG 0x02u
#define PP_KEY_PROTO_SHIFT 8
#define PP_KEY_IFACE_SHIFT 16
#define PP_KEY_IFACE 0x7full
#define PP_KEY_OUT (1ull << 23) // every rule says which it wants: see enum pp_direction
#define PP_KEY_FLAGS_SHIFT 24
#define PP_KEY_DPORT_SHIFT 32
#define PP_KEY_SPORT_SHIFT 48

// What a slot does: eight bytes, one load.
struct pp_action {
	__u32 rule_id;
	__u16 take_last; // of a copy: bytes to take, less one; with PP_ACTION_METER: the meter's index
	__u16 how; // PP_ACTION_*
};
PP_STATIC_ASSERT(sizeof(struct pp_action) == 8, "pp_action is indexed by a shift");
#define PP_ACTION_VERDICT 0x3u // enum pp_verdict, or PP_ACTION_ROUTE_BARE
#define PP_ACTION_ROUTE_BARE 0x3u // route; the consumer reads no metadata, so none is written
#define PP_ACTION_COPY 0x4u // copy first
#define PP_ACTION_METER 0x8u // if the rule's meter lets it
#define PP_ACTION_COPY_TO_SHIFT 4 // consumer index, or PP_CONSUMER_NONE
#define PP_ACTION_ROUTE_TO_SHIFT 10
#define PP_ACTION_CONSUMER 0x3fu

// A table of address sets (dataplane/addr_table.h, bpf/addr_table.bpf.h): where its parts are, as
// offsets into the area that ends the image, and how deep the trees are. All zero: no sets.
#define PP_ADDR_BYTES_MAX (128u << 20)
#define PP_ADDR_SLACK_BYTES 64 // behind the area: a masked offset may read up to a line more
struct pp_addr_head {
	__u32 mask_at; // u32 by class: bit i is set i
	// By the first 16 bits of an address, & index_mask: where its ranges begin; the next one's
	// begin where they end. index_mask is 0 for a family without entries.
	__u32 ip4_first_at; // u32
	__u32 ip4_index_mask;
	__u32 ip4_range_at; // u32: low half of the first address << 16 | class
	__u32 ip6_first_at; // u32
	__u32 ip6_index_mask;
	__u32 ip6_high_at; // u64: first high half of the range, host order
	__u32 ip6_value_at; // u32: class, or PP_ADDR_SPLIT | number of the split
	__u32 split_first_at; // u32 by split: where its ranges of low halves begin
	__u32 low_at; // u64: first low half of the range, host order
	__u32 low_class_at; // u32
	__u32 pad[5];
};
#define PP_ADDR_SPLIT 0x80000000u // prefixes longer than 64 bits divide this high half
PP_STATIC_ASSERT(sizeof(struct pp_addr_head) == 64, "one cache line");

// Every image begins with this; actions by slot follow, then meters.
struct pp_image_head {
	__u32 generation; // of the rule set
	__u32 set_uses; // PP_SETS_SRC | PP_SETS_DST: addresses that some rule looks up in sets
	__u64 zero; // see bpf/sets.bpf.h
	__u64 serial; // of the image: no two that a program reads have the same
	__u64 pad[5];
	struct pp_addr_head addr;
	__extension__ struct pp_action action[];
};
PP_STATIC_ASSERT(sizeof(struct pp_image_head) == 128, "whole cache lines");

#define PP_SETS_SRC 1u
#define PP_SETS_DST 2u
#define PP_SETS_DST_SHIFT 32 // of a mask of sets: destination above source

// Engine `linear`: per family the rules that can match it, in rule order. A rule matches when
// (word & mask) == value, the same for the addresses, the source lies in all sets of the low half
// of sets and the destination in all of the high half (a bit each, as pp_addr_table_build() numbers
// them), and both ports lie in range. The words
// stand apart from the rest: they refuse most rules, four to a cache line. A list ends at a
// multiple of PP_LINEAR_STEP; the padding never matches.
#define PP_LINEAR_STEP 4
// In pp_load.config: how many rules of a family the program can look at, at most PP_LINEAR_RULES_MAX.
#define PP_LINEAR_CONFIG_MOST 0
struct pp_linear_word {
	__u64 mask;
	__u64 value;
};

struct pp_linear_ports {
	__u16 sport_lo;
	__u16 sport_hi;
	__u16 dport_lo;
	__u16 dport_hi;
};

struct pp_linear_ip4 {
	__u64 addr_mask;
	__u64 addr_value;
	__u64 sets;
	struct pp_linear_ports ports;
	__u32 slot;
	__u32 pad;
};
PP_STATIC_ASSERT(sizeof(struct pp_linear_ip4) == 40, "no hidden padding");

struct pp_linear_ip6 {
	__u64 addr_mask[4];
	__u64 addr_value[4];
	__u64 sets;
	struct pp_linear_ports ports;
	__u32 slot;
	__u32 pad;
};
PP_STATIC_ASSERT(sizeof(struct pp_linear_ip6) == 88, "no hidden padding");

// Frames that are neither: only `any` and `on` can match them, and the word says it all.
struct pp_linear_other {
	__u32 slot;
};

struct pp_linear_image {
	__u32 ip4_count; // multiples of PP_LINEAR_STEP
	__u32 ip6_count;
	__u32 other_count;
	__u32 pad;
	struct pp_linear_word ip4_word[PP_LINEAR_RULES_MAX];
	struct pp_linear_word ip6_word[PP_LINEAR_RULES_MAX];
	struct pp_linear_word other_word[PP_LINEAR_RULES_MAX];
	struct pp_linear_ip4 ip4[PP_LINEAR_RULES_MAX];
	struct pp_linear_ip6 ip6[PP_LINEAR_RULES_MAX];
	struct pp_linear_other other[PP_LINEAR_RULES_MAX];
};

#endif
