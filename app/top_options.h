// SPDX-License-Identifier: MIT OR Apache-2.0
// What `push-packet top` was asked for.
#pragma once

#include "ctl_options.h"
#include "top_model.h"

struct pp_top_options {
	struct pp_ctl_options ctl;
	struct pp_top_model model; // as the options set it
	const char *iface; // NULL: there is a daemon
	const char *analyser; // NULL: find one
	uint64_t ttl_ns; // of rules
	bool on_given;
	bool by_given;
	bool once;
	bool json;
};
