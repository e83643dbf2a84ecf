// SPDX-License-Identifier: MIT OR Apache-2.0
// What became of packets, for people and for programs.
//
// Threads    main thread.
// Cost       control path.
// Ownership  caller's storage; rules are borrowed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/explain.h>

#include "explain_rules.h"

// What became of one packet.
struct pp_explain_line {
	uint64_t index; // from 1
	uint32_t cap_bytes;
	uint32_t len_bytes;
	bool too_long; // the kernel did not run it: of result the key alone is set
	struct pp_explanation result;
};

struct pp_explain_sum {
	uint64_t pkts;
	uint64_t bytes; // as captured
	uint64_t truncated_pkts;
	uint64_t too_long_pkts;
	struct pp_rule_stats slot[PP_SLOTS_MAX]; // PP_SLOT_DEFAULT: the default action
	uint64_t unparsed_pkts[PP_LEDGER_COLUMNS]; // by reason
};

void pp_explain_sum_add(struct pp_explain_sum *sum, const struct pp_explain_line *line);

void pp_explain_print_line(const struct pp_explain_rules *rules,
			   const struct pp_explain_line *line,
			   bool json);

// @return  0; -ENOMEM.
int pp_explain_print_sum(const struct pp_explain_rules *rules,
			 const struct pp_explain_sum *sum,
			 bool json);
