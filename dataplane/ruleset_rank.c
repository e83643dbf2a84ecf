// SPDX-License-Identifier: MIT OR Apache-2.0
// Ranks: the match order as numbers with gaps, so that a rule that comes between two others leaves
// theirs alone.
#include <push-packet/ruleset.h>

#include <errno.h>

#include "ruleset_priv.h"

#define STEP (1u << 12) // between neighbours, where there is room
#define PRIO_STEP (1u << 20) // where a prio ends: more rules of it will come
#define FIRST (PP_RANK_END / 2)
#define WINDOW 32u // half of the rules that get other ranks, at least
#define WINDOW_GAP 256u // that they must have between them then

_Static_assert(PP_RULES_MAX <= PP_RANK_END / (2 * STEP), "a step for each rule on either side");

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// How far from an outermost rule the next one gets its rank.
//
// @param room   Numbers beyond it.
// @param rules  That are still to come, at most.
static uint32_t step_out(uint32_t room, bool same_prio, uint32_t rules)
{
	if (!same_prio && room >= PRIO_STEP + rules * STEP)
		return PRIO_STEP;
	if (room >= 2 * STEP)
		return STEP;
	return (room + 15) / 16;
}

// What follows goes behind the rules of its prio as well, so most of the gap is kept for it.
static uint32_t step_between(uint32_t gap, bool same_prio)
{
	uint32_t step = least(gap / 1024, STEP);

	if (gap < 2)
		return 0;
	if (!same_prio)
		return gap / 2;
	return step > 0 ? step : 1;
}

uint32_t pp_ruleset_rank(const struct pp_ruleset *set, uint32_t index, uint32_t prio)
{
	const struct pp_ruleset_entry *before = index > 0 ? pp_ruleset_at(set, index - 1) : NULL;
	const struct pp_ruleset_entry *after = pp_ruleset_at(set, index);
	uint32_t rules = PP_RULES_MAX - pp_ruleset_count(set), step;
	bool same_prio = before != NULL && before->rule.prio == prio;

	if (before == NULL && after == NULL)
		return FIRST;
	if (before == NULL) {
		step = step_out(after->rank - 1, false, rules);
		return step > 0 ? after->rank - step : 0;
	}
	if (after == NULL)
		step = step_out(PP_RANK_END - 1 - before->rank, same_prio, rules);
	else
		step = step_between(after->rank - before->rank, same_prio);
	return step > 0 ? before->rank + step : 0;
}

// The wider the window the sparser it must be, so that it lasts.
static bool is_sparse(uint32_t room, uint32_t rules, uint32_t half)
{
	uint32_t gap = WINDOW_GAP;

	for (; half >= 4 * WINDOW; half /= 4)
		gap *= 2;
	return room / (rules + 1) >= gap;
}

static int set_rank(struct pp_ruleset *set, uint32_t index, uint32_t rank)
{
	struct pp_ruleset_entry entry = *pp_ruleset_at(set, index);
	struct pp_rule_item *item;

	if (pp_rule_pool_reserve(&set->pool, pp_rule_tree_needs(&set->by_rank) +
						     pp_rule_tree_needs(&set->by_id)) < 0)
		return -ENOMEM;
	entry.rank = rank;
	item = pp_rule_item_create(&entry);
	if (item == NULL)
		return -ENOMEM;
	item->refs++; // one for each tree
	pp_rule_tree_set(&set->by_rank, &set->pool, index, item);
	pp_rule_tree_set(&set->by_id, &set->pool, pp_rule_tree_lower(&set->by_id, entry.id), item);
	return 0;
}

int pp_ruleset_spread(struct pp_ruleset *set, uint32_t index)
{
	uint32_t count = pp_ruleset_count(set), half = WINDOW / 2, begin, end, low, high, step;
	int ret = 0;

	do {
		half *= 2;
		begin = index > half ? index - half : 0;
		end = least(index + half, count);
		low = begin > 0 ? pp_ruleset_at(set, begin - 1)->rank : 0;
		high = end < count ? pp_ruleset_at(set, end)->rank : PP_RANK_END;
	} while (!is_sparse(high - low, end - begin + 1, half) && (begin > 0 || end < count));
	// Half of the room for the place where rules come: more will come there.
	step = (high - low) / (2 * (end - begin + 1));
	for (uint32_t i = begin, rank = low; ret == 0 && i < end; i++) {
		rank += step + (i == index ? (high - low) / 2 : 0);
		ret = set_rank(set, i, rank);
	}
	return ret;
}

// A run of rules in a list: begin to end, between the ranks low and high.
struct run {
	uint32_t begin, end, low, high;
};

static struct run run_of(const uint32_t *rank, uint32_t begin, uint32_t end, uint32_t count)
{
	return (struct run){begin, end, begin > 0 ? rank[begin - 1] : 0,
			    end < count ? rank[end] : PP_RANK_END};
}

static bool ends_prio(const struct run *run, const uint32_t *prio, uint32_t index)
{
	return index > run->begin && prio[index] != prio[index - 1];
}

static void rank_run(uint32_t *rank, const uint32_t *prio, const struct run *run, uint32_t count)
{
	uint32_t rules = run->end - run->begin, room = run->high - run->low, prios = 1;
	uint32_t step = least(STEP, room / (rules + 1)), at = run->low, more, length;

	for (uint32_t i = run->begin; i < run->end; i++)
		prios += ends_prio(run, prio, i);
	more = least(PRIO_STEP, (room - step * (rules + 1)) / (2 * prios));
	length = step * (rules + 1) + more * (prios - 1);
	// Beside the rules that there are; in the middle if there are none.
	if (run->begin == 0)
		at += run->end == count ? (room - length) / 2 : room - length;
	for (uint32_t i = run->begin; i < run->end; i++) {
		at += step + (ends_prio(run, prio, i) ? more : 0);
		rank[i] = at;
	}
}

void pp_ruleset_rank_all(uint32_t *rank, const uint32_t *prio, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct run run;
		uint32_t end = i;

		while (end < count && rank[end] == 0)
			end++;
		if (end == i)
			continue;
		run = run_of(rank, i, end, count);
		for (uint32_t half = WINDOW;
		     run.high - run.low <= run.end - run.begin ||
		     (half > WINDOW && !is_sparse(run.high - run.low, run.end - run.begin, half));
		     half *= 2) {
			if (run.begin == 0 && run.end == count)
				break;
			end = run.end + least(half, count - run.end);
			while (end < count && rank[end] == 0)
				end++;
			run = run_of(rank, run.begin - least(half, run.begin), end, count);
		}
		rank_run(rank, prio, &run, count);
		i = run.end - 1;
	}
}
