/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.h - how much memory the control groups of this process allow it. */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdint.h>

#define CGROUP_UNLIMITED UINT64_MAX

/*
 * The least limit of the process' own group and those above it, of version 2 (memory.max, memory.high) and
 * version 1 (memory.limit_in_bytes), in bytes. proc: "/proc/self"; root: what goes before the mount points,
 * "" but in tests. What cannot be read limits nothing.
 */
uint64_t cgroup_memory(const char *proc, const char *root);

#endif
