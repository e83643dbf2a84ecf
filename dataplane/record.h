// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `capture`: packets to pcapng files.
//
// An analysis thread makes packet blocks in memory that it shares with the one writer thread
// (record_queue.h) and waits for nothing. A packet that finds no room is lost to this capture only
// and counted; the next block of its interface tells how many were.
//
// Threads, Cost, Ownership: as push-packet/analyser.h; it may run on workers.
#pragma once

#include <push-packet/analyser.h>

extern const struct pp_analyser_ops pp_record_ops;
