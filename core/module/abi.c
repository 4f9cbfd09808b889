/* SPDX-License-Identifier: Apache-2.0 */
/*
 * abi.c - every function that a module may call.
 *
 * Nothing in the core refers to some of them, and a linker takes out of an archive only what is
 * referred to. Whoever links the module loader thus links the whole ABI.
 */
#include <weir/module.h>

#include "module/ops.h"

#define F(name) (void (*)(void))name

void (*const module_abi[])(void) = {
	F(weir_fail), F(weir_error_prefix),
	F(packet_alloc), F(packet_free), F(packet_clone), F(packet_push), F(packet_pull),
	F(packet_put), F(packet_need), F(packet_skip), F(packet_trim), F(packet_append),
	F(packet_append_from), F(packet_copy_out), F(packet_copy_in), F(packet_iov),
	F(packet_wire_len), F(packet_checksum_finish),
	F(packet_queue_push), F(packet_queue_push_front), F(packet_queue_pop),
	F(packet_queue_purge), F(packet_segment),
	F(buf_alloc), F(buf_get), F(buf_put),
	F(packet_rx_prepare), F(packet_rx_finish), F(packet_to_vnet), F(packet_from_vnet),
	F(packet_from_vnet_l3),
	F(qdisc_priv), F(qdisc_now), F(qdisc_mtu_len), F(qdisc_nic_name), F(qdisc_stats),
	F(qdisc_random), F(qdisc_is_first),
	F(qdisc_queued), F(qdisc_dequeued), F(qdisc_drop), F(qdisc_drop_queued),
	F(qdisc_count_drop), F(qdisc_watchdog), F(qdisc_transmit),
	F(qdisc_list_enqueue), F(qdisc_list_dequeue), F(qdisc_list_reset), F(qdisc_enqueue_segments),
	F(qdisc_create_child), F(qdisc_destroy), F(qdisc_enqueue), F(qdisc_dequeue),
	F(qdisc_peek), F(qdisc_drain), F(qdisc_reset),
	F(tc_attrs), F(tc_get), F(tc_append), F(tc_put), F(tc_nest), F(tc_nest_end),
};
