// SPDX-License-Identifier: MIT OR Apache-2.0
// How long a change of rules takes, while one thread runs packets through the real program: from the
// call that publishes, building the image included, to the first packet with the new verdict, and
// until the call returns (the kernel's grace period). Needs root and two CPUs.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "tap_run.h"

#define TOGGLES 400
#define PACKET_BYTES 64u

static struct tap_run run;
static struct packet packet;
static int prog_fd;
static bool stop;
static struct {
	uint32_t verdict; // of the last packet
	uint64_t since_ns; // when the first packet with it began
} seen;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *shoot(void *arg)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet.data,
		    .data_size_in = packet.len_bytes, .repeat = 1);
	uint32_t last = 0;

	(void)arg;
	pin(0);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint64_t begin_ns = now_ns();

		if (bpf_prog_test_run_opts(prog_fd, &opts) || opts.retval == last)
			continue;
		last = opts.retval;
		__atomic_store_n(&seen.since_ns, begin_ns, __ATOMIC_RELAXED);
		__atomic_store_n(&seen.verdict, last, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	return (*(const uint64_t *)a > *(const uint64_t *)b) -
	       (*(const uint64_t *)a < *(const uint64_t *)b);
}

static void print(const char *what, uint32_t rules, uint64_t ns[TOGGLES])
{
	qsort(ns, TOGGLES, sizeof(*ns), by_size);
	printf("%5u rules, %-28s p50 %8.3f ms  p99 %8.3f ms  most %8.3f ms\n", rules, what,
	       (double)ns[TOGGLES / 2] / 1e6, (double)ns[TOGGLES * 99 / 100] / 1e6,
	       (double)ns[TOGGLES - 1] / 1e6);
}

// The last rule is the one that matches.
static struct pp_ruleset *make_rules(uint32_t count, const char *verdict)
{
	static char text[PP_LINEAR_RULES_MAX * 64];
	struct pp_ruleset *set = NULL;
	struct pp_error err = {0};
	char *end = text;

	for (uint32_t i = 0; i + 1 < count; i++)
		end += sprintf(end, "drop proto udp sport %u\n", 2000 + i);
	sprintf(end, "%s proto udp dport 2\n", verdict);
	if (tap_run_rules(text, &set, &err) < 0)
		fprintf(stderr, "publish: %s\n", err.text);
	return set;
}

static int publish(const struct pp_ruleset *set)
{
	struct pp_error err = {0};
	uint32_t rule_id;
	int ret = pp_maps_publish(&run.maps, run.engine, set, &run.bindings, &rule_id, &err);

	if (ret < 0)
		fprintf(stderr, "publish: %s\n", err.text);
	return ret;
}

static int toggle(uint32_t rules)
{
	static uint64_t seen_ns[TOGGLES], returned_ns[TOGGLES];
	static const uint32_t verdicts[] = {XDP_DROP, XDP_PASS};
	struct pp_ruleset *set[] = {make_rules(rules, "drop"), make_rules(rules, "pass")};
	int ret = set[0] == NULL || set[1] == NULL ? -EINVAL : 0;

	for (uint32_t i = 0; ret == 0 && i < TOGGLES; i++) {
		uint64_t begin_ns = now_ns();

		ret = publish(set[i % 2]);
		returned_ns[i] = now_ns() - begin_ns;
		while (__atomic_load_n(&seen.verdict, __ATOMIC_ACQUIRE) != verdicts[i % 2])
			;
		seen_ns[i] = seen.since_ns - begin_ns;
	}
	if (ret == 0) {
		print("first packet judged anew:", rules, seen_ns);
		print("call returned:", rules, returned_ns);
	}
	pp_ruleset_destroy(set[0]);
	pp_ruleset_destroy(set[1]);
	return ret;
}

int main(void)
{
	struct pp_error err = {0};
	pthread_t thread;
	int ret;

	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	packet_payload(&packet, PACKET_BYTES - packet.len_bytes);
	packet_finish(&packet);
	ret = tap_run_open(&run, "pass any", &err);
	// The first shot loads the program.
	if (ret < 0 || tap_run_shoot(&run, 0, false, packet.data, packet.len_bytes) < 0) {
		fprintf(stderr, "publish: %s\n", err.text);
		return 1;
	}
	prog_fd = pp_tap_prog_fd(run.tap[0], false);
	pthread_create(&thread, NULL, shoot, NULL);
	pin(1);
	ret = toggle(1);
	ret = ret ?: toggle(1000);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tap_run_close(&run);
	return ret < 0;
}
