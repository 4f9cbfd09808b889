/* SPDX-License-Identifier: Apache-2.0 */
/* redirect.h - the better first hops that routers named, of one NIC and family. */
#ifndef IP_REDIRECT_H
#define IP_REDIRECT_H

#include "ip/ip.h"

#define REDIRECTS_MAX	64u
#define REDIRECT_NS	600000000000ull
#define REDIRECT_METRIC	1u

struct redirects {
	struct ip *ip;
	struct nic *nic;
	struct list list;		/* struct redirect, oldest first */
	uint32_t count;
	struct timer timer;		/* when the oldest ends */
};

void redirects_init(struct redirects *rs, struct ip *ip, struct nic *nic);
/* Is from the first hop of f, by this NIC? */
bool redirects_believe(const struct redirects *rs, const struct flow *f,
		       const struct ip_addr *from);
/* From now on what goes to dst goes to gateway, a neighbour; or (both the same) dst is one. */
void redirects_follow(struct redirects *rs, const struct ip_addr *dst,
		      const struct ip_addr *gateway);
/* gateway: those by it; NULL: all. */
void redirects_flush(struct redirects *rs, const struct ip_addr *gateway);

#endif
