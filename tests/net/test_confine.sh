#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Root inside a sandbox, against those who hold it: init, the front, the host's /proc, the operator's sockets.
. "$(dirname "$0")/common.sh"
need python3 setpriv unshare ping

run() { timeout 30 "$WEIR" run --network=none "$@"; }
tries() { python3 "$SRCDIR/tests/net/confine.py" "$@"; }
inside() { run -- python3 "$SRCDIR/tests/net/confine.py" "$@" 2>&1; }
field() { sed -n "s/^$1:[[:space:]]*//p" "$2"; }
status() { "$@" > "$TMP/out" 2> "$TMP/err"; echo $?; }

# ---- capabilities: Docker's default, and CAP_NET_ADMIN over its own network ----
bits() { python3 -c 'import sys; print(" ".join(str(i) for i in range(64) if int(sys.argv[1], 16) >> i & 1))' "$1"; }
caps() { run "$@" -- sed -n "s/^Cap\(Bnd\|Prm\|Eff\):[[:space:]]*//p" /proc/self/status | sort -u; }
# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN NET_RAW SYS_CHROOT MKNOD
# AUDIT_WRITE SETFCAP
DEFAULT="0 1 3 4 5 6 7 8 10 12 13 18 27 29 31"
all=$(field CapBnd /proc/self/status)
check "by default" same "$(bits "$(caps)")" "$DEFAULT"
check "inherited ones: none" same "$(run -- grep -cE '^Cap(Inh|Amb):.0{16}$' /proc/self/status)" 2
check "--cap-add" same "$(bits "$(caps --cap-add SYS_PTRACE,cap_sys_nice)")" "${DEFAULT/18/18 19 23}"
check "--cap-drop" same "$(bits "$(caps --cap-drop=NET_RAW --cap-drop MKNOD)")" "$(echo "$DEFAULT" | sed 's/ 13 / /; s/ 27 / /')"
check "--cap-drop ALL" same "$(bits "$(caps --cap-drop all)")" ""
check "and one back" same "$(bits "$(caps --cap-drop ALL --cap-add CHOWN)")" 0
check "--privileged" same "$(caps --privileged)" "$all"
check "a set-user-ID program gains no other" same \
	"$(run -- setpriv --reuid 1000 --clear-groups grep CapBnd /proc/self/status | cut -f2)" "$(caps)"
check "mode host: the network is the host's, without CAP_NET_ADMIN" same \
	"$(bits "$("$WEIR" run --mode host -- sed -n 's/^CapEff:\t//p' /proc/self/status)")" "${DEFAULT/12 /}"
check "no such capability: 125" same "$(status run --cap-add NONSENSE -- true)" 125
check "and it says so" contains "$(cat "$TMP/err")" "NONSENSE"

# ---- init ----
check "init cannot be traced" same "$(inside trace 1)" EPERM
check "a program's own children can" same "$(inside children)" done
check "init's sockets cannot be taken" same "$(inside channels)" EPERM
check "nor its memory read" same "$(inside memory)" EPERM
check "nor its files" same "$(inside files)" "EACCES EACCES EACCES EACCES EACCES EACCES"
check "no namespace can be entered or made" same "$(inside namespaces)" "EACCES EACCES EACCES EPERM"
fresh_name
background "$WEIR" run --network=none --name "$NAME" -- sleep 60
FIRST=$LAST
wait_for 20 $weir_exec "$NAME" -- true
INIT=$(pgrep -P "$(pgrep -P $FIRST -x weir-stack)" -x weir-init)
check "init has no capability" same "$(field CapPrm /proc/$INIT/status)$(field CapEff /proc/$INIT/status)" 00000000000000000000000000000000
check "and may have what the sandbox may" same "$(bits "$(field CapBnd /proc/$INIT/status)")" "$DEFAULT"
nm -D "$WEIR" 2>/dev/null | grep -q __asan_init || check "an allow-list of system calls" same "$(field Seccomp /proc/$INIT/status)" 2
check "no new privileges" same "$(field NoNewPrivs /proc/$INIT/status)" 1
check "its descriptors: no file, and the way to the front" same "$(ls /proc/$INIT/fd | wc -l)" 4
check "programs have 0 to 2" same "$(inside descriptors)" "0 1 2"
check "those of weir exec, too" same "$($weir_exec "$NAME" -- python3 "$SRCDIR/tests/net/confine.py" descriptors 7</etc/passwd)" "0 1 2"

cat > "$TMP/standard.py" <<'END'
import os, sys
links = [os.readlink("/proc/self/fd/%d" % n) for n in range(3)]
open(sys.argv[1], "w").write(" ".join(links) + " ")
END
standard() {	# REDIRECTIONS: what descriptors 0, 1 and 2 are inside
	eval "run -- python3 $TMP/standard.py $TMP/fds $1"
	cat "$TMP/fds"
}
check "where weir was started without standard descriptors they are /dev/null" same \
	"$(standard '0<&- 1>&- 2>&-')" "/dev/null /dev/null /dev/null "
check "each by itself" same "$(standard '0<&- > /dev/zero 2>&1'; standard '1>&- < /dev/zero 2>&0'; standard '2>&- < /dev/zero > /dev/zero')" \
	"/dev/null /dev/zero /dev/zero /dev/zero /dev/null /dev/zero /dev/zero /dev/zero /dev/null "

# ---- weir exec: not more than the sandbox ----
exec_caps() { $weir_exec "$@" -- sed -n "s/^Cap\(Bnd\|Prm\|Eff\):[[:space:]]*//p" /proc/self/status | sort -u; }
check "exec: as the sandbox" same "$(bits "$(exec_caps "$NAME")")" "$DEFAULT"
check "exec: fewer" same "$(bits "$(exec_caps --cap-drop ALL --cap-add KILL "$NAME")")" 5
for more in --privileged --cap-add=SYS_ADMIN --cap-add=ALL; do
	check "exec $more is refused" same "$(status $weir_exec $more "$NAME" -- true)" 125
	check "and it says what to do" contains "$(cat "$TMP/err")" "was started without CAP_"
done
check "exec: the same network" same "$($weir_exec "$NAME" -- readlink /proc/self/ns/net)" "$(readlink /proc/$INIT/ns/net)"
check "exec: init cannot be traced" same "$($weir_exec "$NAME" -- python3 "$SRCDIR/tests/net/confine.py" trace 1)" EPERM
stop "$FIRST"
fresh_name
background "$WEIR" run --network=none --privileged --name "$NAME" -- sleep 60
FIRST=$LAST
wait_for 20 $weir_exec "$NAME" -- true
check "exec in a privileged sandbox" same "$(exec_caps "$NAME")" "$all"
stop "$FIRST"

# ---- who may trace all the same: init can only report, and the front believes what it can check ----
# An allow-list of init ends it when it is made to do more.
traces() { timeout 30 "$WEIR" run --network=none --cap-add SYS_PTRACE -- python3 "$SRCDIR/tests/net/confine.py" "$@"; }
forged() { traces forge "$@"; }
check "a forged STOPPED stops nobody" same "$(status forged 2 plain) $(cat "$TMP/out")" "0 done"
check "a forged FAILED says nothing" same "$(status forged 4 escape) $(cat "$TMP/out" "$TMP/err")" "0 done"
check "a forged STARTED with a descriptor is thrown away" same "$(status forged 0 plain 520 fd) $(cat "$TMP/out")" "0 done"
check "lengths, kinds, descriptors" same "$(status traces flood) $(cat "$TMP/out")" "0 done"

# ---- who is stopped is ended by SIGTERM all the same ----
check "the group, with the front in it, cannot be stopped" same "$(inside group)" EPERM
state() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1; }
stopped() { [ "$(state "$1")" = T ]; }
running() { ! stopped "$1"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
terminated() {	# PROGRAM...
	background "$WEIR" run --network=none -- "$@"
	wait_for 20 stopped $LAST || return 1
	kill -TERM $LAST
	wait_for 20 gone $LAST || { kill -9 $LAST; return 1; }
	wait $LAST
	same $? 143
}
check "SIGTERM ends a program that stopped, and weir run" terminated sh -c 'kill -STOP $$'
continued() {	# from inside: the front goes on, too
	background "$WEIR" run --network=none -- sh -c 'sh -c "while ! grep -q \"State:.T\" /proc/\$PPID/status; do sleep 0.05; done; sleep 0.5; kill -CONT \$PPID; sleep 1000" & kill -STOP $$; wait'
	wait_for 20 stopped $LAST && wait_for 20 running $LAST
	local rc=$?
	kill $LAST
	wait $LAST
	return $rc
}
check "a program that goes on takes the front with it" continued

# ---- the terminal ----
cat > "$TMP/terminal.py" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execvp(sys.argv[1], sys.argv[1:])
out = b""
try:
    while piece := os.read(fd, 4096):
        out += piece
except OSError:
    pass
print(out.decode().strip())
END
check "nobody types into the terminal" same "$(timeout 30 python3 "$TMP/terminal.py" "$WEIR" run --network=none -- python3 "$SRCDIR/tests/net/confine.py" type)" EPERM

# ---- the host behind /proc and /sys ----
writes() { run "$@" -- sh -c 'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/swappiness /sys/kernel/uevent_helper /sys/kernel/mm/ksm/run /sys/fs/cgroup/x; do : 2>/dev/null >> $f && echo $f; done; true' 2>/dev/null; }
check "nothing that commands the host can be written" same "$(writes)" ""
for f in /proc/kcore /proc/keys /proc/timer_list; do
	[ ! -e $f ] || check "$f is covered" same "$(run -- stat -c %t:%T $f)" 1:3
done
check "with --privileged nothing is covered" contains "$(writes --privileged)" /proc/sys/kernel/core_pattern
check "/proc cannot be mounted anew" contains "$(run -- mount -t proc proc /mnt 2>&1)" "denied"
check "nor uncovered" contains "$(run -- umount /proc/sys 2>&1; run -- umount -l /run/weir 2>&1)" "must be superuser"
check "not by namespaces of its own" contains "$(run -- unshare -Urm umount /run/weir 2>&1)" "umount"

# ---- a user namespace of its own ----
mapped() { run --userns 100000:5000 "$@"; }
check "its root" same "$(mapped -- sh -c 'id -u; id -G; cat /proc/self/uid_map /proc/self/gid_map' | tr -s ' \n' ' ')" "0 0 0 100000 5000 0 100000 5000 "
check "its capabilities: the same" same "$(bits "$(caps --userns 100000)")" "$DEFAULT"
check "which count for its network" contains "$(mapped -- sh -c 'ip addr add 10.1.1.1/24 dev lo; ip -br addr')" "10.1.1.1/24"
raw='import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print("done")'
check "raw sockets, too" same "$(mapped -- python3 -c "$raw")" done
check "not those of a namespace inside of it" contains "$(mapped -- unshare -Ur python3 -c "$raw" 2>&1)" "not permitted"
check "nor of one inside a sandbox without" contains "$(run -- setpriv --reuid 1000 --clear-groups unshare -Ur python3 -c "$raw" 2>&1)" "not permitted"
echo secret > "$TMP/secret"
chmod 600 "$TMP/secret"
chmod 755 "$TMP"
check "root's files are not its own" contains "$(mapped -- cat "$TMP/secret" 2>&1)" "Permission denied"
check "nor what commands the host, even with --privileged" same "$(writes --userns 100000; writes --userns 100000 --privileged)" ""
check "so it can have a new /proc" mapped -- unshare -Urpf --mount-proc true
listens='import os, socket; s = socket.create_server(("127.0.0.1", 7001)); t = open("/proc/net/tcp").read(); print(*[l.split()[7] for l in t.split("\n") if ":1B59" in l])'
check "/proc/net is the stack's, with its own users" same "$(mapped -- python3 -c "$listens"; mapped -- setpriv --reuid 1000 --clear-groups python3 -c "$listens")" "$(printf '0\n1000')"
fresh_name
background "$WEIR" run --network=none --userns 100000 --name "$NAME" -- sleep 60
FIRST=$LAST
wait_for 20 $weir_exec "$NAME" -- true
INIT=$(pgrep -P "$(pgrep -P $FIRST -x weir-stack)" -x weir-init)
check "exec: in it, too" same "$($weir_exec "$NAME" -- sh -c 'id -u; id -G; tr -s " " < /proc/self/uid_map' | tr '\n' ' ')" "0 0  0 100000 65536 "
check "exec: the same capabilities" same "$(bits "$(exec_caps "$NAME")")" "$DEFAULT"
check "exec: sockets" same "$($weir_exec "$NAME" -- python3 -c "$raw")" done
check "outside it is nobody in particular" same "$(field Uid /proc/$INIT/status | tr '\t' ' ')" "100000 100000 100000 100000"
check "init cannot be traced" same "$($weir_exec "$NAME" -- python3 "$SRCDIR/tests/net/confine.py" trace 1)" EPERM
stop "$FIRST"
check "init cannot be traced with CAP_SYS_PTRACE over that namespace" same "$(mapped --cap-add SYS_PTRACE -- python3 "$SRCDIR/tests/net/confine.py" trace 1)" EPERM
net_setup
check "in mode host on a namespace" contains "$("$WEIR" run --netns $NSW --mode host --userns 100000 -- ip -4 -o addr)" "$ADDR/24"
check "with devices" same "$("$WEIR" run --netns $NSW --userns 100000 -- ping -c 1 -W 5 $PEER | grep -c '1 received')" 1
for bad in 0 0:5 x 5:0 5: -1 4294967295 100:4294967295 " 5" 5x; do
	check "--userns '$bad': 125" same "$(status run --userns "$bad" -- true) $(grep -c -- "--userns $bad:" "$TMP/err")" "125 1"
done

# ---- the operator's sockets ----
fresh_name
background "$WEIR" run --network=none --name "$NAME" -- sleep 60
wait_for 20 ctl "$NAME" show
check "the folder of control sockets is empty inside" same "$(run -- ls -A /run/weir)" ""
check "and nothing can be put there" contains "$(run -- touch /run/weir/x 2>&1)" "Read-only"
check "nor can it be moved away" contains "$(run -- mv /run/weir /run/weir-$$ 2>&1)" "busy"
check "in mode host, too" same "$("$WEIR" run --mode host -- ls -A /run/weir)" ""
check "and by weir exec" same "$($weir_exec "$NAME" -- ls -A /run/weir)" ""
stop "$LAST"
finish
