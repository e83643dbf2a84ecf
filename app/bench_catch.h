// SPDX-License-Identifier: MIT OR Apache-2.0
// Counts what comes back to the source's side of the lab, and drops it before the kernel's stack
// sees it: a completed transmission is no proof that a packet arrived.
//
// Threads    main thread; open in the interface's network namespace.
// Cost       control path; one XDP program.
// Ownership  pp_bench_catch_open() allocates; pp_bench_catch_close() frees, NULL is allowed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

struct pp_bench_catch;

// @return  0; -errno with err set.
int pp_bench_catch_open(struct pp_bench_catch **out,
			const char *iface,
			bool skb,
			struct pp_error *err);
void pp_bench_catch_close(struct pp_bench_catch *catch);

// Packets so far.
uint64_t pp_bench_catch_pkts(const struct pp_bench_catch *catch);
