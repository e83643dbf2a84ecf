// SPDX-License-Identifier: MIT OR Apache-2.0
// A named set of addresses and prefixes, IPv4 and IPv6. A rule asks for it by `src @NAME`.
//
// A set never changes: a change makes another one, so that rule sets, images and readers can
// share it. It has at most PP_SET_ENTRIES_MAX entries, each prefix once.
//
//   ENTRY   = PREFIX [ttl DURATION]        PREFIX as in rules; DURATION as in rules
//   ENTRIES = ENTRY {SEPARATOR ENTRY}      blanks, commas, line ends; '#' starts a comment
//
// Threads    any may read; references are counted atomically.
// Cost       control path. Creating sorts: O(n log n); a change merges: O(n).
// Ownership  pp_set_create(), pp_set_change() and pp_set_ref() give a reference, pp_set_unref()
//            takes one.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/rule.h>

__BEGIN_DECLS

#define PP_SET_ENTRIES_MAX 2000000u

struct pp_set;

struct pp_set_entry {
	struct pp_prefix prefix;
	uint64_t expires_ns; // CLOCK_BOOTTIME; 0: never
};

// Make a set. A prefix given twice is one entry, with the later expiry of the two (never is
// later than any time).
//
// @param name   1 to 31 characters, as NAME in rules.
// @param entry  count of them, in any order; copied.
// @return       0; -EINVAL: the name, or a prefix with host bits or an odd length; -ENOSPC: too
//               many entries; -ENOMEM. err is set.
int pp_set_create(struct pp_set **out,
		  const char *name,
		  const struct pp_set_entry *entry,
		  size_t count,
		  struct pp_error *err);

struct pp_set *pp_set_ref(struct pp_set *set);
// NULL is allowed.
void pp_set_unref(struct pp_set *set);

const char *pp_set_name(const struct pp_set *set);
size_t pp_set_count(const struct pp_set *set);
size_t pp_set_count_family(const struct pp_set *set, uint8_t family);

// @param index  From 0, in order: IPv4 before IPv6, by address, shorter prefixes first.
void pp_set_at(const struct pp_set *set, size_t index, struct pp_set_entry *out);

// Whether an address lies in one of the prefixes. O(log n).
//
// @param addr  Network order; IPv4: four bytes.
bool pp_set_contains(const struct pp_set *set, uint8_t family, const uint8_t *addr);

// Whether any address lies in both prefix and set. O(log n).
bool pp_set_overlaps_prefix(const struct pp_set *set, const struct pp_prefix *prefix);
// Whether every address of prefix lies in the set, in one entry or in several together. O(log n),
// and a step for each entry inside prefix.
bool pp_set_covers_prefix(const struct pp_set *set, const struct pp_prefix *prefix);
// Whether any address lies in both sets. O(n + m).
bool pp_set_overlaps(const struct pp_set *a, const struct pp_set *b);

struct pp_set_change {
	size_t added; // new prefixes
	size_t deleted;
	size_t renewed; // prefixes that stay with another expiry
};

// Make the set that add and del lead to: first del is taken out, then add put in (an entry that
// is there gets the new expiry). When nothing changes *out is set itself, with a reference.
//
// @param del     Prefixes; expires_ns is not looked at.
// @param change  May be NULL.
// @return        0; -ENOENT: a prefix of del is not an entry, err names it; as pp_set_create().
int pp_set_change(struct pp_set **out,
		  struct pp_set *set,
		  const struct pp_set_entry *add,
		  size_t add_count,
		  const struct pp_set_entry *del,
		  size_t del_count,
		  struct pp_set_change *change,
		  struct pp_error *err);

// What changes from one set to another: by difference.
void pp_set_diff(const struct pp_set *from, const struct pp_set *to, struct pp_set_change *change);

// @return  The earliest expiry in the set; 0: nothing expires.
uint64_t pp_set_next_expiry(const struct pp_set *set);

// Make the set without what has expired by now_ns.
//
// @return  0; -ENOMEM.
int pp_set_expire(struct pp_set **out, struct pp_set *set, uint64_t now_ns, size_t *expired);

// Read ENTRIES.
//
// @param text     len bytes; need not end with NUL. A NUL byte is an error.
// @param now_ns   What ttl counts from, CLOCK_BOOTTIME.
// @param entry    Set on success, free() it; NULL when there are none.
// @return         0; -EINVAL: err has line, column and what was expected; -ENOSPC; -ENOMEM.
int pp_set_parse(const char *text,
		 size_t len,
		 uint64_t now_ns,
		 struct pp_set_entry **entry,
		 size_t *count,
		 struct pp_error *err);

// Read a file of ENTRIES and make a set of it. A million lines take a fraction of a second.
//
// @param err  line and col are those of the file; text begins with what is wrong, without its name.
// @return     0; as pp_set_parse() and pp_set_create(); -errno of open and read.
int pp_set_load(struct pp_set **out,
		const char *name,
		const char *path,
		uint64_t now_ns,
		struct pp_error *err);

// Write `PREFIX`, without ttl: an address alone where the prefix is one.
//
// @param buf  PP_PREFIX_TEXT_BYTES.
#define PP_PREFIX_TEXT_BYTES 64
void pp_prefix_format(const struct pp_prefix *prefix, char *buf);
// Read one prefix: a whole NUL-terminated text.
//
// @return  0; -EINVAL: err says what was expected; col from 1.
int pp_prefix_parse(const char *text, struct pp_prefix *out, struct pp_error *err);

__END_DECLS
