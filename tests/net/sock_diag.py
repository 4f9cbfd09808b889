# SPDX-License-Identifier: Apache-2.0
# Asks NETLINK_SOCK_DIAG for single sockets, and has them destroyed; prints a line an answer, so that the kernel's and weir's can
# be compared. Everything is over loopback, which has to be up; it needs CAP_NET_ADMIN and CAP_NET_RAW.
import errno, os, select, socket, struct, sys, threading, time

BY_FAMILY, DESTROY = 20, 21
NOCOOKIE = (0xffffffff, 0xffffffff)
STATES = "? ESTAB SYN-SENT SYN-RECV FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT UNCONN CLOSE-WAIT LAST-ACK LISTEN CLOSING".split()
TCP, UDP, RAW = socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_RAW
HOST, ANY = "127.0.0.1", "0.0.0.0"

def say(what, *answer):
	print(what + ":", *answer, flush=True)

def name(err):
	return errno.errorcode.get(err, err) if err else "0"

def addr(family, text):
	return socket.inet_pton(family, text).ljust(16, b"\0")

class Row:
	def __init__(self, data):
		self.family, self.state, self.timer, _, sport, dport = struct.unpack_from("!BBBBHH", data)
		self.sport, self.dport = sport, dport
		self.cookie = struct.unpack_from("=II", data, 44)
		self.rqueue, self.wqueue, self.uid, self.inode = struct.unpack_from("=IIII", data, 56)
	def __str__(self):
		return STATES[self.state]

def message(kind, flags, family, protocol, src, dst, cookie, index=0, states=0xffffffff, extra=0):
	r = struct.pack("=BBBBI", family, protocol, 0, extra, states)
	r += struct.pack("!HH", src[1], dst[1]) + addr(family, src[0]) + addr(family, dst[0])
	r += struct.pack("=III", index, *cookie)
	return struct.pack("=IHHII", 16 + len(r), kind, flags, 1, 0) + r

def talk(request):
	s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
	s.settimeout(5)
	s.send(request)
	rows = []
	while True:
		data = s.recv(65536)
		while data:
			length, kind = struct.unpack_from("=IH", data)
			if kind == 2:
				err = -struct.unpack_from("=i", data, 16)[0]
				return err, rows
			if kind == 3:
				return 0, rows
			rows.append(Row(data[16:length]))
			data = data[length + 3 & ~3:]
		if not struct.unpack_from("=H", request, 6)[0] & 0x304:		# neither a dump nor acknowledged
			return 0, rows

def get(protocol, src, dst=(ANY, 0), cookie=NOCOOKIE, family=socket.AF_INET, **more):
	if protocol == UDP:		# "src and dst are swapped for historical reasons"
		src, dst = dst, src
	err, rows = talk(message(BY_FAMILY, 1, family, protocol, src, dst, cookie, **more))
	return rows[0] if rows else name(err)

def destroy(protocol, src, dst=(ANY, 0), cookie=NOCOOKIE, family=socket.AF_INET, **more):
	return name(talk(message(DESTROY, 5, family, protocol, src, dst, cookie, **more))[0])

def dump(protocol, family=socket.AF_INET):
	return talk(message(BY_FAMILY, 0x301, family, protocol, (ANY if family == socket.AF_INET else "::", 0),
			    (ANY if family == socket.AF_INET else "::", 0), NOCOOKIE))[1]

def gone(protocol, src, dst):		# a get of a four-tuple falls back to the listener
	row = get(protocol, src, dst)
	return not isinstance(row, Row) or str(row) == "LISTEN"

def so_error(s):
	return name(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

def polled(s):
	p = select.poll()
	p.register(s, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
	ev = dict(p.poll(1000)).get(s.fileno(), 0)
	return "|".join(n for n in ("IN", "OUT", "ERR", "HUP", "RDHUP") if ev & getattr(select, "POLL" + n)) or "nothing"

def attempt(fn, *args):
	try:
		r = fn(*args)
		return len(r) if isinstance(r, bytes) else r[0] if isinstance(r, tuple) and not isinstance(r[0], bytes) else \
			len(r[0]) if isinstance(r, tuple) else r
	except OSError as e:
		return name(e.errno) if e.errno else "timeout"

# fn in a thread that is made to wait, then what it gave after act().
def blocked(fn, act):
	result = []
	t = threading.Thread(target=lambda: result.append(attempt(fn)), daemon=True)
	t.start()
	time.sleep(0.2)
	early = list(result)
	acted = act()
	t.join(5)
	return "early" if early else result[0] if result else "still waits", acted

def pair(listener):
	c = socket.create_connection(listener.getsockname())
	return c, listener.accept()[0]

def ends(s):
	return s.getsockname()[:2], s.getpeername()[:2]

def eventually(fn):
	for _ in range(100):
		if fn():
			return True
		time.sleep(0.02)
	return False

listener = socket.create_server((HOST, 7000))

def gets():
	say("get a listener", get(TCP, (HOST, 7000)))
	c, a = pair(listener)
	cookie = get(TCP, *ends(c)).cookie
	say("get a connection", get(TCP, *ends(c)), get(TCP, *ends(c)).dport, get(TCP, *ends(a)).sport)
	say("by its cookie", get(TCP, *ends(c), cookie))
	say("another's cookie", get(TCP, *ends(a), cookie))
	say("cookies differ", cookie != get(TCP, *ends(a)).cookie, cookie != NOCOOKIE)
	say("nobody", get(TCP, (HOST, 7009)))
	say("no connection, but a listener", get(TCP, (HOST, 7000), (HOST, 1)))
	say("another address", get(TCP, ("127.0.0.2", 7000)))
	say("an unknown protocol", get(200, (HOST, 7000)))
	say("an unknown family", get(TCP, ("::", 7000), ("::", 0), family=socket.AF_INET6))
	any6 = socket.create_server(("::", 7001), family=socket.AF_INET6, dualstack_ipv6=True)
	say("any of IPv6", get(TCP, ("::1", 7001), ("::", 0), family=socket.AF_INET6))
	say("IPv4 of a socket of both", get(TCP, (HOST, 7001)))
	d = socket.create_connection((HOST, 7001))
	e = any6.accept()[0]
	say("a mapped connection", get(TCP, ("::ffff:127.0.0.1", 7001), ("::ffff:127.0.0.1", d.getsockname()[1]),
					family=socket.AF_INET6))
	say("the same as IPv4", get(TCP, (HOST, 7001), d.getsockname()))
	short = bytearray(message(BY_FAMILY, 1, socket.AF_INET, TCP, (HOST, 7000), (ANY, 0), NOCOOKIE)[:40])
	short[0:4] = struct.pack("=I", 40)
	say("a short request", name(talk(bytes(short))[0]))
	short[4:8] = struct.pack("=HH", DESTROY, 5)
	say("a short destroy", name(talk(bytes(short))[0]))
	for s in (c, a, d, e, any6):
		s.close()

def udp_gets():
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	u.bind((HOST, 7100))
	cookie = get(UDP, (HOST, 7100)).cookie
	say("get UDP", get(UDP, (HOST, 7100)))
	say("by its cookie", get(UDP, (HOST, 7100), cookie=cookie))
	say("by another", get(UDP, (HOST, 7100), cookie=(cookie[0] + 1, cookie[1])))
	say("from anybody", get(UDP, (HOST, 7100), (HOST, 9)))
	u.connect((HOST, 7101))
	say("get UDP, connected", get(UDP, (HOST, 7100), (HOST, 7101)))
	say("from another peer", get(UDP, (HOST, 7100), (HOST, 7102)))
	say("no UDP", get(UDP, (HOST, 7109)))
	say("destroy with another cookie", destroy(UDP, (HOST, 7100), (HOST, 7101), (cookie[0] + 1, cookie[1])))
	u.close()

def connections():
	c, a = pair(listener)
	at = ends(c)
	say("destroy with another cookie", destroy(TCP, *at, (1, 1)), get(TCP, *at))
	got, acted = blocked(lambda: c.recvmsg(10), lambda: destroy(TCP, *at))
	say("destroy a connection", acted, "its reader gets", got)
	say("it is gone", gone(TCP, *at), "again:", destroy(TCP, *at) if not gone(TCP, *at) else "-")
	say("SO_ERROR", so_error(c), "and poll", polled(c))
	say("then recv", attempt(c.recv, 10), "getpeername", attempt(c.getpeername))
	say("the peer", attempt(a.recvmsg, 10), so_error(a))
	c, a = pair(listener)
	at = ends(c)
	destroy(TCP, *at)
	time.sleep(0.1)
	say("SO_ERROR of one that nobody reads", so_error(c), so_error(a))
	c, a = pair(listener)
	a.send(b"x" * 100)
	time.sleep(0.1)
	destroy(TCP, *ends(c))
	time.sleep(0.1)
	say("what came before is read", attempt(c.recvmsg, 1000))
	say("and then", attempt(c.recvmsg, 1000), so_error(c))
	c, a = pair(listener)
	a.shutdown(socket.SHUT_WR)
	say("CLOSE-WAIT", eventually(lambda: str(get(TCP, *ends(c))) == "CLOSE-WAIT"), destroy(TCP, *ends(c)))
	time.sleep(0.1)
	say("SO_ERROR", so_error(c), "of the peer", so_error(a))
	c, a = pair(listener)
	c.shutdown(socket.SHUT_WR)
	at = ends(c)
	say("FIN-WAIT-2", eventually(lambda: str(get(TCP, *at)) == "FIN-WAIT-2"), destroy(TCP, *at))
	time.sleep(0.1)
	say("SO_ERROR", so_error(c), "of the peer", so_error(a))
	c, a = pair(listener)
	at = ends(c)
	c.close()
	say("one that was closed", eventually(lambda: str(get(TCP, *at)) == "FIN-WAIT-2"), destroy(TCP, *at), gone(TCP, *at))
	time.sleep(0.1)
	say("its peer", so_error(a))
	c, a = pair(listener)
	at = ends(c)
	c.close()
	time.sleep(0.1)
	a.close()
	say("TIME-WAIT", eventually(lambda: str(get(TCP, *at)) == "TIME-WAIT"), destroy(TCP, *at), gone(TCP, *at))

def writer():
	c, a = pair(listener)
	at = ends(c)
	c.settimeout(None)
	got, acted = blocked(lambda: [c.send(bytes(1 << 20)) for _ in range(64)], lambda: destroy(TCP, *at))
	say("destroy one whose writer waits", acted, "writer is stopped:", got != "still waits" and got != "early")
	say("and then", attempt(c.send, b"x"))
	c.close()
	a.close()

def listeners():
	l = socket.create_server((HOST, 7200))
	waiting = socket.create_connection((HOST, 7200))	# in the accept queue
	time.sleep(0.1)
	say("destroy a listener", destroy(TCP, (HOST, 7200)))
	time.sleep(0.1)
	# that it polls POLLIN instead of POLLOUT and POLLERR is told in docs/interception.md
	say("hung up", "HUP|RDHUP" in polled(l), "accept", attempt(l.accept), so_error(l))
	say("who waited", so_error(waiting), attempt(waiting.recv, 1))
	say("it is gone", get(TCP, (HOST, 7200)), destroy(TCP, (HOST, 7200)))
	say("connect", attempt(socket.create_connection, (HOST, 7200)))
	l.close()
	l = socket.create_server((HOST, 7200))
	got, acted = blocked(l.accept, lambda: destroy(TCP, (HOST, 7200)))
	say("destroy a listener whose accept waits", acted, got, so_error(l))
	l.close()
	l = socket.create_server((HOST, 7200))
	c = socket.create_connection((HOST, 7200))
	time.sleep(0.1)
	say("destroy one that waits to be accepted", destroy(TCP, (HOST, 7200), c.getsockname()))
	time.sleep(0.1)
	a = l.accept()[0]
	say("it is accepted", so_error(a), attempt(a.getpeername), "its peer", so_error(c))
	l.close()

def connecting():
	l = socket.create_server((HOST, 7300), backlog=0)
	full = [socket.create_connection((HOST, 7300))]
	s = socket.socket()
	s.bind((HOST, 7301))
	got, acted = blocked(lambda: s.connect((HOST, 7300)), lambda: (get(TCP, (HOST, 7301), (HOST, 7300)),
								      destroy(TCP, (HOST, 7301), (HOST, 7300))))
	say("destroy one that connects", *acted, got, so_error(s))
	s.close()
	s = socket.socket()
	s.bind((HOST, 7302))
	s.setblocking(False)
	s.connect_ex((HOST, 7300))
	say("without waiting", destroy(TCP, (HOST, 7302), (HOST, 7300)), polled(s), so_error(s))
	for x in full + [s, l]:
		x.close()

def udp():
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	u.bind((HOST, 7400))
	u.connect((HOST, 7401))
	got, acted = blocked(lambda: u.recvmsg(10), lambda: destroy(UDP, (HOST, 7400), (HOST, 7401)))
	say("destroy UDP", acted, got, so_error(u), attempt(u.getpeername), u.getsockname())
	say("a bound one is still there", get(UDP, (HOST, 7400)))
	say("again", destroy(UDP, (HOST, 7400)), so_error(u))
	u.sendto(b"hello", (HOST, 7400))
	say("it works as before", attempt(u.recvmsg, 10))
	u.close()
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	u.connect((HOST, 7401))
	me = u.getsockname()
	say("one without a name of its own", destroy(UDP, me, (HOST, 7401)), so_error(u), u.getsockname(), get(UDP, me, (HOST, 7401)))
	u.close()

def raw():				# a module of its own, which few kernels have
	r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
	r.bind((HOST, 0))
	r.connect(("127.0.0.2", 0))
	say("get a raw socket", get(RAW, (HOST, 0), ("127.0.0.2", 0), extra=253), get(RAW, (HOST, 0), ("127.0.0.2", 0), extra=252))
	say("destroy it", destroy(RAW, (HOST, 0), ("127.0.0.2", 0), extra=253), so_error(r), attempt(r.getpeername))
	r.close()

def queues():
	c, a = pair(listener)
	u, v = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
	a.send(bytes(5000))
	time.sleep(0.2)
	say("Recv-Q", get(TCP, *ends(c)).rqueue, sum(r.rqueue for r in dump(TCP) if r.dport == 7000))
	c.recv(1000)
	say("after a read", get(TCP, *ends(c)).rqueue)
	a.send(bytes(100000))
	say("more", eventually(lambda: get(TCP, *ends(c)).rqueue == 104000))
	while c.recv(65536, socket.MSG_DONTWAIT) if get(TCP, *ends(c)).rqueue else False:
		pass
	say("all is read", get(TCP, *ends(c)).rqueue)
	a.setblocking(False)
	sent, quiet = 0, 0
	while quiet < 20:
		try:
			sent += a.send(bytes(65536))
			quiet = 0
		except BlockingIOError:
			quiet += 1
			time.sleep(0.02)
	say("sent is Send-Q and Recv-Q", get(TCP, *ends(a)).wqueue + get(TCP, *ends(c)).rqueue == sent)
	u.bind((HOST, 7500))
	v.sendto(b"x" * 1000, (HOST, 7500))
	time.sleep(0.1)
	say("UDP's Recv-Q is as much", get(UDP, (HOST, 7500)).rqueue >= 1000)
	u.recv(2000)
	say("and nothing", get(UDP, (HOST, 7500)).rqueue)
	for _ in range(400):
		v.sendto(b"x" * 1000, (HOST, 7500))
	time.sleep(0.1)
	told, got = get(UDP, (HOST, 7500)).rqueue, 0
	u.settimeout(0.3)
	while (n := attempt(u.recv, 2000)) == 1000:
		got += n
	say("of many, too", told >= got, "and then", get(UDP, (HOST, 7500)).rqueue)
	for s in (a, c, u, v):
		s.close()

# What a process of another user makes, and may do.
def others():
	r, w = os.pipe()
	child = os.fork()
	if not child:
		os.setgroups([])
		os.setresgid(1234, 1234, 1234)
		os.setresuid(1234, 1234, 1234)
		s = socket.create_server((HOST, 7600))
		c, a = socket.create_connection((HOST, 7000)), None
		say("without the capability", destroy(TCP, (HOST, 7600)), destroy(TCP, (HOST, 7000)),
		    get(TCP, (HOST, 7600)))
		os.write(w, b"x")
		time.sleep(1)
		say("nothing happened", so_error(s))
		os._exit(0)
	os.read(r, 1)
	a = listener.accept()[0]
	say("uid", get(TCP, (HOST, 7600)).uid, get(TCP, *ends(a)).uid, get(TCP, *reversed(ends(a))).uid, get(TCP, (HOST, 7000)).uid)
	say("in a dump", sorted(r.uid for r in dump(TCP) if r.sport == 7600 or r.state == 1 and 7000 in (r.sport, r.dport)))
	os.waitpid(child, 0)

parts = [gets, udp_gets, connections, writer, listeners, connecting, udp, queues, others]
for part in parts + [raw] * ("raw" in sys.argv):
	print("---", part.__name__, flush=True)
	part()
