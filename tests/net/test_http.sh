#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unmodified HTTP programs from Debian, as clients and as servers, on weir's stack.
. "$(dirname "$0")/common.sh"
need curl wget busybox python3 nginx wrk go
net_setup

mkdir "$TMP/www"
head -c 20000000 /dev/urandom > "$TMP/www/file"
SUM=$(sha256sum < "$TMP/www/file")
printf 'hello from weir\n' > "$TMP/www/index.html"

http_server='
import http.server, sys, os
os.chdir(sys.argv[2])
http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])),
	type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *a: None})).serve_forever()'

# ---- clients inside, the kernel's server outside ----
background peer python3 -c "$http_server" 8000 "$TMP/www"
wait_for 10 peer_listens 8000

fetch() { fresh_name; sandbox "$NAME" -- "$@" | sha256sum; }
check "curl downloads" same "$(fetch curl -sS http://$PEER:8000/file)" "$SUM"
check "wget downloads" same "$(fetch wget -qO- http://$PEER:8000/file)" "$SUM"
check "static busybox wget downloads" same "$(fetch busybox wget -qO- http://$PEER:8000/file)" "$SUM"

cat > "$TMP/threads.py" <<'PY'
import hashlib, sys, threading, urllib.request
want = hashlib.sha256(open(sys.argv[2], "rb").read()).hexdigest()
bad = []
def get():
	if hashlib.sha256(urllib.request.urlopen(sys.argv[1]).read()).hexdigest() != want:
		bad.append(1)
threads = [threading.Thread(target=get) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
sys.exit(len(bad))
PY
fresh_name
check "8 Python threads download at once" sandbox "$NAME" -- python3 "$TMP/threads.py" \
	http://$PEER:8000/file "$TMP/www/file"

# ---- servers inside, the kernel's clients outside ----
fresh_name
background sandbox "$NAME" -- python3 -m http.server --bind 0.0.0.0 --directory "$TMP/www" 8001
wait_for 10 sandbox_listens "$NAME" 8001
check "python3 -m http.server serves" \
	same "$(peer curl -sS --max-time 60 http://$ADDR:8001/file | sha256sum)" "$SUM"
stop $LAST

cat > "$TMP/echo.py" <<'PY'
import asyncio
async def echo(r, w):
	while data := await r.read(65536):
		w.write(data)
		await w.drain()
	w.close()
async def main():
	async with await asyncio.start_server(echo, "0.0.0.0", 8002) as s:
		await s.serve_forever()
asyncio.run(main())
PY
cat > "$TMP/echo_client.py" <<'PY'
import hashlib, os, socket, sys, threading
bad = []
def one(i):
	data = os.urandom(1 << 20)
	s = socket.create_connection((sys.argv[1], 8002), 20)
	def send():
		s.sendall(data)
		s.shutdown(socket.SHUT_WR)
	t = threading.Thread(target=send)
	t.start()
	got = b"".join(iter(lambda: s.recv(65536), b""))
	t.join()
	if got != data:
		bad.append(i)
threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
sys.exit(len(bad))
PY
fresh_name
background sandbox "$NAME" -- python3 "$TMP/echo.py"
wait_for 10 sandbox_listens "$NAME" 8002
check "asyncio echo server, 16 clients" peer timeout 60 python3 "$TMP/echo_client.py" $ADDR
stop $LAST

cat > "$TMP/nginx.conf" <<EOC
daemon off; worker_processes 2; pid $TMP/nginx.pid; error_log $TMP/nginx.err;
events { worker_connections 4096; }
http { access_log off; client_body_temp_path $TMP; proxy_temp_path $TMP; fastcgi_temp_path $TMP;
uwsgi_temp_path $TMP; scgi_temp_path $TMP; sendfile on;
server { listen 80; root $TMP/www; } }
EOC
chmod 755 "$TMP"
fresh_name
background sandbox "$NAME" -- nginx -c "$TMP/nginx.conf"
wait_for 10 sandbox_listens "$NAME" 80
check "nginx with sendfile serves" \
	same "$(peer curl -sS --max-time 60 http://$ADDR/file | sha256sum)" "$SUM"
out=$(peer wrk -c 100 -t 2 -d 5 http://$ADDR/index.html 2>&1)
check "wrk -c 100 against nginx gets answers" contains "$out" "Requests/sec"
check "wrk saw no error" [ -z "$(echo "$out" | grep -E 'Socket errors|Non-2xx')" ]
stop $LAST

cat > "$TMP/http.go" <<'GO'
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	if os.Args[1] == "serve" {
		panic(http.ListenAndServe("0.0.0.0:"+os.Args[2], http.FileServer(http.Dir(os.Args[3]))))
	}
	r, err := http.Get(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	h := sha256.New()
	io.Copy(h, r.Body)
	fmt.Printf("%x  -\n", h.Sum(nil))
}
GO
(cd "$TMP" && HOME=$TMP GOCACHE=$TMP/gocache GO111MODULE=off CGO_ENABLED=0 go build -o gohttp http.go)
fresh_name
check "Go (static) as client" \
	same "$(sandbox "$NAME" -- "$TMP/gohttp" get http://$PEER:8000/file)" "$SUM"
fresh_name
background sandbox "$NAME" -- "$TMP/gohttp" serve 8003 "$TMP/www"
wait_for 10 sandbox_listens "$NAME" 8003
check "Go (static) as server" \
	same "$(peer curl -sS --max-time 60 http://$ADDR:8003/file | sha256sum)" "$SUM"
finish
