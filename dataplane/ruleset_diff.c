// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>

#include "ruleset_priv.h"

struct list {
	const struct pp_ruleset_entry **entry;
	uint32_t count;
	uint32_t capacity;
};

static int put(struct list *list, const struct pp_ruleset_entry *entry)
{
	uint32_t capacity = list->capacity > 0 ? 2 * list->capacity : 16;
	const struct pp_ruleset_entry **grown;

	if (list->count == list->capacity) {
		grown = reallocarray(list->entry, capacity, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		list->entry = grown;
		list->capacity = capacity;
	}
	list->entry[list->count++] = entry;
	return 0;
}

// Leave the largest subtree that begins at the place of both and is the same.
//
// @return  Whether there was one.
static bool leave_shared(struct pp_ruleset_cursor *a, struct pp_ruleset_cursor *b)
{
	uint32_t height = 0;

	if (a->levels == 0 || b->levels == 0 || a->at[0] != 0 || b->at[0] != 0 ||
	    a->node[0] != b->node[0])
		return false;
	while (height + 1 < a->levels && height + 1 < b->levels && a->at[height + 1] == 0 &&
	       b->at[height + 1] == 0 && a->node[height + 1] == b->node[height + 1])
		height++;
	pp_rule_walk_leave(a, height);
	pp_rule_walk_leave(b, height);
	return true;
}

static int diff(struct pp_ruleset_cursor *before,
		struct pp_ruleset_cursor *after,
		struct list *deleted,
		struct list *added)
{
	int ret = 0;

	while (ret == 0 && (before->levels > 0 || after->levels > 0)) {
		const struct pp_rule_item *old, *new;

		if (leave_shared(before, after))
			continue;
		old = pp_rule_walk_item(before);
		new = pp_rule_walk_item(after);
		if (old == new) {
			pp_rule_walk_next(before);
			pp_rule_walk_next(after);
		} else if (new == NULL || (old != NULL && old->entry.rank <= new->entry.rank)) {
			ret = put(deleted, &old->entry);
			pp_rule_walk_next(before);
		} else {
			ret = put(added, &new->entry);
			pp_rule_walk_next(after);
		}
	}
	return ret;
}

int pp_ruleset_diff(const struct pp_ruleset *before,
		    const struct pp_ruleset *after,
		    struct pp_ruleset_diff *out)
{
	struct pp_ruleset_cursor old = {.levels = 0}, new;
	struct list deleted = {0}, added = {0};

	if (before != NULL)
		pp_rule_walk_begin(&old, &before->by_rank, 0);
	pp_rule_walk_begin(&new, &after->by_rank, 0);
	if (diff(&old, &new, &deleted, &added) < 0) {
		free(deleted.entry);
		free(added.entry);
		return -ENOMEM;
	}
	*out = (struct pp_ruleset_diff){added.entry, added.count, deleted.entry, deleted.count};
	return 0;
}

void pp_ruleset_diff_fini(struct pp_ruleset_diff *diff)
{
	free(diff->added);
	free(diff->deleted);
	*diff = (struct pp_ruleset_diff){0};
}
