// SPDX-License-Identifier: MIT OR Apache-2.0
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#include "command.h"
#include "config_check.h"
#include "daemon_priv.h"
#include "start_report.h"
#include "stats_json.h"
#include "stats_table.h"

#define SECOND_NS 1000000000ull
#define POLL_USEC 250000
#define EVENTS_AT_ONCE 16
#define STALL_MS 5000
#define STUCK_NS (5 * SECOND_NS) // what an analyser is given at the end

static const int end_signals[PP_DAEMON_END_SIGNALS] = {
	[PP_DAEMON_SIGINT] = SIGINT,
	[PP_DAEMON_SIGTERM] = SIGTERM,
};

static void print_line(uint64_t time_ns, const char *text)
{
	time_t seconds = (time_t)(time_ns / SECOND_NS);
	char date[32] = "?";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03u %s\n", date, (unsigned int)(time_ns % SECOND_NS / 1000000), text);
}

static void print_news(const struct pp_daemon *daemon)
{
	char text[PP_PLANE_NEWS_BYTES];

	while (pp_plane_news(daemon->plane, text))
		print_line(pp_clock_ns(CLOCK_REALTIME), text);
}

static void poll_plane(evutil_socket_t fd, short what, void *arg)
{
	struct pp_plane_event event[EVENTS_AT_ONCE];
	struct pp_daemon *daemon = arg;
	uint32_t count;

	(void)fd;
	(void)what;
	do {
		count = pp_plane_poll(daemon->plane, event, EVENTS_AT_ONCE);
		for (uint32_t i = 0; i < count; i++) {
			print_line(event[i].time_ns, event[i].text);
			pp_daemon_rules_tell_interface(daemon, &event[i]);
		}
	} while (count == EVENTS_AT_ONCE);
	print_news(daemon);
}

static void end_by_signal(evutil_socket_t signal, short what, void *arg)
{
	struct pp_daemon *daemon = arg;

	(void)what;
	printf("push-packet: stopping: %s\n", strsignal(signal));
	event_base_loopbreak(daemon->base);
}

static void end_by_time(evutil_socket_t fd, short what, void *arg)
{
	struct pp_daemon *daemon = arg;

	(void)fd;
	(void)what;
	puts("push-packet: stopping: the time is up");
	event_base_loopbreak(daemon->base);
}

static void end_by_input(evutil_socket_t fd, short what, void *arg)
{
	struct pp_daemon *daemon = arg;
	char sink[256];

	(void)what;
	if (read(fd, sink, sizeof(sink)) != 0)
		return;
	puts("push-packet: stopping: the input is at its end");
	event_base_loopbreak(daemon->base);
}

static void reload_by_signal(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	pp_daemon_rules_reload(arg);
}

static void print_log(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "push-packet: %s\n", line);
}

static int fail(const char *text)
{
	fprintf(stderr, "push-packet: error: %s\n", text);
	return PP_EXIT_FAILED;
}

// Signals are caught from before the first program is attached: whoever presses Ctrl-C during
// the start gets an orderly end too.
static int listen_to_signals(struct pp_daemon *daemon)
{
	daemon->base = event_base_new();
	if (!daemon->base || event_base_priority_init(daemon->base, PP_CTL_PRIORITIES))
		return -ENOMEM;
	for (size_t i = 0; i < PP_DAEMON_END_SIGNALS; i++) {
		daemon->on_end[i] =
			evsignal_new(daemon->base, end_signals[i], end_by_signal, daemon);
		if (!daemon->on_end[i] || event_add(daemon->on_end[i], NULL))
			return -ENOMEM;
	}
	daemon->on_hangup = evsignal_new(daemon->base, SIGHUP, reload_by_signal, daemon);
	return !daemon->on_hangup || event_add(daemon->on_hangup, NULL) ? -ENOMEM : 0;
}

static void forget(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

// From here on the next signal ends the process at once.
static void ignore_signals(struct pp_daemon *daemon)
{
	for (size_t i = 0; i < PP_DAEMON_END_SIGNALS; i++)
		forget(&daemon->on_end[i]);
	forget(&daemon->on_hangup);
}

static int listen_to_plane(struct pp_daemon *daemon)
{
	struct timeval tick = {.tv_usec = POLL_USEC};
	struct timeval end = {.tv_sec = (time_t)(daemon->for_ns / SECOND_NS),
			      .tv_usec = (suseconds_t)(daemon->for_ns % SECOND_NS / 1000)};

	daemon->on_change = event_new(daemon->base, pp_plane_fd(daemon->plane),
				      EV_READ | EV_PERSIST, poll_plane, daemon);
	daemon->on_tick = event_new(daemon->base, -1, EV_PERSIST, poll_plane, daemon);
	daemon->on_time = evtimer_new(daemon->base, end_by_time, daemon);
	if (!daemon->on_change || !daemon->on_tick || !daemon->on_time)
		return -ENOMEM;
	if (event_add(daemon->on_change, NULL) || event_add(daemon->on_tick, &tick))
		return -ENOMEM;
	return daemon->for_ns && event_add(daemon->on_time, &end) ? -ENOMEM : 0;
}

static int listen_to_input(struct pp_daemon *daemon)
{
	if (!daemon->until_eof)
		return 0;
	daemon->on_input =
		event_new(daemon->base, STDIN_FILENO, EV_READ | EV_PERSIST, end_by_input, daemon);
	return !daemon->on_input || event_add(daemon->on_input, NULL) ? -EINVAL : 0;
}

static int load(const char *path, struct pp_config **out)
{
	struct pp_report report;
	int err;

	pp_report_init(&report);
	err = pp_config_check(path, out, &report);
	pp_report_print(&report, stderr);
	if (err && !report.errors)
		fail(strerror(-err));
	pp_report_fini(&report);
	return err ? PP_EXIT_FAILED : PP_EXIT_OK;
}

// What an interface refuses is said at its place in the file; what the process lacks is not
// about the file.
static int open_plane(struct pp_daemon *daemon, const struct pp_config *config)
{
	struct pp_where where = {.kind = PP_WHERE_NONE};
	struct pp_error error = {0};
	struct pp_report report;

	if (!pp_plane_open(&daemon->plane, &config->plane, config->rules, &where, &error))
		return PP_EXIT_OK;
	if (where.kind == PP_WHERE_NONE)
		return fail(error.text);
	pp_report_init(&report);
	pp_config_report(config, &where, &error, &report);
	pp_report_print(&report, stderr);
	pp_report_fini(&report);
	return PP_EXIT_FAILED;
}

static void print_ledger(const struct pp_daemon *daemon)
{
	json_t *stats = pp_stats_json(daemon->plane, pp_rules_service_uptime_s(&daemon->rules),
				      PP_STATS_SOURCES_DEFAULT);

	json_object_set_new(stats, "stopped", json_true());
	putchar('\n');
	pp_stats_table_print(stats, stdout);
	json_decref(stats);
}

static int serve(struct pp_daemon *daemon)
{
	struct pp_error error = {0};

	if (pp_plane_start(daemon->plane, &error))
		return fail(error.text);
	if (listen_to_plane(daemon))
		return fail("out of memory");
	if (listen_to_input(daemon))
		return fail("--until-eof: the standard input is no pipe");
	pp_start_report_print(daemon->plane, daemon->rules.config, stdout);
	puts("push-packet: running");
	event_base_dispatch(daemon->base);

	ignore_signals(daemon);
	pp_ctl_server_close(daemon->server);
	daemon->server = NULL;
	daemon->stuck = pp_plane_stop_within(daemon->plane, STUCK_NS, &error) != 0;
	print_news(daemon);
	print_ledger(daemon);
	return daemon->stuck ? fail(error.text) : PP_EXIT_OK;
}

// The control socket comes first: if another daemon answers there, nothing is attached. Nobody
// is served before the loop runs, and then the plane is there.
static int open_all(struct pp_daemon *daemon, const struct pp_config *config)
{
	struct pp_error error = {0};

	if (listen_to_signals(daemon) || pp_daemon_rules_init(daemon))
		return fail("out of memory");
	if (pp_ctl_server_open(&daemon->server, daemon->base, &config->control, &daemon->rpc,
			       STALL_MS, &error))
		return fail(error.text);
	return open_plane(daemon, config);
}

static void close_all(struct pp_daemon *daemon)
{
	forget(&daemon->on_change);
	forget(&daemon->on_tick);
	forget(&daemon->on_time);
	forget(&daemon->on_input);
	forget(&daemon->on_expiry);
	pp_ctl_server_close(daemon->server);
	// What a thread still uses is left to the end of the process.
	if (!daemon->stuck) {
		pp_rules_service_fini(&daemon->rules);
		pp_plane_close(daemon->plane);
	}
	ignore_signals(daemon);
	if (daemon->base)
		event_base_free(daemon->base);
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

int pp_daemon_run(const char *config_path, uint64_t for_ns, bool until_eof)
{
	struct pp_daemon daemon = {.for_ns = for_ns, .until_eof = until_eof};
	struct pp_config *config = NULL;
	int status;

	pp_set_log(print_log, NULL);
	raise_descriptor_limit();
	status = load(config_path, &config);
	if (status)
		return status;
	status = open_all(&daemon, config);
	if (status) {
		pp_config_destroy(config);
	} else {
		pp_daemon_rules_begin(&daemon, config_path, config);
		status = serve(&daemon);
	}
	close_all(&daemon);
	if (daemon.stuck) {
		// What exit() calls may belong to the plug-in that still runs.
		fflush(NULL);
		_exit(status);
	}
	return status;
}
