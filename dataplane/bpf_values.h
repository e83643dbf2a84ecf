// SPDX-License-Identifier: MIT OR Apache-2.0
// Maps of one element addressed as memory, as libbpf does with global variables: what loads their
// descriptor is made to load the address of their value (BPF_PSEUDO_MAP_VALUE). A lookup for each
// packet costs 3 ns and a null check that splits the verifier's way.
//
// Threads    one.
// Cost       control path: some system calls a program.
// Ownership  nothing is kept.
#pragma once

#include <stdbool.h>

struct bpf_program;

// Change a program that is about to be loaded: to be called from its prog_prepare_load_fn.
//
// @param is_value  Whether the map of this name is such a one.
// @return          0; -ENOMEM; -errno of libbpf.
int pp_bpf_values_address(struct bpf_program *prog, bool (*is_value)(const char *name));
