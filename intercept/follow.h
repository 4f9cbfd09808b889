/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - the stack follows its devices: what their kernel tells of them becomes messages from
 * the front (follow.c), which the stack process obeys (obey.c).
 */
#ifndef INTERCEPT_FOLLOW_H
#define INTERCEPT_FOLLOW_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/error.h>

#include "base/log.h"
#include "intercept/taken.h"

#define FOLLOW_NAME_MAX	16

struct takeover;
struct follow;

/* A device as its kernel sees it. Compared as bytes: nothing between. */
struct follow_link {
	char name[FOLLOW_NAME_MAX];
	uint32_t mtu;
	uint8_t addr[6];
	uint8_t operstate;		/* IF_OPER_* */
	bool gone;			/* deleted, or in another namespace */
	bool up;			/* IFF_UP */
	bool carrier;			/* IFF_LOWER_UP */
	uint8_t padding[2];
};

#define FOLLOW_NEW_MAX	384

enum follow_kind {
	FOLLOW_NEW, FOLLOW_LINK, FOLLOW_ADDR,
	FOLLOW_ROUTE, FOLLOW_ROUTE_GONE,
	FOLLOW_NEIGH, FOLLOW_NEIGH_GONE,
};

/* From the front to the stack process, which are one program. taken.device means nothing there. */
struct follow_msg {
	enum follow_kind kind;
	char nic[FOLLOW_NAME_MAX];	/* as the configuration names it */
	union {
		struct follow_link link;
		struct taken taken;
		_Alignas(8) char opened[FOLLOW_NEW_MAX];	/* FOLLOW_NEW: struct adopted; its descriptor comes with it */
	};
};

/* ---- the front's side ---- */

/*
 * Listen where the devices are: in t's namespace, where they were taken with one, from when its
 * addresses are removed; t NULL: in ours, and only the devices themselves are followed. *stack_end:
 * for the stack process.
 */
struct follow *follow_open(struct takeover *t, const struct log *log, int *stack_end, struct weir_error *e);
/* far: the device is the other end of the NIC's cable. -ENOMEM. */
int follow_add(struct follow *f, const char *nic, const char *device, bool far);
/*
 * Devices that the namespace gets later are taken, too: open calls one of them, x, a NIC, with privilege and within the namespace.
 * The descriptor, which stays the callee's, with what else the stack process needs; or -errno with e.
 */
void follow_adopt(struct follow *f, int (*open)(void *arg, const struct taken *x, char opened[FOLLOW_NEW_MAX],
						struct weir_error *e), void *arg);
/* Once all are added: tell what they are by now. */
int follow_begin(struct follow *f, struct weir_error *e);
/* What to wait for, and how long at most (ms, -1: for ever); then, whatever came, one turn. */
void follow_poll(const struct follow *f, struct pollfd *p);
int follow_timeout(const struct follow *f);
void follow_turn(struct follow *f);
void follow_free(struct follow *f);

/* ---- the stack's side ---- */

struct instance;
struct obey;

/* In the front: follow every NIC of inst that has a device, from follow_open to follow_begin. Without
 * NICs there is nobody to follow: NULL and -1. */
int obey_follow(struct instance *inst, struct takeover *t, struct follow **follow, int *stack_end, struct weir_error *e);
/* Obey what comes by fd, beginning with what is there. */
struct obey *obey_create(struct instance *inst, int fd, struct weir_error *e);
void obey_destroy(struct obey *o);

#endif
