// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_priv.h"

#define CAPACITY_MIN 16u

_Static_assert(PP_RULES_MAX <= UINT16_MAX, "order[] holds indices");

int pp_ruleset_create(struct pp_ruleset **out)
{
	struct pp_ruleset *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->generation = 1;
	set->settled_id = UINT32_MAX;
	set->default_verdict = PP_VERDICT_PASS;
	set->slot[PP_SLOT_DEFAULT] = PP_SLOT_USED;
	*out = set;
	return 0;
}

void pp_ruleset_destroy(struct pp_ruleset *set)
{
	if (set == NULL)
		return;
	for (uint32_t i = 0; i < set->set_count; i++)
		pp_set_unref(set->set[i].addresses);
	free(set->entry);
	free(set);
}

int pp_ruleset_copy(struct pp_ruleset **out, const struct pp_ruleset *set)
{
	struct pp_ruleset *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return -ENOMEM;
	*copy = *set;
	// Room for a few more: a copy is made to be changed.
	copy->capacity = set->count + CAPACITY_MIN;
	copy->entry = malloc(copy->capacity * sizeof(copy->entry[0]));
	if (copy->entry == NULL) {
		free(copy);
		return -ENOMEM;
	}
	if (set->count > 0)
		memcpy(copy->entry, set->entry, set->count * sizeof(set->entry[0]));
	for (uint32_t i = 0; i < copy->set_count; i++)
		pp_set_ref(copy->set[i].addresses);
	*out = copy;
	return 0;
}

void pp_ruleset_swap(struct pp_ruleset *set, struct pp_ruleset *other)
{
	struct pp_ruleset kept = *set;

	*set = *other;
	*other = kept;
}

void pp_ruleset_settle(struct pp_ruleset *set)
{
	for (uint32_t slot = 0; slot < PP_SLOTS_MAX; slot++)
		if (set->slot[slot] == PP_SLOT_LEAVING)
			set->slot[slot] = PP_SLOT_FREE;
	set->settled_id = set->last_id;
}

int pp_ruleset_reserve(struct pp_ruleset *set, uint32_t count, struct pp_error *err)
{
	uint32_t capacity = set->capacity > CAPACITY_MIN ? set->capacity : CAPACITY_MIN;
	struct pp_ruleset_entry *grown;

	if (count <= set->capacity)
		return 0;
	while (capacity < count)
		capacity *= 2;
	grown = reallocarray(set->entry, capacity, sizeof(*grown));
	if (grown == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for another rule");
	set->entry = grown;
	set->capacity = capacity;
	return 0;
}

static int find_set_of_rule(struct pp_ruleset *set,
			    const char *name,
			    struct pp_named_set **out,
			    struct pp_error *err)
{
	*out = NULL;
	if (name[0] == '\0')
		return 0;
	*out = pp_ruleset_named_set(set, name);
	if (*out == NULL)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no set @%s", name);
	return 0;
}

static uint32_t count_used_sets(const struct pp_ruleset *set)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < set->set_count; i++)
		used += set->set[i].users > 0;
	return used;
}

// A rule that names a set twice is one user.
static int use_sets(struct pp_ruleset *set, const struct pp_rule *rule, struct pp_error *err)
{
	struct pp_named_set *src, *dst;
	uint32_t more;
	int ret;

	ret = find_set_of_rule(set, rule->src_set, &src, err);
	if (ret == 0)
		ret = find_set_of_rule(set, rule->dst_set, &dst, err);
	if (ret < 0)
		return ret;
	if (dst == src)
		dst = NULL;
	more = (src != NULL && src->users == 0) + (dst != NULL && dst->users == 0);
	if (more > 0 && count_used_sets(set) + more > PP_SETS_USED_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "too many sets are in use: rules name at most %u of them",
				    PP_SETS_USED_MAX);
	if (src != NULL)
		src->users++;
	if (dst != NULL)
		dst->users++;
	return 0;
}

int pp_ruleset_append(struct pp_ruleset *set,
		      const struct pp_rule *rule,
		      enum pp_origin origin,
		      uint64_t now_ns,
		      struct pp_ruleset_entry **out,
		      struct pp_error *err)
{
	const uint8_t *slot = memchr(set->slot, PP_SLOT_FREE, PP_SLOTS_MAX);
	struct pp_ruleset_entry *entry;
	int ret;

	if (set->count == PP_RULES_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "the rule set is full: it holds at most %u rules",
				    PP_RULES_MAX);
	if (set->last_id == UINT32_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0, "no rule id is left: start again");
	if (slot == NULL)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "too many rules came and went in one change: make it two");
	ret = use_sets(set, rule, err);
	if (ret < 0)
		return ret;

	entry = &set->entry[set->count++];
	*entry = (struct pp_ruleset_entry){
		.rule = *rule,
		.expires_ns = rule->ttl_ns > 0 ? now_ns + rule->ttl_ns : 0,
		.id = ++set->last_id,
		.slot = (uint16_t)(slot - set->slot),
		.origin = (uint8_t)origin,
	};
	set->slot[entry->slot] = PP_SLOT_USED;
	*out = entry;
	return 0;
}

// Where a rule of this prio goes: behind all that are not after it.
static uint32_t insert_index(const struct pp_ruleset *set, uint32_t count, uint32_t prio)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (set->entry[set->order[middle]].rule.prio > prio)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int pp_ruleset_add(struct pp_ruleset *set,
		   const struct pp_rule *rule,
		   enum pp_origin origin,
		   uint64_t now_ns,
		   uint32_t *id,
		   struct pp_error *err)
{
	struct pp_ruleset_entry *entry;
	uint32_t before = set->count;
	uint32_t index;
	int ret;

	ret = pp_ruleset_reserve(set, before + 1, err);
	if (ret == 0)
		ret = pp_ruleset_append(set, rule, origin, now_ns, &entry, err);
	if (ret < 0)
		return ret;
	index = insert_index(set, before, rule->prio);
	memmove(&set->order[index + 1], &set->order[index],
		(before - index) * sizeof(set->order[0]));
	set->order[index] = (uint16_t)before;
	set->generation++;
	if (id != NULL)
		*id = entry->id;
	return 0;
}

static void unuse_sets(struct pp_ruleset *set, const struct pp_rule *rule)
{
	if (rule->src_set[0] != '\0')
		pp_ruleset_named_set(set, rule->src_set)->users--;
	if (rule->dst_set[0] != '\0' && strcmp(rule->dst_set, rule->src_set) != 0)
		pp_ruleset_named_set(set, rule->dst_set)->users--;
}

void pp_ruleset_release(struct pp_ruleset *set, const struct pp_ruleset_entry *entry)
{
	// A rule that came after pp_ruleset_settle() was in force nowhere.
	set->slot[entry->slot] = entry->id > set->settled_id ? PP_SLOT_FREE : PP_SLOT_LEAVING;
	unuse_sets(set, &entry->rule);
}

static uint32_t find_index(const struct pp_ruleset *set, uint32_t id)
{
	uint32_t index = 0;

	while (index < set->count && set->entry[set->order[index]].id != id)
		index++;
	return index;
}

int pp_ruleset_remove(struct pp_ruleset *set, uint32_t id, struct pp_error *err)
{
	uint32_t index = find_index(set, id);
	uint16_t hole, last;

	if (index == set->count)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no rule with id %u", id);
	hole = set->order[index];
	pp_ruleset_release(set, &set->entry[hole]);
	last = (uint16_t)--set->count;
	memmove(&set->order[index], &set->order[index + 1], (last - index) * sizeof(set->order[0]));
	if (hole != last) {
		set->entry[hole] = set->entry[last];
		set->order[find_index(set, set->entry[last].id)] = hole;
	}
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
	return index < set->count ? &set->entry[set->order[index]] : NULL;
}

const struct pp_ruleset_entry *pp_ruleset_find(const struct pp_ruleset *set, uint32_t id)
{
	return pp_ruleset_at(set, find_index(set, id));
}

uint32_t pp_ruleset_slots(const struct pp_ruleset *set)
{
	uint32_t slots = 1;

	for (uint32_t i = 0; i < set->count; i++)
		if (set->entry[i].slot >= slots)
			slots = set->entry[i].slot + 1u;
	return slots;
}
