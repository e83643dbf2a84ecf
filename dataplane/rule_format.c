// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/rule.h>

#include <stdarg.h>
#include <stdio.h>

#include <push-packet/set.h>

#include "duration.h"
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
	if (rule->sample != 0)
		put(text, " sample %s1/%u", rule->sample_flow ? "flow " : "", rule->sample);
	if (rule->limit_per_s != 0)
		put(text, " limit %u/s", rule->limit_per_s);
	put_name(text, "to", rule->copy_to, sizeof(rule->copy_to));
	if (rule->verdict != PP_VERDICT_PASS)
		put(text, " then %s", verdict);
}

static void
put_where(struct text *text, const char *key, const struct pp_prefix *prefix, const char *set)
{
	char buf[PP_PREFIX_TEXT_BYTES];

	if (set[0] != '\0')
		put(text, " %s @%.*s", key, PP_NAME_BYTES - 1, set);
	if (prefix->family == PP_FAMILY_NONE)
		return;
	pp_prefix_format(prefix, buf);
	put(text, " %s %s", key, buf);
}

static void put_ttl(struct text *text, uint64_t ttl_ns)
{
	char buf[PP_DURATION_TEXT_BYTES];

	if (ttl_ns == 0)
		return;
	pp_duration_format(ttl_ns, buf);
	put(text, " ttl %s", buf);
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
	if (rule->direction == PP_DIRECTION_OUT)
		put(&text, " direction out");
	put_family(&text, rule);
	put_proto(&text, rule->proto);
	put_where(&text, "src", &rule->src, rule->src_set);
	put_ports(&text, "sport", &rule->sport);
	put_where(&text, "dst", &rule->dst, rule->dst_set);
	put_ports(&text, "dport", &rule->dport);
	if (rule->verdict == PP_VERDICT_ROUTE)
		put_name(&text, "to", rule->route_to, sizeof(rule->route_to));
	if (rule->prio != PP_PRIO_DEFAULT)
		put(&text, " prio %u", rule->prio);
	put_name(&text, "name", rule->name, sizeof(rule->name));
	put_ttl(&text, rule->ttl_ns);
	return text.len;
}
