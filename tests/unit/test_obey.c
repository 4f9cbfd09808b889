/* SPDX-License-Identifier: Apache-2.0 */
/* test_obey.c - what the front tells of devices becomes of NICs, without devices: set down and up, deleted, changed, new. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "instance_world.h"
#include "intercept/adopt.h"
#include "tests/suite.h"

static struct instance inst;
static struct module *driver;		/* loaded already, as where a device was taken at the start */
static struct obey *obey;
static int front;

static void setup(void)
{
	struct weir_error e = { "" };
	int pair[2];

	ck_assert_msg(!world_init(&inst, &e), "%s", e.text);
	ck_assert_msg(registry_get(&inst.registry, WEIR_KIND_LINK, "packet", &driver, &e) != NULL, "%s", e.text);
	ck_assert_msg(!world_start(&inst, &e), "%s", e.text);
	strcpy(list_first(&inst.nics, struct instance_nic, node)->link.host_device, "eth0");
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	front = pair[0];
	obey = obey_create(&inst, pair[1], &e);
	ck_assert_ptr_nonnull(obey);
}

static void teardown(void)
{
	obey_destroy(obey);
	close(front);
	module_put(driver);
	world_stop(&inst);
}

static void tell(const struct follow_msg *m)
{
	ck_assert_int_eq(send(front, m, sizeof(*m), 0), sizeof(*m));
	loop_turn(&inst.loop);
}

static struct nic *nic_of(const char *name)
{
	return nic_find(&inst.stack->nics, name);
}

static struct ip_addr address(const char *text)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, text, b) == 1) {
		uint32_t be;

		memcpy(&be, b, sizeof(be));
		return ip_addr_v4(be);
	}
	ck_assert_int_eq(inet_pton(AF_INET6, text, b), 1);
	return ip_addr_read(b);
}

/* A NIC as it is, to be changed. */
static struct follow_msg link_of(const char *nic)
{
	struct follow_msg m;
	const struct nic *n = nic_of(nic);

	memset(&m, 0, sizeof(m));
	m.kind = FOLLOW_LINK;
	snprintf(m.nic, sizeof(m.nic), "%s", nic);
	snprintf(m.link.name, sizeof(m.link.name), "%s", nic);
	m.link.up = m.link.carrier = true;
	m.link.mtu = n->mtu;
	m.link.operstate = 6;
	memcpy(m.link.addr, n->addr, sizeof(m.link.addr));
	return m;
}

static struct follow_msg taken_of(enum follow_kind kind, const char *nic, const char *addr, uint8_t prefix)
{
	struct follow_msg m;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	snprintf(m.nic, sizeof(m.nic), "%s", nic);
	m.taken.addr = address(addr);
	m.taken.prefix = prefix;
	m.taken.preferred = m.taken.valid = TAKEN_FOREVER;
	m.taken.gateway = m.taken.prefsrc = ip_addr_any(ip_addr_is_v4(&m.taken.addr) ? AF_INET : AF_INET6);
	return m;
}

static bool has_addr(const char *nic, const char *addr)
{
	struct ip_addr a = address(addr);

	return ifaddr_find(nic_of(nic), &a) != NULL;
}

static const struct nic *way_to(const char *addr)
{
	struct flow f = { .dst = address(addr) };
	struct dst d;

	f.src = ip_addr_any(ip_addr_is_v4(&f.dst) ? AF_INET : AF_INET6);
	return route_lookup(&inst.stack->ip, &f, &d) ? NULL : d.nic;
}

START_TEST(down_and_up)
{
	struct follow_msg m = link_of("eth0");

	ck_assert_ptr_eq(way_to("8.8.8.8"), nic_of("eth0"));
	m.link.up = m.link.carrier = false;
	tell(&m);
	ck_assert(!nic_of("eth0")->up);
	ck_assert(has_addr("eth0", "10.0.0.2"));
	ck_assert_ptr_null(way_to("8.8.8.8"));
	m.link.up = m.link.carrier = true;
	tell(&m);
	ck_assert(nic_of("eth0")->up);
	ck_assert_ptr_eq(way_to("10.0.0.9"), nic_of("eth0"));
	ck_assert_ptr_null(way_to("8.8.8.8"));		/* nor does a route by a gateway come back */
}
END_TEST

START_TEST(carrier)
{
	struct follow_msg m = link_of("eth0");

	m.link.carrier = false;
	tell(&m);
	ck_assert(nic_of("eth0")->up && !nic_of("eth0")->carrier);
	ck_assert_ptr_eq(way_to("8.8.8.8"), nic_of("eth0"));
	m.link.carrier = true;
	tell(&m);
	ck_assert(nic_of("eth0")->carrier);
}
END_TEST

START_TEST(mtu_name_and_link_address)
{
	struct follow_msg m = link_of("eth0");
	struct nic *eth0 = nic_of("eth0");

	strcpy(m.link.name, "lan0");
	m.link.mtu = 1400;
	m.link.addr[5] = 0x77;
	tell(&m);
	ck_assert_ptr_eq(nic_of("lan0"), eth0);
	ck_assert_uint_eq(eth0->mtu, 1400);
	ck_assert_uint_eq(eth0->addr[5], 0x77);
	m.link.mtu = 20;			/* no MTU that IPv4 can work with */
	m.link.addr[0] |= 1;			/* no station's address */
	tell(&m);
	ck_assert_uint_eq(eth0->mtu, NIC_MTU_MIN);
	ck_assert_uint_eq(eth0->addr[0] & 1, 0);
}
END_TEST

START_TEST(set_on_it)
{
	struct follow_msg m = taken_of(FOLLOW_ADDR, "eth0", "10.1.0.2", 24);

	tell(&m);
	ck_assert_ptr_eq(way_to("10.1.0.7"), nic_of("eth0"));
	m = taken_of(FOLLOW_ROUTE, "eth0", "192.168.0.0", 16);
	m.taken.gateway = address("10.1.0.1");
	m.taken.metric = 7;
	tell(&m);
	ck_assert_ptr_eq(way_to("192.168.1.1"), nic_of("eth0"));
	tell(&m);				/* once more: as good */
	m.kind = FOLLOW_ROUTE_GONE;
	tell(&m);
	tell(&m);
	m = taken_of(FOLLOW_NEIGH, "eth0", "10.0.0.50", 32);
	m.taken.lladdr[0] = 2;
	tell(&m);
	m.kind = FOLLOW_NEIGH_GONE;
	tell(&m);
	tell(&m);
	m = taken_of(FOLLOW_ADDR, "nobody", "10.2.0.2", 24);
	tell(&m);				/* of no NIC here */
	ck_assert(!has_addr("eth0", "10.2.0.2"));
}
END_TEST

static void ck_gone(const char *name)
{
	struct follow_msg m = link_of(name);

	m.link.gone = true;
	m.link.up = m.link.carrier = false;
	tell(&m);
	tell(&m);
	ck_assert_ptr_null(nic_of(name));
}

START_TEST(deleted)
{
	struct weir_error e = { "" };

	ck_gone("eth0");
	ck_assert_ptr_null(way_to("10.0.0.9"));
	ck_assert_ptr_nonnull(instance_nic_find(&inst, "eth0", &e));	/* weir ctl knows it */
}
END_TEST

/* A device that is new; fd: what carries its frames. */
static void tell_new(const char *name, unsigned int index, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct follow_msg m;
	struct iovec iov = { &m, sizeof(m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct adopted o;

	memset(&m, 0, sizeof(m));
	memset(&o, 0, sizeof(o));
	m.kind = FOLLOW_NEW;
	snprintf(m.nic, sizeof(m.nic), "%s", name);
	snprintf(o.link.name, sizeof(o.link.name), "%s", name);
	snprintf(o.link.host_device, sizeof(o.link.host_device), "%s", name);
	o.link.mtu = 1500;
	o.link.addr[0] = 2;
	o.ip6.enabled = true;
	o.index = index;
	memcpy(m.opened, &o, sizeof(o));
	if (fd >= 0) {
		memcpy(CMSG_DATA(&room.align), &fd, sizeof(fd));
		msg.msg_control = &room;
		msg.msg_controllen = sizeof(room.bytes);
	}
	ck_assert_int_eq(sendmsg(front, &msg, 0), sizeof(m));
	loop_turn(&inst.loop);
}

START_TEST(new_devices)
{
	int wire[2];
	struct follow_msg m;
	const struct nic *first;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, wire), 0);
	tell_new("eth1", 7, -1);
	ck_assert_ptr_null(nic_of("eth1"));	/* its descriptor did not come along */
	tell_new("eth1", 7, wire[0]);
	first = nic_of("eth1");
	ck_assert_ptr_nonnull(first);
	ck_assert_uint_eq(first->index, 7);
	m = link_of("eth1");
	tell(&m);
	m = taken_of(FOLLOW_ADDR, "eth1", "10.9.0.2", 24);
	tell(&m);
	ck_assert_ptr_eq(way_to("10.9.0.1"), first);
	m = taken_of(FOLLOW_ADDR, "eth1", "fd00::2", 64);
	m.taken.no_dad = true;
	tell(&m);
	ck_assert_ptr_eq(way_to("fd00::7"), first);
	m = link_of("eth1");
	m.link.up = m.link.carrier = false;
	tell(&m);
	ck_assert(!has_addr("eth1", "fd00::2"));	/* set down: as on Linux, of IPv6 only */
	ck_assert(has_addr("eth1", "10.9.0.2"));
	m.link.up = m.link.carrier = true;
	tell(&m);
	ck_assert_ptr_eq(way_to("10.9.0.1"), first);
	tell_new("eth1", 8, wire[0]);		/* a name that is taken */
	ck_assert_ptr_eq(nic_of("eth1"), first);
	ck_gone("eth1");
	ck_assert_ptr_eq(way_to("10.9.0.1"), nic_of("eth0"));	/* the default */
	tell_new("eth1", 7, wire[0]);
	ck_assert_ptr_nonnull(nic_of("eth1"));
	ck_assert_ptr_ne(nic_of("eth1"), first);
	ck_assert_uint_eq(nic_of("eth1")->index, 7);
	ck_assert(!has_addr("eth1", "10.9.0.2"));
	m = taken_of(FOLLOW_ADDR, "eth1", "10.9.0.2", 24);
	tell(&m);
	ck_assert_ptr_eq(way_to("10.9.0.1"), nic_of("eth1"));
	ck_gone("eth1");
	close(wire[0]);
	close(wire[1]);
}
END_TEST

START_TEST(the_front_ends)
{
	ck_assert_int_eq(send(front, "x", 1, 0), 1);	/* no message of ours */
	ck_assert_int_eq(shutdown(front, SHUT_RDWR), 0);
	loop_turn(&inst.loop);
	loop_turn(&inst.loop);
	ck_assert_ptr_nonnull(nic_of("eth0"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("obey");
	TCase *t = tcase_create("obey");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, down_and_up);
	tcase_add_test(t, carrier);
	tcase_add_test(t, mtu_name_and_link_address);
	tcase_add_test(t, set_on_it);
	tcase_add_test(t, deleted);
	tcase_add_test(t, new_devices);
	tcase_add_test(t, the_front_ends);
	suite_add_tcase(s, t);
	return run_suite(s);
}
