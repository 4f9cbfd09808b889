/* SPDX-License-Identifier: Apache-2.0 */
/* rt_rule.c - policy rules over rtnetlink: weir has the ones that every Linux begins with. */

#include "netlink/rt.h"
#include <linux/fib_rules.h>		/* after it, as <linux/rtnetlink.h> */

static const struct {
	int family;
	uint32_t priority;
	uint8_t table;
} rules[] = {
	{ AF_INET, 0, RT_TABLE_LOCAL }, { AF_INET, 32766, RT_TABLE_MAIN },
	{ AF_INET, 32767, RT_TABLE_DEFAULT },
	{ AF_INET6, 0, RT_TABLE_LOCAL }, { AF_INET6, 32766, RT_TABLE_MAIN },
};

static bool rule_fill(struct netlink_dump *d, struct nlbuf *nb, size_t i)
{
	const struct fib_rule_hdr frh = {
		.family = (uint8_t)rules[i].family, .table = rules[i].table, .action = FR_ACT_TO_TBL,
	};

	nlbuf_begin(nb, &d->to, RTM_NEWRULE, &frh, sizeof(frh));
	nlbuf_u32(nb, FRA_TABLE, rules[i].table);
	nlbuf_u32(nb, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);
	nlbuf_u8(nb, FRA_PROTOCOL, RTPROT_KERNEL);
	nlbuf_u32(nb, FRA_PRIORITY, rules[i].priority);
	return nlbuf_end(nb);
}

int rt_rule_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	const struct fib_rule_hdr *frh = (const void *)(d->nlh + 1);

	for (; d->at[0] < sizeof(rules) / sizeof(rules[0]); d->at[0]++)
		if ((!frh->family || frh->family == rules[d->at[0]].family) && !rule_fill(d, nb, d->at[0]))
			return 1;
	return 0;
}
