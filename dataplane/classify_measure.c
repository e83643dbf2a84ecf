// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_priv.h"

#include <errno.h>
#include <stdlib.h>

#define EACH_SHIFT 8 // each header 256 times in a row
#define EACH_ROUNDS 5

int pp_classify_measure(
	struct pp_classify *c, uint32_t runs, uint32_t repeat, double empty[], double cost[])
{
	double empty_ns, match_ns;
	// Once to warm up.
	int ret = pp_classify_run(c, PP_CLASSIFY_MATCH_ALL, 0, repeat, &match_ns);

	for (uint32_t i = 0; ret == 0 && i < runs; i++) {
		ret = pp_classify_run(c, PP_CLASSIFY_EMPTY_ALL, 0, repeat, &empty_ns)
			      ?: pp_classify_run(c, PP_CLASSIFY_MATCH_ALL, 0, repeat, &match_ns);
		cost[i] = match_ns - empty_ns;
		if (empty != NULL)
			empty[i] = empty_ns;
	}
	return ret;
}

// The least of some rounds for each header.
static int
least_each(struct pp_classify *c, enum pp_classify_program program, uint32_t count, double *ns)
{
	double *round_ns = calloc(count, sizeof(*round_ns));
	int ret = round_ns != NULL ? 0 : -ENOMEM;

	for (int round = 0; ret == 0 && round < EACH_ROUNDS; round++) {
		ret = pp_classify_run_each(c, program, EACH_SHIFT, count, round_ns);
		for (uint32_t i = 0; ret == 0 && i < count; i++)
			if (round == 0 || round_ns[i] < ns[i])
				ns[i] = round_ns[i];
	}
	free(round_ns);
	return ret;
}

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

// All headers are alike to the empty program: the median stands for it.
static int empty_each(struct pp_classify *c, uint32_t count, double *ns)
{
	double *each = calloc(count, sizeof(*each));
	int ret = each == NULL ? -ENOMEM : least_each(c, PP_CLASSIFY_EMPTY_EACH, count, each);

	if (ret == 0) {
		qsort(each, count, sizeof(*each), by_value);
		*ns = each[count / 2];
	}
	free(each);
	return ret;
}

int pp_classify_measure_each(struct pp_classify *c, uint32_t count, double cost[])
{
	double empty;
	int ret =
		empty_each(c, count, &empty) ?: least_each(c, PP_CLASSIFY_MATCH_EACH, count, cost);

	for (uint32_t i = 0; ret == 0 && i < count; i++)
		cost[i] -= empty;
	return ret;
}
