// SPDX-License-Identifier: MIT OR Apache-2.0
#include "set_priv.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

// As many entries as are worth dealing out.
#define DEAL_MIN 4096u
#define DEAL_BITS 16
#define PILES_EACH (1u << DEAL_BITS) // of a family

// The address as a number that begins with its first bit in both families.
static pp_addr from_first_bit(const struct pp_prefix *prefix)
{
	uint64_t half_be[2];

	memcpy(half_be, prefix->addr, sizeof(half_be));
	return (pp_addr)be64toh(half_be[0]) << 64 | be64toh(half_be[1]);
}

int pp_prefix_compare(const struct pp_prefix *a, const struct pp_prefix *b)
{
	pp_addr a_addr = from_first_bit(a), b_addr = from_first_bit(b);

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a_addr != b_addr)
		return a_addr < b_addr ? -1 : 1;
	return (int)a->len_bits - (int)b->len_bits;
}

static int by_prefix(const void *a, const void *b)
{
	const struct pp_set_entry *x = a, *y = b;

	return pp_prefix_compare(&x->prefix, &y->prefix);
}

uint64_t pp_set_later(uint64_t a_ns, uint64_t b_ns)
{
	if (a_ns == 0 || b_ns == 0)
		return 0;
	return a_ns > b_ns ? a_ns : b_ns;
}

// Files mostly come sorted.
static bool is_sorted(const struct pp_set_entry *entry, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (by_prefix(&entry[i - 1], &entry[i]) >= 0)
			return false;
	return true;
}

// How many first bits all addresses of a family share.
static void find_shared(const struct pp_set_entry *entry, size_t count, uint32_t shared[2])
{
	pp_addr differ[2] = {0}, first[2] = {0};
	bool seen[2] = {false};

	for (size_t i = 0; i < count; i++) {
		bool ip6 = entry[i].prefix.family == PP_FAMILY_IP6;
		pp_addr addr = from_first_bit(&entry[i].prefix);

		if (!seen[ip6])
			first[ip6] = addr;
		seen[ip6] = true;
		differ[ip6] |= addr ^ first[ip6];
	}
	for (int ip6 = 0; ip6 < 2; ip6++)
		for (shared[ip6] = 0; shared[ip6] < 128 - DEAL_BITS; shared[ip6]++)
			if (differ[ip6] << shared[ip6] >> 127)
				break;
}

static uint32_t pile_of(const struct pp_prefix *prefix, const uint32_t shared[2])
{
	bool ip6 = prefix->family == PP_FAMILY_IP6;
	pp_addr addr = from_first_bit(prefix) << shared[ip6];

	return ip6 * PILES_EACH + (uint32_t)(addr >> (128 - DEAL_BITS));
}

// Sort into piles by the first bits that differ, then each pile: most are small, and the processor's
// caches hold them.
//
// @return  The sorted entries, free() them; NULL: no memory.
static struct pp_set_entry *deal(const struct pp_set_entry *entry, size_t count)
{
	uint32_t *end = calloc(2 * PILES_EACH + 1, sizeof(*end)); // of the pile before
	struct pp_set_entry *out = malloc(count * sizeof(*out));
	uint32_t shared[2];

	if (end == NULL || out == NULL) {
		free(end);
		free(out);
		return NULL;
	}
	find_shared(entry, count, shared);
	for (size_t i = 0; i < count; i++)
		end[pile_of(&entry[i].prefix, shared) + 1]++;
	for (uint32_t pile = 0; pile < 2 * PILES_EACH; pile++)
		end[pile + 1] += end[pile];
	// What was the end of the pile before becomes this one's, entry by entry.
	for (size_t i = 0; i < count; i++)
		out[end[pile_of(&entry[i].prefix, shared)]++] = entry[i];
	for (uint32_t pile = 0, begin = 0; pile < 2 * PILES_EACH; begin = end[pile++])
		if (end[pile] - begin > 1)
			qsort(&out[begin], end[pile] - begin, sizeof(*out), by_prefix);
	free(end);
	return out;
}

// @param out  May be entry.
static size_t join_equal(struct pp_set_entry *out, const struct pp_set_entry *entry, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && by_prefix(&out[kept - 1], &entry[i]) == 0)
			out[kept - 1].expires_ns =
				pp_set_later(out[kept - 1].expires_ns, entry[i].expires_ns);
		else
			out[kept++] = entry[i];
	}
	return kept;
}

size_t pp_set_sort(struct pp_set_entry *entry, size_t count)
{
	struct pp_set_entry *dealt;
	size_t kept;

	if (is_sorted(entry, count))
		return count;
	dealt = count >= DEAL_MIN ? deal(entry, count) : NULL;
	if (dealt == NULL) {
		qsort(entry, count, sizeof(*entry), by_prefix);
		return join_equal(entry, entry, count);
	}
	kept = join_equal(entry, dealt, count);
	free(dealt);
	return kept;
}
