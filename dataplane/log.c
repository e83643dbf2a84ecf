// SPDX-License-Identifier: MIT OR Apache-2.0
#include "log.h"

#include <push-packet/plane.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

static pp_log_fn log_fn;
static void *log_arg;
static _Thread_local bool hushed;

static int forward(bool is_warning, const char *fmt, va_list args)
{
	char *text = NULL, *rest, *line;

	// A refused program comes with the verifier's log, which is long.
	if (!is_warning || hushed || log_fn == NULL || vasprintf(&text, fmt, args) < 0)
		return 0;
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			log_fn(log_arg, line);
	free(text);
	return 0;
}

static int from_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return forward(level == LIBBPF_WARN, fmt, args);
}

static int from_libxdp(enum libxdp_print_level level, const char *fmt, va_list args)
{
	return forward(level == LIBXDP_WARN, fmt, args);
}

void pp_log_install(void)
{
	libbpf_set_print(from_libbpf);
	libxdp_set_print(from_libxdp);
}

void pp_log_hush(bool hush)
{
	hushed = hush;
}

void pp_set_log(pp_log_fn fn, void *arg)
{
	log_fn = fn;
	log_arg = arg;
}
