// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_client.h"
#include "units.h"

#define SIZE_MIN 60u
#define ROUNDS_MAX 1000u
#define FLOWS_MAX 64512u

static void *field(const struct pp_option *option, void *values)
{
	return (char *)values + option->offset;
}

static int expected(struct pp_error *err, const char *what)
{
	return pp_error_set(err, -EINVAL, 0, 0, "expected %s", what);
}

// Take the word up to the next comma.
//
// @return  false: it does not fit, or there is nothing.
static bool next_word(const char **text, char *word, size_t room)
{
	size_t n = strcspn(*text, ",");

	if (n == 0 || n >= room)
		return false;
	memcpy(word, *text, n);
	word[n] = '\0';
	*text += n;
	if (**text == ',' && (*text)[1] != '\0')
		(*text)++;
	return true;
}

static int read_rate(const char *word, uint64_t *out)
{
	return pp_units_parse_rate(word, out) < 0 || *out == 0 ? -EINVAL : 0;
}

static int read_size(const char *word, uint64_t *out)
{
	return pp_units_parse_number(word, SIZE_MIN, PP_BENCH_CLIENT_SIZE_MAX, out);
}

static int read_list(const char *text, int (*read)(const char *, uint64_t *), void *out)
{
	struct pp_bench_list list = {0};
	char word[32];

	do {
		if (list.count == PP_BENCH_LIST_MAX || !next_word(&text, word, sizeof(word)) ||
		    read(word, &list.value[list.count++]) < 0)
			return -EINVAL;
	} while (*text != '\0');
	*(struct pp_bench_list *)out = list;
	return 0;
}

int pp_bench_read_rates(const struct pp_option *option,
			const char *text,
			void *values,
			struct pp_error *err)
{
	if (read_list(text, read_rate, field(option, values)) < 0)
		return expected(err, "packets per second such as 100k, or up to 16 of them with "
				     "commas between");
	return 0;
}

int pp_bench_read_sizes(const struct pp_option *option,
			const char *text,
			void *values,
			struct pp_error *err)
{
	if (read_list(text, read_size, field(option, values)) < 0)
		return expected(err, "bytes, 60 to 1792, or up to 16 such numbers with commas "
				     "between");
	return 0;
}

static int read_number(const struct pp_option *option,
		       const char *text,
		       uint64_t lo,
		       uint64_t hi,
		       void *values,
		       struct pp_error *err)
{
	uint64_t number;

	if (pp_units_parse_number(text, lo, hi, &number) < 0)
		return pp_error_set(err, -EINVAL, 0, 0, "expected a number, %llu to %llu",
				    (unsigned long long)lo, (unsigned long long)hi);
	*(uint32_t *)field(option, values) = (uint32_t)number;
	return 0;
}

int pp_bench_read_flows(const struct pp_option *option,
			const char *text,
			void *values,
			struct pp_error *err)
{
	return read_number(option, text, 1, FLOWS_MAX, values, err);
}

int pp_bench_read_rounds(const struct pp_option *option,
			 const char *text,
			 void *values,
			 struct pp_error *err)
{
	return read_number(option, text, 1, ROUNDS_MAX, values, err);
}

int pp_bench_read_number16(const struct pp_option *option,
			   const char *text,
			   void *values,
			   struct pp_error *err)
{
	return read_number(option, text, 0, UINT16_MAX, values, err);
}

int pp_bench_read_take(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err)
{
	return read_number(option, text, 1, UINT16_MAX, values, err);
}

static bool may_use(uint64_t cpu)
{
	cpu_set_t set;

	return cpu < CPU_SETSIZE && sched_getaffinity(0, sizeof(set), &set) == 0 &&
	       CPU_ISSET(cpu, &set);
}

int pp_bench_read_cpus(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err)
{
	const char *comma = strchr(text, ',');
	uint64_t source, worker;
	char first[8] = "";

	if (comma != NULL && (size_t)(comma - text) < sizeof(first))
		memcpy(first, text, (size_t)(comma - text));
	if (pp_units_parse_number(first, 0, CPU_SETSIZE - 1, &source) < 0 ||
	    pp_units_parse_number(comma + 1, 0, CPU_SETSIZE - 1, &worker) < 0)
		return expected(err, "two CPUs, as in 0,1: of what sends, and of the worker");
	if (!may_use(source) || !may_use(worker))
		return expected(err, "CPUs that are there and that this process may use");
	*(struct pp_bench_cpus *)field(option, values) =
		(struct pp_bench_cpus){(uint16_t)source, (uint16_t)worker};
	return 0;
}

void pp_bench_cpus_init(struct pp_bench_cpus *cpus)
{
	bool first = true;

	*cpus = (struct pp_bench_cpus){0};
	for (uint16_t i = 0; i < CPU_SETSIZE; i++) {
		if (!may_use(i))
			continue;
		if (first)
			cpus->source = i;
		first = false;
		cpus->worker = i;
	}
}

int pp_bench_read_word(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err)
{
	size_t len = strlen(text), n;
	uint8_t index = 0;

	for (const char *word = option->words; *word != '\0';
	     index++, word += word[n] ? n + 1 : n) {
		n = strcspn(word, " ");
		if (n != len || memcmp(word, text, n) != 0)
			continue;
		*(uint8_t *)field(option, values) = index;
		return 0;
	}
	return pp_error_set(err, -EINVAL, 0, 0, "expected one of: %s", option->words);
}

int pp_bench_read_fraction(const struct pp_option *option,
			   const char *text,
			   void *values,
			   struct pp_error *err)
{
	char *end;
	double part = strtod(text, &end);

	if (end != text && *end == '%') {
		part /= 100;
		end++;
	}
	if (end == text || *end != '\0' || strspn(text, "0123456789.%") != strlen(text) ||
	    !(part >= 0 && part <= 1))
		return expected(err, "a part of the packets such as 0.001 or 0.1%");
	*(double *)field(option, values) = part;
	return 0;
}

int pp_bench_read_mac(const struct pp_option *option,
		      const char *text,
		      void *values,
		      struct pp_error *err)
{
	struct pp_bench_mac *mac = field(option, values);
	struct ether_addr addr;

	if (strlen(text) != 17 || ether_aton_r(text, &addr) == NULL)
		return expected(err, "a MAC address such as 02:00:00:00:00:01");
	mac->given = true;
	memcpy(mac->byte, addr.ether_addr_octet, sizeof(mac->byte));
	return 0;
}

int pp_bench_read_address(const struct pp_option *option,
			  const char *text,
			  void *values,
			  struct pp_error *err)
{
	struct pp_bench_address *address = field(option, values);

	if (inet_pton(AF_INET, text, address->byte) == 1)
		address->family = 4;
	else if (inet_pton(AF_INET6, text, address->byte) == 1)
		address->family = 6;
	else
		return expected(err, "an address such as 192.0.2.1 or 2001:db8::1");
	return 0;
}
