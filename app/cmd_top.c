// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <push-packet/clock.h>

#include "command.h"
#include "top_label.h"
#include "top_options.h"
#include "top_run.h"
#include "units.h"

#define SECOND_NS 1000000000ull

enum option_id {
	OPTION_ON,
	OPTION_TAKE,
	OPTION_FPS,
	OPTION_NAME,
	OPTION_NAMES,
	OPTION_SORT,
	OPTION_BY,
};

static int read_on(struct pp_top_options *o, const char *text, struct pp_error *err)
{
	char words[64], *save = NULL;

	snprintf(words, sizeof(words), "%s", text);
	memset(o->model.on, 0, sizeof(o->model.on));
	for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		int i = 0;

		while (i < PP_TOP_SWITCHES && strcmp(word, pp_top_switch_name(i)) != 0)
			i++;
		if (i == PP_TOP_SWITCHES)
			return pp_error_set(err, -EINVAL, 0, 0,
					    "expected words out of tcp, udp, icmp, ip4, ip6 with "
					    "commas between");
		o->model.on[i] = true;
	}
	if (!o->model.on[PP_TOP_IP4] && !o->model.on[PP_TOP_IP6])
		o->model.on[PP_TOP_IP4] = o->model.on[PP_TOP_IP6] = true;
	o->on_given = true;
	return 0;
}

static int read_names(struct pp_top_model *model, const char *path, struct pp_error *err)
{
	char line[256];
	uint32_t number = 0;
	FILE *file = fopen(path, "re");
	int ret = 0;

	if (!file)
		return pp_error_set(err, -errno, 0, 0, "%s: %s", path, strerror(errno));
	while (!ret && fgets(line, sizeof(line), file)) {
		number++;
		if (line[strspn(line, " \t\n")] != '\0' && line[strspn(line, " \t")] != '#')
			ret = pp_top_label_add_nick(model, line);
	}
	fclose(file);
	return ret ? pp_error_set(err, ret, 0, 0, "%s:%u:1: expected an address and a name", path,
				  number)
		   : 0;
}

static int read_word(const char *text,
		     const char *(*name)(uint32_t),
		     uint32_t count,
		     const char *expected,
		     uint32_t *out,
		     struct pp_error *err)
{
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(text, name(i))) {
			*out = i;
			return 0;
		}
	return pp_error_set(err, -EINVAL, 0, 0, "expected %s", expected);
}

static const char *sort_name(uint32_t i)
{
	return pp_top_sort_name((enum pp_top_sort)i);
}

static const char *by_name(uint32_t i)
{
	return pp_top_by_name((uint8_t)i);
}

static int read_number(const char *text,
		       uint32_t lo,
		       uint32_t hi,
		       const char *expected,
		       uint32_t *out,
		       struct pp_error *err)
{
	uint64_t number;

	if (pp_units_parse_number(text, lo, hi, &number))
		return pp_error_set(err, -EINVAL, 0, 0, "expected %s", expected);
	*out = (uint32_t)number;
	return 0;
}

static int
read_option(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct pp_top_options *o = values;
	uint32_t word = 0;
	int ret = 0;

	switch (option->id) {
	case OPTION_ON:
		return read_on(o, text, err);
	case OPTION_TAKE:
		return read_number(text, 1, 65536, "1 to 65536", &o->model.take_bytes, err);
	case OPTION_FPS:
		return read_number(text, 1, 60, "1 to 60", &o->model.frames_per_s, err);
	case OPTION_NAMES:
		return read_names(&o->model, text, err);
	case OPTION_SORT:
		ret = read_word(text, sort_name, PP_TOP_SORTS,
				"bits, rate, packets, bytes, new or key", &word, err);
		o->model.sort = (enum pp_top_sort)word;
		return ret;
	case OPTION_BY:
		ret = read_word(text, by_name, PP_BY_COUNT,
				"source, destination, port, protocol, rule, flow or text", &word,
				err);
		o->model.by = (uint8_t)word;
		o->by_given = true;
		return ret;
	default:
		ret = pp_top_label_add_nick(&o->model, text);
		return ret ? pp_error_set(err, ret, 0, 0, "expected ADDRESS=NAME") : 0;
	}
}

static int run_top(const struct pp_command *command, int argc, char **argv)
{
	struct pp_top_options o = {.ttl_ns = 30 * SECOND_NS};
	int status;

	pp_top_model_init(&o.model);
	status = pp_command_parse(command, argc, argv, &o, NULL);
	if (status == PP_PARSED && o.json && !o.once)
		status = pp_command_usage(argv[0], "--json goes with --once");
	if (status == PP_PARSED && o.iface && (o.ctl.socket || o.ctl.config))
		status = pp_command_usage(argv[0], "--interface needs no daemon");
	if (status == PP_PARSED)
		status = pp_top_run(&o, argv[0]);
	pp_top_model_fini(&o.model);
	return status;
}

#define MODEL(member) offsetof(struct pp_top_options, model.member)

static const struct pp_option options[] = {
	{.name = "interface",
	 .letter = 'i',
	 .arg = "IFACE",
	 .help = "look at this interface, without a daemon",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_option_text,
	 .offset = offsetof(struct pp_top_options, iface)},
	{.name = "analyser",
	 .letter = 'a',
	 .arg = "NAME",
	 .help = "the analyser to look at (default the first histogram, else flows, else what there is)",
	 .read = pp_option_text,
	 .offset = offsetof(struct pp_top_options, analyser)},
	{.name = "copy",
	 .arg = "WHAT",
	 .help = "make rules that copy packets to it: words out of tcp, udp, icmp, ip4, ip6 with "
		 "commas between (default none; with --interface tcp,udp,icmp)",
	 .read = read_option,
	 .id = OPTION_ON},
	{.name = "take",
	 .arg = "BYTES",
	 .help = "bytes of a packet that these rules copy, 1 to 65536 (default 96)",
	 .read = read_option,
	 .id = OPTION_TAKE},
	{.name = "ttl",
	 .arg = "TIME",
	 .help = "when these rules expire if top cannot take them away (default 30s)",
	 .read = pp_option_duration,
	 .offset = offsetof(struct pp_top_options, ttl_ns)},
	{.name = "window",
	 .letter = 'w',
	 .arg = "TIME",
	 .help = "how far back rates look (default 3s)",
	 .read = pp_option_duration,
	 .offset = MODEL(want_window_ns)},
	{.name = "fps",
	 .arg = "N",
	 .help = "frames a second, 1 to 60 (default 2)",
	 .read = read_option,
	 .id = OPTION_FPS},
	{.name = "stale",
	 .arg = "TIME",
	 .help = "how long a row that has gone quiet is shown (default 5s)",
	 .read = pp_option_duration,
	 .offset = MODEL(stale_ns)},
	{.name = "by",
	 .arg = "WHAT",
	 .help = "source, destination, port, protocol, rule (of a histogram), flow (of flows) or text "
		 "(of a plug-in); default what the analyser has first",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "source destination port protocol rule flow text",
	 .read = read_option,
	 .id = OPTION_BY},
	{.name = "sort",
	 .arg = "COLUMN",
	 .help = "bits, rate, packets, bytes, new or key (default bits)",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "bits rate packets bytes new key",
	 .read = read_option,
	 .id = OPTION_SORT},
	{.name = "mask",
	 .letter = 'm',
	 .help = "hide the last part of addresses",
	 .read = pp_option_flag,
	 .offset = MODEL(mask)},
	{.name = "nickname",
	 .arg = "ADDRESS=NAME",
	 .help = "show a name in place of an address; may be given again",
	 .read = read_option,
	 .id = OPTION_NAME},
	{.name = "nicknames",
	 .arg = "FILE",
	 .help = "the same from a file, an address and a name a line",
	 .complete = PP_COMPLETE_FILE,
	 .read = read_option,
	 .id = OPTION_NAMES},
	{.name = "once",
	 .help = "print once and end",
	 .read = pp_option_flag,
	 .offset = offsetof(struct pp_top_options, once)},
	{.name = "json",
	 .letter = 'j',
	 .help = "with --once: for programs",
	 .read = pp_option_flag,
	 .offset = offsetof(struct pp_top_options, json)},
	PP_CTL_OPTIONS,
	{0}};

const struct pp_command pp_command_top = {
	.name = "top",
	.summary = "watch who sends what, live",
	.synopsis =
		"[--copy WHAT] [--once [--json]] " PP_CTL_SYNOPSIS "\n--interface IFACE [--once "
		"[--json]]",
	.description =
		"Show what an analyser of a running push-packet counts: who sends how much, in packets of "
		"which sizes, or which flows there are; the rules with their hit rates, the ledger, a log. Keys change what is shown "
		"and, with t, u, i, 4, 6, + and -, rules of the running daemon that copy packets to the "
		"analyser; h lists them. These rules stand behind all others, have names that begin with "
		"top- and go when top ends.\n\n"
		"Where the output is no terminal, frames are printed one after the other.",
	.options = options,
	.exit_status = "0 ok, 1 no answer, 2 usage",
	.examples = "push-packet top --interface eth0 --mask\n"
		    "push-packet top --once --json -c /etc/push-packet.yaml",
	.run = run_top,
};
