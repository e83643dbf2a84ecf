// SPDX-License-Identifier: MIT OR Apache-2.0
// The dataplane: taps on interfaces, AF_XDP sockets, copy rings, workers, analysers.
//
// Threads    everything here: the control thread, or several that take pp_plane_lock(). The plane
//            starts its own workers and analysis threads between pp_plane_start() and
//            pp_plane_stop(), and no other. Two planes are independent.
// Cost       control path; pp_plane_open() loads programs (tens of milliseconds an interface).
// Ownership  the plane owns what it opens; pp_plane_close() detaches and frees all of it. A
//            process that dies detaches too: every program is held by a bpf_link.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/analyser.h>
#include <push-packet/engine_own.h>
#include <push-packet/error.h>
#include <push-packet/ledger.h>
#include <push-packet/ruleset.h>

__BEGIN_DECLS

#define PP_CPUS_MAX 1024
#define PP_QUEUES_PER_IFACE_MAX 256
#define PP_WORKERS_MAX 64

enum pp_xdp_mode {
	PP_XDP_NATIVE,
	PP_XDP_SKB,
	PP_XDP_AUTO, // native, else skb; what is in force is reported
};

enum pp_bind_mode {
	PP_BIND_AUTO, // zero-copy, else copy
	PP_BIND_COPY,
	PP_BIND_ZEROCOPY,
};

enum pp_idle_mode {
	PP_IDLE_BUSY, // spin
	PP_IDLE_ADAPTIVE, // spin, then sleep in poll() until packets come
	PP_IDLE_INTERRUPT, // sleep whenever there is nothing to do
};

// When an interface gets the program that judges what it sends.
enum pp_egress {
	PP_EGRESS_WHEN_NEEDED, // while a rule `direction out` is about it
	PP_EGRESS_ON, // always: it counts what is sent
	PP_EGRESS_OFF, // never: a rule that needs it is an error
};

enum pp_egress_attach {
	PP_EGRESS_AUTO, // tcx where the kernel has it, else clsact
	PP_EGRESS_TCX,
	PP_EGRESS_CLSACT,
};

enum pp_hugepages {
	PP_HUGEPAGES_AUTO, // when the system has free ones
	PP_HUGEPAGES_OFF,
	PP_HUGEPAGES_ON, // or fail
};

// Where frames begin. The kernel calls the second the unaligned mode of a UMEM; only copy mode has it here.
enum pp_layout {
	PP_LAYOUT_AUTO, // spread where the CPU has more than 1 MiB of L2
	PP_LAYOUT_ALIGNED, // at multiples of their size
	PP_LAYOUT_SPREAD, // a cache line further each, over all sets of the caches
};

// The verdict cache in front of the engine.
enum pp_cache_mode {
	PP_CACHE_AUTO, // where the engine says that it pays
	PP_CACHE_ON,
	PP_CACHE_OFF,
};

enum pp_consumer_kind {
	PP_CONSUMER_COUNT, // analyser: per rule and per source, with packet-size histogram
	PP_CONSUMER_SINK, // routed packets: count and recycle
	PP_CONSUMER_REFLECT, // routed packets: swap addresses and send back
	PP_CONSUMER_FORWARD, // routed packets: send out by another interface, as they are
	PP_CONSUMER_NULL, // analyser: takes packets and looks at none
	PP_CONSUMER_HISTOGRAM, // analyser: what was seen in the last some seconds, by several things
	PP_CONSUMER_FLOWS, // analyser: records of flows, both directions together
	PP_CONSUMER_CAPTURE, // analyser: packets to pcapng files
	PP_CONSUMER_PLUGIN, // analyser of the user's own: pp_consumer_config.own
	PP_CONSUMER_PROGRAM, // the embedding program: see enum pp_copy_mode, enum pp_route_mode
	PP_CONSUMER_KINDS,
};

// @param kind  enum pp_consumer_kind.
const char *pp_consumer_kind_name(uint8_t kind);
// Whether it takes copies as well as routed packets, on threads or on the workers.
bool pp_consumer_is_analyser(uint8_t kind);

// Who reads the rings of copied packets. Where nobody does, a rule with `copy` is an error.
enum pp_copy_mode {
	PP_COPY_WORKERS,
	PP_COPY_RECEIVER, // the embedding program: receiver.h
	PP_COPY_OFF, // no rings
};

// Who has the AF_XDP sockets. Where nobody does, a rule with `route` is an error.
enum pp_route_mode {
	PP_ROUTE_WORKERS,
	PP_ROUTE_CHANNEL, // the embedding program: channel.h
	PP_ROUTE_OFF, // no sockets
};

// Which packets of an analyser stay together on one of its threads.
enum pp_spread {
	PP_SPREAD_FLOW, // the same addresses, protocol and ports, both ways; later fragments have no ports
	PP_SPREAD_HOSTS, // the same two addresses
};

struct pp_iface_config {
	char name[IF_NAMESIZE];
	uint8_t mode; // enum pp_xdp_mode
	uint8_t bind; // enum pp_bind_mode
	uint8_t egress; // enum pp_egress
	uint8_t egress_attach; // enum pp_egress_attach
	// Queues that get an AF_XDP socket; the rest route to none. queues_all: every queue.
	bool queues_all;
	uint32_t queue_count;
	uint16_t queue[PP_QUEUES_PER_IFACE_MAX]; // ascending, unique
};

struct pp_consumer_config {
	char name[PP_NAME_BYTES];
	uint8_t kind; // enum pp_consumer_kind
	// Of analysers. 0: analysed on the worker itself; else so many threads of its own, at most
	// PP_ANALYSER_THREADS_MAX.
	uint32_t threads;
	int32_t cpu; // of the threads; -1: not pinned
	uint32_t cpu_count; // threads in turn; 0: cpu says
	uint16_t cpus[PP_ANALYSER_THREADS_MAX];
	uint8_t spread; // enum pp_spread
	struct pp_analyser_own own; // PLUGIN
	uint32_t option_count;
	const struct pp_analyser_option *option; // borrowed for pp_plane_check(), pp_plane_open()
	// FORWARD only: one of the plane's interfaces, Ethernet. What queue N receives is sent by queue N
	// there, or by another queue of the same worker; with such a consumer all sockets share one UMEM,
	// and queue N of every interface is served by worker N modulo their number.
	char forward_to[IF_NAMESIZE];
	// REFLECT only: write a struct pp_reflect_stamp into the last bytes of packets of
	// PP_REFLECT_STAMP_BYTES_MIN and more, for those who measure latency. Checksums are not
	// made good.
	bool stamp;
};

#define PP_REFLECT_STAMP_BYTES_MIN 88u // headers and the stamp

// CLOCK_MONOTONIC on the way through a reflector, in this machine's byte order.
struct pp_reflect_stamp {
	uint64_t xdp_ns; // the XDP program judged it; 0: timestamps are off
	uint64_t received_ns; // the worker had it
	uint64_t sent_ns; // the worker put it in line to be sent
};

// What check() of the analyser says about the options.
//
// @param at  As pp_analyser_ops.check().
// @return    0; -EINVAL, with err set.
int pp_consumer_check_options(const struct pp_consumer_config *consumer,
			      uint32_t *at,
			      struct pp_error *err);

struct pp_plane_config {
	uint32_t iface_count; // 1 to PP_IFACES_MAX
	struct pp_iface_config *iface;
	uint32_t consumer_count; // 0 to PP_CONSUMERS_MAX
	struct pp_consumer_config *consumer;

	char engine[PP_NAME_BYTES]; // "auto" or a name; not looked at where there is an own one
	struct pp_engine_own own; // see engine_own.h
	uint8_t cache; // enum pp_cache_mode
	// 0: one per queue, at most one per CPU of the process, and with a consumer of kind FORWARD
	// at most as many as have a queue on every interface that is forwarded to.
	uint32_t worker_count;
	uint32_t worker_cpu_count; // 0: spread over the CPUs of the process
	uint16_t worker_cpu[PP_WORKERS_MAX];
	uint8_t idle; // enum pp_idle_mode
	// A plane whose workers read neither has none, and starts no thread. What the program reads
	// itself goes to consumers of kind PROGRAM, which a rule need not name.
	uint8_t copy; // enum pp_copy_mode
	uint8_t route; // enum pp_route_mode
	bool timestamps; // time_ns in records and metadata

	uint32_t rx_slots; // powers of two, 64 to 65536
	uint32_t tx_slots;
	uint32_t fill_slots;
	uint32_t completion_slots;
	uint32_t
		handoff_bytes; // of each analysis thread and worker; a power of two, 4 KiB to 1 GiB
	uint32_t copy_ring_bytes; // per CPU; a power of two, 4 KiB to 256 MiB
	uint32_t chunk_bytes; // 2048 or 4096
	uint32_t frames; // per socket; 0: as many as the rings need, and some for analysers
	uint8_t layout; // enum pp_layout
	uint8_t hugepages; // enum pp_hugepages
	// One UMEM for the sockets of all queues that are there at the start, instead of one each:
	// what one receives another can send without a copy. Zero-copy then takes all interfaces or none;
	// the memory is placed on the first interface's NUMA node.
	bool umem_shared; // or where a consumer forwards
};

// Fill cfg with the defaults that README's config reference gives; no interface, no consumer.
void pp_plane_config_init(struct pp_plane_config *cfg);

// Frames one socket needs so that no ring can starve another: the least that cfg->frames may be.
uint32_t pp_plane_frames_needed(const struct pp_plane_config *cfg);

struct pp_plane;

// The lock of a plane. Who changes rules, polls or reads statistics from several threads takes it around
// each sequence of calls; the functions of rules.h, channel.h and receiver.h take it themselves. It may be
// taken again by who has it. No packet ever waits for it.
void pp_plane_lock(const struct pp_plane *plane);
void pp_plane_unlock(const struct pp_plane *plane);

// Check cfg and rules against this machine, attaching nothing: interfaces, queues, CPUs, sizes,
// `native` where the interface cannot, `on` and `to` names in rules.
//
// @param err   Says what is wrong; line and col are 0. An implementation sets what it is about
//              in *where (may be NULL), for the caller to point at the place in its file.
// @return      0; -EINVAL; -ENODEV: no such interface; -EOPNOTSUPP; -errno.
enum pp_where_kind {
	PP_WHERE_NONE,
	PP_WHERE_IFACE, // index: interface
	PP_WHERE_IFACE_MODE,
	PP_WHERE_IFACE_BIND,
	PP_WHERE_IFACE_EGRESS,
	PP_WHERE_IFACE_QUEUE, // index: interface, sub: index in queue[]
	PP_WHERE_CONSUMER, // index: consumer
	PP_WHERE_WORKER_COUNT,
	PP_WHERE_WORKER_CPU, // index: in worker_cpu[]
	PP_WHERE_CONSUMER_CPU, // index: consumer; sub: in cpus[]
	PP_WHERE_CONSUMER_THREADS, // index: consumer
	PP_WHERE_CONSUMER_OPTION, // index: consumer; sub: in option[]
	PP_WHERE_CONSUMER_FORWARD, // index: consumer
	PP_WHERE_FRAMES,
	PP_WHERE_ENGINE,
	PP_WHERE_ENGINE_OBJECT,
	PP_WHERE_HUGEPAGES,
	PP_WHERE_RULE, // index: rule id
};
struct pp_where {
	enum pp_where_kind kind;
	uint32_t index;
	uint32_t sub;
};
int pp_plane_check(const struct pp_plane_config *cfg,
		   const struct pp_ruleset *rules,
		   struct pp_where *where,
		   struct pp_error *err);

// The part of pp_plane_check() that needs no interface to be there: `on` and `to` names in rules.
int pp_plane_check_rules(const struct pp_plane_config *cfg,
			 const struct pp_ruleset *rules,
			 struct pp_where *where,
			 struct pp_error *err);

// The same after a change: only what is new is looked at. Cost: O(changes).
//
// @param rules  After the change.
// @param diff   The change.
int pp_plane_check_change(const struct pp_plane_config *cfg,
			  const struct pp_ruleset *rules,
			  const struct pp_ruleset_diff *diff,
			  struct pp_where *where,
			  struct pp_error *err);

// Whether the configured engine is one, and one of the user's own takes these rules: they are
// compiled and, with the capabilities that it needs, its programs are loaded and let go again.
//
// @param where  PP_WHERE_ENGINE, PP_WHERE_ENGINE_OBJECT, PP_WHERE_RULE. May be NULL.
// @return       0; -EINVAL: no such engine; what its compile() says; -errno of the kernel.
int pp_plane_check_engine(const struct pp_plane_config *cfg,
			  const struct pp_ruleset *rules,
			  struct pp_where *where,
			  struct pp_error *err);

// Load, create every ring, attach to every interface, create every socket. Packets are judged
// from the moment their interface is attached, before this returns; routed ones pass until their
// queue has its socket (route_no_socket). Rings keep what comes until pp_plane_start().
//
// @param cfg    Copied.
// @param rules  Copied.
// @return       0; what pp_plane_check() returns; -EPERM: err names the missing capabilities;
//               -EBUSY: an interface has an XDP program. On failure nothing is attached.
int pp_plane_open(struct pp_plane **out,
		  const struct pp_plane_config *cfg,
		  const struct pp_ruleset *rules,
		  struct pp_where *where,
		  struct pp_error *err);

// Start workers and analysis threads.
//
// @return  0; -errno of thread creation or pinning, with err set.
int pp_plane_start(struct pp_plane *plane, struct pp_error *err);

// Detach from every interface, let workers and analysers drain, and join them. The ledger can
// still be read. Call once.
void pp_plane_stop(struct pp_plane *plane);

// The same, but an analyser whose packets() does not return is not waited for. Other threads end in
// order. finish() of an analyser, and a capture's last write, are waited for as long as they take.
// May be called again: what has not ended then is waited for once more.
//
// @param limit_ns  For how long an analyser may do no packet of what still waits for it; counted from
//                  when nothing new comes, up to 2 s after the call. UINT64_MAX: for ever.
// @return          0; -ETIMEDOUT, with err naming one or all of them: their threads still run, so the
//                  plane may be read but not closed: pp_plane_close() would wait for them.
int pp_plane_stop_within(struct pp_plane *plane, uint64_t limit_ns, struct pp_error *err);

// Free everything; stops first if needed. NULL is allowed.
void pp_plane_close(struct pp_plane *plane);

// Put another rule set in force, in one step for every interface: each packet is judged by the
// old rules or by the new ones. Returns when no packet is judged by the old ones any more, after the
// kernel's grace period (8 to 20 ms); what workers and analysers still hold is attributed by its
// rule id. Counters of rules that stay (same id) go on.
//
// @param rules  Made from a copy of pp_plane_rules() after pp_ruleset_settle(). Taken over on
//               success; the caller's on failure.
// @param where  As pp_plane_check(): PP_WHERE_RULE, or PP_WHERE_NONE. May be NULL.
// @return       0; -EINVAL: a name in a rule stands for nothing here; -ENOSPC, -ENOMEM; -ETIMEDOUT:
//               the first rules with a second consumer of routed packets, and a worker does not
//               take in a second what was routed before; -errno of the kernel. On failure the old
//               rules stay in force.
int pp_plane_apply(struct pp_plane *plane,
		   struct pp_ruleset *rules,
		   struct pp_where *where,
		   struct pp_error *err);

// Match with another engine, or with or without the verdict cache: programs are loaded beside those in
// force and exchanged in one step. With rules, these come in force in the same step.
//
// @param cfg    engine, own and cache; the rest is not looked at. Held as long as it is in force.
// @param rules  As in pp_plane_apply(); NULL: those in force.
// @param where  PP_WHERE_ENGINE, PP_WHERE_RULE, PP_WHERE_NONE. May be NULL.
// @return       As pp_plane_check_engine() and pp_plane_apply(). On failure engine and rules stay.
int pp_plane_set_engine(struct pp_plane *plane,
			const struct pp_plane_config *cfg,
			struct pp_ruleset *rules,
			struct pp_where *where,
			struct pp_error *err);

// What the last pp_plane_apply() did and how long it took.
struct pp_apply_stats {
	uint64_t count; // rule sets put in force, the first one included
	uint64_t
		publish_ns; // of the last: from the call to the image in force, building it included
	uint64_t total_ns; // until the call returned
	uint64_t loads; // programs were loaded again: for another engine, or a larger image
	size_t image_bytes;
	size_t set_bytes; // of the image, for sets
};
void pp_plane_apply_stats(const struct pp_plane *plane, struct pp_apply_stats *out);

// The verdict cache, since programs were last loaded.
struct pp_cache_stats {
	bool on;
	uint64_t hits;
	uint64_t misses;
	uint64_t bypassed; // while it had switched itself off, because fewer than half were hits
};

// The engine in force.
struct pp_engine_info {
	const char *name; // borrowed
	char why[120]; // it was picked
	uint32_t rules;
	uint32_t tables;
	uint32_t steps_max; // probes and checks that any packet can take
	uint64_t used_bytes; // of the image, by the engine
	uint64_t image_bytes; // there are two of them
	uint64_t loads; // as pp_apply_stats.loads
	uint64_t load_ns; // of the programs in force, all interfaces
	uint32_t
		verified_insns; // the verifier walked in one of them, at most; 0: the kernel does not say
	struct pp_cache_stats cache;
};
void pp_plane_engine_info(const struct pp_plane *plane, struct pp_engine_info *out);

// Something happened to an interface. text is one line for a log.
struct pp_plane_event {
	uint64_t time_ns; // CLOCK_REALTIME
	uint32_t iface; // index in the configuration
	char text[200];
};

// A descriptor that becomes readable when pp_plane_poll() has work. Borrowed.
int pp_plane_fd(const struct pp_plane *plane);

// See what changed on the interfaces (deleted, returned, up, down, MTU, channels) and act: attach
// again, open sockets on new queues; divide the limits of rules (`limit N/s`) by the CPUs that see
// their packets. Call when pp_plane_fd() is readable and at least once a second, because a change of
// the channel count announces itself to nobody.
//
// @param event  Filled with up to max events, oldest first.
// @return       Events stored.
uint32_t pp_plane_poll(struct pp_plane *plane, struct pp_plane_event *event, uint32_t max);

// Log lines of libbpf and libxdp, at warning level; NULL (the default): none.
typedef void (*pp_log_fn)(void *arg, const char *line);
void pp_set_log(pp_log_fn fn, void *arg);

__END_DECLS

#include <push-packet/plane_stats.h>
