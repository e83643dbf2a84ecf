// SPDX-License-Identifier: MIT OR Apache-2.0
// How config*.c read values: each function takes a node, checks it, and reports what is wrong
// with the node's place. A value is stored only if it is right.
//
// Threads    a reader belongs to its caller.
// Cost       control path.
// Ownership  texts are borrowed from the tree.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "report.h"
#include "yaml.h"

struct pp_config_reader {
	struct pp_config *config;
	struct pp_report *report;
	const char *file; // name of the configuration file, as spots have it
};

// A key that a mapping may have. read is called once at most, in the order written; before it
// the value's place becomes that of item.
struct pp_config_key {
	const char *name;
	void (*read)(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
	enum pp_config_item item;
};

// Report an error at a node.
void pp_config_error(struct pp_config_reader *r, const struct pp_yaml *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// @return  The node's place.
struct pp_spot pp_config_spot(const struct pp_config_reader *r, const struct pp_yaml *node);

// Walk a mapping: unknown keys (with the nearest one as a hint) and duplicate keys are errors,
// nothing at all counts as an empty mapping.
//
// @param keys   Ends with an entry whose name is NULL.
// @return       Whether node is a mapping; false was reported.
bool pp_config_read_map(struct pp_config_reader *r,
			const struct pp_yaml *node,
			const struct pp_config_key *keys,
			void *arg);

// @return  Items of a list, 0 to max; 0 for a node that is none or has more, which is reported.
uint32_t pp_config_read_list(struct pp_config_reader *r,
			     const struct pp_yaml *node,
			     uint32_t max,
			     const char *what);

// @return  The text of a single value; NULL: it is none, which is reported.
const char *
pp_config_read_text(struct pp_config_reader *r, const struct pp_yaml *node, const char *expected);

// A decimal number from min to max.
bool pp_config_read_number(struct pp_config_reader *r,
			   const struct pp_yaml *node,
			   uint64_t min,
			   uint64_t max,
			   uint64_t *out);

// A word that stands for 0, or a number from min to max.
bool pp_config_read_number_or(struct pp_config_reader *r,
			      const struct pp_yaml *node,
			      const char *word,
			      uint64_t min,
			      uint64_t max,
			      uint64_t *out);

// A power of two from min to max.
bool pp_config_read_slots(struct pp_config_reader *r,
			  const struct pp_yaml *node,
			  uint32_t min,
			  uint32_t max,
			  uint32_t *out);

// A size in bytes, or with the suffix KiB, MiB or GiB: a power of two from min to max.
bool pp_config_read_size(struct pp_config_reader *r,
			 const struct pp_yaml *node,
			 uint64_t min,
			 uint64_t max,
			 uint64_t *out);

// One of some words.
//
// @param words  Ends with NULL.
// @param out    Index of the word.
bool pp_config_read_choice(struct pp_config_reader *r,
			   const struct pp_yaml *node,
			   const char *const *words,
			   uint8_t *out);

// A path as seen from the configuration file.
//
// @param what  For the message.
// @return      The caller's to free; NULL: reported.
char *pp_config_read_path(struct pp_config_reader *r, const struct pp_yaml *node, const char *what);

// A name of letters, digits and . _ - that fits size with its NUL.
bool pp_config_read_name(struct pp_config_reader *r,
			 const struct pp_yaml *node,
			 char *out,
			 size_t size);
