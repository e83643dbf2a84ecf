// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ruleset_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/rules_read.h>

#include "ruleset_gen.h"

static int generate(const char *spec, struct pp_rule **out, uint32_t *count, struct pp_error *err)
{
	struct ruleset_options options;
	struct pp_rule *rule;
	int ret;

	if (ruleset_options_parse(spec, &options) < 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "'%s': expected gen:acl|fw|ipc|dense[:ip4|ip6|both]:COUNT:SEED",
				    spec);
	rule = calloc(options.count, sizeof(*rule));
	ret = rule != NULL ? ruleset_gen(&options, rule) : -ENOMEM;
	if (ret < 0) {
		free(rule);
		return pp_error_set(err, ret, 0, 0, "'%s': %s", spec, strerror(-ret));
	}
	*out = rule;
	*count = options.count;
	return 0;
}

static int read_file(const char *path, char **out, struct pp_error *err)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;
	ssize_t len;

	*out = NULL;
	if (file == NULL)
		return pp_error_set(err, -errno, 0, 0, "cannot open %s: %s", path, strerror(errno));
	len = getdelim(out, &size, '\0', file);
	fclose(file);
	if (len >= 0)
		return 0;
	free(*out);
	return pp_error_set(err, -EINVAL, 0, 0, "%s is empty or cannot be read", path);
}

int ruleset_open(const char *spec, struct pp_rule **out, uint32_t *count, struct pp_error *err)
{
	char *text;
	int ret;

	if (strncmp(spec, "gen:", 4) == 0)
		return generate(spec, out, count, err);
	ret = read_file(spec, &text, err);
	if (ret < 0)
		return ret;
	ret = pp_rules_read(text, out, count, err);
	free(text);
	return ret;
}
