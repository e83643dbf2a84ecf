// SPDX-License-Identifier: MIT OR Apache-2.0
// The rules of a running daemon, with the sets that they name.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "explain_rules.h"

#define ENTRIES_A_CALL 10000
#define TRIES 5

// What is built up from the daemon's answers.
struct copy {
	struct pp_ctl_client *client;
	struct pp_explain_rules *rules;
	struct pp_error *err;
};

static int call(struct copy *copy, const char *method, json_t *params, json_t **result)
{
	return pp_ctl_client_call(copy->client, method, params, PP_CTL_TIMEOUT_MS, result,
				  copy->err);
}

static int unexpected(struct copy *copy, const char *what)
{
	return pp_error_set(copy->err, -EPROTO, 0, 0,
			    "the daemon's answer is not understood (%s); is it of another version?",
			    what);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

// Entries of a set as they come, a page at a time.
struct page {
	struct pp_set_entry *entry;
	size_t count;
	size_t offset; // of the next page
	bool more;
};

static int add_entries(struct copy *copy, struct page *page, const json_t *result)
{
	const json_t *entries = json_object_get(result, "entries"), *entry;
	const json_t *next = json_object_get(result, "next");
	struct pp_set_entry *grown;
	size_t i;

	grown = reallocarray(page->entry, page->count + json_array_size(entries) + 1,
			     sizeof(*grown));
	if (!grown)
		return pp_error_set(copy->err, -ENOMEM, 0, 0, "out of memory");
	page->entry = grown;
	json_array_foreach(entries, i, entry)
	{
		grown[page->count] = (struct pp_set_entry){0};
		if (pp_prefix_parse(text_of(entry, "prefix"), &grown[page->count].prefix, NULL))
			return unexpected(copy, "an entry of a set");
		page->count++;
	}
	page->more = json_is_integer(next) && json_array_size(entries);
	page->offset = (size_t)json_integer_value(next);
	return 0;
}

static int read_entries(struct copy *copy, const char *name, struct page *page)
{
	json_t *result;
	int ret;

	do {
		ret = call(copy, "sets.entries",
			   json_pack("{s:s, s:I, s:i}", "name", name, "offset",
				     (json_int_t)page->offset, "limit", ENTRIES_A_CALL),
			   &result);
		if (ret)
			return ret;
		ret = add_entries(copy, page, result);
		json_decref(result);
	} while (!ret && page->more);
	return ret;
}

// Copy a set, unless it is there or no rule wants it.
static int copy_set(struct copy *copy, const char *name)
{
	struct pp_set *set = NULL;
	struct page page = {0};
	int ret;

	if (!*name || pp_ruleset_find_set(copy->rules->rules, name))
		return 0;
	ret = read_entries(copy, name, &page);
	ret = ret ?: pp_set_create(&set, name, page.entry, page.count, copy->err);
	ret = ret ?: pp_ruleset_put_set(copy->rules->rules, set, PP_ORIGIN_COMMAND, copy->err);
	pp_set_unref(set);
	free(page.entry);
	return ret;
}

static int copy_rule(struct copy *copy, const json_t *rule)
{
	struct pp_rule parsed;
	uint32_t id;
	int ret;

	if (pp_rule_parse(text_of(rule, "text"), &parsed, NULL))
		return unexpected(copy, "a rule");
	ret = copy_set(copy, parsed.src_set) ?: copy_set(copy, parsed.dst_set);
	ret = ret
		      ?: pp_ruleset_add(copy->rules->rules, &parsed, PP_ORIGIN_COMMAND, 0, &id,
					copy->err);
	if (!ret)
		copy->rules->id[id] = (uint32_t)pp_ctl_options_number(rule, "id");
	return ret;
}

static int copy_rules(struct copy *copy, const json_t *result)
{
	bool drop = !strcmp(text_of(result, "default"), "drop");
	const json_t *list = json_object_get(result, "rules"), *rule;
	struct pp_explain_rules *rules = copy->rules;
	size_t i;
	int ret;

	pp_ruleset_destroy(rules->rules);
	free(rules->id);
	rules->rules = NULL;
	// Ours are counted from 1 in the order they are added.
	rules->id = calloc(json_array_size(list) + 1, sizeof(*rules->id));
	if (!rules->id || pp_ruleset_create(&rules->rules))
		return pp_error_set(copy->err, -ENOMEM, 0, 0, "out of memory");
	ret = pp_ruleset_set_default(rules->rules, drop ? PP_VERDICT_DROP : PP_VERDICT_PASS);
	json_array_foreach(list, i, rule)
	{
		ret = ret ?: copy_rule(copy, rule);
	}
	return ret;
}

// @param result  Updated to the newest list of rules.
// @return        1: the rules have changed since *result; 0; -errno.
static int renew(struct copy *copy, json_t **result)
{
	json_int_t before = pp_ctl_options_number(*result, "generation");
	json_t *newer;
	int ret = call(copy, "rules.list", NULL, &newer);

	if (ret)
		return ret;
	json_decref(*result);
	*result = newer;
	return pp_ctl_options_number(newer, "generation") != before;
}

// Rules and sets of one generation: when they change while they are read, read them again.
static int copy_generation(struct copy *copy)
{
	json_t *result;
	int ret = call(copy, "rules.list", NULL, &result);

	if (ret)
		return ret;
	for (int i = 0; i < TRIES; i++) {
		ret = copy_rules(copy, result);
		// A set may be gone that the list still names.
		if (ret && ret != -EREMOTEIO)
			break;
		ret = renew(copy, &result) ?: ret;
		if (ret <= 0)
			break;
	}
	json_decref(result);
	if (ret > 0)
		return pp_error_set(copy->err, -EAGAIN, 0, 0,
				    "the rules change faster than they can be read; try again");
	return ret;
}

static int copy_ifaces(struct copy *copy)
{
	json_t *stats;
	const json_t *iface;
	size_t i;
	int ret = call(copy, "stats", json_pack("{s:i}", "sources", 0), &stats);

	if (ret)
		return ret;
	copy->rules->ifaces_known = true;
	json_array_foreach(json_object_get(stats, "interfaces"), i, iface)
	{
		ret = ret ?: pp_explain_rules_add_iface(copy->rules, text_of(iface, "name"));
	}
	json_decref(stats);
	return ret ? unexpected(copy, "interfaces") : 0;
}

int pp_explain_rules_from_daemon(struct pp_explain_rules *rules,
				 const struct pp_ctl_options *ctl,
				 const char *command)
{
	struct pp_error err;
	struct copy copy = {.rules = rules, .err = &err};
	int status = pp_ctl_options_open(ctl, command, &copy.client);

	if (status)
		return status;
	if (copy_ifaces(&copy) || copy_generation(&copy))
		status = pp_ctl_options_complain(&err);
	pp_ctl_client_close(copy.client);
	return status ?: pp_explain_rules_bind(rules);
}
