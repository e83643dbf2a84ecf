// SPDX-License-Identifier: MIT OR Apache-2.0
// Every program that a plane can load, on the kernel that runs: what it costs the verifier, how
// long it takes to load, and that it does what it must with a few packets. A plain program:
// scripts/kernels.sh runs it on kernels where nothing else is installed. TAP, with
//
//     ok 1 - NAME insns=N frags_insns=N out_insns=N load_us=N
//
// insns: what the verifier walked through, of its million; of the xdp and the xdp.frags variant and of
// the tc program. load_us is about the first two.
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <push-packet/clock.h>

#include "tap_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAME_BYTES 64
#define LONG_BYTES 3800u // of payload: more than one buffer holds

#define RULES                                                                                      \
	"drop proto udp dport 23\n"                                                                \
	"copy take 64 proto udp dport 53\n"                                                        \
	"route proto udp dport 7\n"                                                                \
	"drop dst 2001:db8:2::/48\n"                                                               \
	"drop proto udp dport 24 direction out\n"
#define SETS "set s { 192.0.2.64/26, 2001:db8:3::/48 }\n" RULES "drop src @s\n"
// Rules that no packet here meets, so unlike each other that engine tuple looks at every field.
#define FIELDS                                                                                     \
	"drop src 10.0.0.0/8 dport 80\n"                                                           \
	"drop src 10.1.0.0/16 dst 10.2.3.0/24 proto tcp\n"                                         \
	"drop src 10.1.2.0/24 dst 10.9.0.0/16 proto tcp sport 80 dport 443\n"                      \
	"drop src 10.1.2.3 dst 10.9.8.7 sport 1024-65535\n"                                        \
	"drop dst 10.3.3.3 proto udp sport 53 dport 1000-2000\n"                                   \
	"drop src 10.4.0.0/14 dst 10.5.5.0/25 proto icmp\n"                                        \
	"drop src fd00::/8 dport 80\n"                                                             \
	"drop src fd00:1::/32 dst fd00:2:3::/48 proto tcp\n"                                       \
	"drop src fd00:1:2:3::/64 dst fd00::9 proto udp sport 80 dport 443\n"                      \
	"drop src fd00::1 dst fd00:8::/30 sport 1024-65535 on pp1\n"                               \
	"drop dst fd00::3 proto sctp sport 53 dport 1000-2000\n"

// What is compiled into the program, or known to it as a constant that the verifier folds. A new
// engine is a line.
static const struct {
	const char *name;
	const char *engine;
	uint8_t cache; // enum pp_cache_mode
	const char *rules;
	uint32_t more; // rules that no packet here meets
} programs[] = {
	{"linear", "linear", PP_CACHE_OFF, RULES, 0},
	{"linear+sets", "linear", PP_CACHE_OFF, SETS, 0},
	{"linear+1024+sets+cache", "linear", PP_CACHE_ON, SETS, 1000},
	{"tuple", "tuple", PP_CACHE_OFF, RULES FIELDS, 0},
	{"tuple+sets+cache", "tuple", PP_CACHE_ON, SETS FIELDS, 0},
};
enum { DROP_PORT = 1, COPY_PORT, ROUTE_PORT, DROP_NET6, DROP_OUT, DROP_SET }; // ids of the rules
static const struct {
	const char *name;
	uint32_t iface;
} kinds[] = {
	{"ethernet", 0},
	{"ethernet+time", TAP_RUN_TIMED_IFACE},
	{"raw-ip", TAP_RUN_RAW_IFACE},
};

#define V4 "192.0.2.1", "198.51.100.1"
static const struct {
	const char *src, *dst;
	uint16_t dport;
	uint32_t payload_bytes;
	struct tap_run_fate fate;
} shots[] = {
	{V4, 9, 18, {XDP_PASS, PP_COUNT_PASSED, 0, 0}},
	{V4, 23, 18, {XDP_DROP, PP_COUNT_DROPPED, 0, DROP_PORT}},
	{V4, 53, 18, {XDP_PASS, PP_COUNT_PASSED, PP_COUNT_COPIED, COPY_PORT}},
	{V4, 53, LONG_BYTES, {XDP_PASS, PP_COUNT_PASSED, PP_COUNT_COPIED, COPY_PORT}},
	{V4, 7, 18, {XDP_REDIRECT, PP_COUNT_REDIRECTED, 0, ROUTE_PORT}},
	{"2001:db8::1", "2001:db8::2", 9, 18, {XDP_PASS, PP_COUNT_PASSED, 0, 0}},
	{"2001:db8::1", "2001:db8:2::1", 9, 18, {XDP_DROP, PP_COUNT_DROPPED, 0, DROP_NET6}},
};
// For programs that know sets.
static const typeof(shots[0]) set_shots[] = {
	{"192.0.2.65", "198.51.100.1", 9, 18, {XDP_DROP, PP_COUNT_DROPPED, 0, DROP_SET}},
	{"2001:db8:3::1", "2001:db8::2", 9, 18, {XDP_DROP, PP_COUNT_DROPPED, 0, DROP_SET}},
};
// The short packet through both variants of the program, the long one through xdp.frags.
#define COPIES 3u

static struct tap_run run;
static struct packet packet;
static struct pp_error err;

static int verified_insns(uint32_t iface, bool frags, uint32_t *out)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(pp_tap_prog_fd(run.tap[iface], frags), &info, &len))
		return -errno;
	*out = info.verified_insns;
	return 0;
}

static const char *shoot(uint32_t iface, const typeof(shots[0]) *shot)
{
	packet_begin(&packet, tap_run_kind(iface));
	packet_ip(&packet, shot->src, shot->dst);
	packet_l4(&packet, IPPROTO_UDP, 1000, shot->dport);
	packet_payload(&packet, shot->payload_bytes);
	packet_finish(&packet);
	return tap_run_both_differ(&run, iface, &packet, &shot->fate);
}

static const char *shoot_cut_off(uint32_t iface)
{
	const struct tap_run_fate fate = {XDP_PASS, PP_COUNT_PASSED, PP_COUNT_UNPARSED_IP_SHORT,
					  TAP_RUN_UNJUDGED};

	packet_begin(&packet, tap_run_kind(iface));
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_finish(&packet);
	packet.len_bytes--;
	return tap_run_both_differ(&run, iface, &packet, &fate);
}

static const char *check_records(uint32_t iface)
{
	const struct pp_meta *record;
	uint32_t records = 0;

	while ((record = tap_run_record(&run)) != NULL) {
		records++;
		if (record->rule_id != COPY_PORT || record->iface != iface)
			return "a record of another rule or interface";
		if ((record->time_ns != 0) != (iface == TAP_RUN_TIMED_IFACE))
			return "a record with the time where it should not be, or without";
	}
	return records == COPIES ? NULL : "not as many records as copies";
}

static const char *shoot_all(uint32_t iface)
{
	size_t set_count = run.maps.images.layout.set_bytes > 0 ? COUNT(set_shots) : 0;
	const char *wrong = shoot_cut_off(iface);

	for (size_t i = 0; wrong == NULL && i < COUNT(shots); i++)
		wrong = shoot(iface, &shots[i]);
	for (size_t i = 0; wrong == NULL && i < set_count; i++)
		wrong = shoot(iface, &set_shots[i]);
	return wrong ?: check_records(iface);
}

// What is sent: other rules for the same packets.
static const char *try_out(uint32_t iface, uint32_t *insns)
{
	const struct tap_run_fate passed = {XDP_PASS, PP_COUNT_PASSED, 0, 0};
	const struct tap_run_fate dropped = {XDP_DROP, PP_COUNT_DROPPED, 0, DROP_OUT};
	const char *wrong = NULL;

	run.sent = true;
	if (tap_run_load(&run, iface, &err) < 0)
		wrong = err.text;
	for (uint16_t port = 23; wrong == NULL && port <= 24; port++) {
		packet_begin(&packet, tap_run_kind(iface));
		packet_ip(&packet, "192.0.2.1", "192.0.2.2");
		packet_l4(&packet, IPPROTO_UDP, 1, port);
		packet_finish(&packet);
		wrong = tap_run_differs(&run, iface, false, packet.data, packet.len_bytes,
					port == 24 ? &dropped : &passed);
	}
	if (wrong == NULL)
		*insns = pp_tap_out_verified_insns(run.out_tap[iface]);
	run.sent = false;
	return wrong;
}

// @param costs  Set to what is said beside the name.
// @return       NULL; what is wrong.
static const char *try_program(uint32_t iface, char *costs, size_t bytes)
{
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC), load_ns;
	uint32_t insns, frags_insns, out_insns = 0;
	const char *wrong;
	int fd = -1;

	if (tap_run_load(&run, iface, &err) < 0)
		return err.text;
	load_ns = pp_clock_ns(CLOCK_MONOTONIC) - begin_ns;
	if (verified_insns(iface, false, &insns) < 0 ||
	    verified_insns(iface, true, &frags_insns) < 0)
		return "the kernel does not say what it verified";
	wrong = try_out(iface, &out_insns);
	snprintf(costs, bytes, " insns=%u frags_insns=%u out_insns=%u load_us=%llu", insns,
		 frags_insns, out_insns, (unsigned long long)load_ns / 1000);
	if (wrong != NULL)
		return wrong;
	wrong = tap_run_add_socket(&run, iface, 0, &fd) < 0 ? "no AF_XDP socket" : shoot_all(iface);
	close(fd);
	return wrong;
}

static const char *name_of(size_t program, size_t kind)
{
	static char name[NAME_BYTES];

	snprintf(name, sizeof(name), "%s/%s", programs[program].name, kinds[kind].name);
	return name;
}

static bool asked_for(const char *name, char **only)
{
	if (*only == NULL)
		return true;
	while (*only != NULL && strcmp(*only, name) != 0)
		only++;
	return *only != NULL;
}

static const char *rules_of(size_t program)
{
	static char text[PP_LINEAR_RULES_MAX * 40];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", programs[program].rules);

	for (uint32_t i = 0; i < programs[program].more; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "drop src 10.8.%u.%u\n",
					i / 256, i % 256);
	return text;
}

// @return  Whether it is as it must be.
static bool test(int number, size_t program, size_t kind)
{
	const char *name = name_of(program, kind), *wrong = err.text;
	char costs[2 * NAME_BYTES] = "";

	// From nothing each time: counters and rings are those of one program.
	if (tap_run_open_engine(&run, programs[program].engine, programs[program].cache,
				rules_of(program), &err) == 0) {
		wrong = try_program(kinds[kind].iface, costs, sizeof(costs));
		tap_run_close(&run);
	}
	printf("%s %d - %s%s%s%s\n", wrong ? "not ok" : "ok", number, name, costs,
	       wrong ? ": " : "", wrong ?: "");
	fflush(stdout);
	return wrong == NULL;
}

// load_test [NAME...]: all of them without a name.
int main(int argc, char **argv)
{
	int count = 0, failed = 0;

	(void)argc;
	for (size_t i = 0; i < COUNT(programs) * COUNT(kinds); i++)
		if (asked_for(name_of(i / COUNT(kinds), i % COUNT(kinds)), argv + 1))
			failed += !test(++count, i / COUNT(kinds), i % COUNT(kinds));
	printf("1..%d\n", count);
	return failed > 0 || count == 0;
}
