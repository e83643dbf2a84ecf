// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_priv.h"

#include <math.h>
#include <string.h>

#include "table_text.h"

// A figure to about four digits: 0.0123, 4.567, 1234.
static const char *figure(double value, char buf[PP_TABLE_NUMBER_BYTES])
{
	double size = fabs(value);

	if (size >= 1000)
		return pp_table_number((int64_t)llround(value), buf);
	snprintf(buf, PP_TABLE_NUMBER_BYTES, "%.*f",
		 size >= 100 || value == floor(value) ? 1
		 : size >= 10			      ? 2
						      : 3,
		 value);
	return buf;
}

static void put(struct pp_table *table, double value)
{
	char buf[PP_TABLE_NUMBER_BYTES];

	pp_table_put(table, figure(value, buf));
}

static void put_whole(struct pp_table *table, double value)
{
	char buf[PP_TABLE_NUMBER_BYTES];

	pp_table_put(table, pp_table_number((int64_t)value, buf));
}

static void put_name(struct pp_table *table, const json_t *result)
{
	char text[128];

	snprintf(text, sizeof(text), "%s (%s)", pp_bench_text(result, "name"),
		 pp_bench_text(result, "unit"));
	pp_table_put(table, text);
}

static void end_table(struct pp_table *table, FILE *out)
{
	if (table->cells) {
		putc('\n', out);
		pp_table_print(table, out);
	}
	pp_table_fini(table);
}

static void print_samples(const json_t *results, FILE *out)
{
	static const struct pp_table_column column[] = {{"result", false},
							{"median", true},
							{"95 % from", true},
							{"to", true},
							{"rounds", true}};
	struct pp_table table;
	const json_t *result;
	size_t i;

	pp_table_init(&table, column, sizeof(column) / sizeof(column[0]));
	json_array_foreach(results, i, result)
	{
		if (!pp_bench_has_samples(result))
			continue;
		put_name(&table, result);
		put(&table, pp_bench_number(result, "median"));
		put(&table, pp_bench_number(result, "lo"));
		put(&table, pp_bench_number(result, "hi"));
		put_whole(&table, (double)json_array_size(json_object_get(result, "samples")));
	}
	end_table(&table, out);
}

static void print_histograms(const json_t *results, FILE *out)
{
	static const char *const percentile[] = {"p50", "p90", "p99", "p99.9", "p99.99"};
	static const struct pp_table_column column[] = {
		{"distribution", false}, {"count", true},  {"min", true},
		{"p50", true},		 {"p90", true},	   {"p99", true},
		{"p99.9", true},	 {"p99.99", true}, {"max", true}};
	struct pp_table table;
	const json_t *result;
	size_t i;

	pp_table_init(&table, column, sizeof(column) / sizeof(column[0]));
	json_array_foreach(results, i, result)
	{
		const json_t *h = json_object_get(result, "histogram");

		if (!h)
			continue;
		put_name(&table, result);
		put_whole(&table, pp_bench_number(h, "count"));
		put_whole(&table, pp_bench_number(h, "min"));
		for (size_t p = 0; p < sizeof(percentile) / sizeof(percentile[0]); p++)
			put_whole(&table, pp_bench_number(json_object_get(h, "percentiles"),
							  percentile[p]));
		put_whole(&table, pp_bench_number(h, "max"));
	}
	end_table(&table, out);
}

static void print_claims(const json_t *results, FILE *out)
{
	const json_t *result;
	bool first = true;
	size_t i;

	json_array_foreach(results, i, result)
	{
		const json_t *ratio = json_object_get(result, "ratio");

		if (!pp_bench_has_claim(result))
			continue;
		if (first)
			putc('\n', out);
		first = false;
		fprintf(out,
			"%s: %.3f times (95 %%: %.3f to %.3f, %zu pairs), wanted at %s %g: %s\n",
			pp_bench_text(result, "name"), pp_bench_number(ratio, "median"),
			pp_bench_number(ratio, "lo"), pp_bench_number(ratio, "hi"),
			json_array_size(json_object_get(result, "ratios")),
			json_is_true(json_object_get(result, "at_most")) ? "most" : "least",
			pp_bench_number(result, "target"), pp_bench_text(result, "verdict"));
	}
}

// Members on one line: "key value, key value".
static void print_members(const char *heading, json_t *object, FILE *out)
{
	const char *key, *separator = "";
	json_t *value;

	if (!json_object_size(object))
		return;
	fputs(heading, out);
	json_object_foreach(object, key, value)
	{
		fprintf(out, "%s%s ", separator, key);
		if (json_is_string(value))
			fputs(json_string_value(value), out);
		else
			json_dumpf(value, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
		separator = ", ";
	}
	putc('\n', out);
}

static void print_machine(const json_t *machine, FILE *out)
{
	const char *governor = pp_bench_text(machine, "governor");

	fprintf(out, "machine: %s, %.0f CPUs, %s, virtualization %s, governor %s",
		pp_bench_text(machine, "cpu_model"), pp_bench_number(machine, "cpus"),
		pp_bench_text(machine, "kernel"), pp_bench_text(machine, "virtualization"),
		governor[0] ? governor : "none");
	if (json_is_number(json_object_get(machine, "steal_percent")))
		fprintf(out, ", steal %.2f %%", pp_bench_number(machine, "steal_percent"));
	putc('\n', out);
}

static void print_interfaces(const json_t *interfaces, FILE *out)
{
	const json_t *iface;
	size_t i;

	json_array_foreach(interfaces, i, iface)
	{
		const char *mode = pp_bench_text(iface, "mode");

		fprintf(out, "interface %s: %s%s%s, mtu %.0f\n", pp_bench_text(iface, "name"),
			pp_bench_text(iface, "driver"), mode[0] ? ", " : "", mode,
			pp_bench_number(iface, "mtu"));
		print_members("  offloads: ", json_object_get(iface, "offloads"), out);
	}
}

// Which clock says when packets were received.
static void print_receive_timestamps(const json_t *times, FILE *out)
{
	if (times == NULL)
		return;
	fprintf(out,
		"receive timestamps: driver, by its own clock (%.0f packets) / XDP entry, "
		"CLOCK_MONOTONIC (%.0f packets)\n",
		pp_bench_number(times, "driver"), pp_bench_number(times, "xdp_entry"));
}

void pp_bench_print(const json_t *document, FILE *out)
{
	const json_t *results = json_object_get(document, "results"), *warning;
	size_t i;

	fprintf(out, "bench %s, push-packet %s, %s\n", pp_bench_text(document, "kind"),
		pp_bench_text(document, "version"), pp_bench_text(document, "began"));
	print_machine(json_object_get(document, "machine"), out);
	print_interfaces(json_object_get(document, "interfaces"), out);
	print_members("CPUs: ", json_object_get(document, "cpus_used"), out);
	print_members("settings: ", json_object_get(document, "settings"), out);
	print_receive_timestamps(json_object_get(document, "receive_timestamps"), out);
	json_array_foreach(json_object_get(document, "warnings"), i, warning)
		fprintf(out, "warning: %s\n", json_string_value(warning));
	print_histograms(results, out);
	print_samples(results, out);
	print_claims(results, out);
}
