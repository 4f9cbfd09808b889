/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_set.c - routes that are set while an address is taken (route_set.h).
 *
 * Theory of operation
 *
 * With its last address a device of the kernel loses its routes, without a word. What was there is put back (takeover_more.c), but a
 * route that the host sets between the look and the removal is known by its message alone. So from a removal on the messages are
 * kept, as the host would have it by them, until the kernel's queue is empty; then what is not there is put back, too.
 */
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "intercept/route_set.h"

#define ROUTES_MAX	1024u

void route_set_init(struct route_set *s)
{
	list_init(&s->routes);
	s->n = 0;
	s->open = false;
}

static void forget(struct route_set *s)
{
	rtnl_msg_purge(&s->routes);
	s->n = 0;
}

void route_set_open(struct route_set *s)
{
	forget(s);			/* that was seen when the address was taken */
	s->open = true;
}

void route_set_heard(struct route_set *s, const struct nlmsghdr *nlh)
{
	struct rtnl_msg *m = s->open ? takeover_route_request(nlh) : NULL;

	if (!m)
		return;
	list_for_each_safe(pos, &s->routes) {
		struct rtnl_msg *old = list_entry(pos, struct rtnl_msg, node);

		if (!takeover_route_same(old, m))
			continue;
		list_del(pos);
		free(old);
		s->n--;
	}
	if (nlh->nlmsg_type == RTM_NEWROUTE && s->n < ROUTES_MAX) {
		list_add_tail(&m->node, &s->routes);
		s->n++;
	} else {
		free(m);
	}
}

int route_set_close(struct route_set *s, struct takeover *t, struct list *routes, struct weir_error *e)
{
	int rc = s->open ? takeover_put_routes(t, &s->routes, routes, e) : 0;

	forget(s);
	s->open = false;
	return rc;
}
