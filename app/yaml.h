// SPDX-License-Identifier: MIT OR Apache-2.0
// A YAML text as a tree in which every node knows its line and column.
//
// One document; anchors and aliases are refused (a document of one kilobyte can unfold into
// gigabytes with them), as are keys that are not plain words.
//
// Threads    any; nothing is shared.
// Cost       control path.
// Ownership  the tree owns its nodes and texts; pp_yaml_destroy() of the root frees all.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <push-packet/error.h>

// Deeper nesting is an error.
#define PP_YAML_DEPTH_MAX 16

enum pp_yaml_kind {
	PP_YAML_NULL, // nothing was written, or null or ~
	PP_YAML_SCALAR,
	PP_YAML_SEQUENCE,
	PP_YAML_MAPPING,
};

struct pp_yaml {
	enum pp_yaml_kind kind;
	uint32_t line; // from 1
	uint32_t col;
	// Of a SCALAR: NUL-terminated, no other NUL in it. Of a NULL: the word, if one was written.
	char *text;
	// Columns from col to the first character of text, in a literal block (|) of each of its
	// lines; -1: the text does not stand in the file as it is (folded lines, escapes), so
	// that no column can be given for a part.
	int32_t text_col;
	// Of a SEQUENCE and a MAPPING: items or values, in the order written.
	uint32_t count;
	struct pp_yaml *item;
	struct pp_yaml *key; // of a MAPPING: SCALARs, key[i] belongs to item[i]
};

// Read a text.
//
// @param text   NUL-terminated.
// @param out    Set on success; NULL for a text without any node (empty, only comments).
// @return       0; -EINVAL: err has position and text; -ENOMEM.
int pp_yaml_parse(const char *text, size_t len, struct pp_yaml **out, struct pp_error *err);

// NULL is allowed.
void pp_yaml_destroy(struct pp_yaml *root);

// @return  What an operator calls a node of this kind: "a list", "a value", ...
const char *pp_yaml_kind_name(const struct pp_yaml *node);
