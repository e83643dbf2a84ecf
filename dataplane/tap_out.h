// SPDX-License-Identifier: MIT OR Apache-2.0
// The tc program on what one interface sends: load, attach, detach.
//
// Attached by a bpf_link where the kernel has tcx (Linux 6.6), so that it leaves the interface with the
// process, however that dies. Where it has not, a stub is put on the interface as a clsact filter: it
// calls the program through an array that the kernel empties when this process is gone. What is left
// of a killed process passes every packet then, and goes at the next start.
//
// Threads    control thread.
// Cost       control path: a load takes some 100 ms, most of it in the kernel's verifier.
// Ownership  pp_tap_out_close() detaches and unloads.
#pragma once

#include <push-packet/plane.h>

struct pp_maps;
struct pp_tap_out;

// Load the program of the engine whose images maps has.
//
// @param config  As pp_tap_open().
// @return        0; -EPROTO; -errno, err with the verifier's words.
int pp_tap_out_open(struct pp_tap_out **out,
		    const struct pp_maps *maps,
		    const struct pp_tap_config *config,
		    struct pp_error *err);
// NULL is allowed.
void pp_tap_out_close(struct pp_tap_out *tap);

// Put the program on an interface; what another process of ours left there goes.
//
// @param name  For messages.
// @param how   enum pp_egress_attach.
// @return      0; -EBUSY: somebody else's filter has our place in clsact; -EOPNOTSUPP: no tcx in this
//              kernel, and it was asked for; -errno. err is set.
int pp_tap_out_attach(struct pp_tap_out *tap,
		      uint32_t ifindex,
		      const char *name,
		      uint8_t how,
		      struct pp_error *err);
// The interface may be gone already.
void pp_tap_out_detach(struct pp_tap_out *tap);

// Take the place of another one on its interface, without a moment without a program.
//
// @param old  Detached afterwards; the caller's to close.
// @return     0, also when old is detached; -errno: nothing changed.
int pp_tap_out_replace(struct pp_tap_out *tap, struct pp_tap_out *old);

// Remove what a killed process left on an interface.
void pp_tap_out_sweep(uint32_t ifindex);

// PP_EGRESS_TCX or PP_EGRESS_CLSACT; PP_EGRESS_AUTO: it is not attached.
uint8_t pp_tap_out_attached(const struct pp_tap_out *tap);
// Whether it is still where it was put: a link ends with its interface, and a filter with the qdisc that
// anybody may take away.
bool pp_tap_out_alive(const struct pp_tap_out *tap);

// Instructions that the verifier walked; 0: the kernel does not say.
uint32_t pp_tap_out_verified_insns(const struct pp_tap_out *tap);
// Descriptor of the program, for BPF_PROG_TEST_RUN. Borrowed.
int pp_tap_out_prog_fd(const struct pp_tap_out *tap);
