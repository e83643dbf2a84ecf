// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_figures.h"

#include <stdio.h>

void pp_bench_figures_name(uint32_t size_bytes, const char *what, char *buf, size_t room)
{
	if (size_bytes == 0)
		snprintf(buf, room, "%s", what);
	else
		snprintf(buf, room, "%s, %u B", what, size_bytes);
}

// One figure: where it is, and how it is shown.
struct shown {
	const char *what, *unit;
	enum pp_bench_better better;
	size_t offset;
};

static void add(struct pp_bench_run *run,
		uint32_t size_bytes,
		const struct pp_bench_figures f[],
		uint32_t count,
		const struct shown *shown)
{
	double sample[PP_BENCH_FIGURES_MAX];
	char name[96];

	for (uint32_t i = 0; i < count; i++)
		sample[i] = *(const double *)(const void *)((const char *)&f[i] + shown->offset);
	pp_bench_figures_name(size_bytes, shown->what, name, sizeof(name));
	pp_bench_add_samples(run, name, shown->unit, shown->better, sample, count);
}

void pp_bench_figures_add(struct pp_bench_run *run,
			  uint32_t size_bytes,
			  const struct pp_bench_figures f[],
			  uint32_t count,
			  bool copied,
			  bool worked)
{
	static const struct shown always[] = {
		{"delivered", "Mpps", PP_BENCH_HIGHER,
		 offsetof(struct pp_bench_figures, delivered_mpps)},
		{"sent", "Mpps", PP_BENCH_HIGHER, offsetof(struct pp_bench_figures, sent_mpps)},
		{"lost", "of sent", PP_BENCH_LOWER, offsetof(struct pp_bench_figures, lost)}};
	static const struct shown ring = {"lost at the ring", "of copied", PP_BENCH_LOWER,
					  offsetof(struct pp_bench_figures, ring_lost)};
	static const struct shown worker[] = {
		{"worker", "cycles/packet", PP_BENCH_LOWER,
		 offsetof(struct pp_bench_figures, cycles)},
		{"batch", "packets", PP_BENCH_HIGHER, offsetof(struct pp_bench_figures, batch)}};

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		add(run, size_bytes, f, count, &always[i]);
	if (copied)
		add(run, size_bytes, f, count, &ring);
	for (size_t i = 0; worked && i < sizeof(worker) / sizeof(worker[0]); i++)
		add(run, size_bytes, f, count, &worker[i]);
}
