/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flowlabel.c - flow labels of what we send (RFC 6437 section 3).
 *
 * Theory of operation. A label is a keyed hash of addresses, protocol and ports: the same for all
 * packets of a flow, so that load is spread by it where ports cannot be seen, and of no use to
 * guess another's. As with Linux (auto_flowlabels) the high bit is set, which marks those that
 * nobody leased.
 */
#include "ip/ipv6.h"

#define FLOWLABEL_STATELESS 0x80000u

uint32_t flowlabel(struct ip *ip, const struct packet *p, const struct flow *f,
		   const struct dst *d)
{
	struct {
		struct ip_addr src, dst;
		uint32_t ports, proto;
	} key = { .src = d->src, .dst = f->dst, .proto = f->proto };

	if ((f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP) && p->linear >= sizeof(key.ports))
		memcpy(&key.ports, p->data, sizeof(key.ports));
	return ((uint32_t)siphash(&ip->env->key, &key, sizeof(key)) & IPV6_FLOWLABEL) |
	       FLOWLABEL_STATELESS;
}
