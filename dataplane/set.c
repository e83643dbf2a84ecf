// SPDX-License-Identifier: MIT OR Apache-2.0
#include "set_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "prefix.h"
#include "rule_word.h"

pp_addr pp_prefix_first(const struct pp_prefix *prefix)
{
	size_t bytes = pp_prefix_bits_max(prefix->family) / 8;
	pp_addr addr = 0;

	for (size_t i = 0; i < bytes; i++)
		addr = addr << 8 | prefix->addr[i];
	return addr;
}

pp_addr pp_prefix_last(const struct pp_prefix *prefix)
{
	uint32_t host_bits = pp_prefix_bits_max(prefix->family) - prefix->len_bits;
	pp_addr hosts = host_bits == 128 ? ~(pp_addr)0 : ((pp_addr)1 << host_bits) - 1;

	return pp_prefix_first(prefix) | hosts;
}

static void sum_up(struct pp_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		uint64_t expires_ns = set->entry[i].expires_ns;

		set->ip4_count += set->entry[i].prefix.family == PP_FAMILY_IP4;
		if (expires_ns != 0 &&
		    (set->next_expiry_ns == 0 || expires_ns < set->next_expiry_ns))
			set->next_expiry_ns = expires_ns;
	}
}

int pp_set_make(struct pp_set **out,
		const char *name,
		struct pp_set_entry *entry,
		size_t count,
		struct pp_error *err)
{
	struct pp_set *set;

	if (count > PP_SET_ENTRIES_MAX) {
		free(entry);
		return pp_error_set(err, -ENOSPC, 0, 0, "a set holds at most %u entries",
				    PP_SET_ENTRIES_MAX);
	}
	set = calloc(1, sizeof(*set));
	if (set == NULL) {
		free(entry);
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a set");
	}
	set->refs = 1;
	strcpy(set->name, name);
	set->count = count;
	set->entry = entry;
	sum_up(set);
	*out = set;
	return 0;
}

static bool is_good(const struct pp_prefix *prefix)
{
	struct pp_prefix copy = *prefix;

	return (prefix->family == PP_FAMILY_IP4 || prefix->family == PP_FAMILY_IP6) &&
	       prefix->len_bits <= pp_prefix_bits_max(prefix->family) &&
	       !pp_prefix_clear_host_bits(&copy);
}

int pp_set_create(struct pp_set **out,
		  const char *name,
		  const struct pp_set_entry *entry,
		  size_t count,
		  struct pp_error *err)
{
	char checked[PP_NAME_BYTES];
	struct pp_set_entry *copy;

	if (!pp_rule_word_name(name, strlen(name), checked))
		return pp_error_set(err, -EINVAL, 0, 0,
				    "expected " PP_NAME_EXPECTED " for a set, not '%.40s'", name);
	if (count > PP_SET_ENTRIES_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0, "a set holds at most %u entries",
				    PP_SET_ENTRIES_MAX);
	for (size_t i = 0; i < count; i++)
		if (!is_good(&entry[i].prefix))
			return pp_error_set(err, -EINVAL, 0, 0, "entry %zu is no prefix", i + 1);
	copy = malloc((count ?: 1) * sizeof(*copy));
	if (copy == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a set");
	if (count > 0)
		memcpy(copy, entry, count * sizeof(*copy));
	return pp_set_make(out, checked, copy, pp_set_sort(copy, count), err);
}

struct pp_set *pp_set_ref(struct pp_set *set)
{
	__atomic_add_fetch(&set->refs, 1, __ATOMIC_RELAXED);
	return set;
}

void pp_set_unref(struct pp_set *set)
{
	// acq_rel: who frees sees what others did with it before they let go
	if (set == NULL || __atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(set->entry);
	free(set);
}

const char *pp_set_name(const struct pp_set *set)
{
	return set->name;
}

size_t pp_set_count(const struct pp_set *set)
{
	return set->count;
}

size_t pp_set_count_family(const struct pp_set *set, uint8_t family)
{
	return family == PP_FAMILY_IP4 ? set->ip4_count : set->count - set->ip4_count;
}

void pp_set_at(const struct pp_set *set, size_t index, struct pp_set_entry *out)
{
	*out = set->entry[index];
}

uint64_t pp_set_next_expiry(const struct pp_set *set)
{
	return set->next_expiry_ns;
}

size_t pp_set_lower_bound(const struct pp_set *set, size_t from, const struct pp_prefix *prefix)
{
	size_t lo = from, hi = set->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (pp_prefix_compare(&set->entry[mid].prefix, prefix) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// Whether an entry covers all of a prefix. Looks for every length, 33 or 129 at most.
static bool covered_by_one(const struct pp_set *set, const struct pp_prefix *prefix)
{
	for (int len = prefix->len_bits; len >= 0; len--) {
		struct pp_prefix wider = *prefix;
		size_t at;

		wider.len_bits = (uint8_t)len;
		pp_prefix_clear_host_bits(&wider);
		at = pp_set_lower_bound(set, 0, &wider);
		if (at < set->count && pp_prefix_compare(&set->entry[at].prefix, &wider) == 0)
			return true;
	}
	return false;
}

bool pp_set_contains(const struct pp_set *set, uint8_t family, const uint8_t *addr)
{
	struct pp_prefix prefix = {.family = family,
				   .len_bits = (uint8_t)pp_prefix_bits_max(family)};

	memcpy(prefix.addr, addr, pp_prefix_bits_max(family) / 8);
	return covered_by_one(set, &prefix);
}

bool pp_set_overlaps_prefix(const struct pp_set *set, const struct pp_prefix *prefix)
{
	struct pp_prefix first = *prefix;
	size_t at;

	first.len_bits = 0;
	at = pp_set_lower_bound(set, 0, &first);
	if (at < set->count && set->entry[at].prefix.family == prefix->family &&
	    pp_prefix_first(&set->entry[at].prefix) <= pp_prefix_last(prefix))
		return true;
	return covered_by_one(set, prefix);
}

static size_t family_begin(const struct pp_set *set, uint8_t family)
{
	return family == PP_FAMILY_IP4 ? 0 : set->ip4_count;
}

bool pp_set_next_range(
	const struct pp_set *set, uint8_t family, size_t *index, pp_addr *first, pp_addr *last)
{
	const struct pp_set_entry *entry = &set->entry[family_begin(set, family)];
	size_t count = pp_set_count_family(set, family);

	if (*index >= count)
		return false;
	*first = pp_prefix_first(&entry[*index].prefix);
	*last = pp_prefix_last(&entry[*index].prefix);
	for (++*index; *index < count; ++*index) {
		const struct pp_prefix *next = &entry[*index].prefix;

		if (*last != ~(pp_addr)0 && pp_prefix_first(next) > *last + 1)
			break;
		if (pp_prefix_last(next) > *last)
			*last = pp_prefix_last(next);
	}
	return true;
}

bool pp_set_covers_prefix(const struct pp_set *set, const struct pp_prefix *prefix)
{
	pp_addr next = pp_prefix_first(prefix), last = pp_prefix_last(prefix);
	struct pp_prefix first = *prefix;

	if (covered_by_one(set, prefix))
		return true;
	first.len_bits = 0;
	for (size_t at = pp_set_lower_bound(set, 0, &first); at < set->count; at++) {
		const struct pp_prefix *entry = &set->entry[at].prefix;

		if (entry->family != prefix->family || pp_prefix_first(entry) > next)
			return false;
		if (pp_prefix_last(entry) >= last)
			return true;
		if (pp_prefix_last(entry) >= next)
			next = pp_prefix_last(entry) + 1;
	}
	return false;
}

bool pp_set_overlaps_in(const struct pp_set *a, const struct pp_set *b, uint8_t family)
{
	pp_addr a_first, a_last, b_first, b_last;
	size_t a_index = 0, b_index = 0;

	if (!pp_set_next_range(a, family, &a_index, &a_first, &a_last) ||
	    !pp_set_next_range(b, family, &b_index, &b_first, &b_last))
		return false;
	for (;;) {
		if (a_first <= b_last && b_first <= a_last)
			return true;
		if (a_last < b_first ? !pp_set_next_range(a, family, &a_index, &a_first, &a_last)
				     : !pp_set_next_range(b, family, &b_index, &b_first, &b_last))
			return false;
	}
}

bool pp_set_overlaps(const struct pp_set *a, const struct pp_set *b)
{
	return pp_set_overlaps_in(a, b, PP_FAMILY_IP4) || pp_set_overlaps_in(a, b, PP_FAMILY_IP6);
}

bool pp_set_covers_in(const struct pp_set *outer, const struct pp_set *inner, uint8_t family)
{
	pp_addr outer_first, outer_last = 0, first, last;
	size_t outer_index = 0, index = 0;
	bool have = pp_set_next_range(outer, family, &outer_index, &outer_first, &outer_last);

	while (pp_set_next_range(inner, family, &index, &first, &last)) {
		while (have && outer_last < first)
			have = pp_set_next_range(outer, family, &outer_index, &outer_first,
						 &outer_last);
		if (!have || outer_first > first || outer_last < last)
			return false;
	}
	return true;
}
