// SPDX-License-Identifier: MIT OR Apache-2.0
// The ports that a worker serves at a time.
//
// Threads    init, set, fini: control thread, while no worker has the list. take_back: the worker.
// Cost       take_back: no allocation, lock or system call.
// Ownership  ports and rings are borrowed.
#pragma once

#include <stdint.h>

#include "rows.h"

struct pp_port;
struct pp_handoff;

struct pp_port_list {
	uint32_t count;
	struct pp_port **port; // receive and send: count of them
	struct pp_port **by_row; // take lent frames back: one for each row; NULL: not ours
	struct pp_port **sender; // by row: who sends what is forwarded to that queue; NULL: nobody
};

// Room for a port in every row. fini() frees what was made by a failure.
//
// @return  0; -ENOMEM.
int pp_port_list_init(struct pp_port_list *list, uint32_t rows);
void pp_port_list_fini(struct pp_port_list *list);

// @param leaving  Ports that lent frames are taken back for only.
void pp_port_list_set(struct pp_port_list *list,
		      const struct pp_rows *rows,
		      struct pp_port *const port[],
		      uint32_t count,
		      struct pp_port *const leaving[],
		      uint32_t leaving_count);

// Take frames back that an analyser is done with.
//
// @return  How many.
uint32_t pp_port_list_take_back(const struct pp_port_list *list, struct pp_handoff *handoff);
