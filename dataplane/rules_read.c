// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/rules_read.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/classbench.h>
#include <push-packet/ruleset.h>

// Equal prios keep their order: line, which grows, is what is left to compare.
static int by_prio(const void *a, const void *b)
{
	const struct pp_statement_rule *one = a, *other = b;

	if (one->rule.prio != other->rule.prio)
		return one->rule.prio < other->rule.prio ? -1 : 1;
	return one->line < other->line ? -1 : one->line > other->line;
}

static int take_rules(const struct pp_statements *statements,
		      struct pp_rule **out,
		      uint32_t *count,
		      struct pp_error *err)
{
	uint32_t rules = pp_statements_rule_count(statements);
	struct pp_statement_rule *sorted = calloc(rules + 1, sizeof(*sorted));
	struct pp_rule *rule = calloc(rules + 1, sizeof(*rule));
	int ret = sorted == NULL || rule == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; ret == 0 && i < rules; i++) {
		sorted[i] = *pp_statements_rule(statements, i);
		if (sorted[i].rule.src_set[0] != '\0' || sorted[i].rule.dst_set[0] != '\0')
			ret = pp_error_set(err, -EINVAL, sorted[i].line, 0,
					   "a rule that names a set cannot be measured here");
	}
	if (ret == 0) {
		qsort(sorted, rules, sizeof(*sorted), by_prio);
		for (uint32_t i = 0; i < rules; i++)
			rule[i] = sorted[i].rule;
		*out = rule;
		*count = rules;
	} else {
		free(rule);
	}
	free(sorted);
	return ret;
}

static int
read_statements(const char *text, struct pp_rule **out, uint32_t *count, struct pp_error *err)
{
	struct pp_statements *statements = NULL;
	int ret = pp_statements_create(&statements);

	ret = ret ?: pp_statements_read(statements, text, strlen(text), NULL, 0, err);
	ret = ret ?: take_rules(statements, out, count, err);
	pp_statements_destroy(statements);
	return ret;
}

// A line of ClassBench begins with '@', which no statement does.
static bool is_classbench(const char *text)
{
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return *text == '@';
		text += strcspn(text, "\n");
	}
}

int pp_rules_read(const char *text, struct pp_rule **out, uint32_t *count, struct pp_error *err)
{
	struct pp_rule *rule = NULL;
	uint32_t n = 0;
	int ret = is_classbench(text) ? pp_classbench_read(text, &rule, &n, err)
				      : read_statements(text, &rule, &n, err);

	if (ret == 0 && n == 0) {
		free(rule);
		return pp_error_set(err, -EINVAL, 1, 1, "expected a rule, found none");
	}
	if (ret == 0) {
		*out = rule;
		*count = n;
	}
	return ret;
}
