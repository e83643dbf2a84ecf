// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_plane_json.h"

#include <inttypes.h>

#include "bench_plane.h"

void pp_bench_describe_plane(struct pp_bench_run *run,
			     const struct pp_plane *plane,
			     const char *rules)
{
	struct pp_ledger_row row;
	struct pp_queue_info queue;

	pp_bench_set_text(run, "rules_file", rules != NULL ? rules : "");
	pp_bench_set_integer(run, "rules", pp_ruleset_count(pp_plane_rules(plane)));
	pp_bench_set_text(run, "engine", pp_plane_engine(plane));
	pp_bench_set_integer(run, "rings", PP_BENCH_PLANE_RING_SLOTS);
	pp_bench_set_integer(run, "umem_frames", PP_BENCH_PLANE_FRAMES);
	pp_plane_queue(plane, 0, 0, &queue, &row);
	pp_bench_set_text(run, "bind", queue.zerocopy ? "zero-copy" : "copy");
}

void pp_bench_put_ledger(struct pp_bench_run *run, const struct pp_plane *plane)
{
	struct pp_ledger_row row;
	bool balanced = pp_bench_plane_settle(plane, &row);
	uint64_t last = pp_bench_plane_last_pkts(plane);
	json_t *ledger = json_object();

	for (int i = 0; i < PP_LEDGER_COLUMNS; i++)
		json_object_set_new(ledger, pp_ledger_name(i), json_integer((json_int_t)row.v[i]));
	json_object_set_new(ledger, "balanced", json_boolean(balanced));
	json_object_set_new(ledger, "last_rule", json_integer((json_int_t)last));
	pp_bench_put(run, "ledger", ledger);
	if (!balanced)
		pp_bench_warn(run, "the ledger does not balance");
	if (last != row.v[PP_LEDGER_SEEN])
		pp_bench_warn(run,
			      "rules of the file judged %" PRIu64 " of %" PRIu64
			      " packets: other addresses or ports would meet none of them",
			      row.v[PP_LEDGER_SEEN] - last, row.v[PP_LEDGER_SEEN]);
}
