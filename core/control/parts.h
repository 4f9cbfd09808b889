/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - what the files of an instance share. */
#ifndef CONTROL_PARTS_H
#define CONTROL_PARTS_H

#include "control/instance.h"

/* names.c: addresses and routes, from configuration to the stack. */
struct ifaddr_spec ifaddr_spec_of(const struct config_address *a);
struct route_spec route_spec_of(const struct config_route *r);
struct route route_of(const struct route_spec *r, struct nic *nic);

/* swap.c */
bool mode_allows(const struct mode_ops *mode, const struct nic *nic);
/* The mode by its name, with a use, if a running program can be put into it. */
const struct mode_ops *instance_mode_get(struct instance *inst, const char *name,
					 struct module **m, struct weir_error *e);
/* Cannot fail. Takes over the use of m. */
void instance_mode_apply(struct instance *inst, const struct mode_ops *mode, struct module *m);

/* instance.c */
/*
 * A link that comes later than instance_open_links and instance_start, in two processes: opened as c says, with privilege, and
 * started in the stack process on a descriptor that the other has opened, with what it knows of it (link.fd, .ops and .priv are
 * set here). Either appends it to the instance's. A NIC of that name whose device is gone is retired. On failure nothing has
 * changed, and fd is closed.
 */
struct instance_nic *instance_link_open(struct instance *inst, const struct config_link *c, struct weir_error *e);
int instance_link_start(struct instance *inst, const struct instance_nic *like, int fd,
			const char *driver, struct weir_error *e);
/* The device of a NIC was deleted: told once, and not watched any more. */
void instance_link_gone(struct instance_nic *n);
/* [tcp]'s settings, at the start and on a reload. One line each. */
void instance_transports_apply(struct instance *inst, const struct config *c);

/* Is there a NIC for every [qdisc NAME]? e names the section's place, and the NICs that there
 * are. */
int instance_check_qdiscs(const struct instance *inst, const struct config *c,
			  struct weir_error *e);

#endif
