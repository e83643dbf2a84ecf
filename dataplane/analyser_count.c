// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `count`: a table (count.h) for each thread.
#include "analysers.h"

#include <errno.h>
#include <stdlib.h>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "count.h"
#include "rule_table.h"

struct count_thread {
	struct pp_count_table *table;
	struct pp_rule_table *const *rules; // RCU
};

struct count_state {
	uint8_t frame_kind[PP_IFACES_MAX];
	uint32_t count;
	struct count_thread thread[];
};

static void destroy(void *state)
{
	struct count_state *all = state;

	for (uint32_t i = 0; i < all->count; i++)
		pp_count_destroy(all->thread[i].table);
	free(all);
}

static int create(void **out, const struct pp_analyser_env *env, struct pp_error *err)
{
	struct count_state *all =
		calloc(1, sizeof(*all) + env->thread_count * sizeof(all->thread[0]));

	if (all == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	all->count = env->thread_count;
	for (uint32_t i = 0; i < env->iface_count; i++)
		all->frame_kind[i] = env->iface[i].frame_kind;
	for (uint32_t i = 0; i < all->count; i++) {
		all->thread[i].rules = env->rules;
		if (pp_count_create(&all->thread[i].table, all->frame_kind) < 0) {
			destroy(all);
			return pp_error_set(err, -ENOMEM, 0, 0, "no memory for counting");
		}
	}
	*out = all;
	return 0;
}

static void *thread(void *state, uint32_t index)
{
	return &((struct count_state *)state)->thread[index];
}

static void
count_packets(void *state, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	const struct count_thread *thread = state;
	const struct pp_rule_table *rules = rcu_dereference(*thread->rules);

	(void)now_ns;
	for (uint32_t i = 0; i < n; i++)
		pp_count_packet(thread->table, rules, view[i].meta, view[i].data);
}

uint32_t pp_count_tables(void *state)
{
	return ((struct count_state *)state)->count;
}

const struct pp_count_table *pp_count_table_of(void *state, uint32_t thread)
{
	return ((struct count_state *)state)->thread[thread].table;
}

const struct pp_analyser_ops pp_count_ops = {
	.abi = PP_ANALYSER_ABI,
	.flags = PP_ANALYSER_ON_WORKER,
	.name = "count",
	.create = create,
	.thread = thread,
	.packets = count_packets,
	.destroy = destroy,
};
