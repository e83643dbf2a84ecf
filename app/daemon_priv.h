// SPDX-License-Identifier: MIT OR Apache-2.0
// What the daemon is made of, for the files daemon*.c.
//
// Threads    control thread.
// Cost       control path.
// Ownership  pp_daemon_run()'s stack.
#pragma once

#include <event2/event.h>

#include "ctl_server.h"
#include "rules_service.h"

enum pp_daemon_end_signal {
	PP_DAEMON_SIGINT,
	PP_DAEMON_SIGTERM,
	PP_DAEMON_END_SIGNALS,
};

struct pp_daemon {
	uint64_t for_ns; // 0: until told
	bool until_eof;
	bool stuck; // an analyser does not return: its thread uses the plane
	struct pp_plane *plane;
	struct pp_rules_service rules;
	struct pp_rpc_service rpc;
	struct pp_ctl_server *server;

	struct event_base *base;
	struct event *on_end[PP_DAEMON_END_SIGNALS];
	struct event *on_hangup;
	struct event *on_time;
	struct event *on_input;
	struct event *on_change; // pp_plane_fd()
	struct event *on_tick;
	struct event *on_expiry;
};

// Make what the control socket needs. The plane need not be there.
//
// @return  0; -ENOMEM.
int pp_daemon_rules_init(struct pp_daemon *daemon);

// The plane is open: its rules are what requests change from now on.
//
// @param config_path  Borrowed.
// @param config       Taken over.
void pp_daemon_rules_begin(struct pp_daemon *daemon,
			   const char *config_path,
			   struct pp_config *config);

// Wake up when the next rule or entry of a set expires.
void pp_daemon_rules_expect(struct pp_daemon *daemon);

// Read the configuration again and print what changed, or what is wrong.
void pp_daemon_rules_reload(struct pp_daemon *daemon);

// Tell subscribers what happened to an interface.
void pp_daemon_rules_tell_interface(struct pp_daemon *daemon, const struct pp_plane_event *event);
