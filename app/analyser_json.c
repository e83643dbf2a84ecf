// SPDX-License-Identifier: MIT OR Apache-2.0
#include "analyser_json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char *const by_names[PP_BY_COUNT] = {
	[PP_BY_SOURCE] = "source", [PP_BY_DESTINATION] = "destination",
	[PP_BY_PORT] = "port",	   [PP_BY_PROTOCOL] = "protocol",
	[PP_BY_RULE] = "rule",	   [PP_BY_FLOW] = "flow",
	[PP_BY_TEXT] = "text",
};
static const char *const sort_names[PP_SORT_COUNT] = {
	[PP_SORT_BYTES] = "bytes", [PP_SORT_PKTS] = "packets", [PP_SORT_RATE] = "rate",
	[PP_SORT_NEW] = "new",	   [PP_SORT_BITS] = "bits",
};

#define KEY_TEXT_BYTES 160

static int find_name(const char *const names[], int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

int pp_analyser_by(const char *name)
{
	return find_name(by_names, PP_BY_COUNT, name);
}

int pp_analyser_sort(const char *name)
{
	return find_name(sort_names, PP_SORT_COUNT, name);
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_info(json_t *object, const struct pp_analyser_info *info)
{
	set_number(object, "routed", info->routed);
	set_number(object, "routed_lost", info->routed_lost);
	set_number(object, "routed_analysed", info->routed_analysed);
	set_number(object, "copied", info->copied);
	set_number(object, "copied_lost", info->copied_lost);
	set_number(object, "copied_analysed", info->copied_analysed);
}

static json_t *threads_json(const struct pp_plane *plane, uint32_t consumer, uint32_t count)
{
	json_t *list = json_array();
	struct pp_analyser_info info;

	for (uint32_t i = 0; i < count; i++) {
		json_t *thread = json_object();

		pp_plane_analyser(plane, consumer, (int32_t)i, &info);
		set_info(thread, &info);
		json_array_append_new(list, thread);
	}
	return list;
}

static json_t *numbers_json(const struct pp_plane *plane, uint32_t consumer)
{
	struct pp_analyser_number number[PP_ANALYSER_NUMBERS_MAX];
	uint32_t count =
		pp_plane_analyser_numbers(plane, consumer, number, PP_ANALYSER_NUMBERS_MAX);
	json_t *object = json_object();

	for (uint32_t i = 0; i < count; i++) {
		number[i].name[sizeof(number[i].name) - 1] = '\0';
		set_number(object, number[i].name, number[i].value);
	}
	return object;
}

json_t *pp_analyser_json(const struct pp_plane *plane, uint32_t consumer)
{
	const struct pp_consumer_config *config = pp_plane_consumer(plane, consumer);
	struct pp_analyser_info info;
	json_t *object;

	if (pp_plane_analyser(plane, consumer, -1, &info))
		return NULL;
	object = json_pack("{s:s, s:s, s:s}", "name", config->name, "kind",
			   pp_consumer_kind_name(config->kind), "analyser", info.kind);
	set_info(object, &info);
	json_object_set_new(object, "threads", threads_json(plane, consumer, info.threads));
	json_object_set_new(object, "numbers", numbers_json(plane, consumer));
	return object;
}

static const char *proto_name(uint16_t proto, char buf[8])
{
	static const struct {
		uint16_t proto;
		const char *name;
	} names[] = {
		{IPPROTO_ICMP, "icmp"}, {IPPROTO_TCP, "tcp"},	      {IPPROTO_UDP, "udp"},
		{IPPROTO_GRE, "gre"},	{IPPROTO_ESP, "esp"},	      {IPPROTO_ICMPV6, "icmp6"},
		{IPPROTO_SCTP, "sctp"}, {IPPROTO_UDPLITE, "udplite"}, {PP_PROTO_NOT_IP, "other"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].proto == proto)
			return names[i].name;
	snprintf(buf, 8, "%u", proto);
	return buf;
}

static const char *addr_text(uint8_t family, const uint8_t addr[16], char text[INET6_ADDRSTRLEN])
{
	if (family == PP_FAMILY_NONE)
		return "none";
	return inet_ntop(family == PP_FAMILY_IP4 ? AF_INET : AF_INET6, addr, text,
			 INET6_ADDRSTRLEN);
}

static void flow_text(const struct pp_analyser_key *key, char out[KEY_TEXT_BYTES])
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], proto[8];
	const char *form = key->family == PP_FAMILY_IP6 ? "%s [%s]:%u [%s]:%u" : "%s %s:%u %s:%u";

	snprintf(out, KEY_TEXT_BYTES, form, proto_name(key->proto, proto),
		 addr_text(key->family, key->src, src), key->sport,
		 addr_text(key->family, key->dst, dst), key->dport);
}

static void key_text(const struct pp_analyser_row *row, char out[KEY_TEXT_BYTES])
{
	const struct pp_analyser_key *key = &row->key;
	char addr[INET6_ADDRSTRLEN], proto[8];

	switch (key->by) {
	case PP_BY_SOURCE:
		snprintf(out, KEY_TEXT_BYTES, "%s", addr_text(key->family, key->src, addr));
		break;
	case PP_BY_DESTINATION:
		snprintf(out, KEY_TEXT_BYTES, "%s", addr_text(key->family, key->dst, addr));
		break;
	case PP_BY_PORT:
		snprintf(out, KEY_TEXT_BYTES, "%s/%u", proto_name(key->proto, proto), key->dport);
		break;
	case PP_BY_PROTOCOL:
		snprintf(out, KEY_TEXT_BYTES, "%s", proto_name(key->proto, proto));
		break;
	case PP_BY_RULE:
		snprintf(out, KEY_TEXT_BYTES, "%u", key->rule_id);
		break;
	case PP_BY_FLOW:
		flow_text(key, out);
		break;
	default:
		snprintf(out, KEY_TEXT_BYTES, "%.*s", (int)sizeof(row->text) - 1, row->text);
		break;
	}
}

static json_t *way_json(const struct pp_analyser_way *way)
{
	return json_pack("{s:I, s:I, s:i}", "pkts", (json_int_t)way->pkts, "bytes",
			 (json_int_t)way->bytes, "tcp_flags", way->tcp_flags);
}

// What a key has beside its text.
static void
add_parts(const struct pp_plane *plane, const struct pp_analyser_row *row, json_t *object)
{
	const struct pp_analyser_key *key = &row->key;
	const struct pp_ruleset_entry *entry;
	char addr[INET6_ADDRSTRLEN], proto[8];

	if (key->by == PP_BY_RULE) {
		entry = pp_ruleset_find(pp_plane_rules(plane), key->rule_id);
		set_number(object, "rule", key->rule_id);
		json_object_set_new(object, "name", json_string(entry ? entry->rule.name : ""));
	}
	if (key->by != PP_BY_FLOW)
		return;
	json_object_set_new(object, "proto", json_string(proto_name(key->proto, proto)));
	json_object_set_new(object, "src", json_string(addr_text(key->family, key->src, addr)));
	json_object_set_new(object, "dst", json_string(addr_text(key->family, key->dst, addr)));
	set_number(object, "sport", key->sport);
	set_number(object, "dport", key->dport);
	json_object_set_new(object, "forth", way_json(&row->way[0]));
	json_object_set_new(object, "back", way_json(&row->way[1]));
}

static json_t *
row_json(const struct pp_plane *plane, const struct pp_analyser_row *row, uint64_t offset_ns)
{
	json_t *object = json_object(), *sizes = json_array();
	char text[KEY_TEXT_BYTES];

	key_text(row, text);
	for (uint32_t i = 0; i < PP_SIZE_BUCKETS; i++)
		json_array_append_new(sizes, json_integer((json_int_t)row->size_pkts[i]));
	json_object_set_new(object, "key", json_string(text));
	set_number(object, "pkts", row->pkts);
	set_number(object, "bytes", row->bytes);
	json_object_set_new(object, "rate_pps", json_real(row->rate_pps));
	json_object_set_new(object, "rate_bps", json_real(row->rate_bps));
	json_object_set_new(object, "sizes", sizes);
	set_number(object, "first_ns", row->first_ns + offset_ns);
	set_number(object, "last_ns", row->last_ns + offset_ns);
	set_number(object, "error_pkts", row->error_pkts);
	add_parts(plane, row, object);
	return object;
}

json_t *pp_analyser_top_json(const struct pp_plane *plane,
			     const struct pp_analyser_top *top,
			     uint64_t offset_ns)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < top->count; i++)
		json_array_append_new(rows, row_json(plane, &top->row[i], offset_ns));
	return json_pack("{s:I, s:{s:I, s:I}, s:{s:I, s:I}, s:I, s:I, s:o}", "window_ns",
			 (json_int_t)top->window_ns, "total", "pkts", (json_int_t)top->total.pkts,
			 "bytes", (json_int_t)top->total.bytes, "other", "pkts",
			 (json_int_t)top->other.pkts, "bytes", (json_int_t)top->other.bytes,
			 "error_bound", (json_int_t)top->error_pkts, "found",
			 (json_int_t)top->found, "rows", rows);
}
