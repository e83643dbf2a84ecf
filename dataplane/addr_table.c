// SPDX-License-Identifier: MIT OR Apache-2.0
#include "addr_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/ruleset.h>

#include "set_priv.h"

#define INDEXES 65536u // the first 16 bits of an address
#define CLASSES_MAX 65536u
#define CLASS_SLOTS (2 * CLASSES_MAX)

// Values of some bytes each, in a growing array.
struct column {
	uint8_t *bytes;
	size_t size;
	size_t room;
	bool failed; // no memory: said once, at the end
};

struct build {
	struct pp_set *const *set;
	uint32_t set_count;
	// Classes: the different masks of sets, numbered as they come; class 0 is no set.
	uint32_t *class_slot; // hash table of class + 1
	struct column mask; // u32 by class
	bool too_many;
	struct column ip4_first, ip4_range;
	struct column ip6_first, ip6_high, ip6_value;
	struct column split_first, low, low_class;
};

// Where one set's addresses of a family begin and end: its next edge.
struct edges {
	const struct pp_set *set;
	size_t index;
	pp_addr first, last;
	bool inside; // the next edge is behind last
	bool done;
};

static void push(struct column *column, const void *value, size_t bytes)
{
	if (column->size + bytes > column->room) {
		size_t room = column->room > 0 ? 2 * column->room : 4096;
		uint8_t *grown = realloc(column->bytes, room);

		if (grown == NULL) {
			column->failed = true;
			return;
		}
		column->bytes = grown;
		column->room = room;
	}
	memcpy(column->bytes + column->size, value, bytes);
	column->size += bytes;
}

static void push_u32(struct column *column, uint32_t value)
{
	push(column, &value, sizeof(value));
}

static void push_u64(struct column *column, uint64_t value)
{
	push(column, &value, sizeof(value));
}

static void pop(struct column *column, size_t bytes)
{
	if (!column->failed)
		column->size -= bytes;
}

static uint32_t count_u32(const struct column *column)
{
	return (uint32_t)(column->size / sizeof(uint32_t));
}

static uint32_t class_of(struct build *b, uint32_t mask)
{
	uint32_t slot = mask * 0x9e3779b1u % CLASS_SLOTS;
	uint32_t classes = count_u32(&b->mask);

	for (; b->class_slot[slot] != 0; slot = (slot + 1) % CLASS_SLOTS)
		if (((const uint32_t *)b->mask.bytes)[b->class_slot[slot] - 1] == mask)
			return b->class_slot[slot] - 1;
	if (classes == CLASSES_MAX) {
		b->too_many = true;
		return 0;
	}
	push_u32(&b->mask, mask);
	if (b->mask.failed)
		return 0;
	b->class_slot[slot] = classes + 1;
	return classes;
}

static void next_range(struct edges *edges, uint8_t family)
{
	edges->inside = false;
	edges->done =
		!pp_set_next_range(edges->set, family, &edges->index, &edges->first, &edges->last);
}

static pp_addr edge_at(const struct edges *edges)
{
	return edges->inside ? edges->last + 1 : edges->first;
}

// Go over the edge. The end of all addresses is no edge.
static void cross(struct edges *edges, uint8_t family, pp_addr end)
{
	if (edges->inside)
		next_range(edges, family);
	else if (edges->last == end)
		edges->done = true;
	else
		edges->inside = true;
}

// Call see() where the mask of sets changes, in order of addresses. It is 0 before the first call.
static void
sweep(struct build *b, uint8_t family, void (*see)(struct build *b, pp_addr at, uint32_t class))
{
	pp_addr end = family == PP_FAMILY_IP4 ? UINT32_MAX : ~(pp_addr)0;
	struct edges edges[PP_SETS_USED_MAX];
	uint32_t mask = 0;

	for (uint32_t i = 0; i < b->set_count; i++) {
		edges[i] = (struct edges){.set = b->set[i]};
		next_range(&edges[i], family);
	}
	for (;;) {
		bool found = false;
		pp_addr at = 0;

		for (uint32_t i = 0; i < b->set_count; i++)
			if (!edges[i].done && (!found || edge_at(&edges[i]) < at)) {
				at = edge_at(&edges[i]);
				found = true;
			}
		if (!found)
			return;
		for (uint32_t i = 0; i < b->set_count; i++)
			if (!edges[i].done && edge_at(&edges[i]) == at) {
				mask ^= 1u << i;
				cross(&edges[i], family, end);
			}
		see(b, at, class_of(b, mask));
	}
}

// Begin every index up to and with this one: each has a range at its first address.
static void begin_ip4(struct build *b, uint32_t index, uint32_t class)
{
	while (count_u32(&b->ip4_first) <= index && !b->ip4_first.failed) {
		push_u32(&b->ip4_first, count_u32(&b->ip4_range));
		push_u32(&b->ip4_range, class);
	}
}

static uint32_t last_u32(const struct column *column)
{
	uint32_t value = 0;

	if (column->size >= sizeof(value))
		memcpy(&value, column->bytes + column->size - sizeof(value), sizeof(value));
	return value;
}

static void see_ip4(struct build *b, pp_addr at, uint32_t class)
{
	uint32_t addr = (uint32_t)at;

	begin_ip4(b, addr >> 16, last_u32(&b->ip4_range) & 0xffff);
	if ((addr & 0xffff) == 0)
		pop(&b->ip4_range, sizeof(uint32_t));
	push_u32(&b->ip4_range, addr << 16 | class);
}

// The value of the range before, which what begins without an edge goes on with. A split goes on
// with the class of its end.
static uint32_t class_before(const struct build *b)
{
	uint32_t value = last_u32(&b->ip6_value);

	return value & PP_ADDR_SPLIT ? last_u32(&b->low_class) : value;
}

static void push_high(struct build *b, uint64_t high, uint32_t value)
{
	push_u64(&b->ip6_high, high);
	push_u32(&b->ip6_value, value);
}

static uint64_t last_high(const struct build *b)
{
	uint64_t value = 0;

	if (b->ip6_high.size > 0)
		memcpy(&value, b->ip6_high.bytes + b->ip6_high.size - sizeof(value), sizeof(value));
	return value;
}

static bool last_is_split(const struct build *b)
{
	return last_u32(&b->ip6_value) & PP_ADDR_SPLIT;
}

// A split holds for one high half; what comes behind it is a range again, unless there is one.
static void end_split(struct build *b, uint64_t next)
{
	uint64_t high = last_high(b);

	// An index begins with a range of its own.
	if (last_is_split(b) && high < next && (high + 1) >> 48 < count_u32(&b->ip6_first))
		push_high(b, high + 1, class_before(b));
}

static void begin_ip6(struct build *b, uint64_t index)
{
	while (count_u32(&b->ip6_first) <= index && !b->ip6_first.failed) {
		uint64_t high = (uint64_t)count_u32(&b->ip6_first) << 48;

		end_split(b, high);
		push_u32(&b->ip6_first, count_u32(&b->ip6_value));
		push_high(b, high, class_before(b));
	}
}

// Put value in the place of a range that begins at high, or behind the last one.
static void set_high(struct build *b, uint64_t high, uint32_t value)
{
	if (last_high(b) == high) {
		pop(&b->ip6_high, sizeof(uint64_t));
		pop(&b->ip6_value, sizeof(uint32_t));
	}
	push_high(b, high, value);
}

static void see_ip6(struct build *b, pp_addr at, uint32_t class)
{
	uint64_t high = (uint64_t)(at >> 64), low = (uint64_t)at;

	begin_ip6(b, high >> 48);
	end_split(b, high);
	if (low == 0) {
		set_high(b, high, class);
		return;
	}
	if (!last_is_split(b) || last_high(b) != high) {
		uint32_t before = class_before(b);

		set_high(b, high, PP_ADDR_SPLIT | count_u32(&b->split_first));
		push_u32(&b->split_first, count_u32(&b->low_class));
		push_u64(&b->low, 0);
		push_u32(&b->low_class, before);
	}
	push_u64(&b->low, low);
	push_u32(&b->low_class, class);
}

static bool has_entries(const struct build *b, uint8_t family)
{
	for (uint32_t i = 0; i < b->set_count; i++)
		if (pp_set_count_family(b->set[i], family) > 0)
			return true;
	return false;
}

// A family without entries has one index and one range of class 0.
static void build_families(struct build *b, struct pp_addr_head *head)
{
	class_of(b, 0);
	if (has_entries(b, PP_FAMILY_IP4)) {
		head->ip4_index_mask = INDEXES - 1;
		sweep(b, PP_FAMILY_IP4, see_ip4);
	}
	begin_ip4(b, head->ip4_index_mask, last_u32(&b->ip4_range) & 0xffff);
	push_u32(&b->ip4_first, count_u32(&b->ip4_range));

	if (has_entries(b, PP_FAMILY_IP6)) {
		head->ip6_index_mask = INDEXES - 1;
		sweep(b, PP_FAMILY_IP6, see_ip6);
	}
	begin_ip6(b, head->ip6_index_mask);
	end_split(b, UINT64_MAX);
	push_u32(&b->ip6_first, count_u32(&b->ip6_value));
	push_u32(&b->split_first, count_u32(&b->low_class));
}

struct part {
	struct column *column;
	uint32_t *at; // in the head
};

// Columns of eight-byte values first: all stay aligned.
#define PARTS 9
static void list_parts(struct build *b, struct pp_addr_head *head, struct part part[PARTS])
{
	const struct part parts[PARTS] = {
		{&b->ip6_high, &head->ip6_high_at},   {&b->low, &head->low_at},
		{&b->mask, &head->mask_at},	      {&b->ip4_first, &head->ip4_first_at},
		{&b->ip4_range, &head->ip4_range_at}, {&b->ip6_first, &head->ip6_first_at},
		{&b->ip6_value, &head->ip6_value_at}, {&b->split_first, &head->split_first_at},
		{&b->low_class, &head->low_class_at},
	};

	memcpy(part, parts, sizeof(parts));
}

static int join(struct pp_addr_table *out, struct part part[PARTS], struct pp_error *err)
{
	size_t size = 0;

	for (int i = 0; i < PARTS; i++) {
		if (part[i].column->failed)
			return pp_error_set(err, -ENOMEM, 0, 0, "no memory for the sets");
		*part[i].at = (uint32_t)size;
		size += part[i].column->size;
		if (size > PP_ADDR_BYTES_MAX)
			return pp_error_set(err, -ENOSPC, 0, 0,
					    "the sets that rules name need more than %u MiB",
					    PP_ADDR_BYTES_MAX >> 20);
	}
	out->bytes = malloc(size);
	if (out->bytes == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for the sets");
	out->size = size;
	for (int i = 0; i < PARTS; i++)
		if (part[i].column->size > 0)
			memcpy(out->bytes + *part[i].at, part[i].column->bytes,
			       part[i].column->size);
	return 0;
}

int pp_addr_table_build(struct pp_addr_table *out,
			struct pp_set *const set[],
			uint32_t count,
			struct pp_error *err)
{
	struct build b = {.set = set, .set_count = count};
	struct pp_addr_table table = {0};
	struct part part[PARTS];
	int ret;

	if (count == 0) {
		*out = table;
		return 0;
	}
	b.class_slot = calloc(CLASS_SLOTS, sizeof(*b.class_slot));
	if (b.class_slot == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for the sets");
	build_families(&b, &table.head);
	list_parts(&b, &table.head, part);
	if (b.too_many)
		ret = pp_error_set(err, -ENOSPC, 0, 0,
				   "the sets that rules name overlap in more than %u ways",
				   CLASSES_MAX);
	else
		ret = join(&table, part, err);
	for (int i = 0; i < PARTS; i++)
		free(part[i].column->bytes);
	free(b.class_slot);
	if (ret == 0)
		*out = table;
	return ret;
}

void pp_addr_table_fini(struct pp_addr_table *table)
{
	free(table->bytes);
	*table = (struct pp_addr_table){0};
}
