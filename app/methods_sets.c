// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "methods.h"

#define ENTRIES_DEFAULT 1000
#define ENTRIES_MAX 10000

static json_t *set_json(const struct pp_ruleset *rules, uint32_t index)
{
	enum pp_origin origin;
	const struct pp_set *set = pp_ruleset_set_at(rules, index, &origin);
	const char *name = pp_set_name(set);

	return json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:b}", "name", name, "entries",
			 (json_int_t)pp_set_count(set), "ip4",
			 (json_int_t)pp_set_count_family(set, PP_FAMILY_IP4), "ip6",
			 (json_int_t)pp_set_count_family(set, PP_FAMILY_IP6), "origin",
			 pp_method_origin(origin), "rules",
			 (json_int_t)pp_ruleset_set_users(rules, name), "protected",
			 pp_ruleset_protected(rules, name));
}

static json_t *call_list(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const struct pp_rules_service *service = arg;
	uint32_t count = pp_ruleset_set_count(service->rules);
	json_t *list = json_array();

	(void)call;
	(void)err;
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, set_json(service->rules, i));
	return json_pack("{s:o}", "sets", list);
}

const struct pp_rpc_method pp_method_sets_list = {
	.name = "sets.list",
	.summary = "the sets of addresses, by name",
	.call = call_list,
};

static const char *text_param(const struct pp_rpc_call *call, const char *name)
{
	return json_string_value(json_object_get(call->params, name));
}

static size_t number_param(const struct pp_rpc_call *call, const char *name, size_t default_value)
{
	const json_t *value = json_object_get(call->params, name);

	return value ? (size_t)json_integer_value(value) : default_value;
}

static json_t *no_set(const char *name, struct pp_rpc_error *err)
{
	return pp_rpc_fail(err, PP_RPC_NOT_FOUND, "there is no set @%.40s", name);
}

static json_t *entry_json(const struct pp_set *set, size_t index, uint64_t now_ns)
{
	char text[PP_PREFIX_TEXT_BYTES];
	struct pp_set_entry entry;

	pp_set_at(set, index, &entry);
	pp_prefix_format(&entry.prefix, text);
	return json_pack("{s:s, s:o}", "prefix", text, "ttl_ms",
			 pp_method_ttl(entry.expires_ns, now_ns));
}

static json_t *call_entries(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	size_t begin = number_param(call, "offset", 0), count,
	       limit = number_param(call, "limit", ENTRIES_DEFAULT);
	const struct pp_rules_service *service = arg;
	const char *name = text_param(call, "name");
	const struct pp_set *set = pp_ruleset_find_set(service->rules, name);
	uint64_t now_ns = pp_rules_now_ns();
	json_t *list;
	size_t i;

	if (!set)
		return no_set(name, err);
	list = json_array();
	count = pp_set_count(set);
	for (i = begin; i < count && i - begin < limit; i++)
		json_array_append_new(list, entry_json(set, i, now_ns));
	return json_pack("{s:o, s:o}", "entries", list, "next",
			 i < count ? json_integer((json_int_t)i) : json_null());
}

static const struct pp_rpc_param entries_params[] = {
	{"name", PP_RPC_STRING, true, 0, 0, "the set"},
	{"offset", PP_RPC_INTEGER, false, 0, PP_SET_ENTRIES_MAX, "the first entry, from 0"},
	{"limit", PP_RPC_INTEGER, false, 1, ENTRIES_MAX, "entries at most (default 1000)"},
	{0}};

const struct pp_rpc_method pp_method_sets_entries = {
	.name = "sets.entries",
	.summary = "the entries of a set, in order of address, and where to go on",
	.params = entries_params,
	.call = call_entries,
};

struct entries {
	struct pp_set_entry *entry; // free() it
	size_t count;
};

static bool
read_entries(const struct pp_rpc_call *call, struct entries *out, struct pp_rpc_error *err)
{
	const json_t *texts = json_object_get(call->params, "entries"), *text,
		     *ttl_ms = json_object_get(call->params, "ttl_ms");
	uint64_t ttl_ns = (uint64_t)json_integer_value(ttl_ms) * 1000000;
	uint64_t expires_ns = ttl_ms ? pp_rules_now_ns() + ttl_ns : 0;
	size_t count = json_array_size(texts), i;
	struct pp_set_entry *entry = calloc(count + 1, sizeof(*entry));
	struct pp_error error = {0};
	int ret;

	if (!entry)
		return pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
	json_array_foreach(texts, i, text)
	{
		entry[i].expires_ns = expires_ns;
		ret = pp_prefix_parse(json_string_value(text), &entry[i].prefix, &error);
		if (!ret)
			continue;
		free(entry);
		pp_rpc_fail_errno(err, ret, "", &error);
		pp_rpc_add_index(err, i);
		return false;
	}
	*out = (struct entries){entry, count};
	return true;
}

// Put a set in the place of the one of its name. Takes over the reference.
//
// @return  0; -errno: err is set.
static int put(struct pp_rules_service *service, struct pp_set *set, struct pp_rpc_error *err)
{
	struct pp_error error = {0};
	int ret = pp_ruleset_put_set(service->trial.rules, set, PP_ORIGIN_COMMAND, &error);

	pp_set_unref(set);
	if (ret)
		pp_rpc_fail_errno(err, ret, "", &error);
	return ret;
}

static int add(struct pp_rules_service *service,
	       const char *name,
	       const struct entries *entries,
	       struct pp_set_change *change,
	       struct pp_rpc_error *err)
{
	struct pp_set *old = pp_ruleset_find_set(service->trial.rules, name), *set = NULL;
	struct pp_error error = {0};
	int ret;

	if (old) {
		ret = pp_set_change(&set, old, entries->entry, entries->count, NULL, 0, change,
				    &error);
	} else {
		ret = pp_set_create(&set, name, entries->entry, entries->count, &error);
		change->added = ret ? 0 : pp_set_count(set);
	}
	if (ret) {
		pp_rpc_fail_errno(err, ret, "", &error);
		return ret;
	}
	return put(service, set, err);
}

static json_t *call_add(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_set_change change = {0};
	struct entries entries;
	int ret;

	if (!read_entries(call, &entries, err))
		return NULL;
	ret = add(arg, text_param(call, "name"), &entries, &change, err);
	free(entries.entry);
	if (ret)
		return NULL;
	return json_pack("{s:I, s:I}", "added", (json_int_t)change.added, "renewed",
			 (json_int_t)change.renewed);
}

static const struct pp_rpc_param add_params[] = {
	{"name", PP_RPC_STRING, true, 0, 0, "the set; made if it is not there"},
	{"entries", PP_RPC_STRINGS, true, 0, 0, "addresses and prefixes"},
	{"ttl_ms", PP_RPC_INTEGER, false, 1, PP_METHOD_TTL_MS_MAX, "how long these entries stay"},
	{0}};

const struct pp_rpc_method pp_method_sets_add = {
	.name = "sets.add",
	.summary = "add entries to a set; one that is there gets the new ttl",
	.write = true,
	.params = add_params,
	.call = call_add,
};

static json_t *
delete_set(struct pp_ruleset *rules, const struct pp_set *set, struct pp_rpc_error *err)
{
	size_t count = pp_set_count(set);
	struct pp_error error = {0};
	int ret = pp_ruleset_remove_set(rules, pp_set_name(set), &error);

	if (ret)
		return pp_rpc_fail_errno(err, ret, "", &error);
	return json_pack("{s:I}", "deleted", (json_int_t)count);
}

static json_t *delete_entries(struct pp_rules_service *service,
			      struct pp_set *set,
			      const struct entries *entries,
			      struct pp_rpc_error *err)
{
	struct pp_set_change change = {0};
	struct pp_error error = {0};
	struct pp_set *less = NULL;
	int ret =
		pp_set_change(&less, set, NULL, 0, entries->entry, entries->count, &change, &error);

	if (ret)
		return pp_rpc_fail_errno(err, ret, "", &error);
	if (put(service, less, err))
		return NULL;
	return json_pack("{s:I}", "deleted", (json_int_t)change.deleted);
}

static json_t *call_delete(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	const char *name = text_param(call, "name");
	struct pp_set *set = pp_ruleset_find_set(service->trial.rules, name);
	struct entries entries;
	json_t *result;

	if (!set)
		return no_set(name, err);
	if (!json_object_get(call->params, "entries"))
		return delete_set(service->trial.rules, set, err);
	if (!read_entries(call, &entries, err))
		return NULL;
	result = delete_entries(service, set, &entries, err);
	free(entries.entry);
	return result;
}

static const struct pp_rpc_param delete_params[] = {
	{"name", PP_RPC_STRING, true, 0, 0, "the set"},
	{"entries", PP_RPC_STRINGS, false, 0, 0,
	 "what to delete from it; left out: the set itself"},
	{0}};

const struct pp_rpc_method pp_method_sets_delete = {
	.name = "sets.delete",
	.summary = "delete entries of a set, or a set that no rule names",
	.write = true,
	.params = delete_params,
	.call = call_delete,
};

// A pipe or device might keep the daemon waiting.
static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static int load(const struct pp_rpc_call *call, struct pp_set **out, struct pp_rpc_error *err)
{
	const char *path = text_param(call, "file");
	struct pp_error error = {0};
	char prefix[512];
	int ret;

	if (path[0] != '/') {
		pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "file must be an absolute path");
		return -EINVAL;
	}
	if (is_special(path)) {
		pp_rpc_fail(err, PP_RPC_REFUSED, "%s is no regular file", path);
		return -EINVAL;
	}
	ret = pp_set_load(out, text_param(call, "name"), path, pp_rules_now_ns(), &error);
	if (!ret)
		return 0;
	if (error.line)
		snprintf(prefix, sizeof(prefix), "%s:%u:%u: ", path, error.line, error.col);
	else
		snprintf(prefix, sizeof(prefix), "%s: ", path);
	pp_rpc_fail_errno(err, ret, prefix, &error);
	return ret;
}

static int create(const struct pp_rpc_call *call, struct pp_set **out, struct pp_rpc_error *err)
{
	struct pp_error error = {0};
	struct entries entries;
	int ret;

	if (!read_entries(call, &entries, err))
		return -EINVAL;
	ret = pp_set_create(out, text_param(call, "name"), entries.entry, entries.count, &error);
	free(entries.entry);
	if (ret)
		pp_rpc_fail_errno(err, ret, "", &error);
	return ret;
}

static json_t *call_replace(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	bool from_file = json_object_get(call->params, "file");
	struct pp_rules_service *service = arg;
	struct pp_set_change change = {0};
	struct pp_set *old, *set = NULL;
	size_t count;

	if (from_file == (json_object_get(call->params, "entries") != NULL))
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "give entries or file");
	if (from_file ? load(call, &set, err) : create(call, &set, err))
		return NULL;
	old = pp_ruleset_find_set(service->trial.rules, text_param(call, "name"));
	count = pp_set_count(set);
	if (old)
		pp_set_diff(old, set, &change);
	else
		change.added = count;
	if (put(service, set, err))
		return NULL;
	return json_pack("{s:I, s:I, s:I}", "added", (json_int_t)change.added, "deleted",
			 (json_int_t)change.deleted, "entries", (json_int_t)count);
}

static const struct pp_rpc_param replace_params[] = {
	{"name", PP_RPC_STRING, true, 0, 0, "the set; made if it is not there"},
	{"entries", PP_RPC_STRINGS, false, 0, 0, "all of its entries"},
	{"file", PP_RPC_STRING, false, 0, 0,
	 "absolute path of a file of entries, read by the daemon"},
	{0}};

const struct pp_rpc_method pp_method_sets_replace = {
	.name = "sets.replace",
	.summary = "exchange the entries of a set for others",
	.write = true,
	.params = replace_params,
	.call = call_replace,
};
