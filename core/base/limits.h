/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - limits of resources (getrlimit(2)): what lacks, and which limit to raise. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

/* Has this process what a stack with so many NICs, and a program on it, cannot start without? 0, or -errno with the
 * limit in e. */
int limits_check(unsigned int nics, struct weir_error *e);
/* May a file of ours have so many bytes? Writing more raises SIGXFSZ. */
int limits_file(uint64_t size, const char *path, struct weir_error *e);
/* What to do about an errno that tells of a lack: "; `ulimit -n` allows 10 open files, raise it"; "" for others. */
const char *limits_remedy(int err, char *text, size_t size);
/* weir_fail for fork and clone. what: "start the gate". */
int limits_process_failed(struct weir_error *e, int err, const char *what);

#endif
