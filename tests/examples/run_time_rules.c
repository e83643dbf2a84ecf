// SPDX-License-Identifier: MIT OR Apache-2.0
// Add and remove rules while traffic flows: each line of the input is a rule to add, or `del ID`.
// usage: run_time_rules IFACE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/rules.h>
#include <push-packet/setup.h>

static void list(const struct pp_plane *plane)
{
	struct pp_rule_info rule[100];
	uint32_t n = pp_rules_list(plane, rule, 100);

	for (uint32_t i = 0; i < n && i < 100; i++) {
		char text[PP_RULE_TEXT_BYTES];

		pp_rule_format(&rule[i].rule, text, sizeof(text));
		printf("%u: %s: %llu packets\n", rule[i].id, text,
		       (unsigned long long)rule[i].stats.pkts);
	}
	fflush(stdout);
}

static void change(struct pp_plane *plane, const char *line)
{
	struct pp_error err;
	int ret = 0;

	if (strncmp(line, "del ", 4) == 0)
		ret = pp_rules_remove(plane, (uint32_t)atoi(line + 4), &err);
	else if (line[0] != '\0')
		ret = pp_rules_add(plane, line, NULL, &err);
	if (ret < 0)
		printf("error in column %u: %s\n", err.col, err.text);
	list(plane);
}

int main(int argc, char **argv)
{
	struct pp_setup *setup;
	struct pp_plane *plane;
	struct pp_error err;
	char line[1000];
	int ret;

	if (argc != 2 || pp_setup_create(&setup) < 0)
		return 2;
	ret = pp_setup_interface(setup, argv[1], &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
		return 1;
	}
	list(plane);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		change(plane, line);
	}
	pp_plane_close(plane);
	return 0;
}
