// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <string.h>

void pp_plane_out_count(const struct pp_plane *plane,
			struct pp_out_counts *outs,
			const struct pp_rule *rule,
			int by)
{
	int iface;

	if (rule->direction != PP_DIRECTION_OUT)
		return;
	if (rule->on[0] == '\0') {
		outs->any += (uint32_t)by;
		return;
	}
	iface = pp_bindings_iface(&plane->bindings, rule->on);
	if (iface >= 0)
		outs->on[iface] += (uint32_t)by;
}

static bool
is_needed(const struct pp_plane *plane, uint32_t iface, const struct pp_out_counts *outs)
{
	switch (plane->config.iface[iface].egress) {
	case PP_EGRESS_ON:
		return true;
	case PP_EGRESS_OFF:
		return false;
	default:
		return outs->any + outs->on[iface] > 0;
	}
}

int pp_plane_out_open(const struct pp_plane *plane,
		      uint32_t iface,
		      const struct pp_out_counts *outs,
		      struct pp_tap_out **out,
		      struct pp_error *err)
{
	const struct pp_tap_config config = pp_plane_tap_config(plane, iface);

	*out = NULL;
	return is_needed(plane, iface, outs) ? pp_tap_out_open(out, &plane->maps, &config, err) : 0;
}

int pp_plane_out_attach(struct pp_plane *plane, uint32_t iface, struct pp_error *err)
{
	const struct pp_iface_config *config = &plane->config.iface[iface];
	struct pp_plane_iface *at = &plane->iface[iface];

	if (at->out == NULL || at->netif.ifindex == 0)
		return 0;
	return pp_tap_out_attach(at->out, at->netif.ifindex, config->name, config->egress_attach,
				 err);
}

static int begin_iface(struct pp_plane *plane,
		       uint32_t iface,
		       const struct pp_out_counts *outs,
		       struct pp_error *err)
{
	struct pp_tap_out **out = &plane->iface[iface].out;
	int ret = *out != NULL ? 0 : pp_plane_out_open(plane, iface, outs, out, err);

	if (ret < 0 || *out == NULL || pp_tap_out_attached(*out) != PP_EGRESS_AUTO)
		return ret;
	return pp_plane_out_attach(plane, iface, err);
}

static int begin(struct pp_plane *plane, const struct pp_out_counts *outs, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < plane->config.iface_count; i++)
		ret = begin_iface(plane, i, outs, err);
	if (ret < 0)
		pp_plane_out_end(plane, &plane->outs);
	return ret;
}

// The images in force are of an engine whose XDP program the kernel took, and it may refuse the other
// one: as at the start, the simplest engine is what auto has left.
int pp_plane_out_begin(struct pp_plane *plane,
		       const struct pp_out_counts *outs,
		       struct pp_error *err)
{
	int ret = begin(plane, outs, err);
	int simpler;

	if (!pp_plane_is_refused(ret))
		return ret;
	simpler = pp_plane_exchange_simpler(plane, err);
	if (simpler == -EOPNOTSUPP)
		return ret;
	return simpler ?: begin(plane, outs, err);
}

void pp_plane_out_end(struct pp_plane *plane, const struct pp_out_counts *outs)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		struct pp_tap_out **out = &plane->iface[i].out;

		if (*out == NULL || is_needed(plane, i, outs))
			continue;
		pp_tap_out_close(*out);
		*out = NULL;
	}
}
