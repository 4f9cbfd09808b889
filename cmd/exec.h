/* SPDX-License-Identifier: Apache-2.0 */
/* exec.h - what weir exec --admin does before its program starts. */
#ifndef CMD_EXEC_H
#define CMD_EXEC_H

#include <weir/error.h>

/*
 * Have the sandbox load every qdisc module on the path that tc has a name for and that it has not loaded yet:
 * its stack process cannot open files, and tc has no way to send one. path: as registry_init's.
 */
int exec_modules(const char *name, const char *path, struct weir_error *e);

#endif
