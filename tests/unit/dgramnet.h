/* SPDX-License-Identifier: Apache-2.0 */
/* dgramnet.h - a testnet with UDP, raw and ping sockets on it, for the tests of those. */
#ifndef DGRAMNET_H
#define DGRAMNET_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "ip/errqueue.h"
#include "ip/ipv4.h"
#include "raw/raw.h"
#include "socket/socket.h"
#include "testnet.h"
#include "tests/suite.h"
#include "udp/udp.h"

static struct testnet tn;
static struct udp udp;
static struct raw raw;

static void dgramnet_setup(void)
{
	testnet_init(&tn, 1);
	ck_assert_int_eq(udp_init(&udp, &tn.env, &tn.ip), 0);
	ck_assert_int_eq(raw_init(&raw, &tn.env, &tn.ip), 0);
}

static void dgramnet_teardown(void)
{
	raw_destroy(&raw);
	udp_destroy(&udp);
	testnet_fini(&tn);
}

static inline struct sock *open_udp(void)
{
	int err;
	struct sock *sk = sock_create(&tn.ip, &udp, &udp_ops, AF_INET, IPPROTO_UDP, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

static inline struct sock *open_raw(const struct transport_ops *ops, int protocol)
{
	int err;
	struct sock *sk = sock_create(&tn.ip, &raw, ops, AF_INET, protocol, &err);

	ck_assert_ptr_nonnull(sk);
	sk->privileged = true;
	return sk;
}

static inline struct sockaddr_in name_of(const char *addr, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	ck_assert_int_eq(inet_pton(AF_INET, addr, &sin.sin_addr), 1);
	return sin;
}

static inline int bind_to(struct sock *sk, const char *addr, uint16_t port)
{
	struct sockaddr_in sin = name_of(addr, port);

	return socket_bind(sk, &sin, sizeof(sin));
}

static inline int connect_to(struct sock *sk, const char *addr, uint16_t port)
{
	struct sockaddr_in sin = name_of(addr, port);

	return socket_connect(sk, &sin, sizeof(sin));
}

static inline struct packet *payload(const void *data, uint32_t len)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);

	ck_assert_ptr_nonnull(p);
	if (len)
		ck_assert_int_eq(packet_copy_in(p, data, len), 0);
	return p;
}

/* Send, to the peer when addr is NULL. */
static inline ssize_t send_to(struct sock *sk, const char *addr, uint16_t port, const void *data,
			      uint32_t len)
{
	struct sockaddr_in sin;

	if (!addr)
		return socket_sendmsg(sk, payload(data, len), NULL, 0, NULL, 0, 0);
	sin = name_of(addr, port);
	return socket_sendmsg(sk, payload(data, len), &sin, sizeof(sin), NULL, 0, 0);
}

/* Receive into buf; the length, or -errno. */
static inline ssize_t receive_from(struct sock *sk, struct sockaddr_in *from, void *buf,
				   uint32_t size)
{
	socklen_t namelen = sizeof(*from);
	struct packet *p;
	ssize_t len;
	int err;

	p = socket_recvmsg(sk, from, from ? &namelen : NULL, NULL, NULL, NULL, &err);
	if (!p)
		return err;
	len = p->len;
	ck_assert_uint_le(p->len, size);
	packet_copy_out(p, 0, buf, p->len);
	packet_free(p);
	return len;
}

static inline ssize_t receive(struct sock *sk)
{
	char buf[65536];

	return receive_from(sk, NULL, buf, sizeof(buf));
}

static inline void set_int(struct sock *sk, int level, int name, int v)
{
	ck_assert_int_eq(socket_setsockopt(sk, level, name, &v, sizeof(v)), 0);
}

static inline int get_int(struct sock *sk, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = -12345;

	ck_assert_int_eq(socket_getsockopt(sk, level, name, &v, &len), 0);
	return v;
}

#define ETH_LEN 14u
#define US	"10.0.0.1"
#define PEER	"10.0.0.2"

static inline struct nic *open_eth(void)
{
	struct nic *nic = testnet_eth(&tn, US, 24);

	testnet_neighbour(&tn, nic, PEER);
	testnet_discard(nic);
	return nic;
}

#endif
