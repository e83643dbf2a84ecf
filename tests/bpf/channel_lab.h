// SPDX-License-Identifier: MIT OR Apache-2.0
// A plane with channels on A0 and B0 of two veth pairs, and packets from and to the other ends, in a
// network namespace of the test's own.
//
// Threads    the test's.
// Cost       of no interest.
// Ownership  lab_fini() closes what there is.
#pragma once

#include <push-packet/channel.h>
#include <push-packet/plane.h>

#define PAIRS 2
#define PACKET_BYTES 100u

extern struct pp_plane *plane;
extern struct pp_channel *channel[PAIRS];
extern struct pp_error err;

void lab_init(void);
void lab_listen_again(int pair);
void lab_configure(struct pp_plane_config *config, struct pp_iface_config iface[PAIRS]);
int lab_open_with(const struct pp_plane_config *config, const char *text);
void lab_open_channels(bool shared);
void lab_expect_all_home(void);
void lab_fini(void);
size_t lab_build(uint8_t *packet, uint8_t number);
void lab_send_packets(int pair, uint32_t n);
void lab_receive_packets(int pair, struct pp_frame *frame, uint32_t n);
void lab_flush(int pair);
void lab_expect_arrived(int pair, uint32_t n);
