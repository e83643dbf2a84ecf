// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_priv.h"

#define MORE 4u // sets that a new table has room for

void pp_ruleset_unref_sets(struct pp_named_sets *sets)
{
	if (sets == NULL || --sets->refs > 0)
		return;
	for (uint32_t i = 0; i < sets->count; i++)
		pp_set_unref(sets->set[i].addresses);
	free(sets);
}

int pp_ruleset_own_sets(struct pp_ruleset *set, uint32_t more)
{
	struct pp_named_sets *shared = set->sets, *sets;
	uint32_t count = pp_ruleset_set_count(set), capacity = count + more + MORE;

	if (shared != NULL && shared->refs == 1 && count + more <= shared->capacity)
		return 0;
	sets = calloc(1, sizeof(*sets) + capacity * sizeof(sets->set[0]));
	if (sets == NULL)
		return -ENOMEM;
	if (shared != NULL) {
		memcpy(sets, shared, sizeof(*sets) + count * sizeof(sets->set[0]));
		for (uint32_t i = 0; i < count; i++)
			pp_set_ref(sets->set[i].addresses);
		pp_ruleset_unref_sets(shared);
	}
	sets->refs = 1;
	sets->capacity = capacity;
	set->sets = sets;
	return 0;
}

uint32_t pp_ruleset_set_index(const struct pp_ruleset *set, const char *name, bool *found)
{
	uint32_t low = 0, high = pp_ruleset_set_count(set);

	*found = false;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = strcmp(pp_set_name(set->sets->set[middle].addresses), name);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct pp_named_set *pp_ruleset_named_set(const struct pp_ruleset *set, const char *name)
{
	bool found;
	uint32_t index = pp_ruleset_set_index(set, name, &found);

	return found ? &set->sets->set[index] : NULL;
}

void pp_ruleset_count_user(struct pp_ruleset *set, const struct pp_rule *rule, int by)
{
	if (rule->src_set[0] != '\0') {
		set->sets->src_users += (uint32_t)by;
		pp_ruleset_named_set(set, rule->src_set)->users += (uint32_t)by;
	}
	if (rule->dst_set[0] != '\0') {
		set->sets->dst_users += (uint32_t)by;
		// A rule that names a set twice is one user.
		if (strcmp(rule->dst_set, rule->src_set) != 0)
			pp_ruleset_named_set(set, rule->dst_set)->users += (uint32_t)by;
	}
}

uint32_t pp_ruleset_set_uses(const struct pp_ruleset *set)
{
	if (set->sets == NULL)
		return 0;
	return (set->sets->src_users > 0 ? PP_SETS_SRC : 0) |
	       (set->sets->dst_users > 0 ? PP_SETS_DST : 0);
}

void pp_ruleset_exchange_set(struct pp_named_set *named, struct pp_set *addresses)
{
	struct pp_set *before = named->addresses;

	named->addresses = pp_set_ref(addresses);
	pp_set_unref(before);
}

static int no_memory(struct pp_error *err)
{
	return pp_error_set(err, -ENOMEM, 0, 0, "no memory for the sets");
}

int pp_ruleset_put_set(struct pp_ruleset *set,
		       struct pp_set *addresses,
		       enum pp_origin origin,
		       struct pp_error *err)
{
	bool found;
	uint32_t index = pp_ruleset_set_index(set, pp_set_name(addresses), &found);
	struct pp_named_set *named;

	if (found && set->sets->set[index].addresses == addresses)
		return 0;
	if (!found && pp_ruleset_set_count(set) == PP_SETS_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "there are %u sets already: no room for @%s", PP_SETS_MAX,
				    pp_set_name(addresses));
	if (pp_ruleset_own_sets(set, !found) < 0)
		return no_memory(err);
	named = &set->sets->set[index];
	set->generation++;
	if (found) {
		pp_ruleset_exchange_set(named, addresses);
		return 0;
	}
	memmove(named + 1, named, (set->sets->count - index) * sizeof(*named));
	*named = (struct pp_named_set){
		.addresses = pp_set_ref(addresses),
		.origin = (uint8_t)origin,
	};
	set->sets->count++;
	return 0;
}

// The first rule in match order that names a set.
static uint32_t user_of(const struct pp_ruleset *set, const char *name)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(set, 0);
	const struct pp_ruleset_entry *entry;

	while ((entry = pp_ruleset_next(&cursor)) != NULL)
		if (strcmp(entry->rule.src_set, name) == 0 ||
		    strcmp(entry->rule.dst_set, name) == 0)
			return entry->id;
	return 0;
}

static int refuse_removal(const struct pp_ruleset *set,
			  const struct pp_named_set *named,
			  const char *name,
			  struct pp_error *err)
{
	if (named == NULL)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no set @%s", name);
	if (named->users == 1)
		return pp_error_set(err, -EBUSY, 0, 0, "the set @%s is in use: rule %u names it",
				    name, user_of(set, name));
	if (named->users > 1)
		return pp_error_set(err, -EBUSY, 0, 0,
				    "the set @%s is in use: rule %u names it and %u more", name,
				    user_of(set, name), named->users - 1);
	if (named->is_protected)
		return pp_error_set(err, -EBUSY, 0, 0, "the set @%s is protected", name);
	return 0;
}

int pp_ruleset_remove_set(struct pp_ruleset *set, const char *name, struct pp_error *err)
{
	struct pp_named_set *named = pp_ruleset_named_set(set, name);
	int ret = refuse_removal(set, named, name, err);
	struct pp_named_sets *sets;
	struct pp_set *addresses;

	if (ret < 0)
		return ret;
	if (pp_ruleset_own_sets(set, 0) < 0)
		return no_memory(err);
	sets = set->sets;
	named = pp_ruleset_named_set(set, name);
	addresses = named->addresses;
	sets->count--;
	memmove(named, named + 1, (size_t)(&sets->set[sets->count] - named) * sizeof(*named));
	// The name may be the set's own.
	pp_set_unref(addresses);
	set->generation++;
	return 0;
}

uint32_t pp_ruleset_set_count(const struct pp_ruleset *set)
{
	return set->sets != NULL ? set->sets->count : 0;
}

struct pp_set *
pp_ruleset_set_at(const struct pp_ruleset *set, uint32_t index, enum pp_origin *origin)
{
	if (index >= pp_ruleset_set_count(set))
		return NULL;
	if (origin != NULL)
		*origin = set->sets->set[index].origin;
	return set->sets->set[index].addresses;
}

struct pp_set *pp_ruleset_find_set(const struct pp_ruleset *set, const char *name)
{
	const struct pp_named_set *named = pp_ruleset_named_set(set, name);

	return named != NULL ? named->addresses : NULL;
}

uint32_t pp_ruleset_set_users(const struct pp_ruleset *set, const char *name)
{
	const struct pp_named_set *named = pp_ruleset_named_set(set, name);

	return named != NULL ? named->users : 0;
}

int pp_ruleset_protect(struct pp_ruleset *set, const char *name, bool protect, struct pp_error *err)
{
	struct pp_named_set *named = pp_ruleset_named_set(set, name);

	if (named == NULL)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no set @%s", name);
	if (named->is_protected == protect)
		return 0;
	if (pp_ruleset_own_sets(set, 0) < 0)
		return no_memory(err);
	pp_ruleset_named_set(set, name)->is_protected = protect;
	set->generation++;
	return 0;
}

bool pp_ruleset_protected(const struct pp_ruleset *set, const char *name)
{
	const struct pp_named_set *named = pp_ruleset_named_set(set, name);

	return named != NULL && named->is_protected;
}
