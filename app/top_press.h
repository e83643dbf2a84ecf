// SPDX-License-Identifier: MIT OR Apache-2.0
// What the keys of `push-packet top` do to its model; the help in top_render.c says the same.
//
// Threads    main thread.
#pragma once

#include "top_model.h"

// Keys that have no character.
enum pp_top_special {
	PP_TOP_KEY_UP = 0x1000,
	PP_TOP_KEY_DOWN,
	PP_TOP_KEY_PAGE_UP,
	PP_TOP_KEY_PAGE_DOWN,
	PP_TOP_KEY_HOME,
};

// @param key    A character, or enum pp_top_special.
// @param lines  Of the terminal, for paging.
// @return       Whether the key does something.
bool pp_top_press(struct pp_top_model *model, int key, uint32_t lines);
