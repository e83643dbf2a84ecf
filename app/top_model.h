// SPDX-License-Identifier: MIT OR Apache-2.0
// What `push-packet top` shows: data and the state of the view, without terminal and without
// connection. top_read.c fills it, top_render.c makes lines of it, top_press.c changes it by keys.
//
// Threads    main thread.
// Cost       an update: O(rows log rows).
// Ownership  init and fini; texts are copied.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <push-packet/analyser.h>

#define PP_TOP_KEY_BYTES 112 // two IPv6 addresses with ports
#define PP_TOP_NICK_BYTES 32
#define PP_TOP_NAME_BYTES 32
#define PP_TOP_VIEWS_MAX 32
#define PP_TOP_LOG_LINES 200
#define PP_TOP_LOG_BYTES 160
#define PP_TOP_LEDGER_MAX 64
#define PP_TOP_RULE_BYTES 160

enum pp_top_pane {
	PP_TOP_ROWS,
	PP_TOP_RULES,
	PP_TOP_LEDGER,
	PP_TOP_LOG,
	PP_TOP_HELP,
	PP_TOP_PANES,
};

enum pp_top_sort {
	PP_TOP_BY_BITS, // a second
	PP_TOP_BY_RATE, // packets a second
	PP_TOP_BY_PKTS,
	PP_TOP_BY_BYTES,
	PP_TOP_BY_NEW, // what began last
	PP_TOP_BY_KEY,
	PP_TOP_SORTS,
};

// Switches: which packets the rules that top makes copy.
enum pp_top_switch {
	PP_TOP_TCP,
	PP_TOP_UDP,
	PP_TOP_ICMP,
	PP_TOP_IP4,
	PP_TOP_IP6,
	PP_TOP_SWITCHES,
};

struct pp_top_row {
	char key[PP_TOP_KEY_BYTES]; // an address, a port, ...
	uint64_t pkts; // in the window
	uint64_t bytes;
	double pps;
	double bps;
	uint64_t size_pkts[PP_SIZE_BUCKETS];
	uint64_t first_ns; // CLOCK_REALTIME: its first packet
	uint64_t last_ns; // and its last
	uint64_t error_pkts; // pkts may be too high by so many
	struct pp_analyser_way way[2]; // of a flow: as the key says, and back
	uint64_t gone_ns; // CLOCK_MONOTONIC: since when it is no longer listed; 0: it is
};

struct pp_top_rule {
	uint64_t id; // 0: the default action
	char text[PP_TOP_RULE_BYTES];
	uint64_t pkts;
	uint64_t bytes;
	double pps; // since the frame before
};

struct pp_top_count {
	char name[32];
	uint64_t value;
	uint64_t base; // at the last reset
	double per_s;
};

// An analyser that can be looked at.
struct pp_top_view {
	char analyser[PP_TOP_NAME_BYTES];
	const char *kind; // constant
	uint32_t by; // bits of enum pp_analyser_by that it lists by, as far as is known
};

struct pp_top_nick {
	char key[PP_TOP_KEY_BYTES];
	char name[PP_TOP_NICK_BYTES];
};

struct pp_top_model {
	// Data.
	struct pp_top_row *row; // in the order they are shown
	uint32_t row_count;
	uint64_t found; // of the analyser; row[] may hold fewer
	uint64_t window_ns; // that the rates are of
	uint64_t total_pkts;
	uint64_t total_bytes;
	uint64_t totals_ns; // CLOCK_MONOTONIC: when the totals were read; 0: they were not
	double flow_pps; // PP_BY_FLOW, whose totals are since the start: since the frame before
	double flow_bps;
	uint64_t other_pkts; // not in row[]
	struct pp_top_rule *rule;
	uint32_t rule_count;
	struct pp_top_count ledger[PP_TOP_LEDGER_MAX];
	uint32_t ledger_count;
	bool balanced;
	char log[PP_TOP_LOG_LINES][PP_TOP_LOG_BYTES]; // a ring
	uint32_t log_count; // ever written
	uint64_t now_ns; // CLOCK_MONOTONIC of the last update
	uint64_t reset_ns; // CLOCK_REALTIME: what was last seen before is hidden; 0: nothing is
	uint64_t stats_ns; // CLOCK_MONOTONIC: when ledger and rules were read
	bool rebase; // the ledger's next values are its bases

	// The view.
	enum pp_top_pane pane;
	enum pp_top_sort sort;
	bool reverse;
	uint8_t by; // enum pp_analyser_by
	bool mask;
	bool nicks_off;
	uint32_t scroll;
	struct pp_top_view view[PP_TOP_VIEWS_MAX];
	uint32_t view_count;
	uint32_t view_at;
	const char *analyser; // of view[view_at]; borrowed
	const char *title; // borrowed: interface or socket
	uint64_t want_window_ns;
	uint32_t frames_per_s; // wanted
	double reached_per_s; // 0: not known yet
	uint64_t stale_ns; // how long a row that is gone is shown
	bool on[PP_TOP_SWITCHES];
	uint32_t take_bytes;
	bool rules_dirty; // the switches changed: the rules must follow
	bool quit;

	struct pp_top_nick *nick; // sorted by key
	uint32_t nick_count;
};

void pp_top_model_init(struct pp_top_model *model);
void pp_top_model_fini(struct pp_top_model *model);

// Take the rows of an answer. Rows that it does not list stay for stale_ns, without rate.
//
// @param row  count of them; the order does not matter. Copied.
// @return     0; -ENOMEM: nothing changed.
int pp_top_model_update(struct pp_top_model *model,
			const struct pp_top_row *row,
			uint32_t count,
			uint64_t now_ns);

// Put the rows in order again, after sort or reverse changed.
void pp_top_model_sort(struct pp_top_model *model);

// Forget rows; counts of the ledger begin with 0.
//
// @param realtime_ns  Now: rows whose last packet was before do not come back.
void pp_top_model_reset(struct pp_top_model *model, uint64_t realtime_ns);

// Write a line of the log. It is cut where it is too long.
void pp_top_model_log(struct pp_top_model *model, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

// Whether a counter of the ledger is about packets that were lost.
bool pp_top_is_loss(const char *name);

const char *pp_top_sort_name(enum pp_top_sort sort);
const char *pp_top_switch_name(enum pp_top_switch which);
const char *pp_top_by_name(uint8_t by);
