/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hammer.c - a hostile program: random socket calls with random arguments from many threads, whose
 * answers are often lost.
 *
 *	hammer SEED CALLS PROCESSES THREADS [PEER]
 *
 * Theory of operation
 *
 * The first process keeps PROCESSES others alive until together they have made CALLS calls. Each has
 * THREADS threads. A thread makes one random call after the other on a small table of descriptors
 * that all threads of its process share: sockets of every sort, a pipe, a file, and numbers that name
 * nothing. A timer of its own interrupts it every 30 us to 3 ms, by a handler without SA_RESTART half
 * of the time. So calls are interrupted at any moment: before they were taken, while they are worked
 * on, while they wait, when the answer has just been given.
 *
 * Pointers lead into an arena of pages. One thread of each process, the vandal, takes pages away,
 * makes them read-only and gives them back; it closes descriptors, puts others in their places, and
 * sends some through a pair of AF_UNIX sockets. And the first process kills the others without
 * warning, again and again.
 *
 * PEER is an IPv4 address that some of the calls are about, beside the loopback ones. Run on another stack
 * with the address of the sandbox, hammer is that peer.
 *
 * Nothing is expected of the results, but that the first process gets to its end. What the stack
 * process says and keeps afterwards is for the test to judge.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FDS		48u		/* numbers FD_FIRST ... that threads share */
#define FD_FIRST	64
#define PAGES		16u
#define PAGE		4096u
#define PORTS		8u		/* few, so that sockets meet */
#define PORT_FIRST	4000u
#define KILL_EVERY	20000000l	/* ns between kills, about */

struct shared {				/* by all processes */
	_Atomic uint64_t calls;
	uint64_t most;
};

struct process {
	struct shared *shared;
	uint8_t *arena;
	int pair[2];			/* descriptors in flight */
	uint64_t seed;
	unsigned int threads;
	struct in_addr peer;
};

struct thread {
	struct process *process;
	uint64_t random;
};

/* ---- randomness: xorshift64* ---- */

static uint64_t next(struct thread *t)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return t->random * UINT64_C(2685821657736338717);
}

static unsigned int below(struct thread *t, unsigned int n)
{
	return (unsigned int)(next(t) >> 33) % n;
}

static bool one_in(struct thread *t, unsigned int n)
{
	return !below(t, n);
}

/* ---- arguments ---- */

static int any_fd(struct thread *t)
{
	return one_in(t, 40) ? (int)next(t) : FD_FIRST + (int)below(t, FDS);
}

/* Room for len bytes in the arena, often at the very end of a page; sometimes no memory at all. */
static void *any_memory(struct thread *t, size_t len)
{
	uint8_t *page = t->process->arena + PAGE * below(t, PAGES);

	if (one_in(t, 30))
		return one_in(t, 2) ? NULL : (void *)(uintptr_t)next(t);
	if (one_in(t, 4))
		return page + PAGE - (len < PAGE ? len : PAGE);
	return page + below(t, PAGE / 2);
}

static unsigned int any_length(struct thread *t)
{
	static const unsigned int special[] = { 0, 1, 2, 4, 16, 28, 128, 256, 1400, 4096, 65507, 65536,
						262145, 1u << 30, 0x7fffffff, 0x80000000, 0xffffffff };

	return one_in(t, 3) ? special[below(t, sizeof(special) / sizeof(special[0]))] : below(t, 3000);
}

static uint32_t any_port(struct thread *t)
{
	return htons((uint16_t)(PORT_FIRST + below(t, PORTS)));
}

/* The arena may be taken away at any moment: filling it is left to the kernel, which says EFAULT. */
static void put(void *at, const void *from, size_t n)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return;
	if (write(fds[1], from, n) == (ssize_t)n)
		(void)!read(fds[0], at, n);
	close(fds[0]);
	close(fds[1]);
}

static void *any_name(struct thread *t, socklen_t *len)
{
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_ll ll;
		struct sockaddr_nl nl;
		uint8_t noise[128];
	} name = { .noise = { 0 } };
	void *at = any_memory(t, sizeof(name));

	switch (below(t, 8)) {
	case 0: case 1: case 2:
		name.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = (in_port_t)any_port(t),
						.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		if (one_in(t, 2))
			name.in.sin_addr = t->process->peer;
		*len = sizeof(name.in);
		break;
	case 3:
		name.in = (struct sockaddr_in){ .sin_family = one_in(t, 2) ? AF_INET : AF_UNSPEC,
						.sin_port = (in_port_t)any_port(t) };
		*len = sizeof(name.in);
		break;
	case 4: case 5:
		name.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = (in_port_t)any_port(t),
						  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		*len = sizeof(name.in6);
		break;
	case 6:
		name.nl.nl_family = AF_NETLINK;
		*len = sizeof(name.nl);
		break;
	default:
		for (size_t i = 0; i < sizeof(name); i++)
			name.noise[i] = (uint8_t)next(t);
		*len = below(t, sizeof(name));
	}
	put(at, &name, sizeof(name));
	if (one_in(t, 20))
		*len = any_length(t);
	return at;
}

static void *any_room(struct thread *t, void **lenp)
{
	int room = one_in(t, 8) ? (int)any_length(t) : 28;

	*lenp = any_memory(t, sizeof(room));
	put(*lenp, &room, sizeof(room));
	return any_memory(t, 28);
}

static int any_flags(struct thread *t)
{
	static const int flags[] = { MSG_PEEK, MSG_TRUNC, MSG_OOB, MSG_DONTWAIT, MSG_WAITALL, MSG_NOSIGNAL, MSG_MORE,
				     MSG_ERRQUEUE, MSG_FASTOPEN };
	int all = one_in(t, 4) ? 0 : MSG_DONTWAIT;

	for (unsigned int i = below(t, 3); i; i--)
		all |= flags[below(t, sizeof(flags) / sizeof(flags[0]))];
	return one_in(t, 50) ? (int)next(t) : all;
}

static struct msghdr any_message(struct thread *t)
{
	struct iovec iov[4];
	struct msghdr m = { .msg_iovlen = below(t, 4) };

	for (size_t i = 0; i < m.msg_iovlen; i++) {
		iov[i].iov_len = any_length(t);
		iov[i].iov_base = any_memory(t, iov[i].iov_len);
	}
	m.msg_iov = any_memory(t, sizeof(iov));
	put(m.msg_iov, iov, sizeof(iov));
	if (one_in(t, 2))
		m.msg_name = any_name(t, &m.msg_namelen);
	if (one_in(t, 3)) {
		m.msg_controllen = any_length(t);
		m.msg_control = any_memory(t, m.msg_controllen);
	}
	if (one_in(t, 30))
		m.msg_iovlen = any_length(t);
	return m;
}

/* ---- calls ---- */

static void keep(struct thread *t, long fd)
{
	if (fd < 0)
		return;
	dup3((int)fd, FD_FIRST + (int)below(t, FDS), O_CLOEXEC);
	close((int)fd);
}

static void call_socket(struct thread *t)
{
	static const int families[] = { AF_INET, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET };
	int type = one_in(t, 2) ? SOCK_STREAM : one_in(t, 2) ? SOCK_DGRAM : (int)below(t, 12);

	keep(t, socket(families[below(t, 5)], type | (one_in(t, 2) ? SOCK_NONBLOCK : 0), (int)below(t, 3) * 17 % 20));
}

static void call_name(struct thread *t, int which, int fd)
{
	socklen_t len;
	void *name = any_name(t, &len), *lenp;

	if (which == SYS_bind || which == SYS_connect) {
		syscall(which, fd, name, len);
		return;
	}
	name = any_room(t, &lenp);
	if (which == SYS_accept4)
		keep(t, syscall(which, fd, one_in(t, 2) ? name : NULL, lenp, below(t, 2) * SOCK_NONBLOCK));
	else
		syscall(which, fd, name, lenp);
}

static void call_option(struct thread *t, int fd)
{
	static const int levels[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, SOL_NETLINK, SOL_PACKET };
	int level = levels[below(t, 7)], name = (int)below(t, 80);
	void *lenp, *value = any_room(t, &lenp);

	if (level == SOL_SOCKET && name == SO_LINGER && one_in(t, 2)) {
		struct linger now = { 1, 0 };

		put(value, &now, sizeof(now));
		syscall(SYS_setsockopt, fd, level, name, value, sizeof(now));
	} else if (one_in(t, 2)) {
		syscall(SYS_setsockopt, fd, level, name, value, one_in(t, 2) ? 4 : any_length(t));
	} else {
		syscall(SYS_getsockopt, fd, level, name, value, lenp);
	}
}

static void call_transfer(struct thread *t, int fd)
{
	unsigned int len = any_length(t);
	void *bytes = any_memory(t, len), *lenp, *name;
	socklen_t namelen;

	if (one_in(t, 2)) {
		name = any_name(t, &namelen);
		syscall(SYS_sendto, fd, bytes, len, any_flags(t), one_in(t, 3) ? NULL : name, namelen);
	} else {
		name = any_room(t, &lenp);
		syscall(SYS_recvfrom, fd, bytes, len, any_flags(t), one_in(t, 3) ? NULL : name, lenp);
	}
}

static void call_message(struct thread *t, int fd)
{
	struct mmsghdr many[3];
	unsigned int n = 1 + below(t, 3);
	void *at = any_memory(t, sizeof(many));

	for (unsigned int i = 0; i < n; i++)
		many[i] = (struct mmsghdr){ .msg_hdr = any_message(t) };
	put(at, many, n * sizeof(many[0]));
	switch (below(t, 4)) {
	case 0:
		syscall(SYS_sendmsg, fd, at, any_flags(t));
		break;
	case 1:
		syscall(SYS_recvmsg, fd, at, any_flags(t));
		break;
	case 2:
		syscall(SYS_sendmmsg, fd, at, one_in(t, 20) ? any_length(t) : n, any_flags(t));
		break;
	default:
		syscall(SYS_recvmmsg, fd, at, one_in(t, 20) ? any_length(t) : n, any_flags(t), NULL);
	}
}

static void call_ioctl(struct thread *t, int fd)
{
	static const unsigned long requests[] = { 0x8910, 0x8912, 0x8913, 0x8915, 0x8921, 0x8927, 0x8933, 0x8906, 0x541b, 0x5411 };
	struct ifreq r = { .ifr_name = "lo" };
	void *at = any_memory(t, sizeof(r));

	put(at, &r, sizeof(r));
	syscall(SYS_ioctl, fd, requests[below(t, 10)], at);
}

static void call_any(struct thread *t)
{
	int fd = any_fd(t);
	uint8_t byte[64] = { 0 };

	switch (below(t, 18)) {
	case 0: case 1:
		call_socket(t);
		break;
	case 2:
		call_name(t, SYS_bind, fd);
		break;
	case 3: case 4:
		call_name(t, SYS_connect, fd);
		break;
	case 5:
		syscall(SYS_listen, fd, below(t, 4));
		break;
	case 6: case 7:
		call_name(t, SYS_accept4, fd);
		break;
	case 8:
		call_name(t, one_in(t, 2) ? SYS_getsockname : SYS_getpeername, fd);
		break;
	case 9: case 10:
		call_option(t, fd);
		break;
	case 11: case 12:
		call_transfer(t, fd);
		break;
	case 13: case 14:
		call_message(t, fd);
		break;
	case 15:
		call_ioctl(t, fd);
		break;
	case 16:
		syscall(SYS_shutdown, fd, below(t, 4));
		break;
	default:		/* the kernel's own work on the same sockets */
		if (one_in(t, 2))
			(void)!send(fd, byte, below(t, sizeof(byte)), MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			(void)!recv(fd, byte, sizeof(byte), MSG_DONTWAIT);
	}
}

/* ---- threads ---- */

static void interrupted(int sig)
{
	(void)sig;
}

static void start_timer(struct thread *t)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = one_in(t, 2) ? SIGUSR1 : SIGUSR2 };
	long ns = 30000 + (long)below(t, 3000000);
	struct itimerspec every = { { 0, ns }, { 0, ns } };
	timer_t timer;

	ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (!timer_create(CLOCK_MONOTONIC, &ev, &timer))
		timer_settime(timer, 0, &every, NULL);
}

static void *run(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->process->shared;

	start_timer(t);
	while (s->calls++ < s->most)
		call_any(t);
	return NULL;
}

static void pass_on(struct thread *t)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { control, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = any_fd(t);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(t->process->pair[0], &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	m.msg_controllen = sizeof(control);
	if (one_in(t, 2) && recvmsg(t->process->pair[1], &m, MSG_DONTWAIT) > 0 && (c = CMSG_FIRSTHDR(&m)) &&
	    c->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		keep(t, fd);
	}
}

static void *vandalise(void *arg)
{
	struct thread *t = arg;
	struct process *p = t->process;
	int fds[2];

	while (p->shared->calls < p->shared->most) {
		uint8_t *page = p->arena + PAGE * below(t, PAGES);

		switch (below(t, 8)) {
		case 0:
			munmap(page, PAGE);
			break;
		case 1:
			mprotect(page, PAGE, one_in(t, 2) ? PROT_READ : PROT_NONE);
			break;
		case 2: case 3:
			mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 4:
			close(FD_FIRST + (int)below(t, FDS));
			break;
		case 5:
			dup3(FD_FIRST + (int)below(t, FDS), FD_FIRST + (int)below(t, FDS), O_CLOEXEC);
			break;
		case 6:
			if (!pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
				keep(t, fds[0]);
				keep(t, fds[1]);
			}
			break;
		default:
			pass_on(t);
		}
		usleep(below(t, 200));
	}
	return NULL;
}

static void process_main(struct process *p)
{
	struct sigaction plain = { .sa_handler = interrupted }, restart = { .sa_handler = interrupted, .sa_flags = SA_RESTART };
	struct thread *threads = calloc(p->threads + 1, sizeof(*threads));
	pthread_t *ids = calloc(p->threads + 1, sizeof(*ids));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &plain, NULL);
	sigaction(SIGUSR2, &restart, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGURG, SIG_IGN);
	p->arena = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!threads || !ids || p->arena == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p->pair))
		_exit(1);
	for (unsigned int i = 0; i <= p->threads; i++) {
		threads[i] = (struct thread){ p, (p->seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1 };
		if (pthread_create(&ids[i], NULL, i ? run : vandalise, &threads[i]))
			_exit(1);
	}
	for (unsigned int i = 0; i <= p->threads; i++)
		pthread_join(ids[i], NULL);
	_exit(0);
}

static pid_t start(struct process *p)
{
	pid_t pid;

	p->seed += 1000;
	pid = fork();
	if (!pid)
		process_main(p);
	return pid;
}

int main(int argc, char **argv)
{
	struct process p = { .seed = argc > 4 ? strtoull(argv[1], NULL, 0) : 0 };
	unsigned int n = argc > 4 ? (unsigned int)atoi(argv[3]) : 0, killed = 0;
	struct thread mine = { .random = p.seed * 2 + 1 };
	pid_t pids[64];

	if (!n || n > 64 || !inet_aton(argc > 5 ? argv[5] : "127.0.0.1", &p.peer)) {
		fprintf(stderr, "usage: hammer SEED CALLS PROCESSES THREADS [PEER]\n");
		return 2;
	}
	p.threads = (unsigned int)atoi(argv[4]);
	p.shared = mmap(NULL, sizeof(*p.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p.shared == MAP_FAILED)
		return 2;
	p.shared->most = strtoull(argv[2], NULL, 0);
	for (unsigned int i = 0; i < n; i++)
		pids[i] = start(&p);
	while (p.shared->calls < p.shared->most) {
		unsigned int i = below(&mine, n);
		struct timespec pause = { 0, KILL_EVERY / 2 + (long)below(&mine, KILL_EVERY) };

		nanosleep(&pause, NULL);
		if (pids[i] <= 0)
			return 2;
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		killed++;
		pids[i] = start(&p);
	}
	/* some may wait for ever: a blocking accept on a socket that is not interrupted any more */
	for (unsigned int i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	printf("%llu calls, %u processes killed\n", (unsigned long long)p.shared->most, killed);
	return 0;
}
