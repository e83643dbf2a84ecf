// SPDX-License-Identifier: MIT OR Apache-2.0
// The XDP program on one interface: load, attach, detach.
//
// Threads    control thread.
// Cost       control path: a load takes some 100 ms, most of it in the kernel's verifier.
// Ownership  the program is held by a bpf_link: it leaves the interface when the tap is detached
//            and when the process dies, however it dies.
#pragma once

#include <push-packet/plane.h>

struct pp_maps;
struct pp_tap;

// Load the xdp variant of the program of the engine whose images maps has.
//
// @param maps    Borrowed as long as a variant can be loaded.
// @param config  cpu_mask is not looked at: it is that of maps.
// @return        0; -EPROTO: the object is not one of ours, or for another version; -errno, err with
//                the verifier's words.
int pp_tap_open(struct pp_tap **out,
		const struct pp_maps *maps,
		const struct pp_tap_config *config,
		struct pp_error *err);

// Load the xdp.frags variant too, if it is not there yet. What attach() and renew() need they load
// themselves, which takes as long as open: who knows before that they will calls this.
//
// @return  As pp_tap_open().
int pp_tap_load_frags(struct pp_tap *tap, struct pp_error *err);

// Detach and unload. NULL is allowed.
void pp_tap_close(struct pp_tap *tap);

// Put the program on an interface. Where the MTU needs several buffers the xdp.frags variant is
// taken.
//
// @param name   For messages.
// @param mode   enum pp_xdp_mode.
// @return       0; -EBUSY: another XDP program is there; -EOPNOTSUPP: no native XDP; -errno.
int pp_tap_attach(
	struct pp_tap *tap, uint32_t ifindex, const char *name, uint8_t mode, struct pp_error *err);

// Take it off. The interface may be gone already.
void pp_tap_detach(struct pp_tap *tap);

// Set the program again, without a moment without one. When a veth gets more channels, packets
// of the new queues go past XDP until its program is set (Linux 6.18, veth_set_channels()).
//
// @return        0; -ENOTCONN: detached; -errno.
int pp_tap_renew(struct pp_tap *tap);

// Take the place of another tap on its interface, without a moment without a program.
//
// @param tap  Has the variant that old has in force.
// @param old  Detached afterwards; the caller's to close.
// @return     0, also when old is detached; -errno: nothing changed.
int pp_tap_replace(struct pp_tap *tap, struct pp_tap *old);

// Instructions that the verifier walked, in the more costly of the variants that are loaded; 0: the kernel does not say.
uint32_t pp_tap_verified_insns(const struct pp_tap *tap);
// How long loading took.
uint64_t pp_tap_load_ns(const struct pp_tap *tap);

bool pp_tap_attached(const struct pp_tap *tap);
// Whether the interface that it was attached to is still there: one system call.
bool pp_tap_alive(const struct pp_tap *tap);
// In force: PP_XDP_NATIVE or PP_XDP_SKB.
uint8_t pp_tap_mode(const struct pp_tap *tap);
bool pp_tap_frags(const struct pp_tap *tap);

// Descriptor of a loaded program, for BPF_PROG_TEST_RUN. Borrowed.
//
// @param frags  The xdp.frags variant.
// @return       -1: it is not loaded.
int pp_tap_prog_fd(const struct pp_tap *tap, bool frags);

// Whether an interface has no XDP program, ours or another's.
//
// @param name  For the message.
// @return      0; -EBUSY, with err set.
int pp_tap_check_free(uint32_t ifindex, const char *name, struct pp_error *err);
