/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - PACKET_RX_RING: frames in memory that the program maps (packet(7), Linux's
 * Documentation/networking/packet_mmap.rst), versions 1 and 2. libpcap reads in no other way.
 *
 * Theory of operation
 *
 * A ring is blocks of frames. A frame begins with a header whose status says whose it is: 0, ours
 * to fill; with TP_STATUS_USER, the program's. A frame is written whole before its status is (a
 * release, for the program's acquire); one that is not ours yet means that the program is behind,
 * and the packet is counted as dropped.
 *
 * The memory is a memfd, sealed so that the program cannot shrink it under us. The program writes
 * to it as it likes: nothing but the status is ever read here, and that once.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pfpacket/sock.h"

#define RING_MAX	(64ull << 20)	/* bytes of one ring */
#define PAGE		4096u
#define LL_MIN		16u		/* what Linux leaves for a link header */
#define NS		1000000000ull

uint32_t pfpacket_ring_header(uint8_t version)
{
	return version == TPACKET_V1 ? sizeof(struct tpacket_hdr) :
	       version == TPACKET_V2 ? sizeof(struct tpacket2_hdr) : 0;
}

/* Offset of what follows the header and the name. */
static uint32_t header_room(const struct pfpacket_sock *ps)
{
	return TPACKET_ALIGN(pfpacket_ring_header(ps->version)) + sizeof(struct sockaddr_ll);
}

static int check(const struct pfpacket_sock *ps, const struct tpacket_req *req)
{
	uint64_t size = (uint64_t)req->tp_block_size * req->tp_block_nr;
	uint32_t per_block;

	if (!req->tp_block_size || req->tp_block_size % PAGE || (int)req->tp_block_size < 0 ||
	    req->tp_frame_size < header_room(ps) + ps->reserve ||
	    req->tp_frame_size % TPACKET_ALIGNMENT)
		return -EINVAL;
	per_block = req->tp_block_size / req->tp_frame_size;
	if (!per_block || (uint64_t)per_block * req->tp_block_nr != req->tp_frame_nr)
		return -EINVAL;
	return size <= RING_MAX ? 0 : -ENOMEM;
}

void pfpacket_ring_free(struct pfpacket_sock *ps)
{
	struct pfpacket_ring *r = &ps->ring;

	if (!r->mem)
		return;
	munmap(r->mem, r->size);
	close(r->fd);
	sock_memory_give(&ps->ds.sk.ip->sock_memory, r->size);
	*r = (struct pfpacket_ring){ .fd = -1 };
}

static int ring_memory(struct pfpacket_ring *r)
{
	int err;

	r->fd = memfd_create(PFPACKET_RING_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->fd < 0)
		return -ENOMEM;
	if (ftruncate(r->fd, (off_t)r->size) ||
	    fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto fail;
	r->mem = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->mem != MAP_FAILED)
		return 0;
fail:
	err = -errno;
	close(r->fd);
	r->fd = -1;
	r->mem = NULL;
	return err;
}

int pfpacket_ring_set(struct pfpacket_sock *ps, const struct tpacket_req *req)
{
	struct pfpacket_ring r = { .fd = -1 };
	int err;

	if (!req->tp_block_nr) {
		if (req->tp_frame_nr)
			return -EINVAL;
		pfpacket_ring_free(ps);
		return 0;
	}
	if (ps->ring.mem)
		return -EBUSY;
	err = check(ps, req);
	if (err)
		return err;
	r.block_size = req->tp_block_size;
	r.frame_size = req->tp_frame_size;
	r.frames = req->tp_frame_nr;
	r.frames_per_block = req->tp_block_size / req->tp_frame_size;
	r.size = (size_t)req->tp_block_size * req->tp_block_nr;
	err = sock_memory_take(&ps->ds.sk.ip->sock_memory, r.size);
	if (err)
		return err;
	err = ring_memory(&r);
	if (err)
		sock_memory_give(&ps->ds.sk.ip->sock_memory, r.size);
	else
		ps->ring = r;
	return err;
}

static uint8_t *frame_at(const struct pfpacket_ring *r, uint32_t i)
{
	return r->mem + (size_t)(i / r->frames_per_block) * r->block_size +
	       (size_t)(i % r->frames_per_block) * r->frame_size;
}

/* The status is the first word: a long in version 1, of which the lower half counts. */
static uint32_t status_get(const uint8_t *at)
{
	return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static void status_set(uint8_t *at, uint8_t version, uint32_t status)
{
	if (version == TPACKET_V1)
		__atomic_store_n((unsigned long *)(void *)at, status, __ATOMIC_RELEASE);
	else
		__atomic_store_n((uint32_t *)(void *)at, status, __ATOMIC_RELEASE);
}

static void write_header(const struct pfpacket_sock *ps, uint8_t *at, const struct pfpacket_frame *f,
			 uint32_t snaplen, uint32_t mac)
{
	uint64_t t = f->tstamp + ps->ds.sk.ip->env->wall_offset;

	if (ps->version == TPACKET_V1) {
		struct tpacket_hdr h = {
			.tp_len = f->len, .tp_snaplen = snaplen, .tp_mac = (uint16_t)mac,
			.tp_net = (uint16_t)(mac + f->net), .tp_sec = (uint32_t)(t / NS),
			.tp_usec = (uint32_t)(t % NS / 1000),
		};

		memcpy(at + sizeof(h.tp_status), (uint8_t *)&h + sizeof(h.tp_status),
		       sizeof(h) - sizeof(h.tp_status));
	} else {
		struct tpacket2_hdr h = {
			.tp_len = f->len, .tp_snaplen = snaplen, .tp_mac = (uint16_t)mac,
			.tp_net = (uint16_t)(mac + f->net), .tp_sec = (uint32_t)(t / NS),
			.tp_nsec = (uint32_t)(t % NS),
		};

		memcpy(at + sizeof(h.tp_status), (uint8_t *)&h + sizeof(h.tp_status),
		       sizeof(h) - sizeof(h.tp_status));
	}
	memcpy(at + TPACKET_ALIGN(pfpacket_ring_header(ps->version)), &f->name, sizeof(f->name));
}

bool pfpacket_ring_put(struct pfpacket_sock *ps, const struct packet *p,
		       const struct pfpacket_frame *f)
{
	struct pfpacket_ring *r = &ps->ring;
	uint8_t *at = frame_at(r, r->next);
	uint32_t ll = f->net && f->net > LL_MIN ? f->net : LL_MIN, mac, n = p->len;

	if (status_get(at) != TP_STATUS_KERNEL)
		return false;
	if (f->net)
		mac = TPACKET_ALIGN(header_room(ps) + ll) + ps->reserve - f->net;
	else
		mac = TPACKET_ALIGN(header_room(ps)) + LL_MIN + ps->reserve;
	if (mac >= r->frame_size)
		n = 0;
	else if (n > r->frame_size - mac)
		n = r->frame_size - mac;
	packet_copy_out(p, 0, at + mac, n);
	write_header(ps, at, f, n, mac);
	status_set(at, ps->version, f->status);
	r->next = r->next + 1 < r->frames ? r->next + 1 : 0;
	return true;
}

/* As Linux has it: while the last frame that was filled is the program's. */
bool pfpacket_ring_readable(const struct pfpacket_sock *ps)
{
	const struct pfpacket_ring *r = &ps->ring;

	return r->mem && status_get(frame_at(r, (r->next ? r->next : r->frames) - 1)) !=
			 TP_STATUS_KERNEL;
}
