// SPDX-License-Identifier: MIT OR Apache-2.0
// Where push-packet is built without ncurses.
#include "top_screen.h"

#include <errno.h>

int pp_top_screen_open(void)
{
	return -ENOTTY;
}

void pp_top_screen_close(void)
{
}

void pp_top_screen_size(uint32_t *lines, uint32_t *cols)
{
	*lines = PP_TOP_LINES_MIN;
	*cols = PP_TOP_COLS_MIN;
}

void pp_top_screen_draw(const struct pp_top_frame *frame)
{
	(void)frame;
}

int pp_top_screen_key(uint32_t timeout_ms)
{
	(void)timeout_ms;
	return PP_TOP_KEY_NONE;
}
