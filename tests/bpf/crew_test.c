// SPDX-License-Identifier: MIT OR Apache-2.0
// Crews: the program's functions on pinned threads, and frames that go on to another thread.
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <push-packet/crew.h>
#include <push-packet/setup.h>

#include "channel_lab.h"

#define EACH 2000u // packets that are routed, and that are copied
#define POLLS 5000 // of a millisecond

static struct pp_belt *belt;
static uint64_t analysed, bytes, copied, full;

TestSuite(crew, .init = lab_init, .fini = lab_fini, .timeout = 60);

// What the belt has no room for goes back at once.
static void on_frames(void *arg, struct pp_channel *from, struct pp_frame *frame, uint32_t n)
{
	uint32_t taken;

	*(struct pp_channel **)arg = from;
	taken = pp_belt_push(belt, frame, n);
	if (taken < n)
		pp_channel_release(from, frame + taken, n - taken);
	__atomic_fetch_add(&full, n - taken, __ATOMIC_RELAXED);
}

static void on_events(void *arg, const struct pp_event *event, uint32_t n)
{
	(void)arg;
	for (uint32_t i = 0; i < n; i++)
		cr_assert_eq(event[i].meta->cap_bytes, PACKET_BYTES);
	__atomic_fetch_add(&copied, n, __ATOMIC_RELAXED);
}

static void *analyse(void *arg)
{
	struct pp_channel **from = arg;
	struct pp_frame frame[16];
	uint32_t n;

	while ((n = pp_belt_pop(belt, frame, 16, -1)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			bytes += frame[i].len_bytes;
		cr_assert_eq(pp_channel_give_back(*from, frame, n), 0);
		__atomic_fetch_add(&analysed, n, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void wait_for(const uint64_t *count, uint64_t wanted)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};

	for (int i = 0; i < POLLS && __atomic_load_n(count, __ATOMIC_ACQUIRE) < wanted; i++)
		nanosleep(&pause, NULL);
}

static void open_plane(void)
{
	struct pp_setup *setup;

	cr_assert_eq(pp_setup_create(&setup), 0);
	cr_assert_eq(pp_setup_interface(setup, "A0", &err), 0);
	cr_assert_eq(pp_setup_rules(setup, "copy then route proto udp dport 7", &err), 0);
	cr_assert_eq(pp_setup_open(setup, &plane, &err), 0, "%s", err.text);
	pp_setup_destroy(setup);
}

static void run(uint8_t idle)
{
	struct pp_crew_config config = {
		.thread_count = 2,
		.cpu = {0, 1},
		.idle = idle,
		.on_frames = on_frames,
		.on_events = on_events,
		.arg = &channel[0],
	};
	struct pp_ledger_row total;
	struct pp_crew *crew;
	pthread_t thread;

	open_plane();
	cr_assert_eq(pp_belt_create(&belt, 4096), 0);
	cr_assert_eq(pp_crew_start(&crew, plane, &config, &err), 0, "%s", err.text);
	pthread_create(&thread, NULL, analyse, &channel[0]);
	for (uint32_t i = 0; i < EACH; i += 50) {
		lab_send_packets(0, 50);
		wait_for(&analysed, i + 50);
	}
	wait_for(&copied, EACH);
	pp_belt_end(belt);
	pthread_join(thread, NULL);
	pp_crew_stop(crew);
	pp_belt_destroy(belt);
	cr_expect_eq(analysed, EACH);
	cr_expect_eq(bytes, EACH * PACKET_BYTES);
	cr_expect_eq(copied, EACH);
	cr_expect_eq(full, 0);
	lab_expect_all_home();
	pp_plane_total(plane, &total);
	cr_expect(pp_ledger_balanced(&total));
}

Test(crew, runs_functions_on_threads_that_sleep)
{
	run(PP_IDLE_ADAPTIVE);
}

Test(crew, runs_functions_on_threads_that_spin)
{
	run(PP_IDLE_BUSY);
}

Test(crew, refuses_what_makes_no_sense)
{
	struct pp_crew_config config = {.thread_count = 1, .cpu = {-1}};
	struct pp_crew *crew;

	open_plane();
	cr_expect_eq(pp_crew_start(&crew, plane, &config, &err), -EINVAL);
	config.on_events = on_events;
	config.thread_count = PP_WORKERS_MAX + 1;
	cr_expect_eq(pp_crew_start(&crew, plane, &config, &err), -EINVAL);
	config.thread_count = 1;
	config.cpu[0] = 4000;
	cr_expect_lt(pp_crew_start(&crew, plane, &config, &err), 0);
	config.cpu[0] = -1;
	cr_assert_eq(pp_crew_start(&crew, plane, &config, &err), 0, "%s", err.text);
	pp_crew_stop(crew);
	cr_expect_eq(pp_belt_create(&belt, 3), -EINVAL);
	cr_expect_eq(pp_belt_create(&belt, 1u << 17), -EINVAL);
}

Test(crew, belt_has_an_end_and_a_size)
{
	struct pp_frame frame[3] = {{NULL, 1, 0}, {NULL, 2, 0}, {NULL, 3, 0}};

	cr_assert_eq(pp_belt_create(&belt, 2), 0);
	cr_expect_eq(pp_belt_pop(belt, frame, 3, 0), 0);
	cr_expect_eq(pp_belt_pop(belt, frame, 3, 20), 0);
	cr_expect_eq(pp_belt_push(belt, frame, 3), 2);
	pp_belt_end(belt);
	cr_expect_eq(pp_belt_pop(belt, frame, 3, -1), 2);
	cr_expect_eq(frame[1].len_bytes, 2);
	cr_expect_eq(pp_belt_pop(belt, frame, 3, -1), 0);
	pp_belt_destroy(belt);
}
