/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed_example.c - two TCP/IP stacks in one program, joined by a cable of two callbacks, on virtual
 * time: one serves a page, the other asks for it. Nothing leaves the process.
 *
 *	cc embed_example.c $(pkg-config --cflags --libs weir) -o embed_example
 *
 * docs/embedding.md goes through it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <weir/weir.h>

struct host {
	struct weir_stack *stack;
	struct weir_nic *nic;
	struct host *peer;
};

static void check(int ok, const char *what, const char *why)
{
	if (ok)
		return;
	fprintf(stderr, "embed_example: %s: %s\n", what, why);
	exit(1);
}

/* ---- the cable: a frame that one stack sends, the other receives in its next turn ---- */

static int transmit(void *arg, const struct iovec *iov, int n, size_t len,
		    const struct virtio_net_hdr *vnet)
{
	struct host *from = arg;
	char frame[65536];
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		memcpy(frame + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	weir_nic_input(from->peer->nic, frame, len, vnet);
	return 0;
}

static void host_start(struct host *h, struct weir_modules *modules, uint64_t now,
		       const char *addr)
{
	struct weir_error e = { "" };
	struct weir_config config = { .size = sizeof(config), .now = now, .modules = modules };
	struct weir_link_config link = {
		.size = sizeof(link), .name = "tun0", .caps = LINK_L3, .mtu = 1400,
		.transmit = transmit, .arg = h,
	};

	h->stack = weir_create(&config, &e);
	check(h->stack != NULL, "stack", e.text);
	h->nic = weir_nic_create(h->stack, &link, &e);
	check(h->nic != NULL, "NIC", e.text);
	check(weir_addr_add(h->nic, addr, &e) == 0, "address", e.text);
}

/* ---- the server ---- */

static void on_request(struct weir_sock *sk, uint32_t events, void *arg)
{
	static const char answer[] =
		"HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\nhello, world\n";
	char request[512];
	ssize_t n = weir_recv(sk, request, sizeof(request), 0);

	(void)events;
	(void)arg;
	if (n == -EAGAIN)
		return;		/* an event is a reason to look, no promise */
	if (n > 0)
		weir_send(sk, answer, sizeof(answer) - 1, 0);
	weir_close(sk);		/* what is queued is sent, then FIN */
}

static void on_connection(struct weir_sock *listener, uint32_t events, void *arg)
{
	struct weir_sock *sk;

	(void)events;
	while (weir_accept(listener, &sk, NULL, NULL) == 0)
		weir_set_event(sk, on_request, arg);
}

static struct weir_sock *serve(struct host *h, const struct sockaddr_in *at)
{
	struct weir_sock *sk;

	check(weir_socket(h->stack, AF_INET, SOCK_STREAM, 0, &sk) == 0, "server", "socket");
	check(weir_bind(sk, (const struct sockaddr *)at, sizeof(*at)) == 0, "server", "bind");
	check(weir_listen(sk, 16) == 0, "server", "listen");
	weir_set_event(sk, on_connection, NULL);
	return sk;
}

/* ---- the client ---- */

struct client {
	int asked, over;
	char answer[512];
	size_t len;
};

static void on_client(struct weir_sock *sk, uint32_t events, void *arg)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct client *c = arg;
	ssize_t n;

	if (!c->asked && events & EPOLLOUT)
		c->asked = weir_send(sk, request, sizeof(request) - 1, 0) > 0;
	do {
		n = weir_recv(sk, c->answer + c->len, sizeof(c->answer) - c->len, 0);
		c->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (n == -EAGAIN)
		return;
	check(n == 0, "client", strerror((int)-n));
	weir_close(sk);
	c->over = 1;
}

/* ---- time: here it jumps to whatever is due next ---- */

static uint64_t next_turn(const struct host *h)
{
	uint64_t a = weir_next(h[0].stack), b = weir_next(h[1].stack);

	return a < b ? a : b;
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct host h[2] = { { .peer = &h[1] }, { .peer = &h[0] } };
	struct weir_error e = { "" };
	struct weir_modules *modules = weir_modules_create(NULL, &e);
	struct client c = { 0 };
	struct weir_sock *listener, *sk;
	uint64_t now = 1000000000, next;

	check(modules != NULL, "modules", e.text);
	host_start(&h[0], modules, now, "10.0.0.1/24");
	host_start(&h[1], modules, now, "10.0.0.2/24");
	inet_pton(AF_INET, "10.0.0.2", &at.sin_addr);
	listener = serve(&h[1], &at);

	check(weir_socket(h[0].stack, AF_INET, SOCK_STREAM, 0, &sk) == 0, "client", "socket");
	check(weir_connect(sk, (struct sockaddr *)&at, sizeof(at)) == -EINPROGRESS, "client",
	      "connect");
	weir_set_event(sk, on_client, &c);
	while (!c.over && (next = next_turn(h)) != WEIR_NEVER) {
		now = next > now ? next : now;
		weir_run(h[0].stack, now);
		weir_run(h[1].stack, now);
	}
	fwrite(c.answer, 1, c.len, stdout);

	weir_close(listener);
	weir_destroy(h[0].stack);
	weir_destroy(h[1].stack);
	weir_modules_destroy(modules);
	return !c.over;
}
