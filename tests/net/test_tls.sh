#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Python's ssl asks a socket that is not connected, or listens, whether it is: TLS in each order of wrapping,
# connecting and accepting, by threads, by asyncio, in http.server; on the kernel's stack and under weir.
. "$(dirname "$0")/common.sh"
need python3 openssl
ip netns add $NSP || exit 99
ip -n $NSP link set lo up
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -keyout "$TMP/key" -out "$TMP/cert" 2>/dev/null ||
	exit 99

cat > "$TMP/tls.py" <<'PY'
import asyncio, http.server, socket, ssl, sys, threading, urllib.request

HERE = "127.0.0.1" if sys.argv[1] == "4" else "::1"
FAMILY = socket.AF_INET if sys.argv[1] == "4" else socket.AF_INET6
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(sys.argv[2] + "/cert", sys.argv[2] + "/key")
client = ssl._create_unverified_context()

def listen():
	return socket.create_server((HERE, 0), family=FAMILY)

def echo(s):
	with s:
		s.sendall(s.recv(100).upper())

def serve(accept, n=1):
	def run():
		for _ in range(n):
			echo(accept())
	t = threading.Thread(target=run)
	t.start()
	return t

def ask(s):
	with s:
		s.sendall(b"question")
		return s.recv(100)

def listener_wrapped():
	l = server.wrap_socket(listen(), server_side=True)
	t = serve(lambda: l.accept()[0], 3)
	for _ in range(3):
		assert ask(client.wrap_socket(socket.create_connection(l.getsockname()[:2]))) == b"QUESTION"
	t.join()

def accepted_wrapped():
	l = listen()
	t = serve(lambda: server.wrap_socket(l.accept()[0], server_side=True))
	assert ask(client.wrap_socket(socket.create_connection(l.getsockname()[:2]))) == b"QUESTION"
	t.join()

def wrapped_before_connect():
	l = server.wrap_socket(listen(), server_side=True)
	t = serve(lambda: l.accept()[0], 2)
	for timeout in None, 20:
		s = client.wrap_socket(socket.socket(FAMILY))
		s.settimeout(timeout)
		s.connect(l.getsockname()[:2])
		assert ask(s) == b"QUESTION"
	t.join()

def refused_then_wrapped():
	l = listen()
	name = l.getsockname()[:2]
	l.close()
	s = socket.socket(FAMILY)
	try:
		s.connect(name)
	except ConnectionRefusedError:
		pass
	client.wrap_socket(s).close()

def non_blocking():
	for s in socket.socket(FAMILY), listen():
		s.setblocking(False)
		client.wrap_socket(s).close()

def by_asyncio():
	async def handler(r, w):
		w.write((await r.read(100)).upper())
		await w.drain()
		w.close()
	async def main():
		s = await asyncio.start_server(handler, HERE, 0, ssl=server)
		name = s.sockets[0].getsockname()[:2]
		for _ in range(3):
			r, w = await asyncio.open_connection(*name, ssl=client)
			w.write(b"question")
			assert await r.read(100) == b"QUESTION"
			w.close()
		s.close()
		try:
			await asyncio.open_connection(*name, ssl=client)
			assert False
		except ConnectionRefusedError:
			pass
	asyncio.run(main())

def by_http_server():
	class Handler(http.server.BaseHTTPRequestHandler):
		def do_GET(self):
			self.send_response(200)
			self.send_header("Content-Length", "2")
			self.end_headers()
			self.wfile.write(b"ok")
		def log_message(self, *a):
			pass
	class Server(http.server.ThreadingHTTPServer):
		address_family = FAMILY
	h = Server((HERE, 0), Handler)
	h.socket = server.wrap_socket(h.socket, server_side=True)
	t = threading.Thread(target=h.serve_forever)
	t.start()
	host = HERE if FAMILY == socket.AF_INET else "[%s]" % HERE
	for _ in range(3):
		assert urllib.request.urlopen("https://%s:%d/" % (host, h.server_port), context=client).read() == b"ok"
	h.shutdown()
	t.join()

for way in (listener_wrapped, accepted_wrapped, wrapped_before_connect, refused_then_wrapped, non_blocking, by_asyncio,
	    by_http_server):
	way()
print("all ways")
PY

for family in 4 6; do
	check "IPv$family, on the kernel" same "$(peer timeout 100 python3 "$TMP/tls.py" $family "$TMP")" "all ways"
	check "IPv$family, under weir" same \
		"$(timeout 100 "$WEIR" run --network=none -- python3 "$TMP/tls.py" $family "$TMP")" "all ways"
done
finish
