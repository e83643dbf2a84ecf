// SPDX-License-Identifier: MIT OR Apache-2.0
// IPv4's entries in lines. A line holds the first rule of each of its two chains; a bit of the tag
// says which chain, and which bit that is the line says: the one that splits its rules best. When
// one comes or goes, the line is laid again: what has to move moves, and no other line is touched.
#include "engine_tuple.h"

#include <string.h>

#include "engine_tuple_lookup.h"

#define LINK_MASK ((1u << PP_TUPLE_LINK_BITS) - 1)
#define SPLIT_MASK (sizeof(struct pp_tuple_cond) - 1)
#define MEMBERS (2 * PP_TUPLE_STEPS)

struct member {
	struct pp_tuple_rule4 rule;
	struct pp_tuple_entry entry;
	uint32_t from; // PP_TUPLE_NONE: it is new
	uint32_t to;
};

struct line {
	struct pp_tuple_family *family;
	uint32_t at;
	uint32_t split; // which bit of the tag
	uint32_t count;
	struct member member[MEMBERS]; // by rank
	uint32_t spares; // units behind the homes that the line no longer needs
	uint32_t spare[MEMBERS + 1];
};

static uint32_t homes_of(const struct pp_tuple_family *family)
{
	return pp_tuple_homes(&family->state->config);
}

static struct pp_tuple_rule4 *rule4(const struct pp_tuple_family *family, uint32_t index)
{
	return (struct pp_tuple_rule4 *)pp_tuple_rule(family, index);
}

static uint32_t side_of(uint8_t tag, uint32_t split)
{
	return tag >> split & 1;
}

static struct member *insert(struct line *line, uint32_t rank)
{
	uint32_t at = line->count++;

	for (; at > 0 && line->member[at - 1].rule.rule.rank > rank; at--)
		line->member[at] = line->member[at - 1];
	return &line->member[at];
}

static void read_line(struct line *line, struct pp_tuple_family *family, uint32_t at)
{
	line->family = family;
	line->at = at;
	line->count = line->spares = 0;
	line->split = rule4(family, 2 * at)->rule.cond & PP_TUPLE_SPLIT_LAST;
	for (uint32_t side = 0; side < 2; side++) {
		uint32_t index = 2 * at + side;

		while (index != PP_TUPLE_NONE && family->entry[index].units > 0) {
			const struct pp_tuple_rule4 *rule = rule4(family, index);
			struct member *member = insert(line, rule->rule.rank);

			*member = (struct member){*rule, family->entry[index], index, 0};
			member->rule.rule.cond &= ~SPLIT_MASK;
			member->rule.rule.slot &= PP_TUPLE_SLOT_MASK;
			index = (rule->rule.next & LINK_MASK) - 1;
		}
	}
}

static void lengths(const struct line *line, uint32_t split, uint32_t length[2])
{
	length[0] = length[1] = 0;
	for (uint32_t i = 0; i < line->count; i++)
		length[side_of(line->member[i].entry.tag, split)]++;
}

// The split with the shortest chains; that which is there if it is as good.
//
// @param tag         Of the rule that is to be in a chain of length_max rules at most.
// @return            false: there is none.
static bool choose_split(struct line *line, uint8_t tag, uint32_t length_max)
{
	uint32_t least = UINT32_MAX, now = line->split;

	for (uint32_t i = 0; i <= PP_TUPLE_SPLIT_LAST; i++) {
		uint32_t split = (now + i) % (PP_TUPLE_SPLIT_LAST + 1), length[2], side, work;

		if (split < PP_TUPLE_SPLIT_FIRST)
			continue;
		lengths(line, split, length);
		side = side_of(tag, split);
		work = length[0] * length[0] + length[1] * length[1];
		if (length[side] > length_max || length[!side] > PP_TUPLE_STEPS || work >= least)
			continue;
		least = work;
		line->split = split;
	}
	return least != UINT32_MAX;
}

static void count_chains(struct pp_tuple_family *family, const uint32_t length[2], uint32_t by)
{
	for (int side = 0; side < 2; side++)
		if (length[side] > 0)
			family->chains[length[side]] += by;
}

// The first of a chain goes to its home, another one stays where it is unless it was a first one.
static uint32_t place_members(struct line *line)
{
	uint32_t homes = homes_of(line->family), wanted = 0;
	bool taken[2] = {false, false};

	for (uint32_t i = 0; i < line->count; i++) {
		struct member *member = &line->member[i];
		uint32_t side = side_of(member->entry.tag, line->split);
		bool is_behind = member->from != PP_TUPLE_NONE && member->from >= homes;

		member->to = taken[side] ? PP_TUPLE_NONE : 2 * line->at + side;
		if (taken[side] && is_behind)
			member->to = member->from;
		else if (is_behind)
			line->spare[line->spares++] = member->from;
		wanted += member->to == PP_TUPLE_NONE;
		taken[side] = true;
	}
	return wanted;
}

static void give_spares(struct line *line)
{
	while (line->spares > 0) {
		uint32_t index = line->spare[--line->spares];

		line->family->entry[index].units = 1;
		pp_tuple_room_give(line->family, index);
	}
}

// Units for those that need one behind the homes.
//
// @return  false: there is no more.
static bool take_units(struct line *line, uint32_t wanted)
{
	uint32_t had = line->spares;

	for (; line->spares < wanted; line->spares++)
		if (!pp_tuple_room_take(line->family, 1, &line->spare[line->spares])) {
			memmove(line->spare, line->spare + had,
				(line->spares - had) * sizeof(line->spare[0]));
			line->spares -= had;
			give_spares(line);
			return false;
		}
	for (uint32_t i = 0; i < line->count; i++)
		if (line->member[i].to == PP_TUPLE_NONE)
			line->member[i].to = line->spare[--line->spares];
	return true;
}

static uint32_t moved_to(const struct line *line, uint32_t index)
{
	for (uint32_t i = 0; i < line->count && index != PP_TUPLE_NONE; i++)
		if (line->member[i].from == index)
			return line->member[i].to;
	return index;
}

// The list of a rule's entries names them by where they are.
static void rename_entries(struct line *line, uint32_t slot)
{
	struct pp_tuple_family *family = line->family;
	uint32_t index = family->first[slot] - 1;

	family->first[slot] = moved_to(line, index) + 1;
	while (index != PP_TUPLE_NONE) {
		uint32_t next = family->entry[index].sibling;

		family->entry[index].sibling = moved_to(line, next);
		index = next;
	}
}

static void rename_moved(struct line *line)
{
	for (uint32_t i = 0; i < line->count; i++) {
		const struct member *member = &line->member[i];
		bool done = member->from == member->to || member->from == PP_TUPLE_NONE;

		for (uint32_t j = 0; j < i && !done; j++)
			done = line->member[j].from != PP_TUPLE_NONE &&
			       line->member[j].from != line->member[j].to &&
			       line->member[j].rule.rule.slot == member->rule.rule.slot;
		if (!done)
			rename_entries(line, member->rule.rule.slot);
	}
	for (uint32_t i = 0; i < line->count; i++)
		if (line->member[i].from != PP_TUPLE_NONE)
			line->member[i].entry.sibling =
				line->family->entry[line->member[i].from].sibling;
}

void pp_tuple_line_clear(struct pp_tuple_family *family, uint32_t at)
{
	for (uint32_t side = 0; side < 2; side++) {
		*rule4(family, 2 * at + side) = (struct pp_tuple_rule4){
			.rule = {.rank = PP_TUPLE_RANK_NONE, .cond = PP_TUPLE_SPLIT_FIRST}};
		family->entry[2 * at + side] = (struct pp_tuple_entry){0};
	}
}

static void write_line(struct line *line)
{
	struct pp_tuple_family *family = line->family;
	uint32_t next[2] = {0, 0}; // links
	uint32_t behind[2] = {0, 0};
	struct pp_tuple_rule *first;

	pp_tuple_line_clear(family, line->at);
	for (uint32_t i = line->count; i-- > 0;) {
		struct member *member = &line->member[i];
		uint32_t side = side_of(member->entry.tag, line->split);
		struct pp_tuple_rule *rule = &member->rule.rule;

		rule->next = (rule->next & ~LINK_MASK) | next[side];
		next[side] = member->to + 1;
		rule->slot |= behind[side] << PP_TUPLE_SLOT_BITS;
		behind[side] |= 1u << (member->entry.tag & 7);
		*rule4(family, member->to) = member->rule;
		family->entry[member->to] = member->entry;
		pp_tuple_touched(family->state, rule4(family, member->to), PP_TUPLE_UNIT_BYTES);
	}
	first = &rule4(family, 2 * line->at)->rule;
	first->cond = (first->cond & ~SPLIT_MASK) | line->split;
	pp_tuple_touched(family->state, first, 2 * PP_TUPLE_UNIT_BYTES);
}

// @param before  Lengths of the chains as they are.
static void lay(struct line *line, const uint32_t before[2])
{
	uint32_t length[2];

	lengths(line, line->split, length);
	count_chains(line->family, before, -1u);
	count_chains(line->family, length, 1);
	rename_moved(line);
	write_line(line);
	give_spares(line);
}

uint32_t pp_tuple_line_add(struct pp_tuple_family *family,
			   const struct pp_tuple_entry *entry,
			   const struct pp_tuple_box *box,
			   uint32_t length_max)
{
	uint32_t before[2], units;
	struct member *added;
	struct line line;
	int cond;

	read_line(&line, family, entry->bucket);
	if (line.count == MEMBERS)
		return PP_TUPLE_NONE;
	lengths(&line, line.split, before);
	added = insert(&line, box->rank);
	*added = (struct member){.entry = *entry, .from = PP_TUPLE_NONE};
	if (!choose_split(&line, entry->tag, length_max))
		return PP_TUPLE_NONE;
	cond = pp_tuple_rule_cond_get(family->state, box, 0, &units);
	if (cond < 0 || !take_units(&line, place_members(&line))) {
		family->lack = cond < 0 ? PP_TUPLE_LACK_CONDS : PP_TUPLE_LACK_ENTRIES;
		return PP_TUPLE_NONE;
	}
	added->rule = pp_tuple_rule_make4(box, (uint32_t)cond);
	lay(&line, before);
	return added->to;
}

void pp_tuple_line_remove(struct pp_tuple_family *family, uint32_t index)
{
	uint32_t before[2], at = 0;
	struct line line;

	read_line(&line, family, family->entry[index].bucket);
	lengths(&line, line.split, before);
	while (line.member[at].from != index)
		at++;
	line.count--;
	memmove(&line.member[at], &line.member[at + 1], (line.count - at) * sizeof(line.member[0]));
	if (index >= homes_of(family))
		line.spare[line.spares++] = index;
	choose_split(&line, 0, PP_TUPLE_STEPS);
	take_units(&line, place_members(&line)); // there are as many as before
	lay(&line, before);
}

uint32_t pp_tuple_line_link(const struct pp_tuple_family *family, uint32_t at, uint8_t tag)
{
	uint32_t split = rule4(family, 2 * at)->rule.cond & PP_TUPLE_SPLIT_LAST;
	uint32_t home = 2 * at + side_of(tag, split);

	return family->entry[home].units > 0 ? home + 1 : 0;
}
