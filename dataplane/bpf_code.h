// SPDX-License-Identifier: MIT OR Apache-2.0
// BPF instructions that are put together at run time: jumps go to labels.
//
// Threads    one.
// Cost       control path.
// Ownership  fini() frees what was written. Without memory everything goes on and finish() says so.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/bpf.h>

#include <push-packet/error.h>

struct pp_bpf_jump {
	uint32_t at; // instruction
	uint32_t label;
};

struct pp_bpf_code {
	struct bpf_insn *insn;
	uint32_t count;
	uint32_t room;
	struct pp_bpf_jump *jump;
	uint32_t jump_count;
	uint32_t jump_room;
	int32_t *label; // instruction; -1: not marked
	uint32_t label_count;
	uint32_t label_room;
	bool no_memory;
};

void pp_bpf_code_fini(struct pp_bpf_code *code);

// One instruction.
void pp_bpf_code_add(
	struct pp_bpf_code *code, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm);
// Load a map's address.
void pp_bpf_code_add_map(struct pp_bpf_code *code, uint8_t dst, int map_fd);
// Compare and jump forward; op is BPF_JMP or BPF_JMP32 with the rest.
void pp_bpf_code_jump(struct pp_bpf_code *code,
		      uint8_t op,
		      uint8_t dst,
		      uint8_t src,
		      int32_t imm,
		      uint32_t label);

// New labels, in a row.
//
// @return  The first one.
uint32_t pp_bpf_code_labels(struct pp_bpf_code *code, uint32_t count);
// The label is here.
void pp_bpf_code_mark(struct pp_bpf_code *code, uint32_t label);

// Give each jump its distance.
//
// @return  0; -ENOMEM; -E2BIG: a jump is longer than an instruction can say.
int pp_bpf_code_finish(struct pp_bpf_code *code, struct pp_error *err);
