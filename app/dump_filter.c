// SPDX-License-Identifier: MIT OR Apache-2.0
#include "dump_filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include <push-packet/abi.h>

#define SNAP_BYTES 262144 // so that what lies far behind is not thought to be beyond the end
#define COMPLETION_BYTES 64
#define CLOSING_MAX 32

static int link_type(int frame_kind)
{
	return frame_kind == PP_FRAME_RAW_IP ? DLT_RAW : DLT_EN10MB;
}

// @param why  PCAP_ERRBUF_SIZE bytes.
static bool compile(const char *expression, int link, struct bpf_program *out, char *why)
{
	pcap_t *pcap = pcap_open_dead(link, SNAP_BYTES);
	bool good = pcap && !pcap_compile(pcap, out, expression, 1, PCAP_NETMASK_UNKNOWN);

	if (!good)
		snprintf(why, PCAP_ERRBUF_SIZE, "%s", pcap ? pcap_geterr(pcap) : "out of memory");
	if (pcap)
		pcap_close(pcap);
	return good;
}

static bool compiles(const char *expression, int link)
{
	struct bpf_program program;
	char why[PCAP_ERRBUF_SIZE];

	if (!compile(expression, link, &program, why))
		// A contradiction is well written.
		return strstr(why, "rejects all packets");
	pcap_freecode(&program);
	return true;
}

// What is open in the first len bytes, to be closed.
static void closing_of(const char *text, size_t len, char out[CLOSING_MAX + 1])
{
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		if ((text[i] == '(' || text[i] == '[') && depth < CLOSING_MAX)
			out[depth++] = text[i] == '(' ? ')' : ']';
		else if ((text[i] == ')' || text[i] == ']') && depth > 0)
			depth--;
	}
	out[depth] = '\0';
	for (size_t i = 0; i < depth / 2; i++) {
		char other = out[i];

		out[i] = out[depth - 1 - i];
		out[depth - 1 - i] = other;
	}
}

// Whether the first len bytes can be the beginning of an expression: something completes them.
static bool can_begin(const char *text, size_t len, int link)
{
	static const char *const completion[] = {
		"",
		" 1",
		" ip",
		" tcp",
		" 192.0.2.1",
		" 2001:db8::1",
		" 192.0.2.0/24",
		" 02:00:00:00:00:01",
		" 1-2",
		" host 192.0.2.1",
		" port 1",
		" broadcast",
		" = 1",
		" 1 = 1",
		" 0] = 1",
		"] = 1",
		" 255.255.255.0",
		" proto 6",
		" lo",
	};
	char closing[CLOSING_MAX + 1], *trial = malloc(len + COMPLETION_BYTES + CLOSING_MAX);
	bool can = false;

	closing_of(text, len, closing);
	for (size_t i = 0; trial && !can && i < sizeof(completion) / sizeof(completion[0]); i++) {
		const char *end = closing;

		// A completion that closes a bracket has done so.
		if (strchr(completion[i], ']') && end[0] == ']')
			end++;
		sprintf(trial, "%.*s%s%s", (int)len, text, completion[i], end);
		can = compiles(trial, link);
	}
	free(trial);
	return can;
}

// Where the first word begins with which it can be no expression any more, from 0.
static size_t find_wrong(const char *text, int link)
{
	size_t at = 0, begin = 0;

	while (text[at]) {
		while (isspace((unsigned char)text[at]))
			at++;
		if (!text[at])
			break;
		begin = at;
		while (text[at] && !isspace((unsigned char)text[at]))
			at++;
		if (!can_begin(text, at, link))
			return begin;
	}
	// Each word can follow: something is missing at the end.
	return at;
}

static json_t *to_numbers(const struct bpf_program *program)
{
	json_t *list = json_array();
	char line[64];

	for (unsigned int i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *insn = &program->bf_insns[i];

		snprintf(line, sizeof(line), "%u %u %u %u", insn->code, insn->jt, insn->jf,
			 insn->k);
		json_array_append_new(list, json_string(line));
	}
	return list;
}

json_t *pp_dump_filter_compile(const char *expression, int frame_kind, struct pp_error *err)
{
	int link = link_type(frame_kind);
	struct bpf_program program;
	char why[PCAP_ERRBUF_SIZE];
	json_t *list;
	size_t wrong;

	if (!compile(expression, link, &program, why)) {
		wrong = strstr(why, "rejects all packets") ? 0 : find_wrong(expression, link);
		pp_error_set(err, -EINVAL, 1, (uint32_t)wrong + 1, "%s", why);
		return NULL;
	}
	list = to_numbers(&program);
	pcap_freecode(&program);
	return list;
}

json_t *pp_dump_filter_none(void)
{
	return json_pack("[s]", "6 0 0 0");
}
