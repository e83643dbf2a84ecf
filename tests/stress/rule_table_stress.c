// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules that come and go while readers count what they judged: nothing counts under another rule's
// slot, nothing that a rule in force judged is a former rule's, and nobody sees a freed table.
#include "rule_table.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "counter.h"
#include "tap_output.h"

#define READERS 2
#define CHANGES 20000u
#define RULES 12u // that come and go, at most
#define STAY 2000u // in pages that all tables share, and beside the others in one that changes
#define IDS (CHANGES * RULES + STAY)
#define DELAYED 64u // packets of a reader that are on their way

// ThreadSanitizer does not see through liburcu: say what a grace period orders, and no more.
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#else
#define __tsan_acquire(addr) ((void)(addr))
#define __tsan_release(addr) ((void)(addr))
#endif
static char published, quiescent;

// What the XDP program has: a packet says the id and the slot of the rule that judged it.
static uint64_t image[RULES]; // atomic; id << 16 | slot, 0: none

struct reader {
	pthread_t thread;
	uint64_t row[PP_SLOTS_MAX + 1]; // by slot, as struct pp_count_table has them
	uint64_t by_rule[IDS]; // what went to the row of its slot
	uint64_t packets;
	uint64_t fresh_lost; // judged by a rule in force, counted as a former rule's
	uint64_t freed; // a table seen that was freed
	uint64_t delayed[DELAYED];
};

static struct reader reader[READERS];
static struct pp_rule_table *in_force;
static bool stop;

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static bool count(struct reader *r, const struct pp_rule_table *table, uint64_t judged)
{
	const struct pp_meta meta = {.rule_id = (uint32_t)(judged >> 16), .slot = (uint16_t)judged};
	uint32_t slot = pp_rule_table_slot(table, &meta);

	pp_counter_add(&r->row[slot], 1);
	if (slot != PP_SLOT_FORMER)
		pp_counter_add(&r->by_rule[meta.rule_id], 1);
	r->packets++;
	return slot != PP_SLOT_FORMER;
}

// One loop of a worker: some packets at once, and some that waited since.
static void burst(struct reader *r, uint32_t *seed)
{
	const struct pp_rule_table *table = rcu_dereference(in_force);

	__tsan_acquire(&published);
	for (int i = 0; i < 16; i++) {
		uint64_t judged = __atomic_load_n(&image[next(seed) % RULES], __ATOMIC_ACQUIRE);
		uint64_t *delayed = &r->delayed[next(seed) % DELAYED];

		if (judged == 0)
			continue;
		if (i % 2)
			r->fresh_lost += !count(r, table, judged);
		else if (*delayed != 0)
			count(r, table, *delayed);
		if (i % 2 == 0)
			*delayed = judged;
		r->freed += table->generation == UINT32_MAX;
	}
}

static void *read_tables(void *arg)
{
	struct reader *r = arg;
	uint32_t seed = (uint32_t)(r - reader) + 1;

	rcu_register_thread();
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		burst(r, &seed);
		__tsan_release(&quiescent);
		rcu_quiescent_state();
		if (next(&seed) % 64 == 0) {
			rcu_thread_offline();
			sched_yield();
			rcu_thread_online();
		}
	}
	rcu_unregister_thread();
	return NULL;
}

static uint64_t sum_row(uint32_t slot)
{
	uint64_t sum = 0;

	for (int i = 0; i < READERS; i++)
		sum += __atomic_load_n(&reader[i].row[slot], __ATOMIC_RELAXED);
	return sum;
}

static uint64_t sum_rule(uint32_t id)
{
	uint64_t sum = 0;

	for (int i = 0; i < READERS; i++)
		sum += __atomic_load_n(&reader[i].by_rule[id], __ATOMIC_RELAXED);
	return sum;
}

// A new set of rules: some stay, some go, some come.
static struct pp_ruleset *change(const struct pp_ruleset *rules, uint32_t *seed)
{
	struct pp_ruleset *changed;
	struct pp_rule rule;

	if (pp_rule_parse("drop proto udp", &rule, NULL) || pp_ruleset_copy(&changed, rules))
		abort();
	pp_ruleset_settle(changed);
	for (uint32_t n = next(seed) % RULES; n > 0 && pp_ruleset_count(changed) > STAY; n--) {
		uint32_t index = next(seed) % (pp_ruleset_count(changed) - STAY);

		pp_ruleset_remove(changed, pp_ruleset_at(changed, index)->id, NULL);
	}
	for (uint32_t n = next(seed) % RULES; n > 0 && pp_ruleset_count(changed) < STAY + RULES;
	     n--)
		if (pp_ruleset_add(changed, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL))
			abort();
	return changed;
}

struct slot {
	uint32_t id; // of the last rule that had it
	uint64_t base;
};

// Rules get slots that others had: what stands there must be what the others judged.
static bool
begin_slots(struct slot slot[PP_SLOTS_MAX], const struct pp_ruleset *rules, uint32_t count)
{
	bool good = true;

	for (uint32_t i = 0; i < count; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules, i);
		struct slot *s = &slot[entry->slot];

		if (s->id == entry->id)
			continue;
		good &= sum_row(entry->slot) - s->base == sum_rule(s->id);
		*s = (struct slot){entry->id, sum_row(entry->slot)};
	}
	return good;
}

static void publish(const struct pp_ruleset *rules)
{
	for (uint32_t i = 0; i < RULES; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules, i);
		uint64_t judge = entry == NULL ? 0 : (uint64_t)entry->id << 16 | entry->slot;

		__atomic_store_n(&image[i], judge, __ATOMIC_RELEASE);
	}
}

static void exchange(struct pp_rule_table *table)
{
	__tsan_release(&published);
	table = pp_rule_table_exchange(&in_force, table);
	__tsan_acquire(&quiescent);
	table->generation = UINT32_MAX;
	pp_rule_table_destroy(table);
}

static struct pp_rule_table *make_table(const struct pp_rule_table *before,
					const struct pp_ruleset *old,
					const struct pp_ruleset *new)
{
	struct pp_rule_table *table;
	struct pp_ruleset_diff diff;

	if (pp_ruleset_diff(old, new, &diff) ||
	    pp_rule_table_create(&table, before, &diff, pp_ruleset_generation(new), false, NULL))
		abort();
	pp_ruleset_diff_fini(&diff);
	return table;
}

static bool add_those_that_stay(struct pp_ruleset *rules)
{
	struct pp_rule rule;

	if (pp_rule_parse("drop proto tcp prio 2000", &rule, NULL))
		return false;
	for (uint32_t i = 0; i < STAY; i++)
		if (pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL))
			return false;
	return true;
}

// As pp_plane_apply() does it.
static bool write_tables(struct pp_ruleset **rules, struct slot slot[PP_SLOTS_MAX])
{
	uint32_t seed = 99;
	bool good = true;

	for (uint32_t i = 0; i < CHANGES; i++) {
		struct pp_ruleset *changed = change(*rules, &seed);
		struct pp_rule_table *table;

		table = make_table(in_force, *rules, changed);
		exchange(table);
		good &= begin_slots(slot, changed, pp_ruleset_count(changed) - STAY);
		publish(changed);
		pp_ruleset_destroy(*rules);
		*rules = changed;
	}
	return good;
}

// What is in the rows at the end, by rule and in all.
static bool check_sums(const struct slot slot[PP_SLOTS_MAX])
{
	uint64_t counted = 0, packets = 0;
	bool good = true;

	for (uint32_t i = 0; i <= PP_SLOT_FORMER; i++)
		counted += sum_row(i);
	for (uint32_t i = 0; i < PP_SLOTS_MAX; i++)
		good &= sum_row(i) - slot[i].base == sum_rule(slot[i].id);
	for (int i = 0; i < READERS; i++)
		packets += reader[i].packets;
	return good && counted == packets && sum_row(PP_SLOT_FORMER) > 0;
}

int main(void)
{
	static struct slot slot[PP_SLOTS_MAX];
	struct pp_ruleset *rules;
	bool good;

	tap_plan(4);
	if (pp_ruleset_create(&rules) || !add_those_that_stay(rules))
		return 1;
	in_force = make_table(NULL, NULL, rules);
	begin_slots(slot, rules, STAY);
	for (int i = 0; i < READERS; i++)
		if (pthread_create(&reader[i].thread, NULL, read_tables, &reader[i]))
			return 1;
	good = write_tables(&rules, slot);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < READERS; i++)
		pthread_join(reader[i].thread, NULL);
	tap_result(good, "rule table: a slot given away holds what its last rule judged, to the "
			 "packet");
	tap_result(check_sums(slot), "rule table: every packet counts once, under its rule's slot "
				     "or as a former rule's");
	tap_result(reader[0].fresh_lost + reader[1].fresh_lost == 0,
		   "rule table: a rule in force never counts as a former one");
	tap_result(reader[0].freed + reader[1].freed == 0,
		   "rule table: nobody sees a table that was freed");
	pp_rule_table_destroy(in_force);
	pp_ruleset_destroy(rules);
	return tap_end();
}
