/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - one running weir: a stack, its loop, its modules and its configuration; and the operations
 * on them that the control socket, `weir run` and a config reload share. Each either
 * happens whole or changes nothing and says why.
 */
#ifndef CONTROL_INSTANCE_H
#define CONTROL_INSTANCE_H

#include "config/config.h"
#include "module/registry.h"
#include "stack.h"
#include "time/loop.h"

/* A NIC-to-be: opened with privilege by `weir run`, attached in the stack process. */
struct instance_nic {
	struct list node;		/* instance->nics */
	struct instance *instance;
	struct link link;		/* opened; link.priv is allocated; moves into the NIC */
	struct module *module;		/* of its driver */
	void *params;			/* the driver's, as opened */
	/* what it is to have, from the INI or taken from a namespace */
	struct ifaddr_spec { struct ip_addr addr; uint8_t prefix; } *addrs;
	size_t naddrs;
	struct route_spec { struct ip_addr dst, gateway, prefsrc; uint8_t prefix; uint32_t metric, mtu; } *routes;
	size_t nroutes;
	struct neigh_spec { struct ip_addr addr; uint8_t lladdr[6]; } *neighs;	/* permanent ones */
	size_t nneighs;
	struct nic *nic;		/* once started */
	struct loop_io io;
};

struct instance {
	char name[64];
	struct log log;
	struct registry registry;
	struct config config;
	struct loop loop;
	struct stack *stack;
	struct list nics;
	const struct mode_ops *mode;
	struct module *mode_module;
	struct module *congestion_module;
	struct qdisc_kinds kinds;
	struct tcp_congestion_kinds congestion_kinds;
	uint64_t started;		/* ns */
};

/* Open every [link] of a checked config (needs privilege); fills inst->nics. Undoes all on failure. */
int instance_open_links(struct instance *inst, struct weir_error *e);
void instance_close_links(struct instance *inst);	/* link_ops->close on each: removes created devices */
/* Make the stack, attach the links, add addresses and routes, set qdiscs by the config, watch the fds. No privilege. */
int instance_start(struct instance *inst, struct weir_error *e);
void instance_stop(struct instance *inst);

int instance_qdisc_replace(struct instance *inst, const char *nic, const char *kind,
			   const struct setting *s, size_t n, struct weir_error *e);
int instance_qdisc_change(struct instance *inst, const char *nic, const struct setting *s, size_t n,
			  struct weir_error *e);
/* New code for a loaded module, from fd: every qdisc, link, mode and connection moves over, or none. */
int instance_module_reload(struct instance *inst, int fd, const char *path, struct weir_error *e);
int instance_set_mode(struct instance *inst, const char *mode, struct weir_error *e);
/* The difference between inst->config and c is worked out, checked whole, applied whole; c becomes the config. */
int instance_reconfigure(struct instance *inst, struct config *c, struct weir_error *e);

#endif
