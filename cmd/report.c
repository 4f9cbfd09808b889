/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - what the front is told (report.h).
 *
 * Theory of operation
 *
 * The front is privileged; what is said to it is not believed, but compared with what can be.
 *
 *	STARTED -> RUNS -> (STOPPED)... -> EXITED
 *	   FAILED, up to RUNS
 *
 * Up to RUNS no instruction of the program has been executed and no byte of the network was read, so the sentence of
 * FAILED is weir's own. Afterwards a program that has got hold of the socket in spite of all, or a stack process that
 * a stranger has taken over, can say anything. What it gains is what a program may do anyway: EXITED carries a
 * status of its choice, once; STOPPED stops the front only when the program, which its pidfd names, is found stopped.
 * A message that has another length, comes out of order or brings descriptors is thrown away, and so are these.
 *
 * A sentence that is printed has no control characters: it goes to a terminal.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/pidfd.h"
#include "cmd/report.h"
#include "intercept/launch.h"

#define SLICE	64		/* messages; signals are not to wait for one that talks without end */

int report_open(struct report *r, struct weir_error *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, r->sock))
		return weir_fail(e, errno, "cannot make a socket pair: %s", strerror(errno));
	return 0;
}

/* What comes next in a text that is UTF-8: its length; 0: a byte that is not to be shown. */
static size_t shown(const unsigned char *t)
{
	size_t n = *t >= 0xf0 ? 4 : *t >= 0xe0 ? 3 : *t >= 0xc0 ? 2 : 1;

	if (n == 1)
		return *t >= ' ' && *t < 0x7f;
	for (size_t i = 1; i < n; i++)
		if ((t[i] & 0xc0) != 0x80)
			return 0;
	return *t == 0xc2 && t[1] < 0xa0 ? 0 : n;	/* U+0080 to U+009F command terminals, too */
}

/* The first sentence; the later ones follow from it. */
static void failed(struct report *r, const struct launch_report *said)
{
	size_t n;

	if (r->failed[0])
		return;
	memcpy(r->failed, said->text, sizeof(r->failed));
	r->failed[sizeof(r->failed) - 1] = '\0';
	for (unsigned char *t = (unsigned char *)r->failed; *t; t += n ? n : 1) {
		n = shown(t);
		if (!n)
			*t = '?';
	}
}

/* True: the pidfd was taken. */
static bool take(struct report *r, const struct launch_report *said, int pidfd, struct relay *relay)
{
	switch (said->kind) {
	case LAUNCH_STARTED:
		if (r->started || r->runs || pidfd < 0)
			return false;
		r->started = true;
		relay->program = pidfd;
		return true;
	case LAUNCH_RUNS:
		r->runs = true;
		return false;
	case LAUNCH_STOPPED:
		if (r->runs && !r->exited && relay->program >= 0 && pidfd_stopped(relay->program))
			relay_stop(relay);
		return false;
	case LAUNCH_EXITED:
		if (r->runs && !r->exited) {
			r->exited = true;
			r->status = said->status;
		}
		return false;
	case LAUNCH_FAILED:
		if (!r->runs)
			failed(r, said);
		return false;
	}
	return false;
}

void report_take(struct report *r, struct relay *relay)
{
	struct launch_report said;
	int fds[4], nfds;

	for (int i = 0; i < SLICE; i++) {
		ssize_t n = launch_receive(r->sock[0], &said, sizeof(said), fds, &nfds, MSG_DONTWAIT | MSG_TRUNC);
		int pidfd = nfds == 1 ? fds[0] : -1;

		if (n == sizeof(said) && nfds <= 1 && take(r, &said, pidfd, relay))
			nfds = 0;
		while (nfds > 0)
			close(fds[--nfds]);
		if (n <= 0)
			return;
	}
}

void report_close(struct report *r)
{
	for (int i = 0; i < 2; i++)
		if (r->sock[i] >= 0)
			close(r->sock[i]);
}
