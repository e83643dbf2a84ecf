// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_priv.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define TICKS_PER_HALF 5 // lines for each halving of what is left, as HdrHistogram's tools do it

// Where the next line stands, in percent: each halving of the distance to 100 has as many lines.
static double next_level(double level)
{
	double half_distance = exp2(floor(log2(100 / (100 - level))) + 1);

	return level + 100 / (TICKS_PER_HALF * half_distance);
}

static double bucket_number(const json_t *bucket, size_t i)
{
	return json_number_value(json_array_get(bucket, i));
}

static void write_lines(const json_t *buckets, double count, FILE *out)
{
	double level = 0, total = 0;
	const json_t *bucket;
	size_t i;

	json_array_foreach(buckets, i, bucket)
	{
		double value = bucket_number(bucket, 0);

		total += bucket_number(bucket, 1);
		for (; total < count && level <= 100 * total / count; level = next_level(level))
			fprintf(out, "%12.3f %1.12f %12.0f %12.2f\n", value, level / 100, total,
				1 / (1 - level / 100));
		if (total >= count)
			fprintf(out, "%12.3f %1.12f %12.0f\n", value, 1.0, total);
	}
}

static void write_text(const json_t *h, FILE *out)
{
	int bits = pp_bench_number(h, "digits") == 2 ? 7 : 10;

	fprintf(out, "%12s %14s %12s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	write_lines(json_object_get(h, "buckets"), pp_bench_number(h, "count"), out);
	fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", pp_bench_number(h, "mean"),
		pp_bench_number(h, "deviation"));
	fprintf(out, "#[Max     = %12.3f, Total count    = %12.0f]\n", pp_bench_number(h, "max"),
		pp_bench_number(h, "count"));
	fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", 64 - bits, 2 << bits);
}

// PREFIX-NAME.hgrm, NAME without what would be awkward in a file's name.
static int make_path(const char *prefix, const char *name, char *buf, size_t size)
{
	int len = snprintf(buf, size, "%s-%s.hgrm", prefix, name);

	if (len < 0 || (size_t)len >= size)
		return -ENAMETOOLONG;
	for (char *c = buf + strlen(prefix) + 1; c < buf + len - strlen(".hgrm"); c++) {
		if (!isalnum((unsigned char)*c) && *c != '.')
			*c = '-';
	}
	return 0;
}

static int write_file(const json_t *result, const char *prefix, struct pp_error *err)
{
	char path[512];
	int ret = make_path(prefix, pp_bench_text(result, "name"), path, sizeof(path));
	FILE *out;

	if (ret)
		return pp_error_set(err, ret, 0, 0, "%s: the name is too long", prefix);
	out = fopen(path, "we");
	if (!out)
		return pp_error_set(err, -errno, 0, 0, "cannot write %s: %m", path);
	write_text(json_object_get(result, "histogram"), out);
	if (ferror(out))
		ret = -EIO;
	if (fclose(out))
		ret = -errno;
	return ret ? pp_error_set(err, ret, 0, 0, "cannot write %s: %s", path, strerror(-ret)) : 0;
}

int pp_bench_write_hgrm(const json_t *document, const char *prefix, struct pp_error *err)
{
	const json_t *result;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(document, "results"), i, result)
	{
		int ret;

		if (!pp_bench_has_histogram(result))
			continue;
		any = true;
		ret = write_file(result, prefix, err);
		if (ret)
			return ret;
	}
	return any ? 0
		   : pp_error_set(err, -ENODATA, 0, 0,
				  "--hgrm: this measurement has no distribution");
}
