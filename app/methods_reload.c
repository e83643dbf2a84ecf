// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdio.h>
#include <string.h>

#include "config_diff.h"
#include "methods.h"
#include "reload.h"

static void print_place(const struct pp_report_line *line, char *buf, size_t size)
{
	if (line->line)
		snprintf(buf, size, "%s:%u:%u: ", line->file, line->line, line->col);
	else
		snprintf(buf, size, "%s: ", line->file);
}

static json_t *line_json(const struct pp_report_line *line)
{
	char place[256];

	print_place(line, place, sizeof(place));
	return json_pack("s+", place, line->text);
}

static json_t *lines_json(const struct pp_report *report, bool errors)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < report->count; i++) {
		if (report->line[i].error == errors)
			json_array_append_new(list, line_json(&report->line[i]));
	}
	return list;
}

static void refuse(const struct pp_report *report, struct pp_rpc_error *err)
{
	const struct pp_report_line *line = report->line;
	json_t *errors = lines_json(report, true);
	const char *text = json_string_value(json_array_get(errors, 0));

	while (line < report->line + report->count && !line->error)
		line++;
	pp_rpc_fail(err, PP_RPC_REFUSED, "%s", text ? text : "the configuration has errors");
	if (text && line->line)
		err->data = json_pack("{s:s, s:I, s:I, s:O}", "file", line->file, "line",
				      (json_int_t)line->line, "col", (json_int_t)line->col,
				      "errors", errors);
	else
		err->data = json_pack("{s:O}", "errors", errors);
	json_decref(errors);
}

static json_t *call_reload(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	const struct pp_config *running =
		service->pending.config ? service->pending.config : service->config;
	json_t *changed = json_array(), *result = NULL;
	struct pp_report report;
	int ret;

	(void)call;
	pp_report_init(&report);
	ret = pp_reload(service->config_path, running, service->trial.rules, pp_rules_now_ns(),
			changed, &service->trial.config, &report);
	if (report.errors) {
		refuse(&report, err);
	} else if (ret) {
		pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "%s", strerrordesc_np(-ret));
	} else {
		service->trial.reloaded = json_incref(changed);
		service->trial.engine = !pp_config_same_engine(running, service->trial.config);
		result = json_pack("{s:O}", "changed", changed);
		if (report.warnings)
			json_object_set_new(result, "warnings", lines_json(&report, false));
	}
	json_decref(changed);
	pp_report_fini(&report);
	return result;
}

const struct pp_rpc_method pp_method_reload = {
	.name = "reload",
	.summary = "read the configuration and its rule files again",
	.write = true,
	.call = call_reload,
};
