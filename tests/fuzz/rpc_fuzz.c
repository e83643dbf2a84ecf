// SPDX-License-Identifier: MIT OR Apache-2.0
// Any lines on the control socket, against a daemon without a dataplane: each is answered by one
// line of JSON, nobody is let in who may not, and what is refused changes nothing.
#include <stdlib.h>
#include <string.h>

#include "rules_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What touches neither files nor a dataplane.
static const struct pp_rpc_method *const methods[] = {
	&pp_method_rules_list,	 &pp_method_rules_add,
	&pp_method_rules_delete, &pp_method_rules_replace,
	&pp_method_rules_flush,	 &pp_method_rules_test,
	&pp_method_sets_list,	 &pp_method_sets_entries,
	&pp_method_sets_add,	 &pp_method_sets_delete,
	&pp_method_sets_replace, &pp_method_default_set,
	&pp_method_batch,	 NULL};

// There is no plane whose counters could be asked for.
void pp_plane_rule_stats(const struct pp_plane *plane, uint32_t slot, struct pp_rule_stats *out)
{
	(void)plane;
	(void)slot;
	(void)out;
	abort();
}

// abort() stops whatever the build says of assertions.
static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool has_error(const struct pp_rpc_reply *reply)
{
	return json_object_get(reply->message, "error") != NULL;
}

static void check_line(const json_t *message)
{
	char *line = pp_rpc_line(message);
	json_t *again;

	require(line && strchr(line, '\n') == line + strlen(line) - 1);
	again = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	require(again != NULL);
	json_decref(again);
	free(line);
}

static void answer(struct rules_fake *fake, const json_t *message)
{
	uint32_t generation = pp_ruleset_generation(fake->rules);
	struct pp_rpc_reply reply;

	pp_rpc_answer(&fake->rpc, &fake->peer, message, &reply);
	require(pp_ruleset_generation(fake->rules) == generation);
	require(fake->peer.may_write || !reply.pending);
	rules_fake_commit(fake, &reply);
	require(!fake->service.pending.rules && !fake->service.trial.rules);
	if (!reply.pending || has_error(&reply))
		require(pp_ruleset_generation(fake->rules) == generation);
	if (reply.message)
		check_line(reply.message);
	pp_rpc_reply_fini(&reply);
}

static void serve_line(struct rules_fake *fake, const char *line, size_t len)
{
	struct pp_rpc_error err = {0};
	json_t *message = pp_rpc_parse(line, len, &err), *refusal;

	if (message) {
		(void)pp_rpc_reads(&fake->rpc, message);
		answer(fake, message);
	} else {
		refusal = pp_rpc_refusal(&err);
		check_line(refusal);
		json_decref(refusal);
	}
	json_decref(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *next = (const char *)data, *end = next + size;
	struct rules_fake fake;

	if (memmem(data, size, "file", 4) || memmem(data, size, "\\u", 2))
		return 0;
	rules_fake_init(&fake, methods);
	fake.peer.may_write = size % 8 != 0;
	while (next < end) {
		const char *newline = memchr(next, '\n', (size_t)(end - next));
		size_t len = (size_t)((newline ? newline : end) - next);

		serve_line(&fake, next, len);
		next += len + 1;
	}
	rules_fake_fini(&fake);
	return 0;
}
