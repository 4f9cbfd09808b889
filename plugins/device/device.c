/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - asking and configuring a network device (device.h). */
#include <errno.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/sockios.h>

#include "device.h"

struct in6_ifreq {		/* as in linux/ipv6.h, which does not go with netinet/in.h */
	struct in6_addr addr;
	uint32_t prefix;
	int index;
};

static void name_device(struct ifreq *r, const char *name)
{
	memset(r, 0, sizeof(*r));
	strncpy(r->ifr_name, name, sizeof(r->ifr_name) - 1);
}

static int control_socket(int family, struct weir_error *e)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return weir_fail(e, errno, "cannot open a socket to configure devices: %s",
				 strerror(errno));
	return fd;
}

static int failed(const char *name, const char *what, int err, struct weir_error *e)
{
	return weir_fail(e, err, "device %s: cannot %s: %s%s", name, what, strerror(err),
			 err == EPERM ? "; run weir as root or with CAP_NET_ADMIN" : "");
}

int device_read(const char *name, struct device *d, struct weir_error *e)
{
	struct ifreq r;
	int fd = control_socket(AF_INET, e), err = 0;

	if (fd < 0)
		return fd;
	name_device(&r, name);
	if (ioctl(fd, SIOCGIFINDEX, &r) < 0) {
		err = errno == ENODEV
		    ? weir_fail(e, ENODEV, "device %s does not exist in this network namespace; "
				"`ip link` lists what does", name)
		    : failed(name, "find it", errno, e);
		goto out;
	}
	d->index = r.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0) {
		err = failed(name, "read its flags", errno, e);
		goto out;
	}
	d->flags = (unsigned short)r.ifr_flags;
	if (ioctl(fd, SIOCGIFMTU, &r) < 0) {
		err = failed(name, "read its MTU", errno, e);
		goto out;
	}
	d->mtu = (uint32_t)r.ifr_mtu;
	if (ioctl(fd, SIOCGIFHWADDR, &r) < 0) {
		err = failed(name, "read its address", errno, e);
		goto out;
	}
	d->ethernet = r.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	memcpy(d->addr, r.ifr_hwaddr.sa_data, sizeof(d->addr));
out:
	close(fd);
	return err;
}

int device_set_mtu(const char *name, uint32_t mtu, struct weir_error *e)
{
	struct ifreq r;
	int fd = control_socket(AF_INET, e), err = 0;

	if (fd < 0)
		return fd;
	name_device(&r, name);
	r.ifr_mtu = (int)mtu;
	if (ioctl(fd, SIOCSIFMTU, &r) < 0)
		err = weir_fail(e, errno, "device %s: cannot set its MTU to %u: %s", name, mtu,
				strerror(errno));
	close(fd);
	return err;
}

int device_set_up(const char *name, struct weir_error *e)
{
	struct ifreq r;
	int fd = control_socket(AF_INET, e), err = 0;

	if (fd < 0)
		return fd;
	name_device(&r, name);
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0) {
		err = failed(name, "read its flags", errno, e);
		goto out;
	}
	r.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		err = failed(name, "set it up", errno, e);
out:
	close(fd);
	return err;
}

static int add_ipv4(int fd, const char *name, const struct param_address *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct ifreq r;

	name_device(&r, name);
	memcpy(&sin.sin_addr, a->addr, 4);
	memcpy(&r.ifr_addr, &sin, sizeof(sin));
	if (ioctl(fd, SIOCSIFADDR, &r) < 0)
		return -errno;
	sin.sin_addr.s_addr = a->prefix ? htonl(~0u << (32 - a->prefix)) : 0;
	memcpy(&r.ifr_netmask, &sin, sizeof(sin));
	return ioctl(fd, SIOCSIFNETMASK, &r) < 0 ? -errno : 0;
}

static int add_ipv6(int fd, const char *name, const struct param_address *a)
{
	struct in6_ifreq r6 = { .prefix = a->prefix };
	struct ifreq r;

	name_device(&r, name);
	if (ioctl(fd, SIOCGIFINDEX, &r) < 0)
		return -errno;
	r6.index = r.ifr_ifindex;
	memcpy(&r6.addr, a->addr, 16);
	return ioctl(fd, SIOCSIFADDR, &r6) < 0 ? -errno : 0;
}

int device_add_address(const char *name, const struct param_address *a, struct weir_error *e)
{
	int fd = control_socket(a->family, e), err;

	if (fd < 0)
		return fd;
	err = a->family == AF_INET6 ? add_ipv6(fd, name, a) : add_ipv4(fd, name, a);
	if (err < 0)
		failed(name, "give it its address", -err, e);
	close(fd);
	return err;
}
