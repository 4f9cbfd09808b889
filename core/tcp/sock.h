/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock.h - one TCP connection, and what the files of core/tcp/ call of each other.
 *
 * Names are those of RFC 9293 3.3.1 (snd_una is SND.UNA). Times are ns, windows and queues are
 * bytes. A connection is in one of the tables of struct tcp while it can receive segments:
 *
 *	CLOSED		in none
 *	LISTEN		listeners; packets find it by its port (ip/port_use.c)
 *	TIME-WAIT	established, as a struct tcp_timewait: the struct tcp_sock is gone
 *	all others	established, by four-tuple
 *
 * Who owns it: the socket floor, from init or accept until close; then TCP itself (an orphan),
 * until the last state. What has come to its end within a turn is freed at the end of the turn,
 * so that a pointer found while a segment is handled stays good.
 */
#ifndef TCP_SOCK_H
#define TCP_SOCK_H

#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
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
#define TCP_MSL2	(60 * NSEC_PER_SEC)	/* TIME-WAIT */
#define TCP_FIN_TIMEOUT	(60 * NSEC_PER_SEC)	/* FIN-WAIT-2 after close */
#define TCP_LINGER2_NONE UINT32_MAX	/* TCP_LINGER2 below 0: no FIN-WAIT-2 after close */
#define TCP_SYN_RETRIES	6u
#define TCP_SYNACK_RETRIES 5u
#define TCP_RETRIES2	15u
#define TCP_ORPHAN_RETRIES 8u
#define TCP_KEEPIDLE_S	7200u
#define TCP_KEEPINTVL_S	75u
#define TCP_KEEPCNT_N	9u
#define TCP_DUPTHRESH	3u
#define TCP_REORDERING_MAX 300u		/* segments, as Linux's tcp_max_reordering */
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

enum tcp_urg { TCP_URG_NONE, TCP_URG_NOTYET, TCP_URG_VALID, TCP_URG_READ };	/* urgent.c */

enum tcp_hard { TCP_HARD_NONE, TCP_HARD_LINGER, TCP_HARD_INPUT };	/* hardclose.c */

/* What holds up a sender (info.c). */
enum tcp_chrono { TCP_CHRONO_IDLE, TCP_CHRONO_BUSY, TCP_CHRONO_RWND, TCP_CHRONO_SNDBUF,
		  TCP_CHRONO_STATES };

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
	uint64_t first_sent;		/* these three: of the connection when it was sent, rate.c */
	uint64_t delivered, delivered_at;
	struct list by_time;		/* tp->by_time: sent, not SACKed, not waiting to be sent again */
	uint16_t mss;			/* payload of each wire segment of the last transmission */
	uint32_t segs;			/* wire segments that it stands for; 0: never sent */
	uint8_t flags;			/* TCPH_FIN, TCPH_PSH */
	uint8_t rexmits;
	bool retrans;			/* sent again, and that is under way */
	bool lost;			/* deemed lost: to be sent again, or sent again already */
	bool sacked;			/* held by the peer (RFC 2018) */
	bool app_limited;		/* sent into a pipe with a bubble */
};
_Static_assert(sizeof(struct tcp_seg) <= PACKET_CB, "tcp_seg must fit into packet->cb");

/* packet->cb of a received packet that waits for the reader or for a gap to be filled. */
struct tcp_rx {
	struct tree_node node;		/* out-of-order queue */
	uint32_t seq, end;
	uint32_t charge;		/* bytes of memory it stands for */
	bool fin;
};
_Static_assert(sizeof(struct tcp_rx) <= PACKET_CB, "tcp_rx must fit into packet->cb");

enum tcp_timer_use {			/* one timer drives what is sent until it is answered */
	TCP_TIMER_RTO, TCP_TIMER_PERSIST, TCP_TIMER_TLP, TCP_TIMER_REO,
};

struct tcp_segs {			/* wire segments under way, as TCP_INFO tells of them */
	uint32_t out, sacked, lost, retrans;
};

struct tcp_mtu {			/* plpmtud.c; bytes of IP packets */
	bool enabled;
	uint32_t low, high;
	uint32_t probe;			/* under way; 0: none */
	uint32_t start, end;		/* its place in sequence */
	uint64_t since;			/* the last change of low or high */
};

struct tcp_sock {
	struct sock sk;			/* first */
	struct tcp_end end;		/* key and state */
	struct tcp *tcp;
	struct list dead;		/* tcp->dead: freed at the end of the turn */
	bool orphan;			/* the socket floor has let go, or has not got it yet */
	struct list orphan_node;	/* tcp->orphan_list, once it has let go */

	/* options */
	bool nodelay, cork;
	uint32_t user_mss;		/* TCP_MAXSEG */
	uint32_t notsent_lowat;
	uint32_t keepidle, keepintvl, keepcnt, syncnt, linger2;	/* s, but for counts; 0: as struct tcp says */
	uint32_t user_timeout;		/* ms */
	uint32_t window_clamp;		/* no larger window is offered; 0: none */
	uint8_t save_syn;		/* TCP_SAVE_SYN: 1 from the IP header on, 2 from the link's */
	bool tfo_connect, tfo_no_cookie;	/* TCP_FASTOPEN_CONNECT, _NO_COOKIE */
	uint32_t defer_accept;		/* SYN-ACKs until a bare ACK is enough; 0: TCP_DEFER_ACCEPT off */

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
	struct list by_time;		/* what RACK waits for, in the order of transmission */
	uint32_t nsegs;			/* packets in sendq */
	uint32_t queued;		/* bytes of payload in sendq */
	struct buf *tx_buf;		/* where small writes are copied together */
	uint32_t tx_used;
	uint32_t mss;			/* payload of a full segment: options are taken off */
	uint32_t peer_mss;		/* what the peer's option, clamped, allows */
	uint32_t pmtu;			/* that mss was made of */
	struct tcp_mtu mtu;
	uint64_t bytes_acked, bytes_sent, bytes_retrans, bytes_received;
	struct tcp_busy {		/* of the last look (busy.c) */
		uint64_t at, bytes, rate;	/* at 0: there was none */
		bool again;		/* there were two */
	} busy;
	uint32_t segs_in, segs_out, data_segs_in, data_segs_out, total_retrans, rcv_ooopack;
	enum tcp_chrono chrono;
	uint64_t chrono_since, chrono_ns[TCP_CHRONO_STATES];
	struct tcp_charge *charge;
	bool tsq_stopped;
	/* Fast Open (fastopen.c) */
	bool tfo_used;			/* this connection was opened with it, by us */
	bool tfo_deferred;		/* SYN-SENT, but the SYN waits for the first write */
	bool tfo_ask;			/* the SYN asks for a cookie */
	bool tfo_acked;			/* data in the SYN arrived, whoever sent it */
	bool syn_retried;		/* the SYN was sent more than once */
	uint8_t tfo_fail;		/* FASTOPEN_*: why not */
	bool fin_queued;		/* the user has closed: the last packet bears FIN */
	bool more;			/* the last write had MSG_MORE */
	bool snd_urgent;		/* bytes before snd_up are urgent */
	uint32_t snd_up;
	bool pushed;			/* TCP_NODELAY was set: what waits goes, once */
	bool nospace;			/* the writer was refused: tell it when there is room */
	bool writer_waits;		/* it has more to write, and has not written since */

	/*
	 * Under way, in sequence space: these sum the marks of segments (sendq.c). Without SACK
	 * sacked_out counts duplicate ACKs, one segment each.
	 */
	uint32_t sacked_out, lost_out, retrans_out;
	uint32_t rexmit_due;		/* of lost_out, what is not under way again */
	struct tcp_segs segs;
	uint32_t dupacks;
	uint8_t ca_state;		/* enum congestion_state */
	uint32_t recover;		/* snd_nxt when this state began: its end (RFC 6582) */

	/* the scoreboard of what the peer holds (RFC 2018), sack.c */
	bool sack_ok;
	uint8_t nseen;
	struct tcp_sack_block seen[TCP_SACK_BLOCKS];	/* of the last ACK: done, sorted */
	struct packet *sack_hint[2];	/* where the last blocks ended: near, and farthest */
	uint32_t snd_fack;		/* the highest that was SACKed */

	/* time-based loss detection (RFC 8985), rack.c; names as there */
	struct {
		uint64_t xmit_ts, rtt;	/* of the segment sent last among those delivered; ns */
		uint32_t end_seq;
		uint32_t dsack_round;	/* snd_nxt when reo_wnd_mult grew: once a round trip */
		uint8_t reo_wnd_mult, reo_wnd_persist;
		bool dsack_round_valid;
		bool advanced;		/* something was delivered since losses were looked for */
	} rack;
	uint32_t reordering;		/* segments: how far delivery was seen to be out of order */
	uint32_t reord_seen;		/* how often */
	uint32_t dsack_dups;		/* segments reported to have arrived twice */

	/* tail loss probes (RFC 8985 section 7), tlp.c */
	uint32_t tlp_end_seq;
	bool tlp_out, tlp_is_retrans;

	/* undo of a reduction that proves needless (RFC 3522, 4015, 3708), undo.c */
	bool undo_armed;
	bool frto;			/* is the timeout spurious (RFC 5682)? */
	bool frto_new;			/* step 2b: new data, no retransmission, until the next ACK */
	uint32_t undo_marker;		/* snd_una when the reduction began */
	int64_t undo_retrans;		/* bytes sent again and not reported twice; -1: none yet */
	uint64_t undo_cwnd, undo_ssthresh;	/* ssthresh 0: keep the reduced one */
	uint32_t rexmit_ts;		/* timestamp of the first retransmission, 0: none */

	/* explicit congestion notification (RFC 3168), ecn.c */
	bool ecn_asked, ecn_refused;	/* our SYN asked for it; the peer reset one that did */
	bool ecn_ok;			/* both ends agreed */
	bool ecn_cwr_due;		/* cwnd was reduced: the next new segment bears CWR */
	bool ecn_echo;			/* ACKs bear ECE */
	bool ecn_seen;			/* data came in a packet that was ECT or CE */
	uint32_t segs_delivered_ce;	/* segments that ACKs with ECE told of */

	/* proportional rate reduction (RFC 6937), prr.c */
	uint64_t prr_delivered, prr_out, prr_cwnd;

	/* delivery, see rate.c */
	uint64_t delivered, delivered_at;	/* bytes that have arrived; when some last did */
	uint32_t segs_delivered;	/* the same in segments; SYN and what came twice count */
	uint64_t lost;			/* bytes ever deemed lost */
	uint64_t first_sent;		/* of the last segment sent among those that arrived */
	uint64_t round_delivered;	/* delivered when this round trip began */
	uint64_t app_limited;		/* delivered when the bubble will have passed; 0: none */
	uint64_t delivery_rate;		/* bytes/s: the last sample of the path's own rate */
	bool delivery_app_limited;	/* or the highest of those that the user limited */
	bool cwnd_limited;
	uint64_t rate;			/* bytes/s that arrive: the highest of late */
	uint64_t pace_next;		/* no data segment before */
	bool pace_waited;		/* it has kept one back, and that is not made up for yet */

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
	struct tcp_sack_block rcv_sack[TCP_SACK_BLOCKS];	/* what lies in ofo, latest first */
	struct tcp_sack_block dsack;	/* what came twice, to be told once */
	uint8_t nrcv_sack;
	bool has_dsack;
	uint8_t sack_len;		/* bytes of the SACK option that the next segment bears */
	struct packet *recvq, *recvq_tail;
	struct tree ofo;		/* what came beyond RCV.NXT, by sequence number */
	uint32_t recv_bytes;		/* payload in recvq */
	uint32_t rmem;			/* memory in recvq and ofo */
	struct buf *rx_buf;		/* where payload of wasteful packets is copied together */
	uint32_t rx_used;
	uint32_t rcv_mss;		/* the peer's usual segment */
	uint32_t quickacks;
	bool refused;			/* data, for want of memory: the next ACK says that there is no window */
	bool ack_now, ack_pending;
	bool fin_received;
	uint8_t hard_close;		/* enum tcp_hard: the RST waits for a few ACKs */
	enum tcp_urg urg_state;
	uint8_t urg_byte;
	uint32_t urg_seq;		/* the mark */
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
	struct timer rexmit_timer;	/* see rexmit_for */
	struct timer delack_timer;
	struct timer keep_timer;	/* keepalive; the end of FIN-WAIT-2 */
	struct timer pace_timer;
	struct work output_work;
	enum tcp_timer_use rexmit_for;	/* what rexmit_timer is armed for */
	uint32_t probes, keep_probes;
	uint64_t probes_since;		/* the window has been shut since; 0: it is open */
	uint64_t confirmed;		/* neighbour_confirm() was told */
	uint64_t oow_last;		/* last answer to an unacceptable segment */
	int soft_error;			/* ICMP: told when the connection times out (RFC 5461) */

	/* listening, and being a child of a listener */
	struct tcp_sock *listener;
	struct list children;		/* on a listener: SYN-RECEIVED */
	struct list accept_queue;	/* on a listener: established, not accepted yet */
	struct list sibling;		/* in one of these two */
	uint32_t nsyn, naccept, backlog;
	uint32_t nyoung;		/* children whose SYN-ACK was sent once */
	bool acked;			/* a child: its ACK came and was ignored for now */
	bool in_accept;			/* a child: it is in the accept queue */
	bool syn_pending;		/* a child in use before the ACK of its SYN-ACK */
	bool tfo_give;			/* its SYN-ACK bears a cookie */
	struct fastopen_queue *tfo;	/* on a listener; may be NULL */
	struct fastopen_queue *tfo_of;	/* a child: where it counts */
	struct list tfo_node;
	uint8_t *saved_syn;		/* TCP_SAVED_SYN: headers, saved_syn_len bytes; may be NULL */
	uint32_t saved_syn_len;
};

static inline struct tcp_sock *tcp_sock(const struct sock *sk)
{
	return (struct tcp_sock *)sk;
}

static inline struct tcp_seg *seg_of(struct packet *p)
{
	return (struct tcp_seg *)(void *)p->cb;
}

static inline struct packet *seg_packet(struct tcp_seg *seg)
{
	return container_of((uint8_t (*)[PACKET_CB])(void *)seg, struct packet, cb);
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

/* The highest that the peer is known to hold. */
static inline uint32_t tcp_fack(const struct tcp_sock *tp)
{
	return tp->sack_ok && tp->sacked_out ? tp->snd_fack : tp->snd_una;
}

/* Sent and not yet known to have left the network: RFC 6675's pipe. */
static inline uint32_t tcp_pipe(const struct tcp_sock *tp)
{
	uint32_t out = tp->snd_nxt - tp->snd_una;
	uint32_t gone = tp->sacked_out + tp->lost_out;

	return (out > gone ? out - gone : 0) + tp->retrans_out;
}

static inline uint32_t tcp_keepidle(const struct tcp_sock *tp)
{
	return tp->keepidle ? tp->keepidle : tp->tcp->keepidle;
}

static inline uint32_t tcp_keepintvl(const struct tcp_sock *tp)
{
	return tp->keepintvl ? tp->keepintvl : tp->tcp->keepintvl;
}

static inline uint32_t tcp_keepcnt(const struct tcp_sock *tp)
{
	return tp->keepcnt ? tp->keepcnt : tp->tcp->keepcnt;
}

static inline uint32_t tcp_syncnt(const struct tcp_sock *tp)
{
	return tp->syncnt ? tp->syncnt : tp->tcp->syn_retries;
}

/* ---- hardclose.c ---- */
void tcp_hard_close(struct tcp_sock *tp, bool input_lost);	/* it may be gone afterwards */
void tcp_hard_close_on(struct tcp_sock *tp);
void tcp_hard_close_end(struct tcp_sock *tp);	/* at once */

/* ---- memory.c ---- */
bool tcp_memory_pressure(struct tcp *tcp);
bool tcp_memory_scarce(const struct tcp *tcp);
/* What sndbuf amounts to now. */
uint32_t tcp_memory_sndbuf(const struct tcp_sock *tp);
void tcp_memory_check(struct tcp *tcp);		/* before a segment is looked at */
bool tcp_no_memory(const struct tcp_sock *tp);	/* for what tp has queued */
void tcp_grow_sndbuf(struct tcp_sock *tp);	/* cwnd may have grown */
void tcp_shrink_buffers(struct tcp_sock *tp);

/* ---- orphan.c ---- */
void tcp_orphan_begin(struct tcp_sock *tp);	/* it may be gone afterwards */
void tcp_orphan_progress(struct tcp_sock *tp);	/* its peer has acknowledged something */
void tcp_orphan_end(struct tcp_sock *tp);
void tcp_orphan_abort(struct tcp_sock *tp);	/* it has to go, for want of room */

/* ---- tcp.c: tables, life and death ---- */
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
uint8_t tcp_choose_wscale(const struct tcp_sock *tp);	/* ours, for a SYN */
/* The key of the table from the socket's names, and into it. */
void tcp_hash_in(struct tcp_sock *tp);

/* ---- user.c: the calls of RFC 9293 3.10.1 to 3.10.6 ---- */
void tcp_close(struct sock *sk, bool abort_it);
int tcp_connect(struct sock *sk, const struct ip_addr *a, uint16_t port);
/* All of connect but the SYN. */
int tcp_connect_prepare(struct tcp_sock *tp, const struct ip_addr *a, uint16_t port);
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

/* Payload of a wire segment that leaves now: SACK blocks take their place in it. */
static inline uint32_t tcp_mss_now(const struct tcp_sock *tp)
{
	return tp->mss - tp->sack_len;
}

/* ---- sendq.c ---- */
ssize_t sendq_write(struct tcp_sock *tp, struct buf *b, uint32_t off, uint32_t len);
int sendq_fin(struct tcp_sock *tp);
bool sendq_split(struct tcp_sock *tp, struct packet *p, uint32_t n);
void sendq_purge(struct tcp_sock *tp);
void sendq_pop(struct tcp_sock *tp);			/* free the head */
void sendq_trim(struct tcp_sock *tp, uint32_t n);	/* cut n bytes from the head packet */
/* For the first time or again, in wire segments of mss. */
void sendq_sent(struct tcp_sock *tp, struct packet *p, uint32_t mss);
/* Wire segments that end within the first n bytes of p. */
uint32_t sendq_segs(struct packet *p, uint32_t n);
void sendq_mark_lost(struct tcp_sock *tp, struct packet *p);
void sendq_mark_sacked(struct tcp_sock *tp, struct packet *p);
bool sendq_join(struct tcp_sock *tp, struct packet *p);	/* p and the next, both SACKed, are one */
void sendq_unmark_lost(struct tcp_sock *tp);		/* none is deemed lost any more */
void sendq_unmark_sacked(struct tcp_sock *tp);
bool sendq_may_split(const struct tcp_sock *tp);	/* at the peer's wish */
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
void recvq_prune(struct tcp_sock *tp);		/* give up what is out of order */
void recvq_collapse(struct tcp_sock *tp);	/* the same bytes in as little memory as can be */

/* ---- output.c: what may be sent, and sending it ---- */
void tcp_output(struct tcp_sock *tp);
void tcp_output_last(struct tcp_sock *tp);		/* before a RST */
void tcp_output_work(struct work *w);
int tcp_send_data(struct tcp_sock *tp, struct packet *p);	/* one of the send queue, (again) */
void tcp_send_control(struct tcp_sock *tp, uint32_t seq, uint8_t flags);
void tcp_send_syn(struct tcp_sock *tp);			/* SYN or SYN-ACK, by state */
void tcp_send_syn_data(struct tcp_sock *tp);		/* SYN with the send queue's one packet */
void tcp_send_ack(struct tcp_sock *tp);
void tcp_send_probe(struct tcp_sock *tp);	/* one byte before the window: must be answered */
void tcp_send_rst(struct tcp_sock *tp);
/* Answer a segment that belongs to no connection (RFC 9293 3.10.7.1), or with a bare ACK. */
void tcp_reply_rst(struct tcp *tcp, const struct ip_meta *m, const struct tcp_segment *s);
/* Send r, a SYN-ACK without a connection; the route's MSS is filled in. */
void tcp_reply_synack(struct tcp_sock *l, struct tcp_segment *r, const struct ip_meta *m);
struct tcp_timewait;
void tcp_reply_ack(struct tcp *tcp, const struct tcp_timewait *tw, const struct ip_meta *m);
int tcp_sync_route(struct tcp_sock *tp);		/* dst and mss up to date */
void tcp_sync_mss(struct tcp_sock *tp);
uint32_t tcp_advmss(const struct tcp_sock *tp);
uint32_t tcp_burst_size(struct tcp_sock *tp);	/* payload that leaves at once */
uint32_t tcp_size_goal(struct tcp_sock *tp);	/* payload of one packet of the send queue */
uint32_t tcp_select_window(struct tcp_sock *tp);	/* the window field, and what it promises */
void tcp_charge_release(struct tcp_sock *tp);
bool tcp_retransmit_head(struct tcp_sock *tp);		/* the first lost one, in any case */
bool tcp_send_beyond_cwnd(struct tcp_sock *tp);		/* one new segment, if the window allows */
bool tcp_resend(struct tcp_sock *tp, struct packet *p);	/* p of the queue again, now */
void tcp_count_retransmission(struct tcp_sock *tp, uint32_t segments);

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
/* Options that are switched off are as if a received SYN did not have them. */
void tcp_syn_filter(const struct tcp *tcp, struct tcp_segment *s);

/*
 * ---- rate.c ---- For each acceptable ACK: rate_begin() before it is looked at, rate_delivered() for
 * every packet of which n more bytes have arrived (acknowledged or SACKed, each byte once), and
 * rate_sample() when all are counted and the round-trip time is known: it fills a but for rtt
 * and ece.
 */
struct rate_sample {
	uint64_t sent;			/* of the segment sent last among these; 0: none yet */
	uint32_t end;
	bool app_limited;
	uint64_t prior_delivered, prior_at, send_phase;
	uint64_t delivered_before, lost_before;
	uint32_t in_flight_before;
};
void rate_begin(struct tcp_sock *tp, struct rate_sample *rs);
void rate_sent(struct tcp_sock *tp, struct packet *p);
void rate_delivered(struct tcp_sock *tp, struct packet *p, uint32_t n, struct rate_sample *rs);
void rate_sample(struct tcp_sock *tp, const struct rate_sample *rs, struct congestion_ack *a);
void rate_check_app_limited(struct tcp_sock *tp);	/* also before the user's bytes are queued */

/* ---- ack.c ---- */
struct tcp_acked {			/* what an ACK told */
	const struct tcp_segment *s;
	uint32_t prior_una, prior_fack;	/* as they were before it */
	uint32_t acked;			/* SND.UNA moved by that */
	uint32_t sacked;		/* bytes SACKed by it */
	uint32_t delivered;		/* bytes that arrived, by count of duplicate ACKs too */
	uint32_t segs;			/* wire segments that arrived, or arrived twice */
	uint32_t reord;			/* lowest original that was delivered late */
	uint64_t first_sent, last_sent;	/* of what was acknowledged and sent once; 0: none */
	uint64_t sack_first, sack_last;	/* the same of what was SACKed */
	struct rate_sample rate;
	bool retransmitted;		/* something acknowledged was sent more than once */
	bool original;			/* an original from before recover was delivered */
	bool duplicate;			/* a duplicate ACK (RFC 5681 section 2) */
	bool dsack, dsack_tlp;		/* data came twice; it was the tail loss probe */
	bool ece;			/* the peer echoes congestion */
	bool dsack_block;		/* its first block is a D-SACK, believed or not */
	bool lost_retrans;		/* something sent again was lost again */
	bool timer_set;			/* the retransmission timer waits for reordered segments */
};
bool tcp_ack(struct tcp_sock *tp, const struct tcp_segment *s);	/* false: drop the segment */
void tcp_note_delivered(struct tcp_sock *tp, struct packet *p, uint32_t n, struct tcp_acked *a);

/* ---- rtt.c ---- */
void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt);
/* From the echoed timestamp, in its resolution. 0: none. */
uint64_t tcp_timestamp_rtt(const struct tcp_sock *tp, const struct tcp_segment *s);

/* ---- sack.c: the sender's scoreboard ---- */
void tcp_sack_dsack(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a);
void tcp_sack_input(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a);
void tcp_sack_forget(struct tcp_sock *tp);	/* the peer may have dropped it (RFC 2018 8) */
void tcp_sack_reordering(struct tcp_sock *tp, uint32_t low, uint32_t fack);

/* ---- sack_report.c: the receiver's blocks ---- */
void tcp_report_sack(struct tcp_sock *tp, uint32_t start, uint32_t end);
void tcp_report_dsack(struct tcp_sock *tp, uint32_t start, uint32_t end);
void tcp_report_trim(struct tcp_sock *tp);	/* RCV.NXT has moved */
void tcp_report_reset(struct tcp_sock *tp);
void tcp_report_emit(struct tcp_sock *tp, struct tcp_segment *s);

/* ---- rack.c ---- */
void tcp_rack_delivered(struct tcp_sock *tp, const struct tcp_seg *seg,
			const struct tcp_segment *s);
void tcp_rack_recovered(struct tcp_sock *tp);
void tcp_rack_dsack(struct tcp_sock *tp);
bool tcp_rack_mark_lost(struct tcp_sock *tp);	/* true: the reordering timer is armed */
bool tcp_rack_expired(const struct tcp_sock *tp, const struct tcp_seg *seg);
void tcp_rack_timeout(struct tcp_sock *tp);

/* ---- tlp.c ---- */
bool tcp_tlp_arm(struct tcp_sock *tp);		/* after an ACK; false: it is the RTO's turn */
void tcp_tlp_sent(struct tcp_sock *tp);		/* after new data */
void tcp_tlp_timeout(struct tcp_sock *tp);
void tcp_tlp_ack(struct tcp_sock *tp, const struct tcp_acked *a);

/* ---- recovery.c ---- */
void tcp_recovery_ack(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a);
void tcp_enter_recovery(struct tcp_sock *tp, bool ece);
void tcp_enter_cwr(struct tcp_sock *tp);
void tcp_enter_loss(struct tcp_sock *tp);
void tcp_try_open(struct tcp_sock *tp);		/* OPEN, or DISORDER while something is dubious */
void tcp_path_mtu(struct tcp_sock *tp);		/* it shrank: send again what is too large */

/* ---- prr.c ---- */
static inline bool tcp_in_reduction(const struct tcp_sock *tp)
{
	return tp->ca_state == CONGESTION_CWR || tp->ca_state == CONGESTION_RECOVERY;
}
void tcp_prr_begin(struct tcp_sock *tp, enum congestion_event why);
void tcp_prr_ack(struct tcp_sock *tp, uint32_t delivered, uint64_t lost, bool advanced);
void tcp_prr_end(struct tcp_sock *tp);

/* ---- ecn.c ---- */
enum { ECN_NOT_ECT, ECN_ECT1, ECN_ECT0, ECN_CE, ECN_MASK = 3 };
uint8_t tcp_ecn_syn_flags(struct tcp_sock *tp);
void tcp_ecn_learn(struct tcp_sock *tp, const struct tcp_segment *s);
void tcp_ecn_data(struct tcp_sock *tp, const struct tcp_segment *s);
bool tcp_ecn_echoed(const struct tcp_sock *tp, const struct tcp_segment *s);
uint8_t tcp_ecn_send(struct tcp_sock *tp, struct tcp_segment *s, bool new_data);

/* ---- undo.c ---- */
void tcp_undo_arm(struct tcp_sock *tp);
void tcp_undo_keep(struct tcp_sock *tp);
void tcp_undo_dsack(struct tcp_sock *tp, uint32_t end, uint32_t n);
void tcp_undo_retransmitted(struct tcp_sock *tp, uint32_t n);
bool tcp_undo_possible(const struct tcp_sock *tp, const struct tcp_segment *s);
bool tcp_undo_delayed(const struct tcp_sock *tp, const struct tcp_segment *s);
void tcp_undo(struct tcp_sock *tp, bool unmark_lost);

/* ---- timer.c ---- */
void tcp_timers_init(struct tcp_sock *tp);
void tcp_timers_cancel(struct tcp_sock *tp);
void tcp_arm_use(struct tcp_sock *tp, enum tcp_timer_use use, uint64_t wait);
void tcp_arm_reo(struct tcp_sock *tp, uint64_t wait);
void tcp_arm_rto(struct tcp_sock *tp);		/* from now */
void tcp_rearm_rto(struct tcp_sock *tp);	/* from when the first under way was sent */
void tcp_arm_loss_timer(struct tcp_sock *tp);	/* a tail loss probe, or else RTO */
uint64_t tcp_rto_left(const struct tcp_sock *tp);	/* ns until the RTO of what is under way */
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
/* s completes the handshake. False: no room, or it is put off; the ACK is ignored. */
bool tcp_listen_established(struct tcp_sock *child, const struct tcp_segment *s);
/* The child's SYN-ACK was not answered: false: give up; *resend: send it again, else only wait. */
bool tcp_synack_due(struct tcp_sock *child, bool *resend);
void tcp_listen_leave(struct tcp_sock *child);		/* it is gone before it was accepted */
void tcp_listen_close(struct tcp_sock *l);
void tcp_forget_syn(struct tcp_sock *tp);	/* what TCP_SAVE_SYN kept */

/* ---- syncookie.c ---- */
/* Answer the SYN s with a cookie. Options that a cookie cannot keep are taken out of s. */
void syncookie_send(struct tcp_sock *l, const struct ip_meta *m, struct tcp_segment *s);
/* Does the ACK s bear a cookie of ours? Then *syn is the SYN that it was made of. */
bool syncookie_read(struct tcp_sock *l, const struct ip_meta *m, const struct tcp_segment *s,
		    struct tcp_segment *syn);
bool syncookie_expected(const struct tcp_sock *l);	/* may one come back? */
uint32_t syncookie_window(const struct tcp_sock *l);	/* that the SYN-ACK offered */

/* ---- plpmtud.c ---- */
void plpmtud_init(struct tcp_sock *tp);			/* the peer's MSS is known */
uint32_t plpmtud_limit(struct tcp_sock *tp, uint32_t mss);	/* mss, before options are taken off */
/* Payload to probe with now; 0: no probe, and with *wait: nothing else, until the window has
 * room. */
uint32_t plpmtud_probe(struct tcp_sock *tp, bool *wait);
void plpmtud_sent(struct tcp_sock *tp, uint32_t seq, uint32_t len);
bool plpmtud_is_probe(const struct tcp_sock *tp, uint32_t seq, uint32_t len);
void plpmtud_acked(struct tcp_sock *tp);		/* snd_una has moved */
bool plpmtud_lost(struct tcp_sock *tp);	/* the head is lost: was it the probe? Then no congestion */
void plpmtud_timeout(struct tcp_sock *tp);

/* ---- fastopen.c ---- */
int fastopen_init(struct tcp *tcp);
void fastopen_destroy(struct tcp *tcp);
/* connect with TCP_FASTOPEN_CONNECT: 0: the SYN waits for the first write; -EINPROGRESS: send
 * it. */
int fastopen_defer(struct tcp_sock *tp);
/* that write: bytes taken or -errno */
ssize_t fastopen_write(struct tcp_sock *tp, struct buf *b, uint32_t off, uint32_t len);
ssize_t tcp_fastopen(struct sock *sk, const struct ip_addr *a, uint16_t port, struct buf *b,
		     uint32_t off, uint32_t len);
void fastopen_syn_option(struct tcp_sock *tp, struct tcp_segment *s);
void fastopen_synack(struct tcp_sock *tp, const struct tcp_segment *s);
bool fastopen_taken(struct tcp_sock *tp, uint32_t ack);
void fastopen_timeout(struct tcp_sock *tp, bool last);	/* one more; last: it is the end */
enum fastopen_verdict fastopen_check(struct tcp_sock *l, const struct ip_meta *m,
				     const struct tcp_segment *s);
void fastopen_child(struct tcp_sock *c, struct tcp_sock *l, struct packet *p,
		    const struct tcp_segment *s);	/* consumes p */
void fastopen_give(const struct tcp_sock *c, struct tcp_segment *s);
void fastopen_leave(struct tcp_sock *c, bool reset);
const struct siphash_key *fastopen_keys(const struct tcp_sock *l, uint32_t *n);
struct fastopen_queue *fastopen_queue(struct tcp_sock *tp);	/* made when there is none; NULL */
int fastopen_set_max(struct tcp_sock *tp, int max);
void fastopen_free(struct tcp_sock *tp);

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
/* May connect() take tw over? chosen: the port is ours to choose. */
bool timewait_reusable(const struct tcp *tcp, const struct tcp_timewait *tw, bool chosen);
void timewait_free(struct tcp *tcp, struct tcp_timewait *tw);
void timewait_expire(struct timer *t);
void timewait_purge(struct tcp *tcp);

/* ---- congestion.c ---- */
static inline bool tcp_cc_controls(const struct tcp_sock *tp)
{
	return tp->cc_ops->flags & CONGESTION_CONTROLS;
}
int tcp_cc_init(struct tcp_sock *tp);
void tcp_cc_release(struct tcp_sock *tp);
int tcp_cc_set(struct tcp_sock *tp, const char *name);
void tcp_cc_inherit(struct tcp_sock *child, struct tcp_sock *listener);
void tcp_cc_replace(struct tcp_sock *tp, const struct congestion_ops *to, const void *params);
void tcp_cc_start(struct tcp_sock *tp);		/* established: the initial window */
void tcp_cc_ack(struct tcp_sock *tp, struct congestion_ack *a);
void tcp_cc_event(struct tcp_sock *tp, enum congestion_event ev);
uint64_t tcp_cc_ssthresh(struct tcp_sock *tp, enum congestion_event why);
void tcp_cc_idle(struct tcp_sock *tp);
uint64_t tcp_cc_rate(const struct tcp_sock *tp);	/* bytes/s that the window allows */

/* ---- renew.c ---- */
void tcp_renew_init(struct tcp *tcp);
void tcp_renew_end(struct tcp *tcp);		/* there are no connections left */
void tcp_renew(struct tcp_sock *tp);		/* what the operator has changed, for this one, now */

/* ---- option.c ---- */
int tcp_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len);
int tcp_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len);

/* ---- urgent.c ---- */
void urgent_mark(struct tcp_sock *tp);		/* what was written last is urgent */
bool urgent_sending(const struct tcp_sock *tp, uint32_t seq);	/* a segment from seq on has URG */
void urgent_stamp(struct tcp_sock *tp, struct tcp_segment *s);	/* URG and pointer, where due */
void urgent_input(struct tcp_sock *tp, const struct packet *p, const struct tcp_segment *s);
uint32_t urgent_readable(struct tcp_sock *tp);	/* bytes of the stream that wait, for poll */
uint32_t urgent_read(struct tcp_sock *tp);	/* a read begins: bytes it may take, up to the mark */
void urgent_passed(struct tcp_sock *tp);	/* the reader has taken some */
uint32_t tcp_inq(struct sock *sk);		/* SIOCINQ */
int64_t tcp_mark(struct sock *sk);
int tcp_recv_oob(struct sock *sk, uint8_t *byte, int flags);

/* ---- info.c ---- */
struct tcp_info;
void tcp_info_fill(struct tcp_sock *tp, struct tcp_info *i);
void tcp_chrono_update(struct tcp_sock *tp);	/* after output was tried */

#endif
