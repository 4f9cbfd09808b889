/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioctl.c - the ioctls of internet sockets (netdevice(7), tcp(7), udp(7)): bytes waiting, time
 * stamps, and what the stack's NICs are. Those that would change a NIC are refused: that is the
 * operator's.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <linux/if.h>
#include <linux/sockios.h>

#include "socket/internal.h"
#include "socket/socket.h"

#define NS	  1000000000ull
#define TXQLEN	  1000

static void ifaddr_sockaddr(const struct ip_addr *a, struct sockaddr *sa)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = ip_addr_to_v4(a),
	};

	memcpy(sa, &sin, sizeof(sin));
}

static const struct ifaddr *first_ipv4(const struct nic *nic)
{
	list_for_each(n, &nic->addrs) {
		const struct ifaddr *ifa = list_entry(n, struct ifaddr, node);

		if (ip_addr_is_v4(&ifa->addr))
			return ifa;
	}
	return NULL;
}

static uint32_t count_ipv4(const struct nics *nics)
{
	uint32_t n = 0;

	list_for_each(node, &nics->list)
		if (first_ipv4(list_entry(node, struct nic, node)))
			n++;
	return n;
}

/* arg's ifc_buf points at ifc_len bytes of the caller's, or is NULL to ask how many are needed. */
static int get_conf(struct nics *nics, void *arg, size_t len)
{
	struct ifconf ifc;
	int used = 0;

	if (len < sizeof(ifc))
		return -EINVAL;
	memcpy(&ifc, arg, sizeof(ifc));
	if (!ifc.ifc_buf) {
		ifc.ifc_len = count_ipv4(nics) * sizeof(struct ifreq);
		memcpy(arg, &ifc, sizeof(ifc));
		return 0;
	}
	if (ifc.ifc_len < 0)
		return -EINVAL;
	list_for_each(node, &nics->list) {
		const struct nic *nic = list_entry(node, struct nic, node);
		const struct ifaddr *ifa = first_ipv4(nic);
		struct ifreq r = { 0 };

		if (!ifa)
			continue;
		if (ifc.ifc_len - used < (int)sizeof(r))
			break;
		memcpy(r.ifr_name, nic->name, sizeof(r.ifr_name) - 1);
		ifaddr_sockaddr(&ifa->addr, &r.ifr_addr);
		memcpy(ifc.ifc_buf + used, &r, sizeof(r));
		used += sizeof(r);
	}
	ifc.ifc_len = used;
	memcpy(arg, &ifc, sizeof(ifc));
	return 0;
}

static int get_address(const struct nic *nic, unsigned long request, struct ifreq *r)
{
	const struct ifaddr *ifa = first_ipv4(nic);
	struct ip_addr mask;

	if (!ifa)
		return -EADDRNOTAVAIL;
	switch (request) {
	case SIOCGIFNETMASK:
		mask = ip_addr_v4(ifa->prefix ? htonl(UINT32_MAX << (32 - ifa->prefix)) : 0);
		ifaddr_sockaddr(&mask, &r->ifr_netmask);
		break;
	case SIOCGIFBRDADDR:
		ifaddr_sockaddr(&ifa->broadcast, &r->ifr_broadaddr);
		break;
	default:
		ifaddr_sockaddr(&ifa->addr, &r->ifr_addr);
	}
	return 0;
}

static int get_nic(const struct nic *nic, unsigned long request, struct ifreq *r)
{
	switch (request) {
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
		return get_address(nic, request, r);
	case SIOCGIFFLAGS:
		r->ifr_flags = (short)nic_flags(nic);
		return 0;
	case SIOCGIFINDEX:
		r->ifr_ifindex = nic->index;
		return 0;
	case SIOCGIFMTU:
		r->ifr_mtu = nic->mtu;
		return 0;
	case SIOCGIFMETRIC:
		r->ifr_metric = 0;
		return 0;
	case SIOCGIFTXQLEN:
		r->ifr_qlen = TXQLEN;
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
		r->ifr_hwaddr.sa_family = nic_hatype(nic);
		memcpy(r->ifr_hwaddr.sa_data, nic->addr, sizeof(nic->addr));
		return 0;
	default:
		return -ENOTTY;
	}
}

static int interface_ioctl(struct nics *nics, unsigned long request, void *arg, size_t len)
{
	struct ifreq r;
	struct nic *nic;
	int err;

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, arg, sizeof(r));
	r.ifr_name[IFNAMSIZ - 1] = 0;
	if (request == SIOCGIFNAME) {
		nic = nic_find_index(nics, r.ifr_ifindex);
		if (!nic)
			return -ENODEV;
		memcpy(r.ifr_name, nic->name, sizeof(nic->name));
		memcpy(arg, &r, sizeof(r));
		return 0;
	}
	nic = nic_find(nics, r.ifr_name);
	if (!nic)
		return -ENODEV;
	err = get_nic(nic, request, &r);
	if (!err)
		memcpy(arg, &r, sizeof(r));
	return err;
}

static int bytes_waiting(struct sock *sk)
{
	uint32_t n;

	if (socket_stream_state(sk) == TCP_LISTEN)
		return -EINVAL;
	n = sk->ops->pending ? sk->ops->pending(sk) : 0;
	return n < INT_MAX ? (int)n : INT_MAX;
}

static int put_int(int v, void *arg, size_t len)
{
	if (len < sizeof(v))
		return -EINVAL;
	if (v < 0)
		return v;
	memcpy(arg, &v, sizeof(v));
	return 0;
}

static int get_stamp(const struct sock *sk, bool ns, void *arg, size_t len)
{
	uint64_t t = control_wall(sk, sk->last_tstamp);
	struct {
		int64_t s, fraction;
	} stamp = { t / NS, ns ? t % NS : t % NS / 1000 };

	if (!sk->last_tstamp)
		return -ENOENT;
	if (len < sizeof(stamp))
		return -EINVAL;
	memcpy(arg, &stamp, sizeof(stamp));
	return 0;
}

int socket_nics_ioctl(struct nics *nics, unsigned long request, void *arg, size_t len)
{
	switch (request) {
	case SIOCGIFCONF:
		return get_conf(nics, arg, len);
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCGIFINDEX:
	case SIOCGIFMTU:
	case SIOCGIFMETRIC:
	case SIOCGIFTXQLEN:
	case SIOCGIFHWADDR:
		return interface_ioctl(nics, request, arg, len);
	case SIOCADDRT:
	case SIOCDELRT:
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFBRDADDR:
	case SIOCSIFFLAGS:
	case SIOCSIFMTU:
	case SIOCSIFMETRIC:
	case SIOCSIFHWADDR:
	case SIOCSIFTXQLEN:
	case SIOCSIFNAME:
	case SIOCSARP:
	case SIOCDARP:
		return -EPERM;
	default:
		return -ENOTTY;
	}
}

int socket_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	switch (request) {
	case SIOCINQ:
		return put_int(bytes_waiting(sk), arg, len);
	case SIOCATMARK:
		return sk->ops->mark ? put_int(sk->ops->mark(sk) == 0, arg, len) : -ENOTTY;
	case SIOCOUTQ:
		return put_int(sk->ops->unsent ? sk->ops->unsent(sk) : 0, arg, len);
	case SIOCGSTAMP_OLD:
	case SIOCGSTAMP_NEW:
		return get_stamp(sk, false, arg, len);
	case SIOCGSTAMPNS_OLD:
	case SIOCGSTAMPNS_NEW:
		return get_stamp(sk, true, arg, len);
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
		if (sk->family == AF_INET6)	/* IPv4's are asked of its own sockets, as with Linux */
			return -ENOTTY;
		/* fall through */
	default:
		return socket_nics_ioctl(sk->ip->nics, request, arg, len);
	}
}
