/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_control.c - requests on the control socket, as a client that is allowed to connect may
 * send them. It needs $WEIR_MODULE_PATH.
 *
 * Input: the bytes of one connection. What must hold: the client is answered with one line of
 * JSON that has "ok", and "error" where that is false, or is left without a word only if it sent
 * no whole line; the next client is served. State stays from one input to the next, as in a
 * sandbox that runs for long.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/instance_world.h"

static struct instance inst;
static struct control *ctl;

/* So that what is still reachable at the end does not hide what was lost. */
static void end(void)
{
	control_stop(ctl);
	world_stop(&inst);
}

static void start(void)
{
	struct weir_error e = { "" };

	if (ctl)
		return;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[1 << 22];
	size_t n;
	json_t *o;
	int fd;

	start();
	fd = world_client();
	fuzz_check(fd >= 0);
	feed(fd, data, size);
	n = drain(fd, answer, sizeof(answer));
	close(fd);
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
