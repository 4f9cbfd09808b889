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

struct module;

struct tcp_stats {			/* names as in Linux's snmp and netstat */
	uint64_t active_opens, passive_opens, attempt_fails, estab_resets, curr_estab, in_segs,
		 out_segs, retrans_segs, in_errs, out_rsts, in_csum_errors, paws_drops,
		 challenge_acks, listen_drops, ofo_queued, ofo_drops, rcv_pruned, dup_acks,
		 fast_retrans, timeouts, delayed_acks, keepalive_probes, zero_window_probes,
		 time_waits, time_wait_overflow, bad_seq_resets, abort_on_timeout, abort_on_close,
		 abort_on_data, abort_on_memory;
};

/* Which congestion control a new connection gets, and how a name is found. */
struct tcp_congestion_kinds {
	void *arg;
	const struct congestion_ops *(*get)(void *arg, const char *name, struct module **m,
					    const void **params);
	void (*put)(void *arg, struct module *m);
};

struct tcp {
	struct env *env;
	struct ip *ip;
	struct port_table ports;
	struct hash_table established;	/* four-tuple -> struct tcp_sock or time-wait entry */
	struct hash_table listeners;	/* port -> struct tcp_sock in LISTEN */
	struct list socks;		/* every struct tcp_sock */
	struct list dead;		/* at their end: freed by reap, at the end of the turn */
	struct work reap;
	struct list time_wait;		/* entries, the next to end first */
	struct timer time_wait_timer;
	struct siphash_key isn_key, ts_key;	/* RFC 6528, RFC 7323 5.4 */
	const struct congestion_ops *congestion;
	const void *congestion_params;
	const struct tcp_congestion_kinds *kinds;	/* TCP_CONGESTION by name; may be NULL */
	uint32_t rmem_default, rmem_max, wmem_default, wmem_max;	/* bytes */
	uint32_t max_orphans, max_time_waits;
	uint32_t orphans, time_waits;	/* now */
	uint64_t challenge_window;	/* ns: start of the current second of RFC 5961 section 7 */
	uint32_t challenge_count, challenge_limit;
	struct tcp_stats stats;
};

extern const struct transport_ops tcp_ops;

int tcp_init(struct tcp *tcp, struct env *env, struct ip *ip);
void tcp_destroy(struct tcp *tcp);		/* resets what is open */
/* Move every connection from ops old to ops new (a reload, or a new default). */
void tcp_congestion_switch(struct tcp *tcp, const struct congestion_ops *from,
			   const struct congestion_ops *to, const void *params);

/* For dumps: "ESTAB" as ss prints; see tcp/sock.h for more. */
const char *tcp_state_name(const struct sock *sk);

struct tcp_row {			/* a line of ss */
	const char *state;
	struct ip_addr local, remote;
	uint16_t lport, rport;
	uint32_t recv_q, send_q;
	const char *timer;		/* "on", "persist", "keepalive", "timewait"; NULL: none */
	uint64_t expires;		/* of the timer, ns from now */
	uint32_t retries;
	struct sock *sk;		/* NULL: a TIME-WAIT entry */
};

/* Every socket, and every TIME-WAIT entry. */
void tcp_dump(const struct tcp *tcp, void (*fn)(void *arg, const struct tcp_row *r), void *arg);

#endif
