/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tc.c - qdiscs by the names and options that tc(8) has for them (tc.h, weir/tc.h).
 *
 * What a module reads from tc's options is believed as little as what a person writes: it is put
 * through the table of parameters once more, as text, so that one mechanism knows the bounds, what is
 * required, and how that is said.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "module/params.h"
#include "nic/tc.h"

struct tc_out {
	uint8_t *data;
	size_t size, len;
	bool full;
};

/* ---- reading ---- */

int tc_attrs(const void *data, size_t len, struct tc_attr *tb, unsigned int max, struct weir_error *e)
{
	const struct nlattr *a = data;
	int left = len < INT32_MAX ? (int)len : INT32_MAX;

	memset(tb, 0, sizeof(*tb) * (max + 1u));
	for (; mnl_attr_ok(a, left); a = mnl_attr_next(a)) {
		unsigned int type = mnl_attr_get_type(a);

		if (type <= max)
			tb[type] = (struct tc_attr){ mnl_attr_get_payload(a), mnl_attr_get_payload_len(a) };
		left -= MNL_ALIGN(a->nla_len);
	}
	if (left >= (int)sizeof(*a))		/* fewer bytes than that are padding */
		return weir_fail(e, EINVAL, "the length of one of the options is wrong");
	return 0;
}

bool tc_get(const struct tc_attr *a, void *v, size_t size)
{
	if (!a->data || a->len < size)
		return false;
	memcpy(v, a->data, size);
	return true;
}

/* ---- writing ---- */

static void *tc_room(struct tc_out *out, size_t len)
{
	void *at = out->data + out->len;

	if (out->full || MNL_ALIGN(len) > out->size - out->len) {
		out->full = true;
		return NULL;
	}
	memset(at, 0, MNL_ALIGN(len));
	out->len += MNL_ALIGN(len);
	return at;
}

void tc_append(struct tc_out *out, const void *data, size_t len)
{
	void *at = tc_room(out, len);

	if (at)
		memcpy(at, data, len);
}

void tc_put(struct tc_out *out, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = tc_room(out, sizeof(*a) + len);

	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (uint16_t)(sizeof(*a) + len);
	memcpy(a + 1, data, len);
}

size_t tc_nest(struct tc_out *out, uint16_t type)
{
	size_t at = out->len;

	tc_put(out, type, "", 0);
	return at;
}

void tc_nest_end(struct tc_out *out, size_t nest)
{
	if (!out->full)
		((struct nlattr *)(void *)(out->data + nest))->nla_len = (uint16_t)(out->len - nest);
}

size_t tc_write(const struct qdisc *q, void *data, size_t size)
{
	const struct qdisc_tc *tc = tc_of(q);
	struct tc_out out = { .data = data, .size = size };

	if (tc && tc->write)
		tc->write(q, q->params, &out);
	return out.full ? 0 : out.len;
}

/* ---- kinds ---- */

const struct qdisc_tc *tc_find(const struct qdisc_ops *ops, const char *kind)
{
	const struct qdisc_tc *tc = ops->tc;

	while (tc && tc->kind && strcmp(tc->kind, kind))
		tc++;
	return tc && tc->kind ? tc : NULL;
}

const struct qdisc_tc *tc_of(const struct qdisc *q)
{
	const struct qdisc_tc *tc = q->ops->tc;

	while (tc && tc->kind && tc->is && !tc->is(q->params))
		tc++;
	return tc && tc->kind ? tc : NULL;
}

/* ---- parameters ---- */

/* Everything in blob as settings, whose texts are in *texts, to be freed; how many, or -ENOMEM. */
static int settings_of(const struct param *table, const void *blob, struct setting *s, char **texts)
{
	size_t all = 0, at = 0;
	int n = 0;

	for (const struct param *p = table; p && p->name; p++)
		all += PARAM_TEXT + p->size;
	*texts = calloc(1, all + 1);
	if (!*texts)
		return -ENOMEM;
	for (const struct param *p = table; p && p->name; p++) {
		param_format(p, blob, *texts + at, PARAM_TEXT + p->size);
		if (param_given(p, *texts + at))
			s[n++] = (struct setting){ .name = p->name, .value = *texts + at };
		at += PARAM_TEXT + p->size;
	}
	return n;
}

static int checked(const struct qdisc_ops *ops, const void *base, const void *blob, struct weir_error *e)
{
	struct setting s[PARAM_TABLE_MAX];
	void *scratch = calloc(1, ops->params_size + 1);
	char *texts = NULL;
	int n = scratch ? settings_of(ops->params, blob, s, &texts) : -ENOMEM;
	int err = n < 0 ? weir_fail(e, ENOMEM, "out of memory") :
			  params_parse(ops->params, s, (size_t)n, base, scratch, ops->params_size, e);

	free(texts);
	free(scratch);
	return err;
}

/* base: what it has so far, for a change; blob: a copy of it, or the defaults. */
static int read_options(const struct qdisc_ops *ops, const struct qdisc_tc *tc, const struct tc_options *o,
			const void *base, void *blob, struct weir_error *e)
{
	int err;

	if (!tc->read)
		return o->len ? weir_fail(e, EINVAL, "%s takes no options", tc->kind) : 0;
	err = tc->read(o, blob, e);
	if (!err)
		err = checked(ops, base, blob, e);
	if (err)
		weir_error_prefix(e, "%s", tc->kind);
	return err;
}

struct qdisc *tc_create(struct nic *nic, const char *kind, const struct tc_options *o, int *err,
			struct weir_error *e)
{
	const struct qdisc_kinds *kinds = nic->nics->kinds;
	struct module *m = NULL;
	const struct qdisc_ops *ops = NULL;
	struct qdisc *q = NULL;
	void *blob;

	if (kinds && kinds->get_tc)
		ops = kinds->get_tc(kinds->arg, kind, &m, e);
	else
		weir_fail(e, ENOENT, "qdisc %s: this stack has no modules to take it from", kind);
	*err = -ENOENT;
	if (!ops)
		return NULL;
	blob = calloc(1, ops->params_size + 1);
	*err = blob ? params_defaults(ops->params, blob, e) : weir_fail(e, ENOMEM, "out of memory");
	if (!*err)
		*err = read_options(ops, tc_find(ops, kind), o, NULL, blob, e);
	if (*err) {
		kinds->put(kinds->arg, m);
	} else {
		q = qdisc_create_ops(nic, ops, m, blob, e);	/* with the use of m, come what may */
		*err = q ? 0 : -EINVAL;
	}
	free(blob);
	return q;
}

int tc_change(struct qdisc *q, const struct tc_options *o, struct weir_error *e)
{
	const struct qdisc_tc *tc = tc_of(q);
	void *blob;
	int err;

	if (!tc)
		return weir_fail(e, EOPNOTSUPP, "tc has no name for the qdisc %s; use `weir ctl`", q->ops->name);
	if (!o->data)			/* nothing is to be changed */
		return 0;
	blob = calloc(1, q->ops->params_size + 1);
	if (!blob)
		return weir_fail(e, ENOMEM, "out of memory");
	if (q->ops->params_size)
		memcpy(blob, q->params, q->ops->params_size);
	err = read_options(q->ops, tc, o, q->params, blob, e);
	if (!err)
		err = qdisc_change(q, blob, e);
	free(blob);
	return err;
}
