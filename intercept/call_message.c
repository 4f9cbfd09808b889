/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_message.c - sendto and recvfrom with an address, sendmsg, recvmsg, sendmmsg, recvmmsg (message.h).
 *
 * recvmmsg and sendmmsg of datagrams wait for the first message only: they return early rather than
 * wait for the later ones.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "intercept/message.h"

#define MESSAGE_VLEN	1024u

/* err: of reading the message */
static int64_t message_send(struct call *c, struct message *m, int err)
{
	struct room r = { 0 };
	int64_t result;
	struct isock *is;
	uint32_t seen;
	bool stream, syn;

	m->nonblock = (m->flags & MSG_DONTWAIT) || call_nonblock(c);
	is = call_enter(c, err, &result);
	if (!is)
		return result;
	seen = is->wakes;
	stream = is->type == SOCK_STREAM;
	syn = stream && message_stream_fastopens(c, is, m);
	result = stream ? message_stream_send_act(c, is, m, &r) : message_dgram_send_act(c, is, m, &r);
	call_leave(c);
	if (result != CALL_GO)
		return result;
	if (syn)
		return message_stream_fastopen(c, m, &r);
	return stream ? message_stream_send(c, m, seen) : message_dgram_send(c, m, &r);
}

static int64_t message_recv(struct call *c, struct message *m, int err)
{
	int fd = call_fd(c);
	int64_t result;
	struct isock *is;
	uint32_t seen;
	bool stream;

	if (fd < 0)
		return fd;
	m->nonblock = (m->flags & MSG_DONTWAIT) || call_nonblock(c);
	is = call_enter(c, err, &result);
	if (!is)
		return result;
	seen = is->wakes;
	stream = is->type == SOCK_STREAM;
	result = stream ? message_stream_recv_act(is, m) : message_dgram_recv_begin(c, is, m, fd);
	call_leave(c);
	if (result == CALL_GO)
		result = stream ? message_stream_recv(c, m, seen) : message_dgram_recv(c, m, fd, seen);
	if (result < 0)
		return result;
	if (!stream)
		return message_dgram_recv_finish(c, m, (size_t)result);
	/* a stream has no names */
	if (m->at)
		err = message_write(c, m, "", 0, "", 0, m->flags_out);
	else
		err = c->args[4] ? call_write_name(c, c->args[4], c->args[5], "", 0) : 0;
	return err ? err : result;
}

static struct message *message_new(int64_t *result)
{
	struct message *m = malloc(sizeof(*m));

	*result = m ? 0 : -ENOBUFS;
	if (!m)
		return NULL;
	m->at = 0;
	message_reset(m, 0);
	return m;
}

/* sendto and recvfrom are messages of one piece. */
static struct message *message_plain(struct call *c, int64_t *result)
{
	struct message *m = message_new(result);

	if (!m)
		return NULL;
	m->iov[0].iov_base = (void *)(uintptr_t)c->args[1];
	m->iov[0].iov_len = c->args[2] < INT_MAX ? c->args[2] : INT_MAX;
	m->niov = 1;
	m->total = m->iov[0].iov_len;
	m->flags = (int)c->args[3];
	return m;
}

int64_t call_sendto(struct call *c)
{
	int64_t result;
	struct message *m = message_plain(c, &result);
	int err;

	if (!m)
		return result;
	m->namelen = (socklen_t)c->args[5];
	err = call_read_name(c, c->args[4], c->args[5], &m->name);
	result = message_send(c, m, err);
	free(m);
	return result;
}

int64_t call_recvfrom(struct call *c)
{
	int64_t result;
	struct message *m = message_plain(c, &result);

	if (m)
		result = message_recv(c, m, 0);
	free(m);
	return result;
}

static int64_t message_one(struct call *c, bool sending)
{
	int64_t result;
	struct message *m = message_new(&result);
	int err;

	if (!m)
		return result;
	err = message_read(c, m, c->args[1], (int)c->args[2], sending);
	result = sending ? message_send(c, m, err) : message_recv(c, m, err);
	free(m);
	return result;
}

int64_t call_sendmsg(struct call *c)
{
	return message_one(c, true);
}

int64_t call_recvmsg(struct call *c)
{
	return message_one(c, false);
}

/* Both of the vector calls: how many messages were done, or the first one's result. */
static int64_t message_vector(struct call *c, bool sending)
{
	uint32_t vlen = (uint32_t)c->args[2] < MESSAGE_VLEN ? (uint32_t)c->args[2] : MESSAGE_VLEN, len;
	int flags = (int)c->args[3], err;
	int64_t result;
	struct message *m = message_new(&result);
	uint32_t i;

	for (i = 0; m && i < vlen; i++) {
		uint64_t at = c->args[1] + i * sizeof(struct mmsghdr);

		err = message_read(c, m, at, i ? flags | MSG_DONTWAIT : flags, sending);
		m->later = i > 0;
		result = sending ? message_send(c, m, err) : message_recv(c, m, err);
		if (result < 0)
			break;
		len = (uint32_t)result;
		c->done = 0;
		result = call_write(c, at + offsetof(struct mmsghdr, msg_len), &len, sizeof(len));
		if (result)
			break;
	}
	free(m);
	return i ? i : result;
}

int64_t call_sendmmsg(struct call *c)
{
	return message_vector(c, true);
}

int64_t call_recvmmsg(struct call *c)
{
	return message_vector(c, false);
}
