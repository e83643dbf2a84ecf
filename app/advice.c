// SPDX-License-Identifier: MIT OR Apache-2.0
#include "advice.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <push-packet/netif.h>

#include "flow.h"

// One danger, looked for on every interface; a rule is warned of once for each.
struct danger {
	const struct pp_config *config;
	struct pp_report *report;
	const char *what; // "ARP"
	const char *effect;
	char hint[160];
	bool warned[PP_SLOTS]; // by slot; PP_SLOT_DEFAULT is the default action's
};

static const char *verb(uint8_t verdict)
{
	return verdict == PP_VERDICT_ROUTE ? "routes" : "drops";
}

static void warn(struct danger *danger,
		 const struct pp_ruleset_entry *entry,
		 uint8_t verdict,
		 const char *iface)
{
	const struct pp_config *config = danger->config;
	struct pp_where where = {.kind = PP_WHERE_RULE, .index = entry ? entry->id : 0};
	struct pp_spot at = entry ? pp_config_locate(config, &where) : config->default_at;

	pp_report_warning(danger->report, at.file, at.line, at.col, "%s %s %s on %s: %s; %s",
			  entry ? "this rule" : "the default action", verb(verdict), danger->what,
			  iface, danger->effect, danger->hint);
}

static void judge(struct danger *danger, const char *iface, const struct pp_flow *flow)
{
	const struct pp_ruleset *rules = danger->config->rules;
	const struct pp_ruleset_entry *entry = pp_flow_judge(rules, iface, flow);
	uint8_t verdict = entry ? entry->rule.verdict : pp_ruleset_default(rules);
	uint16_t slot = entry ? entry->slot : PP_SLOT_DEFAULT;

	if (verdict == PP_VERDICT_PASS || danger->warned[slot])
		return;
	danger->warned[slot] = true;
	warn(danger, entry, verdict, iface);
}

// An interface that is not there is taken for Ethernet: pp_plane_check() complains about it.
static bool is_raw_ip(const char *iface)
{
	struct pp_netif netif;

	return !pp_netif_get(iface, &netif) && netif.frame_kind == PP_FRAME_RAW_IP;
}

static void check_arp(struct danger *danger, const char *iface)
{
	struct pp_flow frame = {.family = PP_FAMILY_NONE};

	if (!is_raw_ip(iface))
		judge(danger, iface, &frame);
}

static struct pp_flow icmp6_flow(const char *src, const char *dst)
{
	struct pp_flow flow = {.family = PP_FAMILY_IP6, .proto = IPPROTO_ICMPV6};

	pp_flow_parse_address(src, flow.src);
	pp_flow_parse_address(dst, flow.dst);
	return flow;
}

// Neighbours talk between any addresses, so a rule about ICMPv6 is tried with its own.
static void check_icmp6_rules(struct danger *danger, const char *iface)
{
	const struct pp_ruleset *rules = danger->config->rules;
	uint32_t count = pp_ruleset_count(rules);

	for (uint32_t i = 0; i < count; i++) {
		const struct pp_rule *rule = &pp_ruleset_at(rules, i)->rule;
		struct pp_flow flow = icmp6_flow("fe80::1", "fe80::2");

		if (rule->proto != IPPROTO_ICMPV6)
			continue;
		if (rule->src.family != PP_FAMILY_NONE)
			memcpy(flow.src, rule->src.addr, sizeof(flow.src));
		if (rule->dst.family != PP_FAMILY_NONE)
			memcpy(flow.dst, rule->dst.addr, sizeof(flow.dst));
		judge(danger, iface, &flow);
	}
}

static void check_neighbour_discovery(struct danger *danger, const char *iface)
{
	static const char *const pairs[][2] = {
		{"fe80::1", "ff02::1:ff00:1"}, // solicitation
		{"::", "ff02::1:ff00:1"}, // duplicate address detection
		{"fe80::1", "fe80::2"}, // advertisement, probe
		{"fe80::1", "ff02::1"}, // router advertisement
	};

	if (is_raw_ip(iface))
		return;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct pp_flow flow = icmp6_flow(pairs[i][0], pairs[i][1]);

		judge(danger, iface, &flow);
	}
	check_icmp6_rules(danger, iface);
}

struct session {
	struct pp_flow flow;
	char client[64];
	char server[64];
};

static bool parse_session(const char *ssh, struct session *out)
{
	unsigned int sport, dport;
	int fields;

	*out = (struct session){.flow = {.proto = IPPROTO_TCP, .ports = true}};
	if (!ssh)
		return false;
	fields = sscanf(ssh, "%63s %u %63s %u", out->client, &sport, out->server, &dport);
	if (fields == 3) {
		out->flow.dst_unknown = true;
		if (sscanf(out->server, "%u", &dport) != 1)
			return false;
	}
	if (fields < 3 || sport > UINT16_MAX || dport > UINT16_MAX)
		return false;
	out->flow.sport = (uint16_t)sport;
	out->flow.dport = (uint16_t)dport;
	out->flow.family = pp_flow_parse_address(out->client, out->flow.src);
	if (!out->flow.dst_unknown &&
	    pp_flow_parse_address(out->server, out->flow.dst) != out->flow.family)
		return false;
	return out->flow.family != PP_FAMILY_NONE;
}

static void warn_of_session(const struct pp_config *config,
			    const struct session *session,
			    struct pp_report *report)
{
	struct danger danger = {.config = config,
				.report = report,
				.what = "packets of this ssh session",
				.effect = "you would lose the connection"};

	snprintf(danger.hint, sizeof(danger.hint), "put 'pass src %s proto tcp dport %u' before it",
		 session->client, session->flow.dport);
	for (uint32_t i = 0; i < config->plane.iface_count; i++)
		judge(&danger, config->iface[i].name, &session->flow);
}

void pp_advice_warn(const struct pp_config *config, const char *ssh, struct pp_report *report)
{
	struct danger arp = {
		.config = config,
		.report = report,
		.what = "ARP",
		.effect = "IPv4 hosts on the link would not find this machine",
		.hint = "'family ip4' or 'family ip6' leave ARP alone",
	};
	struct danger nd = {
		.config = config,
		.report = report,
		.what = "IPv6 neighbour discovery",
		.effect = "IPv6 hosts on the link would not find this machine",
		.hint = "put 'pass proto icmp6' before it",
	};
	struct session session;

	for (uint32_t i = 0; i < config->plane.iface_count; i++) {
		check_arp(&arp, config->iface[i].name);
		check_neighbour_discovery(&nd, config->iface[i].name);
	}
	if (parse_session(ssh, &session))
		warn_of_session(config, &session, report);
}
