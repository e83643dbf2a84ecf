// SPDX-License-Identifier: MIT OR Apache-2.0
// Names of IP protocols. A table of our own: what a rule means must not hang on a file of the
// machine that reads it.
//
// Threads    any; nothing is shared.
// Cost       control path: a walk through some twenty names.
// Ownership  names are static.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Find a protocol by one of its names; lower case only.
//
// @param name  len bytes, not terminated.
// @return      0-255; -ENOENT.
int pp_proto_find(const char *name, size_t len);

// @return  The first name of a protocol, or NULL: it has none here.
const char *pp_proto_name(uint8_t proto);

// @return  Whether the parser in bpf/ finds ports in this protocol.
bool pp_proto_has_ports(uint8_t proto);
