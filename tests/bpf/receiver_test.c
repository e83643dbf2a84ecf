// SPDX-License-Identifier: MIT OR Apache-2.0
// Receivers, and rules changed from several threads, of a plane put together step by step.
#include <criterion/criterion.h>

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <push-packet/receiver.h>
#include <push-packet/rules.h>
#include <push-packet/setup.h>

#include "channel_lab.h"

static struct pp_receiver *receiver;

TestSuite(receiver, .init = lab_init, .fini = lab_fini, .timeout = 60);

static void open_plane(const char *rules)
{
	struct pp_setup *setup;

	cr_assert_eq(pp_setup_create(&setup), 0);
	cr_assert_eq(pp_setup_interface(setup, "A0", &err), 0, "%s", err.text);
	cr_assert_eq(pp_setup_interface_index(setup, if_nametoindex("B0"), &err), 1);
	cr_assert_eq(pp_setup_interface(setup, "A0", &err), -EEXIST);
	cr_assert_eq(pp_setup_interface(setup, "C0", &err), -ENODEV);
	cr_assert_eq(pp_setup_rules(setup, rules, &err), 0, "%s", err.text);
	pp_setup_config(setup)->timestamps = true;
	cr_assert_eq(pp_setup_open(setup, &plane, &err), 0, "%s", err.text);
	pp_setup_destroy(setup);
}

static void open_all(const char *rules)
{
	open_plane(rules);
	cr_assert_eq(pp_receiver_open(&receiver, plane, PP_RECEIVER_ALL, &err), 0, "%s", err.text);
}

static void take(struct pp_event *event, uint32_t n)
{
	uint32_t got = 0;

	while (got < n) {
		int ret = pp_receiver_burst_wait(receiver, event + got, n - got, 2000);

		cr_assert_gt(ret, 0, "%d after %u", ret, got);
		got += (uint32_t)ret;
	}
}

Test(receiver, lends_copies_until_they_are_released)
{
	struct pp_receiver_stats stats;
	struct pp_event event[5];
	uint32_t id;

	open_all("copy take 60 then drop proto udp dport 7");
	id = pp_ruleset_at(pp_plane_rules(plane), 0)->id;
	lab_send_packets(1, 5);
	take(event, 5);
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(event[i].meta->len_bytes, PACKET_BYTES);
		cr_expect_eq(event[i].meta->cap_bytes, 60);
		cr_expect_eq(event[i].meta->rule_id, id);
		cr_expect_eq(event[i].meta->iface, 1);
		cr_expect_neq(event[i].meta->time_ns, 0);
		cr_expect_eq(event[i].data[59], i);
	}
	cr_expect_eq(pp_receiver_copy(receiver, event, sizeof(event), NULL), -EBUSY);
	cr_expect_eq(pp_receiver_release(receiver), 0);
	pp_receiver_stats(receiver, &stats);
	cr_expect_eq(stats.pkts, 5);
	cr_expect_eq(stats.bytes, 300);
	cr_expect_eq(stats.lost, 0);
}

Test(receiver, copies_out_and_counts_in_the_ledger)
{
	struct pp_ledger_row total;
	uint8_t packet[PACKET_BYTES];
	struct pp_meta meta;

	open_all("copy proto udp dport 7");
	lab_send_packets(0, 1);
	cr_assert_eq(pp_receiver_wait(receiver, 2000), 1);
	cr_expect_eq(pp_receiver_copy(receiver, packet, sizeof(packet), &meta), PACKET_BYTES);
	cr_expect_eq(meta.cap_bytes, PACKET_BYTES);
	cr_expect_eq(pp_receiver_copy(receiver, packet, sizeof(packet), &meta), 0);
	pp_plane_total(plane, &total);
	cr_expect_eq(total.v[PP_LEDGER_COPY_TO_PROGRAM], 1);
	cr_expect(pp_ledger_balanced(&total));
}

static uint32_t count_all(struct pp_receiver *from)
{
	struct pp_event event[64];
	uint32_t n = 0;
	int got;

	while ((got = pp_receiver_burst(from, event, 64)) > 0) {
		n += (uint32_t)got;
		pp_receiver_release(from);
	}
	return n;
}

Test(receiver, each_cpu_has_its_own)
{
	struct pp_receiver *each[2], *other;
	cpu_set_t cpu;

	open_plane("copy proto udp dport 7");
	cr_assert_eq(pp_receiver_open(&each[0], plane, 0, &err), 0, "%s", err.text);
	cr_assert_eq(pp_receiver_open(&each[1], plane, 1, &err), 0, "%s", err.text);
	cr_expect_eq(pp_receiver_open(&other, plane, 1, &err), -EBUSY);
	cr_expect_eq(pp_receiver_open(&other, plane, PP_RECEIVER_ALL, &err), -EBUSY);
	cr_expect_eq(pp_receiver_open(&other, plane, 4000, &err), -ENOENT);
	for (int i = 0; i < 2; i++) {
		CPU_ZERO(&cpu);
		CPU_SET(i, &cpu);
		cr_assert_eq(sched_setaffinity(0, sizeof(cpu), &cpu), 0);
		lab_send_packets(0, 10 + (uint32_t)i);
		cr_expect_eq(pp_receiver_wait(each[i], 2000), 1);
		cr_expect_eq(count_all(each[i]), 10 + i);
		cr_expect_eq(count_all(each[!i]), 0);
	}
	pp_receiver_close(each[0]);
	pp_receiver_close(each[1]);
	cr_expect_eq(pp_receiver_open(&other, plane, PP_RECEIVER_ALL, &err), 0);
}

Test(receiver, counts_what_a_full_ring_lost)
{
	struct pp_receiver_stats stats;
	struct pp_setup *setup;
	uint32_t n;

	cr_assert_eq(pp_setup_create(&setup), 0);
	cr_assert_eq(pp_setup_interface(setup, "A0", &err), 0);
	cr_assert_eq(pp_setup_rules(setup, "copy proto udp", &err), 0);
	pp_setup_config(setup)->copy_ring_bytes = 4096;
	cr_assert_eq(pp_setup_open(setup, &plane, &err), 0, "%s", err.text);
	pp_setup_destroy(setup);
	cr_assert_eq(pp_receiver_open(&receiver, plane, PP_RECEIVER_ALL, &err), 0);
	lab_send_packets(0, 200);
	n = count_all(receiver);
	pp_receiver_stats(receiver, &stats);
	cr_expect_lt(n, 200);
	cr_expect_eq(stats.pkts, n);
	cr_expect_eq(stats.lost, 200 - n);
}

static void *block(void *arg)
{
	return (void *)(intptr_t)pp_receiver_wait(arg, -1);
}

static intptr_t end_of(pthread_t thread)
{
	void *ret;

	cr_assert_eq(pthread_join(thread, &ret), 0);
	return (intptr_t)ret;
}

Test(receiver, wakes_who_waits_and_is_shut_after_close)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	struct pp_event event;
	pthread_t thread;

	open_all("copy proto udp dport 7");
	pthread_create(&thread, NULL, block, receiver);
	nanosleep(&pause, NULL);
	pp_receiver_wake(receiver);
	cr_expect_eq(end_of(thread), 0);
	pthread_create(&thread, NULL, block, receiver);
	nanosleep(&pause, NULL);
	lab_send_packets(0, 1);
	cr_expect_eq(end_of(thread), 1);
	take(&event, 1);
	pp_receiver_release(receiver);
	pthread_create(&thread, NULL, block, receiver);
	nanosleep(&pause, NULL);
	cr_expect_eq(pp_receiver_close(receiver), 0);
	cr_expect_eq(end_of(thread), -ESHUTDOWN);
	cr_expect_eq(pp_receiver_close(receiver), -ESHUTDOWN);
	cr_expect_eq(pp_receiver_burst(receiver, &event, 1), -ESHUTDOWN);
	cr_expect_eq(pp_receiver_release(receiver), -ESHUTDOWN);
	cr_expect_eq(pp_receiver_copy(receiver, &event, 1, NULL), -ESHUTDOWN);
	cr_expect_eq(pp_receiver_fd(receiver), -ESHUTDOWN);
	cr_expect_eq(pp_receiver_wait(receiver, 0), -ESHUTDOWN);
}

Test(receiver, descriptor_tells_of_copies)
{
	struct pollfd fd = {.events = POLLIN};

	open_all("copy proto udp dport 7");
	fd.fd = pp_receiver_fd(receiver);
	cr_assert_geq(fd.fd, 0);
	for (int i = 0; i < 50; i++) {
		cr_expect_eq(poll(&fd, 1, 0), 0);
		lab_send_packets(0, 1 + i % 3);
		cr_expect_eq(poll(&fd, 1, 2000), 1);
		cr_expect_eq(count_all(receiver), 1 + i % 3);
	}
	pp_receiver_wake(receiver);
	cr_expect_eq(poll(&fd, 1, 1000), 1);
	cr_expect_eq(count_all(receiver), 0);
	cr_expect_eq(poll(&fd, 1, 0), 0);
}

// Made, or opened again, after they came.
Test(receiver, descriptor_tells_of_copies_that_are_there)
{
	struct pollfd fd = {.events = POLLIN};

	open_all("copy proto udp dport 7");
	lab_send_packets(0, 2);
	cr_assert_eq(pp_receiver_wait(receiver, 2000), 1);
	fd.fd = pp_receiver_fd(receiver);
	cr_assert_eq(poll(&fd, 1, 2000), 1);
	cr_expect_eq(count_all(receiver), 2);
	cr_expect_eq(poll(&fd, 1, 0), 0);
	lab_send_packets(0, 2);
	cr_assert_eq(poll(&fd, 1, 2000), 1);
	cr_expect_eq(pp_receiver_close(receiver), 0);
	cr_assert_eq(pp_receiver_open(&receiver, plane, PP_RECEIVER_ALL, &err), 0, "%s", err.text);
	cr_assert_eq(poll(&fd, 1, 2000), 1);
	cr_expect_eq(count_all(receiver), 2);
	cr_expect_eq(poll(&fd, 1, 0), 0);
}

Test(receiver, descriptor_stays_over_close)
{
	struct pollfd fd = {.events = POLLIN};

	open_all("copy proto udp dport 7");
	fd.fd = pp_receiver_fd(receiver);
	cr_assert_geq(fd.fd, 0);
	cr_expect_eq(poll(&fd, 1, 0), 0);
	cr_expect_eq(pp_receiver_close(receiver), 0);
	cr_expect_eq(poll(&fd, 1, 1000), 1);
	cr_expect_eq(fd.revents, POLLIN);
	cr_assert_eq(pp_receiver_open(&receiver, plane, PP_RECEIVER_ALL, &err), 0, "%s", err.text);
	cr_expect_eq(poll(&fd, 1, 0), 0);
	lab_send_packets(0, 3);
	cr_expect_eq(poll(&fd, 1, 2000), 1);
	cr_expect_eq(count_all(receiver), 3);
	cr_expect_eq(poll(&fd, 1, 0), 0);
}

static int open_with_consumer(const char *name, uint8_t kind)
{
	struct pp_setup *setup;
	int ret;

	cr_assert_eq(pp_setup_create(&setup), 0);
	cr_assert_eq(pp_setup_interface(setup, "A0", &err), 0, "%s", err.text);
	ret = pp_setup_consumer(setup, name, kind, &err);
	ret = ret < 0 ? ret : pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	return ret;
}

Test(receiver, consumers_that_cannot_be_are_refused)
{
	cr_expect_eq(open_with_consumer("../x", PP_CONSUMER_PROGRAM), -EINVAL);
	cr_expect_not_null(strstr(err.text, "'../x'"));
	cr_expect_eq(open_with_consumer("", PP_CONSUMER_PROGRAM), -EINVAL);
	cr_expect_eq(open_with_consumer("counter", PP_CONSUMER_COUNT), -EINVAL);
	cr_expect_not_null(strstr(err.text, "workers"));
	cr_expect_eq(open_with_consumer("mine", PP_CONSUMER_PROGRAM), 0, "%s", err.text);
}

static void *change(void *arg)
{
	char text[64];
	uint32_t id;

	for (int i = 0; i < 20; i++) {
		struct pp_error error;

		snprintf(text, sizeof(text), "drop proto tcp dport %d",
			 1000 + 100 * (int)(intptr_t)arg + i);
		cr_assert_eq(pp_rules_add(plane, text, &id, &error), 0, "%s", error.text);
		if (i % 2 == 0)
			cr_assert_eq(pp_rules_remove(plane, id, &error), 0, "%s", error.text);
	}
	return NULL;
}

Test(receiver, rules_change_from_any_thread)
{
	struct pp_rule_info info[64];
	struct pp_ruleset *rules;
	struct pp_rule_stats stats;
	pthread_t thread[3];
	uint32_t id;

	open_all("copy proto udp dport 7");
	for (intptr_t i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, change, (void *)i);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	cr_expect_eq(pp_rules_list(plane, info, 64), 31);
	cr_expect_eq(pp_rules_replace(plane, "copy proto udp dport 7\ndrop proto icmp\n", &err), 0);
	cr_expect_eq(pp_rules_list(plane, info, 1), 2);
	lab_send_packets(0, 3);
	pp_receiver_wait(receiver, 1000);
	cr_expect_eq(pp_rules_stats(plane, info[0].id, &stats, &err), 0);
	cr_expect_eq(stats.pkts, 3);
	cr_expect_eq(pp_rules_stats(plane, 9999, &stats, &err), -ENOENT);
	cr_expect_eq(pp_rules_add(plane, "drop prto tcp", &id, &err), -EINVAL);
	cr_expect_eq(err.col, 6);
	cr_expect_eq(pp_rules_remove(plane, 9999, &err), -ENOENT);
	cr_expect_eq(pp_rules_add(plane, "route to nobody any", &id, &err), -EINVAL);
	cr_assert_eq(pp_rules_begin(plane, &rules, &err), 0);
	pp_rules_abort(plane, rules);
	cr_expect_eq(pp_rules_set_default(plane, PP_VERDICT_ROUTE, &err), -EINVAL);
	cr_expect_eq(pp_rules_add(plane, "drop proto tcp ttl 1ms", &id, &err), 0);
	cr_expect_eq(pp_rules_list(plane, NULL, 0), 3);
	cr_expect_eq(pp_rules_expire(plane, NULL, &err), 0);
	cr_expect_eq(pp_rules_list(plane, NULL, 0), 2);
}
