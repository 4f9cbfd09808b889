/* SPDX-License-Identifier: Apache-2.0 */
/* option.c - socket options and ioctls. */
#include <linux/sockios.h>
#include <net/if.h>

#include "check.h"

static void kinds(void)
{
	int t = tcp_socket(0), u = udp_socket(), l = tcp_listen(1);

	IS(get_int(t, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	IS(get_int(t, SOL_SOCKET, SO_DOMAIN), family->domain);
	IS(get_int(t, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	IS(get_int(u, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	IS(get_int(u, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
	IS(get_int(t, SOL_SOCKET, SO_ACCEPTCONN), 0);
	IS(get_int(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	IS(get_int(t, SOL_SOCKET, 9999), -ENOPROTOOPT);
	IS(get_int(t, IPPROTO_TCP, 9999), -ENOPROTOOPT);
	IS(set_int(t, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
	IS(set_int(t, IPPROTO_TCP, 9999, 1), -ENOPROTOOPT);
	close(t);
	close(u);
	close(l);
}

static void values(void)
{
	static const struct { int level, name; } flags[] = {
		{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_BROADCAST },
		{ SOL_SOCKET, SO_OOBINLINE }, { IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK },
	};
	struct linger l = { 1, 7 }, got = { 0 };
	socklen_t len = sizeof(got);
	int t = tcp_socket(0), hops = speaks_v4() ? IP_TTL : IPV6_UNICAST_HOPS,
	    class = speaks_v4() ? IP_TOS : IPV6_TCLASS;
	char byte = 1;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		IS(get_int(t, flags[i].level, flags[i].name), 0);
		IS(set_int(t, flags[i].level, flags[i].name, 1), 0);
		IS(get_int(t, flags[i].level, flags[i].name), 1);
	}
	DID(setsockopt(t, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	DID(getsockopt(t, SOL_SOCKET, SO_LINGER, &got, &len), 0);
	IS(got.l_linger, 7);
	DID(setsockopt(t, SOL_SOCKET, SO_KEEPALIVE, &byte, 1), -EINVAL);
	DID(setsockopt(t, SOL_SOCKET, SO_KEEPALIVE, (void *)1, 4), -EFAULT);
	DID(getsockopt(t, SOL_SOCKET, SO_TYPE, &got, NULL), -EFAULT);
	IS(set_int(t, IPPROTO_TCP, TCP_KEEPIDLE, 55), 0);
	IS(get_int(t, IPPROTO_TCP, TCP_KEEPIDLE), 55);
	IS(set_int(t, family->level, hops, 33), 0);
	IS(get_int(t, family->level, hops), 33);
	IS(set_int(t, family->level, hops, 333), -EINVAL);
	IS(set_int(t, family->level, class, 0x10), 0);
	IS(get_int(t, family->level, class), 0x10);
	IS(set_int(t, SOL_SOCKET, SO_RCVBUF, 50000), 0);
	IS(get_int(t, SOL_SOCKET, SO_RCVBUF), 100000);
	len = 2;			/* a short buffer gets the first bytes */
	DID(getsockopt(t, SOL_SOCKET, SO_TYPE, &got, &len), 0);
	IS(len, 2);
	close(t);
}

static void info(void)
{
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(ti);
	int p[2];

	tcp_pair(p);
	DID(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &ti, &len), 0);
	IS(ti.tcpi_state, TCP_ESTABLISHED);
	IS(get_int(p[0], IPPROTO_TCP, TCP_MAXSEG) > 500, 1);
	close(p[0]);
	close(p[1]);
}

static void controls(void)
{
	struct ifreq r = { 0 };
	struct ifconf conf = { 0 };
	char entries[1024];
	int p[2], n = -1;

	tcp_pair(p);
	strcpy(r.ifr_name, "lo");
	if (family->domain == AF_INET6) {	/* IPv4's addresses are asked of its sockets */
		DID(ioctl(p[0], SIOCGIFADDR, &r), -ENOTTY);
		DID(ioctl(p[0], SIOCGIFNETMASK, &r), -ENOTTY);
	} else {
		DID(ioctl(p[0], SIOCGIFADDR, &r), 0);
		IS(ntohl(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr), INADDR_LOOPBACK);
	}
	DID(ioctl(p[0], SIOCGIFFLAGS, &r), 0);
	IS(r.ifr_flags & (IFF_UP | IFF_LOOPBACK), IFF_UP | IFF_LOOPBACK);
	DID(ioctl(p[0], SIOCGIFMTU, &r), 0);
	IS(r.ifr_mtu, 65536);
	DID(ioctl(p[0], SIOCGIFINDEX, &r), 0);
	IS(r.ifr_ifindex, 1);
	strcpy(r.ifr_name, "none9");
	DID(ioctl(p[0], SIOCGIFFLAGS, &r), -ENODEV);
	conf.ifc_len = sizeof(entries);
	conf.ifc_buf = entries;
	DID(ioctl(p[0], SIOCGIFCONF, &conf), 0);
	IS(conf.ifc_len, sizeof(struct ifreq));
	IS(strcmp(conf.ifc_req->ifr_name, "lo"), 0);
	DID(ioctl(p[0], SIOCATMARK, &n), 0);
	IS(n, 0);
	usleep(20000);
	DID(ioctl(p[0], SIOCOUTQ, &n), 0);
	IS(n, 0);
	DID(ioctl(p[0], FIONREAD, &n), 0);
	IS(n, 0);
	n = 1;
	DID(ioctl(p[0], FIONBIO, &n), 0);
	IS(fcntl(p[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	DID(ioctl(1, SIOCATMARK, &n), -ENOTTY);
	close(p[0]);
	close(p[1]);
}

/* IP_MINTTL, IPV6_MINHOPCOUNT: what comes from too far is as if it had been lost. */
static void nearby(void)
{
	int hops = speaks_v4() ? IP_TTL : IPV6_UNICAST_HOPS, p[2];
	int level = speaks_v4() ? IPPROTO_IP : IPPROTO_IPV6;
	struct tcp_info i = { 0 };
	socklen_t len = sizeof(i);
	char c = 0;

	tcp_pair(p);
	IS(set_int(p[1], level, speaks_v4() ? IP_MINTTL : IPV6_MINHOPCOUNT, 60), 0);
	IS(set_int(p[0], level, hops, 59), 0);
	DID(write(p[0], "n", 1), 1);
	for (int n = 0; n < 500 && !i.tcpi_total_retrans; n++) {
		usleep(10000);
		DID(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	}
	IS(i.tcpi_total_retrans > 0, 1);
	IS(poll_now(p[1], POLLIN, 0), 0);
	IS(set_int(p[0], level, hops, 60), 0);
	DID(read(p[1], &c, 1), 1);
	IS(c, 'n');
	close(p[0]);
	close(p[1]);
}

void test_option(void)
{
	nearby();
	kinds();
	values();
	info();
	controls();
}
