/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/weir.h - embedding: TCP/IP stacks inside a program of your own. docs/embedding.md has a
 * whole program.
 *
 * A stack does nothing by itself: it has no thread, opens no file, reads no clock and never waits.
 * The program hands it frames and the time, and gets frames, answers and the time of the next turn:
 *
 *	weir_modules --- weir_stack --- weir_nic (a link: two callbacks, or a driver module)
 *	(qdiscs, congestion     \------ weir_sock (BSD sockets, always non-blocking)
 *	 controls, drivers)
 *
 * Threads. What hangs off one stack, the stack's module set included, belongs to one thread at a
 * time; nothing is locked. A process may have any number of stacks, in any threads; stacks in
 * different threads need module sets of their own.
 *
 * Turns. weir_run() takes a turn: the frames that were given to the stack, due timers, then what
 * these and the calls since the last turn have left to do: packets go out then, not in weir_send(),
 * and readiness callbacks are called. weir_next() says when the next turn is due; any call on a
 * stack, and any frame given to it, may bring that nearer.
 *
 * Time. Nanoseconds of one monotonic clock with any origin but 0, of the program's choice: real or
 * simulated. It never goes back: an earlier time than the last counts as that one.
 *
 * Errors. Calls named after a system call answer as Linux's: 0 or a count, or -errno. Where a
 * sentence helps, there is a struct weir_error (NULL: not wanted). Pointers that come back NULL
 * mean failure.
 *
 * Callbacks run inside calls on the stack. A link's may call weir_nic_input(), of any stack, and
 * nothing else; a socket's may call anything but weir_run(), weir_destroy() and weir_nic_destroy()
 * of its own stack.
 *
 * Versions. A struct with a member size is told by it which members the program knows: set it to
 * sizeof the struct, and all that you do not set to 0. Handles are opaque.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <weir/error.h>
#include <weir/link.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_module;			/* <weir/module.h> */
struct weir_modules;
struct weir_stack;
struct weir_nic;
struct weir_sock;

#define WEIR_NEVER UINT64_MAX

/* ---- modules ---- */

/*
 * A set of modules, which stacks take qdiscs, congestion controls and link drivers from, by name.
 * path: folders separated by ':', searched for NAME.so when NAME is first asked for; NULL: the
 * environment's WEIR_MODULE_PATH, or else where weir's own are installed. Files and folders that
 * others can write are refused. A set outlives the stacks that were made with it.
 */
WEIR_API struct weir_modules *weir_modules_create(const char *path, struct weir_error *e);
WEIR_API void weir_modules_destroy(struct weir_modules *m);
/* Ops tables of the program itself, as WEIR_MODULE defines them; desc stays the program's, and
 * unchanged for as long as the set exists. -EEXIST: a name that it offers is taken. */
WEIR_API int weir_modules_add(struct weir_modules *m, const struct weir_module *desc,
			      struct weir_error *e);

/* ---- stacks ---- */

enum weir_log_level { WEIR_LOG_ERROR, WEIR_LOG_WARN, WEIR_LOG_INFO, WEIR_LOG_DEBUG };

struct weir_config {
	size_t size;			/* sizeof(struct weir_config) */
	uint64_t now;			/* ns; not 0 */
	int64_t wall_offset;		/* ns to add to the clock for the time of day (SO_TIMESTAMP) */
	/* n random bytes to dst: whoever can predict them can forge packets. NULL: getrandom(2). */
	void (*random)(void *arg, void *dst, size_t n);
	void *random_arg;
	/* One line for the operator, without newline. NULL: silent. */
	void (*log)(void *arg, enum weir_log_level level, const char *text);
	void *log_arg;
	enum weir_log_level log_level;	/* the least important that is wanted */
	uint64_t memory;		/* bytes for packets and buffers, at most; 0: 256 MiB */
	struct weir_modules *modules;	/* NULL: a set of the stack's own, as with path NULL */
	const char *congestion;		/* NULL: weir's default */
	const char *const *congestion_params;	/* name, value, ... NULL; or NULL */
};

/* A stack with loopback (127.0.0.1) and no other NIC. */
WEIR_API struct weir_stack *weir_create(const struct weir_config *c, struct weir_error *e);
/* Resets connections that are open, and frees the stack, its NICs and its sockets. */
WEIR_API void weir_destroy(struct weir_stack *s);
/* It is now, ns: frames and calls from here on happen at this time. For a program that was woken by
 * something else than the time: first this, then what woke it, then weir_run(). */
WEIR_API void weir_set_now(struct weir_stack *s, uint64_t now);
/* Take a turn at time now, ns. */
WEIR_API void weir_run(struct weir_stack *s, uint64_t now);
/* When the next turn is due without calls or frames: ns, 0 = at once, WEIR_NEVER. */
WEIR_API uint64_t weir_next(const struct weir_stack *s);
/* The time as the stack was last told, ns. */
WEIR_API uint64_t weir_now(const struct weir_stack *s);
/* Another default congestion control, by name. New connections get it, and those that have the
 * default that it replaces are switched over. A failure changes nothing. */
WEIR_API int weir_set_congestion(struct weir_stack *s, const char *name, const char *const *params,
				 struct weir_error *e);

struct weir_stats {
	size_t size;			/* sizeof(struct weir_stats) */
	uint64_t memory, memory_peak, memory_limit;	/* bytes of packets and buffers */
	uint64_t memory_failures;	/* times that the limit refused some */
	uint64_t packets, buffers;	/* in use now */
	uint64_t timers;		/* armed now */
	uint64_t sockets;		/* handles that are open */
	uint64_t tcp_sockets;		/* with those that are closed and not yet gone */
	uint64_t tcp_time_waits, tcp_established;	/* now */
	uint64_t tcp_in_segs, tcp_out_segs, tcp_retrans_segs, tcp_timeouts;
	uint64_t udp_in, udp_out, udp_no_ports, udp_rcvbuf_errors;
	uint64_t ip_in, ip_out, ip_in_errors, ip_discards;
	uint64_t csum_errors;		/* of every protocol */
};

WEIR_API void weir_stats_get(const struct weir_stack *s, struct weir_stats *stats);

/* ---- links ---- */

struct virtio_net_hdr;			/* <linux/virtio_net.h> */

struct weir_link_config {
	size_t size;			/* sizeof(struct weir_link_config) */
	const char *name;		/* of the NIC: "eth0" */
	/*
	 * LINK_L3: frames are IP packets (a TUN device's). Otherwise they are Ethernet frames.
	 * LINK_CSUM, LINK_GSO_TCP4 ...: what transmit takes unfinished, as vnet describes it.
	 */
	uint32_t caps;
	uint32_t mtu;			/* bytes of IP; 0: 1500 */
	uint32_t gso_max;		/* bytes of IP of a super-segment; 0: 65535 with a LINK_GSO_*, else none */
	uint8_t addr[LINK_ADDR_LEN];	/* Ethernet address of the stack's end */
	/*
	 * Frame out: its bytes are in iov[0..n), the stack's, for the time of the call; their sum
	 * is len. vnet is what the frame lacks, all zero without offloads. 0: taken; -EAGAIN: not
	 * now, the stack keeps it and goes on when weir_nic_writable() is called; other -errno: the
	 * frame is lost and counted.
	 */
	int (*transmit)(void *arg, const struct iovec *iov, int n, size_t len,
			const struct virtio_net_hdr *vnet);
	void *arg;
	const char *qdisc;		/* kind; NULL: none, packets go straight to the link; while it takes
					 * none, about 1,000 wait, and more are dropped */
	const char *const *qdisc_params;	/* name, value, ... NULL; or NULL */
	bool gro;			/* merge frames of one flow that came for the same turn into super-segments:
					 * for a link that delivers packet by packet, and many at once */
};

WEIR_API struct weir_nic *weir_nic_create(struct weir_stack *s, const struct weir_link_config *c,
					  struct weir_error *e);
/*
 * A NIC on a link driver module: "tap" with type = tun, for instance; params as name, value, ...,
 * NULL. The program watches weir_nic_fd() and calls weir_nic_readable() and weir_nic_writable().
 * The driver's own qdisc is none; weir_nic_set_qdisc() chooses one.
 */
WEIR_API struct weir_nic *weir_nic_open(struct weir_stack *s, const char *name, const char *driver,
					const char *const *params, struct weir_error *e);
/* What its sockets and neighbours have queued for it is dropped; its addresses and routes go. */
WEIR_API void weir_nic_destroy(struct weir_nic *n);
WEIR_API const char *weir_nic_name(const struct weir_nic *n);
WEIR_API int weir_nic_fd(const struct weir_nic *n);		/* -1: none */
/* Does weir_nic_open's NIC wait for its descriptor to be writable? Otherwise do not watch for
 * that. */
WEIR_API bool weir_nic_wants_write(const struct weir_nic *n);
WEIR_API void weir_nic_readable(struct weir_nic *n);
/* The link can take frames again. */
WEIR_API void weir_nic_writable(struct weir_nic *n);
/*
 * Frame in: len bytes, copied, for the next turn. vnet NULL: a complete frame; otherwise what the
 * frame lacks, by the word of who sent it: it is checked. -ENOBUFS, or -EINVAL (longer than any
 * frame, or vnet is not true of it): the frame is dropped, and counted.
 */
WEIR_API int weir_nic_input(struct weir_nic *n, const void *frame, size_t len,
			    const struct virtio_net_hdr *vnet);
/* The cable in or out: a NIC that is down drops what it should send or receives. */
WEIR_API void weir_nic_set_up(struct weir_nic *n, bool up);
/* Another root qdisc: what waits moves over in order, and nothing is lost but what the new one's
 * limit refuses. A failure changes nothing. */
WEIR_API int weir_nic_set_qdisc(struct weir_nic *n, const char *kind, const char *const *params,
				struct weir_error *e);
/* Change the parameters that are named of the qdisc that is there. */
WEIR_API int weir_nic_change_qdisc(struct weir_nic *n, const char *const *params,
				   struct weir_error *e);

struct weir_nic_stats {
	size_t size;			/* sizeof(struct weir_nic_stats) */
	uint64_t rx_packets, rx_bytes, rx_drops;
	uint64_t tx_packets, tx_bytes, tx_drops;	/* on the wire: a super-segment counts all of its own */
	uint64_t qdisc_drops;		/* of every qdisc that the NIC has had */
	uint64_t backlog, qlen;		/* bytes and packets in the qdisc, now */
};

WEIR_API void weir_nic_stats_get(const struct weir_nic *n, struct weir_nic_stats *stats);

/* ---- addresses, routes, neighbours: as text, "10.0.0.1/24" ---- */

/* Brings the route to its subnet with it. -EEXIST. */
WEIR_API int weir_addr_add(struct weir_nic *n, const char *addr, struct weir_error *e);
WEIR_API int weir_addr_del(struct weir_nic *n, const char *addr, struct weir_error *e);

struct weir_route {
	size_t size;			/* sizeof(struct weir_route) */
	const char *dst;		/* "10.1.0.0/16"; "0.0.0.0/0": all */
	const char *gateway;		/* NULL: on link */
	const char *source;		/* preferred; NULL: by the NIC's addresses */
	struct weir_nic *nic;		/* NULL: found from the gateway */
	uint32_t metric;		/* the lower is preferred */
	uint32_t mtu;			/* 0: the NIC's */
	bool onlink;			/* gateway is on nic's link, whatever nic's addresses say */
};

WEIR_API int weir_route_add(struct weir_stack *s, const struct weir_route *r, struct weir_error *e);
WEIR_API int weir_route_del(struct weir_stack *s, const struct weir_route *r, struct weir_error *e);

/* A neighbour that is never asked for its link address. */
WEIR_API int weir_neighbour_add(struct weir_nic *n, const char *addr,
				const uint8_t lladdr[LINK_ADDR_LEN], struct weir_error *e);
WEIR_API int weir_neighbour_del(struct weir_nic *n, const char *addr, struct weir_error *e);

/* ---- sockets ---- */

/*
 * As the system calls of the same names, on a socket with O_NONBLOCK. family AF_INET or, where the
 * stack has it, AF_INET6; type SOCK_STREAM, SOCK_DGRAM or SOCK_RAW, with any of SOCK_NONBLOCK and
 * SOCK_CLOEXEC. The socket is put into *out; it is the program's until weir_close() or
 * weir_abort().
 */
WEIR_API int weir_socket(struct weir_stack *s, int family, int type, int protocol,
			 struct weir_sock **out);
WEIR_API int weir_bind(struct weir_sock *sk, const struct sockaddr *sa, socklen_t len);
WEIR_API int weir_listen(struct weir_sock *sk, int backlog);
WEIR_API int weir_accept(struct weir_sock *sk, struct weir_sock **out, struct sockaddr *sa,
			 socklen_t *len);
/* -EINPROGRESS: wait for EPOLLOUT, then ask SO_ERROR. */
WEIR_API int weir_connect(struct weir_sock *sk, const struct sockaddr *sa, socklen_t len);

/* flags: MSG_MORE, MSG_NOSIGNAL (there are no signals), MSG_DONTWAIT (it never waits) ... A stream
 * takes what there is room for. */
WEIR_API ssize_t weir_send(struct weir_sock *sk, const void *data, size_t len, int flags);
WEIR_API ssize_t weir_sendto(struct weir_sock *sk, const void *data, size_t len, int flags,
			     const struct sockaddr *to, socklen_t tolen);
WEIR_API ssize_t weir_sendmsg(struct weir_sock *sk, const struct msghdr *msg, int flags);
/* flags: MSG_PEEK, MSG_TRUNC, MSG_ERRQUEUE, MSG_OOB (RFC 6093; SIOCATMARK with weir_ioctl()). 0
 * from a stream: its end. */
WEIR_API ssize_t weir_recv(struct weir_sock *sk, void *data, size_t len, int flags);
WEIR_API ssize_t weir_recvfrom(struct weir_sock *sk, void *data, size_t len, int flags,
			       struct sockaddr *from, socklen_t *fromlen);
WEIR_API ssize_t weir_recvmsg(struct weir_sock *sk, struct msghdr *msg, int flags);

WEIR_API int weir_shutdown(struct weir_sock *sk, int how);
WEIR_API int weir_getsockname(struct weir_sock *sk, struct sockaddr *sa, socklen_t *len);
WEIR_API int weir_getpeername(struct weir_sock *sk, struct sockaddr *sa, socklen_t *len);
WEIR_API int weir_setsockopt(struct weir_sock *sk, int level, int name, const void *value,
			     socklen_t len);
WEIR_API int weir_getsockopt(struct weir_sock *sk, int level, int name, void *value,
			     socklen_t *len);
/* SIOCINQ, SIOCOUTQ, SIOCGIFADDR ...; arg is of len bytes. */
WEIR_API int weir_ioctl(struct weir_sock *sk, unsigned long request, void *arg, size_t len);
/* The handle goes; a connection ends in its own time, as after close(2), or with RST. */
WEIR_API void weir_close(struct weir_sock *sk);
WEIR_API void weir_abort(struct weir_sock *sk);

/* What the socket is ready for now: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP ... of <sys/epoll.h>. */
WEIR_API uint32_t weir_poll(struct weir_sock *sk);
/*
 * fn is called, from weir_run(), when something may have changed about what weir_poll() answers
 * since the last call of fn: events is that answer. It is no promise that it is new. NULL: no more.
 */
WEIR_API void weir_set_event(struct weir_sock *sk,
			     void (*fn)(struct weir_sock *sk, uint32_t events, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
