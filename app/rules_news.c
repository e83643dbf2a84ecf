// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rules_news.h"

#include <string.h>

static void add_event(json_t *news, const struct pp_ruleset *rules, const char *name, json_t *event)
{
	json_object_set_new(event, "event", json_string(name));
	json_object_set_new(event, "generation", json_integer(pp_ruleset_generation(rules)));
	json_array_append_new(news, event);
}

static json_t *added_ids(const struct pp_ruleset_diff *diff, uint32_t last_id)
{
	json_t *ids = json_array();

	for (uint32_t i = 0; i < diff->added_count; i++) {
		if (diff->added[i]->id > last_id)
			json_array_append_new(ids, json_integer(diff->added[i]->id));
	}
	return ids;
}

static void tell_rules(json_t *news,
		       const struct pp_ruleset *before,
		       const struct pp_ruleset *after,
		       uint32_t last_id)
{
	uint32_t count = pp_ruleset_count(after), added_count, deleted;
	uint8_t verdict = pp_ruleset_default(after);
	struct pp_ruleset_diff diff;
	json_t *added;

	if (pp_ruleset_diff(before, after, &diff))
		return;
	added = added_ids(&diff, last_id);
	pp_ruleset_diff_fini(&diff);
	added_count = (uint32_t)json_array_size(added);
	deleted = pp_ruleset_count(before) + added_count - count;
	if (!added_count && !deleted && verdict == pp_ruleset_default(before)) {
		json_decref(added);
		return;
	}
	add_event(news, after, "rules",
		  json_pack("{s:I, s:o, s:I, s:s}", "rules", (json_int_t)count, "added", added,
			    "deleted", (json_int_t)deleted, "default",
			    verdict == PP_VERDICT_DROP ? "drop" : "pass"));
}

static void
add_changed_sets(json_t *list, const struct pp_ruleset *before, const struct pp_ruleset *after)
{
	uint32_t count = pp_ruleset_set_count(after);

	for (uint32_t i = 0; i < count; i++) {
		struct pp_set *set = pp_ruleset_set_at(after, i, NULL);

		if (pp_ruleset_find_set(before, pp_set_name(set)) != set)
			json_array_append_new(list,
					      json_pack("{s:s, s:I}", "name", pp_set_name(set),
							"entries", (json_int_t)pp_set_count(set)));
	}
}

static void tell_sets(json_t *news, const struct pp_ruleset *before, const struct pp_ruleset *after)
{
	uint32_t count = pp_ruleset_set_count(before);
	json_t *list = json_array();

	add_changed_sets(list, before, after);
	for (uint32_t i = 0; i < count; i++) {
		const char *name = pp_set_name(pp_ruleset_set_at(before, i, NULL));

		if (!pp_ruleset_find_set(after, name))
			json_array_append_new(list,
					      json_pack("{s:s, s:n}", "name", name, "entries"));
	}
	if (json_array_size(list))
		add_event(news, after, "sets", json_pack("{s:O}", "sets", list));
	json_decref(list);
}

json_t *pp_rules_news(const struct pp_ruleset *before,
		      const struct pp_rules_change *change,
		      uint32_t last_id)
{
	const struct pp_ruleset *after = change->rules;
	json_t *news = json_array();

	tell_rules(news, before, after, last_id);
	tell_sets(news, before, after);
	if (change->expired_rules || change->expired_entries)
		add_event(news, after, "expired",
			  json_pack("{s:I, s:I}", "rules", (json_int_t)change->expired_rules,
				    "entries", (json_int_t)change->expired_entries));
	if (json_array_size(change->reloaded))
		add_event(news, after, "reload", json_pack("{s:O}", "changed", change->reloaded));
	return news;
}
