// SPDX-License-Identifier: MIT OR Apache-2.0
#include "set_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Sorted entries, and how many of them were looked at.
struct list {
	struct pp_set_entry *entry;
	size_t count;
	size_t at;
};

static int copy_list(struct list *list, const struct pp_set_entry *entry, size_t count)
{
	*list = (struct list){.entry = malloc((count ?: 1) * sizeof(*entry))};
	if (list->entry == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(list->entry, entry, count * sizeof(*entry));
	list->count = pp_set_sort(list->entry, count);
	return 0;
}

// Go to the first entry that is not before prefix.
//
// @return  The entry if it is the prefix's, and the list stands behind it then; else NULL.
static const struct pp_set_entry *seek(struct list *list, const struct pp_prefix *prefix)
{
	int order = 1;

	while (list->at < list->count &&
	       (order = pp_prefix_compare(&list->entry[list->at].prefix, prefix)) < 0)
		list->at++;
	return list->at < list->count && order == 0 ? &list->entry[list->at++] : NULL;
}

static int not_found(const struct pp_set *set, const struct pp_prefix *prefix, struct pp_error *err)
{
	char text[PP_PREFIX_TEXT_BYTES];

	pp_prefix_format(prefix, text);
	return pp_error_set(err, -ENOENT, 0, 0, "%s is not an entry of set %s", text, set->name);
}

static int check_del(const struct pp_set *set, const struct list *del, struct pp_error *err)
{
	size_t at = 0;

	for (size_t i = 0; i < del->count; i++, at++) {
		const struct pp_prefix *prefix = &del->entry[i].prefix;

		at = pp_set_lower_bound(set, at, prefix);
		if (at == set->count || pp_prefix_compare(&set->entry[at].prefix, prefix) != 0)
			return not_found(set, prefix, err);
	}
	return 0;
}

// The prefix that the two lists go on with.
static const struct pp_prefix *next_prefix(const struct list *add, const struct list *del)
{
	const struct pp_prefix *a = &add->entry[add->at].prefix, *d = &del->entry[del->at].prefix;

	if (del->at == del->count)
		return add->at < add->count ? a : NULL;
	return add->at < add->count && pp_prefix_compare(a, d) <= 0 ? a : d;
}

// The entries of set without those of del and with those of add.
//
// @param out  Room for all of set and add.
// @return     How many.
static size_t merge(const struct pp_set *set,
		    struct list *add,
		    struct list *del,
		    struct pp_set_entry *out,
		    struct pp_set_change *change)
{
	struct list have = {.entry = set->entry, .count = set->count};
	const struct pp_prefix *prefix;
	size_t n = 0;

	while ((prefix = next_prefix(add, del)) != NULL) {
		size_t same = pp_set_lower_bound(set, have.at, prefix) - have.at;
		const struct pp_set_entry *had, *added;

		memcpy(&out[n], &have.entry[have.at], same * sizeof(*out));
		n += same;
		have.at += same;
		had = seek(&have, prefix);
		seek(del, prefix);
		added = seek(add, prefix);
		if (added != NULL)
			out[n++] = *added;
		change->added += had == NULL;
		change->deleted += added == NULL;
		change->renewed +=
			had != NULL && added != NULL && had->expires_ns != added->expires_ns;
	}
	memcpy(&out[n], &have.entry[have.at], (have.count - have.at) * sizeof(*out));
	return n + have.count - have.at;
}

static int change_set(struct pp_set **out,
		      struct pp_set *set,
		      struct list *add,
		      struct list *del,
		      struct pp_set_change *change,
		      struct pp_error *err)
{
	struct pp_set_entry *entry;
	size_t n;
	int ret = check_del(set, del, err);

	if (ret < 0)
		return ret;
	entry = malloc((set->count + add->count ?: 1) * sizeof(*entry));
	if (entry == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a set");
	n = merge(set, add, del, entry, change);
	if (change->added + change->deleted + change->renewed > 0)
		return pp_set_make(out, set->name, entry, n, err);
	free(entry);
	*out = pp_set_ref(set);
	return 0;
}

int pp_set_change(struct pp_set **out,
		  struct pp_set *set,
		  const struct pp_set_entry *add,
		  size_t add_count,
		  const struct pp_set_entry *del,
		  size_t del_count,
		  struct pp_set_change *change,
		  struct pp_error *err)
{
	struct pp_set_change changed = {0};
	struct list adds = {0}, dels = {0};
	int ret = copy_list(&adds, add, add_count) ?: copy_list(&dels, del, del_count);

	if (ret < 0)
		pp_error_set(err, ret, 0, 0, "no memory for a set");
	ret = ret ?: change_set(out, set, &adds, &dels, &changed, err);
	if (ret == 0 && change != NULL)
		*change = changed;
	free(adds.entry);
	free(dels.entry);
	return ret;
}

void pp_set_diff(const struct pp_set *from, const struct pp_set *to, struct pp_set_change *change)
{
	struct list old = {.entry = from->entry, .count = from->count};

	*change = (struct pp_set_change){0};
	for (size_t i = 0; i < to->count; i++) {
		const struct pp_set_entry *had = seek(&old, &to->entry[i].prefix);

		if (had == NULL)
			change->added++;
		else
			change->renewed += had->expires_ns != to->entry[i].expires_ns;
	}
	change->deleted = from->count + change->added - to->count;
}

int pp_set_expire(struct pp_set **out, struct pp_set *set, uint64_t now_ns, size_t *expired)
{
	struct pp_set_entry *entry;
	size_t n = 0;

	*expired = 0;
	if (set->next_expiry_ns == 0 || set->next_expiry_ns > now_ns) {
		*out = pp_set_ref(set);
		return 0;
	}
	entry = malloc(set->count * sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++)
		if (set->entry[i].expires_ns == 0 || set->entry[i].expires_ns > now_ns)
			entry[n++] = set->entry[i];
	*expired = set->count - n;
	return pp_set_make(out, set->name, entry, n, NULL);
}
