// SPDX-License-Identifier: MIT OR Apache-2.0
// Filters as the kernel runs them, translated, against libpcap's own interpreter: expressions over many
// packets, then random programs, in one buffer and in several. Needs root.
#include "cbpf.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <linux/if_link.h>

#include "bpf_code.h"
#include "packet.h"
#include "pcap_judge.h"
#include "rule_gen.h"

#define PACKETS 60
#define EXPRESSIONS 1500
#define PROGRAMS 1500
#define LONG_BYTES 9000u // three buffers
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(cbpf, .timeout = 120);

static struct packet packets[PACKETS];
static uint64_t state = 20261126;

static uint32_t below(uint32_t limit)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % limit;
}

static const char *address(bool six)
{
	static const char *const four[] = {"192.0.2.1", "192.0.2.2", "198.51.100.7", "203.0.113.9"};
	static const char *const long_ones[] = {"2001:db8::1", "2001:db8::2", "2001:db8:1::1"};

	return six ? long_ones[below(COUNT(long_ones))] : four[below(COUNT(four))];
}

static void make_packet(struct packet *packet, uint32_t number)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_SCTP, 99};
	bool six = below(3) == 0;

	packet_begin(packet, PP_FRAME_ETHERNET);
	for (uint32_t tags = below(4); tags > 1; tags--)
		packet_vlan(packet, 0x8100, (uint16_t)below(8));
	packet_ip(packet, address(six), address(six));
	packet_l4(packet, protos[below(COUNT(protos))], (uint16_t)(50 + below(8)),
		  (uint16_t)(50 + below(8)));
	packet_payload(packet, number % 10 == 0 ? LONG_BYTES : below(200));
	packet_finish(packet);
	for (uint32_t i = number % 7 == 0 ? below(40) : 0; i > 0; i--)
		packet->data[12 + below(60)] = (uint8_t)below(256);
	if (number % 5 == 0 && packet->len_bytes > 20 && packet->len_bytes < 200)
		packet->len_bytes = 14 + below(packet->len_bytes - 14);
	for (uint32_t i = 0; number % 10 == 0 && i < LONG_BYTES / 2; i++)
		packet->data[packet->len_bytes - 1 - i] = (uint8_t)below(256);
}

static void setup(void)
{
	for (uint32_t i = 0; i < PACKETS; i++)
		make_packet(&packets[i], i);
}

static void add(struct pp_bpf_code *code, uint8_t op, uint8_t dst, uint8_t src, int off, int imm)
{
	pp_bpf_code_add(code, op, dst, src, (int16_t)off, imm);
}

// What a dump's program has in front of its filter, and an answer behind: XDP_DROP is a match.
static void
write_program(struct pp_bpf_code *code, const struct sock_filter *insn, uint32_t count, bool frags)
{
	uint32_t match = pp_bpf_code_labels(code, 2), no_match = match + 1;

	add(code, BPF_ALU64 | BPF_MOV | BPF_X, PP_CBPF_CTX, BPF_REG_1, 0, 0);
	add(code, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_xdp_get_buff_len);
	add(code, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, PP_CBPF_LEN_AT, 0);
	add(code, BPF_LDX | BPF_MEM | BPF_W, PP_CBPF_DATA, PP_CBPF_CTX,
	    offsetof(struct xdp_md, data), 0);
	pp_cbpf_translate(insn, count, frags, match, no_match, code);
	pp_bpf_code_mark(code, match);
	add(code, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_DROP);
	add(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	pp_bpf_code_mark(code, no_match);
	add(code, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS);
	add(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

// @return  A program; -errno.
static int load(const struct sock_filter *insn, uint32_t count, bool frags)
{
	static char log[65536];
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP,
		    .prog_flags = frags ? BPF_F_XDP_HAS_FRAGS : 0, .log_level = 0);
	struct pp_bpf_code code = {0};
	struct pp_error err;
	int fd;

	write_program(&code, insn, count, frags);
	cr_assert_eq(pp_bpf_code_finish(&code, &err), 0, "%s", err.text);
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "cbpf_test", "Dual MIT/GPL", code.insn, code.count,
			   &opts);
	if (fd < 0) {
		opts.log_level = 1;
		opts.log_buf = log;
		opts.log_size = sizeof(log);
		bpf_prog_load(BPF_PROG_TYPE_XDP, "cbpf_test", "Dual MIT/GPL", code.insn, code.count,
			      &opts);
		cr_log_error("%s", log + (strlen(log) > 1500 ? strlen(log) - 1500 : 0));
	}
	pp_bpf_code_fini(&code);
	return fd;
}

static bool run(int fd, const struct packet *packet)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->data,
		    .data_size_in = packet->len_bytes, .repeat = 1);

	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0, "%s", strerror(errno));
	return opts.retval == XDP_DROP;
}

// @return  Packets that matched.
static uint32_t compare(const struct sock_filter *insn, uint32_t count, const char *what)
{
	int plain = load(insn, count, false), frags = load(insn, count, true);
	uint32_t matched = 0;

	cr_assert(plain >= 0 && frags >= 0, "%s", what);
	for (uint32_t i = 0; i < PACKETS; i++) {
		const struct packet *packet = &packets[i];
		bool want = pcap_judge_run(insn, packet->data, packet->len_bytes);

		matched += want;
		cr_assert_eq(run(frags, packet), want, "%s: packet %u in buffers", what, i);
		if (packet->len_bytes < 3000)
			cr_assert_eq(run(plain, packet), want, "%s: packet %u", what, i);
	}
	close(plain);
	close(frags);
	return matched;
}

static size_t make_primitive(char *out, size_t room)
{
	static const char *const fixed[] = {"udp",
					    "tcp",
					    "icmp",
					    "sctp",
					    "ip",
					    "ip6",
					    "arp",
					    "vlan",
					    "ip proto 99",
					    "not ip",
					    "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
					    "icmp[icmptype] = icmp-echo",
					    "ip multicast",
					    "ether broadcast",
					    "ip[6:2] & 0x1fff = 0",
					    "len - 14 = ip[2:2]",
					    "ip6 proto 17",
					    "ether[0] & 1 = 0",
					    "tcp[12] >> 4 > 5",
					    "ip[ip[8]] = ip[9]",
					    "ip[0] & 15 * 4 + 8 < 40",
					    "4 / ip[1] = 0",
					    "ip[2:2] % 7 = 3",
					    "-ip[8] < 0"};
	static const char *const dir[] = {"", "src ", "dst ", "src or dst "};

	switch (below(9)) {
	case 0:
		return (size_t)snprintf(out, room, "%shost %s", dir[below(4)], address(below(2)));
	case 1:
		return (size_t)snprintf(out, room, "%snet 192.0.%u.0/24", dir[below(4)], below(4));
	case 2:
		return (size_t)snprintf(out, room, "%sport %u", dir[below(4)], 50 + below(8));
	case 3:
		return (size_t)snprintf(out, room, "udp %sportrange %u-%u", dir[below(4)],
					50 + below(4), 54 + below(4));
	case 4:
		return (size_t)snprintf(out, room, "%s %u", below(2) ? "greater" : "less",
					below(300));
	case 5:
		return (size_t)snprintf(out, room, "udp[%u:%u] > %u", below(9500), 1u << below(3),
					below(1u << 31));
	case 6:
		return (size_t)snprintf(out, room, "ether[%u:%u] & %u != 0", below(9500),
					1u << below(3), below(1u << 31));
	default:
		return (size_t)snprintf(out, room, "%s", fixed[below(COUNT(fixed))]);
	}
}

static void make_expression(char *out, size_t room)
{
	size_t used = 0;

	if (below(6) == 0)
		used = (size_t)snprintf(out, room, "vlan %u and ", below(8));
	for (uint32_t i = 1 + below(4); i > 0; i--) {
		used += (size_t)snprintf(out + used, room - used, below(3) ? "(" : "not (");
		used += make_primitive(out + used, room - used);
		used += (size_t)snprintf(out + used, room - used, ")%s",
					 i == 1	    ? ""
					 : below(2) ? " and "
						    : " or ");
	}
}

Test(cbpf, expressions_mean_in_the_kernel_what_they_mean_to_libpcap, .init = setup)
{
	struct sock_filter insn[PP_CBPF_INSNS_MAX];
	uint32_t compared = 0, matched = 0, count;
	struct pp_error err;
	char text[1024];

	for (uint32_t i = 0; i < EXPRESSIONS; i++) {
		make_expression(text, sizeof(text));
		count = pcap_judge_compile(text, below(4) != 0, insn, PP_CBPF_INSNS_MAX);
		if (count == 0) // a contradiction
			continue;
		cr_assert_eq(pp_cbpf_check(insn, count, &err), 0, "%s: %s", text, err.text);
		matched += compare(insn, count, text);
		compared++;
	}
	cr_assert_gt(compared, EXPRESSIONS / 2);
	cr_assert_gt(matched, compared);
}

static uint32_t number(void)
{
	static const uint32_t edges[] = {0,	 1,	     14,	  31,
					 255,	 0x7ff0,     0x7fff,	  0xffff,
					 0x8000, 0x7fffffff, 0xfffff000u, 0xffffffffu};

	return below(3) ? below(80) : edges[below(COUNT(edges))];
}

static struct sock_filter random_load(void)
{
	static const uint16_t codes[] = {
		BPF_LD | BPF_W | BPF_ABS,  BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_B | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND,  BPF_LD | BPF_H | BPF_IND, BPF_LD | BPF_B | BPF_IND,
		BPF_LDX | BPF_B | BPF_MSH, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN,
		BPF_LD | BPF_IMM,	   BPF_LDX | BPF_IMM,	     BPF_LD | BPF_MEM,
		BPF_LDX | BPF_MEM};
	struct sock_filter insn = {.code = codes[below(COUNT(codes))], .k = number()};

	if (BPF_MODE(insn.code) == BPF_MEM)
		insn.k = below(4);
	return insn;
}

static struct sock_filter random_alu(void)
{
	struct sock_filter insn = {.code = (uint16_t)(BPF_ALU | below(11) << 4), .k = number()};

	if (BPF_OP(insn.code) != BPF_NEG && below(2))
		insn.code |= BPF_X;
	if (BPF_OP(insn.code) == BPF_LSH || BPF_OP(insn.code) == BPF_RSH)
		insn.k = below(32);
	if (BPF_OP(insn.code) == BPF_DIV || BPF_OP(insn.code) == BPF_MOD)
		insn.k |= 1;
	return insn;
}

static struct sock_filter random_jump(uint32_t left)
{
	struct sock_filter insn = {.code = BPF_JMP | BPF_JA, .k = below(left)};

	if (below(8) == 0)
		return insn;
	insn.code = (uint16_t)(BPF_JMP | (1 + below(4)) << 4 | (below(2) ? BPF_X : BPF_K));
	insn.k = number();
	insn.jt = (uint8_t)below(left < 256 ? left : 256);
	insn.jf = (uint8_t)below(left < 256 ? left : 256);
	return insn;
}

// Memory words are written before anything reads them: libpcap's interpreter has rubbish there.
static uint32_t make_program(struct sock_filter *insn)
{
	uint32_t count = 8 + below(40);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t kind = below(10);

		if (i < 4)
			insn[i] = (struct sock_filter){.code = BPF_ST, .k = i};
		else if (i + 2 >= count)
			insn[i] = (struct sock_filter){.code = BPF_RET | (below(4) ? BPF_A : BPF_K),
						       .k = below(3)};
		else if (kind < 4)
			insn[i] = random_load();
		else if (kind < 6)
			insn[i] = random_alu();
		else if (kind < 8)
			insn[i] = random_jump(count - i - 1);
		else if (kind == 8)
			insn[i] = (struct sock_filter){.code = below(2) ? BPF_ST : BPF_STX,
						       .k = below(4)};
		else
			insn[i] = (struct sock_filter){.code = BPF_MISC |
							       (below(2) ? BPF_TAX : BPF_TXA)};
	}
	return count;
}

Test(cbpf, random_programs_answer_as_libpcap_does, .init = setup)
{
	struct sock_filter insn[64];
	uint32_t matched = 0, count;
	struct pp_error err;
	char name[32];

	for (uint32_t i = 0; i < PROGRAMS; i++) {
		count = make_program(insn);
		snprintf(name, sizeof(name), "program %u", i);
		cr_assert_eq(pp_cbpf_check(insn, count, &err), 0, "%s: %s", name, err.text);
		matched += compare(insn, count, name);
	}
	cr_assert_gt(matched, PROGRAMS);
}

Test(cbpf, a_hundred_hosts_load, .init = setup)
{
	static struct sock_filter insn[PP_CBPF_INSNS_MAX];
	static char text[8192];
	size_t used = 0;
	uint32_t count;

	for (uint32_t i = 0; i < 100; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s(host 192.0.%u.%u and port %u)", i ? " or " : "",
					 1 + i % 3, 1 + i, 50 + i % 8);
	count = pcap_judge_compile(text, true, insn, PP_CBPF_INSNS_MAX);
	cr_assert_gt(count, 100);
	compare(insn, count, "a hundred hosts");
}

Test(cbpf, loop_of_protochain_is_refused)
{
	struct sock_filter insn[512];
	uint32_t count = pcap_judge_compile("ip6 protochain 17", true, insn, 512);
	struct pp_error err;

	cr_assert_gt(count, 0);
	cr_assert_eq(pp_cbpf_check(insn, count, &err), -EINVAL);
	cr_assert_neq(strstr(err.text, "backward"), NULL, "%s", err.text);
}
