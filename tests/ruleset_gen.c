// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ruleset_gen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"
#include "ruleset_profile.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define PORTS_MAX 80u
#define TRIES_MAX 20000u // for one rule that is different from those before
#define TRIES_REUSE 16u // from then on no prefix is taken from an earlier rule
#define SUBNETS 16u // of a site
#define SPREAD 24u // how far rules stray from the order by specificity

struct making {
	struct rule_gen gen;
	const struct ruleset_options *options;
	const struct ruleset_profile *profile; // NULL: dense
	struct pp_ports one[2][PORTS_MAX]; // of source and destination
	struct pp_ports range[2][PORTS_MAX];
	struct pp_rule *rule;
	uint32_t count; // made so far
	uint32_t *bucket; // hash table of rules: index plus one
	uint32_t bucket_mask;
	bool reuse;
};

static const char *const kind_name[RULESET_KINDS] = {
	[RULESET_ACL] = "acl",
	[RULESET_FW] = "fw",
	[RULESET_IPC] = "ipc",
	[RULESET_DENSE] = "dense",
};

// What IPv6 rules have where IPv4 rules have a prefix of 0 to 32 bits: halves and quarters of the
// unicast space, providers, sites, networks, hosts.
static const uint8_t ip6_bits[33] = {0,	 4,  5,	 6,  7,	 8,  9,	 10, 11, 20, 24,
				     26, 28, 29, 30, 31, 32, 36, 38, 40, 42, 44,
				     48, 52, 56, 58, 59, 60, 61, 62, 63, 64, 128};

static const uint16_t known_port[] = {22,  80,	25,   53,  443, 123, 161,  21,	 69,
				      514, 110, 1433, 137, 162, 143, 1521, 8080, 23};
static const uint16_t range_width[] = {9, 9, 9, 19, 49, 50, 99, 100, 7, 1, 3, 1};

static uint32_t below(struct making *m, uint32_t limit)
{
	return rule_gen_below(&m->gen, limit);
}

// The lower the more likely, as few hosts, ports and places are named by many rules.
static uint32_t skewed_below(struct making *m, uint32_t limit)
{
	uint64_t index = below(m, limit);

	return (uint32_t)(index * (below(m, 65536) + 1) >> 16);
}

// Mix numbers to one that is the same for the same numbers.
static uint64_t mixed(uint64_t seed, uint32_t a, uint32_t b)
{
	uint64_t z = (seed ^ ((uint64_t)a << 32 | b)) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93u;
	z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93u;
	return z ^ (z >> 32);
}

static uint16_t share_at(const void *list, size_t each_bytes, uint32_t index)
{
	uint16_t share;

	memcpy(&share, (const char *)list + index * each_bytes, sizeof(share));
	return share;
}

// An entry of a list of shares, by these.
static const void *draw(struct making *m, const void *list, size_t each_bytes)
{
	uint32_t sum = 0, index = 0;

	while (share_at(list, each_bytes, index) != 0)
		sum += share_at(list, each_bytes, index++);
	sum = below(m, sum);
	for (index = 0; sum >= share_at(list, each_bytes, index); index++)
		sum -= share_at(list, each_bytes, index);
	return (const char *)list + index * each_bytes;
}

static uint8_t draw_bits(struct making *m, const struct ruleset_length *list)
{
	return ((const struct ruleset_length *)draw(m, list, sizeof(*list)))->bits;
}

static void put_u64(uint8_t *at, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		at[i] = (uint8_t)value;
}

static void clear_host_bits(struct pp_prefix *prefix)
{
	for (uint32_t bit = prefix->len_bits; bit < 128; bit++)
		prefix->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

// A host in one of the places of that side. Shorter prefixes of the same place hold it.
static void host_addr(struct making *m, const struct ruleset_side *side, struct pp_prefix *out)
{
	uint32_t salt = side == &m->profile->src ? 1 : 2;
	uint32_t site = skewed_below(m, 4 + m->options->count / side->rules_per_site);
	uint64_t place = mixed(m->options->seed, salt, site);
	uint64_t subnet = mixed(place, salt, skewed_below(m, SUBNETS));
	uint64_t host = mixed(place, salt, below(m, 1u << 31));

	if (out->family == PP_FAMILY_IP4) {
		put_u64(out->addr, (place >> 48 << 48) | (subnet >> 56 << 40) | (host >> 56 << 32));
		return;
	}
	put_u64(out->addr, (0x20000000 | (place >> 35)) << 32 | (subnet >> 40 << 8) | host >> 56);
	// Half of the hosts have a number that somebody gave them.
	put_u64(out->addr + 8, host & 1 ? host : host >> 48);
}

// The prefix of a rule made before, if one that is looked at has that length.
static bool earlier_prefix(struct making *m, const struct ruleset_side *side, struct pp_prefix *out)
{
	for (int tries = 0; tries < 8 && m->count > 0; tries++) {
		const struct pp_rule *rule = &m->rule[skewed_below(m, m->count)];
		const struct pp_prefix *prefix = side == &m->profile->src ? &rule->src : &rule->dst;

		if (prefix->family == out->family && prefix->len_bits == out->len_bits) {
			*out = *prefix;
			return true;
		}
	}
	return false;
}

// @param bits  As of an IPv4 prefix; 0: no condition.
static void make_prefix(struct making *m,
			const struct ruleset_side *side,
			uint8_t family,
			uint8_t bits,
			struct pp_prefix *out)
{
	if (bits == 0)
		return;
	out->family = family;
	out->len_bits = family == PP_FAMILY_IP6 ? ip6_bits[bits] : bits;
	if (m->reuse && below(m, 100) < side->reuse_pct && earlier_prefix(m, side, out))
		return;
	host_addr(m, side, out);
	clear_host_bits(out);
}

static struct pp_ports
make_ports(struct making *m, const struct ruleset_side *side, uint32_t which, uint8_t kind)
{
	switch (kind) {
	case RULESET_PORTS_LOW:
		return (struct pp_ports){.set = true, .lo = 0, .hi = 1023};
	case RULESET_PORTS_HIGH:
		return (struct pp_ports){.set = true, .lo = 1024, .hi = 65535};
	case RULESET_PORTS_ONE:
		return m->one[which][skewed_below(m, side->ports)];
	case RULESET_PORTS_RANGE:
		return m->range[which][skewed_below(m, side->ranges)];
	default:
		return (struct pp_ports){0};
	}
}

static void make_conditions(struct making *m, struct pp_rule *out)
{
	const struct ruleset_profile *profile = m->profile;
	const struct ruleset_pair *pair = draw(m, profile->pair, sizeof(*profile->pair));
	const struct ruleset_service *service =
		draw(m, profile->service, sizeof(*profile->service));
	uint8_t src_bits = pair->src_bits, dst_bits = pair->dst_bits;

	if (src_bits == RULESET_BITS_DRAWN) {
		src_bits = draw_bits(m, profile->src_length);
		dst_bits = draw_bits(m, profile->dst_length);
	}
	make_prefix(m, &profile->src, out->family, src_bits, &out->src);
	make_prefix(m, &profile->dst, out->family, dst_bits, &out->dst);
	out->proto = service->proto;
	if (out->proto == IPPROTO_ICMP && out->family == PP_FAMILY_IP6)
		out->proto = IPPROTO_ICMPV6;
	out->sport = make_ports(m, &profile->src, 0, service->sport);
	out->dport = make_ports(m, &profile->dst, 1, service->dport);
}

// Eight addresses that part at different bits.
static void dense_prefix(struct making *m, uint8_t family, struct pp_prefix *out)
{
	static const uint8_t split_bit[3] = {7, 23, 31}, split_bit6[3] = {31, 63, 127};
	uint32_t which = below(m, 12), bits_max = family == PP_FAMILY_IP4 ? 32 : 128;

	if (which >= 8)
		return;
	out->family = family;
	out->len_bits = (uint8_t)(below(m, 2) ? bits_max : below(m, bits_max + 1));
	for (uint32_t i = 0; i < bits_max / 8; i++)
		out->addr[i] = (uint8_t)(i == 0 ? 0x20 : 0x11 * i);
	for (int i = 0; i < 3; i++) {
		uint32_t bit = family == PP_FAMILY_IP4 ? split_bit[i] : split_bit6[i];

		out->addr[bit / 8] ^= (uint8_t)((which >> i & 1) * (0x80 >> bit % 8));
	}
	clear_host_bits(out);
}

static struct pp_ports dense_ports(struct making *m)
{
	static const uint16_t port[] = {0, 53, 1024, 65535};
	uint16_t a = port[below(m, COUNT(port))], b = port[below(m, COUNT(port))];

	if (below(m, 2))
		return (struct pp_ports){0};
	return (struct pp_ports){.set = true, .lo = a < b ? a : b, .hi = a < b ? b : a};
}

static void dense_conditions(struct making *m, struct pp_rule *out)
{
	static const int16_t proto[] = {-1, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

	dense_prefix(m, out->family, &out->src);
	dense_prefix(m, out->family, &out->dst);
	out->sport = dense_ports(m);
	out->dport = dense_ports(m);
	out->proto = proto[below(m, COUNT(proto))];
}

static void make_action(struct making *m, struct pp_rule *out)
{
	uint32_t which = below(m, 16);

	out->prio = PP_PRIO_DEFAULT;
	out->take_bytes = PP_TAKE_ALL;
	out->verdict = which < 9 ? PP_VERDICT_DROP : PP_VERDICT_PASS;
	if (which == 13)
		out->verdict = PP_VERDICT_ROUTE;
	out->copy = which >= 14;
	if (which == 14)
		out->take_bytes = 64;
}

static void make_rule(struct making *m, struct pp_rule *out)
{
	memset(out, 0, sizeof(*out));
	make_action(m, out);
	out->family = m->options->family;
	if (out->family == PP_FAMILY_NONE)
		out->family = below(m, 2) ? PP_FAMILY_IP4 : PP_FAMILY_IP6;
	if (m->profile != NULL)
		make_conditions(m, out);
	else
		dense_conditions(m, out);
}

static bool same_conditions(const struct pp_rule *a, const struct pp_rule *b)
{
	return a->family == b->family && a->proto == b->proto &&
	       memcmp(&a->src, &b->src, sizeof(a->src)) == 0 &&
	       memcmp(&a->dst, &b->dst, sizeof(a->dst)) == 0 && a->sport.set == b->sport.set &&
	       a->sport.lo == b->sport.lo && a->sport.hi == b->sport.hi &&
	       a->dport.set == b->dport.set && a->dport.lo == b->dport.lo &&
	       a->dport.hi == b->dport.hi;
}

static uint32_t hash_conditions(const struct pp_rule *rule)
{
	uint64_t hash = mixed((uint64_t)rule->sport.lo << 16 | rule->sport.hi,
			      (uint32_t)rule->dport.lo << 16 | rule->dport.hi,
			      (uint32_t)(rule->proto + 1) << 16 | rule->src.len_bits << 8 |
				      rule->dst.len_bits);

	for (int i = 0; i < 16; i += 4) {
		uint32_t src, dst;

		memcpy(&src, rule->src.addr + i, sizeof(src));
		memcpy(&dst, rule->dst.addr + i, sizeof(dst));
		hash = mixed(hash, src, dst);
	}
	return (uint32_t)hash;
}

// @return  false: a rule made before has the same conditions.
static bool remember(struct making *m, const struct pp_rule *rule)
{
	uint32_t at = hash_conditions(rule) & m->bucket_mask;

	for (; m->bucket[at] != 0; at = (at + 1) & m->bucket_mask)
		if (same_conditions(&m->rule[m->bucket[at] - 1], rule))
			return false;
	m->bucket[at] = ++m->count;
	return true;
}

static int make_rules(struct making *m)
{
	while (m->count < m->options->count) {
		uint32_t tries = 0;

		do {
			if (tries++ == TRIES_MAX)
				return -ENOSPC;
			m->reuse = tries <= TRIES_REUSE;
			make_rule(m, &m->rule[m->count]);
		} while (!remember(m, &m->rule[m->count]));
	}
	return 0;
}

static void make_port_lists(struct making *m)
{
	for (uint32_t which = 0; m->profile != NULL && which < 2; which++) {
		const struct ruleset_side *side = which ? &m->profile->dst : &m->profile->src;

		for (uint32_t i = 0; i < side->ports; i++) {
			uint16_t port = i < COUNT(known_port) ? known_port[i]
							      : (uint16_t)(1 + below(m, 32767));

			m->one[which][i] = (struct pp_ports){true, port, port};
		}
		for (uint32_t i = 0; i < side->ranges; i++) {
			uint32_t lo = 10 * (1 + below(m, 3276));
			uint32_t width = range_width[below(m, COUNT(range_width))];

			if (width > side->width_max)
				width = 1 + below(m, side->width_max);
			// Some reach to the end.
			if (side->ranges > 8 && i % 16 == 15)
				width = 65535 - lo;
			m->range[which][i] =
				(struct pp_ports){true, (uint16_t)lo, (uint16_t)(lo + width)};
		}
	}
}

// Sort by specificity, with noise. The noise of a rule stands in bytes that nobody else needs yet.
static int by_score(const void *a, const void *b)
{
	const struct pp_rule *one = a, *other = b;

	return (one->ttl_ns < other->ttl_ns) - (one->ttl_ns > other->ttl_ns);
}

static void sort_rules(struct making *m)
{
	for (uint32_t i = 0; i < m->count; i++) {
		struct pp_rule *rule = &m->rule[i];
		uint64_t score = (uint64_t)rule->src.len_bits + rule->dst.len_bits;

		if (rule->family == PP_FAMILY_IP6)
			score /= 4;
		score += (rule->sport.set || rule->dport.set ? 16 : 0) + below(m, SPREAD);
		rule->ttl_ns = score << 32 | (UINT32_MAX - i);
	}
	if (m->profile != NULL)
		qsort(m->rule, m->count, sizeof(*m->rule), by_score);
	for (uint32_t i = 0; i < m->count; i++)
		m->rule[i].ttl_ns = 0;
}

int ruleset_gen(const struct ruleset_options *options, struct pp_rule *out)
{
	struct making *m;
	int ret;

	if (options->count == 0 || options->count > RULESET_RULES_MAX ||
	    options->kind >= RULESET_KINDS)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	m->options = options;
	m->profile = ruleset_profile_find(options->kind);
	m->rule = out;
	for (m->bucket_mask = 15; m->bucket_mask < 2 * options->count;)
		m->bucket_mask = 2 * m->bucket_mask + 1;
	m->bucket = calloc(m->bucket_mask + 1, sizeof(*m->bucket));
	rule_gen_init(&m->gen, mixed(options->seed, options->kind, options->family));
	make_port_lists(m);
	ret = m->bucket != NULL ? make_rules(m) : -ENOMEM;
	if (ret == 0)
		sort_rules(m);
	free(m->bucket);
	free(m);
	return ret;
}

int ruleset_kind_find(const char *name)
{
	for (int i = 0; i < RULESET_KINDS; i++)
		if (strcmp(kind_name[i], name) == 0)
			return i;
	return -EINVAL;
}

const char *ruleset_kind_name(enum ruleset_kind kind)
{
	return kind_name[kind];
}

static int family_find(const char *name)
{
	if (strcmp(name, "ip4") == 0)
		return PP_FAMILY_IP4;
	if (strcmp(name, "ip6") == 0)
		return PP_FAMILY_IP6;
	return strcmp(name, "both") == 0 ? PP_FAMILY_NONE : -EINVAL;
}

int ruleset_options_parse(const char *text, struct ruleset_options *out)
{
	char kind[8], family[8] = "ip4", end;
	unsigned long long seed;
	unsigned int count;

	if (sscanf(text, "gen:%7[a-z]:%7[a-z46]:%u:%llu%c", kind, family, &count, &seed, &end) !=
	    4) {
		strcpy(family, "ip4");
		if (sscanf(text, "gen:%7[a-z]:%u:%llu%c", kind, &count, &seed, &end) != 3)
			return -EINVAL;
	}
	if (ruleset_kind_find(kind) < 0 || family_find(family) < 0 || count == 0 ||
	    count > RULESET_RULES_MAX)
		return -EINVAL;
	*out = (struct ruleset_options){.kind = (enum ruleset_kind)ruleset_kind_find(kind),
					.family = (uint8_t)family_find(family),
					.count = count,
					.seed = seed};
	return 0;
}
