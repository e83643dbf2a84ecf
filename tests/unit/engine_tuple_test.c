// SPDX-License-Identifier: MIT OR Apache-2.0
// Engine `tuple` against naive matchers: rules compiled, lookups in the body.
#include "engine_tuple.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rules.h"
#include "engine_tuple_lookup.h"
#include "tuple_check.h"
#include "tuple_churn.h"

// A compiled set.
struct compiled {
	void *state;
	void *body;
	struct pp_engine_shape shape;
	struct pp_tuple_config config;
};

static int compile(struct compiled *out, const struct pp_engine_rule *rule, uint32_t count)
{
	struct pp_error err = {0};
	uint32_t rule_id;
	int ret;

	*out = (struct compiled){0};
	ret = pp_engine_tuple.compile(&out->state, rule, count, &out->shape, &rule_id, &err);
	if (ret == -E2BIG) {
		cr_assert_neq(rule_id, 0);
		cr_assert_neq(err.text[0], '\0');
	}
	if (ret < 0)
		return ret;
	memcpy(&out->config, out->shape.config, sizeof(out->config));
	out->body = aligned_alloc(64, out->shape.body_bytes);
	cr_assert_not_null(out->body);
	memset(out->body, 0, out->shape.body_bytes);
	pp_engine_tuple.emit(out->state, out->body);
	return 0;
}

static void destroy(struct compiled *compiled)
{
	pp_engine_tuple.destroy(compiled->state);
	free(compiled->body);
}

static uint32_t lookup(const struct compiled *compiled, const struct pp_key *key, uint64_t sets)
{
	return pp_tuple_lookup(compiled->body, &compiled->config, key, sets, NULL);
}

// @return  Whether the set could be compiled.
static bool compare(uint64_t seed, const struct engine_mix *mix, uint32_t count, uint32_t packets)
{
	struct pp_engine_rule *rule = calloc(count + 1, sizeof(*rule));
	struct compiled compiled;
	struct rule_gen gen;
	const char *wrong;
	int ret;

	rule_gen_init(&gen, seed);
	pp_tuple_fixed_seed = seed + 1;
	for (uint32_t i = 0; i < count; i++) {
		engine_rule_random(&gen, mix, &rule[i]);
		rule[i].slot = count - i;
		rule[i].rank = 5 + 3 * i;
		rule[i].rule_id = 1000 + i;
	}
	ret = compile(&compiled, rule, count);
	if (ret == -E2BIG) {
		free(rule);
		return false;
	}
	cr_assert_eq(ret, 0, "seed %llu: %d", (unsigned long long)seed, ret);
	wrong = tuple_check(compiled.state, compiled.body, rule, count);
	cr_assert_null(wrong, "seed %llu: %s", (unsigned long long)seed, wrong);
	for (uint32_t i = 0; i < packets; i++) {
		struct pp_key key;
		uint64_t sets;

		engine_key_near(&gen, &rule[rule_gen_below(&gen, count + (count == 0))], &key,
				&sets);
		cr_assert_eq(lookup(&compiled, &key, sets),
			     engine_rules_match(rule, count, &key, sets), "seed %llu, packet %u",
			     (unsigned long long)seed, i);
	}
	destroy(&compiled);
	free(rule);
	return true;
}

// Few tables and short chains make most sets too hard.
static const bool small_limits = PP_TUPLE_TABLES < 64;

static const struct engine_mix everything = {.one_in_proto = 2,
					     .one_in_ports = 2,
					     .one_in_iface = 4,
					     .one_in_sets = 4,
					     .one_in_any = 10};
static const struct engine_mix dense = {.addresses = 8,
					.ports = 4,
					.one_in_proto = 2,
					.one_in_ports = 2,
					.one_in_iface = 8,
					.one_in_sets = 8,
					.one_in_any = 50};
static const struct engine_mix crowded = {.addresses = 2, .ports = 3, .one_in_ports = 2};

Test(engine_tuple, gives_what_the_naive_matcher_gives)
{
	for (uint64_t seed = 0; seed < 400; seed++)
		cr_expect(compare(seed, &everything, (uint32_t)seed % 50, 300) || small_limits);
	cr_expect(compare(1000, &everything, 1000, 3000) || small_limits);
}

Test(engine_tuple, gives_what_the_naive_matcher_gives_when_rules_collide)
{
	for (uint64_t seed = 0; seed < 300; seed++)
		cr_expect(compare(seed, &dense, (uint32_t)seed % 120, 300) || small_limits,
			  "seed %llu", (unsigned long long)seed);
	for (uint64_t seed = 0; seed < 100; seed++)
		cr_expect(compare(seed, &crowded, (uint32_t)seed, 300) || small_limits, "seed %llu",
			  (unsigned long long)seed);
	for (uint32_t count = 200; count <= 6400; count *= 2)
		cr_expect(compare(count, &dense, count, 2000) || small_limits, "%u rules", count);
}

static void churn(uint64_t seed, const struct engine_mix *mix, uint32_t target, uint32_t steps)
{
	struct tuple_churn *churn = malloc(sizeof(*churn));
	const char *wrong = NULL;

	cr_assert_not_null(churn);
	tuple_churn_init(churn, seed, mix, target);
	for (uint32_t i = 0; wrong == NULL && i < steps; i++) {
		wrong = tuple_churn_step(churn, 4);
		cr_expect_null(wrong, "seed %llu, step %u: %s", (unsigned long long)seed, i, wrong);
	}
	cr_log_info("%u steps: %u compiled, %u again, %u refused, %u other shapes", steps,
		    churn->compiled, churn->again, churn->refused, churn->reloaded);
	tuple_churn_fini(churn);
	free(churn);
}

Test(engine_tuple, keeps_what_must_hold_through_changes)
{
	churn(1, &everything, 60, 40000);
	churn(4, &everything, 600, 3000);
}

Test(engine_tuple, keeps_what_must_hold_through_changes_of_rules_that_collide)
{
	churn(2, &dense, 60, 40000);
	churn(3, &crowded, 40, 20000);
	churn(5, &dense, 600, 3000);
}
