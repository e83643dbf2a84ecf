// SPDX-License-Identifier: MIT OR Apache-2.0
#include "advice.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct pp_report report;

// The warnings for rules with some ids, as one text. The interfaces do not exist: taken for
// Ethernet.
static const char *
advise_on(const char *rules, uint32_t first_id, uint32_t last_id, const char *ssh)
{
	static char text[4096];
	char path[] = "/tmp/ppadvXXXXXX";
	struct pp_config *config = NULL;
	FILE *file = fdopen(mkstemp(path), "w");

	fprintf(file, "interfaces: [{name: ppnone0}, {name: ppnone1}]\nrules:\n%s", rules);
	fclose(file);
	pp_report_init(&report);
	cr_assert_eq(pp_config_load(path, &config, &report), 0, "%s", rules);
	unlink(path);
	pp_advice_warn(config, config->rules, first_id, last_id, ssh, &report);

	*text = '\0';
	for (uint32_t i = 0; i < report.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u:%u: %s\n",
			 report.line[i].line, report.line[i].col, report.line[i].text);
	cr_expect_eq(report.errors, 0);
	pp_report_fini(&report);
	pp_config_destroy(config);
	return text;
}

static const char *advise(const char *rules, const char *ssh)
{
	return advise_on(rules, 0, UINT32_MAX, ssh);
}

static void expect_warning(const char *rules, const char *ssh, const char *needle)
{
	const char *text = advise(rules, ssh);

	cr_expect(strstr(text, needle), "no '%s' for %s, but:\n%s", needle, rules, text);
}

static void expect_quiet(const char *rules, const char *ssh)
{
	const char *text = advise(rules, ssh);

	cr_expect_str_empty(text, "for %s:\n%s", rules, text);
}

#define SSH4 "192.0.2.9 50000 192.0.2.1 22"
#define SSH6 "2001:db8::9 50000 2001:db8::1 22"

Test(advice, harmless_rules_are_not_mentioned)
{
	expect_quiet("  inline: [drop src 198.51.100.0/24, drop proto udp]", SSH4);
	expect_quiet("  default: pass", SSH6);
	expect_quiet("  inline: [drop family ip4]", NULL);
}

Test(advice, drop_any_takes_arp_and_neighbour_discovery)
{
	expect_warning("  inline: [drop any]", NULL, "3:12: this rule drops ARP on ppnone0");
	expect_warning("  inline: [drop any]", NULL, "drops IPv6 neighbour discovery");
	expect_warning("  inline: [route any]", NULL, "routes ARP");
	expect_warning("  inline: [copy then drop any]", NULL, "drops ARP");
}

Test(advice, default_drop_is_pointed_at)
{
	expect_warning("  default: drop", NULL, "3:12: the default action drops ARP");
	expect_warning("  default: drop", SSH4,
		       "3:12: the default action drops packets of this ssh");
}

Test(advice, rule_on_one_interface_is_judged_there)
{
	expect_warning("  inline: [drop on ppnone1]", NULL, "drops ARP on ppnone1");
	expect_quiet("  inline: [pass on ppnone0, pass on ppnone1, drop any]", SSH4);
}

Test(advice, rule_behind_a_pass_rule_is_harmless)
{
	expect_quiet("  inline: [pass proto icmp6, drop family ip6]", NULL);
	expect_quiet("  inline: [pass src 192.0.2.9 proto tcp dport 22, drop family ip4]", SSH4);
	expect_quiet("  inline: [drop family ip4, pass proto tcp dport 22 prio 1]", SSH4);
}

Test(advice, icmp6_rules_take_neighbour_discovery)
{
	expect_warning("  inline: [drop proto icmp6]", NULL, "neighbour discovery");
	expect_warning("  inline: [drop family ip6]", NULL, "neighbour discovery");
	expect_warning("  inline: [drop proto icmp6 src 2001:db8::/32]", NULL,
		       "neighbour discovery");
	expect_warning("  inline: ['drop dst ff02::/16']", NULL, "neighbour discovery");
	expect_quiet("  inline: ['drop src 2001:db8::/32']", NULL);
}

Test(advice, ssh_session_is_found_in_a_rule)
{
	expect_warning("  inline: [drop family ip4]", SSH4, "ssh session");
	expect_warning("  inline: [drop proto tcp dport 1-1024]", SSH6, "ssh session");
	expect_warning("  inline: [route src 192.0.2.0/24]", SSH4, "routes packets of this ssh");
	expect_warning("  inline: [drop src 192.0.2.9 sport 50000]", SSH4,
		       "put 'pass src 192.0.2.9 proto tcp dport 22' before it");
	expect_quiet("  inline: [drop src 192.0.2.10]", SSH4);
	expect_quiet("  inline: [drop proto tcp dport 80]", SSH4);
	expect_quiet("  inline: [drop proto tcp sport 22]", SSH4);
	expect_quiet("  inline: [drop dst 192.0.2.2]", SSH4);
	expect_quiet("  inline: [drop proto tcp dport 1-1024]", NULL);
}

Test(advice, sets_are_looked_into)
{
	expect_warning("  inline: ['set a {192.0.2.9}', drop src @a]", SSH4, "ssh session");
	expect_quiet("  inline: ['set a {192.0.2.10}', drop src @a]", SSH4);
	expect_quiet("  inline: ['set a {192.0.2.9}', pass src @a, drop family ip4]", SSH4);
	expect_warning("  inline: ['set a {192.0.2.0/28}', drop dst @a]", SSH4, "ssh session");
	expect_quiet("  inline: ['set a {2001:db8::/32}', drop src @a]", NULL);
	expect_warning("  inline: ['set a {192.0.2.9 2001:db8::/32}', drop src @a proto icmp6]",
		       NULL, "neighbour discovery");
	expect_quiet("  inline: ['set a {192.0.2.9}', drop src @a proto icmp6]", NULL);
}

Test(advice, only_the_rules_asked_for_are_warned_of)
{
	static const char rules[] = "  default: drop\n  inline: [drop on ppnone0, drop on ppnone1]";

	cr_expect_not(strstr(advise_on(rules, 2, 2, NULL), "ppnone0"));
	cr_expect(strstr(advise_on(rules, 2, 2, NULL), "this rule drops ARP on ppnone1"));
	cr_expect_str_empty(advise_on(rules, 3, UINT32_MAX, NULL));
	cr_expect_str_empty(advise_on(rules, 0, 0, NULL), "no packet gets to the default");
	cr_expect(strstr(advise_on("  default: drop", 0, 0, NULL), "the default action"));
}

Test(advice, ssh_client_does_not_tell_the_server_address_so_the_worst_is_taken)
{
	expect_warning("  inline: [drop dst 192.0.2.1]", "192.0.2.9 50000 22", "ssh session");
	expect_warning("  inline: [pass dst 192.0.2.1, drop family ip4]", "192.0.2.9 50000 22",
		       "ssh session");
	expect_quiet("  inline: [drop proto tcp dport 80]", "192.0.2.9 50000 22");
}

Test(advice, zone_of_a_link_local_client_is_ignored)
{
	expect_warning("  inline: ['drop src fe80::9']", "fe80::9%eth0 50000 fe80::1%eth0 22",
		       "ssh session");
}

Test(advice, junk_in_the_environment_is_no_session)
{
	static const char *const junk[] = {"",
					   "x",
					   "192.0.2.9",
					   "192.0.2.9 1",
					   "192.0.2.9 x y z",
					   "192.0.2.9 1 2001:db8::1 22",
					   "192.0.2.9 70000 192.0.2.1 22"};

	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		expect_quiet("  inline: [drop family ip4]", junk[i]);
}

Test(advice, what_is_sent_is_looked_at_too)
{
	expect_warning("  inline: [drop any direction out]", NULL,
		       "3:12: this rule drops outgoing ARP on ppnone0");
	expect_warning(
		"  inline: [drop proto icmp6 direction out]", NULL,
		"drops outgoing IPv6 neighbour discovery on ppnone0: IPv6 hosts on the link would "
		"not find this machine; put 'pass proto icmp6 direction out' before it");
	expect_warning(
		"  inline: [drop proto tcp sport 22 direction out]", SSH4,
		"drops outgoing packets of this ssh session on ppnone0: you would lose the "
		"connection; put 'pass direction out dst 192.0.2.9 proto tcp sport 22' before it");
	expect_warning("  inline: [drop dst 2001:db8::9 direction out]", SSH6,
		       "outgoing packets of this ssh session");
	expect_quiet("  inline: [drop proto tcp dport 22 direction out]", SSH4);
	expect_quiet("  inline: [pass family ip4 direction out, drop family ip4 direction out]",
		     SSH4);
	expect_quiet("  inline: [copy any direction out]\nconsumers: [{name: a, kind: count}]",
		     SSH4);
}

Test(advice, rules_for_nobody_are_warned_of_once)
{
	const char *text = advise("  inline: [route proto udp, route proto tcp]", NULL);

	cr_expect_str_eq(text, "3:12: this rule routes, and no consumer is configured: its packets "
			       "are lost, counted as no_consumer\n");
	expect_warning("  inline: [drop proto 9, copy proto tcp]", NULL,
		       "3:26: this rule copies, and no analyser is configured");
	expect_warning("  inline: [copy proto tcp]\nconsumers: [{name: a, kind: sink}]", NULL,
		       "copies, and no analyser is configured");
	expect_quiet("  inline: [route proto udp]\nconsumers: [{name: a, kind: sink}]", NULL);
	expect_quiet("  inline: [route proto udp, copy proto tcp]\n"
		     "consumers: [{name: a, kind: 'null'}]",
		     NULL);
}

Test(advice, rules_for_nobody_are_none_of_another_command)
{
	const char *rules = "  inline: [route proto udp, copy proto tcp]";

	cr_expect_str_empty(advise_on(rules, 0, 0, NULL));
	cr_expect(strstr(advise_on(rules, 2, 2, NULL), "this rule copies"));
}
