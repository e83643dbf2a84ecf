// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_press.h"

#include <push-packet/clock.h>

#include "top_render.h"
#include "top_views.h"

#define WINDOW_MIN_NS 250000000ull
#define WINDOW_MAX_NS 3600000000000ull
#define FRAMES_MAX 60u
#define TAKE_MIN 64u // fewer bytes may end before the ports
#define TAKE_MAX 65536u

static void show(struct pp_top_model *model, enum pp_top_pane pane)
{
	model->pane = pane;
	model->scroll = 0;
}

static void scroll(struct pp_top_model *model, int64_t by, uint32_t lines)
{
	uint32_t length = pp_top_render_length(model), room = pp_top_render_room(lines);
	int64_t last = length > room ? length - room : 0, at = (int64_t)model->scroll + by;

	at = at > last ? last : at;
	model->scroll = at < 0 ? 0 : (uint32_t)at;
}

static bool press_scroll(struct pp_top_model *model, int key, uint32_t lines)
{
	int64_t page = pp_top_render_room(lines);

	if (key == PP_TOP_KEY_UP || key == 'k')
		scroll(model, -1, lines);
	else if (key == PP_TOP_KEY_DOWN || key == 'j')
		scroll(model, 1, lines);
	else if (key == PP_TOP_KEY_PAGE_UP)
		scroll(model, -page, lines);
	else if (key == PP_TOP_KEY_PAGE_DOWN)
		scroll(model, page, lines);
	else if (key == PP_TOP_KEY_HOME)
		model->scroll = 0;
	else
		return false;
	return true;
}

static bool press_pane(struct pp_top_model *model, int key)
{
	if (key == '\t')
		show(model, model->pane >= PP_TOP_LOG ? PP_TOP_ROWS : model->pane + 1);
	else if (key == '1')
		show(model, PP_TOP_ROWS);
	else if (key == '2')
		show(model, PP_TOP_RULES);
	else if (key == '3')
		show(model, PP_TOP_LEDGER);
	else if (key == '5')
		show(model, PP_TOP_LOG);
	else if (key == 'h' || key == '?')
		show(model, model->pane == PP_TOP_HELP ? PP_TOP_ROWS : PP_TOP_HELP);
	else
		return false;
	return true;
}

static bool press_switch(struct pp_top_model *model, int key)
{
	static const char keys[PP_TOP_SWITCHES] = {'t', 'u', 'i', '4', '6'};

	for (int i = 0; i < PP_TOP_SWITCHES; i++)
		if (key == keys[i]) {
			model->on[i] = !model->on[i];
			model->rules_dirty = true;
			return true;
		}
	if (key == '+' && model->take_bytes < TAKE_MAX)
		model->take_bytes *= 2;
	else if (key == '-' && model->take_bytes / 2 >= TAKE_MIN)
		model->take_bytes /= 2;
	else
		return key == '+' || key == '-';
	if (model->take_bytes > TAKE_MAX)
		model->take_bytes = TAKE_MAX;
	model->rules_dirty = true;
	return true;
}

static bool press_time(struct pp_top_model *model, int key)
{
	if (key == 'w' && model->want_window_ns / 2 >= WINDOW_MIN_NS)
		model->want_window_ns /= 2;
	else if (key == 'W' && model->want_window_ns * 2 <= WINDOW_MAX_NS)
		model->want_window_ns *= 2;
	else if (key == 'f' && model->frames_per_s > 1)
		model->frames_per_s--;
	else if (key == 'F' && model->frames_per_s < FRAMES_MAX)
		model->frames_per_s++;
	else
		return key == 'w' || key == 'W' || key == 'f' || key == 'F';
	return true;
}

static bool press_view(struct pp_top_model *model, int key)
{
	switch (key) {
	case 's':
		model->sort = (model->sort + 1) % PP_TOP_SORTS;
		break;
	case 'R':
		model->reverse = !model->reverse;
		break;
	case 'g':
		pp_top_views_next_by(model);
		break;
	case 'a':
		pp_top_views_next_analyser(model);
		break;
	case 'm':
		model->mask = !model->mask;
		break;
	case 'n':
		model->nicks_off = !model->nicks_off;
		break;
	case 'r':
		pp_top_model_reset(model, pp_clock_ns(CLOCK_REALTIME));
		pp_top_model_log(model, "reset");
		break;
	case 'q':
		model->quit = true;
		break;
	default:
		return false;
	}
	pp_top_model_sort(model);
	return true;
}

bool pp_top_press(struct pp_top_model *model, int key, uint32_t lines)
{
	return press_scroll(model, key, lines) || press_pane(model, key) ||
	       press_switch(model, key) || press_time(model, key) || press_view(model, key);
}
