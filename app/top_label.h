// SPDX-License-Identifier: MIT OR Apache-2.0
// How `push-packet top` shows a key: with names in place of addresses, or with addresses masked.
//
// Threads    main thread.
// Cost       O(log names) an address.
// Ownership  the model has the names.
#pragma once

#include "top_model.h"

// The parts of a flow's key, "PROTO ADDRESS:PORT ADDRESS:PORT", where an IPv6 address is in brackets.
struct pp_top_flow {
	char proto[16];
	char addr[2][48]; // without brackets
	char port[2][8];
};

// Give a key a name that is shown in its place.
//
// @param text  "KEY=NAME", or "KEY NAME" with blanks between, and nothing else.
// @return      0; -EINVAL; -ENOMEM.
int pp_top_label_add_nick(struct pp_top_model *model, const char *text);

// How a key is shown: by its name, with the address masked, or as it is; of a flow both addresses.
//
// @return  buf.
const char *
pp_top_label_text(const struct pp_top_model *model, const char *key, char buf[PP_TOP_KEY_BYTES]);

// @return  Whether the key has the form of a flow's; else out is undefined.
bool pp_top_label_split(const char *key, struct pp_top_flow *out);
