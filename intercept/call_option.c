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

/* What is set on the program's end: the socket has to be ours, but is not needed for it. */
static int64_t option_set_end(struct call *c, int level, int name, const void *value, socklen_t len)
{
	int64_t result;

	if (!call_enter(c, 0, &result))
		return result;
	call_leave(c);
	return setsockopt(c->fd, level, name, value, len) ? -errno : 0;
}

static int64_t option_set_timeout(struct call *c, int name, const void *value, socklen_t len)
{
	int64_t result = option_set_end(c, SOL_SOCKET, name, value, len);
	struct isock *is = result ? NULL : call_enter(c, 0, &result);
	bool listens = false;
	struct timeval tv;
	uint64_t ns;

	if (!is)
		return result;
	memcpy(&tv, value, sizeof(tv));		/* the kernel has checked it */
	ns = tv.tv_sec < 0 ? 1 : (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000u;
	if (tv.tv_sec > 1000000000)
		ns = 0;
	if (name == SO_RCVTIMEO || name == SO_RCVTIMEO_NEW_) {
		is->rcvtimeo = ns;
		listens = is->state == ISOCK_LISTENING;
	} else {
		is->sndtimeo = ns;
	}
	call_leave(c);
	if (listens)
		listen_quick(c->fd);
	return 0;
}

/* A stream's is for the program's end alone: the pump always reads inline. */
static int64_t option_set_oobinline(struct call *c, const void *value, socklen_t len)
{
	int64_t result = option_set_end(c, SOL_SOCKET, SO_OOBINLINE, value, len);
	struct isock *is = result ? NULL : call_enter(c, 0, &result);
	int on;

	if (!is)
		return result;
	memcpy(&on, value, sizeof(on));		/* the kernel has checked it */
	is->oobinline = on != 0;
	call_leave(c);
	return 0;
}

/* The value points at the instructions: they are read, too. */
static int option_filter(struct call *c, void *value, socklen_t len)
{
	struct sock_fprog f;
	int err;

	if (len != sizeof(f))
		return -EINVAL;
	memcpy(&f, value, sizeof(f));
	if (!f.filter || !f.len || f.len > BPF_MAXINSNS)
		return -EINVAL;
	err = call_read(c, (uint64_t)(uintptr_t)f.filter, c->worker->scratch, f.len * sizeof(*f.filter));
	f.filter = (struct sock_filter *)(void *)c->worker->scratch;
	memcpy(value, &f, sizeof(f));
	return err;
}

struct option {
	int level, name;
	socklen_t len;
	uid_t uid;
	_Alignas(8) uint8_t value[OPTION_MAX];
};

static int option_fetch(struct call *c, struct option *o)
{
	int err = call_read(c, c->args[3], o->value, o->len);

	if (!err && o->level == SOL_SOCKET && o->name == SO_ATTACH_FILTER)
		err = option_filter(c, o->value, o->len);
	if (!err && o->level == SOL_SOCKET && o->name == SO_REUSEPORT)
		o->uid = remote_uid(c->tid, &c->ic->users);
	return err;
}

static int64_t option_set(struct call *c, const struct option *o, int err)
{
	int64_t result;
	struct isock *is = call_enter(c, err, &result);
	bool end;

	if (!is)
		return result;
	end = o->level == SOL_SOCKET && o->name == SO_RCVLOWAT;
	if (o->level == SOL_SOCKET && o->name == SO_REUSEPORT)
		is->sk->uid = o->uid;
	if (is->state == ISOCK_DATAGRAM)
		pump_dgram_out(is);	/* what was sent before goes as it was sent */
	err = socket_setsockopt(is->sk, o->level, o->name, o->value, o->len);
	result = option_result(c, err, o->level, o->name);
	call_leave(c);
	if (end)
		setsockopt(c->fd, o->level, o->name, o->value, o->len);
	return result;
}

static bool option_is_stream(struct call *c)
{
	int type = 0;

	getsockopt(call_fd(c), SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof(type) });
	return type == SOCK_STREAM;
}

int64_t call_setsockopt(struct call *c)
{
	int len = (int)c->args[4], err;
	struct option o;

	o.level = (int)c->args[1];
	o.name = (int)c->args[2];
	if (len < 0 || len > OPTION_MAX)
		return option_set(c, &o, -EINVAL);
	o.len = (socklen_t)len;
	err = option_fetch(c, &o);
	if (err)
		return option_set(c, &o, err);
	if (option_timeout(o.level, o.name))
		return option_set_timeout(c, o.name, o.value, o.len);
	if (o.level == SOL_SOCKET && o.name == SO_OOBINLINE && option_is_stream(c))
		return option_set_oobinline(c, o.value, o.len);
	if (o.level == SOL_PACKET && o.name == PACKET_RX_RING)
		return ring_set(c, o.value, o.len);
	return option_set(c, &o, 0);
}

/* Whether the program's buffer says what is asked for. */
static bool option_asks(int level, int name)
{
	return (level == IPPROTO_IP && name == IP_MSFILTER) ||
	       (level == SOL_PACKET && name == PACKET_HDRLEN) ||
	       ((level == IPPROTO_IP || level == IPPROTO_IPV6) && name == MCAST_MSFILTER);
}

static int option_error(struct call *c, struct isock *is, void *value, socklen_t *len)
{
	int err = c->taken = isock_take_error(is);

	if (*len > sizeof(err))
		*len = sizeof(err);
	memcpy(value, &err, *len);
	return 0;
}

/* What is kept at the program's end. */
static int option_get_end(struct call *c, struct option *o)
{
	return getsockopt(c->fd, o->level, o->name, o->value, &o->len) ? -errno : 0;
}

/* Of one that listens SO_RCVTIMEO is not kept there. */
static int option_get_wait(uint64_t ns, struct option *o)
{
	struct timeval tv = { (time_t)(ns / 1000000000u), (suseconds_t)(ns % 1000000000u / 1000u) };

	if (o->len > sizeof(tv))
		o->len = sizeof(tv);
	memcpy(o->value, &tv, o->len);
	return 0;
}

static int64_t option_get(struct call *c, struct option *o, int err)
{
	bool end = option_timeout(o->level, o->name) || (o->level == SOL_SOCKET && o->name == SO_OOBINLINE);
	bool error = o->level == SOL_SOCKET && o->name == SO_ERROR;
	int64_t result;
	struct isock *is = call_enter(c, err, &result);
	int taken;

	if (!is)
		return result;
	if (end && is->state == ISOCK_LISTENING && (o->name == SO_RCVTIMEO || o->name == SO_RCVTIMEO_NEW_)) {
		end = false;
		result = option_get_wait(is->rcvtimeo, o);
	} else if (error)
		result = option_error(c, is, o->value, &o->len);
	else if (!end)
		result = option_result(c, socket_getsockopt(is->sk, o->level, o->name, o->value, &o->len),
				       o->level, o->name);
	call_leave(c);
	if (error)	/* the kernel's own goes too, or the program's end would go on polling POLLERR */
		(void)!getsockopt(c->fd, o->level, o->name, &taken, &(socklen_t){ sizeof(taken) });
	return end ? option_get_end(c, o) : result;
}

int64_t call_getsockopt(struct call *c)
{
	struct option o;
	int64_t result;
	int room, err;

	o.level = (int)c->args[1];
	o.name = (int)c->args[2];
	err = call_read(c, c->args[4], &room, sizeof(room));
	if (!err && room < 0)
		err = -EINVAL;
	o.len = err ? 0 : room > OPTION_MAX ? OPTION_MAX : (socklen_t)room;
	memset(o.value, 0, o.len);
	if (!err && option_asks(o.level, o.name))
		err = call_read(c, c->args[3], o.value, o.len);
	result = option_get(c, &o, err);
	if (result)
		return result;
	if (o.len > (socklen_t)room)
		o.len = (socklen_t)room;
	err = call_write(c, c->args[3], o.value, o.len);
	return err ? err : call_write(c, c->args[4], &o.len, sizeof(o.len));
}

/* It is made again, and has to write its answer again. Only an error is told but once. */
void call_getsockopt_undo(struct call *c, int64_t result)
{
	(void)result;
	if (!c->is->error)
		c->is->error = c->taken;
}

/* ---- ioctl: questions; what would change something is refused ---- */

/* Bytes that the program has written and the peer has not acknowledged: some may still be on their
 * way to the stack. */
static int outq_act(struct isock *is, int *n)
{
	int waiting = 0, err = is->state == ISOCK_LISTENING ? -EINVAL : socket_ioctl(is->sk, SIOCOUTQ, n, sizeof(*n));

	if (err)
		return err;
	if (is->fd >= 0 && !ioctl(is->fd, SIOCINQ, &waiting))
		*n += waiting - (int)is->junk;
	*n += (int)is->rest_len;
	return 0;
}

static int64_t ioctl_outq(struct call *c)
{
	int n = 0;
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);

	if (!is)
		return result;
	result = outq_act(is, &n);
	call_leave(c);
	return result ? result : call_write(c, c->args[2], &n, sizeof(n));
}

static int64_t ioctl_stamp(struct call *c, unsigned long request)
{
	_Alignas(8) uint8_t stamp[16];
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);

	if (!is)
		return result;
	result = socket_ioctl(is->sk, request, stamp, sizeof(stamp));
	call_leave(c);
	return result ? result : call_write(c, c->args[2], stamp, sizeof(stamp));
}

/*
 * What there is to know of NICs is asked of any socket: if_nametoindex() of glibc asks an AF_UNIX one.
 * Ours may ask for more.
 */
static int64_t ask_nics(struct call *c, int err, unsigned long request, void *arg, size_t len)
{
	int domain = AF_UNSPEC;
	int64_t result;
	struct isock *is = call_enter(c, err, &result);

	if (is) {
		result = socket_ioctl(is->sk, request, arg, len);
		call_leave(c);
		return result;
	}
	if (result != CALL_CONTINUE)
		return result;
	getsockopt(c->fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){ sizeof(domain) });
	if (domain != AF_UNIX)
		return CALL_CONTINUE;
	if (!err) {
		turn_take(c->ic);
		err = socket_nics_ioctl(&c->ic->stack->nics, request, arg, len);
		turn_give(c->ic);
	}
	return err == -EOPNOTSUPP || err == -ENOTTY ? CALL_CONTINUE : err;
}

static int64_t ioctl_ifconf(struct call *c)
{
	char entries[IFCONF_MAX];
	struct ifconf conf;
	uint64_t there;
	int64_t result;
	int err;

	err = call_read(c, c->args[2], &conf, sizeof(conf));
	if (err)
		return ask_nics(c, err, SIOCGIFCONF, NULL, 0);
	there = (uint64_t)(uintptr_t)conf.ifc_buf;
	if (conf.ifc_len < 0)
		return ask_nics(c, -EINVAL, SIOCGIFCONF, NULL, 0);
	if (conf.ifc_len > IFCONF_MAX || !there)
		conf.ifc_len = IFCONF_MAX;
	conf.ifc_buf = entries;
	result = ask_nics(c, 0, SIOCGIFCONF, &conf, sizeof(conf));
	if (result)
		return result;
	if (conf.ifc_len < 0 || conf.ifc_len > IFCONF_MAX)
		return -EINVAL;
	if (there)
		result = call_write(c, there, entries, (size_t)conf.ifc_len);
	return result ? result : call_write(c, c->args[2], &conf.ifc_len, sizeof(conf.ifc_len));
}

static int64_t ioctl_nics(struct call *c, unsigned long request)
{
	struct ifreq ifr;
	int64_t result;
	int err;

	if (request == SIOCGIFCONF)
		return ioctl_ifconf(c);
	if (request < SIOCGIFNAME || request > SIOCSIFTXQLEN)
		return ask_nics(c, -EOPNOTSUPP, request, NULL, 0);
	err = call_read(c, c->args[2], &ifr, sizeof(ifr));
	result = ask_nics(c, err, request, &ifr, sizeof(ifr));
	return result ? result : call_write(c, c->args[2], &ifr, sizeof(ifr));
}

int64_t call_ioctl(struct call *c)
{
	unsigned long request = (uint32_t)c->args[1];

	switch (request) {
	case FIOSETOWN: case SIOCSPGRP: case FIOGETOWN: case SIOCGPGRP:
		return CALL_CONTINUE;	/* of the file, and the program's end is that file */
	case SIOCOUTQ:
		return ioctl_outq(c);
	case SIOCATMARK:
		if (!option_is_stream(c))
			return ask_nics(c, -ENOTTY, request, NULL, 0);
		return CALL_CONTINUE;	/* the program's end has the mark */
	case SIOCGSTAMP_OLD: case SIOCGSTAMPNS_OLD: case SIOCGSTAMP_NEW: case SIOCGSTAMPNS_NEW:
		return ioctl_stamp(c, request);
	}
	return ioctl_nics(c, request);
}
