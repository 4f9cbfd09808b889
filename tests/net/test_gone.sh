#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Devices that go down, come back or are deleted under a running program: the stack goes on without
# spinning, the program gets its time-outs, and the end says what could not be given back.
. "$(dirname "$0")/common.sh"
need curl python3

# The sandbox's processes' ticks of CPU time so far, in all: of weir run and everything below it.
ticks() {
	python3 - "$1" <<'PY'
import os, sys
def stat(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None
all = {int(p): s for p in os.listdir("/proc") if p.isdigit() and (s := stat(p))}
tree = {int(sys.argv[1])}
while more := {p for p, s in all.items() if int(s[1]) in tree} - tree:
    tree |= more
print(sum(int(all[p][11]) + int(all[p][12]) for p in tree if p in all))
PY
}
# A loop that spins takes 100 ticks of a second; this is for one that does not.
idles() {
	local was=$(ticks "$1") is
	sleep 1
	is=$(ticks "$1")
	[ $((is - was)) -lt 50 ] || { echo "  $((is - was)) ticks in a second"; return 1; }
}
cat > "$TMP/client.py" <<'PY'
import socket, sys, time
while True:
	try:
		socket.create_connection((sys.argv[1], 80), timeout=0.5).close()
		print("connected", flush=True)
	except OSError as e:
		print("error", e, flush=True)
	time.sleep(0.2)
PY
last_is() { [ "$(tail -n 1 "$TMP/$1" | cut -d' ' -f1)" = "$2" ]; }

# ---- a veth: down, up, deleted ----
net_setup
background peer python3 -m http.server 80 >/dev/null 2>&1
wait_for 10 peer_listens 80
fresh_name
background sandbox "$NAME" -- python3 "$TMP/client.py" $PEER > "$TMP/veth" 2> "$TMP/veth.err"
weir=$LAST
check "a connection" wait_for 10 last_is veth connected
ip -n $NSW link set eth0 down
check "the device is down: an error" wait_for 10 last_is veth error
check "and no spinning" idles $weir
ip -n $NSW link set eth0 up
check "it is up again: a connection" wait_for 10 last_is veth connected
ip -n $NSW link del eth0
check "the device is deleted: an error" wait_for 10 last_is veth error
check "and no spinning" idles $weir
ctl "$NAME" show -j > "$TMP/out"
check "weir ctl answers" same $? 0
check "the program goes on" kill -0 $weir
kill $weir
wait $weir
check "it ends as its program does" same $? 143
check "and says what could not be given back" contains "$(cat "$TMP/veth.err")" \
	"device eth0 is gone: its addresses and routes cannot be given back"

# ---- a TAP: deleted ----
fresh_name
background run ip netns exec $NSP "$WEIR" run -c "$SRCDIR/etc/weir-tap.ini" --name "$NAME" \
	--set link.eth0.host-address=10.78.0.1/24 --set link.eth0.address=10.78.0.2/24 \
	--set link.eth0.gateway=10.78.0.1 -- \
	python3 "$TMP/client.py" 10.78.0.1 > "$TMP/tap" 2> "$TMP/tap.err"
weir=$LAST
check "a connection over TAP" wait_for 10 last_is tap connected
ip -n $NSP link del weir0
check "the TAP is deleted: an error" wait_for 10 last_is tap error
check "and no spinning" idles $weir
ctl "$NAME" show > "$TMP/out"
check "weir ctl answers" same $? 0
told() { grep -q "weir0 is gone" "$TMP/tap.err"; }
check "and the operator is told" wait_for 20 told
check "once" same "$(grep -c "is gone" "$TMP/tap.err")" 1
kill $weir
wait $weir
check "it ends as its program does" same $? 143
finish
