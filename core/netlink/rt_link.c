/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt_link.c - links over rtnetlink: the stack's NICs.
 *
 * A program may not make, remove or change one: that is the operator's (EPERM, as for a program
 * without CAP_NET_ADMIN). A request that asks for what is there already is granted, since many a
 * container's first act is `ip link set lo up`.
 */
#include <errno.h>
#include <linux/if.h>
#include <net/if_arp.h>
#include <string.h>

#include "netlink/rt.h"

#define TXQLEN 1000u
#define GSO_SEGS 65535u			/* the length bounds them first */
#define OPER_UNKNOWN 0		/* IF_OPER_*, which <linux/if.h> has beside names that clash */
#define OPER_DOWN 2
#define OPER_UP 6

static void put_stats(struct nlbuf *nb, const struct nic *nic)
{
	const struct rtnl_link_stats64 s64 = {
		.rx_packets = nic->rx_packets, .rx_bytes = nic->rx_bytes, .rx_dropped = nic->rx_drops,
		.tx_packets = nic->tx_packets, .tx_bytes = nic->tx_bytes,
		.tx_dropped = nic->tx_drops + nic->ring_drops,
	};
	const struct rtnl_link_stats s = {
		.rx_packets = (uint32_t)s64.rx_packets, .rx_bytes = (uint32_t)s64.rx_bytes,
		.rx_dropped = (uint32_t)s64.rx_dropped, .tx_packets = (uint32_t)s64.tx_packets,
		.tx_bytes = (uint32_t)s64.tx_bytes, .tx_dropped = (uint32_t)s64.tx_dropped,
	};

	nlbuf_put(nb, IFLA_STATS64, &s64, sizeof(s64));
	nlbuf_put(nb, IFLA_STATS, &s, sizeof(s));
}

static void put_hardware(struct nlbuf *nb, const struct nic *nic)
{
	static const uint8_t none[LINK_ADDR_LEN];
	static const uint8_t everybody[LINK_ADDR_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (nic_hatype(nic) == ARPHRD_NONE)
		return;
	nlbuf_put(nb, IFLA_ADDRESS, nic->addr, sizeof(nic->addr));
	nlbuf_put(nb, IFLA_BROADCAST, nic->loopback ? none : everybody, LINK_ADDR_LEN);
}

/* What its device's kernel said goes for as long as the NIC is as that kernel has it. */
static uint8_t operstate(const struct nic *nic)
{
	uint8_t own = nic->loopback ? OPER_UNKNOWN : nic->up && nic->carrier ? OPER_UP : OPER_DOWN;

	return nic->operstate && nic->up && (nic->operstate == OPER_UP) == (own == OPER_UP) ? nic->operstate : own;
}

bool rt_link_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about)
{
	const struct rt_about *a = about;
	const struct nic *nic = a->what;
	bool carrier = nic->up && nic->carrier;
	const struct ifinfomsg ifi = {
		.ifi_type = nic_hatype(nic), .ifi_index = (int)nic->index,
		.ifi_flags = nic_flags(nic) | (carrier ? IFF_LOWER_UP : 0),
	};

	nlbuf_begin(nb, to, a->type, &ifi, sizeof(ifi));
	nlbuf_text(nb, IFLA_IFNAME, nic->name);
	nlbuf_u32(nb, IFLA_TXQLEN, TXQLEN);
	nlbuf_u8(nb, IFLA_OPERSTATE, operstate(nic));
	nlbuf_u8(nb, IFLA_LINKMODE, 0);
	nlbuf_u32(nb, IFLA_MTU, nic->mtu);
	nlbuf_u32(nb, IFLA_MIN_MTU, nic->loopback ? 0 : NIC_MTU_MIN);
	nlbuf_u32(nb, IFLA_MAX_MTU, nic->loopback ? 0 : NIC_MTU_LOOPBACK - 1);
	nlbuf_u32(nb, IFLA_GROUP, 0);
	nlbuf_u32(nb, IFLA_PROMISCUITY, 0);
	nlbuf_u32(nb, IFLA_NUM_TX_QUEUES, 1);
	nlbuf_u32(nb, IFLA_NUM_RX_QUEUES, 1);
	if (nic->gso_max) {
		nlbuf_u32(nb, IFLA_GSO_MAX_SIZE, nic->gso_max);
		nlbuf_u32(nb, IFLA_GSO_MAX_SEGS, GSO_SEGS);
	}
	nlbuf_u8(nb, IFLA_CARRIER, carrier);
	nlbuf_text(nb, IFLA_QDISC, rt_qdisc_name(nic->root));
	put_hardware(nb, nic);
	put_stats(nb, nic);
	return nlbuf_end(nb);
}

/* The link that a request names, by number or by name. */
static struct nic *named(struct netlink_request *rq, int *err)
{
	const struct nlattr *tb[IFLA_ALT_IFNAME + 1], *name;
	const struct ifinfomsg *ifi = (const void *)(rq->nlh + 1);
	char text[IFNAMSIZ] = "";
	struct nic *nic;

	*err = nlattrs(rq->nlh, sizeof(*ifi), tb, IFLA_ALT_IFNAME);
	if (*err)
		return NULL;
	name = tb[IFLA_IFNAME] ? tb[IFLA_IFNAME] : tb[IFLA_ALT_IFNAME];
	if (ifi->ifi_index > 0) {
		nic = rt_nic(rq, (uint32_t)ifi->ifi_index);
	} else {
		*err = -EINVAL;
		if (!name || !nlattr_text(name, text, sizeof(text)))
			return NULL;
		nic = nic_find(rq->nl->ip->nics, text);
	}
	*err = nic ? 0 : -ENODEV;
	return nic;
}

int rt_link_get(struct netlink_request *rq)
{
	int err;
	struct nic *nic = named(rq, &err);
	struct rt_about about = { RTM_NEWLINK, nic, 0 };

	return nic ? netlink_reply(rq, rt_link_fill, &about) : err;
}

int rt_link_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	list_for_each(pos, &d->nl->ip->nics->list) {
		const struct nic *nic = list_entry(pos, struct nic, node);
		const struct rt_about about = { RTM_NEWLINK, nic, 0 };

		if (nic->gone || nic->index <= d->at[0])
			continue;
		if (!rt_link_fill(nb, &d->to, &about))
			return 1;
		d->at[0] = nic->index;
	}
	return 0;
}

/* Does the request name anything that would be another than it is? */
static bool asks_for_change(const struct netlink_request *rq, const struct nic *nic)
{
	const struct ifinfomsg *ifi = (const void *)(rq->nlh + 1);
	const struct nlattr *tb[IFLA_MAX + 1];
	uint32_t mtu;

	if (rq->nlh->nlmsg_type == RTM_DELLINK ||
	    ((ifi->ifi_flags ^ (unsigned int)nic_flags(nic)) & ifi->ifi_change) ||
	    nlattrs(rq->nlh, sizeof(*ifi), tb, IFLA_MAX))
		return true;
	for (int i = 0; i <= IFLA_MAX; i++)
		if (tb[i] && i != IFLA_IFNAME && i != IFLA_ALT_IFNAME && i != IFLA_EXT_MASK &&
		    !(i == IFLA_MTU && nlattr_get(tb[i], &mtu, sizeof(mtu)) && mtu == nic->mtu))
			return true;
	return false;
}

int rt_link_change(struct netlink_request *rq)
{
	int err;
	struct nic *nic = named(rq, &err);

	if (nic && !(rq->nlh->nlmsg_flags & NLM_F_EXCL) && !asks_for_change(rq, nic))
		return 0;
	return weir_fail(rq->e, EPERM, "links are the operator's: see [link] in weir's INI file");
}
