// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A configuration file in a folder of its own.
static char dir[32];
static char path[64];
static struct pp_report report;
static struct pp_config *config;

static void write_file(const char *name, const char *text, size_t len)
{
	char file[96];
	FILE *out;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	out = fopen(file, "we");
	cr_assert_not_null(out);
	cr_assert_eq(fwrite(text, 1, len, out), len);
	fclose(out);
}

static void setup(void)
{
	strcpy(dir, "/tmp/ppconfXXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c.yaml", dir);
	pp_report_init(&report);
	config = NULL;
}

static void teardown(void)
{
	char command[64];

	pp_config_destroy(config);
	pp_report_fini(&report);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

static int load(const char *text)
{
	write_file("c.yaml", text, strlen(text));
	pp_config_destroy(config);
	config = NULL;
	pp_report_fini(&report);
	return pp_config_load(path, &config, &report);
}

// Load something bad whose first error is at line:col of file and has needle in its text.
static void
expect_error_in(const char *text, const char *file, uint32_t line, uint32_t col, const char *needle)
{
	const struct pp_report_line *first = report.line;
	char want[96];

	cr_assert_eq(load(text), -EINVAL, "accepted:\n%s", text);
	first = report.line;
	cr_assert_null(config, "out must be untouched on failure");
	cr_assert_geq(report.errors, 1);
	snprintf(want, sizeof(want), "%s/%s", dir, file);
	cr_expect_str_eq(first->file, want);
	cr_expect(first->line == line && first->col == col, "%u:%u, not %u:%u, for:\n%s\n(%s)",
		  first->line, first->col, line, col, text, first->text);
	cr_expect(strstr(first->text, needle), "'%s' is not in '%s'", needle, first->text);
}

static void expect_error(const char *text, uint32_t line, uint32_t col, const char *needle)
{
	expect_error_in(text, "c.yaml", line, col, needle);
}

static void expect_rule_at(uint32_t id, const char *file, uint32_t line, uint32_t col)
{
	struct pp_spot at = pp_config_locate_rule(config, id);
	char want[96];

	snprintf(want, sizeof(want), "%s/%s", dir, file);
	cr_expect_str_eq(at.file, want);
	cr_expect(at.line == line && at.col == col, "rule %u at %u:%u, not %u:%u", id, at.line,
		  at.col, line, col);
}

#define IFACE "interfaces: [{name: eth0}]\n"

TestSuite(config, .init = setup, .fini = teardown);

Test(config, one_interface_is_enough_and_the_rest_is_default)
{
	struct pp_plane_config defaults;

	pp_plane_config_init(&defaults);
	cr_assert_eq(load(IFACE), 0);
	cr_expect_eq(config->plane.iface_count, 1);
	cr_expect_str_eq(config->plane.iface[0].name, "eth0");
	cr_expect_eq(config->plane.iface[0].mode, PP_XDP_NATIVE);
	cr_expect_eq(config->plane.iface[0].bind, PP_BIND_AUTO);
	cr_expect(config->plane.iface[0].queues_all);
	cr_expect_eq(config->plane.rx_slots, defaults.rx_slots);
	cr_expect_str_eq(config->plane.engine, defaults.engine);
	cr_expect_str_eq(config->control.socket, PP_CONFIG_SOCKET);
	cr_expect_eq(config->control.mode, 0600);
	cr_expect_eq(pp_ruleset_count(config->rules), 0);
	cr_expect(config->protect_refuse);
	cr_expect_eq(config->control.read_group, (gid_t)-1);
}

Test(config, every_key_is_read)
{
	cr_assert_eq(load("interfaces:\n"
			  "  - {name: eth0, mode: skb, bind: copy, queues: [3, 1]}\n"
			  "  - {name: eth1, mode: auto, bind: zerocopy, queues: all}\n"
			  "engine: linear\n"
			  "verdict-cache: on\n"
			  "workers: {count: 2, cpus: [1, 0], idle: adaptive}\n"
			  "rings: {rx: 64, tx: 128, fill: 256, completion: 512, handoff: 1MiB,\n"
			  "        copy: 8KiB}\n"
			  "umem: {frames: 5000, chunk: 4096, layout: spread, hugepages: off}\n"
			  "rules: {default: drop, protect: report, inline: [pass any]}\n"
			  "consumers:\n"
			  "  - {name: a, kind: count, threads: 1, cpu: 1}\n"
			  "  - {name: b, kind: sink}\n"
			  "  - {name: c, kind: reflect}\n"
			  "control: {socket: /tmp/x, mode: 0660, group: 0, read-group: 1}\n"
			  "timestamps: on\n"),
		     0);
	const struct pp_plane_config *p = &config->plane;

	cr_expect_eq(p->iface_count, 2);
	cr_expect_eq(p->iface[0].mode, PP_XDP_SKB);
	cr_expect_eq(p->iface[0].bind, PP_BIND_COPY);
	cr_expect_not(p->iface[0].queues_all);
	cr_expect_eq(p->iface[0].queue_count, 2);
	cr_expect(p->iface[0].queue[0] == 1 && p->iface[0].queue[1] == 3, "ascending");
	cr_expect_eq(config->iface_at[0].queue[0].col, 53, "the place goes with its queue");
	cr_expect_eq(p->iface[1].mode, PP_XDP_AUTO);
	cr_expect_eq(p->iface[1].bind, PP_BIND_ZEROCOPY);
	cr_expect_str_eq(p->engine, "linear");
	cr_expect_eq(p->cache, PP_CACHE_ON);
	cr_expect_eq(p->worker_count, 2);
	cr_expect_eq(p->worker_cpu_count, 2);
	cr_expect(p->worker_cpu[0] == 1 && p->worker_cpu[1] == 0, "as written");
	cr_expect_eq(p->idle, PP_IDLE_ADAPTIVE);
	cr_expect_eq(p->rx_slots, 64);
	cr_expect_eq(p->tx_slots, 128);
	cr_expect_eq(p->fill_slots, 256);
	cr_expect_eq(p->completion_slots, 512);
	cr_expect_eq(p->handoff_bytes, 1u << 20);
	cr_expect_eq(p->copy_ring_bytes, 8u << 10);
	cr_expect_eq(p->frames, 5000);
	cr_expect_eq(p->chunk_bytes, 4096);
	cr_expect(p->layout == PP_LAYOUT_SPREAD && p->hugepages == PP_HUGEPAGES_OFF);
	cr_expect(p->timestamps);
	cr_expect_eq(pp_ruleset_default(config->rules), PP_VERDICT_DROP);
	cr_expect_eq(pp_ruleset_count(config->rules), 1);
	cr_expect_eq(p->consumer_count, 3);
	cr_expect_str_eq(p->consumer[0].name, "a");
	cr_expect_eq(p->consumer[0].threads, 1);
	cr_expect_eq(p->consumer[0].cpu, 1);
	cr_expect_eq(p->consumer[1].kind, PP_CONSUMER_SINK);
	cr_expect_eq(p->consumer[1].cpu, -1);
	cr_expect_eq(p->consumer[2].kind, PP_CONSUMER_REFLECT);
	cr_expect_str_eq(config->control.socket, "/tmp/x");
	cr_expect_eq(config->control.mode, 0660);
	cr_expect_eq(config->control.group, 0);
	cr_expect_eq(config->control.read_group, 1);
	cr_expect_not(config->protect_refuse);
}

Test(config, unknown_key_names_the_nearest)
{
	expect_error(IFACE "rings: {fil: 64}\n", 2, 9, "unknown key 'fil', did you mean 'fill'?");
	expect_error("interface: []\n", 1, 1, "did you mean 'interfaces'?");
	expect_error(IFACE "control: {colour: red}\n", 2, 11,
		     "expected one of: socket, mode, group, read-group");
}

Test(config, duplicate_key_names_the_first)
{
	expect_error(IFACE "engine: auto\nengine: linear\n", 3, 1, "first at line 2");
	expect_error("interfaces:\n  - name: a\n    name: b\n", 3, 5, "duplicate key 'name'");
}

Test(config, engine_of_ones_own_needs_files_that_are_what_they_say)
{
#define OWN(name, object, library)                                                                 \
	IFACE "engine:\n  name: " name "\n  object: " object "\n  library: " library "\n"

	write_file("x", "text", 4);
	expect_error(OWN("mine", "x", "none.so"), 5, 12, "No such file");
	cr_expect(strstr(report.line[0].text, dir), "paths are seen from the file: %s",
		  report.line[0].text);
	expect_error(OWN("mine", "x", "x"), 5, 12, "not a shared object");
	expect_error(OWN("mine", "x", "."), 5, 12, "no file");
	expect_error(OWN("auto", "x", "x"), 3, 9, "built in");
	expect_error(OWN("linear", "x", "x"), 3, 9, "built in");
	expect_error(OWN("'a b'", "x", "x"), 3, 9, "letters");
	expect_error(IFACE "engine: {name: mine}\n", 2, 9, "needs name, object and library");
	expect_error(IFACE "engine: {}\n", 2, 9, "needs name, object and library");
	expect_error(IFACE "engine: {nam: mine}\n", 2, 10, "did you mean 'name'?");
	expect_error(IFACE "engine: [auto]\n", 2, 9, "expected a name");
	expect_error(IFACE "verdict-cache: 7\n", 2, 16, "expected auto, on or off");
}

Test(config, wrong_types_are_refused)
{
	static const struct {
		const char *text;
		uint32_t col;
		const char *needle;
	} cases[] = {
		{"interfaces: eth0", 13, "expected a list of interfaces"},
		{"interfaces: [eth0]", 14, "expected a mapping"},
		{"interfaces: [{name: [a]}]", 21, "expected the name of an interface"},
		{"interfaces: [{name: }]", 15, "found nothing"},
		{"interfaces: [{name: e, queues: 1}]", 32, "expected all or a list"},
		{"interfaces: [{name: e, queues: [x]}]", 33, "expected a number"},
		{"rings: []", 8, "expected a mapping"},
		{"rings: {rx: fast}", 13, "expected a power of two"},
		{"rings: {copy: 4MB}", 15, "expected a size"},
		{"workers: {cpus: 1}", 17, "expected a list of CPUs"},
		{"workers: {count: -1}", 18, "expected 'auto' or a number"},
		{"umem: {chunk: [2048]}", 15, "expected 2048 or 4096"},
		{"rules: {inline: drop any}", 17, "expected a list of rules"},
		{"rules: {inline: [[drop any]]}", 18, "expected a rule"},
		{"rules: {default: route}", 18, "expected pass or drop"},
		{"rules: {protect: maybe}", 18, "expected report or refuse"},
		{"rules: {inline: ['']}", 18, "found an empty text"},
		{"timestamps: maybe", 13, "expected off or on"},
		{"control: {mode: 888}", 17, "expected an octal mode"},
		{"control: {socket: here}", 19, "expected an absolute path"},
		{"consumers: [{name: a b, kind: sink}]", 20, "a name is made of"},
		{"just a text", 1, "expected a mapping"},
		{"- a\n- b", 1, "expected a mapping"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_error(cases[i].text, 1, cases[i].col, cases[i].needle);
}

Test(config, numbers_out_of_range_are_refused)
{
	expect_error(IFACE "rings: {rx: 100}", 2, 13, "near it are 64 and 128");
	expect_error(IFACE "rings: {rx: 32}", 2, 13, "out of range");
	expect_error(IFACE "rings: {rx: 131072}", 2, 13, "out of range");
	expect_error(IFACE "rings: {rx: 18446744073709551616}", 2, 13, "out of range");
	expect_error(IFACE "rings: {copy: 3MiB}", 2, 15, "not a power of two");
	expect_error(IFACE "rings: {copy: 17179869184GiB}", 2, 15, "out of range");
	expect_error(IFACE "umem: {chunk: 1024}", 2, 15, "expected 2048 or 4096");
	expect_error(IFACE "umem: {frames: 0}", 2, 16, "out of range");
	expect_error(IFACE "workers: {count: 65}", 2, 18, "out of range");
	expect_error(IFACE "workers: {cpus: [0, 1024]}", 2, 21, "out of range");
	expect_error("interfaces: [{name: e, queues: [65536]}]", 1, 33, "out of range");
	expect_error(IFACE "consumers: [{name: a, kind: count, threads: 17}]", 2, 45,
		     "out of range");
}

Test(config, things_listed_twice_are_refused)
{
	expect_error("interfaces: [{name: a}, {name: a}]", 1, 32, "interface a is listed twice");
	expect_error("interfaces: [{name: a, queues: [1, 1]}]", 1, 36, "queue 1 is listed twice");
	expect_error(IFACE "workers: {cpus: [1, 1]}", 2, 21, "CPU 1 is listed twice");
	expect_error(IFACE "consumers:\n- {name: a, kind: sink}\n- {name: a, kind: sink}\n", 4, 10,
		     "consumer a is listed twice");
}

Test(config, consumer_needs_what_its_kind_needs)
{
	expect_error(IFACE "consumers: [{name: a}]", 2, 13, "needs a kind");
	expect_error(IFACE "consumers: [{kind: sink}]", 2, 13, "needs a name");
	expect_error(IFACE "consumers: [{name: a, kind: sink, threads: 1}]", 2, 44, "analyser");
	expect_error(IFACE "consumers: [{name: a, kind: count, cpu: 0}]", 2, 41, "threads: 1");
}

Test(config, interface_is_needed)
{
	expect_error("", 1, 1, "empty");
	expect_error("# only a comment\n", 1, 1, "empty");
	expect_error("engine: auto\n", 1, 1, "no interface");
	expect_error("interfaces: []\n", 1, 1, "no interface");
	expect_error("interfaces: [{mode: skb}]", 1, 14, "needs a name");
	expect_error("interfaces: [{name: an-interface-name}]", 1, 21, "cannot be the name");
}

Test(config, error_in_an_inline_rule_points_into_it)
{
	expect_error(IFACE "rules:\n  inline:\n    - drop  proto foo\n", 4, 19, "protocol");
	expect_error(IFACE "rules:\n  inline:\n    - \"drop  proto foo\"\n", 4, 20, "protocol");
	expect_error(IFACE "rules:\n  inline:\n    - 'drop  proto foo'\n", 4, 20, "protocol");
	expect_error(IFACE "rules: {inline: [drop any, pass proto x]}\n", 2, 39, "protocol");
}

Test(config, error_in_a_rule_without_exact_columns_points_to_its_start)
{
	expect_error(IFACE "rules:\n  inline:\n    - \"drop\\x20proto foo\"\n", 4, 7, "protocol");
	expect_error(IFACE "rules:\n  inline:\n    - drop\n      proto foo\n", 4, 7, "protocol");
}

Test(config, error_in_a_block_points_into_its_line)
{
	expect_error(IFACE "rules:\n  inline:\n    - |\n      drop any\n      pass  proto foo\n", 6,
		     19, "protocol");
	expect_error(IFACE "rules:\n  inline:\n    - |\n\n       set a {\n\n         192.0.2.300\n"
			   "       }\n",
		     8, 10, "192.0.2.300");
}

Test(config, block_may_hold_several_statements)
{
	cr_assert_eq(load(IFACE "rules:\n  inline:\n    - |\n      set a {\n        192.0.2.1\n"
				"        2001:db8::/32\n      }\n      drop src @a\n"
				"      pass any\n"),
		     0);
	cr_assert_eq(config->rule_count, 2);
	cr_expect_eq(pp_set_count(pp_ruleset_find_set(config->rules, "a")), 2);
	expect_rule_at(1, "c.yaml", 9, 7);
	expect_rule_at(2, "c.yaml", 10, 7);
}

Test(config, set_may_stand_in_another_text_than_the_rule_that_names_it)
{
	write_file("a.rules", "set a { 192.0.2.0/24 }\n", 23);
	write_file("b.list", "198.51.100.1\n198.51.100.2\n", 26);
	cr_assert_eq(load(IFACE "rules: {inline: [drop src @a, set b file b.list, drop src @b],\n"
				"        files: [a.rules]}"),
		     0);
	cr_expect_eq(pp_set_count(pp_ruleset_find_set(config->rules, "a")), 1);
	cr_expect_eq(pp_set_count(pp_ruleset_find_set(config->rules, "b")), 2);
	expect_rule_at(2, "c.yaml", 2, 50);
}

Test(config, set_that_is_nowhere_is_an_error_at_the_rule)
{
	expect_error(IFACE "rules:\n  inline:\n    - pass any\n    - drop src @nosuch\n", 5, 7,
		     "nosuch");
	write_file("a.rules", "pass any\n\n  drop src @nosuch\n", 29);
	expect_error_in(IFACE "rules: {files: [a.rules]}", "a.rules", 3, 3, "nosuch");
}

Test(config, every_file_and_item_is_read_though_one_fails)
{
	write_file("a.rules", "drop x\n", 7);
	write_file("b.rules", "drop y\n", 7);
	cr_assert_eq(load(IFACE "rules: {files: [a.rules, none, b.rules], inline: [z, pass any]}"),
		     -EINVAL);
	cr_expect_eq(report.errors, 4);
}

Test(config, every_error_is_found)
{
	cr_assert_eq(load("interfaces: [{nam: a}]\nrings: {rx: 3}\nrules: {inline: [x, drop y]}\n"),
		     -EINVAL);
	cr_expect_eq(report.errors, 4);
	cr_expect_eq(report.count, 4);
}

Test(config, endless_errors_are_cut)
{
	char text[8192] = "interfaces: [{name: a}]\nrules: {inline: [x";

	for (int i = 0; i < 1000; i++)
		strcat(text, ", x");
	strcat(text, "]}\n");
	cr_assert_eq(load(text), -EINVAL);
	cr_expect_eq(report.errors, 1001);
	cr_expect_eq(report.count, PP_REPORT_LINES_MAX);
}

Test(config, rule_files_are_read_beside_the_configuration)
{
	static const char rules[] = "# comment\n\n  drop any # tail\r\n\tpass dst 192.0.2.1";

	write_file("a.rules", rules, strlen(rules));
	cr_assert_eq(load(IFACE "rules: {files: [a.rules], inline: [pass any]}"), 0);
	cr_assert_eq(config->rule_count, 3);
	expect_rule_at(1, "a.rules", 3, 3);
	expect_rule_at(2, "a.rules", 4, 2);
	expect_rule_at(3, "c.yaml", 2, 36);
	cr_expect_eq(pp_ruleset_at(config->rules, 0)->rule.verdict, PP_VERDICT_DROP);
}

Test(config, rules_keep_the_order_in_which_they_are_written)
{
	write_file("a.rules", "drop any\n", 9);
	cr_assert_eq(load(IFACE "rules: {inline: [pass any], files: [a.rules]}"), 0);
	cr_expect_eq(pp_ruleset_at(config->rules, 0)->rule.verdict, PP_VERDICT_PASS);
}

Test(config, error_in_a_rule_file_names_that_file)
{
	static const char rules[] = "drop any\n  pass dport 1-70000\n";

	write_file("a.rules", rules, strlen(rules));
	expect_error_in(IFACE "rules: {files: [a.rules]}", "a.rules", 2, 14, "0 to 65535");
}

Test(config, rule_file_that_cannot_be_read_is_refused)
{
	write_file("nul.rules", "drop any\n\0", 10);
	write_file("latin.rules", "drop any # caf\xe9\n", 16);
	expect_error(IFACE "rules: {files: [none]}", 2, 17, "No such file");
	expect_error(IFACE "rules: {files: [.]}", 2, 17, "directory");
	expect_error(IFACE "rules: {files: [/dev/zero]}", 2, 17, "64 MiB");
	expect_error(IFACE "rules: {files: [nul.rules]}", 2, 17, "UTF-8");
	expect_error(IFACE "rules: {files: [latin.rules]}", 2, 17, "UTF-8");
}

Test(config, one_rule_too_many_is_an_error_at_that_rule)
{
	char *rules = malloc((PP_RULES_MAX + 5) * 9 + 1), *end = rules;

	for (int i = 0; i < PP_RULES_MAX + 5; i++)
		end = stpcpy(end, "drop any\n");
	write_file("a.rules", rules, (size_t)(end - rules));
	free(rules);
	expect_error_in(IFACE "rules: {files: [a.rules]}", "a.rules", PP_RULES_MAX + 1, 1,
			"131000");
	cr_expect_eq(report.errors, 1, "said once");
}

Test(config, file_that_cannot_be_read_is_refused)
{
	cr_expect_eq(pp_config_load("/nonexistent", &config, &report), -EINVAL);
	cr_expect(strstr(report.line[0].text, "No such file"));
	pp_report_fini(&report);
	cr_expect_eq(pp_config_load(dir, &config, &report), -EINVAL);
	cr_expect(strstr(report.line[0].text, "directory"));
	pp_report_fini(&report);
	write_file("c.yaml",
		   "\x7f"
		   "ELF\0\1\2",
		   8);
	cr_expect_eq(pp_config_load(path, &config, &report), -EINVAL);
	cr_expect(strstr(report.line[0].text, "not a text file"));
}

Test(config, broken_yaml_is_refused_with_its_place)
{
	expect_error("interfaces: [{name: a}\nengine: auto\n", 2, 1, "YAML");
	expect_error("a: b: c", 1, 5, "YAML");
	expect_error("a: &x 1\nb: *x\n", 2, 5, "aliases");
	expect_error(IFACE "---\n" IFACE, 2, 1, "second document");
	expect_error("? [a]\n: b\n", 1, 3, "expected a key");
	expect_error("engine: \"a\\0b\"", 1, 10, "NUL");
}

Test(config, deep_nesting_is_refused)
{
	char text[4096] = "";

	for (int i = 0; i < 1000; i++)
		strcat(text, "[");
	cr_assert_eq(load(text), -EINVAL);
	cr_expect_eq(report.line[0].line, 1);
}

Test(config, control_characters_do_not_reach_the_terminal)
{
	cr_assert_eq(load("engine: \"\\e[31mred\"\n" IFACE), -EINVAL);
	cr_expect_null(strchr(report.line[0].text, '\033'));
}

Test(config, answer_of_the_machine_points_into_the_file)
{
	struct pp_where where = {.kind = PP_WHERE_IFACE_QUEUE, .index = 0, .sub = 1};
	struct pp_spot at;

	cr_assert_eq(load("interfaces:\n"
			  "  - name: eth0\n"
			  "    mode: skb\n"
			  "    queues: [7, 3]\n"
			  "umem: {frames: 5}\n"
			  "rules: {inline: [drop any]}\n"),
		     0);
	at = pp_config_locate(config, &where);
	cr_expect(at.line == 4 && at.col == 14, "queue 7 is the second, written first");
	where = (struct pp_where){.kind = PP_WHERE_IFACE_MODE};
	at = pp_config_locate(config, &where);
	cr_expect(at.line == 3 && at.col == 11);
	where = (struct pp_where){.kind = PP_WHERE_IFACE_BIND};
	at = pp_config_locate(config, &where);
	cr_expect(at.line == 2 && at.col == 5, "left out: where the interface begins");
	where = (struct pp_where){.kind = PP_WHERE_FRAMES};
	at = pp_config_locate(config, &where);
	cr_expect(at.line == 5 && at.col == 16);
	where = (struct pp_where){.kind = PP_WHERE_RULE, .index = 1};
	at = pp_config_locate(config, &where);
	cr_expect(at.line == 6 && at.col == 18);
	where = (struct pp_where){.kind = PP_WHERE_ENGINE};
	at = pp_config_locate(config, &where);
	cr_expect(at.line == 1 && at.col == 1, "left out: the file");
}
