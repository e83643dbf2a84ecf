// SPDX-License-Identifier: MIT OR Apache-2.0
// Entries in chains: those of IPv6 in buckets here, those of IPv4 in lines by engine_tuple_line.c.
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

static void count_entry(struct pp_tuple_family *family, uint32_t index)
{
	struct pp_tuple_entry *entry = &family->entry[index];
	uint32_t slot = pp_tuple_rule(family, index)->slot & PP_TUPLE_SLOT_MASK;

	family->entries++;
	family->table[entry->table].entries++;
	entry->sibling = family->first[slot] - 1;
	family->first[slot] = index + 1;
	if (!family->filters)
		return;
	pp_tuple_table_rank(family, entry->table, pp_tuple_rule(family, index)->rank);
	pp_tuple_filter_add(family, index);
}

// An entry in a bucket.
//
// @param entry  In which one, under which tag, of which table.
// @return       Its index; PP_TUPLE_NONE.
static uint32_t bucket_add(struct pp_tuple_family *family,
			   struct pp_tuple_entry entry,
			   const struct pp_tuple_box *box,
			   uint32_t length_max)
{
	struct pp_tuple_bucket *bucket = pp_tuple_bucket(family, entry.bucket);
	uint32_t at = find_tag(bucket, entry.tag), length = 0, index, units;
	int cond;

	if (at != PP_TUPLE_BUCKET_RULES)
		length = length_of(family, link_at(bucket, at));
	else
		at = find_tag(bucket, 0);
	if (at == PP_TUPLE_BUCKET_RULES || length >= length_max)
		return PP_TUPLE_NONE;
	cond = pp_tuple_rule_cond_get(family->state, box, family->ip6, &units);
	if (cond < 0 || !pp_tuple_room_take(family, units, &index)) {
		family->lack = cond < 0 ? PP_TUPLE_LACK_CONDS : PP_TUPLE_LACK_ENTRIES;
		return PP_TUPLE_NONE;
	}
	entry.units = (uint8_t)units;
	family->entry[index] = entry;
	pp_tuple_rule_write6(family, index, box, (uint32_t)cond);
	link_entry(family, at, index);
	if (length > 0)
		family->chains[length]--;
	family->chains[length + 1]++;
	return index;
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
	struct pp_tuple_entry entry = {.table = (uint8_t)table, .units = 1};
	uint32_t index;

	entry.bucket = home_of(family, table, box, &entry.tag);
	index = family->ip6 ? bucket_add(family, entry, box, length_max)
			    : pp_tuple_line_add(family, &entry, box, length_max);
	if (index == PP_TUPLE_NONE)
		return false;
	count_entry(family, index);
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

static void bucket_remove(struct pp_tuple_family *family, uint32_t index)
{
	struct pp_tuple_entry *entry = &family->entry[index];
	struct pp_tuple_bucket *bucket = pp_tuple_bucket(family, entry->bucket);
	uint32_t length = length_of(family, link_at(bucket, find_tag(bucket, entry->tag)));

	unlink_entry(family, index);
	family->chains[length]--;
	if (length > 1)
		family->chains[length - 1]++;
	pp_tuple_room_give(family, index);
}

// @param index  No longer in the list of its rule's entries. Others may be somewhere else then.
void pp_tuple_chain_remove(struct pp_tuple_family *family, uint32_t index)
{
	family->entries--;
	family->table[family->entry[index].table].entries--;
	if (family->ip6)
		bucket_remove(family, index);
	else
		pp_tuple_line_remove(family, index);
}

// The first rule of the chain in which a box would be.
static uint32_t
chain_of(const struct pp_tuple_family *family, uint32_t table, const struct pp_tuple_box *box)
{
	const struct pp_tuple_bucket *bucket;
	uint8_t tag;
	uint32_t at, home = home_of(family, table, box, &tag);

	if (!family->ip6)
		return pp_tuple_line_link(family, home, tag);
	bucket = pp_tuple_bucket(family, home);
	at = find_tag(bucket, tag);
	return at != PP_TUPLE_BUCKET_RULES ? link_at(bucket, at) : 0;
}

// Any rule that covers the box stands where the box's key leads, in a table that the box fits.
uint32_t pp_tuple_covered(const struct pp_tuple_family *family, const struct pp_tuple_box *box)
{
	const struct pp_tuple_mask mask = pp_tuple_box_mask(box);

	for (uint32_t table = 0; table < family->table_count; table++) {
		uint32_t link;

		if (family->table[table].entries == 0 ||
		    !pp_tuple_mask_fits(&family->table[table].mask, &mask))
			continue;
		link = chain_of(family, table, box);
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
