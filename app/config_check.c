// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config_check.h"

#include <errno.h>

#include "advice.h"
#include "ssh_session.h"

void pp_config_report(const struct pp_config *config,
		      const struct pp_where *where,
		      const struct pp_error *error,
		      struct pp_report *report)
{
	struct pp_spot at = pp_config_locate(config, where);

	pp_report_error(report, at.file, at.line, at.col, "%s", error->text);
}

int pp_config_check(const char *path, struct pp_config **out, struct pp_report *report)
{
	struct pp_where where = {.kind = PP_WHERE_NONE};
	struct pp_config *config = NULL;
	struct pp_error error = {0};
	char session[256];
	int err;

	err = pp_config_load(path, &config, report);
	if (err)
		return err;
	if (pp_plane_check(&config->plane, config->rules, &where, &error)) {
		pp_config_report(config, &where, &error, report);
		pp_config_destroy(config);
		return -EINVAL;
	}
	pp_advice_warn(config, pp_ssh_session_find(session, sizeof(session)) ? session : NULL,
		       report);
	*out = config;
	return 0;
}
