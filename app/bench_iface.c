// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// A socket that asks about the interfaces of a namespace, which it stays in; the caller does not.
static int socket_in(int netns_fd)
{
	int fd, home;

	if (netns_fd < 0) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	fd = setns(netns_fd, CLONE_NEWNET) ? -1 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	if (setns(home, CLONE_NEWNET) && fd >= 0) {
		close(fd);
		fd = -errno;
	}
	close(home);
	return fd;
}

static bool ask(int fd, struct ifreq *ifr, void *command)
{
	ifr->ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, ifr) == 0;
}

static void put_offload(int fd, struct ifreq *ifr, uint32_t command, const char *key, json_t *out)
{
	struct ethtool_value value = {.cmd = command};

	if (!ask(fd, ifr, &value))
		return;
	if (command == ETHTOOL_GFLAGS)
		value.data &= ETH_FLAG_LRO;
	json_object_set_new(out, key, json_boolean(value.data != 0));
}

static json_t *offloads(int fd, struct ifreq *ifr)
{
	static const struct {
		uint32_t command;
		const char *key;
	} row[] = {
		{ETHTOOL_GGRO, "gro"}, {ETHTOOL_GFLAGS, "lro"},	    {ETHTOOL_GGSO, "gso"},
		{ETHTOOL_GTSO, "tso"}, {ETHTOOL_GRXCSUM, "rxcsum"}, {ETHTOOL_GTXCSUM, "txcsum"},
	};
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		put_offload(fd, ifr, row[i].command, row[i].key, out);
	return out;
}

static json_t *describe(int fd, const char *name, const char *mode)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr = {0};
	json_t *iface = json_pack("{s:s}", "name", name);

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (mode)
		json_object_set_new(iface, "mode", json_string(mode));
	if (!ioctl(fd, SIOCGIFMTU, &ifr))
		json_object_set_new(iface, "mtu", json_integer(ifr.ifr_mtu));
	if (ask(fd, &ifr, &driver)) {
		json_object_set_new(iface, "driver", json_string(driver.driver));
		json_object_set_new(iface, "driver_version", json_string(driver.version));
		json_object_set_new(iface, "firmware", json_string(driver.fw_version));
	}
	if (ask(fd, &ifr, &channels))
		json_object_set_new(iface, "channels",
				    json_pack("{s:I, s:I, s:I}", "rx",
					      (json_int_t)channels.rx_count, "tx",
					      (json_int_t)channels.tx_count, "combined",
					      (json_int_t)channels.combined_count));
	json_object_set_new(iface, "offloads", offloads(fd, &ifr));
	return iface;
}

int pp_bench_use_interface_in(struct pp_bench_run *run,
			      int netns_fd,
			      const char *name,
			      const char *mode,
			      struct pp_error *err)
{
	struct ifreq ifr = {0};
	int fd = socket_in(netns_fd);
	int ret = 0;

	if (fd < 0)
		return pp_error_set(err, fd, 0, 0, "%s: cannot ask about it: %s", name,
				    strerror(-fd));
	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (strlen(name) >= sizeof(ifr.ifr_name) || ioctl(fd, SIOCGIFINDEX, &ifr))
		ret = pp_error_set(err, -ENODEV, 0, 0, "%s: no such interface", name);
	else
		json_array_append_new(pp_bench_get(run, "interfaces"), describe(fd, name, mode));
	close(fd);
	return ret;
}

int pp_bench_use_interface(struct pp_bench_run *run,
			   const char *name,
			   const char *mode,
			   struct pp_error *err)
{
	return pp_bench_use_interface_in(run, -1, name, mode, err);
}
