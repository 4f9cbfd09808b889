/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_fastopen.c - TCP Fast Open (RFC 7413), both sides. */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include "tcp_script.h"
#include "tests/suite.h"

static const uint8_t peers_cookie[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static ssize_t fastopen(struct script *t, uint32_t len)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct buf *b = buf_alloc(&t->net.pool, len);
	ssize_t n;

	t->sk = script_sock(t);
	ck_assert_int_eq(t->sk->ops->bind(t->sk, &any, STACK_PORT), 0);
	memset(b->data, 'f', len);
	n = t->sk->ops->fastopen(t->sk, &peer, PEER_PORT, b, 0, len);
	buf_put(b);
	testnet_run(&t->net, 0);
	return n;
}

static void give_cookie(struct script *t, bool give)
{
	t->tfo = give;
	t->tfo_len = sizeof(peers_cookie);
	memcpy(t->tfo_cookie, peers_cookie, sizeof(peers_cookie));
}

static void finish(struct script *t)
{
	t->sk->ops->close(t->sk, true);
	t->sk = NULL;
	testnet_run(&t->net, 0);
	testnet_discard(t->nic);
}

/* RFC 7413 4.2.1: the first connection asks for a cookie, and gets it. */
static void learn_cookie(struct script *t)
{
	ck_assert_int_eq(fastopen(t, 100), -EINPROGRESS);
	expect(t, TCPH_SYN, 0, 0, 0);
	ck_assert(t->got.has_tfo && t->got.tfo_len == 0);
	give_cookie(t, true);
	peer_sends(t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	give_cookie(t, false);
	expect(t, TCPH_ACK, 1, 1, 0);
	ck_state(t, TCPS_ESTABLISHED);
	finish(t);
	ck_assert_uint_eq(t->tcp.fastopen.peers.count, 1);
}

static struct tcp_info info(struct sock *sk)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	ck_assert_int_eq(sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i;
}

/* Both open at once (RFC 9293 3.5): a peer that took no data with our SYN is sent it again. */
START_TEST(client_simultaneous)
{
	struct script t;

	script_init(&t);
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 300), 300);
	expect(&t, TCPH_SYN, 0, 0, 300);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_ACK | TCPH_PSH, 1, 1, 300);
	ck_state(&t, TCPS_ESTABLISHED);
	peer_sends(&t, TCPH_ACK, 1, 301, 0);
	ck_assert_uint_eq(t.sk->ops->unsent(t.sk), 0);
	ck_assert_uint_eq(t.tcp.stats.fastopen_active_fail, 1);
	finish(&t);
	script_fini(&t);
}
END_TEST

/* RFC 7413 4.2.1, 4.2.2: with the cookie data rides on the SYN, and is acknowledged with it. */
START_TEST(client)
{
	struct script t;

	script_init(&t);
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 300), 300);
	expect(&t, TCPH_SYN, 0, 0, 300);
	ck_assert(t.got.has_tfo && t.got.tfo_len == 8);
	ck_assert_mem_eq(t.got.tfo, peers_cookie, 8);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 301, 0);
	expect(&t, TCPH_ACK, 301, 1, 0);
	ck_state(&t, TCPS_ESTABLISHED);
	ck_assert_uint_eq(t.sk->ops->unsent(t.sk), 0);
	ck_assert(info(t.sk).tcpi_options & TCPI_OPT_SYN_DATA);
	ck_assert_uint_eq(info(t.sk).tcpi_delivered, 1);	/* one segment */
	ck_assert_uint_eq(t.tcp.stats.fastopen_active, 1);
	script_write(&t, 10);
	expect(&t, TCPH_ACK, 301, 1, 10);
	script_fini(&t);
}
END_TEST

/* Not more than fits beside all options; the rest is the caller's to write later. */
START_TEST(client_much)
{
	struct script t;

	script_init(&t);
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 5000), 1460 - 40);
	expect(&t, TCPH_SYN, 0, 0, 1420);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 501, 0);		/* it took some of it */
	expect(&t, TCPH_ACK, 1421, 1, 0);
	wait_ms(&t, 3500);
	expect(&t, TCPH_ACK, 501, 1, 920);
	script_fini(&t);
}
END_TEST

/* The rest of a SYN's data is a segment like others: a SACK within it does no harm. */
START_TEST(client_sacked)
{
	struct script t;

	script_init(&t);
	t.sack = true;
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 5000), 1460 - 40);
	expect(&t, TCPH_SYN, 0, 0, 1420);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 501, 0);
	expect(&t, TCPH_ACK, 1421, 1, 0);
	ck_assert_uint_eq(info(t.sk).tcpi_unacked, 1);
	peer_sacks(&t, 501, 1, 701, 901);
	ck_assert_uint_eq(info(t.sk).tcpi_sacked, 0);
	peer_sacks(&t, 501, 1, 501, 1421);
	ck_assert_uint_eq(info(t.sk).tcpi_sacked, 1);
	script_check_marks(&t);
	script_fini(&t);
}
END_TEST

/* RFC 7413 4.2.2: a SYN-ACK that takes the SYN only: the data goes again, at once. */
START_TEST(client_not_taken)
{
	struct script t;

	script_init(&t);
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 300), 300);
	expect(&t, TCPH_SYN, 0, 0, 300);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect(&t, TCPH_ACK, 1, 1, 300);
	ck_assert(!(info(t.sk).tcpi_options & TCPI_OPT_SYN_DATA));
	ck_assert_uint_eq(info(t.sk).tcpi_fastopen_client_fail, 2);
	ck_assert_uint_eq(t.tcp.stats.fastopen_active_fail, 1);
	peer_sends(&t, TCPH_ACK, 1, 301, 0);
	ck_assert_uint_eq(t.sk->ops->unsent(t.sk), 0);
	script_fini(&t);
}
END_TEST

/* RFC 7413 4.1.3: a SYN with data that is lost, perhaps on purpose: again without, then the
 * data. */
START_TEST(client_syn_dropped)
{
	struct script t;

	script_init(&t);
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 300), 300);
	expect(&t, TCPH_SYN, 0, 0, 300);
	wait_ms(&t, 1100);
	expect(&t, TCPH_SYN, 0, 0, 0);
	ck_assert(!t.got.has_tfo);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect(&t, TCPH_ACK, 1, 1, 300);
	ck_assert_uint_eq(info(t.sk).tcpi_fastopen_client_fail, 3);
	script_fini(&t);
}
END_TEST

/* Refused: the error, and no data is left over for a later connection. */
START_TEST(client_refused)
{
	struct script t;

	script_init(&t);
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 300), 300);
	expect(&t, TCPH_SYN, 0, 0, 300);
	peer_sends(&t, TCPH_RST | TCPH_ACK, 0, 301, 0);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_int_eq(script_error(&t), ECONNREFUSED);
	ck_assert_uint_eq(t.sk->ops->unsent(t.sk), 0);
	script_fini(&t);
}
END_TEST

/* Three time-outs: a black hole; no Fast Open for a while, then again. */
START_TEST(client_blackhole)
{
	struct script t;

	script_init(&t);
	t.tcp.fastopen.blackhole_s = 100;
	learn_cookie(&t);
	ck_assert_int_eq(fastopen(&t, 300), 300);
	wait_ms(&t, 8000);			/* 1, 3, 7 s */
	testnet_discard(t.nic);
	ck_assert_uint_eq(t.tcp.stats.fastopen_blackhole, 1);
	finish(&t);
	ck_assert_int_eq(fastopen(&t, 300), -EINPROGRESS);
	expect(&t, TCPH_SYN, 0, 0, 0);
	ck_assert(!t.got.has_tfo);
	finish(&t);
	wait_ms(&t, 100000);
	ck_assert_int_eq(fastopen(&t, 300), 300);
	expect(&t, TCPH_SYN, 0, 0, 300);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 301, 0);
	ck_assert_uint_eq(t.tcp.fastopen.disabled_times, 0);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* Switched off, and already connecting. */
START_TEST(client_errors)
{
	struct script t;

	script_init(&t);
	t.tcp.fastopen.flags = 0;
	ck_assert_int_eq(fastopen(&t, 10), -EOPNOTSUPP);
	finish(&t);
	t.tcp.fastopen.flags = FASTOPEN_CLIENT | FASTOPEN_CLIENT_NO_COOKIE;
	ck_assert_int_eq(fastopen(&t, 10), 10);		/* at once, without a cookie */
	expect(&t, TCPH_SYN, 0, 0, 10);
	ck_assert(!t.got.has_tfo);
	script_fini(&t);
}
END_TEST

/* TCP_FASTOPEN_CONNECT: connect answers 0, the first write makes the SYN. */
START_TEST(client_connect)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct script t;
	int on = 1;

	script_init(&t);
	for (int i = 0; i < 2; i++) {
		t.sk = script_sock(&t);
		ck_assert_int_eq(t.sk->ops->setsockopt(t.sk, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on,
						       sizeof(on)), 0);
		ck_assert_int_eq(t.sk->ops->bind(t.sk, &any, STACK_PORT), 0);
		ck_assert_int_eq(t.sk->ops->connect(t.sk, &peer, PEER_PORT), i ? 0 : -EINPROGRESS);
		testnet_run(&t.net, 0);
		if (i)
			break;
		expect(&t, TCPH_SYN, 0, 0, 0);
		ck_assert(t.got.has_tfo && !t.got.tfo_len);
		give_cookie(&t, true);
		peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
		give_cookie(&t, false);
		finish(&t);
	}
	expect_nothing(&t);
	ck_assert(t.sk->ops->poll(t.sk) & EPOLLOUT);
	ck_assert_int_eq(script_write(&t, 50), 50);
	expect(&t, TCPH_SYN, 0, 0, 50);
	ck_assert_int_eq(script_write(&t, 50), -EAGAIN);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 51, 0);
	expect(&t, TCPH_ACK, 51, 1, 0);
	script_fini(&t);
}
END_TEST

/* The cache is bounded. */
START_TEST(client_cache)
{
	struct script t;

	script_init(&t);
	for (uint32_t i = 0; i < 3000; i++) {
		struct tcp_segment s = { .has_tfo = true, .tfo_len = 8, .flags = TCPH_SYN };
		struct tcp_sock *tp = tcp_sock(script_sock(&t));

		tp->end.remote = ip_addr_v4(htonl(0x0b000000 + i));
		tp->tfo_used = true;
		fastopen_synack(tp, &s);
		tp->sk.ops->close(&tp->sk, true);
	}
	ck_assert_uint_eq(t.tcp.fastopen.peers.count, 1024);
	script_fini(&t);
}
END_TEST

/* ---- server ---- */

static void serve(struct script *t, int max)
{
	t->tcp.fastopen.flags |= FASTOPEN_SERVER;
	script_listen(t, 20);
	ck_assert_int_eq(t->listener->ops->setsockopt(t->listener, IPPROTO_TCP, TCP_FASTOPEN, &max,
						      sizeof(max)), 0);
}

static struct sock *accepted(struct script *t)
{
	int err;

	return t->listener->ops->accept(t->listener, &err);
}

static void get_cookie(struct script *t)
{
	t->tfo = true;
	t->tfo_len = 0;
	peer_sends(t, TCPH_SYN, 0, 0, 0);
	expect(t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_assert(t->got.has_tfo && t->got.tfo_len == 8);
	peer_sends(t, TCPH_RST, 1, 0, 0);
	t->tfo_len = 8;
	memcpy(t->tfo_cookie, t->got.tfo, 8);
}

/* RFC 7413 4.1.2, 4.2.2: data is the program's, and it may answer, before the handshake ends. */
START_TEST(server)
{
	struct script t;

	script_init(&t);
	serve(&t, 5);
	get_cookie(&t);
	peer_sends(&t, TCPH_SYN, 0, 0, 200);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 201, 0);
	ck_assert(!t.got.has_tfo);
	t.sk = accepted(&t);
	ck_assert_ptr_nonnull(t.sk);
	ck_state(&t, TCPS_SYN_RECEIVED);
	ck_assert_uint_eq(script_read(&t), 200);
	ck_assert_int_eq(script_write(&t, 100), 100);
	expect(&t, TCPH_ACK, 1, 201, 100);
	peer_sends(&t, TCPH_ACK, 201, 101, 0);
	ck_state(&t, TCPS_ESTABLISHED);
	ck_assert_uint_eq(t.sk->ops->unsent(t.sk), 0);
	ck_assert_uint_eq(tcp_sock(t.listener)->tfo->pending, 0);
	ck_assert_uint_eq(t.tcp.stats.fastopen_passive, 1);
	ck_assert(info(t.sk).tcpi_options & TCPI_OPT_SYN_DATA);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* The SYN-ACK is lost: the client's plain SYN, and our timer, bring it again; nothing else is
 * sent. */
START_TEST(server_synack_lost)
{
	struct script t;

	script_init(&t);
	serve(&t, 5);
	get_cookie(&t);
	peer_sends(&t, TCPH_SYN, 0, 0, 200);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 201, 0);
	t.sk = accepted(&t);
	script_write(&t, 100);
	expect(&t, TCPH_ACK, 1, 201, 100);
	wait_ms(&t, 1100);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 201, 0);
	expect_nothing(&t);
	t.tfo = false;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 201, 0);
	peer_sends(&t, TCPH_ACK, 201, 1, 0);
	ck_state(&t, TCPS_ESTABLISHED);
	wait_ms(&t, 5000);
	expect(&t, TCPH_ACK, 1, 201, 100);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* The program closes before the handshake ends. */
START_TEST(server_closes_early)
{
	struct script t;

	script_init(&t);
	serve(&t, 5);
	get_cookie(&t);
	peer_sends(&t, TCPH_SYN, 0, 0, 10);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 11, 0);
	t.sk = accepted(&t);
	ck_assert_uint_eq(script_read(&t), 10);
	t.sk->ops->close(t.sk, false);
	testnet_run(&t.net, 0);
	t.sk = NULL;
	expect(&t, TCPH_ACK | TCPH_FIN, 1, 11, 0);
	peer_sends(&t, TCPH_ACK, 11, 2, 0);
	peer_sends(&t, TCPH_ACK | TCPH_FIN, 11, 2, 0);
	expect(&t, TCPH_ACK, 2, 12, 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	ck_assert_uint_eq(tcp_sock(t.listener)->tfo->pending, 0);
	script_fini(&t);
}
END_TEST

/* RFC 7413 4.1.2: another cookie, or another client's: an ordinary handshake, with a new one */
START_TEST(server_bad_cookie)
{
	struct script t;

	script_init(&t);
	serve(&t, 5);
	get_cookie(&t);
	t.tfo_cookie[3] ^= 1;
	peer_sends(&t, TCPH_SYN, 0, 0, 200);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_assert(t.got.has_tfo && t.got.tfo_len == 8);
	ck_assert_ptr_null(accepted(&t));
	ck_assert_uint_eq(t.tcp.stats.fastopen_passive_fail, 1);
	peer_sends(&t, TCPH_ACK, 1, 1, 200);
	t.sk = accepted(&t);
	ck_assert_ptr_nonnull(t.sk);
	ck_assert_uint_eq(script_read(&t), 200);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 7413 5.1: the queue is bounded, and a RST does not make room in it for a minute. */
START_TEST(server_queue)
{
	struct script t;

	script_init(&t);
	serve(&t, 2);
	get_cookie(&t);
	for (uint16_t i = 0; i < 3; i++) {
		t.peer_port = (uint16_t)(5000 + i);
		peer_sends(&t, TCPH_SYN, 0, 0, 10);
		expect(&t, TCPH_SYN | TCPH_ACK, 0, i < 2 ? 11 : 1, 0);
	}
	ck_assert_uint_eq(t.tcp.stats.fastopen_listen_overflow, 1);
	t.peer_port = 5000;
	peer_sends(&t, TCPH_RST, 11, 0, 0);
	ck_assert_uint_eq(tcp_sock(t.listener)->tfo->pending, 1);
	t.peer_port = 5003;
	peer_sends(&t, TCPH_SYN, 0, 0, 10);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	wait_ms(&t, 61000);
	testnet_discard(t.nic);
	t.peer_port = 5004;
	peer_sends(&t, TCPH_SYN, 0, 0, 10);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 11, 0);
	script_fini(&t);
}
END_TEST

/* TCP_FASTOPEN_KEY: a second key's cookies are still taken, and answered with new ones. */
START_TEST(server_keys)
{
	uint8_t keys[32] = { 0 };
	struct script t;

	script_init(&t);
	serve(&t, 5);
	keys[0] = 1;
	ck_assert_int_eq(t.listener->ops->setsockopt(t.listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys,
						     16), 0);
	get_cookie(&t);
	memcpy(keys + 16, keys, 16);
	keys[0] = 2;
	ck_assert_int_eq(t.listener->ops->setsockopt(t.listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys,
						     32), 0);
	ck_assert_int_eq(t.listener->ops->setsockopt(t.listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys,
						     15), -EINVAL);
	peer_sends(&t, TCPH_SYN, 0, 0, 10);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 11, 0);
	ck_assert(t.got.has_tfo);
	ck_assert_mem_ne(t.got.tfo, t.tfo_cookie, 8);
	script_fini(&t);
}
END_TEST

/* Without the server bit, or without TCP_FASTOPEN, nothing of it happens. */
START_TEST(server_off)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	t.tfo = true;
	t.tfo_len = 0;
	t.tcp.fastopen.flags |= FASTOPEN_SERVER;
	peer_sends(&t, TCPH_SYN, 0, 0, 10);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_assert(!t.got.has_tfo);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp fastopen");
	TCase *t = tcase_create("fastopen");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, client);
	tcase_add_test(t, client_simultaneous);
	tcase_add_test(t, client_much);
	tcase_add_test(t, client_sacked);
	tcase_add_test(t, client_not_taken);
	tcase_add_test(t, client_syn_dropped);
	tcase_add_test(t, client_refused);
	tcase_add_test(t, client_blackhole);
	tcase_add_test(t, client_errors);
	tcase_add_test(t, client_connect);
	tcase_add_test(t, client_cache);
	tcase_add_test(t, server);
	tcase_add_test(t, server_synack_lost);
	tcase_add_test(t, server_closes_early);
	tcase_add_test(t, server_bad_cookie);
	tcase_add_test(t, server_queue);
	tcase_add_test(t, server_keys);
	tcase_add_test(t, server_off);
	suite_add_tcase(s, t);
	return run_suite(s);
}
