/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover.h - with --netns the devices of a namespace become NICs of the stack. Their addresses
 * and routes are read over rtnetlink (libmnl), removed from the kernel's devices, or the kernel
 * would answer too, and given back at exit, also by the janitor process when everything else was
 * killed.
 */
#ifndef INTERCEPT_TAKEOVER_H
#define INTERCEPT_TAKEOVER_H

#include <weir/error.h>

struct config;
struct instance;
struct instance_nic;
struct taken;
struct takeover;	/* what was found, in the order to give it back; holds the namespace's fd */

/* Read the namespace (refuses the root one, and one without a usable device); nothing is changed
 * yet. */
struct takeover *takeover_read(const char *netns, struct weir_error *e);
/* Fill in config's [link NAME] for the devices that were found: driver packet. */
int takeover_config(const struct takeover *t, struct config *c, struct weir_error *e);
/* Put what was read into the NICs that were opened: addresses, routes, neighbours, and how IPv6
 * is spoken there, unless their [link] says it. */
int takeover_fill(const struct takeover *t, struct instance *inst, struct weir_error *e);
/* Only the last: of the device x. */
void takeover_heed(struct instance_nic *n, const struct taken *x);
int takeover_remove(struct takeover *t, struct weir_error *e);	/* on failure all is given back */
void takeover_restore(struct takeover *t);	/* idempotent; logs what fails; then the ledger goes */
int takeover_netns_fd(const struct takeover *t);
void takeover_free(struct takeover *t);

#endif
