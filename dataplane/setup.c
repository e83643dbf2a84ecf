// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/setup.h>

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>
#include <push-packet/netif.h>

#include "rule_word.h"

struct pp_setup {
	struct pp_plane_config config; // iface and consumer point to what follows
	struct pp_iface_config iface[PP_IFACES_MAX];
	struct pp_consumer_config consumer[PP_CONSUMERS_MAX];
	struct pp_statements *text;
	uint8_t verdict;
};

int pp_setup_create(struct pp_setup **out)
{
	struct pp_setup *setup = calloc(1, sizeof(*setup));

	if (setup == NULL)
		return -ENOMEM;
	if (pp_statements_create(&setup->text) < 0) {
		free(setup);
		return -ENOMEM;
	}
	pp_plane_config_init(&setup->config);
	setup->config.iface = setup->iface;
	setup->config.consumer = setup->consumer;
	setup->config.copy = PP_COPY_RECEIVER;
	setup->config.route = PP_ROUTE_CHANNEL;
	setup->verdict = PP_VERDICT_PASS;
	*out = setup;
	return 0;
}

void pp_setup_destroy(struct pp_setup *setup)
{
	if (setup == NULL)
		return;
	pp_statements_destroy(setup->text);
	free(setup);
}

struct pp_plane_config *pp_setup_config(struct pp_setup *setup)
{
	return &setup->config;
}

int pp_setup_interface(struct pp_setup *setup, const char *name, struct pp_error *err)
{
	uint32_t n = setup->config.iface_count;
	struct pp_netif netif;
	int ret = pp_netif_get(name, &netif);

	if (ret == -ENODEV)
		return pp_error_set(err, ret, 0, 0, "no interface is named '%s'", name);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "cannot ask about interface %s: %s", name,
				    strerror(-ret));
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(setup->iface[i].name, name) == 0)
			return pp_error_set(err, -EEXIST, 0, 0, "interface %s is there twice",
					    name);
	if (n == PP_IFACES_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0, "at most %d interfaces", PP_IFACES_MAX);
	setup->iface[n] = (struct pp_iface_config){.mode = PP_XDP_AUTO, .queues_all = true};
	strcpy(setup->iface[n].name, name);
	setup->config.iface_count++;
	return (int)n;
}

int pp_setup_interface_index(struct pp_setup *setup, uint32_t ifindex, struct pp_error *err)
{
	char name[IF_NAMESIZE];

	if (if_indextoname(ifindex, name) == NULL)
		return pp_error_set(err, -ENODEV, 0, 0, "there is no interface %u", ifindex);
	return pp_setup_interface(setup, name, err);
}

int pp_setup_rules(struct pp_setup *setup, const char *text, struct pp_error *err)
{
	return pp_statements_read(setup->text, text, strlen(text), NULL,
				  pp_clock_ns(CLOCK_BOOTTIME), err);
}

int pp_setup_rule(struct pp_setup *setup, const struct pp_rule *rule, struct pp_error *err)
{
	char text[PP_RULE_TEXT_BYTES];

	pp_rule_format(rule, text, sizeof(text));
	return pp_setup_rules(setup, text, err);
}

int pp_setup_default(struct pp_setup *setup, uint8_t verdict, struct pp_error *err)
{
	if (verdict != PP_VERDICT_PASS && verdict != PP_VERDICT_DROP)
		return pp_error_set(err, -EINVAL, 0, 0, "the default action is pass or drop");
	setup->verdict = verdict;
	return 0;
}

int pp_setup_consumer(struct pp_setup *setup, const char *name, uint8_t kind, struct pp_error *err)
{
	uint32_t n = setup->config.consumer_count;
	char checked[PP_NAME_BYTES];

	if (!pp_rule_word_name(name, strlen(name), checked))
		return pp_error_set(err, -EINVAL, 0, 0,
				    "a consumer's name has 1 to %d letters, digits and . _ -, this "
				    "is '%.64s'",
				    PP_NAME_BYTES - 1, name);
	if (n == PP_CONSUMERS_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0, "at most %d consumers", PP_CONSUMERS_MAX);
	setup->consumer[n] = (struct pp_consumer_config){.kind = kind, .cpu = -1};
	strcpy(setup->consumer[n].name, checked);
	setup->config.consumer_count++;
	return (int)n;
}

static int make_rules(const struct pp_setup *setup, struct pp_ruleset *rules, struct pp_error *err)
{
	uint32_t after = 0, where, rule_id;
	int ret = pp_ruleset_set_default(rules, setup->verdict);

	ret = ret
		      ?: pp_statements_apply(setup->text, rules, pp_clock_ns(CLOCK_BOOTTIME), NULL,
					     NULL, &where, err);
	return ret ?: pp_ruleset_check_protected(rules, &after, &rule_id, err);
}

int pp_setup_open(const struct pp_setup *setup, struct pp_plane **out, struct pp_error *err)
{
	struct pp_ruleset *rules;
	int ret = pp_ruleset_create(&rules);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for rules");
	ret = make_rules(setup, rules, err);
	ret = ret ?: pp_plane_open(out, &setup->config, rules, NULL, err);
	pp_ruleset_destroy(rules);
	return ret;
}
