// SPDX-License-Identifier: MIT OR Apache-2.0
#include "explain_print.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "table_text.h"

#define TOO_LONG "too long for the kernel's test run"
#define RULE_BYTES 64 // "4294967295 (NAME)"

static const char *const verdict_names[PP_VERDICT_COUNT] = {
	[PP_VERDICT_PASS] = "pass", [PP_VERDICT_DROP] = "drop", [PP_VERDICT_ROUTE] = "route"};

void pp_explain_sum_add(struct pp_explain_sum *sum, const struct pp_explain_line *line)
{
	const struct pp_explanation *result = &line->result;
	struct pp_rule_stats *slot;

	sum->pkts++;
	sum->bytes += line->cap_bytes;
	sum->truncated_pkts += line->cap_bytes < line->len_bytes;
	sum->too_long_pkts += line->too_long;
	if (line->too_long)
		return;
	if (result->unparsed) {
		sum->unparsed_pkts[result->unparsed]++;
		return;
	}
	slot = &sum->slot[result->rule ? result->rule->slot : PP_SLOT_DEFAULT];
	slot->pkts++;
	slot->bytes += line->cap_bytes;
}

// Why there is no rule that judged; NULL: there is.
static const char *reason_of(const struct pp_explain_line *line)
{
	if (line->too_long)
		return TOO_LONG;
	return line->result.unparsed ? pp_ledger_name(line->result.unparsed) : NULL;
}

static bool is_later_fragment(const struct pp_explain_line *line)
{
	return line->result.key.word >> PP_KEY_FLAGS_SHIFT & PP_KEY_LATER_FRAG;
}

// For people.

static void print_verdict(const struct pp_explain_line *line)
{
	char text[32];

	if (line->too_long)
		strcpy(text, "?");
	else
		snprintf(text, sizeof(text), "%s%s", line->result.copy ? "copy, " : "",
			 verdict_names[line->result.verdict]);
	printf("%7" PRIu64 "  %-11s", line->index, text);
}

static void format_rule(const struct pp_explain_rules *rules,
			const struct pp_ruleset_entry *entry,
			char buf[RULE_BYTES])
{
	int len = snprintf(buf, RULE_BYTES, "%u", pp_explain_rules_id(rules, entry->id));

	if (*entry->rule.name)
		snprintf(buf + len, RULE_BYTES - (size_t)len, " (%s)", entry->rule.name);
}

static void print_rule(const struct pp_explain_rules *rules, const struct pp_explain_line *line)
{
	char text[RULE_BYTES] = "default";
	bool out = line->result.key.word & PP_KEY_OUT;

	// What is sent and matches no rule passes: the default action is for what is received.
	if (reason_of(line) || (out && !line->result.rule))
		strcpy(text, "-");
	else if (line->result.rule)
		format_rule(rules, line->result.rule, text);
	printf("  %-12s", text);
}

// The key as a rule has it, without the verdict in front.
static void print_key(const struct pp_explain_rules *rules, const struct pp_explain_line *line)
{
	char text[PP_RULE_TEXT_BYTES];
	struct pp_rule rule;

	pp_explain_rule_for(&line->result, rules->in_name, &rule);
	pp_rule_format(&rule, text, sizeof(text));
	fputs(text + strcspn(text, " "), stdout);
	if (rule.family == PP_FAMILY_NONE && !reason_of(line))
		fputs(" not IP", stdout);
}

static void print_notes(const struct pp_explain_line *line)
{
	const char *reason = reason_of(line);

	if (is_later_fragment(line))
		fputs(" (later fragment)", stdout);
	if (reason)
		printf(" (%s)", reason);
	if (line->cap_bytes < line->len_bytes)
		printf(" (captured %u of %u bytes)", line->cap_bytes, line->len_bytes);
	if (line->result.too_short)
		printf(" (%u bytes: judged outside the kernel)", line->cap_bytes);
	putchar('\n');
}

static void print_text(const struct pp_explain_rules *rules, const struct pp_explain_line *line)
{
	print_verdict(line);
	print_rule(rules, line);
	print_key(rules, line);
	print_notes(line);
}

static void put_row(struct pp_table *table,
		    const char *rule,
		    const struct pp_rule_stats *stats,
		    const char *text)
{
	char number[PP_TABLE_NUMBER_BYTES];

	pp_table_put(table, rule);
	pp_table_put(table, pp_table_number((int64_t)stats->pkts, number));
	pp_table_put(table, pp_table_number((int64_t)stats->bytes, number));
	pp_table_put(table, text);
}

static void put_rows(struct pp_table *table,
		     const struct pp_explain_rules *rules,
		     const struct pp_explain_sum *sum)
{
	char id[RULE_BYTES], text[PP_RULE_TEXT_BYTES];

	for (uint32_t i = 0; i < pp_ruleset_count(rules->rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules->rules, i);

		snprintf(id, sizeof(id), "%u", pp_explain_rules_id(rules, entry->id));
		pp_rule_format(&entry->rule, text, sizeof(text));
		put_row(table, id, &sum->slot[entry->slot], text);
	}
	put_row(table, "default", &sum->slot[PP_SLOT_DEFAULT],
		verdict_names[pp_ruleset_default(rules->rules)]);
}

static void print_reason(const char *reason, uint64_t pkts)
{
	if (pkts)
		printf("%" PRIu64 " of them %s\n", pkts, reason);
}

static int print_sum_text(const struct pp_explain_rules *rules, const struct pp_explain_sum *sum)
{
	static const struct pp_table_column columns[] = {
		{"rule", true}, {"packets", true}, {"bytes", true}, {"text", false}};
	struct pp_table table;
	int ret;

	pp_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	put_rows(&table, rules, sum);
	putchar('\n');
	ret = pp_table_print(&table, stdout);
	pp_table_fini(&table);
	printf("\n%" PRIu64 " packets\n", sum->pkts);
	for (enum pp_ledger_column i = 0; i < PP_LEDGER_COLUMNS; i++)
		print_reason(pp_ledger_name(i), sum->unparsed_pkts[i]);
	print_reason(TOO_LONG, sum->too_long_pkts);
	print_reason("truncated in the capture", sum->truncated_pkts);
	return ret;
}

// For programs.

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *prefix_json(const struct pp_prefix *prefix)
{
	char text[PP_PREFIX_TEXT_BYTES];

	if (prefix->family == PP_FAMILY_NONE)
		return json_null();
	pp_prefix_format(prefix, text);
	return json_string(text);
}

static json_t *port_json(const struct pp_ports *ports)
{
	return ports->set ? json_integer(ports->lo) : json_null();
}

static json_t *key_json(const struct pp_explain_rules *rules, const struct pp_explain_line *line)
{
	static const char *const families[] = {[PP_FAMILY_IP4] = "ip4", [PP_FAMILY_IP6] = "ip6"};
	struct pp_rule rule;

	pp_explain_rule_for(&line->result, rules->in_name, &rule);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:s}", "family",
			 text_or_null(families[rule.family]), "proto",
			 rule.proto < 0 ? json_null() : json_integer(rule.proto), "src",
			 prefix_json(&rule.src), "dst", prefix_json(&rule.dst), "sport",
			 port_json(&rule.sport), "dport", port_json(&rule.dport), "later_fragment",
			 (int)is_later_fragment(line), "interface", text_or_null(rule.on),
			 "direction", rule.direction == PP_DIRECTION_OUT ? "out" : "in");
}

static json_t *verdict_json(const struct pp_explain_line *line, bool then)
{
	const struct pp_explanation *result = &line->result;

	if (line->too_long || (then && !result->copy))
		return json_null();
	return json_string(result->copy && !then ? "copy" : verdict_names[result->verdict]);
}

static json_t *id_json(const struct pp_explain_rules *rules, const struct pp_ruleset_entry *entry)
{
	return entry ? json_integer(pp_explain_rules_id(rules, entry->id)) : json_null();
}

static void print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static json_t *line_json(const struct pp_explain_rules *rules, const struct pp_explain_line *line)
{
	const struct pp_ruleset_entry *rule = line->result.rule;

	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:b}", "index",
			 (json_int_t)line->index, "verdict", verdict_json(line, false), "then",
			 verdict_json(line, true), "rule", id_json(rules, rule), "name",
			 text_or_null(rule ? rule->rule.name : NULL), "reason",
			 text_or_null(reason_of(line)), "key", key_json(rules, line), "bytes",
			 (json_int_t)line->cap_bytes, "wire_bytes", (json_int_t)line->len_bytes,
			 "truncated", line->cap_bytes < line->len_bytes, "too_short",
			 (int)line->result.too_short);
}

static json_t *
slot_json(json_t *id, const char *name, const char *text, const struct pp_rule_stats *stats)
{
	return json_pack("{s:o, s:o, s:s, s:I, s:I}", "id", id, "name", text_or_null(name), "text",
			 text, "packets", (json_int_t)stats->pkts, "bytes",
			 (json_int_t)stats->bytes);
}

static json_t *rules_json(const struct pp_explain_rules *rules, const struct pp_explain_sum *sum)
{
	char text[PP_RULE_TEXT_BYTES];
	json_t *list = json_array();

	for (uint32_t i = 0; i < pp_ruleset_count(rules->rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules->rules, i);

		pp_rule_format(&entry->rule, text, sizeof(text));
		json_array_append_new(list, slot_json(id_json(rules, entry), entry->rule.name, text,
						      &sum->slot[entry->slot]));
	}
	return list;
}

static json_t *reasons_json(const struct pp_explain_sum *sum)
{
	json_t *reasons = json_object();

	for (enum pp_ledger_column i = 0; i < PP_LEDGER_COLUMNS; i++)
		if (sum->unparsed_pkts[i])
			json_object_set_new(reasons, pp_ledger_name(i),
					    json_integer((json_int_t)sum->unparsed_pkts[i]));
	if (sum->too_long_pkts)
		json_object_set_new(reasons, TOO_LONG,
				    json_integer((json_int_t)sum->too_long_pkts));
	return reasons;
}

static json_t *sum_json(const struct pp_explain_rules *rules, const struct pp_explain_sum *sum)
{
	const char *verdict = verdict_names[pp_ruleset_default(rules->rules)];

	return json_pack("{s:{s:I, s:I, s:I, s:o, s:o, s:o}}", "summary", "packets",
			 (json_int_t)sum->pkts, "bytes", (json_int_t)sum->bytes, "truncated",
			 (json_int_t)sum->truncated_pkts, "rules", rules_json(rules, sum),
			 "default",
			 slot_json(json_null(), NULL, verdict, &sum->slot[PP_SLOT_DEFAULT]),
			 "reasons", reasons_json(sum));
}

void pp_explain_print_line(const struct pp_explain_rules *rules,
			   const struct pp_explain_line *line,
			   bool json)
{
	if (json)
		print_json(line_json(rules, line));
	else
		print_text(rules, line);
}

int pp_explain_print_sum(const struct pp_explain_rules *rules,
			 const struct pp_explain_sum *sum,
			 bool json)
{
	if (!json)
		return print_sum_text(rules, sum);
	print_json(sum_json(rules, sum));
	return 0;
}
