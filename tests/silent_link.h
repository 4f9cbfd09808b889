/* SPDX-License-Identifier: Apache-2.0 */
/* silent_link.h - a link that takes every packet and brings none. */
#ifndef TESTS_SILENT_LINK_H
#define TESTS_SILENT_LINK_H

#include <weir/link.h>

static inline int silent_transmit(struct link *l, struct packet **batch, int n)
{
	(void)l;
	for (int i = 0; i < n; i++)
		packet_free(batch[i]);
	return n;
}

static inline int silent_receive(struct link *l, struct packet **batch, int max)
{
	(void)l, (void)batch, (void)max;
	return 0;
}

static const struct link_ops silent = { .name = "silent", .transmit = silent_transmit, .receive = silent_receive };

#endif
