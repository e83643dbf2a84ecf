// SPDX-License-Identifier: MIT OR Apache-2.0
#include "pcap_judge.h"

#include <pcap/pcap.h>
#include <string.h>

uint32_t
pcap_judge_compile(const char *expression, bool optimize, struct sock_filter *insn, uint32_t max)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	struct bpf_program program;
	uint32_t count = 0;

	if (pcap_compile(pcap, &program, expression, optimize, PCAP_NETMASK_UNKNOWN) == 0) {
		count = program.bf_len <= max ? program.bf_len : 0;
		// The same eight bytes by another name.
		memcpy(insn, program.bf_insns, count * sizeof(*program.bf_insns));
		pcap_freecode(&program);
	}
	pcap_close(pcap);
	return count;
}

bool pcap_judge_run(const struct sock_filter *insn, const uint8_t *data, uint32_t bytes)
{
	return bpf_filter((const void *)insn, data, bytes, bytes) != 0;
}
