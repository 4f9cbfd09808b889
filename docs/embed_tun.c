/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed_tun.c - an echo server (RFC 862) on a TCP/IP stack of its own, behind a TUN device: the host
 * reaches it by the device's network. It needs CAP_NET_ADMIN.
 *
 *	cc embed_tun.c $(pkg-config --cflags --libs weir) -o embed_tun
 *	./embed_tun tun7 10.7.0.1/24 10.7.0.2/24 &
 *	echo hello | nc -N 10.7.0.2 7
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include <netinet/in.h>

#include <weir/weir.h>

#define ECHO_PORT 7

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct echo {
	char data[16384];
	size_t have, sent;
};

/* Read when all is sent back, so that a peer who does not read is not read from. */
static void on_echo(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct echo *e = arg;
	ssize_t n;

	(void)events;
	do {
		if (e->sent == e->have) {
			n = weir_recv(sk, e->data, sizeof(e->data), 0);
			if (n <= 0)
				break;
			e->have = (size_t)n;
			e->sent = 0;
		}
		n = weir_send(sk, e->data + e->sent, e->have - e->sent, 0);
		e->sent += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (n == -EAGAIN)
		return;
	weir_close(sk);
	free(e);
}

static void on_connection(struct weir_sock *listener, uint32_t events, void *arg)
{
	struct weir_sock *sk;

	(void)events;
	(void)arg;
	while (weir_accept(listener, &sk, NULL, NULL) == 0) {
		struct echo *e = calloc(1, sizeof(*e));

		if (e)
			weir_set_event(sk, on_echo, e);
		else
			weir_abort(sk);
	}
}

static int listen_at(struct weir_stack *s, uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct weir_sock *sk;
	int err = weir_socket(s, AF_INET, SOCK_STREAM, 0, &sk);

	if (!err)
		err = weir_bind(sk, (struct sockaddr *)&any, sizeof(any));
	if (!err)
		err = weir_listen(sk, 64);
	if (!err)
		weir_set_event(sk, on_connection, NULL);
	return err;
}

/* Wait for the device or the next turn: ms, rounded up; -1 = for ever. */
static int timeout(uint64_t next)
{
	uint64_t now = clock_now(), ms;

	if (next == WEIR_NEVER)
		return -1;
	ms = next > now ? (next - now + 999999) / 1000000 : 0;
	return ms < 60000 ? (int)ms : 60000;
}

static void serve(struct weir_stack *s, struct weir_nic *nic)
{
	for (;;) {
		struct pollfd p = { .fd = weir_nic_fd(nic), .events = POLLIN };

		if (weir_nic_wants_write(nic))
			p.events |= POLLOUT;
		if (poll(&p, 1, timeout(weir_next(s))) < 0 && errno != EINTR)
			return;
		weir_set_now(s, clock_now());
		if (p.revents & POLLOUT)
			weir_nic_writable(nic);
		if (p.revents & ~POLLOUT)
			weir_nic_readable(nic);
		weir_run(s, clock_now());
	}
}

int main(int argc, char **argv)
{
	struct weir_config config = { .size = sizeof(config), .now = clock_now() };
	struct weir_error e = { "" };
	struct weir_stack *s;
	struct weir_nic *nic;
	int err;

	if (argc != 4) {
		fprintf(stderr, "usage: embed_tun DEVICE HOST-ADDRESS/PREFIX ADDRESS/PREFIX\n");
		return 2;
	}
	s = weir_create(&config, &e);
	if (!s)
		goto fail;
	nic = weir_nic_open(s, argv[1], "tap", (const char *const []){
		"type", "tun", "host-address", argv[2], NULL }, &e);
	if (!nic || weir_addr_add(nic, argv[3], &e) < 0)
		goto fail;
	err = listen_at(s, ECHO_PORT);
	if (err) {
		fprintf(stderr, "embed_tun: port %d: %s\n", ECHO_PORT, strerror(-err));
		return 1;
	}
	printf("echo at %s, port %d\n", argv[3], ECHO_PORT);
	fflush(stdout);
	serve(s, nic);
	return 1;
fail:
	fprintf(stderr, "embed_tun: %s\n", e.text);
	weir_destroy(s);
	return 1;
}
