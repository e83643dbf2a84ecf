// SPDX-License-Identifier: MIT OR Apache-2.0
// Whether a clsact qdisc is in use: libbpf can only ask for a filter that one knows.
//
// Threads    control thread.
// Cost       some system calls.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// @return  Whether the clsact qdisc of an interface holds no filter, for what comes in or goes out;
//          false also when the kernel does not say.
bool pp_clsact_filters_none(uint32_t ifindex);
