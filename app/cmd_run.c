// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <event2/event.h>

#include "command.h"
#include "config_check.h"
#include "ctl_server.h"
#include "start_report.h"
#include "stats_json.h"
#include "stats_table.h"

#define SECOND_NS 1000000000ull
#define POLL_USEC 250000
#define EVENTS_AT_ONCE 16
#define STALL_MS 5000

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define END_SIGNALS (sizeof(end_signals) / sizeof(end_signals[0]))

struct run {
	struct pp_config *config;
	struct pp_plane *plane;
	struct pp_ctl_server *server;
	uint64_t for_ns; // 0: until told
	uint64_t start_ns;

	struct event_base *base;
	struct event *on_end[END_SIGNALS];
	struct event *on_time;
	struct event *on_change; // pp_plane_fd()
	struct event *on_tick;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static json_t *snapshot(const struct run *run, uint32_t sources)
{
	return pp_stats_json(run->plane, (now_ns() - run->start_ns) / SECOND_NS, sources);
}

static json_t *call_version(void *arg, const json_t *params, struct pp_rpc_error *err)
{
	(void)arg;
	(void)params;
	(void)err;
	return json_pack("{s:s, s:s}", "name", "push-packet", "version", PP_VERSION);
}

static json_t *call_stats(void *arg, const json_t *params, struct pp_rpc_error *err)
{
	const json_t *value = json_object_get(params, "sources");
	json_int_t sources = value ? json_integer_value(value) : PP_STATS_SOURCES_DEFAULT;

	if ((value && !json_is_integer(value)) || sources < 0 || sources > PP_STATS_SOURCES_MAX) {
		err->code = PP_RPC_INVALID_PARAMS;
		snprintf(err->text, sizeof(err->text), "sources must be a number from 0 to %u",
			 PP_STATS_SOURCES_MAX);
		return NULL;
	}
	return snapshot(arg, (uint32_t)sources);
}

static const char *const no_params[] = {NULL};
static const char *const stats_params[] = {"sources", NULL};
static const struct pp_rpc_method methods[] = {
	{"version", no_params, call_version}, {"stats", stats_params, call_stats}, {0}};

static void print_event(const struct pp_plane_event *event)
{
	time_t seconds = (time_t)(event->time_ns / SECOND_NS);
	char date[32] = "?";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03u %s\n", date, (unsigned int)(event->time_ns % SECOND_NS / 1000000),
	       event->text);
}

static void poll_plane(evutil_socket_t fd, short what, void *arg)
{
	struct pp_plane_event event[EVENTS_AT_ONCE];
	struct run *run = arg;
	uint32_t count;

	(void)fd;
	(void)what;
	do {
		count = pp_plane_poll(run->plane, event, EVENTS_AT_ONCE);
		for (uint32_t i = 0; i < count; i++)
			print_event(&event[i]);
	} while (count == EVENTS_AT_ONCE);
}

static void end_by_signal(evutil_socket_t signal, short what, void *arg)
{
	struct run *run = arg;

	(void)what;
	printf("push-packet: stopping: %s\n", strsignal(signal));
	event_base_loopbreak(run->base);
}

static void end_by_time(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd;
	(void)what;
	puts("push-packet: stopping: the time is up");
	event_base_loopbreak(run->base);
}

static void print_log(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "push-packet: %s\n", line);
}

// Signals are caught from before the first program is attached: whoever presses Ctrl-C during
// the start gets an orderly end too.
static int listen_to_signals(struct run *run)
{
	run->base = event_base_new();
	if (!run->base)
		return -ENOMEM;
	for (size_t i = 0; i < END_SIGNALS; i++) {
		run->on_end[i] = evsignal_new(run->base, end_signals[i], end_by_signal, run);
		if (!run->on_end[i] || event_add(run->on_end[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

// From here on the next signal ends the process at once.
static void ignore_signals(struct run *run)
{
	for (size_t i = 0; i < END_SIGNALS; i++) {
		if (run->on_end[i])
			event_free(run->on_end[i]);
		run->on_end[i] = NULL;
	}
}

static int listen_to_plane(struct run *run)
{
	struct timeval tick = {.tv_usec = POLL_USEC};
	struct timeval end = {.tv_sec = (time_t)(run->for_ns / SECOND_NS),
			      .tv_usec = (suseconds_t)(run->for_ns % SECOND_NS / 1000)};

	run->on_change = event_new(run->base, pp_plane_fd(run->plane), EV_READ | EV_PERSIST,
				   poll_plane, run);
	run->on_tick = event_new(run->base, -1, EV_PERSIST, poll_plane, run);
	run->on_time = evtimer_new(run->base, end_by_time, run);
	if (!run->on_change || !run->on_tick || !run->on_time)
		return -ENOMEM;
	if (event_add(run->on_change, NULL) || event_add(run->on_tick, &tick))
		return -ENOMEM;
	return run->for_ns && event_add(run->on_time, &end) ? -ENOMEM : 0;
}

static void forget_plane(struct run *run)
{
	if (run->on_change)
		event_free(run->on_change);
	if (run->on_tick)
		event_free(run->on_tick);
	if (run->on_time)
		event_free(run->on_time);
}

static int fail(const char *text)
{
	fprintf(stderr, "push-packet: error: %s\n", text);
	return PP_EXIT_FAILED;
}

static int load(const char *path, struct run *run)
{
	struct pp_report report;
	int err;

	pp_report_init(&report);
	err = pp_config_check(path, &run->config, &report);
	pp_report_print(&report, stderr);
	if (err && !report.errors)
		fail(strerror(-err));
	pp_report_fini(&report);
	return err ? PP_EXIT_FAILED : PP_EXIT_OK;
}

// What an interface refuses is said at its place in the file; what the process lacks is not
// about the file.
static int open_plane(struct run *run)
{
	struct pp_config *config = run->config;
	struct pp_where where = {.kind = PP_WHERE_NONE};
	struct pp_error error = {0};
	struct pp_report report;

	if (!pp_plane_open(&run->plane, &config->plane, config->rules, &where, &error))
		return PP_EXIT_OK;
	if (where.kind == PP_WHERE_NONE)
		return fail(error.text);
	pp_report_init(&report);
	pp_config_report(config, &where, &error, &report);
	pp_report_print(&report, stderr);
	pp_report_fini(&report);
	return PP_EXIT_FAILED;
}

static void print_ledger(const struct run *run)
{
	json_t *stats = snapshot(run, PP_STATS_SOURCES_DEFAULT);

	json_object_set_new(stats, "stopped", json_true());
	putchar('\n');
	pp_stats_table_print(stats, stdout);
	json_decref(stats);
}

static int process(struct run *run)
{
	struct pp_error error = {0};

	if (pp_plane_start(run->plane, &error))
		return fail(error.text);
	run->start_ns = now_ns();
	if (listen_to_plane(run))
		return fail("out of memory");
	pp_start_report_print(run->plane, run->config, stdout);
	puts("push-packet: running");
	event_base_dispatch(run->base);

	ignore_signals(run);
	pp_ctl_server_close(run->server);
	run->server = NULL;
	pp_plane_stop(run->plane);
	print_ledger(run);
	return PP_EXIT_OK;
}

// The control socket comes first: if another daemon answers there, nothing is attached. Nobody
// is served before the loop runs, and then the plane is there.
static int run_config(struct run *run)
{
	struct pp_error error = {0};
	int status;

	if (listen_to_signals(run))
		return fail("out of memory");
	if (pp_ctl_server_open(&run->server, run->base, &run->config->control, methods, run,
			       STALL_MS, &error))
		return fail(error.text);
	status = open_plane(run);
	return status ? status : process(run);
}

static void fini(struct run *run)
{
	forget_plane(run);
	pp_ctl_server_close(run->server);
	pp_plane_close(run->plane);
	ignore_signals(run);
	if (run->base)
		event_base_free(run->base);
	pp_config_destroy(run->config);
}

// Each interface takes about ten descriptors, each socket and ring one more.
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run(const char *path, uint64_t for_ns)
{
	struct run run = {.for_ns = for_ns};
	int status;

	pp_set_log(print_log, NULL);
	raise_descriptor_limit();
	status = load(path, &run);
	if (!status)
		status = run_config(&run);
	fini(&run);
	return status;
}

struct run_options {
	const char *config;
	uint64_t for_ns; // 0: until told
};

static int run_run(const struct pp_command *command, int argc, char **argv)
{
	struct run_options o = {0};
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	return status == PP_PARSED ? run(o.config, o.for_ns) : status;
}

static const struct pp_option options[] = {{.name = "config",
					    .letter = 'c',
					    .arg = "FILE",
					    .required = true,
					    .help = "the configuration",
					    .complete = PP_COMPLETE_FILE,
					    .read = pp_option_text,
					    .offset = offsetof(struct run_options, config)},
					   {.name = "for",
					    .letter = 'f',
					    .arg = "TIME",
					    .help = "end by itself: 500ms, 60s, 10m, 24h",
					    .read = pp_option_duration,
					    .offset = offsetof(struct run_options, for_ns)},
					   {0}};

const struct pp_command pp_command_run = {
	.name = "run",
	.summary = "inspect packets as a configuration file says, in the foreground",
	.synopsis = "-c FILE [--for TIME]",
	.description =
		"Attach to the interfaces of a configuration and inspect their packets, in the "
		"foreground. Prints what is in force, then 'push-packet: running' once packets are "
		"processed. Ends at SIGINT or SIGTERM, or after the time given: detaches, drains, "
		"prints the ledger. SIGHUP reads the configuration again, as 'push-packet reload' "
		"does.",
	.options = options,
	.exit_status = "0 ended as asked, 1 could not start, 2 usage",
	.examples = "push-packet run -c /etc/push-packet.yaml --for 60s",
	.run = run_run,
};
