// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "gen_table.h"
#include "units.h"

#define SPORT_DEFAULT 1024
#define DPORT_DEFAULT 9
#define WAIT_XDP_DEFAULT_NS 10000000000u
#define VLAN_MAX 4094

struct word {
	const char *word;
	uint8_t value;
};

static const struct word proto_word[] = {
	{"udp", IPPROTO_UDP},	      {"tcp", IPPROTO_TCP},
	{"icmp", IPPROTO_ICMP},	      {"sctp", IPPROTO_SCTP},
	{"udplite", IPPROTO_UDPLITE}, {"icmpv6", IPPROTO_ICMPV6},
	{"icmp6", IPPROTO_ICMPV6},    {NULL, 0},
};

static const struct word ext_word[] = {
	{"hbh", IPPROTO_HOPOPTS},   {"dst", IPPROTO_DSTOPTS}, {"rt", IPPROTO_ROUTING},
	{"frag", IPPROTO_FRAGMENT}, {"ah", IPPROTO_AH},	      {NULL, 0},
};

static const struct word fragment_word[] = {
	{"first", PP_GEN_FRAGMENT_FIRST},
	{"later", PP_GEN_FRAGMENT_LATER},
	{"both", PP_GEN_FRAGMENT_BOTH},
	{NULL, 0},
};

static const struct word payload_word[] = {{"none", 0}, {"seq", 1}, {NULL, 0}};

static const struct word via_word[] = {
	{"auto", PP_GEN_VIA_AUTO}, {"live", PP_GEN_VIA_LIVE}, {"socket", PP_GEN_VIA_SOCKET},
	{"tun", PP_GEN_VIA_TUN},   {"tap", PP_GEN_VIA_TAP},   {NULL, 0},
};

const char *pp_gen_via_name(uint8_t via)
{
	return via_word[via].word;
}

// What has been read, and what must wait until everything has been.
struct parse {
	struct pp_gen_options *opt;
	struct pp_error *err;
	const char *src;
	const char *dst;
	bool ip6;
	bool sport_set;
	bool icmp_word;
};

static int expected(struct parse *p, const char *what)
{
	return pp_error_set(p->err, -EINVAL, 0, 0, "expected %s", what);
}

static int parse_word(struct parse *p,
		      const struct word *word,
		      const char *value,
		      size_t n,
		      const char *what,
		      uint8_t *out)
{
	for (; word->word != NULL; word++) {
		if (strlen(word->word) != n || strncmp(word->word, value, n) != 0)
			continue;
		*out = word->value;
		return 0;
	}
	return expected(p, what);
}

static int parse_mac(struct parse *p, const char *value, uint8_t *mac)
{
	unsigned int byte[6];
	int end = 0;

	if (sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5], &end) != 6 ||
	    value[end] != '\0' || strlen(value) != 17 || strpbrk(value, " \t+-") != NULL)
		return expected(p, "a MAC address such as 02:00:00:00:00:01");
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)byte[i];
	return 0;
}

// N or N-M, both inclusive.
static int parse_ports(struct parse *p, const char *value, struct pp_gen_ports *out)
{
	char lo_text[8] = "";
	const char *dash = strchr(value, '-'), *hi_text = dash != NULL ? dash + 1 : value;
	size_t n = dash != NULL ? (size_t)(dash - value) : strlen(value);
	uint64_t lo, hi;

	if (n < sizeof(lo_text))
		memcpy(lo_text, value, n);
	if (pp_units_parse_number(lo_text, 0, UINT16_MAX, &lo) < 0 ||
	    pp_units_parse_number(hi_text, 0, UINT16_MAX, &hi) < 0 || lo > hi)
		return expected(p, "a port 0 to 65535, or an ascending range N-M");
	*out = (struct pp_gen_ports){.lo = (uint16_t)lo, .hi = (uint16_t)hi};
	return 0;
}

static int parse_vlan(struct parse *p, const char *value)
{
	struct pp_gen_spec *spec = &p->opt->spec;
	const char *comma = strchr(value, ','), *inner = comma != NULL ? comma + 1 : NULL;
	size_t n = comma != NULL ? (size_t)(comma - value) : strlen(value);
	char outer[8] = "";
	uint64_t id[2] = {0};

	if (n < sizeof(outer))
		memcpy(outer, value, n);
	if (pp_units_parse_number(outer, 0, VLAN_MAX, &id[0]) < 0 ||
	    (inner != NULL && pp_units_parse_number(inner, 0, VLAN_MAX, &id[1]) < 0))
		return expected(p, "one or two ids 0 to 4094, as in 100 or 100,200");
	spec->vlan_count = inner != NULL ? 2 : 1;
	spec->vlan[0] = (uint16_t)id[0];
	spec->vlan[1] = (uint16_t)id[1];
	return 0;
}

static int parse_ext(struct parse *p, const char *value)
{
	struct pp_gen_spec *spec = &p->opt->spec;
	const char *what = "a list of hbh, dst, rt, frag, ah, at most 8 of them";
	const char *at = value;

	spec->ext_count = 0;
	for (;;) {
		size_t n = strcspn(at, ",");

		if (spec->ext_count == PP_GEN_EXT_MAX ||
		    parse_word(p, ext_word, at, n, what, &spec->ext[spec->ext_count]) < 0)
			return expected(p, what);
		spec->ext_count++;
		if (at[n] == '\0')
			return 0;
		at += n + 1;
	}
}

static int parse_proto(struct parse *p, const char *value)
{
	const char *what = "udp, tcp, icmp, sctp, udplite or a number 0 to 255";
	uint64_t number;

	p->icmp_word = strcmp(value, "icmp") == 0;
	if (pp_units_parse_number(value, 0, 255, &number) < 0)
		return parse_word(p, proto_word, value, strlen(value), what, &p->opt->spec.proto);
	p->opt->spec.proto = (uint8_t)number;
	return 0;
}

static int parse_count(struct parse *p, const char *value, uint64_t most, uint64_t *out)
{
	uint64_t count;

	if (pp_units_parse_count(value, &count) < 0 || count == 0 || count > most)
		return expected(p, "a number from 1, such as 1000000, 10k or 1M");
	*out = count;
	return 0;
}

static int parse_number(struct parse *p, const char *value, uint64_t most, uint64_t *out)
{
	if (pp_units_parse_number(value, 0, most, out) < 0)
		return pp_error_set(p->err, -EINVAL, 0, 0, "expected a number 0 to %llu",
				    (unsigned long long)most);
	return 0;
}

static int parse_duration(struct parse *p, const char *value, bool zero, uint64_t *out)
{
	if (pp_units_parse_duration(value, out) < 0 || (*out == 0 && !zero))
		return expected(p, "a duration such as 500ms, 60s or 10m");
	return 0;
}

static int parse_rate(struct parse *p, const char *value)
{
	if (pp_units_parse_rate(value, &p->opt->rate_pps) < 0 || p->opt->rate_pps == 0)
		return expected(p, "packets per second such as 250000, 250k or 1M");
	return 0;
}

static int parse_iface(struct parse *p, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= IFNAMSIZ)
		return expected(p, "the name of an interface, 1 to 15 characters");
	memcpy(p->opt->iface, value, n + 1);
	return 0;
}

// Options that shape packets.
static int parse_packet_option(struct parse *p, int id, const char *value)
{
	struct pp_gen_spec *spec = &p->opt->spec;
	uint64_t number = 0;
	uint8_t byte = 0;
	int err;

	switch (id) {
	case PP_GEN_OPTION_SIZE:
		err = parse_number(p, value, 65535 + 22, &number);
		if (err == 0 && number == 0)
			err = expected(p, "a number of bytes");
		spec->size_bytes = (uint32_t)number;
		return err;
	case PP_GEN_OPTION_SRC_MAC:
		p->opt->src_mac_set = true;
		return parse_mac(p, value, spec->src_mac);
	case PP_GEN_OPTION_DST_MAC:
		p->opt->dst_mac_set = true;
		return parse_mac(p, value, spec->dst_mac);
	case PP_GEN_OPTION_SRC:
		p->src = value;
		return 0;
	case PP_GEN_OPTION_DST:
		p->dst = value;
		return 0;
	case PP_GEN_OPTION_SPORT:
		p->sport_set = true;
		return parse_ports(p, value, &spec->sport);
	case PP_GEN_OPTION_DPORT:
		return parse_ports(p, value, &spec->dport);
	case PP_GEN_OPTION_PROTO:
		return parse_proto(p, value);
	case PP_GEN_OPTION_FLOWS:
		err = parse_count(p, value, PP_GEN_FLOWS_MAX, &number);
		spec->flows = (uint32_t)number;
		return err;
	case PP_GEN_OPTION_VLAN:
		return parse_vlan(p, value);
	case PP_GEN_OPTION_FRAGMENT:
		return parse_word(p, fragment_word, value, strlen(value), "first, later or both",
				  &spec->fragment);
	case PP_GEN_OPTION_OPTIONS:
		err = parse_number(p, value, 40, &number);
		spec->option_bytes = (uint8_t)number;
		return err;
	case PP_GEN_OPTION_EXT:
		return parse_ext(p, value);
	case PP_GEN_OPTION_PAYLOAD:
		err = parse_word(p, payload_word, value, strlen(value), "seq or none", &byte);
		spec->seq = byte;
		return err;
	case PP_GEN_OPTION_ETHERTYPE:
		err = parse_number(p, value, UINT16_MAX, &number);
		spec->ethertype = (int32_t)number;
		return err;
	default:
		return parse_number(p, value, UINT64_MAX, &spec->seed);
	}
}

static int parse_option(struct parse *p, int id, const char *value)
{
	struct pp_gen_options *opt = p->opt;
	uint64_t number = 0;
	int err;

	switch (id) {
	case PP_GEN_OPTION_IPV6:
		p->ip6 = true;
		return 0;
	case PP_GEN_OPTION_INTERFACE:
		return parse_iface(p, value);
	case PP_GEN_OPTION_COUNT:
		return parse_count(p, value, UINT64_MAX - 1, &opt->count);
	case PP_GEN_OPTION_FOR:
		return parse_duration(p, value, false, &opt->for_ns);
	case PP_GEN_OPTION_RATE:
		return parse_rate(p, value);
	case PP_GEN_OPTION_VIA:
		return parse_word(p, via_word, value, strlen(value),
				  "auto, live, socket, tun or tap", &opt->via);
	case PP_GEN_OPTION_CPU:
		err = parse_number(p, value, 4095, &number);
		opt->cpu = (int32_t)number;
		return err;
	case PP_GEN_OPTION_JSON:
		opt->json = true;
		return 0;
	case PP_GEN_OPTION_RECEIVE:
		opt->receive = true;
		return 0;
	case PP_GEN_OPTION_START_DELAY:
		return parse_duration(p, value, true, &opt->start_delay_ns);
	case PP_GEN_OPTION_WAIT_XDP:
		opt->wait_xdp_ns = WAIT_XDP_DEFAULT_NS;
		return value != NULL ? parse_duration(p, value, false, &opt->wait_xdp_ns) : 0;
	case PP_GEN_OPTION_DRAIN:
		return parse_duration(p, value, true, &opt->drain_ns);
	case PP_GEN_OPTION_HOLD:
		return parse_duration(p, value, true, &opt->hold_ns);
	default:
		return parse_packet_option(p, id, value);
	}
}

// ADDR or ADDR/PREFIX of the family that was chosen.
static int
parse_addr(struct parse *p, const char *name, const char *value, struct pp_gen_addrs *out)
{
	const struct pp_gen_spec *spec = &p->opt->spec;
	uint8_t whole = spec->family == 4 ? 32 : 128;
	const char *slash = strchr(value, '/');
	size_t n = slash != NULL ? (size_t)(slash - value) : strlen(value);
	char text[INET6_ADDRSTRLEN] = "";
	uint64_t prefix = whole;

	if (n < sizeof(text))
		memcpy(text, value, n);
	if (inet_pton(spec->family == 4 ? AF_INET : AF_INET6, text, out->base) != 1 ||
	    (slash != NULL && pp_units_parse_number(slash + 1, 0, whole, &prefix) < 0))
		return pp_error_set(p->err, -EINVAL, 0, 0,
				    "--%s %s: expected an IPv%u address, or address/prefix", name,
				    value, spec->family);
	out->prefix_bits = (uint8_t)prefix;
	return 0;
}

static int finish_addrs(struct parse *p)
{
	struct pp_gen_spec *spec = &p->opt->spec;
	int err;

	p->ip6 |= p->src != NULL && strchr(p->src, ':') != NULL;
	p->ip6 |= p->dst != NULL && strchr(p->dst, ':') != NULL;
	spec->family = p->ip6 ? 6 : 4;
	if (p->src == NULL)
		p->src = p->ip6 ? "2001:db8:1::1" : "192.0.2.1";
	if (p->dst == NULL)
		p->dst = p->ip6 ? "2001:db8:2::1" : "198.51.100.1";
	err = parse_addr(p, "src", p->src, &spec->src);
	return err < 0 ? err : parse_addr(p, "dst", p->dst, &spec->dst);
}

static int finish(struct parse *p)
{
	struct pp_gen_options *opt = p->opt;
	struct pp_gen_spec *spec = &opt->spec;
	uint8_t whole;
	int err;

	err = finish_addrs(p);
	if (err < 0)
		return err;
	if (p->icmp_word && spec->family == 6)
		spec->proto = IPPROTO_ICMPV6;
	// Flows need something to differ in.
	whole = spec->family == 4 ? 32 : 128;
	if (!p->sport_set && spec->flows > 1 && spec->src.prefix_bits == whole)
		spec->sport.hi = spec->flows - 1 < UINT16_MAX - SPORT_DEFAULT
					 ? (uint16_t)(SPORT_DEFAULT + spec->flows - 1)
					 : UINT16_MAX;
	if (!opt->receive && opt->count == PP_GEN_NO_END && opt->for_ns == PP_GEN_NO_END)
		opt->count = PP_GEN_COUNT_DEFAULT;
	return 0;
}

int pp_gen_option_read(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err)
{
	struct parse *p = values;

	p->err = err;
	return parse_option(p, option->id, text);
}

int pp_gen_options_parse(struct pp_gen_options *out,
			 const struct pp_command *command,
			 int argc,
			 char **argv)
{
	struct pp_gen_options opt = {
		.count = PP_GEN_NO_END,
		.for_ns = PP_GEN_NO_END,
		.drain_ns = PP_GEN_NO_END,
		.cpu = -1,
		.spec = {.ethertype = -1,
			 .proto = IPPROTO_UDP,
			 .sport = {SPORT_DEFAULT, SPORT_DEFAULT},
			 .dport = {DPORT_DEFAULT, DPORT_DEFAULT},
			 .seq = true},
	};
	struct pp_error err;
	struct parse p = {.opt = &opt};
	int status = pp_command_parse(command, argc, argv, &p, NULL);

	if (status != PP_PARSED)
		return status;
	p.err = &err;
	if (finish(&p))
		return pp_command_usage(argv[0], "%s", err.text);
	*out = opt;
	return PP_PARSED;
}
