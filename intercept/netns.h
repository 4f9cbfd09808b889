/* SPDX-License-Identifier: Apache-2.0 */
/* netns.h - open a network namespace by its name or path, go in, come back. */
#ifndef INTERCEPT_NETNS_H
#define INTERCEPT_NETNS_H

#include <stddef.h>

#include <weir/error.h>

/* Its descriptor, or -errno. Refuses the root namespace, the one that we are in, and what is
 * none. */
int netns_open(const char *netns, struct weir_error *e);
/* The absolute path that the name stands for: 0 or -errno. */
int netns_path(const char *netns, char *path, size_t size);
/* The calling thread goes into the namespace: the descriptor that leads back, or -errno. */
int netns_enter(int netns_fd);
void netns_leave(int back);

#endif
