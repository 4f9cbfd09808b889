#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile programs (hammer.c) in a sandbox beside one that is not (neighbour.c): the stack process lives, the
# neighbour gets what it asks for, and nothing of theirs is left in the end.
# WEIR_HAMMER_CALLS: so many calls of each seed (4,000 by default); WEIR_HAMMER_SEEDS: "1 2 3".
. "$(dirname "$0")/common.sh"
HAMMER=${BUILDDIR:-.}/tests/net/hammer
NEIGHBOUR=${BUILDDIR:-.}/tests/net/neighbour
CALLS=${WEIR_HAMMER_CALLS:-4000}
SEEDS=${WEIR_HAMMER_SEEDS:-1 2 3 4 5}
LIMIT=$((120 + CALLS / 100))
net_setup

sanitized() { nm -D "$WEIR" 2>/dev/null | grep -q __asan_init; }
pid() { ctl "$NAME" -j show | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }
# Without those of programs' tasks, which are kept for the next call of the same one: intercept/remote.h.
fds() { ls -l "/proc/$STACK/fd" | grep -vc 'pidfd'; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/$STACK/status"; }
# Connections in TIME-WAIT are nobody's; a link keeps packets for a batch of frames to come.
no_sockets() { [ "$(counted intercept.sockets intercept.waiting)" = "0 0" ]; }
# Those that so many calls took go when nothing has come for 10 s.
few_workers() { [ "$(counted intercept.workers)" -le 2 ]; }
few_packets() { [ "$(counted pool.packets)" -le 64 ]; }
few_fds() { [ "$(fds)" -le "$FDS" ]; }
answers() { ctl "$NAME" show > /dev/null; }

# One seed in the sandbox $NAME, with hammer's other arguments. Its threads are killed, so its end is waited for.
hammer() {
	local seed=$1
	shift
	timeout $LIMIT $weir_exec "$NAME" -- "$HAMMER" "$seed" "$CALLS" "$@" > "$TMP/hammer" 2>&1
	check "seed $seed: $(cat "$TMP/hammer")" same $? 0
}

# The sandbox $NAME of weir run $RUN has been hammered: what is left of it.
leaves_nothing() {
	kill $NEIGHBOURS
	wait $NEIGHBOURS
	check "the neighbour has had its rounds: $(tail -n 1 "$TMP/neighbour")" same $? 0
	check "and some of them" contains "$(cat "$TMP/neighbour")" " rounds, "
	check "no socket and no waiting call is left" wait_for 60 no_sockets
	check "no packet is left" wait_for 60 few_packets
	check "no thread too many is left" wait_for 60 few_workers
	check "no descriptor is left ($FDS, then $(fds))" wait_for 10 few_fds
	# Freed memory stays in AddressSanitizer's quarantine, and LeakSanitizer judges at the end.
	sanitized || check "memory has not grown with calls ($RSS kB, then $(rss) kB)" [ "$(rss)" -le $((RSS + 32768)) ]
	check "ctl is answered" answers
	kill $RUN
	wait $RUN
	check "SIGTERM ends it" same $? 143
	check "with nothing to say" same "$(own "$TMP/err")" ""
}

begin() {
	wait_for 10 answers
	STACK=$(pid)
	$weir_exec "$NAME" -- "$NEIGHBOUR" 1 > /dev/null	# what the first calls need, and keep
	FDS=$(fds)
	RSS=$(rss)
	background $weir_exec "$NAME" -- "$NEIGHBOUR" 0 > "$TMP/neighbour"
	NEIGHBOURS=$LAST
}

# ---- without a network ----
fresh_name
background run "$WEIR" run --network=none --name "$NAME" -- sleep 100000 2> "$TMP/err"
RUN=$LAST
begin
for seed in $SEEDS; do
	hammer "$seed" 3 4
done
leaves_nothing

# ---- with a peer that does the same on the kernel's stack ----
fresh_name
background sandbox "$NAME" -- sleep 100000 2> "$TMP/err"
RUN=$LAST
begin
background peer "$HAMMER" 77 1000000000 2 3 $ADDR > /dev/null 2>&1
THERE=$LAST
for seed in $SEEDS; do
	hammer "$((seed + 100))" 3 4 $PEER
done
stop $THERE
leaves_nothing
finish
