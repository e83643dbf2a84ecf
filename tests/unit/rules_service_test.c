// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rules_service.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules_fake.h"

#define MS_NS 1000000ull

static struct rules_fake fake;

static void setup(void)
{
	rules_fake_init(&fake, pp_methods);
}

static void teardown(void)
{
	rules_fake_fini(&fake);
}

TestSuite(rules_service, .init = setup, .fini = teardown, .timeout = 30);

// Send a request and do not put it in force. params is JSON with ' for ".
static void put(struct pp_rpc_reply *reply, const char *method, const char *params)
{
	json_t *message;
	char *text = strdup(params);

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	message = json_pack("{s:s, s:s, s:i, s:o}", "jsonrpc", "2.0", "method", method, "id", 1,
			    "params", json_loads(text, 0, NULL));
	cr_assert_not_null(message, "%s", params);
	pp_rpc_answer(&fake.rpc, &fake.peer, message, reply);
	json_decref(message);
	free(text);
}

static json_t *result_of(const struct pp_rpc_reply *reply)
{
	return json_object_get(reply->message, "result");
}

static int code_of(const struct pp_rpc_reply *reply)
{
	json_t *error = json_object_get(reply->message, "error");

	return (int)json_integer_value(json_object_get(error, "code"));
}

// Send a request, put it in force; what its result says under a key.
static json_int_t ask(const char *method, const char *params, const char *key)
{
	struct pp_rpc_reply reply;
	json_int_t value;

	put(&reply, method, params);
	rules_fake_commit(&fake, &reply);
	cr_expect_eq(code_of(&reply), 0, "%s %s", method, params);
	value = json_integer_value(json_object_get(result_of(&reply), key));
	pp_rpc_reply_fini(&reply);
	return value;
}

// The code that a request is refused with, its text, and the index its data gives (-1: none).
static int refusal(const char *method, const char *params, char *text, int *index)
{
	struct pp_rpc_reply reply;
	json_t *error, *data;
	int code;

	put(&reply, method, params);
	cr_expect_not(reply.held, "%s %s waits", method, params);
	error = json_object_get(reply.message, "error");
	code = code_of(&reply);
	if (text)
		strcpy(text, json_string_value(json_object_get(error, "message")));
	data = json_object_get(json_object_get(error, "data"), "index");
	if (index)
		*index = data ? (int)json_integer_value(data) : -1;
	pp_rpc_reply_fini(&reply);
	return code;
}

static void expect_rules(const char *const *texts)
{
	char text[PP_RULE_TEXT_BYTES];
	uint32_t i;

	for (i = 0; texts[i]; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(fake.rules, i);

		cr_assert_not_null(entry, "%s is missing", texts[i]);
		pp_rule_format(&entry->rule, text, sizeof(text));
		cr_expect_str_eq(text, texts[i]);
	}
	cr_expect_eq(pp_ruleset_count(fake.rules), i);
}

#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_RULES ((const char *const[]){NULL})

Test(rules_service, change_is_in_force_after_commit_and_not_before)
{
	struct pp_rpc_reply reply;

	put(&reply, "rules.add", "{'rule':'drop proto udp'}");
	cr_expect(reply.pending);
	cr_expect_eq(json_array_size(reply.held), 1);
	expect_rules(NO_RULES);
	rules_fake_commit(&fake, &reply);
	expect_rules(RULES("drop proto udp"));
	cr_expect_eq(json_integer_value(json_object_get(result_of(&reply), "generation")),
		     pp_ruleset_generation(fake.rules));
	pp_rpc_reply_fini(&reply);
}

Test(rules_service, many_requests_are_one_application)
{
	struct pp_rpc_reply reply[100];

	for (int i = 0; i < 100; i++)
		put(&reply[i], "rules.add", "{'rule':'drop proto udp'}");
	for (int i = 0; i < 100; i++) {
		rules_fake_commit(&fake, &reply[i]);
		cr_expect_eq(json_integer_value(json_object_get(result_of(&reply[i]), "id")),
			     i + 1);
		pp_rpc_reply_fini(&reply[i]);
	}
	cr_expect_eq(fake.applied, 1);
	cr_expect_eq(pp_ruleset_count(fake.rules), 100);
}

Test(rules_service, bad_request_does_not_harm_the_others_pending)
{
	struct pp_rpc_reply first, last;

	put(&first, "rules.add", "{'rule':'drop proto udp'}");
	cr_expect_eq(refusal("rules.add", "{'rule':'drop proto nonesuch'}", NULL, NULL),
		     PP_RPC_REFUSED);
	cr_expect_eq(refusal("rules.add", "{'rule':'drop on nonesuch'}", NULL, NULL),
		     PP_RPC_REFUSED);
	cr_expect_eq(refusal("rules.add", "{'rule':'copy to nonesuch proto udp'}", NULL, NULL),
		     PP_RPC_REFUSED);
	cr_expect_eq(refusal("rules.delete", "{'id':7}", NULL, NULL), PP_RPC_NOT_FOUND);
	cr_expect_eq(refusal("batch",
			     "{'commands':[{'method':'rules.flush'},"
			     "{'method':'rules.delete','params':{'id':7}}]}",
			     NULL, NULL),
		     PP_RPC_NOT_FOUND);
	put(&last, "rules.add", "{'rule':'drop proto tcp'}");
	rules_fake_commit(&fake, &first);
	rules_fake_commit(&fake, &last);
	expect_rules(RULES("drop proto udp", "drop proto tcp"));
	pp_rpc_reply_fini(&first);
	pp_rpc_reply_fini(&last);
}

Test(rules_service, failed_application_fails_every_request_and_undoes_all)
{
	struct pp_rpc_reply reply;

	ask("rules.add", "{'rule':'pass proto tcp'}", "id");
	fake.fail_with = -ENOSPC;
	put(&reply, "batch",
	    "{'commands':[{'method':'rules.flush'},"
	    "{'method':'default.set','params':{'verdict':'drop'}}]}");
	rules_fake_commit(&fake, &reply);
	cr_expect_eq(code_of(&reply), PP_RPC_REFUSED);
	cr_expect_null(result_of(&reply));
	pp_rpc_reply_fini(&reply);
	expect_rules(RULES("pass proto tcp"));
	fake.fail_with = 0;
	cr_expect_eq(ask("rules.add", "{'rule':'pass proto udp'}", "id"), 2);
	cr_expect_eq(pp_ruleset_default(fake.rules), PP_VERDICT_PASS);
}

Test(rules_service, what_changes_nothing_is_answered_at_once)
{
	struct pp_rpc_reply reply;

	ask("sets.add", "{'name':'a','entries':['192.0.2.1']}", "added");
	put(&reply, "sets.add", "{'name':'a','entries':['192.0.2.1']}");
	cr_expect_not(reply.pending);
	cr_expect_not(reply.held);
	pp_rpc_reply_fini(&reply);
	put(&reply, "default.set", "{'verdict':'pass'}");
	cr_expect_not(reply.pending);
	pp_rpc_reply_fini(&reply);
	cr_expect_eq(fake.applied, 1);
}

Test(rules_service, batch_with_an_error_at_its_end_changes_nothing_and_says_which)
{
	char text[1024];
	int index;

	cr_expect_eq(refusal("batch",
			     "{'commands':[{'method':'rules.add','params':{'rule':'drop any'}},"
			     "{'method':'rules.add','params':{'rule':'drop src 192.0.2.1/24'}}]}",
			     text, &index),
		     PP_RPC_REFUSED);
	cr_expect_eq(index, 1);
	cr_expect_eq(refusal("batch", "{'commands':[{'method':'reload'}]}", NULL, &index),
		     PP_RPC_METHOD_NOT_FOUND);
	cr_expect_eq(index, 0);
	cr_expect_eq(
		refusal("batch", "{'commands':[{'method':'rules.flush','x':1}]}", NULL, &index),
		PP_RPC_INVALID_PARAMS);
	cr_expect_eq(
		refusal("batch", "{'commands':[{'method':'rules.add','params':{}}]}", NULL, &index),
		PP_RPC_INVALID_PARAMS);
	expect_rules(NO_RULES);
	cr_expect_eq(fake.applied, 0);
}

Test(rules_service, replace_keeps_equal_rules_of_any_origin)
{
	ask("rules.replace", "{'rules':['drop proto udp','drop proto tcp']}", "added");
	cr_expect_eq(ask("rules.replace", "{'rules':['drop proto tcp','pass proto icmp']}", "kept"),
		     1);
	expect_rules(RULES("drop proto tcp", "pass proto icmp"));
	cr_expect_eq(pp_ruleset_at(fake.rules, 0)->id, 2);
	cr_expect_eq(pp_ruleset_at(fake.rules, 1)->id, 3);
	cr_expect_eq(ask("rules.flush", "{}", "deleted"), 2);
	expect_rules(NO_RULES);
}

Test(rules_service, error_in_a_list_says_which)
{
	int index;

	cr_expect_eq(refusal("rules.replace", "{'rules':['drop any','drop']}", NULL, &index),
		     PP_RPC_REFUSED);
	cr_expect_eq(index, 1);
	cr_expect_eq(
		refusal("rules.replace", "{'rules':['drop any','drop src @no']}", NULL, &index),
		PP_RPC_NOT_FOUND);
	cr_expect_eq(index, 1);
	cr_expect_eq(refusal("sets.add", "{'name':'a','entries':['::1','::1/64']}", NULL, &index),
		     PP_RPC_REFUSED);
	cr_expect_eq(index, 1);
}

Test(rules_service, set_in_use_is_not_deleted)
{
	ask("sets.add", "{'name':'a','entries':['192.0.2.0/24','::1']}", "added");
	ask("rules.add", "{'rule':'drop src @a'}", "id");
	cr_expect_eq(refusal("sets.delete", "{'name':'a'}", NULL, NULL), PP_RPC_IN_USE);
	cr_expect_eq(ask("sets.delete", "{'name':'a','entries':['::1']}", "deleted"), 1);
	cr_expect_eq(refusal("sets.delete", "{'name':'a','entries':['::1']}", NULL, NULL),
		     PP_RPC_NOT_FOUND);
	ask("rules.flush", "{}", "deleted");
	cr_expect_eq(ask("sets.delete", "{'name':'a'}", "deleted"), 1);
	cr_expect_eq(refusal("sets.delete", "{'name':'a'}", NULL, NULL), PP_RPC_NOT_FOUND);
}

Test(rules_service, file_of_a_set_must_be_a_regular_one_with_an_absolute_path)
{
	char text[1024];

	cr_expect_eq(refusal("sets.replace", "{'name':'a','file':'/dev/zero'}", text, NULL),
		     PP_RPC_REFUSED);
	cr_expect(strstr(text, "regular"), "%s", text);
	cr_expect_eq(refusal("sets.replace", "{'name':'a','file':'/nonesuch'}", NULL, NULL),
		     PP_RPC_NOT_FOUND);
	cr_expect_eq(refusal("sets.replace", "{'name':'a','file':'a'}", NULL, NULL),
		     PP_RPC_INVALID_PARAMS);
	cr_expect_eq(refusal("sets.replace", "{'name':'a'}", NULL, NULL), PP_RPC_INVALID_PARAMS);
	cr_expect_eq(refusal("sets.replace", "{'name':'a','file':'/a','entries':[]}", NULL, NULL),
		     PP_RPC_INVALID_PARAMS);
}

static void protect(bool refuse)
{
	struct pp_rpc_reply reply;
	struct pp_error err;

	ask("sets.add", "{'name':'office','entries':['192.0.2.0/24']}", "added");
	cr_assert_eq(pp_ruleset_protect(fake.rules, "office", true, &err), 0);
	fake.service.config->protect_refuse = refuse;
	put(&reply, "rules.add", "{'rule':'pass proto tcp'}");
	rules_fake_commit(&fake, &reply);
	pp_rpc_reply_fini(&reply);
}

Test(rules_service, rule_against_a_protected_set_is_refused)
{
	char text[1024];

	protect(true);
	cr_expect_eq(refusal("rules.add", "{'rule':'drop proto udp'}", text, NULL), PP_RPC_REFUSED);
	cr_expect(strstr(text, "@office"), "%s", text);
	cr_expect_eq(refusal("rules.test", "{'rule':'drop proto udp'}", NULL, NULL),
		     PP_RPC_REFUSED);
	cr_expect_eq(refusal("default.set", "{'verdict':'drop'}", NULL, NULL), PP_RPC_REFUSED);
	ask("batch",
	    "{'commands':[{'method':'rules.add','params':{'rule':'pass src @office'}},"
	    "{'method':'rules.add','params':{'rule':'drop proto udp'}}]}",
	    "generation");
	cr_expect_eq(refusal("rules.delete", "{'id':2}", NULL, NULL), PP_RPC_REFUSED,
		     "what keeps it from harm stays");
}

Test(rules_service, rule_against_a_protected_set_is_reported_once)
{
	struct pp_rpc_reply reply;

	protect(false);
	put(&reply, "rules.add", "{'rule':'drop proto udp'}");
	cr_expect(strstr(json_string_value(
				 json_array_get(json_object_get(result_of(&reply), "warnings"), 0)),
			 "@office"));
	pp_rpc_reply_fini(&reply);
	put(&reply, "rules.add", "{'rule':'pass proto icmp'}");
	cr_expect_eq(json_array_size(json_object_get(result_of(&reply), "warnings")), 0);
	pp_rpc_reply_fini(&reply);
}

Test(rules_service, rule_that_drops_arp_is_warned_of)
{
	struct pp_rpc_reply reply;

	put(&reply, "rules.add", "{'rule':'drop any'}");
	cr_expect(strstr(json_string_value(
				 json_array_get(json_object_get(result_of(&reply), "warnings"), 0)),
			 "rule 1 drops ARP on pp0"));
	pp_rpc_reply_fini(&reply);
}

Test(rules_service, rule_that_cuts_off_the_session_that_asks_is_warned_of)
{
	struct pp_rpc_reply reply;

	strcpy(fake.peer.ssh, "198.51.100.7 40000 192.0.2.1 22");
	put(&reply, "rules.test", "{'rule':'drop src 198.51.100.0/24'}");
	cr_expect(strstr(json_string_value(
				 json_array_get(json_object_get(result_of(&reply), "warnings"), 0)),
			 "ssh session"));
	cr_expect_not(reply.pending);
	pp_rpc_reply_fini(&reply);
	expect_rules(NO_RULES);
}

Test(rules_service, expired_goes_in_one_application_and_never_early)
{
	uint64_t next_ns;

	ask("batch",
	    "{'commands':[{'method':'rules.add','params':{'rule':'drop any','ttl_ms':1000}},"
	    "{'method':'rules.add','params':{'rule':'pass proto udp ttl 1s'}},"
	    "{'method':'sets.add','params':{'name':'a','entries':['::1'],'ttl_ms':1000}}]}",
	    "generation");
	next_ns = pp_ruleset_next_expiry(fake.rules);
	cr_expect_not(pp_rules_service_expire(&fake.service, next_ns - 1));
	cr_expect(pp_rules_service_expire(&fake.service, next_ns + 100 * MS_NS));
	rules_fake_commit(&fake, &(struct pp_rpc_reply){0});
	expect_rules(NO_RULES);
	cr_expect_eq(pp_set_count(pp_ruleset_find_set(fake.rules, "a")), 0);
	cr_expect_eq(fake.applied, 2);
}

Test(rules_service, ttl_is_given_once)
{
	cr_expect_eq(refusal("rules.add", "{'rule':'drop any ttl 1s','ttl_ms':5}", NULL, NULL),
		     PP_RPC_INVALID_PARAMS);
}

Test(rules_service, who_may_only_read_is_denied_writes)
{
	struct pp_rpc_reply reply;

	fake.peer.may_write = false;
	cr_expect_eq(refusal("rules.flush", "{}", NULL, NULL), PP_RPC_DENIED);
	cr_expect_eq(refusal("batch", "{'commands':[]}", NULL, NULL), PP_RPC_DENIED);
	put(&reply, "rules.list", "{}");
	cr_expect_not_null(result_of(&reply));
	pp_rpc_reply_fini(&reply);
}

Test(rules_service, news_tell_what_came_and_went)
{
	json_t *news, *event;

	ask("rules.replace", "{'rules':['drop proto udp','drop proto tcp']}", "added");
	ask("sets.add", "{'name':'a','entries':['::1']}", "added");
	ask("rules.delete", "{'id':1}", "generation");
	news = pp_rules_service_take_news(&fake.service);
	cr_assert_eq(json_array_size(news), 3);
	event = json_array_get(news, 0);
	cr_expect_str_eq(json_string_value(json_object_get(event, "event")), "rules");
	cr_expect_eq(json_array_size(json_object_get(event, "added")), 2);
	event = json_array_get(news, 1);
	cr_expect_str_eq(json_string_value(json_object_get(event, "event")), "sets");
	event = json_array_get(news, 2);
	cr_expect_eq(json_integer_value(json_object_get(event, "deleted")), 1);
	cr_expect_null(pp_rules_service_take_news(&fake.service));
	json_decref(news);
}

Test(rules_service, entries_are_listed_page_by_page)
{
	struct pp_rpc_reply reply;

	ask("sets.replace", "{'name':'a','entries':['192.0.2.3','192.0.2.1','192.0.2.2']}",
	    "added");
	put(&reply, "sets.entries", "{'name':'a','limit':2}");
	cr_expect_eq(json_array_size(json_object_get(result_of(&reply), "entries")), 2);
	cr_expect_eq(json_integer_value(json_object_get(result_of(&reply), "next")), 2);
	pp_rpc_reply_fini(&reply);
	put(&reply, "sets.entries", "{'name':'a','offset':2}");
	cr_expect_eq(json_array_size(json_object_get(result_of(&reply), "entries")), 1);
	cr_expect(json_is_null(json_object_get(result_of(&reply), "next")));
	pp_rpc_reply_fini(&reply);
}

Test(rules_service, every_method_is_described)
{
	struct pp_rpc_reply reply;
	json_t *list, *entry;
	size_t i;

	put(&reply, "rpc.discover", "{}");
	list = json_object_get(result_of(&reply), "methods");
	cr_expect_eq(json_array_size(list), 20);
	json_array_foreach(list, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "name"));

		cr_expect_not_null(pp_rpc_find(pp_methods, name));
		cr_expect(json_string_length(json_object_get(entry, "summary")) > 5, "%s", name);
		cr_expect(json_is_array(json_object_get(entry, "params")), "%s", name);
	}
	pp_rpc_reply_fini(&reply);
}

Test(rules_service, engine_asked_for_by_name_takes_no_more_rules_than_it_holds)
{
	json_t *texts = json_array(), *params = json_pack("{s:o}", "rules", texts);
	char *engine = fake.service.config->plane.engine, text[1024], *line;

	for (int i = 0; i < PP_LINEAR_RULES_MAX; i++)
		json_array_append_new(texts, json_string("drop dport 1"));
	line = json_dumps(params, 0);
	strcpy(engine, "linear");
	ask("rules.replace", line, "added");
	cr_expect_eq(refusal("rules.add", "{'rule':'drop dport 2'}", text, NULL), PP_RPC_REFUSED);
	cr_expect_str_eq(text,
			 "engine linear holds at most 1,024 rules; `engine: auto` takes more");
	strcpy(engine, "auto");
	ask("rules.add", "{'rule':'drop dport 2'}", "id");
	cr_expect_eq(pp_ruleset_count(fake.rules), PP_LINEAR_RULES_MAX + 1);
	json_decref(params);
	free(line);
}
