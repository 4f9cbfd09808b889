/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c - addresses as text and as the program's struct sockaddr. */
#include <arpa/inet.h>

#include "ip/addr.h"

bool ip_addr_is_loopback(const struct ip_addr *a)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (ip_addr_is_v4(a))
		return a->b[12] == 127;
	return !memcmp(a->b, loopback6, sizeof(loopback6));
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

const char *ip_addr_text(const struct ip_addr *a, char *text)
{
	if (ip_addr_is_v4(a))
		inet_ntop(AF_INET, &a->w[3], text, IP_ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->b, text, IP_ADDR_TEXT);
	return text;
}

void ip_addr_to_sockaddr(const struct ip_addr *a, uint16_t port, int family, void *sa,
			 socklen_t *len)
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
		if (!ip_addr_is_any(a))		/* an unbound socket's name is ::, not ::ffff:0.0.0.0 */
			memcpy(&u.in6.sin6_addr, a->b, sizeof(a->b));
	} else {
		full = sizeof(u.in);
		u.in.sin_family = AF_INET;
		u.in.sin_port = htons(port);
		u.in.sin_addr.s_addr = ip_addr_to_v4(a);
	}
	memcpy(sa, &u, *len < full ? *len : full);
	*len = full;
}
