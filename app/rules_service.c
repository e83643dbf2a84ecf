// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rules_service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <push-packet/clock.h>

#include "rules_check.h"
#include "rules_news.h"

static const char *const event_names[] = {"rules", "sets", "expired", "reload", "interface"};
#define EVENTS (sizeof(event_names) / sizeof(event_names[0]))

_Static_assert(PP_EVENT_ALL == (1 << EVENTS) - 1, "a bit for each name, in the order of names");

uint32_t pp_rules_event_bit(const char *name)
{
	for (uint32_t i = 0; i < EVENTS; i++) {
		if (!strcmp(event_names[i], name))
			return 1u << i;
	}
	return 0;
}

json_t *pp_rules_event_names(uint32_t events)
{
	json_t *names = json_array();

	for (uint32_t i = 0; i < EVENTS; i++) {
		if (events & 1u << i)
			json_array_append_new(names, json_string(event_names[i]));
	}
	return names;
}

uint64_t pp_rules_now_ns(void)
{
	return pp_clock_ns(CLOCK_BOOTTIME);
}

uint64_t pp_rules_service_uptime_s(const struct pp_rules_service *service)
{
	return (pp_clock_ns(CLOCK_MONOTONIC) - service->start_ns) / 1000000000;
}

static void drop(struct pp_rules_change *change)
{
	pp_ruleset_destroy(change->rules);
	pp_config_destroy(change->config);
	json_decref(change->reloaded);
	json_decref(change->conflicts);
	*change = (struct pp_rules_change){0};
}

void pp_rules_service_init(struct pp_rules_service *service,
			   struct pp_config *config,
			   const struct pp_ruleset *rules,
			   int (*apply)(void *arg, struct pp_ruleset *rules, struct pp_error *err),
			   void *arg)
{
	*service = (struct pp_rules_service){
		.config = config,
		.rules = rules,
		.conflicts = pp_rules_conflicts(rules),
		.apply = apply,
		.arg = arg,
		.last_id = pp_ruleset_greatest_id(rules),
	};
}

void pp_rules_service_fini(struct pp_rules_service *service)
{
	drop(&service->trial);
	drop(&service->pending);
	json_decref(service->conflicts);
	json_decref(service->news);
	pp_config_destroy(service->config);
}

// What the next request changes a copy of.
static const struct pp_ruleset *latest(const struct pp_rules_service *service)
{
	return service->pending.rules ? service->pending.rules : service->rules;
}

static const json_t *latest_conflicts(const struct pp_rules_service *service)
{
	return service->pending.rules ? service->pending.conflicts : service->conflicts;
}

static int begin(struct pp_rules_service *service)
{
	if (pp_ruleset_copy(&service->trial.rules, latest(service)))
		return -ENOMEM;
	if (!service->pending.rules)
		pp_ruleset_settle(service->trial.rules);
	return 0;
}

static const struct pp_config *latest_config(const struct pp_rules_service *service)
{
	if (service->trial.config)
		return service->trial.config;
	return service->pending.config ? service->pending.config : service->config;
}

static int no_memory(struct pp_rpc_error *err)
{
	pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
	return -ENOMEM;
}

// A reload has been checked against its own configuration, with the place of each warning.
static int check_trial(struct pp_rules_service *service,
		       const char *ssh,
		       json_t *warnings,
		       struct pp_rpc_error *err)
{
	struct pp_ruleset_diff diff;
	struct pp_rules_check check = {
		.config = latest_config(service),
		.before = latest(service),
		.after = service->trial.rules,
		.diff = &diff,
		.known = latest_conflicts(service),
		.ssh = ssh,
	};
	int ret;

	if (service->trial.config) {
		service->trial.conflicts = pp_rules_conflicts(check.after);
		return 0;
	}
	if (pp_ruleset_diff(check.before, check.after, &diff))
		return no_memory(err);
	ret = pp_rules_check(&check, &service->trial.conflicts, warnings, err);
	if (!ret)
		pp_rules_advise(&check, warnings);
	pp_ruleset_diff_fini(&diff);
	return ret;
}

static void take(json_t **to, json_t **from)
{
	if (!*from)
		return;
	json_decref(*to);
	*to = *from;
	*from = NULL;
}

// What several reloads changed is told in one list.
static void take_reloaded(struct pp_rules_change *to, struct pp_rules_change *from)
{
	if (to->reloaded && from->reloaded)
		json_array_extend(to->reloaded, from->reloaded);
	else
		take(&to->reloaded, &from->reloaded);
}

static void adopt_config(struct pp_config **to, struct pp_config **from)
{
	if (!*from)
		return;
	pp_config_destroy(*to);
	*to = *from;
	*from = NULL;
}

static void merge(struct pp_rules_change *pending, struct pp_rules_change *trial)
{
	pp_ruleset_destroy(pending->rules);
	pending->rules = trial->rules;
	trial->rules = NULL;
	adopt_config(&pending->config, &trial->config);
	pending->engine |= trial->engine;
	take(&pending->conflicts, &trial->conflicts);
	take_reloaded(pending, trial);
	pending->expired_rules += trial->expired_rules;
	pending->expired_entries += trial->expired_entries;
	drop(trial);
}

static bool changed(const struct pp_rules_service *service)
{
	return service->trial.engine || pp_ruleset_generation(service->trial.rules) !=
						pp_ruleset_generation(latest(service));
}

// Methods that warn have an empty list in their result; others get one when it is needed.
static void add_warnings(json_t *result, json_t *warnings)
{
	json_t *list = json_object_get(result, "warnings");

	if (list)
		json_array_extend(list, warnings);
	else if (json_array_size(warnings))
		json_object_set(result, "warnings", warnings);
}

static void log_new_conflicts(const struct pp_rules_service *service, const char *since)
{
	const char *sentence;
	json_t *value;

	json_object_foreach(service->trial.conflicts, sentence, value)
	{
		if (!json_object_get(latest_conflicts(service), sentence))
			fprintf(stderr, "push-packet: warning: %s%s\n", since, sentence);
	}
}

static int finish(struct pp_rules_service *service,
		  const struct pp_rpc_call *call,
		  json_t *result,
		  struct pp_rpc_error *err)
{
	json_t *warnings = json_array();
	int ret = check_trial(service, call->peer->ssh, warnings, err);

	if (!ret) {
		add_warnings(result, warnings);
		log_new_conflicts(service, "");
		merge(&service->pending, &service->trial);
	}
	json_decref(warnings);
	return ret;
}

json_t *pp_rules_service_transact(void *arg,
				  const struct pp_rpc_call *call,
				  bool *pending,
				  struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	json_t *result;

	if (begin(service))
		return pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
	result = call->method->call(service, call, err);
	if (result && changed(service) && finish(service, call, result, err)) {
		json_decref(result);
		result = NULL;
	}
	// A reload that changed no rule has new places for them all the same.
	if (result && service->trial.config)
		adopt_config(service->pending.rules ? &service->pending.config : &service->config,
			     &service->trial.config);
	drop(&service->trial);
	if (result) {
		json_object_set_new(result, "generation",
				    json_integer(pp_ruleset_generation(latest(service))));
		*pending = service->pending.rules != NULL;
	}
	return result;
}

static void tell(struct pp_rules_service *service, json_t *news)
{
	if (service->news)
		json_array_extend(service->news, news);
	else
		service->news = json_incref(news);
}

static void put_in_force(struct pp_rules_service *service)
{
	struct pp_rules_change *pending = &service->pending;
	uint32_t last_id = pp_ruleset_greatest_id(pending->rules);

	service->rules = pending->rules;
	pending->rules = NULL;
	if (last_id > service->last_id)
		service->last_id = last_id;
	adopt_config(&service->config, &pending->config);
	take(&service->conflicts, &pending->conflicts);
}

int pp_rules_service_commit(void *arg, uint32_t *generation, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	struct pp_rules_change *pending = &service->pending;
	struct pp_error error = {0};
	json_t *news;
	int ret = 0;

	if (pending->rules) {
		news = pp_rules_news(service->rules, pending, service->last_id);
		ret = service->apply(service->arg, pending->rules, &error);
		if (ret) {
			pp_rpc_fail_errno(err, ret, "", &error);
		} else {
			put_in_force(service);
			tell(service, news);
		}
		json_decref(news);
		drop(pending);
	}
	*generation = pp_ruleset_generation(service->rules);
	return ret;
}

int pp_rules_service_try(struct pp_rules_service *service,
			 const struct pp_rule *rule,
			 const char *ssh,
			 json_t *warnings,
			 struct pp_rpc_error *err)
{
	struct pp_error error = {0};
	int ret = begin(service);

	if (ret)
		return no_memory(err);
	ret = pp_ruleset_add(service->trial.rules, rule, PP_ORIGIN_COMMAND, pp_rules_now_ns(), NULL,
			     &error);
	if (ret)
		pp_rpc_fail_errno(err, ret, "", &error);
	else
		ret = check_trial(service, ssh, warnings, err);
	drop(&service->trial);
	return ret;
}

// What expires goes, even where it kept packets of a protected set from harm.
bool pp_rules_service_expire(struct pp_rules_service *service, uint64_t now_ns)
{
	struct pp_rules_change *trial = &service->trial;
	const struct pp_ruleset *before = latest(service);
	struct pp_ruleset_diff diff;

	if (begin(service))
		return false;
	if (pp_ruleset_expire(trial->rules, now_ns, &trial->expired_rules,
			      &trial->expired_entries) ||
	    !(trial->expired_rules || trial->expired_entries) ||
	    pp_ruleset_diff(before, trial->rules, &diff)) {
		drop(trial);
		return false;
	}
	trial->conflicts =
		pp_rules_conflicts_after(latest_conflicts(service), before, trial->rules, &diff);
	pp_ruleset_diff_fini(&diff);
	log_new_conflicts(service, "since something expired: ");
	merge(&service->pending, trial);
	return true;
}

json_t *pp_rules_service_take_news(struct pp_rules_service *service)
{
	json_t *news = service->news;

	service->news = NULL;
	return news;
}
