// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <string.h>

#include "ruleset_priv.h"

uint32_t pp_ruleset_set_index(const struct pp_ruleset *set, const char *name, bool *found)
{
	uint32_t low = 0, high = set->set_count;

	*found = false;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = strcmp(pp_set_name(set->set[middle].addresses), name);

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

struct pp_named_set *pp_ruleset_named_set(struct pp_ruleset *set, const char *name)
{
	bool found;
	uint32_t index = pp_ruleset_set_index(set, name, &found);

	return found ? &set->set[index] : NULL;
}

void pp_ruleset_exchange_set(struct pp_named_set *named, struct pp_set *addresses)
{
	struct pp_set *before = named->addresses;

	named->addresses = pp_set_ref(addresses);
	pp_set_unref(before);
}

int pp_ruleset_put_set(struct pp_ruleset *set,
		       struct pp_set *addresses,
		       enum pp_origin origin,
		       struct pp_error *err)
{
	bool found;
	uint32_t index = pp_ruleset_set_index(set, pp_set_name(addresses), &found);
	struct pp_named_set *named = &set->set[index];

	if (found && named->addresses == addresses)
		return 0;
	if (found) {
		pp_ruleset_exchange_set(named, addresses);
		set->generation++;
		return 0;
	}
	if (set->set_count == PP_SETS_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "there are %u sets already: no room for @%s", PP_SETS_MAX,
				    pp_set_name(addresses));
	memmove(named + 1, named, (set->set_count - index) * sizeof(*named));
	*named = (struct pp_named_set){
		.addresses = pp_set_ref(addresses),
		.origin = (uint8_t)origin,
	};
	set->set_count++;
	set->generation++;
	return 0;
}

// The first rule in match order that names a set.
static uint32_t user_of(const struct pp_ruleset *set, const char *name)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(set, i);

		if (strcmp(entry->rule.src_set, name) == 0 ||
		    strcmp(entry->rule.dst_set, name) == 0)
			return entry->id;
	}
	return 0;
}

int pp_ruleset_remove_set(struct pp_ruleset *set, const char *name, struct pp_error *err)
{
	struct pp_named_set *named = pp_ruleset_named_set(set, name);
	struct pp_set *addresses;

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
	addresses = named->addresses;
	set->set_count--;
	memmove(named, named + 1, (size_t)(&set->set[set->set_count] - named) * sizeof(*named));
	// The name may be the set's own.
	pp_set_unref(addresses);
	set->generation++;
	return 0;
}

uint32_t pp_ruleset_set_count(const struct pp_ruleset *set)
{
	return set->set_count;
}

struct pp_set *
pp_ruleset_set_at(const struct pp_ruleset *set, uint32_t index, enum pp_origin *origin)
{
	if (index >= set->set_count)
		return NULL;
	if (origin != NULL)
		*origin = set->set[index].origin;
	return set->set[index].addresses;
}

static const struct pp_named_set *find(const struct pp_ruleset *set, const char *name)
{
	bool found;
	uint32_t index = pp_ruleset_set_index(set, name, &found);

	return found ? &set->set[index] : NULL;
}

struct pp_set *pp_ruleset_find_set(const struct pp_ruleset *set, const char *name)
{
	const struct pp_named_set *named = find(set, name);

	return named != NULL ? named->addresses : NULL;
}

uint32_t pp_ruleset_set_users(const struct pp_ruleset *set, const char *name)
{
	const struct pp_named_set *named = find(set, name);

	return named != NULL ? named->users : 0;
}

int pp_ruleset_protect(struct pp_ruleset *set, const char *name, bool protect, struct pp_error *err)
{
	struct pp_named_set *named = pp_ruleset_named_set(set, name);

	if (named == NULL)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no set @%s", name);
	if (named->is_protected == protect)
		return 0;
	named->is_protected = protect;
	set->generation++;
	return 0;
}

bool pp_ruleset_protected(const struct pp_ruleset *set, const char *name)
{
	const struct pp_named_set *named = find(set, name);

	return named != NULL && named->is_protected;
}
