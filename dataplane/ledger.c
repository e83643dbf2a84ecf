// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ledger.h>

#include <push-packet/abi.h>

static const char *const column_names[] = {
	"seen",
	"seen_bytes",
	"passed",
	"dropped",
	"redirected",
	"route_no_socket",
	"route_no_meta",
	"aborted",
	"copied",
	"copy_ring_full",
	"copy_no_ring",
	"copy_too_long",
	"unparsed_eth_short",
	"unparsed_vlan_short",
	"unparsed_vlan_deep",
	"unparsed_ip_short",
	"unparsed_ip_bad",
	"unparsed_ext_short",
	"unparsed_ext_deep",
	"unparsed_l4_short",
	"no_frame",
	"too_long",
	"rx_ring_full",
	"rx_bad_fill",
	"tx_bad_desc",
	"xsk_rx",
	"sink",
	"reflected",
	"to_program",
	"tx_ring_full",
	"tx_bad",
	"no_consumer",
	"handed_off",
	"handoff_full",
	"analysed",
	"ring_read",
	"copy_no_consumer",
	"copy_to_program",
	"copy_handed_off",
	"copy_handoff_full",
	"copy_analysed",
	"tx_completed",
};
_Static_assert(sizeof(column_names) / sizeof(column_names[0]) == PP_LEDGER_COLUMNS,
	       "every column has a name");
_Static_assert((int)PP_LEDGER_SEEN == (int)PP_COUNT_SEEN &&
		       (int)PP_LEDGER_COPY_TOO_LONG == (int)PP_COUNT_COPY_TOO_LONG &&
		       (int)PP_LEDGER_UNPARSED_L4_SHORT == (int)PP_COUNT_UNPARSED_L4_SHORT &&
		       (int)PP_LEDGER_NO_FRAME == (int)PP_COUNT_END,
	       "the first columns are the XDP program's counters");

const char *pp_ledger_name(enum pp_ledger_column column)
{
	return (unsigned int)column < PP_LEDGER_COLUMNS ? column_names[column] : "?";
}

void pp_ledger_add(struct pp_ledger_row *sum, const struct pp_ledger_row *row)
{
	for (int i = 0; i < PP_LEDGER_COLUMNS; i++)
		sum->v[i] += row->v[i];
}

void pp_ledger_in_flight(const struct pp_ledger_row *row, struct pp_ledger_in_flight *out)
{
	const uint64_t *v = row->v;

	out->verdict = (int64_t)(v[PP_LEDGER_SEEN] - v[PP_LEDGER_PASSED] - v[PP_LEDGER_DROPPED] -
				 v[PP_LEDGER_REDIRECTED] - v[PP_LEDGER_ROUTE_NO_SOCKET] -
				 v[PP_LEDGER_ROUTE_NO_META] - v[PP_LEDGER_ABORTED]);
	out->rx = (int64_t)(v[PP_LEDGER_REDIRECTED] - v[PP_LEDGER_XSK_RX] - v[PP_LEDGER_NO_FRAME] -
			    v[PP_LEDGER_TOO_LONG] - v[PP_LEDGER_RX_RING_FULL]);
	out->worker = (int64_t)(v[PP_LEDGER_XSK_RX] - v[PP_LEDGER_SINK] - v[PP_LEDGER_REFLECTED] -
				v[PP_LEDGER_TO_PROGRAM] - v[PP_LEDGER_HANDED_OFF] -
				v[PP_LEDGER_HANDOFF_FULL] - v[PP_LEDGER_TX_RING_FULL] -
				v[PP_LEDGER_TX_BAD] - v[PP_LEDGER_NO_CONSUMER]);
	out->analysis = (int64_t)(v[PP_LEDGER_HANDED_OFF] - v[PP_LEDGER_ANALYSED]);
	out->ring = (int64_t)(v[PP_LEDGER_COPIED] - v[PP_LEDGER_RING_READ]);
	out->copy_worker = (int64_t)(v[PP_LEDGER_RING_READ] - v[PP_LEDGER_COPY_HANDED_OFF] -
				     v[PP_LEDGER_COPY_HANDOFF_FULL] -
				     v[PP_LEDGER_COPY_NO_CONSUMER] - v[PP_LEDGER_COPY_TO_PROGRAM]);
	out->copy_analysis = (int64_t)(v[PP_LEDGER_COPY_HANDED_OFF] - v[PP_LEDGER_COPY_ANALYSED]);
}

bool pp_ledger_balanced(const struct pp_ledger_row *row)
{
	struct pp_ledger_in_flight f;

	pp_ledger_in_flight(row, &f);
	return f.verdict == 0 && f.rx == 0 && f.worker == 0 && f.analysis == 0 && f.ring == 0 &&
	       f.copy_worker == 0 && f.copy_analysis == 0 && row->v[PP_LEDGER_RX_BAD_FILL] == 0 &&
	       row->v[PP_LEDGER_TX_BAD_DESC] == 0;
}
