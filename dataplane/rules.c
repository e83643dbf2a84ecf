// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/rules.h>

#include <errno.h>
#include <string.h>

#include <push-packet/clock.h>

static uint64_t now_ns(void)
{
	return pp_clock_ns(CLOCK_BOOTTIME);
}

int pp_rules_begin(struct pp_plane *plane, struct pp_ruleset **out, struct pp_error *err)
{
	int ret;

	pp_plane_lock(plane);
	ret = pp_ruleset_copy(out, pp_plane_rules(plane));
	if (ret < 0) {
		pp_plane_unlock(plane);
		return pp_error_set(err, ret, 0, 0, "no memory for a copy of the rules");
	}
	pp_ruleset_settle(*out);
	return 0;
}

void pp_rules_abort(struct pp_plane *plane, struct pp_ruleset *rules)
{
	pp_ruleset_destroy(rules);
	pp_plane_unlock(plane);
}

int pp_rules_commit(struct pp_plane *plane, struct pp_ruleset *rules, struct pp_error *err)
{
	uint32_t after = 0, rule_id;
	int ret = pp_ruleset_check_protected(rules, &after, &rule_id, err);

	ret = ret ?: pp_plane_apply(plane, rules, NULL, err);
	pp_rules_abort(plane, ret < 0 ? rules : NULL);
	return ret;
}

// End a transaction as its change says.
static int end(struct pp_plane *plane, struct pp_ruleset *rules, int ret, struct pp_error *err)
{
	if (ret == 0)
		return pp_rules_commit(plane, rules, err);
	pp_rules_abort(plane, rules);
	return ret;
}

int pp_rules_add_rule(struct pp_plane *plane,
		      const struct pp_rule *rule,
		      uint32_t *id,
		      struct pp_error *err)
{
	struct pp_ruleset *rules;
	uint32_t new_id = 0;
	int ret = pp_rules_begin(plane, &rules, err);

	if (ret < 0)
		return ret;
	ret = pp_ruleset_add(rules, rule, PP_ORIGIN_CONFIG, now_ns(), &new_id, err);
	ret = end(plane, rules, ret, err);
	if (ret == 0 && id != NULL)
		*id = new_id;
	return ret;
}

int pp_rules_add(struct pp_plane *plane, const char *text, uint32_t *id, struct pp_error *err)
{
	struct pp_rule rule;
	int ret = pp_rule_parse(text, &rule, err);

	return ret ?: pp_rules_add_rule(plane, &rule, id, err);
}

int pp_rules_remove(struct pp_plane *plane, uint32_t id, struct pp_error *err)
{
	struct pp_ruleset *rules;
	int ret = pp_rules_begin(plane, &rules, err);

	if (ret < 0)
		return ret;
	return end(plane, rules, pp_ruleset_remove(rules, id, err), err);
}

static int replace(struct pp_plane *plane, const struct pp_statements *text, struct pp_error *err)
{
	struct pp_ruleset *rules;
	uint32_t where;
	int ret = pp_rules_begin(plane, &rules, err);

	if (ret < 0)
		return ret;
	ret = pp_statements_apply(text, rules, now_ns(), NULL, NULL, &where, err);
	return end(plane, rules, ret, err);
}

int pp_rules_replace(struct pp_plane *plane, const char *text, struct pp_error *err)
{
	struct pp_statements *statements;
	int ret = pp_statements_create(&statements);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for a text of rules");
	ret = pp_statements_read(statements, text, strlen(text), NULL, now_ns(), err);
	ret = ret ?: replace(plane, statements, err);
	pp_statements_destroy(statements);
	return ret;
}

int pp_rules_set_default(struct pp_plane *plane, uint8_t verdict, struct pp_error *err)
{
	struct pp_ruleset *rules;
	int ret = pp_rules_begin(plane, &rules, err);

	if (ret < 0)
		return ret;
	ret = pp_ruleset_set_default(rules, verdict);
	if (ret < 0)
		pp_error_set(err, ret, 0, 0, "the default action is pass or drop");
	return end(plane, rules, ret, err);
}

int pp_rules_expire(struct pp_plane *plane, uint64_t *next_ns, struct pp_error *err)
{
	struct pp_ruleset *rules;
	uint64_t now = now_ns(), next;
	int ret = pp_rules_begin(plane, &rules, err);

	if (ret < 0)
		return ret;
	next = pp_ruleset_next_expiry(rules);
	if (next == 0 || next > now) {
		pp_rules_abort(plane, rules);
	} else {
		ret = pp_ruleset_expire(rules, now, NULL, NULL);
		if (ret < 0)
			pp_error_set(err, ret, 0, 0, "no memory to remove rules");
		next = pp_ruleset_next_expiry(rules);
		ret = end(plane, rules, ret, err);
	}
	if (ret == 0 && next_ns != NULL)
		*next_ns = next;
	return ret;
}

uint32_t pp_rules_list(const struct pp_plane *plane, struct pp_rule_info *out, uint32_t max)
{
	const struct pp_ruleset_entry *entry;
	struct pp_ruleset_cursor cursor;
	uint32_t n = 0;

	pp_plane_lock(plane);
	cursor = pp_ruleset_begin(pp_plane_rules(plane), 0);
	while ((entry = pp_ruleset_next(&cursor)) != NULL) {
		if (n < max) {
			out[n].id = entry->id;
			out[n].reserved = 0;
			out[n].rule = entry->rule;
			pp_plane_rule_stats(plane, entry->slot, &out[n].stats);
		}
		n++;
	}
	pp_plane_unlock(plane);
	return n;
}

int pp_rules_stats(const struct pp_plane *plane,
		   uint32_t id,
		   struct pp_rule_stats *out,
		   struct pp_error *err)
{
	const struct pp_ruleset_entry *entry = NULL;

	pp_plane_lock(plane);
	if (id != 0)
		entry = pp_ruleset_find(pp_plane_rules(plane), id);
	if (id == 0 || entry != NULL)
		pp_plane_rule_stats(plane, entry != NULL ? entry->slot : PP_SLOT_DEFAULT, out);
	pp_plane_unlock(plane);
	if (id != 0 && entry == NULL)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no rule %u", id);
	return 0;
}
