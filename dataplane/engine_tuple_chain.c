// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <string.h>

#include "engine_tuple_lookup.h"

#define LINK_MASK ((1u << PP_TUPLE_LINK_BITS) - 1)

static uint8_t tag_at(const struct pp_tuple_bucket *bucket, uint32_t at)
{
	return (uint8_t)(bucket->tags[at / 8] >> 8 * (at % 8));
}

static void set_tag(struct pp_tuple_bucket *bucket, uint32_t at, uint8_t tag)
{
	__u64 *tags = &bucket->tags[at / 8];

	*tags = (*tags & ~(0xffull << 8 * (at % 8))) | (uint64_t)tag << 8 * (at % 8);
}

static uint32_t link_at(const struct pp_tuple_bucket *bucket, uint32_t at)
{
	return bucket->rule_low[at] | (uint32_t)bucket->rule_high[at] << 16;
}

static void set_link(struct pp_tuple_bucket *bucket, uint32_t at, uint32_t link)
{
	bucket->rule_low[at] = (uint16_t)link;
	bucket->rule_high[at] = (uint8_t)(link >> 16);
}

// Where a tag stands in a bucket, 0 for a place that is free; PP_TUPLE_BUCKET_RULES: nowhere.
static uint32_t find_tag(const struct pp_tuple_bucket *bucket, uint8_t tag)
{
	uint32_t at = 0;

	while (at < PP_TUPLE_BUCKET_RULES && tag_at(bucket, at) != tag)
		at++;
	return at;
}

static uint32_t home_of(const struct pp_tuple_family *family,
			uint32_t table,
			const struct pp_tuple_box *box,
			uint8_t *tag)
{
	return pp_tuple_lookup_bucket(pp_tuple_head(family->state), family->ip6, table,
				      pp_tuple_part(family)->bucket_mask,
				      pp_tuple_box_word(box, family->ip6), box->addr, tag);
}

static uint32_t next_of(const struct pp_tuple_rule *rule)
{
	return rule->next & LINK_MASK;
}

static void
set_next(const struct pp_tuple_family *family, struct pp_tuple_rule *rule, uint32_t next)
{
	rule->next = (rule->next & ~LINK_MASK) | next;
	pp_tuple_touched(family->state, rule, sizeof(*rule));
}

static uint32_t length_of(const struct pp_tuple_family *family, uint32_t link)
{
	uint32_t length = 0;

	for (; link != 0; link = next_of(pp_tuple_rule(family, link - 1)))
		length++;
	return length;
}

// Put an entry before the first one of a higher rank.
static void link_entry(struct pp_tuple_family *family, uint32_t at, uint32_t index)
{
	struct pp_tuple_bucket *bucket = pp_tuple_bucket(family, family->entry[index].bucket);
	struct pp_tuple_rule *rule = pp_tuple_rule(family, index), *before = NULL;
	uint32_t link = link_at(bucket, at);

	while (link != 0 && pp_tuple_rule(family, link - 1)->rank <= rule->rank) {
		before = pp_tuple_rule(family, link - 1);
		link = next_of(before);
	}
	set_next(family, rule, link);
	if (before != NULL) {
		set_next(family, before, index + 1);
		return;
	}
	set_link(bucket, at, index + 1);
	set_tag(bucket, at, family->entry[index].tag);
	pp_tuple_touched(family->state, bucket, sizeof(*bucket));
}

static void count_entry(struct pp_tuple_family *family, uint32_t index, uint32_t length)
{
	struct pp_tuple_entry *entry = &family->entry[index];
	uint32_t slot = pp_tuple_rule(family, index)->slot;

	if (length > 0)
		family->chains[length]--;
	family->chains[length + 1]++;
	family->entries++;
	family->table[entry->table].entries++;
	entry->sibling = family->first[slot] - 1;
	family->first[slot] = index + 1;
	if (!family->filters)
		return;
	pp_tuple_table_rank(family, entry->table, pp_tuple_rule(family, index)->rank);
	pp_tuple_filter_add(family, index);
}

// Put a box into a table.
//
// @param length_max  Of its chain, with it.
// @return            false: not here; family->lack: nor anywhere else.
bool pp_tuple_chain_add(struct pp_tuple_family *family,
			uint32_t table,
			const struct pp_tuple_box *box,
			uint32_t length_max)
{
	struct pp_tuple_bucket *bucket;
	uint32_t home, at, length = 0, index, units;
	uint8_t tag;
	int cond;

	home = home_of(family, table, box, &tag);
	bucket = pp_tuple_bucket(family, home);
	at = find_tag(bucket, tag);
	if (at != PP_TUPLE_BUCKET_RULES)
		length = length_of(family, link_at(bucket, at));
	else
		at = find_tag(bucket, 0);
	if (at == PP_TUPLE_BUCKET_RULES || length >= length_max)
		return false;
	cond = pp_tuple_rule_cond_get(family->state, box, family->ip6, &units);
	if (cond < 0 || !pp_tuple_room_take(family, units, &index)) {
		family->lack = cond < 0 ? PP_TUPLE_LACK_CONDS : PP_TUPLE_LACK_ENTRIES;
		return false;
	}
	family->entry[index] = (struct pp_tuple_entry){
		.bucket = home, .tag = tag, .table = (uint8_t)table, .units = (uint8_t)units};
	pp_tuple_rule_write(family, index, box, (uint32_t)cond);
	link_entry(family, at, index);
	count_entry(family, index, length);
	return true;
}

static void unlink_entry(struct pp_tuple_family *family, uint32_t index)
{
	const struct pp_tuple_entry *entry = &family->entry[index];
	struct pp_tuple_bucket *bucket = pp_tuple_bucket(family, entry->bucket);
	uint32_t at = find_tag(bucket, entry->tag), next = next_of(pp_tuple_rule(family, index));
	struct pp_tuple_rule *before;

	if (link_at(bucket, at) != index + 1) {
		before = pp_tuple_rule(family, link_at(bucket, at) - 1);
		while (next_of(before) != index + 1)
			before = pp_tuple_rule(family, next_of(before) - 1);
		set_next(family, before, next);
		return;
	}
	set_link(bucket, at, next);
	if (next == 0)
		set_tag(bucket, at, 0);
	pp_tuple_touched(family->state, bucket, sizeof(*bucket));
}

void pp_tuple_chain_remove(struct pp_tuple_family *family, uint32_t index)
{
	struct pp_tuple_entry *entry = &family->entry[index];
	struct pp_tuple_bucket *bucket = pp_tuple_bucket(family, entry->bucket);
	uint32_t length = length_of(family, link_at(bucket, find_tag(bucket, entry->tag)));

	unlink_entry(family, index);
	family->chains[length]--;
	if (length > 1)
		family->chains[length - 1]++;
	family->entries--;
	family->table[entry->table].entries--;
	pp_tuple_room_give(family, index);
}

// Any rule that covers the box stands where the box's key leads, in a table that the box fits.
uint32_t pp_tuple_covered(const struct pp_tuple_family *family, const struct pp_tuple_box *box)
{
	const struct pp_tuple_mask mask = pp_tuple_box_mask(box);

	for (uint32_t table = 0; table < family->table_count; table++) {
		const struct pp_tuple_bucket *bucket;
		uint32_t at, link = 0;
		uint8_t tag;

		if (family->table[table].entries == 0 ||
		    !pp_tuple_mask_fits(&family->table[table].mask, &mask))
			continue;
		bucket = pp_tuple_bucket(family, home_of(family, table, box, &tag));
		at = find_tag(bucket, tag);
		if (at != PP_TUPLE_BUCKET_RULES)
			link = link_at(bucket, at);
		while (link != 0) {
			const struct pp_tuple_box of = pp_tuple_rule_read(family, link - 1);

			if (of.rank >= box->rank)
				break;
			if (pp_tuple_covers(&of, box, family->ip6))
				return of.slot;
			link = next_of(pp_tuple_rule(family, link - 1));
		}
	}
	return PP_SLOT_DEFAULT;
}
