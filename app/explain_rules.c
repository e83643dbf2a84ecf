// SPDX-License-Identifier: MIT OR Apache-2.0
#include "explain_rules.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/explain.h>

#include "command.h"
#include "config_check.h"
#include "text_file.h"

// While packets are explained nothing expires, so that it does not matter what a ttl counts from.
#define NOW_NS 0

void pp_explain_rules_init(struct pp_explain_rules *rules)
{
	*rules = (struct pp_explain_rules){
		.engine = "auto", .in = PP_EXPLAIN_NO_IFACE, .in_name = ""};
}

void pp_explain_rules_fini(struct pp_explain_rules *rules)
{
	pp_engine_unload(&rules->own);
	pp_ruleset_destroy(rules->rules);
	free(rules->id);
}

uint32_t pp_explain_rules_id(const struct pp_explain_rules *rules, uint32_t id)
{
	return rules->id ? rules->id[id] : id;
}

static int no_memory(void)
{
	return pp_ctl_options_complain(&(struct pp_error){.text = "out of memory"});
}

static int report_end(struct pp_report *report)
{
	uint32_t errors = report->errors;

	pp_report_print(report, stderr);
	pp_report_fini(report);
	return errors ? PP_EXIT_FAILED : PP_EXIT_OK;
}

// What the daemon would have after its start.
static int take_config(struct pp_explain_rules *rules, struct pp_config *config)
{
	struct pp_plane_config *plane = &config->plane;

	rules->ifaces_known = true;
	rules->iface_count = plane->iface_count;
	memcpy(rules->iface, plane->iface, plane->iface_count * sizeof(*plane->iface));
	rules->consumer_count = plane->consumer_count;
	memcpy(rules->consumer, plane->consumer, plane->consumer_count * sizeof(*plane->consumer));
	strcpy(rules->engine, plane->engine);
	rules->own = plane->own;
	plane->own = (struct pp_engine_own){0};
	return pp_ruleset_copy(&rules->rules, config->rules);
}

int pp_explain_rules_from_config(struct pp_explain_rules *rules, const char *path)
{
	struct pp_config *config = NULL;
	struct pp_report report;
	struct pp_where where;
	struct pp_error err;
	int ret;

	pp_report_init(&report);
	ret = pp_config_load(path, &config, &report);
	if (!ret && (pp_plane_check_rules(&config->plane, config->rules, &where, &err) ||
		     pp_plane_check_engine(&config->plane, config->rules, &where, &err)))
		pp_config_report(config, &where, &err, &report);
	ret = ret ?: take_config(rules, config);
	if (ret && !report.errors)
		pp_report_error(&report, path, 0, 0, "%s", strerror(-ret));
	pp_config_destroy(config);
	return report_end(&report);
}

// @param path  Its folder is where files of sets are looked for.
static int read_statements(struct pp_statements *statements,
			   const char *text,
			   size_t len,
			   const char *path,
			   struct pp_error *err)
{
	char *copy = strdup(path);
	int ret;

	if (!copy)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = pp_statements_read(statements, text, len, dirname(copy), NOW_NS, err);
	free(copy);
	return ret;
}

static int make_rules(struct pp_explain_rules *rules,
		      const char *text,
		      size_t len,
		      const char *path,
		      struct pp_error *err)
{
	struct pp_statements *statements = NULL;
	int ret = pp_ruleset_create(&rules->rules) ?: pp_statements_create(&statements);

	if (ret)
		return pp_error_set(err, ret, 0, 0, "%s", strerror(-ret));
	ret = read_statements(statements, text, len, path, err);
	ret = ret ?: pp_statements_apply(statements, rules->rules, NOW_NS, NULL, NULL, NULL, err);
	pp_statements_destroy(statements);
	return ret;
}

int pp_explain_rules_from_file(struct pp_explain_rules *rules, const char *path)
{
	struct pp_error err = {0};
	struct pp_report report;
	char *text;
	size_t len;
	int ret = pp_text_file_read(path, &text, &len), status;

	pp_report_init(&report);
	if (ret) {
		pp_report_error(&report, path, 0, 0, "cannot read it: %s", pp_text_file_why(ret));
		return report_end(&report);
	}
	if (make_rules(rules, text, len, path, &err))
		pp_report_error(&report, path, err.line, err.col, "%s", err.text);
	free(text);
	status = report_end(&report);
	return status ?: pp_explain_rules_bind(rules);
}

int pp_explain_rules_from_text(struct pp_explain_rules *rules, const char *text)
{
	struct pp_error err = {0};
	struct pp_report report;
	struct pp_rule rule;
	int status;

	if (pp_ruleset_create(&rules->rules))
		return no_memory();
	pp_report_init(&report);
	if (pp_rule_parse(text, &rule, &err) ||
	    pp_ruleset_add(rules->rules, &rule, PP_ORIGIN_COMMAND, NOW_NS, NULL, &err))
		pp_report_error(&report, "rule", err.line, err.col, "%s", err.text);
	status = report_end(&report);
	return status ?: pp_explain_rules_bind(rules);
}

int pp_explain_rules_add_iface(struct pp_explain_rules *rules, const char *name)
{
	for (uint32_t i = 0; i < rules->iface_count; i++)
		if (!strcmp(rules->iface[i].name, name))
			return 0;
	if (rules->iface_count == PP_IFACES_MAX)
		return -ENOSPC;
	snprintf(rules->iface[rules->iface_count++].name, IFNAMSIZ, "%s", name);
	return 0;
}

static int add_consumer(struct pp_explain_rules *rules, const char *name)
{
	struct pp_consumer_config *consumer = &rules->consumer[rules->consumer_count];

	for (uint32_t i = 0; i < rules->consumer_count; i++)
		if (!strcmp(rules->consumer[i].name, name))
			return 0;
	if (rules->consumer_count == PP_CONSUMERS_MAX)
		return -ENOSPC;
	rules->consumer_count++;
	consumer->kind = PP_CONSUMER_COUNT;
	snprintf(consumer->name, sizeof(consumer->name), "%s", name);
	return 0;
}

static int bind_rule(struct pp_explain_rules *rules, const struct pp_rule *rule)
{
	int ret = 0;

	if (*rule->on)
		ret = pp_explain_rules_add_iface(rules, rule->on);
	if (!ret && *rule->copy_to)
		ret = add_consumer(rules, rule->copy_to);
	if (!ret && *rule->route_to)
		ret = add_consumer(rules, rule->route_to);
	return ret;
}

int pp_explain_rules_bind(struct pp_explain_rules *rules)
{
	struct pp_error err;

	for (uint32_t i = 0; i < pp_ruleset_count(rules->rules); i++) {
		if (!bind_rule(rules, &pp_ruleset_at(rules->rules, i)->rule))
			continue;
		pp_error_set(&err, -ENOSPC, 0, 0,
			     "the rules name more than %d interfaces or %d consumers",
			     PP_IFACES_MAX, PP_CONSUMERS_MAX);
		return pp_ctl_options_complain(&err);
	}
	return PP_EXIT_OK;
}

static int find_iface(const struct pp_explain_rules *rules, const char *name)
{
	for (uint32_t i = 0; i < rules->iface_count; i++)
		if (!strcmp(rules->iface[i].name, name))
			return (int)i;
	return PP_EXPLAIN_NO_IFACE;
}

int pp_explain_rules_enter(struct pp_explain_rules *rules, const char *name)
{
	struct pp_error err;

	if (!name && (!rules->ifaces_known || !rules->iface_count))
		return PP_EXIT_OK;
	rules->in_name = name ? name : rules->iface[0].name;
	rules->in = find_iface(rules, rules->in_name);
	if (!rules->ifaces_known || rules->in >= 0)
		return PP_EXIT_OK;
	pp_error_set(&err, -EINVAL, 0, 0, "no interface of the configuration is named '%s'", name);
	return pp_ctl_options_complain(&err);
}
