// SPDX-License-Identifier: MIT OR Apache-2.0
#include "stats_table.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <push-packet/ledger.h>
#include <push-packet/plane.h>

#include "stats_ledger.h"
#include "table_text.h"

// With more rules than this, those without a packet are left out.
#define RULES_ALL 24

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static bool is_set(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void print_number(const json_t *object, const char *key, FILE *out)
{
	char buf[PP_TABLE_NUMBER_BYTES];

	fprintf(out, " %16s", pp_table_number(number_of(object, key), buf));
}

static void print_uptime(int64_t seconds, FILE *out)
{
	if (seconds >= 86400)
		fprintf(out, "%ldd ", (long)(seconds / 86400));
	fprintf(out, "%02ld:%02ld:%02ld", (long)(seconds / 3600 % 24), (long)(seconds / 60 % 60),
		(long)(seconds % 60));
}

static void print_events(const json_t *events, FILE *out)
{
	const char *key;
	json_t *times;

	json_object_foreach((json_t *)events, key, times)
	{
		if (json_integer_value(times))
			fprintf(out, ", %s %ld times", key, (long)json_integer_value(times));
	}
}

static void print_sockets(const json_t *iface, FILE *out)
{
	uint32_t sockets = 0, zerocopy = 0;
	json_t *queue;
	size_t i;

	json_array_foreach(json_object_get(iface, "queues"), i, queue)
	{
		sockets += is_set(queue, "socket");
		zerocopy += is_set(queue, "zerocopy");
	}
	fprintf(out, ", %u sockets", sockets);
	if (sockets)
		fprintf(out, " (%u zero-copy)", zerocopy);
}

static void print_egress(const json_t *egress, FILE *out)
{
	if (json_is_string(json_object_get(egress, "attached")))
		fprintf(out, ", egress by %s", text_of(egress, "attached"));
}

// stopped: that nothing is attached any more is as it should be.
static void print_iface(const json_t *iface, bool stopped, FILE *out)
{
	bool skb = !strcmp(text_of(iface, "mode"), "skb");

	fprintf(out, "\ninterface %s: %s, %s%s, mtu %ld", text_of(iface, "name"),
		!strcmp(text_of(iface, "frame"), "raw_ip") ? "raw IP" : "Ethernet",
		skb ? "SKB (GENERIC) MODE" : "native XDP",
		is_set(iface, "frags") ? " with frags" : "", (long)number_of(iface, "mtu"));
	print_sockets(iface, out);
	print_egress(json_object_get(iface, "egress"), out);
	if (!is_set(iface, "attached"))
		fputs(stopped ? ", detached" : ", NOT ATTACHED", out);
	if (!is_set(iface, "up"))
		fputs(", down", out);
	print_events(json_object_get(iface, "events"), out);
	fputc('\n', out);
	pp_stats_ledger_print(iface, out);
}

static void print_rule(const json_t *rule, FILE *out)
{
	if (number_of(rule, "id"))
		fprintf(out, "  %6ld %7ld", (long)number_of(rule, "id"),
			(long)number_of(rule, "prio"));
	else
		fprintf(out, "  %6s %7s", "-", "-");
	print_number(rule, "packets", out);
	print_number(rule, "bytes", out);
	fprintf(out, "  %s\n", text_of(rule, "text"));
}

static void print_rules(const json_t *rules, FILE *out)
{
	bool all = json_array_size(rules) <= RULES_ALL;
	uint32_t hidden = 0;
	json_t *rule;
	size_t i;

	fprintf(out, "\nrules\n  %6s %7s %16s %16s  %s\n", "id", "prio", "packets", "bytes",
		"rule");
	json_array_foreach(rules, i, rule)
	{
		if (all || number_of(rule, "packets") || !number_of(rule, "id"))
			print_rule(rule, out);
		else
			hidden++;
	}
	if (hidden)
		fprintf(out, "  %u rules without a packet are not shown\n", hidden);
}

static void print_sizes(const json_t *sizes, const json_t *limits, FILE *out)
{
	char buf[PP_TABLE_NUMBER_BYTES];
	json_t *size;
	size_t i;

	json_array_foreach(sizes, i, size)
	{
		const json_t *limit = json_array_get(limits, i);
		int64_t packets = json_integer_value(size);

		if (!packets)
			continue;
		if (limit)
			fprintf(out, "  <=%d:", (int)json_integer_value(limit));
		else
			fputs("  longer:", out);
		fputs(pp_table_number(packets, buf), out);
	}
	fputc('\n', out);
}

static void print_count(const char *first, const json_t *count, const json_t *limits, FILE *out)
{
	fprintf(out, "  %-24s", first);
	print_number(count, "packets", out);
	print_number(count, "bytes", out);
	print_sizes(json_object_get(count, "sizes"), limits, out);
}

static void print_handed(const json_t *object, const char *what, FILE *out)
{
	static const char *const keys[][3] = {{"routed", "routed_lost", "routed_analysed"},
					      {"copied", "copied_lost", "copied_analysed"}};
	int64_t sum[3] = {0};
	char buf[PP_TABLE_NUMBER_BYTES];

	for (int i = 0; i < 3; i++)
		sum[i] = number_of(object, keys[0][i]) + number_of(object, keys[1][i]);
	fprintf(out, "  %s: handed over %s,", what, pp_table_number(sum[0], buf));
	fprintf(out, " lost %s,", pp_table_number(sum[1], buf));
	fprintf(out, " analysed %s\n", pp_table_number(sum[2], buf));
}

// What became of an analyser's packets.
static void print_analyser(const json_t *consumer, FILE *out)
{
	const json_t *threads = json_object_get(consumer, "threads");
	char buf[PP_TABLE_NUMBER_BYTES], name[32];
	const char *key;
	json_t *entry;
	size_t i;

	if (!json_is_array(threads))
		return;
	print_handed(consumer, "packets", out);
	json_array_foreach(threads, i, entry)
	{
		snprintf(name, sizeof(name), "  thread %zu", i);
		if (json_array_size(threads) > 1)
			print_handed(entry, name, out);
	}
	json_object_foreach(json_object_get(consumer, "numbers"), key, entry)
		fprintf(out, "  %s: %s\n", key, pp_table_number(json_integer_value(entry), buf));
}

static void print_consumer(const json_t *consumer, const json_t *limits, FILE *out)
{
	const json_t *rules = json_object_get(consumer, "rules"),
		     *sources = json_object_get(consumer, "sources"),
		     *former = json_object_get(consumer, "former"),
		     *other = json_object_get(consumer, "other");
	char name[32];
	json_t *entry;
	size_t i;

	fprintf(out, "\nconsumer %s: %s\n", text_of(consumer, "name"), text_of(consumer, "kind"));
	print_analyser(consumer, out);
	if (!json_array_size(rules) && !json_array_size(sources))
		return;
	fprintf(out, "  %-24s %16s %16s  %s\n", "by", "packets", "bytes",
		"packets by size in bytes");
	json_array_foreach(rules, i, entry)
	{
		snprintf(name, sizeof(name), "rule %ld", (long)number_of(entry, "id"));
		print_count(name, entry, limits, out);
	}
	if (number_of(former, "packets"))
		print_count("(former rules)", former, limits, out);
	json_array_foreach(sources, i, entry)
	{
		const char *addr = json_string_value(json_object_get(entry, "addr"));

		print_count(addr ? addr : "(not IP)", entry, limits, out);
	}
	if (number_of(other, "packets"))
		print_count("(table full)", other, limits, out);
}

static void print_workers(const json_t *workers, FILE *out)
{
	json_t *worker;
	size_t i;

	fprintf(out, "\nworkers\n  %6s %6s %16s %16s %16s %16s\n", "worker", "cpu", "loops",
		"idle loops", "sleeps", "kicks");
	json_array_foreach(workers, i, worker)
	{
		const json_t *cpu = json_object_get(worker, "cpu");

		fprintf(out, "  %6zu", i);
		if (json_is_integer(cpu))
			fprintf(out, " %6d", (int)json_integer_value(cpu));
		else
			fprintf(out, " %6s", "-");
		print_number(worker, "loops", out);
		print_number(worker, "idle_loops", out);
		print_number(worker, "sleeps", out);
		print_number(worker, "kicks", out);
		fputc('\n', out);
	}
}

void pp_stats_table_print_balance(const json_t *stats, FILE *out)
{
	static const struct {
		const char *key;
		const char *equation;
	} equations[] = {
		{"verdict", "seen = passed + dropped + redirected + ..."},
		{"rx", "redirected = xsk_rx + no_frame + too_long + rx_ring_full"},
		{"worker", "xsk_rx = sink + reflected + forwarded + handed_off + ..."},
		{"analysis", "handed_off = analysed"},
		{"ring", "copied = ring_read"},
		{"copy_worker", "ring_read = copy_handed_off + copy_handoff_full + ..."},
		{"copy_analysis", "copy_handed_off = copy_analysed"},
	};
	const json_t *in_flight = json_object_get(stats, "in_flight"),
		     *total = json_object_get(stats, "total");
	char buf[PP_TABLE_NUMBER_BYTES];
	bool told = false;

	if (is_set(stats, "balanced")) {
		fputs("ledger balances: every packet is accounted for\n", out);
		return;
	}
	fputs("ledger does not balance:\n", out);
	for (size_t i = 0; i < sizeof(equations) / sizeof(equations[0]); i++) {
		int64_t lacks = number_of(in_flight, equations[i].key);

		told |= lacks != 0;
		if (lacks)
			fprintf(out, "  %s: %s %s\n", equations[i].equation,
				pp_table_number(lacks, buf),
				lacks > 0 ? "in flight" : "too many on the right: a bug");
	}
	for (int i = 0; i < 2; i++) {
		const char *name =
			pp_ledger_name(i ? PP_LEDGER_TX_BAD_DESC : PP_LEDGER_RX_BAD_FILL);

		told |= number_of(total, name) != 0;
		if (number_of(total, name))
			fprintf(out, "  %s is %s: a bug\n", name,
				pp_table_number(number_of(total, name), buf));
	}
	if (!told)
		fputs("  the total adds up, but not each queue by itself\n", out);
}

void pp_stats_table_print_rates(const json_t *before,
				const json_t *after,
				double seconds,
				FILE *out)
{
	static const enum pp_ledger_column columns[] = {PP_LEDGER_SEEN, PP_LEDGER_PASSED,
							PP_LEDGER_DROPPED, PP_LEDGER_REDIRECTED,
							PP_LEDGER_COPIED};
	const json_t *was = json_object_get(before, "total"), *is = json_object_get(after, "total");
	char buf[PP_TABLE_NUMBER_BYTES];

	fputs("packets per second:", out);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		const char *name = pp_ledger_name(columns[i]);
		int64_t more = number_of(is, name) - number_of(was, name);

		fprintf(out, "%s %s %s", i ? "," : "", name,
			pp_table_number((int64_t)((double)more / seconds), buf));
	}
	fputc('\n', out);
}

static void print_cache(const json_t *cache, FILE *out)
{
	static const char *const keys[] = {"hits", "misses", "bypassed"};
	char buf[PP_TABLE_NUMBER_BYTES];

	if (!is_set(cache, "on")) {
		fputs(", verdict cache off\n", out);
		return;
	}
	fputs("\n  verdict cache:", out);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		fprintf(out, "%s %s %s", i ? "," : "",
			pp_table_number(number_of(cache, keys[i]), buf), keys[i]);
	fputc('\n', out);
}

static void print_engine(const json_t *engine, FILE *out)
{
	char buf[PP_TABLE_NUMBER_BYTES];

	if (!json_is_object(engine))
		return;
	fprintf(out, "\nengine %s (%s)", text_of(engine, "name"), text_of(engine, "why"));
	if (number_of(engine, "tables"))
		fprintf(out, ", %s table%s", pp_table_number(number_of(engine, "tables"), buf),
			number_of(engine, "tables") == 1 ? "" : "s");
	fprintf(out, ", at most %s steps", pp_table_number(number_of(engine, "steps_max"), buf));
	fprintf(out, ", image %s bytes", pp_table_number(number_of(engine, "image_bytes"), buf));
	fprintf(out, " (%s used)", pp_table_number(number_of(engine, "used_bytes"), buf));
	print_cache(json_object_get(engine, "cache"), out);
	fprintf(out, "  programs: %s instructions verified, loaded in %ld ms",
		pp_table_number(number_of(engine, "verified_insns"), buf),
		(long)(number_of(engine, "load_ns") / 1000000));
	if (number_of(engine, "loads"))
		fprintf(out, ", loaded again %ld times", (long)number_of(engine, "loads"));
	fputc('\n', out);
}

void pp_stats_table_print(const json_t *stats, FILE *out)
{
	json_t *entry;
	size_t i;

	fprintf(out, "push-packet %s, up ", text_of(stats, "version"));
	print_uptime(number_of(stats, "uptime_s"), out);
	fprintf(out, ", rule set generation %ld\n", (long)number_of(stats, "generation"));
	print_engine(json_object_get(stats, "engine"), out);
	json_array_foreach(json_object_get(stats, "interfaces"), i, entry)
		print_iface(entry, is_set(stats, "stopped"), out);
	print_rules(json_object_get(stats, "rules"), out);
	json_array_foreach(json_object_get(stats, "consumers"), i, entry)
		print_consumer(entry, json_object_get(stats, "size_max_bytes"), out);
	print_workers(json_object_get(stats, "workers"), out);
	fputc('\n', out);
	pp_stats_table_print_balance(stats, out);
}
