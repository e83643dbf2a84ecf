// SPDX-License-Identifier: MIT OR Apache-2.0
// The XDP program of the measuring side: with or without times from the driver.
//
// Threads    open, close: in the interface's network namespace. The rest: any.
// Cost       open loads a program.
// Ownership  caller's storage; close() frees.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

struct pp_rtt_bpf;
struct pp_rtt_driver_bpf;

struct pp_bench_client_program {
	struct pp_rtt_bpf *plain; // one of them is there
	struct pp_rtt_driver_bpf *driver;
	char no_driver[192]; // why the driver is not asked; "": it is, or nobody wanted it
	int program_fd;
	int sockets_fd; // map: AF_XDP socket by queue
};

struct pp_bench_client_program_params {
	const char *iface;
	uint32_t magic_offset;
	bool skb; // generic XDP
	bool times; // in front of each packet: struct pp_bench_times
	bool driver_times; // ask the driver, if it and the kernel let us
};

// Load. Where the driver cannot be asked, the program that does not ask is loaded.
//
// @return  0; -ENODEV; -EPERM; -errno; with err set.
int pp_bench_client_program_open(struct pp_bench_client_program *out,
				 const struct pp_bench_client_program_params *params,
				 struct pp_error *err);
void pp_bench_client_program_close(struct pp_bench_client_program *program);

// Packets that went to the kernel.
uint64_t pp_bench_client_program_passed(const struct pp_bench_client_program *program);

// Why packets have no time of the driver.
//
// @return  A text, borrowed, constant; NULL: as far as is known, they have.
const char *pp_bench_client_program_why(const struct pp_bench_client_program *program);
