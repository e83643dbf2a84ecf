// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "receiver_priv.h"

static bool reads(int cpu, uint32_t ring_cpu)
{
	return cpu == PP_RECEIVER_ALL || cpu == (int)ring_cpu;
}

static bool overlap(int a, int b)
{
	return a == PP_RECEIVER_ALL || b == PP_RECEIVER_ALL || a == b;
}

static void destroy(struct pp_receiver *receiver)
{
	if (receiver->gate.wake_fd >= 0)
		pp_gate_fini(&receiver->gate);
	if (receiver->epoll_fd >= 0)
		close(receiver->epoll_fd);
	free(receiver->ring);
	free(receiver->pollfd);
	free(receiver->ledger);
	free(receiver);
}

static void set_rings(struct pp_receiver *receiver, struct pp_plane *plane)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < plane->ring_count; i++) {
		if (!reads(receiver->cpu, plane->ring[i].cpu))
			continue;
		receiver->pollfd[n] = (struct pollfd){pp_copy_ring_fd(&plane->ring[i]), POLLIN, 0};
		receiver->ring[n++] = &plane->ring[i];
	}
	receiver->pollfd[n] = (struct pollfd){receiver->gate.wake_fd, POLLIN, 0};
	receiver->ring_count = n;
}

static struct pp_receiver *create(struct pp_plane *plane, int cpu)
{
	struct pp_receiver *receiver = calloc(1, sizeof(*receiver));

	if (receiver == NULL)
		return NULL;
	receiver->plane = plane;
	receiver->cpu = cpu;
	receiver->epoll_fd = -1;
	receiver->wake = plane->maps.wake;
	receiver->rows = &plane->rows;
	receiver->ring = calloc(plane->ring_count, sizeof(*receiver->ring));
	receiver->pollfd = calloc(plane->ring_count + 1, sizeof(*receiver->pollfd));
	receiver->ledger = calloc(plane->rows.total, sizeof(*receiver->ledger));
	if (pp_gate_init(&receiver->gate) < 0 || receiver->ring == NULL ||
	    receiver->pollfd == NULL || receiver->ledger == NULL) {
		destroy(receiver);
		return NULL;
	}
	set_rings(receiver, plane);
	receiver->next = plane->receivers;
	plane->receivers = receiver;
	return receiver;
}

static int
check_open(const struct pp_plane *plane, int cpu, struct pp_receiver **same, struct pp_error *err)
{
	bool there = cpu == PP_RECEIVER_ALL;

	*same = NULL;
	if (plane->config.copy != PP_COPY_RECEIVER)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0,
				    "this plane was opened without receivers: copy is not "
				    "PP_COPY_RECEIVER in its configuration");
	for (uint32_t i = 0; i < plane->ring_count; i++)
		there |= cpu == (int)plane->ring[i].cpu;
	if (!there)
		return pp_error_set(err, -ENOENT, 0, 0, "CPU %d has no ring of copies", cpu);
	for (struct pp_receiver *i = plane->receivers; i != NULL; i = i->next) {
		if (i->cpu == cpu)
			*same = i;
		if (overlap(i->cpu, cpu) && i->gate.state != PP_GATE_SHUT)
			return pp_error_set(err, -EBUSY, 0, 0,
					    "another receiver reads these rings already");
	}
	return 0;
}

static int
open_receiver(struct pp_receiver **out, struct pp_plane *plane, int cpu, struct pp_error *err)
{
	struct pp_receiver *receiver;
	int ret = check_open(plane, cpu, &receiver, err);

	if (ret < 0)
		return ret;
	if (receiver == NULL)
		receiver = create(plane, cpu);
	if (receiver == NULL)
		return pp_plane_no_memory(err);
	pp_gate_open(&receiver->gate);
	if (receiver->epoll_fd >= 0)
		pp_receiver_wake_always(receiver);
	*out = receiver;
	return 0;
}

int pp_receiver_open(struct pp_receiver **out,
		     struct pp_plane *plane,
		     int cpu,
		     struct pp_error *err)
{
	int ret;

	pp_plane_lock(plane);
	ret = open_receiver(out, plane, cpu, err);
	pp_plane_unlock(plane);
	return ret;
}

static int close_receiver(struct pp_receiver *receiver)
{
	if (receiver->gate.state == PP_GATE_SHUT)
		return -ESHUTDOWN;
	pp_gate_shut(&receiver->gate, PP_GATE_SHUT);
	for (uint32_t i = 0; i < receiver->ring_count; i++)
		pp_copy_ring_release(receiver->ring[i]);
	receiver->taken = false;
	__atomic_store_n(&receiver->always_wake, false, __ATOMIC_RELAXED);
	pp_receiver_set_wake(receiver, 0);
	return 0;
}

int pp_receiver_close(struct pp_receiver *receiver)
{
	struct pp_plane *plane = receiver->plane;
	int ret;

	pp_plane_lock(plane);
	ret = close_receiver(receiver);
	pp_plane_unlock(plane);
	return ret;
}

void pp_plane_close_receivers(struct pp_plane *plane)
{
	for (struct pp_receiver *i = plane->receivers; i != NULL; i = i->next)
		close_receiver(i);
}

void pp_plane_free_receivers(struct pp_plane *plane)
{
	while (plane->receivers != NULL) {
		struct pp_receiver *receiver = plane->receivers;

		plane->receivers = receiver->next;
		destroy(receiver);
	}
}

void pp_plane_receivers_ledger(const struct pp_plane *plane,
			       uint32_t row,
			       struct pp_ledger_row *sum)
{
	for (const struct pp_receiver *i = plane->receivers; i != NULL; i = i->next)
		pp_rows_read(sum, &i->ledger[row]);
}

void pp_receiver_stats(const struct pp_receiver *receiver, struct pp_receiver_stats *out)
{
	struct pp_ledger_row total;

	*out = (struct pp_receiver_stats){
		.bytes = __atomic_load_n(&receiver->bytes, __ATOMIC_RELAXED)};
	for (uint32_t i = 0; i < receiver->rows->total; i++)
		out->pkts += __atomic_load_n(&receiver->ledger[i].v[PP_LEDGER_COPY_TO_PROGRAM],
					     __ATOMIC_RELAXED);
	pp_plane_total(receiver->plane, &total);
	out->lost = total.v[PP_LEDGER_COPY_RING_FULL] + total.v[PP_LEDGER_COPY_NO_RING] +
		    total.v[PP_LEDGER_COPY_TOO_LONG];
}
