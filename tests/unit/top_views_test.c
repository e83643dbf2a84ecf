// SPDX-License-Identifier: MIT OR Apache-2.0
// What `push-packet top` can look at, and its way from one view to the next.
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "top_press.h"
#include "top_views.h"

static struct pp_top_model model;

static void init(void)
{
	pp_top_model_init(&model);
}

static void fini(void)
{
	pp_top_model_fini(&model);
}

TestSuite(top_views, .init = init, .fini = fini);

// @param kinds  A letter for each analyser, which is its name: h, f, p, c, or n of kind null.
static void there_are(const char *kinds)
{
	static const char *const names[] = {"histogram", "flows", "plugin", "count", "null"};
	json_t *list = json_array(), *result = json_pack("{s:o}", "analysers", list);

	for (; *kinds; kinds++)
		json_array_append_new(list,
				      json_pack("{s:s%, s:s}", "name", kinds, (size_t)1, "kind",
						names[strchr("hfpcn", *kinds) - "hfpcn"]));
	pp_top_views_read_of(&model, result);
	json_decref(result);
}

static void expect_view(const char *analyser, uint8_t by)
{
	cr_expect_str_eq(model.analyser, analyser);
	cr_expect_eq(model.by, by, "%s, not %s", pp_top_by_name(model.by), pp_top_by_name(by));
}

Test(top_views, histograms_come_first_then_flows)
{
	struct pp_error err;

	there_are("ncfph");
	cr_expect_eq(model.view_count, 4, "null has nothing to list");
	cr_expect_eq(pp_top_views_begin(&model, NULL, -1, &err), 0);
	expect_view("h", PP_BY_SOURCE);
	cr_expect_eq(pp_top_views_begin(&model, NULL, PP_BY_FLOW, &err), 0);
	expect_view("f", PP_BY_FLOW);
	cr_expect_eq(pp_top_views_begin(&model, "p", -1, &err), 0);
	expect_view("p", PP_BY_TEXT);
	cr_expect_eq(pp_top_views_begin(&model, "c", -1, &err), 0);
	expect_view("c", PP_BY_SOURCE);
}

Test(top_views, what_is_not_there_is_said_with_what_is)
{
	struct pp_error err;

	there_are("n");
	cr_expect_eq(pp_top_views_begin(&model, NULL, -1, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "no analyser"), "%s", err.text);
	there_are("hf");
	cr_expect_eq(pp_top_views_begin(&model, "x", -1, &err), -ENOENT);
	cr_expect_str_eq(err.text, "there is no analyser 'x' that top can show; there are: h "
				   "(histogram), f (flows)");
	cr_expect_eq(pp_top_views_begin(&model, "f", PP_BY_SOURCE, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "analyser 'f' never lists by source"), "%s", err.text);
	cr_expect_eq(pp_top_views_begin(&model, NULL, PP_BY_TEXT, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "no analyser lists by text"), "%s", err.text);
}

Test(top_views, keys_go_around)
{
	static const uint8_t order[] = {PP_BY_DESTINATION, PP_BY_PORT, PP_BY_PROTOCOL, PP_BY_RULE,
					PP_BY_SOURCE};
	struct pp_error err;

	there_are("fh");
	pp_top_views_begin(&model, NULL, -1, &err);
	for (size_t i = 0; i < sizeof(order); i++) {
		pp_top_press(&model, 'g', 24);
		expect_view("h", order[i]);
	}
	cr_expect_not(model.rules_dirty);
	model.on[PP_TOP_UDP] = true;
	pp_top_press(&model, 'a', 24);
	expect_view("f", PP_BY_FLOW);
	cr_expect(model.rules_dirty, "the rules copy to whom is looked at");
	pp_top_press(&model, 'g', 24);
	expect_view("f", PP_BY_FLOW);
	pp_top_press(&model, 'a', 24);
	expect_view("h", PP_BY_SOURCE);
}

Test(top_views, what_is_refused_is_not_offered_again)
{
	struct pp_error err;

	there_are("hf");
	pp_top_views_begin(&model, NULL, -1, &err);
	for (int i = 0; i < 4; i++)
		cr_expect(pp_top_views_refused(&model, "not by that"));
	expect_view("h", PP_BY_RULE);
	cr_expect_eq(model.log_count, 4);
	pp_top_press(&model, 'g', 24);
	expect_view("h", PP_BY_RULE);
	cr_expect(pp_top_views_refused(&model, "not by that"));
	expect_view("f", PP_BY_FLOW);
	pp_top_press(&model, 'a', 24);
	expect_view("f", PP_BY_FLOW);
	cr_expect_not(pp_top_views_refused(&model, "not by that"), "nothing is left");
}

Test(top_views, without_any_keys_do_nothing)
{
	cr_expect(pp_top_press(&model, 'a', 24));
	cr_expect(pp_top_press(&model, 'g', 24));
	cr_expect_not(pp_top_views_refused(&model, ""));
}
