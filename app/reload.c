// SPDX-License-Identifier: MIT OR Apache-2.0
#include "reload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "advice.h"
#include "config_check.h"
#include "config_diff.h"
#include "ssh_session.h"

// What a reload has found, before anything is done.
struct reload {
	const struct pp_config *running;
	struct pp_config *next;
	const struct pp_ruleset *before;
	struct pp_ruleset *after;
	struct pp_statements_change change;
	json_t *lines;
};

static int say(const struct reload *reload, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int say(const struct reload *reload, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return json_array_append_new(reload->lines, json_string(line)) ? -ENOMEM : 0;
}

static bool same_order(const struct pp_ruleset *a, const struct pp_ruleset *b)
{
	struct pp_ruleset_cursor in_a = pp_ruleset_begin(a, 0), in_b = pp_ruleset_begin(b, 0);
	const struct pp_ruleset_entry *of_a, *of_b;

	do {
		of_a = pp_ruleset_next(&in_a);
		of_b = pp_ruleset_next(&in_b);
	} while (of_a && of_b && of_a->id == of_b->id);
	return !of_a && !of_b;
}

static int describe_rules(const struct reload *reload)
{
	const struct pp_ruleset_change *rules = &reload->change.rules;

	if (rules->added || rules->deleted)
		return say(reload, "rules: %u added, %u deleted, %u kept", rules->added,
			   rules->deleted, rules->kept);
	if (!same_order(reload->before, reload->after))
		return say(reload, "rules: another order, %u kept", rules->kept);
	return 0;
}

static int describe_entries(const struct reload *reload, const struct pp_set *after)
{
	const char *name = pp_set_name(after);
	const struct pp_set *before = pp_ruleset_find_set(reload->before, name);
	struct pp_set_change change;

	if (!before)
		return say(reload, "set %s: new, %zu entries", name, pp_set_count(after));
	if (before == after)
		return 0;
	pp_set_diff(before, after, &change);
	if (change.added || change.deleted)
		return say(reload, "set %s: %zu entries added, %zu deleted", name, change.added,
			   change.deleted);
	if (change.renewed)
		return say(reload, "set %s: %zu entries renewed", name, change.renewed);
	return 0;
}

static int describe_set(const struct reload *reload, const struct pp_set *after)
{
	const char *name = pp_set_name(after);
	bool is = pp_ruleset_protected(reload->after, name);
	int err = describe_entries(reload, after);

	if (!err && is != pp_ruleset_protected(reload->before, name))
		err = say(reload, "set %s: %s protected", name, is ? "now" : "no longer");
	return err;
}

static int describe_sets(const struct reload *reload)
{
	uint32_t count = pp_ruleset_set_count(reload->after);
	int err = 0;

	for (uint32_t i = 0; !err && i < count; i++)
		err = describe_set(reload, pp_ruleset_set_at(reload->after, i, NULL));

	count = pp_ruleset_set_count(reload->before);
	for (uint32_t i = 0; !err && i < count; i++) {
		const char *name = pp_set_name(pp_ruleset_set_at(reload->before, i, NULL));

		if (!pp_ruleset_find_set(reload->after, name))
			err = say(reload, "set %s: deleted", name);
	}
	return err;
}

static const char *verdict_name(const struct pp_ruleset *rules)
{
	return pp_ruleset_default(rules) == PP_VERDICT_DROP ? "drop" : "pass";
}

static int describe_engine(const struct reload *reload)
{
	static const char *const modes[] = {
		[PP_CACHE_AUTO] = "auto", [PP_CACHE_ON] = "on", [PP_CACHE_OFF] = "off"};
	const struct pp_plane_config *from = &reload->running->plane, *to = &reload->next->plane;
	int err = 0;

	if (strcmp(from->engine, to->engine))
		err = say(reload, "engine: %s to %s", from->engine, to->engine);
	else if (!pp_engine_same(&from->own, &to->own))
		err = say(reload, "engine: %s from other files", to->engine);
	if (!err && from->cache != to->cache)
		err = say(reload, "verdict-cache: %s to %s", modes[from->cache], modes[to->cache]);
	return err;
}

static int describe(const struct reload *reload)
{
	const char *from = verdict_name(reload->before), *to = verdict_name(reload->after);
	int err = describe_rules(reload);

	if (!err)
		err = describe_sets(reload);
	if (!err && strcmp(from, to))
		err = say(reload, "default: %s to %s", from, to);
	if (!err)
		err = describe_engine(reload);
	if (!err && reload->running->protect_refuse != reload->next->protect_refuse)
		err = say(reload, "protect: %s",
			  reload->next->protect_refuse ? "report to refuse" : "refuse to report");
	return err;
}

static int change_rules(struct reload *reload,
			struct pp_ruleset *rules,
			uint64_t now_ns,
			struct pp_report *report)
{
	int err = pp_config_apply_rules(reload->next, rules, now_ns, &reload->change, report);
	uint8_t verdict = pp_ruleset_default(reload->next->rules);

	if (!err && verdict != pp_ruleset_default(rules))
		err = pp_ruleset_set_default(rules, verdict);
	return err;
}

// Interfaces are not asked for: one that is gone at the moment is no reason to keep old rules.
static int check(const struct reload *reload, struct pp_report *report)
{
	const struct pp_plane_config *plane = &reload->next->plane;
	struct pp_where where = {.kind = PP_WHERE_NONE};
	struct pp_error error = {0};
	uint32_t errors = report->errors;
	char session[256];

	if (pp_plane_check_rules(plane, reload->after, &where, &error))
		pp_config_report(reload->next, &where, &error, report);
	if (pp_plane_check_engine(plane, reload->after, &where, &error))
		pp_config_report(reload->next, &where, &error, report);
	pp_config_check_protected(reload->next, reload->after, report);
	if (report->errors != errors)
		return -EINVAL;
	pp_advice_warn(reload->next, reload->after, 0, UINT32_MAX,
		       pp_ssh_session_find(getpid(), session, sizeof(session)) ? session : NULL,
		       report);
	return 0;
}

// Do it on a copy, so that an error at the very end has changed nothing.
static int try(struct reload *reload, uint64_t now_ns, struct pp_report *report)
{
	uint32_t errors = report->errors;
	int err;

	pp_config_diff_fixed(reload->running, reload->next, report);
	err = change_rules(reload, reload->after, now_ns, report);
	if (!err)
		err = check(reload, report);
	if (!err && report->errors != errors)
		err = -EINVAL;
	return err ? err : describe(reload);
}

static int reload_rules(struct reload *reload,
			struct pp_ruleset *rules,
			uint64_t now_ns,
			json_t *changed,
			struct pp_report *report)
{
	int err;

	reload->lines = json_array();
	if (!reload->lines || pp_ruleset_copy(&reload->after, rules))
		return -ENOMEM;
	err = try(reload, now_ns, report);
	if (err)
		return err;
	// The same once more gives the same ids.
	if (json_array_size(reload->lines))
		err = change_rules(reload, rules, now_ns, report);
	return err ? err : json_array_extend(changed, reload->lines) ? -ENOMEM : 0;
}

int pp_reload(const char *config_path,
	      const struct pp_config *running,
	      struct pp_ruleset *rules,
	      uint64_t now_ns,
	      json_t *changed,
	      struct pp_config **next,
	      struct pp_report *report)
{
	struct reload reload = {.running = running, .before = rules};
	int err = pp_config_load(config_path, &reload.next, report);

	if (err)
		return err;
	err = reload_rules(&reload, rules, now_ns, changed, report);
	json_decref(reload.lines);
	pp_ruleset_destroy(reload.after);
	if (err)
		pp_config_destroy(reload.next);
	else
		*next = reload.next;
	return err;
}
