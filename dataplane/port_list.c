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

static void take_back(const struct pp_port_list *list, const uint64_t unit[], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct pp_port *port = list->by_row[pp_handoff_row_of(unit[i])];

		if (port != NULL)
			pp_port_take_back(port, pp_handoff_data_of(unit[i]));
	}
}

// All of them: a worker may lend more in a round than one burst.
uint32_t pp_port_list_take_back(const struct pp_port_list *list, struct pp_handoff *handoff)
{
	uint32_t n, total = 0;
	uint64_t unit[PP_BURST];

	do {
		n = pp_handoff_take_back(handoff, unit, PP_BURST);
		take_back(list, unit, n);
		total += n;
	} while (n == PP_BURST);
	return total;
}
