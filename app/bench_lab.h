// SPDX-License-Identifier: MIT OR Apache-2.0
// A laboratory for measurements: two network namespaces without names and a veth pair between
// them, one queue each. Nothing of it is seen from outside, and it is gone with the process,
// however that ends.
//
//   rx    interface pp0, 192.0.2.1, 02:00:00:00:00:01: where packets are judged
//   src   interface gen0, 192.0.2.2, 02:00:00:00:00:02: where they come from
//
// and, where it is asked for, a second pair for what is forwarded: pp1 in rx, 198.51.100.1,
// 02:00:00:00:00:03, and gen1 in src, 198.51.100.2, 02:00:00:00:00:04.
//
// Threads    open, close: main thread. enter: any thread, for itself; threads that it creates
//            afterwards are there as well.
// Cost       control path.
// Ownership  caller's storage; pp_bench_lab_close() lets go of the namespaces.
#pragma once

#include <push-packet/error.h>

#define PP_BENCH_LAB_RX_IFACE "pp0"
#define PP_BENCH_LAB_SRC_IFACE "gen0"
#define PP_BENCH_LAB_OUT_IFACE "pp1"
#define PP_BENCH_LAB_END_IFACE "gen1"

enum pp_bench_side {
	PP_BENCH_HOME, // where the process was before
	PP_BENCH_RX,
	PP_BENCH_SRC,
	PP_BENCH_SIDES,
};

struct pp_bench_lab {
	int fd[PP_BENCH_SIDES]; // network namespaces; -1: not there
};

// The calling thread is where it was when this returns.
//
// @param lab  Set in any case: pp_bench_lab_close() may follow.
// @return     0; -EPERM: CAP_SYS_ADMIN or CAP_NET_ADMIN is missing; -errno; with err set.
int pp_bench_lab_open(struct pp_bench_lab *lab, struct pp_error *err);
// Make the second pair.
//
// @return  0; -errno, with err set.
int pp_bench_lab_add_pair(struct pp_bench_lab *lab, struct pp_error *err);
void pp_bench_lab_close(struct pp_bench_lab *lab);

// Move the calling thread to a side. Of a lab that is all -1 every side is where it is now.
//
// @return  0; -errno, with err set.
int pp_bench_lab_enter(const struct pp_bench_lab *lab,
		       enum pp_bench_side side,
		       struct pp_error *err);
