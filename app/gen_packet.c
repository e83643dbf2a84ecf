// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "gen_layout.h"

#define IP_BYTES_MAX 65535

static uint32_t load32(const uint8_t *bytes)
{
	uint32_t be;

	memcpy(&be, bytes, sizeof(be));
	return ntohl(be);
}

// Of the part that needs more room.
static uint32_t head_bytes_max(const struct pp_gen_spec *spec)
{
	return pp_gen_layout_head_bytes(spec, spec->fragment == PP_GEN_FRAGMENT_LATER);
}

// Everything that the two parts of a pair write beyond the common bytes must be put right in
// each frame, because a buffer may have carried the other part before.
static int lay_out_parts(const struct pp_gen_spec *spec, struct pp_gen_plan *plan)
{
	uint32_t head = head_bytes_max(spec);
	uint8_t *later;

	plan->part_count = spec->fragment == PP_GEN_FRAGMENT_BOTH ? 2 : 1;
	plan->image = calloc(1, plan->size_bytes);
	later = calloc(1, plan->size_bytes);
	if (plan->image == NULL || later == NULL) {
		free(plan->image);
		free(later);
		return -ENOMEM;
	}

	pp_gen_layout_part(spec, plan->size_bytes, &plan->part[0],
			   spec->fragment == PP_GEN_FRAGMENT_LATER, plan->image);
	memcpy(plan->part[0].head, plan->image, head);
	plan->part[0].head_bytes = (uint16_t)head;
	if (plan->part_count == 2) {
		pp_gen_layout_part(spec, plan->size_bytes, &plan->part[1], true, later);
		memcpy(plan->part[1].head, later, head);
		plan->part[1].head_bytes = (uint16_t)head;
		plan->part[0].l4_sum += plan->part[1].l4_sum;
	}
	free(later);
	return 0;
}

static int check_spec(const struct pp_gen_spec *spec, struct pp_error *err)
{
	uint32_t frags = 0;

	if (spec->raw_ip && (spec->ethertype >= 0 || spec->vlan_count > 0))
		return pp_error_set(err, -EINVAL, 0, 0,
				    "--ethertype and --vlan need an interface with Ethernet "
				    "headers");
	if (spec->ethertype >= 0 && spec->fragment != PP_GEN_FRAGMENT_NONE)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "--fragment is for IP: leave --ethertype away");
	if (spec->option_bytes > 0 && (spec->family != 4 || spec->ethertype >= 0))
		return pp_error_set(err, -EINVAL, 0, 0, "--options is for IPv4");
	if (spec->ext_count > 0 && (spec->family != 6 || spec->ethertype >= 0))
		return pp_error_set(err, -EINVAL, 0, 0, "--ext is for IPv6: add --ipv6");
	if (spec->option_bytes > 40 || spec->option_bytes % 4 != 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "--options %u: expected a multiple of 4 up to 40",
				    spec->option_bytes);
	for (uint32_t i = 0; i < spec->ext_count; i++)
		frags += spec->ext[i] == IPPROTO_FRAGMENT;
	if (frags > 1)
		return pp_error_set(err, -EINVAL, 0, 0, "--ext: frag can stand there once");
	if (head_bytes_max(spec) > PP_GEN_HEAD_MAX)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "these headers need %u bytes: at most %u are possible",
				    head_bytes_max(spec), PP_GEN_HEAD_MAX);
	return 0;
}

static int choose_size(const struct pp_gen_spec *spec,
		       uint32_t size_max,
		       struct pp_gen_plan *plan,
		       struct pp_error *err)
{
	uint32_t least = head_bytes_max(spec), size = spec->size_bytes, over, step = 1;
	uint32_t most = pp_gen_layout_l2_bytes(spec) + IP_BYTES_MAX;

	if (spec->fragment != PP_GEN_FRAGMENT_NONE)
		step = 8; // all but the last fragment hold multiples of 8
	if (most > size_max)
		most = size_max;
	over = spec->ethertype < 0 ? pp_gen_layout_fragment_bytes(spec, least) % step : 0;
	least += over > 0 ? step - over : 0;
	if (size == 0)
		size = least + (least < PP_GEN_SIZE_DEFAULT
					? (PP_GEN_SIZE_DEFAULT - least + step - 1) / step * step
					: 0);
	if (least > most)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "these headers%s need %u bytes: %u are possible here",
				    spec->seq ? " and a sequence number" : "", least, most);
	if (size < least || size > most || (size - least) % step != 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "--size %u: these headers%s can be sent here with %u to %u "
				    "bytes%s",
				    size, spec->seq ? " and a sequence number" : "", least,
				    most - (most - least) % step,
				    step > 1 ? " in steps of 8, as fragments are" : "");
	plan->size_bytes = size;
	return 0;
}

static uint64_t use_addrs(const struct pp_gen_spec *spec,
			  const struct pp_gen_addrs *addrs,
			  uint32_t *base,
			  uint32_t *mask)
{
	uint32_t bits = (spec->family == 4 ? 32 : 128) - addrs->prefix_bits;

	*base = load32(addrs->base + (spec->family == 4 ? 0 : 12));
	*mask = bits == 0 ? 0 : bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
	return spec->ethertype >= 0 ? 1 : (uint64_t)*mask + 1;
}

static uint64_t saturating_mul(uint64_t a, uint64_t b)
{
	uint64_t out;

	return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

static int
choose_flows(const struct pp_gen_spec *spec, struct pp_gen_plan *plan, struct pp_error *err)
{
	const struct pp_gen_part *part = &plan->part[0];
	uint64_t most;

	plan->sport_lo = spec->sport.lo;
	plan->dport_lo = spec->dport.lo;
	plan->sport_count = part->sport_offset ? spec->sport.hi - spec->sport.lo + 1u : 1;
	plan->dport_count = part->dport_offset ? spec->dport.hi - spec->dport.lo + 1u : 1;
	plan->src_count = use_addrs(spec, &spec->src, &plan->src_base, &plan->src_host_mask);
	plan->dst_count = use_addrs(spec, &spec->dst, &plan->dst_base, &plan->dst_host_mask);
	most = saturating_mul(plan->sport_count * plan->dport_count,
			      saturating_mul(plan->src_count, plan->dst_count));

	plan->flows = spec->flows;
	if (spec->flows == 0)
		plan->flows =
			most < PP_GEN_FLOWS_IMPLIED_MAX ? (uint32_t)most : PP_GEN_FLOWS_IMPLIED_MAX;
	else if (spec->flows > PP_GEN_FLOWS_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "--flows %u: at most %u are possible",
				    spec->flows, PP_GEN_FLOWS_MAX);
	else if (spec->flows > most && spec->ethertype < 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "--flows %u: these ports and addresses give %llu flows; "
				    "give a wider --sport range or a --src ADDR/PREFIX",
				    spec->flows, (unsigned long long)most);
	return 0;
}

int pp_gen_plan_init(struct pp_gen_plan *out,
		     const struct pp_gen_spec *spec,
		     uint32_t size_max,
		     struct pp_error *err)
{
	struct pp_gen_plan plan = {.seq = spec->seq, .seed = spec->seed};
	struct pp_gen_spec full = *spec;
	bool has_frag = false;
	int ret;

	for (uint32_t i = 0; i < full.ext_count; i++)
		has_frag |= full.ext[i] == IPPROTO_FRAGMENT;
	if (full.fragment != PP_GEN_FRAGMENT_NONE && full.family == 6 && !has_frag &&
	    full.ext_count < PP_GEN_EXT_MAX)
		full.ext[full.ext_count++] = IPPROTO_FRAGMENT;

	ret = check_spec(&full, err);
	if (ret < 0)
		return ret;
	ret = choose_size(&full, size_max, &plan, err);
	if (ret < 0)
		return ret;
	plan.zero_check_is_ones = spec->proto == IPPROTO_UDP || spec->proto == IPPROTO_UDPLITE;
	ret = lay_out_parts(&full, &plan);
	if (ret < 0)
		return ret;
	ret = choose_flows(&full, &plan, err);
	if (ret < 0) {
		pp_gen_plan_fini(&plan);
		return ret;
	}
	*out = plan;
	return 0;
}

void pp_gen_plan_fini(struct pp_gen_plan *plan)
{
	free(plan->image);
	plan->image = NULL;
}
