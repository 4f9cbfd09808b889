/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adopt.c - a device that a namespace got while its sandbox runs becomes a NIC (adopt.h).
 *
 * Theory of operation
 *
 * As at the start the link is opened with privilege, in the front, and attached from its descriptor in the stack process;
 * but that runs already, so the descriptor is sent, with what its driver has found out and how the kernel
 * was told to speak IP on the device. Addresses, routes and neighbours follow as those do that the host sets on any device.
 *
 * The INI knows nothing of the device: it gets what a device gets that it does not name, the driver packet and
 * the qdisc of all NICs.
 *
 * System calls in the stack process: those of the driver's attach, epoll_ctl, close.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/parts.h"
#include "intercept/adopt.h"
#include "intercept/takeover.h"

#define DRIVER	"packet"

/* The front's. */
int adopt_open(void *arg, const struct taken *x, char opened[FOLLOW_NEW_MAX], struct weir_error *e)
{
	struct instance *inst = arg;
	struct adopted o;
	struct instance_nic *n = NULL;
	struct config c;
	char text[64];

	config_init(&c);
	snprintf(text, sizeof(text), "link.%s.driver=" DRIVER, x->device);
	if (!config_set(&c, text, "--netns", e) && !config_check(&c, &inst->registry, NULL, NULL, e))
		n = instance_link_open(inst, &c.links[0], e);
	config_free(&c);
	if (!n)
		return -EINVAL;
	takeover_heed(n, x);
	memset(&o, 0, sizeof(o));
	o.index = n->index;
	o.link = n->link;
	o.link.ops = NULL;
	o.link.priv = NULL;
	o.ip4 = n->ip4;
	o.ip6 = n->ip6;
	memset(opened, 0, FOLLOW_NEW_MAX);
	memcpy(opened, &o, sizeof(o));
	return n->link.fd;
}

/* The stack process's. */
int adopt_start(struct instance *inst, const char opened[FOLLOW_NEW_MAX], int fd, struct weir_error *e)
{
	struct instance_nic like = { .taken = true };
	struct adopted o;

	if (fd < 0)
		return weir_fail(e, EMFILE, "no descriptor is left for it");
	memcpy(&o, opened, sizeof(o));
	like.link = o.link;
	like.ip4 = o.ip4;
	like.ip6 = o.ip6;
	like.index = o.index;
	return instance_link_start(inst, &like, fd, DRIVER, e);
}
