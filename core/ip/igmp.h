/* SPDX-License-Identifier: Apache-2.0 */
/* igmp.h - the Internet Group Management Protocol, the host's side. */
#ifndef IP_IGMP_H
#define IP_IGMP_H

#include "ip/group.h"

extern const struct group_protocol igmp_protocol;	/* for group_report.c */
extern const struct ip_protocol igmp_ip_protocol;	/* arg: struct ip */

#endif
