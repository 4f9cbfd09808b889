/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.c - the bytes of a packet: a linear part and fragments (weir/packet.h).
 *
 * Whoever asks for the impossible (a push without headroom, a skip past the end) has made a
 * mistake inside the core: the process aborts rather than write where it must not. What comes from
 * outside is checked by the caller against len, or by packet_need.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/pool.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline void must(bool ok)
{
	if (__builtin_expect(!ok, 0))
		abort();
}

static uint32_t headroom(const struct packet *p)
{
	return (uint32_t)(p->data - p->base);
}

static uint32_t tailroom(const struct packet *p)
{
	return p->room - headroom(p) - p->linear;
}

/* ---- life ---- */

struct packet *packet_alloc_for(struct packet_pool *pool, enum pool_use use, uint32_t room)
{
	struct packet *p;

	must(room <= PACKET_HEAD_SIZE);
	p = packet_pool_get(pool, use);
	if (!p)
		return NULL;
	/* The large arrays stay as they are: nfrags says how much of frags is valid. */
	memset(p, 0, offsetof(struct packet, frags));
	p->pool = pool;
	p->base = p->head;
	p->data = p->head + room;
	p->room = PACKET_HEAD_SIZE;
	p->truesize = sizeof(*p);
	p->priority = p->mark = 0;
	return p;
}

struct packet *packet_alloc(struct packet_pool *pool, uint32_t room)
{
	return packet_alloc_for(pool, POOL_KEPT, room);
}

void packet_free(struct packet *p)
{
	if (!p)
		return;
	if (p->destructor)
		p->destructor(p);
	buf_put(p->linear_buf);
	for (uint32_t i = 0; i < p->nfrags; i++)
		buf_put(p->frags[i].buf);
	packet_pool_put(p);
}

/* Copy the bytes at base, headers already pulled included, so that all offsets stay valid. */
static int copy_linear(struct packet *to, const struct packet *from)
{
	uint32_t used = headroom(from) + from->linear;

	to->linear_buf = NULL;
	to->base = to->head;
	to->room = PACKET_HEAD_SIZE;
	if (used > PACKET_HEAD_SIZE) {
		to->linear_buf = buf_alloc(to->pool, used);
		if (!to->linear_buf)
			return -ENOMEM;
		to->base = to->linear_buf->data;
		to->room = to->linear_buf->size;
	}
	to->data = to->base + headroom(from);
	memcpy(to->base, from->base, used);
	return 0;
}

/* A packet like p, but nobody's, and without its bytes. */
static struct packet *clone_begin(const struct packet *p)
{
	struct packet *c = packet_pool_get(p->pool, POOL_KEPT);

	if (!c)
		return NULL;
	memcpy(c, p, offsetof(struct packet, frags));
	memcpy(c->cb, p->cb, sizeof(c->cb));
	c->priority = p->priority;
	c->mark = p->mark;
	c->next = NULL;
	c->destructor = NULL;
	c->owner = NULL;
	c->charged = 0;
	return c;
}

/* p's fragments become c's, from its fragment at on. */
static void clone_frags(struct packet *c, uint32_t at, const struct packet *p)
{
	for (uint32_t i = 0; i < p->nfrags; i++) {
		c->frags[at + i] = p->frags[i];
		buf_get(p->frags[i].buf);
	}
	c->nfrags = at + p->nfrags;
}

struct packet *packet_clone(const struct packet *p)
{
	struct packet *c = clone_begin(p);

	if (!c)
		return NULL;
	if (copy_linear(c, p) < 0) {
		packet_pool_put(c);
		return NULL;
	}
	if (p->linear_buf)
		c->truesize -= buf_truesize(p->linear_buf);
	if (c->linear_buf)
		c->truesize += buf_truesize(c->linear_buf);
	clone_frags(c, 0, p);
	return c;
}

struct packet *packet_share(const struct packet *p)
{
	uint32_t used = headroom(p) + p->linear;
	struct packet *c;

	if (used <= PACKET_HEAD_SIZE || headroom(p) > PACKET_HEAD_SIZE || p->nfrags == PACKET_FRAGS)
		return packet_clone(p);
	c = clone_begin(p);
	if (!c)
		return NULL;
	c->linear_buf = NULL;
	c->base = c->head;
	c->room = PACKET_HEAD_SIZE;
	c->data = c->base + headroom(p);
	c->linear = PACKET_HEAD_SIZE - headroom(p);
	memcpy(c->base, p->base, PACKET_HEAD_SIZE);
	c->frags[0] = (struct packet_frag){ buf_get(p->linear_buf),
					    (uint32_t)(p->base - p->linear_buf->data) + PACKET_HEAD_SIZE,
					    p->linear - c->linear };
	clone_frags(c, 1, p);
	return c;
}

/* ---- the linear part ---- */

uint8_t *packet_push(struct packet *p, uint32_t n)
{
	must(n <= headroom(p));
	p->data -= n;
	p->linear += n;
	p->len += n;
	return p->data;
}

uint8_t *packet_pull(struct packet *p, uint32_t n)
{
	must(n <= p->linear);
	p->data += n;
	p->linear -= n;
	p->len -= n;
	return p->data;
}

uint8_t *packet_put(struct packet *p, uint32_t n)
{
	uint8_t *end = p->data + p->linear;

	must(n <= tailroom(p) && !p->nfrags);
	p->linear += n;
	p->len += n;
	return end;
}

/* Move the linear part into a new buffer with room for n bytes from data on. */
static bool move_linear(struct packet *p, uint32_t n)
{
	struct buf *b = buf_alloc(p->pool, headroom(p) + n);

	if (!b)
		return false;
	memcpy(b->data, p->base, headroom(p) + p->linear);
	p->data = b->data + headroom(p);
	p->base = b->data;
	p->room = b->size;
	p->truesize += buf_truesize(b);
	if (p->linear_buf)
		p->truesize -= buf_truesize(p->linear_buf);
	buf_put(p->linear_buf);
	p->linear_buf = b;
	return true;
}

/* ---- fragments ---- */

static void drop_frag_bytes(struct packet *p, uint32_t n)
{
	uint32_t gone = 0;

	while (n && gone < p->nfrags) {
		struct packet_frag *f = &p->frags[gone];
		uint32_t part = min_u32(n, f->len);

		f->off += part;
		f->len -= part;
		n -= part;
		if (f->len)
			break;
		buf_put(f->buf);
		gone++;
	}
	p->nfrags -= gone;
	memmove(p->frags, p->frags + gone, p->nfrags * sizeof(p->frags[0]));
}

bool packet_need(struct packet *p, uint32_t n)
{
	uint32_t missing;
	bool shared;

	if (n <= p->linear)
		return true;
	if (n > p->len)
		return false;
	missing = n - p->linear;
	shared = p->linear_buf && p->linear_buf->refs > 1;	/* others may refer to its tail */
	if ((shared || missing > tailroom(p)) && !move_linear(p, n))
		return false;
	packet_copy_out(p, p->linear, p->data + p->linear, missing);
	p->linear = n;
	drop_frag_bytes(p, missing);
	return true;
}

void packet_skip(struct packet *p, uint32_t n)
{
	uint32_t linear = min_u32(n, p->linear);

	must(n <= p->len);
	packet_pull(p, linear);
	p->len -= n - linear;
	drop_frag_bytes(p, n - linear);
}

void packet_trim(struct packet *p, uint32_t n)
{
	uint32_t left;

	must(n <= p->len);
	p->linear = min_u32(p->linear, n);
	p->len = n;
	left = n - p->linear;
	for (uint32_t i = 0; i < p->nfrags; i++) {
		struct packet_frag *f = &p->frags[i];

		f->len = min_u32(f->len, left);
		left -= f->len;
	}
	while (p->nfrags && !p->frags[p->nfrags - 1].len)
		buf_put(p->frags[--p->nfrags].buf);
}

/* Make the last fragment longer, where the new bytes follow it in the same buffer. */
static bool join(struct packet *p, const struct buf *b, uint32_t off, uint32_t len)
{
	struct packet_frag *last = p->nfrags ? &p->frags[p->nfrags - 1] : NULL;

	if (!last || last->buf != b || last->off + last->len != off)
		return false;
	last->len += len;
	return true;
}

bool packet_append(struct packet *p, struct buf *b, uint32_t off, uint32_t len)
{
	must(off <= b->size && len <= b->size - off);
	if (!len)
		return true;
	if (!join(p, b, off, len)) {
		if (p->nfrags == PACKET_FRAGS)
			return false;
		p->frags[p->nfrags++] = (struct packet_frag){ buf_get(b), off, len };
	}
	p->len += len;
	p->truesize += len;
	return true;
}

/* ---- copying ---- */

/* The next contiguous piece of [off, off+n): where it is, and how long. n > 0. */
static uint8_t *piece(const struct packet *p, uint32_t off, uint32_t n, uint32_t *len)
{
	uint32_t i = 0;

	if (off < p->linear) {
		*len = min_u32(n, p->linear - off);
		return p->data + off;
	}
	for (off -= p->linear; off >= p->frags[i].len; i++)
		off -= p->frags[i].len;
	*len = min_u32(n, p->frags[i].len - off);
	return p->frags[i].buf->data + p->frags[i].off + off;
}

void packet_copy_out(const struct packet *p, uint32_t off, void *dst, uint32_t n)
{
	uint8_t *to = dst;
	uint32_t len;

	must(off <= p->len && n <= p->len - off);
	for (; n; off += len, to += len, n -= len) {
		const uint8_t *from = piece(p, off, n, &len);

		memcpy(to, from, len);
	}
}

int packet_iov(const struct packet *p, uint32_t off, uint32_t n, struct iovec *iov, int max)
{
	int used = 0;
	uint32_t len;

	must(off <= p->len && n <= p->len - off);
	for (; n && used < max; off += len, n -= len, used++) {
		iov[used].iov_base = piece(p, off, n, &len);
		iov[used].iov_len = len;
	}
	return used;
}

/* Room for n bytes at the end, in new buffers, contents undefined. */
static int append_room(struct packet *p, uint32_t n)
{
	uint32_t before = p->len, part;
	uint32_t truesize = p->truesize;

	for (; n; n -= part) {
		struct buf *b = NULL;
		bool ok;

		part = min_u32(n, PACKET_BUF_LARGE);
		if (p->nfrags < PACKET_FRAGS)
			b = buf_alloc(p->pool, part);
		if (!b) {
			packet_trim(p, before);
			p->truesize = truesize;
			return -ENOMEM;
		}
		ok = packet_append(p, b, 0, part);
		must(ok);
		p->truesize += buf_truesize(b) - part;
		buf_put(b);
	}
	return 0;
}

/* Copy to bytes that the packet has already. */
static void overwrite(struct packet *p, uint32_t off, const void *src, uint32_t n)
{
	const uint8_t *from = src;
	uint32_t len;

	for (; n; off += len, from += len, n -= len) {
		uint8_t *to = piece(p, off, n, &len);

		memcpy(to, from, len);
	}
}

int packet_copy_in(struct packet *p, const void *src, uint32_t n)
{
	uint32_t end = p->len;
	int ret = append_room(p, n);

	if (!ret)
		overwrite(p, end, src, n);
	return ret;
}

static int append_copy(struct packet *p, const struct packet *src, uint32_t off, uint32_t n)
{
	uint32_t end = p->len, len;
	int ret = append_room(p, n);

	if (ret)
		return ret;
	for (; n; off += len, end += len, n -= len) {
		const uint8_t *from = piece(src, off, n, &len);

		overwrite(p, end, from, len);
	}
	return 0;
}

/* The bytes [off, off+len) by reference. False: p is short of fragments (it may hold a part). */
static bool append_shared(struct packet *p, const struct packet *src, uint32_t off, uint32_t len)
{
	if (off < src->linear) {
		struct buf *b = src->linear_buf;
		uint32_t part = min_u32(len, src->linear - off);

		if (!packet_append(p, b, (uint32_t)(src->data - b->data) + off, part))
			return false;
		off += part;
		len -= part;
	}
	off -= len ? src->linear : 0;
	for (uint32_t i = 0; len; i++) {
		const struct packet_frag *f = &src->frags[i];
		uint32_t part;

		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		part = min_u32(len, f->len - off);
		if (!packet_append(p, f->buf, f->off + off, part))
			return false;
		len -= part;
		off = 0;
	}
	return true;
}

int packet_append_from(struct packet *p, const struct packet *src, uint32_t off, uint32_t len)
{
	uint32_t before = p->len, truesize = p->truesize, in_head = 0;
	int ret = 0;

	must(off <= src->len && len <= src->len - off);
	if (off < src->linear && !src->linear_buf) {
		in_head = min_u32(len, src->linear - off);
		ret = append_copy(p, src, off, in_head);
	}
	if (ret || append_shared(p, src, off + in_head, len - in_head))
		return ret;
	packet_trim(p, before);
	p->truesize = truesize;
	return append_copy(p, src, off, len);
}
