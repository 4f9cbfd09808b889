/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - what the files of an instance share. */
#ifndef CONTROL_PARTS_H
#define CONTROL_PARTS_H

#include "control/instance.h"

/* names.c: addresses and routes, from configuration to the stack. */
struct ip_addr ip_addr_of_param(const struct param_address *a);
struct ifaddr_spec ifaddr_spec_of(const struct config_address *a);
struct route_spec route_spec_of(const struct config_route *r);
struct route route_of(const struct route_spec *r, struct nic *nic);

/* congestion.c: the module and its parsed parameters; takes a use of *m. NULL: e says why. */
struct instance_congestion *instance_congestion_get(struct instance *inst, const char *name,
						    const struct setting *s, size_t n,
						    struct module **m, struct weir_error *e);
/* The same for ops that are at hand; takes no use. */
struct instance_congestion *instance_congestion_params(struct instance *inst,
						       const struct congestion_ops *ops,
						       const struct setting *s, size_t n,
						       struct weir_error *e);
void instance_congestion_kinds(struct instance *inst, struct tcp_congestion_kinds *kinds);
/* Drop the sets of a module's code, which is about to go: no connection uses them any more. */
void instance_congestion_forget(struct instance *inst, const struct module *m);
void instance_congestion_free(struct instance *inst);

/* swap.c */
bool mode_allows(const struct mode_ops *mode, const struct nic *nic);
/* The mode by its name, with a use, if a running program can be put into it. */
const struct mode_ops *instance_mode_get(struct instance *inst, const char *name,
					 struct module **m, struct weir_error *e);
/* Cannot fail. Takes over the use of m. */
void instance_mode_apply(struct instance *inst, const struct mode_ops *mode, struct module *m);

/* Is there a NIC for every [qdisc NAME]? e names the section's place, and the NICs that there
 * are. */
int instance_check_qdiscs(const struct instance *inst, const struct config *c,
			  struct weir_error *e);

#endif
