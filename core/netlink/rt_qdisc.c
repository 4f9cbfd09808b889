/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt_qdisc.c - queueing disciplines over rtnetlink, as tc(8) asks for them and changes them.
 *
 * A program of the sandbox may look. To change one takes the operator (`weir exec --admin`), whatever
 * capabilities a program has: what a qdisc is for is to bound the program.
 *
 * A NIC's qdiscs are a path from its root. The root hangs off TC_H_ROOT, a child off its parent's only class,
 * HANDLE:1. What nobody asked for has the handle 0: a NIC's first qdisc, which Linux shows, and a parent's
 * first child, which it hides unless it is asked for (TCA_DUMP_INVISIBLE); both may be replaced by who says
 * that there is nothing yet. Which of add, change and replace a request is, and what each finds wrong, is
 * as in tc_modify_qdisc() of Linux's net/sched/sch_api.c; loopback shows noqueue and takes nothing.
 */
#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <string.h>

#include "netlink/rt.h"
#include "nic/tc.h"

#define KIND_MAX	16u		/* IFNAMSIZ, Linux's bound of a kind's name */
#define ROOT_REFS	2u		/* Linux's count on a device of one queue: tc prints it */

struct request {			/* of a change, taken apart */
	struct nic *nic;
	struct qdisc *parent;		/* of the place that is meant; NULL: the root's */
	struct qdisc *q;		/* what is there; NULL: nothing that was asked for */
	const struct tcmsg *tcm;
	char kind[KIND_MAX];		/* "": none was given */
	struct tc_options options;
};

/* ---- telling ---- */

static void put_stats(struct nlbuf *nb, const struct qdisc *q)
{
	static const struct qdisc_stats none;
	const struct qdisc_stats *s = q ? &q->stats : &none;
	const struct gnet_stats_basic basic = { .bytes = s->bytes, .packets = (uint32_t)s->packets };
	const struct gnet_stats_queue queue = {
		.qlen = (uint32_t)s->qlen, .backlog = tc_u32(s->backlog), .drops = (uint32_t)s->drops,
		.requeues = (uint32_t)s->requeues, .overlimits = (uint32_t)s->overlimits,
	};
	const struct tc_stats old = {
		.bytes = s->bytes, .packets = basic.packets, .drops = queue.drops,
		.overlimits = queue.overlimits, .qlen = queue.qlen, .backlog = queue.backlog,
	};
	struct nlattr *nest = nlbuf_nest(nb, TCA_STATS2);

	nlbuf_put(nb, TCA_STATS_BASIC, &basic, sizeof(basic));
	if (s->packets > UINT32_MAX)
		nlbuf_u64(nb, TCA_STATS_PKT64, s->packets);
	nlbuf_put(nb, TCA_STATS_QUEUE, &queue, sizeof(queue));
	nlbuf_nest_end(nb, nest);
	nlbuf_put(nb, TCA_STATS, &old, sizeof(old));
}

static void put_options(struct nlbuf *nb, const struct qdisc *q)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t data[TC_OPTIONS_MAX];
	size_t n = q ? tc_write(q, data, sizeof(data)) : 0;

	if (n)
		nlbuf_put(nb, TCA_OPTIONS, data, n);
}

const char *rt_qdisc_name(const struct qdisc *q)
{
	const struct qdisc_tc *tc = q ? tc_of(q) : NULL;

	return tc ? tc->kind : q ? q->ops->name : "noqueue";
}

/* q NULL: loopback, which has none. */
static bool fill(struct nlbuf *nb, const struct nlbuf_to *to, uint16_t type, const struct nic *nic,
		 const struct qdisc *q)
{
	const struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)nic->index, .tcm_handle = q ? q->handle : 0,
		.tcm_parent = q && q->parent ? q->parent->handle | 1 : TC_H_ROOT,
		.tcm_info = q && q->parent ? 1 : ROOT_REFS,
	};

	nlbuf_begin(nb, to, type, &tcm, sizeof(tcm));
	nlbuf_text(nb, TCA_KIND, rt_qdisc_name(q));
	put_options(nb, q);
	nlbuf_u8(nb, TCA_HW_OFFLOAD, 0);
	put_stats(nb, q);
	return nlbuf_end(nb);
}

bool rt_qdisc_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about)
{
	const struct rt_about *a = about;
	const struct qdisc *q = a->what;

	return fill(nb, to, a->type, q->nic, q);
}

static bool hidden(const struct qdisc *q)
{
	return q->parent && !q->handle;
}

/* One NIC's from number at on; true: all were written. */
static bool dump_nic(struct netlink_dump *d, struct nlbuf *nb, const struct nic *nic, bool all)
{
	const struct qdisc *q = nic->root;
	uint64_t n = 0;

	if (!q)
		return fill(nb, &d->to, RTM_NEWQDISC, nic, NULL);
	for (; q; q = qdisc_leaf(q), n++) {
		if (n < d->at[1] || (hidden(q) && !all))
			continue;
		if (!fill(nb, &d->to, RTM_NEWQDISC, nic, q))
			return false;
		d->at[1] = n + 1;
	}
	return true;
}

int rt_qdisc_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	const struct nlattr *tb[TCA_MAX + 1];
	const struct tcmsg *tcm = (const void *)(d->nlh + 1);
	int err = nlattrs(d->nlh, sizeof(*tcm), tb, TCA_MAX);

	if (err)
		return err;
	list_for_each(pos, &d->nl->ip->nics->list) {
		const struct nic *nic = list_entry(pos, struct nic, node);

		if (nic->index <= d->at[0] || (tcm->tcm_ifindex && nic->index != (unsigned int)tcm->tcm_ifindex))
			continue;
		if (!dump_nic(d, nb, nic, tb[TCA_DUMP_INVISIBLE]))
			return 1;
		d->at[0] = nic->index;
		d->at[1] = 0;
	}
	return 0;
}

/* ---- classes and filters ---- */

static bool fill_class(struct nlbuf *nb, const struct nlbuf_to *to, const struct qdisc *q)
{
	const struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)q->nic->index, .tcm_handle = q->handle | 1,
		.tcm_parent = q->handle, .tcm_info = qdisc_leaf(q)->handle,
	};

	nlbuf_begin(nb, to, RTM_NEWTCLASS, &tcm, sizeof(tcm));
	nlbuf_text(nb, TCA_KIND, rt_qdisc_name(q));
	put_stats(nb, qdisc_leaf(q));
	return nlbuf_end(nb);
}

/* The one class of each qdisc that has a child. */
int rt_class_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	const struct tcmsg *tcm = (const void *)(d->nlh + 1);
	struct nic *nic = nic_find_index(d->nl->ip->nics, (unsigned int)tcm->tcm_ifindex);
	uint64_t n = 0;

	for (const struct qdisc *q = nic ? nic->root : NULL; q; q = qdisc_leaf(q), n++) {
		if (n < d->at[0] || !qdisc_leaf(q) || (tcm->tcm_parent && tcm->tcm_parent != q->handle))
			continue;
		if (!fill_class(nb, &d->to, q))
			return 1;
		d->at[0] = n + 1;
	}
	return 0;
}

int rt_filter_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	(void)d, (void)nb;
	return 0;
}

/* ---- finding ---- */

static int find_parent(struct netlink_request *rq, struct request *r)
{
	uint32_t parent = r->tcm->tcm_parent;

	if (parent == TC_H_ROOT)
		return 0;
	if (parent == TC_H_INGRESS || TC_H_MIN(parent) > 1)
		return weir_fail(rq->e, EOPNOTSUPP, "there are no classes but HANDLE:1, and nothing on the way in");
	r->parent = TC_H_MAJ(parent) ? qdisc_find(r->nic, TC_H_MAJ(parent)) : NULL;
	if (!r->parent)
		return weir_fail(rq->e, ENOENT, "Failed to find specified qdisc");
	if (!qdisc_leaf(r->parent))
		return weir_fail(rq->e, EOPNOTSUPP, "Parent qdisc is not classful: nothing can be put into %s",
				 r->parent->ops->name);
	return 0;
}

static int take_apart(struct netlink_request *rq, struct request *r)
{
	const struct nlattr *tb[TCA_MAX + 1];
	int err = nlattrs(rq->nlh, sizeof(struct tcmsg), tb, TCA_MAX);

	if (err)
		return weir_fail(rq->e, EINVAL, "the length of an attribute is wrong");
	r->tcm = (const void *)(rq->nlh + 1);
	r->nic = rt_nic(rq, (uint32_t)r->tcm->tcm_ifindex);
	if (!r->nic)
		return -ENODEV;
	if (tb[TCA_KIND] && !nlattr_text(tb[TCA_KIND], r->kind, sizeof(r->kind)))
		return weir_fail(rq->e, EINVAL, "TC qdisc name too long");
	r->options.mtu_len = r->nic->mtu + nic_header_len(r->nic);
	if (tb[TCA_OPTIONS]) {
		r->options.data = tb[TCA_OPTIONS] + 1;
		r->options.len = tb[TCA_OPTIONS]->nla_len - sizeof(struct nlattr);
	}
	return r->tcm->tcm_parent ? find_parent(rq, r) : 0;
}

static bool is_kind(const struct qdisc *q, const char *kind)
{
	return !*kind || !strcmp(rt_qdisc_name(q), kind);
}

/* ---- looking at one ---- */

static int find_one(struct netlink_request *rq, struct request *r)
{
	uint32_t handle;
	int err = take_apart(rq, r);

	if (err)
		return err;
	handle = r->tcm->tcm_handle;
	if (r->tcm->tcm_parent) {
		r->q = r->parent ? qdisc_leaf(r->parent) : r->nic->root;
		if (r->q && handle && r->q->handle != handle)
			return weir_fail(rq->e, EINVAL, "Invalid handle");
	} else {
		r->q = handle ? qdisc_find(r->nic, handle) : NULL;
	}
	if (!r->q)
		return weir_fail(rq->e, ENOENT, "Cannot find specified qdisc on specified device");
	return is_kind(r->q, r->kind) ? 0 : weir_fail(rq->e, EINVAL, "Invalid qdisc name: it is %s", r->q->ops->name);
}

int rt_qdisc_get(struct netlink_request *rq)
{
	struct request r = { 0 };
	int err = find_one(rq, &r);

	return err ? err : netlink_reply(rq, rt_qdisc_fill, &(const struct rt_about){ RTM_NEWQDISC, r.q, 0 });
}

/* ---- changing ---- */

static int allowed(const struct netlink_request *rq)
{
	return rq->operator ? 0 :
	       weir_fail(rq->e, EPERM, "qdiscs are the operator's: from outside `weir exec --admin NAME -- tc ...` changes them");
}

static int create(struct netlink_request *rq, struct request *r)
{
	uint32_t handle = r->tcm->tcm_handle;
	struct qdisc *q;
	int err;

	if (r->nic->loopback)
		return weir_fail(rq->e, EOPNOTSUPP, "%s is loopback: it has no link and no qdisc", r->nic->name);
	if (!*r->kind)
		return weir_fail(rq->e, EINVAL, "the kind of qdisc is missing");
	q = tc_create(r->nic, r->kind, &r->options, &err, rq->e);
	if (!q)
		return err;
	q->handle = handle;
	if (!handle)
		qdisc_number(q);
	if (!r->parent) {
		nic_set_root(r->nic, q);
		return 0;
	}
	err = qdisc_graft(r->parent, q, rq->e);
	if (err)
		qdisc_destroy(q);
	return err;
}

static bool grafts(uint16_t flags)
{
	return !flags || (flags & NLM_F_CREATE && flags & (NLM_F_REPLACE | NLM_F_EXCL));
}

/*
 * Which qdisc does a request with a place mean? 0: r->q, which is changed, or created where it is NULL. Of another
 * kind than is there, one takes its place by replace and add, and by change, too: so Linux has decided (6.5).
 */
static int choose(struct netlink_request *rq, struct request *r)
{
	uint16_t flags = rq->nlh->nlmsg_flags & (NLM_F_CREATE | NLM_F_REPLACE | NLM_F_EXCL);
	uint32_t handle = r->tcm->tcm_handle;
	struct qdisc *here = r->parent ? qdisc_leaf(r->parent) : r->nic->root;

	r->q = here && here->handle ? here : NULL;
	if (handle && !(r->q && r->q->handle == handle)) {
		if (r->q && !(flags & NLM_F_REPLACE))
			return weir_fail(rq->e, EEXIST, "NLM_F_REPLACE needed to override");
		if (TC_H_MIN(handle))
			return weir_fail(rq->e, EINVAL, "Invalid minor handle");
		if (qdisc_find(r->nic, handle))
			return weir_fail(rq->e, EEXIST, "handle %x: is another qdisc's of %s", handle >> 16, r->nic->name);
		r->q = NULL;
	} else if (r->q && !handle && !is_kind(r->q, r->kind) && grafts(flags)) {
		r->q = NULL;
		return 0;
	}
	if (!r->q && !(flags & NLM_F_CREATE))
		return weir_fail(rq->e, ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
	return 0;
}

int rt_qdisc_change(struct netlink_request *rq)
{
	struct request r = { 0 };
	int err = allowed(rq);

	if (!err)
		err = take_apart(rq, &r);
	if (err)
		return err;
	if (r.tcm->tcm_parent) {
		err = choose(rq, &r);
		if (err)
			return err;
		if (!r.q)
			return create(rq, &r);
	} else {
		r.q = r.tcm->tcm_handle ? qdisc_find(r.nic, r.tcm->tcm_handle) : NULL;
		if (!r.q)
			return weir_fail(rq->e, r.tcm->tcm_handle ? ENOENT : EINVAL, "%s", r.tcm->tcm_handle ?
					 "Specified qdisc not found" : "Handle cannot be zero");
	}
	if (rq->nlh->nlmsg_flags & NLM_F_EXCL)
		return weir_fail(rq->e, EEXIST, "Exclusivity flag on, cannot modify");
	if (!is_kind(r.q, r.kind))
		return weir_fail(rq->e, EINVAL, "Invalid qdisc name: must match existing qdisc");
	return tc_change(r.q, &r.options, rq->e);
}

/* What is taken away leaves the default in its place: a NIC's fifo, or a parent's. */
int rt_qdisc_del(struct netlink_request *rq)
{
	const struct tc_options none = { 0 };
	struct request r = { 0 };
	struct qdisc *q;
	int err = allowed(rq);

	if (!err)
		err = find_one(rq, &r);
	if (err)
		return err;
	if (!r.tcm->tcm_parent)
		return weir_fail(rq->e, EINVAL, "Classid cannot be zero");
	if (!r.q->handle)
		return weir_fail(rq->e, ENOENT, "Cannot delete qdisc with handle of zero");
	if (r.parent)
		return qdisc_graft(r.parent, NULL, rq->e);
	q = tc_create(r.nic, "pfifo", &none, &err, rq->e);
	if (q)
		nic_set_root(r.nic, q);
	return err;
}
