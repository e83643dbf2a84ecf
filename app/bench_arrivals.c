// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_arrivals.h"

#include <string.h>

static const char *const clock_name[] = {
	[PP_BENCH_CLOCK_DRIVER] = "driver",
	[PP_BENCH_CLOCK_ENTRY] = "XDP entry",
};
_Static_assert(sizeof(clock_name) / sizeof(clock_name[0]) == PP_BENCH_CLOCKS, "a name for each");

const char *pp_bench_arrivals_clock_name(enum pp_bench_clock clock)
{
	return clock_name[clock];
}

int pp_bench_arrivals_init(struct pp_bench_arrivals *arrivals)
{
	int ret = 0;

	*arrivals = (struct pp_bench_arrivals){0};
	for (int i = 0; ret == 0 && i < PP_BENCH_CLOCKS; i++)
		ret = pp_histogram_create(&arrivals->spacing[i], 3);
	return ret;
}

void pp_bench_arrivals_fini(struct pp_bench_arrivals *arrivals)
{
	for (int i = 0; i < PP_BENCH_CLOCKS; i++)
		pp_histogram_destroy(arrivals->spacing[i]);
}

void pp_bench_arrivals_clear(struct pp_bench_arrivals *arrivals)
{
	for (int i = 0; i < PP_BENCH_CLOCKS; i++) {
		pp_histogram_clear(arrivals->spacing[i]);
		arrivals->count[i] = 0;
	}
	pp_bench_arrivals_begin(arrivals);
}

void pp_bench_arrivals_begin(struct pp_bench_arrivals *arrivals)
{
	memset(arrivals->last, 0, sizeof(arrivals->last));
}

// Replies may overtake each other: stretches have a sign.
static uint64_t deviation(uint64_t due_ns, uint64_t time_ns)
{
	int64_t off = (int64_t)(time_ns - due_ns);

	return (uint64_t)(off < 0 ? -off : off);
}

void pp_bench_arrivals_take(struct pp_bench_arrivals *arrivals,
			    uint64_t due_ns,
			    uint64_t driver_ns,
			    uint64_t entry_ns)
{
	enum pp_bench_clock clock = driver_ns != 0 ? PP_BENCH_CLOCK_DRIVER : PP_BENCH_CLOCK_ENTRY;
	uint64_t time_ns = driver_ns != 0 ? driver_ns : entry_ns;

	arrivals->count[clock]++;
	if (arrivals->last[clock].time_ns != 0)
		pp_histogram_record(arrivals->spacing[clock],
				    deviation(due_ns - arrivals->last[clock].due_ns,
					      time_ns - arrivals->last[clock].time_ns));
	arrivals->last[clock].due_ns = due_ns;
	arrivals->last[clock].time_ns = time_ns;
}
