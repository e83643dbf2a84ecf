// SPDX-License-Identifier: MIT OR Apache-2.0
#include "forward.h"

#include <string.h>

#include <linux/if_ether.h>

// Both sides must carry Ethernet, and the queue that sends must be there.
static bool
can_send(const struct pp_forward *forward, const struct pp_port *out, const struct pp_port_rx *rx)
{
	return pp_port_info(out)->can_send && rx->len_bytes >= ETH_HLEN &&
	       pp_port_info(forward->from)->frame_kind == PP_FRAME_ETHERNET &&
	       pp_port_info(out)->frame_kind == PP_FRAME_ETHERNET &&
	       pp_port_shares(out, forward->from);
}

void pp_forward_add(struct pp_forward *forward, struct pp_port *out, const struct pp_port_rx *rx)
{
	if (out == NULL || !can_send(forward, out, rx)) {
		*(out == NULL ? &forward->no_socket : &forward->bad) += 1;
		pp_port_recycle(forward->from, rx->data);
		return;
	}
	if (out != forward->out)
		pp_forward_send(forward);
	forward->out = out;
	forward->tx[forward->count++] = *rx;
}

// Kicked at once: a kick sends 32 packets in copy mode (TX_BATCH_SIZE), and the port's own turn brings
// only one more.
void pp_forward_send(struct pp_forward *forward)
{
	uint32_t sent;

	if (forward->count == 0)
		return;
	sent = pp_port_tx_burst(forward->out, forward->tx, forward->count);
	for (uint32_t i = sent; i < forward->count; i++)
		pp_port_recycle(forward->from, forward->tx[i].data);
	forward->forwarded += sent;
	forward->ring_full += forward->count - sent;
	forward->count = 0;
	forward->kicks += pp_port_kick(forward->out);
}

void pp_forward_count(const struct pp_forward *forward, struct pp_ledger_row *row)
{
	pp_rows_bump(row, PP_LEDGER_FORWARDED, forward->forwarded);
	pp_rows_bump(row, PP_LEDGER_TX_RING_FULL, forward->ring_full);
	pp_rows_bump(row, PP_LEDGER_TX_NO_SOCKET, forward->no_socket);
	pp_rows_bump(row, PP_LEDGER_TX_BAD, forward->bad);
}

void pp_forward_senders(struct pp_port **sender,
			struct pp_port *const *port,
			const struct pp_rows *rows)
{
	memcpy(sender, port, rows->total * sizeof(*sender));
	for (uint32_t i = 0; i < PP_IFACES_MAX; i++) {
		struct pp_port **row = &sender[rows->base[i]], *first = NULL;

		for (uint32_t queue = 0; queue < rows->count[i] && first == NULL; queue++)
			first = row[queue];
		for (uint32_t queue = 0; queue < rows->count[i]; queue++)
			row[queue] = row[queue] ?: first;
	}
}
