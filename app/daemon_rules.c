// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdio.h>

#include <push-packet/clock.h>

#include "daemon_priv.h"
#include "methods.h"

#define MS_NS 1000000ull
// What expires goes so much later, with all that expires until then: one transaction.
#define COLLECT_NS (200 * MS_NS)
// Timers stand still while the machine sleeps, the clock of expiry does not.
#define LOOK_NS (500 * MS_NS)

static int apply(void *arg, struct pp_ruleset *rules, struct pp_error *err)
{
	struct pp_daemon *daemon = arg;
	const struct pp_rules_change *pending = &daemon->rules.pending;

	if (pending->engine)
		return pp_plane_set_engine(daemon->plane, &pending->config->plane, rules, NULL,
					   err);
	return pp_plane_apply(daemon->plane, rules, NULL, err);
}

static json_int_t now_ms(void)
{
	return (json_int_t)(pp_clock_ns(CLOCK_REALTIME) / MS_NS);
}

static void notify(struct pp_daemon *daemon, json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	json_t *message;

	json_object_set_new(event, "time_ms", json_integer(now_ms()));
	message =
		json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0", "method", "event", "params", event);
	pp_ctl_server_notify(daemon->server, pp_rules_event_bit(name), message);
	json_decref(message);
}

static void print_changed(const json_t *changed)
{
	json_t *line;
	size_t i;

	if (!json_array_size(changed))
		puts("push-packet: reload: nothing changed");
	json_array_foreach(changed, i, line)
		printf("push-packet: reload: %s\n", json_string_value(line));
}

static void tell_news(struct pp_daemon *daemon)
{
	json_t *news = pp_rules_service_take_news(&daemon->rules), *event;
	size_t i;

	json_array_foreach(news, i, event)
	{
		const json_t *changed = json_object_get(event, "changed");

		if (changed)
			print_changed(changed);
		notify(daemon, event);
	}
	json_decref(news);
}

static int commit(void *arg, uint32_t *generation, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	struct pp_daemon *daemon = service->arg;
	int ret = pp_rules_service_commit(service, generation, err);

	if (ret)
		fprintf(stderr, "push-packet: error: the change of rules failed: %s\n", err->text);
	tell_news(daemon);
	pp_daemon_rules_expect(daemon);
	return ret;
}

static void expire(evutil_socket_t fd, short what, void *arg)
{
	struct pp_daemon *daemon = arg;

	(void)fd;
	(void)what;
	if (pp_rules_service_expire(&daemon->rules, pp_rules_now_ns()))
		pp_ctl_server_commit(daemon->server);
	pp_daemon_rules_expect(daemon);
}

void pp_daemon_rules_expect(struct pp_daemon *daemon)
{
	uint64_t next_ns = pp_ruleset_next_expiry(daemon->rules.rules), now_ns = pp_rules_now_ns();
	uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	struct timeval wait;

	if (!next_ns) {
		event_del(daemon->on_expiry);
		return;
	}
	wait_ns += COLLECT_NS;
	if (wait_ns > LOOK_NS)
		wait_ns = LOOK_NS;
	wait = (struct timeval){.tv_usec = (suseconds_t)(wait_ns / 1000)};
	event_add(daemon->on_expiry, &wait);
}

int pp_daemon_rules_init(struct pp_daemon *daemon)
{
	daemon->rpc = (struct pp_rpc_service){
		.methods = pp_methods,
		.arg = &daemon->rules,
		.transact = pp_rules_service_transact,
		.commit = commit,
		.gone = pp_methods_gone,
	};
	daemon->on_expiry = evtimer_new(daemon->base, expire, daemon);
	return daemon->on_expiry ? 0 : -ENOMEM;
}

void pp_daemon_rules_begin(struct pp_daemon *daemon,
			   const char *config_path,
			   struct pp_config *config)
{
	pp_rules_service_init(&daemon->rules, config, pp_plane_rules(daemon->plane), apply, daemon);
	daemon->rules.start_ns = pp_clock_ns(CLOCK_MONOTONIC);
	daemon->rules.plane = daemon->plane;
	daemon->rules.dump_plane = daemon->plane;
	daemon->rules.config_path = config_path;
	pp_daemon_rules_expect(daemon);
}

static void print_errors(const struct pp_rpc_error *err)
{
	json_t *errors = json_object_get(err->data, "errors"), *line;
	size_t i;

	if (!json_array_size(errors))
		fprintf(stderr, "push-packet: error: %s\n", err->text);
	json_array_foreach(errors, i, line)
		fprintf(stderr, "push-packet: error: %s\n", json_string_value(line));
	fputs("push-packet: reload: nothing was changed\n", stderr);
}

static void print_warnings(const json_t *warnings)
{
	json_t *line;
	size_t i;

	json_array_foreach(warnings, i, line)
		fprintf(stderr, "push-packet: warning: %s\n", json_string_value(line));
}

void pp_daemon_rules_reload(struct pp_daemon *daemon)
{
	struct pp_rpc_peer self = {.may_write = true};
	struct pp_rpc_call call = {.method = &pp_method_reload, .peer = &self};
	struct pp_rpc_error err = {.text = "out of memory"};
	bool pending = false;
	json_t *result = pp_rules_service_transact(&daemon->rules, &call, &pending, &err);

	if (!result) {
		print_errors(&err);
	} else {
		print_warnings(json_object_get(result, "warnings"));
		// What was put in force is printed when it is.
		if (pending)
			pp_ctl_server_commit(daemon->server);
		else
			print_changed(json_object_get(result, "changed"));
	}
	json_decref(err.data);
	json_decref(result);
}

void pp_daemon_rules_tell_interface(struct pp_daemon *daemon, const struct pp_plane_event *event)
{
	struct pp_iface_info info;
	json_t *news;

	pp_plane_iface(daemon->plane, event->iface, &info);
	news = json_pack("{s:s, s:s, s:s}", "event", "interface", "interface", info.name, "text",
			 event->text);
	notify(daemon, news);
	json_decref(news);
}
