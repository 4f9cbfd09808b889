/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - the control socket from outside: found, asked (server.h). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/server.h"

#define ANSWER_MAX	(256u << 20)
#define ANSWER_WAIT_S	10
#define MODULES_MAX	8	/* that one request may need */

/* ---- where ---- */

static int name_check(const char *name, struct weir_error *e)
{
	if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > 63)
		return weir_fail(e, EINVAL, "\"%.80s\" cannot name a sandbox; use 1 to 63 characters without /, the first not a dot",
				 name);
	return 0;
}

int control_path(const char *name, char *path, size_t size, struct weir_error *e)
{
	const char *base = geteuid() ? secure_getenv("XDG_RUNTIME_DIR") : NULL;
	int n, rc = name ? name_check(name, e) : 0;

	if (rc)
		return rc;
	n = snprintf(path, size, "%s/weir%s%s%s", base ? base : "/run", name ? "/" : "",
		     name ? name : "", name ? ".sock" : "");
	if (n < 0 || (size_t)n >= size)
		return weir_fail(e, ENAMETOOLONG, "the path of the control socket is too long; choose a shorter --name");
	return 0;
}

static int address_of(const char *name, struct sockaddr_un *sa, struct weir_error *e)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	return control_path(name, sa->sun_path, sizeof(sa->sun_path), e);
}

/* Inside a sandbox the folder is covered by one where nothing can be. */
static bool inside_sandbox(void)
{
	char folder[PATH_MAX];
	struct statvfs st;
	struct weir_error e;

	return !control_path(NULL, folder, sizeof(folder), &e) && !statvfs(folder, &st) &&
	       (st.f_flag & ST_RDONLY);
}

/* ---- asked ---- */

/* Who listened is the front, `weir run` itself: it takes signals, whatever its stack process does. */
static int no_answer(int fd, struct weir_error *e)
{
	struct ucred front = { 0 };
	socklen_t len = sizeof(front);
	char how[32] = "end its `weir run`";

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &front, &len) && front.pid > 0)
		snprintf(how, sizeof(how), "kill %d", (int)front.pid);
	return weir_fail(e, ETIMEDOUT, "its stack process has not answered for %d s: a module that does not return "
			 "stops it, and `weir run` names it after a while; to end the sandbox: %s",
			 ANSWER_WAIT_S, how);
}

int control_connect(const char *name, struct weir_error *e)
{
	struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	const int on = 1;
	struct sockaddr_un sa;
	int fd, err, rc = address_of(name, &sa, e);

	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return weir_fail(e, errno, "no socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err = errno;
	rc = err == EAGAIN ? no_answer(fd, e) : 0;
	close(fd);
	if (rc)
		return rc;
	if (err == ENOENT && inside_sandbox())
		return weir_fail(e, EPERM, "this is inside of a sandbox, where none can be commanded; use weir ctl and weir exec from outside");
	if (err == ENOENT || err == ECONNREFUSED)
		return weir_fail(e, ENOENT, "no sandbox named %s is running; `weir ctl` lists those that are",
				 name);
	if (err == EACCES || err == EPERM)
		return weir_fail(e, err, "sandbox %s may be commanded by root and by who started it only",
				 name);
	return weir_fail(e, err, "cannot reach sandbox %s: %s", name, strerror(err));
}

static int send_request(int fd, const char *text, size_t len, const int *fds, int nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
	} control = { 0 };
	size_t fds_len = sizeof(int) * (size_t)nfds;

	if (nfds) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(fds_len);
		memcpy(CMSG_DATA(&control.align), fds, fds_len);
	}
	while (len) {
		struct iovec iov = { (char *)(uintptr_t)text, len };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
				      .msg_control = fds_len ? &control : NULL,
				      .msg_controllen = fds_len ? CMSG_SPACE(fds_len) : 0 };
		ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		text += n;
		len -= (size_t)n;
		fds_len = 0;
	}
	return 0;
}

struct answer {
	char *text;
	size_t len, size;
	pid_t pid;
	int *fds;
	int room, nfds;
};

static void take_control(struct answer *a, struct msghdr *msg)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		struct ucred cred;

		if (h->cmsg_level != SOL_SOCKET)
			continue;
		if (h->cmsg_type == SCM_CREDENTIALS && h->cmsg_len >= CMSG_LEN(sizeof(cred))) {
			memcpy(&cred, CMSG_DATA(h), sizeof(cred));
			a->pid = cred.pid;
		}
		if (h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (a->nfds < a->room)
				a->fds[a->nfds++] = fd;
			else
				close(fd);
		}
	}
}

/* 1: a whole line is there. 0: more to come. */
static int read_some(int fd, struct answer *a)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) +
			   CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
	} control;
	struct msghdr msg = { .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct iovec iov;
	ssize_t n;

	if (a->len + 1 >= a->size) {
		size_t size = a->size ? a->size * 2 : 65536;
		char *text = size <= ANSWER_MAX ? realloc(a->text, size) : NULL;

		if (!text)
			return -ENOMEM;
		a->text = text;
		a->size = size;
	}
	iov = (struct iovec){ a->text + a->len, a->size - a->len };
	msg.msg_iov = &iov;
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EINTR ? 0 : errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -ECONNRESET;
	take_control(a, &msg);
	a->len += (size_t)n;
	return a->text[a->len - 1] == '\n';
}

static json_t *parse_answer(const struct answer *a, struct weir_error *e)
{
	json_error_t je;
	json_t *answer = json_loadb(a->text, a->len, 0, &je);

	if (json_is_object(answer)) {
		json_object_set_new(answer, "pid", json_integer(a->pid));
		return answer;
	}
	weir_fail(e, EPROTO, "the sandbox's answer makes no sense");
	json_decref(answer);
	return NULL;
}

json_t *control_call(int fd, json_t *request, const int *fds, int nfds, int *reply_fds,
		     int *nreply_fds, struct weir_error *e)
{
	struct answer a = { .fds = reply_fds, .room = nreply_fds ? *nreply_fds : 0 };
	char *text = json_dumps(request, JSON_COMPACT), *line;
	size_t len = text ? strlen(text) : 0;
	json_t *answer = NULL;
	int rc = 0;

	line = text ? realloc(text, len + 2) : NULL;
	if (!line) {
		free(text);
		weir_fail(e, ENOMEM, "out of memory");
		return NULL;
	}
	strcpy(line + len, "\n");
	if (len + 1 > CONTROL_REQUEST_MAX)
		weir_fail(e, E2BIG, "the request is too long: %zu bytes, at most %u are taken", len,
			  CONTROL_REQUEST_MAX);
	else if ((rc = send_request(fd, line, len + 1, fds, nfds)) == 0 || rc == -EPIPE) {
		/* who is refused at once may find the answer there, and nobody who reads */
		while ((rc = read_some(fd, &a)) == 0)
			;
		if (rc > 0)
			answer = parse_answer(&a, e);
	}
	if (rc == -ETIMEDOUT)
		no_answer(fd, e);
	else if (rc < 0)
		weir_fail(e, -rc, "the sandbox did not answer: %s",
			  rc == -ECONNRESET || rc == -EPIPE ? "it has ended" : strerror(-rc));
	if (nreply_fds)
		*nreply_fds = a.nfds;
	free(line);
	free(a.text);
	return answer;
}

static json_t *call_once(const char *name, json_t *request, const int *fds, int nfds,
			 int *reply_fds, int *nreply_fds, struct weir_error *e)
{
	int fd = control_connect(name, e);
	json_t *answer = fd < 0 ? NULL : control_call(fd, request, fds, nfds, reply_fds, nreply_fds,
						       e);

	if (fd >= 0)
		close(fd);
	return answer;
}

/* Send the server a module that it named. Only a plain name: a server cannot make us open
 * another file. */
static int supply(const char *name, struct registry *r, const char *module, struct weir_error *e)
{
	char path[PATH_MAX];
	json_t *request, *answer;
	int fd, rc = 0;

	if (!param_name_valid(module))
		return weir_fail(e, EPROTO, "the sandbox asks for a module by no valid name");
	fd = module_open_copy(r, module, path, sizeof(path), e);
	if (fd < 0)
		return fd;
	request = json_pack("{s:s, s:s}", "command", "module load", "path", path);
	answer = call_once(name, request, &fd, 1, NULL, NULL, e);
	if (!answer)
		rc = -EIO;
	else if (!json_is_true(json_object_get(answer, "ok")))
		rc = weir_fail(e, EINVAL, "%s", json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
	json_decref(request);
	close(fd);
	return rc;
}

json_t *control_request(const char *name, struct registry *r, json_t *request, const int *fds,
			int nfds, int *reply_fds, int *nreply_fds, pid_t *pid,
			struct weir_error *e)
{
	int room = nreply_fds ? *nreply_fds : 0;

	for (int i = 0; i < MODULES_MAX; i++) {
		json_t *answer, *result = NULL;
		const char *error, *need;
		int rc = -1;

		if (nreply_fds)
			*nreply_fds = room;
		answer = call_once(name, request, fds, nfds, reply_fds, nreply_fds, e);
		if (!answer)
			return NULL;
		if (pid)
			*pid = (pid_t)json_integer_value(json_object_get(answer, "pid"));
		if (json_is_true(json_object_get(answer, "ok"))) {
			result = json_incref(json_object_get(answer, "result"));
			json_decref(answer);
			return result ? result : json_null();
		}
		error = json_string_value(json_object_get(answer, "error"));
		need = json_string_value(json_object_get(answer, "need"));
		weir_fail(e, EINVAL, "%s", error ? error : "refused without a reason");
		if (need && r)
			rc = supply(name, r, need, e);
		json_decref(answer);
		if (rc)
			return NULL;
	}
	return NULL;
}
