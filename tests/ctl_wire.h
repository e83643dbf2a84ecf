// SPDX-License-Identifier: MIT OR Apache-2.0
// A control socket of a test's own, and clients that say what the test wants.
//
// Threads    the test's; the server answers in wire_turn().
// Cost       a turn takes 20 ms.
// Ownership  one at a time; wire_dial()'s descriptors are the caller's.
#pragma once

#include <stdbool.h>

#include "ctl_server.h"

struct wire {
	char dir[32]; // of the socket
	struct pp_control_config control;
	struct event_base *base;
	struct pp_ctl_server *server;
};
extern struct wire wire;

void wire_open(const struct pp_rpc_service *service, uint32_t stall_ms);
// Fails the test when files are left behind.
void wire_close(void);

// Connect.
int wire_dial(void);
void wire_say(int fd, const char *text);
// What the server answers within a few turns, as far as it fits. Valid until the next call.
const char *wire_hear(int fd);
bool wire_hung_up(int fd);
// Let the server work for a moment.
void wire_turn(void);
