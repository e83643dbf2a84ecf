// SPDX-License-Identifier: MIT OR Apache-2.0
// Engine `linear` behind an ops table: rules go back to a rule set, which it compiles. The body is
// its image, and behind it the slots that the caller gave the rules.
#include "engine_case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "parse.h"
#include "rule_gen.h"

struct state {
	struct pp_ruleset *rules;
	uint32_t count;
	uint32_t slot[PP_SLOTS]; // by that of the rule set
};

static void take_prefix(const struct pp_engine_rule *rule,
			const uint8_t addr[16],
			uint8_t bits,
			struct pp_prefix *out)
{
	if (bits == 0)
		return;
	out->family = rule->frames == PP_FRAMES_IP4 ? PP_FAMILY_IP4 : PP_FAMILY_IP6;
	out->len_bits = bits;
	memcpy(out->addr, addr, sizeof(out->addr));
}

static void take_rule(const struct pp_engine_rule *rule, struct pp_rule *out)
{
	*out = (struct pp_rule){.prio = PP_PRIO_DEFAULT, .proto = rule->proto};
	if (rule->frames == PP_FRAMES_IP4)
		out->family = PP_FAMILY_IP4;
	else if (rule->frames == PP_FRAMES_IP6)
		out->family = PP_FAMILY_IP6;
	if (rule->iface >= 0)
		strcpy(out->on, rule_gen_iface[rule->iface]);
	take_prefix(rule, rule->src, rule->src_bits, &out->src);
	take_prefix(rule, rule->dst, rule->dst_bits, &out->dst);
	out->sport = (struct pp_ports){rule->needs_ports, rule->sport_lo, rule->sport_hi};
	out->dport = (struct pp_ports){rule->needs_ports, rule->dport_lo, rule->dport_hi};
}

static void destroy(void *state)
{
	pp_ruleset_destroy(((struct state *)state)->rules);
	free(state);
}

static int add_rules(struct state *state,
		     const struct pp_engine_rule *rule,
		     uint32_t count,
		     uint32_t *rule_id,
		     struct pp_error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct pp_rule made;
		uint32_t id;
		int ret;

		*rule_id = rule[i].rule_id;
		if (rule[i].src_sets != 0 || rule[i].dst_sets != 0)
			return pp_error_set(err, -E2BIG, 0, 0, "rule %u names a set", *rule_id);
		take_rule(&rule[i], &made);
		ret = pp_ruleset_add(state->rules, &made, PP_ORIGIN_CONFIG, 0, &id, err);
		if (ret < 0)
			return ret;
		state->slot[pp_ruleset_find(state->rules, id)->slot] = rule[i].slot;
	}
	return 0;
}

static int compile(void **out,
		   const struct pp_engine_rule *rule,
		   uint32_t count,
		   struct pp_engine_shape *shape,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	struct state *state;
	int ret;

	if (count > PP_RULES_MAX)
		return pp_error_set(err, -E2BIG, 0, 0, "more than %u rules", PP_RULES_MAX);
	state = calloc(1, sizeof(*state));
	if (state == NULL)
		return -ENOMEM;
	ret = pp_ruleset_create(&state->rules) ?: add_rules(state, rule, count, rule_id, err);
	if (ret < 0) {
		destroy(state);
		return ret;
	}
	state->count = count;
	shape->body_bytes = (sizeof(struct pp_linear_image) + sizeof(state->slot) + 63) / 64 * 64;
	*out = state;
	return 0;
}

static void emit(void *arg, void *body)
{
	struct pp_iface_config iface[RULE_GEN_IFACES] = {0};
	struct pp_bindings bindings = {.iface = iface, .iface_count = RULE_GEN_IFACES};
	struct state *state = arg;
	uint32_t rule_id;

	for (int i = 0; i < RULE_GEN_IFACES; i++)
		strcpy(iface[i].name, rule_gen_iface[i]);
	// What a rule set accepted without consumers and sets compiles.
	pp_engine_linear.build(body, state->rules, &bindings, &rule_id, NULL);
	memcpy((uint8_t *)body + sizeof(struct pp_linear_image), state->slot, sizeof(state->slot));
}

static void stats(const void *state, struct pp_engine_stats *out)
{
	*out = (struct pp_engine_stats){.steps_max = ((const struct state *)state)->count,
					.used_bytes = sizeof(struct pp_linear_image)};
}

static uint32_t match(const void *body,
		      const struct pp_engine_shape *shape,
		      const struct pp_key *key,
		      uint64_t sets)
{
	const struct pp_linear_image *image = body;
	const uint32_t *slot = (const uint32_t *)(image + 1);

	(void)shape;
	(void)sets;
	return slot[pp_parse_linear_match(image, 0, key) & (PP_SLOTS - 1)];
}

static const struct pp_engine_ops ops = {
	.abi = PP_ENGINE_ABI,
	.name = "linear",
	.rules_max = PP_RULES_MAX,
	.compile = compile,
	.destroy = destroy,
	.emit = emit,
	.stats = stats,
};

const struct engine_lookup engine_linear_lookup = {&ops, match};
