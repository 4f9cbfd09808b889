/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip4_link.c - IPv4 on one NIC: which redirects are followed (RFC 1122 section 3.2.2.2).
 *
 * Theory of operation
 *
 * icmp.c has found the quoted packet to be one of ours. A redirect of a network is taken as one of
 * the host alone. It is followed when it comes from the gateway that we use for that destination
 * and names a host of the same link; Linux asks for the latter with shared_media = 0 only. What a
 * router says of a destination that we reach without a gateway is not its business. With
 * secure_redirects the new gateway has to be one that some route names, as Linux has it where
 * media are not shared.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip/ip4_link.h"
#include "ip/route_table.h"

int ip4_link_start(struct ip *ip, struct nic *nic, const struct ip4_config *c)
{
	struct ip4_link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->config = *c;
	redirects_init(&l->redirects, ip, nic);
	nic->ip4 = l;
	return 0;
}

void ip4_link_free(struct nic *nic)
{
	if (!nic->ip4)
		return;
	redirects_flush(&nic->ip4->redirects, NULL);
	free(nic->ip4);
	nic->ip4 = NULL;
}

void ip4_link_event(struct nic *nic, enum nic_event ev)
{
	if (ev == NIC_GONE)
		ip4_link_free(nic);
	else if (ev == NIC_DOWN && nic->ip4)
		redirects_flush(&nic->ip4->redirects, NULL);
}

static bool can_be_gateway(struct ip *ip, struct nic *nic, const struct ip_addr *a)
{
	return a->b[12] != 0 && a->b[12] < 224 && ip_on_link(ip, nic, a) &&
	       !ip_addr_is_broadcast(nic, a);
}

void ip4_redirect_input(struct ip *ip, const struct ip_meta *m, const struct ip_addr *gateway,
			const struct ip_meta *quoted)
{
	const struct flow f = {
		.src = quoted->src, .dst = quoted->dst, .proto = quoted->proto, .tos = quoted->tos,
	};
	struct ip4_link *l = m->nic->ip4;

	if (!l || !l->config.accept_redirects || m->nic->l3)
		return;
	if (ip_addr_eq(gateway, &m->src) || ip_addr_eq(&quoted->dst, &m->src) ||
	    !can_be_gateway(ip, m->nic, gateway) || !redirects_believe(&l->redirects, &f, &m->src))
		return;
	if (!l->config.secure_redirects || route_names_gateway(ip, m->nic, gateway))
		redirects_follow(&l->redirects, &quoted->dst, gateway);
}
