// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_linear.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/abi.h>

#define MOST_MIN 64u
_Static_assert(PP_LINEAR_RULES_MAX == MOST_MIN * 4 * 4, "growing ends there");

static void
word_want(struct pp_linear_word *word, uint64_t mask, uint64_t value, unsigned int shift)
{
	word->mask |= mask << shift;
	word->value |= value << shift;
}

static void
word_want_port(struct pp_linear_word *word, uint16_t lo, uint16_t hi, unsigned int shift)
{
	if (lo == hi)
		word_want(word, 0xffff, lo, shift);
}

// Everything but the family, which chose the list, the addresses, and true port ranges.
static struct pp_linear_word rule_word(const struct pp_engine_rule *rule)
{
	struct pp_linear_word word = {.mask = PP_KEY_OUT};

	if (rule->direction == PP_DIRECTION_OUT)
		word.value = PP_KEY_OUT;
	if (rule->proto >= 0)
		word_want(&word, 0xff, (uint64_t)rule->proto, PP_KEY_PROTO_SHIFT);
	if (rule->iface >= 0)
		word_want(&word, PP_KEY_IFACE, (uint64_t)rule->iface, PP_KEY_IFACE_SHIFT);
	if (rule->needs_ports)
		word_want(&word, PP_KEY_PORTS, PP_KEY_PORTS, PP_KEY_FLAGS_SHIFT);
	word_want_port(&word, rule->sport_lo, rule->sport_hi, PP_KEY_SPORT_SHIFT);
	word_want_port(&word, rule->dport_lo, rule->dport_hi, PP_KEY_DPORT_SHIFT);
	return word;
}

static uint64_t ip4_mask(unsigned int bits)
{
	return bits == 0 ? 0 : (0xffffffffull << (32 - bits)) & 0xffffffff;
}

static uint64_t ip4_value(const uint8_t addr[4])
{
	return (uint64_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3];
}

static struct pp_linear_ports rule_ports(const struct pp_engine_rule *rule)
{
	return (struct pp_linear_ports){
		.sport_lo = rule->sport_lo,
		.sport_hi = rule->sport_hi,
		.dport_lo = rule->dport_lo,
		.dport_hi = rule->dport_hi,
	};
}

static uint64_t rule_sets(const struct pp_engine_rule *rule)
{
	return rule->src_sets | (uint64_t)rule->dst_sets << PP_SETS_DST_SHIFT;
}

// A prefix that is not there has no bits and the address 0.
static struct pp_linear_ip4 rule_ip4(const struct pp_engine_rule *rule)
{
	return (struct pp_linear_ip4){
		.ports = rule_ports(rule),
		.sets = rule_sets(rule),
		.slot = rule->slot,
		.addr_mask = ip4_mask(rule->src_bits) << 32 | ip4_mask(rule->dst_bits),
		.addr_value = ip4_value(rule->src) << 32 | ip4_value(rule->dst),
	};
}

// Both halves stand in the image as the bytes stand in the packet.
static void ip6_prefix(__u64 mask[2], __u64 value[2], const uint8_t addr[16], unsigned int bits)
{
	uint8_t bytes[16] = {0};

	for (unsigned int bit = 0; bit < bits; bit++)
		bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(mask, bytes, sizeof(bytes));
	memcpy(value, addr, sizeof(bytes));
}

static struct pp_linear_ip6 rule_ip6(const struct pp_engine_rule *rule)
{
	struct pp_linear_ip6 out = {
		.ports = rule_ports(rule), .sets = rule_sets(rule), .slot = rule->slot};

	ip6_prefix(&out.addr_mask[0], &out.addr_value[0], rule->src, rule->src_bits);
	ip6_prefix(&out.addr_mask[2], &out.addr_value[2], rule->dst, rule->dst_bits);
	return out;
}

static void add_rule(struct pp_linear_image *image, const struct pp_engine_rule *rule)
{
	struct pp_linear_word word = rule_word(rule);

	if (rule->frames & PP_FRAMES_IP4) {
		image->ip4_word[image->ip4_count] = word;
		image->ip4[image->ip4_count++] = rule_ip4(rule);
	}
	if (rule->frames & PP_FRAMES_IP6) {
		image->ip6_word[image->ip6_count] = word;
		image->ip6[image->ip6_count++] = rule_ip6(rule);
	}
	if (rule->frames & PP_FRAMES_OTHER) {
		image->other_word[image->other_count] = word;
		image->other[image->other_count++].slot = rule->slot;
	}
}

// Fill a list of words up to a whole step with words that match nothing: (word & 0) is never ~0.
static uint32_t pad_words(struct pp_linear_word word[], uint32_t count)
{
	while (count % PP_LINEAR_STEP)
		word[count++] = (struct pp_linear_word){.mask = 0, .value = ~0ull};
	return count;
}
_Static_assert(PP_LINEAR_RULES_MAX % PP_LINEAR_STEP == 0, "padding fits behind the last rule");

// The verifier walks as many rules as a program can look at, 350 instructions for each: a program for
// few loads in a tenth of the time.
static void set_shape(struct pp_engine_shape *shape, uint32_t count)
{
	uint64_t most = MOST_MIN;

	while (most < count)
		most *= 4;
	if (shape->body_bytes != 0 && shape->config[PP_LINEAR_CONFIG_MOST] >= most)
		return;
	*shape = (struct pp_engine_shape){.body_bytes =
						  (sizeof(struct pp_linear_image) + 63) / 64 * 64};
	shape->config[PP_LINEAR_CONFIG_MOST] = most;
}

static int compile(void **state,
		   const struct pp_engine_rule *rule,
		   uint32_t count,
		   struct pp_engine_shape *shape,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	struct pp_linear_image *image;

	*rule_id = 0;
	if (count > PP_LINEAR_RULES_MAX) {
		*rule_id = rule[PP_LINEAR_RULES_MAX].rule_id;
		return pp_error_set(err, -ENOSPC, 0, 0, "engine linear holds at most %u rules",
				    PP_LINEAR_RULES_MAX);
	}
	image = calloc(1, sizeof(*image));
	if (image == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		add_rule(image, &rule[i]);
	image->ip4_count = pad_words(image->ip4_word, image->ip4_count);
	image->ip6_count = pad_words(image->ip6_word, image->ip6_count);
	image->other_count = pad_words(image->other_word, image->other_count);
	set_shape(shape, count);
	*state = image;
	return 0;
}

static void emit(void *state, void *body)
{
	memcpy(body, state, sizeof(struct pp_linear_image));
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void stats(const void *state, struct pp_engine_stats *out)
{
	const struct pp_linear_image *image = state;

	*out = (struct pp_engine_stats){
		.steps_max = larger(image->other_count, larger(image->ip4_count, image->ip6_count)),
		.used_bytes = sizeof(*image),
	};
}

const struct pp_engine_ops pp_engine_linear_ops = {
	.abi = PP_ENGINE_ABI,
	.name = "linear",
	.rules_max = PP_LINEAR_RULES_MAX,
	.compile = compile,
	.destroy = free,
	.emit = emit,
	.stats = stats,
};
