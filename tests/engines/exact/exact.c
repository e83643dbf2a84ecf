// SPDX-License-Identifier: MIT OR Apache-2.0
// Engine `exact`, user-space half: compiles rules to the hash table.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/engine.h>

#include "exact.h"

struct exact_state {
	struct exact_body body;
	uint64_t seed;
	uint32_t rules;
	uint32_t probes_max;
};

static int
refuse(const struct pp_engine_rule *rule, uint32_t *rule_id, struct pp_error *err, const char *why)
{
	*rule_id = rule->rule_id;
	snprintf(err->text, sizeof(err->text), "rule %u: engine exact %s", rule->rule_id, why);
	return -EINVAL;
}

static int check_rule(const struct pp_engine_rule *rule, uint32_t *rule_id, struct pp_error *err)
{
	bool ip4 = rule->frames == PP_FRAMES_IP4, ip6 = rule->frames == PP_FRAMES_IP6;

	if (!(ip4 && rule->dst_bits == 32) && !(ip6 && rule->dst_bits == 128))
		return refuse(rule, rule_id, err, "matches one destination address: dst ADDRESS");
	if (rule->dport_lo != rule->dport_hi)
		return refuse(rule, rule_id, err, "matches one destination port: dport PORT");
	if (rule->proto < 0)
		return refuse(rule, rule_id, err, "matches one protocol: proto NAME");
	if (rule->src_bits != 0 || rule->sport_lo != 0 || rule->sport_hi != UINT16_MAX ||
	    rule->iface >= 0 || rule->src_sets != 0 || rule->dst_sets != 0)
		return refuse(rule, rule_id, err, "matches nothing but proto, dst and dport");
	return 0;
}

static struct exact_entry entry_of(const struct pp_engine_rule *rule)
{
	struct exact_entry entry = {.slot = rule->slot};

	entry.word = (uint64_t)rule->proto << PP_KEY_PROTO_SHIFT |
		     (uint64_t)PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT |
		     (uint64_t)rule->dport_lo << PP_KEY_DPORT_SHIFT;
	if (rule->direction == PP_DIRECTION_OUT)
		entry.word |= PP_KEY_OUT;
	if (rule->frames == PP_FRAMES_IP4) {
		entry.word |= PP_FAMILY_IP4;
		for (int i = 0; i < 4; i++)
			entry.addr[0] = entry.addr[0] << 8 | rule->dst[i];
	} else {
		entry.word |= PP_FAMILY_IP6;
		memcpy(entry.addr, rule->dst, sizeof(entry.addr));
	}
	return entry;
}

// @return  Whether a lookup will find it.
static bool insert(struct exact_state *state, const struct exact_entry *entry)
{
	uint32_t at = exact_hash(entry->addr, entry->word, state->seed);

	for (uint32_t i = 0; i < EXACT_PROBES; i++) {
		struct exact_entry *have = &state->body.entry[(at + i) & (EXACT_BUCKETS - 1)];

		if (i + 1 > state->probes_max)
			state->probes_max = i + 1;
		if (have->slot == 0) {
			*have = *entry;
			return true;
		}
		// The rules come by rank: the first one of a key wins.
		if (have->word == entry->word && have->addr[0] == entry->addr[0] &&
		    have->addr[1] == entry->addr[1])
			return true;
	}
	return false;
}

static bool fill(struct exact_state *state, const struct pp_engine_rule *rule, uint32_t count)
{
	memset(&state->body, 0, sizeof(state->body));
	state->probes_max = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct exact_entry entry = entry_of(&rule[i]);

		if (!insert(state, &entry))
			return false;
	}
	return true;
}

static int compile(void **out,
		   const struct pp_engine_rule *rule,
		   uint32_t count,
		   struct pp_engine_shape *shape,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	bool loaded = shape->body_bytes != 0;
	struct exact_state *state;

	*rule_id = 0;
	for (uint32_t i = 0; i < count; i++)
		if (check_rule(&rule[i], rule_id, err) < 0)
			return -EINVAL;
	state = calloc(1, sizeof(*state));
	if (state == NULL)
		return -ENOMEM;
	// Another seed is another shape: programs are loaded again.
	state->seed = loaded ? shape->config[EXACT_CONFIG_SEED] : 0x9e3779b97f4a7c15ull;
	while (!fill(state, rule, count))
		state->seed = state->seed * 6364136223846793005ull;
	state->rules = count;
	*shape = (struct pp_engine_shape){.body_bytes = sizeof(state->body)};
	shape->config[EXACT_CONFIG_SEED] = state->seed;
	*out = state;
	return 0;
}

static void emit(void *state, void *body)
{
	memcpy(body, &((struct exact_state *)state)->body, sizeof(struct exact_body));
}

static void stats(const void *arg, struct pp_engine_stats *out)
{
	const struct exact_state *state = arg;

	*out = (struct pp_engine_stats){.tables = 1,
					.steps_max = state->probes_max,
					.used_bytes = state->rules * sizeof(struct exact_entry)};
}

const struct pp_engine_ops pp_engine_ops = {
	.abi = PP_ENGINE_ABI,
	.flags = 0, // a lookup costs about what a hit in the verdict cache costs
	.name = EXACT_NAME,
	.rules_max = EXACT_RULES_MAX,
	.compile = compile,
	.destroy = free,
	.emit = emit,
	.stats = stats,
};
