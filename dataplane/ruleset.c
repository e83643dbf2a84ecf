// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "ruleset_priv.h"

int pp_ruleset_create(struct pp_ruleset **out)
{
	struct pp_ruleset *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->generation = 1;
	set->settled_id = UINT32_MAX;
	set->default_verdict = PP_VERDICT_PASS;
	set->by_rank.key = PP_RULE_TREE_RANK;
	set->by_id.key = PP_RULE_TREE_ID;
	*out = set;
	return 0;
}

void pp_ruleset_destroy(struct pp_ruleset *set)
{
	if (set == NULL)
		return;
	pp_rule_tree_fini(&set->by_rank);
	pp_rule_tree_fini(&set->by_id);
	pp_rule_slots_fini(&set->slots);
	pp_ruleset_unref_sets(set->sets);
	pp_rule_pool_fini(&set->pool);
	free(set);
}

int pp_ruleset_copy(struct pp_ruleset **out, const struct pp_ruleset *set)
{
	struct pp_ruleset *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return -ENOMEM;
	*copy = *set;
	copy->by_rank = pp_rule_tree_copy(&set->by_rank);
	copy->by_id = pp_rule_tree_copy(&set->by_id);
	pp_rule_slots_copy(&copy->slots, &set->slots);
	if (copy->sets != NULL)
		copy->sets->refs++;
	copy->pool = (struct pp_rule_pool){0};
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
	pp_rule_slots_settle(&set->slots);
	set->settled_id = set->last_id;
}

uint32_t pp_ruleset_traits(const struct pp_rule *rule)
{
	uint32_t traits = rule->proto == IPPROTO_ICMPV6 ? PP_TRAIT_ICMP6 : 0;
	bool out = rule->direction == PP_DIRECTION_OUT;

	if (rule->verdict == PP_VERDICT_PASS && rule->ttl_ns == 0 && rule->on[0] == '\0' &&
	    rule->proto < 0 && !rule->sport.set && !rule->dport.set &&
	    (out ? rule->src.family : rule->dst.family) == PP_FAMILY_NONE &&
	    (out ? rule->src_set : rule->dst_set)[0] == '\0')
		traits |= PP_TRAIT_SHELTER;
	return traits;
}

static int find_set_of_rule(const struct pp_ruleset *set,
			    const char *name,
			    const struct pp_named_set **out,
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

	for (uint32_t i = 0; set->sets != NULL && i < set->sets->count; i++)
		used += set->sets->set[i].users > 0;
	return used;
}

// A rule that names a set twice is one user.
static int
check_sets(const struct pp_ruleset *set, const struct pp_rule *rule, struct pp_error *err)
{
	const struct pp_named_set *src, *dst;
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
	return 0;
}

static bool names_set(const struct pp_rule *rule)
{
	return rule->src_set[0] != '\0' || rule->dst_set[0] != '\0';
}

static int
check_room(const struct pp_ruleset *set, uint32_t count, uint32_t slot, struct pp_error *err)
{
	if (count >= PP_RULES_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "the rule set is full: it holds at most %u rules",
				    PP_RULES_MAX);
	if (set->last_id == UINT32_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0, "no rule id is left: start again");
	if (slot == 0)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "too many rules came and went in one change: make it two");
	return 0;
}

static int no_memory(struct pp_error *err)
{
	return pp_error_set(err, -ENOMEM, 0, 0, "no memory for another rule");
}

int pp_ruleset_make(struct pp_ruleset *set,
		    const struct pp_rule *rule,
		    enum pp_origin origin,
		    uint64_t now_ns,
		    uint32_t count,
		    struct pp_rule_item **out,
		    struct pp_error *err)
{
	struct pp_ruleset_entry entry = {
		.rule = *rule,
		.expires_ns = rule->ttl_ns > 0 ? now_ns + rule->ttl_ns : 0,
		.id = set->last_id + 1,
		.slot = pp_rule_slots_first_free(&set->slots),
		.origin = (uint8_t)origin,
	};
	struct pp_rule_item *item;
	int ret;

	ret = check_room(set, count, entry.slot, err);
	ret = ret ?: check_sets(set, rule, err);
	if (ret < 0)
		return ret;
	if (pp_ruleset_own(set, &entry) < 0)
		return no_memory(err);
	item = pp_rule_item_create(&entry);
	if (item == NULL)
		return no_memory(err);
	set->last_id = entry.id;
	pp_rule_slots_take(&set->slots, entry.slot);
	pp_ruleset_count_user(set, rule, 1);
	*out = item;
	return 0;
}

int pp_ruleset_own(struct pp_ruleset *set, const struct pp_ruleset_entry *entry)
{
	int ret = pp_rule_slots_own(&set->slots, entry->slot);

	if (ret == 0 && names_set(&entry->rule))
		ret = pp_ruleset_own_sets(set, 0);
	return ret;
}

void pp_ruleset_release(struct pp_ruleset *set, const struct pp_ruleset_entry *entry)
{
	// A rule that came after pp_ruleset_settle() was in force nowhere.
	pp_rule_slots_give(&set->slots, entry->slot, entry->id <= set->settled_id);
	pp_ruleset_count_user(set, &entry->rule, -1);
}

static int reserve(struct pp_ruleset *set)
{
	return pp_rule_pool_reserve(&set->pool, pp_rule_tree_needs(&set->by_rank) +
							pp_rule_tree_needs(&set->by_id));
}

// Spread the ranks and add, on a copy: half of it done is not to be seen.
static int add_spread(struct pp_ruleset *set,
		      uint32_t index,
		      const struct pp_rule *rule,
		      enum pp_origin origin,
		      uint64_t now_ns,
		      uint32_t *id,
		      struct pp_error *err)
{
	struct pp_ruleset *copy;
	int ret = pp_ruleset_copy(&copy, set);

	if (ret < 0)
		return no_memory(err);
	ret = pp_ruleset_spread(copy, index) < 0 ? no_memory(err) : 0;
	ret = ret ?: pp_ruleset_add(copy, rule, origin, now_ns, id, err);
	if (ret == 0)
		pp_ruleset_swap(set, copy);
	pp_ruleset_destroy(copy);
	return ret;
}

int pp_ruleset_add(struct pp_ruleset *set,
		   const struct pp_rule *rule,
		   enum pp_origin origin,
		   uint64_t now_ns,
		   uint32_t *id,
		   struct pp_error *err)
{
	uint32_t index = pp_rule_tree_behind_prio(&set->by_rank, rule->prio);
	uint32_t count = pp_ruleset_count(set);
	uint32_t rank = pp_ruleset_rank(set, index, rule->prio);
	struct pp_rule_item *item;
	int ret;

	if (rank == 0 && count < PP_RULES_MAX)
		return add_spread(set, index, rule, origin, now_ns, id, err);
	if (reserve(set) < 0)
		return no_memory(err);
	ret = pp_ruleset_make(set, rule, origin, now_ns, count, &item, err);
	if (ret < 0)
		return ret;
	item->entry.rank = rank;
	item->refs++; // one for each tree
	pp_rule_tree_insert(&set->by_rank, &set->pool, index, item);
	pp_rule_tree_insert(&set->by_id, &set->pool, count, item); // its id is the greatest
	set->generation++;
	if (id != NULL)
		*id = item->entry.id;
	return 0;
}

int pp_ruleset_remove(struct pp_ruleset *set, uint32_t id, struct pp_error *err)
{
	uint32_t index = pp_rule_tree_lower(&set->by_id, id);
	struct pp_rule_item *item = pp_rule_tree_at(&set->by_id, index);

	if (item == NULL || item->entry.id != id)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no rule with id %u", id);
	if (reserve(set) < 0 || pp_ruleset_own(set, &item->entry) < 0)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a change of rules");
	pp_rule_item_unref(pp_rule_tree_remove(&set->by_id, &set->pool, index));
	index = pp_rule_tree_lower(&set->by_rank, item->entry.rank);
	item = pp_rule_tree_remove(&set->by_rank, &set->pool, index);
	pp_ruleset_release(set, &item->entry);
	pp_rule_item_unref(item);
	set->generation++;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct pp_rule_item *left = *(struct pp_rule_item *const *)a;
	const struct pp_rule_item *right = *(struct pp_rule_item *const *)b;

	return left->entry.id < right->entry.id ? -1 : left->entry.id > right->entry.id;
}

static int build_by_id(struct pp_rule_tree *tree, struct pp_rule_item *const *item, uint32_t count)
{
	struct pp_rule_item **sorted = calloc(count ?: 1, sizeof(*sorted));
	int ret;

	if (sorted == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(sorted, item, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_ids);
	ret = pp_rule_tree_build(tree, sorted, count);
	free(sorted);
	return ret;
}

int pp_ruleset_build(struct pp_ruleset *set, struct pp_rule_item *const *item, uint32_t count)
{
	struct pp_rule_tree by_rank = {.key = PP_RULE_TREE_RANK}, by_id = {.key = PP_RULE_TREE_ID};

	if (pp_rule_tree_build(&by_rank, item, count) < 0)
		return -ENOMEM;
	if (build_by_id(&by_id, item, count) < 0) {
		pp_rule_tree_fini(&by_rank);
		return -ENOMEM;
	}
	pp_rule_tree_fini(&set->by_rank);
	pp_rule_tree_fini(&set->by_id);
	set->by_rank = by_rank;
	set->by_id = by_id;
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
