// SPDX-License-Identifier: MIT OR Apache-2.0
// The linear engine's image: what it holds, and what a match over it gives for every packet.
#include "engine.h"
#include "engine_linear.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "parse.h"
#include "rule_gen.h"

static struct pp_linear_image image;
static struct pp_action action[PP_SLOTS_MIN]; // by slot
static const struct pp_image_head no_sets;
static struct pp_ruleset *set;
static struct pp_iface_config iface[RULE_GEN_IFACES];
static struct pp_consumer_config consumer[2 * RULE_GEN_CONSUMERS];
static const struct pp_bindings bindings = {
	iface, RULE_GEN_IFACES, consumer, 2 * RULE_GEN_CONSUMERS, NULL, 0, 0};

// pp0 to pp2; count-a, count-b, sink-a, sink-b.
static void setup(void)
{
	for (uint32_t i = 0; i < RULE_GEN_IFACES; i++)
		strcpy(iface[i].name, rule_gen_iface[i]);
	for (uint32_t i = 0; i < RULE_GEN_CONSUMERS; i++) {
		strcpy(consumer[i].name, rule_gen_copy_consumer[i]);
		consumer[i].kind = PP_CONSUMER_COUNT;
		strcpy(consumer[RULE_GEN_CONSUMERS + i].name, rule_gen_route_consumer[i]);
		consumer[RULE_GEN_CONSUMERS + i].kind = PP_CONSUMER_SINK;
	}
	cr_assert_eq(pp_ruleset_create(&set), 0);
}

static void teardown(void)
{
	pp_ruleset_destroy(set);
}

TestSuite(engine_linear, .init = setup, .fini = teardown);

static uint32_t add(const char *text)
{
	struct pp_error err = {0};
	struct pp_rule rule;
	uint32_t id = 0;

	cr_assert_eq(pp_rule_parse(text, &rule, &err), 0, "'%s': %s", text, err.text);
	cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, &id, &err), 0, "%s", err.text);
	return id;
}

static int
build_for(const struct pp_bindings *for_bindings, uint32_t *rule_id, struct pp_error *err)
{
	static struct pp_engine_rule rule[PP_LINEAR_RULES_MAX];
	static const struct pp_used_sets none;
	struct pp_engine_shape shape = {0};
	uint32_t count = pp_ruleset_count(set);
	void *state = NULL;

	memset(action, 0, sizeof(action));
	action[PP_SLOT_DEFAULT] = pp_engine_action_default(set);
	for (uint32_t i = 0; i < count; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(set, i);
		int ret = pp_engine_action_fill(&action[entry->slot], entry, for_bindings, err);

		*rule_id = entry->id;
		if (ret < 0)
			return ret;
		pp_engine_rule_fill(&rule[i], entry, for_bindings, &none);
	}
	cr_assert_eq(pp_engine_linear_ops.compile(&state, rule, count, &shape, rule_id, err), 0);
	cr_assert_geq(shape.body_bytes, sizeof(image));
	cr_assert_eq(shape.body_bytes % 64, 0);
	pp_engine_linear_ops.emit(state, &image);
	pp_engine_linear_ops.destroy(state);
	return 0;
}

static uint32_t match(const struct pp_key *key)
{
	return pp_parse_linear_match(&image, &no_sets, NULL, 0, key);
}

static uint32_t copy_to(uint32_t slot)
{
	return action[slot].how >> PP_ACTION_COPY_TO_SHIFT & PP_ACTION_CONSUMER;
}

static uint32_t route_to(uint32_t slot)
{
	return action[slot].how >> PP_ACTION_ROUTE_TO_SHIFT & PP_ACTION_CONSUMER;
}

static uint32_t verdict(uint32_t slot)
{
	return action[slot].how & PP_ACTION_VERDICT;
}

static void build(void)
{
	struct pp_error err = {0};
	uint32_t rule_id;

	cr_assert_eq(build_for(&bindings, &rule_id, &err), 0, "%s", err.text);
}

Test(engine_linear, actions_tell_what_each_slot_does)
{
	cr_assert_eq(pp_ruleset_set_default(set, PP_VERDICT_DROP), 0);
	add("pass any");
	add("copy take 128 to count-b then route to sink-b dport 5");
	add("drop on pp2");
	add("copy proto udp");
	build();
	cr_expect_eq(action[0].rule_id, 0);
	cr_expect_eq(action[0].how, PP_VERDICT_DROP);
	cr_expect_eq(action[1].rule_id, 1);
	cr_expect_eq(action[1].how, PP_VERDICT_PASS);
	cr_expect_eq(action[2].rule_id, 2);
	cr_expect_eq(verdict(2), PP_VERDICT_ROUTE);
	cr_expect(action[2].how & PP_ACTION_COPY);
	cr_expect_not(action[2].how & PP_ACTION_NO_META);
	cr_expect_eq(action[2].take_last, 127);
	cr_expect_eq(copy_to(2), 1);
	cr_expect_eq(route_to(2), 3);
	cr_expect_eq(action[3].how, PP_VERDICT_DROP);
	cr_expect_eq(action[4].take_last, PP_COPY_BYTES_MAX - 1);
}

Test(engine_linear, rule_stands_only_in_lists_of_families_it_can_match)
{
	add("drop src 192.0.2.0/24");
	add("drop src 2001:db8::/32");
	add("drop proto udp");
	add("drop on pp0");
	add("drop any");
	add("drop family ip4 on pp1");
	build();
	cr_expect_eq(image.ip4_count, 8, "five of IPv4, padded");
	cr_expect_eq(image.ip6_count, 4, "four of IPv6");
	cr_expect_eq(image.other_count, 4, "two of the rest, padded");
	cr_expect_eq(image.other[0].slot, 4);
	cr_expect_eq(image.other[1].slot, 5);
}

// Whatever a packet is, the padding behind the last rule is no match.
Test(engine_linear, padding_matches_no_key)
{
	static const uint64_t words[] = {0,
					 PP_FAMILY_IP4,
					 PP_FAMILY_IP6,
					 ~0ull & ~0xffull,
					 ~0xffull | PP_FAMILY_IP4,
					 ~0xffull | PP_FAMILY_IP6};

	add("drop on pp1 name only");
	build();
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (int ones = 0; ones < 2; ones++) {
			struct pp_key key = {.word = words[i]};

			memset(key.addr, ones ? 0xff : 0, sizeof(key.addr));
			cr_expect_eq(match(&key), PP_SLOT_DEFAULT);
		}
}

Test(engine_linear, removed_rule_leaves_no_trace_and_its_slot_is_used_again)
{
	struct pp_key key = {.word = PP_FAMILY_IP4};
	uint32_t id = add("drop any name first");

	add("pass any name second");
	build();
	cr_expect_eq(match(&key), 1);
	cr_assert_eq(pp_ruleset_remove(set, id, NULL), 0);
	build();
	cr_expect_eq(match(&key), 2);
	cr_expect_eq(action[1].rule_id, 0);
	pp_ruleset_settle(set);
	id = add("route prio 1 any");
	build();
	cr_expect_eq(match(&key), 1);
	cr_expect_eq(action[1].rule_id, id);
}

Test(engine_linear, names_that_stand_for_nothing_are_refused_with_the_rule)
{
	static const struct {
		const char *rule;
		const char *says;
	} cases[] = {
		{"drop on pp9", "pp9"},
		{"copy any to nobody", "nobody"},
		{"route any to nobody", "nobody"},
		{"copy any to sink-a", "routed packets only"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pp_error err = {0};
		uint32_t id, rule_id = 0;

		add("pass any");
		id = add(cases[i].rule);
		cr_expect_eq(build_for(&bindings, &rule_id, &err), -EINVAL, "%s", cases[i].rule);
		cr_expect_eq(rule_id, id);
		cr_expect_not_null(strstr(err.text, cases[i].says), "%s", err.text);
		cr_assert_eq(pp_ruleset_remove(set, id, NULL), 0);
	}
}

Test(engine_linear, consumer_without_a_name_is_the_first_of_its_kind)
{
	static struct pp_consumer_config routed_last[] = {
		{.name = "a", .kind = PP_CONSUMER_COUNT},
		{.name = "b", .kind = PP_CONSUMER_REFLECT},
		{.name = "c", .kind = PP_CONSUMER_SINK},
	};
	struct pp_bindings other = {iface, RULE_GEN_IFACES, routed_last, 3, NULL, 0, 0};
	struct pp_error err = {0};
	uint32_t rule_id;

	add("copy then route any");
	cr_assert_eq(build_for(&other, &rule_id, &err), 0, "%s", err.text);
	cr_expect_eq(copy_to(1), 0);
	cr_expect_eq(route_to(1), 1, "a reflector before an analyser");
	other.consumer_count = 1;
	cr_assert_eq(build_for(&other, &rule_id, &err), 0, "%s", err.text);
	cr_expect_eq(route_to(1), 0, "an analyser takes routed packets too");
	other.consumer_count = 0;
	cr_assert_eq(build_for(&other, &rule_id, &err), 0, "%s", err.text);
	cr_expect_eq(copy_to(1), PP_CONSUMER_NONE);
	cr_expect_eq(route_to(1), PP_CONSUMER_NONE);
}

Test(engine_linear, engines_are_found_by_name)
{
	cr_expect_eq(pp_engine_find("linear")->ops, &pp_engine_linear_ops);
	cr_expect_null(pp_engine_find("Linear"));
	cr_expect_null(pp_engine_find(""));
	cr_expect_eq(pp_engine_linear_ops.rules_max, PP_LINEAR_RULES_MAX);
}

static uint32_t iface_index(const char *name)
{
	uint32_t i = 0;

	while (strcmp(rule_gen_iface[i], name) != 0)
		i++;
	return i;
}

static struct pp_key key_of(const struct oracle_packet *packet)
{
	struct pp_key key = {.word = packet->family | packet->proto << PP_KEY_PROTO_SHIFT};

	key.word |= (uint64_t)iface_index(packet->iface) << PP_KEY_IFACE_SHIFT;
	key.word |= (uint64_t)(packet->has_ports ? PP_KEY_PORTS : 0) << PP_KEY_FLAGS_SHIFT;
	key.word |= (uint64_t)packet->sport << PP_KEY_SPORT_SHIFT;
	key.word |= (uint64_t)packet->dport << PP_KEY_DPORT_SHIFT;
	if (packet->family == PP_FAMILY_IP6) {
		memcpy(&key.addr[0], packet->src, 16);
		memcpy(&key.addr[2], packet->dst, 16);
		return key;
	}
	for (int i = 0; i < 4; i++)
		key.addr[0] = key.addr[0] << 8 | packet->src[i];
	for (int i = 0; i < 4; i++)
		key.addr[0] = key.addr[0] << 8 | packet->dst[i];
	return key;
}

static void compare(uint64_t seed, uint32_t rules)
{
	struct pp_ruleset *rules_set = NULL;
	struct pp_ruleset *kept = set;
	struct rule_gen gen;

	rule_gen_init(&gen, seed);
	cr_assert_eq(pp_ruleset_create(&rules_set), 0);
	for (uint32_t i = 0; i < rules; i++) {
		struct pp_rule rule;

		rule_gen_rule(&gen, &rule);
		cr_assert_eq(pp_ruleset_add(rules_set, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	}
	set = rules_set;
	build();
	for (int i = 0; i < 500; i++) {
		struct oracle_packet packet;
		struct pp_key key;
		uint32_t slot;

		rule_gen_packet(&gen, rules_set, &packet);
		key = key_of(&packet);
		slot = match(&key);
		cr_assert_lt(slot, PP_SLOTS_MIN);
		cr_assert_eq(action[slot].rule_id, oracle_match(rules_set, &packet),
			     "seed %llu, packet %d", (unsigned long long)seed, i);
	}
	set = kept;
	pp_ruleset_destroy(rules_set);
}

Test(engine_linear, gives_what_the_naive_matcher_gives)
{
	for (uint64_t seed = 0; seed < 300; seed++)
		compare(seed, 1 + (uint32_t)seed % 40);
	compare(1000, PP_LINEAR_RULES_MAX - 1);
	compare(1001, PP_LINEAR_RULES_MAX);
}
