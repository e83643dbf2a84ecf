// SPDX-License-Identifier: MIT OR Apache-2.0
// One run of the packet source: choose a way, open it, send, count.
//
// Threads    main thread.
// Cost       blocks until the run is over.
// Ownership  caller's storage.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

#include "gen_check.h"
#include "gen_options.h"

struct pp_gen_sent {
	uint64_t sent;
	int64_t driver_dropped; // -1: unknown
	uint64_t elapsed_ns;
	uint8_t via; // enum pp_gen_via
	uint32_t size_bytes;
	uint32_t flows;
	bool stopped; // by a signal
	char why[200]; // why auto did not take live; "" otherwise
	struct pp_gen_check back; // tun: what came back
};

// Send as opt says.
//
// @param out    Set in any case: how far it came. pp_gen_check_fini(&out->back) afterwards.
// @return       0; -EINVAL: the options do not go with the interface; else -errno of run time;
//               with err set.
int pp_gen_send(const struct pp_gen_options *opt, struct pp_gen_sent *out, struct pp_error *err);
