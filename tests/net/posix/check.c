/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - answers and what is wanted, the families, and sockets of the family that is asked
 * about. */
#include "check.h"

const char *check_test = "";
int check_failures, check_count;

void check_equal(const char *file, int line, const char *text, long got, long want)
{
	check_count++;
	if (got == want)
		return;
	check_failures++;
	printf("%s:%d: %s: %s is %ld", file, line, check_test, text, got);
	if (got < 0)
		printf(" (%s)", strerror((int)-got));
	printf(", not %ld", want);
	if (want < 0)
		printf(" (%s)", strerror((int)-want));
	puts("");
	fflush(stdout);
}

static const struct family families[] = {
	{ "-4", AF_INET, IPPROTO_IP, sizeof(struct sockaddr_in), "0.0.0.0", "127.0.0.1", "198.51.100.1" },
	{ "-6", AF_INET6, IPPROTO_IPV6, sizeof(struct sockaddr_in6), "::", "::1", "2001:db8::1" },
	{ "-m", AF_INET6, IPPROTO_IP, sizeof(struct sockaddr_in6), "::ffff:0.0.0.0", "::ffff:127.0.0.1",
	  "::ffff:198.51.100.1" },
};

const struct family *family = &families[0];

bool family_choose(const char *option)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (strcmp(option, families[i].option))
			continue;
		family = &families[i];
		return true;
	}
	return false;
}

bool speaks_v4(void)
{
	return family->level == IPPROTO_IP;
}

union name name_at(int domain, const char *addr, uint16_t port)
{
	union name n = { .sa.sa_family = (sa_family_t)domain };

	n.in.sin_port = htons(port);		/* where sin6_port is, too */
	inet_pton(domain, addr, domain == AF_INET ? (void *)&n.in.sin_addr : &n.in6.sin6_addr);
	return n;
}

union name any(uint16_t port)
{
	return name_at(family->domain, family->any, port);
}

union name here(uint16_t port)
{
	return name_at(family->domain, family->here, port);
}

union name away(uint16_t port)
{
	return name_at(family->domain, family->away, port);
}

socklen_t name_size(const union name *n)
{
	return n->sa.sa_family == AF_INET ? sizeof(n->in) : sizeof(n->in6);
}

bool same_name(const union name *a, const union name *b)
{
	return !memcmp(a, b, name_size(a));
}

union name name_of(int fd)
{
	union name a = { 0 };
	socklen_t len = sizeof(a);

	DID(getsockname(fd, SA(&a), &len), 0);
	IS(len, name_size(&a));
	return a;
}

union name peer_of(int fd)
{
	union name a = { 0 };
	socklen_t len = sizeof(a);

	DID(getpeername(fd, SA(&a), &len), 0);
	IS(len, name_size(&a));
	return a;
}

uint16_t port_of(int fd)
{
	return ntohs(name_of(fd).in.sin_port);
}

int tcp_socket(int flags)
{
	int fd = socket(family->domain, SOCK_STREAM | flags, 0);

	IS(fd >= 0, 1);
	return fd;
}

int tcp_listen(int backlog)
{
	union name a = here(0);
	int fd = tcp_socket(0);

	DID(bind(fd, NAME(a)), 0);
	DID(listen(fd, backlog), 0);
	return fd;
}

int tcp_connect(int listener)
{
	union name a = name_of(listener);
	int fd = tcp_socket(0);

	DID(connect(fd, NAME(a)), 0);
	return fd;
}

void tcp_pair(int pair[2])
{
	int l = tcp_listen(1);

	pair[0] = tcp_connect(l);
	pair[1] = accept(l, NULL, NULL);
	IS(pair[1] >= 0, 1);
	close(l);
}

int udp_socket(void)
{
	union name a = here(0);
	int fd = socket(family->domain, SOCK_DGRAM, 0);

	DID(bind(fd, NAME(a)), 0);
	return fd;
}

static void switch_on(int fd, int level, int name)
{
	int on = 1;

	DID(setsockopt(fd, level, name, &on, sizeof(on)), 0);
}

int bound_socket(const union name *n, int options)
{
	int fd = socket(n->sa.sa_family, SOCK_STREAM, 0), err;

	if (options & REUSEADDR)
		switch_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (options & REUSEPORT)
		switch_on(fd, SOL_SOCKET, SO_REUSEPORT);
	if (options & V6ONLY)
		switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (!bind(fd, NAME(*n)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

int poll_now(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, ms);
	return p.revents;
}

int so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	DID(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err;
}

long get_int(int fd, int level, int name)
{
	int v = -12345;
	socklen_t len = sizeof(v);

	if (getsockopt(fd, level, name, &v, &len))
		return -errno;
	return v;
}

long set_int(int fd, int level, int name, int v)
{
	return did(setsockopt(fd, level, name, &v, sizeof(v)));
}

void ask_all(int level, int domain, int type, const struct ask *asks, size_t n)
{
	for (const struct ask *a = asks; a < asks + n; a++) {
		int fd = socket(domain, type, 0), failed = check_failures;

		IS(get_int(fd, level, a->name), a->before);
		IS(set_int(fd, level, a->name, a->value), a->answer);
		IS(get_int(fd, level, a->name), a->after);
		if (check_failures != failed)
			printf("  type %d, level %d, option %d, value %d\n", type, level, a->name, a->value);
		close(fd);
	}
}

void arm(int ms)
{
	struct itimerval t = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

int send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 'f';
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return (int)sendmsg(sock, &m, 0);
}

int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void nothing(int sig)
{
	(void)sig;
}

void on_alarm(int flags)
{
	struct sigaction a = { .sa_handler = nothing, .sa_flags = flags };

	sigaction(SIGALRM, &a, NULL);
}
