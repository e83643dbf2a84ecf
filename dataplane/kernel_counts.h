// SPDX-License-Identifier: MIT OR Apache-2.0
// Counters that the XDP programs write: by CPU, of queues and of rules. Read through mmap.
//
// Threads    control thread.
// Cost       reading: a load for each CPU, no system call.
// Ownership  the map lives as long as this or a loaded program holds it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <push-packet/abi_meter.h>
#include <push-packet/error.h>
#include <push-packet/ledger.h>
#include <push-packet/plane.h>

struct pp_count_memory {
	int fd;
	const uint8_t *bytes; // by CPU, layout.cpu_bytes apart
	struct pp_rows_layout layout;
};

struct pp_kernel_counts {
	struct pp_count_memory now;
	struct pp_count_memory before; // fd -1: none; programs that count in it are being exchanged
	uint32_t cpu_count; // that can ever be there, rounded up to a power of two
	uint32_t row_count; // queue rows of all interfaces
	// From memory that is gone.
	struct pp_queue_row *carried_row; // by row
	struct pp_rule_row *carried_rule; // by slot, PP_SLOTS_MAX
};

// @param row_count  Queue rows of all interfaces together.
// @param slots      Of rules, a power of two.
// @return           0; -errno, with err set. Undone on failure.
int pp_kernel_counts_open(struct pp_kernel_counts *counts,
			  uint32_t row_count,
			  uint64_t slots,
			  struct pp_error *err);
// NULL-safe after memset to 0 with fds of -1: see pp_kernel_counts_clear().
void pp_kernel_counts_close(struct pp_kernel_counts *counts);
void pp_kernel_counts_clear(struct pp_kernel_counts *counts);

// Make memory for more rules, for programs that are about to be loaded. What was counted goes on being
// read, and programs that are attached go on counting, until retire() or revert().
//
// @return  0; -errno, with err set and nothing changed.
int pp_kernel_counts_grow(struct pp_kernel_counts *counts, uint64_t slots, struct pp_error *err);
// No program counts in the memory before any more.
void pp_kernel_counts_retire(struct pp_kernel_counts *counts);
// Back to the memory before.
void pp_kernel_counts_revert(struct pp_kernel_counts *counts);

// Sums over CPUs, added to out.
void pp_kernel_counts_queue(const struct pp_kernel_counts *counts,
			    uint32_t row,
			    struct pp_ledger_row *out);
void pp_kernel_counts_rule(const struct pp_kernel_counts *counts,
			   uint32_t slot,
			   struct pp_rule_stats *out);

// What one CPU has in memory now.
static inline const struct pp_queue_row *
pp_kernel_counts_queue_of(const struct pp_count_memory *memory, uint32_t cpu, uint32_t row)
{
	return (const struct pp_queue_row *)(memory->bytes + cpu * memory->layout.cpu_bytes) + row;
}

static inline const struct pp_rule_row *
pp_kernel_counts_rule_of(const struct pp_count_memory *memory, uint32_t cpu, uint32_t slot)
{
	return (const struct pp_rule_row *)(memory->bytes + cpu * memory->layout.cpu_bytes +
					    memory->layout.rules_at) +
	       slot;
}

static inline const struct pp_meter_state *
pp_kernel_counts_meter_of(const struct pp_count_memory *memory, uint32_t cpu, uint32_t meter)
{
	return (const struct pp_meter_state *)(memory->bytes + cpu * memory->layout.cpu_bytes +
					       memory->layout.meters_at) +
	       meter;
}
