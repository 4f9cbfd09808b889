/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap.c - link driver: a TAP or TUN device, with the host's kernel as the peer.
 *
 * Theory of operation
 *
 * A TAP device is an Ethernet cable between the kernel and the program that created the device
 * (linux/Documentation/networking/tuntap.rst). The kernel's end has a name, an address and routes
 * like any device; ours is a descriptor: one write is one frame that the kernel receives, one read
 * is one that it sent. With IFF_VNET_HDR a virtio_net_hdr stands in front of every frame, so TCP
 * super-segments go both ways whole. TUNSETOFFLOAD tells the kernel what we take unfinished.
 *
 * A TUN device (type = tun) is the same without the Ethernet: a frame is an IP packet, and there is
 * nobody on the cable to be asked for a link address.
 *
 * The device goes with the last descriptor on it, also when the process is killed. A device that
 * was there before (`ip tuntap add`), made for a user who may not create one, is used and left as
 * it is.
 *
 * Errors. EAGAIN: the device's queue is full or empty; the core waits. EIO on a write: the device
 * is down; EBADFD: somebody has deleted it. The frame is dropped and counted.
 *
 * System calls after open: readv, writev, read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include <weir/module.h>

#include "device.h"
#include "frame.h"

#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

enum { TYPE_TAP, TYPE_TUN };

static const char *const types[] = { "tap", "tun", NULL };

struct tap_params {
	uint32_t type;
	char device[LINK_NAME_MAX];
	struct param_address host_address;
	uint8_t mac[LINK_ADDR_LEN];
};

static const struct param tap_param[] = {
	{ .name = "type", .type = PARAM_ENUM, .offset = offsetof(struct tap_params, type),
	  .flags = PARAM_FIXED, .choices = types, .def = "tap",
	  .help = "tap: Ethernet frames; tun: IP packets, without link addresses" },
	{ .name = "device", .type = PARAM_STRING, .size = LINK_NAME_MAX,
	  .offset = offsetof(struct tap_params, device), .flags = PARAM_FIXED,
	  .help = "name of the device on the host; default the link's own name" },
	{ .name = "host-address", .type = PARAM_ADDRESS, .flags = PARAM_FIXED,
	  .offset = offsetof(struct tap_params, host_address),
	  .help = "address/prefix of the host's end; none: it gets none" },
	{ .name = "mac", .type = PARAM_MAC, .offset = offsetof(struct tap_params, mac),
	  .flags = PARAM_FIXED,
	  .help = "Ethernet address of the stack's end; default random; tap only" },
	{ }
};

struct tap_link {
	struct frame_rx rx;
	struct frame_tx tx;
};

/* ---- open and close ---- */

static int create_device(struct link *l, const char *name, bool tun, struct weir_error *e)
{
	struct ifreq r = { .ifr_flags = (tun ? IFF_TUN : IFF_TAP) | IFF_NO_PI | IFF_VNET_HDR };
	const char *kind = tun ? "TUN" : "TAP";
	int size = sizeof(struct virtio_net_hdr), fd, err;
	struct device d;

	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return weir_fail(e, errno, "cannot open /dev/net/tun: %s; is the kernel's module "
				 "tun loaded, and may this user open it?", strerror(errno));
	l->created = device_read(name, &d, NULL) == -ENODEV;
	strcpy(r.ifr_name, name);	/* LINK_NAME_MAX is IFNAMSIZ */
	if (ioctl(fd, TUNSETIFF, &r) < 0) {
		err = errno;
		weir_fail(e, err, "cannot create %s device %s: %s%s", kind, name, strerror(err),
			  !l->created ? "; a device of this name exists: name another with "
			  "device = ..." :
			  err == EPERM ? "; run weir as root or with CAP_NET_ADMIN" : "");
		goto err_fd;
	}
	if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, (unsigned long)OFFLOADS) < 0) {
		err = errno;
		weir_fail(e, err, "%s device %s: cannot set its offloads: %s", kind, name,
			  strerror(err));
		goto err_fd;
	}
	l->fd = fd;
	strcpy(l->host_device, name);
	return 0;

err_fd:
	close(fd);
	return -err;
}

/* Without an address where there is no link header; otherwise, by default, a random one: unicast,
 * locally administered (IEEE 802: bits 0 and 1 of the first octet). */
static int choose_mac(struct link *l, const uint8_t mac[LINK_ADDR_LEN], bool tun,
		      struct weir_error *e)
{
	static const uint8_t none[LINK_ADDR_LEN];

	if (tun && memcmp(mac, none, sizeof(none)))
		return weir_fail(e, EINVAL, "mac: a TUN device has no link address; leave mac out, or "
				 "write type = tap");
	if (tun)
		return 0;
	if (mac[0] & 1)
		return weir_fail(e, EINVAL, "mac: %02x:%02x:%02x:%02x:%02x:%02x is a group "
				 "address; make the first octet even", mac[0], mac[1], mac[2],
				 mac[3], mac[4], mac[5]);
	if (memcmp(mac, none, sizeof(none))) {
		memcpy(l->addr, mac, LINK_ADDR_LEN);
		return 0;
	}
	if (getrandom(l->addr, LINK_ADDR_LEN, 0) != LINK_ADDR_LEN)
		return weir_fail(e, errno, "no randomness for a MAC address: %s", strerror(errno));
	l->addr[0] = (uint8_t)((l->addr[0] & 0xfe) | 0x02);
	return 0;
}

static int configure(struct link *l, const struct tap_params *p, struct weir_error *e)
{
	struct device d;
	int err = 0;

	if (l->mtu)
		err = device_set_mtu(l->host_device, l->mtu, e);
	if (!err && p->host_address.family)
		err = device_add_address(l->host_device, &p->host_address, e);
	if (!err && (l->created || p->host_address.family))
		err = device_set_up(l->host_device, e);
	if (!err)
		err = device_read(l->host_device, &d, e);
	if (!err)
		l->mtu = d.mtu;
	return err;
}

static void tap_close(struct link *l)
{
	close(l->fd);
	l->fd = -1;
}

static int tap_open(struct link *l, const void *params, struct weir_error *e)
{
	const struct tap_params *p = params;
	bool tun = p->type == TYPE_TUN;
	int err;

	err = choose_mac(l, p->mac, tun, e);
	if (err < 0)
		return err;
	err = create_device(l, p->device[0] ? p->device : l->name, tun, e);
	if (err < 0)
		return err;
	err = configure(l, p, e);
	if (err < 0) {
		tap_close(l);
		return err;
	}
	l->caps = FRAME_CAPS | LINK_FAR | (tun ? LINK_L3 : 0);
	l->gso_max = FRAME_GSO_MAX;
	return 0;
}

static int tap_attach(struct link *l, struct weir_error *e)
{
	(void)e;
	memset(l->priv, 0, sizeof(struct tap_link));
	return 0;
}

static void tap_detach(struct link *l)
{
	struct tap_link *t = l->priv;

	frame_release(&t->rx);
}

/* ---- frames ---- */

/* False: not now. */
static bool transmit_one(struct link *l, struct packet *p)
{
	struct tap_link *t = l->priv;
	ssize_t r;

	frame_describe(&t->tx, p);
	do
		r = writev(l->fd, t->tx.iov, t->tx.niov);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		return false;
	if (r >= 0) {
		l->stats.tx_packets++;
		l->stats.tx_bytes += p->len;
	} else if (errno == EIO || errno == EBADFD || errno == ENOBUFS || errno == ENOMEM) {
		l->stats.tx_drops++;
	} else {
		l->stats.tx_errors++;
	}
	packet_free(p);
	return true;
}

static int tap_transmit(struct link *l, struct packet **batch, int n)
{
	int done = 0;

	while (done < n && transmit_one(l, batch[done]))
		done++;
	return done;
}

/* No memory for a frame: take one away all the same, or the device would stay readable. */
static bool discard(struct link *l)
{
	struct virtio_net_hdr vnet;

	if (read(l->fd, &vnet, sizeof(vnet)) < 0)
		return false;
	l->stats.rx_drops++;
	return true;
}

static int tap_receive(struct link *l, struct packet **batch, int max)
{
	struct tap_link *t = l->priv;
	ssize_t r;
	int n = 0;

	while (n < max) {
		if (!frame_prepare(&t->rx, l->pool)) {
			while (discard(l))
				;
			break;
		}
		r = readv(l->fd, t->rx.iov, 3);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		batch[n] = frame_finish(&t->rx, (size_t)r, l);
		if (batch[n])
			n++;
	}
	return n;
}

static const struct link_ops tap = {
	.name = "tap", .priv_size = sizeof(struct tap_link),
	.params = tap_param, .params_size = sizeof(struct tap_params),
	.open = tap_open, .attach = tap_attach, .detach = tap_detach, .close = tap_close,
	.transmit = tap_transmit, .receive = tap_receive,
};

WEIR_MODULE("tap", "a TAP or TUN device, with the host as the peer", WEIR_LINK(tap));
