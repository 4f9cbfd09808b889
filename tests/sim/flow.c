/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c - a TCP connection with a program at each end (flow.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <netinet/tcp.h>

#include "embed/internal.h"
#include "flow.h"

#define CHUNK_MAX 65536u

struct sockaddr_storage sim_sockaddr(const char *addr, uint16_t port)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} sa = { .any = { 0 } };

	sa.any.ss_family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	sa.in.sin_port = htons(port);		/* where sin6_port is */
	if (inet_pton(sa.any.ss_family, addr, sa.any.ss_family == AF_INET6 ?
		      (void *)&sa.in6.sin6_addr : (void *)&sa.in.sin_addr) != 1)
		abort();
	return sa.any;
}

/* ---- the streams: eight bytes at a time ---- */

static uint64_t stream_word(uint64_t key, uint64_t i)
{
	uint64_t x = key + i * 0x9e3779b97f4a7c15ull;

	x ^= x >> 29;
	return x * 0xbf58476d1ce4e5b9ull;
}

static void stream_fill(uint64_t key, uint64_t off, uint8_t *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		uint64_t word = stream_word(key, (off + done) / 8);
		size_t skip = (off + done) % 8, part = 8 - skip < n - done ? 8 - skip : n - done;

		memcpy(to + done, (uint8_t *)&word + skip, part);
		done += part;
	}
}

/* ---- an end ---- */

static void end_run(struct flow_end *e);

static void end_wake(struct sim *s, void *arg)
{
	struct flow_end *e = arg;

	(void)s;
	e->pending_wakes--;
	e->paused = false;
	if (e->sk)
		end_run(e);
}

static void wake_at(struct flow_end *e, uint64_t at)
{
	e->pending_wakes++;
	sim_at(e->flow->sim, at, end_wake, e);
}

static void pause_until(struct flow_end *e, uint64_t at)
{
	if (e->paused)
		return;
	e->paused = true;
	wake_at(e, at);
}

static void on_event(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct flow_end *e = arg;

	(void)sk;
	(void)events;
	if (!e->paused)
		end_run(e);
}

static void end_gone(struct flow_end *e)
{
	struct sim_flow *f = e->flow;

	e->closed = true;
	e->sk = NULL;
	f->closed = f->end[0].closed && (f->end[1].closed || !f->end[1].host);
}

static void end_close(struct flow_end *e, bool reset)
{
	if (reset)
		weir_abort(e->sk);
	else
		weir_close(e->sk);
	end_gone(e);
}

/* What may go wrong where somebody leaves early, and nowhere else. */
static void end_broken(struct flow_end *e, const char *what, int err)
{
	struct sim_flow *f = e->flow;
	bool early = err == ECONNRESET || err == EPIPE || err == ECONNREFUSED || err == ENOTCONN;

	if (f->fair || !early)
		sim_fail(f->sim, "%s: %s after %llu sent, %llu received", what, strerror(err),
			 (unsigned long long)e->sent, (unsigned long long)e->received);
	e->error = true;
	if (err == ECONNREFUSED)
		f->refused = true;
	end_close(e, false);
}

static void end_write(struct flow_end *e)
{
	static uint8_t data[CHUNK_MAX];
	struct sim *s = e->flow->sim;

	while (e->sent < e->to_send) {
		uint64_t left = e->to_send - e->sent;
		uint32_t n = 1 + sim_below(s, e->chunk);
		ssize_t r;

		n = left < n ? (uint32_t)left : n;
		stream_fill(e->key_out, e->sent, data, n);
		r = weir_send(e->sk, data, n, n < left && sim_below(s, 8) == 0 ? MSG_MORE : 0);
		if (r == -EAGAIN)
			return;
		if (r < 0) {
			end_broken(e, "send", (int)-r);
			return;
		}
		e->sent += (uint64_t)r;
		if (sim_below(s, 100) < e->pause_chance) {
			pause_until(e, s->now + sim_below(s, 200) * MSEC);
			return;
		}
	}
}

static void end_read(struct flow_end *e)
{
	static uint8_t data[CHUNK_MAX], want[CHUNK_MAX];
	struct sim *s = e->flow->sim;
	uint32_t max = e->read_max < CHUNK_MAX ? e->read_max : CHUNK_MAX;
	ssize_t n = weir_recv(e->sk, data, max, 0);

	if (n == -EAGAIN)
		return;
	if (n < 0) {
		end_broken(e, "recv", (int)-n);
		return;
	}
	if (n == 0) {
		e->eof = true;
		return;
	}
	stream_fill(e->key_in, e->received, want, (size_t)n);
	if (memcmp(data, want, (size_t)n))
		sim_fail(s, "wrong bytes from %llu on", (unsigned long long)e->received);
	e->received += (uint64_t)n;
	if (e->received > e->flow->end[e == e->flow->end].to_send)
		sim_fail(s, "more bytes than were sent");
	if (!e->paused)
		wake_at(e, s->now);	/* there may be more */
}

static bool time_to_reset(const struct flow_end *e)
{
	return e->how == FLOW_RESET && e->sent + e->received >= e->reset_after;
}

/* All is sent. */
static void end_finish(struct flow_end *e)
{
	const struct flow_end *peer = &e->flow->end[e == e->flow->end];

	if (e->how == FLOW_CLOSE || e->how == FLOW_RESET) {
		end_close(e, e->how == FLOW_RESET);
		return;
	}
	if (!e->shut && (e->how == FLOW_HALF || (peer->how == FLOW_CLOSE_AT_END && e == e->flow->end))) {
		int err = weir_shutdown(e->sk, SHUT_WR);	/* one of two that wait must begin */

		e->shut = true;
		if (err < 0 && e->flow->fair)
			sim_fail(e->flow->sim, "shutdown: %s", strerror(-err));
	}
	if (!e->eof)
		return;
	if (e->flow->fair && e->received != peer->to_send)
		sim_fail(e->flow->sim, "the end came after %llu of %llu bytes",
			 (unsigned long long)e->received, (unsigned long long)peer->to_send);
	end_close(e, false);
}

static void end_run(struct flow_end *e)
{
	struct sim *s = e->flow->sim;
	uint32_t ev = weir_poll(e->sk);

	if (ev & EPOLLERR) {
		int err = 0;
		socklen_t len = sizeof(err);

		weir_getsockopt(e->sk, SOL_SOCKET, SO_ERROR, &err, &len);
		if (err) {
			end_broken(e, "socket", err);
			return;
		}
	}
	if (ev & EPOLLOUT)
		e->connected = true;
	if (!e->connected && !(ev & EPOLLHUP))
		return;
	if (time_to_reset(e)) {
		end_close(e, true);
		return;
	}
	if (!e->eof)
		end_read(e);
	if (e->sk && !e->shut)
		end_write(e);
	if (!e->sk)
		return;
	if (e->sent == e->to_send)
		end_finish(e);
	if (e->sk && sim_below(s, 100) < e->pause_chance)
		pause_until(e, s->now + sim_below(s, 300) * MSEC);
}

/* ---- setting up ---- */

static void set_opt(struct weir_sock *sk, int level, int name, int v)
{
	if (weir_setsockopt(sk, level, name, &v, sizeof(v)) < 0)
		abort();
}

static void end_options(struct flow_end *e)
{
	struct sim *s = e->flow->sim;

	if (sim_below(s, 3) == 0)
		set_opt(e->sk, IPPROTO_TCP, TCP_NODELAY, 1);
	if (sim_below(s, 5) == 0)
		set_opt(e->sk, SOL_SOCKET, SO_SNDBUF, (int)(2048 + sim_below(s, 32768)));
	if (sim_below(s, 10) == 0)
		set_opt(e->sk, IPPROTO_TCP, TCP_CORK, 1);
	if (e->flow->fair)
		return;
	set_opt(e->sk, SOL_SOCKET, SO_KEEPALIVE, 1);	/* a RST may be lost */
	set_opt(e->sk, IPPROTO_TCP, TCP_KEEPIDLE, 30);
	set_opt(e->sk, IPPROTO_TCP, TCP_KEEPINTVL, 5);
}

static uint64_t stream_length(struct sim *s)
{
	switch (sim_below(s, 8)) {
	case 0:
		return 0;
	case 1:
		return 1 + sim_below(s, 100);
	case 2:
		return sim_below(s, 800000);
	default:
		return sim_below(s, 60000);
	}
}

static enum flow_close draw_close(struct sim *s, uint32_t mask)
{
	enum flow_close how;

	do
		how = (enum flow_close)sim_below(s, FLOW_RESET + 1);
	while (!(mask & 1u << how));
	return how;
}

static void end_init(struct sim_flow *f, int side, uint32_t ends)
{
	static const uint32_t chunks[] = { 1, 100, 1448, 9000, 65000 };
	struct flow_end *e = &f->end[side];
	struct sim *s = f->sim;

	*e = (struct flow_end){ .flow = f };
	e->to_send = stream_length(s);
	e->chunk = chunks[sim_below(s, 5)];
	if (e->chunk < 100 && e->to_send > 3000)
		e->to_send = 3000;
	e->read_max = 1 + sim_below(s, 4) * sim_below(s, 40000) + 500;
	e->pause_chance = sim_below(s, 2) ? 0 : sim_below(s, 20);
	e->key_out = (f->key * 2 + (uint64_t)side + 1) << 32;
	e->key_in = (f->key * 2 + (uint64_t)!side + 1) << 32;
	e->how = draw_close(s, ends);
	e->reset_after = sim_below(s, 50000);
}

void flow_init(struct sim *s, struct sim_flow *f, uint32_t key, uint32_t ends)
{
	*f = (struct sim_flow){ .sim = s, .key = key };
	end_init(f, 0, ends);
	end_init(f, 1, ends);
	f->fair = f->end[0].how < FLOW_CLOSE && f->end[1].how < FLOW_CLOSE;
}

/* The client is known by its port: 10 accepts in any order. */
static void accept_one(struct flow_listener *l, struct weir_sock *sk, uint16_t port)
{
	int i = port - FLOW_PORT;
	struct flow_end *e = i >= 0 && i < l->nflows ? &l->flows[i].end[1] : NULL;

	if (!e || e->sk || e->closed || l->flows[i].listener != l) {
		sim_fail(l->sim, "a connection from nowhere, port %u", port);
		weir_abort(sk);
		return;
	}
	e->sk = sk;
	e->host = l->host;
	l->flows[i].closed = false;
	l->accepted++;
	end_options(e);
	weir_set_event(sk, on_event, e);
}

static void on_accept(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct flow_listener *l = arg;
	struct sockaddr_in6 from;
	socklen_t len = sizeof(from);
	struct weir_sock *new;

	(void)events;
	while (weir_accept(sk, &new, (struct sockaddr *)&from, &len) == 0) {
		accept_one(l, new, ntohs(from.sin6_port));	/* where sin_port is */
		len = sizeof(from);
	}
}

void flow_listen(struct flow_listener *l, struct sim_host *h, const struct sockaddr_storage *addr,
		 int backlog, uint32_t rcvbuf, struct sim_flow *flows, int n)
{
	*l = (struct flow_listener){ .sim = h->sim, .host = h, .addr = *addr, .flows = flows,
				     .nflows = n };
	/*
	 * A client whose handshake a cookie completes believes to be connected though nobody knows
	 * it: when its ACK is lost or finds the accept queue full and it has nothing to say, it
	 * waits for ever, and an old ACK makes a second connection (RFC 4987 3.6). No world wants
	 * either.
	 */
	h->stack->stack->tcp.syn_cookies = 0;
	if (weir_socket(h->stack, addr->ss_family, SOCK_STREAM, 0, &l->sk) < 0)
		abort();
	if (rcvbuf)
		set_opt(l->sk, SOL_SOCKET, SO_RCVBUF, (int)rcvbuf);
	if (weir_bind(l->sk, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
	    weir_listen(l->sk, backlog) < 0)
		sim_fail(h->sim, "bind or listen failed");
	weir_set_event(l->sk, on_accept, l);
}

void flow_connect(struct flow_listener *l, int i, struct sim_host *h)
{
	struct flow_end *e = &l->flows[i].end[0];
	int family = l->addr.ss_family;
	struct sockaddr_storage any = sim_sockaddr(family == AF_INET6 ? "::" : "0.0.0.0",
						   (uint16_t)(FLOW_PORT + i));
	int err;

	l->flows[i].listener = l;
	e->host = h;
	if (weir_socket(h->stack, family, SOCK_STREAM, 0, &e->sk) < 0)
		abort();
	end_options(e);
	if (weir_bind(e->sk, (struct sockaddr *)&any, sizeof(any)) < 0)
		sim_fail(l->sim, "bind failed");
	err = weir_connect(e->sk, (struct sockaddr *)&l->addr, sizeof(l->addr));
	if (err != -EINPROGRESS)
		sim_fail(l->sim, "connect: %s", strerror(-err));
	weir_set_event(e->sk, on_event, e);
}

void flow_unlisten(struct flow_listener *l)
{
	weir_close(l->sk);
	l->sk = NULL;
}
