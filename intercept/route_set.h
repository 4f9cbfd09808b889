/* SPDX-License-Identifier: Apache-2.0 */
/* route_set.h - the routes that the host sets on devices that are taken, while an address is taken (route_set.c). */
#ifndef INTERCEPT_ROUTE_SET_H
#define INTERCEPT_ROUTE_SET_H

#include "intercept/takeover_priv.h"

struct route_set {
	struct list routes;		/* struct rtnl_msg */
	unsigned int n;
	bool open;			/* an address was taken, and what is set from then on is kept */
};

void route_set_init(struct route_set *s);
void route_set_open(struct route_set *s);
/* RTM_NEWROUTE or RTM_DELROUTE. */
void route_set_heard(struct route_set *s, const struct nlmsghdr *nlh);
/* Nothing more comes: what is missing is put back. Inside the namespace; as takeover_put_routes. */
int route_set_close(struct route_set *s, struct takeover *t, struct list *routes, struct weir_error *e);

#endif
