/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip6_dad.c - duplicate address detection (RFC 4862 section 5.4).
 *
 * Theory of operation
 *
 *	TENTATIVE -- up to 1 s --> probe sent -- retransmission time --> PREFERRED (or DEPRECATED)
 *	    |                          |
 *	    '--- somebody asks for it from ::, or advertises it --> DUPLICATE
 *
 * While tentative an address has no local route: it is no source, and packets for it are not ours.
 * A probe that comes back to us is no conflict: it has the nonce that we put in (RFC 7527).
 *
 * A duplicate is logged and stays as such. Its identifier being ours to choose, another one is
 * made, three times at most (RFC 7217 section 6).
 */
#include <string.h>

#include "ip/group.h"
#include "ip/ip6_link.h"
#include "ip/ndp.h"

#define PROBES		1u		/* DupAddrDetectTransmits */
#define DELAY_MS	1000u		/* MAX_RTR_SOLICITATION_DELAY */

static uint64_t random_ms(struct env *env, uint32_t below)
{
	return random_below(&env->random, below) * 1000000ull;
}

void ip6_dad_stop(struct ip *ip, struct ifaddr *ia)
{
	timer_cancel(&ip->env->timers, &ia->timer);
}

static void passed(struct ip6_link *l, struct ifaddr *ia)
{
	bool fresh = ia->preferred_until > l->ip->env->now;

	ifaddr_set_state(l->ip, ia, fresh ? IFADDR_PREFERRED : IFADDR_DEPRECATED);
	if (!ip_addr_is_linklocal(&ia->addr))
		return;
	/* What said :: until now can say who it is. */
	groups_tell_again(l->ip->groups, l->nic, false);
	ip6_solicit_start(l);
}

static void dad_timer(struct timer *t)
{
	struct ifaddr *ia = container_of(t, struct ifaddr, timer);
	struct ip6_link *l = ia->nic->ip6;
	struct env *env = l->ip->env;

	if (!ia->probes) {
		passed(l, ia);
		return;
	}
	ia->probes--;
	random_bytes(&env->random, ia->nonce, sizeof(ia->nonce));
	ndp_send_probe(l->ip, l->nic, &ia->addr, ia->nonce);
	timer_arm(&env->timers, t, env->now + l->times.retrans);
}

void ip6_dad_start(struct ip6_link *l, struct ifaddr *ia)
{
	struct env *env = l->ip->env;

	timer_init(&ia->timer, dad_timer);
	ia->probes = PROBES;
	memset(ia->nonce, 0, sizeof(ia->nonce));
	ifaddr_set_state(l->ip, ia, IFADDR_TENTATIVE);
	timer_arm(&env->timers, &ia->timer, env->now + random_ms(env, DELAY_MS));
}

void ip6_dad_heard(struct ip6_link *l, struct ifaddr *ia, const uint8_t *nonce, bool solicit)
{
	struct ip *ip = l->ip;
	char text[IP_ADDR_TEXT];

	if (solicit && nonce && !memcmp(nonce, ia->nonce, sizeof(ia->nonce)))
		return;
	ip6_dad_stop(ip, ia);
	ifaddr_set_state(ip, ia, IFADDR_DUPLICATE);
	ip->ip6_stats.dad_failures++;
	log_write(&ip->env->log, LOG_WARN, "%s: another station uses the address %s, so it is not used here; "
		  "give one of us another", l->nic->name, ip_addr_text(&ia->addr, text));
	if (ia->generated)
		ip6_addr_again(l, ia);
}
