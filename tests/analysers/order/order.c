// SPDX-License-Identifier: MIT OR Apache-2.0
// A plug-in analyser: does each flow of `push-packet gen` stay on one thread, in order? It reads the
// sequence numbers that gen puts into the payload, and counts what is out of order. With the option
// hold: FILE it analyses nothing while FILE is there.
#define _GNU_SOURCE // memmem()
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <push-packet/analyser.h>

#define FLOWS 65536
#define HOLD_USEC 2000

// Of one thread; numbers are read by the control thread.
struct order_thread {
	struct order *all;
	uint32_t index;
	uint64_t pkts, bytes, foreign, disorder, moved;
} __attribute__((aligned(64)));

struct flow {
	uint32_t thread; // from 1; 0: not seen
	uint64_t next;
};

struct order {
	char *hold; // NULL: none
	uint32_t count;
	struct order_thread thread[PP_ANALYSER_THREADS_MAX];
	struct flow flow[FLOWS];
};

static int
check(const struct pp_analyser_option option[], uint32_t count, uint32_t *at, struct pp_error *err)
{
	for (*at = 0; *at < count; ++*at)
		if (strcmp(option[*at].key, "hold") != 0 || option[*at].value[0] == '\0') {
			strcpy(err->text, "order has one option, hold: a file");
			return -EINVAL;
		}
	return 0;
}

static int create(void **state, const struct pp_analyser_env *env, struct pp_error *err)
{
	struct order *order = aligned_alloc(64, sizeof(*order));

	if (order == NULL) {
		strcpy(err->text, "out of memory");
		return -ENOMEM;
	}
	memset(order, 0, sizeof(*order));
	order->count = env->thread_count;
	for (uint32_t i = 0; i < env->option_count; i++)
		order->hold = strdup(env->option[i].value);
	*state = order;
	return 0;
}

static void *thread(void *state, uint32_t index)
{
	struct order *order = state;

	order->thread[index].all = order;
	order->thread[index].index = index;
	return &order->thread[index];
}

static void add(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

// As gen writes it: the magic, the flow and the sequence number, big-endian.
struct payload {
	char magic[4];
	uint32_t flow;
	uint32_t seq_high, seq_low;
};

static void look(struct order_thread *thread, const struct pp_packet_view *view)
{
	const uint8_t *at = memmem(view->data, view->cap_bytes, "PPGN", 4);
	struct payload payload;
	struct flow *flow;
	uint64_t seq;

	add(&thread->pkts, 1);
	add(&thread->bytes, view->len_bytes);
	if (at == NULL || at + sizeof(payload) > view->data + view->cap_bytes) {
		add(&thread->foreign, 1);
		return;
	}
	memcpy(&payload, at, sizeof(payload));
	flow = &thread->all->flow[ntohl(payload.flow) % FLOWS];
	seq = (uint64_t)ntohl(payload.seq_high) << 32 | ntohl(payload.seq_low);
	if (flow->thread != 0 && flow->thread != thread->index + 1)
		add(&thread->moved, 1);
	if (seq < flow->next)
		add(&thread->disorder, 1);
	flow->thread = thread->index + 1;
	flow->next = seq + 1;
}

static void packets(void *state, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	struct order_thread *thread = state;

	(void)now_ns;
	while (thread->all->hold != NULL && access(thread->all->hold, F_OK) == 0)
		usleep(HOLD_USEC);
	for (uint32_t i = 0; i < n; i++)
		look(thread, &view[i]);
}

// A row for each thread.
static int top(void *state,
	       const struct pp_analyser_query *query,
	       struct pp_analyser_top *out,
	       struct pp_error *err)
{
	struct order *order = state;

	if (query->by != PP_BY_TEXT) {
		strcpy(err->text, "order lists by text only");
		return -EOPNOTSUPP;
	}
	out->found = order->count;
	for (uint32_t i = 0; i < order->count; i++) {
		struct pp_analyser_row row = {.key.by = PP_BY_TEXT,
					      .pkts = get(&order->thread[i].pkts),
					      .bytes = get(&order->thread[i].bytes)};

		memcpy(row.text, "thread ", 7);
		row.text[7] = (char)('0' + i / 10);
		row.text[8] = (char)('0' + i % 10);
		out->total.pkts += row.pkts;
		out->total.bytes += row.bytes;
		if (out->count < query->limit)
			out->row[out->count++] = row;
	}
	return 0;
}

static uint32_t numbers(void *state, struct pp_analyser_number number[], uint32_t max)
{
	struct order *order = state;

	if (max < 3)
		return 0;
	number[0] = (struct pp_analyser_number){"foreign", 0};
	number[1] = (struct pp_analyser_number){"disorder", 0};
	number[2] = (struct pp_analyser_number){"moved", 0};
	for (uint32_t i = 0; i < order->count; i++) {
		number[0].value += get(&order->thread[i].foreign);
		number[1].value += get(&order->thread[i].disorder);
		number[2].value += get(&order->thread[i].moved);
	}
	return 3;
}

static void destroy(void *state)
{
	free(((struct order *)state)->hold);
	free(state);
}

const struct pp_analyser_ops pp_analyser_ops = {
	.abi = PP_ANALYSER_ABI,
	.name = "order",
	.check = check,
	.create = create,
	.thread = thread,
	.packets = packets,
	.top = top,
	.numbers = numbers,
	.destroy = destroy,
};
