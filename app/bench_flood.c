// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_flood.h"

#include <errno.h>
#include <string.h>

#include "bench_plane.h"
#include "bench_thread.h"
#include "gen_live.h"

#define SIZE_MAX_BYTES 65536u // the kernel says what it takes

struct flood {
	const struct pp_bench_flood_params *params;
	struct pp_bench_flood *out;
	struct pp_error *err;
	int ret;
};

static int send_all(struct flood *flood, struct pp_gen_live *live)
{
	struct pp_bench_flood *out = flood->out;
	struct pp_gen_pace pace;
	int ret, drop_ret;

	ret = pp_gen_pace_init(&pace, flood->params->rate_pps, UINT64_MAX, flood->params->for_ns);
	if (ret < 0)
		return pp_error_set(flood->err, ret, 0, 0, "signalfd: %s", strerror(-ret));
	ret = pp_gen_live_probe(live, &pace.sent, flood->err);
	if (ret == 0)
		ret = pp_gen_live_run(live, &pace, &out->elapsed_ns, flood->err);
	out->sent = pace.sent;
	out->stopped = pace.stopped;
	drop_ret = pp_gen_live_refused(live, &out->driver_dropped, ret < 0 ? NULL : flood->err);
	pp_gen_pace_fini(&pace);
	return ret < 0 ? ret : drop_ret;
}

static void *source(void *arg)
{
	struct flood *flood = arg;
	const struct pp_bench_flood_params *params = flood->params;
	struct pp_gen_live *live;
	struct pp_gen_plan plan;
	struct pp_gen_link link;

	flood->ret = pp_bench_thread_place(params->lab, PP_BENCH_SRC, params->cpu, flood->err);
	if (flood->ret == 0)
		flood->ret = pp_bench_packets_plan(&plan, &link, params->packets, params->iface,
						   params->size_bytes, SIZE_MAX_BYTES, flood->err);
	if (flood->ret < 0)
		return NULL;
	flood->ret = pp_gen_live_open(&live, &link, &plan, params->rate_pps, flood->err);
	if (flood->ret == 0) {
		flood->ret = send_all(flood, live);
		pp_gen_live_close(live);
	}
	pp_gen_plan_fini(&plan);
	return NULL;
}

static void subtract(struct pp_ledger_row *row, const struct pp_ledger_row *before)
{
	for (int i = 0; i < PP_LEDGER_COLUMNS; i++)
		row->v[i] -= before->v[i];
}

int pp_bench_flood_run(const struct pp_bench_flood_params *params,
		       struct pp_bench_flood *out,
		       struct pp_error *err)
{
	struct flood flood = {.params = params, .out = out, .err = err};
	struct pp_worker_info before, after;
	struct pp_ledger_row ledger;
	int ret;

	*out = (struct pp_bench_flood){.driver_dropped = -1};
	pp_bench_plane_settle(params->plane, &ledger);
	pp_plane_worker(params->plane, 0, &before);
	ret = pp_bench_thread_run(source, &flood, err);
	if (ret < 0 || flood.ret < 0)
		return ret < 0 ? ret : flood.ret;
	out->balanced = pp_bench_plane_settle(params->plane, &out->ledger);
	subtract(&out->ledger, &ledger);
	pp_plane_worker(params->plane, 0, &after);
	out->busy_cycles = after.busy_cycles - before.busy_cycles;
	out->bursts = after.bursts - before.bursts;
	return 0;
}
