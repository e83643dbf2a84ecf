// SPDX-License-Identifier: MIT OR Apache-2.0
#include "reload.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_NS 1000000000ull
#define BASE "interfaces: [{name: ppnone0}]\n"

// A daemon's state: its configuration file, what it was started with, the rules in force.
static char dir[32];
static char path[64];
static struct pp_config *running;
static struct pp_ruleset *rules;
// What the last reload said.
static struct pp_config *next;
static struct pp_report report;
static json_t *changed;

static void write_file(const char *name, const char *text)
{
	char file[96];
	FILE *out;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	out = fopen(file, "we");
	cr_assert_not_null(out);
	fputs(text, out);
	fclose(out);
}

static void setup(void)
{
	strcpy(dir, "/tmp/pprldXXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c.yaml", dir);
	pp_report_init(&report);
}

static void teardown(void)
{
	char command[64];

	pp_config_destroy(running);
	pp_config_destroy(next);
	pp_ruleset_destroy(rules);
	pp_report_fini(&report);
	json_decref(changed);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

static void start(const char *text)
{
	write_file("c.yaml", text);
	cr_assert_eq(pp_config_load(path, &running, &report), 0, "%s",
		     report.count ? report.line[0].text : "");
	cr_assert_eq(pp_ruleset_copy(&rules, running->rules), 0);
}

// Reload a changed file and go on with what it says.
static int reload(const char *text)
{
	int err;

	write_file("c.yaml", text);
	pp_report_fini(&report);
	json_decref(changed);
	changed = json_array();
	pp_ruleset_settle(rules);
	err = pp_reload(path, running, rules, NOW_NS, changed, &next, &report);
	if (!err) {
		pp_config_destroy(running);
		running = next;
		next = NULL;
	}
	return err;
}

static const char *line(size_t index)
{
	const char *text = json_string_value(json_array_get(changed, index));

	return text ? text : "";
}

// Reload what changes in one way.
static void expect_line(const char *text, const char *want)
{
	cr_assert_eq(reload(text), 0, "%s: %s", text, report.count ? report.line[0].text : "");
	cr_expect_eq(json_array_size(changed), 1, "%zu lines", json_array_size(changed));
	cr_expect_str_eq(line(0), want);
}

static uint32_t id_of(const char *name)
{
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		if (!strcmp(pp_ruleset_at(rules, i)->rule.name, name))
			return pp_ruleset_at(rules, i)->id;
	}
	return 0;
}

static uint32_t add_by_command(const char *text)
{
	struct pp_error err;
	struct pp_rule rule;
	uint32_t id = 0;

	cr_assert_eq(pp_rule_parse(text, &rule, &err), 0, "%s", err.text);
	cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_COMMAND, NOW_NS, &id, &err), 0, "%s",
		     err.text);
	return id;
}

// Everything of a rule set that a reload could change, as one text.
static char *state(void)
{
	char *text = NULL, rule[PP_RULE_TEXT_BYTES];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "%u %u\n", pp_ruleset_generation(rules), pp_ruleset_default(rules));
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules, i);

		pp_rule_format(&entry->rule, rule, sizeof(rule));
		fprintf(out, "%u %u %u %lu %s\n", entry->id, entry->slot, entry->origin,
			entry->expires_ns, rule);
	}
	for (uint32_t i = 0; i < pp_ruleset_set_count(rules); i++) {
		struct pp_set *set = pp_ruleset_set_at(rules, i, NULL);

		fprintf(out, "%s %p %zu %d\n", pp_set_name(set), (void *)set, pp_set_count(set),
			pp_ruleset_protected(rules, pp_set_name(set)));
	}
	fclose(out);
	return text;
}

// A reload fails at file:line:col with needle, and nothing changes.
static void
expect_refused(const char *text, const char *file, uint32_t row, uint32_t col, const char *needle)
{
	char *before = state(), *after, want[96];
	const struct pp_report_line *first;

	cr_assert_eq(reload(text), -EINVAL, "accepted:\n%s", text);
	after = state();
	cr_expect_str_eq(after, before, "for %s", text);
	cr_expect_eq(json_array_size(changed), 0);
	cr_expect_null(next);
	cr_assert_geq(report.errors, 1);
	first = report.line;
	snprintf(want, sizeof(want), "%s/%s", dir, file);
	cr_expect_str_eq(first->file, want);
	cr_expect(first->line == row && first->col == col, "%u:%u, not %u:%u, for:\n%s\n(%s)",
		  first->line, first->col, row, col, text, first->text);
	cr_expect(strstr(first->text, needle), "'%s' is not in '%s'", needle, first->text);
	free(before);
	free(after);
}

TestSuite(reload, .init = setup, .fini = teardown);

Test(reload, same_file_changes_nothing)
{
	static const char text[] = BASE "rules: {default: drop, inline: ['set a {192.0.2.1}',\n"
					" protect @a, pass src @a, drop any ttl 1h]}\n";
	char *before, *after;

	start(text);
	before = state();
	cr_assert_eq(reload(text), 0);
	cr_expect_eq(json_array_size(changed), 0);
	after = state();
	cr_expect_str_eq(after, before);
	free(before);
	free(after);
}

Test(reload, rule_that_stays_keeps_id_slot_and_expiry)
{
	struct pp_ruleset_entry a, b;

	start(BASE "rules: {inline: [drop proto udp name a ttl 1h, drop proto tcp name b]}\n");
	a = *pp_ruleset_find(rules, id_of("a"));
	b = *pp_ruleset_find(rules, id_of("b"));
	expect_line(BASE
		    "rules: {inline: [pass proto icmp name c, drop proto udp name a ttl 1h]}\n",
		    "rules: 1 added, 1 deleted, 1 kept");
	cr_expect_eq(id_of("a"), a.id);
	cr_expect_eq(pp_ruleset_find(rules, a.id)->slot, a.slot);
	cr_expect_eq(pp_ruleset_find(rules, a.id)->expires_ns, a.expires_ns);
	cr_expect_null(pp_ruleset_find(rules, b.id));
	cr_expect_gt(id_of("c"), b.id, "ids are not used again");
	cr_expect_eq(pp_ruleset_at(rules, 0)->id, id_of("c"), "in the order of the file");
}

Test(reload, other_order_is_a_change)
{
	start(BASE "rules: {inline: [drop proto udp name a, pass any name b]}\n");
	expect_line(BASE "rules: {inline: [pass any name b, drop proto udp name a]}\n",
		    "rules: another order, 2 kept");
	cr_expect_str_eq(pp_ruleset_at(rules, 0)->rule.name, "b");
}

Test(reload, rule_by_command_stays)
{
	uint32_t id;

	start(BASE "rules: {inline: [drop proto udp]}\n");
	id = add_by_command("drop proto tcp name mine");
	expect_line(BASE "rules: {inline: [drop proto sctp]}\n",
		    "rules: 1 added, 1 deleted, 0 kept");
	cr_expect_eq(id_of("mine"), id);
	cr_expect_eq(pp_ruleset_count(rules), 2);
}

Test(reload, rule_deleted_by_command_comes_back)
{
	start(BASE "rules: {inline: [drop proto udp name a]}\n");
	cr_assert_eq(pp_ruleset_remove(rules, id_of("a"), NULL), 0);
	expect_line(BASE "rules: {inline: [drop proto udp name a]}\n",
		    "rules: 1 added, 0 deleted, 0 kept");
}

Test(reload, default_becomes_what_the_file_says)
{
	start(BASE);
	expect_line(BASE "rules: {default: drop}\n", "default: pass to drop");
	cr_expect_eq(pp_ruleset_default(rules), PP_VERDICT_DROP);
	pp_ruleset_set_default(rules, PP_VERDICT_PASS);
	expect_line(BASE "rules: {default: drop}\n", "default: pass to drop");
	expect_line(BASE, "default: drop to pass");
}

Test(reload, sets_change_by_difference)
{
	start(BASE "rules: {inline: ['set office {192.0.2.1 192.0.2.2}']}\n");
	expect_line(BASE "rules: {inline: ['set office {192.0.2.2 192.0.2.3 192.0.2.4}']}\n",
		    "set office: 2 entries added, 1 deleted");
	expect_line(BASE "rules: {inline: ['set office {192.0.2.2 192.0.2.3 192.0.2.4}',\n"
			 " 'set home {2001:db8::/32}']}\n",
		    "set home: new, 1 entries");
	expect_line(BASE "rules: {inline: ['set home {2001:db8::/32}']}\n", "set office: deleted");
	expect_line(BASE "rules: {inline: ['set home {2001:db8::/32}', protect @home]}\n",
		    "set home: now protected");
	expect_line(BASE "rules: {inline: ['set home {2001:db8::/32}']}\n",
		    "set home: no longer protected");
}

Test(reload, files_of_rules_and_sets_are_read_again)
{
	static const char text[] = BASE "rules: {files: [a.rules]}\n";

	write_file("a.rules", "set a file a.list\ndrop src @a\n");
	write_file("a.list", "192.0.2.1\n");
	start(text);
	write_file("a.list", "192.0.2.1\n192.0.2.2\n");
	expect_line(text, "set a: 1 entries added, 0 deleted");
	write_file("a.rules", "set a file a.list\npass src @a\n");
	expect_line(text, "rules: 1 added, 1 deleted, 0 kept");
}

Test(reload, everything_that_changed_is_told)
{
	start(BASE "rules: {inline: [drop proto udp]}\n");
	cr_assert_eq(reload(BASE "rules: {default: drop, protect: report,\n"
				 " inline: ['set a {192.0.2.1}', pass src @a]}\n"),
		     0);
	cr_assert_eq(json_array_size(changed), 4);
	cr_expect_str_eq(line(0), "rules: 1 added, 1 deleted, 0 kept");
	cr_expect_str_eq(line(1), "set a: new, 1 entries");
	cr_expect_str_eq(line(2), "default: pass to drop");
	cr_expect_str_eq(line(3), "protect: refuse to report");
}

Test(reload, error_anywhere_leaves_everything)
{
	write_file("a.rules", "drop proto udp\n");
	start(BASE "rules: {files: [a.rules], inline: ['set a {192.0.2.1}', drop src @a]}\n");
	add_by_command("drop src @a proto tcp");

	expect_refused(BASE "rules: {inline: [pass any, drop proto foo]}\n", "c.yaml", 2, 39,
		       "protocol");
	expect_refused(BASE "rules: {inline: [pass any], default: no}\n", "c.yaml", 2, 38,
		       "expected pass or drop");
	expect_refused(BASE "rules: {files: [none]}\n", "c.yaml", 2, 17, "No such file");
	expect_refused(BASE "rules: {inline: ['set a {192.0.2.1}', drop on nosuch]}\n", "c.yaml", 2,
		       39, "nosuch");
	expect_refused(BASE "rules: {inline: ['set a {192.0.2.1}', copy to no any]}\n", "c.yaml", 2,
		       39, "no");
	expect_refused("interfaces: [{name: a}\n", "c.yaml", 2, 1, "YAML");
	write_file("a.rules", "pass any\n  drop dport 5-4\n");
	expect_refused(BASE "rules: {default: drop, files: [a.rules]}\n", "a.rules", 2, 14,
		       "reversed");
}

Test(reload, set_that_a_rule_by_command_names_cannot_go)
{
	char *before, *after;

	start(BASE "rules: {inline: ['set a {192.0.2.1}']}\n");
	add_by_command("drop src @a proto tcp");
	before = state();
	cr_assert_eq(reload(BASE), -EINVAL);
	after = state();
	cr_expect_str_eq(after, before);
	cr_assert_eq(report.errors, 1);
	cr_expect(strstr(report.line[0].text, "a"), "%s", report.line[0].text);
	free(before);
	free(after);
}

Test(reload, rule_against_a_protected_set_is_refused_or_reported)
{
	start(BASE "rules: {inline: ['set a {192.0.2.1}', protect @a]}\n");
	expect_refused(BASE "rules: {inline: ['set a {192.0.2.1}', protect @a,\n"
			    " pass proto tcp, drop proto udp]}\n",
		       "c.yaml", 3, 18, "protected set @a");
	expect_refused(BASE "rules: {default: drop, inline: ['set a {192.0.2.1}', protect @a]}\n",
		       "c.yaml", 2, 18, "protected set @a");
	cr_assert_eq(reload(BASE
			    "rules: {protect: report, inline: ['set a {192.0.2.1}', protect @a,\n"
			    " drop proto udp]}\n"),
		     0);
	cr_assert_eq(report.warnings, 1);
	cr_expect(report.line[0].line == 3 && report.line[0].col == 2);
	cr_expect(strstr(report.line[0].text, "protected set @a"));
}

Test(reload, protection_also_holds_against_rules_by_command)
{
	start(BASE "rules: {inline: ['set a {192.0.2.1}']}\n");
	add_by_command("drop proto udp");
	expect_refused(BASE "rules: {inline: ['set a {192.0.2.1}', protect @a]}\n", "c.yaml", 0, 0,
		       "drop proto udp");
}

Test(reload, key_that_cannot_change_is_refused_at_its_place)
{
	static const struct {
		const char *text;
		uint32_t row, col;
		const char *what;
	} cases[] = {
		{"interfaces: [{name: ppnone1}]\n", 1, 21, "interfaces"},
		{"interfaces: [{name: ppnone0}, {name: ppnone1}]\n", 1, 38, "interfaces"},
		{"interfaces: [{name: ppnone0, mode: skb}]\n", 1, 36, "mode"},
		{"interfaces: [{name: ppnone0, bind: copy}]\n", 1, 36, "binds"},
		{"interfaces: [{name: ppnone0, queues: [0]}]\n", 1, 38, "queues"},
		{BASE "timestamps: on\n", 2, 13, "timestamps"},
		{BASE "workers: {count: 1}\n", 2, 18, "workers: count"},
		{BASE "workers: {cpus: [0]}\n", 2, 17, "workers: cpus"},
		{BASE "workers: {idle: busy}\n", 2, 17, "workers: idle"},
		{BASE "rings: {rx: 64}\n", 2, 13, "rings: rx"},
		{BASE "rings: {tx: 64}\n", 2, 13, "rings: tx"},
		{BASE "rings: {fill: 64}\n", 2, 15, "rings: fill"},
		{BASE "rings: {completion: 64}\n", 2, 21, "rings: completion"},
		{BASE "rings: {handoff: 4KiB}\n", 2, 18, "rings: handoff"},
		{BASE "rings: {copy: 4KiB}\n", 2, 15, "rings: copy"},
		{BASE "umem: {frames: 50000}\n", 2, 16, "umem: frames"},
		{BASE "umem: {chunk: 4096}\n", 2, 15, "umem: chunk"},
		{BASE "umem: {layout: spread}\n", 2, 16, "umem: layout"},
		{BASE "umem: {hugepages: on}\n", 2, 19, "umem: hugepages"},
		{BASE "consumers: [{name: a, kind: sink}]\n", 2, 20, "consumers"},
		{BASE "control: {socket: /tmp/x}\n", 2, 19, "control: socket"},
		{BASE "control: {mode: 0666}\n", 2, 17, "control: mode"},
		{BASE "control: {group: 1}\n", 2, 18, "control: group"},
		{BASE "control: {read-group: 1}\n", 2, 23, "control: read-group"},
	};

	start(BASE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_refused(cases[i].text, "c.yaml", cases[i].row, cases[i].col, cases[i].what);
		cr_expect(strstr(report.line[0].text, "cannot change while running: restart"));
		cr_expect_eq(report.errors, 1, "%s: %u errors", cases[i].text, report.errors);
	}
}

Test(reload, consumer_that_changes_is_refused_at_its_place)
{
	start(BASE "consumers: [{name: a, kind: count}, {name: b, kind: sink}]\n");
	expect_refused(BASE "consumers: [{name: a, kind: sink}, {name: b, kind: sink}]\n", "c.yaml",
		       2, 29, "kind");
	expect_refused(BASE
		       "consumers: [{name: a, kind: count, threads: 1}, {name: b, kind: sink}]\n",
		       "c.yaml", 2, 45, "thread");
	expect_refused(BASE "consumers: [{name: a, kind: count}]\n", "c.yaml", 2, 12, "consumers");
	expect_refused(BASE, "c.yaml", 1, 1, "consumers");
}

Test(reload, key_that_is_left_out_is_refused_where_the_file_begins)
{
	start(BASE "rings: {rx: 64}\n");
	expect_refused(BASE, "c.yaml", 1, 1, "rings: rx");
	cr_expect_eq(reload(BASE "rings: {rx: 64}\nengine: auto\n"), 0, "the default, written out");
}

Test(reload, every_error_is_found)
{
	start(BASE);
	cr_assert_eq(reload(BASE "rings: {rx: 64}\nengine: none\nrules: {inline: [drop on no]}\n"),
		     -EINVAL);
	cr_expect_eq(report.errors, 3);
}

Test(reload, engine_and_verdict_cache_may_change)
{
	start(BASE);
	expect_line(BASE "engine: linear\n", "engine: auto to linear");
	cr_expect_str_eq(running->plane.engine, "linear");
	expect_line(BASE "engine: linear\nverdict-cache: on\n", "verdict-cache: auto to on");
	cr_expect_eq(running->plane.cache, PP_CACHE_ON);
	cr_assert_eq(reload(BASE "engine: auto\nverdict-cache: off\nrules: {default: drop}\n"), 0);
	cr_expect_str_eq(line(0), "default: pass to drop");
	cr_expect_str_eq(line(1), "engine: linear to auto");
	cr_expect_str_eq(line(2), "verdict-cache: on to off");
	cr_assert_eq(reload(BASE "engine: auto\nverdict-cache: off\nrules: {default: drop}\n"), 0);
	cr_expect_eq(json_array_size(changed), 0);
}

Test(reload, engine_that_is_none_is_refused_at_its_place)
{
	start(BASE);
	expect_refused(BASE "engine: none\n", "c.yaml", 2, 9, "expected auto");
	expect_refused(BASE "engine: {name: mine, object: x.o, library: x.so}\n", "c.yaml", 2, 44,
		       "No such file");
	expect_refused(BASE "engine: {name: mine, object: x.o}\n", "c.yaml", 2, 9, "library");
}
