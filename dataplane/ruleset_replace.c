// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_priv.h"

#define BUCKETS 1024u // a power of two
#define NONE UINT16_MAX

static bool same_prefix(const struct pp_prefix *a, const struct pp_prefix *b)
{
	return a->family == b->family && a->len_bits == b->len_bits &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool same_ports(const struct pp_ports *a, const struct pp_ports *b)
{
	return a->set == b->set && a->lo == b->lo && a->hi == b->hi;
}

// Not memcmp(): there is padding, and bytes behind the end of a name.
static bool same_rule(const struct pp_rule *a, const struct pp_rule *b)
{
	return a->prio == b->prio && a->verdict == b->verdict && a->copy == b->copy &&
	       a->take_bytes == b->take_bytes && a->any == b->any && a->family == b->family &&
	       a->proto == b->proto && a->ttl_ns == b->ttl_ns && same_prefix(&a->src, &b->src) &&
	       same_prefix(&a->dst, &b->dst) && same_ports(&a->sport, &b->sport) &&
	       same_ports(&a->dport, &b->dport) && strcmp(a->on, b->on) == 0 &&
	       strcmp(a->src_set, b->src_set) == 0 && strcmp(a->dst_set, b->dst_set) == 0 &&
	       strcmp(a->copy_to, b->copy_to) == 0 && strcmp(a->route_to, b->route_to) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

static uint32_t mix(uint32_t hash, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;

	// FNV-1a
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 16777619u;
	return hash;
}

// Of what tells most rules apart.
static uint32_t bucket_of(const struct pp_rule *rule)
{
	uint32_t hash = 2166136261u;

	hash = mix(hash, rule->src.addr, sizeof(rule->src.addr));
	hash = mix(hash, rule->dst.addr, sizeof(rule->dst.addr));
	hash = mix(hash, &rule->sport.lo, sizeof(rule->sport.lo));
	hash = mix(hash, &rule->dport.lo, sizeof(rule->dport.lo));
	hash = mix(hash, &rule->prio, sizeof(rule->prio));
	hash = mix(hash, rule->src_set, strlen(rule->src_set));
	hash = mix(hash, rule->name, strlen(rule->name));
	return hash & (BUCKETS - 1);
}

// The entries that may stay, each to be taken once, in match order.
struct pool {
	uint16_t first[BUCKETS]; // indices of entry[]
	uint16_t next[PP_RULES_MAX];
};

static bool is_of(const struct pp_ruleset_entry *entry, enum pp_origin origin)
{
	return origin == PP_ORIGIN_ANY || entry->origin == origin;
}

static void fill_pool(struct pool *pool, const struct pp_ruleset *set, enum pp_origin origin)
{
	memset(pool->first, 0xff, sizeof(pool->first));
	for (uint32_t i = set->count; i-- > 0;) {
		uint16_t index = set->order[i];
		uint32_t bucket = bucket_of(&set->entry[index].rule);

		if (!is_of(&set->entry[index], origin))
			continue;
		pool->next[index] = pool->first[bucket];
		pool->first[bucket] = index;
	}
}

static uint16_t
take_same(struct pool *pool, const struct pp_ruleset *set, const struct pp_rule *rule)
{
	uint16_t *link = &pool->first[bucket_of(rule)];

	while (*link != NONE && !same_rule(&set->entry[*link].rule, rule))
		link = &pool->next[*link];
	if (*link != NONE) {
		uint16_t index = *link;

		*link = pool->next[index];
		return index;
	}
	return NONE;
}

static int by_prio_then_place(const void *a, const void *b, void *arg)
{
	const struct pp_ruleset_entry *entry = arg;
	uint16_t left = *(const uint16_t *)a, right = *(const uint16_t *)b;

	if (entry[left].rule.prio != entry[right].rule.prio)
		return entry[left].rule.prio < entry[right].rule.prio ? -1 : 1;
	return left - right;
}

static void sort_order(struct pp_ruleset *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		set->order[i] = (uint16_t)i;
	qsort_r(set->order, set->count, sizeof(set->order[0]), by_prio_then_place, set->entry);
}

struct replacement {
	const struct pp_rule *rule;
	uint32_t count;
	enum pp_origin origin;
	uint64_t now_ns;
	struct pp_ruleset_change change;
	struct pool pool;
	uint16_t kept[PP_RULES_MAX]; // by index of rule[]: index of the old entry[], or NONE
	bool stays[PP_RULES_MAX]; // by index of the old entry[]
};

// What of the entries stays; the rest gives back what it holds.
static void match(struct replacement *r, struct pp_ruleset *set)
{
	fill_pool(&r->pool, set, r->origin);
	for (uint32_t i = 0; i < r->count; i++) {
		r->kept[i] = take_same(&r->pool, set, &r->rule[i]);
		if (r->kept[i] != NONE)
			r->stays[r->kept[i]] = true;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		if (r->stays[i] || !is_of(&set->entry[i], r->origin))
			continue;
		pp_ruleset_release(set, &set->entry[i]);
		r->change.deleted++;
	}
}

static int put_rule(struct replacement *r,
		    struct pp_ruleset *set,
		    const struct pp_ruleset_entry *old,
		    uint32_t index,
		    struct pp_error *err)
{
	enum pp_origin origin = r->origin == PP_ORIGIN_ANY ? PP_ORIGIN_COMMAND : r->origin;
	struct pp_ruleset_entry *entry;
	int ret;

	if (r->kept[index] != NONE) {
		set->entry[set->count++] = old[r->kept[index]];
		r->change.kept++;
		return 0;
	}
	ret = pp_ruleset_append(set, &r->rule[index], origin, r->now_ns, &entry, err);
	if (ret < 0 && err != NULL)
		err->line = index + 1;
	r->change.added++;
	return ret;
}

// The new list, then what is of the other origin in the order it had.
static int refill(struct replacement *r, struct pp_ruleset *set, struct pp_error *err)
{
	struct pp_ruleset_entry *old = set->entry;
	uint32_t old_count = set->count;
	int ret = 0;

	set->entry = calloc(r->count + old_count ?: 1, sizeof(*set->entry));
	if (set->entry == NULL) {
		set->entry = old;
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for the rules");
	}
	set->capacity = r->count + old_count ?: 1;
	set->count = 0;
	for (uint32_t i = 0; ret == 0 && i < r->count; i++)
		ret = put_rule(r, set, old, i, err);
	for (uint32_t i = 0; ret == 0 && i < old_count; i++) {
		const struct pp_ruleset_entry *entry = &old[set->order[i]];

		if (is_of(entry, r->origin))
			continue;
		if (set->count == PP_RULES_MAX)
			ret = pp_error_set(err, -ENOSPC, r->count, 0,
					   "with the rules that came by command there are more "
					   "than %u",
					   PP_RULES_MAX);
		else
			set->entry[set->count++] = *entry;
	}
	free(old);
	return ret;
}

static void copy_ids(const struct pp_ruleset *set, uint32_t count, uint32_t *id)
{
	for (uint32_t i = 0; i < count; i++)
		id[i] = set->entry[i].id;
}

static int
replace(struct replacement *r, struct pp_ruleset *set, uint32_t *id, struct pp_error *err)
{
	struct pp_ruleset *copy;
	int ret = pp_ruleset_copy(&copy, set);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for the rules");
	match(r, copy);
	ret = refill(r, copy, err);
	if (ret == 0) {
		if (id != NULL)
			copy_ids(copy, r->count, id);
		sort_order(copy);
		copy->generation++;
		pp_ruleset_swap(set, copy);
	}
	pp_ruleset_destroy(copy);
	return ret;
}

int pp_ruleset_replace(struct pp_ruleset *set,
		       const struct pp_rule *rule,
		       uint32_t count,
		       enum pp_origin origin,
		       uint64_t now_ns,
		       uint32_t *id,
		       struct pp_ruleset_change *change,
		       struct pp_error *err)
{
	struct replacement *r;
	int ret;

	if (count > PP_RULES_MAX)
		return pp_error_set(err, -ENOSPC, PP_RULES_MAX + 1, 0,
				    "the rule set is full: it holds at most %u rules",
				    PP_RULES_MAX);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for the rules");
	r->rule = rule;
	r->count = count;
	r->origin = origin;
	r->now_ns = now_ns;
	ret = replace(r, set, id, err);
	if (ret == 0 && change != NULL)
		*change = r->change;
	free(r);
	return ret;
}
