// SPDX-License-Identifier: MIT OR Apache-2.0
// Any bytes as a rule: what is accepted survives parse, format, parse; what is refused says where
// and leaves the rule alone.
#include <push-packet/rule.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// abort() stops whatever the build says of assertions.
static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_refused(const char *text, const struct pp_error *err)
{
	require(err->line == 1);
	require(err->col >= 1 && err->col <= strlen(text) + 1);
	require(err->text[0] != '\0' && strlen(err->text) < sizeof(err->text) - 1);
	for (const char *c = err->text; *c != '\0'; c++)
		require(*c >= ' ' && *c < 0x7f);
}

static void check_accepted(const struct pp_rule *rule)
{
	char text[PP_RULE_TEXT_BYTES], again[PP_RULE_TEXT_BYTES];
	struct pp_rule reread;
	struct pp_error err;
	size_t len;

	len = pp_rule_format(rule, text, sizeof(text));
	require(len == strlen(text) && len < sizeof(text) - 1);
	require(pp_rule_parse(text, &reread, &err) == 0);
	require(rule_gen_same(rule, &reread));
	require(pp_rule_format(&reread, again, sizeof(again)) == len);
	require(memcmp(text, again, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_rule rule, before;
	struct pp_error err = {0};
	char *text = malloc(size + 1);

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&rule, 0xa5, sizeof(rule));
	before = rule;

	if (pp_rule_parse(text, &rule, &err) == 0) {
		check_accepted(&rule);
	} else {
		check_refused(text, &err);
		require(memcmp(&rule, &before, sizeof(rule)) == 0);
	}
	free(text);
	return 0;
}
