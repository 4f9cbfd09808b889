/* SPDX-License-Identifier: Apache-2.0 */
/* mend.c - checksums of mutated packets (mend.h). */
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "packet/checksum.h"
#include "tests/fuzz/mend.h"

static void put_sum(uint8_t *field, uint32_t sum)
{
	uint16_t folded = checksum_fold(sum);

	memcpy(field, &folded, sizeof(folded));
}

/* Transport proto of n bytes; pseudo: of the addresses. */
static void mend_transport(uint8_t *th, uint32_t n, uint8_t proto, uint32_t pseudo)
{
	uint32_t at = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_ICMP &&
	    proto != IPPROTO_IGMP && proto != IPPROTO_ICMPV6)
		return;
	if (proto == IPPROTO_ICMP || proto == IPPROTO_IGMP)
		pseudo = 0;
	if (n < at + 2 || (proto == IPPROTO_UDP && !get_be16(th + at)))
		return;
	put_be16(th + at, 0);
	put_sum(th + at, checksum_partial(th, n, pseudo));
	if (proto == IPPROTO_UDP && !get_be16(th + at))
		put_be16(th + at, 0xffff);
}

static void mend_ipv4(uint8_t *ip, uint32_t n)
{
	uint32_t hlen, total;

	if (n < 20 || (hlen = (ip[0] & 15u) * 4) < 20 || hlen > n)
		return;
	put_be16(ip + 10, 0);
	put_sum(ip + 10, checksum_partial(ip, hlen, 0));
	total = get_be16(ip + 2);
	if (total > n || total < hlen || get_be16(ip + 6) & 0x3fff)	/* a fragment has not all of it */
		return;
	mend_transport(ip + hlen, total - hlen, ip[9],
		       checksum_pseudo(ip + 12, ip + 16, 4, ip[9], total - hlen));
}

/* Bytes of the extension header at h, 8 of which are there; 0: it is none, or a whole transport's
 * bytes are not behind it. */
static uint32_t extension_len(const uint8_t *h, uint8_t kind)
{
	switch (kind) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (h[1] + 1u) * 8;
	case IPPROTO_FRAGMENT:			/* one of several has not all of it */
		return get_be16(h + 2) & 0xfff9 ? 0 : 8;
	}
	return 0;
}

static void mend_ipv6(uint8_t *ip, uint32_t n)
{
	uint32_t at = 40, end = n < at ? 0 : at + get_be16(ip + 4), len;
	uint8_t next = n < at ? 0 : ip[6];

	if (end > n)
		return;
	while (end >= at + 8 && (len = extension_len(ip + at, next))) {
		next = ip[at];
		at += len;
	}
	if (at < end)
		mend_transport(ip + at, end - at, next,
			       checksum_pseudo(ip + 8, ip + 24, 16, next, end - at));
}

void mend_ip(uint8_t *ip, uint32_t n)
{
	if (n && ip[0] >> 4 == 4)
		mend_ipv4(ip, n);
	else if (n && ip[0] >> 4 == 6)
		mend_ipv6(ip, n);
}
