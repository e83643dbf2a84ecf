// SPDX-License-Identifier: MIT OR Apache-2.0
// A counter that one thread writes and any thread reads.
//
// Threads    add: the one writer.
// Cost       a load and a store; no locked instruction.
#pragma once

#include <stdint.h>

static inline void pp_counter_add(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}
