// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rules_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

// A sentence about a rule begins with its id.
static bool is_about(const char *sentence, uint32_t id)
{
	char begin[32];

	snprintf(begin, sizeof(begin), "rule %u (", id);
	return !strncmp(sentence, begin, strlen(begin));
}

static void forget(json_t *conflicts, uint32_t id)
{
	const char *sentence;
	json_t *value;
	void *next;

	json_object_foreach_safe(conflicts, next, sentence, value)
	{
		if (is_about(sentence, id))
			json_object_del(conflicts, sentence);
	}
}

json_t *pp_rules_conflicts_after(const json_t *known,
				 const struct pp_ruleset *before,
				 const struct pp_ruleset *after,
				 const struct pp_ruleset_diff *diff)
{
	struct pp_error error;
	json_t *conflicts;

	if (!pp_ruleset_protects_alike(before, after, diff))
		return pp_rules_conflicts(after);
	conflicts = json_copy((json_t *)known);
	for (uint32_t i = 0; json_object_size(conflicts) && i < diff->deleted_count; i++)
		forget(conflicts, diff->deleted[i]->id);
	for (uint32_t i = 0; conflicts && i < diff->added_count; i++) {
		uint32_t set = 0;

		while (pp_ruleset_check_protected_from(after, diff->added[i], &set, &error))
			json_object_set_new(conflicts, error.text, json_true());
	}
	return conflicts;
}

static int check_names(const struct pp_rules_check *check, struct pp_rpc_error *err)
{
	struct pp_where where;
	struct pp_error error = {0};
	int ret = pp_plane_check_change(&check->config->plane, check->after, check->diff, &where,
					&error);

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
	found = pp_rules_conflicts_after(check->known, check->before, check->after, check->diff);
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

void pp_rules_advise(const struct pp_rules_check *check, json_t *warnings)
{
	const struct pp_ruleset *after = check->after;
	uint32_t first_id = pp_ruleset_greatest_id(check->before) + 1;
	const char *ssh = check->ssh[0] ? check->ssh : NULL;
	struct pp_report report;

	pp_report_init(&report);
	pp_advice_warn_change(check->config, after, check->diff, first_id, ssh, &report);
	if (pp_ruleset_default(after) != pp_ruleset_default(check->before))
		pp_advice_warn(check->config, after, 0, 0, ssh, &report);
	for (uint32_t i = 0; i < report.count; i++)
		json_array_append_new(warnings, json_string(report.line[i].text));
	pp_report_fini(&report);
}
