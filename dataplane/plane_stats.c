// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"
#include "channel_priv.h"
#include "count.h"
#include "receiver_priv.h"
#include "worker.h"

uint32_t pp_plane_iface_count(const struct pp_plane *plane)
{
	return plane->config.iface_count;
}

void pp_plane_iface(const struct pp_plane *plane, uint32_t index, struct pp_iface_info *out)
{
	const struct pp_plane_iface *iface = &plane->iface[index];

	*out = (struct pp_iface_info){
		.name = plane->config.iface[index].name,
		.ifindex = iface->netif.ifindex,
		.frame_kind = plane->frame_kind[index],
		.mode = pp_tap_mode(iface->tap),
		.frags = pp_tap_frags(iface->tap),
		.attached = pp_tap_attached(iface->tap),
		.up = iface->netif.up,
		.mtu_bytes = iface->netif.mtu_bytes,
		.queue_count = iface->netif.queue_count,
		.row_count = plane->rows.count[index],
		.times_deleted = iface->times_deleted,
		.times_returned = iface->times_returned,
		.times_down = iface->times_down,
		.times_up = iface->times_up,
		.times_mtu = iface->times_mtu,
		.times_channels = iface->times_channels,
	};
}

static void
queue_info(const struct pp_plane *plane, uint32_t index, uint32_t row, struct pp_queue_info *out)
{
	const struct pp_plane_iface *iface = &plane->iface[index];
	bool beyond = row == plane->rows.count[index] - 1u;
	const struct pp_port *port = beyond ? NULL : iface->port[row];

	*out = (struct pp_queue_info){
		.queue = beyond ? -1 : (int32_t)row, .numa_node = -1, .worker = -1};
	if (port == NULL)
		return;
	out->socket = true;
	out->zerocopy = pp_port_info(port)->zerocopy;
	out->spread = pp_port_info(port)->spread;
	out->hugepages = pp_port_info(port)->hugepages;
	out->numa_node = pp_port_info(port)->numa_node;
	out->napi_id = pp_port_info(port)->napi_id;
	out->frames = pp_port_info(port)->frames;
	out->worker = iface->worker[row] == UINT16_MAX ? -1 : iface->worker[row];
}

// Read against the flow of packets, so that a packet on its way is seen as in flight and never
// twice: consumers first, then what fed them, the XDP program last.
static void
queue_ledger(const struct pp_plane *plane, uint32_t index, uint32_t row, struct pp_ledger_row *out)
{
	uint32_t at = plane->rows.base[index] + row;
	const struct pp_port *port =
		row >= plane->rows.count[index] - 1u ? NULL : plane->iface[index].port[row];

	*out = (struct pp_ledger_row){0};
	for (uint32_t i = 0; i < plane->config.consumer_count; i++)
		if (plane->consumer[i].analysis != NULL)
			pp_analysis_ledger(plane->consumer[i].analysis, at, out);
	for (uint32_t i = 0; i < plane->worker_count; i++)
		pp_worker_ledger(plane->worker[i], at, out);
	pp_plane_receivers_ledger(plane, at, out);
	if (row < plane->rows.count[index] - 1u)
		pp_channel_ledger(plane->iface[index].channel[row], out);
	pp_ledger_add(out, &plane->retired[at]);
	if (port != NULL)
		pp_port_stats(port, out);
	pp_kernel_counts_queue(&plane->maps.counts, at, out);
}

void pp_plane_queue(const struct pp_plane *plane,
		    uint32_t iface,
		    uint32_t row,
		    struct pp_queue_info *info,
		    struct pp_ledger_row *ledger)
{
	pp_plane_lock(plane);
	queue_info(plane, iface, row, info);
	queue_ledger(plane, iface, row, ledger);
	pp_plane_unlock(plane);
}

void pp_plane_egress(const struct pp_plane *plane,
		     uint32_t iface,
		     struct pp_egress_info *info,
		     struct pp_ledger_row *ledger)
{
	const struct pp_tap_out *out = plane->iface[iface].out;

	*info = (struct pp_egress_info){0};
	if (out != NULL) {
		info->attached = pp_tap_out_attached(out);
		info->verified_insns = pp_tap_out_verified_insns(out);
	}
	queue_ledger(plane, iface, plane->rows.count[iface], ledger);
}

void pp_plane_total(const struct pp_plane *plane, struct pp_ledger_row *out)
{
	*out = (struct pp_ledger_row){0};
	pp_plane_lock(plane);
	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		for (uint32_t row = 0; row <= plane->rows.count[i]; row++) {
			struct pp_ledger_row ledger;

			queue_ledger(plane, i, row, &ledger);
			pp_ledger_add(out, &ledger);
		}
	pp_plane_unlock(plane);
}

void pp_plane_rule_stats(const struct pp_plane *plane, uint32_t slot, struct pp_rule_stats *out)
{
	*out = (struct pp_rule_stats){0};
	if (slot >= PP_SLOTS_MAX)
		return;
	pp_kernel_counts_rule(&plane->maps.counts, slot, out);
	out->pkts -= plane->rule_base[slot].pkts;
	out->bytes -= plane->rule_base[slot].bytes;
}

const struct pp_ruleset *pp_plane_rules(const struct pp_plane *plane)
{
	return plane->rules;
}

uint32_t pp_plane_worker_count(const struct pp_plane *plane)
{
	return plane->worker_count;
}

void pp_plane_worker(const struct pp_plane *plane, uint32_t worker, struct pp_worker_info *out)
{
	pp_worker_info(plane->worker[worker], out);
}

uint32_t pp_plane_consumer_count(const struct pp_plane *plane)
{
	return plane->config.consumer_count;
}

const struct pp_consumer_config *pp_plane_consumer(const struct pp_plane *plane, uint32_t consumer)
{
	return &plane->config.consumer[consumer];
}

// Tables of a COUNT consumer: its thread's, or one per worker.
//
// @return  How many; 0: not a COUNT consumer.
static uint32_t tables(const struct pp_plane *plane,
		       uint32_t consumer,
		       const struct pp_count_table *table[PP_WORKERS_MAX])
{
	uint32_t count;
	void *state;

	if (consumer >= plane->config.consumer_count ||
	    plane->config.consumer[consumer].kind != PP_CONSUMER_COUNT)
		return 0;
	state = pp_analysis_state(plane->consumer[consumer].analysis);
	count = pp_count_tables(state);
	for (uint32_t i = 0; i < count; i++)
		table[i] = pp_count_table_of(state, i);
	return count;
}

// What a COUNT consumer ever counted under a slot.
static int count_slot(const struct pp_plane *plane,
		      uint32_t consumer,
		      uint32_t slot,
		      struct pp_count_stats *out)
{
	const struct pp_count_table *table[PP_WORKERS_MAX];
	uint32_t n = tables(plane, consumer, table);

	if (n == 0 || slot > PP_SLOT_FORMER)
		return -EINVAL;
	*out = (struct pp_count_stats){0};
	for (uint32_t i = 0; i < n; i++)
		pp_count_rule(table[i], slot, out);
	return 0;
}

int pp_plane_count_rule(const struct pp_plane *plane,
			uint32_t consumer,
			uint32_t slot,
			struct pp_count_stats *out)
{
	const struct pp_count_stats *base;
	int ret = count_slot(plane, consumer, slot, out);

	if (ret < 0 || slot == PP_SLOT_FORMER)
		return ret;
	base = &plane->consumer[consumer].base[slot];
	out->pkts -= base->pkts;
	out->bytes -= base->bytes;
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		out->size_pkts[i] -= base->size_pkts[i];
	return 0;
}

void pp_plane_begin_slot(struct pp_plane *plane, uint32_t slot)
{
	pp_kernel_counts_rule(&plane->maps.counts, slot, &plane->rule_base[slot]);
	for (uint32_t i = 0; i < plane->config.consumer_count; i++)
		if (plane->consumer[i].base != NULL)
			count_slot(plane, i, slot, &plane->consumer[i].base[slot]);
}

void pp_plane_apply_stats(const struct pp_plane *plane, struct pp_apply_stats *out)
{
	*out = plane->apply;
	out->image_bytes = plane->maps.images.layout.half_bytes;
	out->set_bytes = plane->maps.images.layout.set_bytes;
}

struct gathered {
	struct pp_source_stats *source;
	size_t count;
	size_t room;
};

static void gather(void *arg, const struct pp_source_stats *source)
{
	struct gathered *all = arg;

	if (all->count < all->room)
		all->source[all->count++] = *source;
}

static int by_address(const void *a, const void *b)
{
	const struct pp_source_stats *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return memcmp(x->addr, y->addr, sizeof(x->addr));
}

static int by_packets(const void *a, const void *b)
{
	const struct pp_source_stats *x = a, *y = b;

	if (x->count.pkts != y->count.pkts)
		return x->count.pkts > y->count.pkts ? -1 : 1;
	return by_address(a, b);
}

static void add_stats(struct pp_count_stats *sum, const struct pp_count_stats *stats)
{
	sum->pkts += stats->pkts;
	sum->bytes += stats->bytes;
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		sum->size_pkts[i] += stats->size_pkts[i];
}

// The same source may stand in the tables of several workers.
static void merge(struct gathered *all)
{
	size_t kept = 0;

	qsort(all->source, all->count, sizeof(all->source[0]), by_address);
	for (size_t i = 0; i < all->count; i++) {
		if (kept > 0 && by_address(&all->source[kept - 1], &all->source[i]) == 0)
			add_stats(&all->source[kept - 1].count, &all->source[i].count);
		else
			all->source[kept++] = all->source[i];
	}
	all->count = kept;
	qsort(all->source, all->count, sizeof(all->source[0]), by_packets);
}

int pp_plane_count_sources(const struct pp_plane *plane,
			   uint32_t consumer,
			   struct pp_source_stats *out,
			   uint32_t max,
			   struct pp_count_stats *other)
{
	const struct pp_count_table *table[PP_WORKERS_MAX];
	uint32_t n = tables(plane, consumer, table);
	struct gathered all = {.room = (size_t)n * PP_COUNT_SOURCES};

	if (n == 0)
		return -EINVAL;
	all.source = malloc(all.room * sizeof(all.source[0]));
	if (all.source == NULL)
		return -ENOMEM;
	*other = (struct pp_count_stats){0};
	for (uint32_t i = 0; i < n; i++) {
		pp_count_each_source(table[i], gather, &all);
		pp_count_other(table[i], other);
	}
	merge(&all);
	if (max > all.count)
		max = (uint32_t)all.count;
	memcpy(out, all.source, max * sizeof(out[0]));
	free(all.source);
	return (int)max;
}
