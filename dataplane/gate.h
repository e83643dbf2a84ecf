// SPDX-License-Identifier: MIT OR Apache-2.0
// Who may be in the calls of a channel or receiver: one thread in a call and one in wait, until the control
// thread shuts it. Then nobody comes in, who waits is woken, and shut() returns when nobody is in.
//
// Threads    init, fini, open, shut: control thread. Everything else: any.
// Cost       enter: one locked instruction. Nothing is allocated.
// Ownership  the gate owns wake_fd.
#pragma once

#include <stdint.h>

enum pp_gate_state {
	PP_GATE_SHUT,
	PP_GATE_OPEN,
	PP_GATE_DOWN, // open, and what it leads to is gone for now
};

struct pp_gate {
	uint32_t state; // enum pp_gate_state
	uint32_t busy; // a thread is in a call
	uint32_t waiting; // a thread is in wait()
	uint32_t woken; // pp_gate_say() was called
	int wake_fd; // eventfd; readable for good once shut
};

// @return  0; -errno.
int pp_gate_init(struct pp_gate *gate);
void pp_gate_fini(struct pp_gate *gate);

void pp_gate_open(struct pp_gate *gate);
// @param state  SHUT or DOWN.
void pp_gate_shut(struct pp_gate *gate, enum pp_gate_state state);

// @return  0; -ENETDOWN; -ESHUTDOWN.
int pp_gate_refusal(const struct pp_gate *gate);

// Begin a call.
//
// @return  0: pp_gate_leave() ends it; -EBUSY: another thread is in one; as pp_gate_refusal().
int pp_gate_enter(struct pp_gate *gate);
void pp_gate_leave(struct pp_gate *gate);

// Let who waits look again.
void pp_gate_nudge(const struct pp_gate *gate);
// Let who waits return.
void pp_gate_say(struct pp_gate *gate);
// What was said is heard. That the gate is shut stays to be seen.
void pp_gate_hear(const struct pp_gate *gate);

// Wait until look() returns something.
//
// @param look        Sleeps once, for at most timeout_ms, woken by wake_fd too.
// @param timeout_ms  -1: for ever.
// @return            What look() returned; 0: the time is up, or pp_gate_say(); -EBUSY: another thread
//                    waits; as pp_gate_refusal().
int pp_gate_wait(struct pp_gate *gate,
		 int (*look)(void *arg, int timeout_ms),
		 void *arg,
		 int timeout_ms);
