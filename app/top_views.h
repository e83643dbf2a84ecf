// SPDX-License-Identifier: MIT OR Apache-2.0
// What `push-packet top` can look at: analysers, and by what each of them lists.
//
// Threads    main thread.
// Cost       one request to the daemon at the start.
// Ownership  the model has them.
#pragma once

#include "ctl_client.h"
#include "top_model.h"

// Ask the daemon which analysers it has. Histograms come first, then flows.
//
// @return  0; as pp_ctl_client_call().
int pp_top_views_read(struct pp_ctl_client *client,
		      struct pp_top_model *model,
		      struct pp_error *err);

// The same out of the result of analysers.list.
void pp_top_views_read_of(struct pp_top_model *model, const json_t *result);

// Begin with a view.
//
// @param analyser  NULL: the first that lists by what is wanted.
// @param by        enum pp_analyser_by; -1: what the analyser has first.
// @return          0; -ENOENT, with err set to what there is instead.
int pp_top_views_begin(struct pp_top_model *model,
		       const char *analyser,
		       int by,
		       struct pp_error *err);

// The next thing that this analyser lists by; the next analyser.
void pp_top_views_next_by(struct pp_top_model *model);
void pp_top_views_next_analyser(struct pp_top_model *model);

// The daemon refused the view: forget that it is there and go to another one.
//
// @param why  For the log.
// @return     false: there is no other one.
bool pp_top_views_refused(struct pp_top_model *model, const char *why);
