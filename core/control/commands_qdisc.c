/* SPDX-License-Identifier: Apache-2.0 */
/* commands_qdisc.c - qdisc show, replace, change; link show. */
#include <errno.h>
#include <string.h>

#include "control/commands.h"
#include "nic/qdisc.h"

#define XSTATS_MAX 32

static json_t *qdisc_stats_json(const struct qdisc *q)
{
	const struct qdisc_stats *s = &q->stats;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "bytes", (json_int_t)s->bytes,
			 "packets", (json_int_t)s->packets, "drops", (json_int_t)s->drops,
			 "overlimits", (json_int_t)s->overlimits,
			 "requeues", (json_int_t)s->requeues, "backlog", (json_int_t)s->backlog,
			 "qlen", (json_int_t)s->qlen);
}

static json_t *qdisc_xstats_json(struct qdisc *q)
{
	struct qdisc_xstat x[XSTATS_MAX];
	json_t *o = json_object();
	int n = q->ops->stats ? q->ops->stats(q, x, XSTATS_MAX) : 0;

	for (int i = 0; i < n && i < XSTATS_MAX; i++)
		json_object_set_new(o, x[i].name, json_integer((json_int_t)x[i].value));
	return o;
}

static json_t *qdisc_json(struct qdisc *q, const char *parent)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "dev", q->nic->name, "kind",
			 q->ops->name, "parent", parent, "params",
			 json_params(q->ops->params, q->params), "stats", qdisc_stats_json(q),
			 "xstats", qdisc_xstats_json(q));
}

static void show_nic(const struct nic *nic, json_t *list)
{
	const char *parent = "root";

	for (struct qdisc *q = nic->root; q; q = q->ops->leaf ? q->ops->leaf(q) : NULL) {
		json_array_append_new(list, qdisc_json(q, parent));
		parent = q->ops->name;
	}
}

json_t *json_qdiscs(const struct stack *s)
{
	json_t *list = json_array();

	list_for_each(pos, &s->nics.list)
		show_nic(list_entry(pos, struct nic, node), list);
	return list;
}

static int qdisc_show(void *arg, struct control_request *rq, json_t **result,
		      struct weir_error *e)
{
	const struct nic *only = NULL;

	(void)arg;
	if (json_object_get(rq->args, "dev")) {
		only = arg_nic(rq, e);
		if (!only)
			return -ENODEV;
	}
	*result = only ? json_array() : json_qdiscs(rq->instance->stack);
	if (only)
		show_nic(only, *result);
	return 0;
}

static int qdisc_replace_cmd(void *arg, struct control_request *rq, json_t **result,
			     struct weir_error *e)
{
	const char *dev = arg_string(rq, "dev", e), *kind = dev ? arg_string(rq, "kind", e) : NULL;
	struct setting s[ARG_SETTINGS_MAX];
	int n = kind ? arg_settings(rq, s, ARG_SETTINGS_MAX, e) : -EINVAL;

	(void)arg;
	(void)result;
	return n < 0 ? n : instance_qdisc_replace(rq->instance, dev, kind, s, (size_t)n, e);
}

static int qdisc_change_cmd(void *arg, struct control_request *rq, json_t **result,
			    struct weir_error *e)
{
	const char *dev = arg_string(rq, "dev", e), *kind = arg_optional(rq, "kind");
	struct setting s[ARG_SETTINGS_MAX];
	int n = dev ? arg_settings(rq, s, ARG_SETTINGS_MAX, e) : -EINVAL;
	const struct nic *nic = n < 0 ? NULL : instance_nic_find(rq->instance, dev, e);

	(void)arg;
	(void)result;
	if (!nic)
		return -EINVAL;
	if (kind && strcmp(kind, nic->root->ops->name))
		return weir_fail(e, EINVAL, "the qdisc of %s is %s, not %.32s; replace it instead",
				 dev, nic->root->ops->name, kind);
	return instance_qdisc_change(rq->instance, dev, s, (size_t)n, e);
}

/* ---- links ---- */

static json_t *link_caps(const struct nic *nic)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} caps[] = {
		{ LINK_CSUM, "csum" }, { LINK_GSO_TCP4, "gso-tcp4" },
		{ LINK_GSO_TCP6, "gso-tcp6" }, { LINK_GSO_UDP, "gso-udp" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (nic->caps & caps[i].bit)
			json_array_append_new(list, json_string(caps[i].name));
	return list;
}

/* What the device carried; loopback, which has none, counts itself. */
static json_t *link_stats(const struct nic *nic)
{
	const struct link_stats *s = &nic->link.stats;
	struct link_stats own = {
		.rx_packets = nic->rx_packets, .rx_bytes = nic->rx_bytes, .rx_drops = nic->rx_drops,
		.tx_packets = nic->tx_packets, .tx_bytes = nic->tx_bytes, .tx_drops = nic->tx_drops,
	};

	if (nic->loopback)
		s = &own;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "rx_packets", (json_int_t)s->rx_packets, "rx_bytes",
			 (json_int_t)s->rx_bytes, "rx_drops", (json_int_t)s->rx_drops,
			 "rx_errors", (json_int_t)s->rx_errors,
			 "tx_packets", (json_int_t)s->tx_packets, "tx_bytes",
			 (json_int_t)s->tx_bytes, "tx_drops", (json_int_t)s->tx_drops,
			 "tx_errors", (json_int_t)s->tx_errors);
}

static json_t *link_json(const struct nic *nic)
{
	return json_pack("{s:I, s:s, s:b, s:b, s:b, s:I, s:s?, s:o, s:s?, s:s?, s:I, s:o, s:o}",
			 "index", (json_int_t)nic->index, "dev", nic->name, "up", nic->up,
			 "loopback", nic->loopback, "l3", nic->l3, "mtu", (json_int_t)nic->mtu,
			 "qdisc", nic->root ? nic->root->ops->name : NULL, "address",
			 json_mac(nic->addr), "driver",
			 nic->link.ops ? nic->link.ops->name : NULL,
			 "host_device", *nic->link.host_device ? nic->link.host_device : NULL,
			 "gso_max", (json_int_t)nic->gso_max, "offloads", link_caps(nic),
			 "stats", link_stats(nic));
}

static int link_show(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	(void)arg;
	(void)e;
	*result = json_array();
	list_for_each(pos, &rq->instance->stack->nics.list)
		json_array_append_new(*result, link_json(list_entry(pos, struct nic, node)));
	return 0;
}

const struct control_command commands_qdisc[] = {
	{ "qdisc show", qdisc_show },
	{ "qdisc replace", qdisc_replace_cmd },
	{ "qdisc change", qdisc_change_cmd },
	{ "link show", link_show },
	{ }
};
