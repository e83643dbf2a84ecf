// SPDX-License-Identifier: MIT OR Apache-2.0
#include "stats_json.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>

#include <push-packet/dump.h>

#include "analyser_json.h"

static const char *const verdict_names[PP_VERDICT_COUNT] = {
	[PP_VERDICT_PASS] = "pass", [PP_VERDICT_DROP] = "drop", [PP_VERDICT_ROUTE] = "route"};

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, number(value));
}

// null where there is none.
static json_t *number_or_null(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static json_t *ledger_json(const struct pp_ledger_row *row)
{
	json_t *ledger = json_object();

	for (enum pp_ledger_column i = 0; i < PP_LEDGER_COLUMNS; i++)
		set_number(ledger, pp_ledger_name(i), row->v[i]);
	return ledger;
}

static json_t *in_flight_json(const struct pp_ledger_row *row)
{
	struct pp_ledger_in_flight f;

	pp_ledger_in_flight(row, &f);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "verdict", (json_int_t)f.verdict,
			 "rx", (json_int_t)f.rx, "worker", (json_int_t)f.worker, "analysis",
			 (json_int_t)f.analysis, "ring", (json_int_t)f.ring, "copy_worker",
			 (json_int_t)f.copy_worker, "copy_analysis", (json_int_t)f.copy_analysis);
}

// Sums over the rows that were put out: the total fits them even while packets flow.
struct sums {
	struct pp_ledger_row total;
	bool balanced; // each row by itself
};

static json_t *
queue_json(const struct pp_plane *plane, uint32_t iface, uint32_t row, struct sums *sums)
{
	struct pp_ledger_row ledger;
	struct pp_queue_info info;

	pp_plane_queue(plane, iface, row, &info, &ledger);
	pp_ledger_add(&sums->total, &ledger);
	sums->balanced &= pp_ledger_balanced(&ledger);
	return json_pack("{s:o, s:b, s:b, s:I, s:o, s:I, s:o, s:b, s:b, s:o}", "queue",
			 number_or_null(info.queue), "socket", info.socket, "zerocopy",
			 info.zerocopy, "napi_id", (json_int_t)info.napi_id, "worker",
			 number_or_null(info.worker), "frames", (json_int_t)info.frames,
			 "numa_node", number_or_null(info.numa_node), "hugepages", info.hugepages,
			 "spread", info.spread, "ledger", ledger_json(&ledger));
}

static json_t *egress_json(const struct pp_plane *plane, uint32_t iface, struct sums *sums)
{
	static const char *const how[] = {[PP_EGRESS_TCX] = "tcx", [PP_EGRESS_CLSACT] = "clsact"};
	struct pp_ledger_row ledger;
	struct pp_egress_info info;
	json_t *attached = json_null();

	pp_plane_egress(plane, iface, &info, &ledger);
	pp_ledger_add(&sums->total, &ledger);
	sums->balanced &= pp_ledger_balanced(&ledger);
	if (info.attached != PP_EGRESS_AUTO)
		attached = json_string(how[info.attached]);
	return json_pack("{s:o, s:I, s:o}", "attached", attached, "verified_insns",
			 (json_int_t)info.verified_insns, "ledger", ledger_json(&ledger));
}

static json_t *events_json(const struct pp_iface_info *info)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "deleted",
			 (json_int_t)info->times_deleted, "returned",
			 (json_int_t)info->times_returned, "down", (json_int_t)info->times_down,
			 "up", (json_int_t)info->times_up, "mtu", (json_int_t)info->times_mtu,
			 "channels", (json_int_t)info->times_channels);
}

static json_t *iface_json(const struct pp_plane *plane, uint32_t iface, struct sums *sums)
{
	json_t *queues = json_array();
	struct pp_iface_info info;

	pp_plane_iface(plane, iface, &info);
	for (uint32_t row = 0; row < info.row_count; row++)
		json_array_append_new(queues, queue_json(plane, iface, row, sums));
	return json_pack("{s:s, s:I, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:o, s:o, s:o}", "name",
			 info.name, "ifindex", (json_int_t)info.ifindex, "frame",
			 info.frame_kind == PP_FRAME_RAW_IP ? "raw_ip" : "ethernet", "mode",
			 info.mode == PP_XDP_SKB ? "skb" : "native", "frags", info.frags,
			 "attached", info.attached, "up", info.up, "mtu",
			 (json_int_t)info.mtu_bytes, "channels", (json_int_t)info.queue_count,
			 "queues", queues, "egress", egress_json(plane, iface, sums), "events",
			 events_json(&info));
}

static json_t *ifaces_json(const struct pp_plane *plane, struct sums *sums)
{
	json_t *ifaces = json_array();

	for (uint32_t i = 0; i < pp_plane_iface_count(plane); i++)
		json_array_append_new(ifaces, iface_json(plane, i, sums));
	return ifaces;
}

static json_t *rule_json(const struct pp_plane *plane, const struct pp_ruleset_entry *entry)
{
	char text[PP_RULE_TEXT_BYTES];
	struct pp_rule_stats stats;

	pp_rule_format(&entry->rule, text, sizeof(text));
	pp_plane_rule_stats(plane, entry->slot, &stats);
	return json_pack("{s:I, s:I, s:s, s:s, s:I, s:I, s:I}", "id", (json_int_t)entry->id, "prio",
			 (json_int_t)entry->rule.prio, "name", entry->rule.name, "text", text,
			 "packets", (json_int_t)stats.pkts, "bytes", (json_int_t)stats.bytes,
			 "slot", (json_int_t)entry->slot);
}

static json_t *default_json(const struct pp_plane *plane)
{
	uint8_t verdict = pp_ruleset_default(pp_plane_rules(plane));
	struct pp_rule_stats stats;

	pp_plane_rule_stats(plane, PP_SLOT_DEFAULT, &stats);
	return json_pack("{s:i, s:n, s:s, s:s+, s:I, s:I, s:i}", "id", 0, "prio", "name", "",
			 "text", "default ", verdict_names[verdict], "packets",
			 (json_int_t)stats.pkts, "bytes", (json_int_t)stats.bytes, "slot",
			 PP_SLOT_DEFAULT);
}

static json_t *rules_json(const struct pp_plane *plane)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(pp_plane_rules(plane), 0);
	const struct pp_ruleset_entry *entry;
	json_t *list = json_array();

	while ((entry = pp_ruleset_next(&cursor)))
		json_array_append_new(list, rule_json(plane, entry));
	json_array_append_new(list, default_json(plane));
	return list;
}

static json_t *count_json(const struct pp_count_stats *count)
{
	json_t *object = json_object(), *sizes = json_array();

	for (uint32_t i = 0; i < PP_SIZE_BUCKETS; i++)
		json_array_append_new(sizes, number(count->size_pkts[i]));
	set_number(object, "packets", count->pkts);
	set_number(object, "bytes", count->bytes);
	json_object_set_new(object, "sizes", sizes);
	return object;
}

static json_t *source_json(const struct pp_source_stats *source)
{
	json_t *object = count_json(&source->count), *addr = json_null();
	char text[INET6_ADDRSTRLEN];

	if (source->family == PP_FAMILY_IP4)
		addr = json_string(inet_ntop(AF_INET, source->addr, text, sizeof(text)));
	else if (source->family == PP_FAMILY_IP6)
		addr = json_string(inet_ntop(AF_INET6, source->addr, text, sizeof(text)));
	json_object_set_new(object, "addr", addr);
	return object;
}

static void
add_sources(const struct pp_plane *plane, uint32_t consumer, uint32_t max, json_t *object)
{
	struct pp_source_stats *source = calloc(max ? max : 1, sizeof(*source));
	struct pp_count_stats other = {0};
	json_t *list = json_array();
	int count = source ? pp_plane_count_sources(plane, consumer, source, max, &other) : 0;

	for (int i = 0; i < count; i++)
		json_array_append_new(list, source_json(&source[i]));
	free(source);
	json_object_set_new(object, "sources", list);
	json_object_set_new(object, "other", count_json(&other));
}

// Of the rules that are in force, those whose packets came here.
static json_t *counted_rules(const struct pp_plane *plane, uint32_t consumer)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(pp_plane_rules(plane), 0);
	json_t *list = json_array(), *object;
	const struct pp_ruleset_entry *entry;
	struct pp_count_stats count;

	while ((entry = pp_ruleset_next(&cursor))) {
		if (pp_plane_count_rule(plane, consumer, entry->slot, &count) || !count.pkts)
			continue;
		object = count_json(&count);
		set_number(object, "id", entry->id);
		json_array_append_new(list, object);
	}
	return list;
}

// Packets of rules that were gone by the time they were counted.
static json_t *former_json(const struct pp_plane *plane, uint32_t consumer)
{
	struct pp_count_stats count = {0};

	pp_plane_count_rule(plane, consumer, PP_SLOT_FORMER, &count);
	return count_json(&count);
}

static json_t *consumer_json(const struct pp_plane *plane, uint32_t consumer, uint32_t sources)
{
	const struct pp_consumer_config *cfg = pp_plane_consumer(plane, consumer);
	json_t *object = pp_analyser_json(plane, consumer);

	if (!object)
		object = json_pack("{s:s, s:s}", "name", cfg->name, "kind",
				   pp_consumer_kind_name(cfg->kind));
	if (cfg->kind == PP_CONSUMER_FORWARD)
		json_object_set_new(object, "interface", json_string(cfg->forward_to));
	if (cfg->kind != PP_CONSUMER_COUNT)
		return object;
	json_object_set_new(object, "rules", counted_rules(plane, consumer));
	json_object_set_new(object, "former", former_json(plane, consumer));
	add_sources(plane, consumer, sources, object);
	return object;
}

static json_t *consumers_json(const struct pp_plane *plane, uint32_t sources)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < pp_plane_consumer_count(plane); i++)
		json_array_append_new(list, consumer_json(plane, i, sources));
	return list;
}

static json_t *workers_json(const struct pp_plane *plane)
{
	json_t *list = json_array();
	struct pp_worker_info info;

	for (uint32_t i = 0; i < pp_plane_worker_count(plane); i++) {
		pp_plane_worker(plane, i, &info);
		json_array_append_new(
			list, json_pack("{s:o, s:I, s:I, s:I, s:I}", "cpu",
					number_or_null(info.cpu), "loops", (json_int_t)info.loops,
					"idle_loops", (json_int_t)info.idle_loops, "sleeps",
					(json_int_t)info.sleeps, "kicks", (json_int_t)info.kicks));
	}
	return list;
}

static json_t *apply_json(const struct pp_plane *plane)
{
	struct pp_apply_stats stats;

	pp_plane_apply_stats(plane, &stats);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)stats.count,
			 "publish_ns", (json_int_t)stats.publish_ns, "total_ns",
			 (json_int_t)stats.total_ns, "loads", (json_int_t)stats.loads,
			 "image_bytes", (json_int_t)stats.image_bytes, "set_bytes",
			 (json_int_t)stats.set_bytes);
}

static json_t *cache_json(const struct pp_cache_stats *cache)
{
	return json_pack("{s:b, s:I, s:I, s:I}", "on", cache->on, "hits", (json_int_t)cache->hits,
			 "misses", (json_int_t)cache->misses, "bypassed",
			 (json_int_t)cache->bypassed);
}

static json_t *engine_json(const struct pp_plane *plane)
{
	struct pp_engine_info info;
	json_t *engine;

	pp_plane_engine_info(plane, &info);
	engine = json_pack("{s:s, s:s, s:o}", "name", info.name, "why", info.why, "cache",
			   cache_json(&info.cache));
	set_number(engine, "rules", info.rules);
	set_number(engine, "tables", info.tables);
	set_number(engine, "steps_max", info.steps_max);
	set_number(engine, "used_bytes", info.used_bytes);
	set_number(engine, "image_bytes", info.image_bytes);
	set_number(engine, "loads", info.loads);
	set_number(engine, "load_ns", info.load_ns);
	set_number(engine, "verified_insns", info.verified_insns);
	return engine;
}

static json_t *dumps_json(const struct pp_plane *plane)
{
	json_t *list = json_array();
	struct pp_dump_info info;

	for (uint32_t i = 0; i < PP_DUMPS_MAX; i++)
		if (!pp_plane_dump_get(plane, i, &info))
			json_array_append_new(
				list, json_pack("{s:I, s:I, s:I, s:I, s:I}", "dump", (json_int_t)i,
						"matched", (json_int_t)info.stats.matched, "lost",
						(json_int_t)info.stats.lost, "snap",
						(json_int_t)info.config.snap_bytes, "ring_bytes",
						(json_int_t)info.config.ring_bytes));
	return list;
}

static json_t *size_limits_json(void)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < PP_SIZE_BUCKETS - 1; i++)
		json_array_append_new(list, number(pp_size_bucket_max_bytes[i]));
	return list;
}

json_t *pp_stats_json(const struct pp_plane *plane, uint64_t uptime_s, uint32_t sources)
{
	const struct pp_ruleset *rules = pp_plane_rules(plane);
	struct sums sums = {.balanced = true};
	json_t *ifaces = ifaces_json(plane, &sums), *stats;

	stats = json_pack("{s:s, s:I, s:o, s:I, s:s, s:b, s:o, s:o, s:o}", "version", PP_VERSION,
			  "uptime_s", (json_int_t)uptime_s, "engine", engine_json(plane),
			  "generation", (json_int_t)pp_ruleset_generation(rules), "default",
			  verdict_names[pp_ruleset_default(rules)], "balanced", sums.balanced,
			  "in_flight", in_flight_json(&sums.total), "total",
			  ledger_json(&sums.total), "interfaces", ifaces);
	json_object_set_new(stats, "rules", rules_json(plane));
	json_object_set_new(stats, "size_max_bytes", size_limits_json());
	json_object_set_new(stats, "consumers", consumers_json(plane, sources));
	json_object_set_new(stats, "workers", workers_json(plane));
	json_object_set_new(stats, "apply", apply_json(plane));
	json_object_set_new(stats, "dumps", dumps_json(plane));
	return stats;
}
