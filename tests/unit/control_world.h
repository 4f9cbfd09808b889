/* SPDX-License-Identifier: Apache-2.0 */
/* control_world.h - an instance (instance_world.h) with clients of its control socket, for Check. */
#ifndef TESTS_CONTROL_WORLD_H
#define TESTS_CONTROL_WORLD_H

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nic/qdisc.h"
#include "tests/suite.h"
#include "tests/unit/instance_world.h"

static struct instance inst;
static struct control *ctl;
static struct registry client_registry;

static inline int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static inline void setup(void)
{
	struct weir_error e = { "" };
	struct log log = { 0 };

	ck_assert_msg(!registry_init(&client_registry, NULL, &log, &e), "%s", e.text);
	ck_assert_msg(!world_init(&inst, &e) && !world_start(&inst, &e), "%s", e.text);
	inst.config_file = strdup("/test.ini");
}

static inline void teardown(void)
{
	control_stop(ctl);
	ctl = NULL;
	world_stop(&inst);
	registry_destroy(&client_registry);
}

/* ---- clients ---- */

static inline void serve(void)
{
	struct weir_error e = { "" };

	ctl = world_serve(&inst, &e);
	ck_assert_msg(ctl != NULL, "%s", e.text);
}

static inline int client(void)
{
	int fd = world_client();

	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline void turns(int n)
{
	world_turns(&inst, n);
}

/* What the server answers to bytes; NULL when it closes without a word. */
static inline char *say(const char *bytes, size_t len)
{
	static char answer[1 << 20];
	int fd = client();
	ssize_t n;
	size_t got = 0;

	for (size_t off = 0; off < len;) {
		n = send(fd, bytes + off, len - off, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			off += (size_t)n;
		else if (errno != EAGAIN)
			break;
		turns(1);
	}
	turns(4);
	for (;;) {
		n = recv(fd, answer + got, sizeof(answer) - 1 - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			break;
		turns(1);
	}
	answer[got] = '\0';
	close(fd);
	return got ? answer : NULL;
}

/* Run a command without the socket's way: its result, or NULL and the sentence. */
static inline json_t *ask(const char *request, struct weir_error *e)
{
	char line[4096];
	json_t *answer, *result;
	char *text;

	snprintf(line, sizeof(line), "%s\n", request);
	text = say(line, strlen(line));
	ck_assert_ptr_nonnull(text);
	answer = json_loads(text, 0, NULL);
	ck_assert_msg(json_is_object(answer), "%s", text);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		weir_fail(e, 1, "%s", json_string_value(json_object_get(answer, "error")));
		ck_assert(*e->text);
		json_decref(answer);
		return NULL;
	}
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return result;
}

static inline void ask_ok(const char *request)
{
	struct weir_error e = { "" };
	json_t *r = ask(request, &e);

	ck_assert_msg(r != NULL, "%s: %s", request, e.text);
	json_decref(r);
}

static inline void ask_refused(const char *request, const char *phrase)
{
	struct weir_error e = { "" };
	json_t *r = ask(request, &e);

	ck_assert_msg(r == NULL, "%s was not refused", request);
	ck_assert_msg(strstr(e.text, phrase) != NULL, "%s: \"%s\" lacks \"%s\"", request, e.text,
		      phrase);
}

static inline struct nic *eth0(void)
{
	return nic_find(&inst.stack->nics, "eth0");
}

#endif
