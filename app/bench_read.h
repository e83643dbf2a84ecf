// SPDX-License-Identifier: MIT OR Apache-2.0
// What the options of measurements that send packets have in common: lists, CPUs, addresses. Each is
// the read() of an option and stores at its offset.
//
// Threads    main thread.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "option.h"

#define PP_BENCH_LIST_MAX 16

struct pp_bench_list {
	uint32_t count;
	uint64_t value[PP_BENCH_LIST_MAX];
};

// Numbers with commas between: "10k,100k,1M", each at least 1.
int pp_bench_read_rates(const struct pp_option *option,
			const char *text,
			void *values,
			struct pp_error *err);
// Frames without FCS, 60 to 1792 bytes.
int pp_bench_read_sizes(const struct pp_option *option,
			const char *text,
			void *values,
			struct pp_error *err);

// A uint32_t: 1 to 64,512, as many as there are source ports from 1024 on; 1 to 1,000; 0 to 65,535; 1 to 65,535.
int pp_bench_read_flows(const struct pp_option *option,
			const char *text,
			void *values,
			struct pp_error *err);
int pp_bench_read_rounds(const struct pp_option *option,
			 const char *text,
			 void *values,
			 struct pp_error *err);
int pp_bench_read_number16(const struct pp_option *option,
			   const char *text,
			   void *values,
			   struct pp_error *err);
int pp_bench_read_take(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err);

// "0,1": two CPUs of this machine that this process may use.
struct pp_bench_cpus {
	uint16_t source; // or client
	uint16_t worker;
};
int pp_bench_read_cpus(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err);

// The two that are used unless told otherwise: the first and the last of this process.
void pp_bench_cpus_init(struct pp_bench_cpus *cpus);

// One of option->words, as a uint8_t: which of them, from 0.
int pp_bench_read_word(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err);

// A fraction of packets as a double, 0 to 1: "0.001", "0.1%".
int pp_bench_read_fraction(const struct pp_option *option,
			   const char *text,
			   void *values,
			   struct pp_error *err);

struct pp_bench_mac {
	bool given;
	uint8_t byte[6];
};
int pp_bench_read_mac(const struct pp_option *option,
		      const char *text,
		      void *values,
		      struct pp_error *err);

struct pp_bench_address {
	uint8_t family; // 4 or 6; 0: not given
	uint8_t byte[16];
};
int pp_bench_read_address(const struct pp_option *option,
			  const char *text,
			  void *values,
			  struct pp_error *err);
