// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gate.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#define LEAVE_POLL_NS (50 * 1000)

int pp_gate_init(struct pp_gate *gate)
{
	*gate = (struct pp_gate){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	return gate->wake_fd < 0 ? -errno : 0;
}

void pp_gate_fini(struct pp_gate *gate)
{
	close(gate->wake_fd);
}

void pp_gate_open(struct pp_gate *gate)
{
	uint64_t sink;

	// What was said to who was here before; nothing may have been.
	if (read(gate->wake_fd, &sink, sizeof(sink)) < 0)
		sink = 0;
	__atomic_store_n(&gate->woken, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&gate->state, PP_GATE_OPEN, __ATOMIC_SEQ_CST);
}

void pp_gate_shut(struct pp_gate *gate, enum pp_gate_state state)
{
	const struct timespec pause = {.tv_nsec = LEAVE_POLL_NS};

	__atomic_store_n(&gate->state, state, __ATOMIC_SEQ_CST);
	pp_gate_nudge(gate);
	while (__atomic_load_n(&gate->busy, __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&gate->waiting, __ATOMIC_SEQ_CST))
		nanosleep(&pause, NULL);
}

int pp_gate_refusal(const struct pp_gate *gate)
{
	switch (__atomic_load_n(&gate->state, __ATOMIC_SEQ_CST)) {
	case PP_GATE_OPEN:
		return 0;
	case PP_GATE_DOWN:
		return -ENETDOWN;
	default:
		return -ESHUTDOWN;
	}
}

// First in, then look: who shuts first changes the state, then looks who is in.
static int come_in(const struct pp_gate *gate, uint32_t *in)
{
	int ret;

	if (__atomic_exchange_n(in, 1, __ATOMIC_SEQ_CST) != 0)
		return pp_gate_refusal(gate) ?: -EBUSY;
	ret = pp_gate_refusal(gate);
	if (ret < 0)
		__atomic_store_n(in, 0, __ATOMIC_RELEASE);
	return ret;
}

int pp_gate_enter(struct pp_gate *gate)
{
	return come_in(gate, &gate->busy);
}

void pp_gate_leave(struct pp_gate *gate)
{
	__atomic_store_n(&gate->busy, 0, __ATOMIC_RELEASE);
}

void pp_gate_nudge(const struct pp_gate *gate)
{
	const uint64_t one = 1;

	if (write(gate->wake_fd, &one, sizeof(one)) < 0)
		return; // full: it is readable
}

void pp_gate_say(struct pp_gate *gate)
{
	__atomic_store_n(&gate->woken, 1, __ATOMIC_SEQ_CST);
	pp_gate_nudge(gate);
}

void pp_gate_hear(const struct pp_gate *gate)
{
	uint64_t sink;

	if (read(gate->wake_fd, &sink, sizeof(sink)) > 0 && pp_gate_refusal(gate) < 0)
		pp_gate_nudge(gate);
}

static uint64_t now_ms(void)
{
	return pp_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

int pp_gate_wait(struct pp_gate *gate,
		 int (*look)(void *arg, int timeout_ms),
		 void *arg,
		 int timeout_ms)
{
	uint64_t end_ms = timeout_ms > 0 ? now_ms() + (uint64_t)timeout_ms : 0;
	int ret = come_in(gate, &gate->waiting);

	if (ret < 0)
		return ret;
	for (;;) {
		ret = look(arg, timeout_ms) ?: pp_gate_refusal(gate);
		if (ret != 0 || timeout_ms == 0 ||
		    __atomic_exchange_n(&gate->woken, 0, __ATOMIC_SEQ_CST))
			break;
		if (timeout_ms > 0) {
			uint64_t now = now_ms();

			if (now >= end_ms)
				break;
			timeout_ms = (int)(end_ms - now);
		}
	}
	__atomic_store_n(&gate->waiting, 0, __ATOMIC_RELEASE);
	return ret;
}
