// SPDX-License-Identifier: MIT OR Apache-2.0
// Where libbpf and libxdp may speak.
//
// Threads    control thread.
#pragma once

#include <stdbool.h>

// Send their lines to what pp_set_log() was given, and nothing to stderr.
void pp_log_install(void);

// What the calling thread asks libbpf next may fail, and that is no news. Until false.
void pp_log_hush(bool hush);
