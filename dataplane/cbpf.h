// SPDX-License-Identifier: MIT OR Apache-2.0
// Classic BPF, as libpcap compiles expressions, to instructions of an XDP program.
//
// The meaning is that of libpcap's bpf_filter() (bpf_filter.c) over the whole packet: what loads from
// beyond its end, or divides by a register of 0, does not match. There is nothing beside the packet:
// offsets that Linux gives to packet type, VLAN tag and the like lie beyond its end. In a packet of
// several buffers what lies at 64 KiB and above counts as beyond the end, too.
//
// Threads    one.
// Cost       control path. The program: a compare and a load for each load of the filter; a helper
//            call where a packet has several buffers and it is not in the first one.
// Ownership  nothing is kept.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/filter.h>

#include <push-packet/error.h>

struct pp_bpf_code;

#define PP_CBPF_INSNS_MAX 4096 // BPF_MAXINSNS, what libpcap makes at most

// Registers and stack that the instructions use. The caller sets CTX and DATA, and the length of the
// packet as 32 bits; A and X are overwritten, as are registers 0 to 5.
#define PP_CBPF_CTX 6 // struct xdp_md
#define PP_CBPF_A 7
#define PP_CBPF_X 8
#define PP_CBPF_DATA 9 // xdp_md.data
#define PP_CBPF_MEM_AT (-64) // 16 words
#define PP_CBPF_LOAD_AT (-72)
#define PP_CBPF_LEN_AT (-80)

// Whether it is a program: known instructions, jumps that stay inside and go forward, a return at
// the end.
//
// @return  0; -EINVAL: err says what is wrong and with which instruction, from 0.
int pp_cbpf_check(const struct sock_filter *insn, uint32_t count, struct pp_error *err);

// Add the filter to code.
//
// @param insn      Checked.
// @param frags     The packet may have several buffers.
// @param match     Label to go to when it matches, and the one when it does not.
// @param no_match  ...
void pp_cbpf_translate(const struct sock_filter *insn,
		       uint32_t count,
		       bool frags,
		       uint32_t match,
		       uint32_t no_match,
		       struct pp_bpf_code *code);
