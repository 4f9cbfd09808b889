#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unmodified programs from Debian other than HTTP's: iperf3, redis, ssh, socat, nc, ping.
. "$(dirname "$0")/common.sh"
need iperf3 redis-server redis-benchmark ssh sshd ssh-keygen socat nc ping python3
net_setup

# ---- iperf3: both sides, both directions ----
background peer iperf3 -s -p 5300 >/dev/null
wait_for 10 peer_listens 5300
for args in "-P 8" "-P 8 -R" "-u -b 50M" "-u -b 50M -R"; do
	fresh_name
	out=$(sandbox "$NAME" -- iperf3 -c $PEER -p 5300 -t 2 -J $args 2>&1)
	check "iperf3 client $args" python3 -c '
import json, sys
e = json.loads(sys.argv[1])["end"]
s = e.get("sum_received") or e["sum"]
sys.exit(not s["bits_per_second"] > 1e6)' "$out"
done
fresh_name
background sandbox "$NAME" -- iperf3 -s -p 5301
wait_for 10 sandbox_listens "$NAME" 5301
for args in "-P 8" "-P 8 -R" "-u -b 50M" "-u -b 50M -R"; do
	out=$(peer timeout 30 iperf3 -c $ADDR -p 5301 -t 2 -J $args 2>&1)
	check "iperf3 server, client with $args" python3 -c '
import json, sys
e = json.loads(sys.argv[1])["end"]
s = e.get("sum_received") or e["sum"]
sys.exit(not s["bits_per_second"] > 1e6)' "$out"
done
stop $LAST

# ---- redis ----
fresh_name
background sandbox "$NAME" -- redis-server --port 6379 --bind 0.0.0.0 --save '' \
	--protected-mode no --dir "$TMP"
wait_for 10 sandbox_listens "$NAME" 6379
out=$(peer timeout 100 redis-benchmark -h $ADDR -P 16 -c 50 -n 100000 -t set,get -q 2>&1)
check "redis-benchmark -P 16 against redis-server" contains "$out" "requests per second"
check "redis answers a client" same "$(peer redis-cli -h $ADDR ping)" PONG
stop $LAST
background peer redis-server --port 6379 --bind 0.0.0.0 --save '' --protected-mode no --dir "$TMP"
wait_for 10 peer_listens 6379
fresh_name
out=$(sandbox "$NAME" -- timeout 100 redis-benchmark -h $PEER -P 16 -c 50 -n 100000 -t set,get -q 2>&1)
check "redis-benchmark inside" contains "$out" "requests per second"
stop $LAST

# ---- ssh ----
ssh-keygen -q -t ed25519 -N '' -f "$TMP/host"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/id"
cp "$TMP/id.pub" "$TMP/authorized"
mkdir -p /run/sshd
cat > "$TMP/sshd_config" <<EOC
HostKey $TMP/host
AuthorizedKeysFile $TMP/authorized
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
EOC
SSH="ssh -i $TMP/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes"
head -c 5000000 /dev/urandom > "$TMP/blob"
fresh_name
background sandbox "$NAME" -- /usr/sbin/sshd -D -e -f "$TMP/sshd_config" -p 2222 2>"$TMP/sshd.err"
wait_for 10 sandbox_listens "$NAME" 2222
check "ssh to an sshd inside" \
	same "$(timeout 60 ip netns exec $NSP $SSH -p 2222 root@$ADDR cat "$TMP/blob" | sha256sum)" "$(sha256sum < "$TMP/blob")"
stop $LAST
background peer /usr/sbin/sshd -D -e -f "$TMP/sshd_config" -p 2223 2>"$TMP/sshd2.err"
wait_for 10 peer_listens 2223
fresh_name
check "ssh from inside" \
	same "$(timeout 60 "$WEIR" run --netns $NSW --name $NAME -- $SSH -p 2223 root@$PEER cat "$TMP/blob" | sha256sum)" "$(sha256sum < "$TMP/blob")"

# ---- socat and nc ----
background peer socat TCP-LISTEN:7000,fork,reuseaddr EXEC:cat
wait_for 10 peer_listens 7000
fresh_name
check "socat client" \
	same "$(sandbox "$NAME" -- socat -t 10 - TCP:$PEER:7000 < "$TMP/blob" | sha256sum)" "$(sha256sum < "$TMP/blob")"
fresh_name
check "nc client" same "$(echo through nc | sandbox "$NAME" -- nc -N $PEER 7000)" "through nc"
fresh_name
background sandbox "$NAME" -- socat TCP-LISTEN:7001,fork,reuseaddr EXEC:cat
wait_for 10 sandbox_listens "$NAME" 7001
check "socat server that forks" \
	same "$(peer socat -t 10 - TCP:$ADDR:7001 < "$TMP/blob" | sha256sum)" "$(sha256sum < "$TMP/blob")"
stop $LAST
fresh_name
background sandbox "$NAME" -- nc -l -p 7002 > "$TMP/nc.out"
wait_for 10 sandbox_listens "$NAME" 7002
peer nc -N $ADDR 7002 < "$TMP/blob"
wait "$LAST"
check "nc server" cmp "$TMP/nc.out" "$TMP/blob"
background peer socat -u UDP-RECV:7003 OPEN:"$TMP/udp.out",creat
wait_for 10 [ -e "$TMP/udp.out" ]
fresh_name
echo datagram | sandbox "$NAME" -- nc -u -w 1 $PEER 7003
wait_for 20 grep -q datagram "$TMP/udp.out"
check "nc -u" grep -q datagram "$TMP/udp.out"

# ---- ping ----
fresh_name
check "ping from inside" contains "$(sandbox "$NAME" -- ping -c 3 -i 0.2 $PEER)" "3 received"
fresh_name
check "ping -s 3000 (fragments) from inside" \
	contains "$(sandbox "$NAME" -- ping -c 2 -i 0.2 -s 3000 $PEER)" "2 received"
fresh_name
background sandbox "$NAME" -- sleep 30
wait_for 10 ctl "$NAME" show
check "ping to the sandbox" contains "$(peer ping -c 3 -i 0.2 $ADDR)" "3 received"
check "ping -s 8000 (fragments) to the sandbox" \
	contains "$(peer ping -c 2 -i 0.2 -s 8000 $ADDR)" "2 received"
stop $LAST
fresh_name
out=$(sandbox "$NAME" -- ping -c 1 -W 5 10.77.0.99 2>&1)
check "ping to a dead neighbour says Host Unreachable" contains "$out" "Destination Host Unreachable"
finish
