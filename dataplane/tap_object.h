// SPDX-License-Identifier: MIT OR Apache-2.0
// From a BPF object to loaded programs: what the object says of itself is checked, it is told where
// things are, and given the maps of the plane.
//
// Threads    control thread.
// Cost       some 100 ms, most of it in the kernel's verifier.
// Ownership  the caller closes the object with bpf_object__close().
#pragma once

#include <stdbool.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

struct bpf_object;
struct pp_engine;
struct pp_maps;

// Whether an engine's BPF object is one that can be loaded: version, programs, maps.
//
// @return  0; -EPROTO, with err set.
int pp_tap_object_check(const struct pp_engine *engine, struct pp_error *err);

// @return  0; -EPROTO; -errno, err with the verifier's words.
int pp_tap_object_open(struct bpf_object **out,
		       const struct pp_maps *maps,
		       const struct pp_tap_config *config,
		       struct pp_error *err);

// Borrowed.
int pp_tap_object_prog_fd(const struct bpf_object *object, bool frags);
