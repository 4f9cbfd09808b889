/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.c - link driver: an AF_PACKET socket on a device of the network namespace (packet(7)).
 *
 * Theory of operation
 *
 * A socket bound to the device gets a copy of every frame that arrives on it, and what is written
 * to it leaves by it. With PACKET_VNET_HDR every frame has a virtio_net_hdr in front: so TCP
 * super-segments of 64 KiB go both ways whole, and checksums are left to the device or, between
 * namespaces of one host, never computed at all.
 *
 * The kernel's own stack sees the frames too. The device must therefore have no address (`weir run
 * --netns` sees to it), or the kernel would answer as well.
 *
 * Frames that are not for the stack are kept out by a filter in the kernel: those that leave by
 * the device (where the kernel is too old for PACKET_IGNORE_OUTGOING), those for another station,
 * and those of a VLAN. The last are no frames of this link: the kernel takes the tag off, and
 * without it they would look as if they were.
 *
 * Frames are read and written in batches, each straight from or to where its bytes are. A
 * memory-mapped ring (PACKET_MMAP) would save neither copy: the kernel copies into it, and the
 * stack, which keeps received bytes for as long as it likes, would have to copy out of it.
 *
 * Errors. EAGAIN: the socket's send buffer is full; the core waits for EPOLLOUT. ENOBUFS: the
 * device's own queue was full and the frame is lost, as on any congested link: counted, and TCP
 * sends it again. ENETDOWN, ENXIO: the device is down or gone: frames are dropped and counted for
 * as long as it is.
 *
 * System calls after open: sendmmsg, recvmmsg, recvfrom, getsockopt.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_ether.h>

#include <weir/module.h>

#include <linux/if_packet.h>	/* last: it makes macros of the names that enum packet_type has */

#include "device.h"
#include "frame.h"

#define SEND_BUFFER	(1 << 20)	/* bytes; the kernel doubles both */
#define RECEIVE_BUFFER	(8 << 20)
#define RX_BATCH	32		/* frames prepared: about 2 MiB of the pool */
#define DROPS_PERIOD	256		/* frames between two looks at what was dropped */

struct packet_params {
	char device[LINK_NAME_MAX];
	bool bypass;
};

static const struct param packet_param[] = {
	{ .name = "device", .type = PARAM_STRING, .size = LINK_NAME_MAX,
	  .offset = offsetof(struct packet_params, device), .flags = PARAM_FIXED,
	  .help = "the kernel's device; default the link's own name" },
	{ .name = "bypass", .type = PARAM_BOOL, .flags = PARAM_FIXED,
	  .offset = offsetof(struct packet_params, bypass), .def = "off",
	  .help = "send past the device's own queueing discipline (PACKET_QDISC_BYPASS)" },
	{ }
};

struct packet_link {
	struct frame_rx rx[RX_BATCH];
	struct mmsghdr rx_msgs[RX_BATCH];
	struct frame_tx tx[LINK_BATCH];
	struct mmsghdr tx_msgs[LINK_BATCH];
	unsigned int since_drops;	/* frames since the socket's drops were read */
};

/* ---- open and close ---- */

static int attach_filter(int fd)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OTHERHOST, 3, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {
		.len = sizeof(code) / sizeof(code[0]), .filter = (struct sock_filter *)code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* Larger buffers than the host's limits allow, where we may; else as large as they allow. */
static void set_buffer(int fd, int force, int plain, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

/* Which groups the stack is in changes while it runs, when it has no privilege any more to tell the
 * device: so that takes all, for as long as the socket is open. */
static int take_multicasts(int fd, int index)
{
	const struct packet_mreq m = { .mr_ifindex = index, .mr_type = PACKET_MR_ALLMULTI };

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m));
}

static int set_options(int fd, bool bypass)
{
	const int on = 1;

	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER);
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));	/* else: filter */
	if (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0)
		return -1;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		return -1;
	return attach_filter(fd);
}

static int check_device(const char *name, const struct device *d, uint32_t mtu,
			struct weir_error *e)
{
	if (!d->ethernet || d->flags & IFF_LOOPBACK)
		return weir_fail(e, EINVAL, "device %s is not an Ethernet device; name one with "
				 "device = ...", name);
	if (!(d->flags & IFF_UP))
		return weir_fail(e, ENETDOWN, "device %s is down; set it up with `ip link set %s "
				 "up`", name, name);
	if (mtu > d->mtu)
		return weir_fail(e, EINVAL, "mtu: %u is larger than the MTU of device %s (%u); "
				 "lower it, or raise the device's with `ip link set %s mtu %u`",
				 mtu, name, d->mtu, name, mtu);
	return 0;
}

static int packet_open(struct link *l, const void *params, struct weir_error *e)
{
	const struct packet_params *p = params;
	const char *name = p->device[0] ? p->device : l->name;
	struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct device d;
	int fd, err;

	err = device_read(name, &d, e);
	if (err < 0)
		return err;
	err = check_device(name, &d, l->mtu, e);
	if (err < 0)
		return err;

	/* Protocol 0: nothing is received before the filter is there and it is bound. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return weir_fail(e, errno, "device %s: cannot open a packet socket: %s%s", name,
				 strerror(errno),
				 errno == EPERM ? "; run weir as root or with CAP_NET_RAW" : "");
	sll.sll_ifindex = d.index;
	if (set_options(fd, p->bypass) < 0 || take_multicasts(fd, d.index) < 0 ||
	    bind(fd, (struct sockaddr *)&sll, sizeof(sll)) < 0) {
		err = weir_fail(e, errno, "device %s: cannot set up a packet socket on it: %s",
				name, strerror(errno));
		close(fd);
		return err;
	}

	l->fd = fd;
	l->caps = FRAME_CAPS;
	l->gso_max = FRAME_GSO_MAX;
	if (!l->mtu)
		l->mtu = d.mtu;
	memcpy(l->addr, d.addr, sizeof(l->addr));
	strcpy(l->host_device, name);
	return 0;
}

static void packet_close(struct link *l)
{
	close(l->fd);
	l->fd = -1;
}

static int packet_attach(struct link *l, struct weir_error *e)
{
	struct packet_link *pl = l->priv;

	(void)e;
	memset(pl, 0, sizeof(*pl));
	for (int i = 0; i < RX_BATCH; i++)
		pl->rx_msgs[i].msg_hdr = (struct msghdr){ .msg_iov = pl->rx[i].iov,
							  .msg_iovlen = 3 };
	for (int i = 0; i < LINK_BATCH; i++)
		pl->tx_msgs[i].msg_hdr = (struct msghdr){ .msg_iov = pl->tx[i].iov };
	return 0;
}

static void packet_detach(struct link *l)
{
	struct packet_link *pl = l->priv;

	for (int i = 0; i < RX_BATCH; i++)
		frame_release(&pl->rx[i]);
}

/* ---- sending ---- */

static void sent(struct link *l, struct packet *p)
{
	l->stats.tx_packets++;
	l->stats.tx_bytes += p->len;
	packet_free(p);
}

static void not_sent(struct link *l, struct packet *p, int err)
{
	if (err == ENOBUFS || err == ENETDOWN || err == ENXIO)
		l->stats.tx_drops++;
	else
		l->stats.tx_errors++;
	packet_free(p);
}

static int packet_transmit(struct link *l, struct packet **batch, int n)
{
	struct packet_link *pl = l->priv;
	int done = 0;

	if (n > LINK_BATCH)
		n = LINK_BATCH;
	for (int i = 0; i < n; i++) {
		frame_describe(&pl->tx[i], batch[i]);
		pl->tx_msgs[i].msg_hdr.msg_iovlen = (size_t)pl->tx[i].niov;
	}
	/* sendmmsg stops at the first frame that fails, and tells why only when it comes first. */
	while (done < n) {
		int r = sendmmsg(l->fd, pl->tx_msgs + done, (unsigned int)(n - done), MSG_DONTWAIT);

		if (r < 0) {
			if (errno == EAGAIN)
				break;
			if (errno != EINTR)
				not_sent(l, batch[done++], errno);
			continue;
		}
		while (r--)
			sent(l, batch[done++]);
	}
	return done;
}

/* ---- receiving ---- */

/* Frames that the kernel dropped because the receive buffer was full. Reading resets its count. */
static void count_drops(struct link *l)
{
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	if (getsockopt(l->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		l->stats.rx_drops += s.tp_drops;
}

/* No memory for a frame: take one away all the same, or the socket would stay readable. */
static bool discard(struct link *l)
{
	struct virtio_net_hdr vnet;

	if (recv(l->fd, &vnet, sizeof(vnet), MSG_DONTWAIT) < 0)
		return false;
	l->stats.rx_drops++;
	return true;
}

static int prepare(struct link *l, int max)
{
	struct packet_link *pl = l->priv;
	int n = 0;

	while (n < max && n < RX_BATCH && frame_prepare(&pl->rx[n], l->pool))
		n++;
	return n;
}

/* Of got frames in rx[], those that are good go to batch: how many. */
static int collect(struct link *l, struct packet **batch, int got)
{
	struct packet_link *pl = l->priv;
	int n = 0;

	for (int i = 0; i < got; i++) {
		if (pl->rx_msgs[i].msg_hdr.msg_flags & MSG_TRUNC) {
			l->stats.rx_errors++;
			continue;
		}
		batch[n] = frame_finish(&pl->rx[i], pl->rx_msgs[i].msg_len, l);
		if (batch[n])
			n++;
	}
	return n;
}

static int packet_receive(struct link *l, struct packet **batch, int max)
{
	struct packet_link *pl = l->priv;
	int n = 0, room, got;

	while (n < max) {
		room = prepare(l, max - n);
		if (!room) {
			while (discard(l))
				;
			break;
		}
		got = recvmmsg(l->fd, pl->rx_msgs, (unsigned int)room, MSG_DONTWAIT, NULL);
		if (got < 0) {
			if (errno == ENETDOWN || errno == EINTR)	/* told once, then EAGAIN */
				continue;
			break;
		}
		n += collect(l, batch + n, got);
		pl->since_drops += (unsigned int)got;
		if (got < room)
			break;
	}
	if (pl->since_drops >= DROPS_PERIOD) {
		pl->since_drops = 0;
		count_drops(l);
	}
	return n;
}

static const struct link_ops packet_ops = {
	.name = "packet", .priv_size = sizeof(struct packet_link),
	.params = packet_param, .params_size = sizeof(struct packet_params),
	.open = packet_open, .attach = packet_attach, .detach = packet_detach,
	.close = packet_close,
	.transmit = packet_transmit, .receive = packet_receive,
};

WEIR_MODULE("packet", "AF_PACKET on a device of the network namespace", WEIR_LINK(packet_ops));
