/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_option.c - getsockopt, setsockopt and the ioctls of sockets.
 *
 * Most belong to the stack. What concerns the program's own waiting (SO_RCVTIMEO, SO_SNDTIMEO,
 * SO_RCVLOWAT) is set on the program's end too, since a plain recv() waits there.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <linux/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "intercept/isock.h"
#include <linux/if_packet.h>	/* after weir/packet.h: they share names, and values */

#define OPTION_MAX	12288	/* MCAST_MSFILTER with 64 sources */
#define IFCONF_MAX	(64 * (int)sizeof(struct ifreq))
#define SO_RCVTIMEO_NEW_ 66
#define SO_SNDTIMEO_NEW_ 67

static bool option_timeout(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO ||
				       name == SO_RCVTIMEO_NEW_ || name == SO_SNDTIMEO_NEW_);
}

/* An option that nobody knows: counted, and logged the first few times, one line a kind. */
static int option_result(struct call *c, int err, int level, int name)
{
	struct intercept *ic = c->ic;
	uint64_t bit;

	if (err != -ENOPROTOOPT)
		return err;
	ic->stats.unknown_options++;
	bit = 1ull << (((unsigned int)level * 31 + (unsigned int)name) % 64);
	if (!(ic->options_logged & bit))
		log_write(&ic->env->log, LOG_INFO, "socket option %d of level %d is not known",
			  name, level);
	ic->options_logged |= bit;
	return err;
}

static int64_t option_set_timeout(struct call *c, int name, const void *value, socklen_t len)
{
	struct timeval tv;
	uint64_t ns;

	if (setsockopt(c->fd, SOL_SOCKET, name, value, len))
		return -errno;
	memcpy(&tv, value, sizeof(tv));		/* the kernel has checked it */
	ns = tv.tv_sec < 0 ? 1 : (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000u;
	if (tv.tv_sec > 1000000000)
		ns = 0;
	if (name == SO_RCVTIMEO || name == SO_RCVTIMEO_NEW_)
		c->is->rcvtimeo = ns;
	else
		c->is->sndtimeo = ns;
	return 0;
}

/* It is for the program's end alone: the pump always reads inline. */
static int64_t option_set_oobinline(struct call *c, const void *value, socklen_t len)
{
	int on;

	if (setsockopt(c->fd, SOL_SOCKET, SO_OOBINLINE, value, len))
		return -errno;
	memcpy(&on, value, sizeof(on));		/* the kernel has checked it */
	c->is->oobinline = on != 0;
	return 0;
}

/* The value points at the instructions: they are read, too. */
static int64_t option_filter(struct call *c, const void *value, socklen_t len)
{
	struct sock_fprog f;
	int err;

	if (len != sizeof(f))
		return -EINVAL;
	memcpy(&f, value, sizeof(f));
	if (!f.filter || !f.len || f.len > BPF_MAXINSNS)
		return -EINVAL;
	err = call_read(c, (uint64_t)(uintptr_t)f.filter, c->ic->scratch, f.len * sizeof(*f.filter));
	if (err)
		return err;
	f.filter = (struct sock_filter *)(void *)c->ic->scratch;
	err = socket_setsockopt(c->is->sk, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f));
	return option_result(c, err, SOL_SOCKET, SO_ATTACH_FILTER);
}

int64_t call_setsockopt(struct call *c)
{
	int level = (int)c->args[1], name = (int)c->args[2], len = (int)c->args[4], err;
	_Alignas(8) uint8_t value[OPTION_MAX];

	if (len < 0 || len > OPTION_MAX)
		return -EINVAL;
	err = call_read(c, c->args[3], value, (size_t)len);
	if (err)
		return err;
	if (option_timeout(level, name))
		return option_set_timeout(c, name, value, (socklen_t)len);
	if (level == SOL_SOCKET && name == SO_OOBINLINE && c->is->type == SOCK_STREAM)
		return option_set_oobinline(c, value, (socklen_t)len);
	if (level == SOL_SOCKET && name == SO_ATTACH_FILTER)
		return option_filter(c, value, (socklen_t)len);
	if (level == SOL_PACKET && name == PACKET_RX_RING)
		return ring_set(c, value, (socklen_t)len);
	if (level == SOL_SOCKET && name == SO_RCVLOWAT)
		setsockopt(c->fd, level, name, value, (socklen_t)len);
	if (level == SOL_SOCKET && name == SO_REUSEPORT)
		c->is->sk->uid = remote_uid(c->tid);
	if (c->is->state == ISOCK_DATAGRAM)
		pump_dgram_out(c->is);	/* what was sent before goes as it was sent */
	err = socket_setsockopt(c->is->sk, level, name, value, (socklen_t)len);
	return option_result(c, err, level, name);
}

/* Whether the program's buffer says what is asked for. */
static bool option_asks(int level, int name)
{
	return (level == IPPROTO_IP && name == IP_MSFILTER) ||
	       (level == SOL_PACKET && name == PACKET_HDRLEN) ||
	       ((level == IPPROTO_IP || level == IPPROTO_IPV6) && name == MCAST_MSFILTER);
}

static int option_get(struct call *c, int level, int name, void *value, socklen_t *len)
{
	int err;

	if (option_timeout(level, name) || (level == SOL_SOCKET && name == SO_OOBINLINE))
		return getsockopt(c->fd, level, name, value, len) ? -errno : 0;
	if (level != SOL_SOCKET || name != SO_ERROR)
		return socket_getsockopt(c->is->sk, level, name, value, len);
	/* the kernel's own goes too, or the program's end would go on polling POLLERR */
	(void)!getsockopt(c->fd, level, name, &err, &(socklen_t){ sizeof(err) });
	err = isock_take_error(c->is);
	if (*len > sizeof(err))
		*len = sizeof(err);
	memcpy(value, &err, *len);
	return 0;
}

int64_t call_getsockopt(struct call *c)
{
	int level = (int)c->args[1], name = (int)c->args[2], room, err;
	_Alignas(8) uint8_t value[OPTION_MAX];
	socklen_t len;

	err = call_read(c, c->args[4], &room, sizeof(room));
	if (err)
		return err;
	if (room < 0)
		return -EINVAL;
	memset(value, 0, sizeof(value));
	len = room > OPTION_MAX ? OPTION_MAX : (socklen_t)room;
	err = option_asks(level, name) ? call_read(c, c->args[3], value, len) : 0;
	if (err)
		return err;
	err = option_get(c, level, name, value, &len);
	if (err)
		return option_result(c, err, level, name);
	if (len > (socklen_t)room)
		len = (socklen_t)room;
	err = call_write(c, c->args[3], value, len);
	return err ? err : call_write(c, c->args[4], &len, sizeof(len));
}

/* ---- ioctl ---- */

/* Bytes that the program has written and the peer has not acknowledged: some may still be on their
 * way to the stack. */
static int64_t ioctl_outq(struct call *c)
{
	struct isock *is = c->is;
	int n = 0, waiting = 0, err;

	err = socket_ioctl(is->sk, SIOCOUTQ, &n, sizeof(n));
	if (err)
		return err;
	if (is->fd >= 0 && !ioctl(is->fd, SIOCINQ, &waiting))
		n += waiting - (int)is->junk;
	n += (int)is->rest_len;
	return call_write(c, c->args[2], &n, sizeof(n));
}

/* What a socket may ask of the NICs; sk NULL: one of another kind. */
static int ask_nics(struct call *c, struct sock *sk, unsigned long request, void *arg, size_t len)
{
	return sk ? socket_ioctl(sk, request, arg, len) :
		    socket_nics_ioctl(&c->ic->stack->nics, request, arg, len);
}

static int64_t ioctl_ifconf(struct call *c, struct sock *sk)
{
	char entries[IFCONF_MAX];
	struct ifconf conf;
	uint64_t there;
	int err;

	err = call_read(c, c->args[2], &conf, sizeof(conf));
	if (err)
		return err;
	there = (uint64_t)(uintptr_t)conf.ifc_buf;
	if (conf.ifc_len < 0)
		return -EINVAL;
	if (conf.ifc_len > IFCONF_MAX || !there)
		conf.ifc_len = IFCONF_MAX;
	conf.ifc_buf = entries;
	err = ask_nics(c, sk, SIOCGIFCONF, &conf, sizeof(conf));
	if (err)
		return err;
	if (conf.ifc_len < 0 || conf.ifc_len > IFCONF_MAX)
		return -EINVAL;
	if (there)
		err = call_write(c, there, entries, (size_t)conf.ifc_len);
	return err ? err : call_write(c, c->args[2], &conf.ifc_len, sizeof(conf.ifc_len));
}

static int64_t ioctl_nics(struct call *c, struct sock *sk, unsigned long request)
{
	struct ifreq ifr;
	int err;

	if (request == SIOCGIFCONF)
		return ioctl_ifconf(c, sk);
	if (request < SIOCGIFNAME || request > SIOCSIFTXQLEN)
		return -EOPNOTSUPP;
	err = call_read(c, c->args[2], &ifr, sizeof(ifr));
	if (err)
		return err;
	err = ask_nics(c, sk, request, &ifr, sizeof(ifr));
	return err ? err : call_write(c, c->args[2], &ifr, sizeof(ifr));
}

/* What interfaces there are is asked of any socket: if_nametoindex() of glibc asks an AF_UNIX
 * one. */
int64_t call_ioctl_other(struct call *c)
{
	int domain = AF_UNSPEC;
	int64_t result;

	getsockopt(c->fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){ sizeof(domain) });
	if (domain != AF_UNIX)
		return CALL_CONTINUE;
	result = ioctl_nics(c, NULL, (uint32_t)c->args[1]);
	return result == -EOPNOTSUPP ? CALL_CONTINUE : result;
}

int64_t call_ioctl(struct call *c)
{
	unsigned long request = (uint32_t)c->args[1];
	_Alignas(8) uint8_t stamp[16];
	int err;

	switch (request) {
	case FIOSETOWN: case SIOCSPGRP: case FIOGETOWN: case SIOCGPGRP:
		return CALL_CONTINUE;	/* of the file, and the program's end is that file */
	case SIOCOUTQ:
		return ioctl_outq(c);
	case SIOCATMARK:
		if (c->is->type != SOCK_STREAM)
			return -ENOTTY;
		return CALL_CONTINUE;	/* the program's end has the mark */
	case SIOCGSTAMP_OLD: case SIOCGSTAMPNS_OLD: case SIOCGSTAMP_NEW: case SIOCGSTAMPNS_NEW:
		err = socket_ioctl(c->is->sk, request, stamp, sizeof(stamp));
		return err ? err : call_write(c, c->args[2], stamp, sizeof(stamp));
	}
	return ioctl_nics(c, c->is->sk, request);
}
