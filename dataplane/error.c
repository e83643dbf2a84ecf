// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/error.h>

#include <stdarg.h>
#include <stdio.h>

int pp_error_set(
	struct pp_error *err, int err_no, uint32_t line, uint32_t col, const char *fmt, ...)
{
	va_list args;

	if (err == NULL)
		return err_no;
	err->line = line;
	err->col = col;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return err_no;
}
