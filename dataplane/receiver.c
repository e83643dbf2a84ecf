// SPDX-License-Identifier: MIT OR Apache-2.0
#include "receiver_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "counter.h"

#define BURST 64
// The XDP program may have read the wake flag just before it was set: a sleeper looks again.
#define SLEEP_MS 10

void pp_receiver_set_wake(struct pp_receiver *receiver, uint64_t wake)
{
	for (uint32_t i = 0; i < receiver->ring_count; i++)
		__atomic_store_n(&receiver->wake[receiver->ring[i]->cpu], wake, __ATOMIC_SEQ_CST);
}

static void count(struct pp_receiver *receiver, const struct pp_event *event, uint32_t n)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct pp_meta *meta = event[i].meta;
		uint32_t row = pp_rows_index(receiver->rows, meta->iface, meta->queue);

		pp_rows_bump(&receiver->ledger[row], PP_LEDGER_RING_READ, 1);
		pp_rows_bump(&receiver->ledger[row], PP_LEDGER_COPY_TO_PROGRAM, 1);
		bytes += meta->cap_bytes;
	}
	pp_counter_add(&receiver->bytes, bytes);
}

static uint32_t read_ring(struct pp_copy_ring *ring, struct pp_event *event, uint32_t max)
{
	const struct pp_meta *record[BURST];
	uint32_t n = pp_copy_ring_burst(ring, record, max < BURST ? max : BURST);

	for (uint32_t i = 0; i < n; i++)
		event[i] = (struct pp_event){record[i], (const uint8_t *)(record[i] + 1)};
	return n;
}

// In wait or in burst, whoever is first: the other one goes on.
static void hear_bells(struct pp_receiver *receiver)
{
	if (__atomic_exchange_n(&receiver->hearing, 1, __ATOMIC_ACQUIRE))
		return;
	for (uint32_t i = 0; i < receiver->ring_count; i++)
		pp_copy_ring_hear(receiver->ring[i]);
	__atomic_store_n(&receiver->hearing, 0, __ATOMIC_RELEASE);
}

// In turn, so that a busy ring does not starve the others.
static uint32_t sweep(struct pp_receiver *receiver, struct pp_event *event, uint32_t max)
{
	uint32_t n = 0, empty = 0;

	while (n < max && empty < receiver->ring_count) {
		uint32_t got = read_ring(receiver->ring[receiver->next_ring], event + n, max - n);

		empty = got > 0 ? 0 : empty + 1;
		n += got;
		receiver->next_ring = (receiver->next_ring + 1) % receiver->ring_count;
	}
	return n;
}

// The descriptor says that there is something until there was nothing after the bells were silenced.
static uint32_t burst(struct pp_receiver *receiver, struct pp_event *event, uint32_t max)
{
	uint32_t n = sweep(receiver, event, max);

	if (n == 0 && max > 0 && receiver->epoll_fd >= 0) {
		pp_gate_hear(&receiver->gate);
		hear_bells(receiver);
		n = sweep(receiver, event, max);
		if (n == max)
			pp_gate_nudge(&receiver->gate);
	}
	if (n > 0) {
		count(receiver, event, n);
		receiver->taken = true;
	}
	return n;
}

static void release(struct pp_receiver *receiver)
{
	for (uint32_t i = 0; i < receiver->ring_count; i++)
		pp_copy_ring_release(receiver->ring[i]);
	receiver->taken = false;
}

int pp_receiver_burst(struct pp_receiver *receiver, struct pp_event *event, uint32_t max)
{
	int ret = pp_gate_enter(&receiver->gate);

	if (ret < 0)
		return ret;
	ret = (int)burst(receiver, event, max);
	pp_gate_leave(&receiver->gate);
	return ret;
}

int pp_receiver_burst_wait(struct pp_receiver *receiver,
			   struct pp_event *event,
			   uint32_t max,
			   int timeout_ms)
{
	int n = pp_receiver_burst(receiver, event, max);

	if (n != 0 || timeout_ms == 0)
		return n;
	n = pp_receiver_wait(receiver, timeout_ms);
	return n > 0 ? pp_receiver_burst(receiver, event, max) : n;
}

int pp_receiver_release(struct pp_receiver *receiver)
{
	int ret = pp_gate_enter(&receiver->gate);

	if (ret < 0)
		return ret;
	release(receiver);
	pp_gate_leave(&receiver->gate);
	return 0;
}

int pp_receiver_copy(struct pp_receiver *receiver, void *buf, size_t size, struct pp_meta *meta)
{
	struct pp_event event;
	int ret = pp_gate_enter(&receiver->gate);

	if (ret < 0)
		return ret;
	if (receiver->taken) {
		ret = -EBUSY;
	} else if (burst(receiver, &event, 1) > 0) {
		ret = (int)(event.meta->cap_bytes < size ? event.meta->cap_bytes : size);
		memcpy(buf, event.data, (size_t)ret);
		if (meta != NULL)
			*meta = *event.meta;
		release(receiver);
	}
	pp_gate_leave(&receiver->gate);
	return ret;
}

static bool ready(const struct pp_receiver *receiver)
{
	for (uint32_t i = 0; i < receiver->ring_count; i++)
		if (pp_copy_ring_ready(receiver->ring[i]))
			return true;
	return false;
}

static int look(void *arg, int timeout_ms)
{
	struct pp_receiver *receiver = arg;
	uint32_t n = receiver->ring_count + 1;
	int ms = timeout_ms < 0 || timeout_ms > SLEEP_MS ? SLEEP_MS : timeout_ms;

	if (ready(receiver))
		return 1;
	if (poll(receiver->pollfd, n, ms) < 0)
		return -errno;
	if (receiver->pollfd[n - 1].revents & POLLIN)
		pp_gate_hear(&receiver->gate);
	hear_bells(receiver);
	if (receiver->epoll_fd >= 0 && ready(receiver))
		pp_gate_nudge(&receiver->gate);
	return ready(receiver);
}

int pp_receiver_wait(struct pp_receiver *receiver, int timeout_ms)
{
	int ret;

	if (ready(receiver) && pp_gate_refusal(&receiver->gate) == 0)
		return 1;
	if (!__atomic_load_n(&receiver->always_wake, __ATOMIC_RELAXED))
		pp_receiver_set_wake(receiver, 1);
	ret = pp_gate_wait(&receiver->gate, look, receiver, timeout_ms);
	if (!__atomic_load_n(&receiver->always_wake, __ATOMIC_RELAXED) && ret != -EBUSY)
		pp_receiver_set_wake(receiver, 0);
	// Somebody may have asked for the descriptor just now.
	if (__atomic_load_n(&receiver->always_wake, __ATOMIC_SEQ_CST))
		pp_receiver_set_wake(receiver, 1);
	return ret;
}

void pp_receiver_wake(struct pp_receiver *receiver)
{
	pp_gate_say(&receiver->gate);
}

// Of what is there already no bell tells.
void pp_receiver_wake_always(struct pp_receiver *receiver)
{
	__atomic_store_n(&receiver->always_wake, true, __ATOMIC_SEQ_CST);
	pp_receiver_set_wake(receiver, 1);
	if (ready(receiver))
		pp_gate_nudge(&receiver->gate);
}

static int make_fd(struct pp_receiver *receiver)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = epoll_create1(EPOLL_CLOEXEC);
	int ret = fd < 0 ? -errno : 0;

	for (uint32_t i = 0; ret == 0 && i <= receiver->ring_count; i++)
		if (epoll_ctl(fd, EPOLL_CTL_ADD, receiver->pollfd[i].fd, &event) < 0)
			ret = -errno;
	if (ret < 0) {
		if (fd >= 0)
			close(fd);
		return ret;
	}
	receiver->epoll_fd = fd;
	pp_receiver_wake_always(receiver);
	return 0;
}

int pp_receiver_fd(struct pp_receiver *receiver)
{
	int ret = pp_gate_enter(&receiver->gate);

	if (ret < 0)
		return ret;
	if (receiver->epoll_fd < 0)
		ret = make_fd(receiver);
	pp_gate_leave(&receiver->gate);
	return ret ?: receiver->epoll_fd;
}
