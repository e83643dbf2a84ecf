// SPDX-License-Identifier: MIT OR Apache-2.0
// What the files of <push-packet/classify.h> share.
#pragma once

#include <push-packet/classify.h>
#include <push-packet/classify_trace.h>
#include <push-packet/plane.h>

#include "engine.h"

_Static_assert(PP_CLASSIFY_KEYS == PP_CLASSIFY_KEYS_MAX, "what the program has room for");

struct pp_classify {
	struct pp_classify_info info;
	const struct pp_engine *engine;
	void *state; // of the engine
	struct pp_engine_shape shape;
	struct pp_engine_rule *rule;
	struct pp_iface_config iface[PP_IFACES_MAX]; // that rules name
	uint32_t iface_count;
	void *body;
	struct bpf_object *object;
	int prog_fd[PP_CLASSIFY_PROGRAMS];
	struct pp_classify_trace *trace; // mapped
};

// Time of each of the first headers.
//
// @param program  PP_CLASSIFY_*_EACH.
// @param ns       count of them, at most PP_CLASSIFY_KEYS - 1.
// @return         0; -errno.
int pp_classify_run_each(struct pp_classify *classify,
			 enum pp_classify_program program,
			 uint32_t shift,
			 uint32_t count,
			 double *ns);

// Compile the rules and write the body.
//
// @return  0; what compile() returned; with err set.
int pp_classify_compile(struct pp_classify *classify,
			const struct pp_rule *rule,
			uint32_t count,
			struct pp_error *err);
