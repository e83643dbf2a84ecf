// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#include "command.h"
#include "top_child.h"
#include "top_press.h"
#include "top_read.h"
#include "top_render.h"
#include "top_rules.h"
#include "top_screen.h"
#include "top_views.h"

#define SECOND_NS 1000000000ull
#define PLAIN_LINES 44
#define PLAIN_COLS 120
#define ROWS_SPARE 50 // beyond what is seen, for scrolling
#define ROWS_JSON 1000
#define STATS_RULES_MAX 2000

struct session {
	struct pp_top_options *o;
	struct pp_ctl_client *client;
	struct pp_top_child child;
	struct pp_top_rules rules;
	char title[64];
	bool screen; // else plain text
	uint32_t lines, cols;
	uint32_t frames; // since frames_ns
	uint64_t frames_ns; // 0: none was drawn
};

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
	signalled = number;
}

static void listen_to_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

static int connect_to(struct session *s, const char *path)
{
	struct pp_top_options *o = s->o;
	struct pp_error err;

	if (!o->iface) {
		snprintf(s->title, sizeof(s->title), "%s", o->ctl.config ?: o->ctl.socket ?: "");
		return pp_ctl_options_open(&o->ctl, path, &s->client);
	}
	snprintf(s->title, sizeof(s->title), "%s", o->iface);
	if (pp_top_child_start(&s->child, o->iface, &signalled, &s->client, &err))
		return pp_ctl_options_complain(&err);
	if (!o->on_given)
		o->model.on[PP_TOP_TCP] = o->model.on[PP_TOP_UDP] = o->model.on[PP_TOP_ICMP] = true;
	return PP_EXIT_OK;
}

static int sync_rules(struct session *s, struct pp_error *err)
{
	struct pp_top_model *model = &s->o->model;
	bool dirty = model->rules_dirty;
	uint32_t before = s->rules.count;
	int ret;

	if (!dirty && pp_clock_ns(CLOCK_MONOTONIC) < s->rules.refresh_ns)
		return 0;
	ret = pp_top_rules_sync(&s->rules, s->client, model, dirty, err);
	model->rules_dirty = false;
	if (ret == -EREMOTEIO) {
		pp_top_model_log(model, "refused: %s", err->text);
		s->rules.refresh_ns = UINT64_MAX;
		return 0;
	}
	if (!ret && dirty)
		pp_top_model_log(model, "%u rules of top in force, %u before", s->rules.count,
				 before);
	return ret;
}

// What the analyser does not list by is left out from then on, unless it was asked for.
static int read_rows(struct session *s, uint32_t rows, struct pp_error *err)
{
	struct pp_top_model *model = &s->o->model;
	int ret;

	do
		ret = pp_top_read_rows(s->client, model, rows, err);
	while (ret == -EREMOTEIO && !s->o->by_given && pp_top_views_refused(model, err->text));
	if (!ret)
		s->o->by_given = false;
	return ret;
}

// @param rows  How many, at least.
static int read_all(struct session *s, uint32_t rows, bool stats, struct pp_error *err)
{
	struct pp_top_model *model = &s->o->model;
	int ret = sync_rules(s, err) ?: read_rows(s, rows, err);

	return ret || !stats ? ret : pp_top_read_stats(s->client, model, err);
}

static int read_frame(struct session *s, struct pp_error *err)
{
	const struct pp_top_model *model = &s->o->model;
	bool stats = model->pane == PP_TOP_RULES || model->pane == PP_TOP_LEDGER || model->rebase;

	// For the log of losses; where there are many rules it would cost too much.
	if (model->rule_count < STATS_RULES_MAX && model->now_ns - model->stats_ns >= SECOND_NS)
		stats = true;

	return read_all(s, model->scroll + s->lines + ROWS_SPARE, stats, err);
}

static void draw(struct session *s)
{
	static struct pp_top_frame frame;

	if (s->screen)
		pp_top_screen_size(&s->lines, &s->cols);
	pp_top_render(&s->o->model, s->lines, s->cols, &frame);
	if (s->screen) {
		pp_top_screen_draw(&frame);
		return;
	}
	for (uint32_t i = 0; i < frame.lines; i++)
		if (frame.line[i].text[0] != '\0')
			puts(frame.line[i].text);
	putchar('\n');
}

static uint32_t ms_until(uint64_t until_ns)
{
	uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);

	return now_ns < until_ns ? (uint32_t)((until_ns - now_ns) / 1000000 + 1) : 0;
}

// @return  Whether another frame must be asked for at once.
static bool press(struct session *s, int key)
{
	struct pp_top_model *model = &s->o->model;
	const uint8_t by = model->by;
	const char *analyser = model->analyser;

	if (key != PP_TOP_KEY_RESIZE && !pp_top_press(model, key, s->lines))
		pp_top_model_log(model, "no such key; h lists them");
	draw(s);
	return model->quit || model->rules_dirty || by != model->by || analyser != model->analyser;
}

// Until the next frame: keys are answered at once. Where frames are late already, those that wait are.
static void wait_for_keys(struct session *s, uint64_t until_ns)
{
	while (!signalled) {
		uint32_t wait_ms = ms_until(until_ns);
		int key = pp_top_screen_key(wait_ms);

		if (key == PP_TOP_KEY_NONE ? ms_until(until_ns) == 0 : press(s, key))
			return;
	}
}

static void sleep_until(uint64_t until_ns)
{
	struct timespec ts = {.tv_sec = (time_t)(until_ns / SECOND_NS),
			      .tv_nsec = (long)(until_ns % SECOND_NS)};

	while (!signalled && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

// The rate that is really reached, over a second or more.
static void count_frame(struct session *s, uint64_t now_ns)
{
	struct pp_top_model *model = &s->o->model;

	s->frames++;
	if (s->frames_ns && now_ns - s->frames_ns < SECOND_NS)
		return;
	model->reached_per_s =
		s->frames_ns ? (double)s->frames * 1e9 / (double)(now_ns - s->frames_ns) : 0;
	s->frames_ns = now_ns;
	s->frames = 0;
}

// Frames are due at even intervals; those that cannot be had in time are left out.
static uint64_t next_frame(const struct session *s, uint64_t due_ns)
{
	uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);
	uint64_t period_ns = SECOND_NS / s->o->model.frames_per_s;

	due_ns += period_ns;
	if (due_ns < now_ns)
		return now_ns;
	// A key may have had a frame drawn early.
	return due_ns > now_ns + period_ns ? now_ns + period_ns : due_ns;
}

static int loop(struct session *s, struct pp_error *err)
{
	struct pp_top_model *model = &s->o->model;
	uint64_t due_ns = pp_clock_ns(CLOCK_MONOTONIC);
	int ret = 0;

	while (!ret && !signalled && !model->quit) {
		count_frame(s, pp_clock_ns(CLOCK_MONOTONIC));
		ret = read_frame(s, err);
		if (ret)
			break;
		draw(s);
		due_ns = next_frame(s, due_ns);
		if (s->screen)
			wait_for_keys(s, due_ns);
		else if (fflush(stdout))
			ret = pp_error_set(err, -EIO, 0, 0, "cannot write: %m");
		else
			sleep_until(due_ns);
	}
	return ret;
}

// One picture: where the rules are new, of the window that follows.
static int once(struct session *s, struct pp_error *err)
{
	const struct pp_top_model *model = &s->o->model;
	int ret = sync_rules(s, err);
	json_t *json;

	if (!ret && s->rules.count)
		sleep_until(pp_clock_ns(CLOCK_MONOTONIC) + model->want_window_ns);
	ret = ret ?: read_all(s, ROWS_JSON, true, err);
	if (ret)
		return ret;
	if (s->o->json) {
		json = pp_top_read_json(model);
		pp_ctl_options_print_json(json);
		json_decref(json);
	} else {
		draw(s);
	}
	return fflush(stdout) ? pp_error_set(err, -EIO, 0, 0, "cannot write: %m") : 0;
}

static int watch(struct session *s, struct pp_error *err)
{
	int ret;

	s->lines = PLAIN_LINES;
	s->cols = PLAIN_COLS;
	if (s->o->once)
		return once(s, err);
	s->screen = !pp_top_screen_open();
	if (s->screen)
		pp_top_screen_size(&s->lines, &s->cols);
	ret = loop(s, err);
	pp_top_screen_close();
	return ret;
}

static int begin(struct session *s, struct pp_error *err)
{
	struct pp_top_options *o = s->o;
	int ret;

	ret = pp_top_views_read(s->client, &o->model, err);
	ret = ret
		      ?: pp_top_views_begin(&o->model, o->analyser, o->by_given ? o->model.by : -1,
					    err);
	o->model.title = s->title;
	o->model.rules_dirty = o->on_given || o->iface;
	s->rules = (struct pp_top_rules){.ttl_ns = o->ttl_ns, .refresh_ns = UINT64_MAX};
	return ret;
}

int pp_top_run(struct pp_top_options *o, const char *path)
{
	struct session s = {.o = o};
	struct pp_error err = {0}, ignored;
	int ret, status;

	listen_to_signals();
	status = connect_to(&s, path);
	if (status != PP_EXIT_OK)
		return status;
	ret = begin(&s, &err) ?: watch(&s, &err);
	if (!o->iface)
		pp_top_rules_clear(&s.rules, s.client, &ignored);
	pp_ctl_client_close(s.client);
	pp_top_child_stop(&s.child);
	return ret ? pp_ctl_options_complain(&err) : PP_EXIT_OK;
}
