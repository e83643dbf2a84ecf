// SPDX-License-Identifier: MIT OR Apache-2.0
// The terminal: frames go to it, keys come from it. Built without ncurses there is none, and
// `push-packet top` prints plain text.
//
// Threads    main thread; one screen a process.
// Ownership  close() gives the terminal back as it was.
#pragma once

#include "top_render.h"

#define PP_TOP_KEY_NONE (-1)
#define PP_TOP_KEY_RESIZE (-2)

// @return  0; -ENOTTY: there is no terminal that could show it.
int pp_top_screen_open(void);
void pp_top_screen_close(void);

void pp_top_screen_size(uint32_t *lines, uint32_t *cols);
void pp_top_screen_draw(const struct pp_top_frame *frame);

// Wait for a key.
//
// @return  A character or enum pp_top_special; PP_TOP_KEY_NONE: the time is over, or a signal came;
//          PP_TOP_KEY_RESIZE.
int pp_top_screen_key(uint32_t timeout_ms);
