// SPDX-License-Identifier: MIT OR Apache-2.0
// What the files of the plane share: plane.c opens and closes it, plane_check.c looks before,
// plane_thread.c has the workers, plane_port.c the sockets, plane_iface.c follows interfaces,
// plane_apply.c exchanges the rules, plane_out.c has the programs of what is sent, plane_engine.c the engine, plane_stats.c reads it.
//
// Threads    control thread.
#pragma once

#include <errno.h>
#include <pthread.h>

#include <push-packet/netif.h>
#include <push-packet/plane.h>

#include "copy_ring.h"
#include "engine.h"
#include "maps.h"
#include "port.h"
#include "rows.h"
#include "tap.h"
#include "tap_out.h"

#define PP_EVENTS_MAX 256

struct pp_analysis;
struct pp_channel;
struct pp_receiver;
struct pp_rule_table;
struct pp_worker;

// What an interface needs and could not be had: said once.
struct pp_plane_retry {
	bool refused;
	uint64_t at_ns; // CLOCK_MONOTONIC: not before then again
};

struct pp_plane_iface {
	struct pp_netif netif; // as last seen; ifindex 0: gone
	struct pp_tap *tap;
	struct pp_tap_out *out; // NULL: what it sends is not judged
	struct pp_plane_retry retry; // of tap and ports
	struct pp_plane_retry retry_out;
	struct pp_port *port[PP_QUEUES_PER_IFACE_MAX]; // by queue; NULL: none
	struct pp_channel *channel[PP_QUEUES_PER_IFACE_MAX]; // by queue, once it was opened
	bool leaving[PP_QUEUES_PER_IFACE_MAX]; // the port only waits for lent frames
	uint16_t worker[PP_QUEUES_PER_IFACE_MAX]; // by queue, once it had a port
	uint64_t times_deleted, times_returned, times_down, times_up, times_mtu, times_channels;
};

struct pp_plane_consumer {
	struct pp_analysis *analysis; // NULL: no analyser
	struct pp_count_stats *base; // COUNT, by slot: from before the slot was its rule's
};

// What programs are to be loaded with.
struct pp_plane_engine {
	char name[PP_NAME_BYTES]; // of a built-in engine, or "auto"
	uint8_t cache; // enum pp_cache_mode
	struct pp_engine_own own; // held if there is one
	struct pp_engine *engine; // of own; NULL: built in
};

// How many rules route to whom, kept by difference.
struct pp_route_counts {
	uint32_t rules;
	uint32_t to[PP_CONSUMERS_MAX]; // by index of the consumer; not rules that route to nobody
};

// How many rules are about what is sent, kept by difference.
struct pp_out_counts {
	uint32_t any; // on every interface
	uint32_t on[PP_IFACES_MAX];
};

struct pp_plane {
	struct pp_plane_config config; // iface and consumer point to copies
	struct pp_plane_engine engine; // in force
	const struct pp_plane_engine *engine_next; // that comes with the next rules; NULL: none
	struct pp_ruleset *rules;
	struct pp_rule_table *rule_table; // RCU: workers and analysers read it
	struct pp_rule_stats rule_base[PP_SLOTS_MAX]; // as pp_plane_consumer.base
	struct pp_route_counts routes; // of the rules in force
	struct pp_out_counts outs; // of the rules in force
	bool routed; // rules that route have been in force
	char engine_why[120]; // it was picked
	uint32_t engine_refused; // so many rules, by the engine that auto would pick; 0: none
	struct pp_bindings bindings;
	struct pp_rows rows;
	uint8_t frame_kind[PP_IFACES_MAX];
	struct pp_maps maps;
	struct pp_plane_iface *iface;
	struct pp_plane_consumer *consumer;
	struct pp_copy_ring *ring; // by CPU
	uint32_t ring_count;
	struct pp_receiver *receivers; // opened once, by the program
	struct pp_worker **worker;
	uint32_t worker_count;
	uint32_t next_worker; // for the next port that needs one
	struct pp_apply_stats apply;
	bool forwards; // some consumer does
	struct pp_pool *pool; // umem_shared: while there are ports
	uint32_t shared_ports; // that it has room for
	bool bind_copy; // umem_shared: not every interface has zero-copy, so none uses it
	struct pp_port *serve[PP_IFACES_MAX * PP_QUEUES_PER_IFACE_MAX]; // scratch
	struct pp_port *leaving[PP_IFACES_MAX * PP_QUEUES_PER_IFACE_MAX]; // scratch
	struct pp_ledger_row *retired; // by row: counters of sockets that were closed
	pthread_mutex_t lock; // recursive
	bool started;
	bool stopped;
	bool closing; // what the program still has of it is no more

	int netlink_fd;
	struct pp_plane_event event[PP_EVENTS_MAX];
	uint32_t event_count;
};

static inline int pp_plane_no_memory(struct pp_error *err)
{
	return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
}

// CPUs this process may run on, ascending.
//
// @return  How many, at most max.
uint32_t pp_plane_cpus(uint16_t cpu[], uint32_t max);

// CPUs that are online, allowed or not.
uint32_t pp_plane_online_cpus(uint16_t cpu[], uint32_t max);

// Whether the configuration wants a socket on this queue.
bool pp_plane_wants_queue(const struct pp_iface_config *config, uint32_t queue);

// Attach to an interface and open its ports.
//
// @param where  Kind set to what the error is about.
// @return       0; -errno, with err set; what was done by then stays.
int pp_plane_iface_attach(struct pp_plane *plane,
			  uint32_t iface,
			  enum pp_where_kind *where,
			  struct pp_error *err);

// Add a line to what pp_plane_poll() tells.
void pp_plane_warn(struct pp_plane *plane, uint32_t iface, const char *text);

// Hold what config wants.
int pp_plane_engine_init(struct pp_plane_engine *out,
			 const struct pp_plane_config *config,
			 struct pp_error *err);
// No image of it is left. All zero is allowed.
void pp_plane_engine_fini(struct pp_plane_engine *wanted);

// @param current  In use; NULL: none.
// @return         NULL: none has the name that is wanted.
const struct pp_engine *pp_plane_engine_pick(const struct pp_plane_engine *wanted,
					     const struct pp_engine *current,
					     uint32_t count);

// Note why the engine was picked that is in force now.
void pp_plane_engine_say_why(struct pp_plane *plane,
			     const struct pp_plane_engine *wanted,
			     uint32_t count);

// The part of pp_plane_check_engine() that needs no rules.
int pp_plane_check_engine_name(const struct pp_plane_config *config,
			       struct pp_where *where,
			       struct pp_error *err);

// Open ports on queues that want one and have none.
//
// @return  0; -errno of the first that failed, with err set and no other tried.
int pp_plane_open_ports(struct pp_plane *plane,
			uint32_t iface,
			enum pp_where_kind *where,
			struct pp_error *err);

// The same in flight, after what could not be closed was closed if it can be now.
//
// @return  Whether every queue that wants a port has one; else err is set.
bool pp_plane_retry_ports(struct pp_plane *plane, uint32_t iface, struct pp_error *err);

// How many queues of all interfaces want a port.
uint32_t pp_plane_count_ports(const struct pp_plane *plane);

// Close all ports of an interface.
void pp_plane_close_ports(struct pp_plane *plane, uint32_t iface);

// What the programs of an interface are told.
struct pp_tap_config pp_plane_tap_config(const struct pp_plane *plane, uint32_t iface);

// Load the program of an interface, for the images there are.
int pp_plane_open_tap(const struct pp_plane *plane,
		      uint32_t iface,
		      struct pp_tap **out,
		      struct pp_error *err);

// Count a rule in (by 1) or out (by -1).
void pp_plane_out_count(const struct pp_plane *plane,
			struct pp_out_counts *outs,
			const struct pp_rule *rule,
			int by);

// Load the program for what an interface sends, for the images there are.
//
// @param out  Set to NULL where these rules need none.
int pp_plane_out_open(const struct pp_plane *plane,
		      uint32_t iface,
		      const struct pp_out_counts *outs,
		      struct pp_tap_out **out,
		      struct pp_error *err);
// Attach it, if there is one.
int pp_plane_out_attach(struct pp_plane *plane, uint32_t iface, struct pp_error *err);

// Before rules come in force: interfaces get the programs that they need.
//
// @return  0; -errno, with err set and nothing changed.
int pp_plane_out_begin(struct pp_plane *plane,
		       const struct pp_out_counts *outs,
		       struct pp_error *err);
// After rules came in force, or did not: programs that those in force do not need go.
void pp_plane_out_end(struct pp_plane *plane, const struct pp_out_counts *outs);

// Put rules in force, names in them having been checked. Where they outgrow the images, and with the
// next engine, programs are loaded again and exchanged.
//
// @return  0; as pp_maps_publish(); -errno of a load, with the old rules in force.
int pp_plane_publish(struct pp_plane *plane,
		     const struct pp_ruleset *rules,
		     uint32_t *rule_id,
		     struct pp_error *err);

// The kernel refused the programs of an engine that auto picked, before anything was attached: put
// the rules in force with the simplest engine.
//
// @return  0; -EOPNOTSUPP: it is that one, or another one was asked for, or it cannot hold the rules, and
//          err is as it was; -errno.
int pp_plane_publish_simpler(struct pp_plane *plane, struct pp_error *err);

// The same in flight: the program for what an interface sends was refused beside those in force, which
// are exchanged for the simplest engine's.
int pp_plane_exchange_simpler(struct pp_plane *plane, struct pp_error *err);

// Whether this is what the verifier says to a program that is too long or too branched for it.
bool pp_plane_is_refused(int ret);

// Put the rules that the plane opens with in force, before a program is loaded or a thread created.
//
// @param where  Set to the rule that err is about, if it is about one. May be NULL.
// @return       0; as pp_maps_publish(), pp_rule_table_create().
int pp_plane_apply_first(struct pp_plane *plane, struct pp_where *where, struct pp_error *err);

// Let a slot count from zero. Nobody counts under it: its rule is not in force yet, and packets of
// the one that had it are a former rule's.
void pp_plane_begin_slot(struct pp_plane *plane, uint32_t slot);

// Wait until the workers have taken every packet that has been received by now.
//
// @return  0; -ETIMEDOUT, with err set.
int pp_plane_wait_taken(const struct pp_plane *plane, struct pp_error *err);

// Create workers and analysers, and decide which worker has which CPU and which rings.
//
// @return  0; -ENOMEM, with err set; pp_plane_destroy_threads() undoes what was done.
int pp_plane_create_threads(struct pp_plane *plane, struct pp_error *err);
void pp_plane_destroy_threads(struct pp_plane *plane);

// Listen for link changes.
int pp_plane_watch(struct pp_plane *plane, struct pp_error *err);
