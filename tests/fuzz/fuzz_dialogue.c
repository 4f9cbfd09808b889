/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dialogue.c - two stacks talk to each other through somebody in the middle.
 *
 * A client and a server of weir/weir.h: a TCP connection with a known stream each way, half-closed
 * by both, and questions and answers by UDP. Input: one byte of options, one of TCP's, then one
 * record for each frame that either of them sends, until the input ends; from then on frames pass
 * as they are.
 *
 * options: 1 no Ethernet (LINK_L3); 2 client, 4 server: offloads; 8 a small receive buffer; 16 a
 * small MTU; 32, 64 the families (families[]); 128 SYN cookies always
 *
 * TCP's: 1 no SACK; 2 no timestamps; 4 ECN is asked for; 8 Fast Open, 16 without cookies; 32, 64
 * MTU probing, as tcp->mtu_probing; 128 all this at the client alone
 *
 * record: its low three bits say what becomes of the frame
 *	0	it passes
 *	1	it is lost
 *	2	it comes twice
 *	3	it is held back by (next byte) x 10 ms
 *	4	changed: (2 bytes) offset, (1 byte) to exclusive-or with
 *	5	cut to (2 bytes) of its length
 *	6	it passes, and a copy of it comes, changed as in 4
 *	7	time passes before: (next byte) x 250 ms
 * With 8 added the checksums of what was changed are mended; 16: the frame goes back to its sender.
 *
 * What must hold. Always: nothing crashes; memory stays within its bound; and when both programs
 * have let go, within half an hour, nothing is left: no socket, packet, buffer, timer. As long as
 * no frame was delivered that was changed without a checksum that tells (it is tainted), every byte
 * and every answer is right; and unless more than a few frames were kept from their receiver, the
 * dialogue comes to its end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include <weir/module.h>
#include <weir/weir.h>

#include "base/bytes.h"
#include "base/random.h"
#include "embed/internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"

#define MSEC	1000000ull
#define SEC	1000000000ull
#define STREAM	6000u
#define ASKS	3u
#define MEMORY	(8u << 20)
#define ETH_LEN	14u
#define IP6_LEN	40u
#define STEPS	20000u
#define LOSSES	5u		/* a SYN is sent seven times */
#define FRAMES	4096u		/* on their way, at most: an echo must not feed itself for ever */

extern const struct weir_module weir_module;	/* reno, linked in */

struct frame {
	struct frame *next;
	uint64_t at;
	int to;
	struct virtio_net_hdr vnet;
	bool tainted;			/* changed, and nothing in it tells */
	uint32_t len;
	uint8_t data[];
};

struct side {				/* a program with its end of everything */
	struct world *w;
	int i;
	struct weir_stack *stack;
	struct weir_nic *nic;
	struct random_seeded seed;
	struct weir_sock *listener, *stream, *datagrams;
	uint32_t sent, received, asked, answered;
	bool shut, eof, over;
};

struct world {
	struct side side[2];		/* client, server */
	const uint8_t *in, *end;
	uint64_t now;
	struct frame *frames;		/* by time */
	uint32_t nframes;
	uint8_t options, tcp;
	bool fragment_changed;
	bool tainted;			/* such a frame was delivered: bytes may be wrong */
	uint32_t losses;		/* frames that were kept back, or for long */
};

/* ---- the one in the middle ---- */

static uint8_t next_byte(struct world *w)
{
	return w->in < w->end ? *w->in++ : 0;
}

static void deliver_at(struct world *w, const struct frame *f, uint64_t at)
{
	struct frame *copy, **pos = &w->frames;

	if (w->nframes >= FRAMES)
		return;
	copy = malloc(sizeof(*copy) + f->len);
	fuzz_check(copy);
	memcpy(copy, f, sizeof(*f) + f->len);
	copy->at = at;
	while (*pos && (*pos)->at <= at)
		pos = &(*pos)->next;
	copy->next = *pos;
	*pos = copy;
	w->nframes++;
}

/*
 * Does no checksum tell that the byte at off of a packet, as a stack sent it, is changed? IPv6 sums
 * neither its header, but for the addresses, nor that of a fragment; of the first eight bytes the
 * version matters, and what says how much follows, and of which kind. That one fragment is changed
 * the sum of the whole tells, but what a second one changes may cancel that.
 */
static bool goes_unnoticed(struct world *w, const uint8_t *ip, uint32_t off, uint8_t with)
{
	bool six = ip[0] >> 4 == 6, again = w->fragment_changed;

	if ((off == 0 && with & 0xf0) || (six && off >= 4 && off <= 6))
		return true;
	if (six ? ip[6] != IPPROTO_FRAGMENT : !(get_be16(ip + 6) & 0x3fff))
		return false;
	w->fragment_changed = true;
	return again || (six && off >= 40 && off < 48);
}

static void change(struct world *w, struct frame *f, bool mend)
{
	uint32_t header = w->options & 1 ? 0 : ETH_LEN, off = next_byte(w) << 8;
	uint8_t with;

	off |= next_byte(w);
	with = next_byte(w);
	if (!f->len || !with)
		return;
	off %= f->len;
	/* What is left to a device has no checksum yet. */
	f->tainted |= mend || f->vnet.flags;
	if (off >= header)
		f->tainted |= goes_unnoticed(w, f->data + header, off - header, with);
	f->data[off] ^= with;
	if (mend && f->len > header)
		mend_ip(f->data + header, f->len - header);
}

static void set_length(uint8_t *ip, uint32_t n)
{
	if (ip[0] >> 4 == 6)
		put_be16(ip + 4, (uint16_t)(n - IP6_LEN));
	else
		put_be16(ip + 2, (uint16_t)n);
}

static void cut(struct world *w, struct frame *f, bool mend)
{
	uint32_t header = w->options & 1 ? 0 : ETH_LEN, len = next_byte(w) << 8;

	len |= next_byte(w);
	f->len = f->len ? len % f->len : 0;
	if (mend && f->len > header + IP6_LEN) {
		set_length(f->data + header, f->len - header);
		mend_ip(f->data + header, f->len - header);
	}
	f->tainted |= mend || f->vnet.flags;
}

static void meddle(struct world *w, struct frame *f)
{
	uint8_t record = next_byte(w);
	bool mend = record & 8;
	uint64_t at = w->now + MSEC;

	if (record & 16)
		f->to = !f->to;
	if (record & 16 || (record & 7) == 1 || (record & 7) == 4 || (record & 7) == 5)
		w->losses++;
	/* A SYN cookie holds what the first segment is: another that is there before it is
	 * refused. */
	if (w->options & 128 && record & (16 | 7))
		w->losses += LOSSES + 1;
	switch (record & 7) {
	case 1:
		return;
	case 2:
		deliver_at(w, f, at);
		break;
	case 3:
		at += next_byte(w) * 10 * MSEC;
		w->losses += at > w->now + SEC;
		break;
	case 4:
		change(w, f, mend);
		break;
	case 5:
		cut(w, f, mend);
		break;
	case 6:
		deliver_at(w, f, at);
		change(w, f, mend);
		break;
	case 7:
		at += next_byte(w) * 250 * MSEC;
		w->losses += at > w->now + SEC;
		break;
	}
	deliver_at(w, f, at);
}

static int transmit(void *arg, const struct iovec *iov, int n, size_t len,
		    const struct virtio_net_hdr *vnet)
{
	struct side *s = arg;
	struct frame *f = malloc(sizeof(*f) + len);
	size_t at = 0;

	fuzz_check(f);
	*f = (struct frame){ .to = !s->i, .vnet = *vnet, .len = (uint32_t)len };
	for (int i = 0; i < n; i++) {
		memcpy(f->data + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	meddle(s->w, f);
	free(f);
	return 0;
}

static void arrive(struct world *w)
{
	struct frame *f = w->frames;

	w->frames = f->next;
	w->nframes--;
	w->tainted |= f->tainted;
	weir_nic_input(w->side[f->to].nic, f->data, f->len, &f->vnet);
	free(f);
}

/* ---- the programs ---- */

/* Probes of the MTU go only where much is to be sent. */
static uint32_t stream_len(const struct world *w)
{
	return w->tcp & 96 ? 5 * STREAM : STREAM;
}

static uint8_t stream_byte(int from, uint32_t off)
{
	return (uint8_t)(off * 7 + off / 256 * 13 + (uint32_t)from * 101);
}

/* May the programs hope for nothing? */
static bool hopeless(const struct world *w)
{
	return w->tainted || w->losses > LOSSES;
}

/* n bytes that side from sent from off on. */
static void check_stream(struct side *s, const uint8_t *b, uint32_t n)
{
	fuzz_check(s->w->tainted || s->received + n <= stream_len(s->w));
	for (uint32_t i = 0; i < n && !s->w->tainted; i++)
		fuzz_check(b[i] == stream_byte(!s->i, s->received + i));
}

static void write_stream(struct side *s)
{
	uint32_t n, len = stream_len(s->w);
	uint8_t b[2000];
	ssize_t r;

	while (s->sent < len) {
		n = len - s->sent < sizeof(b) ? len - s->sent : (uint32_t)sizeof(b);
		for (uint32_t i = 0; i < n; i++)
			b[i] = stream_byte(s->i, s->sent + i);
		r = weir_send(s->stream, b, n, 0);
		if (r <= 0)
			return;
		s->sent += (uint32_t)r;
	}
	if (!s->shut)
		weir_shutdown(s->stream, SHUT_WR);
	s->shut = true;
}

static void on_stream(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct side *s = arg;
	uint8_t b[4096];
	ssize_t n;

	(void)events;
	do {
		n = weir_recv(sk, b, sizeof(b), 0);
		if (n > 0) {
			check_stream(s, b, (uint32_t)n);
			s->received += (uint32_t)n;
		}
	} while (n > 0);
	fuzz_check(n == 0 || n == -EAGAIN || hopeless(s->w));
	s->eof |= n == 0;
	if (n == 0 || n == -EAGAIN)
		write_stream(s);
	if ((s->shut && s->eof) || (n < 0 && n != -EAGAIN)) {
		fuzz_check(hopeless(s->w) || s->received == stream_len(s->w));
		weir_close(sk);
		s->stream = NULL;
		s->over = true;
	}
}

static void on_connection(struct weir_sock *listener, uint32_t events, void *arg)
{
	struct side *s = arg;
	struct weir_sock *sk;

	(void)events;
	while (weir_accept(listener, &sk, NULL, NULL) == 0) {
		/* By Fast Open a SYN that comes late makes another (RFC 7413 2.1), by a SYN cookie
		 * the ACK (RFC 4987 3.6). */
		fuzz_check(s->w->tainted || !(s->stream || s->over) ||
			   ((s->w->tcp & 24 || s->w->options & 128) && s->over));
		if (s->stream || s->over) {
			weir_abort(sk);
			continue;
		}
		s->stream = sk;
		weir_set_event(sk, on_stream, s);
	}
}

static uint8_t question_byte(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 41 + i * 3);
}

static void ask(struct side *s)
{
	uint32_t len = 1 + s->answered * 1500;	/* the last but one is cut into fragments */
	uint8_t q[1 + 1500 * ASKS];

	q[0] = (uint8_t)s->answered;
	for (uint32_t i = 1; i < len; i++)
		q[i] = question_byte(s->answered, i);
	weir_send(s->datagrams, q, len, 0);
	s->asked++;
}

static void on_answer(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct side *s = arg;
	uint8_t a[8192];
	ssize_t n;

	(void)events;
	do {
		n = weir_recv(sk, a, sizeof(a), 0);
		if (n <= 0)
			continue;
		fuzz_check(s->w->tainted || (a[0] <= s->answered && a[0] < ASKS));
		if (a[0] > s->answered || a[0] >= ASKS)
			continue;
		for (uint32_t i = 1; i < (uint32_t)n && !s->w->tainted; i++)
			fuzz_check(a[i] == question_byte(a[0], i));
		fuzz_check(s->w->tainted || (uint32_t)n == 1 + a[0] * 1500u);
		if (a[0] == s->answered && ++s->answered < ASKS)
			ask(s);
	} while (n != -EAGAIN);
}

static void on_question(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct sockaddr_storage from;
	uint8_t q[8192];
	socklen_t len;
	ssize_t n;

	(void)events;
	(void)arg;
	do {
		len = sizeof(from);
		n = weir_recvfrom(sk, q, sizeof(q), 0, (struct sockaddr *)&from, &len);
		if (n > 0)
			weir_sendto(sk, q, (size_t)n, 0, (struct sockaddr *)&from, len);
	} while (n != -EAGAIN);
}

/* ---- the world ---- */

struct name {				/* of a socket */
	int family;
	const char *addr;
};

/* What the programs speak. A socket of IPv6 at "::" takes both. */
static const struct families {
	struct name server, tcp, udp;	/* whom the client's sockets turn to */
} families[] = {
	{ { AF_INET, "10.0.0.2" }, { AF_INET, "10.0.0.2" }, { AF_INET, "10.0.0.2" } },
	{ { AF_INET6, "fd00::2" }, { AF_INET6, "fd00::2" }, { AF_INET6, "fd00::2" } },
	{ { AF_INET6, "::" }, { AF_INET, "10.0.0.2" }, { AF_INET6, "fd00::2" } },
	{ { AF_INET6, "::" }, { AF_INET6, "fd00::2" }, { AF_INET6, "::ffff:10.0.0.2" } },
};

static const char *const addrs[2][2] = { { "10.0.0.1", "fd00::1" }, { "10.0.0.2", "fd00::2" } };
static const char *const prefixes[2] = { "24", "64" };

static const struct families *speak(const struct world *w)
{
	return &families[w->options >> 5 & 3];
}

union sockaddr_any {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union sockaddr_any at(const struct name *n, uint16_t port)
{
	union sockaddr_any sa = { .in6 = { 0 } };
	bool six = n->family == AF_INET6;

	sa.any.sa_family = (sa_family_t)n->family;
	sa.in.sin_port = htons(port);		/* where sin6_port is */
	inet_pton(n->family, n->addr, six ? (void *)&sa.in6.sin6_addr : (void *)&sa.in.sin_addr);
	return sa;
}

static struct weir_modules *modules(void)
{
	static struct weir_modules *m;

	if (!m) {
		m = weir_modules_create(NULL, NULL);
		fuzz_check(m && weir_modules_add(m, &weir_module, NULL) == 0);
	}
	return m;
}

/* What an operator would set. */
static void set_tcp(struct side *s)
{
	struct tcp *tcp = &s->stack->stack->tcp;
	uint8_t o = s->w->tcp;

	tcp->syn_cookies = s->w->options & 128 ? 2 : 1;
	if (o & 128 && s->i)
		return;
	tcp->sack = !(o & 1);
	tcp->timestamps = !(o & 2);
	tcp->ecn = o & 4 ? 1 : 2;
	if (o & 24)
		tcp->fastopen.flags = FASTOPEN_CLIENT | FASTOPEN_SERVER | FASTOPEN_ALL_LISTENERS;
	if (o & 16)
		tcp->fastopen.flags |= FASTOPEN_CLIENT_NO_COOKIE | FASTOPEN_SERVER_NO_COOKIE;
	tcp->mtu_probing = o >> 5 & 3;
}

static void add_addr(struct side *s, int six)
{
	uint8_t peer[LINK_ADDR_LEN] = { 2, 0, 0, 0, 0, (uint8_t)(!s->i + 1) };
	char addr[32];

	snprintf(addr, sizeof(addr), "%s/%s", addrs[s->i][six], prefixes[six]);
	fuzz_check(weir_addr_add(s->nic, addr, NULL) == 0);
	if (!(s->w->options & 1))		/* ARP has no checksum */
		fuzz_check(weir_neighbour_add(s->nic, addrs[!s->i][six], peer, NULL) == 0);
}

static void side_init(struct world *w, int i)
{
	struct side *s = &w->side[i];
	bool six = speak(w)->server.family == AF_INET6;
	struct weir_config c = {
		.size = sizeof(c), .now = w->now,
		.random = random_from_seed, .random_arg = &s->seed,
		.memory = MEMORY, .modules = modules(), .congestion = "reno",
	};
	struct weir_link_config l = {
		.size = sizeof(l), .name = "eth0", .transmit = transmit, .arg = s,
		.caps = (w->options & 1 ? LINK_L3 : 0) |
			(w->options & 2 << i ? LINK_CSUM | LINK_GSO_TCP4 | LINK_GSO_TCP6 : 0),
		.mtu = !(w->options & 16) ? 1500 : six ? 1280 : 576,
		.addr = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) },
	};

	s->w = w;
	s->i = i;
	random_seed(&s->seed, (uint64_t)i + 1);
	s->stack = weir_create(&c, NULL);
	fuzz_check(s->stack);
	set_tcp(s);
	s->nic = weir_nic_create(s->stack, &l, NULL);
	fuzz_check(s->nic);
	add_addr(s, 0);
	if (six)
		add_addr(s, 1);
}

static struct weir_sock *new_sock(struct side *s, int type, int family)
{
	struct weir_sock *sk;
	int size = 4096;

	fuzz_check(weir_socket(s->stack, family, type, 0, &sk) == 0);
	if (s->w->options & 8 && type == SOCK_STREAM)
		fuzz_check(weir_setsockopt(sk, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
	return sk;
}

static struct weir_sock *serve(struct side *s, int type, uint16_t port)
{
	const struct name *n = &speak(s->w)->server;
	union sockaddr_any sa = at(n, port);
	struct weir_sock *sk = new_sock(s, type, n->family);

	fuzz_check(weir_bind(sk, &sa.any, sizeof(sa)) == 0);
	return sk;
}

static void connect_stream(struct side *c, const struct name *n)
{
	union sockaddr_any sa = at(n, 80);
	int on = 1, err;

	c->stream = new_sock(c, SOCK_STREAM, n->family);
	if (c->w->tcp & 24)
		fuzz_check(weir_setsockopt(c->stream, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on,
					   sizeof(on)) == 0);
	err = weir_connect(c->stream, &sa.any, sizeof(sa));
	fuzz_check(err == (c->w->tcp & 16 ? 0 : -EINPROGRESS));
	weir_set_event(c->stream, on_stream, c);
	if (!err)			/* the SYN waits for what is to go with it */
		write_stream(c);
}

static void start(struct world *w)
{
	const struct families *f = speak(w);
	union sockaddr_any udp = at(&f->udp, 53);
	struct side *c = &w->side[0], *s = &w->side[1];

	s->listener = serve(s, SOCK_STREAM, 80);
	fuzz_check(weir_listen(s->listener, 2) == 0);
	weir_set_event(s->listener, on_connection, s);
	s->datagrams = serve(s, SOCK_DGRAM, 53);
	weir_set_event(s->datagrams, on_question, s);
	connect_stream(c, &f->tcp);
	c->datagrams = new_sock(c, SOCK_DGRAM, f->udp.family);
	fuzz_check(weir_connect(c->datagrams, &udp.any, sizeof(udp)) == 0);
	weir_set_event(c->datagrams, on_answer, c);
	ask(c);
}

/* One step, not beyond until. False: nothing was due. */
static bool step(struct world *w, uint64_t until)
{
	uint64_t next = w->frames ? w->frames->at : WEIR_NEVER;

	for (int i = 0; i < 2; i++)
		if (weir_next(w->side[i].stack) < next)
			next = weir_next(w->side[i].stack);
	if (next > until)
		return false;
	w->now = next > w->now ? next : w->now;
	while (w->frames && w->frames->at <= w->now)
		arrive(w);
	for (int i = 0; i < 2; i++)
		weir_run(w->side[i].stack, w->now);
	return true;
}

static bool over(const struct world *w)
{
	return w->side[0].over && w->side[1].over && w->side[0].answered == ASKS;
}

/* The dialogue; a question that was not answered in two seconds is asked again. */
static void talk(struct world *w)
{
	uint64_t again = w->now + 2 * SEC, end = w->now + 4 * 3600 * SEC;
	struct side *c = &w->side[0];

	for (uint32_t steps = 0; steps < STEPS && w->now < end && !over(w); steps++) {
		if (step(w, again < end ? again : end))
			continue;
		w->now = again;
		again += 2 * SEC;
		weir_set_now(c->stack, w->now);
		if (c->answered < ASKS && c->asked < 100)
			ask(c);
	}
	fuzz_check(hopeless(w) || over(w));
}

static void check_left(const struct side *s)
{
	struct weir_stats st = { .size = sizeof(st) };

	weir_stats_get(s->stack, &st);
	fuzz_check(st.memory_peak <= MEMORY);
	fuzz_check(!st.sockets && !st.tcp_sockets && !st.tcp_time_waits && !st.tcp_established);
	fuzz_check(!st.packets && !st.buffers && !st.memory && !st.timers);
}

static void finish(struct world *w)
{
	uint64_t end;

	w->in = w->end;
	for (int i = 0; i < 2; i++) {
		struct side *s = &w->side[i];

		weir_close(s->stream);
		weir_close(s->listener);
		weir_close(s->datagrams);
	}
	end = w->now + 1800 * SEC;
	while (step(w, end))
		;
	for (int i = 0; i < 2; i++)
		check_left(&w->side[i]);
	while (w->frames) {
		struct frame *f = w->frames;

		w->frames = f->next;
		free(f);
	}
	for (int i = 0; i < 2; i++)
		weir_destroy(w->side[i].stack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .in = data, .end = data + size, .now = 1000 * SEC };

	w.options = next_byte(&w);
	w.tcp = next_byte(&w);
	side_init(&w, 0);
	side_init(&w, 1);
	start(&w);
	talk(&w);
	finish(&w);
	return 0;
}
