// SPDX-License-Identifier: MIT OR Apache-2.0
#include "kernel_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "map.h"

void pp_kernel_counts_clear(struct pp_kernel_counts *counts)
{
	*counts = (struct pp_kernel_counts){.now = {.fd = -1}, .before = {.fd = -1}};
}

static void close_memory(const struct pp_kernel_counts *counts, struct pp_count_memory *memory)
{
	pp_map_unmap(memory->bytes, counts->cpu_count * memory->layout.cpu_bytes);
	pp_map_close(&memory->fd);
	*memory = (struct pp_count_memory){.fd = -1};
}

static int open_memory(const struct pp_kernel_counts *counts,
		       uint64_t slots,
		       struct pp_count_memory *out,
		       struct pp_error *err)
{
	struct pp_count_memory memory = {.fd = -1};
	uint64_t rules_at = counts->row_count * sizeof(struct pp_queue_row);
	uint64_t meters_at = rules_at + slots * sizeof(struct pp_rule_row), bytes;
	int ret;

	memory.layout = (struct pp_rows_layout){
		.cpu_bytes = meters_at + PP_METERS_MAX * sizeof(struct pp_meter_state),
		.rules_at = rules_at,
		.meters_at = meters_at,
		.slots = slots,
	};
	bytes = counts->cpu_count * memory.layout.cpu_bytes;
	if (bytes >= PP_MAP_BYTES_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "counters of %llu rules on %u CPUs need more than the %u MiB "
				    "that a program can address",
				    (unsigned long long)slots, counts->cpu_count,
				    PP_MAP_BYTES_MAX >> 20);
	ret = pp_map_create_value(&memory.fd, "pp_rows", bytes, err);
	ret = ret ?: pp_map_memory(&memory.bytes, memory.fd, bytes, false, err);
	if (ret < 0)
		close_memory(counts, &memory);
	else
		*out = memory;
	return ret;
}

int pp_kernel_counts_open(struct pp_kernel_counts *counts,
			  uint32_t row_count,
			  uint64_t slots,
			  struct pp_error *err)
{
	int cpus = libbpf_num_possible_cpus();
	int ret;

	pp_kernel_counts_clear(counts);
	if (cpus < 0)
		return pp_error_set(err, cpus, 0, 0, "cannot count the CPUs: %s", strerror(-cpus));
	counts->cpu_count = 1;
	while (counts->cpu_count < (uint32_t)cpus)
		counts->cpu_count *= 2;
	counts->row_count = row_count;
	counts->carried_row = calloc(row_count, sizeof(*counts->carried_row));
	counts->carried_rule = calloc(PP_SLOTS_MAX, sizeof(*counts->carried_rule));
	ret = counts->carried_row == NULL || counts->carried_rule == NULL
		      ? pp_error_set(err, -ENOMEM, 0, 0, "out of memory")
		      : open_memory(counts, slots, &counts->now, err);
	if (ret < 0)
		pp_kernel_counts_close(counts);
	return ret;
}

void pp_kernel_counts_close(struct pp_kernel_counts *counts)
{
	close_memory(counts, &counts->before);
	close_memory(counts, &counts->now);
	free(counts->carried_row);
	free(counts->carried_rule);
	pp_kernel_counts_clear(counts);
}

int pp_kernel_counts_grow(struct pp_kernel_counts *counts, uint64_t slots, struct pp_error *err)
{
	struct pp_count_memory memory;
	int ret = open_memory(counts, slots, &memory, err);

	if (ret < 0)
		return ret;
	counts->before = counts->now;
	counts->now = memory;
	return 0;
}

static uint64_t load(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_queue(const struct pp_kernel_counts *counts,
		      const struct pp_count_memory *memory,
		      uint32_t row,
		      uint64_t sum[PP_COUNT_END])
{
	for (uint32_t cpu = 0; memory->bytes != NULL && cpu < counts->cpu_count; cpu++)
		// Exits before arrivals: a packet between the two reads is in flight, not one too many.
		for (int i = PP_COUNT_END - 1; i >= 0; i--)
			sum[i] += load(&pp_kernel_counts_queue_of(memory, cpu, row)->count[i]);
}

static void add_rule(const struct pp_kernel_counts *counts,
		     const struct pp_count_memory *memory,
		     uint32_t slot,
		     struct pp_rule_stats *sum)
{
	if (memory->bytes == NULL || slot >= memory->layout.slots)
		return;
	for (uint32_t cpu = 0; cpu < counts->cpu_count; cpu++) {
		const struct pp_rule_row *row = pp_kernel_counts_rule_of(memory, cpu, slot);

		sum->pkts += load(&row->pkts);
		sum->bytes += load(&row->bytes);
	}
}

// Keep what was counted in memory that goes.
static void carry(struct pp_kernel_counts *counts, struct pp_count_memory *memory)
{
	for (uint32_t row = 0; memory->bytes != NULL && row < counts->row_count; row++)
		add_queue(counts, memory, row, (uint64_t *)counts->carried_row[row].count);
	for (uint32_t slot = 0; memory->bytes != NULL && slot < memory->layout.slots; slot++) {
		struct pp_rule_stats sum = {0};

		add_rule(counts, memory, slot, &sum);
		counts->carried_rule[slot].pkts += sum.pkts;
		counts->carried_rule[slot].bytes += sum.bytes;
	}
	close_memory(counts, memory);
}

void pp_kernel_counts_retire(struct pp_kernel_counts *counts)
{
	carry(counts, &counts->before);
}

void pp_kernel_counts_revert(struct pp_kernel_counts *counts)
{
	if (counts->before.fd < 0)
		return;
	carry(counts, &counts->now);
	counts->now = counts->before;
	counts->before = (struct pp_count_memory){.fd = -1};
}

void pp_kernel_counts_queue(const struct pp_kernel_counts *counts,
			    uint32_t row,
			    struct pp_ledger_row *out)
{
	uint64_t sum[PP_COUNT_END] = {0};

	add_queue(counts, &counts->now, row, sum);
	add_queue(counts, &counts->before, row, sum);
	for (int i = 0; i < PP_COUNT_END; i++)
		out->v[i] += sum[i] + counts->carried_row[row].count[i];
}

void pp_kernel_counts_rule(const struct pp_kernel_counts *counts,
			   uint32_t slot,
			   struct pp_rule_stats *out)
{
	*out = (struct pp_rule_stats){.pkts = counts->carried_rule[slot].pkts,
				      .bytes = counts->carried_rule[slot].bytes};
	add_rule(counts, &counts->now, slot, out);
	add_rule(counts, &counts->before, slot, out);
}
