/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_script.c - the scripted peer. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include <weir/module.h>

#include "packet/checksum.h"
#include "tcp_script.h"

extern const struct weir_module weir_module;	/* reno, linked in */

static const char *stack_addr(const struct script *t)
{
	return t->six ? "fd00::1" : "10.0.0.1";
}

static const char *peer_addr(const struct script *t)
{
	return t->six ? "fd00::2" : "10.0.0.2";
}

static struct ip_addr any(const struct script *t)
{
	return testnet_addr(t->six ? "::" : "0.0.0.0");
}

uint32_t script_ip_len(const struct script *t)
{
	return t->six ? 40 : 20;
}

static void init(struct script *t, bool six, const struct testnet_link_config *c)
{
	struct ip_addr a;

	memset(t, 0, sizeof(*t));
	t->six = six;
	a = testnet_addr(stack_addr(t));
	testnet_init(&t->net, 1);
	t->nic = testnet_nic(&t->net, c);
	ck_assert_int_eq(ip_addr_add(&t->net.ip, t->nic, &a, six ? 64 : 24, NULL), 0);
	testnet_neighbour(&t->net, t->nic, peer_addr(t));
	ck_assert_int_eq(tcp_init(&t->tcp, &t->net.env, &t->net.ip), 0);
	t->tcp.congestion = weir_module.entries[0].ops;
	t->wnd = 65535;
	t->mss = 1500 - script_ip_len(t) - TCP_HEADER_LEN;
	t->peer_port = PEER_PORT;
	t->port = STACK_PORT;
	t->tsval = 5000;
}

void script_init_family(struct script *t, bool six)
{
	init(t, six, &(struct testnet_link_config){ .name = NULL });
}

void script_init(struct script *t)
{
	script_init_family(t, false);
}

void script_init_gso(struct script *t)
{
	init(t, false, &(struct testnet_link_config){ .caps = LINK_CSUM | LINK_GSO_TCP4,
						      .gso_max = 65536 });
}

void script_fini(struct script *t)
{
	if (t->sk)
		t->sk->ops->close(t->sk, true);
	if (t->listener)
		t->listener->ops->close(t->listener, true);
	testnet_run(&t->net, 0);
	wait_ms(t, 60);			/* hardclose.c */
	ck_assert(list_empty(&t->tcp.socks));
	tcp_destroy(&t->tcp);
	testnet_run(&t->net, 0);
	testnet_discard(t->nic);
	testnet_fini(&t->net);
}

struct sock *script_sock(struct script *t)
{
	int err;
	struct sock *sk = sock_create(&t->net.ip, &t->tcp, &tcp_ops,
				       t->six ? AF_INET6 : AF_INET, IPPROTO_TCP, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

/* What TCP's checksum covers: n bytes of segment, and the names. 0: it is right. */
static uint16_t sum_of(const struct ip_addr *src, const struct ip_addr *dst, const uint8_t *seg,
		       uint32_t n)
{
	return checksum_fold(checksum_partial(seg, n, ip_pseudo(src, dst, IPPROTO_TCP, n)));
}

void peer_sends(struct script *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct tcp_segment s = {
		.sport = t->peer_port, .dport = t->port, .seq = PEER_ISN + seq,
		.ack = flags & TCPH_ACK ? t->iss + ack : 0, .flags = flags, .wnd = t->wnd,
		.has_ts = t->ts, .tsval = t->tsval, .tsecr = flags & TCPH_ACK ? t->tsecr : 0,
		.mss = flags & TCPH_SYN ? (uint16_t)t->mss : 0,
		.has_wscale = flags & TCPH_SYN && t->wscale, .wscale = t->wscale,
		.sack_ok = flags & TCPH_SYN && t->sack, .nsacks = t->nblocks,
		.urg = flags & TCPH_URG ? t->urg : 0,
	};
	static uint8_t seg[70000], ip[70000];
	struct ip_addr src = testnet_addr(peer_addr(t)), dst = testnet_addr(stack_addr(t));
	uint32_t size = tcp_segment_size(&s), n;
	uint16_t sum;

	for (int i = 0; i < t->nblocks; i++) {
		s.sack[i].start = t->iss + t->blocks[i].start;
		s.sack[i].end = t->iss + t->blocks[i].end;
	}
	t->nblocks = 0;
	if (flags & TCPH_SYN && t->tfo) {
		s.has_tfo = true;
		s.tfo_len = t->tfo_len;
		memcpy(s.tfo, t->tfo_cookie, t->tfo_len);
		size = tcp_segment_size(&s);
	}
	tcp_segment_emit(&s, seg);
	for (uint32_t i = 0; i < len; i++)
		seg[size + i] = (uint8_t)(seq + i);
	sum = sum_of(&src, &dst, seg, size + len);
	memcpy(seg + TCP_CSUM_OFFSET, &sum, 2);
	if (t->six) {
		n = testnet_ipv6(ip, peer_addr(t), stack_addr(t), IPPROTO_TCP, seg, size + len);
		ip[1] = (uint8_t)(t->ecn << 4);
	} else {
		n = testnet_ipv4(ip, peer_addr(t), stack_addr(t), IPPROTO_TCP, 0, 0, seg,
				 size + len);
		ip[1] = t->ecn;
		testnet_ipv4_sum(ip);
	}
	testnet_feed_ip(&t->net, t->nic, NULL, ip, n);
}

void peer_sacks(struct script *t, uint32_t ack, int n, ...)
{
	va_list ap;

	va_start(ap, n);
	for (int i = 0; i < n; i++) {
		t->blocks[i].start = va_arg(ap, uint32_t);
		t->blocks[i].end = va_arg(ap, uint32_t);
	}
	va_end(ap);
	t->nblocks = (uint8_t)n;
	peer_sends(t, TCPH_ACK, tcp_sock(t->sk)->rcv_nxt - PEER_ISN, ack, 0);
}

void expect(struct script *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	static uint8_t b[70000];
	const uint8_t *ip = b + ETH_HEADER_LEN, *seg = ip + script_ip_len(t);
	struct ip_addr src = testnet_addr(stack_addr(t)), dst = testnet_addr(peer_addr(t));
	struct packet *p = testnet_take(t->nic);
	struct tcp_segment *s = &t->got;
	uint32_t n;

	ck_assert_msg(p != NULL, "nothing was sent; expected flags %#x seq %u", flags, seq);
	packet_checksum_finish(p);
	n = p->len;
	packet_copy_out(p, 0, b, n);
	packet_free(p);
	testnet_run(&t->net, 0);	/* it made room below: what waited for that leaves */
	ck_assert_uint_ge(n, ETH_HEADER_LEN + script_ip_len(t) + TCP_HEADER_LEN);
	n = t->six ? (uint32_t)(ip[4] << 8 | ip[5]) : (uint32_t)(ip[2] << 8 | ip[3]) - 20;
	ck_assert_uint_eq(sum_of(&src, &dst, seg, n), 0);
	tcp_segment_parse(seg, n, s);
	s->ecn = (t->six ? ip[1] >> 4 : ip[1]) & ECN_MASK;
	if (s->flags & TCPH_SYN)
		t->iss = s->seq;
	if (s->has_ts)
		t->tsecr = s->tsval;
	if (!(flags & TCPH_PSH))
		s->flags &= (uint8_t)~TCPH_PSH;
	ck_assert_msg(s->flags == flags, "flags %#x, expected %#x", s->flags, flags);
	ck_assert_msg(s->seq - t->iss == seq, "seq %u, expected %u", s->seq - t->iss, seq);
	ck_assert_msg(s->len == len, "length %u, expected %u", s->len, len);
	if (flags & TCPH_ACK)
		ck_assert_msg(s->ack - PEER_ISN == ack, "ack %u, expected %u", s->ack - PEER_ISN,
			      ack);
}

void expect_nothing(struct script *t)
{
	ck_assert_msg(!testnet_captured(t->nic), "%u frames too many", testnet_captured(t->nic));
}

void wait_ms(struct script *t, uint64_t ms)
{
	testnet_run(&t->net, ms * MSEC);
}

uint32_t script_drain(struct script *t, uint64_t ms)
{
	uint32_t n = 0;

	for (;;) {
		while (testnet_captured(t->nic)) {
			n += testnet_captured(t->nic);
			testnet_discard(t->nic);
			wait_ms(t, 0);
		}
		if (!ms--)
			return n;
		wait_ms(t, 1);
	}
}

void script_listen(struct script *t, int backlog)
{
	struct ip_addr a = any(t);

	t->listener = script_sock(t);
	ck_assert_int_eq(t->listener->ops->bind(t->listener, &a, t->port), 0);
	ck_assert_int_eq(t->listener->ops->listen(t->listener, backlog), 0);
}

void script_accepts(struct script *t)
{
	int err;

	if (!t->listener)
		script_listen(t, 5);
	peer_sends(t, TCPH_SYN, 0, 0, 0);
	expect(t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	wait_ms(t, t->rtt);
	peer_sends(t, TCPH_ACK, 1, 1, 0);
	t->sk = t->listener->ops->accept(t->listener, &err);
	ck_assert_ptr_nonnull(t->sk);
	ck_state(t, TCPS_ESTABLISHED);
	expect_nothing(t);
}

void script_connects(struct script *t)
{
	struct ip_addr peer = testnet_addr(peer_addr(t)), a = any(t);

	t->sk = script_sock(t);
	if (t->port)
		ck_assert_int_eq(t->sk->ops->bind(t->sk, &a, t->port), 0);
	ck_assert_int_eq(t->sk->ops->connect(t->sk, &peer, PEER_PORT), -EINPROGRESS);
	t->port = t->sk->lport;
	testnet_run(&t->net, 0);
	expect(t, TCPH_SYN, 0, 0, 0);
	ck_state(t, TCPS_SYN_SENT);
	peer_sends(t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect(t, TCPH_ACK, 1, 1, 0);
	ck_state(t, TCPS_ESTABLISHED);
}

ssize_t script_write(struct script *t, uint32_t len)
{
	struct buf *b = buf_alloc(&t->net.pool, len);
	ssize_t n;

	memset(b->data, 'x', len);
	n = t->sk->ops->write(t->sk, b, 0, len, 0);
	buf_put(b);
	testnet_run(&t->net, 0);
	return n;
}

void script_sends(struct script *t, uint32_t len, uint32_t seq, uint32_t n, uint32_t size)
{
	for (uint32_t chunk; len; len -= chunk) {
		chunk = len < 40000 ? len : 40000;
		ck_assert_int_eq(script_write(t, chunk), chunk);
	}
	for (uint32_t i = 0; i < n; i++)
		expect(t, TCPH_ACK, seq + i * size, tcp_sock(t->sk)->rcv_nxt - PEER_ISN, size);
}

uint32_t script_read(struct script *t)
{
	struct iovec iov[64];
	uint32_t sum = 0, now;
	int n;

	while ((n = t->sk->ops->peek(t->sk, iov, 64)) > 0) {
		now = 0;
		for (int i = 0; i < n; i++)
			now += (uint32_t)iov[i].iov_len;
		t->sk->ops->consume(t->sk, now);
		sum += now;
	}
	testnet_run(&t->net, 0);
	return sum;
}

int script_state(const struct script *t)
{
	return ((const struct tcp_sock *)t->sk)->end.state;
}

int script_error(struct script *t)
{
	return sock_take_error(t->sk);
}

static bool awaited(const struct tcp_sock *tp, struct packet *p)
{
	list_for_each(pos, &tp->by_time)
		if (list_entry(pos, struct tcp_seg, by_time) == seg_of(p))
			return true;
	return false;
}

void script_check_marks(struct script *t)
{
	struct tcp_sock *tp = tcp_sock(t->sk);
	uint32_t sacked = 0, lost = 0, retrans = 0, due = 0, n = 0, seq = tp->snd_una;
	struct tcp_segs segs = { 0 };
	bool sent = true;

	for (struct packet *p = tp->sendq; p; p = p->next, n++) {
		struct tcp_seg *seg = seg_of(p);
		uint32_t len = seg->end - seg->seq;

		sent = sent && p != tp->send_next;
		ck_assert_uint_eq(seg->seq, seq);
		ck_assert_uint_eq(len, p->len + !!(seg->flags & TCPH_FIN));
		ck_assert(!seg->sacked || (!seg->lost && !seg->retrans));
		ck_assert_msg(awaited(tp, p) == (sent && !seg->sacked &&
						 (!seg->lost || seg->retrans)),
			      "seq %u: sent %d sacked %d lost %d retrans %d", seg->seq - t->iss,
			      sent, seg->sacked, seg->lost, seg->retrans);
		sacked += seg->sacked ? len : 0;
		lost += seg->lost ? len : 0;
		retrans += seg->retrans ? len : 0;
		due += seg->lost && !seg->retrans ? len : 0;
		ck_assert(sent ? seg->segs : !seg->segs);
		segs.out += seg->segs;
		segs.sacked += seg->sacked ? seg->segs : 0;
		segs.lost += seg->lost ? seg->segs : 0;
		segs.retrans += seg->retrans ? seg->segs : 0;
		seq = seg->end;
	}
	ck_assert_mem_eq(&segs, &tp->segs, sizeof(segs));
	ck_assert_uint_eq(seq, tp->write_seq);
	ck_assert_uint_eq(n, tp->nsegs);
	if (tp->sack_ok)
		ck_assert_uint_eq(sacked, tp->sacked_out);
	ck_assert_uint_eq(lost, tp->lost_out);
	ck_assert_uint_eq(retrans, tp->retrans_out);
	ck_assert_uint_eq(due, tp->rexmit_due);
	ck_assert_uint_le(tcp_pipe(tp), 2 * (tp->snd_nxt - tp->snd_una));
}
