// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/classbench.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

static void expect_rule(const char *line, const char *text)
{
	struct pp_error err = {0};
	struct pp_rule want, got;

	cr_assert_eq(pp_rule_parse(text, &want, &err), 0, "%s: %s", text, err.text);
	cr_assert_eq(pp_classbench_parse(line, &got, &err), 0, "%s: %s", line, err.text);
	cr_expect(rule_gen_same(&want, &got), "%s: not %s", line, text);
}

Test(classbench, a_line_is_a_rule)
{
	expect_rule(
		"@192.0.2.36/32\t198.51.100.0/24\t0 : 65535\t1521 : 1521\t0x06/0xFF\t0x1000/0x1000",
		"drop proto tcp src 192.0.2.36 dst 198.51.100.0/24 dport 1521");
	expect_rule("@0.0.0.0/0 203.0.113.0/25 1024 : 65535 0 : 1023 0x11/0xFF",
		    "drop proto udp sport 1024-65535 dst 203.0.113.0/25 dport 0-1023");
	expect_rule("@0.0.0.0/0 0.0.0.0/0 0 : 65535 0 : 65535 0x00/0x00", "drop family ip4");
	expect_rule("@2001:db8:0:0:0:0:0:0/32 ::/0 0 : 65535 0 : 65535 0x3a/0xFF",
		    "drop proto 58 src 2001:db8::/32");
}

Test(classbench, bits_beyond_the_prefix_are_ignored)
{
	expect_rule("@192.0.2.37/31 198.51.100.255/1 0 : 65535 0 : 65535 0x2f/0xFF",
		    "drop proto 47 src 192.0.2.36/31 dst 128.0.0.0/1");
}

Test(classbench, what_is_no_rule_is_refused)
{
	static const char *const bad[] = {
		"192.0.2.1/32 192.0.2.2/32 0 : 65535 0 : 65535 0x06/0xFF",
		"@192.0.2.1/33 192.0.2.2/32 0 : 65535 0 : 65535 0x06/0xFF",
		"@192.0.2/24 192.0.2.2/32 0 : 65535 0 : 65535 0x06/0xFF",
		"@192.0.2.1/32 2001:db8::/32 0 : 65535 0 : 65535 0x06/0xFF",
		"@192.0.2.1/32 192.0.2.2/32 2 : 1 0 : 65535 0x06/0xFF",
		"@192.0.2.1/32 192.0.2.2/32 0 : 65536 0 : 65535 0x06/0xFF",
		"@192.0.2.1/32 192.0.2.2/32 0 : 65535 0 : 65535 0x06/0xF0",
		"@192.0.2.1/32 192.0.2.2/32 0 : 65535 0 : 65535 0x106/0xFF",
		"@192.0.2.1/32 192.0.2.2/32 0 : 65535 80 : 80 0x01/0xFF",
		"@192.0.2.1/32 192.0.2.2/32 0 : 65535 80 : 80",
		"@4294967296.0.2.1/32 192.0.2.2/32 0 : 65535 80 : 80 0x06/0xFF",
	};
	struct pp_rule rule;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pp_error err = {0};

		cr_expect_eq(pp_classbench_parse(bad[i], &rule, &err), -EINVAL, "%s", bad[i]);
		cr_expect(err.line == 1 && err.text[0] != '\0', "%s", bad[i]);
	}
}

Test(classbench, an_error_in_a_text_has_its_line)
{
	const char *text = "# a set\n\n@192.0.2.1/32 192.0.2.2/32 0 : 65535 0 : 65535 0x06/0xFF\r\n"
			   "@192.0.2.1/32 192.0.2.2/32 0 : 65535 7 : 6 0x06/0xFF\n";
	struct pp_error err = {0};
	struct pp_rule *rule;
	uint32_t count;

	cr_assert_eq(pp_classbench_read(text, &rule, &count, &err), -EINVAL);
	cr_expect_eq(err.line, 4);
	cr_expect_str_eq(err.text, "7 : 6 is no range of ports");
}

Test(classbench, what_is_written_is_read_again)
{
	static const char *const rules[] = {
		"drop proto tcp src 192.0.2.36 dst 198.51.100.0/24 dport 1521",
		"drop src 2001:db8::/32 sport 5-7",
		"drop family ip6",
	};
	char text[3 * PP_CLASSBENCH_LINE_BYTES] = "";
	struct pp_rule want[3], *got;
	uint32_t count;

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pp_rule_parse(rules[i], &want[i], NULL), 0);
		cr_assert_gt(pp_classbench_format(&want[i], text + strlen(text),
						  PP_CLASSBENCH_LINE_BYTES),
			     0);
		strcat(text, "\n");
	}
	cr_assert_eq(pp_classbench_read(text, &got, &count, NULL), 0);
	cr_assert_eq(count, 3);
	for (int i = 0; i < 3; i++)
		cr_expect(rule_gen_same(&want[i], &got[i]), "%s", rules[i]);
	free(got);
}

Test(classbench, rules_it_has_no_words_for_are_not_written)
{
	static const char *const rules[] = {"drop any", "drop on pp0 proto tcp",
					    "drop src @s family ip4", "drop proto tcp"};
	char text[PP_CLASSBENCH_LINE_BYTES];
	struct pp_rule rule;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		cr_assert_eq(pp_rule_parse(rules[i], &rule, NULL), 0);
		cr_expect_eq(pp_classbench_format(&rule, text, sizeof(text)), -EINVAL, "%s",
			     rules[i]);
	}
}
