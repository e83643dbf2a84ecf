// SPDX-License-Identifier: MIT OR Apache-2.0
// The configuration file: YAML to what the dataplane takes, with the place of every value.
//
// Loading checks what the file alone can tell: keys, types, ranges, rules. What needs the
// machine (interfaces, queues, CPUs) is pp_plane_check()'s; pp_config_locate() turns its answer
// into a place in the file.
//
// Threads    any; nothing is shared.
// Cost       control path.
// Ownership  pp_config_destroy() frees all; what plane points to belongs to the config.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <push-packet/plane.h>
#include <push-packet/ruleset.h>

#include "report.h"

#define PP_CONFIG_SOCKET "/run/push-packet.sock"
#define PP_CONFIG_SOCKET_BYTES 108 // of sockaddr_un.sun_path

// A place in a file. line 0: the file as a whole.
struct pp_spot {
	const char *file; // borrowed from the config
	uint32_t line;
	uint32_t col;
};

struct pp_iface_spots {
	struct pp_spot name;
	struct pp_spot mode; // of the name where the key was left out; bind, queues as well
	struct pp_spot bind;
	struct pp_spot queues;
	struct pp_spot egress; // or of egress-attach
	struct pp_spot queue[PP_QUEUES_PER_IFACE_MAX]; // as pp_iface_config.queue
};

struct pp_consumer_spots {
	struct pp_spot name;
	struct pp_spot kind;
	struct pp_spot threads;
	struct pp_spot cpu;
	struct pp_spot interface;
	struct pp_spot cpus[PP_ANALYSER_THREADS_MAX]; // as pp_consumer_config.cpus
	struct pp_spot spread;
	struct pp_spot library;
	struct pp_spot option[PP_ANALYSER_OPTIONS_MAX]; // as pp_consumer_config.option
};

// Values that stand once in a file; what is left out has the place of the file's beginning.
enum pp_config_item {
	PP_ITEM_NONE, // a place that nobody asks for
	PP_ITEM_INTERFACES, // lists as a whole
	PP_ITEM_CONSUMERS,
	PP_ITEM_ENGINE,
	PP_ITEM_ENGINE_NAME,
	PP_ITEM_ENGINE_OBJECT,
	PP_ITEM_ENGINE_LIBRARY,
	PP_ITEM_VERDICT_CACHE,
	PP_ITEM_TIMESTAMPS,
	PP_ITEM_WORKER_COUNT,
	PP_ITEM_WORKER_CPUS,
	PP_ITEM_IDLE,
	PP_ITEM_RX,
	PP_ITEM_TX,
	PP_ITEM_FILL,
	PP_ITEM_COMPLETION,
	PP_ITEM_HANDOFF,
	PP_ITEM_COPY,
	PP_ITEM_FRAMES,
	PP_ITEM_CHUNK,
	PP_ITEM_LAYOUT,
	PP_ITEM_HUGEPAGES,
	PP_ITEM_DEFAULT,
	PP_ITEM_SOCKET,
	PP_ITEM_MODE,
	PP_ITEM_GROUP,
	PP_ITEM_READ_GROUP,
	PP_ITEMS,
};

// A text of statements: a rule file, or an item of rules: inline:
struct pp_config_text {
	struct pp_spot at; // where it begins
	bool exact; // line and column in the text say where something stands in the file
};

struct pp_control_config {
	char socket[PP_CONFIG_SOCKET_BYTES];
	mode_t mode;
	gid_t group; // (gid_t)-1: leave it
	gid_t read_group; // may ask and change nothing; (gid_t)-1: none
};

struct pp_config {
	struct pp_plane_config plane; // iface and consumer point to the arrays below
	struct pp_iface_config iface[PP_IFACES_MAX];
	struct pp_consumer_config consumer[PP_CONSUMERS_MAX];
	// Of consumers; keys and values are the config's own.
	struct pp_analyser_option option[PP_CONSUMERS_MAX][PP_ANALYSER_OPTIONS_MAX];
	struct pp_ruleset *rules; // what the file alone makes
	struct pp_statements *statements; // the same before it became rules
	bool protect_refuse; // what would drop from protected sets is refused; else reported
	struct pp_control_config control;

	// Where it was written.
	struct pp_spot at; // the file
	struct pp_iface_spots iface_at[PP_IFACES_MAX];
	struct pp_consumer_spots consumer_at[PP_CONSUMERS_MAX];
	struct pp_spot worker_cpu_at[PP_WORKERS_MAX];
	struct pp_spot item_at[PP_ITEMS];
	uint32_t text_count;
	struct pp_config_text *text; // as pp_statements_read() counts them
	uint32_t rule_count;
	uint32_t *rule_id; // by index of the statements' rules; of the last pp_config_apply_rules()

	uint32_t file_count;
	char **file; // names that spots borrow
};

// Read a configuration file and the rule files it names.
//
// @param path    Rule files are looked for relative to its folder.
// @param out     Set on success.
// @param report  Every error found is added, never only the first.
// @return        0; -EINVAL: report has errors; -ENOMEM.
int pp_config_load(const char *path, struct pp_config **out, struct pp_report *report);

// Read the section control: of a configuration file and nothing else.
//
// @param out  Set on success.
// @return     As pp_config_load().
int pp_config_load_control(const char *path,
			   struct pp_control_config *out,
			   struct pp_report *report);

// NULL is allowed.
void pp_config_destroy(struct pp_config *config);

// Make the part of rules that is the configuration's what config says: rules, sets, protection;
// by difference, all or nothing. Loading did so with config->rules.
//
// @param rules   From now on pp_config_locate() knows places by their ids.
// @param now_ns  What ttl of new rules counts from, CLOCK_BOOTTIME.
// @param change  May be NULL.
// @param report  The error, at its place.
// @return        0; -EINVAL: report says why; -ENOMEM.
int pp_config_apply_rules(struct pp_config *config,
			  struct pp_ruleset *rules,
			  uint64_t now_ns,
			  struct pp_statements_change *change,
			  struct pp_report *report);

// @return  Where the configuration says what pp_plane_check() is about.
struct pp_spot pp_config_locate(const struct pp_config *config, const struct pp_where *where);

// @param id  0: the default action.
// @return    Where a rule stands; the file as a whole: not here, it came by command.
struct pp_spot pp_config_locate_rule(const struct pp_config *config, uint32_t id);
