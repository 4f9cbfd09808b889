/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tc.c - qdiscs as tc(8) sees and changes them: the rules of tc_modify_qdisc() (Linux,
 * net/sched/sch_api.c), and each module's options, written as tc-tbf(8), tc-netem(8), tc-bfifo(8) say.
 */
#include "netlink_world.h"
#include <linux/pkt_sched.h>

#include "module/params.h"
#include "module/registry.h"
#include "nic/tc.h"

#define ADD	(NLM_F_CREATE | NLM_F_EXCL)
#define REPLACE	(NLM_F_CREATE | NLM_F_REPLACE)

struct tc_world {
	struct world *w;
	struct registry registry;
	struct qdisc_kinds kinds;
	struct sock *operator;		/* `weir exec --admin`'s */
};

static void load(struct tc_world *t, const char *kind)
{
	struct weir_error e = { "" };
	struct module *m;

	ck_assert_msg(registry_get(&t->registry, WEIR_KIND_QDISC, kind, &m, &e) != NULL, "%s", e.text);
	module_put(m);
}

static struct tc_world *tc_world(void)
{
	static const char *const kinds[] = { "fifo", "none", "tbf", "netem" };
	struct tc_world *t = calloc(1, sizeof(*t));
	struct weir_error e = { "" };
	struct qdisc *q;

	ck_assert_ptr_nonnull(t);
	t->w = world();
	ck_assert_int_eq(registry_init(&t->registry, NULL, NULL, &e), 0);
	for (size_t i = 0; i < 4; i++)
		load(t, kinds[i]);
	registry_qdisc_kinds(&t->registry, &t->kinds);
	t->w->s->nics.kinds = &t->kinds;
	q = qdisc_build(&t->registry, t->w->eth, "fifo", NULL, 0, &e);
	ck_assert_msg(q != NULL, "%s", e.text);
	nic_set_root(t->w->eth, q);		/* a default: nobody asked for it */
	t->operator = open_netlink(t->w, true);
	t->operator->operator = true;
	return t;
}

static void tc_world_end(struct tc_world *t)
{
	socket_close(t->operator);
	nic_set_root(t->w->eth, NULL);
	world_end(t->w);
	registry_destroy(&t->registry);
	free(t);
}

/* A request as tc writes one, into w->out; kind NULL: none. */
static struct nlmsghdr *request(struct tc_world *t, uint16_t type, uint16_t flags, uint32_t parent, uint32_t handle,
				const char *kind)
{
	struct nlmsghdr *nlh = message(t->w, type, flags);
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));

	tcm->tcm_ifindex = (int)t->w->eth->index;
	tcm->tcm_parent = parent;
	tcm->tcm_handle = handle;
	if (kind)
		mnl_attr_put_strz(nlh, TCA_KIND, kind);
	return nlh;
}

static int ask(struct tc_world *t, uint16_t type, uint16_t flags, uint32_t parent, uint32_t handle, const char *kind)
{
	request(t, type, flags, parent, handle, kind);
	return talk(t->w, t->operator);
}

static void put_tbf(struct nlmsghdr *nlh, uint32_t rate, uint32_t burst, uint32_t limit)
{
	const struct tc_tbf_qopt opt = { .rate.rate = rate, .limit = limit };
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put(nlh, TCA_TBF_PARMS, sizeof(opt), &opt);
	mnl_attr_put_u32(nlh, TCA_TBF_BURST, burst);
	mnl_attr_nest_end(nlh, nest);
}

static int tbf(struct tc_world *t, uint16_t flags, uint32_t parent, uint32_t handle, uint32_t rate)
{
	put_tbf(request(t, RTM_NEWQDISC, flags, parent, handle, "tbf"), rate, 32768, 100000);
	return talk(t->w, t->operator);
}

static const char *root_kind(const struct tc_world *t)
{
	return t->w->eth->root->ops->name;
}

/* ---- which request means what ---- */

START_TEST(add_wants_nothing_there)
{
	struct tc_world *t = tc_world();

	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0x10000, 1000000), 0);	/* a default is nothing */
	ck_assert_str_eq(root_kind(t), "tbf");
	ck_assert_uint_eq(t->w->eth->root->handle, 0x10000);
	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0, 1000000), -EEXIST);
	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0x20000, 1000000), -EEXIST);
	ck_assert_str_eq(root_kind(t), "tbf");
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, ADD, TC_H_ROOT, 0, "pfifo"), 0);	/* another kind: Linux 6.5 */
	ck_assert_str_eq(root_kind(t), "fifo");
	tc_world_end(t);
}
END_TEST

START_TEST(change_wants_the_same_kind)
{
	struct tc_world *t = tc_world();
	const struct qdisc *q;

	ck_assert_int_eq(tbf(t, 0, TC_H_ROOT, 0, 1000000), -ENOENT);
	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0, 1000000), 0);
	q = t->w->eth->root;
	ck_assert_uint_eq(q->handle, 0x80010000);
	ck_assert_int_eq(tbf(t, 0, TC_H_ROOT, 0, 2000000), 0);
	ck_assert_int_eq(tbf(t, 0, 0, 0x80010000, 3000000), 0);
	ck_assert_ptr_eq(t->w->eth->root, q);			/* the same one */
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, 0, 0, 0x80010000, "netem"), -EINVAL);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, NLM_F_REPLACE, TC_H_ROOT, 0, "netem"), -EINVAL);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, 0, TC_H_ROOT, 0, "tbf"), 0);	/* without options: nothing */
	ck_assert_ptr_eq(t->w->eth->root, q);
	ck_assert_int_eq(tbf(t, 0, 0, 0x10000, 1000000), -ENOENT);
	ck_assert_int_eq(tbf(t, 0, 0, 0, 1000000), -EINVAL);
	ck_assert_int_eq(tbf(t, REPLACE, TC_H_ROOT, 0, 4000000), 0);	/* the same kind: a change */
	ck_assert_ptr_eq(t->w->eth->root, q);
	ck_assert_int_eq(tbf(t, REPLACE, TC_H_ROOT, 0x30000, 4000000), 0);	/* another handle: another one */
	ck_assert_uint_eq(t->w->eth->root->handle, 0x30000);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, 0, TC_H_ROOT, 0, "pfifo"), 0);	/* "change" to another: Linux 6.5 */
	ck_assert_str_eq(root_kind(t), "fifo");
	tc_world_end(t);
}
END_TEST

START_TEST(replace_takes_another_kind)
{
	struct tc_world *t = tc_world();

	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "bfifo"), 0);
	ck_assert_str_eq(tc_of(t->w->eth->root)->kind, "bfifo");
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "pfifo"), 0);	/* one module, two kinds */
	ck_assert_str_eq(tc_of(t->w->eth->root)->kind, "pfifo");
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "noqueue"), 0);
	ck_assert_str_eq(root_kind(t), "none");
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "fq_codel"), -ENOENT);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "fifo"), -ENOENT);	/* weir's word, not tc's */
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0x10001, "pfifo"), -EINVAL);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0x10000, NULL), -EINVAL);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_INGRESS, 0, "pfifo"), -EOPNOTSUPP);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "a-name-that-is-too-long"), -EINVAL);
	ck_assert_str_eq(root_kind(t), "none");
	tc_world_end(t);
}
END_TEST

START_TEST(delete_leaves_the_default)
{
	struct tc_world *t = tc_world();

	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, TC_H_ROOT, 0, NULL), -ENOENT);
	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0x10000, 1000000), 0);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, TC_H_ROOT, 0x20000, NULL), -EINVAL);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, TC_H_ROOT, 0, "netem"), -EINVAL);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, 0, 0x10000, NULL), -EINVAL);
	ck_assert_str_eq(root_kind(t), "tbf");
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, TC_H_ROOT, 0x10000, "tbf"), 0);
	ck_assert_str_eq(root_kind(t), "fifo");
	ck_assert_uint_eq(t->w->eth->root->handle, 0);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, TC_H_ROOT, 0, NULL), -ENOENT);
	tc_world_end(t);
}
END_TEST

/* ---- children ---- */

static void queue(struct tc_world *t, int n)
{
	t->w->eth->link_busy = true;
	for (int i = 0; i < n; i++) {
		struct packet *p = packet_alloc(&t->w->s->pool, PACKET_HEADROOM);

		ck_assert_ptr_nonnull(packet_put(p, 100));
		memset(p->data, 0, 100);
		nic_output(t->w->eth, p);
	}
}

START_TEST(a_child_takes_what_waits)
{
	struct tc_world *t = tc_world();
	const struct qdisc *root, *child;

	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0x10000, 1000000), 0);
	root = t->w->eth->root;
	queue(t, 20);
	ck_assert_uint_eq(root->stats.qlen, 20);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, ADD, 0x10001, 0x100000, "bfifo"), 0);
	child = qdisc_leaf(root);
	ck_assert_uint_eq(child->handle, 0x100000);
	ck_assert_uint_eq(child->stats.qlen, 20);
	ck_assert_uint_eq(root->stats.qlen, 20);
	ck_assert_uint_eq(root->stats.backlog, 2000);
	ck_assert_uint_eq(root->stats.drops + root->stats.bytes, 0);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, ADD, 0x10001, 0, "bfifo"), -EEXIST);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, ADD, 0x10001, 0x10000, "pfifo"), -EEXIST);	/* its parent's handle */
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, 0x10002, 0, "pfifo"), -EOPNOTSUPP);	/* no such class */
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, 0x20001, 0, "pfifo"), -ENOENT);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, 0x100001, 0, "pfifo"), -EOPNOTSUPP);	/* not classful */
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, REPLACE, 0x10001, 0, "noqueue"), -EINVAL);	/* past its parent */
	ck_assert_uint_eq(root->stats.qlen, 20);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, 0x10001, 0, NULL), 0);
	ck_assert_uint_eq(qdisc_leaf(root)->handle, 0);
	ck_assert_uint_eq(qdisc_leaf(root)->stats.qlen, 20);
	ck_assert_uint_eq(root->stats.backlog, 2000);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, 0x10001, 0, NULL), -ENOENT);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, TC_H_ROOT, 0, NULL), 0);
	ck_assert_uint_eq(t->w->eth->root->stats.qlen, 20);
	tc_world_end(t);
}
END_TEST

struct seen { int n; uint32_t handles[8], parents[8]; char kinds[8][16]; };

static void see_qdisc(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_MAX + 1];
	struct seen *s = arg;

	ck_assert_int_lt(s->n, 8);
	ck_assert_int_eq(nlattrs(nlh, sizeof(*tcm), tb, TCA_MAX), 0);
	s->handles[s->n] = tcm->tcm_handle;
	s->parents[s->n] = tcm->tcm_parent;
	ck_assert(nlattr_text(tb[TCA_KIND], s->kinds[s->n], 16));
	s->n++;
}

static struct seen list(struct tc_world *t, uint16_t type, int ifindex, bool hidden)
{
	struct nlmsghdr *nlh = message(t->w, type, NLM_F_DUMP);
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));
	struct seen s = { 0 };
	struct table table = { .see = see_qdisc, .arg = &s };

	tcm->tcm_ifindex = ifindex;
	if (hidden)
		mnl_attr_put(nlh, TCA_DUMP_INVISIBLE, 0, NULL);
	ck_assert_int_eq(send_bytes(t->w->sk, nlh, nlh->nlmsg_len), nlh->nlmsg_len);
	dump_rest(t->w, t->w->sk, &table);
	return s;
}

START_TEST(dumps)
{
	struct tc_world *t = tc_world();
	struct seen s = list(t, RTM_GETQDISC, 0, false);

	ck_assert_int_eq(s.n, 2);
	ck_assert_str_eq(s.kinds[0], "noqueue");			/* loopback's */
	ck_assert_str_eq(s.kinds[1], "pfifo");
	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0x10000, 1000000), 0);
	ck_assert_int_eq(list(t, RTM_GETQDISC, 2, false).n, 1);
	s = list(t, RTM_GETQDISC, 2, true);				/* the child that nobody asked for */
	ck_assert_int_eq(s.n, 2);
	ck_assert(s.handles[1] == 0 && s.parents[1] == 0x10001);
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, ADD, 0x10001, 0, "netem"), -EINVAL);	/* without its struct */
	ck_assert_int_eq(ask(t, RTM_NEWQDISC, ADD, 0x10001, 0, "bfifo"), 0);
	s = list(t, RTM_GETQDISC, 2, false);
	ck_assert_int_eq(s.n, 2);
	ck_assert(s.parents[0] == TC_H_ROOT && s.handles[1] == 0x80010000);
	s = list(t, RTM_GETTCLASS, 2, false);
	ck_assert(s.n == 1 && s.handles[0] == 0x10001 && s.parents[0] == 0x10000);
	ck_assert_int_eq(list(t, RTM_GETTFILTER, 2, false).n, 0);
	tc_world_end(t);
}
END_TEST

/* ---- who may ---- */

START_TEST(programs_may_look_only)
{
	struct tc_world *t = tc_world();

	put_tbf(request(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "tbf"), 1000000, 32768, 100000);
	ck_assert_int_eq(talk(t->w, t->w->sk), -EPERM);		/* with CAP_NET_ADMIN */
	request(t, RTM_DELQDISC, 0, TC_H_ROOT, 0, NULL);
	ck_assert_int_eq(talk(t->w, t->w->sk), -EPERM);
	ck_assert_str_eq(root_kind(t), "fifo");
	ck_assert_int_eq(list(t, RTM_GETQDISC, 0, false).n, 2);
	tc_world_end(t);
}
END_TEST

START_TEST(loopback_takes_none)
{
	struct tc_world *t = tc_world();
	struct nlmsghdr *nlh = request(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "pfifo");

	((struct tcmsg *)mnl_nlmsg_get_payload(nlh))->tcm_ifindex = 1;
	ck_assert_int_eq(talk(t->w, t->operator), -EOPNOTSUPP);
	nlh = request(t, RTM_NEWQDISC, REPLACE, TC_H_ROOT, 0, "pfifo");
	((struct tcmsg *)mnl_nlmsg_get_payload(nlh))->tcm_ifindex = 9;
	ck_assert_int_eq(talk(t->w, t->operator), -ENODEV);
	tc_world_end(t);
}
END_TEST

/* Every way to change one tells who listens. */
START_TEST(members_are_told)
{
	struct tc_world *t = tc_world();
	const struct nlmsghdr *nlh = (const void *)t->w->in;
	int group = RTNLGRP_TC;
	struct seen s = { 0 };

	ck_assert_int_eq(socket_setsockopt(t->w->sk, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	ck_assert_int_eq(tbf(t, ADD, TC_H_ROOT, 0x10000, 1000000), 0);
	ck_assert_int_eq(tbf(t, 0, TC_H_ROOT, 0, 2000000), 0);
	ck_assert_int_eq(ask(t, RTM_DELQDISC, 0, TC_H_ROOT, 0, NULL), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(receive(t->w, t->w->sk), 0);
		ck_assert_int_eq(nlh->nlmsg_type, RTM_NEWQDISC);
		see_qdisc(nlh, &s);
	}
	ck_assert_int_eq(receive(t->w, t->w->sk), 0);
	ck_assert_str_eq(s.kinds[0], "tbf");
	ck_assert_str_eq(s.kinds[2], "pfifo");
	tc_world_end(t);
}
END_TEST

/* ---- options ---- */

/* The qdisc's options are written, a qdisc is made from them, and that one's options are the same. */
static void comes_back(struct tc_world *t, const char *kind, const struct setting *s, size_t n)
{
	_Alignas(4) uint8_t one[TC_OPTIONS_MAX], two[TC_OPTIONS_MAX];
	struct weir_error e = { "" };
	struct qdisc *q = qdisc_build(&t->registry, t->w->eth, kind, s, n, &e), *copy;
	struct tc_options o = { .data = one, .mtu_len = 1514 };
	int err = 0;

	ck_assert_msg(q != NULL, "%s", e.text);
	o.len = tc_write(q, one, sizeof(one));
	ck_assert_uint_gt(o.len, 0);
	copy = tc_create(t->w->eth, tc_of(q)->kind, &o, &err, &e);
	ck_assert_msg(copy != NULL, "%s", e.text);
	ck_assert_uint_eq(tc_write(copy, two, sizeof(two)), o.len);
	ck_assert_mem_eq(one, two, o.len);
	/* whatever is cut off, it is refused or taken, and nothing is read behind it */
	for (size_t len = 0; len < o.len; len++) {
		uint8_t *cut = malloc(len + 1);
		struct tc_options less = { .data = cut, .len = len, .mtu_len = 1514 };
		struct qdisc *c;

		memcpy(cut, one, len);
		c = tc_create(t->w->eth, tc_of(q)->kind, &less, &err, NULL);
		qdisc_destroy(c);
		free(cut);
	}
	qdisc_destroy(copy);
	qdisc_destroy(q);
}

START_TEST(options_come_back)
{
	static const struct setting tbf_all[] = {
		{ "rate", "100mbit", NULL }, { "burst", "32kb", NULL }, { "limit", "657920", NULL },
		{ "peakrate", "200mbit", NULL }, { "mtu", "3000", NULL },
	};
	static const struct setting tbf_fast[] = { { "rate", "100gbit", NULL }, { "burst", "1mb", NULL } };
	static const struct setting netem_all[] = {
		{ "delay", "100ms", NULL }, { "jitter", "10ms", NULL }, { "delay-correlation", "25%", NULL },
		{ "gemodel-p", "1%", NULL }, { "gemodel-r", "10%", NULL }, { "gemodel-1-h", "70%", NULL },
		{ "gemodel-1-k", "0.1%", NULL }, { "duplicate", "1%", NULL }, { "corrupt", "0.05%", NULL },
		{ "reorder", "25%", NULL }, { "gap", "5", NULL }, { "rate", "1mbit", NULL }, { "overhead", "4", NULL },
		{ "cell", "48", NULL }, { "cell-overhead", "5", NULL }, { "ecn", "on", NULL },
	};
	static const struct setting netem_states[] = {
		{ "state-p13", "10%", NULL }, { "state-p31", "20%", NULL }, { "state-p14", "5%", NULL },
		{ "state-p32", "30%", NULL }, { "state-p23", "40%", NULL }, { "limit", "77", NULL }, { "seed", "9", NULL },
	};
	static const struct setting bytes[] = { { "limit-bytes", "100kb", NULL } };
	struct tc_world *t = tc_world();

	comes_back(t, "tbf", tbf_all, 5);
	comes_back(t, "tbf", tbf_fast, 2);
	comes_back(t, "netem", netem_all, 16);
	comes_back(t, "netem", netem_states, 7);
	comes_back(t, "fifo", NULL, 0);
	comes_back(t, "fifo", bytes, 1);
	tc_world_end(t);
}
END_TEST

static int create(struct tc_world *t, const char *kind, const void *data, size_t len, struct weir_error *e)
{
	struct tc_options o = { .data = data, .len = len, .mtu_len = 1514 };
	int err;

	qdisc_destroy(tc_create(t->w->eth, kind, &o, &err, e));
	return err;
}

/* What a qdisc cannot do, or what would mean something else, is refused and said. */
START_TEST(options_that_are_refused)
{
	struct tc_world *t = tc_world();
	struct { struct nlattr a; struct tc_tbf_qopt opt; } tbf_opt = {
		{ sizeof(tbf_opt), TCA_TBF_PARMS }, { .rate.rate = 1000000, .limit = 100000, .buffer = 512000 },
	};
	struct { struct tc_netem_qopt opt; struct nlattr a; uint32_t slot[8]; } slot = {
		{ .limit = 100 }, { sizeof(slot.a) + sizeof(slot.slot), TCA_NETEM_SLOT }, { 0 },
	};
	struct tc_netem_qopt netem = { .limit = 1000, .gap = 5 };
	const struct tc_fifo_qopt none = { 0 };
	struct weir_error e = { "" };

	ck_assert_int_eq(create(t, "tbf", &tbf_opt, sizeof(tbf_opt), &e), 0);	/* 512000 ticks: 32 kB */
	tbf_opt.opt.rate.overhead = 20;
	ck_assert_int_eq(create(t, "tbf", &tbf_opt, sizeof(tbf_opt), &e), -EOPNOTSUPP);
	tbf_opt.opt.rate.overhead = 0;
	tbf_opt.opt.rate.linklayer = 2;		/* TC_LINKLAYER_ATM */
	ck_assert_int_eq(create(t, "tbf", &tbf_opt, sizeof(tbf_opt), &e), -EOPNOTSUPP);
	tbf_opt.opt.rate.linklayer = 0;
	tbf_opt.opt.rate.rate = 0;
	ck_assert_int_eq(create(t, "tbf", &tbf_opt, sizeof(tbf_opt), &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "rate"));
	tbf_opt.a.nla_len = 5000;
	ck_assert_int_eq(create(t, "tbf", &tbf_opt, sizeof(tbf_opt), &e), -EINVAL);
	ck_assert_int_eq(create(t, "tbf", NULL, 0, &e), -EINVAL);
	ck_assert_int_eq(create(t, "pfifo", &none, sizeof(none), &e), -EINVAL);
	ck_assert_int_eq(create(t, "pfifo", &none, 2, &e), -EINVAL);
	ck_assert_int_eq(create(t, "noqueue", &none, sizeof(none), &e), -EINVAL);
	ck_assert_int_eq(create(t, "netem", &slot, sizeof(slot), &e), -EOPNOTSUPP);
	ck_assert_int_eq(create(t, "netem", &netem, sizeof(netem), &e), -EINVAL);	/* a gap, and no delay */
	netem.gap = 0;
	netem.limit = 0;
	ck_assert_int_eq(create(t, "netem", &netem, sizeof(netem), &e), -EINVAL);
	tc_world_end(t);
}
END_TEST

/* A table of quantiles, as tc reads from normal.dist: half of them -2, half of them 1. */
START_TEST(distribution_of_ones_own)
{
	struct tc_world *t = tc_world();
	struct { struct tc_netem_qopt opt; struct nlattr a; int16_t table[8]; } o = {
		{ .limit = 1000, .latency = tc_ticks(SEC), .jitter = tc_ticks(SEC / 100) },
		{ sizeof(o.a) + sizeof(o.table), TCA_NETEM_DELAY_DIST },
		{ -16384, -16384, -16384, -16384, 8192, 8192, 8192, 8192 },
	};
	struct tc_options opt = { .data = &o, .len = sizeof(o), .mtu_len = 1514 };
	struct weir_error e = { "" };
	int err, early = 0;
	struct qdisc *q = tc_create(t->w->eth, "netem", &opt, &err, &e);
	struct packet *p;

	ck_assert_msg(q != NULL, "%s", e.text);
	nic_set_root(t->w->eth, q);
	queue(t, 400);
	t->w->s->env.now += SEC - SEC / 100;		/* after the early ones, before the late ones */
	while ((p = qdisc_dequeue(q))) {
		early++;
		packet_free(p);
	}
	ck_assert_int_ge(early, 140);			/* 200, give or take six deviations */
	ck_assert_int_le(early, 260);
	t->w->s->env.now += SEC / 50 + 1000;
	while ((p = qdisc_dequeue(q))) {
		early++;
		packet_free(p);
	}
	ck_assert_int_eq(early, 400);
	o.a.nla_len = sizeof(o.a);
	opt.len = sizeof(o.opt) + sizeof(o.a);
	ck_assert_ptr_null(tc_create(t->w->eth, "netem", &opt, &err, &e));	/* of no values */
	tc_world_end(t);
}
END_TEST

/* A change of netem leaves alone what it does not speak of, and a loss model takes the other's place. */
START_TEST(netem_changes)
{
	struct tc_world *t = tc_world();
	struct { struct tc_netem_qopt opt; struct nlattr a; struct tc_netem_corrupt corrupt; } o = {
		{ .limit = 1000, .loss = UINT32_MAX / 10 }, { sizeof(o.a) + sizeof(o.corrupt), TCA_NETEM_CORRUPT },
		{ UINT32_MAX / 2, 0 },
	};
	struct tc_options opt = { .data = &o, .len = sizeof(o), .mtu_len = 1514 };
	_Alignas(4) uint8_t data[TC_OPTIONS_MAX];
	const struct tc_netem_qopt *got = (const void *)data;
	struct tc_netem_corrupt corrupt;
	struct tc_attr tb[TCA_NETEM_MAX + 1];
	struct weir_error e = { "" };
	int err;
	struct qdisc *q = tc_create(t->w->eth, "netem", &opt, &err, &e);

	ck_assert_msg(q != NULL, "%s", e.text);
	o.opt.loss = 0;
	o.opt.latency = 1000;
	opt.len = sizeof(o.opt);
	ck_assert_int_eq(tc_change(q, &opt, &e), 0);
	ck_assert_int_eq(tc_attrs(data + sizeof(*got), tc_write(q, data, sizeof(data)) - sizeof(*got), tb,
				  TCA_NETEM_MAX, &e), 0);
	ck_assert(tc_get(&tb[TCA_NETEM_CORRUPT], &corrupt, sizeof(corrupt)));
	ck_assert_uint_le(corrupt.probability - UINT32_MAX / 2, 2);	/* a part of 10^9 */
	ck_assert(got->loss == 0 && got->latency == 1000 && got->limit == 1000);
	o.opt.limit = 0;
	ck_assert_int_eq(tc_change(q, &opt, &e), -EINVAL);		/* and nothing has changed */
	tc_write(q, data, sizeof(data));
	ck_assert_uint_eq(got->limit, 1000);
	qdisc_destroy(q);
	tc_world_end(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tc");
	TCase *t = tcase_create("requests");

	tcase_add_test(t, add_wants_nothing_there);
	tcase_add_test(t, change_wants_the_same_kind);
	tcase_add_test(t, replace_takes_another_kind);
	tcase_add_test(t, delete_leaves_the_default);
	tcase_add_test(t, a_child_takes_what_waits);
	tcase_add_test(t, dumps);
	tcase_add_test(t, programs_may_look_only);
	tcase_add_test(t, loopback_takes_none);
	tcase_add_test(t, members_are_told);
	suite_add_tcase(s, t);
	t = tcase_create("options");
	tcase_add_test(t, options_come_back);
	tcase_add_test(t, options_that_are_refused);
	tcase_add_test(t, distribution_of_ones_own);
	tcase_add_test(t, netem_changes);
	suite_add_tcase(s, t);
	return run_suite(s);
}
