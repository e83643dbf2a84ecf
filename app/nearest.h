// SPDX-License-Identifier: MIT OR Apache-2.0
// How far a misspelt word is from a known one.
//
// Threads    any.
// Cost       the product of the lengths; words longer than 40 characters are far from all.
// Ownership  nothing is kept.
#pragma once

#include <stdint.h>

// A greater distance is no misspelling but another word.
#define PP_NEAREST_MAX 2

// @return  Characters to insert, delete or replace (Levenshtein); UINT32_MAX: unlike each other.
uint32_t pp_nearest_distance(const char *a, const char *b);
