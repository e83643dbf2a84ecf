// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

int pp_bench_thread_run(void *(*fn)(void *), void *arg, struct pp_error *err)
{
	pthread_t thread;
	int ret = -pthread_create(&thread, NULL, fn, arg);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "thread: %s", strerror(-ret));
	pthread_join(thread, NULL);
	return 0;
}

int pp_bench_thread_place(const struct pp_bench_lab *lab,
			  enum pp_bench_side side,
			  uint32_t cpu,
			  struct pp_error *err)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return pp_error_set(err, -errno, 0, 0, "CPU %u: %s", cpu, strerror(errno));
	return pp_bench_lab_enter(lab, side, err);
}
