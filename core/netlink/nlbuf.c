/* SPDX-License-Identifier: Apache-2.0 */
/* nlbuf.c - netlink messages, written and read (nlbuf.h), by libmnl. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "netlink/nlbuf.h"

static size_t room(const struct nlbuf *nb)
{
	return nb->size - nb->len;
}

void nlbuf_append(struct nlbuf *nb, const void *data, size_t len)
{
	if (!nb->full && nb->nlh->nlmsg_len + MNL_ALIGN(len) > room(nb))
		nb->full = true;
	if (!nb->full)
		memcpy(mnl_nlmsg_put_extra_header(nb->nlh, len), data, len);
}

void nlbuf_begin(struct nlbuf *nb, const struct nlbuf_to *to, uint16_t type, const void *header,
		 size_t len)
{
	nb->full = room(nb) < MNL_NLMSG_HDRLEN;
	if (nb->full)
		return;
	nb->nlh = mnl_nlmsg_put_header(nb->data + nb->len);
	nb->nlh->nlmsg_type = type;
	nb->nlh->nlmsg_flags = to->flags;
	nb->nlh->nlmsg_seq = to->seq;
	nb->nlh->nlmsg_pid = to->port;
	nlbuf_append(nb, header, len);
}

bool nlbuf_end(struct nlbuf *nb)
{
	if (!nb->full)
		nb->len += MNL_ALIGN(nb->nlh->nlmsg_len);
	nb->nlh = NULL;
	return !nb->full;
}

void nlbuf_put(struct nlbuf *nb, uint16_t type, const void *data, size_t len)
{
	if (!nb->full && !mnl_attr_put_check(nb->nlh, room(nb), type, len, data))
		nb->full = true;
}

void nlbuf_u8(struct nlbuf *nb, uint16_t type, uint8_t v)
{
	nlbuf_put(nb, type, &v, sizeof(v));
}

void nlbuf_u16(struct nlbuf *nb, uint16_t type, uint16_t v)
{
	nlbuf_put(nb, type, &v, sizeof(v));
}

void nlbuf_u32(struct nlbuf *nb, uint16_t type, uint32_t v)
{
	nlbuf_put(nb, type, &v, sizeof(v));
}

void nlbuf_u64(struct nlbuf *nb, uint16_t type, uint64_t v)
{
	nlbuf_put(nb, type, &v, sizeof(v));
}

void nlbuf_text(struct nlbuf *nb, uint16_t type, const char *text)
{
	nlbuf_put(nb, type, text, strlen(text) + 1);
}

void nlbuf_addr(struct nlbuf *nb, uint16_t type, const struct ip_addr *a)
{
	if (ip_addr_is_v4(a))
		nlbuf_put(nb, type, &a->w[3], sizeof(a->w[3]));
	else
		nlbuf_put(nb, type, a->b, sizeof(a->b));
}

struct nlattr *nlbuf_nest(struct nlbuf *nb, uint16_t type)
{
	struct nlattr *nest = nb->full ? NULL : mnl_attr_nest_start_check(nb->nlh, room(nb), type);

	nb->full = !nest;
	if (nest)		/* older than NLA_F_NESTED, rtnetlink does without it, and so do its readers */
		nest->nla_type = type;
	return nest;
}

void nlbuf_nest_end(struct nlbuf *nb, struct nlattr *nest)
{
	if (!nb->full)
		mnl_attr_nest_end(nb->nlh, nest);
}

/* ---- reading ---- */

static int parse(const void *at, size_t len, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a;
	int left = (int)len;		/* a message has at most NETLINK_REQUEST_MAX bytes */

	memset(tb, 0, sizeof(*tb) * (max + 1u));
	for (a = at; mnl_attr_ok(a, left); a = mnl_attr_next(a)) {
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
		left -= MNL_ALIGN(a->nla_len);
	}
	return left >= (int)sizeof(*a) ? -EINVAL : 0;	/* fewer bytes than that are padding */
}

int nlattrs(const struct nlmsghdr *nlh, size_t hdr, const struct nlattr **tb, uint16_t max)
{
	size_t off = MNL_NLMSG_HDRLEN + MNL_ALIGN(hdr);

	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + hdr)
		return -EINVAL;
	return parse((const uint8_t *)nlh + off, nlh->nlmsg_len > off ? nlh->nlmsg_len - off : 0, tb, max);
}

int nlattrs_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	return parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), tb, max);
}

bool nlattr_get(const struct nlattr *a, void *v, size_t len)
{
	if (mnl_attr_get_payload_len(a) != len)
		return false;
	memcpy(v, mnl_attr_get_payload(a), len);
	return true;
}

bool nlattr_addr(const struct nlattr *a, int family, struct ip_addr *addr)
{
	uint32_t v4;

	if (family == AF_INET6)
		return nlattr_get(a, addr->b, sizeof(addr->b));
	if (!nlattr_get(a, &v4, sizeof(v4)))
		return false;
	*addr = ip_addr_v4(v4);
	return true;
}

bool nlattr_text(const struct nlattr *a, char *text, size_t size)
{
	size_t len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));

	if (len >= size)
		return false;
	memcpy(text, mnl_attr_get_payload(a), len);
	text[len] = '\0';
	return true;
}
