// SPDX-License-Identifier: MIT OR Apache-2.0
// A copy ring between its writer and its reader: what the record held when it was committed, the
// other side must see, and what is borrowed must not be overwritten. Needs root.
#include "copy_ring.h"

#include <pthread.h>
#include <sched.h>

#include "copy_ring_write.h"
#include "tap_output.h"

#define RECORDS 1000000u
#define RING_BYTES 4096u
#define WORDS_MAX 12u

struct stress {
	struct pp_copy_ring ring;
	uint64_t refused;
	bool good;
};

static uint32_t words_of(uint64_t number)
{
	return (uint32_t)(number * 0x9e3779b97f4a7c15u >> 32) % WORDS_MAX;
}

static bool is_whole(const struct pp_meta *record, uint64_t number)
{
	const uint64_t *word = (const void *)(record + 1);

	if (record->slot != number || record->cap_bytes != words_of(number) * sizeof(*word))
		return false;
	for (uint32_t i = 0; i < words_of(number); i++)
		if (word[i] != number)
			return false;
	return true;
}

static void *consume(void *arg)
{
	struct stress *stress = arg;
	const struct pp_meta *record[9];
	uint64_t seen = 0;

	while (seen < RECORDS) {
		uint32_t n = pp_copy_ring_burst(&stress->ring, record, 1 + (uint32_t)seen % 9);

		if (n == 0)
			sched_yield();
		for (uint32_t i = 0; i < n; i++, seen++)
			stress->good &= is_whole(record[i], seen);
		// Sometimes two bursts are borrowed.
		if (n == 0 || seen % 3 != 0)
			pp_copy_ring_release(&stress->ring);
	}
	pp_copy_ring_release(&stress->ring);
	return NULL;
}

static void produce(struct stress *stress)
{
	for (uint64_t number = 0; number < RECORDS;) {
		uint64_t bytes = words_of(number) * sizeof(uint64_t);
		struct pp_meta *record = pp_copy_ring_reserve(
			stress->ring.front, PP_COPY_RECORD_BYTES(bytes), RING_BYTES);
		uint64_t *word = (void *)(record + 1);

		if (record == NULL) {
			stress->refused++;
			sched_yield();
			continue;
		}
		record->slot = (uint32_t)number;
		record->cap_bytes = (uint32_t)bytes;
		for (uint32_t i = 0; i < words_of(number); i++)
			word[i] = number;
		pp_copy_ring_commit(stress->ring.front, PP_COPY_RECORD_BYTES(bytes), 1);
		number++;
	}
}

int main(void)
{
	struct stress stress = {.good = true};
	struct pp_error err = {0};
	pthread_t thread;

	tap_plan(2);
	if (pp_copy_ring_open(&stress.ring, 0, RING_BYTES, &err) < 0 ||
	    pthread_create(&thread, NULL, consume, &stress) != 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	produce(&stress);
	pthread_join(thread, NULL);
	tap_result(stress.good, "every record is whole and in order");
	tap_result(stress.refused > 0 && !pp_copy_ring_ready(&stress.ring),
		   "the ring was full at times and is empty now");
	pp_copy_ring_close(&stress.ring);
	return tap_end();
}
