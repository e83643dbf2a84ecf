// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_swap.h"

struct pp_ruleset {
	uint32_t count;
	uint32_t generation;
	uint32_t last_id;
	uint8_t default_verdict; // enum pp_verdict
	bool slot_used[PP_SLOTS];
	struct pp_ruleset_entry *entry[PP_RULES_MAX]; // in match order
};

int pp_ruleset_create(struct pp_ruleset **out)
{
	struct pp_ruleset *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->generation = 1;
	set->default_verdict = PP_VERDICT_PASS;
	set->slot_used[PP_SLOT_DEFAULT] = true;
	*out = set;
	return 0;
}

void pp_ruleset_destroy(struct pp_ruleset *set)
{
	if (set == NULL)
		return;
	for (uint32_t i = 0; i < set->count; i++)
		free(set->entry[i]);
	free(set);
}

int pp_ruleset_copy(struct pp_ruleset **out, const struct pp_ruleset *set)
{
	struct pp_ruleset *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return -ENOMEM;
	*copy = *set;
	for (copy->count = 0; copy->count < set->count; copy->count++) {
		struct pp_ruleset_entry *entry = malloc(sizeof(*entry));

		if (entry == NULL)
			goto destroy_copy;
		*entry = *set->entry[copy->count];
		copy->entry[copy->count] = entry;
	}
	*out = copy;
	return 0;

destroy_copy:
	pp_ruleset_destroy(copy);
	return -ENOMEM;
}

void pp_ruleset_swap(struct pp_ruleset *set, struct pp_ruleset *other)
{
	struct pp_ruleset kept = *set;

	*set = *other;
	*other = kept;
}

// Where a rule of this prio goes: behind all that are not after it.
static uint32_t insert_index(const struct pp_ruleset *set, uint32_t prio)
{
	uint32_t index = set->count;

	while (index > 0 && set->entry[index - 1]->rule.prio > prio)
		index--;
	return index;
}

static uint16_t free_slot(const struct pp_ruleset *set)
{
	uint16_t slot = PP_SLOT_DEFAULT + 1;

	while (set->slot_used[slot])
		slot++;
	return slot;
}

int pp_ruleset_add(struct pp_ruleset *set,
		   const struct pp_rule *rule,
		   uint32_t *id,
		   struct pp_error *err)
{
	struct pp_ruleset_entry *entry;
	uint32_t index;

	if (set->count == PP_RULES_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "the rule set is full: it holds at most %u rules",
				    PP_RULES_MAX);
	if (set->last_id == UINT32_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0, "no rule id is left: start again");
	entry = malloc(sizeof(*entry));
	if (entry == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for another rule");

	entry->rule = *rule;
	entry->id = ++set->last_id;
	entry->slot = free_slot(set);
	set->slot_used[entry->slot] = true;

	index = insert_index(set, rule->prio);
	memmove(&set->entry[index + 1], &set->entry[index],
		(set->count - index) * sizeof(set->entry[0]));
	set->entry[index] = entry;
	set->count++;
	set->generation++;
	if (id != NULL)
		*id = entry->id;
	return 0;
}

static uint32_t find_index(const struct pp_ruleset *set, uint32_t id)
{
	uint32_t index = 0;

	while (index < set->count && set->entry[index]->id != id)
		index++;
	return index;
}

int pp_ruleset_remove(struct pp_ruleset *set, uint32_t id, struct pp_error *err)
{
	uint32_t index = find_index(set, id);

	if (index == set->count)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no rule with id %u", id);
	set->slot_used[set->entry[index]->slot] = false;
	free(set->entry[index]);
	set->count--;
	memmove(&set->entry[index], &set->entry[index + 1],
		(set->count - index) * sizeof(set->entry[0]));
	set->generation++;
	return 0;
}

int pp_ruleset_set_default(struct pp_ruleset *set, uint8_t verdict)
{
	if (verdict != PP_VERDICT_PASS && verdict != PP_VERDICT_DROP)
		return -EINVAL;
	set->default_verdict = verdict;
	set->generation++;
	return 0;
}

uint8_t pp_ruleset_default(const struct pp_ruleset *set)
{
	return set->default_verdict;
}

uint32_t pp_ruleset_count(const struct pp_ruleset *set)
{
	return set->count;
}

uint32_t pp_ruleset_generation(const struct pp_ruleset *set)
{
	return set->generation;
}

const struct pp_ruleset_entry *pp_ruleset_at(const struct pp_ruleset *set, uint32_t index)
{
	return index < set->count ? set->entry[index] : NULL;
}

const struct pp_ruleset_entry *pp_ruleset_find(const struct pp_ruleset *set, uint32_t id)
{
	uint32_t index = find_index(set, id);

	return index < set->count ? set->entry[index] : NULL;
}
