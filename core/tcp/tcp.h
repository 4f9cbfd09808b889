/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.h - the Transmission Control Protocol of one stack (RFC 9293): the tables, the limits, the
 * counters. A connection is struct tcp_sock, in tcp/sock.h.
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include <weir/congestion.h>

#include "base/hash.h"
#include "base/siphash.h"
#include "ip/port.h"
#include "ip/sock.h"
#include "tcp/fastopen.h"

struct module;

struct tcp_stats {			/* names as in Linux's snmp and netstat */
	uint64_t active_opens, passive_opens, attempt_fails, estab_resets, curr_estab, in_segs,
		 out_segs, retrans_segs, in_errs, out_rsts, in_csum_errors, paws_drops,
		 challenge_acks, listen_drops, ofo_queued, ofo_drops, rcv_pruned, dup_acks,
		 fast_retrans, timeouts, delayed_acks, keepalive_probes, zero_window_probes,
		 time_waits, time_wait_overflow, bad_seq_resets, abort_on_timeout, abort_on_close,
		 abort_on_data, abort_on_memory, memory_pressures, memory_squeezes,
		 rcv_collapsed,
		 dsack_old_sent, dsack_ofo_sent, dsack_recv, dsack_ofo_recv, sack_discard,
		 dsack_ignored, sack_recovery, reno_recovery, sack_renegs, sack_reorder,
		 lost_retransmit, loss_probes, loss_probe_recovery, full_undo, partial_undo,
		 dsack_undo, loss_undo, spurious_rtos,
		 delivered_ce,
		 listen_overflows, syncookies_sent,
		 syncookies_recv, syncookies_failed, req_q_full_do_cookies, req_q_full_drop,
		 defer_accept_drop, abort_on_linger, fastopen_active, fastopen_active_fail,
		 fastopen_passive, fastopen_passive_fail, fastopen_listen_overflow,
		 fastopen_cookie_reqd, fastopen_blackhole, mtup_probes, mtup_success, mtup_fail,
		 out_of_window_icmps, min_ttl_drops;
};

/* Which congestion control a new connection gets, and how a name is found. */
struct tcp_congestion_kinds {
	void *arg;
	const struct congestion_ops *(*get)(void *arg, const char *name, struct module **m,
					    const void **params);
	void (*put)(void *arg, struct module *m);
};

/* One buffer of a connection, bytes: what it keeps, begins with, and may grow to. See memory.c. */
struct tcp_sizes {
	uint32_t min, initial, max;
};
#define TCP_RMEM ((struct tcp_sizes){ 4096, 131072, 6u << 20 })
#define TCP_WMEM ((struct tcp_sizes){ 4096, 87040, 6u << 20 })

/* Of the stack's memory, bytes; 0: a share of the pool's limit (6, 8 and 14 sixteenths). */
struct tcp_marks {
	uint64_t low, pressure, max;
};

#define TCP_STATES 16u			/* numbered as Linux's, from 1 on */

struct tcp {
	struct env *env;
	struct ip *ip;
	struct port_table ports;
	struct hash_table established;	/* four-tuple -> struct tcp_sock or time-wait entry */
	struct hash_table listeners;	/* struct tcp_sock in LISTEN, in no order: for dumps */
	struct list socks;		/* every struct tcp_sock */
	struct sock_set set;		/* likewise */
	uint32_t states[TCP_STATES][2];	/* how many are in each state but CLOSED; [1]: of AF_INET6 */
	struct list dead;		/* at their end: freed by reap, at the end of the turn */
	struct work reap;
	struct list time_wait;		/* entries, the next to end first */
	struct timer time_wait_timer;
	struct siphash_key isn_key, ts_key;	/* RFC 6528, RFC 7323 5.4 */
	struct siphash_key cookie_key;
	uint64_t syn_overflow;		/* ns: when a SYN was last answered with a cookie; 0: never */
	struct fastopen fastopen;
	/* as Linux's net.ipv4.tcp_* of the same names */
	uint8_t mtu_probing;		/* 0 off, 1 when a black hole is suspected, 2 always */
	uint8_t tw_reuse;		/* 0 never, 1 always, 2 over loopback */
	uint8_t syn_cookies;		/* 0 never, 1 when the queue is full, 2 always */
	bool timestamps, window_scaling;	/* offer and accept them (RFC 7323) */
	uint32_t max_syn_backlog, syn_retries, synack_retries;
	uint64_t fin_timeout;		/* ns in FIN-WAIT-2 after close */
	uint32_t keepidle, keepintvl, keepcnt;	/* s, s, probes: of sockets that set no own */
	const struct congestion_ops *congestion;
	const void *congestion_params;
	struct list switches;		/* struct tcp_switch, under way, in the order in which they came */
	struct work renew;		/* connections are brought up to date ... */
	uint32_t renew_left;		/* ... so many more of socks */
	const struct tcp_congestion_kinds *kinds;	/* TCP_CONGESTION by name; may be NULL */
	struct tcp_sizes rmem, wmem;
	struct tcp_marks mem;
	bool pressure;			/* mem.pressure was reached, and not left below low since */
	uint64_t squeezed_at;		/* ns */
	uint64_t squeeze_at;		/* where in set the next squeeze goes on ... */
	unsigned int squeeze_step;	/* ... with which step */
	uint8_t ecn;			/* RFC 3168: 0 never, 1 ask for it, 2 only when asked */
	bool sack;			/* offer and accept SACK (RFC 2018) */
	uint32_t max_orphans, max_time_waits;
	uint32_t orphans, time_waits;	/* now */
	struct list orphan_list;	/* orphan.c: who has got nowhere for longest at the head */
	uint64_t challenge_window;	/* ns: start of the current second of RFC 5961 section 7 */
	uint32_t challenge_count, challenge_limit;
	struct tcp_stats stats;
};

extern const struct transport_ops tcp_ops;

int tcp_init(struct tcp *tcp, struct env *env, struct ip *ip);
void tcp_destroy(struct tcp *tcp);		/* resets what is open */
/* New sizes and marks: buffers that are larger than may be shrink to that, in the turns to come. Window scales stay. */
void tcp_set_memory(struct tcp *tcp, const struct tcp_sizes *rmem, const struct tcp_sizes *wmem,
		    const struct tcp_marks *mem);
/*
 * Move every connection from one congestion control to another (a reload, or a new default), and new ones at
 * once. The caller keeps sw, and the code and parameters of both, until done is called, maybe before this returns.
 */
struct tcp_switch {
	struct list node;		/* tcp->switches */
	const struct congestion_ops *from, *to;
	const void *params;		/* of to */
	void (*done)(struct tcp_switch *sw);	/* no connection is left with from; may be NULL */
};
void tcp_congestion_switch(struct tcp *tcp, struct tcp_switch *sw);

/* For dumps: "ESTAB" as ss prints; see tcp/sock.h for more. */
const char *tcp_state_name(const struct sock *sk);

struct tcp_end;

struct tcp_row {			/* a line of ss */
	const char *state;
	uint8_t number;			/* of the state: TCP_ESTABLISHED, ... */
	struct ip_addr local, remote;
	uint16_t lport, rport;
	uint32_t recv_q, send_q;
	const char *timer;		/* "on", "persist", "keepalive", "timewait"; NULL: none */
	uint64_t expires;		/* of the timer, ns from now */
	uint32_t retries;
	struct sock *sk;		/* NULL: a TIME-WAIT entry */
};

/* Where a dump is; zeroed at first. What opens and closes meanwhile may be missed, or come twice. */
struct tcp_cursor {
	unsigned int table;
	size_t slot, done;		/* rows of the slot that were told */
};

/* Every socket that has a name and is not closed, and every TIME-WAIT entry, from the cursor on, until fn
 * answers false: that row comes again. True: these were all. */
bool tcp_dump(const struct tcp *tcp, struct tcp_cursor *c,
	      bool (*fn)(void *arg, const struct tcp_row *r), void *arg);
/* How many bytes/s arrive either way, by what was seen at the looks before this one; busy.c. */
uint64_t tcp_busy(struct sock *sk);

/*
 * abort.c: whose is a segment with these names? The connection or TIME-WAIT entry, else the listener;
 * NULL: nobody's. What is found is good until the stack runs again.
 */
struct tcp_end *tcp_find(struct tcp *tcp, const struct ip_meta *m, uint16_t sport, uint16_t dport);
void tcp_end_row(const struct tcp *tcp, struct tcp_end *end, struct tcp_row *r);
/* Ends it as if it had failed with err, with a RST where a peer waits for one. -ENOENT: it is closed. */
int tcp_abort(struct tcp *tcp, struct tcp_end *end, int err);

#endif
