// SPDX-License-Identifier: MIT OR Apache-2.0
// What the Criterion tests of the XDP program say.
#pragma once

#include <criterion/criterion.h>

#include <linux/bpf.h>

#include "tap_run.h"

// The one program under test of a process: Criterion forks for each test.
static struct tap_run run;
static struct packet packet;

static inline void open_run(const char *rules)
{
	struct pp_error err = {0};
	int ret = tap_run_open(&run, rules, &err);

	cr_assert_eq(ret, 0, "%s", err.text);
}

static inline void use_rules(const char *rules)
{
	struct pp_error err = {0};
	int ret = tap_run_publish_text(&run, rules, &err);

	cr_assert_eq(ret, 0, "%s", err.text);
}

static inline void close_run(void)
{
	tap_run_close(&run);
}

#define PASSED(rule) ((struct tap_run_fate){XDP_PASS, PP_COUNT_PASSED, .rule_id = (rule)})
#define DROPPED(rule) ((struct tap_run_fate){XDP_DROP, PP_COUNT_DROPPED, .rule_id = (rule)})
// Passed under a named counter, no rule asked.
#define UNPARSED(reason)                                                                           \
	((struct tap_run_fate){XDP_PASS, PP_COUNT_PASSED, (uint32_t)(reason), TAP_RUN_UNJUDGED})

// Both variants of the program do this to the packet, and count it so.
#define expect_fate(iface, fate)                                                                   \
	do {                                                                                       \
		struct tap_run_fate fate_ = (fate);                                                \
		const char *differs_ = tap_run_both_differ(&run, (iface), &packet, &fate_);        \
		cr_expect_null(differs_, "%s", differs_);                                          \
	} while (0)
