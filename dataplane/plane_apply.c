// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <push-packet/clock.h>

#include "rule_table.h"

// What is on its way from one rule set to another.
struct change {
	struct pp_ruleset *rules;
	struct pp_ruleset_diff diff;
	struct pp_route_counts routes; // of rules
	struct pp_out_counts outs;
	struct pp_rule_table *table;
};

static void count_route(const struct pp_plane *plane,
			struct pp_route_counts *routes,
			const struct pp_rule *rule,
			int by)
{
	int consumer;

	if (rule->verdict != PP_VERDICT_ROUTE)
		return;
	routes->rules += (uint32_t)by;
	consumer = pp_bindings_consumer(&plane->bindings, rule->route_to, true, NULL);
	if (consumer >= 0 && consumer != PP_CONSUMER_NONE)
		routes->to[consumer] += (uint32_t)by;
}

static void count_rules(const struct pp_plane *plane, struct change *change)
{
	const struct pp_ruleset_diff *diff = &change->diff;

	change->routes = plane->routes;
	change->outs = plane->outs;
	for (uint32_t i = 0; i < diff->deleted_count; i++) {
		count_route(plane, &change->routes, &diff->deleted[i]->rule, -1);
		pp_plane_out_count(plane, &change->outs, &diff->deleted[i]->rule, -1);
	}
	for (uint32_t i = 0; i < diff->added_count; i++) {
		count_route(plane, &change->routes, &diff->added[i]->rule, 1);
		pp_plane_out_count(plane, &change->outs, &diff->added[i]->rule, 1);
	}
}

static bool reads_no_metadata(const struct pp_consumer_config *consumer)
{
	return consumer->kind == PP_CONSUMER_SINK ||
	       (consumer->kind == PP_CONSUMER_REFLECT && !consumer->stamp);
}

// The one consumer that every route rule names; NULL: there are several, or it reads metadata.
static const struct pp_consumer_config *sole_of(const struct pp_plane *plane,
						const struct pp_route_counts *routes)
{
	for (uint32_t i = 0; routes->rules > 0 && i < plane->bindings.consumer_count; i++)
		if (routes->to[i] == routes->rules)
			return reads_no_metadata(&plane->bindings.consumer[i])
				       ? &plane->bindings.consumer[i]
				       : NULL;
	return NULL;
}

static uint8_t sole_kind_of(const struct pp_plane *plane, const struct pp_route_counts *routes)
{
	const struct pp_consumer_config *sole = sole_of(plane, routes);

	return sole != NULL ? sole->kind : PP_CONSUMER_KINDS;
}

// What the workers do with all that these rules route, without a look at metadata. Nothing needs to
// be waited for as long as no packet was ever routed. Once workers do look they stay with it: the
// way back would have to wait for packets that carry metadata, each time the last rule of a second
// consumer goes.
static uint8_t next_sole_kind(const struct pp_plane *plane, const struct pp_route_counts *routes)
{
	uint8_t in_force = plane->rule_table->sole, next = sole_kind_of(plane, routes);

	if (!plane->routed || next == in_force)
		return next;
	return routes->rules == 0 ? in_force : PP_CONSUMER_KINDS;
}

// Packets without metadata come to an end: from here on every routed packet carries some, and the
// workers have taken what carries none. They took it under the table that tells them not to look,
// which they read before they receive.
//
// After a failure packets carry metadata that nobody looks at, and the next call waits again.
static int end_sole(struct pp_plane *plane, struct pp_error *err)
{
	const struct pp_consumer_config *sole = plane->bindings.sole;
	uint32_t rule_id;
	int ret;

	if (sole != NULL) {
		plane->bindings.sole = NULL;
		ret = pp_plane_publish(plane, plane->rules, &rule_id, err);
		if (ret < 0) {
			plane->bindings.sole = sole;
			return ret;
		}
	}
	return pp_plane_wait_taken(plane, err);
}

// Slots that a rule has now and had not before. If the change fails after all, no rule in force has
// them, and what they count from does not matter.
static void begin_new_slots(struct pp_plane *plane,
			    const struct pp_ruleset_diff *diff,
			    const struct pp_rule_table *before)
{
	for (uint32_t i = 0; i < diff->added_count; i++)
		if (pp_rule_table_id(before, diff->added[i]->slot) != diff->added[i]->id)
			pp_plane_begin_slot(plane, diff->added[i]->slot);
}

// The consumer whose packets get no metadata. Rules that route nothing leave it as it is.
static const struct pp_consumer_config *next_sole(const struct pp_plane *plane,
						  const struct pp_route_counts *routes)
{
	const struct pp_consumer_config *sole;

	if (plane->rule_table->sole == PP_CONSUMER_KINDS)
		return NULL;
	sole = sole_of(plane, routes);
	return sole != NULL ? sole : plane->bindings.sole;
}

// Publish rules whose table the workers have.
static int publish(struct pp_plane *plane,
		   const struct change *change,
		   struct pp_where *where,
		   struct pp_error *err)
{
	const struct pp_consumer_config *before = plane->bindings.sole;
	uint32_t rule_id = 0;
	int ret;

	plane->bindings.sole = next_sole(plane, &change->routes);
	ret = pp_plane_publish(plane, change->rules, &rule_id, err);
	if (ret < 0) {
		plane->bindings.sole = before;
		if (where != NULL && rule_id != 0)
			*where = (struct pp_where){PP_WHERE_RULE, rule_id, 0};
	}
	return ret;
}

// Readers first: a packet that the new rules judged must find a table that knows them.
static int exchange(struct pp_plane *plane,
		    struct change *change,
		    struct pp_where *where,
		    struct pp_error *err)
{
	struct pp_rule_table *before = pp_rule_table_exchange(&plane->rule_table, change->table);
	int ret;

	begin_new_slots(plane, &change->diff, before);
	ret = publish(plane, change, where, err);
	if (ret < 0)
		before = pp_rule_table_exchange(&plane->rule_table, before);
	pp_rule_table_destroy(before);
	change->table = NULL;
	return ret;
}

static void record(struct pp_plane *plane, uint64_t begin_ns)
{
	plane->apply.count++;
	plane->apply.publish_ns = plane->maps.published_ns - begin_ns;
	plane->apply.total_ns = pp_clock_ns(CLOCK_MONOTONIC) - begin_ns;
}

static int diff(const struct pp_ruleset *before, struct change *change, struct pp_error *err)
{
	if (pp_ruleset_diff(before, change->rules, &change->diff) < 0)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a change of rules");
	return 0;
}

static int
apply(struct pp_plane *plane, struct change *change, struct pp_where *where, struct pp_error *err)
{
	int ret = diff(plane->rules, change, err);

	ret = ret
		      ?: pp_plane_check_change(&plane->config, change->rules, &change->diff, where,
					       err);
	if (ret < 0)
		return ret;
	count_rules(plane, change);
	ret = pp_rule_table_create(&change->table, plane->rule_table, &change->diff,
				   pp_ruleset_generation(change->rules),
				   next_sole_kind(plane, &change->routes), err);
	if (ret < 0)
		return ret;
	if (plane->rule_table->sole != PP_CONSUMER_KINDS &&
	    change->table->sole == PP_CONSUMER_KINDS)
		ret = end_sole(plane, err);
	ret = ret ?: pp_plane_out_begin(plane, &change->outs, err);
	if (ret < 0)
		return ret;
	ret = exchange(plane, change, where, err);
	pp_plane_out_end(plane, ret < 0 ? &plane->outs : &change->outs);
	return ret;
}

static int apply_locked(struct pp_plane *plane,
			struct pp_ruleset *rules,
			struct pp_where *where,
			struct pp_error *err)
{
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
	struct change change = {.rules = rules};
	int ret;

	if (where != NULL)
		*where = (struct pp_where){PP_WHERE_NONE, 0, 0};
	ret = apply(plane, &change, where, err);
	if (ret == 0) {
		pp_ruleset_destroy(plane->rules);
		plane->rules = rules;
		plane->routes = change.routes;
		plane->outs = change.outs;
		plane->routed |= change.routes.rules > 0;
		record(plane, begin_ns);
	}
	pp_rule_table_destroy(change.table);
	pp_ruleset_diff_fini(&change.diff);
	return ret;
}

int pp_plane_apply(struct pp_plane *plane,
		   struct pp_ruleset *rules,
		   struct pp_where *where,
		   struct pp_error *err)
{
	int ret;

	pp_plane_lock(plane);
	ret = apply_locked(plane, rules, where, err);
	pp_plane_unlock(plane);
	return ret;
}

int pp_plane_apply_first(struct pp_plane *plane, struct pp_where *where, struct pp_error *err)
{
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
	struct change change = {.rules = plane->rules};
	int ret = diff(NULL, &change, err);

	if (ret < 0)
		return ret;
	count_rules(plane, &change);
	ret = pp_rule_table_create(&plane->rule_table, NULL, &change.diff,
				   pp_ruleset_generation(plane->rules),
				   sole_kind_of(plane, &change.routes), err);
	ret = ret ?: publish(plane, &change, where, err);
	pp_ruleset_diff_fini(&change.diff);
	if (ret < 0)
		return ret;
	plane->routes = change.routes;
	plane->outs = change.outs;
	plane->routed = change.routes.rules > 0;
	record(plane, begin_ns);
	return 0;
}
