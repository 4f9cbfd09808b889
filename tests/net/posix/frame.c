/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - packet sockets (packet(7)) on loopback, filters (socket(7)), and UDP many in one and
 * one of many. */
#include "check.h"
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define LO 1

static int packet_socket(int type, uint16_t proto)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = LO, .sll_protocol = htons(proto),
	};
	int fd = socket(AF_PACKET, type, 0);

	IS(fd >= 0, 1);
	DID(bind(fd, SA(&ll), sizeof(ll)), 0);
	return fd;
}

static void names(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = 4242 };
	int fd = packet_socket(SOCK_RAW, ETH_P_IP), v;
	socklen_t len = sizeof(ll);

	DID(bind(fd, SA(&ll), sizeof(ll)), -ENODEV);
	DID(bind(fd, SA(&ll), 8), -EINVAL);
	DID(connect(fd, SA(&ll), sizeof(ll)), -EOPNOTSUPP);
	DID(listen(fd, 1), -EOPNOTSUPP);
	DID(getpeername(fd, SA(&ll), &len), -EOPNOTSUPP);
	len = sizeof(ll);
	DID(getsockname(fd, SA(&ll), &len), 0);
	IS(len, 18);
	IS(ll.sll_ifindex, LO);
	IS(ll.sll_protocol, htons(ETH_P_IP));
	IS(ll.sll_hatype, 772);
	IS(ll.sll_halen, 6);
	len = sizeof(v);
	DID(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len), 0);
	IS(v, SOCK_RAW);
	DID(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &len), 0);
	IS(v, AF_PACKET);
	DID(setsockopt(fd, SOL_PACKET, 999, &v, sizeof(v)), -ENOPROTOOPT);
	DID(socket(AF_PACKET, SOCK_STREAM, 0), -ESOCKTNOSUPPORT);
	close(fd);
}

/* A datagram to ourselves, seen with its link header (of zeros), without it, and both ways. */
static void seen(void)
{
	uint16_t proto = speaks_v4() ? ETH_P_IP : ETH_P_IPV6;
	int header = speaks_v4() ? 20 : 40;
	int raw = packet_socket(SOCK_RAW, proto), dgram = packet_socket(SOCK_DGRAM, proto),
	    all = packet_socket(SOCK_RAW, ETH_P_ALL), a = udp_socket(), b = udp_socket(), one = 1;
	union name to = name_of(b);
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	uint8_t f[256];
	union { struct cmsghdr h; char b[256]; } space;
	struct iovec iov = { f, sizeof(f) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof(space) };
	struct tpacket_auxdata aux;
	struct tpacket_stats st;

	DID(setsockopt(raw, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	DID(sendto(a, "frame", 5, 0, NAME(to)), 5);
	IS(poll_now(raw, POLLIN, 1000), POLLIN);
	DID(recvmsg(raw, &m, 0), 14 + header + 13);
	IS(memcmp(f, "\0\0\0\0\0\0\0\0\0\0\0\0", 12), 0);
	IS(f[12] << 8 | f[13], proto);
	IS(f[14], speaks_v4() ? 0x45 : 0x60);
	IS(memcmp(f + 14 + header + 8, "frame", 5), 0);
	IS(space.h.cmsg_level, SOL_PACKET);
	IS(space.h.cmsg_type, PACKET_AUXDATA);
	memcpy(&aux, CMSG_DATA(&space.h), sizeof(aux));
	IS(aux.tp_len, 14 + header + 13);
	IS(aux.tp_snaplen, 14 + header + 13);
	IS(aux.tp_net, 14);
	IS(aux.tp_status & TP_STATUS_USER, TP_STATUS_USER);
	IS(poll_now(dgram, POLLIN, 1000), POLLIN);
	DID(recvfrom(dgram, f, sizeof(f), 0, SA(&from), &len), header + 13);
	IS(len, sizeof(from));
	IS(from.sll_pkttype, PACKET_HOST);
	IS(from.sll_protocol, htons(proto));
	IS(from.sll_ifindex, LO);
	for (int i = 0; i < 2; i++) {
		IS(poll_now(all, POLLIN, 1000), POLLIN);
		DID(recvfrom(all, f, sizeof(f), 0, SA(&from), &len), 14 + header + 13);
		IS(from.sll_pkttype, i ? PACKET_HOST : PACKET_OUTGOING);
	}
	len = sizeof(st);
	DID(getsockopt(all, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	IS(st.tp_packets, 2);
	IS(st.tp_drops, 0);
	for (size_t i = 0; i < 5; i++)
		close((int[]){ raw, dgram, all, a, b }[i]);
}

/* Frames of our own making: others see them go and come. */
static void sent(void)
{
	int raw = packet_socket(SOCK_RAW, 0), dgram = packet_socket(SOCK_DGRAM, 0),
	    all = packet_socket(SOCK_RAW, ETH_P_ALL);
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = LO, .sll_protocol = htons(0x88b5),
	}, from;
	socklen_t len;
	uint8_t f[60] = { [12] = 0x88, 0xb5, 42 }, g[100];

	DID(sendto(raw, f, sizeof(f), 0, SA(&ll), sizeof(ll)), sizeof(f));
	DID(sendto(dgram, f + 14, sizeof(f) - 14, 0, SA(&ll), sizeof(ll)), sizeof(f) - 14);
	for (int i = 0; i < 4; i++) {
		len = sizeof(from);
		IS(poll_now(all, POLLIN, 1000), POLLIN);
		DID(recvfrom(all, g, sizeof(g), 0, SA(&from), &len), sizeof(f));
		IS(memcmp(g, f, sizeof(f)), 0);
		IS(from.sll_pkttype, i % 2 ? PACKET_HOST : PACKET_OUTGOING);
	}
	DID(sendto(raw, f, 10, 0, SA(&ll), sizeof(ll)), -EINVAL);
	ll.sll_ifindex = 4242;
	DID(sendto(raw, f, sizeof(f), 0, SA(&ll), sizeof(ll)), -ENXIO);
	close(raw);
	close(dgram);
	close(all);
}

static void filtered(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'k', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 10), BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog f = { .len = 4, .filter = insns };
	int a = udp_socket(), b = udp_socket(), one = 1, zero = 0;
	union name to = name_of(b);
	char text[64];

	DID(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)), -ENOENT);
	insns[3].code = BPF_LD | BPF_IMM;		/* no return at the end */
	DID(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)), -EINVAL);
	insns[3].code = BPF_RET | BPF_K;
	insns[1].jf = 5;				/* past the end */
	DID(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)), -EINVAL);
	insns[1].jf = 1;
	DID(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)), 0);
	DID(sendto(a, "drop", 4, 0, NAME(to)), 4);
	DID(sendto(a, "keep", 4, 0, NAME(to)), 4);
	IS(poll_now(b, POLLIN, 1000), POLLIN);
	DID(recv(b, text, sizeof(text), 0), 2);
	DID(recv(b, text, sizeof(text), MSG_DONTWAIT), -EAGAIN);
	DID(setsockopt(b, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)), 0);
	DID(setsockopt(b, SOL_SOCKET, SO_LOCK_FILTER, &zero, sizeof(zero)), -EPERM);
	DID(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)), -EPERM);
	close(a);
	close(b);
}

static void corked(void)
{
	int a = udp_socket(), b = udp_socket(), one = 1, zero = 0;
	union name to = name_of(b);
	char text[64];

	DID(sendto(a, "one", 3, MSG_MORE, NAME(to)), 3);
	DID(recv(b, text, sizeof(text), MSG_DONTWAIT), -EAGAIN);
	DID(sendto(a, "two", 3, 0, NAME(to)), 3);
	IS(poll_now(b, POLLIN, 1000), POLLIN);
	DID(recv(b, text, sizeof(text), 0), 6);
	IS(memcmp(text, "onetwo", 6), 0);
	DID(connect(a, NAME(to)), 0);
	DID(setsockopt(a, IPPROTO_UDP, UDP_CORK, &one, sizeof(one)), 0);
	DID(send(a, "three", 5, 0), 5);
	DID(send(a, "four", 4, 0), 4);
	DID(recv(b, text, sizeof(text), MSG_DONTWAIT), -EAGAIN);
	DID(setsockopt(a, IPPROTO_UDP, UDP_CORK, &zero, sizeof(zero)), 0);
	IS(poll_now(b, POLLIN, 1000), POLLIN);
	DID(recv(b, text, sizeof(text), 0), 9);
	close(a);
	close(b);
}

static void bulk(void)
{
	int a = udp_socket(), b = udp_socket(), size = 1000, one = 1, got = 0;
	union name to = name_of(b);
	static char out[3500], in[4000];
	union { struct cmsghdr h; char b[256]; } space;
	struct iovec iov = { in, sizeof(in) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof(space) };

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 13);
	DID(setsockopt(a, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	DID(sendto(a, out, sizeof(out), 0, NAME(to)), sizeof(out));
	for (int i = 0; i < 4; i++) {
		IS(poll_now(b, POLLIN, 1000), POLLIN);
		DID(recv(b, in, sizeof(in), 0), i < 3 ? 1000 : 500);
		IS(memcmp(in, out + 1000 * i, i < 3 ? 1000 : 500), 0);
	}
	DID(setsockopt(b, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)), 0);
	DID(sendto(a, out, sizeof(out), 0, NAME(to)), sizeof(out));
	IS(poll_now(b, POLLIN, 1000), POLLIN);
	DID(recvmsg(b, &m, 0), sizeof(out));
	IS(memcmp(in, out, sizeof(out)), 0);
	IS(space.h.cmsg_level, IPPROTO_UDP);
	IS(space.h.cmsg_type, UDP_GRO);
	memcpy(&got, CMSG_DATA(&space.h), sizeof(got));
	IS(got, 1000);
	close(a);
	close(b);
}

void test_frame(void)
{
	names();
	seen();
	sent();
	filtered();
	corked();
	bulk();
}
