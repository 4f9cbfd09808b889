/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - a message of the caller's: its structures, and room for its bytes (message.h).
 *
 * What is done here reads the caller's structures once, and uses what was read.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "intercept/message.h"

void message_reset(struct message *m, int flags)
{
	m->flags = flags;
	m->flags_out = 0;
	m->namelen = 0;
	m->controllen = 0;
	m->later = m->take = false;
}

/* ---- the caller's structures ---- */

static int message_iov(struct call *c, struct message *m)
{
	int err;

	m->niov = m->hdr.msg_iovlen;
	if (m->niov > MESSAGE_IOV)
		return -EMSGSIZE;
	err = call_read(c, (uint64_t)(uintptr_t)m->hdr.msg_iov, m->iov, m->niov * sizeof(m->iov[0]));
	if (err)
		return err;
	m->total = 0;
	for (size_t i = 0; i < m->niov; i++) {
		if (m->iov[i].iov_len > SSIZE_MAX)
			return -EINVAL;
		if (m->iov[i].iov_len > INT_MAX - m->total)
			m->iov[i].iov_len = INT_MAX - m->total;
		m->total += m->iov[i].iov_len;
	}
	return 0;
}

int message_read(struct call *c, struct message *m, uint64_t at, int flags, bool sending)
{
	int err;

	message_reset(m, flags);
	m->at = at;
	m->niov = m->total = 0;
	err = call_read(c, at, &m->hdr, sizeof(m->hdr));
	if (err)
		return err;
	err = message_iov(c, m);
	if (err || !sending)
		return err;
	if (m->hdr.msg_name) {
		m->namelen = m->hdr.msg_namelen;
		err = call_read_name(c, (uint64_t)(uintptr_t)m->hdr.msg_name, m->namelen, &m->name);
		if (err)
			return err;
	}
	if (!m->hdr.msg_control || !m->hdr.msg_controllen)
		return 0;
	if (m->hdr.msg_controllen > MESSAGE_CONTROL)
		return -ENOBUFS;
	m->controllen = m->hdr.msg_controllen;
	return call_read(c, (uint64_t)(uintptr_t)m->hdr.msg_control, m->control, m->controllen);
}

/* What recvmsg tells beside the bytes. */
int message_write(struct call *c, struct message *m, const void *name, socklen_t namelen,
			 const void *control, size_t controllen, int flags)
{
	int err = 0;

	if (namelen && m->hdr.msg_name)
		err = call_write(c, (uint64_t)(uintptr_t)m->hdr.msg_name, name,
				 namelen < m->hdr.msg_namelen ? namelen : m->hdr.msg_namelen);
	if (err)
		return err;
	if (controllen > m->hdr.msg_controllen || !m->hdr.msg_control) {
		flags |= controllen ? MSG_CTRUNC : 0;
		controllen = m->hdr.msg_control ? m->hdr.msg_controllen : 0;
	}
	err = call_write(c, (uint64_t)(uintptr_t)m->hdr.msg_control, control, controllen);
	if (err)
		return err;
	m->hdr.msg_namelen = namelen;
	m->hdr.msg_controllen = controllen;
	m->hdr.msg_flags = flags;
	if (!m->hdr.msg_name)		/* the kernel leaves the length alone then */
		return call_write(c, m->at + offsetof(struct msghdr, msg_controllen),
				  &m->hdr.msg_controllen,
				  sizeof(m->hdr) - offsetof(struct msghdr, msg_controllen));
	return call_write(c, m->at, &m->hdr, sizeof(m->hdr));
}

/* ---- room for what is read from the program ---- */

int room_reserve(struct intercept *ic, struct room *r, uint32_t n, bool part)
{
	uint32_t left = 0;
	struct buf *b = intercept_buf(ic, n ? n : 1, &left);

	if (!b)
		return -ENOBUFS;
	if (part && n > left)
		n = left;
	*r = (struct room){ .off = ic->buf_off, .len = n };
	if (n > left)
		return 0;
	r->buf = buf_get(b);
	ic->buf_off += n;
	return 0;
}

static int room_fill(struct call *c, const struct message *m, const struct room *r)
{
	int err = remote_gather(c->tid, m->iov, m->niov, 0,
				r->buf ? r->buf->data + r->off : c->worker->scratch, r->len);

	return err ? -EFAULT : call_valid(c) ? 0 : -EINTR;
}

static void room_release(struct call *c, struct room *r)
{
	turn_take(c->ic);
	buf_put(r->buf);
	turn_give(c->ic);
}

int64_t room_use(struct call *c, struct message *m, struct room *r,
		 int64_t (*act)(struct call *c, struct isock *is, struct message *m, const struct room *r))
{
	int err = room_fill(c, m, r);
	int64_t result;
	struct isock *is = call_enter(c, err, &result);

	if (!is) {
		room_release(c, r);
		return result;
	}
	result = act(c, is, m, r);
	buf_put(r->buf);
	call_leave(c);
	return result;
}
