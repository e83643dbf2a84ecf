// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/rule.h>

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto.h"

struct text {
	char *buf;
	size_t size;
	size_t len;
};

// Add to the text, as far as there is room.
__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *fmt, ...)
{
	size_t room = text->size - text->len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text->buf + text->len, room, fmt, args);
	va_end(args);
	if (len > 0)
		text->len += (size_t)len < room ? (size_t)len : room - 1;
}

// Names are fields of fixed size; take no step beyond one that is not terminated.
static void put_name(struct text *text, const char *key, const char *name, size_t size)
{
	if (name[0] != '\0')
		put(text, " %s %.*s", key, (int)size - 1, name);
}

static void put_action(struct text *text, const struct pp_rule *rule)
{
	static const char *const word[PP_VERDICT_COUNT] = {
		[PP_VERDICT_PASS] = "pass",
		[PP_VERDICT_DROP] = "drop",
		[PP_VERDICT_ROUTE] = "route",
	};
	const char *verdict = rule->verdict < PP_VERDICT_COUNT ? word[rule->verdict] : "?";

	if (!rule->copy) {
		put(text, "%s", verdict);
		return;
	}
	put(text, "copy");
	if (rule->take_bytes != PP_TAKE_ALL)
		put(text, " take %u", rule->take_bytes);
	put_name(text, "to", rule->copy_to, sizeof(rule->copy_to));
	if (rule->verdict != PP_VERDICT_PASS)
		put(text, " then %s", verdict);
}

static void put_prefix(struct text *text, const char *key, const struct pp_prefix *prefix)
{
	bool ip4 = prefix->family == PP_FAMILY_IP4;
	char addr[INET6_ADDRSTRLEN];

	if (prefix->family == PP_FAMILY_NONE)
		return;
	inet_ntop(ip4 ? AF_INET : AF_INET6, prefix->addr, addr, sizeof(addr));
	put(text, " %s %s", key, addr);
	if (prefix->len_bits != (ip4 ? 32 : 128))
		put(text, "/%u", prefix->len_bits);
}

static void put_ports(struct text *text, const char *key, const struct pp_ports *ports)
{
	if (!ports->set)
		return;
	put(text, " %s %u", key, ports->lo);
	if (ports->hi != ports->lo)
		put(text, "-%u", ports->hi);
}

static void put_family(struct text *text, const struct pp_rule *rule)
{
	bool implied = rule->src.family != PP_FAMILY_NONE || rule->dst.family != PP_FAMILY_NONE;

	if (rule->family != PP_FAMILY_NONE && !implied)
		put(text, " family %s", rule->family == PP_FAMILY_IP4 ? "ip4" : "ip6");
}

static void put_proto(struct text *text, int16_t proto)
{
	const char *name;

	if (proto < 0)
		return;
	name = pp_proto_name((uint8_t)proto);
	if (name != NULL)
		put(text, " proto %s", name);
	else
		put(text, " proto %d", proto);
}

size_t pp_rule_format(const struct pp_rule *rule, char *buf, size_t size)
{
	struct text text = {.buf = buf, .size = size};

	if (size == 0)
		return 0;
	put_action(&text, rule);
	if (rule->any)
		put(&text, " any");
	put_name(&text, "on", rule->on, sizeof(rule->on));
	put_family(&text, rule);
	put_proto(&text, rule->proto);
	put_prefix(&text, "src", &rule->src);
	put_ports(&text, "sport", &rule->sport);
	put_prefix(&text, "dst", &rule->dst);
	put_ports(&text, "dport", &rule->dport);
	if (rule->verdict == PP_VERDICT_ROUTE)
		put_name(&text, "to", rule->route_to, sizeof(rule->route_to));
	if (rule->prio != PP_PRIO_DEFAULT)
		put(&text, " prio %u", rule->prio);
	put_name(&text, "name", rule->name, sizeof(rule->name));
	return text.len;
}
