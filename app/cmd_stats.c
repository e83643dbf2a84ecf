// SPDX-License-Identifier: MIT OR Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "config.h"
#include "ctl_client.h"
#include "stats_json.h"
#include "stats_table.h"
#include "units.h"

#define TIMEOUT_MS 10000
#define SECOND_NS 1000000000ull

static const char help[] =
	"usage: push-packet stats [--json] [--watch [SECONDS]] [-s SOCKET | -c FILE]\n"
	"\n"
	"Ask a running push-packet where every packet went: the ledger of each interface and queue,\n"
	"the rules' hits, what the consumers counted, and whether the ledger balances.\n"
	"\n"
	"  -j, --json             for programs: one JSON document (with --watch one a line)\n"
	"  -w, --watch [SECONDS]  again and again, each second if not said otherwise\n"
	"  -n, --sources N        sources listed for each consumer, 0 to 1000 (default 10)\n"
	"  -s, --socket SOCKET    the control socket (default " PP_CONFIG_SOCKET ")\n"
	"  -c, --config FILE      take the control socket from this configuration\n"
	"  -h, --help             this text\n"
	"\n"
	"exit status: 0 ok, 1 no answer, 2 usage\n"
	"\n"
	"example:\n"
	"  push-packet stats --watch 2 -c /etc/push-packet.yaml";

struct stats_options {
	bool json;
	uint64_t watch_ns; // 0: once
	uint32_t sources;
	const char *config;
	char socket[PP_CONFIG_SOCKET_BYTES];
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
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / (double)SECOND_NS;
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
					 TIMEOUT_MS, &stats, error);
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

static int ask_daemon(const struct stats_options *o)
{
	struct pp_ctl_client *client = NULL;
	struct pp_error error;
	int err = pp_ctl_client_open(&client, o->socket, &error);

	if (!err)
		err = ask(client, o, &error);
	pp_ctl_client_close(client);
	if (err)
		fprintf(stderr, "push-packet: error: %s\n", error.text);
	return err ? PP_EXIT_FAILED : PP_EXIT_OK;
}

static int take_socket(struct stats_options *o)
{
	struct pp_config *config = NULL;
	struct pp_report report;
	int err;

	pp_report_init(&report);
	err = pp_config_load(o->config, &config, &report);
	pp_report_print(&report, stderr);
	pp_report_fini(&report);
	if (!err)
		strcpy(o->socket, config->control.socket);
	pp_config_destroy(config);
	return err;
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

// --watch takes a number if one follows, as its own word too.
static bool read_watch(int argc, char **argv, struct stats_options *o)
{
	const char *text = optarg;

	if (!text && optind < argc && isdigit((unsigned char)*argv[optind]))
		text = argv[optind++];
	o->watch_ns = SECOND_NS;
	return !text || parse_interval(text, &o->watch_ns);
}

static bool read_socket(struct stats_options *o)
{
	if (strlen(optarg) >= sizeof(o->socket))
		return false;
	strcpy(o->socket, optarg);
	return true;
}

// @return  -1: go on; else the exit status.
static int read_option(int opt, int argc, char **argv, struct stats_options *o)
{
	uint64_t sources;

	switch (opt) {
	case 'j':
		o->json = true;
		return -1;
	case 'w':
		if (read_watch(argc, argv, o))
			return -1;
		return pp_command_usage(argv[0], "--watch: expected seconds, 1 to 86400, or 500ms");
	case 'n':
		if (pp_units_parse_number(optarg, 0, PP_STATS_SOURCES_MAX, &sources))
			return pp_command_usage(argv[0], "--sources: expected 0 to 1000");
		o->sources = (uint32_t)sources;
		return -1;
	case 's':
		if (read_socket(o))
			return -1;
		return pp_command_usage(argv[0], "--socket: a path of at most %u characters",
					PP_CONFIG_SOCKET_BYTES - 1);
	case 'c':
		o->config = optarg;
		return -1;
	case 'h':
		puts(help);
		return PP_EXIT_OK;
	default:
		return pp_command_usage(argv[0], "bad option");
	}
}

int pp_cmd_stats(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"watch", optional_argument, NULL, 'w'},
						{"sources", required_argument, NULL, 'n'},
						{"socket", required_argument, NULL, 's'},
						{"config", required_argument, NULL, 'c'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct stats_options o = {.sources = PP_STATS_SOURCES_DEFAULT, .socket = ""};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "jw::n:s:c:h", options, NULL)) != -1) {
		status = read_option(opt, argc, argv, &o);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return pp_command_usage(argv[0], "unexpected argument '%s'", argv[optind]);
	if (o.config && *o.socket)
		return pp_command_usage(argv[0], "-s and -c exclude each other");
	if (o.config && take_socket(&o))
		return PP_EXIT_FAILED;
	if (!*o.socket)
		strcpy(o.socket, PP_CONFIG_SOCKET);
	return ask_daemon(&o);
}
