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
	struct pp_spot queue[PP_QUEUES_PER_IFACE_MAX]; // as pp_iface_config.queue
};

struct pp_consumer_spots {
	struct pp_spot name;
	struct pp_spot cpu;
};

struct pp_control_config {
	char socket[PP_CONFIG_SOCKET_BYTES];
	mode_t mode;
	gid_t group; // (gid_t)-1: leave it
};

struct pp_config {
	struct pp_plane_config plane; // iface and consumer point to the arrays below
	struct pp_iface_config iface[PP_IFACES_MAX];
	struct pp_consumer_config consumer[PP_CONSUMERS_MAX];
	struct pp_ruleset *rules;
	struct pp_control_config control;

	// Where it was written.
	struct pp_spot at; // the file
	struct pp_iface_spots iface_at[PP_IFACES_MAX];
	struct pp_consumer_spots consumer_at[PP_CONSUMERS_MAX];
	struct pp_spot worker_count_at;
	struct pp_spot worker_cpu_at[PP_WORKERS_MAX];
	struct pp_spot frames_at;
	struct pp_spot engine_at;
	struct pp_spot hugepages_at;
	struct pp_spot default_at;
	uint32_t rule_count;
	struct pp_spot *rule_at; // of the rule with id i + 1

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

// NULL is allowed.
void pp_config_destroy(struct pp_config *config);

// @return  Where the configuration says what pp_plane_check() is about.
struct pp_spot pp_config_locate(const struct pp_config *config, const struct pp_where *where);
