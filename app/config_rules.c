// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

#include "config_sections.h"
#include "text_file.h"

#define RULE_FILES_MAX 64

static void read_default(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {
		[PP_VERDICT_PASS] = "pass", [PP_VERDICT_DROP] = "drop", NULL};
	uint8_t verdict;

	(void)arg;
	if (pp_config_read_choice(r, value, words, &verdict))
		pp_ruleset_set_default(r->config->rules, verdict);
}

static void read_protect(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {"report", "refuse", NULL};
	uint8_t refuse;

	(void)arg;
	if (pp_config_read_choice(r, value, words, &refuse))
		r->config->protect_refuse = refuse;
}

// The place of something in a text; line 0: the file as a whole.
static struct pp_spot
place(const struct pp_config *config, uint32_t text, uint32_t line, uint32_t col)
{
	struct pp_spot at;

	if (!line || text >= config->text_count)
		return (struct pp_spot){.file = config->at.file};
	at = config->text[text].at;
	if (config->text[text].exact) {
		at.line += line - 1;
		at.col += col ? col - 1 : 0;
	}
	return at;
}

static bool add_text(struct pp_config *config, struct pp_spot at, bool exact)
{
	struct pp_config_text *grown =
		reallocarray(config->text, config->text_count + 1, sizeof(*grown));

	if (!grown)
		return false;
	config->text = grown;
	grown[config->text_count++] = (struct pp_config_text){at, exact};
	return true;
}

// What a text means is looked at when all have been read: a rule may name a set of another.
static void read_text(struct pp_config_reader *r, const char *text, struct pp_config_text from)
{
	const char *slash = strrchr(from.at.file, '/');
	// The folder of /FILE is not the empty name.
	size_t len = !slash ? 0 : slash == from.at.file ? 1 : (size_t)(slash - from.at.file);
	char *folder = slash ? strndup(from.at.file, len) : NULL;
	struct pp_config *config = r->config;
	struct pp_error error = {0};
	struct pp_spot at;

	if ((slash && !folder) || !add_text(config, from.at, from.exact)) {
		pp_report_error(r->report, from.at.file, 0, 0, "out of memory");
	} else if (pp_statements_read(config->statements, text, strlen(text), folder,
				      pp_clock_ns(CLOCK_BOOTTIME), &error)) {
		at = place(config, config->text_count - 1, error.line, error.col);
		pp_report_error(r->report, at.file, at.line, at.col, "%s", error.text);
	}
	free(folder);
}

// One of the config's file names; NULL without memory, which was reported.
static const char *keep_name(struct pp_config_reader *r, char *name)
{
	struct pp_config *config = r->config;
	char **grown = reallocarray(config->file, config->file_count + 1, sizeof(*grown));

	if (!grown || !name) {
		free(name);
		if (grown)
			config->file = grown;
		pp_report_error(r->report, r->file, 0, 0, "out of memory");
		return NULL;
	}
	config->file = grown;
	config->file[config->file_count++] = name;
	return name;
}

static void read_file(struct pp_config_reader *r, const struct pp_yaml *item)
{
	char *path = pp_config_read_path(r, item, "the path of a rule file");
	const char *file = path ? keep_name(r, path) : NULL;
	char *text;
	size_t len;
	int err;

	if (!file)
		return;
	err = pp_text_file_read(file, &text, &len);
	if (err) {
		pp_config_error(r, item, "cannot read rule file %s: %s", file,
				pp_text_file_why(err));
		return;
	}
	read_text(r, text, (struct pp_config_text){{.file = file, .line = 1, .col = 1}, true});
	free(text);
}

static void read_files(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint32_t count = pp_config_read_list(r, value, RULE_FILES_MAX, "rule files");

	(void)arg;
	for (uint32_t i = 0; i < count; i++)
		read_file(r, &value->item[i]);
}

static void read_inline_item(struct pp_config_reader *r, const struct pp_yaml *item)
{
	const char *text = pp_config_read_text(r, item, "a rule");
	struct pp_config_text from = {pp_config_spot(r, item), item->text_col >= 0};

	if (!text)
		return;
	if (!text[strspn(text, " \t\r\n")]) {
		pp_config_error(r, item, "expected a rule, found an empty text");
		return;
	}
	if (from.exact)
		from.at.col += (uint32_t)item->text_col;
	read_text(r, text, from);
}

static void read_inline(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint32_t count = pp_config_read_list(r, value, UINT32_MAX, "rules");

	(void)arg;
	for (uint32_t i = 0; i < count; i++)
		read_inline_item(r, &value->item[i]);
}

void pp_config_rules(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const struct pp_config_key keys[] = {{"default", read_default, PP_ITEM_DEFAULT},
						    {"protect", read_protect, PP_ITEM_NONE},
						    {"files", read_files, PP_ITEM_NONE},
						    {"inline", read_inline, PP_ITEM_NONE},
						    {0}};
	uint32_t errors = r->report->errors;

	pp_config_read_map(r, value, keys, arg);
	if (r->report->errors == errors &&
	    pp_config_apply_rules(r->config, r->config->rules, pp_clock_ns(CLOCK_BOOTTIME), NULL,
				  r->report) == -ENOMEM)
		pp_report_error(r->report, r->file, 0, 0, "out of memory");
}

int pp_config_apply_rules(struct pp_config *config,
			  struct pp_ruleset *rules,
			  uint64_t now_ns,
			  struct pp_statements_change *change,
			  struct pp_report *report)
{
	uint32_t count = pp_statements_rule_count(config->statements), text = 0;
	uint32_t *id = calloc(count + 1, sizeof(*id)); // one more: a rule set may be empty
	struct pp_error error = {0};
	struct pp_spot at;
	int err;

	if (!id)
		return -ENOMEM;
	err = pp_statements_apply(config->statements, rules, now_ns, id, change, &text, &error);
	if (err) {
		free(id);
		if (err == -ENOMEM)
			return err;
		at = place(config, text, error.line, error.col);
		pp_report_error(report, at.file, at.line, at.col, "%s", error.text);
		return -EINVAL;
	}
	free(config->rule_id);
	config->rule_id = id;
	config->rule_count = count;
	return 0;
}

struct pp_spot pp_config_locate_rule(const struct pp_config *config, uint32_t id)
{
	const struct pp_statement_rule *rule;

	if (!id)
		return config->item_at[PP_ITEM_DEFAULT];
	for (uint32_t i = 0; i < config->rule_count; i++) {
		if (config->rule_id[i] != id)
			continue;
		rule = pp_statements_rule(config->statements, i);
		return place(config, rule->text, rule->line, rule->col);
	}
	return (struct pp_spot){.file = config->at.file};
}
