/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf.h - classic BPF, the packet filter of SO_ATTACH_FILTER (socket(7), bpf(4)): a checker and an
 * interpreter.
 */
#ifndef PACKET_BPF_H
#define PACKET_BPF_H

#include <stdint.h>
#include <linux/filter.h>

#include <weir/packet.h>

struct random;
struct bpf_program;

/* What a program can ask about a packet beside its bytes. */
struct bpf_view {
	const struct packet *p;		/* offset 0 of the program is p->data */
	bool link;			/* and that is the link header */
	uint32_t ifindex;
	uint32_t mark;
	uint16_t hatype;		/* ARPHRD_* */
	uint8_t pkttype;		/* PACKET_* of <linux/if_packet.h> */
	const struct random *random;
};

/*
 * A copy of n instructions that has been checked: it ends, it reads and writes nothing but the
 * packet and its own memory. -EINVAL: it is no such program; -ENOMEM.
 */
int bpf_create(const struct sock_filter *insns, uint32_t n, struct bpf_program **out);
void bpf_free(struct bpf_program *prog);	/* NULL is allowed */
/* How many bytes of the packet the program lets through; 0: drop it. */
uint32_t bpf_run(const struct bpf_program *prog, const struct bpf_view *v);
/* Its instructions, as they were given. */
const struct sock_filter *bpf_instructions(const struct bpf_program *prog, uint32_t *n);

#endif
