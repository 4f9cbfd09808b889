/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr.h - one type for IPv4 and IPv6 addresses: sixteen bytes, IPv4 in v4-mapped form
 * (RFC 4291 2.5.5.2), so that every table has one kind of key.
 */
#ifndef IP_ADDR_H
#define IP_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <weir/param.h>

struct ip_addr {
	union {
		uint8_t b[16];
		uint32_t w[4];		/* network order */
		uint64_t q[2];
	};
};

#define IP_ADDR_TEXT INET6_ADDRSTRLEN

static inline struct ip_addr ip_addr_v4(uint32_t be)
{
	struct ip_addr a = { .w = { 0, 0, htonl(0xffff), be } };

	return a;
}

/* Sixteen bytes of a packet, at any alignment. */
static inline struct ip_addr ip_addr_read(const void *at)
{
	struct ip_addr a;

	memcpy(&a, at, sizeof(a));
	return a;
}

static inline bool ip_addr_is_v4(const struct ip_addr *a)
{
	return a->q[0] == 0 && a->w[2] == htonl(0xffff);
}

static inline uint32_t ip_addr_to_v4(const struct ip_addr *a)	/* network order */
{
	return a->w[3];
}

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

static inline uint8_t ip_addr_bits(const struct ip_addr *a)	/* of its own family */
{
	return ip_addr_is_v4(a) ? 32 : 128;
}

/* The unspecified address of either family. */
static inline bool ip_addr_is_any(const struct ip_addr *a)
{
	return a->q[0] == 0 && a->w[3] == 0 && (a->w[2] == 0 || a->w[2] == htonl(0xffff));
}

/* The unspecified address of a family: 0.0.0.0 or ::. */
static inline struct ip_addr ip_addr_any(int family)
{
	return family == AF_INET6 ? (struct ip_addr){ .q = { 0 } } : ip_addr_v4(0);
}

static inline bool ip_addr_is_linklocal(const struct ip_addr *a)	/* fe80::/10 */
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Scopes as multicast addresses have them (RFC 4291 section 2.7, RFC 4007). */
#define IP_SCOPE_HOST	1u
#define IP_SCOPE_LINK	2u
#define IP_SCOPE_SITE	5u
#define IP_SCOPE_GLOBAL	14u
uint8_t ip_addr_scope(const struct ip_addr *a);		/* RFC 6724 section 3.1 */
/* fe80::1 and ff02::1 are names on one link only: a NIC belongs to them. */
static inline bool ip_addr_needs_nic(const struct ip_addr *a)
{
	return ip_addr_is_linklocal(a) ||
	       (a->b[0] == 0xff && ((a->b[1] & 0xf) == 1 || (a->b[1] & 0xf) == 2));
}

bool ip_addr_is_loopback(const struct ip_addr *a);
bool ip_addr_is_multicast(const struct ip_addr *a);
extern const struct ip_addr ip_addr_localhost6;		/* ::1 */
/* What was parsed from text; IPv4's any when no address was given. */
struct ip_addr ip_addr_of_param(const struct param_address *a);
/* Text without prefix, into text[IP_ADDR_TEXT]; returns text. */
const char *ip_addr_text(const struct ip_addr *a, char *text);
/* As sockaddr_in or sockaddr_in6, port in host order; scope: the NIC's index, shown with addresses
 * that are names on one link. Gives the full length, and copies at most
 * *len bytes, as getsockname does. */
void ip_addr_to_sockaddr(const struct ip_addr *a, uint16_t port, int family, uint32_t scope,
			 void *sa, socklen_t *len);

/* For a table whose keys are an address and a number. key: a secret, since others choose the addresses. */
struct siphash_key;
uint64_t ip_addr_hash(const struct siphash_key *key, const struct ip_addr *a, uint64_t number);

#endif
