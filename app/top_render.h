// SPDX-License-Identifier: MIT OR Apache-2.0
// The model as lines of text: the same for a terminal and for a pipe.
//
// Threads    main thread.
// Cost       O(lines shown).
// Ownership  caller's storage.
#pragma once

#include "top_model.h"

#define PP_TOP_COLS_MAX 300
#define PP_TOP_LINES_MAX 200
#define PP_TOP_COLS_MIN 40
#define PP_TOP_LINES_MIN 6

enum pp_top_style {
	PP_TOP_PLAIN,
	PP_TOP_HEADING,
	PP_TOP_DIM,
	PP_TOP_LOSS, // something was lost
};

struct pp_top_line {
	uint8_t style; // enum pp_top_style
	char text[PP_TOP_COLS_MAX + 1]; // ASCII, at most as many characters as there are columns
};

struct pp_top_frame {
	uint32_t lines;
	uint32_t cols;
	struct pp_top_line line[PP_TOP_LINES_MAX];
};

// Draw a frame.
//
// @param lines  PP_TOP_LINES_MIN to PP_TOP_LINES_MAX; others are moved into that range.
// @param cols   PP_TOP_COLS_MIN to PP_TOP_COLS_MAX; the same.
void pp_top_render(const struct pp_top_model *model,
		   uint32_t lines,
		   uint32_t cols,
		   struct pp_top_frame *out);

// Lines of the frame that the pane has for itself, and how many there are to show: for scrolling.
uint32_t pp_top_render_room(uint32_t lines);
uint32_t pp_top_render_length(const struct pp_top_model *model);
