// SPDX-License-Identifier: MIT OR Apache-2.0
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void pp_report_init(struct pp_report *report)
{
	*report = (struct pp_report){0};
}

void pp_report_fini(struct pp_report *report)
{
	for (uint32_t i = 0; i < report->count; i++) {
		free(report->line[i].file);
		free(report->line[i].text);
	}
	free(report->line);
	*report = (struct pp_report){0};
}

// Words of a file are quoted in texts: keep them from steering the terminal.
static void tame(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

// An entry without memory is still counted: a failed allocation must not turn a bad
// configuration into a good one.
static void add(struct pp_report *report, struct pp_report_line line, const char *fmt, va_list ap)
{
	struct pp_report_line *grown;

	if (line.error)
		report->errors++;
	else
		report->warnings++;
	if (report->count == PP_REPORT_LINES_MAX)
		return;

	grown = reallocarray(report->line, report->count + 1, sizeof(*grown));
	if (!grown)
		return;
	report->line = grown;

	line.file = strdup(line.file);
	if (!line.file)
		return;
	if (vasprintf(&line.text, fmt, ap) < 0) {
		free(line.file);
		return;
	}
	tame(line.text);
	report->line[report->count++] = line;
}

void pp_report_error(struct pp_report *report,
		     const char *file,
		     uint32_t line,
		     uint32_t col,
		     const char *fmt,
		     ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(report,
	    (struct pp_report_line){.file = (char *)file, .line = line, .col = col, .error = true},
	    fmt, ap);
	va_end(ap);
}

void pp_report_warning(struct pp_report *report,
		       const char *file,
		       uint32_t line,
		       uint32_t col,
		       const char *fmt,
		       ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(report, (struct pp_report_line){.file = (char *)file, .line = line, .col = col}, fmt,
	    ap);
	va_end(ap);
}

void pp_report_print(const struct pp_report *report, FILE *out)
{
	uint32_t hidden = report->errors + report->warnings - report->count;

	for (uint32_t i = 0; i < report->count; i++) {
		const struct pp_report_line *line = &report->line[i];

		fputs(line->file, out);
		if (line->line)
			fprintf(out, ":%u:%u", line->line, line->col);
		fprintf(out, ": %s: %s\n", line->error ? "error" : "warning", line->text);
	}
	if (hidden)
		fprintf(out, "%u more errors and warnings not shown\n", hidden);
}
