// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "gen_options.h"
#include "gen_pace.h"
#include "gen_receive.h"
#include "gen_send.h"
#include "gen_table.h"

#define NS_PER_S 1e9

static void complain(const struct pp_error *err)
{
	fflush(stdout);
	fprintf(stderr, "push-packet gen: error: %s\n", err->text);
}

static int pin(int32_t cpu, struct pp_error *err)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	if (cpu < CPU_SETSIZE)
		CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return pp_error_set(err, -errno, 0, 0,
				    "--cpu %d: this machine has no such CPU, or this process may "
				    "not use it",
				    cpu);
	return 0;
}

static void print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(object);
}

static void set_count(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_check(json_t *object, const struct pp_gen_check *check)
{
	set_count(object, "received", check->received);
	set_count(object, "out_of_order", check->out_of_order);
	set_count(object, "duplicates", check->duplicates);
	set_count(object, "corrupt", check->corrupt);
	set_count(object, "missing", pp_gen_check_missing(check));
	set_count(object, "other", check->other);
	set_count(object, "received_bytes", check->received_bytes);
	set_count(object, "received_flows", pp_gen_check_flows(check));
}

static double per_second(uint64_t n, uint64_t elapsed_ns)
{
	return elapsed_ns > 0 ? (double)n * NS_PER_S / (double)elapsed_ns : 0;
}

static void print_sent_json(const struct pp_gen_options *opt, const struct pp_gen_sent *sent)
{
	json_t *object = json_object();
	json_t *dropped =
		sent->driver_dropped < 0 ? json_null() : json_integer(sent->driver_dropped);

	json_object_set_new(object, "interface", json_string(opt->iface));
	json_object_set_new(object, "via", json_string(pp_gen_via_name(sent->via)));
	set_count(object, "sent", sent->sent);
	json_object_set_new(object, "driver_dropped", dropped);
	json_object_set_new(object, "seconds", json_real((double)sent->elapsed_ns / NS_PER_S));
	json_object_set_new(object, "pps", json_real(per_second(sent->sent, sent->elapsed_ns)));
	set_count(object, "size", sent->size_bytes);
	set_count(object, "bytes", sent->sent * sent->size_bytes);
	set_count(object, "flows", sent->flows);
	json_object_set_new(object, "stopped", json_boolean(sent->stopped));
	if (sent->why[0] != '\0')
		json_object_set_new(object, "not_live", json_string(sent->why));
	if (sent->via == PP_GEN_VIA_TUN)
		set_check(object, &sent->back);
	print_json(object);
}

static void print_check(const struct pp_gen_check *check)
{
	printf("received %" PRIu64 " in %" PRIu64 " flows: out of order %" PRIu64
	       ", duplicates %" PRIu64 ", corrupt %" PRIu64 ", missing %" PRIu64
	       "; other frames %" PRIu64 "\n",
	       check->received, pp_gen_check_flows(check), check->out_of_order, check->duplicates,
	       check->corrupt, pp_gen_check_missing(check), check->other);
}

static void print_sent(const struct pp_gen_options *opt, const struct pp_gen_sent *sent)
{
	printf("sent %" PRIu64 " frames of %u bytes in %u flows on %s via %s in %.6f s: %.0f pps",
	       sent->sent, sent->size_bytes, sent->flows, opt->iface, pp_gen_via_name(sent->via),
	       (double)sent->elapsed_ns / NS_PER_S, per_second(sent->sent, sent->elapsed_ns));
	if (sent->driver_dropped >= 0)
		printf("; driver dropped %" PRId64, sent->driver_dropped);
	printf("%s\n", sent->stopped ? "; stopped" : "");
	if (sent->why[0] != '\0')
		printf("not live: %s\n", sent->why);
	if (sent->via == PP_GEN_VIA_TUN)
		print_check(&sent->back);
}

static int run_send(const struct pp_gen_options *opt, struct pp_error *err)
{
	struct pp_gen_sent sent;
	int ret = pp_gen_send(opt, &sent, err);

	// Whatever went wrong, say what is already on its way.
	if (ret == 0 || sent.sent > 0) {
		if (opt->json)
			print_sent_json(opt, &sent);
		else
			print_sent(opt, &sent);
	}
	pp_gen_check_fini(&sent.back);
	return ret;
}

// Receive until one of the ends that opt names.
static void receive(const struct pp_gen_options *opt,
		    struct pp_gen_receive *rx,
		    const struct pp_gen_check *check,
		    struct pp_gen_pace *pace)
{
	const uint64_t step_ns = 10000000;
	uint64_t seen = 0, seen_ns = 0, now = pp_gen_now_ns();
	uint64_t end_ns = opt->for_ns == PP_GEN_NO_END ? UINT64_MAX : now + opt->for_ns;

	pace->watch_fd = pp_gen_receive_fd(rx);
	pace->watch = pp_gen_receive_poll;
	pace->watch_arg = rx;
	while (!pace->stopped && check->received < opt->count && now < end_ns) {
		pp_gen_pace_sleep(pace, now + step_ns < end_ns ? now + step_ns : end_ns);
		now = pp_gen_now_ns();
		if (check->received != seen) {
			seen = check->received;
			seen_ns = now;
		} else if (seen > 0 && opt->drain_ns != PP_GEN_NO_END &&
			   now - seen_ns >= opt->drain_ns) {
			break;
		}
	}
	pp_gen_receive_poll(rx);
}

static void print_received(const struct pp_gen_options *opt,
			   const struct pp_gen_check *check,
			   uint64_t kernel_dropped,
			   bool stopped)
{
	json_t *object;

	if (!opt->json) {
		print_check(check);
		printf("kernel dropped %" PRIu64 "\n", kernel_dropped);
		return;
	}
	object = json_object();
	json_object_set_new(object, "interface", json_string(opt->iface));
	set_check(object, check);
	set_count(object, "kernel_dropped", kernel_dropped);
	json_object_set_new(object, "stopped", json_boolean(stopped));
	print_json(object);
}

static int run_receive(const struct pp_gen_options *opt, struct pp_error *err)
{
	struct pp_gen_check check;
	struct pp_gen_receive *rx;
	struct pp_gen_link link;
	struct pp_gen_pace pace;
	int ret = pp_gen_link_get(opt->iface, &link);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "%s: %s", opt->iface,
				    ret == -ENODEV ? "no such interface" : strerror(-ret));
	ret = pp_gen_pace_init(&pace, 0, opt->count, opt->for_ns);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "signalfd: %s", strerror(-ret));
	pp_gen_check_init(&check, opt->spec.seed, opt->spec.size_bytes);
	ret = pp_gen_receive_open(&rx, &link, &check, err);
	if (ret < 0)
		goto fini_check;

	fprintf(stderr, "receiving on %s\n", opt->iface);
	receive(opt, rx, &check, &pace);
	print_received(opt, &check, pp_gen_receive_kernel_dropped(rx), pace.stopped);
	if (check.no_memory > 0)
		ret = pp_error_set(err, -ENOMEM, 0, 0,
				   "out of memory: %" PRIu64 " frames not judged", check.no_memory);
	pp_gen_receive_close(rx);
fini_check:
	pp_gen_check_fini(&check);
	pp_gen_pace_fini(&pace);
	return ret;
}

static int run_gen(const struct pp_command *command, int argc, char **argv)
{
	struct pp_gen_options opt;
	struct pp_error err = {.text = ""};
	int ret = pp_gen_options_parse(&opt, command, argc, argv);

	if (ret != PP_PARSED)
		return ret;
	ret = pin(opt.cpu, &err);
	if (ret == 0)
		ret = opt.receive ? run_receive(&opt, &err) : run_send(&opt, &err);
	if (ret == 0)
		return PP_EXIT_OK;
	complain(&err);
	return ret == -EINVAL || ret == -EMSGSIZE ? PP_EXIT_USAGE : PP_EXIT_FAILED;
}

const struct pp_command pp_command_gen = {
	.name = "gen",
	.summary = "send packets, to try things out",
	.synopsis = "--interface IF [OPTION...]\n--receive --interface IF [OPTION...]",
	.description = pp_gen_description,
	.options = pp_gen_options,
	.exit_status = "0 done, also when a signal ended it early; 1 it failed; 2 wrong usage",
	.examples = "push-packet gen --interface veth0 --rate 100k --for 10s --dport 53\n"
		    "push-packet gen --receive --interface veth1 --drain 1s --json",
	.run = run_gen,
};
