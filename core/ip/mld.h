/* SPDX-License-Identifier: Apache-2.0 */
/* mld.h - Multicast Listener Discovery, the host's side. */
#ifndef IP_MLD_H
#define IP_MLD_H

#include "ip/group.h"

#define MLD_QUERY	130u
#define MLD_V1_REPORT	131u
#define MLD_V1_DONE	132u
#define MLD_V2_REPORT	143u

extern const struct group_protocol mld_protocol;	/* for group_report.c */

/* An ICMPv6 message of type 130 to 132, checksum verified, data at its type. False: malformed. p
 * stays the caller's. */
bool mld_input(struct ip *ip, struct packet *p, const struct ip_meta *m);

#endif
