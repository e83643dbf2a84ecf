// SPDX-License-Identifier: MIT OR Apache-2.0
// Which ledger row a queue of an interface has.
//
// Threads    any; fixed once the plane is open.
#pragma once

#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/ledger.h>

#include "counter.h"

struct pp_rows {
	uint32_t total;
	uint16_t base[PP_IFACES_MAX];
	// The last row of each is for queues beyond. Behind it is one more for what is sent, which
	// count does not count.
	uint16_t count[PP_IFACES_MAX];
};

// The row of what an interface sends.
static inline uint32_t pp_rows_out(const struct pp_rows *rows, uint32_t iface)
{
	return rows->base[iface] + (uint32_t)rows->count[iface];
}

// The same mapping as pp_queue_index() in bpf/act.bpf.h.
//
// @param queue  As in struct pp_meta.
static inline uint32_t pp_rows_index(const struct pp_rows *rows, uint32_t iface, uint32_t queue)
{
	uint32_t last;

	if (iface >= PP_IFACES_MAX || rows->count[iface] == 0)
		return 0;
	if (queue == PP_QUEUE_OUT)
		return pp_rows_out(rows, iface);
	last = rows->count[iface] - 1u;
	return rows->base[iface] + (queue < last ? queue : last);
}

// Count in a row that one thread writes and others read.
static inline void
pp_rows_bump(struct pp_ledger_row *row, enum pp_ledger_column column, uint64_t by)
{
	pp_counter_add(&row->v[column], by);
}

// Add a row that another thread writes.
static inline void pp_rows_read(struct pp_ledger_row *sum, const struct pp_ledger_row *row)
{
	// Where a packet goes stands behind where it came from, and is read before.
	for (int i = PP_LEDGER_COLUMNS - 1; i >= 0; i--)
		sum->v[i] += __atomic_load_n(&row->v[i], __ATOMIC_ACQUIRE);
}
