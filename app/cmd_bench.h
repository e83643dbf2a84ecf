// SPDX-License-Identifier: MIT OR Apache-2.0
// The subcommands of `push-packet bench`, each in its own file. bench.h says how to add one.
//
// Threads    main thread.
// Cost       control path.
// Ownership  tables are constant.
#pragma once

#include "command.h"

extern const struct pp_command pp_command_bench_classify;
extern const struct pp_command pp_command_bench_compare;
extern const struct pp_command pp_command_bench_pairs;
extern const struct pp_command pp_command_bench_rtt;
extern const struct pp_command pp_command_bench_throughput;
extern const struct pp_command pp_command_bench_handoff;
extern const struct pp_command pp_command_bench_update;
