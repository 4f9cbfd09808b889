/* SPDX-License-Identifier: Apache-2.0 */
/* test_ledger.c - what was taken, as text and back (intercept/ledger_text.c). */
#include <check.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

#include "intercept/ledger.h"
#include "intercept/takeover_priv.h"
#include "tests/suite.h"

static void add_msg(struct list *to, uint16_t type, const void *head, size_t len, uint16_t attr, uint32_t value)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), head, len);
	mnl_attr_put_u32(nlh, attr, value);
	list_add_tail(&rtnl_msg_new(nlh)->node, to);
}

static struct takeover *example(void)
{
	const struct ifaddrmsg ifa = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 7 };
	const struct rtmsg rtm = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST };
	const struct ndmsg ndm = { .ndm_family = AF_INET6, .ndm_ifindex = 7, .ndm_state = 0x80 };
	struct takeover *t = takeover_new("a name %/\n\377");
	struct device *d = calloc(1, sizeof(*d));

	t->cookie = UINT64_MAX;
	t->read_at = 12345;
	*d = (struct device){ .index = 7, .name = "eth 0", .mac = { 2, 0, 0xff, 4, 5, 6 }, .gen_mode = -1 };
	strcpy(d->saved[QUIET_ARP_IGNORE], "1");
	strcpy(d->saved[QUIET_FORWARDING], "0");
	list_add_tail(&d->node, &t->devices);
	add_msg(&t->addrs, RTM_NEWADDR, &ifa, sizeof(ifa), IFA_LOCAL, 0x0200000a);
	add_msg(&t->routes, RTM_NEWROUTE, &rtm, sizeof(rtm), RTA_OIF, 7);
	add_msg(&t->neighs, RTM_NEWNEIGH, &ndm, sizeof(ndm), 2, 0x01020304);
	return t;
}

/* The text of t; freed by who calls. */
static char *text_of(const struct takeover *t, size_t *len)
{
	const struct ledger_head head = { .boot = "a-b-c", .path = "/run/netns/x y", .dev = 4, .ino = UINT64_MAX };
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	ck_assert_int_eq(ledger_print(f, t, &head), 0);
	fclose(f);
	return text;
}

static int parse(const char *text, size_t len, struct takeover **t, struct ledger_head *head, struct weir_error *e)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, len, "r");
	int rc;

	*t = takeover_new("");
	strcpy((*t)->ledger, "box");
	e->text[0] = '\0';
	rc = ledger_parse(f, *t, head, e);
	fclose(f);
	return rc;
}

static void same_msgs(const struct list *a, const struct list *b)
{
	const struct rtnl_msg *x = list_entry(a->next, struct rtnl_msg, node), *y = list_entry(b->next, struct rtnl_msg, node);

	ck_assert(!list_empty(a) && !list_empty(b) && a->next->next == a && b->next->next == b);
	ck_assert_uint_eq(x->nlh.nlmsg_len, y->nlh.nlmsg_len);
	ck_assert_mem_eq(&x->nlh, &y->nlh, x->nlh.nlmsg_len);
}

START_TEST(comes_back_whole)
{
	struct takeover *t = example(), *back;
	struct ledger_head head;
	struct weir_error e;
	size_t len;
	char *text = text_of(t, &len);
	const struct device *d;

	ck_assert_int_eq(parse(text, len, &back, &head, &e), 0);
	ck_assert_str_eq(back->name, t->name);
	ck_assert_str_eq(head.path, "/run/netns/x y");
	ck_assert_str_eq(head.boot, "a-b-c");
	ck_assert_uint_eq(head.ino, UINT64_MAX);
	ck_assert_uint_eq(back->cookie, UINT64_MAX);
	ck_assert_uint_eq(back->read_at, 12345);
	d = takeover_device(back, 7);
	ck_assert_ptr_nonnull(d);
	ck_assert_str_eq(d->name, "eth 0");
	ck_assert_int_eq(d->gen_mode, -1);
	ck_assert_int_eq(d->mac[2], 0xff);
	ck_assert_str_eq(d->saved[QUIET_ARP_IGNORE], "1");
	ck_assert_str_eq(d->saved[QUIET_DISABLE_IPV6], "");
	same_msgs(&back->addrs, &t->addrs);
	same_msgs(&back->routes, &t->routes);
	same_msgs(&back->neighs, &t->neighs);
	takeover_free(back);
	takeover_free(t);
	free(text);
}
END_TEST

/* Nobody gives back what was noted by half: the line that is wrong is named. */
START_TEST(a_part_is_refused)
{
	struct takeover *t = example(), *back;
	struct ledger_head head;
	struct weir_error e;
	size_t len;
	char *text = text_of(t, &len);

	for (size_t n = 1; n + 1 < len; n++) {
		ck_assert_int_eq(parse(text, n, &back, &head, &e), -EINVAL);
		ck_assert_ptr_nonnull(strstr(e.text, "/run/weir/taken/box/state:"));
		takeover_free(back);
	}
	takeover_free(t);
	free(text);
}
END_TEST

/* Whatever a byte becomes, what is taken for a message is whole and about a device that is named. */
START_TEST(damage_is_found_or_harmless)
{
	static const char others[] = "0f g%\n\xff";
	struct takeover *t = example(), *back;
	struct ledger_head head;
	struct weir_error e;
	size_t len;
	char *text = text_of(t, &len);

	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		for (size_t j = 0; j < sizeof(others); j++) {
			text[i] = others[j];
			if (parse(text, len, &back, &head, &e) == 0)
				list_for_each(pos, &back->routes)
					ck_assert(takeover_wants(back, TAKEN_ROUTE,
								 &list_entry(pos, struct rtnl_msg, node)->nlh));
			else
				ck_assert(e.text[0]);
			takeover_free(back);
		}
		text[i] = was;
	}
	takeover_free(t);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ledger");
	TCase *tc = tcase_create("text");

	tcase_add_test(tc, comes_back_whole);
	tcase_add_test(tc, a_part_is_refused);
	tcase_add_test(tc, damage_is_found_or_harmless);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
