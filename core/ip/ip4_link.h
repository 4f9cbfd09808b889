/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip4_link.h - IPv4 on one NIC, beside its addresses: what its routers say.
 *
 * A NIC whose IPv4 was not started follows nobody's redirects.
 */
#ifndef IP_IP4_LINK_H
#define IP_IP4_LINK_H

#include "ip/redirect.h"

struct ip4_config {			/* of [link NAME] */
	bool accept_redirects;
	bool secure_redirects;		/* only to gateways that routes name */
	bool promote_secondaries;	/* when the primary address of a subnet goes */
};
#define IP4_CONFIG_DEFAULT { .accept_redirects = true }

struct ip4_link {
	struct ip4_config config;
	struct redirects redirects;
};

int ip4_link_start(struct ip *ip, struct nic *nic, const struct ip4_config *c);	/* -ENOMEM */
void ip4_link_event(struct nic *nic, enum nic_event ev);
void ip4_link_free(struct nic *nic);

/* The message that m tells of names gateway for what goes where the quoted packet of ours went. */
void ip4_redirect_input(struct ip *ip, const struct ip_meta *m, const struct ip_addr *gateway,
			const struct ip_meta *quoted);

#endif
