// SPDX-License-Identifier: MIT OR Apache-2.0
// Any bytes as rules, changes and packets: engine `tuple` gives what a scan of the rules gives, after
// each change, and keeps what must hold.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rules.h"
#include "engine_tuple.h"
#include "engine_tuple_lookup.h"
#include "tuple_check.h"

#define RULES_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

// What is in force.
static struct {
	struct pp_engine_rule rule[RULES_MAX];
	uint32_t count;
	uint32_t slots;
	struct pp_engine_shape shape;
	void *state;
	void *body;
} now;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static uint16_t take_port(struct input *in)
{
	static const uint16_t port[] = {0, 1, 1023, 1024, 2047, 2048, 65534, 65535};
	uint8_t byte = take(in);

	return byte < 128 ? port[byte & 7] : (uint16_t)(byte << 8 | take(in));
}

// Few addresses, each at any length.
static uint8_t take_prefix(struct input *in, uint32_t width, uint8_t addr[16])
{
	uint8_t bits = (uint8_t)(take(in) % (width + 1)), byte = take(in);

	for (int i = 0; i < 16; i++)
		addr[i] = (uint8_t)((byte & 3) * 0x55 ^ (i == 3 || i == 15 ? byte : 0));
	for (uint32_t i = bits; i < 128; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return bits;
}

static void take_range(struct input *in, uint16_t *lo, uint16_t *hi)
{
	uint16_t a = take_port(in), b = take_port(in);

	*lo = a < b ? a : b;
	*hi = a < b ? b : a;
}

// Which conditions a rule has, then what they are.
static void take_rule(struct input *in, struct pp_engine_rule *rule)
{
	uint8_t has = take(in), more = take(in);
	bool ip6 = has & 1;

	*rule = (struct pp_engine_rule){.proto = -1,
					.iface = -1,
					.sport_hi = UINT16_MAX,
					.dport_hi = UINT16_MAX,
					.rank = (uint32_t)take(in) << 16 | (now.slots + 1),
					.slot = ++now.slots,
					.rule_id = now.slots};
	rule->frames = ip6 ? PP_FRAMES_IP6 : PP_FRAMES_IP4;
	if ((has & 6) == 0)
		rule->frames = PP_FRAMES_IP4 | PP_FRAMES_IP6;
	if ((has & 0x7e) == 0)
		rule->frames |= PP_FRAMES_OTHER;
	if (has & 2)
		rule->src_bits = take_prefix(in, ip6 ? 128 : 32, rule->src);
	if (has & 4)
		rule->dst_bits = take_prefix(in, ip6 ? 128 : 32, rule->dst);
	rule->needs_ports = (has & 0x18) != 0;
	if (has & 8)
		take_range(in, &rule->sport_lo, &rule->sport_hi);
	if (has & 16)
		take_range(in, &rule->dport_lo, &rule->dport_hi);
	if (has & 32)
		rule->proto = take(in);
	if (has & 64) {
		rule->src_sets = more & 15;
		rule->dst_sets = (uint32_t)more >> 4 << 28;
	}
	if (has & 128)
		rule->iface = take(in) & 3;
	rule->direction = more >> 2 & 1;
}

static void forget(void)
{
	if (now.state != NULL)
		pp_engine_tuple.destroy(now.state);
	free(now.body);
	now.state = now.body = NULL;
}

static int by_rank(const void *a, const void *b)
{
	const struct pp_engine_rule *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

// Rules from the end go until the rest can be compiled.
static void compile(void)
{
	for (;;) {
		struct pp_error err;
		uint32_t rule_id;
		int ret;

		forget();
		qsort(now.rule, now.count, sizeof(now.rule[0]), by_rank);
		ret = pp_engine_tuple.compile(&now.state, now.rule, now.count, &now.shape, &rule_id,
					      &err);
		if (ret == 0)
			break;
		require(ret == -E2BIG && now.count > 0 && rule_id != 0);
		now.count--;
	}
	now.body = aligned_alloc(64, now.shape.body_bytes);
	require(now.body != NULL);
	memset(now.body, 0, now.shape.body_bytes);
	pp_engine_tuple.emit(now.state, now.body);
}

static void touch(void *arg, uint64_t offset_bytes, uint64_t bytes)
{
	(void)arg;
	require(bytes > 0 && offset_bytes + bytes <= now.shape.body_bytes);
}

static void change(struct input *in, bool add)
{
	const struct pp_engine_touch how = {.touch = touch};
	struct pp_engine_rule changed;
	uint32_t at;
	int ret;

	if (add ? now.count == RULES_MAX : now.count == 0)
		return;
	if (add) {
		take_rule(in, &changed);
		now.rule[now.count++] = changed;
	} else {
		at = take(in) % now.count;
		changed = now.rule[at];
		now.rule[at] = now.rule[--now.count];
	}
	ret = pp_engine_tuple.change(now.state, now.body, &changed, !add, &changed, add, &how);
	require(ret == 0 || ret == -EAGAIN);
	if (ret == -EAGAIN)
		compile();
	require(tuple_check(now.state, now.body, now.rule, now.count) == NULL);
}

static void look_up(uint64_t seed)
{
	struct pp_tuple_config config;
	struct rule_gen gen;

	rule_gen_init(&gen, seed);
	memcpy(&config, now.shape.config, sizeof(config));
	for (uint32_t i = 0; i < 4 * now.count; i++) {
		struct pp_key key;
		uint64_t sets;

		engine_key_near(&gen, &now.rule[i % now.count], &key, &sets);
		require(pp_tuple_lookup(now.body, &config, &key, sets, NULL) ==
			engine_rules_match(now.rule, now.count, &key, sets));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint32_t count = take(&in);

	memset(&now, 0, sizeof(now));
	pp_tuple_fixed_seed = 1 + take(&in);
	for (; now.count < count && in.left > 0; now.count++)
		take_rule(&in, &now.rule[now.count]);
	compile();
	require(tuple_check(now.state, now.body, now.rule, now.count) == NULL);
	look_up(size);
	while (in.left > 0)
		change(&in, take(&in) & 3);
	look_up(size + 1);
	forget();
	return 0;
}
