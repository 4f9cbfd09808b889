# SPDX-License-Identifier: Apache-2.0
# twin.sh - sourced after common.sh: a namespace as the one that weir takes, IPv4 and IPv6, but on the kernel's stack. What is done to
# the one is done to the other, and `ip -j` is to say the same in both.
NSM=weirm$$	# the twin
NSF=weirf$$	# the twin's peer
net_setup
net6_setup
ip netns add $NSM && ip netns add $NSF || exit 99
ip -n $NSM link add eth0 index 2 type veth peer name eth0 index 2 netns $NSF || exit 99
for ns in $NSM $NSF; do
	ip -n $ns link set lo up
	ip -n $ns link set eth0 up
done
ip -n $NSM addr add $ADDR/24 dev eth0
ip -n $NSM addr add $ADDR6/64 dev eth0 nodad
ip -n $NSF addr add $PEER/24 dev eth0
ip -n $NSF addr add $PEER6/64 dev eth0 nodad
ip -n $NSM route add default via $PEER
ip -n $NSM -6 route add default via $PEER6 metric 9

# The device of this number, eth0 without one, is the same in both.
alike() {
	python3 "$SRCDIR/tests/net/follow_compare.py" "${1:-2}" ip netns exec $NSM @ $weir_exec "$NAME" --
}
# both WORDS...: ip, on the device and on its twin; far: on their peers.
both() { ip -n $NSW "$@" && ip -n $NSM "$@"; }
far() { ip -n $NSP "$@" && ip -n $NSF "$@"; }
inside() { $weir_exec "$NAME" -- "$@"; }
