/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp.c - UDP sockets (RFC 768, RFC 1122 4.1).
 *
 * Theory of operation. A socket gets its port by bind(), or an ephemeral one when it first
 * connects or sends. connect() only notes the peer: what others send is not for the socket any
 * more, an ICMP error from the peer's host is (ECONNREFUSED on the next call, RFC 1122 4.1.3.3),
 * and sends need no name. Sending never waits: bytes below the socket are bounded by SO_SNDBUF,
 * and poll says OUT once half of that is free. input.c finds the socket of a datagram, output.c
 * builds one.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "udp/sock.h"

static int udp_sock_init(struct sock *sk)
{
	return sock_enlist(sk, &udp_of(sk)->socks, &udp_of(sk)->set);
}

static void udp_close(struct sock *sk, bool abort)
{
	(void)abort;
	udp_set_gro(sk, false);
	packet_free(udp_sk(sk)->corked);
	dgram_free(dgram_sk(sk));
}

static int udp_bind(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	return port_bind(&udp_of(sk)->ports, sk, a, port);
}

static int udp_connect(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	if (!sk->lport && port_autobind(&udp_of(sk)->ports, sk))
		return -EAGAIN;
	return dgram_connect(sk, a, port);
}

static int set_segment(struct udp_sock *us, int v)
{
	if (v < 0 || v > UINT16_MAX)
		return -EINVAL;
	us->gso_size = (uint16_t)v;
	return 0;
}

static int udp_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len)
{
	struct udp_sock *us = udp_sk(sk);
	int n;

	if (level != IPPROTO_UDP)
		return -ENOPROTOOPT;
	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, v, sizeof(n));
	switch (name) {
	case UDP_CORK:
		us->cork = n;
		return n ? 0 : udp_push(sk);
	case UDP_SEGMENT:
		return set_segment(us, n);
	case UDP_GRO:
		udp_set_gro(sk, n);
		return 0;
	case UDP_NO_CHECK6_TX:
		us->no_check6_tx = n;
		return 0;
	case UDP_NO_CHECK6_RX:
		us->no_check6_rx = n;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int udp_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	const struct udp_sock *us = udp_sk(sk);
	int n;

	if (level != IPPROTO_UDP)
		return -ENOPROTOOPT;
	switch (name) {
	case UDP_CORK:		n = us->cork; break;
	case UDP_SEGMENT:	n = us->gso_size; break;
	case UDP_GRO:		n = us->gro; break;
	case UDP_NO_CHECK6_TX:	n = us->no_check6_tx; break;
	case UDP_NO_CHECK6_RX:	n = us->no_check6_rx; break;
	default:		return -ENOPROTOOPT;
	}
	if (*len > sizeof(n))
		*len = sizeof(n);
	memcpy(v, &n, *len);
	return 0;
}

const struct transport_ops udp_ops = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_UDP,
	.size = sizeof(struct udp_sock),
	.init = udp_sock_init,
	.close = udp_close,
	.bind = udp_bind,
	.connect = udp_connect,
	.disconnect = dgram_disconnect,
	.shutdown = dgram_shutdown,
	.poll = dgram_poll,
	.unsent = dgram_unsent,
	.send = udp_send,
	.recv = dgram_recv,
	.recverr = dgram_recverr,
	.pending = dgram_pending,
	.setsockopt = udp_setsockopt,
	.getsockopt = udp_getsockopt,
};

static const struct ip_protocol udp_protocol = {
	.input = udp_input,
	.error = udp_error,
};

int udp_init(struct udp *udp, struct env *env, struct ip *ip)
{
	int err;

	udp->env = env;
	udp->ip = ip;
	list_init(&udp->socks);
	udp->set = (struct sock_set){ .row = NULL };
	udp->gro_socks = 0;
	err = port_table_init(&udp->ports, env);
	if (err)
		return err;
	ip_register(ip, IPPROTO_UDP, &udp_protocol, udp);
	return 0;
}

void udp_destroy(struct udp *udp)
{
	list_for_each_safe(n, &udp->socks)
		udp_close(list_entry(n, struct sock, all), true);
	sock_set_free(&udp->set);
	port_table_destroy(&udp->ports);
}
