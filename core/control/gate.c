/* SPDX-License-Identifier: Apache-2.0 */
/* gate.c - questions and answers about who may command (gate.h). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/gate.h"

union room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int gate_ask(int sock, const struct gate_question *q, int fd)
{
	union room room = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
				       .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)q, sizeof(*q) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &room,
			    .msg_controllen = sizeof(room.bytes) };

	memcpy(CMSG_DATA(&room.align), &fd, sizeof(fd));
	return sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int gate_answered(int sock, struct gate_answer *a)
{
	ssize_t n = recv(sock, a, sizeof(*a), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPIPE;
	return n == sizeof(*a) ? 0 : -EPIPE;
}

int gate_question(int sock, struct gate_question *q, int *fd)
{
	union room room;
	struct iovec iov = { q, sizeof(*q) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &room,
			    .msg_controllen = sizeof(room.bytes) };
	const struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*q))
		return -EPIPE;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPIPE;
	memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return 0;
}

int gate_answer(int sock, const struct gate_answer *a)
{
	return send(sock, a, sizeof(*a), MSG_NOSIGNAL) < 0 ? -errno : 0;
}
