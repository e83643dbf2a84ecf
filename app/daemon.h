// SPDX-License-Identifier: MIT OR Apache-2.0
// The appliance in the foreground: `push-packet run`.
//
// Threads    main thread, which becomes the control thread; the plane starts its own.
// Cost       control path.
// Ownership  nothing is left when it returns.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Read the configuration, attach, serve the control socket, until a signal, the time or the input ends it;
// detach, drain and print the ledger. SIGHUP reads the configuration again.
//
// @param for_ns     0: until told.
// @param until_eof  Standard input, a pipe, ends it too.
// @return           enum pp_exit. What went wrong was printed.
int pp_daemon_run(const char *config_path, uint64_t for_ns, bool until_eof);
