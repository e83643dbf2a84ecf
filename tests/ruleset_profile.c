// SPDX-License-Identifier: MIT OR Apache-2.0
// Measured in the filter sets of neurocuts/neurocuts (Apache-2.0), 1k and 10k together: shares in
// thousandths of the rules, in the lists of single lengths of what the list of pairs leaves.
#include "ruleset_profile.h"

#include <stddef.h>

#define DRAWN RULESET_BITS_DRAWN
#define ANY RULESET_PORTS_ANY
#define HIGH RULESET_PORTS_HIGH
#define ONE RULESET_PORTS_ONE
#define RANGE RULESET_PORTS_RANGE

static const struct ruleset_pair acl_pair[] = {
	{107, DRAWN, DRAWN}, {288, 32, 32}, {133, 31, 32}, {124, 32, 31},
	{44, 31, 31},	     {39, 32, 30},  {39, 32, 22},  {38, 23, 32},
	{24, 31, 22},	     {20, 30, 32},  {20, 31, 23},  {18, 24, 31},
	{17, 32, 24},	     {13, 32, 21},  {12, 30, 22},  {10, 30, 23},
	{10, 24, 32},	     {7, 31, 25},   {7, 32, 25},   {6, 29, 23},
	{5, 31, 21},	     {5, 23, 28},   {5, 23, 16},   {5, 23, 31},
	{4, 25, 32},	     {0},
};
static const struct ruleset_length acl_src_length[] = {
	{59, 0},   {19, 1},   {1, 2},	{5, 6},	 {12, 7},  {8, 8},   {1, 9},   {17, 21}, {215, 22},
	{202, 23}, {210, 24}, {10, 25}, {3, 28}, {46, 29}, {53, 30}, {81, 31}, {57, 32}, {0},
};
static const struct ruleset_length acl_dst_length[] = {
	{55, 0}, {31, 1},  {21, 2},  {29, 3},  {25, 4},	 {16, 5},  {25, 6},  {42, 7},  {18, 8},
	{9, 9},	 {1, 10},  {1, 11},  {22, 12}, {2, 13},	 {40, 14}, {80, 15}, {62, 16}, {60, 17},
	{2, 18}, {7, 20},  {14, 21}, {18, 22}, {41, 23}, {44, 24}, {14, 25}, {32, 26}, {46, 27},
	{9, 28}, {44, 29}, {70, 30}, {59, 31}, {63, 32}, {0},
};
static const struct ruleset_service acl_service[] = {
	{598, 6, ANY, ONE}, {168, 6, ANY, ANY}, {114, 6, ANY, RANGE}, {81, -1, ANY, ANY},
	{26, 1, ANY, ANY},  {12, 17, ANY, ONE}, {1, 17, ANY, RANGE},  {0},
};

static const struct ruleset_pair fw_pair[] = {
	{156, DRAWN, DRAWN}, {171, 0, 31}, {139, 0, 32}, {106, 1, 32}, {68, 1, 31}, {59, 0, 30},
	{45, 31, 0},	     {40, 32, 0},  {26, 2, 32},	 {25, 32, 1},  {21, 30, 0}, {19, 0, 0},
	{18, 32, 32},	     {16, 31, 1},  {13, 1, 0},	 {10, 31, 32}, {10, 0, 1},  {10, 32, 31},
	{9, 32, 2},	     {9, 21, 0},   {7, 28, 0},	 {7, 29, 0},   {6, 27, 0},  {5, 32, 30},
	{5, 31, 31},	     {0},
};
static const struct ruleset_length fw_src_length[] = {
	{43, 0},   {43, 1},  {20, 2},  {1, 6},	 {14, 7},   {10, 8},  {7, 9},	{1, 10},
	{26, 11},  {13, 12}, {22, 13}, {1, 14},	 {9, 15},   {10, 16}, {3, 17},	{10, 19},
	{35, 20},  {34, 21}, {59, 22}, {43, 23}, {21, 24},  {37, 25}, {62, 26}, {38, 27},
	{101, 28}, {57, 29}, {62, 30}, {90, 31}, {130, 32}, {0},
};
static const struct ruleset_length fw_dst_length[] = {
	{253, 0}, {258, 1}, {25, 2},  {4, 19},	{36, 20}, {46, 21}, {50, 22}, {11, 23}, {1, 25},
	{20, 26}, {41, 27}, {63, 28}, {56, 29}, {13, 30}, {34, 31}, {88, 32}, {0},
};
static const struct ruleset_service fw_service[] = {
	{431, 6, ANY, ONE},   {141, 17, ANY, ONE},  {101, 17, ONE, ANY},
	{89, 6, ANY, ANY},    {57, 47, ANY, ANY},   {43, 1, ANY, ANY},
	{36, 6, HIGH, HIGH},  {26, 17, ONE, ONE},   {21, 17, HIGH, ONE},
	{20, 17, HIGH, HIGH}, {19, 17, ONE, HIGH},  {12, -1, ANY, ANY},
	{2, 17, HIGH, RANGE}, {2, 17, RANGE, HIGH}, {0},
};

static const struct ruleset_pair ipc_pair[] = {
	{508, DRAWN, DRAWN}, {78, 32, 32}, {38, 31, 32}, {34, 23, 32}, {28, 32, 31}, {27, 24, 32},
	{23, 23, 24},	     {20, 24, 24}, {19, 24, 23}, {18, 25, 32}, {18, 0, 31},  {17, 0, 32},
	{16, 32, 24},	     {16, 24, 31}, {15, 23, 25}, {14, 24, 0},  {14, 32, 25}, {14, 1, 32},
	{14, 24, 25},	     {13, 25, 31}, {13, 25, 23}, {11, 25, 24}, {11, 0, 25},  {11, 22, 25},
	{10, 23, 0},	     {0},
};
static const struct ruleset_length ipc_src_length[] = {
	{62, 0},  {73, 1},  {8, 2},   {3, 14},	{28, 15}, {63, 16}, {63, 17}, {12, 18},
	{1, 19},  {2, 20},  {28, 21}, {82, 22}, {98, 23}, {66, 24}, {52, 25}, {73, 26},
	{39, 27}, {33, 28}, {13, 29}, {24, 30}, {85, 31}, {92, 32}, {0},
};
static const struct ruleset_length ipc_dst_length[] = {
	{59, 0},  {52, 1},  {4, 2},   {3, 14},	{53, 15}, {95, 16},  {41, 17}, {5, 18},
	{1, 19},  {1, 20},  {7, 21},  {34, 22}, {81, 23}, {111, 24}, {73, 25}, {94, 26},
	{59, 27}, {38, 28}, {24, 29}, {31, 30}, {69, 31}, {66, 32},  {0},
};
static const struct ruleset_service ipc_service[] = {
	{331, -1, ANY, ANY}, {217, 17, ANY, ONE}, {131, 6, ANY, ONE}, {85, 17, ONE, ANY},
	{79, 6, ONE, ANY},   {58, 17, ANY, HIGH}, {26, 6, ANY, ANY},  {22, 6, ANY, RANGE},
	{15, 6, RANGE, ANY}, {12, 1, ANY, ANY},	  {6, 17, ONE, ONE},  {5, 17, ANY, RANGE},
	{4, 17, HIGH, ANY},  {3, 17, ANY, ANY},	  {2, 47, ANY, ANY},  {2, 17, RANGE, ANY},
	{2, 51, ANY, ANY},   {1, 50, ANY, ANY},	  {1, 6, ONE, RANGE}, {0},
};

#define PROFILE(name)                                                                              \
	.pair = name##_pair, .src_length = name##_src_length, .dst_length = name##_dst_length,     \
	.service = name##_service

static const struct ruleset_profile profiles[] = {
	[RULESET_ACL] = {PROFILE(acl), .src = {55, 80, 1, 1, 0}, .dst = {90, 30, 73, 34, 100}},
	[RULESET_FW] = {PROFILE(fw), .src = {40, 8, 10, 1, 200}, .dst = {40, 8, 40, 1, 200}},
	[RULESET_IPC] = {PROFILE(ipc), .src = {80, 40, 27, 5, 3}, .dst = {65, 25, 45, 7, 3}},
};

const struct ruleset_profile *ruleset_profile_find(enum ruleset_kind kind)
{
	return kind < RULESET_DENSE ? &profiles[kind] : NULL;
}
