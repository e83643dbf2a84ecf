// SPDX-License-Identifier: MIT OR Apache-2.0
// Numbers as people read them.
//
// Threads    any.
// Cost       control path.
// Ownership  caller's storage.
#pragma once

#include <stdint.h>

#define PP_TABLE_NUMBER_BYTES 32

// Write a number with commas between thousands.
//
// @return  buf.
const char *pp_table_number(int64_t value, char buf[PP_TABLE_NUMBER_BYTES]);
