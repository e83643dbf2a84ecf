// SPDX-License-Identifier: MIT OR Apache-2.0
// A receiver as the plane has it: receiver.c reads, plane_receiver.c opens and closes.
//
// Threads    the list of receivers is the control thread's.
#pragma once

#include <push-packet/ledger.h>
#include <push-packet/plane.h>
#include <push-packet/receiver.h>

#include "copy_ring.h"
#include "gate.h"
#include "rows.h"

struct pp_receiver {
	struct pp_receiver *next; // in the plane's list
	struct pp_gate gate;
	struct pp_plane *plane;
	int cpu; // PP_RECEIVER_ALL
	uint32_t ring_count;
	struct pp_copy_ring **ring; // borrowed
	struct pollfd *pollfd; // of the rings and of the gate
	uint32_t next_ring; // that burst() begins with
	uint32_t hearing; // a thread silences the bells
	bool taken; // events that are not released
	bool always_wake; // somebody has the descriptor
	int epoll_fd; // until the plane is closed; -1: nobody asked
	volatile uint64_t *wake; // by CPU: 1 asks the XDP program to wake us
	const struct pp_rows *rows;
	struct pp_ledger_row *ledger; // by row; written by who is in a call
	uint64_t bytes;
};

// Ask the XDP program to wake who waits for these rings, or not to.
void pp_receiver_set_wake(struct pp_receiver *receiver, uint64_t wake);

// The same for good: somebody has the descriptor.
void pp_receiver_wake_always(struct pp_receiver *receiver);

void pp_plane_close_receivers(struct pp_plane *plane);
void pp_plane_free_receivers(struct pp_plane *plane);
// Add what all receivers of a plane counted for a row.
void pp_plane_receivers_ledger(const struct pp_plane *plane,
			       uint32_t row,
			       struct pp_ledger_row *sum);
