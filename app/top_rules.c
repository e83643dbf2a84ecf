// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <push-packet/clock.h>
#include <push-packet/rule.h>

#include "ctl_options.h"

#define MS_NS 1000000ull

static const char *proto_of(int which, bool ip6)
{
	static const char *const names[] = {"tcp", "udp", "icmp"};

	return which == PP_TOP_ICMP && ip6 ? "icmp6" : names[which];
}

uint32_t pp_top_rules_texts(const struct pp_top_model *model,
			    bool drop,
			    char text[PP_TOP_RULES_MAX][PP_TOP_RULE_BYTES])
{
	uint32_t count = 0;

	for (int proto = PP_TOP_TCP; proto <= PP_TOP_ICMP; proto++)
		for (int ip6 = 0; ip6 < 2; ip6++) {
			if (!model->on[proto] || !model->on[PP_TOP_IP4 + ip6])
				continue;
			snprintf(text[count++], PP_TOP_RULE_BYTES,
				 "copy take %u to %s%s family ip%d proto %s prio %u name "
				 "top-%s%d-%d",
				 model->take_bytes, model->analyser, drop ? " then drop" : "",
				 ip6 ? 6 : 4, proto_of(proto, ip6), PP_PRIO_MAX,
				 pp_top_switch_name((enum pp_top_switch)proto), ip6 ? 6 : 4,
				 (int)getpid());
		}
	return count;
}

static void append(json_t *commands, const char *method, json_t *params)
{
	json_array_append_new(commands,
			      json_pack("{s:s, s:o}", "method", method, "params", params));
}

static json_t *
commands_of(const struct pp_top_rules *rules, char text[][PP_TOP_RULE_BYTES], uint32_t count)
{
	json_t *commands = json_array();

	for (uint32_t i = 0; i < rules->count; i++)
		append(commands, "rules.delete",
		       json_pack("{s:I}", "id", (json_int_t)rules->id[i]));
	for (uint32_t i = 0; i < count; i++)
		append(commands, "rules.add",
		       json_pack("{s:s, s:I}", "rule", text[i], "ttl_ms",
				 (json_int_t)(rules->ttl_ns / MS_NS)));
	return commands;
}

// Which rules of ours the daemon has: some may have expired, or an operator has deleted them.
static int find_ours(struct pp_top_rules *rules, struct pp_ctl_client *client, struct pp_error *err)
{
	const json_t *rule;
	json_t *result;
	char end[16];
	size_t i;
	int ret = pp_ctl_client_call(client, "rules.list", NULL, PP_CTL_TIMEOUT_MS, &result, err);

	if (ret)
		return ret;
	snprintf(end, sizeof(end), "-%d", (int)getpid());
	rules->count = 0;
	rules->drop = !strcmp(pp_ctl_options_string(result, "default"), "drop");
	json_array_foreach(json_object_get(result, "rules"), i, rule)
	{
		const char *name = json_string_value(json_object_get(rule, "name")) ?: "";
		size_t len = strlen(name), tail = strlen(end);

		if (!strncmp(name, "top-", 4) && len > tail && !strcmp(name + len - tail, end) &&
		    rules->count < PP_TOP_RULES_MAX)
			rules->id[rules->count++] =
				(uint64_t)json_integer_value(json_object_get(rule, "id"));
	}
	json_decref(result);
	return 0;
}

static void take_ids(struct pp_top_rules *rules, const json_t *result)
{
	const json_t *one;
	size_t i;

	rules->count = 0;
	json_array_foreach(json_object_get(result, "results"), i, one)
	{
		uint64_t id = (uint64_t)json_integer_value(json_object_get(one, "id"));

		if (id && rules->count < PP_TOP_RULES_MAX)
			rules->id[rules->count++] = id;
	}
	rules->refresh_ns = pp_clock_ns(CLOCK_MONOTONIC) + rules->ttl_ns / 3;
}

static int exchange(struct pp_top_rules *rules,
		    struct pp_ctl_client *client,
		    const struct pp_top_model *model,
		    struct pp_error *err)
{
	char text[PP_TOP_RULES_MAX][PP_TOP_RULE_BYTES];
	uint32_t count = model ? pp_top_rules_texts(model, rules->drop, text) : 0;
	json_t *commands = commands_of(rules, text, count), *result;
	int ret;

	if (json_array_size(commands) == 0) {
		json_decref(commands);
		rules->refresh_ns = UINT64_MAX;
		return 0;
	}
	ret = pp_ctl_client_call(client, "batch", json_pack("{s:o}", "commands", commands),
				 PP_CTL_TIMEOUT_MS, &result, err);
	if (ret)
		return ret;
	take_ids(rules, result);
	json_decref(result);
	return 0;
}

int pp_top_rules_sync(struct pp_top_rules *rules,
		      struct pp_ctl_client *client,
		      const struct pp_top_model *model,
		      bool ask_default,
		      struct pp_error *err)
{
	int ret = ask_default ? find_ours(rules, client, err) : 0;

	ret = ret ?: exchange(rules, client, model, err);
	if (ret != -EREMOTEIO || ask_default)
		return ret;
	return find_ours(rules, client, err) ?: exchange(rules, client, model, err);
}

int pp_top_rules_clear(struct pp_top_rules *rules,
		       struct pp_ctl_client *client,
		       struct pp_error *err)
{
	return pp_top_rules_sync(rules, client, NULL, false, err);
}
