// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules exchanged in a running plane, on a veth pair in a network namespace of the test's own.
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/plane.h>

#include "packet.h"

#define PACED 64u // packets that veth holds without losing one
#define SETTLED_POLLS 5000 // of a millisecond

enum { COUNTER, SINK, MIRROR, THREAD }; // consumers by index

static struct pp_plane *plane;
static struct pp_where where;
static struct pp_error err;
static int sender = -1; // on the other end

static void init(void)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET};

	cr_assert_eq(unshare(CLONE_NEWNET), 0, "needs root");
	cr_assert_eq(system("ip link add C0 type veth peer name C1 && "
			    "ip link set C0 addrgenmode none up && "
			    "ip link set C1 addrgenmode none up"),
		     0);
	sender = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	to.sll_ifindex = (int)if_nametoindex("C1");
	cr_assert_eq(bind(sender, (struct sockaddr *)&to, sizeof(to)), 0);
}

static void fini(void)
{
	pp_plane_close(plane);
	close(sender);
}

TestSuite(apply, .init = init, .fini = fini, .timeout = 60);

static void open_plane(const char *rule)
{
	struct pp_iface_config iface = {.name = "C0", .bind = PP_BIND_COPY, .queues_all = true};
	struct pp_consumer_config consumer[] = {
		[COUNTER] = {.name = "counter", .kind = PP_CONSUMER_COUNT, .cpu = -1},
		[SINK] = {.name = "sink", .kind = PP_CONSUMER_SINK, .cpu = -1},
		[MIRROR] = {.name = "mirror", .kind = PP_CONSUMER_REFLECT, .cpu = -1},
		[THREAD] = {.name = "thread", .kind = PP_CONSUMER_COUNT, .threads = 1, .cpu = -1},
	};
	struct pp_plane_config config;
	struct pp_ruleset *rules;
	struct pp_rule parsed;
	int ret;

	pp_plane_config_init(&config);
	config.iface_count = 1;
	config.iface = &iface;
	config.consumer_count = 4;
	config.consumer = consumer;
	config.worker_count = 1;
	cr_assert_eq(pp_ruleset_create(&rules), 0);
	if (rule != NULL) {
		cr_assert_eq(pp_rule_parse(rule, &parsed, &err), 0, "%s", err.text);
		pp_ruleset_add(rules, &parsed, PP_ORIGIN_CONFIG, 0, NULL, &err);
	}
	ret = pp_plane_open(&plane, &config, rules, &where, &err);
	pp_ruleset_destroy(rules);
	cr_assert_eq(ret, 0, "%s", err.text);
}

static void start_plane(const char *rule)
{
	open_plane(rule);
	cr_assert_eq(pp_plane_start(plane, &err), 0, "%s", err.text);
}

// Remove a rule and add another, in one change.
//
// @param remove  Its id; 0: none.
// @param add     NULL: none.
// @return        What pp_plane_apply() does.
static int change(uint32_t remove, const char *add, uint32_t *id)
{
	struct pp_ruleset *rules;
	struct pp_rule rule;
	int ret;

	cr_assert_eq(pp_ruleset_copy(&rules, pp_plane_rules(plane)), 0);
	pp_ruleset_settle(rules);
	if (remove != 0)
		cr_assert_eq(pp_ruleset_remove(rules, remove, &err), 0, "%s", err.text);
	if (add != NULL) {
		cr_assert_eq(pp_rule_parse(add, &rule, &err), 0, "%s", err.text);
		ret = pp_ruleset_add(rules, &rule, PP_ORIGIN_COMMAND, 0, id, &err);
		cr_assert_eq(ret, 0, "%s", err.text);
	}
	ret = pp_plane_apply(plane, rules, &where, &err);
	if (ret < 0)
		pp_ruleset_destroy(rules);
	return ret;
}

// The change is made.
//
// @return  The id of the rule that was added.
static uint32_t changed(uint32_t remove, const char *add)
{
	uint32_t id = 0;
	int ret = change(remove, add, &id);

	cr_assert_eq(ret, 0, "%s", err.text);
	return id;
}

static uint32_t slot_of(uint32_t id)
{
	const struct pp_ruleset_entry *entry = pp_ruleset_find(pp_plane_rules(plane), id);

	cr_assert_not_null(entry, "no rule %u is in force", id);
	return entry->slot;
}

static uint64_t judged(uint32_t id)
{
	struct pp_rule_stats stats;

	pp_plane_rule_stats(plane, slot_of(id), &stats);
	return stats.pkts;
}

static uint64_t counted_in(uint32_t consumer, uint32_t slot)
{
	struct pp_count_stats stats;

	cr_assert_eq(pp_plane_count_rule(plane, consumer, slot, &stats), 0);
	return stats.pkts;
}

static uint64_t counted(uint32_t consumer, uint32_t id)
{
	return counted_in(consumer, slot_of(id));
}

static uint64_t total(enum pp_ledger_column column)
{
	struct pp_ledger_row row;

	pp_plane_total(plane, &row);
	return row.v[column];
}

static void pause_ms(void)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};

	nanosleep(&pause, NULL);
}

static void wait_seen(uint64_t packets)
{
	int polls = 0;

	while (total(PP_LEDGER_SEEN) < packets && polls++ < SETTLED_POLLS)
		pause_ms();
	cr_assert_eq(total(PP_LEDGER_SEEN), packets);
}

static void settle(void)
{
	const struct pp_ledger_in_flight none = {0};
	struct pp_ledger_in_flight flight;
	struct pp_ledger_row row;
	int polls = 0;

	do {
		pause_ms();
		pp_plane_total(plane, &row);
		pp_ledger_in_flight(&row, &flight);
	} while (memcmp(&flight, &none, sizeof(none)) != 0 && polls++ < SETTLED_POLLS);
	cr_assert_arr_eq(&flight, &none, sizeof(none));
}

static void send_packets(uint16_t dport, uint32_t count)
{
	uint64_t before = total(PP_LEDGER_SEEN);
	static struct packet packet;

	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, dport);
	for (uint32_t i = 1; i <= count; i++) {
		cr_assert_eq(send(sender, packet.data, packet.len_bytes, 0), packet.len_bytes);
		if (i % PACED == 0)
			wait_seen(before + i);
	}
	wait_seen(before + count);
}

static void send_settled(uint16_t dport, uint32_t count)
{
	send_packets(dport, count);
	settle();
}

static struct flood {
	pthread_t thread;
	struct packet packet;
	bool stop;
} flood;

static void *run_flood(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&flood.stop, __ATOMIC_RELAXED))
		if (send(sender, flood.packet.data, flood.packet.len_bytes, 0) < 0)
			sched_yield();
	return NULL;
}

static void begin_flood(uint16_t dport)
{
	packet_udp(&flood.packet, "192.0.2.1", "198.51.100.1", 1, dport);
	cr_assert_eq(pthread_create(&flood.thread, NULL, run_flood, NULL), 0);
}

static void end_flood(void)
{
	__atomic_store_n(&flood.stop, true, __ATOMIC_RELAXED);
	pthread_join(flood.thread, NULL);
	settle();
}

// No file can be opened any more: nothing can be published.
static void limit_files(struct rlimit *before)
{
	struct rlimit none;

	getrlimit(RLIMIT_NOFILE, before);
	none = (struct rlimit){0, before->rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

Test(apply, counters_of_a_rule_that_stays_go_on)
{
	uint32_t kept, other;

	start_plane("copy take 64 to counter proto udp dport 9");
	kept = pp_ruleset_at(pp_plane_rules(plane), 0)->id;
	send_settled(9, 100);
	other = changed(0, "drop proto udp dport 10");
	send_settled(9, 50);
	changed(other, "drop prio 1 proto tcp");
	send_settled(9, 7);
	cr_expect_eq(judged(kept), 157);
	cr_expect_eq(counted(COUNTER, kept), 157);
}

static void check_slot_from_zero(uint32_t consumer, const char *rule)
{
	uint32_t id = changed(0, rule);

	send_settled(9, 100);
	for (uint32_t i = 1; i <= 5; i++) {
		uint32_t slot = slot_of(id);

		cr_expect_eq(judged(id), 100 * i);
		cr_expect_eq(counted(consumer, id), 100 * i);
		changed(id, NULL);
		id = changed(0, rule);
		cr_expect_eq(slot_of(id), slot, "the smallest free slot");
		cr_expect_eq(judged(id), 0);
		cr_expect_eq(counted(consumer, id), 0);
		send_settled(9, 100 * (i + 1));
	}
	cr_expect_eq(counted_in(consumer, PP_SLOT_FORMER), 0);
	changed(id, NULL);
}

Test(apply, new_rule_in_a_used_slot_counts_from_zero)
{
	start_plane(NULL);
	check_slot_from_zero(COUNTER, "copy take 64 to counter proto udp dport 9");
	check_slot_from_zero(THREAD, "copy take 64 to thread proto udp dport 9");
	check_slot_from_zero(COUNTER, "route to counter proto udp dport 9");
	check_slot_from_zero(THREAD, "route to thread proto udp dport 9");
}

// Records lie in the rings until the workers start. By then the slot is another rule's.
Test(apply, packets_of_a_rule_whose_slot_is_anothers_are_of_former_rules)
{
	uint32_t id;

	open_plane("copy take 64 to counter proto udp dport 9");
	send_packets(9, 100);
	id = changed(pp_ruleset_at(pp_plane_rules(plane), 0)->id, NULL);
	id = changed(0, "copy take 64 to counter proto udp dport 10");
	send_packets(10, 30);
	cr_assert_eq(pp_plane_start(plane, &err), 0);
	settle();
	cr_expect_eq(counted(COUNTER, id), 30);
	cr_expect_eq(counted_in(COUNTER, PP_SLOT_FORMER), 100);
}

Test(apply, packets_of_a_rule_just_removed_are_its_own)
{
	uint32_t id, slot;

	open_plane("copy take 64 to counter proto udp dport 9");
	id = pp_ruleset_at(pp_plane_rules(plane), 0)->id;
	slot = slot_of(id);
	send_packets(9, 100);
	changed(id, "copy take 64 to counter proto udp dport 10");
	cr_assert_eq(pp_plane_start(plane, &err), 0);
	settle();
	cr_expect_eq(counted_in(COUNTER, slot), 100);
	cr_expect_eq(counted_in(COUNTER, PP_SLOT_FORMER), 0);
}

// Add a rule while packets come to port 9.
static uint32_t added_in_a_flood(const char *text)
{
	uint32_t id;

	begin_flood(9);
	for (int i = 0; i < 100; i++)
		pause_ms();
	id = changed(0, text);
	for (int i = 0; i < 100; i++)
		pause_ms();
	end_flood();
	return id;
}

// Alone, a sink gets packets without metadata: they must not be taken for the second consumer's.
Test(apply, second_consumer_of_routed_packets_gets_its_own_and_no_other)
{
	start_plane("route to sink proto udp dport 9");
	const uint32_t mirror = added_in_a_flood("route to mirror proto udp dport 10");
	cr_expect_gt(total(PP_LEDGER_SINK), 1000);
	cr_expect_eq(total(PP_LEDGER_SINK), total(PP_LEDGER_XSK_RX));
	send_settled(10, 1000);
	cr_expect_eq(total(PP_LEDGER_REFLECTED), 1000);
	cr_expect_eq(judged(mirror), 1000);
	cr_expect_eq(total(PP_LEDGER_NO_CONSUMER), 0);
}

Test(apply, second_consumer_beside_a_reflector_gets_its_own_and_no_other)
{
	uint32_t rule;

	start_plane("route to mirror proto udp dport 9");
	send_settled(9, 100);
	cr_expect_eq(total(PP_LEDGER_REFLECTED), 100);
	rule = added_in_a_flood("route to sink proto udp dport 10");
	cr_expect_eq(total(PP_LEDGER_SINK), 0);
	send_settled(10, 1000);
	cr_expect_eq(total(PP_LEDGER_SINK), 1000);
	cr_expect_eq(judged(rule), 1000);
	cr_expect_eq(total(PP_LEDGER_NO_CONSUMER), 0);
}

// Neither reads metadata, but what they do with a packet differs.
Test(apply, reflector_in_the_place_of_a_sink_gets_its_own_and_no_other)
{
	uint32_t rule;

	start_plane("route to sink proto udp dport 9");
	send_settled(9, 100);
	rule = pp_ruleset_at(pp_plane_rules(plane), 0)->id;
	changed(rule, "route to mirror proto udp dport 9");
	send_settled(9, 50);
	cr_expect_eq(total(PP_LEDGER_SINK), 100);
	cr_expect_eq(total(PP_LEDGER_REFLECTED), 50);
}

Test(apply, first_route_rule_of_a_running_plane_gets_its_packets)
{
	uint32_t sink;

	start_plane("drop proto udp dport 9");
	send_settled(9, 100);
	sink = changed(0, "route to sink proto udp dport 10");
	send_settled(10, 100);
	cr_expect_eq(total(PP_LEDGER_SINK), 100);
	changed(sink, NULL);
	sink = changed(0, "route to sink proto udp dport 10");
	send_settled(10, 100);
	cr_expect_eq(total(PP_LEDGER_SINK), 200);
	changed(sink, "route to counter proto udp dport 10");
	send_settled(10, 100);
	cr_expect_eq(total(PP_LEDGER_SINK), 200);
	cr_expect_eq(total(PP_LEDGER_ANALYSED), 100);
}

// Nobody takes the packets without metadata: the second consumer cannot have any yet.
Test(apply, second_consumer_waits_for_packets_without_metadata)
{
	uint32_t generation;

	open_plane("route to sink proto udp dport 9");
	generation = pp_ruleset_generation(pp_plane_rules(plane));
	send_packets(9, 50);
	cr_expect_eq(change(0, "route to mirror proto udp dport 10", NULL), -ETIMEDOUT);
	cr_expect_eq(pp_ruleset_generation(pp_plane_rules(plane)), generation);
	send_packets(9, 50);
	cr_assert_eq(pp_plane_start(plane, &err), 0);
	settle();
	changed(0, "route to mirror proto udp dport 10");
	send_settled(9, 50);
	send_settled(10, 50);
	cr_expect_eq(total(PP_LEDGER_SINK), 150);
	cr_expect_eq(total(PP_LEDGER_REFLECTED), 50);
}

Test(apply, name_that_stands_for_nothing_is_refused_and_changes_nothing)
{
	struct pp_apply_stats stats;

	start_plane("drop proto udp dport 9");
	cr_expect_eq(change(0, "route to nobody dport 10", NULL), -EINVAL);
	cr_expect_eq(where.kind, PP_WHERE_RULE);
	cr_expect_eq(where.index, 2);
	cr_expect_eq(change(0, "drop on C9", NULL), -EINVAL);
	cr_expect_eq(pp_ruleset_count(pp_plane_rules(plane)), 1);
	pp_plane_apply_stats(plane, &stats);
	cr_expect_eq(stats.count, 1);
}

// The first set needs other images, so descriptors.
static int change_with_set(void)
{
	const struct pp_set_entry entry = {
		.prefix = {.family = PP_FAMILY_IP4, .len_bits = 32, .addr = {192, 0, 2, 1}}};
	struct pp_ruleset *rules;
	struct pp_rule rule;
	struct pp_set *set;
	int ret;

	cr_assert_eq(pp_ruleset_copy(&rules, pp_plane_rules(plane)), 0);
	pp_ruleset_settle(rules);
	cr_assert_eq(pp_set_create(&set, "bad", &entry, 1, &err), 0);
	cr_assert_eq(pp_ruleset_put_set(rules, set, PP_ORIGIN_COMMAND, &err), 0);
	pp_set_unref(set);
	cr_assert_eq(pp_rule_parse("drop prio 1 src @bad", &rule, &err), 0);
	cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_COMMAND, 0, NULL, &err), 0);
	ret = pp_plane_apply(plane, rules, &where, &err);
	if (ret < 0)
		pp_ruleset_destroy(rules);
	return ret;
}

Test(apply, change_that_the_kernel_refuses_leaves_everything_as_it_was)
{
	struct rlimit before;
	uint32_t kept;

	start_plane("copy take 64 to counter then route to sink proto udp dport 9");
	kept = pp_ruleset_at(pp_plane_rules(plane), 0)->id;
	send_settled(9, 100);
	limit_files(&before);
	cr_expect_eq(change_with_set(), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	send_settled(9, 50);
	cr_expect_eq(judged(kept), 150);
	cr_expect_eq(counted(COUNTER, kept), 150);
	cr_expect_eq(total(PP_LEDGER_SINK), 150);
	changed(0, "route to mirror proto udp dport 10");
	send_settled(10, 50);
	send_settled(9, 50);
	cr_expect_eq(judged(kept), 200);
	cr_expect_eq(total(PP_LEDGER_SINK), 200);
	cr_expect_eq(total(PP_LEDGER_REFLECTED), 50);
}

Test(apply, what_it_took_is_told)
{
	struct pp_apply_stats stats;

	start_plane(NULL);
	changed(0, "drop proto udp dport 9");
	changed(0, "drop proto udp dport 10");
	pp_plane_apply_stats(plane, &stats);
	cr_expect_eq(stats.count, 3, "with the first");
	cr_expect_gt(stats.publish_ns, 0);
	cr_expect_leq(stats.publish_ns, stats.total_ns);
	cr_expect_lt(stats.total_ns, 1000000000);
	cr_expect_eq(stats.loads, 0);
	cr_expect_gt(stats.image_bytes, 0);
}
