// SPDX-License-Identifier: MIT OR Apache-2.0
// Any bytes as rules and sets. What is refused says where and changes nothing; what is accepted
// is in force once, is nothing new the second time, and reads back the same from its own text.
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_NS 1000000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// abort() stops whatever the build says of assertions.
static void require(bool holds)
{
	if (!holds)
		abort();
}

// A relative path leads nowhere here; /dev/zero and pipes are for other tests.
static bool names_a_file(const char *text, size_t size)
{
	const char *end = text + size;
	const char *at = text;

	while ((at = memmem(at, (size_t)(end - at), "file", 4)) != NULL) {
		at += 4;
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if (at < end && *at == '/')
			return true;
	}
	return false;
}

static void check_refused(const char *text, size_t size, const struct pp_error *err)
{
	uint32_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	require(err->line >= 1 && err->line <= lines);
	require(err->col >= 1 && err->col <= size + 1);
	require(err->text[0] != '\0');
}

// @return  NULL: refused.
static struct pp_statements *read_text(const char *text, size_t size)
{
	struct pp_statements *statements;
	struct pp_error err = {0};

	require(pp_statements_create(&statements) == 0);
	if (pp_statements_read(statements, text, size, "/nonexistent", NOW_NS, &err) == 0)
		return statements;
	check_refused(text, size, &err);
	require(pp_statements_rule_count(statements) == 0);
	pp_statements_destroy(statements);
	return NULL;
}

static void require_nothing_new(const struct pp_statements *statements, struct pp_ruleset *rules)
{
	struct pp_statements_change change;
	struct pp_error err;

	require(pp_statements_apply(statements, rules, NOW_NS, NULL, &change, NULL, &err) == 0);
	require(change.rules.added == 0 && change.rules.deleted == 0);
	require(change.rules.kept == pp_ruleset_count(rules));
	require(change.sets_added == 0 && change.sets_deleted == 0);
	require(change.entries.added == 0 && change.entries.deleted == 0);
}

static void write_set(FILE *out, const struct pp_ruleset *rules, const struct pp_set *set)
{
	const char *name = pp_set_name(set);

	fprintf(out, "set %s {", name);
	for (size_t i = 0; i < pp_set_count(set); i++) {
		char text[PP_PREFIX_TEXT_BYTES];
		struct pp_set_entry entry;

		pp_set_at(set, i, &entry);
		pp_prefix_format(&entry.prefix, text);
		fprintf(out, "%s%s", i % 8 == 0 ? "\n\t" : ", ", text);
		// Any time will do: what is there keeps its own.
		if (entry.expires_ns != 0)
			fprintf(out, " ttl 1s");
	}
	fprintf(out, "\n}\n");
	if (pp_ruleset_protected(rules, name))
		fprintf(out, "protect @%s\n", name);
}

static void check_round_trip(struct pp_ruleset *rules)
{
	struct pp_statements *statements;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	require(out != NULL);
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		char rule[PP_RULE_TEXT_BYTES];

		pp_rule_format(&pp_ruleset_at(rules, i)->rule, rule, sizeof(rule));
		fprintf(out, "%s\n", rule);
	}
	for (uint32_t i = 0; i < pp_ruleset_set_count(rules); i++)
		write_set(out, rules, pp_ruleset_set_at(rules, i, NULL));
	require(fclose(out) == 0);
	statements = read_text(text, size);
	require(statements != NULL);
	require_nothing_new(statements, rules);
	pp_statements_destroy(statements);
	free(text);
}

// Every harm is told once: a rule for each protected set, and the default action.
static void check_protection(const struct pp_ruleset *rules)
{
	uint32_t places = (pp_ruleset_count(rules) + 1) * pp_ruleset_set_count(rules);
	uint32_t after = 0, id, found = 0;
	struct pp_error err;

	while (pp_ruleset_check_protected(rules, &after, &id, &err) == -EPERM) {
		require(id == 0 || pp_ruleset_find(rules, id) != NULL);
		require(++found <= places);
	}
}

static void check_expiry(struct pp_ruleset *rules)
{
	uint64_t next_ns = pp_ruleset_next_expiry(rules);
	uint32_t gone;
	size_t entries;

	require(next_ns == 0 || next_ns > NOW_NS);
	if (next_ns != 0) {
		require(pp_ruleset_expire(rules, next_ns - 1, &gone, &entries) == 0);
		require(gone + entries == 0);
		require(pp_ruleset_expire(rules, next_ns, &gone, &entries) == 0);
		require(gone + entries > 0);
	}
	require(pp_ruleset_expire(rules, UINT64_MAX, NULL, NULL) == 0);
	require(pp_ruleset_next_expiry(rules) == 0);
}

static void check_apply(const struct pp_statements *statements)
{
	struct pp_ruleset *rules;
	struct pp_error err;

	require(pp_ruleset_create(&rules) == 0);
	if (pp_statements_apply(statements, rules, NOW_NS, NULL, NULL, NULL, &err) == 0) {
		require(pp_ruleset_count(rules) == pp_statements_rule_count(statements));
		require_nothing_new(statements, rules);
		check_round_trip(rules);
		check_protection(rules);
		check_expiry(rules);
	} else {
		require(pp_ruleset_count(rules) == 0 && pp_ruleset_set_count(rules) == 0);
		require(pp_ruleset_generation(rules) == 1);
	}
	pp_ruleset_destroy(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_statements *statements;
	// Of exact size, for the sanitizer to see a step beyond.
	char *text = malloc(size ?: 1);

	require(text != NULL);
	memcpy(text, data, size);
	if (!names_a_file(text, size)) {
		statements = read_text(text, size);
		if (statements != NULL)
			check_apply(statements);
		pp_statements_destroy(statements);
	}
	free(text);
	return 0;
}
