/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callers.c - programs whose calls are hard to answer: `callers KIND [arguments]`, run under weir by
 * test_calls.sh. Each says on stdout what has come of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

/* A signal every so many microseconds; 0: no more. */
static void interrupt_every(int us, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	struct itimerval it = { { 0, us }, { 0, us } };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int bound_udp(struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	*a = loopback(0);
	if (fd < 0 || bind(fd, (struct sockaddr *)a, sizeof(*a)) ||
	    getsockname(fd, (struct sockaddr *)a, &len)) {
		perror("a socket");
		exit(1);
	}
	return fd;
}

/* ---- lost: answers that find nobody ---- */

/* One intercepted call about a descriptor. */
static void any_call(unsigned int which, int fd)
{
	struct sockaddr_in a = loopback(9);
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a) };
	struct mmsghdr mm = { .msg_hdr = m };
	socklen_t len = sizeof(a);
	int value = 0;

	switch (which % 16) {
	case 0: connect(fd, (struct sockaddr *)&a, sizeof(a)); break;
	case 1: bind(fd, (struct sockaddr *)&a, sizeof(a)); break;
	case 2: listen(fd, 1); break;
	case 3: accept4(fd, NULL, NULL, SOCK_NONBLOCK); break;
	case 4: getsockname(fd, (struct sockaddr *)&a, &len); break;
	case 5: getpeername(fd, (struct sockaddr *)&a, &len); break;
	case 6: getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len); break;
	case 7: setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)); break;
	case 8: shutdown(fd, SHUT_WR); break;
	case 9: ioctl(fd, 0x8912 /* SIOCGIFCONF */, NULL); break;
	case 10: sendto(fd, &value, 1, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)); break;
	case 11: recvfrom(fd, &value, 1, MSG_DONTWAIT, (struct sockaddr *)&a, &len); break;
	case 12: sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL); break;
	case 13: recvmsg(fd, &m, MSG_DONTWAIT); break;
	case 14: sendmmsg(fd, &mm, 1, MSG_DONTWAIT | MSG_NOSIGNAL); break;
	case 15: recvmmsg(fd, &mm, 1, MSG_DONTWAIT, NULL); break;
	}
}

/* Every call, each so many times while signals come: on a bad descriptor, on a file, on sockets. */
static int lost(int rounds)
{
	int file = dup(0), udp, tcp = -1;
	struct sockaddr_in a;

	interrupt_every(50, 0);
	for (unsigned int which = 0; which < 16; which++) {
		for (int i = 0; i < rounds; i++)
			any_call(which, -1);
		for (int i = 0; i < rounds; i++)
			any_call(which, file);
		while ((tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) < 0)
			;
		for (int i = 0; i < rounds; i++)
			any_call(which, tcp);
		close(tcp);
		while ((udp = socket(AF_INET, SOCK_DGRAM, 0)) < 0)
			;
		for (int i = 0; i < rounds; i++)
			any_call(which, udp);
		close(udp);
	}
	interrupt_every(0, 0);
	close(bound_udp(&a));
	puts("survived");
	return 0;
}

/* ---- closed: a close is the end of the file, whatever call came right before it ---- */

static int stale(int fd, int epoll)
{
	struct epoll_event ev;

	close(fd);
	return epoll_wait(epoll, &ev, 1, 0);
}

/* A readable socket in an epoll set, one call about it, a close: what the set then still reports. */
static int closed(int rounds)
{
	struct sockaddr_in a, from;
	socklen_t len;
	int found = 0, value;
	char byte;

	for (int i = 0; i < rounds; i++) {
		int fd = bound_udp(&a), epoll = epoll_create1(0);
		struct epoll_event ev = { .events = EPOLLIN };

		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
		sendto(fd, "12", 2, 0, (struct sockaddr *)&a, sizeof(a));
		sendto(fd, "34", 2, 0, (struct sockaddr *)&a, sizeof(a));
		epoll_wait(epoll, &ev, 1, -1);
		len = sizeof(value);
		if (i % 4 == 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len);
		else if (i % 4 == 1)
			setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value));
		else if (i % 4 == 2)
			getsockname(fd, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) });
		else
			recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) });
		found += stale(fd, epoll);
		close(epoll);
	}
	printf("%d stale events\n", found);
	return 0;
}

/* The same of a call that waits and is interrupted. */
static int interrupted(int rounds)
{
	struct sockaddr_in from;
	int found = 0;
	char byte;

	for (int i = 0; i < rounds; i++) {
		struct sockaddr_in a;
		int fd = bound_udp(&a), epoll = epoll_create1(0);
		struct epoll_event ev = { .events = EPOLLOUT };

		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
		interrupt_every(2000, 0);
		recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) });
		interrupt_every(0, 0);
		found += stale(fd, epoll);
		close(epoll);
	}
	printf("%d stale events\n", found);
	return 0;
}

/* ---- again: made again after a lost answer, a call writes its answer again ---- */

static int again(int rounds)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), value, wrong = 0;
	struct sockaddr_in a = loopback(0);
	socklen_t len, namelen;		/* of their own: who was interrupted may be written to a little later */
	struct ifreq nic = { .ifr_name = "lo" };
	struct ifconf all = { 0 };
	int queued;

	if (bind(s, (struct sockaddr *)&a, sizeof(a)))
		return 1;
	interrupt_every(50, 0);
	for (int i = 0; i < rounds; i++) {
		len = sizeof(a);
		value = -1;
		if (!getsockopt(s, SOL_SOCKET, SO_ERROR, &value, &len))
			wrong += value || len != sizeof(value);
		namelen = sizeof(a);
		memset(&a, 0, sizeof(a));
		if (!getsockname(s, (struct sockaddr *)&a, &namelen))
			wrong += a.sin_family != AF_INET || !a.sin_port;
		nic.ifr_ifindex = -1;
		if (!ioctl(s, SIOCGIFINDEX, &nic))
			wrong += nic.ifr_ifindex != 1;
		all.ifc_len = 0;
		all.ifc_buf = NULL;
		if (!ioctl(s, SIOCGIFCONF, &all))
			wrong += all.ifc_len < (int)sizeof(nic);
		queued = -1;
		if (!ioctl(s, SIOCOUTQ, &queued))
			wrong += queued != 0;
	}
	printf("%d answers not written\n", wrong);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int n);
	} kinds[] = {
		{ "lost", lost }, { "closed", closed }, { "interrupted", interrupted }, { "again", again },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			return kinds[i].fn(atoi(argv[2]));
	fprintf(stderr, "usage: callers KIND N\n");
	return 2;
}
