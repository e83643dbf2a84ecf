// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config_diff.h"

#include <stddef.h>
#include <string.h>

// A value that stands once, by its bytes. Loading writes a text over its default once at most,
// so equal texts have equal bytes behind their ends too.
struct field {
	const char *key;
	enum pp_config_item item;
	size_t offset;
	size_t bytes;
};

#define FIELD(key, item, member)                                                                   \
	{                                                                                          \
		key, item, offsetof(struct pp_config, member),                                     \
			sizeof(((struct pp_config *)NULL)->member)                                 \
	}

static const struct field fields[] = {
	FIELD("timestamps", PP_ITEM_TIMESTAMPS, plane.timestamps),
	FIELD("workers: count", PP_ITEM_WORKER_COUNT, plane.worker_count),
	FIELD("workers: idle", PP_ITEM_IDLE, plane.idle),
	FIELD("rings: rx", PP_ITEM_RX, plane.rx_slots),
	FIELD("rings: tx", PP_ITEM_TX, plane.tx_slots),
	FIELD("rings: fill", PP_ITEM_FILL, plane.fill_slots),
	FIELD("rings: completion", PP_ITEM_COMPLETION, plane.completion_slots),
	FIELD("rings: handoff", PP_ITEM_HANDOFF, plane.handoff_bytes),
	FIELD("rings: copy", PP_ITEM_COPY, plane.copy_ring_bytes),
	FIELD("umem: frames", PP_ITEM_FRAMES, plane.frames),
	FIELD("umem: chunk", PP_ITEM_CHUNK, plane.chunk_bytes),
	FIELD("umem: layout", PP_ITEM_LAYOUT, plane.layout),
	FIELD("umem: hugepages", PP_ITEM_HUGEPAGES, plane.hugepages),
	FIELD("control: socket", PP_ITEM_SOCKET, control.socket),
	FIELD("control: mode", PP_ITEM_MODE, control.mode),
	FIELD("control: group", PP_ITEM_GROUP, control.group),
	FIELD("control: read-group", PP_ITEM_READ_GROUP, control.read_group),
};

static void refuse(struct pp_report *report, struct pp_spot at, const char *what)
{
	pp_report_error(report, at.file, at.line, at.col,
			"%s cannot change while running: restart push-packet", what);
}

static void
diff_fields(const struct pp_config *running, const struct pp_config *next, struct pp_report *report)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *field = &fields[i];

		if (memcmp((const char *)running + field->offset,
			   (const char *)next + field->offset, field->bytes))
			refuse(report, next->item_at[field->item], field->key);
	}
}

static void
diff_cpus(const struct pp_config *running, const struct pp_config *next, struct pp_report *report)
{
	const struct pp_plane_config *a = &running->plane, *b = &next->plane;

	if (a->worker_cpu_count != b->worker_cpu_count ||
	    memcmp(a->worker_cpu, b->worker_cpu, a->worker_cpu_count * sizeof(a->worker_cpu[0])))
		refuse(report, next->item_at[PP_ITEM_WORKER_CPUS], "workers: cpus");
}

static bool same_queues(const struct pp_iface_config *a, const struct pp_iface_config *b)
{
	return a->queues_all == b->queues_all && a->queue_count == b->queue_count &&
	       !memcmp(a->queue, b->queue, a->queue_count * sizeof(a->queue[0]));
}

static void
diff_ifaces(const struct pp_config *running, const struct pp_config *next, struct pp_report *report)
{
	// The list is compared as it is written: an index of interface or consumer means the same in both.
	for (uint32_t i = 0; i < next->plane.iface_count; i++) {
		const struct pp_iface_config *a = &running->iface[i], *b = &next->iface[i];
		const struct pp_iface_spots *at = &next->iface_at[i];

		if (i >= running->plane.iface_count || strcmp(a->name, b->name)) {
			refuse(report, at->name, "the list of interfaces");
			return;
		}
		if (a->mode != b->mode)
			refuse(report, at->mode, "the mode of an interface");
		if (a->bind != b->bind)
			refuse(report, at->bind, "how an interface binds");
		if (a->egress != b->egress || a->egress_attach != b->egress_attach)
			refuse(report, at->egress, "the egress of an interface");
		if (!same_queues(a, b))
			refuse(report, at->queues, "the queues of an interface");
	}
	if (next->plane.iface_count < running->plane.iface_count)
		refuse(report, next->item_at[PP_ITEM_INTERFACES], "the list of interfaces");
}

static bool same_cpus(const struct pp_consumer_config *a, const struct pp_consumer_config *b)
{
	return a->cpu == b->cpu && a->cpu_count == b->cpu_count &&
	       !memcmp(a->cpus, b->cpus, a->cpu_count * sizeof(a->cpus[0]));
}

static void diff_options(const struct pp_consumer_config *a,
			 const struct pp_consumer_config *b,
			 const struct pp_consumer_spots *at,
			 struct pp_report *report)
{
	if (a->option_count != b->option_count) {
		refuse(report, at->name, "what an analyser is told");
		return;
	}
	for (uint32_t i = 0; i < b->option_count; i++)
		if (strcmp(a->option[i].key, b->option[i].key) ||
		    strcmp(a->option[i].value, b->option[i].value))
			refuse(report, at->option[i], "what an analyser is told");
}

static void diff_consumers(const struct pp_config *running,
			   const struct pp_config *next,
			   struct pp_report *report)
{
	for (uint32_t i = 0; i < next->plane.consumer_count; i++) {
		const struct pp_consumer_config *a = &running->consumer[i], *b = &next->consumer[i];
		const struct pp_consumer_spots *at = &next->consumer_at[i];

		if (i >= running->plane.consumer_count || strcmp(a->name, b->name)) {
			refuse(report, at->name, "the list of consumers");
			return;
		}
		if (a->kind != b->kind)
			refuse(report, at->kind, "the kind of a consumer");
		if (a->threads != b->threads)
			refuse(report, at->threads, "how many threads a consumer has");
		if (strcmp(a->forward_to, b->forward_to))
			refuse(report, at->interface, "where a consumer forwards to");
		if (!same_cpus(a, b))
			refuse(report, at->cpu, "the CPU of a consumer");
		if (a->spread != b->spread)
			refuse(report, at->spread, "how packets are spread over threads");
		if (!pp_analyser_same(&a->own, &b->own))
			refuse(report, at->library, "the library of a consumer");
		diff_options(a, b, at, report);
	}
	if (next->plane.consumer_count < running->plane.consumer_count)
		refuse(report, next->item_at[PP_ITEM_CONSUMERS], "the list of consumers");
}

bool pp_config_same_engine(const struct pp_config *a, const struct pp_config *b)
{
	return !strcmp(a->plane.engine, b->plane.engine) && a->plane.cache == b->plane.cache &&
	       pp_engine_same(&a->plane.own, &b->plane.own);
}

void pp_config_diff_fixed(const struct pp_config *running,
			  const struct pp_config *next,
			  struct pp_report *report)
{
	diff_ifaces(running, next, report);
	diff_fields(running, next, report);
	diff_cpus(running, next, report);
	diff_consumers(running, next, report);
}
