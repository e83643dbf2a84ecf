// SPDX-License-Identifier: MIT OR Apache-2.0
#include "thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull

static int pin(pthread_attr_t *attr, int32_t cpu)
{
	cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
	size_t bytes = CPU_ALLOC_SIZE((size_t)cpu + 1);
	int ret;

	if (set == NULL)
		return ENOMEM;
	CPU_ZERO_S(bytes, set);
	CPU_SET_S((size_t)cpu, bytes, set);
	ret = pthread_attr_setaffinity_np(attr, bytes, set);
	CPU_FREE(set);
	return ret;
}

int pp_thread_start(pthread_t *out,
		    const char *name,
		    int32_t cpu,
		    void *(*fn)(void *),
		    void *arg,
		    struct pp_error *err)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	ret = cpu < 0 ? 0 : pin(&attr, cpu);
	if (ret == 0) {
		pthread_sigmask(SIG_SETMASK, &all, &before);
		ret = pthread_create(out, &attr, fn, arg);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	if (ret != 0)
		return pp_error_set(err, -ret, 0, 0, "cannot start thread %s on CPU %d: %s", name,
				    cpu, strerror(ret));
	pthread_setname_np(*out, name);
	return 0;
}

int pp_thread_join(pthread_t thread, uint64_t until_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ns / SECOND_NS),
				       .tv_nsec = (long)(until_ns % SECOND_NS)};

	if (until_ns == UINT64_MAX)
		return -pthread_join(thread, NULL);
	return -pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until);
}
