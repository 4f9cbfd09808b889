/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c - addresses as text and as the program's struct sockaddr. */
#include <arpa/inet.h>

#include "base/siphash.h"
#include "ip/addr.h"

const struct ip_addr ip_addr_localhost6 = { .b = { [15] = 1 } };

bool ip_addr_is_loopback(const struct ip_addr *a)
{
	if (ip_addr_is_v4(a))
		return a->b[12] == 127;
	return ip_addr_eq(a, &ip_addr_localhost6);
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

uint8_t ip_addr_scope(const struct ip_addr *a)
{
	if (ip_addr_is_v4(a))	/* RFC 6724 section 3.2 */
		return a->b[12] == 127 || (a->b[12] == 169 && a->b[13] == 254) ? IP_SCOPE_LINK
									       : IP_SCOPE_GLOBAL;
	if (a->b[0] == 0xff)
		return a->b[1] & 0xf;
	if (ip_addr_is_linklocal(a) || ip_addr_is_loopback(a))
		return IP_SCOPE_LINK;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0)
		return IP_SCOPE_SITE;
	return IP_SCOPE_GLOBAL;
}

const char *ip_addr_text(const struct ip_addr *a, char *text)
{
	if (ip_addr_is_v4(a))
		inet_ntop(AF_INET, &a->w[3], text, IP_ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->b, text, IP_ADDR_TEXT);
	return text;
}

void ip_addr_to_sockaddr(const struct ip_addr *a, uint16_t port, int family, uint32_t scope,
			 void *sa, socklen_t *len)
{
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
	socklen_t full;

	memset(&u, 0, sizeof(u));
	if (family == AF_INET6) {
		full = sizeof(u.in6);
		u.in6.sin6_family = AF_INET6;
		u.in6.sin6_port = htons(port);
		memcpy(&u.in6.sin6_addr, a->b, sizeof(a->b));
		if (ip_addr_needs_nic(a))
			u.in6.sin6_scope_id = scope;
	} else {
		full = sizeof(u.in);
		u.in.sin_family = AF_INET;
		u.in.sin_port = htons(port);
		u.in.sin_addr.s_addr = ip_addr_to_v4(a);
	}
	memcpy(sa, &u, *len < full ? *len : full);
	*len = full;
}

struct ip_addr ip_addr_of_param(const struct param_address *a)
{
	struct ip_addr ip;
	uint32_t v4;

	if (a->family == AF_INET6) {
		memcpy(ip.b, a->addr, sizeof(ip.b));
		return ip;
	}
	memcpy(&v4, a->addr, sizeof(v4));
	return ip_addr_v4(a->family == AF_INET ? v4 : 0);
}

uint64_t ip_addr_hash(const struct siphash_key *key, const struct ip_addr *a, uint64_t number)
{
	struct {
		struct ip_addr addr;
		uint64_t number;
	} both = { *a, number };

	return siphash(key, &both, sizeof(both));
}
