// SPDX-License-Identifier: MIT OR Apache-2.0
// The methods of the control socket. Each is a row with its function; the list is in methods.c.
//
// Their arg is a struct pp_rules_service. A method that writes changes service->trial.rules, all
// of it or nothing, and gives its result without the generation.
//
// Threads    control thread.
// Cost       control path.
// Ownership  results are the caller's.
#pragma once

#include "jsonrpc.h"
#include "rules_service.h"

// All of them; ends with NULL.
extern const struct pp_rpc_method *const pp_methods[];

extern const struct pp_rpc_method pp_method_version;
extern const struct pp_rpc_method pp_method_discover;
extern const struct pp_rpc_method pp_method_stats;
extern const struct pp_rpc_method pp_method_analysers_list;
extern const struct pp_rpc_method pp_method_analysers_top;
extern const struct pp_rpc_method pp_method_rules_list;
extern const struct pp_rpc_method pp_method_rules_add;
extern const struct pp_rpc_method pp_method_rules_delete;
extern const struct pp_rpc_method pp_method_rules_replace;
extern const struct pp_rpc_method pp_method_rules_flush;
extern const struct pp_rpc_method pp_method_rules_test;
extern const struct pp_rpc_method pp_method_sets_list;
extern const struct pp_rpc_method pp_method_sets_entries;
extern const struct pp_rpc_method pp_method_sets_add;
extern const struct pp_rpc_method pp_method_sets_delete;
extern const struct pp_rpc_method pp_method_sets_replace;
extern const struct pp_rpc_method pp_method_default_set;
extern const struct pp_rpc_method pp_method_batch;
extern const struct pp_rpc_method pp_method_reload;
extern const struct pp_rpc_method pp_method_rules_get;
extern const struct pp_rpc_method pp_method_dump_start;
extern const struct pp_rpc_method pp_method_dump_stop;
extern const struct pp_rpc_method pp_method_subscribe;

// struct pp_rpc_service's gone(): the dumps of a connection end with it.
void pp_methods_gone(void *arg, struct pp_rpc_peer *peer);

#define PP_METHOD_TTL_MS_MAX (3650ll * 24 * 3600 * 1000)

// Remaining time in milliseconds, rounded up; null: it stays.
json_t *pp_method_ttl(uint64_t expires_ns, uint64_t now_ns);

const char *pp_method_origin(enum pp_origin origin);
