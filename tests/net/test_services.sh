#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unmodified programs from Debian other than HTTP's: iperf3, redis, ssh, socat, nc, ping; over IPv4 and IPv6, from
# one server where it takes both.
. "$(dirname "$0")/common.sh"
need iperf3 redis-server redis-benchmark ssh sshd ssh-keygen socat nc ping python3
net_setup
net6_setup

# ---- iperf3: both sides, both directions ----
rates() {
	python3 -c '
import json, sys
e = json.loads(sys.argv[1])["end"]
s = e.get("sum_received") or e["sum"]
sys.exit(not s["bits_per_second"] > 1e6)' "$1"
}
background peer iperf3 -s -p 5300 >/dev/null
wait_for 10 peer_listens 5300
for f in 4 6; do
	family $f
	for args in "-P 8" "-P 8 -R" "-u -b 50M" "-u -b 50M -R"; do
		fresh_name
		out=$(sandbox "$NAME" -- iperf3 -c $P -p 5300 -t 1 -J $args 2>&1)
		check "IPv$f: iperf3 client $args" rates "$out"
	done
done
fresh_name
background sandbox "$NAME" -- iperf3 -s -p 5301
wait_for 10 sandbox_listens "$NAME" 5301
for f in 4 6; do
	family $f
	for args in "-P 8" "-P 8 -R" "-u -b 50M" "-u -b 50M -R"; do
		out=$(peer timeout 30 iperf3 -c $A -p 5301 -t 1 -J $args 2>&1)
		check "IPv$f: iperf3 server, client with $args" rates "$out"
	done
done
stop $LAST

# ---- redis: the volume over IPv4 only ----
redis_requests() {
	case $f in
	4) REQUESTS=100000 ;;
	6) REQUESTS=10000 ;;
	esac
}
fresh_name
background sandbox "$NAME" -- redis-server --port 6379 --bind 0.0.0.0 :: --save '' \
	--protected-mode no --dir "$TMP"
wait_for 10 sandbox_listens "$NAME" 6379
for f in 4 6; do
	family $f
	redis_requests
	out=$(peer timeout 100 redis-benchmark -h $A -P 16 -c 50 -n $REQUESTS -t set,get -q 2>&1)
	check "IPv$f: redis-benchmark -P 16 against redis-server" contains "$out" "requests per second"
	check "IPv$f: redis answers a client" same "$(peer redis-cli -h $A ping)" PONG
done
stop $LAST
background peer redis-server --port 6379 --bind 0.0.0.0 :: --save '' --protected-mode no --dir "$TMP"
wait_for 10 peer_listens 6379
for f in 4 6; do
	family $f
	redis_requests
	fresh_name
	out=$(sandbox "$NAME" -- timeout 100 redis-benchmark -h $P -P 16 -c 50 -n $REQUESTS -t set,get -q 2>&1)
	check "IPv$f: redis-benchmark inside" contains "$out" "requests per second"
done
stop $LAST
check "redis on ::1, both inside" same "$("$WEIR" run --network=none -- sh -c '
	redis-server --port 6379 --bind ::1 --save "" --dir "$1" >/dev/null &
	until redis-cli -h ::1 ping 2>/dev/null; do sleep 0.1; done
	kill $!' sh "$TMP")" PONG

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
BLOB=$(sha256sum < "$TMP/blob")
fresh_name
background sandbox "$NAME" -- /usr/sbin/sshd -D -e -f "$TMP/sshd_config" -p 2222 2>"$TMP/sshd.err"
wait_for 10 sandbox_listens "$NAME" 2222
for f in 4 6; do
	family $f
	check "IPv$f: ssh to an sshd inside" \
		same "$(timeout 60 ip netns exec $NSP $SSH -p 2222 root@$A cat "$TMP/blob" | sha256sum)" "$BLOB"
done
stop $LAST
background peer /usr/sbin/sshd -D -e -f "$TMP/sshd_config" -p 2223 2>"$TMP/sshd2.err"
wait_for 10 peer_listens 2223
for f in 4 6; do
	family $f
	fresh_name
	check "IPv$f: ssh from inside" \
		same "$(timeout 60 "$WEIR" run --netns $NSW --name $NAME -- $SSH -p 2223 root@$P cat "$TMP/blob" | sha256sum)" "$BLOB"
done

# ---- socat and nc ----
for f in 4 6; do
	family $f
	background peer socat TCP$f-LISTEN:700$f,fork,reuseaddr EXEC:cat
	wait_for 10 peer_listens 700$f
	fresh_name
	check "IPv$f: socat client" \
		same "$(sandbox "$NAME" -- socat -t 10 - TCP:$URL_P:700$f < "$TMP/blob" | sha256sum)" "$BLOB"
	fresh_name
	check "IPv$f: nc client" same "$(echo through nc | sandbox "$NAME" -- nc -N $P 700$f)" "through nc"
	fresh_name
	background sandbox "$NAME" -- socat TCP$f-LISTEN:7001,fork,reuseaddr EXEC:cat
	wait_for 10 sandbox_listens "$NAME" 7001
	check "IPv$f: socat server that forks" \
		same "$(peer socat -t 10 - TCP:$URL_A:7001 < "$TMP/blob" | sha256sum)" "$BLOB"
	stop $LAST
	fresh_name
	background sandbox "$NAME" -- nc -$f -l -p 7002 > "$TMP/nc.out"
	wait_for 10 sandbox_listens "$NAME" 7002
	peer nc -N $A 7002 < "$TMP/blob"
	wait "$LAST"
	check "IPv$f: nc server" cmp "$TMP/nc.out" "$TMP/blob"
	background peer socat -u UDP$f-RECV:7003 OPEN:"$TMP/udp.out$f",creat
	wait_for 10 [ -e "$TMP/udp.out$f" ]
	fresh_name
	echo datagram | sandbox "$NAME" -- nc -u -w 1 $P 7003
	wait_for 20 grep -q datagram "$TMP/udp.out$f"
	check "IPv$f: nc -u" grep -q datagram "$TMP/udp.out$f"
	stop $LAST
done
fresh_name
background sandbox "$NAME" -- socat TCP6-LISTEN:7001,fork,reuseaddr,ipv6only=1 EXEC:cat
wait_for 10 sandbox_listens "$NAME" 7001
check "a server of IPv6 alone answers IPv6" \
	same "$(echo six | peer socat -t 10 - TCP:[$ADDR6]:7001)" six
check "and refuses IPv4" contains "$(peer socat - TCP:$ADDR:7001 2>&1 </dev/null)" "refused"
stop $LAST

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
fresh_name
out=$(sandbox "$NAME" -- ping -c 1 -W 5 fd00:77::99 2>&1)
check "and so IPv6" contains "$out" "Destination unreachable: Address unreachable"
finish
