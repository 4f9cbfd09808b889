/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip6_link.h - IPv6 on one NIC: which addresses it has, and what its routers say.
 *
 *	ip6_link.c	start and stop, lifetimes
 *	ip6_addr.c	interface identifiers, stateless autoconfiguration (RFC 4862, RFC 7217)
 *	ip6_dad.c	duplicate address detection (RFC 4862 section 5.4, RFC 7527)
 *	ip6_router.c	router discovery (RFC 4861 section 6.3, RFC 4191, RFC 7559)
 *	ip6_redirect.c	redirects (RFC 4861 section 8)
 *
 * A NIC whose IPv6 was not started answers for the addresses that it was given, and does nothing
 * of its own accord.
 */
#ifndef IP_IP6_LINK_H
#define IP_IP6_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "ip/redirect.h"
#include "time/timer.h"

#define IP6_ROUTERS_MAX		16u	/* of one NIC, each */
#define IP6_PREFIXES_MAX	16u
#define IP6_ADDRS_MAX		16u	/* by autoconfiguration: Linux's max_addresses */
#define IP6_METRIC_RA		1024u	/* of the best router's route; the others' follow */
#define IP6_METRIC_PREFIX	256u

struct ip6_config {			/* of [link NAME] */
	bool enabled;			/* ipv6 */
	bool accept_ra, accept_redirects;
	bool eui64;			/* addr-gen; else RFC 7217's opaque identifiers */
	bool has_secret;		/* stable-secret; else the stack's own, of this start */
	struct siphash_key secret;
};
#define IP6_CONFIG_DEFAULT { .enabled = true, .accept_ra = true, .accept_redirects = true }

struct ip6_router {			/* a default router, RFC 4861 section 5.1 */
	struct list node;
	struct ip_addr addr;
	uint64_t until;			/* ns */
	int preference;			/* RFC 4191: 1 high, 0, -1 low */
	bool failed;			/* does not answer: others come first */
	uint32_t metric;		/* of its route; 0 = it has none */
};

struct ip6_prefix {			/* on this link */
	struct list node;
	struct ip_addr addr;
	uint8_t len;
	uint64_t until;			/* ns; IFADDR_FOREVER */
};

struct ip6_link {
	struct ip *ip;
	struct nic *nic;
	struct ip6_config config;
	bool ready;			/* speaks: was up with a carrier, and has not been down since */
	struct nud_times times;
	uint32_t reachable_ms;		/* as last said: the base of times.reachable */
	uint8_t hop_limit;		/* 0: not said */
	uint32_t mtu;			/* 0: not said */
	struct list routers, prefixes;
	uint32_t nrouters, nprefixes;
	struct redirects redirects;
	struct timer solicit;		/* the next router solicitation */
	uint64_t solicit_wait;		/* ns, RFC 7559's RT; 0: none was sent */
	bool solicited_enough;		/* a router was found */
	struct timer life;		/* when the next of all these, or of the addresses, ends */
};

struct ip6_ra_option_prefix {
	struct ip_addr addr;
	uint8_t len;
	bool on_link, autonomous;
	uint32_t valid, preferred;	/* s; UINT32_MAX: for ever */
};

/*
 * Start IPv6 on nic: addresses that it has by now are taken as they are, those that come later are
 * looked for duplicates of first. A link-local address is made unless there is one. -ENOMEM.
 */
int ip6_link_start(struct ip *ip, struct nic *nic, const struct ip6_config *c);
void ip6_link_event(struct nic *nic, enum nic_event ev);
void ip6_link_free(struct nic *nic);
void ip6_addrs_remove(struct ip *ip, struct nic *nic);	/* all IPv6 addresses of nic */
/* Something that ends was added or changed. */
void ip6_link_schedule(struct ip6_link *l);
/* The time that s seconds from now are; UINT32_MAX: for ever. */
uint64_t ip6_until(const struct ip6_link *l, uint32_t s);
static inline bool ip6_refused(const struct nic *nic)
{
	return nic->ip6 && !nic->ip6->config.enabled;
}

/* What routers said, or what holds without: the hop limit, and the largest IPv6 packet. */
static inline uint8_t ip6_hop_limit(const struct ip *ip, const struct nic *nic)
{
	return nic->ip6 && nic->ip6->hop_limit ? nic->ip6->hop_limit : ip->ttl;
}
static inline uint32_t ip6_mtu(const struct nic *nic)
{
	return nic->ip6 && nic->ip6->mtu ? nic->ip6->mtu : nic->mtu;
}

/* ip6_addr.c */
void ip6_addr_linklocal(struct ip6_link *l);		/* make one, unless there is one */
void ip6_addr_prefix(struct ip6_link *l, const struct ip6_ra_option_prefix *o);
/* Somebody has the address that we had made: another one, if there are tries left. */
void ip6_addr_again(struct ip6_link *l, const struct ifaddr *ia);
/* A secret as it is written: like an IPv6 address. */
struct siphash_key ip6_secret(const uint8_t secret[16]);
/* RFC 7217 section 5. */
uint64_t ip6_stable_id(const struct ip6_link *l, const struct ip_addr *prefix, uint8_t conflicts);
/* An address was added, or goes: memberships, detection. */
void ip6_addr_added(struct ip *ip, struct ifaddr *ia);
void ip6_addr_removed(struct ip *ip, struct ifaddr *ia);

/* ip6_dad.c */
void ip6_dad_start(struct ip6_link *l, struct ifaddr *ia);
void ip6_dad_stop(struct ip *ip, struct ifaddr *ia);
/* A solicitation (nonce: its option, or NULL) or an advertisement names a tentative address. */
void ip6_dad_heard(struct ip6_link *l, struct ifaddr *ia, const uint8_t *nonce, bool solicit);

/* ip6_router.c. p: the whole message is linear. False: malformed. */
bool ip6_advert_input(struct ip *ip, struct packet *p, const struct ip_meta *m);
void ip6_router_init(struct ip6_link *l);
void ip6_solicit_start(struct ip6_link *l);
/* A default router that this link's stack before us knew, good for s seconds more. */
void ip6_router_take(struct ip6_link *l, const struct ip_addr *a, uint32_t s);
void ip6_router_lost(struct ip6_link *l, const struct ip_addr *a);	/* is none any more */
void ip6_router_failed(struct ip6_link *l, const struct ip_addr *a, bool failed);
void ip6_routers_expire(struct ip6_link *l, uint64_t *next);
void ip6_routers_flush(struct ip6_link *l);

/* ip6_redirect.c */
bool ip6_redirect_input(struct ip *ip, struct packet *p, const struct ip_meta *m);

#endif
