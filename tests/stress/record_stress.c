// SPDX-License-Identifier: MIT OR Apache-2.0
// Three analysis threads, the writer, and a control thread that looks: every packet is in a file, in
// the order of its thread, or counted as lost.
#include "record.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#include "pcapng_read.h"
#include "tap_output.h"

#define THREADS 3u
#define PACKETS 100000u
#define BURST 32u
#define DATA_BYTES 200u

static char folder[] = "/tmp/pp-record-stress-XXXXXX";
static const struct pp_analyser_iface iface = {"pp0", PP_FRAME_ETHERNET};
static void *state;
static uint32_t running;

static bool find_rule(const struct pp_analyser_env *of,
		      const struct pp_meta *meta,
		      struct pp_analyser_rule *out)
{
	(void)of;
	(void)meta;
	*out = (struct pp_analyser_rule){.verdict = PP_VERDICT_DROP};
	return true;
}

static uint64_t lost_before(const struct pp_analyser_env *of, uint32_t thread, uint32_t iface)
{
	(void)of;
	(void)thread;
	(void)iface;
	return 0;
}

static void *analyse(void *arg)
{
	uint32_t index = (uint32_t)(uintptr_t)arg;
	void *thread = pp_record_ops.thread(state, index);
	uint8_t data[BURST][DATA_BYTES] = {0};

	for (uint32_t id = 0; id < PACKETS; id += BURST) {
		struct pp_meta meta[BURST];
		struct pp_packet_view view[BURST];
		uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);

		for (uint32_t i = 0; i < BURST; i++) {
			uint32_t number = id + i;

			memcpy(data[i], &number, sizeof(number));
			meta[i] = (struct pp_meta){.rule_id = 1 + number % 100,
						   .generation = number / 5000,
						   .len_bytes = DATA_BYTES,
						   .cap_bytes = DATA_BYTES,
						   .queue = (uint16_t)index};
			view[i] = (struct pp_packet_view){.meta = &meta[i],
							  .data = data[i],
							  .cap_bytes = DATA_BYTES,
							  .len_bytes = DATA_BYTES,
							  .time_ns = now_ns};
		}
		pp_record_ops.packets(thread, view, BURST, now_ns);
		if (id % 1024 == 0)
			pp_record_ops.tick(thread, now_ns);
		if (id % 4096 == 0)
			sched_yield();
	}
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELAXED);
	return NULL;
}

static uint64_t number(const char *name)
{
	struct pp_analyser_number all[PP_ANALYSER_NUMBERS_MAX];
	uint32_t n = pp_record_ops.numbers(state, all, PP_ANALYSER_NUMBERS_MAX);

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i].value;
	return UINT64_MAX;
}

// The folder goes away for a while, so that there are losses.
static void look(void)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	char away[sizeof(folder) + 5], line[PP_ANALYSER_NEWS_BYTES];

	snprintf(away, sizeof(away), "%s.away", folder);
	for (int round = 0; __atomic_load_n(&running, __ATOMIC_RELAXED) > 0; round++) {
		if (round == 1)
			rename(folder, away);
		if (round == 5)
			rename(away, folder);
		number("written");
		while (pp_record_ops.news(state, line))
			;
		nanosleep(&pause, NULL);
	}
	rename(away, folder);
}

struct order {
	uint32_t next[THREADS];
	bool good;
};

static void see(void *arg, const struct pcapng_packet *packet)
{
	struct order *order = arg;
	uint32_t id;

	memcpy(&id, packet->data, sizeof(id));
	if (packet->queue >= THREADS || id < order->next[packet->queue]) {
		order->good = false;
		return;
	}
	order->next[packet->queue] = id + 1;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	// The number, and not the second in front of it, tells the order.
	return strcmp((*a)->d_name + 18, (*b)->d_name + 18);
}

static bool read_all(struct order *order, struct pcapng_sum *sum)
{
	struct dirent **found;
	int n = scandir(folder, &found, NULL, by_name);
	bool good = n > 0;

	for (int i = 0; i < n; i++) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", folder, found[i]->d_name);
		if (found[i]->d_name[0] != '.') {
			good = good && pcapng_read(path, sum, see, order);
			unlink(path);
		}
		free(found[i]);
	}
	free(found);
	return good;
}

static bool run(const char *compress)
{
	const struct pp_analyser_option option[] = {{"directory", folder},
						    {"buffer", "2MiB"},
						    {"file-size", "4MiB"},
						    {"file-packets", "20000"},
						    {"compress", compress}};
	const struct pp_analyser_env env = {.name = "r",
					    .thread_count = THREADS,
					    .iface_count = 1,
					    .iface = &iface,
					    .option_count = 5,
					    .option = option,
					    .rule = find_rule,
					    .lost = lost_before};
	struct order order = {.good = true};
	struct pcapng_sum sum = {0};
	pthread_t thread[THREADS];
	struct pp_error err;
	bool good;

	if (pp_record_ops.create(&state, &env, &err) < 0)
		return false;
	running = THREADS;
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, analyse, (void *)(uintptr_t)i);
	look();
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pp_record_ops.finish(state);
	good = read_all(&order, &sum);
	printf("# %s: %lu written, %lu lost, %lu files\n", compress, number("written"),
	       number("lost"), number("files"));
	good = good && order.good && sum.pkts == number("written") && number("unwritten") == 0 &&
	       sum.pkts + number("lost") == THREADS * PACKETS && sum.dropped == number("lost");
	pp_record_ops.destroy(state);
	return good;
}

int main(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	tap_plan(2);
	tap_result(run("none"), "every packet is written in order or counted as lost");
	tap_result(run("zstd"), "every packet is compressed in order or counted as lost");
	rmdir(folder);
	return tap_end();
}
