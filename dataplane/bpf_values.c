// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bpf_values.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

static bool is_value_map(int fd, bool (*is_value)(const char *name))
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && is_value(info.name);
}

int pp_bpf_values_address(struct bpf_program *prog, bool (*is_value)(const char *name))
{
	size_t count = bpf_program__insn_cnt(prog);
	struct bpf_insn *insn = malloc(count * sizeof(*insn));
	int ret;

	if (insn == NULL)
		return -ENOMEM;
	memcpy(insn, bpf_program__insns(prog), count * sizeof(*insn));
	for (size_t i = 0; i + 1 < count; i++)
		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		    insn[i].src_reg == BPF_PSEUDO_MAP_FD && is_value_map(insn[i].imm, is_value))
			insn[i].src_reg = BPF_PSEUDO_MAP_VALUE;
	ret = bpf_program__set_insns(prog, insn, count);
	free(insn);
	return ret;
}
