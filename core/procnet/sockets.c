/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets.c - /proc/net/tcp, udp, raw, icmp, their files of IPv6, packet, sockstat and sockstat6.
 *
 * What these tell is what core/diag/ tells ss. The inode is that of the program's descriptor, by which netstat
 * -p finds the process; where Linux prints the address of the kernel's object (or hides it), there is
 * the socket's number.
 */
#include <netinet/tcp.h>
#include <stdio.h>

#include "pfpacket/sock.h"
#include "ip/fragment.h"
#include "packet/pool.h"
#include "procnet/procnet.h"

#define TCP_WIDTH	149
#define UDP_WIDTH	127
#define SSTHRESH_NONE	0x7fffffffu	/* tcpi_snd_ssthresh of a connection in its first slow start */
#define PAGE		4096u

/* ---- names ---- */

#define NAME_TEXT	40

/* ADDRESS:PORT in hexadecimal digits, each word as the machine reads it. */
static const char *name(int family, const struct ip_addr *a, unsigned int port, char text[NAME_TEXT])
{
	static const struct ip_addr none;
	const struct ip_addr *six = ip_addr_is_any(a) ? &none : a;

	if (family == AF_INET)
		snprintf(text, NAME_TEXT, "%08X:%04X", ip_addr_to_v4(a), port);
	else
		snprintf(text, NAME_TEXT, "%08X%08X%08X%08X:%04X", six->w[0], six->w[1], six->w[2], six->w[3],
			 port);
	return text;
}

/* ---- TCP ---- */

struct piece {				/* of a table, being written */
	const struct procnet_file *f;
	struct procnet_cursor *c;
	struct procnet_out *out;
};

static int family_of(const struct tcp_row *r)
{
	return r->sk ? r->sk->family : ip_addr_is_v4(&r->local) ? AF_INET : AF_INET6;
}

/* What only connections have: timers in clock_t, the congestion window. */
static void details(const struct tcp_row *r, char *text, size_t size)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof(i);

	text[0] = '\0';
	if (r->number == TCP_LISTEN) {
		snprintf(text, size, " 100 0 0 10 0");	/* what its connections will begin with */
		return;
	}
	if (!r->sk || r->number == TCP_SYN_RECV || r->sk->ops->getsockopt(r->sk, IPPROTO_TCP, TCP_INFO, &i, &len))
		return;
	snprintf(text, size, " %lu %lu %u %u %d", procnet_ticks(i.tcpi_rto * 1000ull),
		 procnet_ticks(i.tcpi_ato * 1000ull), 0, i.tcpi_snd_cwnd,
		 i.tcpi_snd_ssthresh >= SSTHRESH_NONE ? -1 : (int)i.tcpi_snd_ssthresh);
}

static bool tcp_line(const struct piece *p, const struct tcp_row *r)
{
	char local[NAME_TEXT], remote[NAME_TEXT], more[80];
	uint8_t timer = diag_timer(r->timer);
	bool probes = timer == DIAG_TIMER_KEEPALIVE || timer == DIAG_TIMER_PERSIST;
	bool listens = r->number == TCP_LISTEN;
	uint32_t recv_q = r->recv_q, send_q = listens ? 0 : r->send_q;

	details(r, more, sizeof(more));
	if (r->sk)
		sock_queues(r->sk, &recv_q, &send_q);
	return procnet_line(p->out, p->f->family == AF_INET ? TCP_WIDTH : 0,
			    "%4llu: %s %s %02X %08X:%08X %02X:%08lX %08X %5u %8u %u %d %016llx%s",
			    (unsigned long long)p->c->at[4], name(p->f->family, &r->local, r->lport, local),
			    name(p->f->family, &r->remote, r->rport, remote), r->number,
			    send_q, recv_q, timer, procnet_ticks(r->expires),
			    probes ? 0 : r->retries, r->sk ? sock_uid(r->sk) : 0, probes ? r->retries : 0,
			    r->sk ? r->sk->inode : 0, r->sk ? 1 : 3,
			    r->sk ? (unsigned long long)r->sk->cookie : 0ull, more);
}

static bool tcp_row(void *arg, const struct tcp_row *r)
{
	const struct piece *p = arg;

	if (family_of(r) != p->f->family)
		return procnet_skip(p->out);
	if (!tcp_line(p, r))
		return false;
	p->c->at[4]++;
	return true;
}

/* at[1] to at[3]: where tcp_dump is. */
static bool dump(const struct stack *s, struct procnet_cursor *c, bool (*fn)(void *, const struct tcp_row *),
		 void *arg)
{
	struct tcp_cursor at = { (unsigned int)c->at[1], (size_t)c->at[2], (size_t)c->at[3] };
	bool all = tcp_dump(&s->tcp, &at, fn, arg);

	c->at[1] = at.table;
	c->at[2] = at.slot;
	c->at[3] = at.done;
	return all;
}

/* at: the header; see dump; the next row's number. */
static bool tcp(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		struct procnet_out *out)
{
	struct piece p = { f, c, out };

	return procnet_header(f, c, out, f->family == AF_INET ? TCP_WIDTH : 0) && dump(s, c, tcp_row, &p);
}

/* ---- sockets without connections ---- */

static bool datagram_line(const struct piece *p, const struct sock *sk, int digits, int width)
{
	char local[NAME_TEXT], remote[NAME_TEXT];
	const struct dgram_sock *ds = (const struct dgram_sock *)sk;
	unsigned int port = sk->ops->type == SOCK_RAW ? sk->protocol : sk->lport;
	uint32_t recv_q = ds->rmem, send_q = sk->wmem;

	sock_queues(sk, &recv_q, &send_q);
	return procnet_line(p->out, width,
			    "%*llu: %s %s %02X %08X:%08X %02X:%08X %08X %5u %8u %u %d %016llx %llu",
			    digits, (unsigned long long)p->c->at[2], name(p->f->family, &sk->local, port, local),
			    name(p->f->family, &sk->remote, sk->rport, remote),
			    ip_addr_is_any(&sk->remote) ? TCP_CLOSE : TCP_ESTABLISHED, send_q, recv_q, 0, 0, 0,
			    sock_uid(sk), 0, sk->inode, 2, (unsigned long long)sk->cookie,
			    (unsigned long long)ds->drops);
}

/* at: the header; the place in the set; the next row's number. One without a port is nowhere yet. */
static bool datagrams(const struct piece *p, const struct sock_set *set, int digits, int width)
{
	const struct sock *sk;

	if (!procnet_header(p->f, p->c, p->out, width))
		return false;
	for (; (sk = sock_set_next(set, &p->c->at[1])); p->c->at[1]++) {
		bool shown = sk->family == p->f->family && (sk->lport || sk->ops->type == SOCK_RAW);

		if (shown ? !datagram_line(p, sk, digits, width) : !procnet_skip(p->out))
			return false;
		p->c->at[2] += shown;
	}
	return true;
}

static bool udp(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		struct procnet_out *out)
{
	struct piece p = { f, c, out };

	return datagrams(&p, &s->udp.set, 5, f->family == AF_INET ? UDP_WIDTH : 0);
}

static bool raw(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		struct procnet_out *out)
{
	struct piece p = { f, c, out };

	return datagrams(&p, &s->raw.set, f->family == AF_INET ? 4 : 5, 0);
}

static bool ping(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		 struct procnet_out *out)
{
	struct piece p = { f, c, out };

	return datagrams(&p, &s->raw.ping_set, 5, f->family == AF_INET ? UDP_WIDTH : 0);
}

/* Of a protocol that weir has not. */
static bool none(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		 struct procnet_out *out)
{
	(void)s;
	return procnet_header(f, c, out, f->family == AF_INET ? UDP_WIDTH : 0);
}

/* at: the header; the place in the set. */
static bool packets(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		    struct procnet_out *out)
{
	const struct sock *sk;

	if (!procnet_header(f, c, out, 0))
		return false;
	for (; (sk = sock_set_next(&s->pfpacket.set, &c->at[1])); c->at[1]++) {
		const struct pfpacket_sock *ps = (const struct pfpacket_sock *)sk;

		if (!procnet_line(out, 0, "%016llx %-6d %-4d %04x   %-5u %1d %-6u %-6u %-6u",
				  (unsigned long long)sk->cookie, 2, sk->ops->type, ps->proto, ps->ifindex,
				  ps->proto != 0, ps->ds.rmem, sock_uid(sk), sk->inode))
			return false;
	}
	return true;
}

/* ---- how many there are ---- */

/* Connections of a family, [1] that of IPv6; closed ones are nowhere. */
static unsigned int connections(const struct stack *s, int six)
{
	unsigned int n = 0;

	for (size_t i = 0; i < TCP_STATES; i++)
		n += s->tcp.states[i][six];
	return n;
}

static unsigned int count4(const struct sock_set *set)
{
	return set->count - set->count6;
}

static bool sockstat_v4(const struct stack *s, struct procnet_out *out)
{
	unsigned int all = s->tcp.set.count + s->udp.set.count + s->raw.set.count + s->raw.ping_set.count +
			   s->pfpacket.set.count + s->netlink.set.count;

	return procnet_put(out, "sockets: used %u\n"
			   "TCP: inuse %u orphan %u tw %u alloc %u mem %llu\n"
			   "UDP: inuse %u mem %llu\n"
			   "UDPLITE: inuse %u\n"
			   "RAW: inuse %u\n"
			   "FRAG: inuse %u memory %u\n",
			   all, connections(s, 0), s->tcp.orphans, s->tcp.time_waits, s->tcp.set.count,
			   (unsigned long long)s->pool.used / PAGE, count4(&s->udp.set),
			   (unsigned long long)s->ip.sock_memory.used / PAGE, 0,
			   count4(&s->raw.set), 0, fragments_memory(s->ip.fragments));
}

static bool sockstat_v6(const struct stack *s, struct procnet_out *out)
{
	return procnet_put(out, "TCP6: inuse %u\n"
			   "UDP6: inuse %u\n"
			   "UDPLITE6: inuse %u\n"
			   "RAW6: inuse %u\n"
			   "FRAG6: inuse %u memory %u\n",
			   connections(s, 1), s->udp.set.count6, 0, s->raw.set.count6, 0, 0);
}

/* at: all was told. */
static bool sockstat(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		     struct procnet_out *out)
{
	if (!c->at[0] && !(f->family == AF_INET ? sockstat_v4(s, out) : sockstat_v6(s, out)))
		return false;
	c->at[0] = 1;
	return true;
}

#define COLUMNS "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define V4	"  sl  local_address rem_address   st " COLUMNS
#define V6	"  sl  local_address                         remote_address                        st " COLUMNS
#define DGRAM	" ref pointer drops"

const struct procnet_file procnet_sockets[] = {
	{ "tcp", tcp, AF_INET, V4 },
	{ "tcp6", tcp, AF_INET6, V6 },
	{ "udp", udp, AF_INET, " " V4 DGRAM },
	{ "udp6", udp, AF_INET6, V6 DGRAM },
	{ "udplite", none, AF_INET, " " V4 DGRAM },
	{ "udplite6", none, AF_INET6, V6 DGRAM },
	{ "raw", raw, AF_INET, V4 DGRAM },
	{ "raw6", raw, AF_INET6, V6 DGRAM },
	{ "icmp", ping, AF_INET, V4 DGRAM },
	{ "icmp6", ping, AF_INET6, V6 DGRAM },
	{ "packet", packets, AF_PACKET, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode" },
	{ "sockstat", sockstat, AF_INET, NULL },
	{ "sockstat6", sockstat, AF_INET6, NULL },
	{ }
};
