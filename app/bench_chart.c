// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_priv.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

// What stands in one chart: results of one kind and unit.
enum chart_kind {
	CHART_DISTRIBUTIONS,
	CHART_SAMPLES,
	CHART_RATIOS,
	CHART_KINDS,
};

struct chart {
	enum chart_kind kind;
	const char *unit;
	const json_t *document;
};

static bool belongs(const struct chart *chart, const json_t *result)
{
	bool kind[CHART_KINDS] = {
		[CHART_DISTRIBUTIONS] = pp_bench_has_histogram(result),
		[CHART_SAMPLES] = pp_bench_has_samples(result),
		[CHART_RATIOS] = pp_bench_has_claim(result),
	};

	return kind[chart->kind] && !strcmp(pp_bench_text(result, "unit"), chart->unit);
}

// A string in double quotes, as gnuplot reads it.
static void quote(const char *text, FILE *out)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		if ((unsigned char)*text >= ' ')
			putc(*text, out);
	}
	putc('"', out);
}

// Cumulative counts: 1/(1-percentile) of each bucket, up to its last value but one, so that the
// maximum has a place. Points that nobody could tell apart are left out.
static void write_distribution(const json_t *histogram, FILE *out)
{
	double count = pp_bench_number(histogram, "count"), total = 0, shown = 0;
	const json_t *buckets = json_object_get(histogram, "buckets"), *bucket;
	size_t i;

	json_array_foreach(buckets, i, bucket)
	{
		double value = json_number_value(json_array_get(bucket, 0)), x;

		x = count / (count - total);
		if (x > shown * 1.01)
			fprintf(out, "%.9g %.9g\n", x, value);
		total += json_number_value(json_array_get(bucket, 1));
		shown = count / (count - total + 1);
		fprintf(out, "%.9g %.9g\n", shown, value);
	}
}

// Each round as a point beside the others of its result.
static void write_points(const json_t *values, size_t column, FILE *out)
{
	size_t i, n = json_array_size(values);

	for (i = 0; i < n; i++)
		fprintf(out, "%.4f %.9g\n",
			(double)column + (n > 1 ? 0.3 * ((double)i / (double)(n - 1) - 0.5) : 0),
			json_number_value(json_array_get(values, i)));
}

static void write_data(const struct chart *chart, uint32_t number, FILE *out)
{
	const json_t *results = json_object_get(chart->document, "results"), *result;
	bool ratios = chart->kind == CHART_RATIOS;
	size_t i, column = 0;

	json_array_foreach(results, i, result)
	{
		if (!belongs(chart, result))
			continue;
		column++;
		fprintf(out, "$d%u_%zu << EOD\n", number, column);
		if (chart->kind == CHART_DISTRIBUTIONS)
			write_distribution(json_object_get(result, "histogram"), out);
		else
			write_points(json_object_get(result, ratios ? "ratios" : "samples"), column,
				     out);
		fprintf(out, "EOD\n");
	}
	if (chart->kind == CHART_DISTRIBUTIONS)
		return;
	column = 0;
	fprintf(out, "$m%u << EOD\n", number);
	json_array_foreach(results, i, result)
	{
		const json_t *of = ratios ? json_object_get(result, "ratio") : result;

		if (belongs(chart, result))
			fprintf(out, "%zu %.9g %.9g %.9g %.9g\n", ++column,
				pp_bench_number(of, "median"), pp_bench_number(of, "lo"),
				pp_bench_number(of, "hi"), pp_bench_number(result, "target"));
	}
	fprintf(out, "EOD\n");
}

static void write_series(const struct chart *chart, uint32_t number, FILE *out)
{
	const json_t *result;
	size_t i, column = 0;

	json_array_foreach(json_object_get(chart->document, "results"), i, result)
	{
		if (!belongs(chart, result))
			continue;
		column++;
		fprintf(out, "%s $d%u_%zu using 1:2 ", column > 1 ? ", \\\n\t" : "plot", number,
			column);
		if (chart->kind == CHART_DISTRIBUTIONS) {
			fprintf(out, "with lines linewidth 2 title ");
			quote(pp_bench_text(result, "name"), out);
		} else {
			fprintf(out, "with points pointtype 7 pointsize 0.6 linecolor rgb "
				     "\"#88a0c0\" notitle");
		}
	}
	if (chart->kind != CHART_DISTRIBUTIONS)
		fprintf(out,
			", \\\n\t$m%u using 1:2:3:4 with yerrorbars pointtype 5 linewidth 2 "
			"linecolor rgb \"#c03020\" title \"median and its 95 %% interval\"",
			number);
	if (chart->kind == CHART_RATIOS)
		fprintf(out,
			", \\\n\t$m%u using ($1-0.25):5:(0.5):(0) with vectors nohead dashtype 2 "
			"linewidth 2 linecolor rgb \"#208030\" title \"wanted\"",
			number);
	fprintf(out, "\n");
}

static void write_axes(const struct chart *chart, FILE *out)
{
	const json_t *result;
	size_t i, column = 0;

	if (chart->kind == CHART_DISTRIBUTIONS) {
		fputs("set logscale x\nset autoscale x\nset xlabel \"percentile\"\n"
		      "set xtics (\"0\" 1, \"p50\" 2, \"p90\" 10, \"p99\" 100, \"p99.9\" 1e3, "
		      "\"p99.99\" 1e4, \"p99.999\" 1e5, \"p99.9999\" 1e6, \"p99.99999\" 1e7) "
		      "norotate\n"
		      "set yrange [0:*]\n",
		      out);
		return;
	}
	fputs("unset logscale x\nunset xlabel\nset yrange [0:*]\nset xtics (", out);
	json_array_foreach(json_object_get(chart->document, "results"), i, result)
	{
		if (!belongs(chart, result))
			continue;
		fputs(column++ ? ", " : "", out);
		quote(pp_bench_text(result, "name"), out);
		fprintf(out, " %zu", column);
	}
	fprintf(out, ")%s\nset xrange [0.5:%zu.5]\n", column > 3 ? " rotate by -20" : " norotate",
		column);
}

static void write_chart(const struct chart *chart, const char *prefix, uint32_t number, FILE *out)
{
	static const char *const terminal[] = {
		"svg size 960,540 font \"sans,13\" background \"white\" noenhanced",
		"pngcairo size 1440,810 font \"sans,15\" noenhanced"};
	static const char *const suffix[] = {"svg", "png"};
	const json_t *machine = json_object_get(chart->document, "machine");
	char more[16] = "", text[1024];

	if (number > 1)
		snprintf(more, sizeof(more), "-%u", number);
	write_data(chart, number, out);
	write_axes(chart, out);
	fputs("set title ", out);
	snprintf(text, sizeof(text), "push-packet bench %s: %s, Linux %s, %s",
		 pp_bench_text(chart->document, "kind"), pp_bench_text(machine, "cpu_model"),
		 pp_bench_text(machine, "kernel"), pp_bench_text(chart->document, "began"));
	quote(text, out);
	fputs("\nset ylabel ", out);
	quote(chart->unit, out);
	putc('\n', out);
	for (size_t i = 0; i < 2; i++) {
		fprintf(out, "set terminal %s\nset output ", terminal[i]);
		snprintf(text, sizeof(text), "%s%s.%s", prefix, more, suffix[i]);
		quote(text, out);
		putc('\n', out);
		write_series(chart, number, out);
	}
	fputs("unset output\n\n", out);
}

// Whether an earlier result has put this one's kind and unit into a chart.
static bool seen(const struct chart *chart, size_t before)
{
	const json_t *results = json_object_get(chart->document, "results");

	for (size_t i = 0; i < before; i++) {
		if (belongs(chart, json_array_get(results, i)))
			return true;
	}
	return false;
}

static void write_script(const json_t *document, const char *prefix, FILE *out)
{
	const json_t *result;
	uint32_t number = 0;
	size_t i;

	fputs("# Made by push-packet bench; gnuplot draws it again.\n"
	      "set grid\nset key outside top center horizontal\nset border 3\nset tics nomirror "
	      "out\nset format y \"%.6g\"\n\n",
	      out);
	for (int kind = 0; kind < CHART_KINDS; kind++) {
		json_array_foreach(json_object_get(document, "results"), i, result)
		{
			struct chart chart = {(enum chart_kind)kind, pp_bench_text(result, "unit"),
					      document};

			if (belongs(&chart, result) && !seen(&chart, i))
				write_chart(&chart, prefix, ++number, out);
		}
	}
}

static int draw(char *script, struct pp_error *err)
{
	char *argv[] = {(char[]){"gnuplot"}, script, NULL};
	int status, ret;
	pid_t pid;

	ret = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (ret == ENOENT)
		return pp_error_set(err, -ENOENT, 0, 0,
				    "--chart: gnuplot is not installed (Debian: gnuplot-nox); %s "
				    "was written, run gnuplot on it where there is one",
				    script);
	if (ret)
		return pp_error_set(err, -ret, 0, 0, "gnuplot: %s", strerror(ret));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return pp_error_set(err, -EIO, 0, 0, "--chart: gnuplot failed on %s", script);
	return 0;
}

int pp_bench_write_chart(const json_t *document, const char *prefix, struct pp_error *err)
{
	char path[512];
	FILE *out;
	int len;

	if (!json_array_size(json_object_get(document, "results")))
		return pp_error_set(err, -ENODATA, 0, 0, "--chart: there are no results");
	len = snprintf(path, sizeof(path), "%s.gnuplot", prefix);
	if (len < 0 || (size_t)len >= sizeof(path))
		return pp_error_set(err, -ENAMETOOLONG, 0, 0, "--chart: the name is too long");
	out = fopen(path, "we");
	if (!out)
		return pp_error_set(err, -errno, 0, 0, "cannot write %s: %m", path);
	write_script(document, prefix, out);
	if (fclose(out))
		return pp_error_set(err, -errno, 0, 0, "cannot write %s: %m", path);
	return draw(path, err);
}
