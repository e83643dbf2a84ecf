// SPDX-License-Identifier: MIT OR Apache-2.0
#include "port_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "forward.h"
#include "handoff.h"
#include "port.h"

int pp_port_list_init(struct pp_port_list *list, uint32_t rows)
{
	list->port = calloc(rows, sizeof(struct pp_port *));
	list->by_row = calloc(rows, sizeof(struct pp_port *));
	list->sender = calloc(rows, sizeof(struct pp_port *));
	return list->port == NULL || list->by_row == NULL || list->sender == NULL ? -ENOMEM : 0;
}

void pp_port_list_fini(struct pp_port_list *list)
{
	free(list->sender);
	free(list->by_row);
	free(list->port);
}

void pp_port_list_set(struct pp_port_list *list,
		      const struct pp_rows *rows,
		      struct pp_port *const port[],
		      uint32_t count,
		      struct pp_port *const leaving[],
		      uint32_t leaving_count)
{
	memset(list->by_row, 0, rows->total * sizeof(struct pp_port *));
	list->count = count;
	for (uint32_t i = 0; i < count; i++) {
		list->port[i] = port[i];
		list->by_row[pp_port_info(port[i])->row] = port[i];
	}
	pp_forward_senders(list->sender, list->by_row, rows);
	for (uint32_t i = 0; i < leaving_count; i++)
		list->by_row[pp_port_info(leaving[i])->row] = leaving[i];
}

static void take_back(struct pp_port *port, const uint8_t *const data[], uint32_t n)
{
	for (uint32_t i = 0; port != NULL && i < n; i++)
		pp_port_take_back(port, data[i]);
}

// All of them: a worker may lend more in a round than one burst.
uint32_t pp_port_list_take_back(const struct pp_port_list *list, struct pp_handoff *handoff)
{
	const uint8_t *data[PP_BURST];
	uint32_t n, total = 0;
	uint16_t row;

	do {
		n = pp_handoff_take_back(handoff, data, PP_BURST, &row);
		if (n > 0)
			take_back(list->by_row[row], data, n);
		total += n;
	} while (n == PP_BURST || pp_handoff_has_more(handoff));
	return total;
}
