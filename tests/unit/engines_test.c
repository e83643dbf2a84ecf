// SPDX-License-Identifier: MIT OR Apache-2.0
// Every engine against the naive matcher: public sets (PP_RULESETS=DIR), generated ones, dense ones,
// and random rules with every condition there is. PP_SEED=N makes other sets and headers, PP_TIMES=N
// makes more headers. A difference is printed with seed, rule and header.
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_case.h"
#include "flat_oracle.h"
#include "rule_gen.h"
#include "ruleset_gen.h"
#include "ruleset_open.h"
#include <push-packet/trace.h>

static const struct engine_lookup *const engines[] = {
	&engine_linear_lookup,
	&engine_tuple_lookup,
};
#define ENGINES (sizeof(engines) / sizeof(engines[0]))

#define HEADERS_MAX 65536u

TestSuite(engines, .timeout = 300);

static struct oracle_packet header[HEADERS_MAX];
static struct pp_key key[HEADERS_MAX];
static uint64_t sets[HEADERS_MAX];
static uint32_t want[HEADERS_MAX]; // index of the rule

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static uint32_t iface_of(const struct oracle_packet *packet)
{
	uint32_t i = 0;

	while (i + 1 < RULE_GEN_IFACES && strcmp(rule_gen_iface[i], packet->iface) != 0)
		i++;
	return i;
}

static void fail(const struct engine_case *c,
		 const char *what,
		 const struct pp_rule *rule,
		 uint32_t count,
		 uint32_t at,
		 uint32_t slot)
{
	char text[2][PP_RULE_TEXT_BYTES] = {"no rule", "no rule"};

	if (want[at] < count)
		pp_rule_format(&rule[want[at]], text[0], sizeof(text[0]));
	if (slot > 0 && slot <= count)
		pp_rule_format(&rule[slot - 1], text[1], sizeof(text[1]));
	cr_assert_fail("%s: %s: header %u: key %#llx %#llx %#llx %#llx %#llx sets %#llx: slot %u "
		       "'%s', not %u '%s'",
		       c->lookup->ops->name, what, at, (unsigned long long)key[at].word,
		       (unsigned long long)key[at].addr[0], (unsigned long long)key[at].addr[1],
		       (unsigned long long)key[at].addr[2], (unsigned long long)key[at].addr[3],
		       (unsigned long long)sets[at], slot, text[1], want[at] + 1, text[0]);
}

static void compare(const struct engine_case *c,
		    const char *what,
		    const struct pp_rule *rule,
		    uint32_t count,
		    uint32_t headers)
{
	for (uint32_t i = 0; i < headers; i++) {
		uint32_t slot = engine_case_match(c, &key[i], sets[i]);
		uint32_t right = want[i] == FLAT_ORACLE_NONE ? PP_SLOT_DEFAULT : want[i] + 1;

		if (slot != right)
			fail(c, what, rule, count, i, slot);
	}
}

static struct pp_engine_rule *engine_rules(const struct pp_rule *rule, uint32_t count)
{
	struct pp_engine_rule *out = calloc(count, sizeof(*out));

	cr_assert_not_null(out);
	for (uint32_t i = 0; i < count; i++)
		engine_rule_make(&rule[i], i + 1, i + 1, &out[i]);
	return out;
}

// Answers of the naive matcher for the headers there are.
static void ask_oracle(const struct pp_rule *rule, uint32_t count, uint32_t headers)
{
	struct flat_oracle *oracle;

	cr_assert_eq(flat_oracle_create(&oracle, rule, count), 0);
	for (uint32_t i = 0; i < headers; i++) {
		pp_trace_key(&header[i], iface_of(&header[i]), &key[i]);
		want[i] = flat_oracle_match(oracle, &header[i], (uint32_t)sets[i],
					    (uint32_t)(sets[i] >> PP_SETS_DST_SHIFT));
	}
	flat_oracle_destroy(oracle);
}

// @param may_refuse  Whether an engine may say that it cannot bound the rules.
static void judge_engine(const struct engine_lookup *lookup,
			 const char *what,
			 const struct pp_rule *rule,
			 uint32_t count,
			 uint32_t headers,
			 bool may_refuse)
{
	struct pp_engine_rule *made = engine_rules(rule, count);
	struct pp_error err = {0};
	struct engine_case c;
	int ret;

	ret = engine_case_open(&c, lookup, made, count, &err);
	free(made);
	if (ret == -E2BIG && may_refuse) {
		cr_expect(err.text[0] != '\0', "%s: refused without a word", what);
		cr_log_info("%s: %s: refused: %s", lookup->ops->name, what, err.text);
		return;
	}
	cr_assert_eq(ret, 0, "%s: %s: %d %s", lookup->ops->name, what, ret, err.text);
	compare(&c, what, rule, count, headers);
	engine_case_close(&c);
}

static void judge(const char *what,
		  const struct pp_rule *rule,
		  uint32_t count,
		  uint32_t headers,
		  bool may_refuse)
{
	ask_oracle(rule, count, headers);
	for (size_t i = 0; i < ENGINES; i++)
		if (count <= engines[i]->ops->rules_max)
			judge_engine(engines[i], what, rule, count, headers, may_refuse);
}

// Half of the headers inside of rules, half at their corners.
static void judge_traced(const char *what,
			 const struct pp_rule *rule,
			 uint32_t count,
			 uint32_t headers,
			 bool may_refuse)
{
	for (uint64_t times = number_of("PP_TIMES", 1), n = 0; n < times; n++) {
		const uint64_t seed = number_of("PP_SEED", 1) + 1000 * n;
		struct pp_trace_options options = {PP_TRACE_INSIDE, headers / 2, 0, seed, NULL};

		memset(sets, 0, sizeof(sets));
		cr_assert_eq(pp_trace_make(&options, rule, count, header), 0);
		options.mode = PP_TRACE_CORNERS;
		cr_assert_eq(pp_trace_make(&options, rule, count, header + headers / 2), 0);
		judge(what, rule, count, headers, may_refuse);
	}
}

static void judge_generated(
	enum ruleset_kind kind, uint8_t family, uint32_t count, uint64_t seed, uint32_t headers)
{
	struct ruleset_options options = {kind, family, count,
					  1000 * number_of("PP_SEED", 1) + seed};
	struct pp_rule *rule = calloc(count, sizeof(*rule));
	char what[80];

	snprintf(what, sizeof(what), "gen:%s:%s:%u:%llu", ruleset_kind_name(kind),
		 family == PP_FAMILY_IP4   ? "ip4"
		 : family == PP_FAMILY_IP6 ? "ip6"
					   : "both",
		 count, (unsigned long long)options.seed);
	cr_assert_not_null(rule);
	cr_assert_eq(ruleset_gen(&options, rule), 0, "%s", what);
	judge_traced(what, rule, count, headers, kind == RULESET_DENSE);
	free(rule);
}

static void judge_kind(enum ruleset_kind kind)
{
	static const uint8_t family[] = {PP_FAMILY_IP4, PP_FAMILY_IP6, PP_FAMILY_NONE};
	static const uint32_t count[] = {30, 300, 1000, 10000};

	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 4; j++)
			judge_generated(kind, family[i], count[j], (uint64_t)j,
					count[j] > 1000 ? HEADERS_MAX / 4 : HEADERS_MAX);
}

Test(engines, access_lists)
{
	judge_kind(RULESET_ACL);
}

Test(engines, firewalls)
{
	judge_kind(RULESET_FW);
}

Test(engines, ip_chains)
{
	judge_kind(RULESET_IPC);
}

Test(engines, dense_rules)
{
	static const uint8_t family[] = {PP_FAMILY_IP4, PP_FAMILY_IP6, PP_FAMILY_NONE};

	for (uint64_t seed = 1; seed <= 60; seed++)
		judge_generated(RULESET_DENSE, family[seed % 3], 1u << seed % 11, seed, 4096);
}

// Every condition of the grammar, frames that are not IP, later fragments, sets.
static void judge_random(uint64_t seed, uint32_t count, uint32_t headers)
{
	struct pp_rule *rule = calloc(count, sizeof(*rule));
	struct pp_ruleset *set = NULL;
	struct rule_gen gen;
	char what[80];

	rule_gen_init(&gen, seed);
	cr_assert_eq(pp_ruleset_create(&set), 0);
	cr_assert_eq(rule_gen_put_sets(&gen, set), 0);
	for (uint32_t i = 0; i < count; i++) {
		rule_gen_rule(&gen, &rule[i]);
		if (seed % 2)
			rule_gen_use_sets(&gen, &rule[i]);
		cr_assert_eq(pp_ruleset_add(set, &rule[i], PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	}
	for (uint32_t i = 0; i < headers; i++) {
		rule_gen_packet(&gen, set, &header[i]);
		sets[i] = header[i].is_ip
				  ? rule_gen_below(&gen, 8) | (uint64_t)rule_gen_below(&gen, 8)
								      << PP_SETS_DST_SHIFT
				  : 0;
	}
	snprintf(what, sizeof(what), "random rules, seed %llu", (unsigned long long)seed);
	judge(what, rule, count, headers, true);
	pp_ruleset_destroy(set);
	free(rule);
}

Test(engines, random_rules_with_every_condition)
{
	uint64_t first = 1000 * number_of("PP_SEED", 1);

	for (uint64_t seed = first; seed < first + 150; seed++)
		judge_random(seed, 1 + (uint32_t)(seed * 37 % 400), 2000);
}

static void judge_file(const char *dir, const char *name)
{
	struct pp_error err = {0};
	struct pp_rule *rule;
	char path[4096];
	uint32_t count;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_eq(ruleset_open(path, &rule, &count, &err), 0, "%s:%u: %s", path, err.line,
		     err.text);
	judge_traced(path, rule, count, HEADERS_MAX, false);
	free(rule);
}

Test(engines, public_sets)
{
	const char *path = getenv("PP_RULESETS");
	DIR *dir = path != NULL ? opendir(path) : NULL;
	struct dirent *entry;

	if (path == NULL)
		cr_skip_test("PP_RULESETS names no folder");
	cr_assert_not_null(dir, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, "_1k") || strstr(entry->d_name, "_10k"))
			judge_file(path, entry->d_name);
	closedir(dir);
}

// The rules of a pool that are in force, in match order, with what the naive matcher needs.
struct live {
	struct pp_rule *pool;
	struct pp_engine_rule *made; // slot i + 1, rank i + 1
	bool *in;
	uint32_t pool_count;
	struct pp_rule *rule;
	struct pp_engine_rule *engine;
	uint32_t count;
};

static void gather(struct live *live)
{
	live->count = 0;
	for (uint32_t i = 0; i < live->pool_count; i++) {
		if (!live->in[i])
			continue;
		live->rule[live->count] = live->pool[i];
		live->engine[live->count++] = live->made[i];
	}
}

static void live_init(struct live *live, const struct ruleset_options *options)
{
	uint32_t count = options->count;

	*live = (struct live){.pool = calloc(count, sizeof(*live->pool)),
			      .in = calloc(count, sizeof(*live->in)),
			      .pool_count = count,
			      .rule = calloc(count, sizeof(*live->rule)),
			      .engine = calloc(count, sizeof(*live->engine))};
	cr_assert(live->pool && live->in && live->rule && live->engine);
	cr_assert_eq(ruleset_gen(options, live->pool), 0);
	live->made = engine_rules(live->pool, count);
	for (uint32_t i = 0; i < count; i += 2)
		live->in[i] = true;
	gather(live);
}

static void live_fini(struct live *live)
{
	free(live->pool);
	free(live->made);
	free(live->in);
	free(live->rule);
	free(live->engine);
}

static bool
is_in(const struct pp_engine_rule *list, uint32_t count, const struct pp_engine_rule *rule)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i].slot == rule->slot)
			return true;
	return false;
}

// Take a few rules out and put a few in; compile again when the engine says so.
static void change_some(struct live *live, struct engine_case *c, struct rule_gen *gen)
{
	struct pp_engine_rule del[8], add[8];
	uint32_t del_count = 0, add_count = 0;
	int ret;

	for (uint32_t n = 1 + rule_gen_below(gen, 8); n > 0; n--) {
		uint32_t i = rule_gen_below(gen, live->pool_count);

		if (is_in(del, del_count, &live->made[i]) || is_in(add, add_count, &live->made[i]))
			continue;
		if (live->in[i])
			del[del_count++] = live->made[i];
		else
			add[add_count++] = live->made[i];
		live->in[i] = !live->in[i];
	}
	gather(live);
	ret = engine_case_change(c, del, del_count, add, add_count);
	if (ret == -EAGAIN) {
		const struct engine_lookup *lookup = c->lookup;
		struct pp_error err = {0};

		engine_case_close(c);
		ret = engine_case_open(c, lookup, live->engine, live->count, &err);
		cr_assert_eq(ret, 0, "%s", err.text);
	}
	cr_assert_eq(ret, 0, "change: %s", strerror(-ret));
}

static void judge_changes(const struct engine_lookup *lookup, const struct ruleset_options *options)
{
	struct pp_trace_options trace = {PP_TRACE_INSIDE, 1000, 0, 1, NULL};
	struct pp_error err = {0};
	struct engine_case c;
	struct rule_gen gen;
	struct live live;

	live_init(&live, options);
	rule_gen_init(&gen, options->seed);
	memset(sets, 0, sizeof(sets));
	cr_assert_eq(engine_case_open(&c, lookup, live.engine, live.count, &err), 0, "%s",
		     err.text);
	for (int round = 0; round < 100; round++) {
		for (int n = 0; n < 20; n++)
			change_some(&live, &c, &gen);
		trace.seed++;
		// Of the pool: also headers of rules that are out.
		cr_assert_eq(pp_trace_make(&trace, live.pool, live.pool_count, header), 0);
		ask_oracle(live.rule, live.count, trace.count);
		for (uint32_t i = 0; i < trace.count; i++)
			if (want[i] != FLAT_ORACLE_NONE)
				want[i] = live.engine[want[i]].slot - 1;
		compare(&c, "after changes", live.pool, live.pool_count, trace.count);
	}
	engine_case_close(&c);
	live_fini(&live);
}

// Of a set of one family, room for more rules included.
static uint64_t image_bytes(enum ruleset_kind kind, uint8_t family, uint32_t count)
{
	struct ruleset_options options = {kind, family, count, number_of("PP_SEED", 1)};
	struct pp_rule *rule = calloc(count, sizeof(*rule));
	struct pp_error err = {0};
	struct pp_engine_rule *made;
	struct engine_case c;
	uint64_t bytes;

	cr_assert_not_null(rule);
	cr_assert_eq(ruleset_gen(&options, rule), 0);
	made = engine_rules(rule, count);
	cr_assert_eq(engine_case_open(&c, &engine_tuple_lookup, made, count, &err), 0, "%s",
		     err.text);
	bytes = c.shape.body_bytes;
	engine_case_close(&c);
	free(made);
	free(rule);
	return bytes;
}

Test(engines, tuple_takes_1_mb_for_10000_rules_and_8_mb_for_100000)
{
	static const enum ruleset_kind kind[] = {RULESET_ACL, RULESET_FW, RULESET_IPC};
	static const uint8_t family[] = {PP_FAMILY_IP4, PP_FAMILY_IP6};

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		for (size_t f = 0; f < sizeof(family) / sizeof(family[0]); f++) {
			cr_expect_leq(image_bytes(kind[i], family[f], 10000), 1000000);
			cr_expect_leq(image_bytes(kind[i], family[f], 100000), 8000000);
		}
}

Test(engines, change_in_place)
{
	uint64_t seed = number_of("PP_SEED", 1);
	bool any = false;

	for (size_t i = 0; i < ENGINES; i++) {
		if (engines[i]->ops->change == NULL)
			continue;
		any = true;
		for (int kind = 0; kind < RULESET_KINDS; kind++) {
			// Dense rules outgrow any bound when there are many.
			struct ruleset_options options = {(enum ruleset_kind)kind, PP_FAMILY_NONE,
							  kind == RULESET_DENSE ? 100 : 2000, seed};

			judge_changes(engines[i], &options);
		}
	}
	if (!any)
		cr_skip_test("no engine changes in place");
}
