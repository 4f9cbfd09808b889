# SPDX-License-Identifier: Apache-2.0
# common.sh - sourced by the tests that need real peers: two network namespaces joined by a veth pair.
#
#	$NSW  the namespace that weir takes over:	eth0 10.77.0.2/24, default via 10.77.0.1
#	$NSP  the peer, on the kernel's stack:		eth0 10.77.0.1/24
#
# and with net6_setup, fd00:77::2/64 and fd00:77::1/64 as well.
#
# A test that puts a third between them calls it $NSM, and one behind the peer $NSF.
# Names carry the test's pid, so tests can run side by side. Everything that a test starts with
# `background` is ended, by pid, when the test ends however it ends; so are the namespaces.
# A test calls `check` (one assertion) and finishes with `finish`, which prints the count.

set -u
: "${WEIR:?run this by make check, or set WEIR to the weir program}"
: "${WEIR_MODULE_PATH:=}"
: "${SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}"

[ "$(id -u)" = 0 ] || { echo "SKIP: $(basename "$0") needs root for network namespaces"; exit 77; }

NSW=weirw$$
NSP=weirp$$
PEER=10.77.0.1
ADDR=10.77.0.2
PEER6=fd00:77::1
ADDR6=fd00:77::2
TMP=$(mktemp -d "${TMPDIR:-/tmp}/weir-test.XXXXXX")
PIDS=
PASSED=0
FAILED=0
NAMES=0

# LeakSanitizer, in a build that has it, cannot stop the threads of a process that has gone to
# another PID namespace.
weir_exec="env ASAN_OPTIONS=detect_leaks=0 $WEIR exec"

cleanup() {
	for pid in $PIDS; do
		kill "$pid" 2>/dev/null
	done
	for pid in $PIDS; do
		wait "$pid" 2>/dev/null
	done
	for ns in $NSW $NSP ${NSM:-} ${NSF:-}; do
		[ -e /run/netns/$ns ] || continue
		for pid in $(ip netns pids $ns 2>/dev/null); do
			kill -9 "$pid" 2>/dev/null
		done
		ip netns del $ns 2>/dev/null
	done
	rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

need() {
	for prog in "$@"; do
		command -v "$prog" >/dev/null 2>&1 || { echo "SKIP: $prog is not installed"; exit 77; }
	done
}

net_setup() {
	ip netns add $NSW && ip netns add $NSP || exit 99
	ip -n $NSW link add eth0 type veth peer name eth0 netns $NSP || exit 99
	ip -n $NSW addr add $ADDR/24 dev eth0
	ip -n $NSP addr add $PEER/24 dev eth0
	for ns in $NSW $NSP; do
		ip -n $ns link set lo up
		ip -n $ns link set eth0 up
	done
	ip -n $NSW route add default via $PEER
	wait_for 10 linked
}
# The kernel learns of a carrier some time after both ends were set up, and then makes a link-local address: a picture that a test takes
# of the namespace before that is never met again.
linked() {
	local ns
	for ns in $NSW $NSP; do
		ip -n $ns link show eth0 | grep -q "state UP" || return 1
		[ ! -e /proc/net/if_inet6 ] || ip -n $ns -6 addr show dev eth0 | grep -q fe80: || return 1
	done
}

# IPv6 beside it, on what net_setup made; skips the test where the kernel has none.
net6_setup() {
	[ -e /proc/net/if_inet6 ] || { echo "SKIP: this kernel has no IPv6"; exit 77; }
	ip -n $NSW addr add $ADDR6/64 dev eth0 nodad
	ip -n $NSP addr add $PEER6/64 dev eth0 nodad
	ip -n $NSW -6 route add default via $PEER6 metric 9
	wait_for 10 settled6
}
settled6() { ! { ip -n $NSW addr show; ip -n $NSP addr show; } | grep -q tentative; }

# family 4|6: the two ends' addresses of that family are $A and $P; $URL_A and $URL_P, as a URL has them; and
# $ANY is what a server listens on.
family() {
	case $1 in
	4) A=$ADDR P=$PEER ANY=0.0.0.0 URL_A=$ADDR URL_P=$PEER ;;
	6) A=$ADDR6 P=$PEER6 ANY=:: URL_A=[$ADDR6] URL_P=[$PEER6] ;;
	esac
}

# In a subshell (a background job, a pipe) the command takes the shell's place, so that $! is its pid.
run() {
	[ "$BASH_SUBSHELL" = 0 ] || exec "$@"
	"$@"
}

# The peer's side, on the kernel's stack.
peer() { run ip netns exec $NSP "$@"; }

# weir run in the test's namespace: `sandbox NAME [options] -- program args`.
sandbox() {
	local name=$1
	shift
	run "$WEIR" run --netns $NSW --name "$name" "$@"
}

ctl() { "$WEIR" ctl "$@"; }
# addrs6 DEV [PREFIX]: the IPv6 addresses of $NAME's NIC that begin so, a line each.
addrs6() {
	ctl "$NAME" -j addr | python3 -c '
import json, sys
for nic in json.load(sys.stdin):
	for a in nic["addrs"]:
		if nic["dev"] == sys.argv[1] and ":" in a["addr"] and a["addr"].startswith(sys.argv[2]):
			print(a["addr"])' "$1" "${2:-}"
}
has6() { [ -n "$(addrs6 "$@")" ]; }

# counted GROUP.COUNTER...: what `ctl stats` says of them in $NAME, on one line.
counted() {
	ctl "$NAME" -j stats | python3 -c '
import json, sys
s = json.load(sys.stdin)
print(*(s[a][b] for a, b in (name.split(".") for name in sys.argv[1:])))' "$@"
}

# A name for a sandbox of this test.
fresh_name() {
	NAMES=$((NAMES + 1))
	NAME=t$$-$NAMES
}

# Run in the background; $! is remembered for the end.
background() {
	"$@" &
	LAST=$!
	PIDS="$PIDS $LAST"
}

# End one background process now.
stop() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local n=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] || return 1
		sleep 0.05
	done
}

# A TCP port of the peer is open, seen from the peer itself (no connection is made).
peer_listens() { [ -n "$(peer ss -Hltn "sport = :$1")" ]; }
# The sandbox NAME has a socket listening on PORT.
sandbox_listens() { ctl "$1" sockets 2>/dev/null | grep -q "LISTEN.*:$2\b"; }

# check DESCRIPTION COMMAND...: the command succeeds.
check() {
	local what=$1
	shift
	if "$@"; then
		PASSED=$((PASSED + 1))
		echo "ok: $what"
	else
		FAILED=$((FAILED + 1))
		echo "FAILED: $what: $*"
	fi
}

same() { [ "$1" = "$2" ] || { echo "  '$1' is not '$2'"; return 1; }; }
contains() { case $1 in *"$2"*) ;; *) echo "  '$1' lacks '$2'"; return 1 ;; esac; }

# own FILE: what a weir of this test said. One of another test, which runs at the same time, may have been killed, and
# whichever starts next says that it gave back what that one had taken.
own() { grep -v "sandbox .* had taken" "$1"; }

finish() {
	echo "$(basename "$0"): $PASSED passed, $FAILED failed"
	[ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
	exit
}
