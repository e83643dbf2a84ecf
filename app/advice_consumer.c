// SPDX-License-Identifier: MIT OR Apache-2.0
#include "advice_consumer.h"

static bool has_analyser(const struct pp_plane_config *plane)
{
	for (uint32_t i = 0; i < plane->consumer_count; i++) {
		if (pp_consumer_is_analyser(plane->consumer[i].kind))
			return true;
	}
	return false;
}

static const struct pp_ruleset_entry *
entry_at(const struct pp_ruleset *rules, const struct pp_ruleset_diff *diff, uint32_t i)
{
	if (!diff)
		return pp_ruleset_at(rules, i);
	return i < diff->added_count ? diff->added[i] : NULL;
}

static void warn(const struct pp_config *config,
		 const struct pp_ruleset_entry *entry,
		 const char *text,
		 struct pp_report *report)
{
	struct pp_spot at = pp_config_locate_rule(config, entry->id);

	if (at.line)
		pp_report_warning(report, at.file, at.line, at.col, "this rule %s", text);
	else
		pp_report_warning(report, at.file, 0, 0, "rule %u %s", entry->id, text);
}

void pp_advice_consumer_warn(const struct pp_config *config,
			     const struct pp_ruleset *rules,
			     const struct pp_ruleset_diff *diff,
			     uint32_t first_id,
			     uint32_t last_id,
			     struct pp_report *report)
{
	bool lost_routes = config->plane.consumer_count == 0;
	bool lost_copies = !has_analyser(&config->plane);
	const struct pp_ruleset_entry *entry;

	for (uint32_t i = 0; (lost_routes || lost_copies) && (entry = entry_at(rules, diff, i));
	     i++) {
		if (entry->id < first_id || entry->id > last_id)
			continue;
		if (lost_routes && entry->rule.verdict == PP_VERDICT_ROUTE) {
			warn(config, entry,
			     "routes, and no consumer is configured: its packets are lost, counted "
			     "as no_consumer",
			     report);
			lost_routes = false;
		}
		if (lost_copies && entry->rule.copy) {
			warn(config, entry,
			     "copies, and no analyser is configured: nobody sees the copies, counted "
			     "as copy_no_consumer",
			     report);
			lost_copies = false;
		}
	}
}
