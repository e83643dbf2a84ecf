// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rules_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int apply(void *arg, struct pp_ruleset *rules, struct pp_error *err)
{
	struct rules_fake *fake = arg;

	if (fake->fail_with)
		return pp_error_set(err, fake->fail_with, 0, 0, "the kernel says no");
	pp_ruleset_destroy(fake->rules);
	fake->rules = rules;
	fake->applied++;
	return 0;
}

static struct pp_config *make_config(void)
{
	struct pp_config *config = calloc(1, sizeof(*config));

	pp_plane_config_init(&config->plane);
	config->plane.iface = config->iface;
	config->plane.iface_count = 1;
	strcpy(config->iface[0].name, "pp0");
	config->plane.consumer = config->consumer;
	config->plane.consumer_count = 2;
	strcpy(config->consumer[0].name, "counter");
	config->consumer[0].kind = PP_CONSUMER_COUNT;
	strcpy(config->consumer[1].name, "sink");
	config->consumer[1].kind = PP_CONSUMER_SINK;
	config->protect_refuse = true;
	config->at.file = "test.yaml";
	config->item_at[PP_ITEM_DEFAULT] = config->at;
	return config;
}

void rules_fake_init(struct rules_fake *fake, const struct pp_rpc_method *const *methods)
{
	*fake = (struct rules_fake){.peer = {.may_write = true}};
	if (pp_ruleset_create(&fake->rules))
		abort();
	pp_rules_service_init(&fake->service, make_config(), fake->rules, apply, fake);
	fake->rpc = (struct pp_rpc_service){.methods = methods,
					    .arg = &fake->service,
					    .transact = pp_rules_service_transact,
					    .commit = pp_rules_service_commit};
}

void rules_fake_fini(struct rules_fake *fake)
{
	pp_rules_service_fini(&fake->service);
	pp_ruleset_destroy(fake->rules);
}

void rules_fake_commit(struct rules_fake *fake, struct pp_rpc_reply *reply)
{
	struct pp_rpc_error err = {0};
	uint32_t generation;

	if (fake->rpc.commit(fake->rpc.arg, &generation, &err))
		pp_rpc_reply_fail(reply, &err);
	else
		pp_rpc_reply_confirm(reply, generation);
	json_decref(err.data);
}
