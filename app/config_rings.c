// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stddef.h>
#include <string.h>

#include "config_sections.h"

#define SLOTS_MIN 64
#define SLOTS_MAX 65536
#define RING_BYTES_MIN (4u << 10)
#define HANDOFF_BYTES_MAX (1u << 30)
#define COPY_BYTES_MAX (256u << 20)
// A gigabyte of frames for one socket, in the smaller chunks.
#define FRAMES_MAX (1u << 19)

static void read_rx(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	(void)arg;
	pp_config_read_slots(r, value, SLOTS_MIN, SLOTS_MAX, &r->config->plane.rx_slots);
}

static void read_tx(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	(void)arg;
	pp_config_read_slots(r, value, SLOTS_MIN, SLOTS_MAX, &r->config->plane.tx_slots);
}

static void read_fill(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	(void)arg;
	pp_config_read_slots(r, value, SLOTS_MIN, SLOTS_MAX, &r->config->plane.fill_slots);
}

static void read_completion(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	(void)arg;
	pp_config_read_slots(r, value, SLOTS_MIN, SLOTS_MAX, &r->config->plane.completion_slots);
}

static void read_handoff(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint64_t bytes;

	(void)arg;
	if (pp_config_read_size(r, value, RING_BYTES_MIN, HANDOFF_BYTES_MAX, &bytes))
		r->config->plane.handoff_bytes = (uint32_t)bytes;
}

static void read_copy(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint64_t bytes;

	(void)arg;
	if (pp_config_read_size(r, value, RING_BYTES_MIN, COPY_BYTES_MAX, &bytes))
		r->config->plane.copy_ring_bytes = (uint32_t)bytes;
}

void pp_config_rings(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const struct pp_config_key keys[] = {
		{"rx", read_rx, PP_ITEM_RX},
		{"tx", read_tx, PP_ITEM_TX},
		{"fill", read_fill, PP_ITEM_FILL},
		{"completion", read_completion, PP_ITEM_COMPLETION},
		{"handoff", read_handoff, PP_ITEM_HANDOFF},
		{"copy", read_copy, PP_ITEM_COPY},
		{0}};

	pp_config_read_map(r, value, keys, arg);
}

static void read_frames(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint64_t frames;

	(void)arg;
	if (pp_config_read_number_or(r, value, "auto", 1, FRAMES_MAX, &frames))
		r->config->plane.frames = (uint32_t)frames;
}

static void read_chunk(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {"2048", "4096", NULL};
	uint8_t choice;

	(void)arg;
	if (pp_config_read_choice(r, value, words, &choice))
		r->config->plane.chunk_bytes = choice ? 4096 : 2048;
}

static void read_layout(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {[PP_LAYOUT_AUTO] = "auto",
					    [PP_LAYOUT_ALIGNED] = "aligned",
					    [PP_LAYOUT_SPREAD] = "spread",
					    NULL};

	(void)arg;
	pp_config_read_choice(r, value, words, &r->config->plane.layout);
}

static void read_hugepages(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {[PP_HUGEPAGES_AUTO] = "auto",
					    [PP_HUGEPAGES_OFF] = "off",
					    [PP_HUGEPAGES_ON] = "on",
					    NULL};

	(void)arg;
	pp_config_read_choice(r, value, words, &r->config->plane.hugepages);
}

void pp_config_umem(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const struct pp_config_key keys[] = {
		{"frames", read_frames, PP_ITEM_FRAMES},
		{"chunk", read_chunk, PP_ITEM_CHUNK},
		{"layout", read_layout, PP_ITEM_LAYOUT},
		{"hugepages", read_hugepages, PP_ITEM_HUGEPAGES},
		{0}};

	pp_config_read_map(r, value, keys, arg);
}
