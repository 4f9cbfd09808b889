/* SPDX-License-Identifier: Apache-2.0 */
/* datagram.c - UDP. */
#include "check.h"

static void plain(void)
{
	int a = udp_socket(), b = udp_socket(), n;
	union name to = name_of(b), from;
	union name self = name_of(a);
	socklen_t len = sizeof(from);
	char text[16];

	DID(recv(b, text, 4, MSG_DONTWAIT), -EAGAIN);
	DID(recvfrom(b, text, 4, MSG_DONTWAIT, SA(&from), &len), -EAGAIN);
	DID(sendmsg(a, &(struct msghdr){ 0 }, 0), -EDESTADDRREQ);
	DID(sendto(a, "datagram", 8, 0, NAME(to)), 8);
	IS(poll_now(b, POLLIN, 1000), POLLIN);
	DID(recvfrom(b, text, 3, MSG_PEEK, SA(&from), &len), 3);
	IS(len, family->size);
	IS(same_name(&from, &self), 1);
	DID(recvfrom(b, text, 3, MSG_PEEK | MSG_TRUNC, SA(&from), &len), 8);
	DID(recv(b, text, 3, MSG_TRUNC), 8);		/* the rest is gone */
	DID(recv(b, text, 3, MSG_DONTWAIT), -EAGAIN);
	DID(sendto(a, "", 0, 0, NAME(to)), 0);
	DID(sendto(a, "after", 5, 0, NAME(to)), 5);
	DID(recvfrom(b, text, 16, 0, SA(&from), &len), 0);
	IS(len, family->size);
	DID(recvfrom(b, text, 16, 0, SA(&from), &len), 5);
	DID(getpeername(a, SA(&from), &len), -ENOTCONN);
	DID(sendto(a, text, 66000, 0, NAME(to)), -EMSGSIZE);
	DID(sendto(a, text, 1, 0, SA(&to), 5), -EINVAL);
	to.sa.sa_family = 77;
	DID(sendto(a, text, 1, 0, NAME(to)), family->domain == AF_INET ? -EAFNOSUPPORT : -EINVAL);
	to = away(9);
	DID(sendto(a, text, 1, 0, NAME(to)), -ENETUNREACH);
	DID(ioctl(b, FIONREAD, &n), 0);
	IS(n, 0);
	close(a);
	close(b);
}

/* Plain and named reads in turn: each name stays with its datagram. */
static void mixed(void)
{
	int s[3] = { udp_socket(), udp_socket(), udp_socket() }, b = udp_socket();
	union name to = name_of(b), from, name[3];
	socklen_t len;
	char text[16];

	for (int i = 0; i < 3; i++)
		name[i] = name_of(s[i]);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++)
			DID(sendto(s[i], "abcdefgh", (size_t)(i + round), 0, NAME(to)), i + round);
		for (int i = 0; i < 3; i++) {
			if ((i + round) % 2) {
				DID(recv(b, text, 16, 0), i + round);
				continue;
			}
			len = sizeof(from);
			DID(recvfrom(b, text, 16, 0, SA(&from), &len), i + round);
			IS(same_name(&from, &name[i]), 1);
		}
	}
	for (int i = 0; i < 3; i++)
		close(s[i]);
	close(b);
}

static void connected(void)
{
	int a = udp_socket(), b = udp_socket(), c = udp_socket();
	union name to = name_of(b), self = name_of(a), from;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(from);
	char text[16];

	DID(connect(a, NAME(to)), 0);
	DID(getpeername(a, SA(&from), &len), 0);
	IS(same_name(&from, &to), 1);
	DID(send(a, "plain", 5, 0), 5);
	DID(write(a, "write", 5), 5);
	DID(recv(b, text, 16, 0), 5);
	DID(recvfrom(b, text, 16, 0, SA(&from), &len), 5);
	IS(memcmp(text, "write", 5), 0);
	IS(same_name(&from, &self), 1);
	DID(sendto(c, "stranger", 8, 0, NAME(self)), 8);
	DID(sendto(b, "friend", 6, 0, NAME(self)), 6);
	DID(recv(a, text, 16, 0), 6);			/* the stranger is not heard */
	DID(recv(a, text, 16, MSG_DONTWAIT), -EAGAIN);
	DID(connect(a, &none, sizeof(none)), 0);
	DID(getpeername(a, SA(&from), &len), -ENOTCONN);
	close(a);
	close(b);
	close(c);
}

static void refused(void)
{
	int a = udp_socket(), b = udp_socket();
	union name to = name_of(b), from;
	socklen_t len = sizeof(from);
	char text[4];

	close(b);
	usleep(20000);
	DID(connect(a, NAME(to)), 0);
	DID(send(a, "x", 1, 0), 1);
	IS(poll_now(a, POLLIN, 1000) != 0, 1);
	DID(recvfrom(a, text, 4, 0, SA(&from), &len), -ECONNREFUSED);
	DID(recvfrom(a, text, 4, MSG_DONTWAIT, SA(&from), &len), -EAGAIN);
	DID(send(a, "x", 1, 0), 1);
	usleep(20000);
	IS(so_error(a), ECONNREFUSED);
	IS(so_error(a), 0);
	close(a);
}

static void vectors(void)
{
	int a = udp_socket(), b = udp_socket();
	union name to = name_of(b), self = name_of(a), from[4];
	char text[4][8] = { "one", "two", "three", "four" };
	struct mmsghdr m[4] = { 0 };
	struct iovec iov[4];

	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ text[i], strlen(text[i]) };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &to;
		m[i].msg_hdr.msg_namelen = sizeof(to);
	}
	DID(sendmmsg(a, m, 4, 0), 4);
	IS(m[2].msg_len, 5);
	for (int i = 0; i < 4; i++) {
		memset(text[i], 0, 8);
		iov[i].iov_len = i == 3 ? 2 : 8;
		m[i].msg_hdr.msg_name = &from[i];
		m[i].msg_hdr.msg_namelen = sizeof(from[i]);
		m[i].msg_len = 0;
	}
	DID(recvmmsg(b, m, 4, MSG_WAITFORONE, NULL), 4);
	IS(m[2].msg_len, 5);
	IS(strcmp(text[2], "three"), 0);
	IS(same_name(&from[1], &self), 1);
	IS(m[3].msg_len, 2);
	IS(m[3].msg_hdr.msg_flags & MSG_TRUNC, MSG_TRUNC);
	DID(recvmmsg(b, m, 4, MSG_DONTWAIT, NULL), -EAGAIN);
	close(a);
	close(b);
}

static void big(void)
{
	int a = udp_socket(), b = udp_socket();
	union name to = name_of(b);
	static char out[65507], in[65536];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 13);
	DID(sendto(a, out, sizeof(out), 0, NAME(to)), sizeof(out));
	DID(recv(b, in, sizeof(in), 0), sizeof(out));
	IS(memcmp(in, out, sizeof(out)), 0);
	DID(connect(a, NAME(to)), 0);
	DID(send(a, out, sizeof(out), 0), sizeof(out));
	DID(recv(b, in, sizeof(in), 0), sizeof(out));
	IS(memcmp(in, out, sizeof(out)), 0);
	close(a);
	close(b);
}

/* One more of a port that others have, too. */
static int sharing(const union name *n, const char *device)
{
	int s = socket(n->sa.sa_family, SOCK_DGRAM, 0);

	DID(set_int(s, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	if (device)
		DID(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)), 0);
	DID(bind(s, NAME(*n)), 0);
	return s;
}

/* Of several that would take it the closest gets it: its peer, its address, its device; of equals the last. */
static void closest(void)
{
	int from = udp_socket(), first = udp_socket(), s[6];
	union name self = name_of(from), to = name_of(first), wild = any(port_of(first));
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	char text[8];

	close(first);
	for (int i = 0; i < 5; i++) {
		s[i] = sharing(i < 3 ? &wild : &to, i == 2 ? "lo" : NULL);
		if (i == 4)
			DID(connect(s[i], NAME(self)), 0);
		DID(sendto(from, "x", 1, 0, NAME(to)), 1);
		for (int j = 0; j <= i; j++)
			DID(recv(s[j], text, 8, MSG_DONTWAIT), i == j ? 1 : -EAGAIN);
	}
	DID(connect(s[4], &none, sizeof(none)), 0);		/* the last of its address, though */
	DID(sendto(from, "x", 1, 0, NAME(to)), 1);
	DID(recv(s[4], text, 8, MSG_DONTWAIT), 1);
	DID(connect(s[4], NAME(to)), 0);			/* somebody else's now */
	DID(sendto(from, "x", 1, 0, NAME(to)), 1);
	DID(recv(s[4], text, 8, MSG_DONTWAIT), -EAGAIN);
	DID(recv(s[3], text, 8, MSG_DONTWAIT), 1);
	s[5] = sharing(&wild, "lo");				/* later, but less close */
	DID(sendto(from, "x", 1, 0, NAME(to)), 1);
	DID(recv(s[5], text, 8, MSG_DONTWAIT), -EAGAIN);
	DID(recv(s[3], text, 8, MSG_DONTWAIT), 1);
	for (int i = 5; i > 0; i--)
		close(s[i]);
	close(s[0]);
	close(from);
}

void test_datagram(void)
{
	closest();
	plain();
	mixed();
	connected();
	refused();
	vectors();
	big();
}
