/* SPDX-License-Identifier: Apache-2.0 */
/* rtnl.c - a small rtnetlink client (rtnl.h), over libmnl. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "intercept/rtnl.h"

#define RTNL_BUFFER	32768u	/* what the kernel fills at most in one dump read */
#define RTNL_DUMP_TRIES	8	/* a table that changes while it is read is read again */

struct mnl_socket *rtnl_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = errno;

		mnl_socket_close(nl);
		errno = err;
		return NULL;
	}
	return nl;
}

void rtnl_close(struct mnl_socket *nl)
{
	if (nl)
		mnl_socket_close(nl);
}

struct rtnl_msg *rtnl_msg_new(const struct nlmsghdr *nlh)
{
	struct rtnl_msg *m = malloc(offsetof(struct rtnl_msg, nlh) + nlh->nlmsg_len);

	if (m) {
		list_init(&m->node);
		memcpy(&m->nlh, nlh, nlh->nlmsg_len);
	}
	return m;
}

void rtnl_msg_purge(struct list *msgs)
{
	list_for_each_safe(pos, msgs) {
		list_del(pos);
		free(list_entry(pos, struct rtnl_msg, node));
	}
}

struct dump {
	bool (*keep)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
	struct list msgs;
	bool interrupted;
};

static int dump_one(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *d = arg;
	struct rtnl_msg *m;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		d->interrupted = true;
	if (!d->keep(nlh, d->arg))
		return MNL_CB_OK;
	m = rtnl_msg_new(nlh);
	if (!m) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	list_add_tail(&m->node, &d->msgs);
	return MNL_CB_OK;
}

static int dump_receive(struct mnl_socket *nl, unsigned int seq, struct dump *d)
{
	char buf[RTNL_BUFFER];
	ssize_t n;
	int rc;

	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		rc = mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), dump_one, d);
	} while (rc > MNL_CB_STOP);
	if (rc < 0 && errno == EINTR)		/* libmnl's word for NLM_F_DUMP_INTR */
		d->interrupted = true;
	return rc < 0 ? -errno : 0;
}

static int dump_once(uint16_t type, uint8_t family, uint8_t ndm_flags, struct dump *d)
{
	/* its own, since one that is broken off leaves messages behind */
	struct mnl_socket *nl = rtnl_open();
	char buf[MNL_NLMSG_HDRLEN + sizeof(struct ifinfomsg)];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int rc;

	if (!nl)
		return -errno;
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = type;
	if (type == RTM_GETNEIGH) {
		struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

		nd->ndm_family = family;
		nd->ndm_flags = ndm_flags;
	} else {
		struct rtgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));

		g->rtgen_family = family;
	}
	rc = mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? -errno : dump_receive(nl, type, d);
	rtnl_close(nl);
	return rc;
}

int rtnl_dump(uint16_t type, uint8_t family, uint8_t ndm_flags,
	      bool (*keep)(const struct nlmsghdr *nlh, void *arg), void *arg, struct list *out)
{
	struct dump d = { .keep = keep, .arg = arg };
	int rc = -EAGAIN;

	for (int i = 0; i < RTNL_DUMP_TRIES; i++) {
		list_init(&d.msgs);
		d.interrupted = false;
		rc = dump_once(type, family, ndm_flags, &d);
		if (rc == 0 && !d.interrupted) {
			list_splice_tail(&d.msgs, out);
			return 0;
		}
		rtnl_msg_purge(&d.msgs);
		if (!d.interrupted)
			return rc;
	}
	return rc ? rc : -EAGAIN;
}

int rtnl_talk(struct mnl_socket *nl, struct nlmsghdr *nlh, uint16_t type, uint16_t flags)
{
	char buf[8192];
	static const unsigned int seq = 1;
	ssize_t n;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = 0;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	return mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), NULL, NULL) < 0
		? -errno : 0;
}

void rtnl_attrs(const struct nlmsghdr *nlh, size_t hdr, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, sizeof(*tb) * (max + 1u));
	mnl_attr_for_each(a, nlh, (unsigned int)hdr) {
		uint16_t type = mnl_attr_get_type(a);

		if (type <= max)
			tb[type] = a;
	}
}
