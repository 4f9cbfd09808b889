/* SPDX-License-Identifier: Apache-2.0 */
/* icmp6.h - ICMPv6 (RFC 4443). icmp6_send_error() is in ip.h. */
#ifndef IP_ICMP6_H
#define IP_ICMP6_H

#include "ip/ip.h"

#define ICMP6_HEADER_LEN	8u
#define ICMP6_ERROR_MAX		1280u	/* bytes of an error, IPv6 header included (section 2.4 (c)) */

void icmp6_init(struct ip *ip);		/* registers the protocol */
/* An error about a packet of our own, p, that this host could not send: to its transport. p stays
 * the caller's. */
void icmp6_local_error(struct ip *ip, const struct packet *p, uint8_t type, uint8_t code,
		       uint32_t mtu);

#endif
