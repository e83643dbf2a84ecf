// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <push-packet/dump.h>

#include "command.h"
#include "dump.h"
#include "units.h"

#define RING_DEFAULT (8u << 20)
#define UNPARSED                                                                                   \
	(1u << PP_COUNT_UNPARSED_ETH_SHORT | 1u << PP_COUNT_UNPARSED_VLAN_SHORT |                  \
	 1u << PP_COUNT_UNPARSED_VLAN_DEEP | 1u << PP_COUNT_UNPARSED_IP_SHORT |                    \
	 1u << PP_COUNT_UNPARSED_IP_BAD | 1u << PP_COUNT_UNPARSED_EXT_SHORT |                      \
	 1u << PP_COUNT_UNPARSED_EXT_DEEP | 1u << PP_COUNT_UNPARSED_L4_SHORT)

static const struct {
	const char *name;
	uint32_t columns;
} verdicts[] = {
	{"pass",
	 1u << PP_COUNT_PASSED | 1u << PP_COUNT_ROUTE_NO_SOCKET | 1u << PP_COUNT_ROUTE_NO_META},
	{"drop", 1u << PP_COUNT_DROPPED | 1u << PP_COUNT_ABORTED},
	{"route", 1u << PP_COUNT_REDIRECTED},
	{"copy", 1u << PP_COUNT_COPIED},
	{"unparsed", UNPARSED},
};
#define VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

static bool add_verdict(const char *name, size_t len, uint32_t *columns)
{
	for (size_t i = 0; i < VERDICTS; i++)
		if (strlen(verdicts[i].name) == len && !strncmp(verdicts[i].name, name, len)) {
			*columns |= verdicts[i].columns;
			return true;
		}
	return false;
}

static int
read_verdict(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct pp_dump_options *o = values;
	size_t len;

	(void)option;
	for (const char *at = text;; at += len + 1) {
		len = strcspn(at, ",");
		if (!add_verdict(at, len, &o->columns))
			return pp_error_set(
				err, -EINVAL, 0, 0,
				"expected pass, drop, route, copy, unparsed, or several with "
				"commas between");
		if (!at[len])
			return 0;
	}
}

static int
read_snap(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct pp_dump_options *o = values;
	uint64_t bytes;

	(void)option;
	if (pp_units_parse_number(text, 1, PP_DUMP_SNAP_MAX, &bytes))
		return pp_error_set(err, -EINVAL, 0, 0, "expected bytes, 1 to %u",
				    PP_DUMP_SNAP_MAX);
	o->snap_bytes = (uint32_t)bytes;
	return 0;
}

static int
read_ring(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct pp_dump_options *o = values;
	uint64_t mib;

	(void)option;
	if (pp_units_parse_number(text, 1, PP_DUMP_RING_BYTES_MAX >> 20, &mib) || mib & (mib - 1))
		return pp_error_set(err, -EINVAL, 0, 0, "expected MiB, a power of two from 1 to %u",
				    PP_DUMP_RING_BYTES_MAX >> 20);
	o->ring_bytes = (uint32_t)mib << 20;
	return 0;
}

static int
read_count(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct pp_dump_options *o = values;

	(void)option;
	if (pp_units_parse_count(text, &o->count) || !o->count)
		return pp_error_set(err, -EINVAL, 0, 0, "expected packets, at least 1");
	return 0;
}

// The words of an expression, with blanks between, as tcpdump takes them.
//
// @return  NULL: no memory.
static char *join(char *const *words)
{
	size_t bytes = 1;
	char *text, *end;

	for (char *const *word = words; *word; word++)
		bytes += strlen(*word) + 1;
	text = end = malloc(bytes);
	for (char *const *word = words; text && *word; word++)
		end += sprintf(end, "%s%s", end == text ? "" : " ", *word);
	return text;
}

static int run_dump(const struct pp_command *command, int argc, char **argv)
{
	struct pp_dump_options o = {.ring_bytes = RING_DEFAULT};
	char **words, *expression = NULL;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	if (o.write && !strcmp(o.write, "-") && isatty(STDOUT_FILENO))
		return pp_command_usage(argv[0], "-w - would write a capture to the terminal");
	if (*words) {
		expression = join(words);
		if (!expression)
			return pp_ctl_options_complain(&(struct pp_error){.text = "out of memory"});
	}
	status = pp_dump_run(&o, expression, argv[0]);
	free(expression);
	return status;
}

static const struct pp_option options[] = {
	{.name = "verdict",
	 .letter = 'v',
	 .arg = "VERDICTS",
	 .help = "only packets that went so: pass, drop, route, copy, unparsed; several with "
		 "commas between",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "pass drop route copy unparsed",
	 .read = read_verdict},
	{.name = "rule",
	 .letter = 'r',
	 .arg = "RULE",
	 .help = "only packets that this rule judged: its id, its name, or 'default'",
	 .read = pp_option_text,
	 .offset = offsetof(struct pp_dump_options, rule)},
	{.name = "interface",
	 .letter = 'i',
	 .arg = "NAME",
	 .help = "only packets that came in here",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_option_text,
	 .offset = offsetof(struct pp_dump_options, interface)},
	{.name = "write",
	 .letter = 'w',
	 .arg = "FILE",
	 .help = "write a capture, pcapng; - is standard output",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct pp_dump_options, write)},
	{.name = "count",
	 .letter = 'n',
	 .arg = "N",
	 .help = "end after so many packets",
	 .read = read_count},
	{.name = "for",
	 .letter = 'f',
	 .arg = "TIME",
	 .help = "end after a time: 500ms, 60s, 10m",
	 .read = pp_option_duration,
	 .offset = offsetof(struct pp_dump_options, for_ns)},
	{.name = "snap",
	 .letter = 'S',
	 .arg = "BYTES",
	 .help = "of each packet, 1 to 65528 (default 256, with -w all)",
	 .read = read_snap},
	{.name = "ring",
	 .letter = 'R',
	 .arg = "MIB",
	 .help = "room for what is not shown yet, a power of two (default 8)",
	 .read = read_ring},
	PP_CTL_OPTIONS,
	{0}};

static const struct pp_argument arguments[] = {
	{.name = "EXPRESSION", .optional = true, .many = true}, {0}};

const struct pp_command pp_command_dump = {
	.name = "dump",
	.summary = "show packets of a running push-packet, those it drops included",
	.synopsis = "[OPTION...] " PP_CTL_SYNOPSIS " [EXPRESSION]",
	.description =
		"Show packets as the XDP program is done with them: time, interface and queue, what "
		"became of the packet, the rule that judged, the packet. EXPRESSION is one of "
		"pcap-filter(7); it runs in the kernel, so what does not match costs next to nothing. "
		"Up to 8 dumps run at once.\n"
		"Ends at SIGINT or SIGTERM and says how many packets matched, were shown, and were "
		"lost because nobody took them out of the ring in time. However it ends, nothing of "
		"it stays in the kernel. Who may only read may not dump.",
	.options = options,
	.arguments = arguments,
	.exit_status =
		"0 ended as asked, 1 no daemon, a wrong expression, or the daemon went, 2 usage",
	.examples = "push-packet dump udp port 53\n"
		    "push-packet dump --verdict drop --count 10\n"
		    "push-packet dump --rule telnet -w - | tshark -r -",
	.run = run_dump,
};
