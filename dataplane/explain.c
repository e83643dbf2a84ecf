// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/explain.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "caps.h"
#include "copy_ring.h"
#include "engine.h"
#include "maps.h"
#include "parse.h"
#include "tap.h"
#include "tap_out.h"

// More than one buffer of any kernel; as much as a test run takes everywhere.
#define PROBE_BYTES 16384u
// Up to here every kernel takes a packet in several buffers.
#define TEST_RUN_BYTES 65536u
#define TEST_RUN_OUT_BYTES 3000u
// The test run of a tc program may refuse what is shorter than the headers that it seems to have.
#define OUT_BYTES_MIN (14u + 40u)
// No interface of a configuration has this index.
#define IFACE_NONE PP_IFACES_MAX

struct pp_explain {
	struct pp_ruleset *rules;
	const struct pp_ruleset_entry *by_slot[PP_SLOTS_MAX]; // in rules
	struct pp_maps maps;
	struct pp_engine own; // of the user; else not used
	struct pp_tap *tap; // of one direction
	struct pp_tap_out *out;
	uint32_t row; // that counts: what is sent has its own
	uint32_t frame_kind;
	uint32_t iface;
	uint32_t linear_bytes; // of a packet in its first buffer, at most
	uint32_t cpu; // that ran the last packet
	uint8_t *before; // counters as they were after it
};

static int no_memory(struct pp_error *err)
{
	return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
}

static const struct pp_count_memory *counts_now(const struct pp_explain *explain)
{
	return &explain->maps.counts.now;
}

static struct pp_count_memory counts_before(const struct pp_explain *explain)
{
	struct pp_count_memory before = *counts_now(explain);

	before.bytes = explain->before;
	return before;
}

static const struct pp_queue_row *queue_now(const struct pp_explain *explain, uint32_t cpu)
{
	return pp_kernel_counts_queue_of(counts_now(explain), cpu, explain->row);
}

static const struct pp_queue_row *queue_before(const struct pp_explain *explain, uint32_t cpu)
{
	const struct pp_count_memory before = counts_before(explain);

	return pp_kernel_counts_queue_of(&before, cpu, explain->row);
}

static bool ran_on(struct pp_explain *explain, uint32_t cpu)
{
	return queue_now(explain, cpu)->count[PP_COUNT_SEEN] !=
	       queue_before(explain, cpu)->count[PP_COUNT_SEEN];
}

// Find the CPU that ran a packet: where the last one ran, as a rule.
static void find_cpu(struct pp_explain *explain)
{
	for (uint32_t i = 0; i < explain->maps.counts.cpu_count && !ran_on(explain, explain->cpu);
	     i++)
		explain->cpu = (explain->cpu + 1) % explain->maps.counts.cpu_count;
}

static void remember(struct pp_explain *explain)
{
	const struct pp_count_memory *now = counts_now(explain);
	uint64_t at = explain->cpu * now->layout.cpu_bytes;

	memcpy(explain->before + at, now->bytes + at, now->layout.cpu_bytes);
}

// Run the program once.
//
// @param verdict  Set to XDP_* or TC_ACT_*.
// @return         0; -errno.
static int shoot(const struct pp_explain *explain,
		 bool frags,
		 const uint8_t *data,
		 uint32_t bytes,
		 int *verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = bytes, .repeat = 1);
	struct pp_error unused;
	int fd, ret = 0;

	if (explain->out == NULL && frags)
		ret = pp_tap_load_frags(explain->tap, &unused);
	if (ret < 0)
		return ret;
	fd = explain->out != NULL ? pp_tap_out_prog_fd(explain->out)
				  : pp_tap_prog_fd(explain->tap, frags);
	if (bpf_prog_test_run_opts(fd, &opts))
		return -errno;
	*verdict = (int)opts.retval;
	return 0;
}

// How much of a packet the kernel puts into the first buffer, which is all that the parser sees. The
// plain program takes it for the whole packet.
static int measure_linear(struct pp_explain *explain, struct pp_error *err)
{
	static const uint8_t probe[PROBE_BYTES];
	int ret, verdict;

	// What is sent is read wherever it lies.
	if (explain->out != NULL) {
		explain->linear_bytes = PP_COPY_BYTES_MAX;
		return 0;
	}
	ret = shoot(explain, false, probe, sizeof(probe), &verdict);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "the kernel cannot run the program: %s",
				    strerror(-ret));
	find_cpu(explain);
	explain->linear_bytes =
		(uint32_t)queue_now(explain, explain->cpu)->count[PP_COUNT_SEEN_BYTES];
	remember(explain);
	return 0;
}

static int copy_rules(struct pp_explain *explain, const struct pp_ruleset *rules)
{
	int ret = pp_ruleset_copy(&explain->rules, rules);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < pp_ruleset_count(explain->rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(explain->rules, i);

		explain->by_slot[entry->slot] = entry;
	}
	return 0;
}

static int load(struct pp_explain *explain,
		const struct pp_explain_config *config,
		uint32_t *rule_id,
		struct pp_error *err)
{
	const struct pp_bindings bindings = {
		.iface = config->iface,
		.iface_count = config->iface_count,
		.consumer = config->consumer,
		.consumer_count = config->consumer_count,
		.copy = config->copy,
		.route = config->route,
	};
	const struct pp_tap_config tap = {
		.frame_kind = explain->frame_kind, .iface = explain->iface, .queue_count = 1};
	const struct pp_engine *engine =
		pp_engine_pick(config->engine, NULL, pp_ruleset_count(explain->rules));
	const struct pp_engine *simpler;
	int ret;

	if (config->own.ops != NULL) {
		explain->own = pp_engine_of(&config->own);
		engine = &explain->own;
	}
	if (engine == NULL)
		return pp_error_set(err, -EINVAL, 0, 0, "no engine is named '%s'; expected %s",
				    config->engine, pp_engine_names());
	ret = pp_maps_init(&explain->maps, 2, PP_COPY_RING_BYTES_MIN, err);
	ret = ret
		      ?: pp_maps_reshape_unread(&explain->maps, engine, explain->rules, &bindings,
						rule_id, err);
	simpler = pp_engine_simpler(config->engine, engine, pp_ruleset_count(explain->rules));
	if (ret == -E2BIG && simpler != NULL)
		ret = pp_maps_reshape_unread(&explain->maps, simpler, explain->rules, &bindings,
					     rule_id, err);
	if (ret == 0 && config->direction == PP_DIRECTION_OUT)
		ret = pp_tap_out_open(&explain->out, &explain->maps, &tap, err);
	else if (ret == 0)
		ret = pp_tap_open(&explain->tap, &explain->maps, &tap, err);
	if (ret < 0)
		return ret;
	explain->before =
		calloc(explain->maps.counts.cpu_count, counts_now(explain)->layout.cpu_bytes);
	return explain->before != NULL ? measure_linear(explain, err) : no_memory(err);
}

int pp_explain_open(struct pp_explain **out,
		    const struct pp_explain_config *config,
		    const struct pp_ruleset *rules,
		    uint32_t *rule_id,
		    struct pp_error *err)
{
	struct pp_explain *explain;
	uint32_t ignored;
	int ret = pp_caps_check(err);

	rule_id = rule_id ?: &ignored;
	*rule_id = 0;
	if (ret < 0)
		return ret;
	explain = calloc(1, sizeof(*explain));
	if (explain == NULL)
		return no_memory(err);
	pp_maps_clear(&explain->maps);
	explain->frame_kind = config->frame_kind;
	explain->iface = config->in < 0 ? IFACE_NONE : (uint32_t)config->in;
	explain->row = config->direction == PP_DIRECTION_OUT;
	ret = copy_rules(explain, rules) < 0 ? no_memory(err) : load(explain, config, rule_id, err);
	if (ret < 0)
		pp_explain_close(explain);
	else
		*out = explain;
	return ret;
}

void pp_explain_close(struct pp_explain *explain)
{
	if (explain == NULL)
		return;
	pp_tap_close(explain->tap);
	pp_tap_out_close(explain->out);
	pp_maps_fini(&explain->maps);
	pp_ruleset_destroy(explain->rules);
	free(explain->before);
	free(explain);
}

static int contradiction(struct pp_error *err, const char *what, long got, long want)
{
	return pp_error_set(
		err, -EPROTO, 0, 0,
		"a bug in push-packet: the XDP program contradicts the rules: %s is %ld "
		"and should be %ld",
		what, got, want);
}

// What the rules' counters say.
//
// @param slot  Set to the one that counted.
// @return      How many counted.
static uint32_t slots_counted(struct pp_explain *explain, uint32_t *slot)
{
	const struct pp_count_memory memory = counts_before(explain);
	const struct pp_rule_row *now =
		pp_kernel_counts_rule_of(counts_now(explain), explain->cpu, 0);
	const struct pp_rule_row *before = pp_kernel_counts_rule_of(&memory, explain->cpu, 0);
	uint32_t slots = pp_ruleset_slots(explain->rules), count = 0;

	for (uint32_t i = 0; i < slots; i++)
		if (now[i].pkts != before[i].pkts) {
			*slot = i;
			count++;
		}
	return count;
}

static int judged_by(struct pp_explain *explain, struct pp_explanation *out, struct pp_error *err)
{
	uint32_t slot = PP_SLOT_DEFAULT;
	uint32_t count = slots_counted(explain, &slot), want = out->unparsed ? 0 : 1;

	// The default action is not for what is sent, and does not count it.
	if (explain->out != NULL && count == 0)
		return 0;
	if (count != want)
		return contradiction(err, "the number of rules that counted the packet", count,
				     want);
	out->rule = explain->by_slot[slot];
	if (out->rule == NULL && slot != PP_SLOT_DEFAULT)
		return contradiction(err, "the rule's slot", slot, PP_SLOT_DEFAULT);
	if (out->rule != NULL) {
		out->verdict = out->rule->rule.verdict;
		out->copy = out->rule->rule.copy;
	} else if (!out->unparsed) {
		out->verdict = pp_ruleset_default(explain->rules);
	}
	return 0;
}

// The counter that a verdict moves where there is neither socket nor ring.
static enum pp_count exit_of(uint8_t verdict)
{
	static const enum pp_count exit[PP_VERDICT_COUNT] = {
		[PP_VERDICT_PASS] = PP_COUNT_PASSED,
		[PP_VERDICT_DROP] = PP_COUNT_DROPPED,
		[PP_VERDICT_ROUTE] = PP_COUNT_ROUTE_NO_SOCKET,
	};

	return exit[verdict];
}

// What became of a copy: there is no ring, and a meter may have said no before that showed.
static enum pp_count copy_of(const struct pp_rule *rule,
			     const struct pp_queue_row *now,
			     const struct pp_queue_row *before)
{
	if (rule->sample != 0 &&
	    now->count[PP_COUNT_COPY_SAMPLED_OUT] != before->count[PP_COUNT_COPY_SAMPLED_OUT])
		return PP_COUNT_COPY_SAMPLED_OUT;
	if (rule->limit_per_s != 0 &&
	    now->count[PP_COUNT_COPY_LIMITED] != before->count[PP_COUNT_COPY_LIMITED])
		return PP_COUNT_COPY_LIMITED;
	return PP_COUNT_COPY_NO_RING;
}

// Whether the program did and counted what the explanation says, and nothing else.
static int check(struct pp_explain *explain,
		 const struct pp_explanation *said,
		 uint32_t bytes,
		 int verdict,
		 struct pp_error *err)
{
	const struct pp_queue_row *now = queue_now(explain, explain->cpu);
	struct pp_queue_row want = *queue_before(explain, explain->cpu);
	int want_verdict = said->verdict == PP_VERDICT_DROP ? XDP_DROP : XDP_PASS;

	if (explain->out != NULL)
		want_verdict = said->verdict == PP_VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;

	want.count[PP_COUNT_SEEN]++;
	want.count[PP_COUNT_SEEN_BYTES] += bytes;
	want.count[exit_of(said->verdict)]++;
	if (said->unparsed)
		want.count[said->unparsed]++;
	if (said->copy)
		want.count[copy_of(&said->rule->rule, now, queue_before(explain, explain->cpu))]++;
	for (int i = 0; i < PP_COUNT_END; i++)
		if (now->count[i] != want.count[i])
			return contradiction(err, pp_ledger_name((enum pp_ledger_column)i),
					     (long)now->count[i], (long)want.count[i]);
	return verdict == want_verdict ? 0
				       : contradiction(err, "the verdict", verdict, want_verdict);
}

static int run(struct pp_explain *explain,
	       const uint8_t *data,
	       uint32_t bytes,
	       struct pp_explanation *out,
	       struct pp_error *err)
{
	int verdict = 0;
	int ret = shoot(explain, bytes > explain->linear_bytes, data, bytes, &verdict);

	// More buffers than a packet can have; of what is sent, more than one page.
	if ((ret == -ENOMEM && bytes > TEST_RUN_BYTES) ||
	    (ret == -EINVAL && explain->out != NULL && bytes > TEST_RUN_OUT_BYTES))
		return pp_error_set(err, -EMSGSIZE, 0, 0, "too long for the kernel's test run");
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "the kernel cannot run the program: %s",
				    strerror(-ret));
	find_cpu(explain);
	ret = judged_by(explain, out, err) ?: check(explain, out, bytes, verdict, err);
	remember(explain);
	return ret;
}

int pp_explain_packet(struct pp_explain *explain,
		      const uint8_t *data,
		      uint32_t bytes,
		      struct pp_explanation *out,
		      struct pp_error *err)
{
	uint32_t linear_bytes = bytes < explain->linear_bytes ? bytes : explain->linear_bytes;
	uint8_t padded[OUT_BYTES_MIN] = {0};
	int ret = -EINVAL;

	*out = (struct pp_explanation){.verdict = PP_VERDICT_PASS};
	out->unparsed = (uint32_t)pp_parse_packet(
		explain->frame_kind, explain->iface | (explain->out != NULL ? PP_IFACE_OUT : 0),
		data, linear_bytes, &out->key);
	if (bytes >= PP_EXPLAIN_BYTES_MIN)
		ret = run(explain, data, bytes, out, err);
	if (ret != -EINVAL || bytes >= OUT_BYTES_MIN)
		return ret;
	out->too_short = true;
	if (out->unparsed)
		return 0;
	memcpy(padded, data, bytes);
	return run(explain, padded, explain->out != NULL ? OUT_BYTES_MIN : PP_EXPLAIN_BYTES_MIN,
		   out, err);
}

static void put_ip4(struct pp_prefix *prefix, uint32_t addr)
{
	addr = htobe32(addr);
	*prefix = (struct pp_prefix){.family = PP_FAMILY_IP4, .len_bits = 32};
	memcpy(prefix->addr, &addr, sizeof(addr));
}

static void put_ip6(struct pp_prefix *prefix, const __u64 addr[2])
{
	*prefix = (struct pp_prefix){.family = PP_FAMILY_IP6, .len_bits = 128};
	memcpy(prefix->addr, addr, sizeof(prefix->addr));
}

static struct pp_ports one_port(uint64_t port)
{
	return (struct pp_ports){.set = true, .lo = (uint16_t)port, .hi = (uint16_t)port};
}

void pp_explain_rule_for(const struct pp_explanation *explanation,
			 const char *on,
			 struct pp_rule *out)
{
	const struct pp_key *key = &explanation->key;

	*out = (struct pp_rule){.prio = PP_PRIO_DEFAULT,
				.verdict = PP_VERDICT_PASS,
				.take_bytes = PP_TAKE_ALL,
				.family = (uint8_t)key->word,
				.direction =
					key->word & PP_KEY_OUT ? PP_DIRECTION_OUT : PP_DIRECTION_IN,
				.proto = -1};
	strncpy(out->on, on, sizeof(out->on) - 1);
	if (out->family == PP_FAMILY_NONE)
		return;
	if (out->family == PP_FAMILY_IP4) {
		put_ip4(&out->src, (uint32_t)(key->addr[0] >> 32));
		put_ip4(&out->dst, (uint32_t)key->addr[0]);
	} else {
		put_ip6(&out->src, &key->addr[0]);
		put_ip6(&out->dst, &key->addr[2]);
	}
	if (!explanation->unparsed)
		out->proto = (uint8_t)(key->word >> PP_KEY_PROTO_SHIFT);
	if (key->word >> PP_KEY_FLAGS_SHIFT & PP_KEY_PORTS) {
		out->sport = one_port(key->word >> PP_KEY_SPORT_SHIFT);
		out->dport = one_port(key->word >> PP_KEY_DPORT_SHIFT);
	}
}
