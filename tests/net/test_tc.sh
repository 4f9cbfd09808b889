#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# iproute2's tc, unmodified: from outside it shows and changes the sandbox's qdiscs as it does the kernel's, and
# from inside it may look. The kernel's answers on the peer's device are the reference.
. "$(dirname "$0")/common.sh"
need ip tc python3
net_setup
fresh_name
background sandbox "$NAME" -- sleep 1000
wait_for 10 ctl "$NAME" show
admin() { $weir_exec --admin "$NAME" -- "$@"; }
inside() { $weir_exec "$NAME" -- "$@"; }
is() { check "$1" same "$2" "$3"; }
kernel() { ip netns exec $NSP "$@"; }

# ---- the same words, the same answers ----

# options KIND: what `tc -j qdisc show` says of eth0's root, without its handle and what the kernel alone counts.
options() {
	python3 -c '
import json, sys
for q in json.load(sys.stdin):
	if q.get("root"):
		print(q["kind"], json.dumps(q.get("options", {}), sort_keys=True))'
}
while read -r spec; do
	kernel tc qdisc replace dev eth0 root $spec 2> "$TMP/k.err"; k=$?
	admin tc qdisc replace dev eth0 root $spec 2> "$TMP/w.err"; w=$?
	is "status of $spec" "$k" "$w"
	is "$spec" "$(kernel tc -j qdisc show dev eth0 | options)" "$(admin tc -j qdisc show dev eth0 | options)"
done <<'EOS'
tbf rate 100mbit burst 32kb latency 50ms
tbf rate 1mbit burst 10kb limit 20kb
tbf rate 20gbit burst 10mb latency 10ms
tbf rate 40gbit burst 20mb latency 1ms
tbf rate 10mbit burst 64kb latency 100ms peakrate 20mbit minburst 3000
pfifo limit 77
pfifo
bfifo limit 100kb
bfifo
noqueue
EOS
kernel tc qdisc del dev eth0 root; admin tc qdisc del dev eth0 root

# Requests in order, among them such as are wrong: what each answers, by tc's exit status.
while read -r request; do
	kernel tc qdisc $request > /dev/null 2> "$TMP/k.err"; k=$?
	admin tc qdisc $request > /dev/null 2> "$TMP/w.err"; w=$?
	is "status of tc qdisc $request" "$k" "$w"
	[ $w = 0 ] || is "tc qdisc $request says why" 1 "$(grep -c '^Error: .' "$TMP/w.err")"
done <<'EOS'
change dev eth0 root tbf rate 10mbit burst 32kb latency 50ms
add dev eth0 root handle 1: tbf rate 10mbit burst 32kb latency 50ms
add dev eth0 root handle 1: tbf rate 10mbit burst 32kb latency 50ms
add dev eth0 root tbf rate 10mbit burst 32kb latency 50ms
add dev eth0 root handle 2: pfifo
change dev eth0 root handle 1: tbf rate 20mbit burst 32kb latency 50ms
change dev eth0 handle 1: tbf rate 30mbit burst 32kb latency 50ms
add dev eth0 parent 1:1 handle 10: bfifo limit 200kb
add dev eth0 parent 1:1 handle 11: pfifo
add dev eth0 parent 9:1 pfifo
add dev eth0 parent 10:1 pfifo
replace dev eth0 parent 1:1 handle 12: pfifo limit 50
del dev eth0 root handle 7:
replace dev eth0 root no_such_qdisc
del dev eth0 root
del dev eth0 root
EOS
admin tc qdisc replace dev lo root pfifo 2> "$TMP/err"
is "loopback has none" 2 $?
is "and says so" 1 "$(grep -c "lo is loopback" "$TMP/err")"
admin tc qdisc replace dev eth0 root tbf rate 1mbit burst 10 latency 1ms 2> "$TMP/err"
is "a burst below a packet is refused with weir's words" 1 "$(grep -c "burst: 10 bytes is smaller than the largest packet" "$TMP/err")"

# This kernel may have no netem: tc's own words come back.
netem="delay 100ms 10ms 25% loss gemodel 1% 10% 70% 0.1% duplicate 1% 5% reorder 25% 50% corrupt 0.1% rate 1Mbit gap 5"
admin tc qdisc replace dev eth0 root netem limit 500 $netem distribution normal
is "netem is taken" 0 $?
shown=$(admin tc qdisc show dev eth0 | sed 's/  */ /g; s/gemodel p \([^ ]*\) r \([^ ]*\) 1-h \([^ ]*\) 1-k/gemodel \1 \2 \3/')
is "and shown" 1 "$(grep -c "limit 500 $netem" <<< "$shown")"
[ "$(grep -c "limit 500 $netem" <<< "$shown")" = 1 ] || echo "$shown"
is "with the table that tc has of the distribution" table "$(ctl "$NAME" -j qdisc show eth0 |
	python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["params"]["distribution"])')"
admin tc qdisc replace dev eth0 root tbf rate 100mbit burst 32kb latency 50ms
admin tc qdisc add dev eth0 parent 1: netem delay 1ms 2> /dev/null
is "a parent that is not there" 2 $?
handle=$(admin tc -j qdisc show dev eth0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["handle"])')
admin tc qdisc add dev eth0 parent $handle netem delay 1ms
is "netem below a tbf" 0 $?
is "weir's own tools see it" "tbf netem" "$(ctl "$NAME" -j qdisc show eth0 |
	python3 -c 'import json, sys; print(*(q["kind"] for q in json.load(sys.stdin)))')"
is "and tc its class" 1 "$(admin tc class show dev eth0 | grep -c "class tbf ${handle}1 parent $handle leaf")"
admin tc qdisc del dev eth0 root

# ---- counters ----

admin tc qdisc replace dev eth0 root handle 1: bfifo limit 1mb
peer python3 -c '
import socket
s = socket.create_server(("", 7000))
while True:
	c, _ = s.accept()
	n = 0
	while True:
		d = c.recv(1 << 16)
		if not d:
			break
		n += len(d)
	c.send(b"%d" % n)
	c.close()' & PIDS="$PIDS $!"
wait_for 10 peer_listens 7000
cat > "$TMP/send.py" <<'EOS'
import socket, sys
s = socket.create_connection((sys.argv[1], 7000))
for _ in range(int(sys.argv[2])):
	s.sendall(bytes(1 << 16))
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode(), flush=True)
EOS
is "data goes through" $((20 << 16)) "$(inside python3 "$TMP/send.py" $PEER 20)"
# When nothing is sent in between, what both say is of one time.
cat > "$TMP/agree.py" <<'EOS'
import json, sys
ctl, tc = (json.load(open(f))[0] for f in sys.argv[1:])
c = ctl["stats"]
same = (tc["bytes"], tc["packets"], tc["drops"], tc["overlimits"], tc["requeues"], tc["backlog"], tc["qlen"]) == \
	(c["bytes"], c["packets"], c["drops"], c["overlimits"], c["requeues"], c["backlog"], c["qlen"])
print("same" if same and c["bytes"] > 20 << 16 else (ctl, tc))
EOS
agree() {
	ctl "$NAME" -j qdisc show eth0 > "$TMP/ctl"
	admin tc -s -j qdisc show dev eth0 > "$TMP/tc"
	python3 "$TMP/agree.py" "$TMP/ctl" "$TMP/tc"
}
says_same() { [ "$(agree)" = same ]; }
is "tc -s says what ctl says" same "$(wait_for 2 says_same && echo same || agree)"

# ---- a replace under load loses nothing ----

inside python3 "$TMP/send.py" $PEER 4000 > "$TMP/sent" 2>&1 &
sender=$!
PIDS="$PIDS $sender"
rounds=0
wrong=0
while kill -0 $sender 2> /dev/null && [ $rounds -lt 200 ]; do
	for spec in "tbf rate 1gbit burst 256kb latency 500ms" "bfifo limit 64mb" "netem delay 2ms limit 100000" \
		    "pfifo limit 100000" "tbf rate 2gbit burst 1mb latency 500ms" noqueue; do
		admin tc qdisc replace dev eth0 root $spec || wrong=$((wrong + 1))
		rounds=$((rounds + 1))
	done
done
wait $sender
is "every replace was taken" 0 $wrong
is "there were some while data went" 1 $((rounds >= 6))
is "all data has arrived" $((4000 << 16)) "$(cat "$TMP/sent")"
is "no qdisc has dropped any" 0 "$(ctl "$NAME" -j stats | python3 -c '
import json, sys
print(sum(n["drops"] for n in json.load(sys.stdin)["qdiscs"].values()))')"

# ---- who may ----

inside tc qdisc replace dev eth0 root pfifo 2> "$TMP/err"
is "root inside may not" 2 $?
is "and is told who may" 1 "$(grep -c "qdiscs are the operator's" "$TMP/err")"
inside tc qdisc del dev eth0 root 2> /dev/null
is "nor take one away" 2 $?
inside ip link add link eth0 name v0 type vlan id 5 2> "$TMP/err"
is "nor make a link" 2 $?
is "tc inside shows what tc outside does" "$(admin tc -s qdisc show)" "$(inside tc -s qdisc show)"
inside timeout 20 tc monitor > "$TMP/monitor" 2>&1 &
PIDS="$PIDS $!"
for i in 1 2 3 4 5 6 7 8 9 10; do
	admin tc qdisc replace dev eth0 root pfifo limit $i
	grep -q pfifo "$TMP/monitor" && break
	sleep 0.3
done
is "tc monitor inside is told" 1 $(($(grep -c pfifo "$TMP/monitor") > 0))

# Its control socket's file is out of reach for a program, root or not (test_confine.sh has other ways to it).
for words in "qdisc replace eth0 none" "mode set none" "module load none" "show" "route add default via 10.77.0.9"; do
	inside "$WEIR" ctl "$NAME" $words > /dev/null 2> "$TMP/err"
	is "inside: weir ctl $words" "1 1" "$? $(grep -c "from outside" "$TMP/err")"
done
$weir_exec --admin "$NAME" -- "$WEIR" ctl "$NAME" show > /dev/null 2>&1
is "nor is the operator's program, which is nobody" 1 $?
check "from outside it is" ctl "$NAME" show > /dev/null

# The operator's program is nobody, in its own file system, and the sandbox cannot see it.
touch "$TMP/outside"
chmod 755 "$TMP"
is "it is nobody" "65534 65534" "$(admin id -u) $(admin id -g)"
is "without capabilities" 0000000000000000 "$(admin sed -n 's/^CapEff:\t//p' /proc/self/status)"
is "and cannot get any" 1 "$(admin sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)"
is "its files are the operator's" "$TMP/outside" "$(admin ls "$TMP/outside")"
admin sleep 30 & PIDS="$PIDS $!"
wait_for 10 eval 'pgrep -u 65534 -x sleep > /dev/null'
is "the sandbox does not see it" 0 "$(inside sh -c 'cat /proc/[0-9]*/comm' | grep -c '^sleep$' | python3 -c 'print(int(input()) - 1)')"
is "its network is the sandbox's" "$(inside ip -br -4 addr)" "$(admin ip -br -4 addr)"
admin ip addr add 10.77.0.77/32 dev eth0
is "and it may change that too" 1 "$(inside ip -br addr show dev eth0 | grep -c 10.77.0.77)"
fresh_name
background "$WEIR" run --mode host --name "$NAME" -- sleep 100
wait_for 10 ctl "$NAME" show
$weir_exec --admin "$NAME" -- tc qdisc show > /dev/null 2> "$TMP/err"
is "mode host has nothing to change" 125 $?
is "and says so" 1 "$(grep -c "run the program without weir" "$TMP/err")"
finish
