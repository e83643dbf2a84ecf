// SPDX-License-Identifier: MIT OR Apache-2.0
#include "window.h"

const uint32_t pp_size_bucket_max_bytes[PP_SIZE_BUCKETS - 1] = {64,   128,  256, 512,
								1024, 1518, 9216};

unsigned int pp_size_bucket(uint32_t bytes)
{
	unsigned int bucket = 0;

	while (bucket < PP_SIZE_BUCKETS - 1 && bytes > pp_size_bucket_max_bytes[bucket])
		bucket++;
	return bucket;
}

// release: who reads one of these numbers sees that the bin is being emptied
static void empty(struct pp_bin *bin)
{
	__atomic_store_n(&bin->epoch, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&bin->bytes, 0, __ATOMIC_RELEASE);
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		__atomic_store_n(&bin->size_pkts[i], 0, __ATOMIC_RELEASE);
}

void pp_window_clear(struct pp_window *window)
{
	for (int i = 0; i <= PP_WINDOW_BINS; i++)
		empty(&window->bin[i]);
}

void pp_window_add(struct pp_window *window, uint64_t epoch, uint32_t len_bytes)
{
	struct pp_bin *bin = &window->bin[epoch % (PP_WINDOW_BINS + 1)];
	uint32_t *pkts = &bin->size_pkts[pp_size_bucket(len_bytes)];

	if (bin->epoch != epoch) {
		empty(bin);
		// release: the zeros are there before
		__atomic_store_n(&bin->epoch, epoch, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&bin->bytes, bin->bytes + len_bytes, __ATOMIC_RELEASE);
	__atomic_store_n(pkts, *pkts + 1, __ATOMIC_RELEASE);
}

static void add_bin(const struct pp_bin *bin, uint64_t epoch, struct pp_window_sum *sum)
{
	struct pp_window_sum add = {.bytes = __atomic_load_n(&bin->bytes, __ATOMIC_ACQUIRE)};

	for (int i = 0; i < PP_SIZE_BUCKETS; i++) {
		add.size_pkts[i] = __atomic_load_n(&bin->size_pkts[i], __ATOMIC_ACQUIRE);
		add.pkts += add.size_pkts[i];
	}
	if (__atomic_load_n(&bin->epoch, __ATOMIC_RELAXED) != epoch)
		return;
	sum->pkts += add.pkts;
	sum->bytes += add.bytes;
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		sum->size_pkts[i] += add.size_pkts[i];
}

uint64_t pp_window_bytes(const struct pp_window *window, uint64_t first, uint64_t now)
{
	uint64_t sum = 0;

	for (int i = 0; i <= PP_WINDOW_BINS; i++) {
		const struct pp_bin *bin = &window->bin[i];
		uint64_t epoch = __atomic_load_n(&bin->epoch, __ATOMIC_ACQUIRE);
		uint64_t bytes = __atomic_load_n(&bin->bytes, __ATOMIC_ACQUIRE);

		if (epoch != 0 && epoch >= first && epoch <= now &&
		    __atomic_load_n(&bin->epoch, __ATOMIC_RELAXED) == epoch)
			sum += bytes;
	}
	return sum;
}

void pp_window_sum(const struct pp_window *window,
		   uint64_t first,
		   uint64_t now,
		   struct pp_window_sum *sum)
{
	for (int i = 0; i <= PP_WINDOW_BINS; i++) {
		const struct pp_bin *bin = &window->bin[i];
		uint64_t epoch = __atomic_load_n(&bin->epoch, __ATOMIC_ACQUIRE);

		if (epoch != 0 && epoch >= first && epoch <= now)
			add_bin(bin, epoch, sum);
	}
}
