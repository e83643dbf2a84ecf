// SPDX-License-Identifier: MIT OR Apache-2.0
#include "tap_run.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <linux/pkt_cls.h>

#include "parse.h"

#define DEFAULT_DROP "default drop\n"
#define HEX_BYTES 192u // of a packet in a message

static void bind_names(struct tap_run *run)
{
	for (uint32_t i = 0; i < TAP_RUN_IFACES; i++)
		strcpy(run->iface[i].name, rule_gen_iface[i]);
	for (uint32_t i = 0; i < RULE_GEN_CONSUMERS; i++) {
		struct pp_consumer_config *count = &run->consumer[i];
		struct pp_consumer_config *sink = &run->consumer[RULE_GEN_CONSUMERS + i];

		strcpy(count->name, rule_gen_copy_consumer[i]);
		count->kind = PP_CONSUMER_COUNT;
		strcpy(sink->name, rule_gen_route_consumer[i]);
		sink->kind = PP_CONSUMER_SINK;
	}
	run->bindings = (struct pp_bindings){
		run->iface, TAP_RUN_IFACES, run->consumer, TAP_RUN_CONSUMERS, NULL, 0, 0};
}

// Copies lie in the ring of the CPU that runs the program.
static int pin(uint32_t *cpu)
{
	int here = sched_getcpu();
	cpu_set_t set;

	if (here < 0)
		return -errno;
	*cpu = (uint32_t)here;
	CPU_ZERO(&set);
	CPU_SET(*cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static int open_ring(struct tap_run *run, struct pp_error *err)
{
	uint32_t cpu = 0;
	int ret = pin(&cpu);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "cannot pin to a CPU: %s", strerror(-ret));
	ret = pp_copy_ring_open(&run->ring, cpu, TAP_RUN_RING_BYTES, err);
	if (ret < 0)
		return ret;
	return pp_maps_set_copy_ring(&run->maps, &run->ring, err);
}

int tap_run_load(struct tap_run *run, uint32_t iface, struct pp_error *err)
{
	struct pp_tap_config config = {.frame_kind = tap_run_kind(iface),
				       .iface = iface,
				       .queue_base = iface * TAP_RUN_ROWS_IFACE,
				       .queue_count = TAP_RUN_ROWS_EACH,
				       .timestamps = iface == TAP_RUN_TIMED_IFACE};

	if (run->sent)
		return run->out_tap[iface] != NULL
			       ? 0
			       : pp_tap_out_open(&run->out_tap[iface], &run->maps, &config, err);
	if (run->tap[iface] != NULL)
		return 0;
	return pp_tap_open(&run->tap[iface], &run->maps, &config, err)
		       ?: pp_tap_load_frags(run->tap[iface], err);
}

int tap_run_rules(const char *text, struct pp_ruleset **out, struct pp_error *err)
{
	bool drop = strncmp(text, DEFAULT_DROP, strlen(DEFAULT_DROP)) == 0;
	struct pp_statements *statements = NULL;
	struct pp_ruleset *set = NULL;
	int ret = pp_ruleset_create(&set) ?: pp_statements_create(&statements);

	if (drop)
		text += strlen(DEFAULT_DROP);
	ret = ret ?: pp_statements_read(statements, text, strlen(text), NULL, 0, err);
	ret = ret ?: pp_statements_apply(statements, set, 0, NULL, NULL, NULL, err);
	if (ret == 0 && drop)
		ret = pp_ruleset_set_default(set, PP_VERDICT_DROP);
	pp_statements_destroy(statements);
	if (ret < 0)
		pp_ruleset_destroy(set);
	else
		*out = set;
	return ret;
}

static void close_taps(struct tap_run *run)
{
	for (uint32_t i = 0; i < TAP_RUN_IFACES; i++) {
		pp_tap_close(run->tap[i]);
		pp_tap_out_close(run->out_tap[i]);
		run->tap[i] = NULL;
		run->out_tap[i] = NULL;
	}
}

// What outgrows the images needs programs that are loaded again: at the next shot.
static int
reshape(struct tap_run *run, const struct pp_ruleset *set, uint32_t *rule_id, struct pp_error *err)
{
	struct pp_images old;
	int ret = pp_maps_reshape(&run->maps, run->engine, set, &run->bindings, &old, rule_id, err);

	if (ret < 0)
		return ret;
	pp_maps_retire(&run->maps, &old);
	close_taps(run);
	return 0;
}

int tap_run_publish(struct tap_run *run, struct pp_ruleset *set, struct pp_error *err)
{
	uint32_t rule_id;
	int ret;

	if (set != run->rules)
		pp_ruleset_destroy(run->rules);
	run->rules = set;
	ret = pp_maps_publish(&run->maps, run->engine, set, &run->bindings, &rule_id, err);
	return ret == -ENOBUFS ? reshape(run, set, &rule_id, err) : ret;
}

int tap_run_publish_text(struct tap_run *run, const char *rules, struct pp_error *err)
{
	struct pp_ruleset *set = NULL;
	int ret = tap_run_rules(rules, &set, err);

	return ret < 0 ? ret : tap_run_publish(run, set, err);
}

int tap_run_open(struct tap_run *run, const char *rules, struct pp_error *err)
{
	return tap_run_open_engine(run, "linear", PP_CACHE_OFF, rules, err);
}

int tap_run_open_engine(struct tap_run *run,
			const char *engine,
			uint8_t cache,
			const char *rules,
			struct pp_error *err)
{
	return tap_run_open_with(run, pp_engine_find(engine), cache, rules, err);
}

int tap_run_open_with(struct tap_run *run,
		      const struct pp_engine *engine,
		      uint8_t cache,
		      const char *rules,
		      struct pp_error *err)
{
	struct pp_ruleset *set = NULL;
	int ret;

	memset(run, 0, sizeof(*run));
	run->ring.map_fd = -1;
	bind_names(run);
	run->engine = engine;
	ret = tap_run_rules(rules ?: "", &set, err);
	if (ret < 0)
		return ret;
	run->rules = set;
	ret = pp_maps_init(&run->maps, TAP_RUN_ROWS, TAP_RUN_RING_BYTES, err);
	run->maps.cache_mode = cache;
	if (ret < 0) {
		pp_ruleset_destroy(set);
		return ret;
	}
	ret = open_ring(run, err);
	if (ret == 0)
		ret = tap_run_publish(run, set, err);
	if (ret < 0)
		tap_run_close(run);
	return ret;
}

void tap_run_close(struct tap_run *run)
{
	close_taps(run);
	pp_copy_ring_close(&run->ring);
	pp_maps_fini(&run->maps);
	pp_ruleset_destroy(run->rules);
	run->rules = NULL;
}

static int shoot_sent(struct tap_run *run, uint32_t iface, const uint8_t *data, uint32_t bytes)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = bytes,
		    .data_out = run->out, .data_size_out = sizeof(run->out), .repeat = 1);
	struct pp_error err;
	int ret = tap_run_load(run, iface, &err);

	if (ret < 0)
		return ret;
	if (bpf_prog_test_run_opts(pp_tap_out_prog_fd(run->out_tap[iface]), &opts))
		return -errno;
	run->out_bytes = opts.data_size_out;
	return opts.retval == TC_ACT_SHOT		? XDP_DROP
	       : opts.retval == (uint32_t)TC_ACT_UNSPEC ? XDP_PASS
							: -EPROTO;
}

int tap_run_shoot(
	struct tap_run *run, uint32_t iface, bool frags, const uint8_t *data, uint32_t bytes)
{
	static uint8_t in[TAP_RUN_OUT_BYTES];
	struct xdp_md ctx = {.data = run->meta_bytes,
			     .data_end = run->meta_bytes + (run->linear_bytes ?: bytes),
			     .ingress_ifindex = run->ifindex,
			     .rx_queue_index = run->queue};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = run->meta_bytes + bytes,
		    .data_out = run->out, .data_size_out = sizeof(run->out), .repeat = 1);
	struct pp_error err;
	int ret;

	if (run->sent)
		return shoot_sent(run, iface, data, bytes);
	ret = tap_run_load(run, iface, &err);
	if (ret < 0)
		return ret;
	memset(in, 0xee, run->meta_bytes);
	memcpy(in + run->meta_bytes, data, bytes);
	if (run->ifindex || run->queue || run->meta_bytes || run->linear_bytes) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	if (bpf_prog_test_run_opts(pp_tap_prog_fd(run->tap[iface], frags), &opts))
		return -errno;
	run->out_bytes = opts.data_size_out;
	return (int)opts.retval;
}

uint32_t tap_run_match(const struct tap_run *run, const struct pp_key *key)
{
	const struct pp_images *images = &run->maps.images;
	const struct pp_image_layout *layout = &images->layout;
	const uint8_t *half =
		images->element + PP_IMAGE_HALVES_AT + images->in_force * layout->half_bytes;

	return pp_parse_linear_match((const void *)(half + layout->body_at), (const void *)half,
				     half + layout->sets_at, (uint32_t)layout->set_bytes, key);
}

static void read_counters(const struct tap_run *run, struct tap_run_counters *out)
{
	memset(out->row, 0, sizeof(out->row));
	for (uint32_t row = 0; row < TAP_RUN_ROWS; row++)
		pp_kernel_counts_queue(&run->maps.counts, row, &out->row[row]);
	for (uint32_t slot = 0; slot < TAP_RUN_SLOTS; slot++)
		pp_kernel_counts_rule(&run->maps.counts, slot, &out->rule[slot]);
}

void tap_run_sync(struct tap_run *run)
{
	read_counters(run, &run->before);
}

// What the counters were before, and what the packet must have added.
static void expect_row(struct tap_run_counters *want,
		       uint32_t row,
		       uint32_t bytes,
		       const struct tap_run_fate *fate)
{
	uint64_t *v = want->row[row].v;

	v[PP_COUNT_SEEN]++;
	v[PP_COUNT_SEEN_BYTES] += bytes;
	v[fate->exit]++;
	if (fate->beside != 0)
		v[fate->beside]++;
}

static void expect_rule(const struct tap_run *run,
			struct tap_run_counters *want,
			uint32_t bytes,
			uint32_t rule_id)
{
	const struct pp_ruleset_entry *entry;
	uint32_t slot;

	// The default action is about what is received.
	if (rule_id == TAP_RUN_UNJUDGED || (run->sent && rule_id == 0))
		return;
	entry = pp_ruleset_find(run->rules, rule_id);
	slot = entry != NULL ? entry->slot : PP_SLOT_DEFAULT;
	want->rule[slot].pkts++;
	want->rule[slot].bytes += bytes;
}

static bool row_differs(struct tap_run *run, const struct tap_run_counters *want, uint32_t row)
{
	for (int i = 0; i < PP_LEDGER_COLUMNS; i++) {
		long more = (long)(run->before.row[row].v[i] - want->row[row].v[i]);

		if (more == 0)
			continue;
		snprintf(run->text, sizeof(run->text), "row %u: %s is off by %+ld", row,
			 pp_ledger_name((enum pp_ledger_column)i), more);
		return true;
	}
	return false;
}

static bool rule_differs(struct tap_run *run, const struct tap_run_counters *want, uint32_t slot)
{
	const struct pp_rule_stats *got = &run->before.rule[slot];

	if (got->pkts == want->rule[slot].pkts && got->bytes == want->rule[slot].bytes)
		return false;
	snprintf(run->text, sizeof(run->text), "slot %u: off by %+ld packets, %+ld bytes", slot,
		 (long)(got->pkts - want->rule[slot].pkts),
		 (long)(got->bytes - want->rule[slot].bytes));
	return true;
}

static bool counters_differ(struct tap_run *run, const struct tap_run_counters *want)
{
	read_counters(run, &run->before);
	for (uint32_t row = 0; row < TAP_RUN_ROWS; row++)
		if (row_differs(run, want, row))
			return true;
	for (uint32_t slot = 0; slot < TAP_RUN_SLOTS; slot++)
		if (rule_differs(run, want, slot))
			return true;
	return false;
}

const char *tap_run_differs(struct tap_run *run,
			    uint32_t iface,
			    bool frags,
			    const uint8_t *data,
			    uint32_t bytes,
			    const struct tap_run_fate *fate)
{
	static struct tap_run_counters want;
	uint32_t queue = run->queue < TAP_RUN_ROWS_EACH ? run->queue : TAP_RUN_ROWS_EACH - 1;
	int verdict;
	size_t len;

	if (run->sent)
		queue = TAP_RUN_ROWS_EACH;
	want = run->before;
	expect_row(&want, iface * TAP_RUN_ROWS_IFACE + queue, bytes, fate);
	expect_rule(run, &want, bytes, fate->rule_id);
	verdict = tap_run_shoot(run, iface, frags, data, bytes);
	if (verdict < 0)
		snprintf(run->text, sizeof(run->text), "test run: %s", strerror(-verdict));
	else if (verdict != (int)fate->verdict)
		snprintf(run->text, sizeof(run->text), "verdict is %d, not %u", verdict,
			 fate->verdict);
	else if (!counters_differ(run, &want))
		return NULL;
	read_counters(run, &run->before);
	len = strlen(run->text);
	len += (size_t)snprintf(run->text + len, sizeof(run->text) - len, " (%s, %s, %u bytes): ",
				run->sent ? "tc"
				: frags	  ? "xdp.frags"
					  : "xdp",
				rule_gen_iface[iface], bytes);
	packet_hex(data, bytes < HEX_BYTES ? bytes : HEX_BYTES, run->text + len,
		   (uint32_t)(sizeof(run->text) - len));
	return run->text;
}

const char *tap_run_both_differ(struct tap_run *run,
				uint32_t iface,
				const struct packet *packet,
				const struct tap_run_fate *fate)
{
	const char *text = NULL;

	if (packet->len_bytes <= TAP_RUN_LINEAR_MAX)
		text = tap_run_differs(run, iface, false, packet->data, packet->len_bytes, fate);
	if (text != NULL)
		return text;
	return tap_run_differs(run, iface, true, packet->data, packet->len_bytes, fate);
}

const struct pp_meta *tap_run_record(struct tap_run *run)
{
	const struct pp_meta *record;

	pp_copy_ring_release(&run->ring);
	return pp_copy_ring_burst(&run->ring, &record, 1) == 1 ? record : NULL;
}

int tap_run_enter_queues(struct tap_run *run, uint32_t queues)
{
	char command[200];

	if (unshare(CLONE_NEWNET))
		return -errno;
	snprintf(command, sizeof(command),
		 "ip link add bpftest0 numrxqueues %u numtxqueues %u type veth peer name bpftest1",
		 queues, queues);
	if (system(command) != 0)
		return -EIO;
	run->ifindex = if_nametoindex("bpftest0");
	return run->ifindex != 0 ? 0 : -errno;
}

int tap_run_add_socket(struct tap_run *run, uint32_t iface, uint32_t queue, int *fd)
{
	uint32_t row = iface * TAP_RUN_ROWS_IFACE + queue;
	int slots = 64;

	*fd = socket(AF_XDP, SOCK_RAW, 0);
	if (*fd < 0 || setsockopt(*fd, SOL_XDP, XDP_RX_RING, &slots, sizeof(slots)) ||
	    bpf_map_update_elem(run->maps.xsks_fd, &row, fd, BPF_ANY))
		return -errno;
	return 0;
}
