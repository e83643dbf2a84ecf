// SPDX-License-Identifier: MIT OR Apache-2.0
#include "prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <push-packet/set.h>

#include "rule_word.h"

bool pp_prefix_clear_host_bits(struct pp_prefix *prefix)
{
	uint8_t keep = (uint8_t)(0xff00 >> (prefix->len_bits % 8));
	bool cleared = false;

	for (size_t i = prefix->len_bits / 8; i < sizeof(prefix->addr); i++) {
		cleared |= (prefix->addr[i] & ~keep) != 0;
		prefix->addr[i] &= keep;
		keep = 0;
	}
	return cleared;
}

// @param text  Without "/LEN".
static bool read_address(const char *text, size_t len, struct pp_prefix *out)
{
	char buf[INET6_ADDRSTRLEN];

	memset(out, 0, sizeof(*out));
	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET, buf, out->addr) == 1)
		out->family = PP_FAMILY_IP4;
	else if (inet_pton(AF_INET6, buf, out->addr) == 1)
		out->family = PP_FAMILY_IP6;
	return out->family != PP_FAMILY_NONE;
}

enum pp_prefix_fault pp_prefix_read(const char *text, size_t len, struct pp_prefix *out)
{
	const char *slash = memchr(text, '/', len);
	size_t addr_len = slash != NULL ? (size_t)(slash - text) : len;
	uint32_t bits, max;

	if (!read_address(text, addr_len, out))
		return PP_PREFIX_NO_ADDRESS;
	bits = max = pp_prefix_bits_max(out->family);
	if (slash != NULL && !pp_rule_word_number(slash + 1, len - addr_len - 1, max, &bits))
		return PP_PREFIX_BAD_LENGTH;
	out->len_bits = (uint8_t)bits;
	return pp_prefix_clear_host_bits(out) ? PP_PREFIX_HOST_BITS : PP_PREFIX_GOOD;
}

int pp_prefix_error(enum pp_prefix_fault fault,
		    const char *shown,
		    const struct pp_prefix *out,
		    struct pp_error *err)
{
	char right[PP_PREFIX_TEXT_BYTES];

	switch (fault) {
	case PP_PREFIX_BAD_LENGTH:
		return pp_error_set(err, -EINVAL, 1, 1,
				    "expected a prefix length of 0 to %u after the '/' in '%s'",
				    pp_prefix_bits_max(out->family), shown);
	case PP_PREFIX_HOST_BITS:
		pp_prefix_format(out, right);
		return pp_error_set(err, -EINVAL, 1, 1,
				    "'%s' has bits set beyond its prefix: write %s", shown, right);
	default:
		return pp_error_set(
			err, -EINVAL, 1, 1,
			"expected an address or a prefix such as 192.0.2.0/24, not '%s'", shown);
	}
}

int pp_prefix_parse(const char *text, struct pp_prefix *out, struct pp_error *err)
{
	struct pp_prefix prefix;
	struct pp_words words;
	struct pp_word word;
	enum pp_prefix_fault fault = pp_prefix_read(text, strlen(text), &prefix);

	if (fault == PP_PREFIX_GOOD) {
		*out = prefix;
		return 0;
	}
	pp_rule_word_init(&words, text);
	pp_rule_word_next(&words, &word);
	return pp_prefix_error(fault, word.shown, &prefix, err);
}

void pp_prefix_format(const struct pp_prefix *prefix, char *buf)
{
	bool ip4 = prefix->family == PP_FAMILY_IP4;
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(ip4 ? AF_INET : AF_INET6, prefix->addr, addr, sizeof(addr));
	if (prefix->len_bits == pp_prefix_bits_max(prefix->family))
		snprintf(buf, PP_PREFIX_TEXT_BYTES, "%s", addr);
	else
		snprintf(buf, PP_PREFIX_TEXT_BYTES, "%s/%u", addr, prefix->len_bits);
}
