/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.h - multicast groups: who listens to which, of either family, with the source filters of
 * IGMPv3 (RFC 3376) and MLDv2 (RFC 3810).
 *
 * A membership is one listener's wish: a group, the NIC, and which sources. A group is what all
 * memberships of one address on one NIC amount to. Sockets have memberships (the functions
 * group_sock_*), and so has the stack itself (solicited-node groups).
 */
#ifndef IP_GROUP_H
#define IP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "ip/ip.h"
#include "time/timer.h"

#define GROUPS_MAX		4096u	/* of one stack */
#define GROUP_SOURCES_MAX	128u	/* of a group; above, every source is taken (INCLUDE), and
					 * the sockets' own filters sort them out */
#define GROUP_PENDING_MAX	256u	/* source changes that wait to be told */
#define GROUP_SOCK_MAX_V4	20u	/* memberships of one socket: igmp_max_memberships */
#define GROUP_SOCK_MAX_V6	256u	/* Linux bounds them by optmem_max */
#define GROUP_MSF_MAX_V4	10u	/* sources of one membership: igmp_max_msf */
#define GROUP_MSF_MAX_V6	64u	/* mld_max_msf */

struct sock;
struct groups;

/* Which sources: those listed (include), or all but them (exclude). Zeroed: none. */
struct source_filter {
	bool exclude;
	uint16_t n;
	struct ip_addr *src;		/* owned */
};

struct membership {
	struct list node;		/* group->members */
	struct list owner;		/* sock->memberships */
	struct group *group;
	struct ip_addr via;		/* IPv4: the interface address that the program named */
	struct source_filter filter;
};

/* What is still to be told to the routers (group_report.c). */
struct group_pending {
	struct ip_addr src;
	uint8_t left;			/* times */
};

struct group {
	struct hash_node node;		/* groups->table */
	struct list list;		/* host->groups */
	struct group_host *host;
	struct ip_addr addr;
	struct list members;		/* those that exclude come first; empty: left, and still to be told so */
	struct list left;		/* groups->left, as long as it has no members */
	uint32_t nmembers, excludes, all;	/* of them those that exclude; and that exclude nobody */
	struct list included;		/* struct group_source that a member includes */
	uint32_t nincluded;
	struct source_filter filter;	/* of all members, RFC 3376 section 3.2 */

	/* group_report.c's */
	struct list changed;		/* host->changed, as long as something is still to be told */
	uint8_t mode_left;		/* times that a changed filter mode is still to be told */
	uint8_t unsolicited;		/* older versions: reports still to be sent */
	bool reporter;			/* older versions: the last report was ours */
	uint16_t npending;
	struct group_pending *pending;
	struct timer timer;		/* an answer to a query about this group */
	uint64_t answered;		/* ns; 0 = never */
	struct source_filter asked;	/* the sources it asked about; n 0: all */
};

/* A NIC as a host of one family's groups. */
struct group_host {
	struct list node;		/* groups->hosts */
	struct ip *ip;
	struct nic *nic;
	const struct group_protocol *proto;
	struct list groups;
	struct timer general;		/* the answer to a general query */
	uint64_t answered;		/* ns, the last one; 0 = never */
	struct timer change;		/* reports of changes */
	struct list changed;		/* groups of which something is to be told ... */
	uint32_t nchanged;		/* ... as many */
	uint32_t to_tell;		/* of them, in this round */
	uint64_t older_walked;		/* ns: when all groups were last asked about by an older version; 0 = never */
	uint64_t older_delay;		/* ns that the next such query allows; 0: none waits */
	uint64_t older_until[2];	/* ns: a router of version 1, 2 was heard; 0 = never */
	uint8_t robustness;		/* as the querier says */
	uint64_t query_interval;	/* ns, likewise */
};

/* What differs between IGMP and MLD. */
struct group_protocol {
	uint8_t version;		/* the newest: 3, 2 */
	uint8_t alen;			/* bytes of an address in a record */
	uint64_t unsolicited_ns;	/* older versions: between the first reports of a group */
	/* Is this group told to routers at all? */
	bool (*reported)(const struct group_host *h, const struct ip_addr *group);
	/* Bytes that the records of one report may take. */
	uint32_t (*room)(const struct group_host *h);
	void (*send_records)(struct group_host *h, const uint8_t *records, uint32_t len,
			     uint16_t n);
	/* The older versions' report (and IGMPv2's leave, MLDv1's done). */
	void (*send_report)(struct group_host *h, uint8_t version, const struct ip_addr *group);
	void (*send_leave)(struct group_host *h, const struct ip_addr *group);
};

/* A query, its times worked out. */
struct group_query {
	uint8_t version;		/* of the querier */
	struct ip_addr group;		/* any: general */
	uint64_t max_delay;		/* ns */
	uint8_t robustness;		/* 0: not said */
	uint64_t interval;		/* ns; 0: not said */
	const uint8_t *src;		/* n addresses of the protocol's length */
	uint16_t n;
};

struct groups *groups_create(struct ip *ip);
void groups_destroy(struct groups *gs);
void groups_nic_event(struct groups *gs, struct nic *nic, enum nic_event ev);
/* Routers may not have understood: tell all groups of one family again. */
void groups_tell_again(struct groups *gs, const struct nic *nic, bool v4);
/* The stack ends: tell at once what waits to be told. */
void groups_farewell(struct groups *gs);
uint32_t groups_count(const struct groups *gs);
struct group_host *group_host_find(struct groups *gs, const struct nic *nic, bool v4);
struct list *groups_hosts(struct groups *gs);		/* struct group_host, for dumps */

/* Is a packet from src to the group dst, come by nic, for somebody here? proto: messages of the
 * membership protocols pass source filters. */
bool group_accepts(struct ip *ip, const struct nic *nic, const struct ip_addr *dst,
		   const struct ip_addr *src, uint8_t proto);
struct group *group_find(struct groups *gs, const struct nic *nic, const struct ip_addr *a);

/* The stack's own membership, of all sources. m is the caller's; -ENOBUFS, -EINVAL. */
int group_join(struct ip *ip, struct nic *nic, const struct ip_addr *a, struct membership *m);
void group_leave(struct membership *m);			/* harmless when it has left */

/* ---- filters ---- */

bool source_filter_has(const struct source_filter *f, const struct ip_addr *src);
bool source_filter_passes(const struct source_filter *f, const struct ip_addr *src);
bool source_filter_add(struct source_filter *f, const struct ip_addr *src);	/* false: no memory */
void source_filter_del(struct source_filter *f, const struct ip_addr *src);
void source_filter_free(struct source_filter *f);
static inline bool source_filter_none(const struct source_filter *f)
{
	return !f->exclude && !f->n;
}

/* ---- sockets: group_sock.c. Errors are Linux's, as ip(7) and ipv6(7) have them ---- */

/* Join: -EINVAL, -EADDRINUSE, -ENOBUFS. exclude false: for source-specific multicast. */
int group_sock_join(struct sock *sk, struct nic *nic, const struct ip_addr *a,
		    const struct ip_addr *via, bool exclude);
/* nic NULL: the one that was joined by the address via. -EADDRNOTAVAIL. */
int group_sock_leave(struct sock *sk, const struct nic *nic, const struct ip_addr *a,
		     const struct ip_addr *via);
/* Add a source to a filter of this mode, or take it out. -EINVAL, -EADDRNOTAVAIL, -ENOBUFS. */
int group_sock_source(struct sock *sk, const struct nic *nic, const struct ip_addr *a,
		      const struct ip_addr *src, bool exclude, bool add);
/* Set the whole filter; f is taken over, also on failure. */
int group_sock_filter(struct sock *sk, const struct nic *nic, const struct ip_addr *a,
		      struct source_filter *f);
struct membership *group_sock_find(const struct sock *sk, const struct nic *nic,
				   const struct ip_addr *a);
void group_sock_close(struct sock *sk);
/* Does sk want what src sent to dst by nic? True for what is no multicast. */
bool group_sock_allows(const struct sock *sk, const struct nic *nic, const struct ip_addr *dst,
		       const struct ip_addr *src);

/* ---- group_report.c ---- */

void group_host_start(struct group_host *h);
void group_host_stop(struct group_host *h);		/* forget what was to be told */
void group_host_flush(struct group_host *h);		/* tell it now */
/* The filter of g was old. g may be freed when nobody is to be told that it was left. */
void group_changed(struct group *g, const struct source_filter *old);
void group_query(struct group_host *h, const struct group_query *q);
/* Somebody else on the link reported the group: older versions then keep quiet. */
void group_heard(struct group_host *h, const struct ip_addr *group);
/* The version to speak, RFC 3376 section 7.2.1. */
uint8_t group_host_version(const struct group_host *h);

void group_timer(struct timer *t);
void group_forget(struct group *g);			/* nothing of it is to be told any more */

/* ---- among the files of groups ---- */

void group_free(struct group *g);
/* m, its filter set, becomes a member of the group: -EINVAL, -ENOBUFS. */
int group_enter(struct ip *ip, struct nic *nic, const struct ip_addr *a, struct membership *m);
int group_refilter(struct membership *m, struct source_filter *f);	/* takes f over, also on failure; -ENOBUFS */
void group_sock_lost(struct membership *m);		/* its NIC is gone */

#endif
