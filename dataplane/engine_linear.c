// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine.h"

#include <errno.h>
#include <string.h>

#include <push-packet/abi.h>

#include "image_sets.h"

static void
word_want(struct pp_linear_word *word, uint64_t mask, uint64_t value, unsigned int shift)
{
	word->mask |= mask << shift;
	word->value |= value << shift;
}

static void
word_want_ports(struct pp_linear_word *word, const struct pp_ports *ports, unsigned int shift)
{
	if (!ports->set)
		return;
	word_want(word, PP_KEY_PORTS, PP_KEY_PORTS, PP_KEY_FLAGS_SHIFT);
	if (ports->lo == ports->hi)
		word_want(word, 0xffff, ports->lo, shift);
}

// Everything but the family, which chose the list, the addresses, and true port ranges.
static struct pp_linear_word rule_word(const struct pp_rule *rule,
				       const struct pp_bindings *bindings)
{
	struct pp_linear_word word = {0};

	if (rule->proto >= 0)
		word_want(&word, 0xff, (uint64_t)rule->proto, PP_KEY_PROTO_SHIFT);
	if (rule->on[0] != '\0')
		word_want(&word, 0xff, (uint64_t)pp_bindings_iface(bindings, rule->on),
			  PP_KEY_IFACE_SHIFT);
	word_want_ports(&word, &rule->sport, PP_KEY_SPORT_SHIFT);
	word_want_ports(&word, &rule->dport, PP_KEY_DPORT_SHIFT);
	return word;
}

// Whether frames that are neither IPv4 nor IPv6 can match.
static bool rule_takes_other(const struct pp_rule *rule)
{
	return rule->family == PP_FAMILY_NONE && rule->proto < 0 && !rule->sport.set &&
	       !rule->dport.set && rule->src_set[0] == '\0' && rule->dst_set[0] == '\0';
}

static uint64_t ip4_mask(const struct pp_prefix *prefix)
{
	return prefix->len_bits == 0 ? 0 : (0xffffffffull << (32 - prefix->len_bits)) & 0xffffffff;
}

static uint64_t ip4_value(const struct pp_prefix *prefix)
{
	return (uint64_t)prefix->addr[0] << 24 | prefix->addr[1] << 16 | prefix->addr[2] << 8 |
	       prefix->addr[3];
}

static struct pp_linear_ports rule_ports(const struct pp_rule *rule)
{
	return (struct pp_linear_ports){
		.sport_lo = rule->sport.set ? rule->sport.lo : 0,
		.sport_hi = rule->sport.set ? rule->sport.hi : UINT16_MAX,
		.dport_lo = rule->dport.set ? rule->dport.lo : 0,
		.dport_hi = rule->dport.set ? rule->dport.hi : UINT16_MAX,
	};
}

static uint64_t rule_sets(const struct pp_rule *rule, const struct pp_used_sets *used)
{
	return pp_used_sets_bit(used, rule->src_set) |
	       (uint64_t)pp_used_sets_bit(used, rule->dst_set) << PP_SETS_DST_SHIFT;
}

static struct pp_linear_ip4 rule_ip4(const struct pp_rule *rule, uint32_t slot, uint64_t sets)
{
	struct pp_linear_ip4 out = {.ports = rule_ports(rule), .sets = sets, .slot = slot};

	if (rule->src.family != PP_FAMILY_NONE) {
		out.addr_mask |= ip4_mask(&rule->src) << 32;
		out.addr_value |= ip4_value(&rule->src) << 32;
	}
	if (rule->dst.family != PP_FAMILY_NONE) {
		out.addr_mask |= ip4_mask(&rule->dst);
		out.addr_value |= ip4_value(&rule->dst);
	}
	return out;
}

// Both halves stand in the image as the bytes stand in the packet.
static void ip6_prefix(__u64 mask[2], __u64 value[2], const struct pp_prefix *prefix)
{
	uint8_t bytes[16] = {0};

	if (prefix->family == PP_FAMILY_NONE)
		return;
	for (unsigned int bit = 0; bit < prefix->len_bits; bit++)
		bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(mask, bytes, sizeof(bytes));
	memcpy(value, prefix->addr, sizeof(prefix->addr));
}

static struct pp_linear_ip6 rule_ip6(const struct pp_rule *rule, uint32_t slot, uint64_t sets)
{
	struct pp_linear_ip6 out = {.ports = rule_ports(rule), .sets = sets, .slot = slot};

	ip6_prefix(&out.addr_mask[0], &out.addr_value[0], &rule->src);
	ip6_prefix(&out.addr_mask[2], &out.addr_value[2], &rule->dst);
	return out;
}

static void add_rule(struct pp_linear_image *image,
		     const struct pp_ruleset_entry *entry,
		     const struct pp_bindings *bindings,
		     const struct pp_used_sets *used)
{
	const struct pp_rule *rule = &entry->rule;
	struct pp_linear_word word = rule_word(rule, bindings);
	uint64_t sets = rule_sets(rule, used);

	if (rule->family != PP_FAMILY_IP6) {
		image->ip4_word[image->ip4_count] = word;
		image->ip4[image->ip4_count++] = rule_ip4(rule, entry->slot, sets);
	}
	if (rule->family != PP_FAMILY_IP4) {
		image->ip6_word[image->ip6_count] = word;
		image->ip6[image->ip6_count++] = rule_ip6(rule, entry->slot, sets);
	}
	if (rule_takes_other(rule)) {
		image->other_word[image->other_count] = word;
		image->other[image->other_count++].slot = entry->slot;
	}
}

// Fill a list of words up to a whole step with words that match nothing: (word & 0) is never ~0.
static uint32_t pad_words(struct pp_linear_word word[], uint32_t count)
{
	while (count % PP_LINEAR_STEP)
		word[count++] = (struct pp_linear_word){.mask = 0, .value = ~0ull};
	return count;
}
_Static_assert(PP_LINEAR_RULES_MAX == 1024, "what the message of build() says");
_Static_assert(PP_LINEAR_RULES_MAX % PP_LINEAR_STEP == 0, "padding fits behind the last rule");

static int build(void *mem,
		 const struct pp_ruleset *rules,
		 const struct pp_bindings *bindings,
		 uint32_t *rule_id,
		 struct pp_error *err)
{
	struct pp_linear_image *image = mem;
	struct pp_used_sets used;
	int ret;

	if (pp_ruleset_count(rules) > PP_LINEAR_RULES_MAX) {
		*rule_id = pp_ruleset_at(rules, PP_LINEAR_RULES_MAX)->id;
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "engine linear holds at most 1,024 rules; `engine: auto` takes "
				    "more");
	}
	ret = pp_engine_fill_head(&image->head, rules, bindings, rule_id, err);
	if (ret < 0)
		return ret;
	pp_used_sets_find(&used, rules);
	image->head.set_uses = used.uses;
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++)
		add_rule(image, pp_ruleset_at(rules, i), bindings, &used);
	image->ip4_count = pad_words(image->ip4_word, image->ip4_count);
	image->ip6_count = pad_words(image->ip6_word, image->ip6_count);
	image->other_count = pad_words(image->other_word, image->other_count);
	return 0;
}

const struct pp_engine pp_engine_linear = {
	.name = "linear",
	.image_bytes = sizeof(struct pp_linear_image),
	.rules_max = PP_LINEAR_RULES_MAX,
	.build = build,
};
