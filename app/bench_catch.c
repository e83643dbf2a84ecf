// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_catch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rtt.skel.h"

struct pp_bench_catch {
	struct pp_rtt_bpf *skel;
	int link_fd;
};

static int attach(struct pp_bench_catch *catch, const char *iface, bool skb)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = skb ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int ret;

	catch->skel = pp_rtt_bpf__open();
	if (catch->skel == NULL)
		return -errno;
	bpf_program__set_autoload(catch->skel->progs.rtt, false);
	ret = pp_rtt_bpf__load(catch->skel);
	if (ret < 0)
		return ret;
	catch->link_fd = bpf_link_create(bpf_program__fd(catch->skel->progs.drop),
					 (int)if_nametoindex(iface), BPF_XDP, &opts);
	return catch->link_fd < 0 ? catch->link_fd : 0;
}

int pp_bench_catch_open(struct pp_bench_catch **out,
			const char *iface,
			bool skb,
			struct pp_error *err)
{
	struct pp_bench_catch *catch = calloc(1, sizeof(*catch));
	int ret;

	if (catch == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	catch->link_fd = -1;
	ret = attach(catch, iface, skb);
	if (ret < 0) {
		pp_bench_catch_close(catch);
		return pp_error_set(err, ret, 0, 0, "cannot count what comes back to %s: %s", iface,
				    strerror(-ret));
	}
	*out = catch;
	return 0;
}

void pp_bench_catch_close(struct pp_bench_catch *catch)
{
	if (catch == NULL)
		return;
	if (catch->link_fd >= 0)
		close(catch->link_fd);
	pp_rtt_bpf__destroy(catch->skel);
	free(catch);
}

uint64_t pp_bench_catch_pkts(const struct pp_bench_catch *catch)
{
	return *(volatile __u64 *)&catch->skel->bss->dropped;
}
