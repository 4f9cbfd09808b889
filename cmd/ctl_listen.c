/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl_listen.c - the metrics over HTTP, on request: weir ctl NAME metrics --listen ADDRESS.
 *
 * Theory of operation
 *
 * The page is served by this process, never by the stack's: each GET of /metrics asks the control
 * socket once. libmicrohttpd does the HTTP, on a thread of its own and a socket that is made here.
 * That socket is on loopback or a Unix one, since there is neither encryption nor a password:
 * what is for other machines goes through a server that has both. Clients are bounded in number,
 * memory and idle time. A sandbox that has ended is told with 503, and asked again the next time:
 * one of the same name may be there by then.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/ctl.h"

#define CLIENTS_MAX	16u
#define CLIENT_MEMORY	16384u	/* bytes: a request's headers, and no more */
#define CLIENT_IDLE_S	10u
#define BACKLOG		16
#define TEXT_TYPE	"text/plain; version=0.0.4; charset=utf-8"

static const char remedy[] = "use 127.0.0.1:PORT, [::1]:PORT or unix:PATH, with a web server in front for other machines";

/* ---- where ---- */

static int listen_on(const struct sockaddr *sa, socklen_t len, const char *where,
		     struct weir_error *e)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), err;
	const int on = 1;

	if (fd < 0)
		return weir_fail(e, errno, "--listen %s: no socket: %s", where, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == EADDRINUSE)
		return weir_fail(e, err, "--listen %s: it is in use; choose another%s", where,
				 sa->sa_family == AF_UNIX ? ", or remove it when nobody listens there"
							  : " port");
	return weir_fail(e, err, "--listen %s: %s", where, strerror(err));
}

static int listen_unix(const char *path, const char *where, struct weir_error *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd;

	if (!*path || strlen(path) >= sizeof(sa.sun_path))
		return weir_fail(e, EINVAL, "--listen %s: the path of a socket has 1 to %zu bytes",
				 where, sizeof(sa.sun_path) - 1);
	strcpy(sa.sun_path, path);
	mask = umask(0177);		/* from the start */
	fd = listen_on((struct sockaddr *)&sa, sizeof(sa), where, e);
	umask(mask);
	return fd;
}

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 &&
		IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/* "127.0.0.1:9100" or "[::1]:9100" into host and port. */
static bool split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');

	if (!colon || colon == text || !colon[1])
		return false;
	*colon = '\0';
	*port = colon + 1;
	*host = text;
	if (*text != '[')
		return !strchr(text, ':');
	if (colon[-1] != ']')
		return false;
	colon[-1] = '\0';
	++*host;
	return true;
}

static int listen_loopback(const char *where, struct weir_error *e)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *ai = NULL;
	char text[128], *host, *port;
	int fd;

	if ((size_t)snprintf(text, sizeof(text), "%s", where) >= sizeof(text) ||
	    !split(text, &host, &port) || strspn(port, "0123456789") != strlen(port) ||
	    strlen(port) > 5 || atoi(port) > UINT16_MAX || getaddrinfo(host, port, &hints, &ai))
		return weir_fail(e, EINVAL, "--listen %.128s: is no address with a port; %s", where,
				 remedy);
	if (is_loopback(ai->ai_addr))
		fd = listen_on(ai->ai_addr, ai->ai_addrlen, where, e);
	else
		fd = weir_fail(e, EINVAL, "--listen %s: the metrics have neither a password nor encryption, so only this machine may read them; %s",
			       where, remedy);
	freeaddrinfo(ai);
	return fd;
}

/* ---- HTTP ---- */

static enum MHD_Result respond(struct MHD_Connection *conn, unsigned int status, const char *type,
			       const char *text, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)text,
								 MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	rc = MHD_queue_response(conn, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result refuse(struct MHD_Connection *conn, unsigned int status, const char *sentence)
{
	char line[sizeof(struct weir_error) + 1];
	int n = snprintf(line, sizeof(line), "%s\n", sentence);

	return respond(conn, status, "text/plain; charset=utf-8", line,
		       (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static enum MHD_Result serve_page(struct ctl *c, struct MHD_Connection *conn)
{
	struct weir_error e = { "" };
	json_t *stats = metrics_ask(c, &e);
	enum MHD_Result rc = MHD_NO;
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (!stats)
		return refuse(conn, MHD_HTTP_SERVICE_UNAVAILABLE, e.text);
	f = open_memstream(&text, &len);
	if (f) {
		metrics_write(f, c->name, stats);
		if (fclose(f) == 0)
			rc = respond(conn, MHD_HTTP_OK, TEXT_TYPE, text, len);
	}
	free(text);
	json_decref(stats);
	return rc;
}

static enum MHD_Result serve(void *arg, struct MHD_Connection *conn, const char *url,
			     const char *method, const char *version, const char *data,
			     size_t *len, void **state)
{
	(void)version;
	(void)data;
	(void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD)) {
		*len = 0;
		return refuse(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "metrics are only read: GET /metrics");
	}
	if (strcmp(url, "/metrics"))
		return refuse(conn, MHD_HTTP_NOT_FOUND, "there is only /metrics");
	return serve_page(arg, conn);
}

/* ---- the command ---- */

static void say_where(const struct ctl *c, int fd, const char *path)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char host[INET6_ADDRSTRLEN], port[8];

	if (path) {
		fprintf(stderr, "weir ctl: metrics of %s: unix:%s, /metrics\n", c->name, path);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&sa, &len) ||
	    getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	fprintf(stderr, "weir ctl: metrics of %s: http://%s%s%s:%s/metrics\n", c->name,
		sa.ss_family == AF_INET6 ? "[" : "", host, sa.ss_family == AF_INET6 ? "]" : "", port);
}

static int serve_until_signal(struct ctl *c, int fd, const char *path, struct weir_error *e)
{
	struct MHD_Daemon *d;
	sigset_t ends;
	int sig;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);	/* its thread inherits that */
	signal(SIGPIPE, SIG_IGN);
	d = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, serve, c,
			     MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd,
			     MHD_OPTION_CONNECTION_LIMIT, CLIENTS_MAX,
			     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY,
			     MHD_OPTION_CONNECTION_TIMEOUT, CLIENT_IDLE_S, MHD_OPTION_END);
	if (!d) {
		weir_fail(e, EIO, "the HTTP server does not start: %s", strerror(errno));
		return CMD_FAIL;
	}
	say_where(c, fd, path);
	sigwait(&ends, &sig);
	MHD_stop_daemon(d);		/* closes fd, too */
	return 0;
}

int metrics_listen(struct ctl *c, const char *where, struct weir_error *e)
{
	const char *path = strncmp(where, "unix:", 5) ? NULL : where + 5;
	json_t *stats = metrics_ask(c, e);	/* a wrong name is told now, not at the first GET */
	int fd, status;

	json_decref(stats);
	if (!stats)
		return CMD_FAIL;
	fd = path ? listen_unix(path, where, e) : listen_loopback(where, e);
	if (fd < 0)
		return CMD_FAIL;
	status = serve_until_signal(c, fd, path, e);
	if (path)
		unlink(path);
	return status;
}
