// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ruleset_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/ruleset.h>

#include "classbench.h"
#include "ruleset_gen.h"

static int generate(const char *spec, struct pp_rule **out, uint32_t *count, struct pp_error *err)
{
	struct ruleset_options options;
	struct pp_rule *rule;
	int ret;

	if (ruleset_options_parse(spec, &options) < 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "'%s': expected gen:acl|fw|ipc|dense[:ip4|ip6|both]:COUNT:SEED",
				    spec);
	rule = calloc(options.count, sizeof(*rule));
	ret = rule != NULL ? ruleset_gen(&options, rule) : -ENOMEM;
	if (ret < 0) {
		free(rule);
		return pp_error_set(err, ret, 0, 0, "'%s': %s", spec, strerror(-ret));
	}
	*out = rule;
	*count = options.count;
	return 0;
}

static int read_file(const char *path, char **out, struct pp_error *err)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;
	ssize_t len;

	*out = NULL;
	if (file == NULL)
		return pp_error_set(err, -errno, 0, 0, "cannot open %s: %s", path, strerror(errno));
	len = getdelim(out, &size, '\0', file);
	fclose(file);
	if (len >= 0)
		return 0;
	free(*out);
	return pp_error_set(err, -EINVAL, 0, 0, "%s is empty or cannot be read", path);
}

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

int ruleset_open(const char *spec, struct pp_rule **out, uint32_t *count, struct pp_error *err)
{
	char *text;
	int ret;

	if (strncmp(spec, "gen:", 4) == 0)
		return generate(spec, out, count, err);
	ret = read_file(spec, &text, err);
	if (ret < 0)
		return ret;
	ret = text[0] == '@' ? classbench_read(text, out, count, err)
			     : read_statements(text, out, count, err);
	free(text);
	return ret;
}
