/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_close.c - closing, TIME-WAIT, linger. Each test names its RFC and section. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "socket/socket.h"
#include "tcp_script.h"
#include "tests/suite.h"

static void close_sk(struct script *t)
{
	t->sk->ops->close(t->sk, false);
	t->sk = NULL;
	testnet_run(&t->net, 0);
}

static void shut_wr(struct script *t)
{
	t->sk->ops->shutdown(t->sk, SHUT_WR);
	testnet_run(&t->net, 0);
}

/* RFC 9293 3.6, figure 12 */
START_TEST(active_close)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	shut_wr(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	ck_state(&t, TCPS_FIN_WAIT_1);
	peer_sends(&t, TCPH_ACK, 1, 2, 0);
	ck_state(&t, TCPS_FIN_WAIT_2);
	peer_sends(&t, TCPH_ACK, 1, 2, 100);		/* half-closed: data still comes */
	expect(&t, TCPH_ACK, 2, 101, 0);
	ck_assert_uint_eq(script_read(&t), 100);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 101, 2, 0);
	expect(&t, TCPH_ACK, 2, 102, 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	close_sk(&t);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 101, 2, 0);	/* our ACK was lost */
	expect(&t, TCPH_ACK, 2, 102, 0);
	wait_ms(&t, 61000);
	ck_assert_uint_eq(t.tcp.time_waits, 0);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	script_fini(&t);
}
END_TEST

START_TEST(passive_close)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_ACK, 1, 2, 0);
	ck_state(&t, TCPS_CLOSE_WAIT);
	ck_assert_uint_ne(t.sk->ops->poll(t.sk) & EPOLLRDHUP, 0);
	script_write(&t, 10);
	expect(&t, TCPH_ACK, 1, 2, 10);
	close_sk(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 11, 2, 0);
	peer_sends(&t, TCPH_ACK, 2, 12, 0);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	ck_assert_uint_eq(t.tcp.orphans, 0);
	script_fini(&t);
}
END_TEST

struct seen {
	const char *state, *timer;
	uint32_t recv_q, send_q, rows;
};

static bool see(void *arg, const struct tcp_row *r)
{
	struct seen *s = arg;

	if (strcmp(r->state, s->state))
		return true;
	s->rows++;
	s->recv_q = r->recv_q;
	s->send_q = r->send_q;
	s->timer = r->timer ? r->timer : "none";
	return true;
}

static void dump_shows(struct script *t, const char *state, uint32_t recv_q, uint32_t send_q,
		       const char *timer)
{
	struct seen s = { .state = state };
	struct tcp_cursor c = { 0 };

	ck_assert(tcp_dump(&t->tcp, &c, see, &s));
	ck_assert_uint_eq(s.rows, 1);
	ck_assert_uint_eq(s.recv_q, recv_q);
	ck_assert_uint_eq(s.send_q, send_q);
	ck_assert_str_eq(s.timer, timer);
}

/* As ss: queues, of a listener the connections that wait and how many may; timers; TIME-WAIT */
START_TEST(dump)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 7);
	dump_shows(&t, "LISTEN", 0, 7, "none");
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	dump_shows(&t, "SYN-RECV", 0, 1, "on");
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	dump_shows(&t, "LISTEN", 1, 7, "none");
	t.peer_port++;
	script_accepts(&t);		/* the first of the queue */
	t.peer_port--;
	t.iss = tcp_sock(t.sk)->iss;
	dump_shows(&t, "LISTEN", 1, 7, "none");
	t.listener->ops->close(t.listener, true);
	t.listener = NULL;
	testnet_run(&t.net, 0);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, 1, 1, 300);
	testnet_discard(t.nic);
	dump_shows(&t, "ESTAB", 300, 0, "none");
	script_write(&t, 100);
	dump_shows(&t, "ESTAB", 300, 100, "on");
	script_read(&t);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 301, t.sk->lport ? tcp_sock(t.sk)->snd_nxt - t.iss : 0, 0);
	script_write(&t, 50);
	dump_shows(&t, "ESTAB", 0, 50, "persist");
	t.wnd = 1000;
	peer_sends(&t, TCPH_ACK, 301, tcp_sock(t.sk)->snd_nxt - t.iss, 0);
	peer_sends(&t, TCPH_ACK, 301, tcp_sock(t.sk)->snd_nxt - t.iss, 0);
	close_sk(&t);
	dump_shows(&t, "FIN-WAIT-1", 0, 1, "on");
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 301, 152, 0);
	dump_shows(&t, "TIME-WAIT", 0, 0, "timewait");
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.6, figure 13 */
START_TEST(simultaneous_close)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	shut_wr(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_ACK, 2, 2, 0);
	ck_state(&t, TCPS_CLOSING);
	peer_sends(&t, TCPH_ACK, 2, 2, 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	script_fini(&t);
}
END_TEST

/* A FIN that is lost is sent again */
START_TEST(fin_retransmission)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 10);
	expect(&t, TCPH_ACK, 1, 1, 10);
	shut_wr(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 11, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 11, 0);
	wait_ms(&t, 250);
	expect(&t, TCPH_FIN | TCPH_ACK, 11, 1, 0);
	script_fini(&t);
}
END_TEST

/* A FIN beyond a gap waits for the gap */
START_TEST(fin_out_of_order)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 11, 1, 10);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_state(&t, TCPS_ESTABLISHED);
	peer_sends(&t, TCPH_ACK, 1, 1, 10);
	expect(&t, TCPH_ACK, 1, 22, 0);
	ck_state(&t, TCPS_CLOSE_WAIT);
	ck_assert_uint_eq(script_read(&t), 20);
	script_fini(&t);
}
END_TEST

/* SO_LINGER of 0 s: RST, and no TIME-WAIT */
START_TEST(linger_zero)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.sk->linger_on = true;
	t.sk->linger_s = 0;
	close_sk(&t);
	expect(&t, TCPH_RST | TCPH_ACK, 1, 1, 0);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	script_fini(&t);
}
END_TEST

/* RFC 2525 2.17: closed with data unread: RST */
START_TEST(close_unread)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_ACK, 1, 1, 10);
	expect(&t, TCPH_ACK, 1, 11, 0);
	close_sk(&t);
	expect(&t, TCPH_RST | TCPH_ACK, 1, 11, 0);
	script_fini(&t);
}
END_TEST

/* RFC 1122 4.2.2.13: data after close is answered with RST */
START_TEST(data_after_close)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	close_sk(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 2, 10);
	expect(&t, TCPH_RST, 2, 0, 0);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	script_fini(&t);
}
END_TEST

/* A closed socket in FIN-WAIT-2 does not wait for ever */
START_TEST(fin_wait_2)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	close_sk(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 2, 0);
	ck_assert_uint_eq(t.tcp.established.count, 1);
	wait_ms(&t, 61000);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	script_fini(&t);
}
END_TEST

static void into_time_wait(struct script *t)
{
	t->ts = true;
	script_accepts(t);
	shut_wr(t);
	expect(t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	peer_sends(t, TCPH_FIN | TCPH_ACK, 1, 2, 0);
	expect(t, TCPH_ACK, 2, 2, 0);
	ck_assert_uint_eq(t->tcp.time_waits, 1);
	close_sk(t);
}

/* RFC 9293 3.10.7.4, RFC 1337: a SYN that nobody listens for does not end the wait, nor does RST */
START_TEST(time_wait_without_listener)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	shut_wr(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 2, 0);
	expect(&t, TCPH_ACK, 2, 2, 0);
	close_sk(&t);
	t.listener->ops->close(t.listener, false);
	t.listener = NULL;
	peer_sends(&t, TCPH_SYN, 100000, 0, 0);		/* would do for a new connection */
	expect(&t, TCPH_ACK, 2, 2, 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	peer_sends(&t, TCPH_RST, 2, 0, 0);		/* RFC 1337 3 */
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	expect_nothing(&t);
	script_fini(&t);
}
END_TEST

/* tcp(7): TCP_LINGER2 bounds FIN-WAIT-2 of a closed socket; below 0 there is none, but a RST */
START_TEST(linger2)
{
	static const int values[] = { 5, -1 };

	for (int i = 0; i < 2; i++) {
		struct script t;

		script_init(&t);
		script_accepts(&t);
		ck_assert_int_eq(t.sk->ops->setsockopt(t.sk, IPPROTO_TCP, TCP_LINGER2, &values[i],
						       sizeof(values[i])), 0);
		close_sk(&t);
		expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
		peer_sends(&t, TCPH_ACK, 1, 2, 0);
		if (values[i] < 0)
			expect(&t, TCPH_RST | TCPH_ACK, 2, 1, 0);
		wait_ms(&t, values[i] > 0 ? 4900 : 0);
		ck_assert_uint_eq(t.tcp.orphans, values[i] > 0);
		wait_ms(&t, 200);
		ck_assert_uint_eq(t.tcp.orphans, 0);
		expect_nothing(&t);
		script_fini(&t);
	}
}
END_TEST

/*
 * RFC 6191: a SYN with a newer timestamp begins a new connection; RFC 1337: a RST does not end
 * the wait
 */
START_TEST(time_wait_reuse)
{
	struct script t;
	uint32_t old;

	script_init(&t);
	into_time_wait(&t);
	old = t.iss;
	peer_sends(&t, TCPH_RST, 2, 0, 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	t.tsval += 100;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_assert(seq_lt(old + 2, t.iss));
	ck_assert_uint_eq(t.tcp.time_waits, 0);
	script_fini(&t);
}
END_TEST

/* An old SYN does not */
START_TEST(time_wait_old_syn)
{
	struct script t;

	script_init(&t);
	into_time_wait(&t);
	t.tsval -= 100;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_ACK, 2, 2, 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	script_fini(&t);
}
END_TEST

/* Our own connect takes a four-tuple out of TIME-WAIT after a second */
START_TEST(time_wait_connect)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct script t;

	script_init(&t);
	into_time_wait(&t);
	t.listener->ops->close(t.listener, false);
	t.listener = NULL;
	testnet_run(&t.net, 0);
	t.sk = script_sock(&t);
	ck_assert_int_eq(t.sk->ops->bind(t.sk, &any, STACK_PORT), -EADDRINUSE);
	t.sk->reuseaddr = true;
	wait_ms(&t, 1500);
	if (t.sk->ops->bind(t.sk, &any, STACK_PORT) == 0) {
		ck_assert_int_eq(t.sk->ops->connect(t.sk, &peer, PEER_PORT), -EINPROGRESS);
		ck_assert_uint_eq(t.tcp.time_waits, 0);
	}
	testnet_run(&t.net, 0);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* A port that is chosen for a connection may be one in TIME-WAIT by [tcp] tw-reuse only, and after
 * a second */
START_TEST(time_wait_chosen)
{
	static const struct {
		uint8_t tw_reuse;
		uint64_t ms;
		bool taken;
	} rows[] = { { 0, 1500, false }, { 2, 1500, false }, { 1, 900, false }, { 1, 1500, true } };
	struct ip_addr peer = testnet_addr("10.0.0.2");

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct port_dest dests[PORT_DESTS];
		struct script t;

		script_init(&t);
		t.port = 0;
		t.tcp.tw_reuse = rows[i].tw_reuse;
		t.ts = true;
		memcpy(dests, t.tcp.ports.dests, sizeof(dests));
		script_connects(&t);
		shut_wr(&t);
		expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
		peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 2, 0);
		expect(&t, TCPH_ACK, 2, 2, 0);
		close_sk(&t);
		ck_assert_uint_eq(t.tcp.time_waits, 1);
		wait_ms(&t, rows[i].ms);
		memcpy(t.tcp.ports.dests, dests, sizeof(dests));	/* the same choice again */
		t.sk = script_sock(&t);
		ck_assert_int_eq(t.sk->ops->connect(t.sk, &peer, PEER_PORT), -EINPROGRESS);
		ck_assert_msg((t.sk->lport == t.port) == rows[i].taken, "tw-reuse %d, %d ms", rows[i].tw_reuse,
			      (int)rows[i].ms);
		ck_assert_uint_eq(t.tcp.time_waits, !rows[i].taken);
		testnet_run(&t.net, 0);
		testnet_discard(t.nic);
		script_fini(&t);
	}
}
END_TEST

/* The number of TIME-WAIT entries is bounded: the oldest goes */
START_TEST(time_wait_limit)
{
	struct script t;

	script_init(&t);
	t.tcp.max_time_waits = 1;
	into_time_wait(&t);
	t.peer_port++;
	into_time_wait(&t);
	ck_assert_uint_eq(t.tcp.stats.time_wait_overflow, 1);
	script_fini(&t);
}
END_TEST

/*
 * A connection that is reset while it waits to be accepted is accepted, and shows its end, as
 * in Linux
 */
START_TEST(reset_before_accept)
{
	struct script t;
	int err;

	script_init(&t);
	script_listen(&t, 5);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_RST, 1, 0, 0);
	t.sk = t.listener->ops->accept(t.listener, &err);
	ck_assert_ptr_nonnull(t.sk);
	ck_assert_int_eq(script_error(&t), ECONNRESET);
	script_fini(&t);
}
END_TEST

/* A listener that closes resets what was not accepted */
START_TEST(listener_closes)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	t.listener->ops->close(t.listener, false);
	t.listener = NULL;
	testnet_run(&t.net, 0);
	expect(&t, TCPH_RST | TCPH_ACK, 1, 1, 0);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.10.7.4, third: the state decides what a RST is to the user, and with the peer's FIN its
 * stream has ended well, for a reader (Linux's tcp_reset, tcp_recvmsg) */
START_TEST(reset_by_state)
{
	static const struct {
		int state, error, reader;
		bool shut, fin, fin_first, acked;
	} of[] = {
		{ TCPS_ESTABLISHED, ECONNRESET, -ECONNRESET, false, false, false, false },
		{ TCPS_FIN_WAIT_1, ECONNRESET, -ECONNRESET, true, false, false, false },
		{ TCPS_FIN_WAIT_2, ECONNRESET, -ECONNRESET, true, false, false, true },
		{ TCPS_CLOSE_WAIT, EPIPE, 0, false, true, true, false },
		{ TCPS_CLOSING, ECONNRESET, 0, true, true, false, false },
		{ TCPS_LAST_ACK, ECONNRESET, 0, true, true, true, false },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct script t;

		script_init(&t);
		script_accepts(&t);
		if (of[i].fin_first)
			peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
		if (of[i].shut)
			shut_wr(&t);
		if (of[i].fin && !of[i].fin_first)
			peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
		if (of[i].acked)
			peer_sends(&t, TCPH_ACK, 1, 2, 0);
		ck_state(&t, of[i].state);
		peer_sends(&t, TCPH_RST, of[i].fin ? 2 : 1, 0, 0);
		ck_state(&t, TCPS_CLOSED);
		ck_assert_int_eq(t.sk->error, of[i].error);
		ck_assert_uint_eq(t.sk->ops->poll(t.sk) & (EPOLLERR | EPOLLHUP | EPOLLIN),
				  EPOLLERR | EPOLLHUP | EPOLLIN);
		ck_assert_int_eq(socket_recv_none(t.sk), of[i].reader);
		ck_assert_int_eq(socket_recv_none(t.sk), 0);
		ck_assert_int_eq(script_error(&t), of[i].reader ? 0 : of[i].error);
		testnet_discard(t.nic);
		script_fini(&t);
	}
}
END_TEST

/* A hard close with six segments written, of which the peer's window lets four go. */
static void hard_close(struct script *t, bool hard)
{
	script_init(t);
	t->wnd = 4 * 1460 + 100;
	script_accepts(t);
	peer_sends(t, TCPH_ACK, 1, 1, 10);
	expect(t, TCPH_ACK, 1, 11, 0);
	if (hard)
		script_read(t);
	t->sk->linger_on = hard;
	t->sk->max_pacing_rate = 1000;
	script_write(t, 1460);
	expect(t, TCPH_ACK, 1, 11, 1460);
	script_write(t, 5 * 1460);
	testnet_run(&t->net, 0);
	close_sk(t);
	for (uint32_t i = 1; i < 4; i++)
		expect(t, TCPH_ACK, 1 + i * 1460, 11, 1460);
	expect_nothing(t);
	ck_assert_uint_eq(t->tcp.stats.abort_on_close, !hard);
	ck_assert_uint_eq(t->tcp.stats.abort_on_data, hard);
	ck_assert_uint_eq(t->tcp.orphans, 1);
}

/* RFC 9293 3.10.5, RFC 2525 2.17: what was written before leaves before the RST, which stands behind it:
 * whatever small queues and pacing would put off, and what the next ACKs allow */
START_TEST(hard_close_behind_data)
{
	struct script t;

	hard_close(&t, _i);
	peer_sends(&t, TCPH_ACK, 11, 1 + 1460, 100);		/* its data is for nobody */
	expect(&t, TCPH_ACK, 1 + 4 * 1460, 11, 1460);
	expect_nothing(&t);
	peer_sends(&t, TCPH_ACK, 11, 1 + 3 * 1460, 0);
	expect(&t, TCPH_ACK, 1 + 5 * 1460, 11, 1460);
	expect(&t, TCPH_RST | TCPH_ACK, 1 + 6 * 1460, 11, 0);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.orphans, 0);
	script_fini(&t);
}
END_TEST

/* A peer may be about to make room; */
START_TEST(hard_close_window_opens)
{
	struct script t;

	hard_close(&t, _i);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 11, 1 + 4 * 1460, 0);
	expect_nothing(&t);
	wait_ms(&t, 20);
	t.wnd = 10000;
	peer_sends(&t, TCPH_ACK, 11, 1 + 4 * 1460, 0);
	expect(&t, TCPH_ACK, 1 + 4 * 1460, 11, 1460);
	expect(&t, TCPH_ACK, 1 + 5 * 1460, 11, 1460);
	expect(&t, TCPH_RST | TCPH_ACK, 1 + 6 * 1460, 11, 0);
	script_fini(&t);
}
END_TEST

/* one that has not for a while is not waited for, */
START_TEST(hard_close_shut_window)
{
	struct script t;

	script_init(&t);
	t.wnd = 100;
	script_accepts(&t);
	script_write(&t, 300);
	expect(&t, TCPH_ACK, 1, 1, 100);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 1, 101, 0);
	wait_ms(&t, 60);
	t.sk->linger_on = true;
	close_sk(&t);
	expect(&t, TCPH_RST | TCPH_ACK, 101, 1, 0);
	ck_assert_uint_eq(t.tcp.orphans, 0);
	script_fini(&t);
}
END_TEST

/* and one that says nothing not for long */
START_TEST(hard_close_grace)
{
	struct script t;

	hard_close(&t, _i);
	wait_ms(&t, 49);
	expect_nothing(&t);
	wait_ms(&t, 2);
	expect(&t, TCPH_RST | TCPH_ACK, 1 + 4 * 1460, 11, 0);
	ck_assert_uint_eq(t.tcp.orphans, 0);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.6: a window that the peer has drawn back; the RST is to be within it */
START_TEST(abort_in_window)
{
	struct script t;

	script_init(&t);
	t.wnd = 2 * 1460;
	script_accepts(&t);
	script_write(&t, 2 * 1460);
	expect(&t, TCPH_ACK, 1, 1, 1460);
	expect(&t, TCPH_ACK, 1461, 1, 1460);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 1, 1461, 0);
	t.sk->linger_on = true;
	close_sk(&t);
	expect(&t, TCPH_RST | TCPH_ACK, 1461, 1, 0);
	script_fini(&t);
}
END_TEST

/* Both ends have said goodbye: SO_LINGER of 0 has nothing to add (Linux's tcp_need_reset) */
START_TEST(linger_zero_last_ack)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_ACK, 1, 2, 0);
	shut_wr(&t);
	expect(&t, TCPH_FIN | TCPH_ACK, 1, 2, 0);
	t.sk->linger_on = true;
	close_sk(&t);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	script_fini(&t);
}
END_TEST

/* Who has ended the stream writes what it had written before, beyond SO_SNDBUF: FIN-WAIT-1 at once */
START_TEST(ending_beyond_sndbuf)
{
	struct script t;
	uint32_t sndbuf;

	script_init(&t);
	t.wnd = 1000;
	script_accepts(&t);
	sndbuf = t.sk->sndbuf;
	while (script_write(&t, 1000) > 0)
		;
	ck_assert_uint_eq(t.sk->ops->space(t.sk), 0);
	t.sk->ending = true;
	ck_assert_uint_gt(t.sk->ops->space(t.sk), 212992);
	ck_assert_int_eq(script_write(&t, 50000), 50000);
	ck_assert_uint_ge(t.sk->ops->unsent(t.sk), sndbuf + 50000);
	t.sk->ops->close(t.sk, false);
	dump_shows(&t, "FIN-WAIT-1", 0, tcp_sock(t.sk)->write_seq - tcp_sock(t.sk)->snd_una, "on");
	t.sk = NULL;
	ck_assert_uint_eq(t.tcp.orphans, 1);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_RST, 1, 0, 0);
	ck_assert_uint_eq(t.tcp.orphans, 0);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.6.1, RFC 6429: a peer that answers every probe may keep its window shut for ever, but not
 * when nobody is left to lose patience */
START_TEST(zero_window_orphan)
{
	struct script t;
	uint32_t probes = 0, ms = 0;

	script_init(&t);
	t.wnd = 100;
	script_accepts(&t);
	script_write(&t, 300);
	expect(&t, TCPH_ACK, 1, 1, 100);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 1, 101, 0);
	close_sk(&t);
	for (; t.tcp.orphans && ms < 1000000; ms += 100) {
		wait_ms(&t, 100);
		if (!testnet_captured(t.nic))
			continue;
		probes++;
		expect(&t, TCPH_ACK, 100, 1, 0);
		if (!_i)
			peer_sends(&t, TCPH_ACK, 1, 101, 0);
	}
	ck_assert_uint_eq(t.tcp.stats.abort_on_timeout, 1);
	ck_assert_uint_eq(probes, _i ? 8 : 10);
	/* 0.2 s, 0.4 s ... each twice the one before: unanswered, nine; answered, eleven of up to 120 s */
	ck_assert_uint_ge(ms, _i ? 102200 : 324600);
	ck_assert_uint_le(ms, _i ? 103000 : 326000);
	script_fini(&t);
}
END_TEST

/* Nor does the end of the stack wait, with the socket closed before or not */
START_TEST(hard_close_at_the_end)
{
	struct script t;

	script_init(&t);
	t.wnd = 1460;
	script_accepts(&t);
	script_write(&t, 3 * 1460);
	expect(&t, TCPH_ACK, 1, 1, 1460);
	t.sk->linger_on = true;
	if (_i)
		close_sk(&t);
	t.listener->ops->close(t.listener, true);
	tcp_destroy(&t.tcp);
	ck_assert(list_empty(&t.tcp.socks));
	testnet_run(&t.net, 0);
	testnet_discard(t.nic);
	testnet_fini(&t.net);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp close");
	TCase *t = tcase_create("close");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, active_close);
	tcase_add_test(t, passive_close);
	tcase_add_test(t, dump);
	tcase_add_test(t, simultaneous_close);
	tcase_add_test(t, fin_retransmission);
	tcase_add_test(t, fin_out_of_order);
	tcase_add_test(t, linger_zero);
	tcase_add_test(t, close_unread);
	tcase_add_test(t, reset_by_state);
	tcase_add_loop_test(t, hard_close_behind_data, 0, 2);
	tcase_add_loop_test(t, hard_close_window_opens, 0, 2);
	tcase_add_test(t, hard_close_shut_window);
	tcase_add_loop_test(t, hard_close_grace, 0, 2);
	tcase_add_loop_test(t, hard_close_at_the_end, 0, 2);
	tcase_add_test(t, abort_in_window);
	tcase_add_test(t, linger_zero_last_ack);
	tcase_add_test(t, ending_beyond_sndbuf);
	tcase_add_loop_test(t, zero_window_orphan, 0, 2);
	tcase_add_test(t, data_after_close);
	tcase_add_test(t, fin_wait_2);
	tcase_add_test(t, time_wait_without_listener);
	tcase_add_test(t, linger2);
	tcase_add_test(t, time_wait_reuse);
	tcase_add_test(t, time_wait_old_syn);
	tcase_add_test(t, time_wait_connect);
	tcase_add_test(t, time_wait_chosen);
	tcase_add_test(t, time_wait_limit);
	tcase_add_test(t, reset_before_accept);
	tcase_add_test(t, listener_closes);
	suite_add_tcase(s, t);
	return run_suite(s);
}
