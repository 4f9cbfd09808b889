/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands_capture.c - capture: frames of a NIC for somebody outside (capture.h).
 *
 * Theory of operation
 *
 * The stack process can open no file, so the client sends one end of a socket pair with its
 * request, and the stack writes each frame to it from a tap of the NICs. It never waits and keeps
 * nothing: a frame that the socket has no room for is lost and counted. So the memory of a
 * capture is the socket's buffer, which is the client's to size and the kernel's to bound. Without a
 * capture there is no tap. The filter is classic BPF, compiled by the client and checked here.
 *
 * With "wire" a super-segment is cut as the device would, on a clone. With "drops" the frames are
 * those that a qdisc drops, each with a sentence.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/capture.h"
#include "control/commands.h"
#include "nic/qdisc.h"
#include "packet/bpf.h"

struct capture {
	struct list node;		/* instance->captures */
	struct instance *instance;
	struct loop_io io;
	struct nic_tap tap;
	unsigned int ifindex;
	uint32_t snaplen;
	bool wire;
	struct bpf_program *filter;	/* NULL: everything */
	uint64_t lost;
};

/* ---- frames ---- */

static int record_send(struct capture *c, const char *text, const struct packet *p, uint32_t n,
		       uint16_t flags)
{
	const struct env *env = &c->instance->stack->env;
	struct capture_record r = {
		.time = env->now + (uint64_t)env->wall_offset, .lost = c->lost,
		.len = p ? p->len : 0, .text = (uint16_t)strlen(text), .flags = flags,
	};
	struct iovec iov[PACKET_FRAGS + 3] = {
		{ &r, sizeof(r) }, { (void *)(uintptr_t)text, r.text },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (p)
		msg.msg_iovlen += (size_t)packet_iov(p, 0, n, iov + 2, PACKET_FRAGS + 1);
	return sendmsg(c->io.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void frame_send(struct capture *c, const struct nic *nic, const struct packet *p,
		       const char *why)
{
	struct bpf_view v = {
		.p = p, .link = !nic->l3, .ifindex = nic->index, .pkttype = p->type,
		.hatype = nic->l3 ? ARPHRD_NONE : ARPHRD_ETHER,
		.random = &c->instance->stack->env.random,
	};
	uint32_t n = c->filter ? bpf_run(c->filter, &v) : p->len;

	if (!n)
		return;
	if (n > c->snaplen)
		n = c->snaplen;
	if (record_send(c, why, p, n < p->len ? n : p->len, 0))
		c->lost++;
}

/* As the device would cut it. */
static void frame_cut(struct capture *c, const struct nic *nic, const struct packet *p,
		      const char *why)
{
	struct packet_queue segments = { 0 };
	struct packet *s = packet_clone(p);

	if (!s || packet_segment(s, &segments)) {
		c->lost++;
		return;
	}
	while ((s = packet_queue_pop(&segments))) {
		frame_send(c, nic, s, why);
		packet_free(s);
	}
}

static void frame_give(struct capture *c, const struct nic *nic, const struct packet *p,
		       const char *why)
{
	if (nic->index != c->ifindex)
		return;
	if (c->wire)
		frame_cut(c, nic, p, why);
	else
		frame_send(c, nic, p, why);
}

/* Loopback's frames go out and come in: once is enough. */
static void capture_frame(struct nic_tap *t, struct nic *nic, const struct packet *p, bool out)
{
	if (!out || !nic->loopback)
		frame_give(container_of(t, struct capture, tap), nic, p, "");
}

static void capture_drop(struct nic_tap *t, const struct qdisc *q, const struct packet *p,
			 const char *why)
{
	char text[CAPTURE_TEXT_MAX];

	snprintf(text, sizeof(text), "qdisc %.32s: %s (backlog %llu bytes, %llu packets)",
		 q->ops->name, why, (unsigned long long)q->stats.backlog,
		 (unsigned long long)q->stats.qlen);
	frame_give(container_of(t, struct capture, tap), q->nic, p, text);
}

/* ---- life ---- */

static void capture_free(struct capture *c)
{
	list_del(&c->tap.node);
	list_del(&c->node);
	if (c->io.loop) {
		loop_del(&c->io);
		close(c->io.fd);
	}
	bpf_free(c->filter);
	free(c);
}

void captures_stop(struct instance *inst)
{
	list_for_each_safe(pos, &inst->captures)
		capture_free(list_entry(pos, struct capture, node));
}

/* The client wants no more: say how many were lost, as soon as there is room, and end. */
static void capture_end(struct capture *c)
{
	list_del(&c->tap.node);
	list_init(&c->tap.node);
	if (record_send(c, "", NULL, 0, CAPTURE_END) == -EAGAIN)
		loop_mod(&c->io, EPOLLOUT);
	else
		capture_free(c);
}

static void capture_ready(struct loop_io *io, uint32_t events)
{
	struct capture *c = container_of(io, struct capture, io);
	char none[64];

	if (events & (EPOLLERR | EPOLLHUP))
		capture_free(c);
	else if (events & EPOLLOUT || recv(io->fd, none, sizeof(none), MSG_DONTWAIT) == 0)
		capture_end(c);
}

/* ---- the request ---- */

static int filter_of(const struct control_request *rq, struct bpf_program **out,
		     struct weir_error *e)
{
	json_t *list = json_object_get(rq->args, "filter"), *insn;
	size_t n = json_array_size(list), i;
	struct sock_filter *f;
	int rc = 0;

	if (!list)
		return 0;
	if (!n || n > BPF_MAXINSNS)
		return weir_fail(e, EINVAL, "a filter has 1 to %d instructions, not %zu", BPF_MAXINSNS, n);
	f = calloc(n, sizeof(*f));
	if (!f)
		return weir_fail(e, ENOMEM, "out of memory");
	json_array_foreach(list, i, insn) {
		json_int_t code, jt, jf, k;

		if (json_unpack(insn, "[I,I,I,I]", &code, &jt, &jf, &k))
			rc = -EINVAL;
		else
			f[i] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf,
						     (uint32_t)k };
	}
	if (rc == 0)
		rc = bpf_create(f, (uint32_t)n, out);
	free(f);
	return rc ? weir_fail(e, -rc, "the filter is no classic BPF program that ends") : 0;
}

/* What one write makes one read, and what cannot make us wait. */
static bool is_record_socket(int fd)
{
	int domain = 0, type = 0;
	socklen_t dlen = sizeof(domain), tlen = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &dlen) &&
		!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &tlen) &&
		domain == AF_UNIX && type == SOCK_SEQPACKET;
}

static int request_check(const struct control_request *rq, const struct nic *nic, json_int_t snaplen,
			 struct weir_error *e)
{
	unsigned int n = 0;

	list_for_each(pos, &rq->instance->captures)
		n++;
	if (n >= CAPTURE_MAX)
		return weir_fail(e, EBUSY, "%u captures run already, which is the most; end one", n);
	if (rq->nfds != 1 || !is_record_socket(rq->fds[0]))
		return weir_fail(e, EINVAL, "a Unix socket of type SOCK_SEQPACKET must come with the request");
	if (snaplen < 1 || snaplen > UINT32_MAX)
		return weir_fail(e, EINVAL, "snaplen is %lld; use 1 or more bytes", (long long)snaplen);
	if (json_is_true(json_object_get(rq->args, "drops")) && !nic->root)
		return weir_fail(e, EINVAL, "%s has no qdisc, so none drops anything there", nic->name);
	return 0;
}

static int capture(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	json_int_t snaplen = json_integer_value(json_object_get(rq->args, "snaplen"));
	struct nic *nic = arg_nic(rq, e);
	struct capture *c;
	int rc = nic ? request_check(rq, nic, snaplen, e) : -ENODEV;

	(void)arg;
	(void)result;
	if (rc)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return weir_fail(e, ENOMEM, "out of memory");
	c->instance = rq->instance;
	c->ifindex = nic->index;
	c->snaplen = (uint32_t)snaplen;
	c->wire = json_is_true(json_object_get(rq->args, "wire"));
	list_init(&c->tap.node);
	list_add_tail(&c->node, &rq->instance->captures);
	rc = filter_of(rq, &c->filter, e);
	if (rc == 0)
		rc = loop_add(&rq->instance->loop, &c->io, rq->fds[0], EPOLLIN, capture_ready);
	if (rc) {
		capture_free(c);
		return rc;
	}
	rq->fds[0] = -1;
	if (json_is_true(json_object_get(rq->args, "drops")))
		c->tap.drop = capture_drop;
	else
		c->tap.frame = capture_frame;
	list_add_tail(&c->tap.node, &nic->nics->taps);
	return 0;
}

const struct control_command commands_capture[] = {
	{ "capture", capture },
	{ }
};
