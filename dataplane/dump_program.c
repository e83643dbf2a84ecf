// SPDX-License-Identifier: MIT OR Apache-2.0
#include "dump_program.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "bpf_code.h"
#include "cbpf.h"
#include "log.h"

#define FP BPF_REG_10
#define CTX PP_CBPF_CTX
#define DATA PP_CBPF_DATA
// Stack below what the filter uses.
#define CPU_AT (-88)
#define NOTE_AT (-96)
// Registers once the filter is through.
#define RECORD BPF_REG_7
#define BYTES BPF_REG_8
#define ROW BPF_REG_9

#define META(field) (offsetof(struct pp_dump_note, meta) + offsetof(struct pp_meta, field))
#define UNJUDGED                                                                                   \
	(1u << PP_COUNT_ABORTED | 1u << PP_COUNT_UNPARSED_ETH_SHORT |                              \
	 1u << PP_COUNT_UNPARSED_VLAN_SHORT | 1u << PP_COUNT_UNPARSED_VLAN_DEEP |                  \
	 1u << PP_COUNT_UNPARSED_IP_SHORT | 1u << PP_COUNT_UNPARSED_IP_BAD |                       \
	 1u << PP_COUNT_UNPARSED_EXT_SHORT | 1u << PP_COUNT_UNPARSED_EXT_DEEP |                    \
	 1u << PP_COUNT_UNPARSED_L4_SHORT)

struct labels {
	uint32_t raw, match, lost, next, out;
	uint32_t count;
};

static void add(struct pp_bpf_code *code, uint8_t op, uint8_t dst, uint8_t src, int off, int imm)
{
	pp_bpf_code_add(code, op, dst, src, (int16_t)off, imm);
}

static void move(struct pp_bpf_code *code, uint8_t dst, uint8_t src)
{
	add(code, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void move_number(struct pp_bpf_code *code, uint8_t dst, uint32_t number)
{
	add(code, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, (int)number);
}

static void call(struct pp_bpf_code *code, int helper)
{
	add(code, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

// Address of what a map has for this CPU, in register 0.
//
// @param none  Where to go if it has nothing, which cannot be.
static void look_up(struct pp_bpf_code *code, int map_fd, uint32_t none)
{
	pp_bpf_code_add_map(code, BPF_REG_1, map_fd);
	move(code, BPF_REG_2, FP);
	add(code, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, CPU_AT);
	call(code, BPF_FUNC_map_lookup_elem);
	pp_bpf_code_jump(code, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, none);
}

static void begin(struct pp_bpf_code *code, const struct pp_dump_program *p, const struct labels *l)
{
	move(code, CTX, BPF_REG_1);
	call(code, BPF_FUNC_get_smp_processor_id);
	add(code, BPF_STX | BPF_MEM | BPF_W, FP, BPF_REG_0, CPU_AT, 0);
	look_up(code, p->notes_fd, l->out);
	add(code, BPF_STX | BPF_MEM | BPF_DW, FP, BPF_REG_0, NOTE_AT, 0);
}

// A field of the note, whose address is in register 0, must be a number.
static void want(struct pp_bpf_code *code, uint8_t size, size_t at, uint32_t number, uint32_t else_)
{
	add(code, (uint8_t)(BPF_LDX | BPF_MEM | size), BPF_REG_1, BPF_REG_0, (int)at, 0);
	pp_bpf_code_jump(code, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_1, 0, (int32_t)number, else_);
}

static void want_counted(struct pp_bpf_code *code, uint32_t mask, uint32_t else_)
{
	add(code, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_0,
	    offsetof(struct pp_dump_note, counted), 0);
	add(code, BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, (int)mask);
	pp_bpf_code_jump(code, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, else_);
}

// No rule judged it, not even the default action, whose id is 0 as well.
static void want_judged(struct pp_bpf_code *code, uint32_t else_)
{
	add(code, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_0,
	    offsetof(struct pp_dump_note, counted), 0);
	pp_bpf_code_jump(code, BPF_JMP32 | BPF_JSET | BPF_K, BPF_REG_1, 0, (int32_t)UNJUDGED,
			 else_);
}

// What the tap said of the packet.
static void
check_note(struct pp_bpf_code *code, const struct pp_dump_config *config, const struct labels *l)
{
	if (config->counted)
		want_counted(code, config->counted, l->next);
	if (config->rule_id >= 0) {
		want_judged(code, l->next);
		want(code, BPF_W, META(rule_id), (uint32_t)config->rule_id, l->next);
	}
	if (config->iface >= 0)
		want(code, BPF_B, META(iface), (uint32_t)config->iface, l->next);
}

static void filter(struct pp_bpf_code *code,
		   const struct pp_dump_filter *filter,
		   bool frags,
		   const struct labels *l)
{
	if (filter->count == 0)
		pp_bpf_code_jump(code, BPF_JMP | BPF_JA, 0, 0, 0, l->match);
	else
		pp_cbpf_translate(filter->insn, filter->count, frags, l->match, l->next, code);
}

static void
check_packet(struct pp_bpf_code *code, const struct pp_dump_program *p, const struct labels *l)
{
	const struct pp_dump_config *config = p->config;

	add(code, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_0, (int)META(len_bytes), 0);
	add(code, BPF_STX | BPF_MEM | BPF_W, FP, BPF_REG_1, PP_CBPF_LEN_AT, 0);
	add(code, BPF_LDX | BPF_MEM | BPF_W, DATA, CTX, offsetof(struct xdp_md, data), 0);
	want(code, BPF_B, offsetof(struct pp_dump_note, frame_kind), PP_FRAME_ETHERNET, l->raw);
	filter(code, &config->filter[PP_FRAME_ETHERNET], p->frags, l);
	pp_bpf_code_mark(code, l->raw);
	filter(code, &config->filter[PP_FRAME_RAW_IP], p->frags, l);
}

static void count(struct pp_bpf_code *code, size_t at)
{
	add(code, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, ROW, (int)at, 0);
	add(code, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, 1);
	add(code, BPF_STX | BPF_MEM | BPF_DW, ROW, BPF_REG_1, (int)at, 0);
}

// The tap's note, with time and length.
static void write_note(struct pp_bpf_code *code, uint32_t snap_bytes)
{
	call(code, BPF_FUNC_ktime_get_ns);
	add(code, BPF_STX | BPF_MEM | BPF_DW, RECORD, BPF_REG_0, (int)META(time_ns), 0);
	add(code, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, FP, NOTE_AT, 0);
	for (int at = sizeof(uint64_t); at < (int)sizeof(struct pp_dump_note); at += 8) {
		add(code, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_2, at, 0);
		add(code, BPF_STX | BPF_MEM | BPF_DW, RECORD, BPF_REG_1, at, 0);
	}
	add(code, BPF_LDX | BPF_MEM | BPF_W, BYTES, FP, PP_CBPF_LEN_AT, 0);
	// The lesser of two by a jump over one instruction.
	add(code, BPF_JMP | BPF_JLE | BPF_K, BYTES, 0, 1, (int)snap_bytes);
	move_number(code, BYTES, snap_bytes);
	add(code, BPF_STX | BPF_MEM | BPF_W, RECORD, BYTES, (int)META(cap_bytes), 0);
}

// Load BYTES of the packet behind the note. Linux 6.1 learns from adding 1 that there is one.
static void take(struct pp_bpf_code *code, const struct pp_dump_program *p, const struct labels *l)
{
	add(code, BPF_ALU64 | BPF_SUB | BPF_K, BYTES, 0, 0, 1);
	pp_bpf_code_jump(code, BPF_JMP | BPF_JGE | BPF_K, BYTES, 0, PP_DUMP_SNAP_MAX, l->lost);
	add(code, BPF_ALU64 | BPF_ADD | BPF_K, BYTES, 0, 0, 1);
	move(code, BPF_REG_1, CTX);
	move_number(code, BPF_REG_2, 0);
	move(code, BPF_REG_3, RECORD);
	add(code, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, sizeof(struct pp_dump_note));
	move(code, BPF_REG_4, BYTES);
	call(code, BPF_FUNC_xdp_load_bytes);
	pp_bpf_code_jump(code, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, l->lost);
	pp_bpf_code_add_map(code, BPF_REG_1, p->ring_fd);
	move(code, BPF_REG_2, RECORD);
	move(code, BPF_REG_3, BYTES);
	add(code, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, sizeof(struct pp_dump_note));
	// The reader comes by itself, so that no packet pays for waking it.
	move_number(code, BPF_REG_4, BPF_RB_NO_WAKEUP);
	call(code, BPF_FUNC_ringbuf_output);
	pp_bpf_code_jump(code, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, l->next);
}

static void
record(struct pp_bpf_code *code, const struct pp_dump_program *p, const struct labels *l)
{
	pp_bpf_code_mark(code, l->match);
	look_up(code, p->counts_fd, l->next);
	move(code, ROW, BPF_REG_0);
	count(code, offsetof(struct pp_dump_row, matched));
	look_up(code, p->records_fd, l->lost);
	move(code, RECORD, BPF_REG_0);
	write_note(code, p->config->snap_bytes);
	take(code, p, l);
	pp_bpf_code_mark(code, l->lost);
	count(code, offsetof(struct pp_dump_row, lost));
}

// To the dumps behind this one; without any, the tap's verdict.
static void end(struct pp_bpf_code *code, const struct pp_dump_program *p, const struct labels *l)
{
	pp_bpf_code_mark(code, l->next);
	for (uint32_t slot = p->slot + 1; slot < PP_DUMPS_MAX; slot++) {
		move(code, BPF_REG_1, CTX);
		pp_bpf_code_add_map(code, BPF_REG_2, p->array_fd);
		move_number(code, BPF_REG_3, slot);
		call(code, BPF_FUNC_tail_call);
	}
	add(code, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, FP, NOTE_AT, 0);
	add(code, BPF_LDX | BPF_MEM | BPF_B, BPF_REG_0, BPF_REG_1,
	    offsetof(struct pp_dump_note, xdp), 0);
	add(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	pp_bpf_code_mark(code, l->out);
	move_number(code, BPF_REG_0, XDP_PASS);
	add(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void write_code(struct pp_bpf_code *code, const struct pp_dump_program *p)
{
	uint32_t first = pp_bpf_code_labels(code, 5);
	const struct labels l = {first, first + 1, first + 2, first + 3, first + 4, 5};

	begin(code, p, &l);
	check_note(code, p->config, &l);
	check_packet(code, p, &l);
	record(code, p, &l);
	end(code, p, &l);
}

static int load(const struct pp_dump_program *p, const struct pp_bpf_code *code)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP,
		    .prog_flags = p->frags ? BPF_F_XDP_HAS_FRAGS : 0);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pp_dump", "Dual MIT/GPL", code->insn,
			       code->count, &opts);

	return fd < 0 ? -errno : fd;
}

int pp_dump_program_load(const struct pp_dump_program *program, struct pp_error *err)
{
	struct pp_bpf_code code = {0};
	int ret;

	pp_log_install();
	write_code(&code, program);
	ret = pp_bpf_code_finish(&code, err);
	if (ret == 0) {
		ret = load(program, &code);
		if (ret < 0)
			pp_error_set(err, ret, 0, 0,
				     "the kernel refused the filter's program of %u instructions: "
				     "%s",
				     code.count, strerror(-ret));
	}
	pp_bpf_code_fini(&code);
	return ret;
}
