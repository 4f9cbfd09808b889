/* SPDX-License-Identifier: Apache-2.0 */
/* test_procnet.c - the files of /proc/net (proc(5)): their formats, and that reading one costs little. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <weir/module.h>

#include "ip/group.h"
#include "procnet/procnet.h"
#include "tests/silent_link.h"
#include "tests/suite.h"
#include "stack_world.h"

static struct nic *eth;

static void setup(void)
{
	struct link l = { .name = "eth0", .ops = &silent, .fd = -1, .mtu = 1500, .addr = { 2, 0, 0, 0, 0, 1 } };
	struct ip_addr a = ip_addr_v4(inet_addr("10.0.0.1"));

	world_create();
	l.pool = &s->pool;
	eth = nic_create(&s->nics, &l, true, NULL);
	ck_assert_ptr_nonnull(eth);
	ck_assert_int_eq(ip_addr_add(&s->ip, eth, &a, 24, NULL), 0);
}

static void teardown(void)
{
	stack_destroy(s);
}

static struct ip_addr v6(const char *text)
{
	struct ip_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, a.b), 1);
	return a;
}

/* ---- reading ---- */

static const struct procnet_file *file(const char *wanted)
{
	const struct procnet_file *f;

	for (size_t i = 0; (f = procnet_file(i)); i++)
		if (!strcmp(f->name, wanted))
			return f;
	ck_abort_msg("there is no file %s", wanted);
	return NULL;
}

static struct procnet_open o;
static int turns;			/* that the last read took */

static ssize_t at(uint64_t off, size_t max, const char **bytes)
{
	ssize_t n;

	procnet_begin(&o, off);
	for (turns = 1; (n = procnet_read(&o, s, off, max, bytes)) == -EAGAIN; turns++)
		;
	ck_assert_int_le(n, (ssize_t)max);
	return n;
}

/* A file's text, read step bytes at a time; the caller frees it. */
static char *whole(const char *of, size_t step)
{
	char *text = malloc(1u << 20);
	const char *bytes;
	size_t len = 0;
	ssize_t n;

	procnet_open(&o, file(of));
	while ((n = at(len, step, &bytes)) > 0) {
		ck_assert_uint_lt(len + (size_t)n, 1u << 20);
		memcpy(text + len, bytes, (size_t)n);
		len += (size_t)n;
	}
	ck_assert_int_eq(n, 0);
	text[len] = '\0';
	return text;
}

static int lines(const char *text)
{
	int n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* The line of a file that has this in it, without trailing spaces. */
static const char *line(const char *of, const char *with)
{
	static char found[512];
	char *text = whole(of, 4096), *from, *to;

	found[0] = '\0';
	from = strstr(text, with);
	if (from) {
		while (from > text && from[-1] != '\n')
			from--;
		to = strchr(from, '\n');
		ck_assert_ptr_nonnull(to);
		while (to > from && to[-1] == ' ')
			to--;
		snprintf(found, sizeof(found), "%.*s", (int)(to - from), from);
	}
	free(text);
	return found;
}

/* ---- formats: Linux's functions named in the comments print the same ---- */

/* get_tcp4_sock(): every line of /proc/net/tcp has 150 bytes. */
START_TEST(tcp_lines)
{
	struct sock *l = listener(80), *c = client(80), *accepted;
	char wanted[160], *text;
	int err;

	accepted = socket_accept(l, &err);
	ck_assert_ptr_nonnull(accepted);
	l->inode = 4711;
	l->uid = 1000;
	l->cookie = 0xabcdef;
	ck_assert_str_eq(line("tcp", "4711"), "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
			 "  1000        0 4711 1 0000000000abcdef 100 0 0 10 0");
	c->inode = 815;
	snprintf(wanted, sizeof(wanted), " 0100007F:%04X 0100007F:0050 01 00000000:00000000 00:00000000 00000000"
		 "     0        0 815 1 ", c->lport);
	ck_assert_ptr_nonnull(strstr(line("tcp", " 815 "), wanted));
	ck_assert_ptr_nonnull(strstr(line("tcp", " 815 "), " 10 -1"));	/* cwnd, no ssthresh yet */
	text = whole("tcp", 4096);
	ck_assert_uint_eq(strlen(text), 4 * 150);
	ck_assert_int_eq(lines(text), 4);
	free(text);
	socket_close(c);
	settle();
	socket_close(accepted);
	settle();
	ck_assert_ptr_nonnull(strstr(line("tcp", " 06 "), ":0050 06 00000000:00000000 03:000017"));	/* tcp_tw */
	ck_assert_ptr_nonnull(strstr(line("tcp", " 06 "), " 00000000     0        0 0 3 0000000000000000"));
	socket_close(l);
}
END_TEST

/* The timers' numbers, and queues. */
START_TEST(tcp_under_way)
{
	struct sockaddr_in far = { .sin_family = AF_INET, .sin_port = htons(80),
				   .sin_addr.s_addr = inet_addr("10.0.0.9") };
	struct sock *c = open_sock(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(socket_connect(c, &far, sizeof(far)), -EINPROGRESS);
	settle();
	/* one byte that is not acknowledged, the SYN; the timer runs, less than a second of it */
	ck_assert_ptr_nonnull(strstr(line("tcp", "0900000A:0050"), " 0900000A:0050 02 00000001:00000000 01:0000006"));
	for (int i = 0; i < 1500; i++)
		env_run(&s->env, s->env.now + 1000000);
	ck_assert_ptr_nonnull(strstr(line("tcp", "0900000A:0050"), " 00000001     0 "));
	socket_close(c);
}
END_TEST

/* get_tcp6_sock(): a socket of IPv6 is there, whatever the family of its peer. */
START_TEST(tcp6_lines)
{
	struct sockaddr_in6 n = { .sin6_family = AF_INET6, .sin6_port = htons(90) };
	struct sock *six = open_sock(AF_INET6, SOCK_STREAM, 0), *c, *accepted;
	int err;

	ck_assert_int_eq(socket_bind(six, &n, sizeof(n)), 0);
	ck_assert_int_eq(socket_listen(six, 8), 0);
	six->inode = 4712;
	ck_assert_ptr_nonnull(strstr(line("tcp6", " 4712 "),
				     "   0: 00000000000000000000000000000000:005A 00000000000000000000000000000000:0000 0A "));
	ck_assert_str_eq(line("tcp", " 4712 "), "");
	c = client(90);
	accepted = socket_accept(six, &err);
	ck_assert_ptr_nonnull(accepted);
	ck_assert_ptr_nonnull(strstr(line("tcp6", " 01 "),
				     "1: 0000000000000000FFFF00000100007F:005A 0000000000000000FFFF00000100007F:"));
	socket_close(c);
	socket_close(accepted);
	socket_close(six);
}
END_TEST

/* udp4_format_sock(), raw_sock_seq_show(), ping_v4_format_sock(), ip6_dgram_sock_seq_show(),
 * packet_seq_show(). */
START_TEST(datagram_lines)
{
	struct sock *u = bound(SOCK_DGRAM, 53), *r = open_sock(AF_INET, SOCK_RAW, IPPROTO_ICMP),
		    *nowhere = open_sock(AF_INET, SOCK_DGRAM, 0), *u6 = open_sock(AF_INET6, SOCK_DGRAM, 0),
		    *p = open_sock(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_in peer = name(54);
	struct sockaddr_in6 n6 = { .sin6_family = AF_INET6, .sin6_port = htons(55) };
	char *text;

	ck_assert_int_eq(socket_bind(u6, &n6, sizeof(n6)), 0);
	u6->remote = ip_addr_v4(0);		/* nobody, of which family ever */
	u->inode = 11;
	u->cookie = 0x11;
	r->inode = 12;
	r->cookie = 0x12;
	u6->inode = 13;
	u6->cookie = 0x13;
	p->inode = 14;
	p->cookie = 0x14;
	ck_assert_str_eq(line("udp", " 11 "), "    0: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000"
			 "     0        0 11 2 0000000000000011 0");
	ck_assert_int_eq(socket_connect(u, &peer, sizeof(peer)), 0);
	ck_assert_ptr_nonnull(strstr(line("udp", " 11 "), " 0100007F:0036 01 "));
	ck_assert_str_eq(line("raw", " 12 "), "   0: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000"
			 "     0        0 12 2 0000000000000012 0");
	ck_assert_str_eq(line("udp6", " 13 "), "    0: 00000000000000000000000000000000:0037 00000000000000000000000000000000:0000"
			 " 07 00000000:00000000 00:00000000 00000000     0        0 13 2 0000000000000013 0");
	ck_assert_str_eq(line("packet", " 14"), "0000000000000014 2      3    0000   0     0 0      0      14");
	text = whole("udp", 4096);
	ck_assert_uint_eq(strlen(text), 2 * 128);
	free(text);
	socket_close(u);
	socket_close(r);
	socket_close(nowhere);
	socket_close(u6);
	socket_close(p);
}
END_TEST

/* fib_route_seq_show(), rt6_info_route(), if6_seq_show(), arp_format_neigh_entry(). */
START_TEST(routes_and_addresses)
{
	struct ip_addr six = v6("fd00::1"), neighbour = ip_addr_v4(inet_addr("10.0.0.7"));
	struct route r = { .dst = ip_addr_v4(0), .gateway = ip_addr_v4(inet_addr("10.0.0.254")),
			   .prefsrc = ip_addr_v4(0), .nic = eth, .metric = 5 };
	struct route r6 = { .dst = v6("::"), .gateway = v6("fd00::ff"), .prefsrc = ip_addr_v4(0), .nic = eth };
	char *text;

	ck_assert_int_eq(route_add(&s->ip, &r, NULL), 0);
	ck_assert_int_eq(ip_addr_add(&s->ip, eth, &six, 64, NULL), 0);
	ck_assert_int_eq(route_add(&s->ip, &r6, NULL), 0);
	ck_assert_int_eq(neighbour_set_permanent(&s->ip.arp, eth, neighbour.b, (const uint8_t[]){ 2, 0, 0, 0, 0, 0xab }), 0);
	ck_assert_str_eq(line("route", "0003"), "eth0\t00000000\tFE00000A\t0003\t0\t0\t5\t00000000\t0\t0\t0");
	ck_assert_str_eq(line("route", "0001"), "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0");
	text = whole("route", 4096);		/* no local ones; the default first */
	ck_assert_uint_eq(strlen(text), 3 * 128);
	ck_assert_ptr_eq(strstr(text, "eth0\t00000000"), text + 128);
	free(text);
	ck_assert_str_eq(line("ipv6_route", " 00000003 "), "00000000000000000000000000000000 00 "
			 "00000000000000000000000000000000 00 fd0000000000000000000000000000ff 00000400 00000001 00000000 "
			 "00000003     eth0");
	ck_assert_str_eq(line("ipv6_route", "fd000000000000000000000000000000 "), "fd000000000000000000000000000000 40 "
			 "00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 "
			 "00000001     eth0");
	ck_assert_ptr_nonnull(strstr(line("ipv6_route", "fd000000000000000000000000000001 80 "), " 80200001     eth0"));
	ck_assert_str_eq(line("if_inet6", "fd00"), "fd000000000000000000000000000001 02 40 00 80     eth0");
	ck_assert_str_eq(line("if_inet6", " lo"), "00000000000000000000000000000001 01 80 10 80       lo");
	ck_assert_str_eq(line("arp", "10.0.0.7"),
			 "10.0.0.7         0x1         0x6         02:00:00:00:00:ab     *        eth0");
}
END_TEST

/* dev_seq_printf_stats() */
START_TEST(devices)
{
	eth->rx_bytes = 123456789;
	eth->rx_packets = 1234;
	eth->rx_drops = 3;
	eth->tx_bytes = 4321;
	eth->tx_packets = 43;
	eth->tx_drops = 1;
	eth->ring_drops = 1;
	ck_assert_str_eq(line("dev", "eth0"), "  eth0: 123456789    1234    0    3    0     0          0         0     4321"
			 "      43    0    2    0     0       0          0");
}
END_TEST

/* igmp_mc_seq_show(), igmp6_mc_seq_show() */
START_TEST(groups)
{
	struct ip_addr g = ip_addr_v4(inet_addr("239.1.2.3")), g6 = v6("ff15::7");
	struct membership m = { 0 }, m6 = { 0 };
	char *text;

	ck_assert_int_eq(group_join(&s->ip, eth, &g, &m), 0);
	ck_assert_int_eq(group_join(&s->ip, eth, &g6, &m6), 0);
	ck_assert_str_eq(line("igmp", "eth0"), "2\teth0      :     2      V3");
	ck_assert_str_eq(line("igmp", "030201EF"), "\t\t\t\t030201EF     1 0:00000000\t\t0");
	ck_assert_str_eq(line("igmp6", "ff15"), "2    eth0            ff150000000000000000000000000007     1 00000004 0");
	text = whole("igmp", 4096);		/* the header; lo and its group; eth0 and its two */
	ck_assert_int_eq(lines(text), 1 + 2 + 3);
	free(text);
	group_leave(&m);
	group_leave(&m6);
}
END_TEST

/* ---- counters ---- */

/* The value under a name in a file of two lines a group. */
static long long counter(const char *of, const char *group, const char *wanted)
{
	char *text = whole(of, 4096), prefix[32], *names, *values, *n, *v, *np, *vp;
	long long found = -99;

	snprintf(prefix, sizeof(prefix), "%s: ", group);
	names = strstr(text, prefix);
	ck_assert_ptr_nonnull(names);
	values = strstr(names + 1, prefix);
	ck_assert_ptr_nonnull(values);
	*strchr(names, '\n') = '\0';
	*strchr(values, '\n') = '\0';
	n = strtok_r(names, " ", &np);
	v = strtok_r(values, " ", &vp);
	for (; n && v; n = strtok_r(NULL, " ", &np), v = strtok_r(NULL, " ", &vp))
		if (!strcmp(n, wanted))
			found = atoll(v);
	ck_assert_msg(!n && !v, "%s has not as many values as names", group);
	free(text);
	return found;
}

START_TEST(counters)
{
	s->ip.stats.in_receives = 17;
	s->tcp.stats.retrans_segs = 5000000000ull;
	s->tcp.stats.loss_probes = 6;
	s->udp.stats.no_ports = 7;
	s->ip.icmp_stats.in_echos = 8;
	s->ip.stats6.in_delivers = 9;
	ck_assert_int_eq(counter("snmp", "Ip", "Forwarding"), 2);
	ck_assert_int_eq(counter("snmp", "Ip", "DefaultTTL"), 64);
	ck_assert_int_eq(counter("snmp", "Ip", "InReceives"), 17);
	ck_assert_int_eq(counter("snmp", "Tcp", "MaxConn"), -1);
	ck_assert_int_eq(counter("snmp", "Tcp", "RetransSegs"), 5000000000ll);
	ck_assert_int_eq(counter("snmp", "Udp", "NoPorts"), 7);
	ck_assert_int_eq(counter("snmp", "Icmp", "InEchos"), 8);
	ck_assert_int_eq(counter("netstat", "TcpExt", "TCPLossProbes"), 6);
	ck_assert_int_eq(counter("netstat", "TcpExt", "PruneCalled"), 0);
	ck_assert_int_eq(counter("netstat", "IpExt", "InOctets"), 0);
	ck_assert_str_eq(line("snmp6", "Ip6InDelivers"), "Ip6InDelivers                   \t9");
}
END_TEST

/* A record is told whole: the longest there is must fit. */
START_TEST(the_largest_counters)
{
	struct tcp_stats kept = s->tcp.stats;
	char *text;

	memset(&s->tcp.stats, 0x7f, sizeof(s->tcp.stats));
	ck_assert_int_eq(counter("netstat", "TcpExt", "TCPLossProbes"), 0x7f7f7f7f7f7f7f7fll);
	text = whole("netstat", 4096);
	ck_assert_int_eq(lines(text), 4);
	ck_assert_ptr_nonnull(strstr(text, "\nIpExt: "));
	free(text);
	s->tcp.stats = kept;
}
END_TEST

START_TEST(how_many_sockets)
{
	struct sock *l = listener(80), *c = client(80), *u = bound(SOCK_DGRAM, 53), *accepted;
	int err;

	accepted = socket_accept(l, &err);
	ck_assert_ptr_nonnull(strstr(line("sockstat", "TCP:"), "TCP: inuse 3 orphan 0 tw 0 alloc 3 mem "));
	ck_assert_str_eq(line("sockstat", "UDP:"), "UDP: inuse 1 mem 0");
	ck_assert_str_eq(line("sockstat", "used"), "sockets: used 4");
	ck_assert_str_eq(line("sockstat6", "TCP6"), "TCP6: inuse 0");
	socket_close(c);
	settle();
	socket_close(accepted);
	settle();
	ck_assert_ptr_nonnull(strstr(line("sockstat", "TCP:"), "TCP: inuse 1 orphan 0 tw 1 alloc 1 mem "));
	socket_close(l);
	socket_close(u);
}
END_TEST

/* ---- reading ---- */

#define MANY 1300

static struct sock *many[MANY];

static void open_many(void)
{
	for (uint16_t i = 0; i < MANY; i++)
		many[i] = listener((uint16_t)(0x2000 + i));
}

static void close_many(void)
{
	for (int i = 0; i < MANY; i++)
		socket_close(many[i]);
}

/* More than a piece, and more than a turn: each row once, numbered, in whatever steps it is read. */
START_TEST(many_rows)
{
	static bool seen[65536];
	char *text, *next;
	unsigned int row, port;
	int n = 0;

	open_many();
	text = whole("tcp", 4096);
	ck_assert_int_eq(lines(text), MANY + 1);
	for (char *at_line = strtok_r(text, "\n", &next); (at_line = strtok_r(NULL, "\n", &next)); n++) {
		ck_assert_int_eq(sscanf(at_line, "%u: 0100007F:%x", &row, &port), 2);
		ck_assert_uint_eq(row, n);
		ck_assert(port >= 0x2000 && port < 0x2000 + MANY && !seen[port]);
		seen[port] = true;
	}
	free(text);
	close_many();
}
END_TEST

START_TEST(steps_of_any_size)
{
	static const size_t steps[] = { 1, 7, 150, 4095, 65536 };
	const struct procnet_file *f;

	open_many();
	for (size_t i = 0; (f = procnet_file(i)); i++) {
		char *text = whole(f->name, 4096);

		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			char *other = whole(f->name, steps[j]);

			ck_assert_msg(!strcmp(text, other), "%s by %zu bytes is another", f->name, steps[j]);
			free(other);
		}
		ck_assert(!*text || text[strlen(text) - 1] == '\n');
		free(text);
	}
	close_many();
}
END_TEST

/* Bytes that are far away, rows of the other family: a turn looks at PROCNET_ROWS rows, no more. */
START_TEST(turns_are_bounded)
{
	const char *bytes;
	char *text;

	open_many();
	text = whole("tcp", 4096);
	procnet_open(&o, file("tcp"));
	ck_assert_int_eq(at(150 * MANY, 150, &bytes), 150);
	ck_assert_int_eq(turns, 1 + MANY / PROCNET_ROWS);
	ck_assert(!memcmp(bytes, text + 150 * MANY, 150));
	ck_assert_int_eq(at(UINT64_MAX / 2, 150, &bytes), 0);
	procnet_open(&o, file("tcp6"));
	ck_assert_int_gt(at(0, 4096, &bytes), 0);
	ck_assert_int_eq(at(strlen(file("tcp6")->header) + 1, 4096, &bytes), 0);
	ck_assert_int_eq(turns, 1 + (MANY - (PROCNET_ROWS - 1)) / PROCNET_ROWS);
	free(text);
	text = whole("sockstat", 4096);
	ck_assert_int_eq(strncmp(text, "sockets: used 1300\n", 19), 0);
	free(text);
	close_many();
}
END_TEST

/* lseek: to the beginning is anew, within a piece is what was there, further back is what is there now. */
START_TEST(going_back)
{
	const char *bytes;
	char first[64];

	open_many();
	procnet_open(&o, file("dev"));
	ck_assert_int_gt(at(0, 4096, &bytes), 0);
	ck_assert_ptr_nonnull(strstr(o.text, "eth0:       0 "));
	eth->rx_bytes = 5;
	ck_assert_int_gt(at(1, 4096, &bytes), 0);
	ck_assert_ptr_nonnull(strstr(o.text, "eth0:       0 "));
	ck_assert_int_gt(at(0, 4096, &bytes), 0);
	ck_assert_ptr_nonnull(strstr(o.text, "eth0:       5 "));

	procnet_open(&o, file("tcp"));
	ck_assert_int_eq(at(300, sizeof(first), &bytes), sizeof(first));
	memcpy(first, bytes, sizeof(first));
	ck_assert_int_gt(at(150 * 600, 1, &bytes), 0);
	ck_assert_int_eq(at(300, sizeof(first), &bytes), sizeof(first));
	ck_assert(!memcmp(bytes, first, sizeof(first)));
	close_many();
}
END_TEST

/* Whatever room there is, a record comes whole or not at all. */
START_TEST(records_are_whole)
{
	const struct procnet_file *f;

	open_many();
	for (size_t i = 0; (f = procnet_file(i)); i++) {
		char *text = whole(f->name, 4096), piece[PROCNET_PIECE];

		for (size_t room = 1; room <= sizeof(piece); room += 97) {
			struct procnet_out out = { .to = piece, .room = room, .rows = UINT32_MAX };
			struct procnet_cursor c = { 0 };

			f->write(f, s, &c, &out);
			ck_assert_uint_lt(out.len, room);
			ck_assert_msg(!out.len || piece[out.len - 1] == '\n', "%s in %zu bytes", f->name, room);
			ck_assert_msg(!memcmp(piece, text, out.len), "%s in %zu bytes", f->name, room);
		}
		free(text);
	}
	close_many();
}
END_TEST

static bool too_long(const struct procnet_file *f, const struct stack *st, struct procnet_cursor *c,
		     struct procnet_out *out)
{
	(void)f, (void)st, (void)c;
	return procnet_line(out, PROCNET_PIECE, "x");
}

/* A mistake in a file must not keep its reader for ever. */
START_TEST(a_record_without_room)
{
	const struct procnet_file f = { .name = "x", .write = too_long };
	const char *bytes;

	procnet_open(&o, &f);
	ck_assert_int_eq(at(0, 4096, &bytes), 0);
}
END_TEST

/* What opens and closes while a file is read may be missed or come twice, but reading ends. */
START_TEST(sockets_come_and_go)
{
	const char *bytes;
	uint64_t off = 0;
	ssize_t n;

	open_many();
	procnet_open(&o, file("tcp"));
	for (int i = 0; (n = at(off, 4096, &bytes)) > 0; i++) {
		off += (uint64_t)n;
		if (i < MANY) {
			socket_close(many[i]);
			settle();
			many[i] = listener((uint16_t)(0x6000 + i));
		}
	}
	ck_assert_int_eq(n, 0);
	close_many();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("procnet");
	TCase *t = tcase_create("procnet");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, tcp_lines);
	tcase_add_test(t, tcp_under_way);
	tcase_add_test(t, tcp6_lines);
	tcase_add_test(t, datagram_lines);
	tcase_add_test(t, routes_and_addresses);
	tcase_add_test(t, devices);
	tcase_add_test(t, groups);
	tcase_add_test(t, counters);
	tcase_add_test(t, the_largest_counters);
	tcase_add_test(t, how_many_sockets);
	tcase_add_test(t, many_rows);
	tcase_add_test(t, steps_of_any_size);
	tcase_add_test(t, turns_are_bounded);
	tcase_add_test(t, going_back);
	tcase_add_test(t, records_are_whole);
	tcase_add_test(t, a_record_without_room);
	tcase_add_test(t, sockets_come_and_go);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
