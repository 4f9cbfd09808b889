/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.c - an instance's beginning and end.
 *
 * Theory of operation
 *
 * Links are opened by a process that may do so; it forks, and the stack process starts the stack
 * on them with nothing but their descriptors. From then on the NIC has a copy of the struct
 * link; the one of struct instance_nic stays as it was opened, for the process that will close
 * it, and remembers what the device can do. Each descriptor is watched: readable, the NIC takes
 * frames in; writable, only while the link has refused some.
 *
 * A device that goes down tells it once: the error is taken with the next read, and traffic goes on
 * when the device does. One that was deleted may tell it for ever, whatever is read (a TAP's
 * descriptor does). A descriptor with too many errors is let rest for a while before it is watched
 * again: what has become of the device, its kernel tells (intercept/obey.c), and it may only flap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "control/instance.h"
#include "control/capture.h"
#include "control/parts.h"

#define LINK_ERRORS	64u		/* turns with an error within */
#define LINK_ERROR_TIME	1000000000u	/* ns: it is let rest for as long */

int instance_init(struct instance *inst, const char *name, const struct log *log,
		  const char *module_path, struct weir_error *e)
{
	memset(inst, 0, sizeof(*inst));
	if (strlen(name) >= sizeof(inst->name))
		return weir_fail(e, ENAMETOOLONG, "--name %s: use at most %zu characters", name,
				 sizeof(inst->name) - 1);
	strcpy(inst->name, name);
	inst->log = *log;
	inst->loop.epfd = -1;
	inst->owner = getuid();
	inst->allowed = CGROUP_UNLIMITED;
	list_init(&inst->nics);
	list_init(&inst->retired);
	list_init(&inst->captures);
	congestion_sets_init(&inst->congestions, &inst->registry);
	config_init(&inst->config);
	return registry_init(&inst->registry, module_path, &inst->log, e);
}

void instance_free(struct instance *inst)
{
	config_free(&inst->config);
	registry_destroy(&inst->registry);
	free(inst->config_file);
	for (size_t i = 0; i < inst->noverrides; i++)
		free(inst->overrides[i]);
	free(inst->overrides);
	annotations_free(&inst->annotations);
}

int instance_set_source(struct instance *inst, const char *config_file, char *const *overrides,
			size_t n, struct weir_error *e)
{
	if (config_file) {
		inst->config_file = realpath(config_file, NULL);
		if (!inst->config_file)
			return weir_fail(e, errno, "%s: %s", config_file, strerror(errno));
	}
	inst->overrides = calloc(n + 1, sizeof(*inst->overrides));
	if (!inst->overrides)
		return weir_fail(e, ENOMEM, "out of memory");
	for (; inst->noverrides < n; inst->noverrides++) {
		char *text = strdup(overrides[inst->noverrides]);

		if (!text)
			return weir_fail(e, ENOMEM, "out of memory");
		inst->overrides[inst->noverrides] = text;
	}
	return 0;
}

/* ---- links, with privilege ---- */

static void nic_free(struct instance_nic *n)
{
	list_del(&n->node);
	if (n->module)
		module_put(n->module);
	free(n->link.priv);
	free(n->params);
	free(n->addrs);
	free(n->routes);
	free(n->neighs);
	free(n);
}

/* What the INI says of addresses and routes. */
static int nic_configure(struct instance_nic *n, const struct config_link *c, struct weir_error *e)
{
	n->ip4 = (struct ip4_config) {
		.accept_redirects = c->ip4.accept_redirects,
		.secure_redirects = c->ip4.secure_redirects,
	};
	n->ip6 = (struct ip6_config) {
		.enabled = c->ip6.enabled,
		.accept_ra = c->ip6.accept_ra,
		.accept_redirects = c->ip6.accept_redirects,
		.eui64 = c->ip6.eui64,
		.has_secret = c->ip6.has_secret,
		.secret = ip6_secret(c->ip6.secret),
	};
	n->addrs = calloc(c->naddrs + 1, sizeof(*n->addrs));
	n->routes = calloc(c->nroutes + 1, sizeof(*n->routes));
	if (!n->addrs || !n->routes)
		return weir_fail(e, ENOMEM, "out of memory");
	for (; n->naddrs < c->naddrs; n->naddrs++)
		n->addrs[n->naddrs] = ifaddr_spec_of(&c->addrs[n->naddrs]);
	for (; n->nroutes < c->nroutes; n->nroutes++)
		n->routes[n->nroutes] = route_spec_of(&c->routes[n->nroutes]);
	return 0;
}

static int link_open(struct instance *inst, struct instance_nic *n, const struct config_link *c,
		     struct weir_error *e)
{
	const struct link_ops *ops = registry_get(&inst->registry, WEIR_KIND_LINK, c->driver,
						  &n->module, e);
	int rc;

	if (!ops)
		return -ENOENT;
	n->link.ops = ops;
	n->link.fd = -1;
	n->link.mtu = c->mtu;
	strcpy(n->link.name, c->name);
	n->link.priv = calloc(1, ops->priv_size + 1);
	n->params = calloc(1, ops->params_size + 1);
	if (!n->link.priv || !n->params)
		return weir_fail(e, ENOMEM, "out of memory");
	rc = params_parse(ops->params, c->settings, c->nsettings, NULL, n->params,
			  ops->params_size, e);
	if (rc == 0)
		rc = nic_configure(n, c, e);
	return rc ? rc : ops->open(&n->link, n->params, e);
}

struct instance_nic *instance_link_open(struct instance *inst, const struct config_link *c, struct weir_error *e)
{
	struct instance_nic *n = calloc(1, sizeof(*n));

	if (!n) {
		weir_fail(e, ENOMEM, "out of memory");
		return NULL;
	}
	n->instance = inst;
	list_init(&n->node);
	if (link_open(inst, n, c, e)) {
		weir_error_prefix(e, "[link %s]", c->name);
		nic_free(n);
		return NULL;
	}
	list_add_tail(&n->node, &inst->nics);
	return n;
}

int instance_open_links(struct instance *inst, struct weir_error *e)
{
	const struct config *config = &inst->config;
	struct module *m = NULL;
	const struct mode_ops *mode = registry_get(&inst->registry, WEIR_KIND_MODE, config->mode,
						   &m, e);
	bool intercept = mode && mode->intercept;

	if (!mode)
		return -ENOENT;
	module_put(m);
	if (!intercept)
		return 0;		/* the program uses the host's own stack */
	for (size_t i = 0; i < config->nlinks; i++)
		if (!instance_link_open(inst, &config->links[i], e)) {
			instance_close_links(inst);
			return -EINVAL;
		}
	return 0;
}

void instance_close_links(struct instance *inst)
{
	list_for_each_safe(pos, &inst->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (n->link.ops && n->link.ops->close)
			n->link.ops->close(&n->link);
		nic_free(n);
	}
}

/* ---- start and stop, without privilege ---- */

/* Does the error of n's descriptor stay, whatever is read from it? */
static bool error_stays(struct instance_nic *n)
{
	uint64_t now = n->instance->stack->env.now;

	if (now - n->error_since >= LINK_ERROR_TIME) {
		n->error_since = now;
		n->nerrors = 0;
	}
	return ++n->nerrors >= LINK_ERRORS;
}

static void link_watch(struct instance_nic *n)
{
	bool resting = timer_armed(&n->rest);

	if (n->io.loop)
		loop_mod(&n->io, resting ? 0 : n->nic->link_busy ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void link_rested(struct timer *t)
{
	link_watch(container_of(t, struct instance_nic, rest));
}

void instance_link_gone(struct instance_nic *n)
{
	if (n->nic->gone)
		return;
	loop_del(&n->io);
	n->down = true;
	nic_set_gone(n->nic);
	log_write(&n->instance->log, LOG_ERROR, "NIC %s: its device %s is gone, and the NIC with it%s",
		  n->link.name, n->link.host_device, n->taken ? "; the next one of its name is a new NIC" :
		  "; start a new sandbox on another device");
}

static void link_ready(struct loop_io *io, uint32_t events)
{
	struct instance_nic *n = container_of(io, struct instance_nic, io);
	struct env *env = &n->instance->stack->env;

	if (events & EPOLLOUT)
		nic_writable(n->nic);
	if (events & ~(uint32_t)EPOLLOUT)
		nic_receive(n->nic);
	if (events & (EPOLLERR | EPOLLHUP) && error_stays(n)) {
		timer_arm(&env->timers, &n->rest, env->now + LINK_ERROR_TIME);
		link_watch(n);
	}
}

static void link_want_write(struct nic *nic, bool on)
{
	(void)on;		/* as link_busy says */
	link_watch(nic->watcher);
}

static uint64_t spec_until(const struct instance *inst, uint32_t s)
{
	return s == SPEC_FOREVER ? IFADDR_FOREVER : inst->stack->env.now + s * UINT64_C(1000000000);
}

static int nic_addrs(struct instance *inst, struct instance_nic *n, bool taken, struct weir_error *e)
{
	int rc = 0;

	for (size_t i = 0; i < n->naddrs && rc == 0; i++) {
		const struct ifaddr_spec *s = &n->addrs[i];
		const struct ifaddr a = {
			.addr = s->addr, .prefix = s->prefix, .dynamic = s->dynamic,
			.temporary = s->temporary, .no_prefix_route = s->no_prefix_route,
			.no_broadcast = s->no_broadcast, .no_dad = s->no_dad,
			.preferred_until = spec_until(inst, s->preferred),
			.valid_until = spec_until(inst, s->valid),
		};

		if (s->taken == taken)
			rc = ip_ifaddr_add(&inst->stack->ip, n->nic, &a, e);
		rc = rc == -EEXIST ? 0 : rc;
	}
	return rc;
}

/* What a router promised only for a while is the NIC's IPv6's to keep. */
static void router_taken(struct instance_nic *n, const struct route_spec *r)
{
	if (r->prefix == 0 && ip_addr_is_linklocal(&r->gateway) && n->ip6.accept_ra)
		ip6_router_take(n->nic->ip6, &r->gateway, r->expires);
}

/* Addresses that were taken with the device are ours already: they come before IPv6 starts, which
 * looks for duplicates of the others. */
static int nic_names(struct instance *inst, struct instance_nic *n, struct weir_error *e)
{
	struct ip *ip = &inst->stack->ip;
	int rc = nic_addrs(inst, n, true, e);

	if (rc == 0 && (ip4_link_start(ip, n->nic, &n->ip4) || ip6_link_start(ip, n->nic, &n->ip6)))
		rc = weir_fail(e, ENOMEM, "out of memory");
	if (rc == 0)
		rc = nic_addrs(inst, n, false, e);
	for (int pass = 0; pass < 2; pass++)	/* a gateway needs the way to it first */
		for (size_t i = 0; i < n->nroutes && rc == 0; i++) {
			struct route r = route_of(&n->routes[i], n->nic);

			if (ip_addr_is_any(&r.gateway) != (pass == 0))
				continue;
			if (n->routes[i].expires) {
				router_taken(n, &n->routes[i]);
				continue;
			}
			rc = route_add(ip, &r, e);
			rc = rc == -EEXIST ? 0 : rc;
		}
	for (size_t i = 0; i < n->nneighs && rc == 0; i++)
		if (neighbour_set_permanent(ip_neighbours(ip, &n->neighs[i].addr), n->nic,
					    n->neighs[i].addr.b, n->neighs[i].lladdr))
			rc = weir_fail(e, ENOMEM, "out of memory");
	return rc;
}

static int nic_start(struct instance *inst, struct instance_nic *n, struct weir_error *e)
{
	const struct config_qdisc *c = config_qdisc(&inst->config, n->link.name);
	struct link link = n->link;
	struct qdisc *q;
	int rc;

	link.pool = &inst->stack->pool;
	rc = link.ops->attach ? link.ops->attach(&link, e) : 0;
	if (rc)
		return rc;
	n->nic = nic_create(&inst->stack->nics, &link, inst->config.gso, e);
	if (!n->nic) {
		if (link.ops->detach)
			link.ops->detach(&link);
		return -EINVAL;
	}
	if (n->index)
		nic_set_index(n->nic, n->index);
	q = qdisc_build(&inst->registry, n->nic, c->kind, c->settings, c->nsettings, e);
	if (!q) {
		if (c->origin)
			weir_error_prefix(e, "%s", c->origin);
		return -EINVAL;
	}
	if (c->origin)
		qdisc_number(q);	/* a default, which nobody asked for, has no number */
	nic_set_root(n->nic, q);
	n->nic->gro = inst->config.gro;
	n->nic->watcher = n;
	n->nic->want_write = link_want_write;
	timer_init(&n->rest, link_rested);
	nic_set_up(n->nic, mode_allows(inst->mode, n->nic));
	rc = nic_names(inst, n, e);
	if (rc || link.fd < 0)
		return rc;
	rc = loop_add(&inst->loop, &n->io, link.fd, EPOLLIN, link_ready);
	return rc ? weir_fail(e, -rc, "cannot watch it: %s", strerror(-rc)) : 0;
}

/* What a NIC needs that another process has opened. */
static int link_inherit(struct instance *inst, struct instance_nic *n, int fd, const char *driver, struct weir_error *e)
{
	const struct link_ops *ops = registry_get(&inst->registry, WEIR_KIND_LINK, driver, &n->module, e);

	if (!ops)
		return -ENOENT;
	n->link.ops = ops;
	n->link.fd = fd;
	n->link.priv = calloc(1, ops->priv_size + 1);
	n->params = calloc(1, ops->params_size + 1);
	if (!n->link.priv || !n->params)
		return weir_fail(e, ENOMEM, "out of memory");
	return params_parse(ops->params, NULL, 0, NULL, n->params, ops->params_size, e);
}

static void retire(struct instance *inst, const char *name)
{
	list_for_each_safe(pos, &inst->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (!n->nic || !n->nic->gone || strcmp(n->link.name, name))
			continue;
		list_del(pos);
		list_add_tail(pos, &inst->retired);
	}
}

int instance_link_start(struct instance *inst, const struct instance_nic *like, int fd,
			const char *driver, struct weir_error *e)
{
	struct instance_nic *n = calloc(1, sizeof(*n));
	int rc = n ? 0 : weir_fail(e, ENOMEM, "out of memory");

	if (n) {
		*n = *like;
		n->instance = inst;
		n->module = NULL;
		list_init(&n->node);
		rc = link_inherit(inst, n, fd, driver, e);
	}
	if (rc == 0)
		rc = nic_start(inst, n, e);
	if (n && n->nic && rc) {	/* as one whose device is gone */
		nic_set_gone(n->nic);
		list_add_tail(&n->node, &inst->retired);
		return rc;
	}
	if (rc) {
		if (n)
			nic_free(n);
		close(fd);
		return rc;
	}
	retire(inst, n->link.name);
	list_add_tail(&n->node, &inst->nics);
	return 0;
}

static struct tcp_sizes sizes_of(const uint64_t v[3])
{
	return (struct tcp_sizes){ (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2] };
}

static uint32_t seconds_of(uint64_t ns)
{
	return (uint32_t)(ns / 1000000000u);
}

void instance_transports_apply(struct instance *inst, const struct config *c)
{
	const struct config_tcp *t = &c->tcp;
	struct tcp_sizes rmem = sizes_of(t->rmem), wmem = sizes_of(t->wmem);
	struct tcp_marks mem = { t->memory[0], t->memory[1], t->memory[2] };
	struct tcp *tcp = &inst->stack->tcp;

	inst->stack->ip.sock_memory.marks = (struct sock_marks){
		c->datagram_memory[0], c->datagram_memory[1], c->datagram_memory[2],
	};
	tcp_set_memory(tcp, &rmem, &wmem, &mem);
	tcp->ecn = (uint8_t)t->ecn;
	tcp->sack = t->sack;
	tcp->timestamps = t->timestamps;
	tcp->window_scaling = t->window_scaling;
	tcp->syn_cookies = (uint8_t)t->syn_cookies;
	tcp->fastopen.flags = t->fastopen;	/* the choices are its bits */
	tcp->mtu_probing = (uint8_t)t->mtu_probing;
	tcp->tw_reuse = (uint8_t)t->tw_reuse;
	tcp->max_syn_backlog = t->max_syn_backlog;
	tcp->syn_retries = t->syn_retries;
	tcp->synack_retries = t->synack_retries;
	tcp->fin_timeout = t->fin_timeout;
	tcp->keepidle = seconds_of(t->keepalive_time);
	tcp->keepintvl = seconds_of(t->keepalive_interval);
	tcp->keepcnt = t->keepalive_probes;
}

/*
 * [weir] memory is for all that programs and peers may have waiting. The stack's own packets and buffers get
 * three quarters; the rest is for what lies between the stack and programs, in the kernel's memory
 * (intercept/unread.c). Where nobody says how much, a control group's limit is shared with the
 * programs and their executables, and with sockets (intercept_set_memory).
 */
uint64_t instance_pool(const struct instance *inst, const struct config *c)
{
	uint64_t memory = c->memory ? c->memory : CONFIG_MEMORY_DEFAULT;

	if (!c->memory && memory > inst->allowed / 8 * 3)
		memory = inst->allowed / 8 * 3;
	if (memory < CONFIG_MEMORY_MIN)
		memory = CONFIG_MEMORY_MIN;
	return memory / 4 * 3;
}

static int stack_start(struct instance *inst, struct weir_error *e)
{
	struct config *c = &inst->config;
	struct congestion_set *cc;
	struct stack_config sc = {
		.now = clock_now(), .log = inst->log, .memory = instance_pool(inst, c),
		.random = { .fill = random_system, .arg = &inst->random },
		.qdiscs = &inst->kinds,
	};

	memset(&inst->random, 0, sizeof(inst->random));

	inst->mode = registry_get(&inst->registry, WEIR_KIND_MODE, c->mode, &inst->mode_module, e);
	if (!inst->mode)
		return -ENOENT;
	cc = congestion_set_get(&inst->congestions, c->congestion, c->congestion_settings,
				c->ncongestion_settings, &inst->congestion_module, e);
	if (!cc) {
		weir_error_prefix(e, "[tcp] congestion = %s", c->congestion);
		return -ENOENT;
	}
	registry_qdisc_kinds(&inst->registry, &inst->kinds);
	congestion_sets_kinds(&inst->congestions, &inst->congestion_kinds);
	sc.congestion = cc->ops;
	sc.congestion_params = cc->params;
	inst->started = sc.now;
	inst->stack = stack_create(&sc, e);
	if (!inst->stack)
		return -ENOMEM;
	inst->stack->tcp.kinds = &inst->congestion_kinds;
	instance_transports_apply(inst, c);
	return loop_init(&inst->loop, &inst->stack->env, e);
}

int instance_start(struct instance *inst, struct weir_error *e)
{
	int rc = stack_start(inst, e);

	list_for_each(pos, &inst->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (rc)
			break;
		rc = nic_start(inst, n, e);
		if (rc)
			weir_error_prefix(e, "NIC %s", n->link.name);
	}
	if (rc == 0)
		rc = instance_check_qdiscs(inst, &inst->config, e);
	if (rc)
		instance_stop(inst);
	return rc;
}

void instance_stop(struct instance *inst)
{
	captures_stop(inst);
	list_splice_tail(&inst->retired, &inst->nics);
	list_for_each(pos, &inst->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (n->io.loop)
			loop_del(&n->io);
		if (n->nic) {		/* the driver's state may be a reloaded one's by now */
			timer_cancel(&inst->stack->env.timers, &n->rest);
			n->link.priv = n->nic->link.priv;
			n->link.ops = n->nic->link.ops;
		}
		n->nic = NULL;
	}
	if (inst->stack)
		stack_destroy(inst->stack);
	inst->stack = NULL;
	if (inst->loop.epfd >= 0)
		loop_close(&inst->loop);
	inst->loop.epfd = -1;
	congestion_sets_free(&inst->congestions);
	if (inst->congestion_module)
		module_put(inst->congestion_module);
	if (inst->mode_module)
		module_put(inst->mode_module);
	inst->congestion_module = inst->mode_module = NULL;
	inst->mode = NULL;
}
