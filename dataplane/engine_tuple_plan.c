// SPDX-License-Identifier: MIT OR Apache-2.0
// Which masks a set of rules gets: rules are grouped by their own masks, loosened a little, and then
// groups are merged, smallest first, into what is less specific, as long as few rules share a key
// there. The plan is a proposal: where a rule really goes is decided when it is placed.
#include "engine_tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 2048u
// Bits of the key that a merge may lose when there are tables enough.
#define LOSS_MAX 4u

struct group {
	struct pp_tuple_mask mask;
	uint64_t addr_mask[4];
	uint64_t word_mask;
	uint64_t seed;
	uint32_t first; // box; the others by next[]; PP_TUPLE_NONE
	uint32_t last;
	uint32_t count;
	uint32_t best_rank;
};

struct plan {
	const struct pp_tuple_box *box;
	uint32_t *next; // by box: in its group
	int ip6;
	uint64_t seed;
	struct group *group;
	uint32_t group_count;
	uint64_t *key; // hash table: hash << 8 | how many rules share it
	uint64_t key_mask;
	uint64_t keys;
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 32) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 29) * 0x94d049bb133111ebu;
	return x ^ x >> 32;
}

static uint64_t key_of(const struct plan *plan, const struct group *group, uint32_t box)
{
	const struct pp_tuple_box *at = &plan->box[box];
	uint64_t hash = group->seed;

	hash += (pp_tuple_box_word(at, plan->ip6) & group->word_mask) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ hash >> 31) + (at->addr[0] & group->addr_mask[0]);
	if (plan->ip6)
		for (int i = 1; i < 4; i++)
			hash = mix(hash) + (at->addr[i] & group->addr_mask[i]);
	return mix(hash) | 0x100;
}

// @return  Where the number of rules of a key is kept.
static uint64_t *key_at(struct plan *plan, uint64_t key)
{
	uint64_t at = key >> 20 & plan->key_mask;

	while (plan->key[at] != 0 && (plan->key[at] ^ key) >> 8 != 0)
		at = (at + 1) & plan->key_mask;
	if (plan->key[at] == 0) {
		plan->key[at] = key & ~0xffull;
		plan->keys++;
	}
	return &plan->key[at];
}

// @return  How many rules have the key now; 255 and more are 255.
static uint32_t count_up(struct plan *plan, const struct group *group, uint32_t box)
{
	uint64_t *key = key_at(plan, key_of(plan, group, box));

	if ((*key & 0xff) < 0xff)
		++*key;
	return *key & 0xff;
}

static bool has_room(const struct plan *plan, uint32_t keys)
{
	return plan->keys + keys < plan->key_mask / 4 * 3;
}

static void group_set_mask(struct plan *plan, struct group *group, const struct pp_tuple_mask *mask)
{
	group->mask = *mask;
	group->seed = mix(plan->seed += 0x9e3779b97f4a7c15u);
	pp_tuple_mask_write(mask, plan->ip6, group->addr_mask, &group->word_mask);
}

static struct group *group_find(struct plan *plan, const struct pp_tuple_mask *mask)
{
	struct group *group;

	for (uint32_t i = 0; i < plan->group_count; i++)
		if (memcmp(&plan->group[i].mask, mask, sizeof(*mask)) == 0)
			return &plan->group[i];
	if (plan->group_count == GROUPS_MAX)
		return NULL;
	group = &plan->group[plan->group_count++];
	*group = (struct group){
		.first = PP_TUPLE_NONE, .last = PP_TUPLE_NONE, .best_rank = UINT32_MAX};
	group_set_mask(plan, group, mask);
	return group;
}

static void group_append(struct plan *plan, struct group *group, uint32_t box)
{
	plan->next[box] = PP_TUPLE_NONE;
	if (group->last == PP_TUPLE_NONE)
		group->first = box;
	else
		plan->next[group->last] = box;
	group->last = box;
	group->count++;
	if (plan->box[box].rank < group->best_rank)
		group->best_rank = plan->box[box].rank;
}

static uint8_t loosen_bits(uint8_t bits, int ip6)
{
	if (ip6)
		return bits >= 128 ? 128 : bits >= 64 ? 64 : bits / 8 * 8;
	return bits < 8 ? 0 : bits / 4 * 4 > 28 ? 28 : bits / 4 * 4;
}

static struct pp_tuple_mask loosened(const struct pp_tuple_box *box, int ip6)
{
	struct pp_tuple_mask mask = pp_tuple_box_mask(box);
	uint8_t half = ip6 ? 32 : 16, apart = ip6 ? 16 : 4;

	if (mask.dst >= half && mask.dst > mask.src + apart)
		mask.src = mask.src >= half ? half : 0;
	else if (mask.src >= half && mask.src > mask.dst + apart)
		mask.dst = mask.dst >= half ? half : 0;
	mask.src = loosen_bits(mask.src, ip6);
	mask.dst = loosen_bits(mask.dst, ip6);
	mask.sport = mask.sport == 16 ? 16 : 0;
	mask.dport = mask.dport == 16 ? 16 : 0;
	return mask;
}

static void group_all(struct plan *plan, uint32_t count)
{
	struct group *group = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct pp_tuple_mask mask = loosened(&plan->box[i], plan->ip6);

		if (group == NULL || memcmp(&group->mask, &mask, sizeof(mask)) != 0)
			group = group_find(plan, &mask);
		if (group == NULL)
			return;
		group_append(plan, group, i);
		count_up(plan, group, i);
	}
}

// Rules that share a key with too many go to the group of their own mask.
static void split_crowded(struct plan *plan)
{
	uint32_t groups = plan->group_count;

	for (uint32_t i = 0; i < groups; i++) {
		struct group *group = &plan->group[i];
		uint32_t box = group->first, next;

		group->first = group->last = PP_TUPLE_NONE;
		group->count = 0;
		for (; box != PP_TUPLE_NONE; box = next) {
			struct pp_tuple_mask mask = pp_tuple_box_mask(&plan->box[box]);
			struct group *to = group;

			next = plan->next[box];
			mask.sport = mask.sport == 16 ? 16 : 0;
			mask.dport = mask.dport == 16 ? 16 : 0;
			if ((*key_at(plan, key_of(plan, group, box)) & 0xff) > PP_TUPLE_SHARE)
				to = group_find(plan, &mask) ?: group;
			group_append(plan, to, box);
			if (to != group)
				count_up(plan, to, box);
		}
	}
}

static uint32_t loss(const struct pp_tuple_mask *from, const struct pp_tuple_mask *to, int ip6)
{
	uint32_t addr = (uint32_t)(from->src - to->src) + (uint32_t)(from->dst - to->dst);

	return (ip6 ? addr / 2 : addr) + (uint32_t)(from->sport - to->sport) / 2 +
	       (uint32_t)(from->dport - to->dport) / 2 + (uint32_t)(from->proto - to->proto) +
	       6 * (uint32_t)(from->iface - to->iface);
}

// Count the rules of one group under another one's mask.
//
// @return  false: too many would share a key; nothing is counted then.
static bool
try_counts(struct plan *plan, const struct group *from, const struct group *to, uint32_t share_max)
{
	for (uint32_t box = from->first; box != PP_TUPLE_NONE; box = plan->next[box]) {
		if (count_up(plan, to, box) <= share_max)
			continue;
		for (uint32_t undo = from->first;; undo = plan->next[undo]) {
			--*key_at(plan, key_of(plan, to, undo));
			if (undo == box)
				return false;
		}
	}
	return true;
}

static void merge_lists(struct plan *plan, struct group *from, struct group *to)
{
	if (from->count == 0)
		return;
	if (to->last == PP_TUPLE_NONE)
		to->first = from->first;
	else
		plan->next[to->last] = from->first;
	to->last = from->last;
	to->count += from->count;
	if (from->best_rank < to->best_rank)
		to->best_rank = from->best_rank;
	from->count = 0;
	from->first = from->last = PP_TUPLE_NONE;
}

static int by_count(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return (x->count > y->count) - (x->count < y->count);
}

// Order by size, without those that are empty.
static void sort_groups(struct plan *plan)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < plan->group_count; i++)
		if (plan->group[i].count > 0)
			plan->group[kept++] = plan->group[i];
	plan->group_count = kept;
	qsort(plan->group, kept, sizeof(plan->group[0]), by_count);
}

// Merge one group into the closest that is less specific and has room.
static bool merge_down(struct plan *plan, struct group *from, uint32_t loss_max)
{
	uint32_t tried = 0; // losses up to here, less one

	for (;;) {
		struct group *best = NULL;
		uint32_t best_loss = loss_max + 1;

		for (uint32_t i = 0; i < plan->group_count; i++) {
			struct group *to = &plan->group[i];
			uint32_t lost;

			if (to == from || to->count == 0 ||
			    !pp_tuple_mask_fits(&to->mask, &from->mask))
				continue;
			lost = loss(&from->mask, &to->mask, plan->ip6);
			if (lost >= tried && lost < best_loss) {
				best_loss = lost;
				best = to;
			}
		}
		if (best == NULL || !has_room(plan, from->count))
			return false;
		if (try_counts(plan, from, best, PP_TUPLE_SHARE)) {
			merge_lists(plan, from, best);
			return true;
		}
		tried = best_loss + 1;
	}
}

static uint32_t merge_pass(struct plan *plan, uint32_t loss_max, uint32_t enough)
{
	uint32_t left;

	sort_groups(plan);
	left = plan->group_count;
	for (uint32_t i = 0; i < plan->group_count && left > enough; i++)
		if (plan->group[i].count > 0 && merge_down(plan, &plan->group[i], loss_max))
			left--;
	return left;
}

static struct pp_tuple_mask common(const struct pp_tuple_mask *a, const struct pp_tuple_mask *b)
{
#define LEAST(field) .field = a->field < b->field ? a->field : b->field
	return (struct pp_tuple_mask){LEAST(src),   LEAST(dst),	  LEAST(sport),
				      LEAST(dport), LEAST(proto), LEAST(iface)};
#undef LEAST
}

// Two groups, neither of which fits into the other, become one of what they have in common.
static bool merge_common(struct plan *plan, struct group *from)
{
	struct group *best = NULL, joined = *from;
	uint32_t best_loss = UINT32_MAX;
	struct pp_tuple_mask mask;

	for (uint32_t i = 0; i < plan->group_count; i++) {
		struct group *to = &plan->group[i];
		uint32_t lost;

		if (to == from || to->count == 0 || to->count > from->count * 8 + 64)
			continue;
		mask = common(&from->mask, &to->mask);
		lost = loss(&from->mask, &mask, plan->ip6) + loss(&to->mask, &mask, plan->ip6);
		if (lost < best_loss) {
			best_loss = lost;
			best = to;
		}
	}
	if (best == NULL || !has_room(plan, from->count + best->count))
		return false;
	mask = common(&from->mask, &best->mask);
	group_set_mask(plan, &joined, &mask);
	if (!try_counts(plan, from, &joined, PP_TUPLE_STEPS) ||
	    !try_counts(plan, best, &joined, PP_TUPLE_STEPS))
		return false;
	merge_lists(plan, from, best);
	best->mask = joined.mask;
	best->seed = joined.seed;
	best->word_mask = joined.word_mask;
	memcpy(best->addr_mask, joined.addr_mask, sizeof(joined.addr_mask));
	return true;
}

static void merge_all(struct plan *plan)
{
	for (uint32_t pass = 0, before = UINT32_MAX; pass < 4 && plan->group_count < before;
	     pass++) {
		before = plan->group_count;
		merge_pass(plan, LOSS_MAX, 1);
		sort_groups(plan);
	}
	if (plan->group_count > PP_TUPLE_TABLES_PLANNED)
		merge_pass(plan, UINT32_MAX - 1, PP_TUPLE_TABLES_PLANNED);
	for (uint32_t pass = 0; pass < 8; pass++) {
		uint32_t left;

		sort_groups(plan);
		left = plan->group_count;
		for (uint32_t i = 0; i < plan->group_count && left > PP_TUPLE_TABLES_PLANNED; i++)
			if (plan->group[i].count > 0 && merge_common(plan, &plan->group[i]))
				left--;
	}
	sort_groups(plan);
}

static int by_rank(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return (x->best_rank > y->best_rank) - (x->best_rank < y->best_rank);
}

// The largest groups keep their masks.
static int take_masks(struct plan *plan, struct pp_tuple_mask mask[])
{
	uint32_t count = plan->group_count;
	struct group *group = plan->group;

	if (count > PP_TUPLE_TABLES_PLANNED) {
		group += count - PP_TUPLE_TABLES_PLANNED;
		count = PP_TUPLE_TABLES_PLANNED;
	}
	qsort(group, count, sizeof(group[0]), by_rank);
	for (uint32_t i = 0; i < count; i++)
		mask[i] = group[i].mask;
	return (int)count;
}

int pp_tuple_plan(struct pp_tuple_mask mask[PP_TUPLE_TABLES_PLANNED],
		  const struct pp_tuple_box *box,
		  uint32_t count,
		  int ip6,
		  uint64_t seed)
{
	struct plan plan = {.box = box, .ip6 = ip6, .seed = seed, .key_mask = 1024};
	int ret = -ENOMEM;

	while (plan.key_mask < 4 * (uint64_t)count)
		plan.key_mask *= 2;
	plan.next = calloc(count + 1, sizeof(plan.next[0]));
	plan.key = calloc(plan.key_mask--, sizeof(plan.key[0]));
	plan.group = calloc(GROUPS_MAX, sizeof(plan.group[0]));
	if (plan.next != NULL && plan.key != NULL && plan.group != NULL) {
		group_all(&plan, count);
		split_crowded(&plan);
		merge_all(&plan);
		ret = take_masks(&plan, mask);
	}
	free(plan.next);
	free(plan.key);
	free(plan.group);
	return ret;
}
