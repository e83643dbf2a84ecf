// SPDX-License-Identifier: MIT OR Apache-2.0
#include "start_report.h"

#include <inttypes.h>

#include "table_text.h"

static void print_skb_mode(const char *name, FILE *out)
{
	fprintf(out,
		"  *** %s runs in SKB (GENERIC) MODE: the kernel builds a socket buffer for every\n"
		"  *** packet before the program sees it, which is several times slower than native\n",
		name);
}

static void
print_queue(const struct pp_config *config, const struct pp_queue_info *queue, FILE *out)
{
	if (queue->queue < 0)
		return;
	fprintf(out, "    queue %d: ", queue->queue);
	if (!queue->socket) {
		fputs("no AF_XDP socket, routed packets pass\n", out);
		return;
	}
	fprintf(out, "AF_XDP %s, ", queue->zerocopy ? "zero-copy" : "copy");
	if (queue->napi_id)
		fprintf(out, "NAPI id %u", queue->napi_id);
	else
		fputs("no NAPI id", out);
	fprintf(out, ", %u frames of %u%s, %s, NUMA node ", queue->frames,
		config->plane.chunk_bytes, queue->spread ? " spread" : "",
		queue->hugepages ? "hugepages" : "no hugepages");
	if (queue->numa_node >= 0)
		fprintf(out, "%d", queue->numa_node);
	else
		fputs("unknown", out);
	if (queue->worker >= 0)
		fprintf(out, ", worker %d", queue->worker);
	fputc('\n', out);
}

static void print_egress(const struct pp_plane *plane, uint32_t iface, FILE *out)
{
	struct pp_egress_info info;
	struct pp_ledger_row ledger;

	pp_plane_egress(plane, iface, &info, &ledger);
	if (info.attached == PP_EGRESS_TCX)
		fputs("    egress: tcx\n", out);
	if (info.attached == PP_EGRESS_CLSACT)
		fputs("    egress: clsact (no bpf_link: after a kill a filter that passes all stays)\n",
		      out);
}

static void
print_iface(const struct pp_plane *plane, const struct pp_config *config, uint32_t iface, FILE *out)
{
	struct pp_iface_info info;
	struct pp_queue_info queue;
	struct pp_ledger_row ledger;

	pp_plane_iface(plane, iface, &info);
	fprintf(out, "  interface %s: %s, %s XDP, %s, mtu %u, %s, %u queues\n", info.name,
		info.frame_kind == PP_FRAME_RAW_IP ? "raw IP" : "Ethernet",
		info.mode == PP_XDP_SKB ? "skb (generic)" : "native",
		info.frags ? "frags" : "no frags", info.mtu_bytes, info.up ? "up" : "DOWN",
		info.queue_count);
	if (info.mode == PP_XDP_SKB)
		print_skb_mode(info.name, out);
	print_egress(plane, iface, out);
	for (uint32_t row = 0; row < info.row_count; row++) {
		pp_plane_queue(plane, iface, row, &queue, &ledger);
		print_queue(config, &queue, out);
	}
}

static void print_worker(const struct pp_plane *plane, uint32_t worker, FILE *out)
{
	struct pp_worker_info info;

	pp_plane_worker(plane, worker, &info);
	fprintf(out, "  worker %u: ", worker);
	if (info.cpu >= 0)
		fprintf(out, "CPU %d\n", info.cpu);
	else
		fputs("not pinned\n", out);
}

static void print_consumer(const struct pp_consumer_config *consumer, FILE *out)
{
	fprintf(out, "  consumer %s: %s", consumer->name, pp_consumer_kind_name(consumer->kind));
	if (consumer->kind == PP_CONSUMER_FORWARD)
		fprintf(out, " to %s", consumer->forward_to);
	if (!pp_consumer_is_analyser(consumer->kind) || !consumer->threads)
		fputs(", on the workers", out);
	else if (consumer->threads == 1)
		fputs(", on a thread of its own", out);
	else
		fprintf(out, ", on %u threads", consumer->threads);
	for (uint32_t i = 0; i < consumer->cpu_count; i++)
		fprintf(out, "%s%u", i ? " " : ", CPUs ", consumer->cpus[i]);
	if (!consumer->cpu_count && consumer->cpu >= 0)
		fprintf(out, ", CPU %d", consumer->cpu);
	fputc('\n', out);
}

static void print_engine(const struct pp_plane *plane, FILE *out)
{
	char number[PP_TABLE_NUMBER_BYTES];
	struct pp_engine_info info;

	pp_plane_engine_info(plane, &info);
	fprintf(out, "  engine: %s (%s)", info.name, info.why);
	if (info.tables)
		fprintf(out, ", %u table%s", info.tables, info.tables == 1 ? "" : "s");
	fprintf(out, ", at most %s steps", pp_table_number(info.steps_max, number));
	fprintf(out, ", image %s bytes", pp_table_number((int64_t)info.image_bytes, number));
	fprintf(out, ", verdict cache %s\n", info.cache.on ? "on" : "off");
}

static const char *idle_name(uint8_t idle)
{
	static const char *const names[] = {[PP_IDLE_BUSY] = "busy",
					    [PP_IDLE_ADAPTIVE] = "adaptive",
					    [PP_IDLE_INTERRUPT] = "interrupt"};

	return names[idle];
}

void pp_start_report_print(const struct pp_plane *plane, const struct pp_config *config, FILE *out)
{
	const struct pp_ruleset *rules = pp_plane_rules(plane);

	fprintf(out, "push-packet " PP_VERSION ", configuration %s\n", config->at.file);
	for (uint32_t i = 0; i < pp_plane_iface_count(plane); i++)
		print_iface(plane, config, i, out);
	for (uint32_t i = 0; i < pp_plane_worker_count(plane); i++)
		print_worker(plane, i, out);
	for (uint32_t i = 0; i < pp_plane_consumer_count(plane); i++)
		print_consumer(pp_plane_consumer(plane, i), out);
	fprintf(out, "  idle mode: %s\n", idle_name(config->plane.idle));
	print_engine(plane, out);
	fprintf(out, "  rules: %u, default %s, generation %u\n", pp_ruleset_count(rules),
		pp_ruleset_default(rules) == PP_VERDICT_DROP ? "drop" : "pass",
		pp_ruleset_generation(rules));
	fprintf(out, "  control socket: %s\n", config->control.socket);
}
