/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip.h - the internet layer of one stack: addresses, routes, output, input, the way to
 * transports, for both families. output.c is the way down, ipv4.c and ipv6.c take packets in, ARP
 * is in arp.c, neighbour discovery in ndp.c, ICMP in icmp.c and icmp6.c, fragments in fragment.c.
 */
#ifndef IP_IP_H
#define IP_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/tree.h"
#include "ip/addr.h"
#include "ip/sock_memory.h"
#include "nic/neighbour.h"
#include "nic/nic.h"

#define IP_PROTO_MAX	256
#define IP_TTL_DEFAULT	64

struct ip;
struct membership;

/* What an address may be used for (RFC 4862 section 2). IPv4's are all preferred. */
enum ifaddr_state {
	IFADDR_PREFERRED,
	IFADDR_DEPRECATED,		/* chosen as a source only where there is no other */
	IFADDR_TENTATIVE,		/* not ours yet: duplicates are being looked for */
	IFADDR_DUPLICATE,		/* somebody else's; never ours */
};

#define IFADDR_FOREVER	UINT64_MAX

struct ifaddr {				/* an address of a NIC */
	struct list node;		/* nic->addrs */
	struct hash_node by_name, by_broadcast;	/* nic->addrs_by_name, and where there is one, ->addrs_by_broadcast */
	struct nic *nic;
	struct ip_addr addr;
	uint8_t prefix;			/* bits of its own family: 24 */
	struct ip_addr broadcast;	/* IPv4; any = none */
	enum ifaddr_state state;	/* changed by ifaddr_set_state() only */
	bool dynamic;			/* from a router's advertisement: lives as long as that says */
	bool temporary;			/* RFC 8981 */
	bool no_prefix_route;		/* makes no route to its subnet */
	bool no_broadcast;		/* IPv4: shows no broadcast address */
	bool no_dad;			/* IPv6: whoever set it knows that nobody else has it */
	bool secondary;			/* IPv4: an earlier one of its subnet is there, the primary */
	uint64_t preferred_until, valid_until;	/* ns; IFADDR_FOREVER */
	/* IPv6's, by ip6_addr.c and ip6_dad.c */
	bool generated;			/* the identifier is ours to choose */
	uint8_t conflicts;		/* identifiers that others had before this one */
	uint8_t probes, nonce[6];	/* of duplicate address detection */
	struct timer timer;		/* likewise */
	struct membership *solicited;	/* of its solicited-node group */
};

/* How far an address of a NIC reaches, in the words of ip(8). */
enum ifaddr_scope { IFADDR_SCOPE_GLOBAL, IFADDR_SCOPE_LINK, IFADDR_SCOPE_HOST };

static inline enum ifaddr_scope ifaddr_scope(const struct ip_addr *a)
{
	if (ip_addr_is_loopback(a))
		return IFADDR_SCOPE_HOST;
	return !ip_addr_is_v4(a) && ip_addr_is_linklocal(a) ? IFADDR_SCOPE_LINK : IFADDR_SCOPE_GLOBAL;
}

/* What names a route by the name of somebody. */
enum route_named_as { ROUTE_GATEWAY, ROUTE_SOURCE };

struct route {
	struct list node;		/* ip->routes: IPv4 first, longest prefix first, lowest metric */
	struct tree_node in_order;	/* ip->routes_in_order */
	struct route_net *net;		/* where it leads to, and its place among those to there */
	struct tree_node in_net;
	struct route_name *name[2];	/* enum route_named_as: the gateway and the source; NULL: it has none ... */
	struct list named[2];		/* ... and its place among those with the same one */
	uint64_t seq;			/* in the order of their making */
	struct ip_addr dst;
	uint8_t prefix;			/* bits of its own family */
	struct ip_addr gateway;		/* any = on link */
	struct ip_addr prefsrc;		/* any = the NIC chooses */
	struct nic *nic;
	uint32_t metric;
	uint32_t mtu;			/* 0 = the NIC's */
	bool onlink;			/* the gateway is on the NIC's link whatever the addresses say */
	bool local;			/* made with an address: to ourselves */
	bool automatic;			/* comes and goes with an address */
	bool dynamic;			/* comes and goes with what a router says */
	uint8_t protocol;		/* RTPROT_*: who made it, for dumps; 0: these say it */
};

/* What those are told of who follow the tables: of something new or changed, or that goes. */
enum ip_change {
	IP_LINK_NEW, IP_LINK_DEL,	/* struct nic */
	IP_QDISC_NEW,			/* struct nic: of its qdiscs */
	IP_ADDR_NEW, IP_ADDR_DEL,	/* struct ifaddr */
	IP_ROUTE_NEW, IP_ROUTE_DEL,	/* struct route */
};

/* What a transport asks of a route and a header. */
struct flow {
	struct ip_addr src, dst;	/* src any: chosen by the route */
	uint8_t proto, tos, ttl;	/* ttl 0 = default */
	bool no_flowlabel;		/* IPv6: of zero, not one that names the flow (RFC 6437) */
	bool df;			/* don't fragment here; the packet is refused with -EMSGSIZE */
	bool broadcast_ok;		/* SO_BROADCAST */
	bool mc_loop;			/* a multicast comes back to members on this host */
	bool host_only;			/* a multicast with TTL 0: to them alone */
	struct nic *bound;		/* SO_BINDTODEVICE, or the scope of an address; NULL = any */
};

/* Where a flow goes. A value to cache; good while generation is ip->generation. */
struct dst {
	struct nic *nic;
	struct ip_addr src, nexthop;
	uint32_t mtu;			/* path MTU, bytes of IP */
	uint32_t generation;
	bool local, broadcast, multicast;
};

/* What ip/ tells of a received packet; p->data is at the transport header. */
struct ip_meta {
	struct ip_addr src, dst;
	struct nic *nic;
	uint8_t proto, tos, ttl;
	bool broadcast, multicast;	/* by the destination address */
	bool fragmented;		/* IPv6: it had a fragment header */
	uint16_t header_len;		/* of the IP header, at p->network */
};

/* An ICMP error about something sent. */
struct ip_error {
	int err;			/* errno, positive */
	bool hard;			/* Linux: port/protocol unreachable ... end a connection attempt */
	uint8_t type, code;
	uint32_t mtu;			/* fragmentation needed: the new path MTU; otherwise 0. TCP checks
					 * the quoted segment, then tells ip_pmtu_update(); for
					 * others ICMP has */
	struct ip_addr offender;
};

struct ip_protocol {
	/* Consumes p; its checksum is the transport's to verify. False: no such port
	 * (p is still the caller's, which answers with an ICMP error where that is due). */
	bool (*input)(void *arg, struct packet *p, const struct ip_meta *m);
	/* The error quotes a packet from src to dst (so src is us); transport points at its first
	 * len bytes (>= 8). */
	void (*error)(void *arg, const struct ip_meta *quoted, const uint8_t *transport,
		      uint32_t len, const struct ip_error *e);
};

#define IP_IDS 1024u			/* a power of two */

struct ip_id {				/* of the datagrams that may be fragmented, RFC 6864 */
	uint64_t used;			/* ns */
	uint16_t next;
};

struct ip_stats {			/* names as in RFC 1213 / Linux's snmp */
	uint64_t in_receives, in_hdr_errors, in_addr_errors, in_unknown_protos, in_discards,
		 in_delivers, out_requests, out_discards, out_no_routes, reasm_timeout,
		 reasm_reqds, reasm_oks, reasm_fails, frag_oks, frag_fails, frag_creates,
		 in_csum_errors, in_martians,
		 in_unjoined;		/* multicasts for nobody here */
};

struct arp_stats {
	uint64_t in_requests, in_replies, in_errors, in_conflicts, out_requests, out_replies;
};

struct ndp_stats {
	uint64_t in_solicits, in_adverts, in_errors, in_conflicts, out_solicits, out_adverts;
};

struct ip6_stats {
	uint64_t in_adverts, in_redirects, in_errors, out_solicits, dad_failures,
		 limits;		/* what routers said beyond what a NIC remembers */
};

struct igmp_stats {
	uint64_t in_msgs, in_errors, in_csum_errors, in_queries, in_reports, out_msgs;
};

struct icmp_stats {
	uint64_t in_msgs, in_errors, in_csum_errors, out_msgs, out_errors, out_rate_limited,
		 in_echos, out_echo_reps, in_dest_unreachs, in_time_excds, in_redirects,
		 redirect_limits;	/* followed no longer, since a NIC remembers no more of them */
};

struct ip {
	struct env *env;
	struct nics *nics;
	struct neighbour_table arp, ndp;
	struct list routes;
	struct tree routes_in_order;	/* the same */
	struct hash_table route_nets;	/* struct route_net: networks that they lead to */
	struct hash_table route_names;	/* struct route_name: gateways and sources that they name */
	uint16_t prefixes[2][129];	/* networks of each length: of IPv4, of IPv6 */
	uint64_t route_seq;
	uint32_t nroutes;
	uint32_t generation;		/* bumped when a route, an address, a NIC or a path MTU changes */
	const struct ip_protocol *protocols[IP_PROTO_MAX];
	void *protocol_args[IP_PROTO_MAX];
	struct fragments *fragments;
	struct pmtu_cache *pmtu;	/* learned path MTUs; bounded, they expire */
	struct icmp *icmp;
	struct groups *groups;		/* multicast memberships */
	struct sock_memory sock_memory;	/* of sockets without connections */
	struct ip_stats stats, stats6;
	struct icmp_stats icmp_stats, icmp6_stats;
	struct igmp_stats igmp_stats;
	struct ndp_stats ndp_stats;
	struct arp_stats arp_stats;
	struct ip6_stats ip6_stats;
	struct siphash_key ip6_secret;	/* of RFC 7217 */
	uint64_t arp_defended;		/* ns: when we last claimed an address that another uses */
	uint64_t ndp_defended;
	struct ip_id ids[IP_IDS];
	struct packet_queue echoes;	/* our own broadcasts on their way back to us */
	struct work echo_work;
	uint8_t ttl;			/* default */
	/* Every delivered ICMP message, for raw and ping sockets; p stays the caller's. May be
	 * NULL. */
	void (*icmp_tap)(void *arg, const struct packet *p, const struct ip_meta *m);
	/* Errors about what was sent, of every protocol, before its transport hears of it: for raw
	 * and ping sockets. As ip_protocol's error; the quoted header lies in front of transport.
	 * May be NULL. */
	void (*icmp_error_tap)(void *arg, const struct ip_meta *quoted, const uint8_t *transport,
			       uint32_t len, const struct ip_error *e);
	void *icmp_tap_arg;
	/* Every delivered packet whose transport is here, ICMP's excepted, before that gets it: for
	 * raw sockets; p stays the caller's. NULL as long as nobody listens. */
	void (*raw_tap)(void *arg, const struct packet *p, const struct ip_meta *m);
	void *raw_tap_arg;
	/* A link, an address or a route is new, another, or goes. May be NULL. */
	void (*changed)(void *arg, enum ip_change what, const void *object);
	void *changed_arg;
};

static inline void ip_changed(const struct ip *ip, enum ip_change what, const void *object)
{
	if (ip->changed)
		ip->changed(ip->changed_arg, what, object);
}

int ip_init(struct ip *ip, struct env *env, struct nics *nics);
void ip_destroy(struct ip *ip);
void ip_register(struct ip *ip, uint8_t proto, const struct ip_protocol *ops, void *arg);

/* Addresses. Adding one makes its local and connected routes; -EEXIST, -ENOENT. An address of a
 * link (fe80::/10) belongs to its NIC, all others to the stack. With a primary address of IPv4 its secondaries
 * go, unless the NIC promotes them (ip4_link.h). */
int ip_addr_add(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix,
		struct weir_error *e);
/* The same with all else that a has to say: flags, lifetimes. */
int ip_ifaddr_add(struct ip *ip, struct nic *nic, const struct ifaddr *a, struct weir_error *e);
int ip_addr_del(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix,
		struct weir_error *e);
/* The same of this one alone: the first secondary is the primary then. */
int ip_addr_del_alone(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix,
		      struct weir_error *e);
/* As `ip link set DEV up` and `down`: beside what nic_set_up() does, a link that goes down loses its
 * routes, but those to ourselves over IPv4, and its IPv6 addresses. */
void ip_link_set_up(struct ip *ip, struct nic *nic, bool up);
/* Tentative and duplicate addresses have no local route: packets for them are none of ours. */
void ifaddr_set_state(struct ip *ip, struct ifaddr *ia, enum ifaddr_state state);
static inline bool ifaddr_usable(const struct ifaddr *ia)
{
	return ia->state <= IFADDR_DEPRECATED;
}
struct ifaddr *ifaddr_find(const struct nic *nic, const struct ip_addr *a);	/* in any state */
struct ifaddr *ip_addr_find(struct ip *ip, const struct ip_addr *a);	/* ours? 127/8 is */
/* ours, a broadcast address of ours, or multicast: what a packet for us carries. Whether anybody
 * here listens to the group, group_accepts() knows. */
bool ip_addr_accepts(struct ip *ip, struct nic *nic, const struct ip_addr *a, struct ip_meta *m);

/* 255.255.255.255, or the last address of a subnet of nic. */
bool ip_addr_is_broadcast(const struct nic *nic, const struct ip_addr *a);

struct nic *ip_loopback(struct ip *ip);			/* NULL before it was made */
/* Is a on a link of nic: reached by a route without a gateway? */
bool ip_on_link(struct ip *ip, const struct nic *nic, const struct ip_addr *a);
/* The address of nic to speak to a, of IPv4, from: one of the same subnet, or the first. Any: it
 * has none. */
struct ip_addr ip_addr_select(const struct nic *nic, const struct ip_addr *a);
/* The same for IPv6, by RFC 6724 section 5, out of those of all NICs (addrsel.c). */
struct ip_addr ip_addr_select6(struct ip *ip, const struct nic *nic, const struct ip_addr *dst);
/* The first bits of a, of its own family. */
struct ip_addr ip_addr_mask(const struct ip_addr *a, uint8_t prefix);
/* The transport checksum's pseudo-header of either family. */
uint32_t ip_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		   uint32_t len);
/* The neighbours of a's family. */
static inline struct neighbour_table *ip_neighbours(struct ip *ip, const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? &ip->arp : &ip->ndp;
}
/* Bytes of the IP header that ip_output() puts in front of a packet to a. */
static inline uint32_t ip_header_len(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? 20 : 40;
}

/* Routes. gateway any: on link. nic NULL: found from the gateway. -EEXIST, -ESRCH, -ENETUNREACH. */
int route_add(struct ip *ip, const struct route *r, struct weir_error *e);
int route_del(struct ip *ip, const struct route *r, struct weir_error *e);
/* Where f goes: 0, -ENETUNREACH, -EHOSTUNREACH, -EACCES (broadcast without leave), -EINVAL. */
int route_lookup(struct ip *ip, const struct flow *f, struct dst *out);
/* As Linux shows it: IPv6's have one also where none was given. */
#define ROUTE_METRIC_KERNEL6	256u
#define ROUTE_METRIC_USER6	1024u
uint32_t route_metric(const struct route *r);
static inline bool dst_valid(const struct ip *ip, const struct dst *d)
{
	return d->nic && d->generation == ip->generation;
}
/* A path MTU was learned (ICMP, or a black hole found): at least 552 for IPv4, 1280 for IPv6,
 * unless the link's is lower. */
void ip_pmtu_update(struct ip *ip, const struct ip_addr *dst, uint32_t mtu);
/* Remove the routes by a NIC (NULL: all), those of them that lead to others (v6: IPv6's only), or
 * those that prefer an address that goes. Of these, its heir takes
 * over those of the NIC that are automatic. */
void route_flush(struct ip *ip, const struct nic *nic);
void route_flush_remote(struct ip *ip, const struct nic *nic, bool v6);
void route_flush_source(struct ip *ip, const struct ip_addr *a);
void route_inherit(struct ip *ip, const struct nic *nic, const struct ip_addr *from, const struct ip_addr *heir);

/*
 * Send p, data at the transport header, checksum complete or PARTIAL. Pushes the IP header,
 * fragments where that is allowed and needed, and hands it to the neighbour or loopback. Consumes
 * p. 0; -EMSGSIZE; -ENOBUFS. A drop in the qdisc is not an error here.
 */
int ip_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d);
/* The same with a complete IP header in front (IP_HDRINCL). */
int ip_output_raw(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d);

/* Answer p (data anywhere, network header set) with an ICMP error, within rate limits and RFC 1122
 * 3.2.2, or RFC 4443 section 2.4 (e). p stays the caller's. */
void icmp6_send_error(struct ip *ip, const struct packet *p, const struct ip_meta *m,
		      uint8_t type, uint8_t code, uint32_t info);
void icmp_send_error(struct ip *ip, const struct packet *p, const struct ip_meta *m,
		     uint8_t type, uint8_t code, uint32_t info);

#endif
