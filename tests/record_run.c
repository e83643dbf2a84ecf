// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_run.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <push-packet/clock.h>

char record_run_folder[64];
struct pp_analyser_option record_run_option[12];
static struct pp_analyser_iface iface[] = {{"pp0", PP_FRAME_ETHERNET}, {"tun0", PP_FRAME_RAW_IP}};
struct pp_analyser_env record_run_env;
void *record_run_state;
uint8_t record_run_data[RECORD_RUN_DATA_BYTES];

// Rule 1 drops, 2 routes, 4 is gone, the others pass.
static bool find_rule(const struct pp_analyser_env *of,
		      const struct pp_meta *meta,
		      struct pp_analyser_rule *out)
{
	(void)of;
	*out = (struct pp_analyser_rule){.verdict = meta->rule_id == 1	 ? PP_VERDICT_DROP
						    : meta->rule_id == 2 ? PP_VERDICT_ROUTE
									 : PP_VERDICT_PASS};
	if (meta->rule_id != 3)
		snprintf(out->name, sizeof(out->name), "name%u", meta->rule_id);
	return meta->rule_id != 4;
}

uint64_t record_run_lost_before;

static uint64_t lost_before(const struct pp_analyser_env *of, uint32_t thread, uint32_t iface)
{
	(void)of;
	(void)thread;
	(void)iface;
	return iface == 0 ? record_run_lost_before : 0;
}

void record_run_set(const char *key, const char *value)
{
	record_run_option[record_run_env.option_count++] = (struct pp_analyser_option){key, value};
}

void record_run_init(void)
{
	snprintf(record_run_folder, sizeof(record_run_folder), "/tmp/pp-record-XXXXXX");
	cr_assert_not_null(mkdtemp(record_run_folder));
	record_run_env = (struct pp_analyser_env){.name = "evidence",
						  .thread_count = 1,
						  .timestamps = true,
						  .iface_count = 2,
						  .iface = iface,
						  .option = record_run_option,
						  .rule = find_rule,
						  .lost = lost_before};
	record_run_state = NULL;
	record_run_set("directory", record_run_folder);
	for (size_t i = 0; i < sizeof(record_run_data); i++)
		record_run_data[i] = (uint8_t)(i * 7);
}

void record_run_start(void)
{
	struct pp_error err;

	cr_assert_eq(pp_record_ops.create(&record_run_state, &record_run_env, &err), 0, "%s",
		     err.text);
}

uint64_t record_run_number(const char *name)
{
	struct pp_analyser_number all[PP_ANALYSER_NUMBERS_MAX];
	uint32_t n = pp_record_ops.numbers(record_run_state, all, PP_ANALYSER_NUMBERS_MAX);

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i].value;
	cr_assert_fail("no number %s", name);
	return 0;
}

void record_run_end(void)
{
	pp_record_ops.finish(record_run_state);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct record_run_files *record_run_list(void)
{
	static struct record_run_files files;
	const struct dirent *found;
	DIR *dir = opendir(record_run_folder);

	files.count = 0;
	while (dir != NULL && (found = readdir(dir)) != NULL)
		if (found->d_name[0] != '.')
			snprintf(files.path[files.count++], sizeof(files.path[0]), "%s/%s",
				 record_run_folder, found->d_name);
	if (dir != NULL)
		closedir(dir);
	qsort(files.path, files.count, sizeof(files.path[0]), by_path);
	return &files;
}

void record_run_remove_folder(void)
{
	const struct record_run_files *files = record_run_list();

	for (uint32_t i = 0; i < files->count; i++)
		unlink(files->path[i]);
	rmdir(record_run_folder);
}

void record_run_fini(void)
{
	if (record_run_state != NULL)
		pp_record_ops.destroy(record_run_state);
	record_run_remove_folder();
}

// Packet number id on a thread: its bytes and its rule tell it from others.
void record_run_put(uint32_t thread, uint32_t id, uint32_t cap_bytes)
{
	uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);
	const struct pp_meta meta = {.rule_id = 1 + id % 4,
				     .generation = 7,
				     .len_bytes = cap_bytes + id % 3,
				     .cap_bytes = cap_bytes,
				     .queue = (uint16_t)thread,
				     .iface = id % 2};
	const struct pp_packet_view view = {.meta = &meta,
					    .data = record_run_data,
					    .cap_bytes = cap_bytes,
					    .len_bytes = meta.len_bytes,
					    .time_ns = now_ns,
					    .routed = id % 5 == 0};

	memcpy(record_run_data, &id, sizeof(id));
	pp_record_ops.packets(pp_record_ops.thread(record_run_state, thread), &view, 1, now_ns);
}

void record_run_tick(uint32_t thread, uint64_t more_ns)
{
	pp_record_ops.tick(pp_record_ops.thread(record_run_state, thread),
			   pp_clock_ns(CLOCK_MONOTONIC) + more_ns);
}

void record_run_pause_ms(long ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

void record_run_wait_number(const char *name, uint64_t least)
{
	for (int i = 0; i < 500 && record_run_number(name) < least; i++)
		record_run_pause_ms(10);
	cr_assert_geq(record_run_number(name), least, "%s", name);
}

static void see(void *arg, const struct pcapng_packet *packet)
{
	static const int64_t verdict[] = {XDP_DROP, XDP_REDIRECT, XDP_PASS, -1};
	struct record_run_seen *seen = arg;
	char comment[40];
	uint32_t id, rule;

	memcpy(&id, packet->data, sizeof(id));
	rule = 1 + id % 4;
	cr_assert_lt(packet->queue, RECORD_RUN_THREADS);
	if (seen->gaps)
		cr_assert_geq(id, seen->next[packet->queue]);
	else
		cr_assert_eq(id, seen->next[packet->queue], "id %u", id);
	seen->next[packet->queue] = id + 1;
	cr_assert_eq(packet->iface, id % 2);
	cr_assert_eq(packet->len_bytes, packet->cap_bytes + id % 3);
	cr_assert_eq(packet->verdict, id % 5 == 0 ? XDP_REDIRECT : verdict[id % 4], "id %u", id);
	snprintf(comment, sizeof(comment),
		 rule == 4   ? "rule %u (gone)"
		 : rule == 3 ? "rule %u"
			     : "rule %u name%u",
		 rule, rule);
	cr_assert_str_eq(packet->comment, comment);
	cr_assert_eq(memcmp(packet->data + 4, record_run_data + 4, packet->cap_bytes - 4), 0);
	cr_assert_geq(packet->time_ns, seen->before_ns);
	cr_assert_leq(packet->time_ns, pp_clock_ns(CLOCK_REALTIME) + 1000000);
}

// Read all files, in order.
struct pcapng_sum record_run_read_all(struct record_run_seen *seen)
{
	const struct record_run_files *files = record_run_list();
	struct pcapng_sum sum = {0};

	for (uint32_t i = 0; i < files->count; i++)
		cr_assert(pcapng_read(files->path[i], &sum, seen ? see : NULL, seen),
			  "%s is not whole", files->path[i]);
	return sum;
}

// The writer may take its time: packets of a test that wants all of them come one buffer at a time.
void record_run_put_all(uint32_t from, uint32_t to, uint32_t cap_bytes)
{
	for (uint32_t id = from; id < to; id++) {
		record_run_put(0, id, cap_bytes);
		if (id % 1000 == 999) {
			record_run_tick(0, 10000000000);
			record_run_wait_number("written", id + 1);
		}
	}
}

bool record_run_news_has(const char *text)
{
	char line[PP_ANALYSER_NEWS_BYTES];
	bool found = false;

	while (pp_record_ops.news(record_run_state, line))
		found |= strstr(line, text) != NULL;
	return found;
}
