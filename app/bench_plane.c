// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_plane.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <push-packet/clock.h>

#include "text_file.h"

#define SETTLE_STEP_NS 1000000
#define SETTLE_STEPS 3000

// Name the file in front of what is wrong in it.
static int in_file(const char *path, int ret, struct pp_error *err)
{
	struct pp_error inner = *err;

	return pp_error_set(err, ret, inner.line, inner.col, "%.200s:%u:%u: error: %.250s", path,
			    inner.line, inner.col, inner.text);
}

static int
read_file(struct pp_statements *statements, const char *path, uint64_t now_ns, struct pp_error *err)
{
	char *text, *copy = strdup(path);
	size_t len;
	int ret;

	if (copy == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = pp_text_file_read(path, &text, &len);
	if (ret < 0) {
		pp_error_set(err, ret, 0, 0, "%s: error: %s", path, pp_text_file_why(ret));
		goto free_copy;
	}
	ret = pp_statements_read(statements, text, len, dirname(copy), now_ns, err);
	if (ret < 0)
		in_file(path, ret, err);
	free(text);
free_copy:
	free(copy);
	return ret;
}

// The rules of the file and the last one.
static int make_rules(struct pp_ruleset **out,
		      const struct pp_bench_plane_params *params,
		      struct pp_error *err)
{
	uint64_t now_ns = pp_clock_ns(CLOCK_BOOTTIME);
	struct pp_statements *statements;
	uint32_t where = 0;
	char last[128];
	int ret, n;

	ret = pp_statements_create(&statements);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "out of memory");
	ret = pp_ruleset_create(out);
	if (ret < 0) {
		pp_error_set(err, ret, 0, 0, "out of memory");
		goto destroy_statements;
	}
	n = snprintf(last, sizeof(last), "%s prio %d\n", params->last, PP_BENCH_PLANE_LAST_PRIO);
	if (params->rules != NULL)
		ret = read_file(statements, params->rules, now_ns, err);
	if (ret == 0)
		ret = pp_statements_read(statements, last, (size_t)n, NULL, now_ns, err);
	if (ret == 0) {
		ret = pp_statements_apply(statements, *out, now_ns, NULL, NULL, &where, err);
		if (ret < 0 && where == 0 && params->rules != NULL)
			in_file(params->rules, ret, err);
	}
	if (ret < 0)
		pp_ruleset_destroy(*out);
destroy_statements:
	pp_statements_destroy(statements);
	return ret;
}

static void set_sizes(struct pp_plane_config *config, const struct pp_bench_plane_params *params)
{
	config->rx_slots = config->tx_slots = PP_BENCH_PLANE_RING_SLOTS;
	config->completion_slots = PP_BENCH_PLANE_RING_SLOTS;
	config->fill_slots = 2 * PP_BENCH_PLANE_RING_SLOTS;
	config->frames = PP_BENCH_PLANE_FRAMES;
	if (params->copy_ring_bytes != 0)
		config->copy_ring_bytes = params->copy_ring_bytes;
}

int pp_bench_plane_open(struct pp_plane **out,
			const struct pp_bench_plane_params *params,
			struct pp_error *err)
{
	struct pp_consumer_config consumer[] = {
		{.name = "sink", .kind = PP_CONSUMER_SINK, .cpu = -1},
		{.name = "mirror", .kind = PP_CONSUMER_REFLECT, .cpu = -1, .stamp = params->stamp},
		{.name = "counter", .kind = PP_CONSUMER_COUNT, .cpu = -1},
		{.name = "wire", .kind = PP_CONSUMER_FORWARD, .cpu = -1},
	};
	struct pp_iface_config iface[2] = {{.mode = params->mode, .queues_all = true},
					   {.mode = params->mode, .queues_all = true}};
	uint32_t without_wire = sizeof(consumer) / sizeof(consumer[0]) - 1;
	struct pp_plane_config config;
	struct pp_ruleset *rules;
	int ret;

	ret = make_rules(&rules, params, err);
	if (ret < 0)
		return ret;
	snprintf(iface[0].name, sizeof(iface[0].name), "%s", params->iface);
	snprintf(iface[1].name, sizeof(iface[1].name), "%s", params->out ?: "");
	memcpy(consumer[without_wire].forward_to, iface[1].name, sizeof(iface[1].name));
	pp_plane_config_init(&config);
	config.iface = iface;
	config.iface_count = params->out != NULL ? 2 : 1;
	config.consumer = consumer;
	config.consumer_count = params->out != NULL ? without_wire + 1 : without_wire;
	config.idle = params->idle;
	config.timestamps = params->stamp;
	config.worker_count = config.worker_cpu_count = 1;
	config.worker_cpu[0] = (uint16_t)params->worker_cpu;
	set_sizes(&config, params);
	ret = pp_plane_open(out, &config, rules, NULL, err);
	pp_ruleset_destroy(rules);
	if (ret < 0)
		return ret;
	ret = pp_plane_start(*out, err);
	if (ret < 0) {
		pp_plane_close(*out);
		*out = NULL;
	}
	return ret;
}

bool pp_bench_plane_settle(const struct pp_plane *plane, struct pp_ledger_row *out)
{
	for (int i = 0; i < SETTLE_STEPS; i++) {
		pp_plane_total(plane, out);
		if (pp_ledger_balanced(out) &&
		    out->v[PP_LEDGER_TX_COMPLETED] ==
			    out->v[PP_LEDGER_REFLECTED] + out->v[PP_LEDGER_FORWARDED])
			return true;
		nanosleep(&(struct timespec){.tv_nsec = SETTLE_STEP_NS}, NULL);
	}
	return false;
}

uint64_t pp_bench_plane_last_pkts(const struct pp_plane *plane)
{
	const struct pp_ruleset *rules = pp_plane_rules(plane);
	uint32_t count = pp_ruleset_count(rules);
	struct pp_rule_stats stats;

	pp_plane_rule_stats(plane, pp_ruleset_at(rules, count - 1)->slot, &stats);
	return stats.pkts;
}
