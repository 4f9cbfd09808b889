#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# netem by a capture at the peer: what is lost, doubled, damaged, late and out of order on the wire, the same
# again from the same seed, and changed while the program runs.
. "$(dirname "$0")/common.sh"
need ping tcpdump python3
net_setup
COUNT=400
# Neither end asks for the other's link address: each frame takes its share of the seed's chances.
mac() { ip -n "$1" link show eth0 | awk '/ether/ { print $2 }'; }
ip -n $NSW neigh replace $PEER lladdr "$(mac $NSP)" dev eth0 nud permanent
ip -n $NSP neigh replace $ADDR lladdr "$(mac $NSW)" dev eth0 nud permanent

# probe NAME=VALUE...: COUNT pings, 5 ms apart, through netem with these settings; JSON of what arrived in $OUT
probe() {
	local dump
	fresh_name
	peer tcpdump -i eth0 -Q in -s 256 --immediate-mode --time-stamp-precision=nano -w "$TMP/cap" \
		icmp 2>"$TMP/tcpdump.err" &
	dump=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.err"
	set -- "${@/#/--set=qdisc.}"
	# Without IPv6, which says things of itself.
	sandbox "$NAME" --set link.eth0.ipv6=off --qdisc netem "$@" -- ping -q -c $COUNT -i 0.005 -W 1 $PEER > "$TMP/ping" 2>&1
	sleep 0.5
	kill $dump
	wait $dump
	OUT=$(python3 - "$TMP/cap" <<'PY'
import json, struct, sys
f = open(sys.argv[1], "rb")
f.read(24)
seqs, bad = [], 0
while len(h := f.read(16)) == 16:
	d = f.read(struct.unpack("<IIII", h)[2])
	icmp = d[34:98]			# 20 bytes of IP before, whatever a damaged header says
	s = sum(struct.unpack(">32H", icmp))
	while s >> 16:
		s = (s & 0xffff) + (s >> 16)
	bad += s != 0xffff
	seqs.append(struct.unpack(">H", icmp[6:8])[0])
once = set(seqs)
print(json.dumps({"came": len(once), "copies": len(seqs) - len(once), "bad": bad, "seqs": seqs,
	"early": sum(a > b for a, b in zip(seqs, seqs[1:]))}))
PY
)
}

# holds EXPRESSION: over the fields of $OUT and of ping's own report (min, avg and max RTT in ms)
holds() {
	python3 - "$OUT" "$TMP/ping" "$COUNT" "$1" <<'PY'
import json, re, sys
v = json.loads(sys.argv[1])
m = re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)", open(sys.argv[2]).read())
v["min"], v["avg"], v["max"] = map(float, m.groups()) if m else (0, 0, 0)
v["n"] = int(sys.argv[3])
print({k: x for k, x in v.items() if k != "seqs"})
sys.exit(not eval(sys.argv[4], {}, v))
PY
}

probe delay=30ms
check "delay: nothing lost, nothing early" holds "came == n and copies == bad == early == 0 and min >= 30"
probe delay=30ms jitter=10ms
check "jitter: between 20 and 40 ms, out of order" holds "came == n and 20 <= min < 25 and early > n / 20"
# Of 400, 10% is 40 +- 6: five deviations.
probe loss=10% seed=7
check "loss of 10%" holds "330 <= came <= 390 and copies == 0"
first=$OUT
probe loss=10% seed=7
check "the same seed loses the same packets" same "$OUT" "$first"
probe gemodel-p=2% gemodel-r=20% seed=3
check "loss in bursts" \
	holds "n * 0.8 <= came <= n * 0.99 and sum(b - a > 2 for a, b in zip(seqs, seqs[1:])) >= 2"
probe duplicate=20% seed=7
check "a fifth comes twice" holds "came == n and 40 <= copies <= 120"
probe delay=20ms reorder=25% seed=7
check "a quarter overtakes" holds "came == n and 50 <= early <= 150 and min < 15"
# A bit of the Ethernet or IP header may be hit instead: then it is not ICMP any more.
probe corrupt=50% seed=7
check "damaged frames" holds "80 <= bad <= 220 and came < n"

# ---- rate, by the peer's clock; and a change under way ----
probe rate=1mbit limit=1000
check "98 bytes at 1 mbit are 0.8 ms" holds "came == n and min >= 0.78"
fresh_name
background sandbox "$NAME" --qdisc netem --set qdisc.delay=1s -- ping -q -c 20 -i 0.05 -W 1 $PEER > "$TMP/ping"
pinger=$LAST
wait_for 10 ctl "$NAME" show
check "changed while it runs" ctl "$NAME" qdisc change eth0 delay 1ms
wait $pinger
OUT='{}'
check "and in force" holds "1 <= min < 500"
finish
