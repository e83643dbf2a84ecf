// SPDX-License-Identifier: MIT OR Apache-2.0
#include "advice_driver.h"

#include <push-packet/netif.h>

static void warn(const struct pp_config *config,
		 enum pp_where_kind kind,
		 uint32_t iface,
		 const char *text,
		 struct pp_report *report)
{
	const struct pp_where where = {.kind = kind, .index = iface};
	struct pp_spot at = pp_config_locate(config, &where);

	pp_report_warning(report, at.file, at.line, at.col,
			  "the driver of interface %s says that it has no %s",
			  config->plane.iface[iface].name, text);
}

void pp_advice_driver_warn(const struct pp_config *config, struct pp_report *report)
{
	for (uint32_t i = 0; i < config->plane.iface_count; i++) {
		const struct pp_iface_config *iface = &config->plane.iface[i];
		uint32_t ifindex = if_nametoindex(iface->name);
		uint64_t features;

		if (ifindex == 0 || pp_netif_xdp(ifindex, &features) < 0)
			continue;
		if (iface->mode == PP_XDP_NATIVE && !(features & PP_NETIF_XDP_NATIVE))
			warn(config, PP_WHERE_IFACE_MODE, i, "native XDP; mode: skb works", report);
		if (iface->bind == PP_BIND_ZEROCOPY && !(features & PP_NETIF_XDP_ZEROCOPY))
			warn(config, PP_WHERE_IFACE_BIND, i,
			     "zero-copy AF_XDP; bind: auto or copy works", report);
	}
}
