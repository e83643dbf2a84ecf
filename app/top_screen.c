// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_screen.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <curses.h>

#include "top_press.h"

static SCREEN *screen;

int pp_top_screen_open(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term)
		return -ENOTTY;
	setlocale(LC_CTYPE, "");
	screen = newterm(term, stdout, stdin);
	if (!screen)
		return -ENOTTY;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	return 0;
}

void pp_top_screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void pp_top_screen_size(uint32_t *lines, uint32_t *cols)
{
	*lines = (uint32_t)LINES;
	*cols = (uint32_t)COLS;
}

void pp_top_screen_draw(const struct pp_top_frame *frame)
{
	static const attr_t attribute[] = {
		[PP_TOP_PLAIN] = A_NORMAL,
		[PP_TOP_HEADING] = A_REVERSE,
		[PP_TOP_DIM] = A_DIM,
		[PP_TOP_LOSS] = A_BOLD,
	};

	erase();
	for (uint32_t i = 0; i < frame->lines && i < (uint32_t)LINES; i++) {
		const struct pp_top_line *line = &frame->line[i];

		attrset((int)attribute[line->style]);
		mvprintw((int)i, 0, "%-*.*s", line->style == PP_TOP_HEADING ? COLS : 0, COLS,
			 line->text);
	}
	refresh();
}

int pp_top_screen_key(uint32_t timeout_ms)
{
	int key;

	timeout((int)timeout_ms);
	key = getch();
	switch (key) {
	case ERR:
		return PP_TOP_KEY_NONE;
	case KEY_RESIZE:
		return PP_TOP_KEY_RESIZE;
	case KEY_UP:
		return PP_TOP_KEY_UP;
	case KEY_DOWN:
		return PP_TOP_KEY_DOWN;
	case KEY_PPAGE:
		return PP_TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return PP_TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return PP_TOP_KEY_HOME;
	default:
		return key;
	}
}
