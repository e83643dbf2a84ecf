// SPDX-License-Identifier: MIT OR Apache-2.0
// Prints a rule set that it makes, or another one in either format, or packet headers for one.
//
//   ruleset-gen --kind acl|fw|ipc|dense [--family 4|6|both] --rules N [--seed S]
//               [--format rules|classbench]
//   ruleset-gen --rules FILE|gen:... [--format rules|classbench]
//   ruleset-gen --trace N --rules FILE|gen:... [--flows F] [--corners] [--seed S]
//
// A header is a line `SRC DST SPORT DPORT PROTO`: addresses as decimal numbers (IPv4), or as text
// (IPv6), as librte_acl's test program reads them.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_gen.h"
#include "ruleset_open.h"
#include <push-packet/classbench.h>
#include <push-packet/trace.h>

struct options {
	struct ruleset_options set;
	struct pp_trace_options trace;
	const char *rules;
	bool classbench;
};

static const struct option long_options[] = {
	{"kind", required_argument, NULL, 'k'},
	{"family", required_argument, NULL, 'f'},
	{"rules", required_argument, NULL, 'r'},
	{"seed", required_argument, NULL, 's'},
	{"format", required_argument, NULL, 'o'},
	{"trace", required_argument, NULL, 't'},
	{"flows", required_argument, NULL, 'n'},
	{"corners", no_argument, NULL, 'c'},
	{0},
};

static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *out <= max;
}

static bool read_family(const char *text, uint8_t *out)
{
	static const char *const name[] = {"4", "6", "both"};
	static const uint8_t family[] = {PP_FAMILY_IP4, PP_FAMILY_IP6, PP_FAMILY_NONE};

	for (int i = 0; i < 3; i++) {
		if (strcmp(text, name[i]) != 0)
			continue;
		*out = family[i];
		return true;
	}
	return false;
}

static bool take_option(struct options *options, int which)
{
	uint64_t number = 0;
	int kind;

	switch (which) {
	case 'k':
		kind = ruleset_kind_find(optarg);
		options->set.kind = kind < 0 ? RULESET_KINDS : (enum ruleset_kind)kind;
		return kind >= 0;
	case 'f':
		return read_family(optarg, &options->set.family);
	case 'r':
		options->rules = optarg;
		return true;
	case 's':
		return read_number(optarg, UINT64_MAX, &options->set.seed);
	case 'o':
		options->classbench = strcmp(optarg, "classbench") == 0;
		return options->classbench || strcmp(optarg, "rules") == 0;
	case 't':
		if (!read_number(optarg, 1u << 24, &number))
			return false;
		options->trace.count = (uint32_t)number;
		return number > 0;
	case 'n':
		if (!read_number(optarg, 1u << 24, &number))
			return false;
		options->trace.flows = (uint32_t)number;
		return true;
	case 'c':
		options->trace.mode = PP_TRACE_CORNERS;
		return true;
	default:
		return false;
	}
}

static int print_rules(const struct options *options, const struct pp_rule *rule, uint32_t count)
{
	char text[PP_RULE_TEXT_BYTES];

	for (uint32_t i = 0; i < count; i++) {
		if (!options->classbench) {
			pp_rule_format(&rule[i], text, sizeof(text));
		} else if (pp_classbench_format(&rule[i], text, sizeof(text)) < 0) {
			fprintf(stderr, "ruleset-gen: the format has no words for rule %u\n",
				i + 1);
			return -EINVAL;
		}
		puts(text);
	}
	return 0;
}

static int make_rules(const struct options *options, struct pp_rule **out, uint32_t *count)
{
	struct ruleset_options set = options->set;
	uint64_t number;
	int ret;

	if (!read_number(options->rules, RULESET_RULES_MAX, &number) || number == 0) {
		fprintf(stderr, "ruleset-gen: --rules wants 1 to %u with --kind\n",
			RULESET_RULES_MAX);
		return -EINVAL;
	}
	set.count = *count = (uint32_t)number;
	*out = calloc(set.count, sizeof(**out));
	ret = *out != NULL ? ruleset_gen(&set, *out) : -ENOMEM;
	if (ret < 0)
		fprintf(stderr, "ruleset-gen: %s\n", strerror(-ret));
	return ret;
}

static int open_rules(const struct options *options, struct pp_rule **out, uint32_t *count)
{
	struct pp_error err = {0};
	int ret = ruleset_open(options->rules, out, count, &err);

	if (ret < 0)
		fprintf(stderr, "ruleset-gen: %s:%u: %s\n", options->rules, err.line,
			err.text[0] != '\0' ? err.text : strerror(-ret));
	return ret;
}

static void print_header(const struct pp_trace_header *header)
{
	const uint8_t *side[2] = {header->src, header->dst};

	for (int i = 0; i < 2; i++) {
		const uint8_t *a = side[i];

		if (header->family == PP_FAMILY_IP4)
			printf("%u ", (uint32_t)a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3]);
		for (int j = 0; header->family == PP_FAMILY_IP6 && j < 16; j += 2)
			printf("%x%s", a[j] << 8 | a[j + 1], j < 14 ? ":" : " ");
	}
	printf("%u %u %u\n", header->sport, header->dport, header->proto);
}

static int
print_trace(const struct pp_trace_options *options, const struct pp_rule *rule, uint32_t count)
{
	struct pp_trace_header *header = calloc(options->count, sizeof(*header));
	int ret = header == NULL ? -ENOMEM : pp_trace_make(options, rule, count, header);

	for (uint32_t i = 0; ret == 0 && i < options->count; i++)
		print_header(&header[i]);
	if (ret < 0)
		fprintf(stderr, "ruleset-gen: no headers: %s\n", strerror(-ret));
	free(header);
	return ret;
}

static int usage(void)
{
	fprintf(stderr, "usage: ruleset-gen --kind acl|fw|ipc|dense [--family 4|6|both] --rules N\n"
			"                   [--seed S] [--format rules|classbench]\n"
			"       ruleset-gen --rules FILE|gen:... [--format rules|classbench]\n"
			"       ruleset-gen --trace N --rules FILE|gen:KIND[:FAMILY]:COUNT:SEED\n"
			"                   [--flows F] [--corners] [--seed S]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = {
		.set = {.kind = RULESET_KINDS, .family = PP_FAMILY_IP4, .seed = 1}};
	struct pp_rule *rule = NULL;
	uint32_t count = 0;
	int which, ret;

	while ((which = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!take_option(&options, which))
			return usage();
	if (optind != argc || options.rules == NULL)
		return usage();
	options.trace.seed = options.set.seed;
	ret = options.set.kind != RULESET_KINDS ? make_rules(&options, &rule, &count)
						: open_rules(&options, &rule, &count);
	if (ret == 0)
		ret = options.trace.count > 0 ? print_trace(&options.trace, rule, count)
					      : print_rules(&options, rule, count);
	free(rule);
	return ret < 0;
}
