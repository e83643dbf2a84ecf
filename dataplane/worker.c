// SPDX-License-Identifier: MIT OR Apache-2.0
#include "worker_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

#define URCU_INLINE_SMALL_FUNCTIONS // rcu_dereference() is a load, not a call
#include <urcu-qsbr.h>

#include "counter.h"
#include "forward.h"
#include "port.h"
#include "port_list.h"
#include "reflect.h"
#include "rule_table.h"
#include "thread.h"

#define TICK_NS 100000000u // of analysers that run on the worker
#define LOOK_CYCLES (1u << 16) // from one look whether a tick is due to the next

_Static_assert(PP_BURST <= PP_ANALYSER_BURST, "a burst is one call of an analyser");

static void find_analysers(struct pp_worker *worker)
{
	for (uint32_t i = 0; i < worker->params.consumer_count; i++) {
		struct pp_lanes *lanes = &worker->params.consumer[i].lanes;

		worker->analyses |= lanes->state != NULL;
		if (lanes->count > 0 && lanes->lane->handoff != NULL)
			worker->away[worker->away_count++] = lanes;
	}
}

int pp_worker_create(struct pp_worker **out,
		     const struct pp_worker_params *params,
		     struct pp_error *err)
{
	struct pp_worker *worker = calloc(1, sizeof(*worker));
	size_t ring_bytes = params->ring_count * sizeof(params->ring[0]);

	if (worker == NULL)
		goto failed;
	worker->params = *params;
	worker->info.cpu = params->cpu;
	for (uint32_t i = 0; i < params->consumer_count; i++)
		worker->stamps |= params->consumer[i].stamp;
	worker->ports = &worker->list[0];
	worker->ledger = calloc(params->rows->total, sizeof(*worker->ledger));
	worker->ring_rest = calloc(params->ring_count ?: 1, sizeof(*worker->ring_rest));
	worker->pollfd = calloc(params->rows->total + params->ring_count, sizeof(*worker->pollfd));
	worker->params.ring = malloc(ring_bytes ?: 1);
	if (pp_port_list_init(&worker->list[0], params->rows->total) < 0 ||
	    pp_port_list_init(&worker->list[1], params->rows->total) < 0 ||
	    worker->ledger == NULL || worker->ring_rest == NULL || worker->pollfd == NULL ||
	    worker->params.ring == NULL)
		goto destroy_worker;
	memcpy(worker->params.ring, params->ring, ring_bytes);
	find_analysers(worker);
	*out = worker;
	return 0;

destroy_worker:
	pp_worker_destroy(worker);
failed:
	return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a worker");
}

void pp_worker_destroy(struct pp_worker *worker)
{
	if (worker == NULL)
		return;
	pp_worker_stop(worker, UINT64_MAX);
	free(worker->params.ring);
	free(worker->pollfd);
	free(worker->ring_rest);
	free(worker->ledger);
	pp_port_list_fini(&worker->list[1]);
	pp_port_list_fini(&worker->list[0]);
	free(worker);
}

void pp_worker_set_ports(struct pp_worker *worker,
			 struct pp_port *const port[],
			 uint32_t count,
			 struct pp_port *const leaving[],
			 uint32_t leaving_count)
{
	struct pp_port_list *next = &worker->list[worker->ports == &worker->list[0]];

	pp_port_list_set(next, worker->params.rows, port, count, leaving, leaving_count);
	rcu_assign_pointer(worker->ports, next);
	synchronize_rcu();
}

// One burst of routed packets of one port on its way to the consumers.
struct burst {
	struct pp_port *port;
	struct pp_ledger_row *ledger;
	uint16_t row;
	uint64_t received_ns; // 0 while no consumer wants to know
	uint32_t tx_count;
	struct pp_port_rx tx[PP_BURST];
	struct pp_forward forward;
	uint64_t sink, tx_bad, no_consumer, handed_off, handoff_full, analysed;
};

static void to_reflect(struct burst *burst, const struct pp_port_rx *rx, bool stamp)
{
	const struct pp_port_info *info = pp_port_info(burst->port);

	if (stamp)
		pp_reflect_stamp(rx->data, rx->len_bytes, burst->received_ns);
	if (info->can_send && pp_reflect(rx->data, rx->len_bytes, info->frame_kind)) {
		burst->tx[burst->tx_count++] = *rx;
		return;
	}
	burst->tx_bad++;
	pp_port_recycle(burst->port, rx->data);
}

static void to_forward(const struct pp_worker *worker,
		       struct burst *burst,
		       uint32_t iface,
		       const struct pp_port_rx *rx)
{
	const struct pp_port_list *list = rcu_dereference(worker->ports);
	uint32_t queue = pp_port_info(burst->port)->queue;

	pp_forward_add(&burst->forward,
		       list->sender[pp_rows_index(worker->params.rows, iface, queue)], rx);
}

// What was kept of this burst for an analyser's threads.
static void hand_over(const struct pp_worker *worker, struct burst *burst, struct pp_lanes *lanes)
{
	if (lanes->frame_count > 0)
		burst->handoff_full += pp_lanes_push_frames(lanes, rcu_dereference(worker->ports),
							    burst->port, burst->ledger);
}

static void to_analyser(struct pp_worker *worker,
			struct burst *burst,
			struct pp_lanes *lanes,
			const struct pp_port_rx *rx)
{
	const struct pp_port_list *list = rcu_dereference(worker->ports);
	const struct pp_meta *meta = (const struct pp_meta *)rx->data - 1;

	if (lanes->state != NULL) {
		pp_lanes_gather(lanes, meta, rx->data, true, pp_worker_now(worker));
		burst->handed_off++;
		return;
	}
	if (pp_port_lend(burst->port)) {
		pp_lanes_add_frame(lanes, rx->data);
		return;
	}
	hand_over(worker, burst, lanes);
	if (pp_lanes_push_copy(lanes, list, meta, true))
		burst->handed_off++;
	else
		burst->handoff_full++;
	pp_port_recycle(burst->port, rx->data);
}

static void to_consumer(struct pp_worker *worker, struct burst *burst, const struct pp_port_rx *rx)
{
	const struct pp_meta *meta = (const struct pp_meta *)rx->data - 1;
	struct pp_worker_consumer *consumer;

	if (meta->consumer >= worker->params.consumer_count) {
		burst->no_consumer++;
		pp_port_recycle(burst->port, rx->data);
		return;
	}
	consumer = &worker->params.consumer[meta->consumer];
	switch (consumer->kind) {
	case PP_CONSUMER_REFLECT:
		to_reflect(burst, rx, consumer->stamp);
		break;
	case PP_CONSUMER_FORWARD:
		to_forward(worker, burst, consumer->forward_iface, rx);
		break;
	case PP_CONSUMER_SINK:
		burst->sink++;
		pp_port_recycle(burst->port, rx->data);
		break;
	default:
		to_analyser(worker, burst, &consumer->lanes, rx);
		break;
	}
}

// What was gathered of this burst goes to the analysers, and its frames back.
static void analyse_frames(struct pp_worker *worker, struct burst *burst)
{
	for (uint32_t i = 0; worker->analyses && i < worker->params.consumer_count; i++) {
		struct pp_lanes *lanes = &worker->params.consumer[i].lanes;
		uint32_t n =
			lanes->view_count > 0 ? pp_lanes_call(lanes, pp_worker_now(worker)) : 0;

		for (uint32_t j = 0; j < n; j++)
			pp_port_recycle(burst->port, lanes->view[j].data);
		burst->analysed += n;
	}
}

// All packets to the one consumer there is. They carry no metadata.
static void to_sole(const struct pp_worker *worker,
		    struct burst *burst,
		    const struct pp_port_rx rx[],
		    uint32_t n)
{
	if (worker->rules->sole == PP_CONSUMER_SINK) {
		for (uint32_t i = 0; i < n; i++)
			pp_port_recycle(burst->port, rx[i].data);
		burst->sink = n;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(rx[i].data, 1);
	for (uint32_t i = 0; i < n; i++)
		to_reflect(burst, &rx[i], false);
}

static void to_consumers(struct pp_worker *worker,
			 struct burst *burst,
			 const struct pp_port_rx rx[],
			 uint32_t n)
{
	if (worker->rules->sole != PP_CONSUMER_KINDS) {
		to_sole(worker, burst, rx, n);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(rx[i].data - sizeof(struct pp_meta));
	for (uint32_t i = 0; i < n; i++)
		to_consumer(worker, burst, &rx[i]);
	for (uint32_t i = 0; i < worker->away_count; i++)
		hand_over(worker, burst, worker->away[i]);
	analyse_frames(worker, burst);
}

// Make everything handed to analysers visible to them.
static void flush(struct pp_worker *worker)
{
	for (uint32_t i = 0; i < worker->away_count; i++)
		pp_lanes_flush(worker->away[i]);
}

// Kicked before anything else is done, for these packets are waited for.
//
// @return  System calls made.
static uint32_t send_burst(struct burst *burst)
{
	uint32_t sent = 0, kicks;

	if (burst->tx_count > 0)
		sent = pp_port_tx_burst(burst->port, burst->tx, burst->tx_count);
	kicks = pp_port_kick(burst->port);
	for (uint32_t i = sent; i < burst->tx_count; i++)
		pp_port_recycle(burst->port, burst->tx[i].data);
	pp_rows_bump(burst->ledger, PP_LEDGER_REFLECTED, sent);
	pp_rows_bump(burst->ledger, PP_LEDGER_TX_RING_FULL, burst->tx_count - sent);
	return kicks;
}

static void count_burst(struct burst *burst)
{
	pp_rows_bump(burst->ledger, PP_LEDGER_SINK, burst->sink);
	pp_forward_count(&burst->forward, burst->ledger);
	pp_rows_bump(burst->ledger, PP_LEDGER_TX_BAD, burst->tx_bad);
	pp_rows_bump(burst->ledger, PP_LEDGER_NO_CONSUMER, burst->no_consumer);
	pp_rows_bump(burst->ledger, PP_LEDGER_HANDED_OFF, burst->handed_off);
	pp_rows_bump(burst->ledger, PP_LEDGER_HANDOFF_FULL, burst->handoff_full);
	pp_rows_bump(burst->ledger, PP_LEDGER_ANALYSED, burst->analysed);
}

// @return  System calls made.
static uint32_t serve_burst(struct pp_worker *worker,
			    struct pp_port *port,
			    const struct pp_port_rx rx[],
			    uint32_t n)
{
	struct burst burst;
	uint32_t kicks;

	pp_counter_add(&worker->info.bursts, 1);
	burst.port = port;
	burst.row = (uint16_t)pp_port_info(port)->row;
	burst.ledger = &worker->ledger[burst.row];
	pp_rows_bump(burst.ledger, PP_LEDGER_XSK_RX, n);
	burst.received_ns = worker->stamps ? pp_clock_ns(CLOCK_MONOTONIC) : 0;
	burst.tx_count = 0;
	pp_forward_begin(&burst.forward, port);
	burst.sink = burst.tx_bad = burst.no_consumer = 0;
	burst.handed_off = burst.handoff_full = burst.analysed = 0;
	to_consumers(worker, &burst, rx, n);
	kicks = send_burst(&burst);
	pp_forward_send(&burst.forward);
	count_burst(&burst);
	return kicks + burst.forward.kicks;
}

// Received packets first: reclaim and refill look at cache lines that the kernel has just written, and
// a packet would wait for them. What was sent has mostly left when the kick returns.
static uint32_t serve_port(struct pp_worker *worker, struct pp_port *port)
{
	struct pp_port_rx rx[PP_BURST];
	uint32_t n = pp_port_rx_burst(port, rx), completed, kicks;

	kicks = n > 0 ? serve_burst(worker, port, rx, n) : pp_port_kick(port);
	pp_counter_add(&worker->info.kicks, kicks);
	completed = pp_port_tx_reclaim(port);
	if (completed > 0)
		pp_rows_bump(&worker->ledger[pp_port_info(port)->row], PP_LEDGER_TX_COMPLETED,
			     completed);
	pp_port_refill(port);
	return n + completed;
}

static uint32_t serve_ports(struct pp_worker *worker)
{
	struct pp_port_list *list = rcu_dereference(worker->ports);
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->count; i++)
		n += serve_port(worker, list->port[i]);
	return n;
}

// Frames that analysers are done with. Not counted as work: it must not keep a worker awake.
static void take_back(struct pp_worker *worker)
{
	const struct pp_port_list *list = rcu_dereference(worker->ports);

	for (uint32_t i = 0; i < worker->away_count; i++)
		for (uint32_t j = 0; j < worker->away[i]->count; j++)
			pp_port_list_take_back(list, worker->away[i]->lane[j].handoff);
}

static void call_tick(struct pp_worker *worker)
{
	for (uint32_t i = 0; i < worker->params.consumer_count; i++)
		if (worker->params.consumer[i].lanes.state != NULL)
			pp_lanes_tick(&worker->params.consumer[i].lanes, pp_worker_now(worker));
	worker->next_tick_ns = pp_worker_now(worker) + TICK_NS;
}

// Analysers that run on the worker want to know the time, now and then also without packets.
static void begin_loop(struct pp_worker *worker, uint64_t cycles)
{
	worker->now_ns = 0;
	if (!worker->analyses || cycles - worker->looked_cycles < LOOK_CYCLES)
		return;
	worker->looked_cycles = cycles;
	if (pp_worker_now(worker) >= worker->next_tick_ns)
		call_tick(worker);
}

static void *worker_run(void *arg)
{
	struct pp_worker *worker = arg;

	rcu_register_thread();
	while (!__atomic_load_n(&worker->stop, __ATOMIC_ACQUIRE)) {
		uint64_t begin = __builtin_ia32_rdtsc();
		uint32_t n;

		// Before anything is received: whoever sees that a packet was taken knows that it is
		// treated by the table from before it looked. See end_sole() in plane_apply.c.
		worker->rules = rcu_dereference(*worker->params.rules);
		begin_loop(worker, begin);
		n = serve_ports(worker) + pp_worker_serve_rings(worker);
		flush(worker);
		take_back(worker);
		rcu_quiescent_state();
		pp_counter_add(&worker->info.loops, 1);
		if (n == 0) {
			pp_worker_idle(worker);
			continue;
		}
		worker->spins = 0;
		pp_counter_add(&worker->info.busy_cycles, __builtin_ia32_rdtsc() - begin);
	}
	call_tick(worker);
	rcu_unregister_thread();
	return NULL;
}

int pp_worker_start(struct pp_worker *worker, struct pp_error *err)
{
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "pp-worker-%u", worker->params.index % 1000);
	ret = pp_thread_start(&worker->thread, name, worker->params.cpu, worker_run, worker, err);
	worker->running = ret == 0;
	return ret;
}

void pp_worker_end(struct pp_worker *worker)
{
	__atomic_store_n(&worker->stop, true, __ATOMIC_RELEASE);
}

int pp_worker_stop(struct pp_worker *worker, uint64_t until_ns)
{
	int ret;

	if (!worker->running)
		return 0;
	pp_worker_end(worker);
	ret = pp_thread_join(worker->thread, until_ns);
	worker->running = ret < 0;
	return ret;
}

void pp_worker_ledger(const struct pp_worker *worker, uint32_t row, struct pp_ledger_row *sum)
{
	pp_rows_read(sum, &worker->ledger[row]);
}

void pp_worker_info(const struct pp_worker *worker, struct pp_worker_info *out)
{
	out->cpu = worker->info.cpu;
	out->loops = __atomic_load_n(&worker->info.loops, __ATOMIC_RELAXED);
	out->idle_loops = __atomic_load_n(&worker->info.idle_loops, __ATOMIC_RELAXED);
	out->sleeps = __atomic_load_n(&worker->info.sleeps, __ATOMIC_RELAXED);
	out->kicks = __atomic_load_n(&worker->info.kicks, __ATOMIC_RELAXED);
	out->busy_cycles = __atomic_load_n(&worker->info.busy_cycles, __ATOMIC_RELAXED);
	out->bursts = __atomic_load_n(&worker->info.bursts, __ATOMIC_RELAXED);
}
