// SPDX-License-Identifier: MIT OR Apache-2.0
#include "worker_priv.h"

#define URCU_INLINE_SMALL_FUNCTIONS // rcu_dereference() is a load, not a call
#include <urcu-qsbr.h>

#include "copy_ring.h"
#include "port.h"

// Loops, some 40 ns each, that a copy ring is left alone for after a look found a few records.
#define RING_REST 128

static void copy_to_consumer(struct pp_worker *worker, const struct pp_meta *meta)
{
	uint32_t row = pp_rows_index(worker->params.rows, meta->iface, meta->queue);
	struct pp_ledger_row *ledger = &worker->ledger[row];
	struct pp_lanes *lanes;

	pp_rows_bump(ledger, PP_LEDGER_RING_READ, 1);
	if (meta->consumer >= worker->params.consumer_count) {
		pp_rows_bump(ledger, PP_LEDGER_COPY_NO_CONSUMER, 1);
		return;
	}
	lanes = &worker->params.consumer[meta->consumer].lanes;
	if (lanes->state != NULL) {
		pp_lanes_gather(lanes, meta, (const uint8_t *)(meta + 1), false,
				pp_worker_now(worker));
		pp_rows_bump(ledger, PP_LEDGER_COPY_HANDED_OFF, 1);
		pp_rows_bump(ledger, PP_LEDGER_COPY_ANALYSED, 1);
	} else if (pp_lanes_push_copy(lanes, rcu_dereference(worker->ports), meta, false)) {
		pp_rows_bump(ledger, PP_LEDGER_COPY_HANDED_OFF, 1);
	} else {
		pp_rows_bump(ledger, PP_LEDGER_COPY_HANDOFF_FULL, 1);
	}
}

// What was gathered of a copy ring, before its records go.
static void analyse_records(struct pp_worker *worker)
{
	for (uint32_t i = 0; worker->analyses && i < worker->params.consumer_count; i++)
		if (worker->params.consumer[i].lanes.view_count > 0)
			pp_lanes_call(&worker->params.consumer[i].lanes, pp_worker_now(worker));
}

// A look at a ring takes its cache lines from the CPU that fills it. Who looks after every record
// slows that CPU down several times over; so after a look that found a few records the ring is left
// alone for some microseconds, to fill.
static bool leave_alone(struct pp_worker *worker, uint32_t ring)
{
	if (worker->ring_rest[ring] == 0)
		return false;
	worker->ring_rest[ring]--;
	return true;
}

uint32_t pp_worker_serve_rings(struct pp_worker *worker)
{
	const struct pp_meta *record[PP_BURST];
	uint32_t total = 0;

	for (uint32_t i = 0; i < worker->params.ring_count; i++) {
		struct pp_copy_ring *ring = worker->params.ring[i];
		uint32_t n;

		if (leave_alone(worker, i) || pp_copy_ring_empty(ring))
			continue;
		n = pp_copy_ring_burst(ring, record, PP_BURST);
		if (n > 0 && n < PP_BURST)
			worker->ring_rest[i] = RING_REST;

		pp_counter_add(&worker->info.bursts, n > 0);
		for (uint32_t j = 0; j < n; j++)
			copy_to_consumer(worker, record[j]);
		analyse_records(worker);
		pp_copy_ring_release(ring);
		total += n;
	}
	return total;
}
