// SPDX-License-Identifier: MIT OR Apache-2.0
#include "caps.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include <cap-ng.h>

static const struct {
	unsigned int capability;
	const char *name;
	const char *purpose;
} needed[] = {
	{CAP_NET_ADMIN, "CAP_NET_ADMIN", "attach XDP programs"},
	{CAP_BPF, "CAP_BPF", "load BPF programs and maps"},
	{CAP_PERFMON, "CAP_PERFMON", "BPF programs that compare pointers"},
	{CAP_NET_RAW, "CAP_NET_RAW", "AF_XDP sockets"},
};

int pp_caps_check(struct pp_error *err)
{
	char missing[300] = "";
	size_t len = 0;

	if (capng_get_caps_process() != 0)
		return pp_error_set(err, -EPERM, 0, 0, "cannot read this process's capabilities");
	// CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON (capabilities(7)).
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, needed[i].capability))
			continue;
		if ((needed[i].capability == CAP_BPF || needed[i].capability == CAP_PERFMON) &&
		    capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
			continue;
		len += (size_t)snprintf(missing + len, sizeof(missing) - len, "%s%s (%s)",
					len ? ", " : "", needed[i].name, needed[i].purpose);
	}
	if (len == 0)
		return 0;
	return pp_error_set(err, -EPERM, 0, 0,
			    "missing capabilities: %s; run as root or grant them with setcap or "
			    "AmbientCapabilities",
			    missing);
}
