/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock.h - one TCP connection, and what the files of core/tcp/ call of each other.
 *
 * Names are those of RFC 9293 3.3.1 (snd_una is SND.UNA). Times are ns, windows and queues are
 * bytes. A connection is in one of the tables of struct tcp while it can receive segments:
 *
 *	CLOSED		in none
 *	LISTEN		listeners, by port
 *	TIME-WAIT	established, as a struct tcp_timewait: the struct tcp_sock is gone
 *	all others	established, by four-tuple
 *
 * Who owns it: the socket floor, from init or accept until close; then TCP itself (an orphan),
 * until the last state. What has come to its end within a turn is freed at the end of the turn,
 * so that a pointer found while a segment is handled stays good.
 */
#ifndef TCP_SOCK_H
#define TCP_SOCK_H

#include <string.h>

#include "tcp/segment.h"
#include "tcp/tcp.h"

#define NSEC_PER_MSEC	1000000ull
#define NSEC_PER_SEC	1000000000ull

#define TCP_RTO_MIN	(200 * NSEC_PER_MSEC)	/* Linux's; RFC 6298 2.4 would have 1 s */
#define TCP_RTO_MAX	(120 * NSEC_PER_SEC)
#define TCP_RTO_INIT	(1 * NSEC_PER_SEC)	/* RFC 6298 2.1 */
#define TCP_ATO_MIN	(40 * NSEC_PER_MSEC)
#define TCP_DELACK_MAX	(200 * NSEC_PER_MSEC)
#define TCP_QUICKACKS	16u			/* acknowledged at once at the start */
#define TCP_MSL2	(60 * NSEC_PER_SEC)	/* TIME-WAIT and FIN-WAIT-2 */
#define TCP_LINGER2_NONE UINT32_MAX	/* TCP_LINGER2 below 0: no FIN-WAIT-2 after close */
#define TCP_SYN_RETRIES	6u
#define TCP_SYNACK_RETRIES 5u
#define TCP_RETRIES2	15u
#define TCP_ORPHAN_RETRIES 8u
#define TCP_KEEPIDLE_S	7200u
#define TCP_KEEPINTVL_S	75u
#define TCP_KEEPCNT_N	9u
#define TCP_DUPTHRESH	3u
#define TCP_INIT_CWND	10u			/* RFC 6928 */
#define TCP_SOMAXCONN	4096
#define TCP_OOW_NS	(500 * NSEC_PER_MSEC)	/* between answers to unacceptable segments */
#define TCP_TSQ_MAX	(1u << 20)
#define TCP_PAWS_24DAYS	(24ull * 86400 * NSEC_PER_SEC)

enum tcp_state {			/* numbered as Linux shows them in TCP_INFO */
	TCPS_ESTABLISHED = 1, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2,
	TCPS_TIME_WAIT, TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_LAST_ACK, TCPS_LISTEN, TCPS_CLOSING,
};
#define TCPS_BIT(s) (1u << (s))

/* What the table of four-tuples holds: the head of a connection or of a TIME-WAIT entry. */
struct tcp_end {
	struct hash_node node;
	struct ip_addr local, remote;
	uint16_t lport, rport;
	uint8_t state;			/* TIME-WAIT: this is a struct tcp_timewait */
	bool hashed;
};

/*
 * Bytes handed to ip_output and not yet freed by the link (TCP Small Queues). It outlives
 * the connection for as long as a packet in some queue refers to it.
 */
struct tcp_charge {
	struct tcp_sock *tp;		/* NULL once the connection is gone */
	uint32_t refs;			/* the connection, and every packet */
	uint64_t handed, left;		/* bytes ever; handed - left wait below us */
};

/* packet->cb of a packet in the send queue. end counts a FIN. */
struct tcp_seg {
	uint32_t seq, end;
	uint64_t sent;			/* its last transmission, 0 = never */
	uint64_t handed;		/* charge->handed after it: in our queues while > left */
	uint64_t delivered, delivered_at; /* of the connection when it was sent: for rate samples */
	uint8_t flags;			/* TCPH_FIN, TCPH_PSH */
	uint8_t rexmits;
	bool retrans;			/* sent again, and that is under way */
	bool lost;			/* deemed lost: to be sent again, or sent again already */
	bool sacked;			/* held by the peer (RFC 2018) */
	bool app_limited;
};
_Static_assert(sizeof(struct tcp_seg) <= PACKET_CB, "tcp_seg must fit into packet->cb");

/* packet->cb of a received packet that waits for the reader or for a gap to be filled. */
struct tcp_rx {
	struct packet *prev;		/* out-of-order queue */
	uint32_t seq, end;
	uint32_t charge;		/* bytes of memory it stands for */
	bool fin;
};
_Static_assert(sizeof(struct tcp_rx) <= PACKET_CB, "tcp_rx must fit into packet->cb");

struct tcp_sock {
	struct sock sk;			/* first */
	struct tcp_end end;		/* key and state */
	struct tcp *tcp;
	struct list dead;		/* tcp->dead: freed at the end of the turn */
	bool orphan;			/* the socket floor has let go, or has not got it yet */
	bool counted;			/* in tcp->orphans: it has let go */

	/* options */
	bool nodelay, cork;
	uint32_t user_mss;		/* TCP_MAXSEG */
	uint32_t notsent_lowat;
	uint32_t keepidle, keepintvl, keepcnt, syncnt, linger2;	/* s, but for counts */
	uint32_t user_timeout;		/* ms */

	/* congestion control */
	struct congestion cc;
	const struct congestion_ops *cc_ops;
	const void *cc_params;
	struct module *cc_module;

	/* sending; from here to the timers tcp_reinit() clears all */
	uint32_t iss, snd_una, snd_nxt, write_seq;
	uint32_t snd_wnd, snd_wl1, snd_wl2, max_window;	/* scaled */
	uint32_t snd_sml;		/* end of the last small segment sent (Minshall) */
	struct packet *sendq, *sendq_tail, *send_next;	/* all; the first never sent */
	struct packet *rexmit;		/* no lost one waits before this; NULL: at the head */
	uint32_t queued;		/* bytes of payload in sendq */
	struct buf *tx_buf;		/* where small writes are copied together */
	uint32_t tx_used;
	uint32_t mss;			/* payload of a full segment: options are taken off */
	uint32_t peer_mss;		/* what the peer's option, clamped, allows */
	uint32_t pmtu;			/* that mss was made of */
	uint64_t bytes_acked, bytes_sent, bytes_retrans, bytes_received;
	struct tcp_charge *charge;
	bool tsq_stopped;
	bool fin_queued;		/* the user has closed: the last packet bears FIN */
	bool more;			/* the last write had MSG_MORE */
	bool pushed;			/* TCP_NODELAY was set: what waits goes, once */
	bool nospace;			/* the writer was refused: tell it when there is room */

	/* under way, in sequence space: lost_out and retrans_out sum the marks of segments */
	uint32_t reno_sacked;		/* out of the network by count of duplicate ACKs */
	uint32_t lost_out, retrans_out;
	uint32_t dupacks;
	enum { TCP_CA_OPEN, TCP_CA_RECOVERY, TCP_CA_LOSS } ca_state;
	uint32_t recover;		/* RFC 6582: snd_nxt when recovery began */
	/* undo of a reduction that proves needless (RFC 3522) */
	bool undo_armed;
	uint64_t undo_cwnd, undo_ssthresh;
	uint32_t rexmit_ts;		/* timestamp of the first retransmission */

	/* delivery, in rounds */
	uint64_t delivered, delivered_at;
	uint32_t round_end;		/* snd_nxt when this round trip began */
	bool app_limited;
	bool cwnd_limited;
	uint64_t rate;			/* bytes/s that arrive: the highest of late */
	uint64_t pace_next;		/* no data segment before */

	/* round-trip time (RFC 6298), ns */
	uint64_t srtt, rttvar, rto, min_rtt;
	uint32_t backoff;
	uint32_t retries;		/* timeouts in a row */
	uint64_t retries_since;		/* when the first of them began: TCP_USER_TIMEOUT */
	uint64_t last_sent;		/* last data segment */

	/* receiving */
	uint32_t irs, rcv_nxt;
	uint32_t rcv_adv;		/* right edge of the window that was promised */
	uint32_t rcv_wup;		/* rcv_nxt in the last ACK sent */
	struct packet *recvq, *recvq_tail, *ofo, *ofo_tail;
	uint32_t recv_bytes;		/* payload in recvq */
	uint32_t rmem;			/* memory in recvq and ofo */
	struct buf *rx_buf;		/* where payload of wasteful packets is copied together */
	uint32_t rx_used;
	uint32_t rcv_mss;		/* the peer's usual segment */
	uint32_t quickacks;
	bool ack_now, ack_pending;
	bool fin_received;
	uint64_t ato, last_data, last_ack_recv;
	/* dynamic right-sizing of the receive buffer */
	uint64_t drs_start, drs_rtt;
	uint32_t drs_copied, drs_space;

	/* window scaling and timestamps (RFC 7323) */
	uint8_t snd_wscale, rcv_wscale;
	bool ts_ok, wscale_ok;
	uint32_t ts_offset, ts_recent;
	uint64_t ts_recent_at;		/* when it was heard: it is void after 24 days */

	/* timers */
	struct timer rexmit_timer;	/* RTO, zero-window probe */
	struct timer delack_timer;
	struct timer keep_timer;	/* keepalive; the end of FIN-WAIT-2 */
	struct timer pace_timer;
	struct work output_work;
	bool probing;			/* rexmit_timer is a zero-window probe */
	uint32_t probes, keep_probes;
	uint64_t confirmed;		/* neighbour_confirm() was told */
	uint64_t oow_last;		/* last answer to an unacceptable segment */
	int soft_error;			/* ICMP: told when the connection times out (RFC 5461) */

	/* listening, and being a child of a listener */
	struct tcp_sock *listener;
	struct list children;		/* on a listener: SYN-RECEIVED */
	struct list accept_queue;	/* on a listener: established, not accepted yet */
	struct list sibling;		/* in one of these two */
	uint32_t nsyn, naccept, backlog;
};

static inline struct tcp_sock *tcp_sock(const struct sock *sk)
{
	return (struct tcp_sock *)sk;
}

static inline struct tcp_seg *seg_of(struct packet *p)
{
	return (struct tcp_seg *)(void *)p->cb;
}

static inline struct tcp_rx *rx_of(struct packet *p)
{
	return (struct tcp_rx *)(void *)p->cb;
}

static inline uint64_t tcp_now(const struct tcp_sock *tp)
{
	return tp->tcp->env->now;
}

static inline bool tcp_in(const struct tcp_sock *tp, uint32_t states)
{
	return TCPS_BIT(tp->end.state) & states;
}

/* Sent and not yet known to have left the network (RFC 6675's pipe, without SACK). */
static inline uint32_t tcp_pipe(const struct tcp_sock *tp)
{
	uint32_t out = tp->snd_nxt - tp->snd_una;
	uint32_t gone = tp->reno_sacked + tp->lost_out;

	return (out > gone ? out - gone : 0) + tp->retrans_out;
}

/* ---- tcp.c: tables, life and death ---- */
bool tcp_memory_pressure(const struct tcp *tcp);
bool tcp_memory_scarce(const struct tcp *tcp);
uint64_t tcp_hash(const struct tcp *tcp, const struct ip_addr *local, uint16_t lport,
		  const struct ip_addr *remote, uint16_t rport);
struct tcp_end *tcp_end_find(const struct tcp *tcp, const struct ip_addr *local, uint16_t lport,
			     const struct ip_addr *remote, uint16_t rport);
void tcp_end_add(struct tcp *tcp, struct tcp_end *e);
void tcp_end_del(struct tcp *tcp, struct tcp_end *e);
void tcp_set_state(struct tcp_sock *tp, enum tcp_state s);
void tcp_done(struct tcp_sock *tp);		/* CLOSED; freed when nobody owns it */
void tcp_reset(struct tcp_sock *tp, int err);	/* the connection has failed: tell, and done */
int tcp_reinit(struct tcp_sock *tp);		/* a closed socket, as new: it may connect again */
/* The key of the table from the socket's names, and into it. */
void tcp_hash_in(struct tcp_sock *tp);

/* ---- user.c: the calls of RFC 9293 3.10.1 to 3.10.6 ---- */
void tcp_close(struct sock *sk, bool abort_it);
int tcp_connect(struct sock *sk, const struct ip_addr *a, uint16_t port);
int tcp_bind(struct sock *sk, const struct ip_addr *a, uint16_t port);
int tcp_disconnect(struct sock *sk);
int tcp_shutdown(struct sock *sk, int how);
uint32_t tcp_poll(struct sock *sk);
uint32_t tcp_space(struct sock *sk);
ssize_t tcp_write(struct sock *sk, struct buf *b, uint32_t off, uint32_t len, int flags);
int tcp_peek(struct sock *sk, struct iovec *iov, int max);
void tcp_consume(struct sock *sk, uint32_t n);
uint32_t tcp_unsent(struct sock *sk);
void tcp_write_space(struct tcp_sock *tp);	/* room came: tell a writer that was refused */
void tcp_arm_fin_wait_2(struct tcp_sock *tp);

/* ---- isn.c ---- */
uint32_t tcp_isn(const struct tcp *tcp, const struct tcp_end *e);
uint32_t tcp_ts_offset(const struct tcp *tcp, const struct tcp_end *e);
/* The timestamp clock, RFC 7323 5.4: milliseconds. */
static inline uint32_t tcp_ts(const struct tcp_sock *tp)
{
	return (uint32_t)(tcp_now(tp) / NSEC_PER_MSEC) + tp->ts_offset;
}

/* ---- sendq.c ---- */
ssize_t sendq_write(struct tcp_sock *tp, struct buf *b, uint32_t off, uint32_t len);
int sendq_fin(struct tcp_sock *tp);
bool sendq_split(struct tcp_sock *tp, struct packet *p, uint32_t n);
void sendq_purge(struct tcp_sock *tp);
void sendq_pop(struct tcp_sock *tp);			/* free the head */
void sendq_trim(struct tcp_sock *tp, uint32_t n);	/* cut n bytes from the head packet */
void sendq_mark_lost(struct tcp_sock *tp, struct packet *p);
void sendq_unmark(struct tcp_sock *tp, struct packet *p);
void sendq_mark_all_lost(struct tcp_sock *tp);
void sendq_unmark_all(struct tcp_sock *tp);
struct packet *sendq_next_lost(struct tcp_sock *tp);
static inline bool sendq_in_host(const struct tcp_sock *tp, struct packet *p)
{
	return seg_of(p)->handed > tp->charge->left;
}

/* ---- recvq.c ---- */
void recvq_input(struct tcp_sock *tp, struct packet *p, struct tcp_segment *s);
void recvq_purge(struct tcp_sock *tp);
uint32_t recvq_window(const struct tcp_sock *tp);	/* bytes of payload we could take now */
uint32_t recvq_full_window(const struct tcp_sock *tp);	/* the same with an empty queue */
void recvq_consumed(struct tcp_sock *tp, uint32_t n);

/* ---- output.c: what may be sent, and sending it ---- */
void tcp_output(struct tcp_sock *tp);
void tcp_output_work(struct work *w);
int tcp_send_data(struct tcp_sock *tp, struct packet *p);	/* one of the send queue, (again) */
void tcp_send_control(struct tcp_sock *tp, uint32_t seq, uint8_t flags);
void tcp_send_syn(struct tcp_sock *tp);			/* SYN or SYN-ACK, by state */
void tcp_send_ack(struct tcp_sock *tp);
void tcp_send_probe(struct tcp_sock *tp);	/* one byte before the window: must be answered */
void tcp_send_rst(struct tcp_sock *tp);
/* Answer a segment that belongs to no connection (RFC 9293 3.10.7.1), or with a bare ACK. */
void tcp_reply_rst(struct tcp *tcp, const struct ip_meta *m, const struct tcp_segment *s);
struct tcp_timewait;
void tcp_reply_ack(struct tcp *tcp, const struct tcp_timewait *tw, const struct ip_meta *m);
int tcp_sync_route(struct tcp_sock *tp);		/* dst and mss up to date */
void tcp_sync_mss(struct tcp_sock *tp);
uint32_t tcp_size_goal(struct tcp_sock *tp);	/* payload of one packet of the send queue */
uint32_t tcp_select_window(struct tcp_sock *tp);	/* the window field, and what it promises */
void tcp_charge_release(struct tcp_sock *tp);
bool tcp_retransmit(struct tcp_sock *tp);		/* lost segments, as cwnd allows */

/* ---- input.c ---- */
bool tcp_input(void *arg, struct packet *p, const struct ip_meta *m);
void tcp_icmp_error(void *arg, const struct ip_meta *q, const uint8_t *t, uint32_t len,
		    const struct ip_error *e);
void tcp_established(struct tcp_sock *tp, const struct tcp_segment *s);
bool tcp_oow_allowed(struct tcp_sock *tp);
void tcp_challenge_ack(struct tcp_sock *tp);
void tcp_process(struct tcp_sock *tp, struct packet *p, struct tcp_segment *s,
		 const struct ip_meta *m);
void tcp_fin_received(struct tcp_sock *tp);
void tcp_learn_syn(struct tcp_sock *tp, const struct tcp_segment *s);

/* ---- ack.c ---- */
bool tcp_ack(struct tcp_sock *tp, const struct tcp_segment *s);	/* false: drop the segment */
void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt);
void tcp_enter_loss(struct tcp_sock *tp);
void tcp_path_mtu(struct tcp_sock *tp);		/* it shrank: send again what is too large */

/* ---- timer.c ---- */
void tcp_timers_init(struct tcp_sock *tp);
void tcp_timers_cancel(struct tcp_sock *tp);
void tcp_arm_rto(struct tcp_sock *tp);
void tcp_arm_probe(struct tcp_sock *tp);
void tcp_arm_delack(struct tcp_sock *tp);
void tcp_arm_keepalive(struct tcp_sock *tp);
void tcp_arm_keep(struct tcp_sock *tp, uint64_t delay);

/* ---- listen.c ---- */
int tcp_listen(struct sock *sk, int backlog);
struct sock *tcp_accept(struct sock *sk, int *err);
struct tcp_sock *tcp_listener_find(struct tcp *tcp, const struct ip_meta *m, uint16_t sport,
				   uint16_t dport);
void tcp_listen_input(struct tcp_sock *l, struct packet *p, struct tcp_segment *s,
		      const struct ip_meta *m, uint32_t isn);
bool tcp_listen_established(struct tcp_sock *child);	/* false: no room, the ACK is ignored */
void tcp_listen_leave(struct tcp_sock *child);		/* it is gone before it was accepted */
void tcp_listen_close(struct tcp_sock *l);
bool tcp_is_listening(const struct sock *sk);

/* ---- timewait.c ---- */
struct tcp_timewait {
	struct tcp_end end;
	struct list node;		/* tcp->time_wait: the next to end first */
	struct port_use port;
	uint64_t until;
	uint64_t since;
	uint32_t snd_nxt, rcv_nxt, rcv_wnd;
	uint8_t rcv_wscale;
	bool ts_ok;
	uint32_t ts_recent, ts_offset;
	uint64_t ts_recent_at, oow_last;
};
void timewait_enter(struct tcp_sock *tp);	/* tp is done */
/* False: s is a SYN for a new connection, tw is gone, and *isn is to be its first number. */
bool timewait_input(struct tcp *tcp, struct tcp_timewait *tw, const struct tcp_segment *s,
		    const struct ip_meta *m, uint32_t *isn);
bool timewait_reusable(const struct tcp *tcp, const struct tcp_timewait *tw);
void timewait_free(struct tcp *tcp, struct tcp_timewait *tw);
void timewait_expire(struct timer *t);
void timewait_purge(struct tcp *tcp);

/* ---- congestion.c ---- */
int tcp_cc_init(struct tcp_sock *tp);
void tcp_cc_release(struct tcp_sock *tp);
int tcp_cc_set(struct tcp_sock *tp, const char *name);
void tcp_cc_inherit(struct tcp_sock *child, const struct tcp_sock *listener);
void tcp_cc_start(struct tcp_sock *tp);		/* established: the initial window */
void tcp_cc_ack(struct tcp_sock *tp, struct congestion_ack *a);
void tcp_cc_event(struct tcp_sock *tp, enum congestion_event ev);
uint64_t tcp_cc_ssthresh(struct tcp_sock *tp);
void tcp_cc_idle(struct tcp_sock *tp);
uint64_t tcp_cc_rate(const struct tcp_sock *tp);	/* bytes/s that the window allows */

/* ---- option.c ---- */
int tcp_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len);
int tcp_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len);

#endif
