// SPDX-License-Identifier: MIT OR Apache-2.0
// Options of commands that have a struct pp_bench_packets.
//
// Threads    main thread.
// Cost       control path.
// Ownership  tables are constant.
#pragma once

#include <stddef.h>

#include "bench_packets.h"

#define PP_BENCH_PACKETS_OPTIONS(type, member)                                                     \
	{.name = "size",                                                                           \
	 .arg = "BYTES",                                                                           \
	 .heading = "Packets",                                                                     \
	 .help = "frame without FCS, 60 to 1792 (default 64); several with commas between are "    \
		 "measured one after the other",                                                   \
	 .read = pp_bench_read_sizes,                                                              \
	 .offset = offsetof(type, member.sizes)},                                                  \
		{.name = "flows",                                                                  \
		 .arg = "N",                                                                       \
		 .help = "in turn, told apart by the source port (default 1)",                     \
		 .read = pp_bench_read_flows,                                                      \
		 .offset = offsetof(type, member.flows)},                                          \
		{.name = "src",                                                                    \
		 .arg = "ADDRESS",                                                                 \
		 .help = "default 192.0.2.2 or 2001:db8::2",                                       \
		 .read = pp_bench_read_address,                                                    \
		 .offset = offsetof(type, member.src)},                                            \
		{.name = "dst",                                                                    \
		 .arg = "ADDRESS",                                                                 \
		 .help = "default 192.0.2.1 or 2001:db8::1",                                       \
		 .read = pp_bench_read_address,                                                    \
		 .offset = offsetof(type, member.dst)},                                            \
		{.name = "sport",                                                                  \
		 .arg = "PORT",                                                                    \
		 .help = "of the first flow (default 1024)",                                       \
		 .read = pp_bench_read_number16,                                                   \
		 .offset = offsetof(type, member.sport)},                                          \
	{                                                                                          \
		.name = "dport", .arg = "PORT", .help = "default 9",                               \
		.read = pp_bench_read_number16, .offset = offsetof(type, member.dport)             \
	}
