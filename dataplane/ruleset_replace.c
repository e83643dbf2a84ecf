// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_priv.h"

#define NONE UINT32_MAX

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
	       a->take_bytes == b->take_bytes && a->sample == b->sample &&
	       a->sample_flow == b->sample_flow && a->limit_per_s == b->limit_per_s &&
	       a->any == b->any && a->direction == b->direction && a->family == b->family &&
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

static uint32_t mix_prefix(uint32_t hash, const struct pp_prefix *prefix)
{
	hash = mix(hash, &prefix->family, sizeof(prefix->family));
	hash = mix(hash, &prefix->len_bits, sizeof(prefix->len_bits));
	return mix(hash, prefix->addr, sizeof(prefix->addr));
}

static uint32_t mix_ports(uint32_t hash, const struct pp_ports *ports)
{
	hash = mix(hash, &ports->lo, sizeof(ports->lo));
	return mix(hash, &ports->hi, sizeof(ports->hi));
}

// Of what tells most rules apart.
static uint32_t hash_of(const struct pp_rule *rule)
{
	uint32_t hash = 2166136261u;

	hash = mix_prefix(hash, &rule->src);
	hash = mix_prefix(hash, &rule->dst);
	hash = mix_ports(hash, &rule->sport);
	hash = mix_ports(hash, &rule->dport);
	hash = mix(hash, &rule->proto, sizeof(rule->proto));
	hash = mix(hash, &rule->prio, sizeof(rule->prio));
	hash = mix(hash, &rule->verdict, sizeof(rule->verdict));
	hash = mix(hash, rule->src_set, strlen(rule->src_set));
	hash = mix(hash, rule->dst_set, strlen(rule->dst_set));
	return mix(hash, rule->name, strlen(rule->name));
}

// A rule that there was: in old[], in match order.
struct old_rule {
	struct pp_rule_item *item; // borrowed
	uint32_t hash;
	uint32_t next; // of those with the same hash that nobody has taken; NONE
	bool mine; // of the origin whose rules are exchanged
	bool stays;
};

// A rule that there will be.
struct new_rule {
	struct pp_rule_item *item; // a reference
	uint32_t old; // index in old[]; NONE
};

struct replacement {
	const struct pp_rule *rule;
	uint32_t count;
	enum pp_origin origin;
	uint64_t now_ns;
	struct pp_ruleset_change change;
	uint32_t *first; // by hash: what may stay, each to be taken once, in match order
	uint32_t mask; // of first[]
	struct old_rule *old;
	uint32_t old_count;
	struct new_rule *new; // in match order in the end
	uint32_t new_count;
};

static bool is_of(const struct pp_ruleset_entry *entry, enum pp_origin origin)
{
	return origin == PP_ORIGIN_ANY || entry->origin == origin;
}

static int init(struct replacement *r, const struct pp_ruleset *set)
{
	uint32_t buckets = 16;

	r->old_count = pp_ruleset_count(set);
	while (buckets < r->old_count)
		buckets *= 2;
	r->mask = buckets - 1;
	r->first = malloc(buckets * sizeof(*r->first));
	r->old = calloc(r->old_count ?: 1, sizeof(*r->old));
	r->new = calloc((size_t)r->count + r->old_count ?: 1, sizeof(*r->new));
	if (r->first == NULL || r->old == NULL || r->new == NULL)
		return -ENOMEM;
	memset(r->first, 0xff, buckets * sizeof(*r->first));
	return 0;
}

static void fini(struct replacement *r)
{
	for (uint32_t i = 0; i < r->new_count; i++)
		pp_rule_item_unref(r->new[i].item);
	free(r->new);
	free(r->old);
	free(r->first);
}

static void list_old(struct replacement *r, const struct pp_ruleset *set)
{
	struct pp_ruleset_cursor walk = pp_ruleset_begin(set, 0);

	for (uint32_t i = 0; i < r->old_count; i++) {
		struct old_rule *old = &r->old[i];

		old->item = pp_rule_walk_item(&walk);
		old->hash = hash_of(&old->item->entry.rule);
		old->mine = is_of(&old->item->entry, r->origin);
		pp_rule_walk_next(&walk);
	}
	for (uint32_t i = r->old_count; i-- > 0;) {
		uint32_t *first = &r->first[r->old[i].hash & r->mask];

		if (!r->old[i].mine)
			continue;
		r->old[i].next = *first;
		*first = i;
	}
}

static uint32_t take_same(struct replacement *r, const struct pp_rule *rule)
{
	uint32_t hash = hash_of(rule), *link = &r->first[hash & r->mask], index;

	while (*link != NONE &&
	       !(r->old[*link].hash == hash && same_rule(&r->old[*link].item->entry.rule, rule)))
		link = &r->old[*link].next;
	index = *link;
	if (index != NONE) {
		*link = r->old[index].next;
		r->old[index].stays = true;
	}
	return index;
}

// What of the rules stays; the rest gives back what it holds.
static int match(struct replacement *r, struct pp_ruleset *set)
{
	int ret = 0;

	list_old(r, set);
	for (uint32_t i = 0; i < r->count; i++)
		r->new[i].old = take_same(r, &r->rule[i]);
	for (uint32_t i = 0; ret == 0 && i < r->old_count; i++) {
		const struct pp_ruleset_entry *entry = &r->old[i].item->entry;

		if (r->old[i].stays || !r->old[i].mine)
			continue;
		ret = pp_ruleset_own(set, entry);
		if (ret == 0)
			pp_ruleset_release(set, entry);
		r->change.deleted++;
	}
	return ret;
}

static void keep(struct replacement *r, uint32_t old)
{
	struct new_rule *new = &r->new[r->new_count++];

	new->item = r->old[old].item;
	new->item->refs++;
	new->old = old;
}

static int
put_rule(struct replacement *r, struct pp_ruleset *set, uint32_t index, struct pp_error *err)
{
	enum pp_origin origin = r->origin == PP_ORIGIN_ANY ? PP_ORIGIN_COMMAND : r->origin;
	int ret;

	if (r->new[index].old != NONE) {
		keep(r, r->new[index].old);
		r->change.kept++;
		return 0;
	}
	ret = pp_ruleset_make(set, &r->rule[index], origin, r->now_ns, r->new_count,
			      &r->new[index].item, err);
	if (ret < 0 && err != NULL)
		err->line = index + 1;
	r->new_count += ret == 0;
	r->change.added++;
	return ret;
}

// The new list, then what is of the other origin in the order it had.
static int refill(struct replacement *r, struct pp_ruleset *set, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < r->count; i++)
		ret = put_rule(r, set, i, err);
	for (uint32_t i = 0; ret == 0 && i < r->old_count; i++) {
		if (r->old[i].mine)
			continue;
		if (r->new_count == PP_RULES_MAX)
			ret = pp_error_set(err, -ENOSPC, r->count, 0,
					   "with the rules that came by command there are more "
					   "than %u",
					   PP_RULES_MAX);
		else
			keep(r, i);
	}
	return ret;
}

static int by_prio_then_place(const void *a, const void *b, void *arg)
{
	const struct new_rule *new = arg;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	uint32_t left_prio = new[left].item->entry.rule.prio;
	uint32_t right_prio = new[right].item->entry.rule.prio;

	if (left_prio != right_prio)
		return left_prio < right_prio ? -1 : 1;
	return left < right ? -1 : left > right;
}

static int sort(struct replacement *r)
{
	uint32_t *place = calloc(r->new_count ?: 1, sizeof(*place));
	struct new_rule *sorted = calloc(r->new_count ?: 1, sizeof(*sorted));

	if (place == NULL || sorted == NULL) {
		free(place);
		free(sorted);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < r->new_count; i++)
		place[i] = i;
	qsort_r(place, r->new_count, sizeof(*place), by_prio_then_place, r->new);
	for (uint32_t i = 0; i < r->new_count; i++)
		sorted[i] = r->new[place[i]];
	free(place);
	free(r->new);
	r->new = sorted;
	return 0;
}

// How many runs[] end with a place in old[] before that of a rule.
static uint32_t
runs_before(const struct replacement *r, const uint32_t *runs, uint32_t count, uint32_t old)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (r->new[runs[middle]].old < old)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// Most rules that stay stay in order. Leave as many ranks as possible: those of a longest rising
// subsequence of places. runs[n] is the end of the one of n + 1 rules that ends earliest in old[].
static int keep_ranks(const struct replacement *r, uint32_t *rank)
{
	uint32_t *runs = calloc(r->new_count ?: 1, sizeof(*runs));
	uint32_t *link = calloc(r->new_count ?: 1, sizeof(*link));
	uint32_t count = 0;

	if (runs == NULL || link == NULL) {
		free(runs);
		free(link);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < r->new_count; i++) {
		uint32_t at;

		if (r->new[i].old == NONE)
			continue;
		at = runs_before(r, runs, count, r->new[i].old);
		link[i] = at > 0 ? runs[at - 1] : NONE;
		runs[at] = i;
		count += at == count;
	}
	for (uint32_t i = count > 0 ? runs[count - 1] : NONE; i != NONE; i = link[i])
		rank[i] = r->new[i].item->entry.rank;
	free(runs);
	free(link);
	return 0;
}

// A rule that has been in force gets another rank as another item.
static int set_rank(struct new_rule *new, uint32_t rank)
{
	struct pp_rule_item *item;

	if (new->item->entry.rank == rank)
		return 0;
	item = new->item;
	if (new->old != NONE) {
		item = pp_rule_item_create(&new->item->entry);
		if (item == NULL)
			return -ENOMEM;
		pp_rule_item_unref(new->item);
		new->item = item;
	}
	item->entry.rank = rank;
	return 0;
}

static int set_ranks(struct replacement *r)
{
	uint32_t *rank = calloc(r->new_count ?: 1, sizeof(*rank));
	uint32_t *prio = calloc(r->new_count ?: 1, sizeof(*prio));
	int ret = rank == NULL || prio == NULL ? -ENOMEM : keep_ranks(r, rank);

	for (uint32_t i = 0; ret == 0 && i < r->new_count; i++)
		prio[i] = r->new[i].item->entry.rule.prio;
	if (ret == 0)
		pp_ruleset_rank_all(rank, prio, r->new_count);
	for (uint32_t i = 0; ret == 0 && i < r->new_count; i++)
		ret = set_rank(&r->new[i], rank[i]);
	free(rank);
	free(prio);
	return ret;
}

static int build(const struct replacement *r, struct pp_ruleset *set)
{
	struct pp_rule_item **item = calloc(r->new_count ?: 1, sizeof(*item));
	int ret;

	if (item == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->new_count; i++)
		item[i] = r->new[i].item;
	ret = pp_ruleset_build(set, item, r->new_count);
	free(item);
	return ret;
}

static void copy_ids(const struct replacement *r, uint32_t *id)
{
	for (uint32_t i = 0; i < r->count; i++)
		id[i] = r->new[i].item->entry.id;
}

static int
replace(struct replacement *r, struct pp_ruleset *set, uint32_t *id, struct pp_error *err)
{
	int ret = init(r, set);

	ret = ret ?: match(r, set);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for the rules");
	ret = refill(r, set, err);
	if (ret < 0)
		return ret;
	if (id != NULL)
		copy_ids(r, id);
	ret = ret ?: sort(r);
	ret = ret ?: set_ranks(r);
	ret = ret ?: build(r, set);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for the rules");
	set->generation++;
	return 0;
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
	struct replacement r = {.rule = rule, .count = count, .origin = origin, .now_ns = now_ns};
	struct pp_ruleset *copy;
	int ret;

	if (count > PP_RULES_MAX)
		return pp_error_set(err, -ENOSPC, PP_RULES_MAX + 1, 0,
				    "the rule set is full: it holds at most %u rules",
				    PP_RULES_MAX);
	ret = pp_ruleset_copy(&copy, set);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for the rules");
	ret = replace(&r, copy, id, err);
	if (ret == 0) {
		pp_ruleset_swap(set, copy);
		if (change != NULL)
			*change = r.change;
	}
	fini(&r);
	pp_ruleset_destroy(copy);
	return ret;
}
