/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_urgent.c - urgent data (RFC 9293 3.8.5, RFC 6093), with the pointer as BSD and Linux
 * read it: one beyond the urgent byte.
 */
#include <errno.h>
#include <netinet/in.h>

#include "tcp_script.h"
#include "tests/suite.h"

static void write_oob(struct script *t, uint32_t len)
{
	struct buf *b = buf_alloc(&t->net.pool, len);

	memset(b->data, 'u', len);
	ck_assert_int_eq(t->sk->ops->write(t->sk, b, 0, len, MSG_OOB), (ssize_t)len);
	buf_put(b);
	testnet_run(&t->net, 0);
}

/* One read call: bytes, as recv() would give them. */
static uint32_t read_once(struct script *t)
{
	struct iovec iov[64];
	int n = t->sk->ops->peek(t->sk, iov, 64);
	uint32_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += (uint32_t)iov[i].iov_len;
	t->sk->ops->consume(t->sk, sum);
	return sum;
}

static int oob(struct script *t, int flags)
{
	uint8_t c = 0;
	int n = t->sk->ops->recv_oob(t->sk, &c, flags);

	return n == 1 ? c : n;
}

static bool at_mark(struct script *t)
{
	return t->sk->ops->mark(t->sk) == 0;
}

static uint32_t readable(struct script *t)
{
	return t->sk->ops->poll(t->sk) & (EPOLLIN | EPOLLPRI);
}

/* RFC 9293 3.8.5, RFC 6093 3: URG and a pointer to the byte behind, in every segment before it */
START_TEST(sending)
{
	struct script t;

	script_init(&t);
	t.mss = 1000;
	script_accepts(&t);
	write_oob(&t, 2500);
	expect(&t, TCPH_ACK | TCPH_URG, 1, 1, 1000);
	ck_assert_uint_eq(t.got.urg, 2500);
	expect(&t, TCPH_ACK | TCPH_URG, 1001, 1, 1000);
	ck_assert_uint_eq(t.got.urg, 1500);
	expect(&t, TCPH_ACK | TCPH_URG, 2001, 1, 500);
	ck_assert_uint_eq(t.got.urg, 500);
	script_write(&t, 1000);			/* what follows is not */
	expect(&t, TCPH_ACK, 2501, 1, 1000);
	peer_sends(&t, TCPH_ACK, 1, 1001, 0);
	wait_ms(&t, 1500);			/* lost: sent again with URG */
	expect(&t, TCPH_ACK | TCPH_URG, 1001, 1, 1000);
	ck_assert_uint_eq(t.got.urg, 1500);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.7.4 is not for urgent data; a shut window holds it, but the probe tells of it */
START_TEST(send_at_once)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 10);
	expect(&t, TCPH_ACK, 1, 1, 10);
	script_write(&t, 10);
	expect_nothing(&t);			/* Nagle */
	write_oob(&t, 1);
	expect(&t, TCPH_ACK | TCPH_URG, 11, 1, 11);
	ck_assert_uint_eq(t.got.urg, 11);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 1, 22, 0);
	write_oob(&t, 5);
	expect_nothing(&t);
	wait_ms(&t, 1200);
	expect(&t, TCPH_ACK | TCPH_URG, 22, 1, 0);
	ck_assert_uint_eq(t.got.urg, 5);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* The mark: a read stops at it, the next one passes by the byte, which recv(MSG_OOB) gives out. */
START_TEST(receive)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	ck_assert_int_eq(oob(&t, 0), -EINVAL);
	t.urg = 5;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 1, 1, 20);	/* bytes 1..20, urgent: 5 */
	ck_assert_uint_eq(readable(&t), EPOLLIN | EPOLLPRI);
	ck_assert_int_eq(t.sk->ops->mark(t.sk), 4);
	ck_assert_uint_eq(t.sk->ops->pending(t.sk), 4);
	ck_assert_int_eq(oob(&t, MSG_PEEK), 5);
	ck_assert_uint_eq(read_once(&t), 4);
	ck_assert(at_mark(&t));
	ck_assert_uint_eq(t.sk->ops->pending(t.sk), 0);
	ck_assert_int_eq(oob(&t, 0), 5);
	ck_assert_int_eq(oob(&t, 0), -EINVAL);		/* once */
	ck_assert_uint_eq(readable(&t), EPOLLIN);
	ck_assert_uint_eq(read_once(&t), 15);
	ck_assert(!at_mark(&t));
	ck_assert_uint_eq(readable(&t), 0);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* The byte alone: EPOLLPRI, but no EPOLLIN, and a read gives nothing. */
START_TEST(receive_alone)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.urg = 1;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 1, 1, 1);
	ck_assert_uint_eq(readable(&t), EPOLLPRI);
	ck_assert(at_mark(&t));
	ck_assert_int_eq(oob(&t, 0), 1);
	ck_assert_uint_eq(read_once(&t), 0);
	peer_sends(&t, TCPH_ACK, 2, 1, 3);
	ck_assert_uint_eq(read_once(&t), 3);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* SO_OOBINLINE: the byte stays in the stream, a read still stops in front of it. */
START_TEST(receive_inline)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.sk->oobinline = true;
	t.urg = 5;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 1, 1, 20);
	ck_assert_int_eq(oob(&t, 0), -EINVAL);
	ck_assert_uint_eq(read_once(&t), 4);
	ck_assert(at_mark(&t));
	ck_assert_uint_eq(read_once(&t), 16);
	ck_assert(!at_mark(&t));
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 6093 3.4: the pointer comes before its byte, in a segment without data */
START_TEST(receive_early)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.urg = 8;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 1, 1, 0);
	ck_assert_int_eq(oob(&t, 0), -EAGAIN);
	ck_assert_int_eq(t.sk->ops->mark(t.sk), -1);
	peer_sends(&t, TCPH_ACK, 1, 1, 7);
	ck_assert_int_eq(oob(&t, 0), -EAGAIN);
	ck_assert_uint_eq(read_once(&t), 7);
	ck_assert(at_mark(&t));
	peer_sends(&t, TCPH_ACK, 8, 1, 1);
	ck_assert_int_eq(oob(&t, 0), 8);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.5: a newer pointer moves the mark, the older byte becomes plain; one that was given
 * out is no plain data */
START_TEST(receive_again)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.urg = 3;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 1, 1, 10);
	t.urg = 3;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 11, 1, 10);
	ck_assert_int_eq(oob(&t, 0), 13);
	ck_assert_uint_eq(read_once(&t), 12);		/* with byte 3 */
	ck_assert(at_mark(&t));
	t.urg = 1;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 21, 1, 1);	/* we stand at a byte that was given out */
	ck_assert_uint_eq(read_once(&t), 7);
	ck_assert(at_mark(&t));
	ck_assert_int_eq(oob(&t, 0), 21);
	t.urg = 1;
	peer_sends(&t, TCPH_ACK | TCPH_URG, 5, 1, 1);	/* an old segment again */
	ck_assert_int_eq(oob(&t, 0), -EINVAL);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp urgent");
	TCase *t = tcase_create("urgent");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, sending);
	tcase_add_test(t, send_at_once);
	tcase_add_test(t, receive);
	tcase_add_test(t, receive_alone);
	tcase_add_test(t, receive_inline);
	tcase_add_test(t, receive_early);
	tcase_add_test(t, receive_again);
	suite_add_tcase(s, t);
	return run_suite(s);
}
