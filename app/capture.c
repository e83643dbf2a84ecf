// SPDX-License-Identifier: MIT OR Apache-2.0
#include "capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include <push-packet/abi.h>

struct pp_capture {
	pcap_t *pcap;
	uint8_t frame_kind;
};

static int frame_kind_of(int link, struct pp_error *err)
{
	const char *name;

	switch (link) {
	case DLT_EN10MB:
		return PP_FRAME_ETHERNET;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return PP_FRAME_RAW_IP;
	default:
		name = pcap_datalink_val_to_name(link);
		return pp_error_set(
			err, -EINVAL, 0, 0,
			"its packets are of link type %s (%d); expected Ethernet (EN10MB) "
			"or raw IP (RAW, IPV4, IPV6)",
			name ? name : "unknown", link);
	}
}

static int open_pcap(const char *path, pcap_t **out, struct pp_error *err)
{
	char text[PCAP_ERRBUF_SIZE];
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;

	if (!file)
		return pp_error_set(err, -errno, 0, 0, "%s", strerror(errno));
	*out = pcap_fopen_offline(file, text);
	if (*out)
		return 0;
	if (file != stdin)
		fclose(file);
	return pp_error_set(err, -EINVAL, 0, 0, "expected a capture, pcap or pcapng: %s", text);
}

int pp_capture_open(struct pp_capture **out, const char *path, struct pp_error *err)
{
	struct pp_capture *capture = calloc(1, sizeof(*capture));
	int ret;

	if (!capture)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = open_pcap(path, &capture->pcap, err);
	ret = ret ?: frame_kind_of(pcap_datalink(capture->pcap), err);
	if (ret < 0) {
		pp_capture_close(capture);
		return ret;
	}
	capture->frame_kind = (uint8_t)ret;
	*out = capture;
	return 0;
}

void pp_capture_close(struct pp_capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap);
	free(capture);
}

uint8_t pp_capture_frame_kind(const struct pp_capture *capture)
{
	return capture->frame_kind;
}

int pp_capture_next(struct pp_capture *capture, struct pp_capture_packet *out, struct pp_error *err)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int got = pcap_next_ex(capture->pcap, &header, &data);

	if (got == PCAP_ERROR_BREAK)
		return 0;
	if (got != 1)
		return pp_error_set(err, -EIO, 0, 0, "%s", pcap_geterr(capture->pcap));
	*out = (struct pp_capture_packet){data, header->caplen, header->len};
	return 1;
}
