// SPDX-License-Identifier: MIT OR Apache-2.0
#include "statements_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_priv.h"
#include "set_priv.h"

struct apply {
	const struct pp_statements *statements;
	struct pp_ruleset *rules; // a copy
	uint64_t now_ns;
	uint32_t *ids;
	struct pp_statements_change change;
	struct pp_place at; // what an error is about
	struct pp_error *err;
};

// An entry with a time to live that is there already keeps its remaining time.
//
// @return  A new reference; NULL: no memory.
static struct pp_set *keep_times(struct pp_set *old, struct pp_set *set)
{
	struct pp_set_entry *entry;
	struct pp_set *out = NULL;
	size_t at = 0;

	if (old == NULL || pp_set_next_expiry(old) == 0 || pp_set_next_expiry(set) == 0)
		return pp_set_ref(set);
	entry = malloc(set->count * sizeof(*entry));
	if (entry == NULL)
		return NULL;
	for (size_t i = 0; i < set->count; i++) {
		int order = -1;

		entry[i] = set->entry[i];
		while (at < old->count &&
		       (order = pp_prefix_compare(&old->entry[at].prefix, &entry[i].prefix)) < 0)
			at++;
		if (at < old->count && order == 0 && entry[i].expires_ns != 0 &&
		    old->entry[at].expires_ns != 0)
			entry[i].expires_ns = old->entry[at].expires_ns;
	}
	pp_set_make(&out, set->name, entry, set->count, NULL);
	return out;
}

static int put_set(struct apply *a, const struct pp_statement_set *statement)
{
	struct pp_set *old = pp_ruleset_find_set(a->rules, pp_set_name(statement->set));
	struct pp_set *set = keep_times(old, statement->set);
	struct pp_set_change change = {.added = pp_set_count(statement->set)};
	int ret = 0;

	a->at = statement->at;
	if (set == NULL)
		return pp_error_set(a->err, -ENOMEM, 0, 0, "no memory for a set");
	if (old != NULL)
		pp_set_diff(old, set, &change);
	if (old == NULL)
		a->change.sets_added++;
	else
		a->change.sets_changed += change.added + change.deleted + change.renewed > 0;
	a->change.entries.added += change.added;
	a->change.entries.deleted += change.deleted;
	a->change.entries.renewed += change.renewed;
	// An equal set stays the one that is compiled already.
	if (old == NULL || change.added + change.deleted + change.renewed > 0)
		ret = pp_ruleset_put_set(a->rules, set, PP_ORIGIN_CONFIG, a->err);
	pp_set_unref(set);
	return ret;
}

static int put_rules(struct apply *a)
{
	uint32_t count = a->statements->rule_count;
	struct pp_rule *rule = calloc(count ?: 1, sizeof(*rule));
	struct pp_error inner = {0};
	int ret;

	if (rule == NULL)
		return pp_error_set(a->err, -ENOMEM, 0, 0, "no memory for the rules");
	for (uint32_t i = 0; i < count; i++)
		rule[i] = a->statements->rule[i].rule;
	ret = pp_ruleset_replace(a->rules, rule, count, PP_ORIGIN_CONFIG, a->now_ns, a->ids,
				 &a->change.rules, &inner);
	free(rule);
	if (ret == 0)
		return 0;
	if (inner.line > 0 && inner.line <= count) {
		const struct pp_statement_rule *at = &a->statements->rule[inner.line - 1];

		a->at = (struct pp_place){at->text, at->line, at->col};
	}
	return pp_error_set(a->err, ret, 0, 0, "%s", inner.text);
}

static const struct pp_statement_protect *find_protect(const struct pp_statements *statements,
						       const char *name)
{
	for (uint32_t i = 0; i < statements->protect_count; i++)
		if (strcmp(statements->protect[i].name, name) == 0)
			return &statements->protect[i];
	return NULL;
}

static int put_marks(struct apply *a)
{
	for (uint32_t i = 0; i < a->statements->protect_count; i++) {
		int ret;

		a->at = a->statements->protect[i].at;
		ret = pp_ruleset_protect(a->rules, a->statements->protect[i].name, true, a->err);
		if (ret < 0)
			return ret;
	}
	for (uint32_t i = 0; i < pp_ruleset_set_count(a->rules); i++) {
		const char *name = pp_set_name(pp_ruleset_set_at(a->rules, i, NULL));

		if (find_protect(a->statements, name) == NULL)
			pp_ruleset_protect(a->rules, name, false, NULL);
	}
	return 0;
}

static bool stands(const struct pp_statements *statements, const char *name)
{
	for (uint32_t i = 0; i < statements->set_count; i++)
		if (strcmp(pp_set_name(statements->set[i].set), name) == 0)
			return true;
	return false;
}

// Sets of the configuration that the statements do not have.
static int remove_sets(struct apply *a)
{
	for (uint32_t i = pp_ruleset_set_count(a->rules); i-- > 0;) {
		enum pp_origin origin;
		struct pp_set *set = pp_ruleset_set_at(a->rules, i, &origin);
		int ret;

		if (origin != PP_ORIGIN_CONFIG || stands(a->statements, pp_set_name(set)))
			continue;
		a->change.sets_deleted++;
		a->change.entries.deleted += pp_set_count(set);
		ret = pp_ruleset_remove_set(a->rules, pp_set_name(set), a->err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

// Sets before the rules that name them; what goes after those that named it.
static int apply(struct apply *a)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < a->statements->set_count; i++)
		ret = put_set(a, &a->statements->set[i]);
	a->at = (struct pp_place){0};
	ret = ret ?: put_rules(a);
	ret = ret ?: put_marks(a);
	if (ret < 0)
		return ret;
	a->at = (struct pp_place){0};
	return remove_sets(a);
}

int pp_statements_apply(const struct pp_statements *statements,
			struct pp_ruleset *set,
			uint64_t now_ns,
			uint32_t *ids,
			struct pp_statements_change *change,
			uint32_t *where,
			struct pp_error *err)
{
	struct apply a = {.statements = statements, .now_ns = now_ns, .ids = ids, .err = err};
	int ret = pp_ruleset_copy(&a.rules, set);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for the rules");
	ret = apply(&a);
	if (ret == 0) {
		pp_ruleset_swap(set, a.rules);
		if (change != NULL)
			*change = a.change;
	} else {
		if (err != NULL) {
			err->line = a.at.line;
			err->col = a.at.col;
		}
		if (where != NULL)
			*where = a.at.text;
	}
	pp_ruleset_destroy(a.rules);
	return ret;
}
