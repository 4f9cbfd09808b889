#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# /proc/net inside the sandbox: the kernel's formats, what netstat, busybox, nstat and others make of them, and programs that
# mean no good.
. "$(dirname "$0")/common.sh"
need ip python3 ss netstat nstat busybox setpriv unshare nc
[ -e /dev/fuse ] || { echo "SKIP: there is no /dev/fuse"; exit 77; }
net_setup
net6_setup
fresh_name
background sandbox "$NAME" -- sleep 1000
wait_for 10 ctl "$NAME" show
inside() { $weir_exec "$NAME" -- "$@"; }

# The same sockets here and there.
cat > "$TMP/sockets.py" <<'EOS'
import socket, sys, time
keep = []
listener = socket.create_server(("0.0.0.0", 7000))
six = socket.create_server(("::", 7006), family=socket.AF_INET6)
c = socket.create_connection(("127.0.0.1", 7000)); a, _ = listener.accept()
c.send(b"read by nobody")
over = socket.create_connection(("127.0.0.1", 7000)); taken, _ = listener.accept()
over.close(); taken.close()					# TIME-WAIT
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 5353)); u.connect(("127.0.0.1", 5354))
u6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u6.bind(("::", 5355))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
local = socket.socket(socket.AF_UNIX); local.bind("\0weir-procnet-" + sys.argv[1]); local.listen()
print("ready", flush=True)
sys.stdin.readline()
EOS
mkfifo "$TMP/in1" "$TMP/in2"
peer python3 "$TMP/sockets.py" peer < "$TMP/in1" > "$TMP/out1" 2>&1 &
PIDS="$PIDS $!"
inside python3 "$TMP/sockets.py" inside < "$TMP/in2" > "$TMP/out2" 2>&1 &
PIDS="$PIDS $!"
exec 8> "$TMP/in1" 9> "$TMP/in2"
wait_for 10 grep -q ready "$TMP/out1" && wait_for 10 grep -q ready "$TMP/out2" || cat "$TMP"/out?
peer ping -c 1 -W 2 $ADDR > /dev/null		# neighbours know each other
ip -n $NSP route add default via $ADDR
ip -n $NSP -6 route add default via $ADDR6 metric 9

# ---- formats ----
mkdir "$TMP/kernel" "$TMP/weir"
inside sh -c 'cd /proc/net && for f in *; do [ -L $f ] || echo $f; done' > "$TMP/names"
check "there are files" [ "$(wc -l < "$TMP/names")" -ge 20 ]
for f in $(cat "$TMP/names"); do
	peer cat /proc/net/$f > "$TMP/kernel/$f" 2>/dev/null
	inside cat /proc/net/$f > "$TMP/weir/$f" || echo "FAILED: cat $f"
done
python3 "$SRCDIR/tests/net/procnet_compare.py" "$TMP/kernel" "$TMP/weir" > "$TMP/compared" 2>&1
check "headers, columns and names are the kernel's" same "$(cut -c 1-400 "$TMP/compared" | sed 's/[0-9]*$//')" "compared "
check "as many as should be" [ "$(tail -n 1 "$TMP/compared" | cut -d' ' -f2)" -ge 50 ]
check "files have no length, and the day of today" same "$(inside stat -c '%s %A' /proc/net/tcp) $(inside date -r /proc/net/tcp +%Y)" "0 -r--r--r-- $(date +%Y)"

# ---- programs ----
inside netstat -tuanp > "$TMP/netstat" 2> "$TMP/complaints"
check "netstat complains of nothing" same "$(cat "$TMP/complaints")" ""
# "tcp LISTEN 0.0.0.0:7000 0.0.0.0:* pid recv-q", sorted; a listener's queue is another thing to each
awk '/^(tcp|udp)/ { s = $6 ~ /^[A-Z]/ ? $6 : $1 ~ /udp/ ? "-" : "?"; print $1, s, $4, $5, $NF == "-" ? "-" : $NF+0, s == "LISTEN" ? 0 : $2 }' "$TMP/netstat" | sort > "$TMP/a"
inside ss -Htuanp | python3 -c '
import re, sys
names = {"ESTAB": "ESTABLISHED", "TIME-WAIT": "TIME_WAIT", "UNCONN": "-"}
for l in sys.stdin:
	kind, state, waits, _, local, peer, *rest = l.split()
	pid = re.search(r"pid=(\d+)", l)
	def six(a): return a.replace("[", "").replace("]", "").replace("*:", ":::") if v6 else a
	v6 = "[" in local or local.startswith("*")
	print(kind + "6" * v6, names.get(state, state), six(local), six(peer), pid and pid.group(1) or "-", 0 if state == "LISTEN" else waits)' | sort > "$TMP/b"
check "netstat shows what ss does" same "$(cat "$TMP/a")" "$(cat "$TMP/b")"
check "and what nobody has read" contains "$(cut -d' ' -f2,6 < "$TMP/a")" "ESTABLISHED 14"
inside setpriv --reuid 1000 nc -4ul 5444 > /dev/null &
PIDS="$PIDS $!"
wait_for 10 eval 'inside cat /proc/net/udp | grep -q :1544'
check "whose a socket is" same "$(inside awk '/:1544/ { print $8 }' /proc/net/udp)" 1000
check "with processes" grep -q 'ESTABLISHED [0-9]*/python3' "$TMP/netstat"
check "raw sockets" contains "$(inside netstat -wan)" "0.0.0.0:1 "
check "netstat's routes" same "$(inside netstat -rn | awk '$8 == "eth0" { print $1, $2, $3, $4 }' | sort)" "$(printf '%s\n' "0.0.0.0 $PEER 0.0.0.0 UG" "10.77.0.0 0.0.0.0 255.255.255.0 U")"
check "of IPv6" contains "$(inside netstat -rn6 | tr -s ' ')" "::/0 $PEER6 UG 9 "
check "busybox's routes" contains "$(inside busybox route -n | tr -s ' ')" "0.0.0.0 $PEER 0.0.0.0 UG 0 0 0 eth0"
check "busybox netstat" contains "$(inside busybox netstat -tln | tr -s ' ')" "0.0.0.0:7000 0.0.0.0:* LISTEN"
check "busybox ifconfig" contains "$(inside busybox ifconfig eth0)" "inet6 addr: $ADDR6/64 Scope:Global"
check "ifconfig" contains "$(inside ifconfig eth0)" "inet6 $ADDR6  prefixlen 64  scopeid 0x0<global>"
check "arp" contains "$(inside arp -n | tr -s ' ')" "$PEER ether $(ip -n $NSP -br link show eth0 | awk '{ print $3 }') C eth0"
check "groups" contains "$(inside netstat -gn | tr -s ' ')" "eth0 1 ff02::1"
check "ss of AF_UNIX sockets reads the kernel's" contains "$(inside ss -xl)" "@weir-procnet-inside"
check "so does netstat" contains "$(inside netstat -xl)" "@weir-procnet-inside"
check "and only the sandbox's" same "$(inside cat /proc/net/unix | grep -c weir-procnet-peer)" 0
python3 - > "$TMP/counted" <<PY
import json, re, subprocess
def run(*a): return subprocess.run(a, capture_output=True, text=True).stdout
inside = "$weir_exec $NAME --".split()
snmp = run(*inside, "nstat", "-asz")
netstat = run(*inside, "netstat", "-s")
dev = run(*inside, "cat", "/proc/net/dev")
s = json.loads(run("$WEIR", "ctl", "$NAME", "-j", "stats"))
n = dict(l.split()[:2] for l in snmp.split("\n") if l and l[0] != "#")
bad = []
for group, key in ("Tcp", "tcp"), ("Ip", "ip"), ("Udp", "udp"), ("Icmp", "icmp"), ("TcpExtTCP", "tcp"), ("TcpExt", "tcp"), ("Ip6", "ip6"):
	for name, value in s[key].items():
		linux = group + "".join(p.capitalize() for p in name.split("_"))
		for have in n:
			if have.lower() == linux.lower() and int(n[have]) != value:
				bad.append((have, n[have], value))
row = re.search(r"eth0: *(.*)", dev).group(1).split()
nic = s["nics"]["eth0"]
if [int(row[i]) for i in (0, 1, 8, 9)] != [nic[x] for x in ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets")]:
	bad.append((row, nic))
for text, value in ("active connection openings", s["tcp"]["active_opens"]), ("segments received", s["tcp"]["in_segs"]):
	if not re.search(r"^ *%d %s" % (value, text), netstat, re.M):
		bad.append((text, value))
print(bad or "agree", s["tcp"]["active_opens"] >= 2, int(n["TcpActiveOpens"]) >= 2)
PY
check "nstat, netstat -s and dev say what ctl stats does" same "$(cat "$TMP/counted")" "agree True True"
check "netstat -s has every group" same "$(inside netstat -s | grep '^[A-Z][A-Za-z]*:$' | tr -d '\n')" Ip:Icmp:Tcp:Udp:UdpLite:TcpExt:IpExt:
check "another user reads them" same "$(inside setpriv --reuid 1000 --regid 1000 --clear-groups netstat -tln | grep -c :7000)" 1
check "a process's own net stays the kernel's, and is empty" same "$(inside cat /proc/self/net/tcp | wc -l)" 1
own_proc() { "$WEIR" run --mode none --name "$NAME-own" "$@" -- unshare -Urpf --mount-proc true 2> "$TMP/own"; }
check "a program's own namespaces get a new /proc with --privileged" own_proc --privileged
check "otherwise not: it would show what is covered" same "$(own_proc; echo $?) $(cat "$TMP/own")" "1 unshare: mount /proc failed: Operation not permitted"

# ---- many ----
cat > "$TMP/many.py" <<'EOS'
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (5000, 5000))
l = socket.create_server(("127.0.0.1", 7777), backlog=100)
keep = []
for _ in range(2000):
	keep.append(socket.create_connection(("127.0.0.1", 7777)))
	keep.append(l.accept()[0])
print("ready", flush=True)
sys.stdin.readline()
EOS
mkfifo "$TMP/in3"
inside python3 "$TMP/many.py" < "$TMP/in3" > "$TMP/out3" 2>&1 &
PIDS="$PIDS $!"
exec 7> "$TMP/in3"
wait_for 60 grep -q ready "$TMP/out3" || cat "$TMP/out3"
check "2,000 connections, both ends of each" same "$(inside sh -c "grep -c ':1E61 .* 01 \|:1E61 01 ' /proc/net/tcp")" 4000
check "each once" same "$(inside cat /proc/net/tcp | awk '$4 == "01" { print $2, $3 }' | sort -u | grep -c 1E61)" 4000
check "for netstat" same "$(inside netstat -tan | grep -c ':7777.*ESTABLISHED')" 4000
check "by one byte at a time" same "$(inside dd if=/proc/net/tcp bs=1 count=150300 2>/dev/null | wc -l)" 1002

# ---- programs that mean no good ----
inside timeout 60 python3 "$SRCDIR/tests/net/procnet_hostile.py" abuse > "$TMP/abuse" 2>&1
check "names, offsets, mappings" same "$(cat "$TMP/abuse")" done
mkfifo "$TMP/in4" "$TMP/in5"
inside python3 "$SRCDIR/tests/net/procnet_hostile.py" hold < "$TMP/in4" > "$TMP/held" 2>&1 &
holder=$!
PIDS="$PIDS $holder"
exec 6> "$TMP/in4"
wait_for 20 grep -q . "$TMP/held"
check "256 files may be open" same "$(cat "$TMP/held")" "256 ENFILE"
check "then others get ENFILE" contains "$(inside cat /proc/net/dev 2>&1)" "Too many open files in system"
check "and everything else goes on" same "$(inside python3 -c "import socket; s = socket.create_connection(('127.0.0.1', 7000)); print(len(open('/proc/net/unix').read()) > 0)")" True
exec 6>&-
wait $holder
check "until they are closed" contains "$(inside cat /proc/net/dev)" eth0
inside python3 "$SRCDIR/tests/net/procnet_hostile.py" far < "$TMP/in5" > "$TMP/far" 2>&1 &
PIDS="$PIDS $!"
exec 5> "$TMP/in5"
wait_for 20 grep -q reading "$TMP/far"
check "while many read far away the stack answers" same "$(timeout 5 "$WEIR" ctl "$NAME" -j link show | wc -l | sed "s/[1-9][0-9]*/n/")" n
peer ping -c 20 -i 0.05 -q $ADDR > "$TMP/ping"
check "and its round trips are short" awk -F/ '/^rtt/ { exit !($5 < 20) }' "$TMP/ping"
check "and others read" contains "$(inside timeout 20 cat /proc/net/dev)" eth0
check "who is killed in the middle of it is gone" inside kill -9 "$(cut -d' ' -f2 "$TMP/far")"
check "and the others read on" contains "$(inside timeout 10 cat /proc/net/dev)" eth0
exec 5>&-

# ---- the end ----
exec 7>&- 8>&- 9>&-
stop $LAST
fresh_name
start=$(date +%s)
timeout 20 "$WEIR" run --netns $NSW --name "$NAME" -- sh -c "
	exec 3< /proc/net/tcp; cat /proc/net/dev > /dev/null
	python3 '$SRCDIR/tests/net/procnet_hostile.py' far < /dev/zero > /dev/null 2>&1 &
	sleep 1; exit 7"
check "a program ends with files open and reads under way" same $? 7
check "at once" [ $(($(date +%s) - start)) -le 8 ]
"$WEIR" run --netns $NSW --name "$NAME" -- sh -c "python3 '$SRCDIR/tests/net/procnet_hostile.py' far < /dev/zero" > "$TMP/far2" 2>&1 &
run=$!
PIDS="$PIDS $run"
wait_for 10 grep -q reading "$TMP/far2"
stack=$(pgrep -P $run weir-stack)
kill -9 "$stack"
wait_for 10 eval '! kill -0 $run 2>/dev/null'
check "so does one whose stack is killed" eval '! kill -0 $run 2>/dev/null'
wait $run

# Root with --privileged may unmount what is its own, or break the connection: it is alone with the consequences.
cat > "$TMP/break.sh" <<'EOS'
case $1 in
unmounted) umount /proc/1/net ;;
broken)	n=$(stat -L -c %d /proc/net)
	mount -t fusectl none /sys/fs/fuse/connections && echo 1 > /sys/fs/fuse/connections/$n/abort ;;
esac || exit
cat /proc/net/tcp > /dev/null 2>&1
python3 -c "import socket; l = socket.create_server(('127.0.0.1', 7)); socket.create_connection(('127.0.0.1', 7)); print('works')"
read x < "$2"
EOS
mkfifo "$TMP/enough"
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }	# of CPU time, 1/100 s
for what in unmounted broken; do
	"$WEIR" run --netns $NSW --privileged --name "$NAME" -- sh "$TMP/break.sh" $what "$TMP/enough" > "$TMP/$what" 2> "$TMP/$what.err" &
	run=$!
	PIDS="$PIDS $run"
	wait_for 30 grep -q works "$TMP/$what" || cat "$TMP/$what" "$TMP/$what.err"
	check "sockets work when it is $what" same "$(cat "$TMP/$what")" works
	stack=$(pgrep -P $run weir-stack)
	before=$(ticks "$stack")
	sleep 1
	check "and the stack process rests" [ $(($(ticks "$stack") - before)) -le 20 ]
	timeout 20 sh -c "echo > '$TMP/enough'"
	wait $run
	check "and says nothing" same "$(own "$TMP/$what.err")" ""
done

# ---- modes, and machines without FUSE ----
check "mode none" contains "$("$WEIR" run --mode none --name "$NAME" -- cat /proc/net/if_inet6)" "00000000000000000000000000000001 01 80 10 80       lo"
check "mode host is left alone" same "$("$WEIR" run --mode host --name "$NAME" -- readlink /proc/net)" self/net
cat > "$TMP/nofuse" <<EOS
mount --make-rprivate / && mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 || exit 99
\$1
exec "$WEIR" run --mode none --name "$NAME" -- sh -c 'readlink /proc/net; grep -c : /proc/net/dev'
EOS
unshare -m sh "$TMP/nofuse" "" > "$TMP/out" 2> "$TMP/err"
check "without /dev/fuse programs run, on the kernel's /proc/net" same "$(cat "$TMP/out")" "$(printf 'self/net\n1')"
check "and weir says so once" same "$(own "$TMP/err")" "weir: the sandbox's /proc/net is empty: /dev/fuse: No such file or directory; load the kernel's module fuse and, in a container, let it have the device"
unshare -m sh "$TMP/nofuse" "mknod /dev/fuse c 1 3" > "$TMP/out" 2> "$TMP/err"
check "where it cannot be mounted, too" same "$(cat "$TMP/out")" "$(printf 'self/net\n1')"
check "with the reason" contains "$(cat "$TMP/err")" "cannot mount a FUSE file system: Invalid argument"
finish
