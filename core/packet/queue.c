/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - a list of packets with its length and bytes (weir/packet.h). */
#include <stddef.h>

#include <weir/packet.h>

void packet_queue_push(struct packet_queue *q, struct packet *p)
{
	p->next = NULL;
	if (q->tail)
		q->tail->next = p;
	else
		q->head = p;
	q->tail = p;
	q->len++;
	q->bytes += p->wire_len;
}

void packet_queue_push_front(struct packet_queue *q, struct packet *p)
{
	p->next = q->head;
	q->head = p;
	if (!q->tail)
		q->tail = p;
	q->len++;
	q->bytes += p->wire_len;
}

struct packet *packet_queue_pop(struct packet_queue *q)
{
	struct packet *p = q->head;

	if (!p)
		return NULL;
	q->head = p->next;
	if (!q->head)
		q->tail = NULL;
	p->next = NULL;
	q->len--;
	q->bytes -= p->wire_len;
	return p;
}

void packet_queue_purge(struct packet_queue *q)
{
	struct packet *p;

	while ((p = packet_queue_pop(q)))
		packet_free(p);
}
