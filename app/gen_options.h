// SPDX-License-Identifier: MIT OR Apache-2.0
// The command line of `push-packet gen`.
//
// Threads    main thread (getopt keeps global state).
// Cost       control path.
// Ownership  caller's storage.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "gen_packet.h"

enum pp_gen_via {
	PP_GEN_VIA_AUTO,
	PP_GEN_VIA_LIVE,
	PP_GEN_VIA_SOCKET,
	PP_GEN_VIA_TUN,
	PP_GEN_VIA_TAP, // as tun; differs only for a device that is created
};

// Sending without --count and --for.
#define PP_GEN_COUNT_DEFAULT 1000000u
#define PP_GEN_NO_END UINT64_MAX

struct pp_gen_options {
	char iface[IFNAMSIZ];
	bool receive;
	bool json;
	uint64_t count; // PP_GEN_NO_END: no end by count
	uint64_t for_ns; // PP_GEN_NO_END: no end by time
	uint64_t rate_pps; // 0: as fast as possible
	uint8_t via; // enum pp_gen_via
	int32_t cpu; // -1: not pinned
	uint64_t start_delay_ns;
	uint64_t wait_xdp_ns; // 0: do not wait
	uint64_t drain_ns; // PP_GEN_NO_END: not given
	uint64_t hold_ns;
	bool src_mac_set;
	bool dst_mac_set;
	struct pp_gen_spec spec; // raw_ip and MAC addresses not given are the interface's matter
};

// Parse the arguments after the command's name.
//
// @param argv   May be reordered.
// @return       PP_PARSED: go on; else enum pp_exit: end with it.
int pp_gen_options_parse(struct pp_gen_options *out,
			 const struct pp_command *command,
			 int argc,
			 char **argv);

// The read() of every row of pp_gen_options[]; values belong to pp_gen_options_parse().
int pp_gen_option_read(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err);

// "live", "socket", ... Borrowed, constant.
const char *pp_gen_via_name(uint8_t via);
