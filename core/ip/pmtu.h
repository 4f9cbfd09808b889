/* SPDX-License-Identifier: Apache-2.0 */
/* pmtu.h - learned path MTUs (RFC 1191): bounded, and forgotten after ten minutes. */
#ifndef IP_PMTU_H
#define IP_PMTU_H

#include "ip/ip.h"

#define PMTU_MIN	552u			/* Linux's min_pmtu */
#define PMTU_EXPIRE_NS	(600ull * 1000000000)	/* RFC 1191 section 6.3; Linux's mtu_expires */
#define PMTU_ENTRIES	1024u

struct pmtu_cache *pmtu_create(struct ip *ip);
void pmtu_destroy(struct pmtu_cache *c);
uint32_t pmtu_find(const struct pmtu_cache *c, const struct ip_addr *dst);	/* 0 = none */

#endif
