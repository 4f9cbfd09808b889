/* SPDX-License-Identifier: Apache-2.0 */
/* socket_file.h - the file of a sandbox's control socket: made, removed, removed for one that was killed (socket_file.c). */
#ifndef CONTROL_SOCKET_FILE_H
#define CONTROL_SOCKET_FILE_H

#include <stdint.h>

#include <weir/error.h>

struct control_file {
	char path[256];			/* "": there is none */
	uint64_t dev, ino;		/* which it was: another sandbox can have the name by now */
};

/* Bind and listen; refuses a name that is taken. The descriptor, or -errno with e; file is for who removes it. */
int control_listen(const char *name, struct control_file *file, struct weir_error *e);
/* Remove it, unless somebody else has replaced it. Harmless twice, and where there is none. */
void control_unlisten(struct control_file *file);
/* Call fn for each sandbox that has a control socket with somebody behind it, in the order of their names. */
void control_each(void (*fn)(void *arg, const char *name), void *arg);
/* Remove the files behind which nobody is any more: of a sandbox, or (NULL) of all. */
void control_sweep(const char *name);

#endif
