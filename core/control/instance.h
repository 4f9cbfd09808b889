/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - one running weir: a stack, its loop, its modules and its configuration; and the
 * operations on them that the control socket, `weir run` and a config reload share. Each either
 * happens whole or changes nothing and says why.
 */
#ifndef CONTROL_INSTANCE_H
#define CONTROL_INSTANCE_H

#include <sys/types.h>

#include "config/annotations.h"
#include "config/config.h"
#include "ip/ip4_link.h"
#include "ip/ip6_link.h"
#include "module/registry.h"
#include "stack.h"
#include "tcp/kinds.h"
#include "time/loop.h"

#define SPEC_FOREVER UINT32_MAX

/* A NIC-to-be: opened with privilege by `weir run`, attached in the stack process. */
struct instance_nic {
	struct list node;		/* instance->nics */
	struct instance *instance;
	struct link link;		/* opened; link.priv is allocated; moves into the NIC */
	struct module *module;		/* of its driver */
	void *params;			/* the driver's, as opened */
	struct ip4_config ip4;
	struct ip6_config ip6;
	/* what it is to have, from the INI or taken from a namespace */
	struct ifaddr_spec {
		struct ip_addr addr;
		uint8_t prefix;
		bool taken;		/* was another stack's on this link: nobody else has it */
		bool dynamic, temporary, no_prefix_route, no_broadcast, no_dad;	/* as struct ifaddr's */
		uint32_t preferred, valid;	/* s; SPEC_FOREVER */
	} *addrs;
	size_t naddrs;
	struct route_spec {
		struct ip_addr dst, gateway, prefsrc;
		uint8_t prefix;
		uint32_t metric, mtu;
		uint8_t protocol;
		bool onlink;		/* as struct route's */
		uint32_t expires;	/* s: an IPv6 router promised no more; 0 = it does not end */
	} *routes;
	size_t nroutes;
	struct neigh_spec { struct ip_addr addr; uint8_t lladdr[6]; } *neighs;	/* permanent ones */
	size_t nneighs;
	unsigned int index;		/* its device's, where that came with --netns; 0 = any */
	bool taken;			/* its device came with --netns, not with the INI */
	struct nic *nic;		/* once started */
	bool down;			/* its device is set down, or gone */
	struct loop_io io;
	uint64_t error_since;		/* ns: in the second from here on there were */
	unsigned int nerrors;		/* so many turns with an error of the descriptor */
	struct timer rest;		/* armed: it is not watched, since there were too many */
};

struct instance {
	char name[64];
	struct log log;
	struct registry registry;
	struct config config;
	struct loop loop;
	struct stack *stack;
	struct list nics;		/* struct instance_nic */
	struct list retired;		/* likewise: their devices are gone, and others have their names */
	struct list captures;		/* struct capture: commands_capture.c */
	const struct mode_ops *mode;
	struct module *mode_module;
	struct module *congestion_module;
	struct qdisc_kinds kinds;
	struct tcp_congestion_kinds congestion_kinds;
	struct congestion_sets congestions;
	/* Where the configuration came from, for a reload: the INI's absolute path or NULL, and
	 * the command line's assignments, "qdisc.rate=100mbit", in order. */
	char *config_file;
	char **overrides;
	size_t noverrides;
	struct annotations annotations;	/* of the container: on top of them, within their ceilings */
	uid_t owner;			/* besides root, who may command it */
	uint64_t allowed;		/* bytes of memory: base/cgroup.h */
	uint64_t started;		/* ns */
	struct random_buffer random;	/* the stack's: filled after the fork, by instance_start */
};

/* Before anything else: everything empty, the registry and the configuration initialised. */
int instance_init(struct instance *inst, const char *name, const struct log *log,
		  const char *module_path, struct weir_error *e);
/* What a configuration gives the stack's pool of packets and buffers, within what control groups allow. */
uint64_t instance_pool(const struct instance *inst, const struct config *c);
void instance_free(struct instance *inst);	/* after instance_stop and instance_close_links */
int instance_set_source(struct instance *inst, const char *config_file, char *const *overrides,
			size_t n, struct weir_error *e);

/* Open every [link] of a checked config (needs privilege); fills inst->nics. Undoes all on
 * failure. */
int instance_open_links(struct instance *inst, struct weir_error *e);
void instance_close_links(struct instance *inst);	/* link_ops->close on each: removes created devices */
/* Make the stack, attach the links, add addresses and routes, set qdiscs by the config, watch
 * the fds. No privilege. */
int instance_start(struct instance *inst, struct weir_error *e);
void instance_stop(struct instance *inst);

/* A NIC of the stack other than loopback. NULL: e lists those that there are. */
struct nic *instance_nic_find(const struct instance *inst, const char *name,
			      struct weir_error *e);
int instance_qdisc_replace(struct instance *inst, const char *nic, const char *kind,
			   const struct setting *s, size_t n, struct weir_error *e);
int instance_qdisc_change(struct instance *inst, const char *nic, const struct setting *s, size_t n,
			  struct weir_error *e);
/* New code for the loaded module name, from fd: every qdisc, link, mode and connection moves
 * over, or none. */
int instance_module_reload(struct instance *inst, const char *name, int fd, const char *path,
			   struct weir_error *e);
int instance_set_mode(struct instance *inst, const char *mode, struct weir_error *e);
/* The difference between inst->config and c is worked out, checked whole, applied whole; c
 * becomes the config. */
int instance_reconfigure(struct instance *inst, struct config *c, struct weir_error *e);

#endif
