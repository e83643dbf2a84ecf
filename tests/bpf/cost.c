// SPDX-License-Identifier: MIT OR Apache-2.0
// Nanoseconds a packet costs in the XDP program, by BPF_PROG_TEST_RUN on one CPU: an empty XDP_DROP
// program beside ours, rule by rule. Median of several runs, with the least and the most. Needs root.
//
//   cost [FILE]    FILE: a set of addresses; then also what `drop src @set` costs over no rule at all,
//                  each packet from another, random address.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "tap_run.h"

#define PACKET_BYTES 64u
#define REPEAT 1000000
#define ROUNDS 9
#define ADDRESSES 200000
#define IP4_SRC_AT 12u // in the header

struct cost {
	const char *what;
	const char *rule; // of those that do not match: with one %u; NULL: the empty program
	uint32_t rules;
	uint32_t ns[ROUNDS];
};

#define BY_WORD "drop proto udp sport %u\n"
#define BY_ADDRESS "drop src 203.0.113.7 dport 2 name r%u\n"

static struct cost costs[] = {
	{.what = "empty XDP_DROP program"},
	{.what = "drop, no rule, default action", .rule = BY_WORD, .rules = 0},
	{.what = "drop, 1 rule", .rule = BY_WORD, .rules = 1},
	{.what = "drop, 8 rules, refused by port", .rule = BY_WORD, .rules = 8},
	{.what = "drop, 8 rules, refused by address", .rule = BY_ADDRESS, .rules = 8},
	{.what = "drop, 64 rules, refused by port", .rule = BY_WORD, .rules = 64},
	{.what = "drop, 64 rules, refused by address", .rule = BY_ADDRESS, .rules = 64},
	{.what = "drop, 1024 rules, refused by port", .rule = BY_WORD, .rules = 1024},
	{.what = "drop, 1024 rules, refused by address", .rule = BY_ADDRESS, .rules = 1024},
};
#define COSTS (sizeof(costs) / sizeof(costs[0]))

static int load_empty(void)
{
	static const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "MIT", code, 2, NULL);
}

static int measure(int fd, const struct packet *packet, uint32_t *ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->data,
		    .data_size_in = packet->len_bytes, .repeat = REPEAT);

	if (bpf_prog_test_run_opts(fd, &opts))
		return -errno;
	*ns = opts.duration;
	return opts.retval == XDP_DROP ? 0 : -EPROTO;
}

// The last rule is the one that matches.
static int put_in_force(struct tap_run *run, const struct cost *cost, struct pp_error *err)
{
	static char text[PP_LINEAR_RULES_MAX * 64];
	char *end = text;

	if (cost->rules == 0)
		end += sprintf(end, "default drop\n");
	for (uint32_t i = 0; i + 1 < cost->rules; i++)
		end += sprintf(end, cost->rule, 2000 + i); // NOLINT: one of two formats above
	if (cost->rules > 0)
		sprintf(end, "drop proto udp dport 2\n");
	return tap_run_publish_text(run, text, err);
}

static int by_size(const void *a, const void *b)
{
	return (*(const uint32_t *)a > *(const uint32_t *)b) -
	       (*(const uint32_t *)a < *(const uint32_t *)b);
}

// One value of each in a round, so that what else the machine does hits all alike.
static int run_round(struct tap_run *run, const struct packet *packet, int empty_fd, int round)
{
	struct pp_error err = {0};

	for (size_t i = 0; i < COSTS; i++) {
		int ret, fd = empty_fd;

		if (costs[i].rule != NULL) {
			ret = put_in_force(run, &costs[i], &err) ?: tap_run_load(run, 0, &err);
			if (ret < 0)
				return ret;
			fd = pp_tap_prog_fd(run->tap[0], false);
		}
		ret = measure(fd, packet, &costs[i].ns[round]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void print_costs(void)
{
	printf("%-40s %8s %8s %8s\n", "ns a packet of 64 bytes", "median", "least", "most");
	for (size_t i = 0; i < COSTS; i++) {
		qsort(costs[i].ns, ROUNDS, sizeof(costs[i].ns[0]), by_size);
		printf("%-40s %8u %8u %8u\n", costs[i].what, costs[i].ns[ROUNDS / 2],
		       costs[i].ns[0], costs[i].ns[ROUNDS - 1]);
	}
}

// Of this thread alone: what else the machine does is not the program's cost.
static uint64_t cpu_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

// Nanoseconds for a packet, the system call included, each from another address.
static int measure_addresses(int fd, struct packet *packet, double *ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->data,
		    .data_size_in = packet->len_bytes, .repeat = 1);
	uint32_t address = 1;
	uint64_t begin_ns = cpu_time_ns();

	for (int i = 0; i < ADDRESSES; i++) {
		address = address * 1664525 + 1013904223;
		memcpy(packet->data + packet->ip_at + IP4_SRC_AT, &address, sizeof(address));
		if (bpf_prog_test_run_opts(fd, &opts))
			return -errno;
	}
	*ns = (double)(cpu_time_ns() - begin_ns) / ADDRESSES;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

static int cost_of_set(struct tap_run *run, struct packet *packet, const char *path)
{
	double none, with, more[ROUNDS];
	struct pp_error err = {0};
	char text[300];
	int ret = 0;

	snprintf(text, sizeof(text), "set s file %s\ndrop src @s\n", path);
	for (int round = 0; ret == 0 && round < ROUNDS; round++) {
		ret = tap_run_publish_text(run, text, &err);
		ret = ret ?: tap_run_load(run, 0, &err);
		ret = ret ?: measure_addresses(pp_tap_prog_fd(run->tap[0], false), packet, &with);
		ret = ret ?: tap_run_publish_text(run, "", &err) ?: tap_run_load(run, 0, &err);
		ret = ret ?: measure_addresses(pp_tap_prog_fd(run->tap[0], false), packet, &none);
		more[round] = with - none;
	}
	if (ret != 0) {
		fprintf(stderr, "cost: %s: %s\n", path, err.text);
		return -EINVAL;
	}
	qsort(more, ROUNDS, sizeof(more[0]), by_value);
	printf("%-40s %8.1f %8.1f %8.1f\n", "drop src @set, random: ns over no rule",
	       more[ROUNDS / 2], more[0], more[ROUNDS - 1]);
	return 0;
}

int main(int argc, char **argv)
{
	static struct tap_run run;
	static struct packet packet;
	struct pp_error err = {0};
	int empty_fd, ret;

	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	packet_payload(&packet, PACKET_BYTES - packet.len_bytes);
	packet_finish(&packet);
	ret = tap_run_open(&run, "drop any", &err);
	if (ret < 0) {
		fprintf(stderr, "cost: %s\n", err.text);
		return 1;
	}
	empty_fd = load_empty();
	// The first shot loads the program.
	ret = empty_fd < 0 ? -errno : tap_run_shoot(&run, 0, false, packet.data, packet.len_bytes);
	for (int round = 0; ret >= 0 && round < ROUNDS; round++)
		ret = run_round(&run, &packet, empty_fd, round);
	if (ret < 0) {
		fprintf(stderr, "cost: %s\n", strerror(-ret));
		tap_run_close(&run);
		return 1;
	}
	print_costs();
	ret = argc > 1 ? cost_of_set(&run, &packet, argv[1]) : 0;
	tap_run_close(&run);
	return ret < 0;
}
