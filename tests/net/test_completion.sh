#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# completion/weir where a sandbox runs: its name, its NICs, the parameters of what is on them. All else is in
# tests/unit/completion.sh.
. "$(dirname "$0")/common.sh"
COMPLETION_ERR=$TMP/stderr
. "$SRCDIR/tests/unit/completion.bash"
net_setup
fresh_name
mkdir "$TMP/empty"
cd "$TMP/empty" || exit 99

# behind LINE WORDS: exactly these are offered.
behind() {
	offers "$1"
	check "behind \"$1\": $2" same "$OFFERED" "$2"
}

background sandbox "$NAME" --qdisc tbf --set qdisc.rate=100mbit --set qdisc.burst=1mb -- sleep 100
wait_for 10 ctl "$NAME" show

# A name that a shell would read in its own way is not put into a line.
background "$WEIR" run --mode none --name "$NAME;x\$y" -- sleep 100
wait_for 10 ctl "$NAME;x\$y" show
check "a sandbox of an odd name runs" contains "$(ctl)" "$NAME;x\$y"

behind "weir ctl $NAME" "$NAME"
behind "weir exec $NAME" "$NAME"
behind "weir run --netns $NSW" "$NSW"
nics="eth0 lo"
behind "weir ctl $NAME qdisc show " "$nics"
behind "weir ctl $NAME qdisc show -s e" "eth0"
behind "weir ctl $NAME qdisc replace " "$nics"
behind "weir ctl $NAME capture --drops " "$nics"
behind "weir ctl $NAME addr add fd00::7/64 dev " "$nics"
behind "weir ctl $NAME route add 10.9.0.0/16 via $PEER dev " "$nics"
behind "weir ctl $NAME qdisc change eth0 la" "latency"
behind "weir ctl $NAME qdisc change eth0 rate 5mbit burst " ""
behind "weir ctl $NAME qdisc change eth0 distr" ""
ctl "$NAME" qdisc replace eth0 netem delay 1ms
behind "weir ctl $NAME qdisc change eth0 distr" "distribution"
behind "weir ctl $NAME qdisc change eth0 distribution no" "normal"
behind "weir ctl $NAME qdisc change eth0 ecn=" "off on"
behind "weir ctl $NAME qdisc change eth0 netem ecn " "off on"

# One that does not answer holds nobody up, and nothing is said.
pid=$(ctl "$NAME" -j show | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
kill -STOP "$pid"
before=$SECONDS
behind "weir ctl $NAME qdisc show " ""
check "a sandbox that does not answer holds up for a second" [ $((SECONDS - before)) -le 3 ]
kill -CONT "$pid"
behind "weir ctl $NAME qdisc show e" "eth0"
behind "weir ctl nobody qdisc show " ""
finish
