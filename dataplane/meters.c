// SPDX-License-Identifier: MIT OR Apache-2.0
#include "meters.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <push-packet/clock.h>

#define SECOND_NS 1000000000ull
// A limit may save up so much and spend it at once.
#define BURST_NS (SECOND_NS / 10)
#define NONE UINT32_MAX

static uint32_t find(const struct pp_meters *meters, uint32_t owner)
{
	for (uint32_t i = 0; i < PP_METERS_MAX; i++)
		if (meters->owner[i] == owner)
			return i;
	return NONE;
}

// Until it is known which CPUs see packets of the rule, each of them may: rather too few copies
// than too many.
static uint32_t first_share(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 0 ? (uint32_t)cpus : 1;
}

int pp_meters_take(struct pp_meters *meters,
		   uint32_t rule_id,
		   uint32_t *index,
		   struct pp_error *err)
{
	uint32_t at = find(meters, rule_id);

	if (at != NONE) {
		*index = at;
		return 0;
	}
	at = find(meters, 0);
	if (at == NONE)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "at most %u rules can have 'sample' or 'limit'", PP_METERS_MAX);
	meters->owner[at] = rule_id;
	meters->share[at] = first_share();
	meters->count++;
	*index = at;
	return 0;
}

static void release_at(struct pp_meters *meters, uint32_t index)
{
	meters->owner[index] = 0;
	meters->count--;
}

void pp_meters_release(struct pp_meters *meters, uint32_t rule_id)
{
	uint32_t at = find(meters, rule_id);

	if (at != NONE && rule_id != 0)
		release_at(meters, at);
}

void pp_meters_sweep(struct pp_meters *meters,
		     bool (*keep)(const void *arg, uint32_t rule_id),
		     const void *arg)
{
	for (uint32_t i = 0; i < PP_METERS_MAX; i++)
		if (meters->owner[i] != 0 && !keep(arg, meters->owner[i]))
			release_at(meters, i);
}

static uint64_t seed;

static void make_seed(void)
{
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = pp_clock_ns(CLOCK_MONOTONIC) * 0x9e3779b97f4a7c15ull;
}

// One for the whole process: the flows that one rule chooses are those that its successor chooses,
// and nobody outside knows which.
static uint64_t flow_seed(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_seed);
	return seed;
}

void pp_meters_fill_share(struct pp_meter *meter, uint32_t share)
{
	meter->cost = SECOND_NS * share;
	meter->credit_max = BURST_NS * meter->rate;
	if (meter->credit_max < meter->cost)
		meter->credit_max = meter->cost;
}

void pp_meters_fill(struct pp_meter *out,
		    const struct pp_rule *rule,
		    uint32_t rule_id,
		    uint16_t take_last,
		    uint32_t share)
{
	*out = (struct pp_meter){
		.take_last = take_last,
		.sample = rule->sample,
		.flow_below = rule->sample_flow ? UINT64_MAX / rule->sample : 0,
		.seed = flow_seed(),
		.rate = rule->limit_per_s,
		.rule_id = rule_id,
	};
	pp_meters_fill_share(out, share);
}
