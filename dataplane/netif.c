// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/netif.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <push-packet/abi.h>

#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>

static int ask(int fd, unsigned long request, const char *name, struct ifreq *ifr)
{
	memset(ifr->ifr_name, 0, sizeof(ifr->ifr_name));
	strncpy(ifr->ifr_name, name, sizeof(ifr->ifr_name) - 1);
	return ioctl(fd, request, ifr) < 0 ? -errno : 0;
}

static int ask_ethtool(int fd, const char *name, void *command)
{
	struct ifreq ifr = {.ifr_data = command};

	return ask(fd, SIOCETHTOOL, name, &ifr);
}

static void read_driver(int fd, const char *name, struct pp_netif *netif)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (ask_ethtool(fd, name, &info) == 0)
		snprintf(netif->driver, sizeof(netif->driver), "%s", info.driver);
}

// Receive queues: the channels that can receive. A driver without channels (tun) has one.
static void read_queues(int fd, const char *name, struct pp_netif *netif)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	netif->queue_count = 1;
	netif->queue_max = 1;
	netif->tx_queue_count = 1;
	if (ask_ethtool(fd, name, &channels) < 0 ||
	    channels.rx_count + channels.combined_count == 0)
		return;
	netif->queue_count = channels.rx_count + channels.combined_count;
	netif->tx_queue_count = channels.tx_count + channels.combined_count;
	netif->queue_max =
		channels.max_rx > channels.max_combined ? channels.max_rx : channels.max_combined;
	if (netif->queue_max < netif->queue_count)
		netif->queue_max = netif->queue_count;
}

// sysfs may show another namespace's interfaces; there the answer is "unknown", never wrong:
// virtual interfaces have no device.
static void read_numa_node(const char *name, struct pp_netif *netif)
{
	char path[64 + IFNAMSIZ];
	unsigned int ifindex;
	FILE *file;

	netif->numa_node = -1;
	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", name);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fscanf(file, "%u", &ifindex) != 1)
		ifindex = 0;
	fclose(file);
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/numa_node", name);
	file = ifindex == netif->ifindex ? fopen(path, "re") : NULL;
	if (file == NULL)
		return;
	if (fscanf(file, "%d", &netif->numa_node) != 1)
		netif->numa_node = -1;
	fclose(file);
}

// tun and WireGuard are ARPHRD_NONE.
static int frame_kind(uint16_t hw_type)
{
	switch (hw_type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return PP_FRAME_ETHERNET;
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
		return PP_FRAME_RAW_IP;
	default:
		return -1;
	}
}

static int read_link(int fd, const char *name, struct pp_netif *netif)
{
	struct ifreq ifr;
	int ret;

	ret = ask(fd, SIOCGIFINDEX, name, &ifr);
	if (ret < 0)
		return ret;
	netif->ifindex = (uint32_t)ifr.ifr_ifindex;
	ret = ask(fd, SIOCGIFFLAGS, name, &ifr);
	if (ret < 0)
		return ret;
	netif->up = ifr.ifr_flags & IFF_UP;
	ret = ask(fd, SIOCGIFMTU, name, &ifr);
	if (ret < 0)
		return ret;
	netif->mtu_bytes = (uint32_t)ifr.ifr_mtu;
	ret = ask(fd, SIOCGIFHWADDR, name, &ifr);
	if (ret < 0)
		return ret;
	netif->hw_type = ifr.ifr_hwaddr.sa_family;
	netif->frame_kind = frame_kind(netif->hw_type);
	if (netif->frame_kind == PP_FRAME_ETHERNET)
		memcpy(netif->mac, ifr.ifr_hwaddr.sa_data, sizeof(netif->mac));
	return 0;
}

int pp_netif_get(const char *name, struct pp_netif *out)
{
	struct pp_netif netif = {0};
	int fd, ret;

	if (strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = read_link(fd, name, &netif);
	if (ret == 0) {
		read_driver(fd, name, &netif);
		read_queues(fd, name, &netif);
		read_numa_node(name, &netif);
		*out = netif;
	}
	close(fd);
	return ret;
}
