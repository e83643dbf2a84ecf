// SPDX-License-Identifier: MIT OR Apache-2.0
// From a BPF object to loaded programs: what the object says of itself is checked, it is told where
// things are, and given the maps of the plane.
//
// Threads    control thread.
// Cost       some 100 ms, most of it in the kernel's verifier.
// Ownership  the caller closes the object with bpf_object__close().
#pragma once

#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

// The programs of an object. Each is loaded apart, into an object of its own: few interfaces need more
// than the first, and the verifier takes its time for each.
enum pp_tap_program {
	PP_TAP_XDP,
	PP_TAP_XDP_FRAGS,
	PP_TAP_OUT,
	PP_TAP_PROGRAMS,
};

struct bpf_object;
struct pp_engine;
struct pp_maps;

// Whether an engine's BPF object is one that can be loaded: version, programs, maps.
//
// @return  0; -EPROTO, with err set.
int pp_tap_object_check(const struct pp_engine *engine, struct pp_error *err);

// @param program  Which one is loaded.
// @return         0; -EPROTO; -errno, err with the verifier's words.
int pp_tap_object_open(struct bpf_object **out,
		       const struct pp_maps *maps,
		       const struct pp_tap_config *config,
		       enum pp_tap_program program,
		       struct pp_error *err);

// Borrowed.
int pp_tap_object_prog_fd(const struct bpf_object *object, enum pp_tap_program program);
