/* SPDX-License-Identifier: Apache-2.0 */
/*
 * urgent.c - urgent data (RFC 9293 3.8.5, RFC 6093), as BSD and Linux understand it.
 *
 * Theory of operation. A write with MSG_OOB makes its last byte urgent: SND.UP is the sequence
 * number behind it. Every segment from SND.UNA up to there has URG set and a pointer to SND.UP,
 * relative to its own sequence number. RFC 1122 wanted the pointer to name the byte itself, but all
 * the world sends and reads it as one beyond (RFC 6093 section 3): so do we. What is urgent is not
 * held back by Nagle, and leaves one segment at a time: no device would adapt the pointer in the
 * pieces of a super-segment.
 *
 * The receiver has one mark, at the byte that the newest pointer names:
 *
 *	NOTYET	the pointer is known, the byte has not come
 *	VALID	it has; recv(MSG_OOB) gives it out (EPOLLPRI)
 *	READ	it was given out
 *
 * The byte stays in the receive queue. A read stops in front of the mark; the next one skips the
 * byte, or, with SO_OOBINLINE, begins with it. Behind the mark nothing remains of it. A newer
 * pointer moves the mark, and the older byte becomes plain data.
 */
#include <errno.h>

#include "tcp/sock.h"

/* What the reader will get next. */
static uint32_t copied_seq(const struct tcp_sock *tp)
{
	return tp->rcv_nxt - tp->fin_received - tp->recv_bytes;
}

/* ---- sending ---- */

void urgent_mark(struct tcp_sock *tp)
{
	tp->snd_up = tp->write_seq;
	tp->snd_urgent = true;
}

bool urgent_sending(const struct tcp_sock *tp, uint32_t seq)
{
	return tp->snd_urgent && seq_lt(tp->snd_una, tp->snd_up) && seq_lt(seq, tp->snd_up);
}

void urgent_stamp(struct tcp_sock *tp, struct tcp_segment *s)
{
	uint32_t ahead = tp->snd_up - s->seq;

	if (tp->snd_urgent && !seq_lt(tp->snd_una, tp->snd_up))
		tp->snd_urgent = false;		/* or SND.UP would lie ahead again after 2 GiB */
	if (!urgent_sending(tp, s->seq))
		return;
	s->flags |= TCPH_URG;
	s->urg = ahead < 65535 ? (uint16_t)ahead : 65535;
}

/* ---- receiving ---- */

static void new_pointer(struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t at = s->seq + s->urg - (s->urg != 0);

	if (seq_lt(at, copied_seq(tp)) || seq_lt(at, tp->rcv_nxt))
		return;				/* old news */
	if (tp->urg_state && seq_le(at, tp->urg_seq))
		return;
	/* The byte at the old mark was given out: a read must not come upon it as plain data. */
	if (tp->urg_state == TCP_URG_READ && tp->urg_seq == copied_seq(tp) && tp->recv_bytes &&
	    !tp->sk.oobinline)
		recvq_consumed(tp, 1);
	tp->urg_state = TCP_URG_NOTYET;
	tp->urg_seq = at;
}

void urgent_input(struct tcp_sock *tp, const struct packet *p, const struct tcp_segment *s)
{
	uint32_t at;

	if (s->flags & TCPH_URG)
		new_pointer(tp, s);
	if (tp->urg_state != TCP_URG_NOTYET)
		return;
	at = tp->urg_seq - s->seq;
	if (at < s->len) {
		packet_copy_out(p, at, &tp->urg_byte, 1);
		tp->urg_state = TCP_URG_VALID;
	}
	sock_event(&tp->sk);
}

int64_t tcp_mark(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sock(sk);
	uint32_t ahead = tp->urg_seq - copied_seq(tp);

	return tp->urg_state && ahead <= tp->recv_bytes ? (int64_t)ahead : -1;
}

/* The byte at the mark is none of the stream's when it is read beside it. */
uint32_t urgent_readable(struct tcp_sock *tp)
{
	bool hole = !tp->sk.oobinline && tp->recv_bytes && tcp_mark(&tp->sk) == 0;

	return tp->recv_bytes - hole;
}

uint32_t tcp_inq(struct sock *sk)
{
	int64_t ahead = sk->oobinline ? -1 : tcp_mark(sk);

	return ahead < 0 ? tcp_sock(sk)->recv_bytes : (uint32_t)ahead;
}

uint32_t urgent_read(struct tcp_sock *tp)
{
	int64_t ahead = tcp_mark(&tp->sk);

	if (ahead == 0 && !tp->sk.oobinline && tp->recv_bytes) {
		recvq_consumed(tp, 1);
		urgent_passed(tp);
		ahead = -1;
	}
	return ahead > 0 ? (uint32_t)ahead : tp->recv_bytes;
}

void urgent_passed(struct tcp_sock *tp)
{
	if (tp->urg_state && seq_lt(tp->urg_seq, copied_seq(tp)))
		tp->urg_state = TCP_URG_NONE;
}

int tcp_recv_oob(struct sock *sk, uint8_t *byte, int flags)
{
	struct tcp_sock *tp = tcp_sock(sk);

	if (sk->oobinline || tp->urg_state == TCP_URG_NONE || tp->urg_state == TCP_URG_READ)
		return -EINVAL;
	if (tp->urg_state == TCP_URG_VALID) {
		*byte = tp->urg_byte;
		if (!(flags & MSG_PEEK))
			tp->urg_state = TCP_URG_READ;
		return 1;
	}
	return tp->end.state == TCPS_CLOSED || sk->shut & SOCK_SHUT_RD ? 0 : -EAGAIN;
}
