/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door.c - how a program's socket, which is not connected yet, gets an end of the stack's.
 *
 * Theory of operation
 *
 * A TCP socket that is not connected is an AF_UNIX stream socket that is not connected either: it
 * polls POLLOUT | POLLHUP, and fails reads and writes by itself. When its connection begins, the stack
 * connects the program's own file to the door, a listening AF_UNIX socket of its own, and accepts. So
 * all copies that the program has made of the descriptor, and its entries in epoll sets, stay valid.
 * One is connected at a time, and at once accepted, so what is accepted is what was connected.
 *
 * Nobody else may come in. A program can make the kernel connect its end to where it likes, if its
 * thread is quick (call.c, CALL_CONTINUE). But the door's name is a path in the root directory of the
 * stack process (lockdown.c), where no program's paths lead. It is short, and connect() is allowed to
 * the stack process with short names only: none of them leads through /proc to a socket of others.
 *
 * System calls: socket connect accept4 close
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "intercept/isock.h"
#include "intercept/lockdown.h"

static const struct sockaddr_un door = { .sun_family = AF_UNIX, .sun_path = LOCKDOWN_DOOR };

#define DOOR_SIZE ((socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(LOCKDOWN_DOOR)))

int door_open(struct intercept *ic)
{
	ic->door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return ic->door < 0 ? -errno : 0;
}

/* Those that were connected, but found no descriptor left. */
static void let_go(struct intercept *ic)
{
	while (ic->door_late) {
		int fd = accept4(ic->door, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != EAGAIN)
			return;
		if (fd >= 0)
			close(fd);
		ic->door_late--;
	}
}

int door_enter(struct intercept *ic, int fd)
{
	int end, err;

	let_go(ic);
	if (ic->door_late)
		return -ENOBUFS;
	if (connect(fd, (const struct sockaddr *)&door, DOOR_SIZE))
		return -errno;
	end = accept4(ic->door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	err = errno;
	if (end >= 0)
		return end;
	ic->door_late++;
	return err == EMFILE ? -ENFILE : -err;
}
