# SPDX-License-Identifier: Apache-2.0
# watch_screen.py SCENARIO NAME: `weir ctl NAME watch` on a terminal, for test_watch.sh. Silent when all is well.
import json, os, re, signal, socket, sys, time
from watch_terminal import Terminal, want

WEIR = os.environ["WEIR"]
BLOCKS = set("\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588")
UTF8, C = "C.UTF-8", "C"

def start(name, rows=24, cols=80, term="xterm", lang=UTF8, args="-i 0.2"):
	t = Terminal(rows, cols, TERM=term, LC_ALL=lang)
	t.run(f"{WEIR} ctl {name} watch {args}")
	return t

def fits(t):
	want(t.screen.beyond == 0, "nothing is printed behind the last column", t.screen.text())

def whole(name, term, lang, blocks):
	t = start(name, term=term, lang=lang)
	t.until(r"^ weir \S+ +up 0:0\d:\d\d ")
	t.until(r"^eth0 +[\d.]+k? +[\d.]+k? +0 +(9\d\dk|1\.\d\dM) +\d+ +0 +[\d.]+k +\d+$")	# 8 mbit, and what waits
	t.until(r"^eth0 tbf +(9\d\dk|1\.\d\dM) .*[1-9]")
	t.until(r"^  \+ fifo +(9\d\dk|1\.\d\dM) ")
	t.until(r"^10\.77\.0\.2:\d+ +10\.77\.0\.1:9400 +ESTAB +(9\d\dk|1\.\d\dM) +0 +[\d.]+k? +\d+\.?\d*[mu]s cubic$")
	t.until(r"^lo +0 +0 ")
	t.until("[\u2585-\u2588]{3}" if blocks else r"[%#]{3}")
	if not blocks:
		want(max(t.raw) < 128, "all of it is ASCII")
	fits(t)
	t.type("q")
	t.ended(0)
	t.close()

def utf8(name): whole(name, "xterm", UTF8, True)
def c_locale(name): whole(name, "xterm", C, False)
def screen(name): whole(name, "screen", UTF8, True)
def linux(name): whole(name, "linux", UTF8, False)
def vt100(name): whole(name, "vt100", C, False)

def small(name):
	t = start(name, 5, 20)
	t.until(r"^eth0 +[\d.]+k? +(9\d\dk|1\.\d\dM)$")
	t.until(r"QDISC")
	fits(t)
	t.type("q")
	t.ended(0)
	for size in ((1, 1), (2, 4), (200, 500)):
		t.resize(*size)
		t.run(f"{WEIR} ctl {name} watch -i 0.1 -n 2")
		end = time.monotonic() + 1
		while time.monotonic() < end:
			t.read(0.1)
		t.resize(24, 80)
		t.type("\n")
		t.ended(0)
	t.close()

def resize(name):
	t = start(name)
	t.until(r"ESTAB")
	t.type("x")			# means nothing
	t.resize(5, 20)
	t.until(r"^eth0 +\S+ +(9\d\dk|1\.\d\dM)$")
	want("STATE" not in t.screen.text() and "tbf" not in t.screen.text(), "five rows", t.screen.text())
	t.resize(43, 132)
	t.until(r"^TCP LOCAL {20,}PEER .* cc$")
	t.until(r"^eth0 tbf ")
	t.until(r"ESTAB")
	want(len(t.screen.text().split("\n")[0]) > 70, "the title is as long as it can be")
	t.resize(24, 80)
	t.until(r"^TCP LOCAL {1,10}PEER .* cc$")
	t.resize(24, 62)		# rows that are cut leave nothing in the next ones
	text = t.until(r"^  in .* [\d.]+k$")
	want(re.search(r"^  in {2,}[\u2581-\u2588]+ +[\d.]+k$", text, re.M), "a plot alone in its row", text)
	fits(t)
	t.type("q")
	t.ended(0)
	t.close()

def control_c(name):
	t = start(name)
	t.until(r"ESTAB")
	t.type("\x03")
	t.ended(0)
	for sig in signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
		t.run(f"{WEIR} ctl {name} watch -i 60")		# and however long it waits
		t.until(r"^eth0 tbf")
		os.kill(os.tcgetpgrp(t.master), sig)
		t.ended(0)
	t.close()

def control_z(name):
	t = start(name)
	for _ in range(2):
		t.until(r"ESTAB")
		t.type("\x1a")
		t.until(r"READY148$")		# 128 + SIGTSTP: the shell's newest prompt
		want(not t.screen.alternate and not t.screen.hidden, "the shell has its own screen", t.screen.text())
		t.same_modes()
		t.type("fg\n")
		t.until(r"ESTAB")
	t.type("q")
	t.ended(0)
	t.close()

# The terminal goes away: nothing is left that fills it.
def hangup(name):
	t = start(name)
	t.until(r"ESTAB")
	pid = os.tcgetpgrp(t.master)
	t.close()
	end = time.monotonic() + 10
	while os.path.exists(f"/proc/{pid}/stat") and open(f"/proc/{pid}/stat").read().split(") ")[1][0] != "Z":
		want(time.monotonic() < end, "it ends with its terminal")
		time.sleep(0.05)

def count(name):
	t = start(name, args="-i 0.1 -n 3 eth0")
	t.until(r"^eth0 tbf")
	want("\nlo " not in t.screen.text(), "only the NIC that was named", t.screen.text())
	t.ended(0)
	t.close()

# Without a terminal to fill, lines and a word why.
def lines(name):
	for term, why in (("dumb", "TERM=dumb cannot place text"), ("nonesuch", "TERM=nonesuch is not known"),
			  ("", r"TERM=\(not set\) is not known"), ("a\x07b", r"TERM=a\?b is not known")):
		t = start(name, 24, 250, term=term, args="-i 0.1 -n 2 eth0")
		t.until(f"^weir ctl: the terminal {why} ?(here)?; plain lines instead$")
		t.until(r"uptime_ns +interval_ns nic ")
		t.until(r"(.* eth0 +tbf/fifo +.*\n){2}READY0$")
		want(b"\x1b" not in t.raw, "no escape sequence")
		t.ended(0)
		t.close()

# NAME ends while it is watched; the pid that ends it is the third argument.
def ends(name):
	t, u = start(name), start(name, args="-i 0.2 -n 1000")
	t.until(r"ESTAB")
	u.until(r"ESTAB")
	os.kill(int(sys.argv[3]), signal.SIGTERM)
	for terminal, status in ((t, 0), (u, 1)):
		terminal.until(f"^weir ctl: sandbox {name} has ended$")
		terminal.ended(status)
		terminal.close()

# ---- a sandbox that has been taken over ----

EVIL = "e\x1b]0;title\x07\x1b[31m\x9b2J\n\t\u202e\xe9"

def evil_answer(n):
	nic = {"up": 1, "rx_bytes": n * 1000, "tx_bytes": n * 5000}
	qdisc = {"dev": EVIL, "kind": EVIL, "parent": "root", "stats": {"bytes": n, "backlog": -5}}
	sock = {"netid": EVIL, "state": EVIL, "local": EVIL * 20, "peer": EVIL, "inode": 1, "bytes_acked": n * 1000,
		"congestion": EVIL, "rtt_us": 2**62, "cwnd": 2**62}
	return {"ok": True, "result": {"time_ns": n * 10**9, "uptime_ns": n * 10**9, "nics": {EVIL: nic, "eth0": nic},
		"links": {EVIL: 7}, "qdiscs": [qdisc, qdisc], "sockets": [sock] * 100}}

# Serve answers by their number in a child: bytes, an object, or None for silence.
def fake(name, answer):
	path = f"/run/weir/{name}.sock"
	os.makedirs("/run/weir", exist_ok=True)
	listener = socket.socket(socket.AF_UNIX)
	listener.bind(path)
	listener.listen(64)
	pid = os.fork()
	if pid:
		listener.close()
		return pid, path
	kept = []
	for n in range(1, 100000):
		c, _ = listener.accept()
		c.recv(65536)
		a = answer(n)
		if a is None:
			kept.append(c)
			continue
		try:
			c.sendall(a if isinstance(a, bytes) else json.dumps(a).encode() + b"\n")
		except OSError:
			pass
		c.close()

def with_fake(name, answer, what):
	pid, path = fake(name, answer)
	try:
		what()
	finally:
		os.kill(pid, signal.SIGKILL)
		os.waitpid(pid, 0)
		os.unlink(path)

def harmless(raw):
	for bad in b"\x1b]0;", b"\x1b[31m", b"\x9b", b"\x07", "\u202e".encode():
		want(bad not in raw, f"{bad!r} reaches no terminal")

def evil(name):
	def on_screen():
		t = start(name)
		t.until(r"^e\?\]0;title\?\?\[31")
		t.until(r"^eth0 +1\.00k ")
		harmless(t.raw.replace(b"\x1b]0;title", b"", 0))
		fits(t)
		t.type("q")
		t.ended(0)
		t.close()
	def as_lines():
		t = start(name, 24, 250, args="-i 0.1 -n 2 | cat")
		t.until(r"e\?\]0;title\?\?\[31m\S+ +e\?\]0\S+ +1000 ")
		harmless(t.raw)
		t.ended(0)
		t.close()
	with_fake(name, evil_answer, on_screen)
	with_fake(name, evil_answer, as_lines)

# What it answers instead of an answer.
def nonsense(name):
	def refuses(n):
		return evil_answer(n) if n < 3 else {"ok": False, "error": EVIL}
	def endless(n):			# always a next piece
		a = evil_answer(n)
		a["result"]["next"] = [0, 0, 0]
		return a
	def after(answer, pattern, status, keys=""):
		def what():
			t = start(name)
			if pattern:
				t.until(pattern)
			time.sleep(0.5)
			t.type(keys)
			t.ended(status)
			harmless(t.raw)
			t.close()
		with_fake(name, answer, what)
	after(refuses, r"^weir ctl: e\?\]0;title", 1)
	after(lambda n: evil_answer(n) if n < 3 else b"}\n", r"^weir ctl: the sandbox's answer makes no sense$", 1)
	after(lambda n: {"ok": True, "result": [n]} , r"^weir ctl: the sandbox's answer has no NICs", 1)
	# silence: Ctrl-C is heard all the same
	after(lambda n: evil_answer(n) if n < 3 else None, r"^eth0 ", 0, "\x03")
	after(lambda n: None, None, 0, "\x03")
	after(endless, None, 0, "\x03")

globals()[sys.argv[1]](sys.argv[2])
