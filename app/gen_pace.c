// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_pace.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#define NS_PER_S 1000000000u
// A paced sender wakes at most this often, as long as bursts stay below PP_GEN_BURST_MAX.
#define WAKEUPS_PER_S 20000
#define CATCH_UP 2 // times its rate that a late source sends

uint64_t pp_gen_now_ns(void)
{
	return pp_clock_ns(CLOCK_MONOTONIC);
}

static uint32_t choose_burst(uint64_t rate_pps)
{
	uint64_t burst = rate_pps / WAKEUPS_PER_S;

	return burst < 1 ? 1 : burst > PP_GEN_BURST_MAX ? PP_GEN_BURST_MAX : (uint32_t)burst;
}

int pp_gen_pace_init(struct pp_gen_pace *pace, uint64_t rate_pps, uint64_t count, uint64_t for_ns)
{
	sigset_t all, stop;
	int fd;

	sigfillset(&all);
	sigdelset(&all, SIGTSTP);
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	*pace = (struct pp_gen_pace){.rate_pps = rate_pps,
				     .count = count,
				     .for_ns = for_ns,
				     .burst_pkts = choose_burst(rate_pps),
				     .start_ns = pp_gen_now_ns(),
				     .signal_fd = fd,
				     .watch_fd = -1};
	return 0;
}

void pp_gen_pace_fini(struct pp_gen_pace *pace)
{
	close(pace->signal_fd);
	pace->signal_fd = -1;
}

// One wait of at most timeout_ns; 0 only looks.
static void wait_once(struct pp_gen_pace *pace, uint64_t timeout_ns)
{
	struct pollfd fd[2] = {
		{.fd = pace->signal_fd, .events = POLLIN},
		{.fd = pace->watch_fd, .events = POLLIN},
	};
	struct timespec ts = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
			      .tv_nsec = (long)(timeout_ns % NS_PER_S)};

	if (ppoll(fd, 2, &ts, NULL) <= 0)
		return;
	if (fd[0].revents != 0)
		pace->stopped = true;
	if (fd[1].revents & POLLIN)
		pace->watch(pace->watch_arg);
	else if (fd[1].revents != 0)
		pace->watch_fd = -1; // it failed; the sender will hear of it
}

void pp_gen_pace_sleep(struct pp_gen_pace *pace, uint64_t deadline_ns)
{
	uint64_t now = pp_gen_now_ns();

	do {
		wait_once(pace, now < deadline_ns ? deadline_ns - now : 0);
		now = pp_gen_now_ns();
	} while (now < deadline_ns && !pace->stopped);
}

// Frame k is due k / rate after the start.
static uint64_t due_ns(const struct pp_gen_pace *pace, uint64_t k)
{
	return pace->start_ns +
	       (uint64_t)(((unsigned __int128)k * NS_PER_S + pace->rate_pps - 1) / pace->rate_pps);
}

static uint64_t due_pkts(const struct pp_gen_pace *pace, uint64_t now_ns)
{
	return (uint64_t)((unsigned __int128)(now_ns - pace->start_ns) * pace->rate_pps /
			  NS_PER_S) +
	       1;
}

// When the next burst may go at the earliest.
static uint64_t next_ns(const struct pp_gen_pace *pace, uint64_t burst)
{
	uint64_t due = due_ns(pace, pace->sent + burst - 1);
	uint64_t rested = pace->last_ns + pace->last_pkts * NS_PER_S / pace->rate_pps / CATCH_UP;

	return due > rested ? due : rested;
}

static bool is_over(const struct pp_gen_pace *pace, uint64_t now_ns)
{
	return pace->stopped || pace->sent >= pace->count ||
	       now_ns - pace->start_ns >= pace->for_ns;
}

uint64_t pp_gen_pace_next(struct pp_gen_pace *pace, uint64_t chunk_pkts)
{
	uint64_t left = pace->count - pace->sent, burst = pace->burst_pkts, due, now;

	if (left == 0)
		return 0;
	if (pace->rate_pps == 0) {
		wait_once(pace, 0);
		if (is_over(pace, pp_gen_now_ns()))
			return 0;
		return left < chunk_pkts ? left : chunk_pkts;
	}

	if (burst > left)
		burst = left;
	pp_gen_pace_sleep(pace, next_ns(pace, burst));
	now = pp_gen_now_ns();
	if (is_over(pace, now))
		return 0;
	due = due_pkts(pace, now);
	due = due > pace->sent ? due - pace->sent : 0;
	if (due < burst)
		due = burst; // the clock's rounding
	if (due > PP_GEN_BURST_MAX)
		due = PP_GEN_BURST_MAX;
	if (due > left)
		due = left;
	pace->last_ns = now;
	pace->last_pkts = due;
	return due;
}

void pp_gen_pace_go_first(void)
{
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
}
