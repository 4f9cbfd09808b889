/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nlbuf.h - netlink messages being written, one behind the other, into a buffer of a fixed size
 * (netlink(7), RFC 3549 section 2.3).
 *
 * A message either fits whole or is not there: what is put into one that has no room left is lost,
 * and nlbuf_end() then takes the message back and answers false.
 */
#ifndef NETLINK_NLBUF_H
#define NETLINK_NLBUF_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip/addr.h"

struct nlbuf {
	uint8_t *data;			/* aligned to 4 */
	size_t size, len;		/* bytes; len of whole messages */
	struct nlmsghdr *nlh;		/* the one being written; NULL: none */
	bool full;			/* it did not fit */
};

/* Whom a message answers. */
struct nlbuf_to {
	uint32_t port, seq;		/* of a notification: 0 */
	uint16_t flags;			/* NLM_F_* */
};

/* header: of the message's family, len bytes. */
void nlbuf_begin(struct nlbuf *nb, const struct nlbuf_to *to, uint16_t type, const void *header,
		 size_t len);
bool nlbuf_end(struct nlbuf *nb);
/* More bytes of the header. */
void nlbuf_append(struct nlbuf *nb, const void *data, size_t len);

void nlbuf_put(struct nlbuf *nb, uint16_t type, const void *data, size_t len);
void nlbuf_u8(struct nlbuf *nb, uint16_t type, uint8_t v);
void nlbuf_u16(struct nlbuf *nb, uint16_t type, uint16_t v);
void nlbuf_u32(struct nlbuf *nb, uint16_t type, uint32_t v);
void nlbuf_u64(struct nlbuf *nb, uint16_t type, uint64_t v);
void nlbuf_text(struct nlbuf *nb, uint16_t type, const char *text);
/* 4 or 16 bytes, by its family. */
void nlbuf_addr(struct nlbuf *nb, uint16_t type, const struct ip_addr *a);
/* Attributes within one; NULL when there is no room. */
struct nlattr *nlbuf_nest(struct nlbuf *nb, uint16_t type);
void nlbuf_nest_end(struct nlbuf *nb, struct nlattr *nest);

/* ---- reading ---- */

/*
 * The attributes behind hdr bytes of a message's family header, by number; those above max are left
 * out. -EINVAL: an attribute's length is wrong. Each one's payload lies within the message.
 */
int nlattrs(const struct nlmsghdr *nlh, size_t hdr, const struct nlattr **tb, uint16_t max);
int nlattrs_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max);
/* A payload of exactly this size; false: another one. v is not touched then. */
bool nlattr_get(const struct nlattr *a, void *v, size_t len);
/* An address of family; false: not of its length. */
bool nlattr_addr(const struct nlattr *a, int family, struct ip_addr *addr);
/* A text of at most size - 1 bytes, closed by a NUL or not. */
bool nlattr_text(const struct nlattr *a, char *text, size_t size);

#endif
