/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmsg.c - control messages (cmsg(3)). What a program sends is walked with every length checked
 * against what is left; what it gets is cut like Linux cuts it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>		/* before errqueue.h, which needs struct timespec */
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "pfpacket/sock.h"
#include "socket/internal.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define NS 1000000000ull

void control_put(struct control *c, int level, int type, const void *data, size_t len)
{
	struct cmsghdr h = { .cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type };
	size_t room = c->size - c->used;

	if (!c->data || room < sizeof(h)) {
		c->truncated = true;
		return;
	}
	if (room < h.cmsg_len) {
		c->truncated = true;
		h.cmsg_len = room;
	}
	memcpy(c->data + c->used, &h, sizeof(h));
	memcpy(c->data + c->used + sizeof(h), data, h.cmsg_len - sizeof(h));
	len = CMSG_SPACE(len);
	if (len > room)
		len = room;
	memset(c->data + c->used + h.cmsg_len, 0, len - h.cmsg_len);
	c->used += len;
}

uint64_t control_wall(const struct sock *sk, uint64_t tstamp)
{
	return tstamp + sk->ip->env->wall_offset;
}

static void put_timestamp(struct control *c, const struct sock *sk, uint64_t tstamp)
{
	uint64_t t = control_wall(sk, tstamp);
	struct timeval tv = { .tv_sec = t / NS, .tv_usec = t % NS / 1000 };
	struct timespec ts = { .tv_sec = t / NS, .tv_nsec = t % NS };

	if (sk->timestamp == SOCK_TIMESTAMP_US)
		control_put(c, SOL_SOCKET, SO_TIMESTAMP, &tv, sizeof(tv));
	else if (sk->timestamp == SOCK_TIMESTAMP_NS)
		control_put(c, SOL_SOCKET, SO_TIMESTAMPNS, &ts, sizeof(ts));
	if (sk->timestamping & SOF_TIMESTAMPING_SOFTWARE)
		control_put(c, SOL_SOCKET, SO_TIMESTAMPING, (struct timespec[3]){ ts }, 3 * sizeof(ts));
}

/* How many were lost before this one; nothing is said of none. */
static void put_overflow(struct control *c, struct sock *sk)
{
	uint32_t drops = (uint32_t)dgram_sk(sk)->drops;

	if (sk->rxq_ovfl && drops)
		control_put(c, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops));
}

static void put_origdst(struct control *c, const struct datagram *d)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(d->dport),
		.sin_addr.s_addr = ip_addr_to_v4(&d->dst),
	};

	control_put(c, IPPROTO_IP, IP_RECVORIGDSTADDR, &sin, sizeof(sin));
}

/* The address of ours that an answer to d should come from. */
static struct ip_addr answer_address(const struct sock *sk, const struct datagram *d)
{
	struct ip_addr own;

	if (ip_addr_find(sk->ip, &d->dst) || !d->nic)
		return d->dst;
	own = ip_addr_select(d->nic, &d->src);
	return ip_addr_is_any(&own) ? d->dst : own;
}

static void put_pktinfo(struct control *c, const struct sock *sk, const struct datagram *d)
{
	struct ip_addr answer = answer_address(sk, d);
	struct in_pktinfo info = {
		.ipi_ifindex = d->nic ? d->nic->index : 0,
		.ipi_spec_dst.s_addr = ip_addr_to_v4(&answer),
		.ipi_addr.s_addr = ip_addr_to_v4(&d->dst),
	};

	control_put(c, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

void control_fill(struct control *c, struct sock *sk, const struct datagram *d)
{
	int ttl = d->ttl, gso_size = d->gso_size;

	put_timestamp(c, sk, d->tstamp);
	put_overflow(c, sk);
	if (gso_size)
		control_put(c, IPPROTO_UDP, UDP_GRO, &gso_size, sizeof(gso_size));
	if (sk->family == AF_INET6)
		control_fill6(c, sk, d);
	if (!ip_addr_is_v4(&d->dst))
		return;
	if (sk->pktinfo)
		put_pktinfo(c, sk, d);
	if (sk->recvttl)
		control_put(c, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (sk->recvtos)
		control_put(c, IPPROTO_IP, IP_TOS, &d->tos, sizeof(d->tos));
	if (sk->recvorigdst)
		put_origdst(c, d);
}

void control_fill_frame(struct control *c, struct sock *sk, const struct pfpacket_frame *f,
			uint32_t snaplen)
{
	struct tpacket_auxdata aux;

	put_timestamp(c, sk, f->tstamp);
	put_overflow(c, sk);
	if (!pfpacket_sk(sk)->auxdata)
		return;
	pfpacket_auxdata(f, snaplen, &aux);
	control_put(c, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof(aux));
}

struct sock_extended_err control_error(const struct sock_err *e)
{
	return (struct sock_extended_err){
		.ee_errno = e->err, .ee_origin = e->origin, .ee_type = e->type,
		.ee_code = e->code, .ee_info = e->info,
	};
}

void control_fill_error(struct control *c, struct sock *sk, const struct sock_err *e)
{
	struct {
		struct sock_extended_err ee;
		struct sockaddr_in offender;
	} m = { .ee = control_error(e) };

	put_timestamp(c, sk, e->tstamp);
	if (sk->family == AF_INET6) {
		control_fill_error6(c, e);
		return;
	}
	if (e->origin == SO_EE_ORIGIN_ICMP) {
		m.offender.sin_family = AF_INET;
		m.offender.sin_addr.s_addr = ip_addr_to_v4(&e->offender);
	}
	control_put(c, IPPROTO_IP, IP_RECVERR, &m, sizeof(m));
}

static int parse_pktinfo(struct sock *sk, const uint8_t *data, size_t len, struct datagram *d)
{
	struct in_pktinfo info;

	if (len != sizeof(info))
		return -EINVAL;
	memcpy(&info, data, sizeof(info));
	d->src = ip_addr_v4(info.ipi_spec_dst.s_addr);
	if (!ip_addr_is_any(&d->src) && !ip_addr_find(sk->ip, &d->src) && !sk->freebind)
		return ip_addr_is_multicast(&d->src) ? -EINVAL : -ENETUNREACH;
	if (!info.ipi_ifindex)
		return 0;
	d->nic = nic_find_index(sk->ip->nics, info.ipi_ifindex);
	return d->nic ? 0 : -ENODEV;
}

static int parse_int(const uint8_t *data, size_t len, int *v)
{
	if (len != sizeof(*v))
		return -EINVAL;
	memcpy(v, data, sizeof(*v));
	return 0;
}

static int parse_ip(struct sock *sk, int type, const uint8_t *data, size_t len, struct datagram *d)
{
	int v;

	switch (type) {
	case IP_PKTINFO:
		return parse_pktinfo(sk, data, len, d);
	case IP_TTL:
		if (parse_int(data, len, &v) || v < 1 || v > 255)
			return -EINVAL;
		d->ttl = v;
		return 0;
	case IP_TOS:
		if (len == 1)
			v = data[0];
		else if (parse_int(data, len, &v))
			return -EINVAL;
		if (v < 0 || v > 255)
			return -EINVAL;
		d->tos = v;
		d->has_tos = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_one(struct sock *sk, const struct cmsghdr *h, const uint8_t *data, size_t len,
		     struct datagram *d)
{
	switch (h->cmsg_level) {
	case IPPROTO_IP:
		return parse_ip(sk, h->cmsg_type, data, len, d);
	case IPPROTO_IPV6:
		return sk->family == AF_INET6 ? control_parse6(sk, h->cmsg_type, data, len, d) : 0;
	case IPPROTO_UDP:
		if (h->cmsg_type != UDP_SEGMENT || len != sizeof(d->gso_size))
			return -EINVAL;
		memcpy(&d->gso_size, data, sizeof(d->gso_size));
		return 0;
	case SOL_SOCKET:		/* these two mean something to AF_UNIX only */
		if (h->cmsg_type == SCM_RIGHTS || h->cmsg_type == SCM_CREDENTIALS)
			return 0;
		return -EINVAL;
	default:			/* another family's */
		return 0;
	}
}

int control_parse(struct sock *sk, const void *control, size_t len, struct datagram *d)
{
	const uint8_t *at = control;
	int err = 0;

	while (len >= sizeof(struct cmsghdr) && !err) {
		struct cmsghdr h;
		size_t step;

		memcpy(&h, at, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > len)
			return -EINVAL;
		err = parse_one(sk, &h, at + sizeof(h), h.cmsg_len - sizeof(h), d);
		step = CMSG_ALIGN(h.cmsg_len);
		if (step >= len)
			break;
		at += step;
		len -= step;
	}
	return err;
}
