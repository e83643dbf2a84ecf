// SPDX-License-Identifier: MIT OR Apache-2.0
// Analysers: who looks at copied and routed packets. Built-in ones and plug-ins (a shared object that
// defines `const struct pp_analyser_ops pp_analyser_ops`) have the same table of functions.
//
// A worker hands each packet to one thread of the analyser, through a ring that only the two have. The
// thread is picked by a hash of the flow, the same for both directions, so a flow stays in order on
// one thread. When the ring is full, the packet is lost to this analyser only, and counted.
//
// Threads    check, probe, create, top, numbers, news, finish, destroy: control thread. thread: control
//            thread, once for each thread before it starts. packets, tick: the analyser's thread of
//            that state, or with threads: 0 a worker. top, numbers and news come while packets()
//            runs: what both touch must be relaxed counters, or behind a sequence number or a
//            second buffer. finish comes after the last packets() and tick(); top and numbers are
//            still called after it, destroy after all.
// Cost       packets and tick of an analyser with PP_ANALYSER_ON_WORKER never allocate, lock, log or
//            make a system call. Others may do so on threads of their own: what they lose meanwhile
//            is theirs. They must return, or the dataplane
//            cannot be closed (pp_plane_stop_within()).
// Ownership  views are borrowed for the call. env is borrowed as long as the state lives, but for its
//            options, which are there in create() only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>
#include <push-packet/rule.h>

__BEGIN_DECLS

#define PP_ANALYSER_ABI 1u
#define PP_ANALYSER_SYMBOL "pp_analyser_ops" // that a library defines
#define PP_ANALYSER_THREADS_MAX 16
#define PP_ANALYSER_BURST 64 // views that packets() gets at most
#define PP_ANALYSER_OPTIONS_MAX 32
#define PP_ANALYSER_NEWS_BYTES 200

#define PP_SIZE_BUCKETS 8 // up to 64, 128, 256, 512, 1024, 1518, 9216 bytes, and above
extern const uint32_t pp_size_bucket_max_bytes[PP_SIZE_BUCKETS - 1];

struct pp_packet_view {
	const struct pp_meta *meta; // rule, slot, interface, queue
	const uint8_t *data; // cap_bytes of the packet
	uint32_t cap_bytes;
	uint32_t len_bytes; // of the whole packet
	uint64_t time_ns; // CLOCK_MONOTONIC: at the XDP program, or now_ns without timestamps
	bool routed; // else copied
};

struct pp_analyser_iface {
	const char *name;
	uint8_t frame_kind; // enum pp_frame_kind
};

// A key of the configuration that is the analyser's. A list has its values separated by blanks.
struct pp_analyser_option {
	const char *key;
	const char *value;
};

// What a rule is called and does.
struct pp_analyser_rule {
	char name[PP_NAME_BYTES]; // "": it has none
	uint8_t verdict; // enum pp_verdict: what became of the packet after the copy
};

struct pp_analyser_env {
	const char *name; // of the consumer
	uint32_t thread_count; // states: threads, or workers where it runs on them
	bool timestamps; // views have the time of the XDP program
	uint32_t iface_count;
	const struct pp_analyser_iface *iface; // by pp_meta.iface
	uint32_t option_count;
	const struct pp_analyser_option *option;
	// The parser of the XDP program: packets seen with the eyes that judged them.
	//
	// @param kind  enum pp_frame_kind of the interface.
	// @param key   Set when 0 is returned; of a packet that is cut off, as far as it goes, where
	//              key->word was 0 before.
	// @return      0, or why not: PP_COUNT_UNPARSED_*.
	int (*parse)(uint32_t kind,
		     uint32_t iface,
		     const uint8_t *data,
		     uint32_t bytes,
		     struct pp_key *key);
	// Who judged a packet: from packets() only, wait-free, valid for the packets of that call.
	//
	// @return  false: the rule has gone, and another has its slot by now. Out is as for a rule
	//          without a name that passes.
	bool (*rule)(const struct pp_analyser_env *env,
		     const struct pp_meta *meta,
		     struct pp_analyser_rule *out);
	const void *rules; // env->rule's
	// Packets of an interface that were lost on the way to a thread, so far. Any thread.
	uint64_t (*lost)(const struct pp_analyser_env *env, uint32_t thread, uint32_t iface);
	const void *lanes; // env->lost's
	// As parse, also for copies of packets of more than 65,535 bytes, whose IP header may say a
	// length of 0 (BIG TCP).
	//
	// @param len_bytes  Of the whole packet: pp_packet_view.len_bytes.
	int (*parse_captured)(uint32_t kind,
			      uint32_t iface,
			      const uint8_t *data,
			      uint32_t cap_bytes,
			      uint32_t len_bytes,
			      struct pp_key *key);
};

// What top() counts by.
enum pp_analyser_by {
	PP_BY_SOURCE, // addresses; packets without one are one row of family NONE
	PP_BY_DESTINATION,
	PP_BY_PORT, // protocol and destination port; packets without ports by protocol
	PP_BY_PROTOCOL,
	PP_BY_RULE,
	PP_BY_FLOW, // both directions together
	PP_BY_TEXT, // a plug-in's own
	PP_BY_COUNT,
};

enum pp_analyser_sort {
	PP_SORT_BYTES,
	PP_SORT_PKTS,
	PP_SORT_RATE, // packets per second
	PP_SORT_NEW, // what began last is first
	PP_SORT_BITS, // bits per second
	PP_SORT_COUNT,
};

#define PP_PROTO_NOT_IP 256

// All zero where nothing else is said: keys are compared by their bytes.
struct pp_analyser_key {
	uint8_t by; // enum pp_analyser_by
	uint8_t family; // SOURCE, DESTINATION, FLOW: enum pp_family
	uint16_t proto; // PORT, PROTOCOL, FLOW; PP_PROTO_NOT_IP: neither IPv4 nor IPv6
	uint16_t sport; // FLOW: of who sent the first packet that was seen; host order
	uint16_t dport; // FLOW, PORT
	uint32_t rule_id; // RULE; 0: the default action
	uint32_t pad;
	uint8_t src[16]; // SOURCE, FLOW; network order, IPv4 in the first four
	uint8_t dst[16]; // DESTINATION, FLOW
};

// A direction of a flow: 0 as key says, 1 back.
struct pp_analyser_way {
	uint64_t pkts;
	uint64_t bytes;
	uint8_t tcp_flags; // of all packets together (RFC 9293, section 3.1)
};

struct pp_analyser_row {
	struct pp_analyser_key key;
	char text[PP_NAME_BYTES]; // of PP_BY_TEXT
	uint64_t pkts;
	uint64_t bytes; // whole packets, not what was captured
	uint64_t size_pkts[PP_SIZE_BUCKETS];
	double rate_pps; // in the window
	double rate_bps; // bits
	uint64_t first_ns; // CLOCK_MONOTONIC
	uint64_t last_ns;
	uint64_t error_pkts; // pkts may be too high by so many
	struct pp_analyser_way way[2]; // FLOW
	bool turned; // FLOW: key and way have the second end first; never in what top() gives
};

struct pp_analyser_query {
	uint8_t by; // enum pp_analyser_by
	uint8_t sort; // enum pp_analyser_sort
	uint32_t limit; // rows
	uint64_t window_ns; // 0: the longest there is
	uint64_t now_ns; // CLOCK_MONOTONIC
};

struct pp_analyser_sum {
	uint64_t pkts;
	uint64_t bytes;
};

struct pp_analyser_top {
	uint64_t window_ns; // that rows, total and other are about
	struct pp_analyser_sum total;
	struct pp_analyser_sum other; // of total, what has no row in the table for want of room
	uint64_t error_pkts; // what has no row, or an older one, lacks so many packets at most
	uint32_t found; // rows there are
	uint32_t count; // of row: min(found, limit), in the order asked for
	struct pp_analyser_row *row; // room for limit; the caller's
};

struct pp_analyser_number {
	char name[PP_NAME_BYTES]; // a-z and _
	uint64_t value;
};
#define PP_ANALYSER_NUMBERS_MAX 16

#define PP_ANALYSER_ON_WORKER 1u // see Cost; threads: 0 is allowed

struct pp_analyser_ops {
	uint32_t abi; // PP_ANALYSER_ABI
	uint32_t flags; // PP_ANALYSER_*
	const char *name; // of the kind
	// Whether these options are good, without making anything. NULL: there must be none.
	//
	// @param at   Set to the index of the option that err is about; count: of none.
	// @param err  Never NULL.
	// @return     0; -EINVAL; -errno.
	int (*check)(const struct pp_analyser_option option[],
		     uint32_t count,
		     uint32_t *at,
		     struct pp_error *err);
	// Whether this machine has what good options name: folders, devices. NULL: there is nothing
	// to ask. Parameters and result as check().
	int (*probe)(const struct pp_analyser_option option[],
		     uint32_t count,
		     uint32_t *at,
		     struct pp_error *err);
	// @param state  Set on success.
	// @param err    Never NULL.
	// @return       0; -EINVAL; -ENOMEM; -errno.
	int (*create)(void **state, const struct pp_analyser_env *env, struct pp_error *err);
	// The state of thread 0 to env->thread_count - 1, as packets() and tick() get it.
	void *(*thread)(void *state, uint32_t index);
	// @param n       1 to PP_ANALYSER_BURST.
	// @param now_ns  CLOCK_MONOTONIC, when the burst was taken.
	void (*packets)(void *thread,
			const struct pp_packet_view view[],
			uint32_t n,
			uint64_t now_ns);
	// About ten times a second, packets or not, and once after the last packet. May be NULL.
	void (*tick)(void *thread, uint64_t now_ns);
	// Fill in everything but room. May be NULL: there is nothing to list.
	//
	// @return  0; -EOPNOTSUPP: not by that, err says by what; -ENOMEM.
	int (*top)(void *state,
		   const struct pp_analyser_query *query,
		   struct pp_analyser_top *out,
		   struct pp_error *err);
	// Numbers worth a line each in statistics. May be NULL.
	//
	// @return  Stored, 0 to max.
	uint32_t (*numbers)(void *state, struct pp_analyser_number number[], uint32_t max);
	// A line for the operator's log, asked for some times a second. May be NULL.
	//
	// @return  Whether there was one.
	bool (*news)(void *state, char text[PP_ANALYSER_NEWS_BYTES]);
	// The last packet was seen. May be NULL.
	void (*finish)(void *state);
	void (*destroy)(void *state);
};

struct pp_analyser_files;

// A plug-in. All zero: none.
struct pp_analyser_own {
	const struct pp_analyser_ops *ops;
	struct pp_analyser_files *files; // that ops are from; NULL: borrowed from the program
};

// Read and link a shared library. It is copied: what becomes of the file does not matter.
//
// @param out  Set on success.
// @return     0; -EINVAL, -EPROTO: not what it must be; -ENOMEM; -errno of the file.
int pp_analyser_load(struct pp_analyser_own *out, const char *path, struct pp_error *err);

// One holder less; a plane that uses the plug-in is one. All zero is allowed, and left behind.
void pp_analyser_unload(struct pp_analyser_own *own);

// Whether these are the same plug-in: both none, or the same bytes from the same path, or the same
// borrowed one.
bool pp_analyser_same(const struct pp_analyser_own *a, const struct pp_analyser_own *b);

__END_DECLS
