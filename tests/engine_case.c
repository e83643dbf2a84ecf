// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

// Behind the body: engines may read up to a line more under a mask.
#define SLACK_BYTES 64u

static int16_t iface_index(const char *name)
{
	for (int16_t i = 0; i < RULE_GEN_IFACES; i++)
		if (strcmp(rule_gen_iface[i], name) == 0)
			return i;
	return -1;
}

static uint32_t set_bit(const char *name)
{
	return name[0] == '\0' ? 0 : 1u << (strtoul(name + 1, NULL, 10) & 31);
}

static uint8_t frames(const struct pp_rule *rule)
{
	bool ip_only = rule->proto >= 0 || rule->sport.set || rule->dport.set ||
		       rule->src_set[0] != '\0' || rule->dst_set[0] != '\0';

	if (rule->family == PP_FAMILY_IP4)
		return PP_FRAMES_IP4;
	if (rule->family == PP_FAMILY_IP6)
		return PP_FRAMES_IP6;
	return PP_FRAMES_IP4 | PP_FRAMES_IP6 | (ip_only ? 0 : PP_FRAMES_OTHER);
}

void engine_rule_make(const struct pp_rule *rule,
		      uint32_t slot,
		      uint32_t rank,
		      struct pp_engine_rule *out)
{
	*out = (struct pp_engine_rule){
		.slot = slot,
		.rank = rank,
		.rule_id = slot,
		.frames = frames(rule),
		.src_bits = rule->src.len_bits,
		.dst_bits = rule->dst.len_bits,
		.needs_ports = rule->sport.set || rule->dport.set,
		.proto = rule->proto,
		.direction = rule->direction,
		.iface = rule->on[0] == '\0' ? -1 : iface_index(rule->on),
		.sport_lo = rule->sport.set ? rule->sport.lo : 0,
		.sport_hi = rule->sport.set ? rule->sport.hi : UINT16_MAX,
		.dport_lo = rule->dport.set ? rule->dport.lo : 0,
		.dport_hi = rule->dport.set ? rule->dport.hi : UINT16_MAX,
		.src_sets = set_bit(rule->src_set),
		.dst_sets = set_bit(rule->dst_set),
	};
	memcpy(out->src, rule->src.addr, sizeof(out->src));
	memcpy(out->dst, rule->dst.addr, sizeof(out->dst));
}

int engine_case_open(struct engine_case *c,
		     const struct engine_lookup *lookup,
		     const struct pp_engine_rule *rule,
		     uint32_t count,
		     struct pp_error *err)
{
	uint32_t rule_id = 0;
	int ret;

	*c = (struct engine_case){.lookup = lookup};
	ret = lookup->ops->compile(&c->state, rule, count, &c->shape, &rule_id, err);
	if (ret < 0)
		return ret;
	if (c->shape.body_bytes % 64 != 0) {
		engine_case_close(c);
		return pp_error_set(err, -EPROTO, 0, 0, "body_bytes is no multiple of 64");
	}
	c->body = aligned_alloc(64, c->shape.body_bytes + SLACK_BYTES);
	c->shadow = malloc(c->shape.body_bytes);
	if (c->body == NULL || c->shadow == NULL) {
		engine_case_close(c);
		return -ENOMEM;
	}
	memset(c->body, 0, c->shape.body_bytes + SLACK_BYTES);
	lookup->ops->emit(c->state, c->body);
	memcpy(c->shadow, c->body, c->shape.body_bytes);
	return 0;
}

void engine_case_close(struct engine_case *c)
{
	if (c->state != NULL)
		c->lookup->ops->destroy(c->state);
	free(c->body);
	free(c->shadow);
	free(c->range);
	*c = (struct engine_case){0};
}

uint32_t engine_case_match(const struct engine_case *c, const struct pp_key *key, uint64_t sets)
{
	return c->lookup->match(c->body, &c->shape, key, sets, NULL);
}

static void note_range(void *arg, uint64_t offset_bytes, uint64_t bytes)
{
	struct engine_case *c = arg;

	if (c->range_count == c->range_room) {
		c->range_room = 2 * c->range_room + 64;
		c->range = realloc(c->range, c->range_room * sizeof(*c->range));
	}
	// Out of memory, or out of the body: the test cannot go on.
	if (c->range == NULL || bytes > c->shape.body_bytes ||
	    offset_bytes > c->shape.body_bytes - bytes)
		abort();
	c->range[c->range_count++] = (struct engine_range){offset_bytes, bytes};
}

int engine_case_change(struct engine_case *c,
		       const struct pp_engine_rule *del,
		       uint32_t del_count,
		       const struct pp_engine_rule *add,
		       uint32_t add_count)
{
	const struct pp_engine_touch touch = {note_range, c};
	int ret;

	c->range_count = 0;
	ret = c->lookup->ops->change(c->state, c->body, del, del_count, add, add_count, &touch);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < c->range_count; i++) {
		const struct engine_range *range = &c->range[i];

		memcpy(c->shadow + range->offset_bytes, c->body + range->offset_bytes,
		       range->bytes);
	}
	return memcmp(c->shadow, c->body, c->shape.body_bytes) == 0 ? 0 : -EPROTO;
}
