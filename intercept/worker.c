/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - the threads that answer calls.
 *
 * Theory of operation
 *
 * What a program passes may make who looks at it wait for as long as the program likes: a page that a
 * userfaultfd serves, an address space whose lock another thread of the program holds, a descriptor of a
 * FUSE file, which its server is asked to flush. And a program that does not run (stopped, frozen,
 * its cgroup's share used up) does not take a descriptor that it is given. So all of that is done by a pool
 * of threads: they receive notifications, fetch, take the stack's turn in order to act (loop_enter), and
 * finish; see call.h. A call costs two switches between threads, to the worker and back to the program, as
 * it would if the thread that forwards answered it.
 *
 * All workers wait in one epoll set. A listener is in it with EPOLLONESHOT, and armed again as soon as a
 * notification has been received, before anything is done about it: so one worker is woken for one
 * notification, and a worker that is stuck holds no other call up. When the last idle one takes a call, another
 * is started; beyond WORKERS_SOON only when the watchdog finds that all are busy still, since many calls at
 * once are no reason for many threads. The kernel wakes the worker that began to wait last, so workers that are
 * not needed get nothing to do; after LEAVE_AFTER they end, all but WORKERS_FIRST. On a busy machine that would
 * not be enough: one that is woken and does not run yet is none that waits, so each burst of calls reaches
 * them all. Whoever is done with a call ends, too, when WORKERS_SOON are idle without it.
 *
 * A process has its share of workers: what is beyond it waits, in a list, until one of its calls has ended. A
 * call of any process can thus be held up by WORKERS_MAX stuck ones, which takes some
 * WORKERS_MAX / (2 * WORKERS_SHARE) processes that conspire; forwarding cannot.
 *
 * Which locks a program can hold, and which operations take them:
 *
 *	mmap_lock, page faults			process_vm_readv, process_vm_writev
 *	exec_update_lock (a slow exec)		the same, pidfd_getfd
 *	the running of the caller		SECCOMP_IOCTL_NOTIF_ADDFD
 *	iolock of an AF_UNIX socket (a reader	recv, recvmsg on the program's end
 *	  that faults while it copies)
 *	the socket lock of its end (setsockopt	setsockopt on the program's end
 *	  that faults while it reads)
 *	FUSE_FLUSH, SO_LINGER			close of a copy of a descriptor that is none of ours
 *	the lock of an epoll set (a wait that	epoll_ctl on it, /proc/PID/fdinfo of it: epoll_move.c
 *	  faults while events are written)
 *
 * None of these is done in the stack's turn; where no call is there to do them, a worker runs an errand
 * (errand.c). Others take spinlocks only, or locks of the stack's own end: send on either end, shutdown,
 * poll, SIOCINQ, SIOCOUTQ; and SECCOMP_IOCTL_NOTIF_SEND and _ID_VALID, which are linear in the calls that wait.
 *
 * System calls: epoll_create1 epoll_ctl epoll_wait eventfd2 write futex clone mmap munmap mprotect
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "intercept/isock.h"

#define WORKER_STACK	(512u * 1024u)
#define STOP_PATIENCE	1	/* s */
#define LEAVE_AFTER	10000	/* ms */
#define POSTPONED_LOOK	256u

static uint32_t add(uint32_t *n, uint32_t by)
{
	return __atomic_add_fetch(n, by, __ATOMIC_ACQ_REL);
}

static uint32_t get(const uint32_t *n)
{
	return __atomic_load_n(n, __ATOMIC_ACQUIRE);
}

/* ---- the call under way, as others see it ---- */

static void worker_begin(struct worker *w, const struct call *c)
{
	struct pool *p = &w->ic->pool;
	uint64_t count = __atomic_load_n(&w->state, __ATOMIC_RELAXED) / WORKER_STATES + 1;

	__atomic_store_n(&w->id, c->id, __ATOMIC_RELAXED);
	__atomic_store_n(&w->listener, c->listener->fd, __ATOMIC_RELAXED);
	__atomic_store_n(&w->tid, c->tid, __ATOMIC_RELAXED);
	__atomic_store_n(&w->tgid, c->tgid, __ATOMIC_RELAXED);
	__atomic_store_n(&w->state, count * WORKER_STATES + WORKER_BUSY, __ATOMIC_RELEASE);
	if (!__atomic_load_n(&p->watched, __ATOMIC_RELAXED))
		watchdog_wake(p);
}

bool worker_rest(struct worker *w)
{
	struct pool *p = &w->ic->pool;
	uint64_t state = __atomic_load_n(&w->state, __ATOMIC_RELAXED);

	state = __atomic_exchange_n(&w->state, state - state % WORKER_STATES + WORKER_IDLE, __ATOMIC_ACQ_REL);
	if (state % WORKER_STATES != WORKER_OVERDUE)
		return false;
	/* it is answering at this moment: not before it is done the call may be freed */
	pthread_mutex_lock(&p->lock);
	pthread_mutex_unlock(&p->lock);
	return true;
}

/* ---- a process's share ---- */

static uint32_t working_for(struct pool *p, pid_t tgid)
{
	uint32_t n = 0;

	pthread_mutex_lock(&p->lock);
	list_for_each(pos, &p->workers)
		n += __atomic_load_n(&list_entry(pos, struct worker, node)->tgid, __ATOMIC_RELAXED) == tgid;
	pthread_mutex_unlock(&p->lock);
	return n;
}

bool pool_is_busy(struct pool *p)
{
	return get(&p->nbusy) > WORKERS_SHARE;
}

bool pool_has_share(struct pool *p, pid_t tgid)
{
	return working_for(p, tgid) >= WORKERS_SHARE;
}

/* Has its process its share already? Nobody asks as long as few work. */
static bool beyond_share(struct worker *w, struct call *c)
{
	if (!pool_is_busy(&w->ic->pool))
		return false;
	c->tgid = remote_tgid(c->tid);
	return c->tgid > 0 && pool_has_share(&w->ic->pool, c->tgid);
}

static void postpone(struct pool *p, struct call *c)
{
	turn_take(p->ic);
	c->worker = NULL;
	c->delayed = true;
	c->postponed = clock_now();
	list_add_tail(&c->wait_node, &p->postponed);
	add(&p->npostponed, 1);
	turn_give(p->ic);
}

/* One whose process has fewer at work than it may. */
static struct call *postponed_next(struct pool *p, struct worker *w)
{
	struct call *found = NULL;
	unsigned int looked = 0;

	turn_take(p->ic);
	list_for_each(n, &p->postponed) {
		struct call *c = list_entry(n, struct call, wait_node);

		if (looked++ == POSTPONED_LOOK)
			break;
		if (!pool_has_share(p, c->tgid)) {
			found = c;
			break;
		}
	}
	if (found) {
		list_del(&found->wait_node);
		add(&p->npostponed, (uint32_t)-1);
		found->worker = w;
		found->postponed = 0;
	}
	turn_give(p->ic);
	return found;
}

/* ---- work ---- */

/* A call that has waited, and may go on. */
static struct call *ready_next(struct worker *w)
{
	struct intercept *ic = w->ic;
	struct call *c = NULL;
	bool more = false;

	turn_take(ic);
	if (!list_empty(&ic->ready)) {
		c = list_first(&ic->ready, struct call, wait_node);
		list_del(&c->wait_node);
		c->worker = w;
		more = (!list_empty(&ic->ready) && !c->kind->quick) || !list_empty(&ic->errands);
	}
	turn_give(ic);
	if (more)
		pool_kick(&ic->pool);
	return c;
}

static void work_on(struct worker *w, struct call *c)
{
	struct pool *p = &w->ic->pool;
	bool look = false;

	for (;;) {
		if (!c && get(&p->npostponed))
			c = postponed_next(p, w);
		if (!c && look) {
			c = ready_next(w);
			look = false;
		}
		if (!c) {
			if (!get(&p->nerrands) || !errand_run(w))
				return;
			look = true;
		} else if (beyond_share(w, c)) {
			postpone(p, c);
		} else {
			worker_begin(w, c);
			look |= c->kind->quick;
			look |= call_run(c);
			__atomic_store_n(&w->tgid, 0, __ATOMIC_RELAXED);
		}
		c = NULL;
	}
}

static void work_event(struct worker *w, const struct epoll_event *ev)
{
	struct pool *p = &w->ic->pool;
	struct listener *l = ev->data.ptr;
	struct call *c;

	if (l && !(ev->events & EPOLLIN)) {
		listener_close(l);	/* nobody is left under this filter */
		return;
	}
	c = l ? notify_receive(w, l) : ready_next(w);
	if (!c && (l || !get(&p->nerrands)))
		return;
	if (add(&p->nbusy, 1) >= get(&p->nworkers)) {
		pthread_mutex_lock(&p->lock);
		pool_grow(p, WORKERS_SOON);
		pthread_mutex_unlock(&p->lock);
	}
	work_on(w, c);
	add(&p->nbusy, (uint32_t)-1);
}

static void worker_free(struct worker *w)
{
	remote_close(&w->remote);
	free(w->scratch);
	free(w);
}

static bool too_many(struct pool *p, uint32_t most)
{
	return get(&p->nworkers) > get(&p->nbusy) + most;
}

/* May this one go, since more than so many are idle? Not when the pool stops, since that waits for all. */
static bool worker_leave(struct worker *w, uint32_t most)
{
	struct pool *p = &w->ic->pool;
	bool leave;

	if (!too_many(p, most))
		return false;
	pthread_mutex_lock(&p->lock);
	leave = !p->stop && get(&p->nworkers) > WORKERS_FIRST && too_many(p, most);
	if (leave) {
		list_del(&w->node);
		add(&p->nworkers, (uint32_t)-1);
		pthread_detach(w->thread);
	}
	pthread_mutex_unlock(&p->lock);
	return leave;
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct pool *p = &w->ic->pool;
	struct epoll_event ev;
	int n;

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		n = epoll_wait(p->epfd, &ev, 1, get(&p->nworkers) > WORKERS_FIRST ? LEAVE_AFTER : -1);
		if (n == 1)
			work_event(w, &ev);
		if (n >= 0 && worker_leave(w, n ? WORKERS_SOON : 0)) {
			worker_free(w);
			return NULL;
		}
	}
	pool_kick(p);			/* the next one is to hear of it, too */
	return NULL;
}

/* ---- the pool ---- */

void pool_kick(struct pool *p)
{
	static const uint64_t one = 1;

	(void)!write(p->ready, &one, sizeof(one));
}

static int pool_event(struct pool *p, int op, int fd, uint32_t events, struct listener *l)
{
	struct epoll_event ev = { .events = events, .data.ptr = l };

	return epoll_ctl(p->epfd, op, fd, &ev) ? -errno : 0;
}

int pool_watch(struct pool *p, struct listener *l)
{
	return pool_event(p, l->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, l->fd, EPOLLIN | EPOLLONESHOT, l);
}

static struct worker *worker_new(struct intercept *ic)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->ic = ic;
	w->scratch = malloc(ISOCK_SCRATCH);
	remote_init(&w->remote);
	if (w->scratch)
		return w;
	free(w);
	return NULL;
}

/* With the pool's lock. */
static int worker_start(struct pool *p)
{
	struct worker *w = worker_new(p->ic);
	pthread_attr_t attr;
	int err;

	if (!w)
		return ENOMEM;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	err = pthread_create(&w->thread, &attr, worker_run, w);
	pthread_attr_destroy(&attr);
	if (err) {
		worker_free(w);
		return err;
	}
	list_add_tail(&w->node, &p->workers);
	add(&p->nworkers, 1);
	return 0;
}

/* Where there is no memory for it, calls wait until another one is idle. */
void pool_grow(struct pool *p, uint32_t most)
{
	if (!p->stop && get(&p->nbusy) >= get(&p->nworkers) && get(&p->nworkers) < most)
		worker_start(p);
}

int pool_init(struct pool *p, struct intercept *ic, struct weir_error *e)
{
	pthread_condattr_t attr;

	*p = (struct pool){ .ic = ic, .ready = -1, .lock = PTHREAD_MUTEX_INITIALIZER };
	list_init(&p->workers);
	list_init(&p->postponed);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	p->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epfd >= 0)
		p->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* edge triggered, so it is never read, and one worker is woken */
	if (p->ready >= 0 && !pool_event(p, EPOLL_CTL_ADD, p->ready, EPOLLIN | EPOLLET, NULL))
		return 0;
	weir_fail(e, errno, "cannot make an epoll set: %s", strerror(errno));
	pool_free(p);
	return -1;
}

int pool_start(struct pool *p, struct weir_error *e)
{
	int err = 0;

	/* what one thread has allocated another one frees: one arena, or each would keep its own */
	mallopt(M_ARENA_MAX, 1);
	pthread_mutex_lock(&p->lock);
	while (!err && p->nworkers < WORKERS_FIRST)
		err = worker_start(p);
	if (!err) {
		err = pthread_create(&p->watchdog, NULL, watchdog_run, p);
		p->started = !err;
	}
	pthread_mutex_unlock(&p->lock);
	return err ? limits_process_failed(e, err, "start the threads that answer calls") : 0;
}

/*
 * Programs are gone by now, and with them what a worker could wait for; but a file server outside of the
 * sandbox may be waited for longer.
 */
bool pool_stop(struct pool *p)
{
	struct timespec until;

	pthread_mutex_lock(&p->lock);
	__atomic_store_n(&p->stop, true, __ATOMIC_RELEASE);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pool_kick(p);
	if (p->started)
		pthread_join(p->watchdog, NULL);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_PATIENCE;
	list_for_each(n, &p->workers)
		if (pthread_clockjoin_np(list_entry(n, struct worker, node)->thread, NULL, CLOCK_MONOTONIC,
					 &until))
			return false;
	return true;
}

void pool_free(struct pool *p)
{
	list_for_each_safe(n, &p->workers) {
		list_del(n);
		worker_free(list_entry(n, struct worker, node));
	}
	pthread_cond_destroy(&p->wake);
	if (p->ready >= 0)
		close(p->ready);
	if (p->epfd >= 0)
		close(p->epfd);
}
