// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

// Behind the body: engines may read up to a line more under a mask.
#define SLACK_BYTES 64u
#define NS_PER_MS 1e6

static int add_iface(struct pp_classify *c, const char *name, struct pp_error *err)
{
	for (uint32_t i = 0; i < c->iface_count; i++)
		if (strcmp(c->iface[i].name, name) == 0)
			return 0;
	if (c->iface_count == PP_IFACES_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "rules name more than %u interfaces",
				    PP_IFACES_MAX);
	snprintf(c->iface[c->iface_count++].name, sizeof(c->iface[0].name), "%s", name);
	return 0;
}

static int fill_rules(struct pp_classify *c, const struct pp_rule *rule, struct pp_error *err)
{
	static const struct pp_used_sets no_sets;
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < c->info.rules; i++) {
		if (rule[i].src_set[0] != '\0' || rule[i].dst_set[0] != '\0')
			return pp_error_set(err, -EINVAL, 0, 0,
					    "a rule that names a set cannot be measured here");
		if (rule[i].on[0] != '\0')
			ret = add_iface(c, rule[i].on, err);
	}
	for (uint32_t i = 0; ret == 0 && i < c->info.rules; i++) {
		struct pp_ruleset_entry entry = {
			.rule = rule[i], .id = i + 1, .slot = i + 1, .rank = i + 1};
		struct pp_bindings bindings = {.iface = c->iface, .iface_count = c->iface_count};

		pp_engine_rule_fill(&c->rule[i], &entry, &bindings, &no_sets);
	}
	return ret;
}

static double now_ms(void)
{
	return (double)pp_clock_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}

static int emit(struct pp_classify *c)
{
	const struct pp_engine_ops *ops = c->engine->ops;
	double begin_ms;

	c->body = aligned_alloc(64, c->shape.body_bytes + SLACK_BYTES);
	if (c->body == NULL)
		return -ENOMEM;
	memset(c->body, 0, c->shape.body_bytes + SLACK_BYTES);
	begin_ms = now_ms();
	ops->emit(c->state, c->body);
	c->info.emit_ms = now_ms() - begin_ms;
	c->info.image_bytes = c->shape.body_bytes;
	if (ops->stats != NULL)
		ops->stats(c->state, &c->info.stats);
	return 0;
}

// Say which one it is of the rules in match order.
static int name_rule(uint32_t rule_id, int ret, struct pp_error *err)
{
	struct pp_error why = *err;

	return rule_id == 0 ? ret
			    : pp_error_set(err, ret, 0, 0, "rule %u: %.400s", rule_id, why.text);
}

int pp_classify_compile(struct pp_classify *c,
			const struct pp_rule *rule,
			uint32_t count,
			struct pp_error *err)
{
	const struct pp_engine_ops *ops = c->engine->ops;
	uint32_t rule_id = 0;
	double begin_ms;
	int ret;

	if (ops->rules_max > 0 && count > ops->rules_max)
		return pp_engine_full(ops->name, ops->rules_max, err);
	c->info.rules = count;
	c->rule = calloc(count + 1, sizeof(*c->rule));
	ret = c->rule == NULL ? -ENOMEM : fill_rules(c, rule, err);
	if (ret < 0)
		return ret;
	begin_ms = now_ms();
	ret = ops->compile(&c->state, c->rule, count, &c->shape, &rule_id, err);
	c->info.compile_ms = now_ms() - begin_ms;
	if (ret < 0)
		return name_rule(rule_id, ret, err);
	return emit(c);
}

static bool addr_matches(const uint8_t *want, uint8_t bits, const uint8_t *addr)
{
	uint32_t whole = bits / 8;

	if (memcmp(want, addr, whole) != 0)
		return false;
	return bits % 8 == 0 || ((want[whole] ^ addr[whole]) & (0xff00 >> bits % 8) & 0xff) == 0;
}

static bool in_range(uint16_t value, uint16_t lo, uint16_t hi)
{
	return lo <= value && value <= hi;
}

// A condition after the other, of a key as the program reads it.
static bool matches(const struct pp_engine_rule *rule, const struct pp_key *key)
{
	uint8_t family = (uint8_t)key->word, src[16] = {0}, dst[16] = {0};
	uint8_t frame = family == PP_FAMILY_IP4	  ? PP_FRAMES_IP4
			: family == PP_FAMILY_IP6 ? PP_FRAMES_IP6
						  : PP_FRAMES_OTHER;
	bool ports = key->word >> PP_KEY_FLAGS_SHIFT & PP_KEY_PORTS;

	if (family == PP_FAMILY_IP4) {
		for (int i = 0; i < 4; i++) {
			src[i] = (uint8_t)(key->addr[0] >> (56 - 8 * i));
			dst[i] = (uint8_t)(key->addr[0] >> (24 - 8 * i));
		}
	} else {
		memcpy(src, &key->addr[0], sizeof(src));
		memcpy(dst, &key->addr[2], sizeof(dst));
	}
	return (rule->frames & frame) &&
	       (rule->iface < 0 || rule->iface == (uint8_t)(key->word >> PP_KEY_IFACE_SHIFT)) &&
	       (rule->proto < 0 || rule->proto == (uint8_t)(key->word >> PP_KEY_PROTO_SHIFT)) &&
	       (!rule->needs_ports || ports) &&
	       in_range((uint16_t)(key->word >> PP_KEY_SPORT_SHIFT), rule->sport_lo,
			rule->sport_hi) &&
	       in_range((uint16_t)(key->word >> PP_KEY_DPORT_SHIFT), rule->dport_lo,
			rule->dport_hi) &&
	       addr_matches(rule->src, rule->src_bits, src) &&
	       addr_matches(rule->dst, rule->dst_bits, dst);
}

static uint32_t right_answer(const struct pp_classify *c, const struct pp_key *key)
{
	for (uint32_t i = 0; i < c->info.rules; i++)
		if (matches(&c->rule[i], key))
			return i + 1;
	return 0;
}

int pp_classify_check(const struct pp_classify *c,
		      uint32_t count,
		      uint64_t limit,
		      uint32_t *checked,
		      struct pp_error *err)
{
	uint64_t most = limit / (c->info.rules + 1) + 1;

	for (uint32_t i = 0; i < count && i < most; i++) {
		uint32_t right = right_answer(c, &c->trace->key[i]);

		if (right != c->trace->slot[i])
			return pp_error_set(err, -EPROTO, 0, 0,
					    "header %u: engine %s answers rule %u, right is %u, a "
					    "bug in push-packet",
					    i, c->info.engine, c->trace->slot[i], right);
	}
	*checked = (uint32_t)(count < most ? count : most);
	return 0;
}
