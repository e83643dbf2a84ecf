// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#include "command.h"
#include "ctl_options.h"
#include "stats_json.h"
#include "stats_table.h"
#include "units.h"

#define SECOND_NS 1000000000ull

struct stats_options {
	struct pp_ctl_options ctl;
	bool json;
	uint64_t watch_ns; // 0: once
	uint32_t sources;
};

// before, seconds: the snapshot shown last, and its age; NULL: there is none.
static void
show(const struct stats_options *o, const json_t *stats, const json_t *before, double seconds)
{
	if (o->json) {
		json_dumpf(stats, stdout, o->watch_ns ? JSON_COMPACT : JSON_INDENT(2));
		putchar('\n');
		return;
	}
	if (o->watch_ns && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	pp_stats_table_print(stats, stdout);
	if (before)
		pp_stats_table_print_rates(before, stats, seconds, stdout);
	if (o->watch_ns && !isatty(STDOUT_FILENO))
		putchar('\n');
}

static double now_s(void)
{
	return (double)pp_clock_ns(CLOCK_MONOTONIC) / (double)SECOND_NS;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / SECOND_NS),
			      .tv_nsec = (long)(ns % SECOND_NS)};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static int ask(struct pp_ctl_client *client, const struct stats_options *o, struct pp_error *error)
{
	json_t *before = NULL, *stats;
	double before_s = 0, stats_s;
	int err;

	do {
		err = pp_ctl_client_call(client, "stats", json_pack("{s:i}", "sources", o->sources),
					 PP_CTL_TIMEOUT_MS, &stats, error);
		if (err)
			break;
		stats_s = now_s();
		show(o, stats, before, stats_s - before_s);
		json_decref(before);
		before = stats;
		before_s = stats_s;
		if (fflush(stdout) || ferror(stdout)) {
			err = pp_error_set(error, -EIO, 0, 0, "cannot write: %m");
			break;
		}
		sleep_ns(o->watch_ns);
	} while (o->watch_ns);
	json_decref(before);
	return err;
}

static int run_stats(const struct pp_command *command, int argc, char **argv)
{
	struct stats_options o = {.sources = PP_STATS_SOURCES_DEFAULT};
	struct pp_ctl_client *client = NULL;
	struct pp_error error;
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	if (status != PP_PARSED)
		return status;
	status = pp_ctl_options_open(&o.ctl, argv[0], &client);
	if (!status && ask(client, &o, &error))
		status = pp_ctl_options_complain(&error);
	pp_ctl_client_close(client);
	return status;
}

static bool parse_interval(const char *text, uint64_t *out_ns)
{
	uint64_t seconds;

	if (!pp_units_parse_number(text, 1, 86400, &seconds)) {
		*out_ns = seconds * SECOND_NS;
		return true;
	}
	return !pp_units_parse_duration(text, out_ns) && *out_ns >= SECOND_NS / 100 &&
	       *out_ns <= 86400 * SECOND_NS;
}

static int
read_watch(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct stats_options *o = values;

	(void)option;
	o->watch_ns = SECOND_NS;
	if (!text || parse_interval(text, &o->watch_ns))
		return 0;
	return pp_error_set(err, -EINVAL, 0, 0, "expected seconds, 1 to 86400, or 500ms");
}

static int
read_sources(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct stats_options *o = values;
	uint64_t sources;

	(void)option;
	if (pp_units_parse_number(text, 0, PP_STATS_SOURCES_MAX, &sources))
		return pp_error_set(err, -EINVAL, 0, 0, "expected 0 to %u", PP_STATS_SOURCES_MAX);
	o->sources = (uint32_t)sources;
	return 0;
}

static const struct pp_option options[] = {
	{.name = "json",
	 .letter = 'j',
	 .help = "for programs: one JSON document (with --watch one a line)",
	 .read = pp_option_flag,
	 .offset = offsetof(struct stats_options, json)},
	{.name = "watch",
	 .letter = 'w',
	 .arg = "SECONDS",
	 .optional = true,
	 .help = "again and again, each second if not said otherwise",
	 .read = read_watch},
	{.name = "sources",
	 .letter = 'n',
	 .arg = "N",
	 .help = "sources listed for each consumer, 0 to 1000 (default 10)",
	 .read = read_sources},
	PP_CTL_OPTIONS,
	{0}};

const struct pp_command pp_command_stats = {
	.name = "stats",
	.summary = "show where every packet of a running push-packet went",
	.synopsis = "[--json] [--watch [SECONDS]] " PP_CTL_SYNOPSIS,
	.description =
		"Ask a running push-packet where every packet went: the ledger of each interface and "
		"queue, the rules' hits, what the consumers counted, and whether the ledger balances.",
	.options = options,
	.exit_status = "0 ok, 1 no answer, 2 usage",
	.examples = "push-packet stats --watch 2 -c /etc/push-packet.yaml",
	.run = run_stats,
};
