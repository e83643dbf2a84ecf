// SPDX-License-Identifier: MIT OR Apache-2.0
// The subcommand `gen`: a packet source and its receiver.
#pragma once

// Run the subcommand.
//
// Blocks the process's signals while it works, pins the calling thread when asked: for a
// process that does nothing else.
//
// @param argv   argv[0] is "gen".
// @return       Exit status: 0; 1: failed at run time; 2: wrong usage. The reason is one line on
//               standard error.
int pp_cmd_gen(int argc, char **argv);
