// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_table.h"

#include <errno.h>
#include <stdlib.h>

#include <urcu-qsbr.h>

static int put_rules(struct pp_rule_table *table, const struct pp_ruleset *rules)
{
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules, i);
		uint32_t *id = &table->id[entry->slot];

		if (*id != 0 && *id != entry->id)
			return -EINVAL;
		*id = entry->id;
	}
	return 0;
}

int pp_rule_table_create(struct pp_rule_table **out,
			 const struct pp_ruleset *rules,
			 const struct pp_ruleset *before,
			 bool sole_sink,
			 struct pp_error *err)
{
	struct pp_rule_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a table of rules");
	table->generation = pp_ruleset_generation(rules);
	table->sole_sink = sole_sink;
	if (before != NULL)
		put_rules(table, before);
	if (put_rules(table, rules) < 0) {
		pp_rule_table_destroy(table);
		return pp_error_set(err, -EINVAL, 0, 0,
				    "the rules were not made from a copy of those in force");
	}
	*out = table;
	return 0;
}

void pp_rule_table_destroy(struct pp_rule_table *table)
{
	free(table);
}

struct pp_rule_table *pp_rule_table_exchange(struct pp_rule_table **in_force,
					     struct pp_rule_table *table)
{
	struct pp_rule_table *before = *in_force;

	rcu_assign_pointer(*in_force, table);
	synchronize_rcu();
	return before;
}
