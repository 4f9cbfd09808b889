/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - module files: may this one be trusted, is it a shared object, and a private copy of it.
 */
#ifndef MODULE_FILE_H
#define MODULE_FILE_H

#include <stdbool.h>

#include <weir/error.h>

#define MODULE_MEMFD "weir-module:"	/* a copy's name in /proc/PID/maps begins so; the module's follows */
#define MODULE_FILE_MAX (64u << 20)	/* bytes of a module file; what is larger is no module */

/* Open the file read-only if nobody but root and the caller can have changed it or put it
 * there. The fd, or -errno. */
int module_file_open(const char *path, struct weir_error *e);
/* A sealed memfd with the file's bytes, checked to be a whole shared object for this machine.
 * The fd, or -errno. */
int module_file_copy(int fd, const char *path, struct weir_error *e);
/* Is fd such a copy? Reading it waits for no file system, and nobody changes it. */
bool module_file_is_copy(int fd);

#endif
