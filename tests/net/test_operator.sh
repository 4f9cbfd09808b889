#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may command a sandbox: its operator, from wherever he works; no program of a sandbox, whatever it is, and by no way.
. "$(dirname "$0")/common.sh"
need python3 unshare setpriv
: "${BUILDDIR:?run this by make check}"
net_setup
tool() { python3 "$SRCDIR/tests/net/control_peer.py" "$@"; }
# LeakSanitizer would trace programs in other PID namespaces than its own.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
REFUSED="from outside"
show='{"command":"show"}'

# ---- Y, which has a network, and X, which is root and can reach Y's socket: it uncovers the folder ----
fresh_name
Y=$NAME
background sandbox "$Y" -- sleep 1000
wait_for 20 ctl "$Y" show
fresh_name
X=$NAME
background "$WEIR" run --network=none --privileged --name "$X" -- sh -c 'umount /run/weir; exec sleep 1000'
wait_for 20 ctl "$X" show
in_x() { $weir_exec "$X" -- "$@"; }
uncovered() { in_x test -S "/run/weir/$Y.sock"; }
check "X can reach the sockets" wait_for 20 uncovered
before=$(ctl "$Y" qdisc show eth0 | head -n 1)
module=$(ls ${WEIR_MODULE_PATH%%:*}/tbf.so)

refused() { status=$("$@" > "$TMP/out" 2>&1; echo $?); [ "$status" != 0 ] && contains "$(cat "$TMP/out")" "$REFUSED"; }
for victim in "$Y" "$X"; do
	for verb in "show" "stats" "qdisc show" "qdisc replace eth0 tbf rate 8kbit burst 2kb" "qdisc change eth0 limit 1" \
		"mode set none" "module load $module" "module reload tbf" "capture eth0" "addr add 10.9.9.9/24 dev eth0" \
		"route add default via 10.77.0.9" "neigh show" "link show" "sockets" "config show" "config reload $SRCDIR/etc/weir.ini"; do
		check "in X: weir ctl $([ "$victim" = "$X" ] && echo X || echo Y) $verb" refused in_x timeout 20 "$WEIR" ctl "$victim" $verb
	done
	check "in X: weir exec" refused in_x timeout 20 "$WEIR" exec "$victim" -- true
	check "in X: weir exec --admin" refused in_x timeout 20 "$WEIR" exec --admin "$victim" -- true
done
check "Y's qdisc is as it was" same "$(ctl "$Y" qdisc show eth0 | head -n 1)" "$before"
for request in '{"command":"exec join"}' '{"command":"exec join","admin":true}' '{"command":"exec listen","admin":true}' "$show"; do
	check "by its own words: $request" contains "$(in_x python3 "$SRCDIR/tests/net/control_peer.py" say "/run/weir/$Y.sock" "$request")" "$REFUSED"
done
check "with a descriptor" contains "$(in_x python3 "$SRCDIR/tests/net/control_peer.py" say "/run/weir/$Y.sock" '{"command":"module load","path":"/x"}' "$module")" "$REFUSED"
check "from namespaces of its own" contains "$(in_x unshare -Urmpinf python3 "$SRCDIR/tests/net/control_peer.py" say "/run/weir/$Y.sock" "$show")" "$REFUSED"
check "and from mode host" contains "$("$WEIR" run --mode host --privileged -- sh -c "umount /run/weir; python3 '$SRCDIR/tests/net/control_peer.py' say '/run/weir/$Y.sock' '$show'")" "$REFUSED"
check "the operator's own program in A is nobody" contains "$($weir_exec --admin "$Y" -- "$WEIR" ctl "$Y" show 2>&1)" "sandbox $Y"

# ---- descriptors that somebody outside has connected ----
passed() {	# HOW STAYS|ENDS
	rm -f "$TMP/way"
	background tool "$1" "/run/weir/$Y.sock" "$TMP/way" "$2"
	wait_for 20 test -S "$TMP/way"
	in_x python3 "$SRCDIR/tests/net/control_peer.py" take "$TMP/way" "$3"
	stop $LAST
}
check "passed into X" contains "$(passed pass stays "$show")" "$REFUSED"
check "passed by one who is gone" contains "$(passed pass ends "$show")" "$REFUSED"
check "passed after half of the request was said" contains "$(passed pass-half stays '"show"}')" "$REFUSED"
check "inherited" contains "$(tool become "/run/weir/$Y.sock" "$WEIR" run --network=none -- python3 "$SRCDIR/tests/net/control_peer.py" inherited "$show")" "$REFUSED"
check "inherited by exec" contains "$(tool become "/run/weir/$Y.sock" $weir_exec "$X" -- python3 "$SRCDIR/tests/net/control_peer.py" inherited "$show")" "$REFUSED"
check "said by another than who connected" contains "$(tool orphan "/run/weir/$Y.sock" "$show")" "$REFUSED"
check "Y answers all the same" ctl "$Y" show > /dev/null

# ---- the operator ----
check "by words" same "$(tool say "/run/weir/$Y.sock" "$show")" ok
check "from another network namespace" peer "$WEIR" ctl "$Y" qdisc show > /dev/null
check "even that of the sandbox's devices" ip netns exec $NSW "$WEIR" ctl "$Y" qdisc replace eth0 tbf rate 100mbit burst 1mb
check "which is done" contains "$(ctl "$Y" qdisc show eth0)" tbf
check "from another mount, IPC, host name and user namespace" unshare -Urmiun "$WEIR" ctl "$Y" show > /dev/null
check "not from a container's PID namespace, which may be a sandbox's" refused unshare -pfm --mount-proc "$WEIR" ctl "$Y" show
check "with descriptors: exec" same "$($weir_exec "$Y" -- echo there)" there
check "and a module" ctl "$Y" module reload tbf
check "another user is not" contains "$(setpriv --reuid 65534 --clear-groups "$WEIR" ctl "$Y" show 2>&1)" "may be commanded by root and by who started it only"
many() {
	local pids=
	for i in $(seq 40); do
		ctl "$Y" show > "$TMP/many$i" 2>&1 &
		pids="$pids $!"
	done
	for i in $pids; do
		wait $i || { cat "$TMP"/many*; return 1; }
	done
}
check "many at once" many

# ---- weir in a sandbox: who started that commands it, and no third ----
cat > "$TMP/nested.sh" <<END
say() { python3 "$SRCDIR/tests/net/control_peer.py" say "\$1" '$show'; }
"$WEIR" run --mode none --privileged --name inner -- sh -c 'umount /run/weir; exec sleep 1000' &
i=0
while ! "$WEIR" ctl inner show > /dev/null 2>&1 && [ \$i -lt 200 ]; do i=\$((i + 1)); sleep 0.05; done
echo "inside: \$(say /run/weir/inner.sock)"
echo "its programs: \$("$WEIR" exec inner -- python3 "$SRCDIR/tests/net/control_peer.py" say /run/weir/inner.sock '$show')"
kill \$!
wait
umount /run/weir
echo "another: \$(say /run/weir/$Y.sock)"
END
"$WEIR" run --mode host --privileged -- sh "$TMP/nested.sh" > "$TMP/nested" 2>&1
check "a sandbox in a sandbox is commanded from there" grep -q "^inside: ok" "$TMP/nested"
check "not by its own programs" grep -q "^its programs: .*$REFUSED" "$TMP/nested"
check "and who commands it does not command Y" grep -q "^another: .*$REFUSED" "$TMP/nested"

# ---- where the kernel names a peer by its number only ----
OLD_KERNEL=$BUILDDIR/tests/net/old_kernel
by_number() {
	local Y
	fresh_name
	Y=$NAME
	background "$OLD_KERNEL" "$WEIR" run --network=none --name "$Y" -- sleep 1000
	wait_for 20 ctl "$Y" show || return 1
	same "$(tool say "/run/weir/$Y.sock" "$show")" ok || return 1
	contains "$(passed pass ends "$show")" "$REFUSED" || return 1
	contains "$(passed pass stays "$show")" "$REFUSED" || return 1
	refused in_x timeout 20 "$WEIR" ctl "$Y" show && contains "$(tool orphan "/run/weir/$Y.sock" "$show")" "$REFUSED"
}
check "before Linux 6.5: the operator, and nobody else" by_number

# ---- without the gate nobody commands, and the program runs on ----
front=$(pgrep -f "weir run --netns $NSW --name $Y " | head -n 1)
kill -9 "$(pgrep -P "$front" -x weir-gate)"
check "without the gate nobody is let in" contains "$(ctl "$Y" show 2>&1)" "nobody is left"
check "and the program runs" test -n "$(pgrep -P "$(pgrep -P "$(pgrep -P "$front" -x weir-stack)" -x weir-init)")"
finish
