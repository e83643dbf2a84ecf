// SPDX-License-Identifier: MIT OR Apache-2.0
#include "flat_oracle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

#define LANES 8u
// What is compared under a mask: a word of small things, then four of each address.
#define WORD_SMALL 0
#define WORD_SRC 1
#define WORD_DST 5
#define WORDS 9

// The small things: family, protocol, interface, and these.
#define IS_IP (1u << 24)
#define HAS_PORTS (2u << 24)
#define IS_OUT (4u << 24)

typedef int32_t lanes __attribute__((vector_size(4 * LANES)));

struct block {
	lanes mask[WORDS];
	lanes value[WORDS];
	lanes sport_lo, sport_hi, dport_lo, dport_hi;
	lanes src_sets, dst_sets; // that all must hold
};

struct flat_oracle {
	uint32_t blocks;
	struct block *block;
};

static uint32_t iface_number(const char *name)
{
	uint32_t i = 0;

	while (i < RULE_GEN_IFACES && strcmp(rule_gen_iface[i], name) != 0)
		i++;
	return i;
}

static uint32_t word_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

static void want(struct block *block, uint32_t lane, int word, uint32_t mask, uint32_t value)
{
	block->mask[word][lane] |= (int32_t)mask;
	block->value[word][lane] |= (int32_t)(value & mask);
}

static void
want_prefix(struct block *block, uint32_t lane, int word, const struct pp_prefix *prefix)
{
	if (prefix->family == PP_FAMILY_NONE)
		return;
	want(block, lane, WORD_SMALL, 0xff | IS_IP, prefix->family | IS_IP);
	for (int i = 0; i < 4; i++) {
		int bits = prefix->len_bits - 32 * i;
		uint32_t mask = bits >= 32 ? 0xffffffff : bits > 0 ? ~(0xffffffffu >> bits) : 0;

		want(block, lane, word + i, mask, word_at(prefix->addr + 4 * i));
	}
}

static void
want_ports(struct block *block, uint32_t lane, const struct pp_ports *ports, lanes *lo, lanes *hi)
{
	(*lo)[lane] = ports->set ? ports->lo : 0;
	(*hi)[lane] = ports->set ? ports->hi : 65535;
	if (ports->set)
		want(block, lane, WORD_SMALL, IS_IP | HAS_PORTS, IS_IP | HAS_PORTS);
}

static void
want_set(struct block *block, uint32_t lane, const char name[PP_NAME_BYTES], lanes *sets)
{
	if (name[0] == '\0')
		return;
	want(block, lane, WORD_SMALL, IS_IP, IS_IP);
	(*sets)[lane] = (int32_t)(1u << (strtoul(name + 1, NULL, 10) & 31));
}

static void fill(struct block *block, uint32_t lane, const struct pp_rule *rule)
{
	want(block, lane, WORD_SMALL, IS_OUT, rule->direction == PP_DIRECTION_OUT ? IS_OUT : 0);
	if (rule->family != PP_FAMILY_NONE)
		want(block, lane, WORD_SMALL, 0xff | IS_IP, rule->family | IS_IP);
	if (rule->proto >= 0)
		want(block, lane, WORD_SMALL, 0xff00 | IS_IP, (uint32_t)rule->proto << 8 | IS_IP);
	if (rule->on[0] != '\0')
		want(block, lane, WORD_SMALL, 0xff0000, iface_number(rule->on) << 16);
	want_prefix(block, lane, WORD_SRC, &rule->src);
	want_prefix(block, lane, WORD_DST, &rule->dst);
	want_ports(block, lane, &rule->sport, &block->sport_lo, &block->sport_hi);
	want_ports(block, lane, &rule->dport, &block->dport_lo, &block->dport_hi);
	want_set(block, lane, rule->src_set, &block->src_sets);
	want_set(block, lane, rule->dst_set, &block->dst_sets);
}

int flat_oracle_create(struct flat_oracle **out, const struct pp_rule *rule, uint32_t count)
{
	struct flat_oracle *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	table->blocks = count / LANES + 1;
	table->block = aligned_alloc(sizeof(lanes), table->blocks * sizeof(*table->block));
	if (table->block == NULL) {
		free(table);
		return -ENOMEM;
	}
	memset(table->block, 0, table->blocks * sizeof(*table->block));
	for (uint32_t i = 0; i < count; i++)
		fill(&table->block[i / LANES], i % LANES, &rule[i]);
	// No packet has the empty interface of the lanes that are left.
	for (uint32_t i = count; i < table->blocks * LANES; i++)
		want(&table->block[i / LANES], i % LANES, WORD_SMALL, 0xff0000, 0xff0000);
	*out = table;
	return 0;
}

void flat_oracle_destroy(struct flat_oracle *table)
{
	if (table == NULL)
		return;
	free(table->block);
	free(table);
}

// What of a packet is compared with rules.
struct subject {
	int32_t word[WORDS];
	int words;
	int32_t sport, dport;
	int32_t not_src_sets, not_dst_sets;
};

static void see(struct subject *subject,
		const struct oracle_packet *packet,
		uint32_t src_sets,
		uint32_t dst_sets)
{
	*subject = (struct subject){.words = packet->family == PP_FAMILY_IP6 ? WORDS : WORD_DST + 1,
				    .sport = packet->sport,
				    .dport = packet->dport,
				    .not_src_sets = (int32_t)~src_sets,
				    .not_dst_sets = (int32_t)~dst_sets};
	subject->word[WORD_SMALL] =
		(int32_t)(packet->family | (uint32_t)packet->proto << 8 |
			  iface_number(packet->iface) << 16 | (packet->is_ip ? IS_IP : 0) |
			  (packet->has_ports ? HAS_PORTS : 0) | (packet->out ? IS_OUT : 0));
	for (int i = 0; i < 4; i++) {
		subject->word[WORD_SRC + i] = (int32_t)word_at(packet->src + 4 * i);
		subject->word[WORD_DST + i] = (int32_t)word_at(packet->dst + 4 * i);
	}
}

// @return  The first lane that matches; LANES: none.
static uint32_t first_lane(const lanes *miss)
{
	uint32_t lane = 0;

	while (lane < LANES && (*miss)[lane] != 0)
		lane++;
	return lane;
}

// A lane of miss is 0 where nothing differs. Ports lie outside where a difference is negative.
__attribute__((target_clones("avx2", "default"))) static uint32_t
scan(const struct flat_oracle *table, const struct subject *s)
{
	const lanes sign = {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN,
			    INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};

	for (uint32_t i = 0; i < table->blocks; i++) {
		const struct block *b = &table->block[i];
		lanes miss = (s->word[WORD_SMALL] & b->mask[WORD_SMALL]) ^ b->value[WORD_SMALL];
		lanes ports = (s->sport - b->sport_lo) | (b->sport_hi - s->sport) |
			      (s->dport - b->dport_lo) | (b->dport_hi - s->dport);
		lanes hit;
		uint32_t lane;

		// The other words of an IPv4 address are zero, and masked by no rule for IPv4.
		for (int word = WORD_SRC; word < s->words; word += word == WORD_SRC ? 4 : 1)
			miss |= (s->word[word] & b->mask[word]) ^ b->value[word];
		for (int word = WORD_SRC + 1; s->words == WORDS && word < WORD_DST; word++)
			miss |= (s->word[word] & b->mask[word]) ^ b->value[word];
		miss |= (ports & sign) | (b->src_sets & s->not_src_sets) |
			(b->dst_sets & s->not_dst_sets);
		hit = miss == 0;
		if ((hit[0] | hit[1] | hit[2] | hit[3] | hit[4] | hit[5] | hit[6] | hit[7]) == 0)
			continue;
		lane = first_lane(&miss);
		return i * LANES + lane;
	}
	return FLAT_ORACLE_NONE;
}

uint32_t flat_oracle_match(const struct flat_oracle *table,
			   const struct oracle_packet *packet,
			   uint32_t src_sets,
			   uint32_t dst_sets)
{
	struct subject subject;

	see(&subject, packet, src_sets, dst_sets);
	return scan(table, &subject);
}
