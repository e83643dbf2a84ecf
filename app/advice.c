// SPDX-License-Identifier: MIT OR Apache-2.0
#include "advice.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/netif.h>

#include "advice_consumer.h"
#include "flow.h"

#define ICMP6_RULES_TRIED 64

// What is judged, and who is told.
struct subject {
	const struct pp_config *config;
	const struct pp_ruleset *rules;
	uint32_t first_id, last_id; // warn of these; 0: the default action
	const struct pp_ruleset_diff *diff; // warn of what it added; NULL: of all
	struct pp_report *report;
};

// One danger, looked for on every interface; a rule is warned of once for each.
struct danger {
	const struct subject *subject;
	const char *what; // "ARP"
	const char *effect;
	char hint[160];
	bool ethernet; // it is none on an interface that carries raw IP
	uint8_t direction; // enum pp_direction
	uint32_t *warned; // ids
	uint32_t warned_count;
};

// Without memory a rule may be warned of again.
static bool warn_once(struct danger *danger, uint32_t id)
{
	uint32_t *grown;

	for (uint32_t i = 0; i < danger->warned_count; i++) {
		if (danger->warned[i] == id)
			return false;
	}
	grown = reallocarray(danger->warned, danger->warned_count + 1, sizeof(*grown));
	if (grown) {
		danger->warned = grown;
		grown[danger->warned_count++] = id;
	}
	return true;
}

static const char *verb(uint8_t verdict)
{
	return verdict == PP_VERDICT_ROUTE ? "routes" : "drops";
}

static void warn(struct danger *danger,
		 const struct pp_ruleset_entry *entry,
		 uint8_t verdict,
		 const char *iface)
{
	struct pp_spot at = pp_config_locate_rule(danger->subject->config, entry ? entry->id : 0);
	char who[32] = "the default action";

	if (entry && at.line)
		strcpy(who, "this rule");
	else if (entry)
		snprintf(who, sizeof(who), "rule %u", entry->id);
	pp_report_warning(danger->subject->report, at.file, at.line, at.col,
			  "%s %s %s%s on %s: %s; %s", who, verb(verdict),
			  danger->direction == PP_DIRECTION_OUT ? "outgoing " : "", danger->what,
			  iface, danger->effect, danger->hint);
}

// An interface that is not there is taken for Ethernet: pp_plane_check() complains about it.
static bool is_raw_ip(const char *iface)
{
	struct pp_netif netif;

	return !pp_netif_get(iface, &netif) && netif.frame_kind == PP_FRAME_RAW_IP;
}

// Whether one of those that there are warnings for can judge the flow: to know that it does, all
// rules before it have to be looked at.
static bool is_suspect(const struct subject *subject, const char *iface, const struct pp_flow *flow)
{
	const struct pp_ruleset_diff *diff = subject->diff;

	for (uint32_t i = 0; diff && i < diff->added_count; i++) {
		const struct pp_ruleset_entry *entry = diff->added[i];

		if (entry->id >= subject->first_id && entry->rule.verdict != PP_VERDICT_PASS &&
		    pp_flow_matches(subject->rules, &entry->rule, iface, flow))
			return true;
	}
	return !diff;
}

// The default action is about what is received.
static void judge(struct danger *danger, const char *iface, struct pp_flow *flow)
{
	const struct subject *subject = danger->subject;
	bool out = danger->direction == PP_DIRECTION_OUT;
	const struct pp_ruleset_entry *entry;
	uint8_t verdict;
	uint32_t id;

	flow->direction = danger->direction;
	if (!is_suspect(subject, iface, flow))
		return;
	entry = pp_flow_judge(subject->rules, iface, flow);
	verdict = entry ? entry->rule.verdict : pp_ruleset_default(subject->rules);
	id = entry ? entry->id : 0;
	if (!entry && out)
		return;
	if (id < subject->first_id || id > subject->last_id || verdict == PP_VERDICT_PASS)
		return;
	if (danger->ethernet && is_raw_ip(iface))
		return;
	if (warn_once(danger, id))
		warn(danger, entry, verdict, iface);
}

static void check_arp(struct danger *danger, const char *iface)
{
	struct pp_flow frame = {.family = PP_FAMILY_NONE};

	judge(danger, iface, &frame);
}

static struct pp_flow icmp6_flow(const char *src, const char *dst)
{
	struct pp_flow flow = {.family = PP_FAMILY_IP6, .proto = IPPROTO_ICMPV6};

	pp_flow_parse_address(src, flow.src);
	pp_flow_parse_address(dst, flow.dst);
	return flow;
}

// An address that a condition allows: of its set, of its prefix, else what is there.
static void pick_address(const struct pp_ruleset *rules,
			 const char *set_name,
			 const struct pp_prefix *prefix,
			 uint8_t addr[16])
{
	const struct pp_set *set = *set_name ? pp_ruleset_find_set(rules, set_name) : NULL;
	struct pp_set_entry entry;

	if (prefix->family == PP_FAMILY_IP6)
		memcpy(addr, prefix->addr, 16);
	if (set && pp_set_count_family(set, PP_FAMILY_IP6)) {
		pp_set_at(set, pp_set_count_family(set, PP_FAMILY_IP4), &entry);
		memcpy(addr, entry.prefix.addr, 16);
	}
}

// Neighbours talk between any addresses, so a rule about ICMPv6 is tried with its own. For each all
// rules before it are looked at: of a hundred thousand the first are enough to warn of.
static void check_icmp6_rules(struct danger *danger, const char *iface)
{
	const struct pp_ruleset *rules = danger->subject->rules;
	const struct pp_ruleset_entry *entry;

	for (uint32_t i = 0, tried = 0;
	     tried < ICMP6_RULES_TRIED &&
	     (entry = pp_ruleset_next_with(rules, &i, PP_TRAIT_ICMP6)) != NULL;
	     i++, tried++) {
		const struct pp_rule *rule = &entry->rule;
		struct pp_flow flow = icmp6_flow("fe80::1", "fe80::2");

		pick_address(rules, rule->src_set, &rule->src, flow.src);
		pick_address(rules, rule->dst_set, &rule->dst, flow.dst);
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

// What the server sends back.
static struct pp_flow reverse(const struct pp_flow *flow)
{
	struct pp_flow back = *flow;

	memcpy(back.src, flow->dst, sizeof(back.src));
	memcpy(back.dst, flow->src, sizeof(back.dst));
	back.sport = flow->dport;
	back.dport = flow->sport;
	back.src_unknown = flow->dst_unknown;
	back.dst_unknown = false;
	return back;
}

static void
warn_of_session(const struct subject *subject, const struct session *session, uint8_t direction)
{
	const struct pp_config *config = subject->config;
	bool out = direction == PP_DIRECTION_OUT;
	struct pp_flow flow = out ? reverse(&session->flow) : session->flow;
	struct danger danger = {.subject = subject,
				.what = "packets of this ssh session",
				.effect = "you would lose the connection",
				.direction = direction};

	snprintf(danger.hint, sizeof(danger.hint),
		 out ? "put 'pass direction out dst %s proto tcp sport %u' before it"
		     : "put 'pass src %s proto tcp dport %u' before it",
		 session->client, session->flow.dport);
	for (uint32_t i = 0; i < config->plane.iface_count; i++)
		judge(&danger, config->iface[i].name, &flow);
	free(danger.warned);
}

static void warn_of_neighbours(const struct subject *subject, uint8_t direction)
{
	const struct pp_config *config = subject->config;
	struct danger arp = {
		.subject = subject,
		.what = "ARP",
		.ethernet = true,
		.direction = direction,
		.effect = "IPv4 hosts on the link would not find this machine",
		.hint = "'family ip4' or 'family ip6' leave ARP alone",
	};
	struct danger nd = {
		.subject = subject,
		.what = "IPv6 neighbour discovery",
		.ethernet = true,
		.direction = direction,
		.effect = "IPv6 hosts on the link would not find this machine",
	};

	snprintf(nd.hint, sizeof(nd.hint), "put 'pass proto icmp6%s' before it",
		 direction == PP_DIRECTION_OUT ? " direction out" : "");
	for (uint32_t i = 0; i < config->plane.iface_count; i++) {
		check_arp(&arp, config->iface[i].name);
		check_neighbour_discovery(&nd, config->iface[i].name);
	}
	free(arp.warned);
	free(nd.warned);
}

static void warn_of_all(const struct subject *subject, const char *ssh)
{
	struct session session;
	bool has_session = parse_session(ssh, &session);

	for (uint8_t direction = 0; direction < PP_DIRECTIONS; direction++) {
		warn_of_neighbours(subject, direction);
		if (has_session)
			warn_of_session(subject, &session, direction);
	}
	pp_advice_consumer_warn(subject->config, subject->rules, subject->diff, subject->first_id,
				subject->last_id, subject->report);
}

void pp_advice_warn(const struct pp_config *config,
		    const struct pp_ruleset *rules,
		    uint32_t first_id,
		    uint32_t last_id,
		    const char *ssh,
		    struct pp_report *report)
{
	struct subject subject = {config, rules, first_id, last_id, NULL, report};

	warn_of_all(&subject, ssh);
}

void pp_advice_warn_change(const struct pp_config *config,
			   const struct pp_ruleset *rules,
			   const struct pp_ruleset_diff *diff,
			   uint32_t first_id,
			   const char *ssh,
			   struct pp_report *report)
{
	struct subject subject = {config, rules, first_id, UINT32_MAX, diff, report};

	warn_of_all(&subject, ssh);
}
