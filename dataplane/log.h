// SPDX-License-Identifier: MIT OR Apache-2.0
// Where libbpf and libxdp may speak.
//
// Threads    control thread.
#pragma once

// Send their lines to what pp_set_log() was given, and nothing to stderr.
void pp_log_install(void);
