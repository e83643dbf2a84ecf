// SPDX-License-Identifier: MIT OR Apache-2.0
#include "worker_priv.h"

#include <poll.h>

#define URCU_INLINE_SMALL_FUNCTIONS // rcu_dereference() is a load, not a call
#include <urcu-qsbr.h>

#include "copy_ring.h"
#include "counter.h"
#include "port.h"

// Empty loops before an adaptive worker sleeps: some tens of microseconds.
#define ADAPTIVE_SPINS 2000
// A sleeper looks again after this long whatever happens: the XDP program may have read the
// wake flag just before it was set.
#define SLEEP_MS 10

static bool something_waits(const struct pp_worker *worker)
{
	for (uint32_t i = 0; i < worker->params.ring_count; i++)
		if (pp_copy_ring_ready(worker->params.ring[i]))
			return true;
	return false;
}

static void set_wake(struct pp_worker *worker, uint64_t wake)
{
	for (uint32_t i = 0; i < worker->params.ring_count; i++)
		__atomic_store_n(&worker->params.wake[worker->params.ring[i]->cpu], wake,
				 __ATOMIC_SEQ_CST);
}

static nfds_t fill_pollfd(struct pp_worker *worker)
{
	const struct pp_port_list *list = rcu_dereference(worker->ports);
	nfds_t n = 0;

	for (uint32_t i = 0; i < list->count; i++)
		worker->pollfd[n++] = (struct pollfd){pp_port_fd(list->port[i]), POLLIN, 0};
	for (uint32_t i = 0; i < worker->params.ring_count; i++)
		worker->pollfd[n++] =
			(struct pollfd){pp_copy_ring_fd(worker->params.ring[i]), POLLIN, 0};
	return n;
}

// Descriptors are gathered while online: offline, the list may go. A socket closed meanwhile stays
// bound until poll() returns.
static void sleep_in_poll(struct pp_worker *worker)
{
	nfds_t n;

	if (something_waits(worker))
		return;
	n = fill_pollfd(worker);
	set_wake(worker, 1);
	if (!something_waits(worker)) {
		rcu_thread_offline();
		poll(worker->pollfd, n, SLEEP_MS);
		rcu_thread_online();
		pp_counter_add(&worker->info.sleeps, 1);
	}
	set_wake(worker, 0);
	for (uint32_t i = 0; i < worker->params.ring_count; i++)
		pp_copy_ring_hear(worker->params.ring[i]);
}

void pp_worker_idle(struct pp_worker *worker)
{
	pp_counter_add(&worker->info.idle_loops, 1);
	if (worker->params.idle == PP_IDLE_BUSY ||
	    (worker->params.idle == PP_IDLE_ADAPTIVE && ++worker->spins < ADAPTIVE_SPINS)) {
		__builtin_ia32_pause();
		return;
	}
	sleep_in_poll(worker);
}
