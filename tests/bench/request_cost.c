// SPDX-License-Identifier: MIT OR Apache-2.0
// What a request to add or delete a rule costs the control thread besides sockets and engine: from
// the parsed message to the call that applies, and the answer.
//
//   request_cost [RULES...]        medians and 99th percentiles, in microseconds
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

#include "rules_fake.h"

#define CHANGES 1000u

static struct rules_fake fake;
static uint64_t cost_ns[CHANGES];
static uint32_t seed = 1;

static uint32_t next(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % limit;
}

static json_t *some_rule(void)
{
	static const char *const actions[] = {"drop", "pass", "route", "copy"};

	if (next(10) == 0)
		return json_sprintf("%s src 2001:db8:%x::/48 prio %u", actions[next(4)],
				    next(65536), 1 + next(1000));
	return json_sprintf("%s proto tcp src 10.%u.%u.%u dport %u prio %u", actions[next(4)],
			    next(256), next(256), next(256), next(65536), 1 + next(1000));
}

// Ask and put in force.
//
// @param params  Stolen.
// @return        The id in the answer.
static json_int_t ask(const char *method, json_t *params)
{
	json_t *message = json_pack("{s:s, s:s, s:i, s:o}", "jsonrpc", "2.0", "method", method,
				    "id", 1, "params", params);
	struct pp_rpc_reply reply;
	json_t *result;
	json_int_t id;

	pp_rpc_answer(&fake.rpc, &fake.peer, message, &reply);
	rules_fake_commit(&fake, &reply);
	json_decref(pp_rules_service_take_news(&fake.service));
	result = json_object_get(reply.message, "result");
	if (!result) {
		json_dumpf(reply.message, stderr, 0);
		exit(1);
	}
	id = json_integer_value(json_object_get(result, "id"));
	pp_rpc_reply_fini(&reply);
	json_decref(message);
	return id;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void change(const char *what, uint32_t rules)
{
	for (uint32_t i = 0; i < CHANGES; i++) {
		uint32_t count = pp_ruleset_count(fake.rules);
		uint32_t id = pp_ruleset_at(fake.rules, 1 + next(count - 1))->id;
		json_t *params = i % 2 ? json_pack("{s:I}", "id", (json_int_t)id)
				       : json_pack("{s:o}", "rule", some_rule());
		uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);

		ask(i % 2 ? "rules.delete" : "rules.add", params);
		cost_ns[i] = pp_clock_ns(CLOCK_MONOTONIC) - begin_ns;
	}
	qsort(cost_ns, CHANGES, sizeof(cost_ns[0]), compare);
	printf("%-32s %8u %8.1f %8.1f\n", what, rules, (double)cost_ns[CHANGES / 2] / 1000,
	       (double)cost_ns[CHANGES * 99 / 100] / 1000);
}

static void run(uint32_t rules)
{
	json_t *texts = json_array();

	rules_fake_init(&fake, pp_methods);
	strcpy(fake.peer.ssh, "192.0.2.9 40000 192.0.2.1 22");
	ask("sets.replace", json_pack("{s:s, s:[s]}", "name", "office", "entries", "10.0.0.0/9"));
	json_array_append_new(texts, json_string("pass src @office prio 0"));
	for (uint32_t i = 1; i < rules; i++)
		json_array_append_new(texts, some_rule());
	ask("rules.replace", json_pack("{s:o}", "rules", texts));
	change("one rule", rules);
	pp_ruleset_protect(fake.rules, "office", true, NULL);
	change("one rule, a protected set", rules);
	rules_fake_fini(&fake);
}

int main(int argc, char **argv)
{
	printf("%-32s %8s %8s %8s\n", "", "rules", "median", "p99");
	for (int i = 1; i < argc; i++)
		run((uint32_t)strtoul(argv[i], NULL, 10));
	if (argc < 2) {
		run(1000);
		run(10000);
		run(100000);
	}
	return 0;
}
