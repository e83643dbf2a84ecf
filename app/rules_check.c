// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rules_check.h"

#include <errno.h>

#include "advice.h"

json_t *pp_rules_conflicts(const struct pp_ruleset *rules)
{
	json_t *conflicts = json_object();
	uint32_t after = 0, rule_id;
	struct pp_error error;

	while (conflicts && pp_ruleset_check_protected(rules, &after, &rule_id, &error))
		json_object_set_new(conflicts, error.text, json_true());
	return conflicts;
}

static int check_names(const struct pp_rules_check *check, struct pp_rpc_error *err)
{
	struct pp_where where;
	struct pp_error error = {0};
	int ret = pp_plane_check_rules(&check->config->plane, check->after, &where, &error);

	if (ret)
		pp_rpc_fail_errno(err, ret, "", &error);
	return ret;
}

static int check_protected(const struct pp_rules_check *check,
			   json_t *conflicts,
			   json_t *warnings,
			   struct pp_rpc_error *err)
{
	const char *sentence;
	json_t *value;

	json_object_foreach(conflicts, sentence, value)
	{
		if (json_object_get(check->known, sentence))
			continue;
		if (check->config->protect_refuse) {
			pp_rpc_fail(err, PP_RPC_REFUSED, "%s", sentence);
			return -EPERM;
		}
		json_array_append_new(warnings, json_string(sentence));
	}
	return 0;
}

int pp_rules_check(const struct pp_rules_check *check,
		   json_t **conflicts,
		   json_t *warnings,
		   struct pp_rpc_error *err)
{
	int ret = check_names(check, err);
	json_t *found;

	if (ret)
		return ret;
	found = pp_rules_conflicts(check->after);
	if (!found) {
		pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
		return -ENOMEM;
	}
	ret = check_protected(check, found, warnings, err);
	if (ret)
		json_decref(found);
	else
		*conflicts = found;
	return ret;
}

uint32_t pp_rules_greatest_id(const struct pp_ruleset *rules)
{
	const struct pp_ruleset_entry *entry;
	uint32_t id = 0;

	for (uint32_t i = 0; (entry = pp_ruleset_at(rules, i)); i++)
		id = entry->id > id ? entry->id : id;
	return id;
}

// Only what keeps packets from the system is a danger.
static bool is_new_danger(const struct pp_ruleset *rules, uint32_t first_id)
{
	const struct pp_ruleset_entry *entry;

	for (uint32_t i = 0; (entry = pp_ruleset_at(rules, i)); i++) {
		if (entry->id >= first_id && entry->rule.verdict != PP_VERDICT_PASS)
			return true;
	}
	return false;
}

void pp_rules_advise(const struct pp_rules_check *check, json_t *warnings)
{
	const struct pp_ruleset *after = check->after;
	uint32_t first_id = pp_rules_greatest_id(check->before) + 1;
	const char *ssh = check->ssh[0] ? check->ssh : NULL;
	struct pp_report report;

	pp_report_init(&report);
	if (is_new_danger(after, first_id))
		pp_advice_warn(check->config, after, first_id, UINT32_MAX, ssh, &report);
	if (pp_ruleset_default(after) != pp_ruleset_default(check->before))
		pp_advice_warn(check->config, after, 0, 0, ssh, &report);
	for (uint32_t i = 0; i < report.count; i++)
		json_array_append_new(warnings, json_string(report.line[i].text));
	pp_report_fini(&report);
}
