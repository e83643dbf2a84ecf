// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <push-packet/clock.h>

#include "rule_table.h"

static bool routes(const struct pp_ruleset *rules)
{
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++)
		if (pp_ruleset_at(rules, i)->rule.verdict == PP_VERDICT_ROUTE)
			return true;
	return false;
}

// Whether the workers need not look at the metadata of what these rules route. Nothing needs to be
// waited for as long as no packet was ever routed. Once workers do look they stay with it: the way
// back would have to wait for packets that carry metadata, each time the last rule of a second
// consumer goes, and gain a few nanoseconds a packet.
static bool need_no_metadata(const struct pp_plane *plane, const struct pp_ruleset *rules)
{
	bool sole = pp_bindings_sole_sink(&plane->bindings, rules) != NULL;

	if (!plane->routed)
		return sole;
	return plane->rule_table->sole_sink && (sole || !routes(rules));
}

// Packets without metadata come to an end: from here on every routed packet carries some, and the
// workers have taken what carries none. They took it under the table that tells them not to look,
// which they read before they receive.
//
// After a failure packets carry metadata that nobody looks at, and the next call waits again.
static int end_sole_sink(struct pp_plane *plane, struct pp_error *err)
{
	const struct pp_consumer_config *sole_sink = plane->bindings.sole_sink;
	uint32_t rule_id;
	int ret;

	if (sole_sink != NULL) {
		plane->bindings.sole_sink = NULL;
		ret = pp_plane_publish(plane, plane->rules, &rule_id, err);
		if (ret < 0) {
			plane->bindings.sole_sink = sole_sink;
			return ret;
		}
	}
	return pp_plane_wait_taken(plane, err);
}

// Slots that a rule has now and had not before. If the change fails after all, no rule in force has
// them, and what they count from does not matter.
static void begin_new_slots(struct pp_plane *plane,
			    const struct pp_ruleset *rules,
			    const struct pp_rule_table *before)
{
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules, i);

		if (before->id[entry->slot] != entry->id)
			pp_plane_begin_slot(plane, entry->slot);
	}
}

// The sink whose packets get no metadata. Rules that route nothing leave it as it is.
static const struct pp_consumer_config *sole_sink_of(const struct pp_plane *plane,
						     const struct pp_ruleset *rules)
{
	const struct pp_consumer_config *sole_sink;

	if (!plane->rule_table->sole_sink)
		return NULL;
	sole_sink = pp_bindings_sole_sink(&plane->bindings, rules);
	return sole_sink != NULL ? sole_sink : plane->bindings.sole_sink;
}

// Publish rules whose table the workers have.
static int publish(struct pp_plane *plane,
		   const struct pp_ruleset *rules,
		   struct pp_where *where,
		   struct pp_error *err)
{
	const struct pp_consumer_config *before = plane->bindings.sole_sink;
	uint32_t rule_id = 0;
	int ret;

	plane->bindings.sole_sink = sole_sink_of(plane, rules);
	ret = pp_plane_publish(plane, rules, &rule_id, err);
	if (ret < 0) {
		plane->bindings.sole_sink = before;
		if (where != NULL && rule_id != 0)
			*where = (struct pp_where){PP_WHERE_RULE, rule_id, 0};
	}
	return ret;
}

// Readers first: a packet that the new rules judged must find a table that knows them.
static int exchange(struct pp_plane *plane,
		    struct pp_ruleset *rules,
		    struct pp_rule_table *table,
		    struct pp_where *where,
		    struct pp_error *err)
{
	struct pp_rule_table *before = pp_rule_table_exchange(&plane->rule_table, table);
	int ret;

	begin_new_slots(plane, rules, before);
	ret = publish(plane, rules, where, err);
	if (ret < 0)
		before = pp_rule_table_exchange(&plane->rule_table, before);
	pp_rule_table_destroy(before);
	return ret;
}

static void record(struct pp_plane *plane, uint64_t begin_ns)
{
	plane->apply.count++;
	plane->apply.publish_ns = plane->maps.published_ns - begin_ns;
	plane->apply.total_ns = pp_clock_ns(CLOCK_MONOTONIC) - begin_ns;
}

int pp_plane_apply(struct pp_plane *plane,
		   struct pp_ruleset *rules,
		   struct pp_where *where,
		   struct pp_error *err)
{
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
	struct pp_rule_table *table;
	int ret;

	if (where != NULL)
		*where = (struct pp_where){PP_WHERE_NONE, 0, 0};
	ret = pp_plane_check_rules(&plane->config, rules, where, err);
	ret = ret
		      ?: pp_rule_table_create(&table, rules, plane->rules,
					      need_no_metadata(plane, rules), err);
	if (ret < 0)
		return ret;
	if (plane->rule_table->sole_sink && !table->sole_sink)
		ret = end_sole_sink(plane, err);
	if (ret < 0) {
		pp_rule_table_destroy(table);
		return ret;
	}
	ret = exchange(plane, rules, table, where, err);
	if (ret < 0)
		return ret;
	pp_ruleset_destroy(plane->rules);
	plane->rules = rules;
	plane->routed |= routes(rules);
	record(plane, begin_ns);
	return 0;
}

int pp_plane_apply_first(struct pp_plane *plane, struct pp_where *where, struct pp_error *err)
{
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
	int ret;

	ret = pp_rule_table_create(&plane->rule_table, plane->rules, NULL,
				   pp_bindings_sole_sink(&plane->bindings, plane->rules) != NULL,
				   err);
	ret = ret ?: publish(plane, plane->rules, where, err);
	if (ret < 0)
		return ret;
	plane->routed = routes(plane->rules);
	record(plane, begin_ns);
	return 0;
}
