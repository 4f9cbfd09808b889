/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - segments arrive (RFC 9293 3.10.7, in its order; RFC 5961 and RFC 7323 in their
 * places).
 *
 * Theory of operation. tcp_input checks and parses, finds the connection by its four-tuple, else
 * the listener by its port, else answers RST. In a synchronised state a segment passes
 *
 *	PAWS		older by timestamp than what was heard: ACK and drop (RFC 7323 5.3)
 *	sequence	it must touch the window: otherwise ACK and drop
 *	RST		at RCV.NXT exactly: reset; elsewhere in the window: challenge
 *			ACK (RFC 5961 3.2)
 *	SYN		challenge ACK (RFC 5961 4.2)
 *	ACK		ack.c
 *	data, FIN	recvq.c
 *
 * Challenge ACKs are limited for the whole stack, with a limit that changes at random each
 * second so that it tells nobody anything (RFC 5961 section 7, CVE-2016-5696); answers to
 * unacceptable segments without data are limited to two a second and connection, so that two
 * ends that disagree do not answer each other for ever.
 */
#include <errno.h>
#include <netinet/in.h>

#include "base/random.h"
#include "packet/checksum.h"
#include "tcp/sock.h"

/* ---- answers with a limit ---- */

bool tcp_oow_allowed(struct tcp_sock *tp)
{
	if (tp->oow_last && tcp_now(tp) - tp->oow_last < TCP_OOW_NS)
		return false;
	tp->oow_last = tcp_now(tp);
	return true;
}

void tcp_challenge_ack(struct tcp_sock *tp)
{
	struct tcp *tcp = tp->tcp;

	if (!tcp_oow_allowed(tp))
		return;
	if (tcp->env->now - tcp->challenge_window >= NSEC_PER_SEC) {
		uint32_t half = (tcp->challenge_limit + 1) / 2;

		tcp->challenge_window = tcp->env->now;
		tcp->challenge_count = half + random_below(&tcp->env->random,
							   tcp->challenge_limit + 1);
	}
	if (!tcp->challenge_count)
		return;
	tcp->challenge_count--;
	tcp->stats.challenge_acks++;
	tcp_send_ack(tp);
}

/* RFC 2883 4.1: what lies before RCV.NXT came twice. */
static void report_old(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (s->flags & TCPH_SYN || !seq_lt(s->seq, tp->rcv_nxt))
		return;
	tcp_report_dsack(tp, s->seq, seq_lt(s->end, tp->rcv_nxt) ? s->end : tp->rcv_nxt);
}

static void answer_unacceptable(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (s->flags & TCPH_RST)
		return;
	report_old(tp, s);
	if ((s->len && !(s->flags & TCPH_SYN)) || tcp_oow_allowed(tp))
		tcp_send_ack(tp);
}

/* ---- the handshake ---- */

void tcp_syn_filter(const struct tcp *tcp, struct tcp_segment *s)
{
	s->has_ts = s->has_ts && tcp->timestamps;
	s->sack_ok = s->sack_ok && tcp->sack;
	s->has_wscale = s->has_wscale && tcp->window_scaling;
}

void tcp_learn_syn(struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t mss = s->mss ? s->mss : TCP_MSS_ASSUMED;

	tp->irs = s->seq;
	tp->rcv_nxt = tp->rcv_wup = tp->rcv_adv = s->seq + 1;
	if (tp->user_mss && mss > tp->user_mss)	/* later TCP_MAXSEG changes nothing */
		mss = tp->user_mss;
	tp->peer_mss = mss > TCP_MSS_FLOOR ? mss : TCP_MSS_FLOOR;
	tp->ts_ok = s->has_ts;
	tp->sack_ok = s->sack_ok;
	tcp_ecn_learn(tp, s);
	tp->wscale_ok = s->has_wscale;
	tp->snd_wscale = s->has_wscale ? s->wscale : 0;
	if (!s->has_wscale)
		tp->rcv_wscale = 0;
	if (s->has_ts) {
		tp->ts_recent = s->tsval;
		tp->ts_recent_at = tcp_now(tp);
	}
	tp->snd_wnd = tp->max_window = s->wnd;		/* never scaled in a SYN */
	tp->snd_wl1 = s->seq;
	tp->snd_wl2 = s->flags & TCPH_ACK ? s->ack : tp->snd_una;
	plpmtud_init(tp);
	tcp_sync_mss(tp);
	tp->rcv_mss = tp->mss < TCP_MSS_ASSUMED ? tp->mss : TCP_MSS_ASSUMED;
}

/* Our SYN is acknowledged. */
void tcp_established(struct tcp_sock *tp, const struct tcp_segment *s)
{
	struct tcp_sock *l = tp->listener;

	tp->snd_una = tp->iss + 1;	/* what else s acknowledges is tcp_ack()'s */
	tp->segs_delivered++;		/* the SYN; ours is a byte to Linux, the SYN-ACK is not */
	tp->bytes_acked += !l;
	tp->syn_retried = tp->retries > 0;
	tp->snd_wnd = s->flags & TCPH_SYN ? s->wnd : s->wnd << tp->snd_wscale;
	tp->snd_wl1 = s->seq;
	tp->snd_wl2 = tp->snd_una;
	if (tp->snd_wnd > tp->max_window)
		tp->max_window = tp->snd_wnd;
	timer_cancel(&tp->tcp->env->timers, &tp->rexmit_timer);
	if (!tp->retries && tp->last_sent)	/* a cookie's SYN-ACK was not kept */
		tcp_rtt_sample(tp, tcp_now(tp) - tp->last_sent);
	else if (tp->rto < 3 * NSEC_PER_SEC)
		tp->rto = 3 * NSEC_PER_SEC;	/* RFC 6298 5.7 */
	if (!tp->syn_pending)		/* it has begun long ago */
		tcp_cc_start(tp);
	tp->backoff = tp->retries = 0;
	tp->last_sent = tp->last_data = tp->last_ack_recv = tp->drs_start = tcp_now(tp);
	tp->drs_space = recvq_full_window(tp) / 2;
	tcp_set_state(tp, TCPS_ESTABLISHED);
	tcp_arm_keepalive(tp);
	sock_event(l ? &l->sk : &tp->sk);
}

/* RFC 9293 3.10.7.3 */
static void syn_sent_input(struct tcp_sock *tp, struct packet *p, struct tcp_segment *s,
			   const struct ip_meta *m)
{
	/* With Fast Open data of ours may be acknowledged, or not. */
	if (tp->tfo_deferred)
		goto drop;
	if (s->flags & TCPH_ACK && (seq_le(s->ack, tp->iss) || seq_lt(tp->snd_nxt, s->ack))) {
		tcp_reply_rst(tp->tcp, m, s);
		goto drop;
	}
	if (s->flags & TCPH_ACK && s->has_ts && s->tsecr &&
	    (int32_t)(tcp_ts(tp) - s->tsecr) < 0 && !(s->flags & TCPH_RST)) {
		tcp_reply_rst(tp->tcp, m, s);	/* an echo from the future: not of our SYN */
		goto drop;
	}
	if (s->flags & TCPH_RST) {
		if (s->flags & TCPH_ACK && tp->ecn_asked && !tp->retries) {
			tp->ecn_refused = true;		/* RFC 3168 6.1.1.1: once more without */
			tp->ecn_asked = false;
			tcp_send_syn(tp);
		} else if (s->flags & TCPH_ACK) {
			tp->tcp->stats.attempt_fails++;
			tcp_reset(tp, ECONNREFUSED);
		}
		goto drop;
	}
	if (!(s->flags & TCPH_SYN))
		goto drop;
	tcp_syn_filter(tp->tcp, s);
	tcp_learn_syn(tp, s);
	if (!(s->flags & TCPH_ACK)) {		/* simultaneous open */
		tcp_set_state(tp, TCPS_SYN_RECEIVED);
		tp->retries = tp->backoff = 0;
		tcp_send_syn(tp);
		goto drop;
	}
	tcp_established(tp, s);
	fastopen_synack(tp, s);
	tp->ack_now = true;
	s->seq++;
	s->flags &= (uint8_t)~TCPH_SYN;
	if (s->len || s->flags & TCPH_FIN) {
		tcp_send_ack(tp);		/* sets the window that the data must fit */
		recvq_input(tp, p, s);
		p = NULL;
	}
	tcp_output(tp);
	if (tp->ack_now && tp->end.state != TCPS_CLOSED)
		tcp_send_ack(tp);
drop:
	packet_free(p);
}

/* ---- synchronised states ---- */

/* False: dropped. */
static bool check_paws(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (!tp->ts_ok || s->flags & TCPH_RST)
		return true;
	if (!s->has_ts)
		return false;		/* RFC 7323 3.2 */
	if (!seq_lt(s->tsval, tp->ts_recent) ||
	    tcp_now(tp) - tp->ts_recent_at > TCP_PAWS_24DAYS)
		return true;
	tp->tcp->stats.paws_drops++;
	answer_unacceptable(tp, s);
	return false;
}

static uint32_t rcv_edge(const struct tcp_sock *tp)
{
	return seq_max(tp->rcv_adv, tp->rcv_nxt);
}

/* Does it touch the window, its edges included? What lies outside is cut off later. */
static bool acceptable(const struct tcp_sock *tp, const struct tcp_segment *s)
{
	return seq_le(tp->rcv_nxt, s->end) && seq_le(s->seq, rcv_edge(tp));
}

static void rst_input(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (s->seq != tp->rcv_nxt) {
		tcp_challenge_ack(tp);
		return;
	}
	switch (tp->end.state) {
	case TCPS_SYN_RECEIVED:
		tp->tcp->stats.attempt_fails++;
		if (tp->syn_pending) {
			fastopen_leave(tp, true);
			tcp_reset(tp, ECONNRESET);
		} else if (tp->listener)
			tcp_done(tp);
		else
			tcp_reset(tp, ECONNREFUSED);
		break;
	case TCPS_CLOSE_WAIT:
		tp->tcp->stats.estab_resets++;
		tcp_reset(tp, EPIPE);
		break;
	default:
		tp->tcp->stats.estab_resets++;
		tcp_reset(tp, ECONNRESET);
	}
}

/* False: the segment goes no further. */
static bool syn_input(struct tcp_sock *tp, struct tcp_segment *s)
{
	if (tp->end.state != TCPS_SYN_RECEIVED || s->seq != tp->irs) {
		tcp_challenge_ack(tp);
		return false;
	}
	if (s->flags & TCPH_ACK && s->ack == tp->snd_nxt) {	/* both opened at once */
		s->seq++;
		s->flags &= (uint8_t)~TCPH_SYN;
		return true;
	}
	tcp_send_syn(tp);		/* the peer sent its SYN again */
	return false;
}

/* RFC 7323 4.3: of segments that cover the last ACK sent. */
static void update_ts_recent(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (!tp->ts_ok || !s->has_ts || !seq_le(s->seq, tp->rcv_wup))
		return;
	if (seq_lt(s->tsval, tp->ts_recent) && tcp_now(tp) - tp->ts_recent_at <= TCP_PAWS_24DAYS)
		return;
	tp->ts_recent = s->tsval;
	tp->ts_recent_at = tcp_now(tp);
}

/* Our FIN is acknowledged: what state follows? False: the connection is over. */
static bool fin_acked(struct tcp_sock *tp)
{
	switch (tp->end.state) {
	case TCPS_FIN_WAIT_1:
		tcp_set_state(tp, TCPS_FIN_WAIT_2);
		if (tp->orphan)
			tcp_arm_fin_wait_2(tp);
		sock_event(&tp->sk);
		return tp->end.state != TCPS_CLOSED;
	case TCPS_CLOSING:
		timewait_enter(tp);
		return false;
	case TCPS_LAST_ACK:
		tcp_done(tp);
		return false;
	default:
		return true;
	}
}

void tcp_fin_received(struct tcp_sock *tp)
{
	tp->fin_received = tp->sk.done = true;
	tp->sk.shut |= SOCK_SHUT_RD;
	tp->ack_now = true;
	switch (tp->end.state) {
	case TCPS_SYN_RECEIVED:
	case TCPS_ESTABLISHED:
		tcp_set_state(tp, TCPS_CLOSE_WAIT);
		break;
	case TCPS_FIN_WAIT_1:
		tcp_set_state(tp, TCPS_CLOSING);	/* its ACK would have moved us on before */
		break;
	}
	sock_event(&tp->sk);
}

/* The peer's usual segment, and when to acknowledge (RFC 5681 4.2). */
static void note_data(struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t mss = s->len / s->segs;
	uint64_t gap = tcp_now(tp) - tp->last_data;

	if (mss >= tp->rcv_mss)
		tp->rcv_mss = mss < 65535 ? mss : 65535;
	if (gap < TCP_ATO_MIN / 2)
		tp->ato = tp->ato / 2 + TCP_ATO_MIN / 2;
	else if (gap < tp->ato)
		tp->ato = tp->ato / 2 + gap;
	else if (gap > TCP_DELACK_MAX)
		tp->quickacks = tp->quickacks > 2 ? tp->quickacks : 2;	/* a new burst */
	if (tp->ato < TCP_ATO_MIN)
		tp->ato = TCP_ATO_MIN;
	tp->last_data = tcp_now(tp);
	tp->ack_pending = true;
	if (tp->quickacks) {
		tp->quickacks--;
		tp->ack_now = true;
	}
	if (s->has_ts && s->tsecr && tp->ts_ok) {
		uint32_t ms = tcp_ts(tp) - s->tsecr;

		if (ms < 60000) {
			uint64_t rtt = (ms ? ms : 1) * NSEC_PER_MSEC;

			if (!tp->drs_rtt || rtt < tp->drs_rtt)
				tp->drs_rtt = rtt;
			else
				tp->drs_rtt += (rtt - tp->drs_rtt) / 8;
		}
	}
}

/* Data and FIN. Consumes p. */
static void data_input(struct tcp_sock *tp, struct packet *p, struct tcp_segment *s)
{
	uint32_t before = tp->rcv_nxt;
	bool gap = !tree_empty(&tp->ofo);

	note_data(tp, s);
	tcp_ecn_data(tp, s);
	if (s->seq != tp->rcv_nxt || gap)
		tp->ack_now = true;	/* RFC 5681 4.2: tell of gaps and their filling at once */
	if (tp->fin_received || !seq_lt(tp->rcv_nxt, s->end)) {
		report_old(tp, s);
		tp->ack_now = true;
		packet_free(p);
		return;
	}
	recvq_input(tp, p, s);
	if (tp->rcv_nxt == before) {
		tp->ack_now = true;
		return;
	}
	if (tp->rcv_nxt - tp->rcv_wup > tp->rcv_mss)
		tp->ack_now = true;	/* more than one full segment: every second one */
	if (tp->recv_bytes)
		sock_event(&tp->sk);
}

/* Data came for a user who will never read it (RFC 9293 3.6.1, RFC 2525 2.17). */
static bool unwanted(const struct tcp_sock *tp, const struct tcp_segment *s)
{
	return s->len && tp->orphan && !tp->listener && seq_lt(tp->rcv_nxt, s->seq + s->len);
}

static void answer(struct tcp_sock *tp)
{
	if (tp->end.state == TCPS_CLOSED)
		return;
	tcp_output(tp);
	if (tp->ack_now)
		tcp_send_ack(tp);
	else if (tp->ack_pending)
		tcp_arm_delack(tp);
}

#define RECEIVING_STATES (TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_FIN_WAIT_1) | \
			  TCPS_BIT(TCPS_FIN_WAIT_2))

/* With Fast Open the user may have closed already. */
static void handshake_complete(struct tcp_sock *tp, const struct tcp_segment *s)
{
	enum tcp_state state = tp->end.state;

	tcp_established(tp, s);
	if (state != TCPS_SYN_RECEIVED)
		tcp_set_state(tp, state);
	if (!tp->syn_pending) {
		fastopen_taken(tp, s->ack);	/* after a simultaneous open */
		return;
	}
	fastopen_leave(tp, false);
	tp->syn_pending = false;
	if (tp->snd_una != tp->snd_nxt)
		tcp_arm_rto(tp);
}

void tcp_process(struct tcp_sock *tp, struct packet *p, struct tcp_segment *s,
		 const struct ip_meta *m)
{
	bool fresh = false;		/* its ACK has told all that it can */

	tp->segs_in += s->segs;
	if (s->len)
		tp->data_segs_in += s->segs;
	if (tp->end.state == TCPS_SYN_SENT) {
		syn_sent_input(tp, p, s, m);
		return;
	}
	if (!check_paws(tp, s))
		goto drop;
	if (!acceptable(tp, s)) {
		if (tp->end.state == TCPS_SYN_RECEIVED && s->flags & TCPH_SYN)
			tcp_send_syn(tp);
		else
			answer_unacceptable(tp, s);
		goto drop;
	}
	if (s->flags & TCPH_RST) {
		rst_input(tp, s);
		goto drop;
	}
	if (s->flags & TCPH_SYN && !syn_input(tp, s))
		goto drop;
	if (!(s->flags & TCPH_ACK))
		goto drop;
	if (tp->end.state == TCPS_SYN_RECEIVED || tp->syn_pending) {
		if (seq_le(s->ack, tp->iss) || seq_lt(tp->snd_nxt, s->ack)) {
			tcp_reply_rst(tp->tcp, m, s);
			goto drop;
		}
		if (!tcp_listen_established(tp, s))
			goto drop;
		handshake_complete(tp, s);
		fresh = s->ack == tp->snd_una;
	}
	if ((!fresh && !tcp_ack(tp, s)) || tp->end.state == TCPS_CLOSED)
		goto drop;
	update_ts_recent(tp, s);
	if (tp->hard_close) {
		tcp_hard_close_on(tp);
		goto drop;
	}
	if (tp->fin_queued && tp->snd_una == tp->write_seq && !fin_acked(tp))
		goto drop;
	if (unwanted(tp, s)) {
		tp->tcp->stats.abort_on_data++;
		tcp_reply_rst(tp->tcp, m, s);
		tcp_done(tp);
		goto drop;
	}
	if ((s->flags & TCPH_URG || tp->urg_state == TCP_URG_NOTYET) &&
	    tcp_in(tp, RECEIVING_STATES))
		urgent_input(tp, p, s);
	if (s->len || s->flags & TCPH_FIN) {
		if (tcp_in(tp, RECEIVING_STATES)) {
			data_input(tp, p, s);
			p = NULL;
		} else {
			tp->ack_now = true;	/* again what we have: our ACK was lost */
		}
	}
	if (tp->end.state == TCPS_FIN_WAIT_2 && tp->fin_received) {
		timewait_enter(tp);
		goto drop;
	}
	answer(tp);
drop:
	packet_free(p);
}

/* ---- from the network ---- */

static bool checksum_ok(const struct packet *p, const struct ip_meta *m)
{
	uint32_t sum;

	if (p->csum != PACKET_CSUM_NONE)
		return true;
	sum = ip_pseudo(&m->src, &m->dst, IPPROTO_TCP, p->len);
	return checksum_fold(checksum_packet(p, 0, p->len, sum)) == 0;
}

/* Check, parse, and take the header off. False: not a TCP segment. */
static bool parse(struct tcp *tcp, struct packet *p, const struct ip_meta *m,
		  struct tcp_segment *s)
{
	uint32_t hlen;

	if (p->len > UINT16_MAX + 1u || !packet_need(p, TCP_HEADER_LEN))
		goto bad;
	hlen = tcp_segment_header_len(p->data);
	if (!hlen || hlen > p->len || !packet_need(p, hlen))
		goto bad;
	if (!checksum_ok(p, m)) {
		tcp->stats.in_csum_errors++;
		goto bad;
	}
	tcp_segment_parse(p->data, p->len, s);
	s->ecn = m->tos & ECN_MASK;
	if (p->gso_size && s->len > p->gso_size)
		s->segs = (uint16_t)((s->len + p->gso_size - 1) / p->gso_size);
	packet_skip(p, hlen);
	return true;
bad:
	tcp->stats.in_errs++;
	return false;
}

bool tcp_input(void *arg, struct packet *p, const struct ip_meta *m)
{
	struct tcp *tcp = arg;
	struct tcp_segment s;
	struct tcp_sock *tp;
	struct tcp_end *e;
	uint32_t isn = 0;

	sock_orphan(p);			/* over loopback it is still charged to its sender */
	tcp->stats.in_segs += packet_segs(p);
	tcp_memory_check(tcp);
	if (m->broadcast || m->multicast || !parse(tcp, p, m, &s)) {
		packet_free(p);
		return true;
	}
	e = tcp_end_find(tcp, &m->dst, s.dport, &m->src, s.sport);
	if (e && e->state == TCPS_TIME_WAIT) {
		if (timewait_input(tcp, container_of(e, struct tcp_timewait, end), &s, m, &isn)) {
			packet_free(p);
			return true;
		}
		e = NULL;
	}
	tp = e ? container_of(e, struct tcp_sock, end) :
	     tcp_listener_find(tcp, m, s.sport, s.dport);
	if (tp && sock_too_far(&tp->sk, m)) {
		tcp->stats.min_ttl_drops++;
		packet_free(p);
	} else if (e) {
		tcp_process(tp, p, &s, m);
	} else if (tp) {
		tcp_listen_input(tp, p, &s, m, isn);
	} else {
		tcp_reply_rst(tcp, m, &s);
		packet_free(p);
	}
	return true;
}

/*
 * ICMP errors (RFC 1122 4.2.3.9, RFC 5461, RFC 5927). The quoted sequence number must be of
 * what is under way, or anybody could end or slow a connection by guessing ports. A hard error
 * ends an attempt to connect; an established connection only remembers it for when it times
 * out.
 */
void tcp_icmp_error(void *arg, const struct ip_meta *q, const uint8_t *t, uint32_t len,
		    const struct ip_error *e)
{
	struct tcp *tcp = arg;
	struct tcp_sock *tp;
	struct tcp_end *end;
	uint32_t seq;

	if (len < 8)
		return;
	seq = (uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 | (uint32_t)t[6] << 8 | t[7];
	end = tcp_end_find(tcp, &q->src, (uint16_t)(t[0] << 8 | t[1]), &q->dst,
			   (uint16_t)(t[2] << 8 | t[3]));
	if (!end || end->state == TCPS_TIME_WAIT)
		return;
	tp = container_of(end, struct tcp_sock, end);
	if (sock_too_far(&tp->sk, q)) {		/* what it quotes had come that far */
		tcp->stats.min_ttl_drops++;
		return;
	}
	if (seq_lt(seq, tp->snd_una) || seq_lt(tp->snd_nxt, seq)) {
		tcp->stats.out_of_window_icmps++;
		return;
	}
	if (e->mtu) {
		ip_pmtu_update(tp->sk.ip, &tp->end.remote, e->mtu);
		if (!tcp_in(tp, TCPS_BIT(TCPS_SYN_SENT) | TCPS_BIT(TCPS_SYN_RECEIVED)))
			tcp_path_mtu(tp);
		return;
	}
	if (tp->end.state == TCPS_SYN_SENT) {
		tcp->stats.attempt_fails++;
		tcp_reset(tp, e->err);
	} else if (tp->end.state == TCPS_SYN_RECEIVED && tp->listener) {
		tcp_done(tp);
	} else if (!sock_recverr(&tp->sk, &tp->end.remote)) {
		tp->soft_error = e->err;
	} else {
		sock_error(&tp->sk, e->err);
	}
}
