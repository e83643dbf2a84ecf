// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/classbench.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
	char src[48], dst[48];
	uint32_t src_bits, dst_bits;
	uint32_t sport_lo, sport_hi, dport_lo, dport_hi;
	uint32_t proto, proto_mask;
};

static int read_prefix(const char *text, uint32_t bits, struct pp_prefix *out, struct pp_error *err)
{
	bool ip6 = strchr(text, ':') != NULL;

	out->family = ip6 ? PP_FAMILY_IP6 : PP_FAMILY_IP4;
	if (inet_pton(ip6 ? AF_INET6 : AF_INET, text, out->addr) != 1)
		return pp_error_set(err, -EINVAL, 1, 0, "'%s' is no address", text);
	if (bits > (ip6 ? 128 : 32))
		return pp_error_set(err, -EINVAL, 1, 0, "/%u is no prefix length of %s", bits,
				    text);
	out->len_bits = (uint8_t)bits;
	for (uint32_t bit = bits; bit < 128; bit++)
		out->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return 0;
}

static int read_ports(uint32_t lo, uint32_t hi, struct pp_ports *out, struct pp_error *err)
{
	if (lo > hi || hi > UINT16_MAX)
		return pp_error_set(err, -EINVAL, 1, 0, "%u : %u is no range of ports", lo, hi);
	if (lo != 0 || hi != UINT16_MAX)
		*out = (struct pp_ports){true, (uint16_t)lo, (uint16_t)hi};
	return 0;
}

static bool has_ports(int16_t proto)
{
	return proto < 0 || proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE;
}

static int read_proto(const struct line *line, struct pp_rule *rule, struct pp_error *err)
{
	if (line->proto > 0xff || (line->proto_mask != 0 && line->proto_mask != 0xff))
		return pp_error_set(err, -EINVAL, 1, 0,
				    "0x%02x/0x%02x is no protocol with a mask of 0xFF or 0x00",
				    line->proto, line->proto_mask);
	rule->proto = line->proto_mask ? (int16_t)line->proto : -1;
	if ((rule->sport.set || rule->dport.set) && !has_ports(rule->proto))
		return pp_error_set(err, -EINVAL, 1, 0, "protocol %d has no ports", rule->proto);
	return 0;
}

static int read_line(const struct line *line, struct pp_rule *rule, struct pp_error *err)
{
	int ret = read_prefix(line->src, line->src_bits, &rule->src, err)
			  ?: read_prefix(line->dst, line->dst_bits, &rule->dst, err)
			  ?: read_ports(line->sport_lo, line->sport_hi, &rule->sport, err)
			  ?: read_ports(line->dport_lo, line->dport_hi, &rule->dport, err)
			  ?: read_proto(line, rule, err);

	if (ret < 0)
		return ret;
	if (rule->src.family != rule->dst.family)
		return pp_error_set(err, -EINVAL, 1, 0, "%s and %s are of two families", line->src,
				    line->dst);
	rule->family = rule->src.family;
	if (rule->src.len_bits == 0)
		rule->src = (struct pp_prefix){0};
	if (rule->dst.len_bits == 0)
		rule->dst = (struct pp_prefix){0};
	return 0;
}

int pp_classbench_parse(const char *text, struct pp_rule *out, struct pp_error *err)
{
	struct pp_rule rule = {
		.prio = PP_PRIO_DEFAULT, .verdict = PP_VERDICT_DROP, .take_bytes = PP_TAKE_ALL};
	struct line line;
	int ret;

	// A number of ten digits still fits: what is more is no rule.
	if (sscanf(text,
		   "@%47[0-9a-fA-F.:]/%9" SCNu32 " %47[0-9a-fA-F.:]/%9" SCNu32 " %9" SCNu32
		   " : %9" SCNu32 " %9" SCNu32 " : %9" SCNu32 " %9" SCNx32 "/%9" SCNx32,
		   line.src, &line.src_bits, line.dst, &line.dst_bits, &line.sport_lo,
		   &line.sport_hi, &line.dport_lo, &line.dport_hi, &line.proto,
		   &line.proto_mask) != 10)
		return pp_error_set(err, -EINVAL, 1, 0,
				    "expected '@SRC/LEN DST/LEN LO : HI LO : HI PROTO/MASK'");
	ret = read_line(&line, &rule, err);
	if (ret == 0)
		*out = rule;
	return ret;
}

static uint32_t count_lines(const char *text)
{
	uint32_t lines = 1;

	while ((text = strchr(text, '\n')) != NULL) {
		text++;
		lines++;
	}
	return lines;
}

// Borrow the next line from text, which is changed.
static char *next_line(char **text)
{
	char *line = *text;

	if (line == NULL)
		return NULL;
	*text = strchr(line, '\n');
	if (*text != NULL)
		*(*text)++ = '\0';
	return line + strspn(line, " \t\r");
}

int pp_classbench_read(const char *text,
		       struct pp_rule **out,
		       uint32_t *count,
		       struct pp_error *err)
{
	struct pp_rule *rule = calloc(count_lines(text), sizeof(*rule));
	char *copy = strdup(text), *rest = copy, *line;
	uint32_t number = 0, rules = 0;
	int ret = rule == NULL || copy == NULL ? -ENOMEM : 0;

	while (ret == 0 && (line = next_line(&rest)) != NULL) {
		number++;
		if (*line == '\0' || *line == '#')
			continue;
		ret = pp_classbench_parse(line, &rule[rules++], err);
		if (ret < 0 && err != NULL)
			err->line = number;
	}
	free(copy);
	if (ret < 0) {
		free(rule);
		return ret;
	}
	*out = rule;
	*count = rules;
	return 0;
}

static void put_prefix(const struct pp_prefix *prefix, uint8_t family, char text[64])
{
	const uint8_t *a = prefix->addr;
	int at = 0;

	if (family == PP_FAMILY_IP4)
		at = snprintf(text, 64, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	for (int i = 0; family == PP_FAMILY_IP6 && i < 16; i += 2)
		at += snprintf(text + at, 64 - (size_t)at, "%s%x", i ? ":" : "",
			       a[i] << 8 | a[i + 1]);
	snprintf(text + at, 64 - (size_t)at, "/%u", prefix->len_bits);
}

int pp_classbench_format(const struct pp_rule *rule, char *buf, size_t size)
{
	char src[64], dst[64];

	if (rule->any || rule->on[0] != '\0' || rule->direction != PP_DIRECTION_IN ||
	    rule->src_set[0] != '\0' || rule->dst_set[0] != '\0' || rule->family == PP_FAMILY_NONE)
		return -EINVAL;
	put_prefix(&rule->src, rule->family, src);
	put_prefix(&rule->dst, rule->family, dst);
	return snprintf(
		buf, size, "@%s\t%s\t%u : %u\t%u : %u\t0x%02x/0x%02X\t0x0000/0x0000", src, dst,
		rule->sport.set ? rule->sport.lo : 0, rule->sport.set ? rule->sport.hi : UINT16_MAX,
		rule->dport.set ? rule->dport.lo : 0, rule->dport.set ? rule->dport.hi : UINT16_MAX,
		rule->proto < 0 ? 0 : rule->proto, rule->proto < 0 ? 0 : 0xff);
}
