// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/crew.h>

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cache_line.h"

struct pp_belt {
	// Written by the thread that pushes.
	uint32_t head __attribute__((aligned(PP_CACHE_LINE))); // frames pushed, wraps
	// Written by the thread that pops.
	uint32_t tail __attribute__((aligned(PP_CACHE_LINE))); // frames popped, wraps
	uint32_t asleep; // 1: wake it; a futex
	uint32_t ended __attribute__((aligned(PP_CACHE_LINE)));
	uint32_t mask;
	struct pp_frame slot[];
};

int pp_belt_create(struct pp_belt **out, uint32_t slots)
{
	struct pp_belt *belt;

	if (slots < 2 || slots > 65536 || (slots & (slots - 1)) != 0)
		return -EINVAL;
	belt = aligned_alloc(PP_CACHE_LINE,
			     pp_cache_lines(sizeof(*belt) + slots * sizeof(belt->slot[0])));
	if (belt == NULL)
		return -ENOMEM;
	*belt = (struct pp_belt){.mask = slots - 1};
	*out = belt;
	return 0;
}

void pp_belt_destroy(struct pp_belt *belt)
{
	free(belt);
}

// The one who sleeps looked at head after it said so, and we look whether it sleeps after head was set:
// all four sequentially consistent, so one of the two sees the other.
static void wake(struct pp_belt *belt)
{
	if (__atomic_load_n(&belt->asleep, __ATOMIC_SEQ_CST) == 0)
		return;
	__atomic_store_n(&belt->asleep, 0, __ATOMIC_RELEASE);
	syscall(SYS_futex, &belt->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

uint32_t pp_belt_push(struct pp_belt *belt, const struct pp_frame *frame, uint32_t n)
{
	uint32_t head = belt->head;
	// acquire: what was popped was read
	uint32_t room = belt->mask + 1 - (head - __atomic_load_n(&belt->tail, __ATOMIC_ACQUIRE));

	if (n > room)
		n = room;
	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		belt->slot[(head + i) & belt->mask] = frame[i];
	// Who sees head sees the frames, and their bytes.
	__atomic_store_n(&belt->head, head + n, __ATOMIC_SEQ_CST);
	wake(belt);
	return n;
}

static uint32_t pop(struct pp_belt *belt, struct pp_frame *frame, uint32_t max)
{
	uint32_t tail = belt->tail;
	uint32_t n = __atomic_load_n(&belt->head, __ATOMIC_ACQUIRE) - tail;

	if (n > max)
		n = max;
	for (uint32_t i = 0; i < n; i++)
		frame[i] = belt->slot[(tail + i) & belt->mask];
	__atomic_store_n(&belt->tail, tail + n, __ATOMIC_RELEASE);
	return n;
}

static bool nothing_to_do(const struct pp_belt *belt)
{
	return __atomic_load_n(&belt->head, __ATOMIC_SEQ_CST) == belt->tail &&
	       !__atomic_load_n(&belt->ended, __ATOMIC_SEQ_CST);
}

// @return  false: the time is up.
static bool sleep_until(struct pp_belt *belt, const struct timespec *end)
{
	bool up = false;

	__atomic_store_n(&belt->asleep, 1, __ATOMIC_SEQ_CST);
	if (nothing_to_do(belt))
		up = syscall(SYS_futex, &belt->asleep, FUTEX_WAIT_BITSET_PRIVATE, 1, end, NULL,
			     FUTEX_BITSET_MATCH_ANY) < 0 &&
		     errno == ETIMEDOUT;
	__atomic_store_n(&belt->asleep, 0, __ATOMIC_RELAXED);
	return !up;
}

uint32_t pp_belt_pop(struct pp_belt *belt, struct pp_frame *frame, uint32_t max, int timeout_ms)
{
	uint32_t n = pop(belt, frame, max);
	struct timespec end;

	if (n > 0 || timeout_ms == 0)
		return n;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (timeout_ms > 0 && end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	while ((n = pop(belt, frame, max)) == 0)
		if (__atomic_load_n(&belt->ended, __ATOMIC_ACQUIRE) ||
		    !sleep_until(belt, timeout_ms < 0 ? NULL : &end))
			return pop(belt, frame, max);
	return n;
}

void pp_belt_end(struct pp_belt *belt)
{
	__atomic_store_n(&belt->ended, 1, __ATOMIC_SEQ_CST);
	wake(belt);
}
