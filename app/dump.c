// SPDX-License-Identifier: MIT OR Apache-2.0
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>
#include <push-packet/dump.h>

#include "command.h"
#include "dump_filter.h"
#include "dump_names.h"
#include "dump_out.h"

#define TEXT_SNAP_BYTES 256 // headers
#define BURST 64
#define IDLE_MS 5 // nobody wakes the reader: packets would pay for it

struct dump {
	const struct pp_dump_options *o;
	struct pp_ctl_client *client;
	struct pp_dump_names names;
	struct pp_dump_reader *reader;
	struct pp_dump_out *out;
	uint32_t number;
	uint32_t snap_bytes;
	uint64_t until_ns; // CLOCK_MONOTONIC; 0: none
	uint64_t shown;
	bool gone; // the daemon
};

static volatile sig_atomic_t told;

static void on_signal(int number)
{
	(void)number;
	told = 1;
}

static void listen_to_signals(void)
{
	// What is being written goes on; the second signal ends the process.
	struct sigaction end = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND},
			 ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static int complain_about_filter(const char *expression, const struct pp_error *err)
{
	fprintf(stderr, "expression:%u:%u: error: %s\n  %s\n  %*s\n", err->line, err->col,
		err->text, expression, (int)err->col, "^");
	return PP_EXIT_FAILED;
}

// An expression that one kind of frames cannot meet (`arp` without Ethernet) is good for the other.
static int add_filters(json_t *params, const char *expression)
{
	struct pp_error err, raw_err;
	json_t *filter = pp_dump_filter_compile(expression, PP_FRAME_ETHERNET, &err),
	       *raw = pp_dump_filter_compile(expression, PP_FRAME_RAW_IP, &raw_err);

	if (!filter && !raw)
		return complain_about_filter(expression, &err);
	json_object_set_new(params, "filter", filter ? filter : pp_dump_filter_none());
	json_object_set_new(params, "filter_raw", raw ? raw : pp_dump_filter_none());
	return PP_EXIT_OK;
}

static void add_text(json_t *params, const char *name, const char *text)
{
	if (text)
		json_object_set_new(params, name, json_string(text));
}

static json_t *make_params(const struct dump *dump)
{
	const struct pp_dump_options *o = dump->o;
	json_t *params = json_pack("{s:I, s:I}", "snap", (json_int_t)dump->snap_bytes, "ring",
				   (json_int_t)o->ring_bytes),
	       *columns = json_array();

	add_text(params, "rule", o->rule);
	add_text(params, "interface", o->interface);
	for (enum pp_ledger_column i = 0; i < PP_LEDGER_COLUMNS && i < 32; i++)
		if (o->columns >> i & 1)
			json_array_append_new(columns, json_string(pp_ledger_name(i)));
	json_object_set_new(params, "columns", columns);
	return params;
}

static int open_reader(struct dump *dump, const json_t *started)
{
	struct pp_error err = {.text = "the daemon sent no descriptors"};
	int fd[2] = {-1, -1}, ret = -EPROTO;

	if (pp_ctl_client_take_fds(dump->client, fd, 2) == 2)
		ret = pp_dump_reader_open(&dump->reader, fd[0], fd[1],
					  (uint32_t)pp_ctl_options_number(started, "ring_bytes"),
					  (uint32_t)pp_ctl_options_number(started, "cpus"), &err);
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return ret ? pp_ctl_options_complain(&err) : PP_EXIT_OK;
}

static int open_out(struct dump *dump)
{
	struct pp_error err;

	return pp_dump_out_open(&dump->out, dump->o->write, dump->snap_bytes, &dump->names, &err)
		       ? pp_ctl_options_complain(&err)
		       : PP_EXIT_OK;
}

static int start(struct dump *dump, const char *expression)
{
	json_t *params = make_params(dump), *started;
	int status = expression ? add_filters(params, expression) : PP_EXIT_OK;

	if (status) {
		json_decref(params);
		return status;
	}
	status = pp_ctl_options_call(dump->client, "dump.start", params, PP_CTL_TIMEOUT_MS,
				     &started);
	if (status)
		return status;
	dump->number = (uint32_t)pp_ctl_options_number(started, "dump");
	pp_dump_names_init(&dump->names, dump->client, started);
	status = open_reader(dump, started);
	status = status ? status : open_out(dump);
	json_decref(started);
	if (!status)
		fprintf(stderr, "push-packet: dump: listening, %u bytes of a packet\n",
			dump->snap_bytes);
	return status;
}

static bool enough(const struct dump *dump)
{
	return dump->o->count && dump->shown >= dump->o->count;
}

// Show what is there.
//
// @return  Packets; they may be less than were there only if they are enough.
static uint32_t show(struct dump *dump)
{
	const struct pp_dump_note *note[BURST];
	uint64_t left = dump->o->count ? dump->o->count - dump->shown : BURST;
	uint32_t count;

	count = pp_dump_reader_burst(dump->reader, note, left < BURST ? (uint32_t)left : BURST);
	for (uint32_t i = 0; i < count; i++)
		pp_dump_out_put(dump->out, note[i]);
	pp_dump_reader_release(dump->reader);
	dump->shown += count;
	return count;
}

// Wait a little, or until the daemon goes.
static void rest(struct dump *dump)
{
	struct pollfd fd = {.fd = pp_ctl_client_fd(dump->client), .events = POLLIN};

	dump->gone = poll(&fd, 1, IDLE_MS) > 0;
}

static int complain_about_output(void)
{
	fprintf(stderr, "push-packet: error: cannot write: %m\n");
	return PP_EXIT_FAILED;
}

// @return  enum pp_exit.
static int loop(struct dump *dump)
{
	while (!told && !dump->gone && !enough(dump)) {
		if (dump->until_ns && pp_clock_ns(CLOCK_MONOTONIC) >= dump->until_ns)
			break;
		if (show(dump))
			continue;
		if (pp_dump_out_flush(dump->out))
			return complain_about_output();
		rest(dump);
	}
	return PP_EXIT_OK;
}

// No packet comes any more: what did is all in the ring or lost.
static void stop(struct dump *dump, struct pp_dump_stats *stats)
{
	json_t *result = NULL;
	struct pp_error err;

	if (!dump->gone && !pp_ctl_client_call(dump->client, "dump.stop",
					       json_pack("{s:I}", "dump", (json_int_t)dump->number),
					       PP_CTL_TIMEOUT_MS, &result, &err))
		json_decref(result);
	else
		dump->gone = true;
	while (!enough(dump) && show(dump))
		;
	pp_dump_reader_stats(dump->reader, stats);
}

static int end(struct dump *dump, int status)
{
	struct pp_dump_stats stats;

	stop(dump, &stats);
	if (pp_dump_out_close(dump->out, &stats) && !status)
		status = complain_about_output();
	dump->out = NULL;
	fprintf(stderr,
		"push-packet: dump: %" PRIu64 " packets matched, %" PRIu64 " shown, %" PRIu64
		" lost\n",
		stats.matched, dump->shown, stats.lost);
	if (!dump->gone)
		return status;
	fprintf(stderr, "push-packet: error: the daemon is gone\n");
	return PP_EXIT_FAILED;
}

static void close_all(struct dump *dump)
{
	const struct pp_dump_stats none = {0};

	pp_dump_out_close(dump->out, &none);
	pp_dump_reader_close(dump->reader);
	pp_dump_names_fini(&dump->names);
	pp_ctl_client_close(dump->client);
	free(dump);
}

static uint32_t snap_of(const struct pp_dump_options *o)
{
	if (o->snap_bytes)
		return o->snap_bytes;
	return o->write ? PP_DUMP_SNAP_MAX : TEXT_SNAP_BYTES;
}

int pp_dump_run(const struct pp_dump_options *o, const char *expression, const char *path)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	int status;

	if (!dump)
		return pp_ctl_options_complain(&(struct pp_error){.text = "out of memory"});
	listen_to_signals();
	dump->o = o;
	dump->snap_bytes = snap_of(o);
	status = pp_ctl_options_open(&o->ctl, path, &dump->client);
	if (!status)
		status = start(dump, expression);
	if (!status) {
		if (o->for_ns)
			dump->until_ns = pp_clock_ns(CLOCK_MONOTONIC) + o->for_ns;
		status = loop(dump);
		status = end(dump, status);
	}
	close_all(dump);
	return status;
}
