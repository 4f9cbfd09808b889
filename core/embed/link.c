/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - NICs of an embedding program (weir/weir.h): a link that is two callbacks, or one of a
 * driver module.
 *
 * The callbacks are a link driver like others: frames out are described as iovecs of where their
 * bytes lie, frames in are copied into packets of the pool, which wait for the next turn. A link
 * that does not take a frame leaves it, and all behind it, in the NIC's ring, until the program
 * says weir_nic_writable().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_net.h>

#include "embed/internal.h"
#include "nic/qdisc.h"

#define MTU_DEFAULT	1500u
#define GSO_MAX_DEFAULT	65535u
#define RX_QUEUE	4096u	/* frames that may wait for a turn */
#define GSO_CAPS	(LINK_GSO_TCP4 | LINK_GSO_TCP6 | LINK_GSO_UDP)

/* ---- a qdisc that is none, so that nothing has to be loaded ---- */

static int direct_enqueue(struct qdisc *q, struct packet *p)
{
	return qdisc_transmit(q, p);
}

static struct packet *direct_none(struct qdisc *q)
{
	(void)q;
	return NULL;
}

static const struct qdisc_ops direct = {
	.name = "direct", .enqueue = direct_enqueue, .dequeue = direct_none, .peek = direct_none,
};

static struct qdisc *make_qdisc(struct weir_nic *n, const char *kind, const char *const *params,
				struct weir_error *e)
{
	struct setting s[PARAM_TABLE_MAX];
	int count;

	if (!kind)
		return qdisc_create_ops(n->nic, &direct, NULL, NULL, e);
	count = embed_settings(params, s, e);
	return count < 0 ? NULL : qdisc_build(&n->stack->modules->registry, n->nic, kind, s,
					      (size_t)count, e);
}

int weir_nic_set_qdisc(struct weir_nic *n, const char *kind, const char *const *params,
		       struct weir_error *e)
{
	struct qdisc *q = make_qdisc(n, kind, params, e);

	if (!q)
		return -EINVAL;
	nic_set_root(n->nic, q);
	return 0;
}

int weir_nic_change_qdisc(struct weir_nic *n, const char *const *params, struct weir_error *e)
{
	struct setting s[PARAM_TABLE_MAX];
	int count = embed_settings(params, s, e);

	return count < 0 ? count : qdisc_change_settings(n->nic->root, s, (size_t)count, e);
}

/* ---- the callbacks as a driver ---- */

static int callback_transmit(struct link *l, struct packet **batch, int n)
{
	struct weir_nic *wn = l->priv;
	struct iovec iov[1 + PACKET_FRAGS];
	struct virtio_net_hdr vnet;
	int done, err;

	for (done = 0; done < n; done++) {
		struct packet *p = batch[done];
		int niov = packet_iov(p, 0, p->len, iov, 1 + PACKET_FRAGS);

		packet_to_vnet(p, &vnet);
		err = wn->transmit(wn->arg, iov, niov, p->len, &vnet);
		if (err == -EAGAIN)
			break;
		if (err < 0) {
			l->stats.tx_errors++;
		} else {
			l->stats.tx_packets++;
			l->stats.tx_bytes += p->len;
		}
		packet_free(p);
	}
	return done;
}

static int callback_receive(struct link *l, struct packet **batch, int max)
{
	struct weir_nic *wn = l->priv;
	int n = 0;

	while (n < max && wn->rx.head)
		batch[n++] = packet_queue_pop(&wn->rx);
	return n;
}

static const struct link_ops callback_link = {
	.name = "callback", .transmit = callback_transmit, .receive = callback_receive,
};

/* ---- life ---- */

static struct weir_nic *new_nic(struct weir_stack *s, struct weir_error *e)
{
	struct weir_nic *n = calloc(1, sizeof(*n));

	if (!n) {
		weir_fail(e, ENOMEM, "no memory for a NIC");
		return NULL;
	}
	list_init(&n->node);
	n->stack = s;
	return n;
}

static int name_link(struct link *l, const char *name, struct weir_error *e)
{
	if (!name || !*name || strlen(name) >= sizeof(l->name))
		return weir_fail(e, EINVAL, "'%.32s' cannot name a NIC; use 1 to %u characters",
				 name ? name : "", LINK_NAME_MAX - 1);
	strcpy(l->name, name);
	return 0;
}

/* The link is attached: make a NIC of it. */
static int start(struct weir_nic *n, const struct link *l, const char *kind,
		 const char *const *params, struct weir_error *e)
{
	struct qdisc *q;

	n->nic = nic_create(&n->stack->stack->nics, l, true, e);
	if (!n->nic) {
		if (l->ops->detach)
			l->ops->detach((struct link *)l);
		return -EINVAL;
	}
	list_add_tail(&n->node, &n->stack->nics);
	q = make_qdisc(n, kind, params, e);
	if (!q)
		return -EINVAL;
	nic_set_root(n->nic, q);
	return 0;
}

struct weir_nic *weir_nic_create(struct weir_stack *s, const struct weir_link_config *config,
				 struct weir_error *e)
{
	struct weir_link_config c = { 0 };
	struct weir_nic *n = new_nic(s, e);
	struct link l = { .ops = &callback_link, .fd = -1, .pool = &s->stack->pool };

	if (!n)
		return NULL;
	memcpy(&c, config, config->size < sizeof(c) ? config->size : sizeof(c));
	if (c.size < sizeof(c.size) || !c.transmit) {
		weir_fail(e, EINVAL, "struct weir_link_config: set size to its size, and transmit");
		goto fail;
	}
	n->transmit = c.transmit;
	n->arg = c.arg;
	l.caps = c.caps;
	l.mtu = c.mtu ? c.mtu : MTU_DEFAULT;
	l.gso_max = c.gso_max ? c.gso_max : c.caps & GSO_CAPS ? GSO_MAX_DEFAULT : 0;
	memcpy(l.addr, c.addr, sizeof(l.addr));
	l.priv = n;
	if (name_link(&l, c.name, e) == 0 && start(n, &l, c.qdisc, c.qdisc_params, e) == 0) {
		n->nic->gro = c.gro;
		return n;
	}
fail:
	weir_nic_destroy(n);
	return NULL;
}

/* Open the device by its driver and attach to it: what `weir run` does in two processes. */
static int open_link(struct weir_nic *n, const char *driver, const char *const *params,
		     struct weir_error *e)
{
	struct setting s[PARAM_TABLE_MAX];
	struct link *l = &n->opened;
	const struct link_ops *ops;
	int count = embed_settings(params, s, e), err;

	if (count < 0)
		return count;
	ops = registry_get(&n->stack->modules->registry, WEIR_KIND_LINK, driver, &n->module, e);
	if (!ops)
		return -ENOENT;
	l->priv = calloc(1, ops->priv_size + 1);
	n->params = calloc(1, ops->params_size + 1);
	if (!l->priv || !n->params)
		return weir_fail(e, ENOMEM, "out of memory");
	err = params_parse(ops->params, s, (size_t)count, NULL, n->params, ops->params_size, e);
	if (!err)
		err = ops->open(l, n->params, e);
	if (err)
		return err;
	l->ops = ops;			/* from here on there is something to close */
	return ops->attach ? ops->attach(l, e) : 0;
}

struct weir_nic *weir_nic_open(struct weir_stack *s, const char *name, const char *driver,
			       const char *const *params, struct weir_error *e)
{
	struct weir_nic *n = new_nic(s, e);

	if (!n)
		return NULL;
	n->opened.fd = -1;
	n->opened.pool = &s->stack->pool;
	if (name_link(&n->opened, name, e) || open_link(n, driver, params, e) ||
	    start(n, &n->opened, NULL, NULL, e)) {
		weir_nic_destroy(n);
		return NULL;
	}
	return n;
}

void weir_nic_destroy(struct weir_nic *n)
{
	if (!n)
		return;
	list_del(&n->node);
	packet_queue_purge(&n->rx);
	if (n->nic)
		nic_destroy(n->nic);
	if (n->opened.ops && n->opened.ops->close)
		n->opened.ops->close(&n->opened);
	free(n->opened.priv);
	free(n->params);
	if (n->module)
		module_put(n->module);
	free(n);
}

/* ---- use ---- */

const char *weir_nic_name(const struct weir_nic *n)
{
	return n->nic->name;
}

int weir_nic_fd(const struct weir_nic *n)
{
	return n->nic->link.fd;
}

bool weir_nic_wants_write(const struct weir_nic *n)
{
	return n->nic->link_busy;
}

void weir_nic_readable(struct weir_nic *n)
{
	nic_receive(n->nic);
}

void weir_nic_writable(struct weir_nic *n)
{
	nic_writable(n->nic);
}

int weir_nic_input(struct weir_nic *n, const void *frame, size_t len,
		   const struct virtio_net_hdr *vnet)
{
	struct link *l = &n->nic->link;
	struct packet *p;
	struct iovec iov[2];
	size_t first;

	if (len > PACKET_MAX_LEN) {
		l->stats.rx_errors++;
		return -EINVAL;
	}
	p = n->rx.len < RX_QUEUE ? packet_rx_prepare(l->pool, iov) : NULL;
	if (!p) {
		l->stats.rx_drops++;
		return -ENOBUFS;
	}
	first = len < iov[0].iov_len ? len : iov[0].iov_len;
	memcpy(iov[0].iov_base, frame, first);
	if (len > first)
		memcpy(iov[1].iov_base, (const uint8_t *)frame + first, len - first);
	packet_rx_finish(p, (uint32_t)len);
	if (vnet && (n->nic->l3 ? packet_from_vnet_l3(p, vnet) : packet_from_vnet(p, vnet)) < 0) {
		l->stats.rx_errors++;
		packet_free(p);
		return -EINVAL;
	}
	l->stats.rx_packets++;
	l->stats.rx_bytes += len;
	packet_queue_push(&n->rx, p);
	return 0;
}

bool embed_rx_pending(const struct weir_stack *s)
{
	list_for_each(pos, &s->nics)
		if (list_entry(pos, struct weir_nic, node)->rx.head)
			return true;
	return false;
}

void embed_rx(struct weir_stack *s)
{
	list_for_each(pos, &s->nics) {
		struct weir_nic *n = list_entry(pos, struct weir_nic, node);

		while (n->rx.head)
			nic_receive(n->nic);
	}
}

void weir_nic_set_up(struct weir_nic *n, bool up)
{
	nic_set_up(n->nic, up);
}

void weir_nic_stats_get(const struct weir_nic *n, struct weir_nic_stats *stats)
{
	const struct nic *nic = n->nic;
	const struct link_stats *l = &nic->link.stats;
	struct weir_nic_stats full = {
		.size = stats->size,
		.rx_packets = nic->rx_packets, .rx_bytes = nic->rx_bytes,
		.rx_drops = nic->rx_drops + l->rx_drops + l->rx_errors,
		.tx_packets = nic->tx_packets, .tx_bytes = nic->tx_bytes,
		.tx_drops = nic->tx_drops + l->tx_drops + l->tx_errors,
		.qdisc_drops = nic->qdisc_drops,
		.backlog = nic->root ? nic->root->stats.backlog : 0,
		.qlen = nic->root ? nic->root->stats.qlen : 0,
	};

	memcpy(stats, &full, stats->size < sizeof(full) ? stats->size : sizeof(full));
}
