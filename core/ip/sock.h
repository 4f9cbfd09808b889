/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock.h - what every transport's sockets share: names, options of the SOL_SOCKET and IP
 * levels, pending errors, and the operations the socket floor calls.
 *
 * Everything is non-blocking. When what socket_poll() would answer may have changed, the
 * transport calls sock_event(); the owner's callback runs at once and must only note it (a work).
 */
#ifndef IP_SOCK_H
#define IP_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <weir/packet.h>

#include "base/list.h"
#include "ip/ip.h"
#include "ip/port.h"
#include "ip/sock_set.h"

struct sock;
struct bpf_program;

/* What came or goes with a datagram. */
struct datagram {
	struct ip_addr src, dst;	/* received: both; to send: dst, and src where PKTINFO chose */
	uint16_t sport, dport;		/* host order */
	struct nic *nic;
	uint8_t ttl, tos;		/* to send: 0 ttl = the socket's */
	bool has_tos;
	bool named;			/* to send: to dst and dport, not to the connected peer */
	uint16_t gso_size;		/* UDP_SEGMENT, 0 = none. Received: of each of the datagrams in one */
	bool more;			/* to send: this is not its end (MSG_MORE) */
	uint64_t tstamp;
};

struct transport_ops {
	int type, protocol;		/* SOCK_STREAM, IPPROTO_TCP */
	size_t size;			/* of the transport's struct, struct sock first */
	int (*init)(struct sock *sk);
	/* The owner lets go: the transport closes in its own time and frees sk. abort: with RST. */
	void (*close)(struct sock *sk, bool abort);

	int (*bind)(struct sock *sk, const struct ip_addr *a, uint16_t port);
	int (*connect)(struct sock *sk, const struct ip_addr *a, uint16_t port);
	int (*disconnect)(struct sock *sk);		/* connect to AF_UNSPEC */
	int (*listen)(struct sock *sk, int backlog);
	struct sock *(*accept)(struct sock *sk, int *err);	/* err: -EAGAIN, -EINVAL ... */
	int (*shutdown)(struct sock *sk, int how);
	uint32_t (*poll)(struct sock *sk);		/* EPOLLIN | EPOLLOUT | ... */

	/* Streams. space: bytes the send queue would take now. */
	uint32_t (*space)(struct sock *sk);
	/* Append bytes of a buffer (a reference is taken). flags: MSG_MORE, MSG_OOB. Bytes taken
	 * or -errno. */
	ssize_t (*write)(struct sock *sk, struct buf *b, uint32_t off, uint32_t len, int flags);
	/* The received bytes in order, as iovecs: entries used, 0 = none yet or EOF (poll
	 * tells). */
	int (*peek)(struct sock *sk, struct iovec *iov, int max);
	void (*consume)(struct sock *sk, uint32_t n);	/* n bytes were read */
	/* Urgent data. mark: bytes before the mark in what was received (SIOCATMARK: 0), -1 = none;
	 * peek stops there. recv_oob: the urgent byte: 1, 0 = EOF, -EINVAL none, -EAGAIN not
	 * yet. */
	int64_t (*mark)(struct sock *sk);
	int (*recv_oob)(struct sock *sk, uint8_t *byte, int flags);
	/* connect with data (RFC 7413): bytes that left with the SYN; -EINPROGRESS: connecting, but
	 * none did; another -errno as connect. */
	ssize_t (*fastopen)(struct sock *sk, const struct ip_addr *a, uint16_t port, struct buf *b,
			    uint32_t off, uint32_t len);
	uint32_t (*unsent)(struct sock *sk);		/* SIOCOUTQ: bytes not acknowledged */

	/* Datagrams. send consumes p (data: payload) whatever it answers. */
	int (*send)(struct sock *sk, struct packet *p, const struct datagram *d);
	struct packet *(*recv)(struct sock *sk, struct datagram *d);	/* NULL: none */
	/* The next message of the error queue (MSG_ERRQUEUE), see errqueue.h. NULL: none; may be
	 * absent. */
	struct packet *(*recverr)(struct sock *sk);
	uint32_t (*pending)(struct sock *sk);		/* SIOCINQ; of datagrams: the next one's bytes */

	/* Sockets whose names are no internet addresses: instead of bind, getsockname's and
	 * connect's own. */
	int (*bind_name)(struct sock *sk, const void *sa, socklen_t len);
	int (*sock_name)(struct sock *sk, void *sa, socklen_t *len);

	/* -ENOPROTOOPT for what the transport does not know; the socket floor has tried its own
	 * first. */
	int (*setsockopt)(struct sock *sk, int level, int name, const void *v, socklen_t len);
	int (*getsockopt)(struct sock *sk, int level, int name, void *v, socklen_t *len);
};

/* What only a socket's owner knows, for dumps. It may cost system calls. */
struct sock_owner {
	/* Bytes received and handed on, but not read by the program yet; written by it, but not
	 * taken by the stack. */
	void (*queues)(void *arg, uint32_t *unread, uint32_t *unsent);
	uint32_t (*uid)(void *arg);	/* whose program it is */
	/* NULL: always. False: the program has closed it, which the stack was not told, and it is about to be. */
	bool (*lives)(void *arg);
};

struct sock {
	const struct transport_ops *ops;
	struct ip *ip;
	void *table;			/* the transport's struct of the stack: struct tcp, udp, raw */
	struct list all;		/* in the transport's list of all sockets */
	struct sock_set *set;		/* of the transport, for dumps and to count them; NULL: in none */
	uint32_t set_at;		/* its place there */
	struct port_use port_use;	/* port.h */
	int family;			/* AF_INET, AF_INET6: how names are shown */
	uint8_t protocol;
	struct ip_addr local, remote;	/* any until bound / connected */
	uint16_t lport, rport;		/* host order; 0 = none */
	bool bound_addr, bound_port;	/* by bind(), as opposed to chosen on connect */
	struct dst dst;
	uint64_t cookie;		/* SO_COOKIE: the interceptor's number for it */
	uint32_t inode;			/* of the program's descriptor, for dumps; 0: nobody has it */

	/* options */
	uint32_t uid;			/* whose it is: SO_REUSEPORT shares among one user's only */
	bool operator;			/* made for the operator, from outside: may change qdiscs */
	bool privileged;		/* made by a program with CAP_NET_RAW, or CAP_NET_ADMIN (netlink) */
	bool reuseaddr, reuseport, broadcast, keepalive, oobinline, dontroute;
	bool linger_on;
	int linger_s;
	uint32_t rcvbuf, sndbuf;	/* bytes, as getsockopt shows them: twice what was set */
	bool rcvbuf_locked, sndbuf_locked;	/* set by the program: no auto-tuning */
	uint32_t rcvlowat;
	uint64_t rcvtimeo, sndtimeo;	/* ns, 0 = for ever; who blocks applies them */
	uint8_t ttl, tos;		/* ttl 0 = default */
	uint8_t min_ttl;		/* IP_MINTTL */
	unsigned int uc_index;		/* IP_UNICAST_IF; 0 = by route */
	uint32_t priority, mark;
	uint64_t max_pacing_rate;	/* bytes/s; UINT64_MAX = no limit */
	uint8_t mtu_discover;		/* IP_PMTUDISC_* */
	bool recverr, pktinfo, recvttl, recvtos, hdrincl, recvopts, retopts, recvorigdst, nodefrag;
	bool freebind, bind_no_port, no_check;
	bool rxq_ovfl;
	uint32_t busy_poll;		/* us; a hint, and nobody takes it */
	uint8_t timestamp;		/* SOCK_TIMESTAMP_* */
	uint32_t timestamping;		/* SOF_TIMESTAMPING_* */
	uint64_t last_tstamp;		/* of the last datagram that was read: SIOCGSTAMP */
	uint8_t mc_ttl;			/* IP_MULTICAST_TTL */
	bool mc_loop;
	unsigned int mc_index;		/* IP_MULTICAST_IF; 0 = by route */
	struct ip_addr mc_src;
	bool mc_all, mc6_all;		/* IP_MULTICAST_ALL: groups that others joined, too */
	uint8_t mc6_hops;		/* IPV6_MULTICAST_HOPS */
	bool mc6_loop;
	struct list memberships;	/* struct membership (group.h) */
	struct nic *bound_nic;
	bool local_group;		/* local is a broadcast or multicast address: never a source */

	struct bpf_program *filter;	/* SO_ATTACH_FILTER, or NULL */
	bool filter_locked;		/* SO_LOCK_FILTER */

	struct {			/* options of the IPv6 level: of an AF_INET6 socket */
		bool only;		/* IPV6_V6ONLY */
		bool recverr, pktinfo, recvhops, recvtclass, dontfrag, no_flowlabel;
		uint8_t hops, tclass;	/* hops 0 = default */
		uint8_t min_hops;	/* IPV6_MINHOPCOUNT */
		unsigned int uc_index;	/* IPV6_UNICAST_IF */
		uint8_t mtu_discover;	/* IPV6_PMTUDISC_*, the numbers of IP_PMTUDISC_* */
	} v6;

	uint32_t wmem;			/* bytes of sent packets still below, by sock_charge() */
	bool wfull;			/* somebody was told that there is no room */
	uint64_t full_until;		/* ns: who reads it has no room for messages before (dgram_room) */
	bool dead;			/* freed when wmem is back */
	bool closed;			/* its owner is about to close it: sock_lives() */
	int error;			/* SO_ERROR: pending, positive errno; read clears it */
	uint8_t shut;			/* 1 = RCV_SHUTDOWN, 2 = SEND_SHUTDOWN */
	bool ending;			/* its writer has ended: what is still to be written was before that, and is
					 * taken whatever sndbuf says */
	bool done;			/* a stream's peer has ended it: reads end with 0, whatever error follows */

	void (*event)(void *arg);	/* the owner's; NULL when nobody owns it */
	const struct sock_owner *owner;	/* NULL: it knows no more than the stack */
	void *event_arg;		/* of both */
};

#define SOCK_SHUT_RD 1u
#define SOCK_SHUT_WR 2u

#define SOCK_TIMESTAMP_US 1u	/* SO_TIMESTAMP */
#define SOCK_TIMESTAMP_NS 2u	/* SO_TIMESTAMPNS */

#define SOCK_BUF_DEFAULT 212992u	/* Linux's rmem_default and wmem_default */
#define SOCK_BUF_MAX	 212992u	/* rmem_max and wmem_max: of what a program may ask */
#define SOCK_SNDBUF_MIN	 4608u
#define SOCK_RCVBUF_MIN	 2304u

/* A zeroed transport sock with defaults; ops->init has run. */
struct sock *sock_create(struct ip *ip, void *table, const struct transport_ops *ops, int family,
			 int protocol, int *err);
/* To the transport's list and set of all. -ENOBUFS */
int sock_enlist(struct sock *sk, struct list *all, struct sock_set *set);
/* Unbinds its port; the transport has let go of everything else. The memory goes when the last
 * packet charged to it does. */
void sock_free(struct sock *sk);
void sock_event(struct sock *sk);
/* For transport_ops whose names are no internet addresses (bind_name): what they have not. */
int sock_no_bind(struct sock *sk, const struct ip_addr *a, uint16_t port);	/* -EOPNOTSUPP */
int sock_no_shutdown(struct sock *sk, int how);
struct packet *sock_no_recv(struct sock *sk, struct datagram *d);		/* NULL */
/* What the owner knows, where there is one: added to the queues' bytes; whose the socket is. */
void sock_queues(const struct sock *sk, uint32_t *recv_q, uint32_t *send_q);
uint32_t sock_uid(const struct sock *sk);
/* Asked where a socket that is closed already would be in the way: one that listens, or holds a port. */
bool sock_lives(struct sock *sk);
/* Set SO_ERROR and tell. */
void sock_error(struct sock *sk, int err);
int sock_take_error(struct sock *sk);	/* positive errno, cleared; 0 = none */

/* The unspecified address of sk's family: what its names are before they are known. */
static inline struct ip_addr sock_any(const struct sock *sk)
{
	return ip_addr_any(sk->family);
}
/* "This host", as Linux reads an unspecified destination; a: as it was given. */
struct ip_addr sock_this_host(const struct sock *sk, const struct ip_addr *a);
/* Is what was sent to a for sk, by its local address? That of an AF_INET6 socket without one takes
 * in IPv4, too, unless IPV6_V6ONLY. */
static inline bool sock_takes(const struct sock *sk, const struct ip_addr *a)
{
	if (!ip_addr_is_any(&sk->local))
		return ip_addr_eq(&sk->local, a);
	return ip_addr_is_v4(a) ? ip_addr_is_v4(&sk->local) || !sk->v6.only
				: !ip_addr_is_v4(&sk->local);
}
/* May sk have a for a peer? -ENETUNREACH, -EAFNOSUPPORT: it is of the other family. */
int sock_check_peer(const struct sock *sk, const struct ip_addr *a);
/* Options that either family has its own of. */
static inline uint8_t sock_mtu_discover(const struct sock *sk, const struct ip_addr *dst)
{
	return ip_addr_is_v4(dst) ? sk->mtu_discover : sk->v6.mtu_discover;
}
static inline bool sock_recverr(const struct sock *sk, const struct ip_addr *dst)
{
	return ip_addr_is_v4(dst) ? sk->recverr : sk->v6.recverr;
}

/* Has what m says come further than sk wants to hear of (RFC 5082)? Only TCP asks, as on Linux. */
static inline bool sock_too_far(const struct sock *sk, const struct ip_meta *m)
{
	return m->ttl < (ip_addr_is_v4(&m->src) ? sk->min_ttl : sk->v6.min_hops);
}

/* The flow of this socket's options and names; sock_flow_to: to another destination. df is what
 * IP_MTU_DISCOVER says for a packet that fits: WANT on a datagram that does not fit means false. */
void sock_flow(const struct sock *sk, struct flow *f);
void sock_flow_to(const struct sock *sk, const struct ip_addr *dst, struct flow *f);
/* route_lookup() with what the socket's options demand of the route (SO_DONTROUTE,
 * IP_MTU_DISCOVER). */
int sock_lookup(const struct sock *sk, const struct flow *f, struct dst *out);
/* sk->dst, looked up again when it is out of date. 0 or -errno. */
int sock_route(struct sock *sk);
/* The way may have changed: look it up again before the next packet. */
static inline void sock_reroute(struct sock *sk)
{
	sk->dst.generation = sk->ip->generation - 1;
}
/* May sk be bound to a, of nic when it is one of a link? Sets local_group. -EADDRNOTAVAIL. */
int sock_check_local(struct sock *sk, const struct ip_addr *a, const struct nic *nic);

/* Does the socket's filter want p, whose data is where the filter begins to count? It cuts p, but
 * not to less than keep bytes. */
bool sock_filter(const struct sock *sk, struct packet *p, uint32_t keep);
/* Charge p's memory to sk until p is freed below; the socket stays in memory as long. */
void sock_charge(struct sock *sk, struct packet *p);
/* Is there room for one more packet? If not, sock_event() tells when half of sndbuf is free. */
bool sock_may_send(struct sock *sk);
/* Take back the charge of the sender: p goes into a receiver's queue. */
void sock_orphan(struct packet *p);

#endif
