// SPDX-License-Identifier: MIT OR Apache-2.0
#include "analysis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "analyser.h"
#include "analyser_files.h"
#include "analysers.h"
#include "parse.h"
#include "rule_table.h"

struct pp_analysis {
	const struct pp_analyser_ops *ops;
	struct pp_analyser_own own; // held
	struct pp_analyser_env env;
	struct pp_analyser_iface iface[PP_IFACES_MAX];
	void *state;
	uint8_t spread;
	const uint8_t *frame_kind;
	uint32_t worker_count;
	uint32_t thread_count; // 0: on the workers
	struct pp_analyser *thread[PP_ANALYSER_THREADS_MAX];
	uint32_t lane_count; // of each worker
	struct pp_lane *lane; // by worker, then by thread
	bool finished;
};

const struct pp_analyser_ops *pp_analysis_ops(const struct pp_consumer_config *config)
{
	if (config->kind == PP_CONSUMER_PLUGIN)
		return config->own.ops;
	return pp_analysers_find(config->kind);
}

static bool
rule_of(const struct pp_analyser_env *env, const struct pp_meta *meta, struct pp_analyser_rule *out)
{
	struct pp_rule_table *const *rules = env->rules;
	bool online = rcu_read_ongoing();
	const char *name;

	*out = (struct pp_analyser_rule){.verdict = PP_VERDICT_PASS};
	// A plug-in on a thread of its own (analyser.c, enter()).
	if (!online)
		rcu_thread_online();
	name = pp_rule_table_name(rcu_dereference(*rules), meta, &out->verdict);
	if (name != NULL)
		memcpy(out->name, name, sizeof(out->name));
	if (!online)
		rcu_thread_offline();
	return name != NULL;
}

static uint64_t lost_of(const struct pp_analyser_env *env, uint32_t thread, uint32_t iface)
{
	const struct pp_analysis *analysis = env->lanes;
	uint64_t sum = 0;

	// On the workers nothing is handed over.
	if (thread >= analysis->thread_count || iface >= PP_IFACES_MAX)
		return 0;
	for (uint32_t i = 0; i < analysis->worker_count; i++)
		sum += __atomic_load_n(
			&analysis->lane[i * analysis->lane_count + thread].lost[iface],
			__ATOMIC_RELAXED);
	return sum;
}

static void fill_env(struct pp_analysis *analysis, const struct pp_analysis_params *params)
{
	const struct pp_consumer_config *config = params->config;

	for (uint32_t i = 0; i < params->iface_count; i++)
		analysis->iface[i] = (struct pp_analyser_iface){
			.name = params->iface[i].name, .frame_kind = params->frame_kind[i]};
	analysis->env = (struct pp_analyser_env){
		.name = config->name,
		.thread_count = config->threads > 0 ? config->threads : params->worker_count,
		.timestamps = params->timestamps,
		.iface_count = params->iface_count,
		.iface = analysis->iface,
		.option_count = config->option_count,
		.option = config->option,
		.parse = pp_parse_packet,
		.rule = rule_of,
		.rules = params->rules,
		.lost = lost_of,
		.lanes = analysis,
		.parse_captured = pp_parse_captured,
	};
}

// CPUs in turn, or the one there is.
static int32_t cpu_of(const struct pp_consumer_config *config, uint32_t thread)
{
	return config->cpu_count > 0 ? config->cpus[thread % config->cpu_count] : config->cpu;
}

static int create_thread(struct pp_analysis *analysis,
			 const struct pp_analysis_params *params,
			 uint32_t index,
			 struct pp_error *err)
{
	struct pp_analyser_params thread = {
		.cpu = cpu_of(params->config, index),
		.worker_count = params->worker_count,
		.handoff_bytes = params->handoff_bytes,
		.rows = params->rows,
		.ops = analysis->ops,
		.foreign = params->config->kind == PP_CONSUMER_PLUGIN,
		.state = analysis->ops->thread(analysis->state, index),
	};
	int ret;

	snprintf(thread.thread_name, sizeof(thread.thread_name), "pp-%.9s-%u", params->config->name,
		 index % 100);
	ret = pp_analyser_create(&analysis->thread[index], &thread, err);
	if (ret < 0)
		return ret;
	analysis->thread_count++;
	for (uint32_t i = 0; i < params->worker_count; i++)
		pp_analyser_connect(analysis->thread[index], i,
				    &analysis->lane[i * analysis->lane_count + index]);
	return 0;
}

static int create_lanes(struct pp_analysis *analysis, const struct pp_analysis_params *params)
{
	size_t bytes;

	analysis->lane_count = params->config->threads > 0 ? params->config->threads : 1;
	bytes = (size_t)params->worker_count * analysis->lane_count * sizeof(struct pp_lane);
	analysis->lane = aligned_alloc(PP_CACHE_LINE, bytes);
	if (analysis->lane == NULL)
		return -ENOMEM;
	memset(analysis->lane, 0, bytes);
	return 0;
}

int pp_analysis_create(struct pp_analysis **out,
		       const struct pp_analysis_params *params,
		       struct pp_error *err)
{
	struct pp_analysis *analysis = calloc(1, sizeof(*analysis));
	int ret;

	if (analysis == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	analysis->ops = pp_analysis_ops(params->config);
	analysis->spread = params->config->spread;
	analysis->frame_kind = params->frame_kind;
	analysis->worker_count = params->worker_count;
	analysis->own = params->config->own;
	pp_analyser_hold(&analysis->own);
	fill_env(analysis, params);
	ret = create_lanes(analysis, params);
	if (ret < 0)
		pp_error_set(err, ret, 0, 0, "out of memory");
	else
		ret = analysis->ops->create(&analysis->state, &analysis->env, err);
	analysis->env.option = NULL;
	analysis->env.option_count = 0;
	for (uint32_t i = 0; ret == 0 && i < params->config->threads; i++)
		ret = create_thread(analysis, params, i, err);
	if (ret < 0)
		pp_analysis_destroy(analysis);
	else
		*out = analysis;
	return ret;
}

void pp_analysis_destroy(struct pp_analysis *analysis)
{
	if (analysis == NULL)
		return;
	pp_analysis_stop(analysis, UINT64_MAX);
	for (uint32_t i = 0; i < analysis->thread_count; i++)
		pp_analyser_destroy(analysis->thread[i]);
	if (analysis->state != NULL)
		analysis->ops->destroy(analysis->state);
	pp_analyser_unload(&analysis->own);
	free(analysis->lane);
	free(analysis);
}

int pp_analysis_start(struct pp_analysis *analysis, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < analysis->thread_count; i++)
		ret = pp_analyser_start(analysis->thread[i], err);
	return ret;
}

void pp_analysis_end(struct pp_analysis *analysis)
{
	for (uint32_t i = 0; i < analysis->thread_count; i++)
		pp_analyser_end(analysis->thread[i]);
}

bool pp_analysis_on_workers(const struct pp_analysis *analysis)
{
	return analysis->thread_count == 0;
}

int pp_analysis_stop(struct pp_analysis *analysis, uint64_t limit_ns)
{
	int ret = 0;

	pp_analysis_end(analysis);
	for (uint32_t i = 0; i < analysis->thread_count; i++)
		ret = pp_analyser_stop(analysis->thread[i], limit_ns) ?: ret;
	if (ret < 0)
		return ret;
	if (!analysis->finished && analysis->state != NULL && analysis->ops->finish != NULL)
		analysis->ops->finish(analysis->state);
	analysis->finished = true;
	return 0;
}

struct pp_lanes pp_analysis_lanes(struct pp_analysis *analysis, uint32_t worker)
{
	bool on_worker = analysis->thread_count == 0;

	return (struct pp_lanes){
		.ops = analysis->ops,
		.state = on_worker ? analysis->ops->thread(analysis->state, worker) : NULL,
		.spread = analysis->spread,
		.frame_kind = analysis->frame_kind,
		.count = analysis->lane_count,
		.lane = &analysis->lane[worker * analysis->lane_count],
	};
}

void *pp_analysis_state(const struct pp_analysis *analysis)
{
	return analysis->state;
}

void pp_analysis_ledger(const struct pp_analysis *analysis, uint32_t row, struct pp_ledger_row *sum)
{
	for (uint32_t i = 0; i < analysis->thread_count; i++)
		pp_analyser_ledger(analysis->thread[i], row, sum);
}

static void add_lane(const struct pp_lane *lane, struct pp_analyser_info *sum)
{
	uint64_t n[PP_LANE_COUNTS];

	for (int i = 0; i < PP_LANE_COUNTS; i++)
		n[i] = __atomic_load_n(&lane->count[i], __ATOMIC_RELAXED);
	sum->routed += n[PP_LANE_ROUTED];
	sum->routed_lost += n[PP_LANE_ROUTED_LOST];
	sum->copied += n[PP_LANE_COPIED];
	sum->copied_lost += n[PP_LANE_COPIED_LOST];
}

// Against the flow of packets, as the ledger is read.
void pp_analysis_info(const struct pp_analysis *analysis,
		      int32_t thread,
		      struct pp_analyser_info *out)
{
	*out = (struct pp_analyser_info){.kind = analysis->ops->name,
					 .threads = analysis->thread_count};
	for (uint32_t i = 0; i < analysis->thread_count; i++)
		if (thread < 0 || (uint32_t)thread == i)
			pp_analyser_analysed(analysis->thread[i], &out->routed_analysed,
					     &out->copied_analysed);
	for (uint32_t i = 0; i < analysis->worker_count; i++)
		for (uint32_t j = 0; j < analysis->lane_count; j++)
			if (thread < 0 || (uint32_t)thread == j)
				add_lane(&analysis->lane[i * analysis->lane_count + j], out);
	if (analysis->thread_count == 0) {
		out->routed_analysed = out->routed;
		out->copied_analysed = out->copied;
	}
}
