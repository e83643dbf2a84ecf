// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config_check.h"

#include <errno.h>
#include <unistd.h>

#include "advice.h"
#include "advice_driver.h"
#include "ssh_session.h"

void pp_config_report(const struct pp_config *config,
		      const struct pp_where *where,
		      const struct pp_error *error,
		      struct pp_report *report)
{
	struct pp_spot at = pp_config_locate(config, where);

	pp_report_error(report, at.file, at.line, at.col, "%s", error->text);
}

void pp_config_check_protected(const struct pp_config *config,
			       const struct pp_ruleset *rules,
			       struct pp_report *report)
{
	uint32_t after = 0, rule_id = 0;
	struct pp_error error = {0};

	while (pp_ruleset_check_protected(rules, &after, &rule_id, &error)) {
		struct pp_spot at = pp_config_locate_rule(config, rule_id);

		if (config->protect_refuse)
			pp_report_error(report, at.file, at.line, at.col, "%s", error.text);
		else
			pp_report_warning(report, at.file, at.line, at.col, "%s", error.text);
	}
}

int pp_config_check(const char *path, struct pp_config **out, struct pp_report *report)
{
	struct pp_where where = {.kind = PP_WHERE_NONE};
	struct pp_config *config = NULL;
	struct pp_error error = {0};
	char session[256];
	uint32_t errors;
	int err;

	err = pp_config_load(path, &config, report);
	if (err)
		return err;
	errors = report->errors;
	if (pp_plane_check(&config->plane, config->rules, &where, &error) ||
	    pp_plane_check_engine(&config->plane, config->rules, &where, &error))
		pp_config_report(config, &where, &error, report);
	pp_config_check_protected(config, config->rules, report);
	if (report->errors != errors) {
		pp_config_destroy(config);
		return -EINVAL;
	}
	pp_advice_warn(config, config->rules, 0, UINT32_MAX,
		       pp_ssh_session_find(getpid(), session, sizeof(session)) ? session : NULL,
		       report);
	pp_advice_driver_warn(config, report);
	*out = config;
	return 0;
}
