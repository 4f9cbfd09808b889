/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/qdisc.h - queueing disciplines.
 *
 * The contract is Linux's. A NIC has one root qdisc. enqueue takes the packet whatever it answers;
 * dequeue gives the next packet that may leave now, or NULL. A qdisc that has packets but must
 * wait (a shaper) asks for a wake-up with qdisc_watchdog() before it answers NULL; the core then
 * calls dequeue again at that time, or earlier.
 *
 * Lengths are p->wire_len: link header included and, for a GSO packet, the headers of every
 * segment it stands for.
 *
 * The core keeps the statistics: qdisc_queued(), qdisc_dequeued() and qdisc_drop() count what they
 * are told of, so that backlog, drops and bytes mean the same in every module. bytes and packets
 * count what was dequeued (as Linux's bstats); a GSO packet counts gso_segs packets.
 *
 * A classful qdisc owns its children: it makes them with qdisc_create_child(), passes packets
 * with qdisc_enqueue(), qdisc_dequeue() and qdisc_peek(), and destroys them with qdisc_destroy().
 * Whoever holds a packet counts it; the core adds the same to every qdisc above. So a parent that
 * only passes packets on counts nothing itself.
 */
#ifndef WEIR_QDISC_H
#define WEIR_QDISC_H

#include <weir/packet.h>
#include <weir/param.h>
#include <weir/tc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct qdisc;
struct nic;

enum { QDISC_QUEUED = 0, QDISC_DROPPED = 1 };

struct qdisc_stats {
	uint64_t bytes, packets;	/* sent: dequeued and given to the link or the parent */
	uint64_t drops;			/* packets refused, by limit or for want of memory */
	uint64_t overlimits;		/* times that dequeue had to wait */
	uint64_t requeues;		/* packets moved in from the qdisc that this one replaced */
	uint64_t backlog;		/* bytes waiting, now */
	uint64_t qlen;			/* packets waiting, now (a GSO packet is one) */
};

/* One more line for `qdisc show -s`: a name and a number, by the module's own choice. */
struct qdisc_xstat {
	const char *name;	/* constant text */
	uint64_t value;
};

struct qdisc_ops {
	const char *name;
	size_t priv_size;		/* bytes at qdisc_priv(), zeroed before init */
	const struct param *params;	/* NULL: takes none */
	size_t params_size;

	/* Check the parameters and build. params lives as long as the call; copy what is needed.
	 * A failing init releases what it took: destroy is not called after it. */
	int (*init)(struct qdisc *q, const void *params, struct weir_error *e);
	/* Take new parameters, all or nothing: on failure the qdisc works on as before. Packets
	 * stay queued. NULL: cannot be changed, only replaced. */
	int (*change)(struct qdisc *q, const void *params, struct weir_error *e);
	void (*reset)(struct qdisc *q);		/* drop all packets, forget all state of traffic */
	void (*destroy)(struct qdisc *q);	/* release what init took; packets are gone by then */

	int (*enqueue)(struct qdisc *q, struct packet *p);	/* QDISC_QUEUED or QDISC_DROPPED */
	struct packet *(*dequeue)(struct qdisc *q);
	/* The packet that dequeue would give next, left where it is; NULL when empty. Never
	 * throttled. */
	struct packet *(*peek)(struct qdisc *q);
	/* The next packet in order, without regard to time: empties a qdisc that is replaced.
	 * NULL: dequeue does. */
	struct packet *(*drain)(struct qdisc *q);
	int (*stats)(struct qdisc *q, struct qdisc_xstat *x, int max);	/* how many; may be NULL */

	/* Classful only. The qdisc's only child, for dumps and for grafting by name. */
	struct qdisc *(*leaf)(struct qdisc *q);
	/* Put a new child in; gives back the old one, whose packets the core has moved. */
	struct qdisc *(*graft)(struct qdisc *q, struct qdisc *child);

	/* What it is to tc(8); closed by one without a kind. NULL: tc has no word for it. */
	const struct qdisc_tc *tc;
};

/* ---- what a qdisc may ask of the core ---- */

WEIR_API void *qdisc_priv(struct qdisc *q);
WEIR_API uint64_t qdisc_now(const struct qdisc *q);		/* ns, monotonic */
WEIR_API uint32_t qdisc_mtu_len(const struct qdisc *q);		/* wire bytes of an MTU-sized packet:
								 * MTU + link header */
WEIR_API const char *qdisc_nic_name(const struct qdisc *q);
WEIR_API struct qdisc_stats *qdisc_stats(struct qdisc *q);
/* 32 random bits of the stack: in a simulation they follow from its seed. A qdisc has no other
 * source, or a run could not be repeated. */
WEIR_API uint32_t qdisc_random(struct qdisc *q);

/* No qdisc was on this NIC before q: nothing has been sent that q does not know of. */
WEIR_API bool qdisc_is_first(const struct qdisc *q);

/* The packet has been put into / taken out of q's own queue: statistics and backlog. */
WEIR_API void qdisc_queued(struct qdisc *q, const struct packet *p);
WEIR_API void qdisc_dequeued(struct qdisc *q, const struct packet *p);
/* Free a packet that was not queued, and count it. Answers QDISC_DROPPED. */
WEIR_API int qdisc_drop(struct qdisc *q, struct packet *p);
/* Free a packet that had been queued and is dropped after all, and count it. */
WEIR_API void qdisc_drop_queued(struct qdisc *q, struct packet *p);
/* Count a packet that is gone already. */
WEIR_API void qdisc_count_drop(struct qdisc *q);
/* Call dequeue again at the absolute time at (ns of qdisc_now()), or earlier; a new wait counts as
 * an overlimit. */
WEIR_API void qdisc_watchdog(struct qdisc *q, uint64_t at);
/* Give a packet to the link without queueing: for a qdisc that holds nothing. */
WEIR_API int qdisc_transmit(struct qdisc *q, struct packet *p);

/* The common case, a list: enqueue at its end, dequeue from its head, with statistics. */
WEIR_API int qdisc_list_enqueue(struct qdisc *q, struct packet_queue *list, struct packet *p);
WEIR_API struct packet *qdisc_list_dequeue(struct qdisc *q, struct packet_queue *list);
WEIR_API void qdisc_list_reset(struct qdisc *q, struct packet_queue *list);

/* Cut a super-segment and give each of its packets to enqueue, in order. Answers QDISC_QUEUED when
 * any was; one that cannot be cut is dropped and counted. */
WEIR_API int qdisc_enqueue_segments(struct qdisc *q, struct packet *p,
				    int (*enqueue)(struct qdisc *q, struct packet *p));

/* Children. kind names a qdisc module, params are NULL-terminated name, value text pairs. */
WEIR_API struct qdisc *qdisc_create_child(struct qdisc *parent, const char *kind,
					  const char *const *params, struct weir_error *e);
WEIR_API void qdisc_destroy(struct qdisc *q);
WEIR_API int qdisc_enqueue(struct qdisc *child, struct packet *p);
WEIR_API struct packet *qdisc_dequeue(struct qdisc *child);
WEIR_API struct packet *qdisc_peek(struct qdisc *child);
/* The next packet without regard to time, to be queued elsewhere: not counted as sent. */
WEIR_API struct packet *qdisc_drain(struct qdisc *child);
WEIR_API void qdisc_reset(struct qdisc *child);

#ifdef __cplusplus
}
#endif

#endif
