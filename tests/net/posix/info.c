/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.c - TCP_INFO over loopback, where both ends are the same stack: what small writes, many
 * segments, a shut window and a SYN that is not answered leave in it. tests/net/tcp_info.py asks
 * about losses. docs/tcp-info.md says what each field is.
 *
 * Fields of the path (rtt, rto, cwnd beyond the first window, rates) cannot be equal; they are
 * bounded by what they mean.
 */
#include "check.h"

/* <netinet/tcp.h> ends before these. */
struct info {
	struct tcp_info i;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd;
};

static struct info of(int fd)
{
	struct info i = { 0 };
	socklen_t len = sizeof(i);

	DID(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	IS(len, sizeof(i));
	return i;
}

/* Until the peer has acknowledged all. */
static struct info settled(int fd)
{
	struct info i = of(fd);

	for (int n = 0; n < 500 && (i.i.tcpi_unacked || i.notsent_bytes); n++) {
		usleep(10000);
		i = of(fd);
	}
	IS(i.i.tcpi_unacked, 0);
	return i;
}

static void pair_of(int p[2], int mss)
{
	int l = tcp_socket(0);
	union name a = here(0);

	IS(set_int(l, IPPROTO_TCP, TCP_MAXSEG, mss), 0);
	DID(bind(l, NAME(a)), 0);
	DID(listen(l, 1), 0);
	a = name_of(l);
	p[0] = tcp_socket(0);
	IS(set_int(p[0], IPPROTO_TCP, TCP_MAXSEG, mss), 0);
	IS(set_int(p[0], IPPROTO_TCP, TCP_NODELAY, 1), 0);
	DID(connect(p[0], NAME(a)), 0);
	p[1] = accept(l, NULL, NULL);
	IS(p[1] >= 0, 1);
	close(l);
}

static void close_pair(int p[2])
{
	close(p[0]);
	close(p[1]);
}

static void listener(void)
{
	int l = tcp_listen(3), a = tcp_connect(l);
	struct info i;

	IS(poll_now(l, POLLIN, 5000), POLLIN);
	i = of(l);
	IS(i.i.tcpi_state, TCP_LISTEN);
	IS(i.i.tcpi_unacked, 1);		/* may be accepted */
	IS(i.i.tcpi_sacked, 3);			/* the backlog */
	IS(i.i.tcpi_snd_cwnd, 10);
	IS(i.i.tcpi_reordering, 3);
	IS(i.pacing_rate, -1);
	IS(i.max_pacing_rate, -1);
	IS(i.i.tcpi_rto + i.i.tcpi_snd_mss + i.i.tcpi_pmtu + i.segs_in + i.delivered, 0);
	close(a);
	close(l);
}

/* What holds of both ends where nothing was lost; segments are of 1000 less timestamps. */
static void calm(const struct info *i)
{
	IS(i->i.tcpi_ca_state, TCP_CA_Open);
	IS(i->i.tcpi_retransmits + i->i.tcpi_probes + i->i.tcpi_backoff, 0);
	IS(i->i.tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
	IS(i->i.tcpi_snd_wscale > 0 && i->i.tcpi_snd_wscale <= 14, 1);
	IS(i->i.tcpi_rcv_wscale, i->i.tcpi_snd_wscale);		/* one stack at both ends */
	IS(i->i.tcpi_snd_mss, 988);
	IS(i->i.tcpi_advmss, 988);
	IS(i->i.tcpi_pmtu, speaks_v4() ? 65535 : 65536);
	IS(i->i.tcpi_unacked + i->i.tcpi_sacked + i->i.tcpi_lost + i->i.tcpi_retrans, 0);
	IS(i->i.tcpi_fackets + i->i.tcpi_last_ack_sent, 0);
	IS(i->i.tcpi_rto >= 200000 && i->i.tcpi_rto < 1000000, 1);
	IS(i->i.tcpi_rtt > 0 && i->i.tcpi_rtt < 1000000, 1);
	IS(i->min_rtt > 0 && i->min_rtt <= i->i.tcpi_rtt + i->i.tcpi_rttvar, 1);
	IS(i->i.tcpi_snd_ssthresh, 0x7fffffff);
	IS(i->i.tcpi_snd_cwnd >= 10, 1);
	IS(i->i.tcpi_reordering, 3);
	IS(i->i.tcpi_total_retrans + i->bytes_retrans + i->dsack_dups, 0);
	IS(i->reord_seen + i->rcv_ooopack + i->delivered_ce, 0);
	IS(i->i.tcpi_rcv_ssthresh > 0 && i->i.tcpi_rcv_space > 0, 1);
	IS(i->notsent_bytes, 0);
	IS(i->pacing_rate > 0, 1);
	IS(i->max_pacing_rate, -1);
	IS(i->snd_wnd > 0, 1);
}

/*
 * A connection after scene has played on it, as both ends see it. Where the machine was so busy that one of them
 * waited in vain and sent something again, it is played once more.
 */
static void play(void (*scene)(const int p[2]), int p[2], struct info *c, struct info *s)
{
	for (int tries = 5;; tries--) {
		pair_of(p, 1000);
		if (scene)
			scene(p);
		*c = settled(p[0]);
		*s = of(p[1]);
		if (tries == 1 || !(c->i.tcpi_total_retrans | s->i.tcpi_total_retrans))
			return;
		close_pair(p);
	}
}

static void fresh(void)
{
	struct info c, s;
	int p[2];

	play(NULL, p, &c, &s);
	calm(&c);
	calm(&s);
	IS(c.i.tcpi_snd_cwnd, 10);
	IS(c.i.tcpi_rcv_mss, 536);
	IS(c.i.tcpi_ato + s.i.tcpi_ato, 0);
	IS(c.delivered, 1);			/* the SYN */
	IS(s.delivered, 1);			/* the SYN-ACK */
	IS(c.bytes_acked, 1);
	IS(s.bytes_acked, 0);
	IS(c.bytes_received + s.bytes_received + c.bytes_sent + s.bytes_sent, 0);
	IS(c.segs_in, 1);
	IS(c.segs_out, 2);
	IS(s.segs_in, 2);
	IS(s.segs_out <= 1, 1);			/* Linux does not count the SYN-ACK */
	IS(c.data_segs_in + c.data_segs_out + s.data_segs_in + s.data_segs_out, 0);
	IS(c.busy_time + c.rwnd_limited + c.sndbuf_limited, 0);
	close_pair(p);
}

static void five_bytes(const int p[2])
{
	char text[1];

	for (int n = 1; n <= 5; n++) {
		DID(write(p[0], "x", 1), 1);
		DID(recv(p[1], text, 1, 0), 1);
	}
}

static void small_writes(void)
{
	struct info c, s;
	char text[1];
	int p[2];

	play(five_bytes, p, &c, &s);
	calm(&c);
	calm(&s);
	IS(c.delivered, 6);
	IS(c.bytes_acked, 6);
	IS(c.bytes_sent, 5);
	IS(c.data_segs_out, 5);
	IS(c.segs_in >= 2 && c.segs_in <= 6, 1);	/* ACKs may cover several */
	IS(s.data_segs_in, 5);
	IS(s.bytes_received, 5);
	IS(s.delivered, 1);
	IS(s.i.tcpi_ato >= 40000, 1);
	close(p[0]);
	DID(recv(p[1], text, 1, 0), 0);
	s = of(p[1]);
	IS(s.i.tcpi_state, TCP_CLOSE_WAIT);
	IS(s.bytes_received, 6);			/* the FIN */
	close(p[1]);
}

#define BULK 98800

static void much(const int p[2])
{
	static char text[BULK];

	DID(write(p[0], text, sizeof(text)), sizeof(text));
	DID(recv(p[1], text, sizeof(text), MSG_WAITALL), sizeof(text));
}

static void bulk(void)
{
	struct info c, s;
	int p[2];

	play(much, p, &c, &s);
	calm(&c);
	calm(&s);
	IS(c.bytes_sent, BULK);
	IS(c.bytes_acked, BULK + 1);
	IS(s.bytes_received, BULK);
	IS(c.data_segs_out >= 100 && c.data_segs_out <= 110, 1);	/* a few may be small */
	IS(c.delivered, c.data_segs_out + 1);
	IS(s.data_segs_in, c.data_segs_out);
	IS(s.i.tcpi_rcv_mss, 988);
	IS(c.i.tcpi_snd_cwnd > 10, 1);
	close_pair(p);
}

/* The reader does not read: the window shuts, and is probed. */
static void shut(void)
{
	static char text[65536];
	struct info c = { 0 };
	int p[2], n = 0;

	pair_of(p, 1000);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	while (n++ < 1000 && !c.i.tcpi_probes) {
		while (write(p[0], text, sizeof(text)) > 0)
			;
		usleep(10000);
		c = of(p[0]);
	}
	IS(c.i.tcpi_probes > 0, 1);
	IS(c.i.tcpi_unacked, 0);
	IS(c.notsent_bytes > 0, 1);
	IS(c.snd_wnd < 988, 1);
	IS(c.rwnd_limited > 0, 1);
	IS(c.busy_time >= c.rwnd_limited, 1);
	/* Linux sends again what was refused. */
	IS(c.bytes_acked, c.bytes_sent - c.bytes_retrans + 1);
	IS(c.delivered >= c.data_segs_out - c.i.tcpi_total_retrans + 1, 1);
	IS(c.delivered <= c.data_segs_out + 1, 1);
	close_pair(p);
}

/* A backlog that is full: the SYN is sent again. */
static void unanswered(void)
{
	int l = tcp_listen(0), a = tcp_connect(l), b = tcp_socket(SOCK_NONBLOCK);
	union name to = name_of(l);
	struct info i = { 0 };

	IS(poll_now(l, POLLIN, 5000), POLLIN);
	DID(connect(b, NAME(to)), -EINPROGRESS);
	i = of(b);
	IS(i.i.tcpi_state, TCP_SYN_SENT);
	IS(i.i.tcpi_unacked, 1);
	IS(i.segs_out, 1);
	IS(i.delivered, 0);
	for (int n = 0; n < 500 && !i.i.tcpi_retransmits; n++) {
		usleep(10000);
		i = of(b);
	}
	IS(i.i.tcpi_retransmits, 1);
	IS(i.i.tcpi_backoff <= 1, 1);		/* since 6.5 Linux's first four waits are alike */
	IS(i.i.tcpi_total_retrans, 1);
	IS(i.i.tcpi_unacked, 1);
	IS(i.bytes_retrans + i.bytes_sent + i.data_segs_out, 0);
	IS(i.segs_out, 2);
	close(accept(l, NULL, NULL));
	close(a);
	close(b);
	close(l);
}

void test_info(void)
{
	listener();
	fresh();
	small_writes();
	bulk();
	shut();
	unanswered();
}
