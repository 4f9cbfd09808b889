/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_control.c - requests on the control socket, as a client that is allowed to connect may
 * send them.
 *
 * Input: the bytes of one connection; behind a first byte of 1, with a socket for a capture's records. What must hold: the client is answered with one line of
 * JSON that has "ok", and "error" where that is false, or is left without a word only if it sent
 * no whole line; the next client is served. State stays from one input to the next, as in a
 * sandbox that runs for long.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"
#include "tests/unit/instance_world.h"

static struct instance inst;
static struct control *ctl;

/* So that what is still reachable at the end does not hide what was lost. */
static void end(void)
{
	control_stop(ctl);
	fuzz_modules_put(&inst.registry);
	world_stop(&inst);
}

static void start(void)
{
	struct weir_error e = { "" };

	if (ctl)
		return;
	fuzz_check(!world_init(&inst, &e));
	fuzz_modules_add(&inst.registry);
	if (world_start(&inst, &e))
		fprintf(stderr, "%s\n", e.text);
	fuzz_check(!*e.text);
	ctl = world_serve(&inst, &e);
	fuzz_check(ctl);
	atexit(end);
}

static void feed(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			data += n;
			size -= (size_t)n;
		} else if (errno != EAGAIN) {
			return;
		}
		world_turns(&inst, 1);
	}
	shutdown(fd, SHUT_WR);
}

static size_t drain(int fd, char *answer, size_t size)
{
	size_t got = 0;

	for (int idle = 0; idle < 8;) {
		ssize_t n = recv(fd, answer + got, size - got, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		got += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
		world_turns(&inst, 1);
	}
	return got;
}

/* The first byte, with one end of a pair. The other end; -1. */
static int feed_socket(int fd, const uint8_t *data)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	int pair[2];

	fuzz_check(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &pair[0], sizeof(int));
	fuzz_check(sendmsg(fd, &m, MSG_NOSIGNAL) == 1);
	close(pair[0]);
	return pair[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[1 << 22];
	size_t n;
	json_t *o;
	int fd, records = -1;

	start();
	fd = world_client();
	fuzz_check(fd >= 0);
	if (size > 1 && data[0] == 1) {
		data++;
		size--;
		records = feed_socket(fd, data);
		feed(fd, data + 1, size - 1);
	} else {
		feed(fd, data, size);
	}
	n = drain(fd, answer, sizeof(answer));
	close(fd);
	if (records >= 0) {
		close(records);
		world_turns(&inst, 2);	/* what was captured for it ends */
	}
	fuzz_check(n > 0 || !memchr(data, '\n', size));
	if (n == 0)
		return 0;
	fuzz_check(answer[n - 1] == '\n');
	o = json_loadb(answer, n, 0, NULL);
	fuzz_check(json_is_boolean(json_object_get(o, "ok")));
	fuzz_check(json_is_true(json_object_get(o, "ok")) ||
		   json_is_string(json_object_get(o, "error")));
	json_decref(o);
	return 0;
}
