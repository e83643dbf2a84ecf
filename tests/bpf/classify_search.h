// SPDX-License-Identifier: MIT OR Apache-2.0
// The search for the header that costs most.
//
// Threads    one thread.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include <push-packet/classify.h>

#include "engine_case.h"
#include "oracle.h"

struct classify_worst {
	double ns; // least of several runs, over the empty program
	struct engine_work work; // of engines that count
	struct oracle_packet header;
};

// Look for the header that costs most: exchange parts of the worst ones known for parts of others,
// and change single bits. An engine that counts its work is searched by that, any other by time.
// Writes over the headers of the run.
//
// @param header  To begin with.
// @param seed    Of the search.
// @return        0; -errno; -ENOMEM.
int classify_search(struct pp_classify *run,
		    const struct engine_case *c,
		    const struct oracle_packet *header,
		    uint32_t count,
		    uint64_t seed,
		    struct classify_worst *out);
