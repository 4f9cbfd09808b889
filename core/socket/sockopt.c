/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockopt.c - options of the level SOL_SOCKET (socket(7)), and the way to those of other levels.
 * An option is either meant or refused with ENOPROTOOPT. Those that a transport has to act on (a
 * keepalive timer, a window) are stored here and then shown to it.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <linux/if.h>
#include <linux/net_tstamp.h>

#include "packet/bpf.h"
#include "socket/internal.h"
#include "socket/socket.h"

/* The names that are the same on every machine with 64-bit time; libc knows the old ones. */
#define SO_TIMESTAMP_NEW_	63
#define SO_TIMESTAMPNS_NEW_	64
#define SO_TIMESTAMPING_NEW_	65
#define SO_RCVTIMEO_NEW_	66
#define SO_SNDTIMEO_NEW_	67
#define SO_BINDTOIFINDEX_	62

#define NS	     1000000000ull
#define TIMEO_MAX_S  (INT64_MAX / (int64_t)NS - 1)
#define PRIORITY_MAX 6		/* without privilege */

static uint32_t buf_size(int v, uint32_t min, bool force)
{
	uint32_t n = v < 0 ? 0 : v;
	uint32_t max = force ? INT_MAX / 2 : SOCK_BUF_MAX;

	if (n > max)
		n = max;
	return n * 2 > min ? n * 2 : min;
}

static int set_bufs(struct sock *sk, int name, int v)
{
	bool force = name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE;

	if (force && !sk->privileged)
		return -EPERM;
	if (name == SO_SNDBUF || name == SO_SNDBUFFORCE) {
		sk->sndbuf = buf_size(v, SOCK_SNDBUF_MIN, force);
		sk->sndbuf_locked = true;
		sock_event(sk);
	} else {
		sk->rcvbuf = buf_size(v, SOCK_RCVBUF_MIN, force);
		sk->rcvbuf_locked = true;
	}
	return 0;
}

static int set_linger(struct sock *sk, const void *v, socklen_t len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, v, sizeof(l));
	sk->linger_on = l.l_onoff;
	if (l.l_onoff)
		sk->linger_s = l.l_linger < 0 ? INT_MAX : l.l_linger;
	return 0;
}

/* A time before now is the shortest one: the call does not wait. */
static int set_timeo(uint64_t *ns, const void *v, socklen_t len)
{
	struct timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, v, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0)
		*ns = 1;
	else if (tv.tv_sec >= TIMEO_MAX_S)
		*ns = 0;
	else
		*ns = tv.tv_sec * NS + tv.tv_usec * 1000;
	return 0;
}

static int get_timeo(uint64_t ns, void *v, socklen_t *len)
{
	struct timeval tv = { .tv_sec = ns / NS, .tv_usec = ns % NS / 1000 };

	if (*len > sizeof(tv))
		*len = sizeof(tv);
	memcpy(v, &tv, *len);
	return 0;
}

static int set_reuse(struct sock *sk, bool *flag, int v)
{
	set_flag(flag, v);
	port_requalify(sk);
	return 0;
}

static int bind_nic(struct sock *sk, struct nic *nic)
{
	if (sk->bound_nic && sk->bound_nic != nic && !sk->privileged)
		return -EPERM;
	sk->bound_nic = nic;
	port_requalify(sk);
	return 0;
}

static int set_device(struct sock *sk, const void *v, socklen_t len)
{
	char name[IFNAMSIZ] = "";
	struct nic *nic;

	if (len > IFNAMSIZ - 1)
		len = IFNAMSIZ - 1;
	memcpy(name, v, len);
	if (!name[0])
		return bind_nic(sk, NULL);
	nic = nic_find(sk->ip->nics, name);
	return nic ? bind_nic(sk, nic) : -ENODEV;
}

static int get_device(const struct sock *sk, void *v, socklen_t *len)
{
	socklen_t n;

	if (!sk->bound_nic) {
		*len = 0;
		return 0;
	}
	if (*len < IFNAMSIZ)
		return -EINVAL;
	n = strlen(sk->bound_nic->name) + 1;
	memcpy(v, sk->bound_nic->name, n);
	*len = n;
	return 0;
}

static int set_ifindex(struct sock *sk, int index)
{
	struct nic *nic;

	if (index < 0)
		return -EINVAL;
	if (!index)
		return bind_nic(sk, NULL);
	nic = nic_find_index(sk->ip->nics, index);
	return nic ? bind_nic(sk, nic) : -ENODEV;
}

static int set_timestamp(struct sock *sk, int v, uint8_t kind)
{
	sk->timestamp = v ? kind : 0;
	return 0;
}

/* Packets are stamped when they come in. When they leave nobody stamps them, so that cannot be
 * had. */
static int set_timestamping(struct sock *sk, int v)
{
	const unsigned int known = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_SYS_HARDWARE |
		SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_OPT_TSONLY;

	if ((unsigned int)v & ~known)
		return -EINVAL;
	sk->timestamping = (unsigned int)v;
	return 0;
}

/* To wait less than before anybody may ask; to wait more is the administrator's. */
static int set_busy_poll(struct sock *sk, int v)
{
	if (v < 0)
		return -EINVAL;
	if ((uint32_t)v > sk->busy_poll && !sk->privileged)
		return -EPERM;
	sk->busy_poll = (uint32_t)v;
	return 0;
}

/* Those that a negative value switches to "all of it", as Linux has it. */
static int set_lowat(struct sock *sk, int v)
{
	sk->rcvlowat = v < 0 ? INT_MAX : v ? v : 1;
	return 0;
}

static int set_priority(struct sock *sk, int v)
{
	if ((v < 0 || v > PRIORITY_MAX) && !sk->privileged)
		return -EPERM;
	sk->priority = v;
	return 0;
}

static int set_mark(struct sock *sk, int v)
{
	if (!sk->privileged)
		return -EPERM;
	sk->mark = v;
	return 0;
}

/* An unsigned int, or 64 bits; all ones: no limit. */
static int set_pacing(struct sock *sk, const void *v, socklen_t len)
{
	uint64_t rate;
	uint32_t n;

	if (len == sizeof(rate)) {
		memcpy(&rate, v, sizeof(rate));
	} else {
		memcpy(&n, v, sizeof(n));
		rate = n == UINT32_MAX ? UINT64_MAX : n;
	}
	sk->max_pacing_rate = rate;
	return 0;
}

/* The instructions that the value points at are the caller's copy, as ifc_buf of SIOCGIFCONF is. */
static int attach_filter(struct sock *sk, const void *v, socklen_t len)
{
	struct bpf_program *prog;
	struct sock_fprog f;
	int err;

	if (len != sizeof(f))
		return -EINVAL;
	memcpy(&f, v, sizeof(f));
	if (sk->ops->type == SOCK_STREAM)
		return -ENOPROTOOPT;
	if (sk->filter_locked)
		return -EPERM;
	if (!f.filter)
		return -EINVAL;
	err = bpf_create(f.filter, f.len, &prog);
	if (err)
		return err;
	bpf_free(sk->filter);
	sk->filter = prog;
	return 0;
}

static int detach_filter(struct sock *sk)
{
	if (sk->filter_locked)
		return -EPERM;
	if (!sk->filter)
		return -ENOENT;
	bpf_free(sk->filter);
	sk->filter = NULL;
	return 0;
}

static int lock_filter(struct sock *sk, int v)
{
	if (sk->filter_locked && !v)
		return -EPERM;
	sk->filter_locked = v;
	return 0;
}

int sol_socket_set(struct sock *sk, int name, const void *val, socklen_t len)
{
	int v;

	if (name == SO_BINDTODEVICE)
		return set_device(sk, val, len);
	if (name == SO_ATTACH_FILTER)
		return attach_filter(sk, val, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case SO_REUSEADDR:	return set_reuse(sk, &sk->reuseaddr, v);
	case SO_REUSEPORT:	return set_reuse(sk, &sk->reuseport, v);
	case SO_BROADCAST:	return set_flag(&sk->broadcast, v);
	case SO_KEEPALIVE:	return set_flag(&sk->keepalive, v);
	case SO_OOBINLINE:	return set_flag(&sk->oobinline, v);
	case SO_DONTROUTE:	return set_flag(&sk->dontroute, v);
	case SO_NO_CHECK:	return set_flag(&sk->no_check, v);
	case SO_DEBUG:		return v ? -EACCES : 0;
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:	return set_bufs(sk, name, v);
	case SO_LINGER:		return set_linger(sk, val, len);
	case SO_RCVLOWAT:	return set_lowat(sk, v);
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW_:	return set_timeo(&sk->rcvtimeo, val, len);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW_:	return set_timeo(&sk->sndtimeo, val, len);
	case SO_PRIORITY:	return set_priority(sk, v);
	case SO_MAX_PACING_RATE: return set_pacing(sk, val, len);
	case SO_MARK:		return set_mark(sk, v);
	case SO_TIMESTAMP:
	case SO_TIMESTAMP_NEW_:	return set_timestamp(sk, v, SOCK_TIMESTAMP_US);
	case SO_TIMESTAMPNS:
	case SO_TIMESTAMPNS_NEW_: return set_timestamp(sk, v, SOCK_TIMESTAMP_NS);
	case SO_BINDTOIFINDEX_:	return set_ifindex(sk, v);
	case SO_RXQ_OVFL:	return set_flag(&sk->rxq_ovfl, v);
	case SO_TIMESTAMPING:
	case SO_TIMESTAMPING_NEW_: return set_timestamping(sk, v);
	case SO_BUSY_POLL:	return set_busy_poll(sk, v);
	case SO_LOCK_FILTER:	return lock_filter(sk, v);
	case SO_DETACH_FILTER:	return detach_filter(sk);
	default:		return -ENOPROTOOPT;
	}
}

static int get_bytes(const void *from, size_t n, void *v, socklen_t *len)
{
	if (*len > n)
		*len = n;
	memcpy(v, from, *len);
	return 0;
}

static int get_linger(const struct sock *sk, void *v, socklen_t *len)
{
	struct linger l = { .l_onoff = sk->linger_on, .l_linger = sk->linger_s };

	return get_bytes(&l, sizeof(l), v, len);
}

static int get_cookie(const struct sock *sk, void *v, socklen_t *len)
{
	if (*len < sizeof(sk->cookie))
		return -EINVAL;
	return get_bytes(&sk->cookie, sizeof(sk->cookie), v, len);
}

/* An internet socket has no peer process: what Linux says of none. */
static int get_peercred(void *v, socklen_t *len)
{
	struct ucred none = { .pid = 0, .uid = -1, .gid = -1 };

	return get_bytes(&none, sizeof(none), v, len);
}

static int get_pacing(const struct sock *sk, void *v, socklen_t *len)
{
	uint32_t n = sk->max_pacing_rate < UINT32_MAX ? (uint32_t)sk->max_pacing_rate : UINT32_MAX;

	if (*len < sizeof(sk->max_pacing_rate))
		return get_bytes(&n, sizeof(n), v, len);
	return get_bytes(&sk->max_pacing_rate, sizeof(sk->max_pacing_rate), v, len);
}

/* The options whose value is one int. */
static int get_int(struct sock *sk, int name, int *v)
{
	switch (name) {
	case SO_TYPE:		*v = sk->ops->type; break;
	case SO_DOMAIN:		*v = sk->family; break;
	case SO_PROTOCOL:	*v = sk->protocol; break;
	case SO_ERROR:		*v = sock_take_error(sk); break;
	case SO_ACCEPTCONN:	*v = socket_stream_state(sk) == TCP_LISTEN; break;
	case SO_REUSEADDR:	*v = sk->reuseaddr; break;
	case SO_REUSEPORT:	*v = sk->reuseport; break;
	case SO_BROADCAST:	*v = sk->broadcast; break;
	case SO_KEEPALIVE:	*v = sk->keepalive; break;
	case SO_OOBINLINE:	*v = sk->oobinline; break;
	case SO_DONTROUTE:	*v = sk->dontroute; break;
	case SO_NO_CHECK:	*v = sk->no_check; break;
	case SO_DEBUG:		*v = 0; break;
	case SO_SNDBUF:		*v = sk->sndbuf; break;
	case SO_RCVBUF:		*v = sk->rcvbuf; break;
	case SO_RCVLOWAT:	*v = sk->rcvlowat; break;
	case SO_SNDLOWAT:	*v = 1; break;
	case SO_PRIORITY:	*v = sk->priority; break;
	case SO_MARK:		*v = sk->mark; break;
	case SO_TIMESTAMP:
	case SO_TIMESTAMP_NEW_:	*v = sk->timestamp == SOCK_TIMESTAMP_US; break;
	case SO_TIMESTAMPNS:
	case SO_TIMESTAMPNS_NEW_: *v = sk->timestamp == SOCK_TIMESTAMP_NS; break;
	case SO_BINDTOIFINDEX_:	*v = sk->bound_nic ? sk->bound_nic->index : 0; break;
	case SO_RXQ_OVFL:	*v = sk->rxq_ovfl; break;
	case SO_TIMESTAMPING:
	case SO_TIMESTAMPING_NEW_: *v = (int)sk->timestamping; break;
	case SO_BUSY_POLL:	*v = (int)sk->busy_poll; break;
	case SO_LOCK_FILTER:	*v = sk->filter_locked; break;
	case SO_BPF_EXTENSIONS:	*v = SKF_AD_MAX; break;
	case SO_INCOMING_CPU:	*v = -1; break;
	default:		return -ENOPROTOOPT;
	}
	return 0;
}

int sol_socket_get(struct sock *sk, int name, void *val, socklen_t *len)
{
	int v, err;

	switch (name) {
	case SO_LINGER:		return get_linger(sk, val, len);
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW_:	return get_timeo(sk->rcvtimeo, val, len);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW_:	return get_timeo(sk->sndtimeo, val, len);
	case SO_BINDTODEVICE:	return get_device(sk, val, len);
	case SO_COOKIE:		return get_cookie(sk, val, len);
	case SO_MAX_PACING_RATE: return get_pacing(sk, val, len);
	case SO_PEERCRED:	return get_peercred(val, len);
	case SO_PEERNAME:	return socket_getpeername(sk, val, len);
	}
	err = get_int(sk, name, &v);
	return err ? err : get_bytes(&v, sizeof(v), val, len);
}

/* What a transport may have to act on once it is stored. */
static bool concerns_transport(int name)
{
	return name == SO_KEEPALIVE || name == SO_SNDBUF || name == SO_SNDBUFFORCE ||
	       name == SO_RCVBUF || name == SO_RCVBUFFORCE || name == SO_RCVLOWAT ||
	       name == SO_OOBINLINE;
}

int socket_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len)
{
	int err = -ENOPROTOOPT;

	if (len > INT_MAX)
		return -EINVAL;
	if (level == SOL_SOCKET) {
		err = sol_socket_set(sk, name, v, len);
		if (err || !concerns_transport(name))
			goto out;
		err = sk->ops->setsockopt(sk, level, name, v, len);
		return err == -ENOPROTOOPT ? 0 : err;
	}
	if (level == IPPROTO_IP)
		err = sol_ip_set(sk, name, v, len);
	else if (level == IPPROTO_IPV6 && sk->family == AF_INET6)
		err = sol_ipv6_set(sk, name, v, len);
	if (err == -ENOPROTOOPT)
		err = sk->ops->setsockopt(sk, level, name, v, len);
out:
	sock_reroute(sk);		/* an option may change the way */
	return err;
}

static int own_level(const struct sock *sk)
{
	return sk->ops->type == SOCK_RAW ? SOL_RAW : sk->protocol;
}

/* A level that none of an IPv4 socket's parts has is no option that it lacks, as with Linux. */
int socket_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	int err = -ENOPROTOOPT;

	if (*len > INT_MAX)
		return -EINVAL;
	if (level == SOL_SOCKET)
		return sol_socket_get(sk, name, v, len);
	if (level == IPPROTO_IP)
		err = sol_ip_get(sk, name, v, len);
	else if (level == IPPROTO_IPV6 && sk->family == AF_INET6)
		err = sol_ipv6_get(sk, name, v, len);
	if (err == -ENOPROTOOPT)
		err = sk->ops->getsockopt(sk, level, name, v, len);
	if (err == -ENOPROTOOPT && sk->family == AF_INET && level != IPPROTO_IP && level != own_level(sk))
		err = -EOPNOTSUPP;
	return err;
}
