// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cbpf.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <linux/bpf.h>

#include "bpf_code.h"

#define A PP_CBPF_A
#define X PP_CBPF_X
#define CTX PP_CBPF_CTX
#define DATA PP_CBPF_DATA
#define FP BPF_REG_10

// Offsets that an instruction can say, and that the verifier takes in a pointer into the packet.
#define NEAR_MAX 0x7fff
// Offsets that the helper takes; of a larger number it would look at 32 bits only.
#define FAR_MAX 0xffff

struct translation {
	struct pp_bpf_code *code;
	bool frags;
	uint32_t match;
	uint32_t no_match;
	uint32_t first; // label of instruction 0; the others follow
};

static int bad(struct pp_error *err, uint32_t index, const char *what)
{
	return pp_error_set(err, -EINVAL, 0, 0, "instruction %u of the filter: %s", index, what);
}

static bool known_load(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_LDX | BPF_B | BPF_MSH:
		return true;
	default:
		return false;
	}
}

static bool known_alu(uint16_t code)
{
	return BPF_OP(code) <= BPF_XOR && (code & ~(BPF_SRC(code) | 7u | 0xf0u)) == 0;
}

static bool known_jump(uint16_t code)
{
	if (code & ~0xffu)
		return false;
	return code == (BPF_JMP | BPF_JA) || (BPF_OP(code) >= BPF_JEQ && BPF_OP(code) <= BPF_JSET);
}

static bool known(uint16_t code)
{
	switch (BPF_CLASS(code)) {
	case BPF_LD:
	case BPF_LDX:
		return known_load(code);
	case BPF_ST:
	case BPF_STX:
		return code == BPF_CLASS(code);
	case BPF_ALU:
		return known_alu(code);
	case BPF_JMP:
		return known_jump(code);
	case BPF_RET:
		return code == (BPF_RET | BPF_K) || code == (BPF_RET | BPF_A);
	default:
		return code == (BPF_MISC | BPF_TAX) || code == (BPF_MISC | BPF_TXA);
	}
}

static bool uses_memory(const struct sock_filter *insn)
{
	uint16_t class = BPF_CLASS(insn->code);

	return class == BPF_ST || class == BPF_STX ||
	       ((class == BPF_LD || class == BPF_LDX) && BPF_MODE(insn->code) == BPF_MEM);
}

static const char *wrong_constant(const struct sock_filter *insn)
{
	uint16_t op = BPF_OP(insn->code);

	if (uses_memory(insn) && insn->k >= BPF_MEMWORDS)
		return "there is no such memory word";
	if (BPF_CLASS(insn->code) != BPF_ALU || BPF_SRC(insn->code) != BPF_K)
		return NULL;
	if ((op == BPF_DIV || op == BPF_MOD) && insn->k == 0)
		return "a division by 0";
	if ((op == BPF_LSH || op == BPF_RSH) && insn->k >= 32)
		return "a shift by 32 or more";
	return NULL;
}

static bool jumps_outside(const struct sock_filter *insn, uint32_t left)
{
	if (BPF_CLASS(insn->code) != BPF_JMP)
		return false;
	return BPF_OP(insn->code) == BPF_JA ? insn->k >= left
					    : insn->jt >= left || insn->jf >= left;
}

int pp_cbpf_check(const struct sock_filter *insn, uint32_t count, struct pp_error *err)
{
	if (count == 0 || count > PP_CBPF_INSNS_MAX)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "a filter has 1 to %u instructions, and this one %u",
				    PP_CBPF_INSNS_MAX, count);
	for (uint32_t i = 0; i < count; i++) {
		const char *wrong = wrong_constant(&insn[i]);

		if (!known(insn[i].code))
			return bad(err, i, "unknown");
		if (wrong != NULL)
			return bad(err, i, wrong);
		// libpcap makes loops for protochain, as jumps by a negative number.
		if (jumps_outside(&insn[i], count - i - 1))
			return bad(err, i, "a jump backward or to behind the end");
	}
	if (BPF_CLASS(insn[count - 1].code) != BPF_RET)
		return bad(err, count - 1, "expected a return at the end");
	return 0;
}

static void
add(const struct translation *t, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	pp_bpf_code_add(t->code, op, dst, src, off, imm);
}

static void move32(const struct translation *t, uint8_t dst, uint32_t k)
{
	add(t, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, (int32_t)k);
}

static void go(const struct translation *t, uint32_t label)
{
	pp_bpf_code_jump(t->code, BPF_JMP | BPF_JA, 0, 0, 0, label);
}

static uint32_t size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static void from_network(const struct translation *t, uint8_t reg, uint32_t size)
{
	if (size > 1)
		add(t, BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, (int32_t)size * 8);
}

// Not in the first buffer: the offset is in register 2.
static void load_far(const struct translation *t, uint16_t code, uint8_t to)
{
	add(t, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, CTX, 0, 0);
	add(t, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, FP, 0, 0);
	add(t, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, PP_CBPF_LOAD_AT);
	add(t, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, (int32_t)size_of(code));
	add(t, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_xdp_load_bytes);
	pp_bpf_code_jump(t->code, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, t->no_match);
	add(t, (uint8_t)(BPF_LDX | BPF_MEM | BPF_SIZE(code)), to, FP, PP_CBPF_LOAD_AT, 0);
}

// Load from the offset in register 2, zero-extended and as large as 33 bits.
static void load_at_register(const struct translation *t, uint16_t code, uint8_t to)
{
	uint32_t far = pp_bpf_code_labels(t->code, 2), done = far + 1;

	if (!t->frags)
		far = t->no_match;
	pp_bpf_code_jump(t->code, BPF_JMP | BPF_JGT | BPF_K, BPF_REG_2, 0, NEAR_MAX, far);
	add(t, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, DATA, 0, 0);
	add(t, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	add(t, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_1, 0, 0);
	add(t, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, (int32_t)size_of(code));
	add(t, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, CTX, offsetof(struct xdp_md, data_end), 0);
	pp_bpf_code_jump(t->code, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_3, BPF_REG_4, 0, far);
	add(t, (uint8_t)(BPF_LDX | BPF_MEM | BPF_SIZE(code)), to, BPF_REG_1, 0, 0);
	if (t->frags) {
		go(t, done);
		pp_bpf_code_mark(t->code, far);
		pp_bpf_code_jump(t->code, BPF_JMP | BPF_JGT | BPF_K, BPF_REG_2, 0, FAR_MAX,
				 t->no_match);
		load_far(t, code, to);
	}
	pp_bpf_code_mark(t->code, done);
	from_network(t, to, size_of(code));
}

// The same for an offset that is known and near.
static void load_near(const struct translation *t, uint16_t code, uint32_t k, uint8_t to)
{
	uint32_t far = pp_bpf_code_labels(t->code, 2), done = far + 1, size = size_of(code);

	if (!t->frags)
		far = t->no_match;
	add(t, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, DATA, 0, 0);
	add(t, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, (int32_t)(k + size));
	add(t, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, CTX, offsetof(struct xdp_md, data_end), 0);
	pp_bpf_code_jump(t->code, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_1, BPF_REG_2, 0, far);
	add(t, (uint8_t)(BPF_LDX | BPF_MEM | BPF_SIZE(code)), to, DATA, (int16_t)k, 0);
	if (t->frags) {
		go(t, done);
		pp_bpf_code_mark(t->code, far);
		move32(t, BPF_REG_2, k);
		load_far(t, code, to);
	}
	pp_bpf_code_mark(t->code, done);
	from_network(t, to, size);
}

static void load_absolute(const struct translation *t, uint16_t code, uint32_t k, uint8_t to)
{
	if (k < NEAR_MAX - 8) {
		load_near(t, code, k, to);
		return;
	}
	move32(t, BPF_REG_2, k);
	load_at_register(t, code, to);
}

static void load_indirect(const struct translation *t, const struct sock_filter *insn)
{
	move32(t, BPF_REG_2, insn->k);
	add(t, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_2, X, 0, 0);
	load_at_register(t, insn->code, A);
}

// IPv4's header length: four times the low half of a byte.
static void load_header_length(const struct translation *t, uint32_t k)
{
	load_absolute(t, BPF_LD | BPF_B | BPF_ABS, k, X);
	add(t, BPF_ALU | BPF_AND | BPF_K, X, 0, 0, 15);
	add(t, BPF_ALU | BPF_LSH | BPF_K, X, 0, 0, 2);
}

static int16_t memory_at(uint32_t k)
{
	return (int16_t)(PP_CBPF_MEM_AT + 4 * (int)k);
}

static void load(const struct translation *t, const struct sock_filter *insn)
{
	uint8_t to = BPF_CLASS(insn->code) == BPF_LD ? A : X;

	switch (BPF_MODE(insn->code)) {
	case BPF_ABS:
		load_absolute(t, insn->code, insn->k, A);
		break;
	case BPF_IND:
		load_indirect(t, insn);
		break;
	case BPF_MSH:
		load_header_length(t, insn->k);
		break;
	case BPF_LEN:
		add(t, BPF_LDX | BPF_MEM | BPF_W, to, FP, PP_CBPF_LEN_AT, 0);
		break;
	case BPF_MEM:
		add(t, BPF_LDX | BPF_MEM | BPF_W, to, FP, memory_at(insn->k), 0);
		break;
	default:
		move32(t, to, insn->k);
	}
}

// A shift by 32 or more leaves nothing, where BPF would take the shift modulo 32.
static void shift_by_register(const struct translation *t, uint8_t op)
{
	uint32_t far = pp_bpf_code_labels(t->code, 2), done = far + 1;

	pp_bpf_code_jump(t->code, BPF_JMP32 | BPF_JGT | BPF_K, X, 0, 31, far);
	add(t, op, A, X, 0, 0);
	go(t, done);
	pp_bpf_code_mark(t->code, far);
	move32(t, A, 0);
	pp_bpf_code_mark(t->code, done);
}

static void calculate(const struct translation *t, const struct sock_filter *insn)
{
	uint8_t op = (uint8_t)insn->code, what = BPF_OP(op);

	if (what == BPF_NEG) {
		add(t, BPF_ALU | BPF_NEG, A, 0, 0, 0);
	} else if (BPF_SRC(op) == BPF_K) {
		add(t, op, A, 0, 0, (int32_t)insn->k);
	} else if (what == BPF_LSH || what == BPF_RSH) {
		shift_by_register(t, op);
	} else {
		if (what == BPF_DIV || what == BPF_MOD)
			pp_bpf_code_jump(t->code, BPF_JMP32 | BPF_JEQ | BPF_K, X, 0, 0,
					 t->no_match);
		add(t, op, A, X, 0, 0);
	}
}

static void jump(const struct translation *t, const struct sock_filter *insn, uint32_t next)
{
	uint8_t op = (uint8_t)(BPF_JMP32 | BPF_OP(insn->code) | BPF_SRC(insn->code));

	if (BPF_OP(insn->code) == BPF_JA) {
		go(t, next + insn->k);
		return;
	}
	pp_bpf_code_jump(t->code, op, A, BPF_SRC(op) == BPF_X ? X : 0,
			 BPF_SRC(op) == BPF_X ? 0 : (int32_t)insn->k, next + insn->jt);
	if (insn->jf > 0)
		go(t, next + insn->jf);
}

static void answer(const struct translation *t, const struct sock_filter *insn)
{
	if (insn->code == (BPF_RET | BPF_K)) {
		go(t, insn->k > 0 ? t->match : t->no_match);
		return;
	}
	pp_bpf_code_jump(t->code, BPF_JMP32 | BPF_JNE | BPF_K, A, 0, 0, t->match);
	go(t, t->no_match);
}

static void translate(const struct translation *t, const struct sock_filter *insn, uint32_t next)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		load(t, insn);
		break;
	case BPF_ST:
		add(t, BPF_STX | BPF_MEM | BPF_W, FP, A, memory_at(insn->k), 0);
		break;
	case BPF_STX:
		add(t, BPF_STX | BPF_MEM | BPF_W, FP, X, memory_at(insn->k), 0);
		break;
	case BPF_ALU:
		calculate(t, insn);
		break;
	case BPF_JMP:
		jump(t, insn, next);
		break;
	case BPF_RET:
		answer(t, insn);
		break;
	default:
		add(t, BPF_ALU | BPF_MOV | BPF_X, BPF_MISCOP(insn->code) == BPF_TAX ? X : A,
		    BPF_MISCOP(insn->code) == BPF_TAX ? A : X, 0, 0);
	}
}

// What nobody comes to: the verifier refuses it.
static void find_reached(const struct sock_filter *insn, uint32_t count, bool *reached)
{
	memset(reached, 0, count * sizeof(*reached));
	reached[0] = true;
	for (uint32_t i = 0; i < count; i++) {
		if (!reached[i] || BPF_CLASS(insn[i].code) == BPF_RET)
			continue;
		if (BPF_CLASS(insn[i].code) != BPF_JMP) {
			reached[i + 1] = true;
		} else if (BPF_OP(insn[i].code) == BPF_JA) {
			reached[i + 1 + insn[i].k] = true;
		} else {
			reached[i + 1 + insn[i].jt] = true;
			reached[i + 1 + insn[i].jf] = true;
		}
	}
}

static void begin(const struct translation *t, const struct sock_filter *insn, uint32_t count)
{
	bool memory = false;

	move32(t, A, 0);
	move32(t, X, 0);
	// Never taken, and removed by the verifier, which refuses what no jump goes to.
	pp_bpf_code_jump(t->code, BPF_JMP | BPF_JNE | BPF_K, A, 0, 0, t->match);
	pp_bpf_code_jump(t->code, BPF_JMP | BPF_JNE | BPF_K, A, 0, 0, t->no_match);
	for (uint32_t i = 0; i < count; i++)
		memory |= uses_memory(&insn[i]);
	for (int i = 0; memory && i < BPF_MEMWORDS / 2; i++)
		add(t, BPF_ST | BPF_MEM | BPF_DW, FP, 0, memory_at(2 * (uint32_t)i), 0);
}

void pp_cbpf_translate(const struct sock_filter *insn,
		       uint32_t count,
		       bool frags,
		       uint32_t match,
		       uint32_t no_match,
		       struct pp_bpf_code *code)
{
	struct translation t = {code, frags, match, no_match, 0};
	bool reached[PP_CBPF_INSNS_MAX];

	t.first = pp_bpf_code_labels(code, count);
	find_reached(insn, count, reached);
	begin(&t, insn, count);
	for (uint32_t i = 0; i < count; i++) {
		if (!reached[i])
			continue;
		pp_bpf_code_mark(code, t.first + i);
		translate(&t, &insn[i], t.first + i + 1);
	}
}
