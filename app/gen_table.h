// SPDX-License-Identifier: MIT OR Apache-2.0
// The options of `push-packet gen`, with what help says about them.
//
// Threads    any.
// Cost       none.
// Ownership  constant.
#pragma once

#include "option.h"

// What pp_gen_option_read() gets as option->id.
enum pp_gen_option {
	PP_GEN_OPTION_INTERFACE,
	PP_GEN_OPTION_COUNT,
	PP_GEN_OPTION_FOR,
	PP_GEN_OPTION_RATE,
	PP_GEN_OPTION_SIZE,
	PP_GEN_OPTION_SRC_MAC,
	PP_GEN_OPTION_DST_MAC,
	PP_GEN_OPTION_SRC,
	PP_GEN_OPTION_DST,
	PP_GEN_OPTION_IPV6,
	PP_GEN_OPTION_SPORT,
	PP_GEN_OPTION_DPORT,
	PP_GEN_OPTION_PROTO,
	PP_GEN_OPTION_FLOWS,
	PP_GEN_OPTION_VLAN,
	PP_GEN_OPTION_FRAGMENT,
	PP_GEN_OPTION_OPTIONS,
	PP_GEN_OPTION_EXT,
	PP_GEN_OPTION_PAYLOAD,
	PP_GEN_OPTION_ETHERTYPE,
	PP_GEN_OPTION_VIA,
	PP_GEN_OPTION_CPU,
	PP_GEN_OPTION_SEED,
	PP_GEN_OPTION_JSON,
	PP_GEN_OPTION_RECEIVE,
	PP_GEN_OPTION_START_DELAY,
	PP_GEN_OPTION_WAIT_XDP,
	PP_GEN_OPTION_DRAIN,
	PP_GEN_OPTION_HOLD,
};

extern const struct pp_option pp_gen_options[];

extern const char pp_gen_description[];
