// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bpf_code.h"

#include <errno.h>
#include <stdlib.h>

void pp_bpf_code_fini(struct pp_bpf_code *code)
{
	free(code->insn);
	free(code->jump);
	free(code->label);
	*code = (struct pp_bpf_code){0};
}

// Room for one more element, at least.
//
// @param array  A pointer to a pointer.
static bool grow(struct pp_bpf_code *code, void *array, uint32_t *room, uint32_t need, size_t bytes)
{
	void **at = array, *grown;
	uint32_t more = need > 2 * *room ? need : 2 * *room;

	if (need <= *room)
		return true;
	grown = reallocarray(*at, more, bytes);
	if (grown == NULL) {
		code->no_memory = true;
		return false;
	}
	*at = grown;
	*room = more;
	return true;
}

void pp_bpf_code_add(
	struct pp_bpf_code *code, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (!grow(code, &code->insn, &code->room, code->count + 1, sizeof(*code->insn)))
		return;
	code->insn[code->count++] = (struct bpf_insn){
		.code = op, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

void pp_bpf_code_add_map(struct pp_bpf_code *code, uint8_t dst, int map_fd)
{
	pp_bpf_code_add(code, BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, map_fd);
	pp_bpf_code_add(code, 0, 0, 0, 0, 0);
}

void pp_bpf_code_jump(
	struct pp_bpf_code *code, uint8_t op, uint8_t dst, uint8_t src, int32_t imm, uint32_t label)
{
	if (!grow(code, &code->jump, &code->jump_room, code->jump_count + 1, sizeof(*code->jump)))
		return;
	code->jump[code->jump_count++] = (struct pp_bpf_jump){code->count, label};
	pp_bpf_code_add(code, op, dst, src, 0, imm);
}

uint32_t pp_bpf_code_labels(struct pp_bpf_code *code, uint32_t count)
{
	uint32_t first = code->label_count;

	if (!grow(code, &code->label, &code->label_room, first + count, sizeof(*code->label)))
		return first;
	for (uint32_t i = 0; i < count; i++)
		code->label[first + i] = -1;
	code->label_count += count;
	return first;
}

void pp_bpf_code_mark(struct pp_bpf_code *code, uint32_t label)
{
	if (label < code->label_count)
		code->label[label] = (int32_t)code->count;
}

int pp_bpf_code_finish(struct pp_bpf_code *code, struct pp_error *err)
{
	if (code->no_memory)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	for (uint32_t i = 0; i < code->jump_count; i++) {
		const struct pp_bpf_jump *jump = &code->jump[i];
		int32_t to = code->label[jump->label];
		int32_t distance = to - (int32_t)jump->at - 1;

		if (distance < 0 || distance > INT16_MAX)
			return pp_error_set(err, -E2BIG, 0, 0,
					    "the filter is too long: it takes %u BPF instructions",
					    code->count);
		code->insn[jump->at].off = (int16_t)distance;
	}
	return 0;
}
