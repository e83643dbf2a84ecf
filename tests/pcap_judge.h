// SPDX-License-Identifier: MIT OR Apache-2.0
// libpcap's compiler and interpreter, for who cannot include pcap.h beside linux/bpf.h: both have a
// struct bpf_insn.
//
// Threads    one.
// Cost       tests only.
// Ownership  the caller's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sock_filter;

// @return  Instructions, for Ethernet; 0: it does not compile, or there are more than max.
uint32_t
pcap_judge_compile(const char *expression, bool optimize, struct sock_filter *insn, uint32_t max);

// Whether a whole packet matches a program.
bool pcap_judge_run(const struct sock_filter *insn, const uint8_t *data, uint32_t bytes);
