#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unmodified HTTP programs from Debian, as clients and as servers, on weir's stack, over IPv4 and IPv6; volumes over
# IPv4 only. With names of both families.
. "$(dirname "$0")/common.sh"
need curl wget busybox python3 nginx wrk go
net_setup
net6_setup

mkdir "$TMP/www"
head -c 20000000 /dev/urandom > "$TMP/www/file"
head -c 1000000 "$TMP/www/file" > "$TMP/www/small"
SUM4=$(sha256sum < "$TMP/www/file")
SUM6=$(sha256sum < "$TMP/www/small")
http_family() {
	family $1
	case $1 in
	4) FILE=file SUM=$SUM4 ;;
	6) FILE=small SUM=$SUM6 ;;
	esac
}
printf 'hello from weir\n' > "$TMP/www/index.html"

http_server='
import http.server, socket, sys, os
os.chdir(sys.argv[2])
class Server(http.server.ThreadingHTTPServer):
	address_family = socket.AF_INET6 if ":" in sys.argv[3] else socket.AF_INET
Server((sys.argv[3], int(sys.argv[1])),
	type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *a: None})).serve_forever()'

# ---- clients inside, the kernel's server outside ----
background peer python3 -c "$http_server" 8000 "$TMP/www" ::
wait_for 10 peer_listens 8000

fetch() { fresh_name; sandbox "$NAME" -- "$@" | sha256sum; }
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

for f in 4 6; do
	http_family $f
	check "IPv$f: curl downloads" same "$(fetch curl -sS http://$URL_P:8000/$FILE)" "$SUM"
	check "IPv$f: wget downloads" same "$(fetch wget -qO- http://$URL_P:8000/$FILE)" "$SUM"
	check "IPv$f: static busybox wget downloads" same "$(fetch busybox wget -qO- http://$URL_P:8000/$FILE)" "$SUM"
	fresh_name
	check "IPv$f: 8 Python threads download at once" sandbox "$NAME" -- python3 "$TMP/threads.py" \
		http://$URL_P:8000/$FILE "$TMP/www/$FILE"
done

# ---- servers inside, the kernel's clients outside ----
for f in 4 6; do
	http_family $f
	fresh_name
	background sandbox "$NAME" -- python3 -m http.server --bind $ANY --directory "$TMP/www" 8001
	wait_for 10 sandbox_listens "$NAME" 8001
	check "IPv$f: python3 -m http.server serves" \
		same "$(peer curl -sS --max-time 60 http://$URL_A:8001/$FILE | sha256sum)" "$SUM"
	stop $LAST
done

cat > "$TMP/echo.py" <<'PY'
import asyncio
async def echo(r, w):
	while data := await r.read(65536):
		w.write(data)
		await w.drain()
	w.close()
async def main():
	# A socket of each family, that of IPv6 for IPv6 alone.
	async with await asyncio.start_server(echo, None, 8002) as s:
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
for f in 4 6; do
	http_family $f
	check "IPv$f: asyncio echo server, 16 clients" peer timeout 60 python3 "$TMP/echo_client.py" $A
done
stop $LAST

cat > "$TMP/nginx.conf" <<EOC
daemon off; worker_processes 2; pid $TMP/nginx.pid; error_log $TMP/nginx.err;
events { worker_connections 4096; }
http { access_log off; client_body_temp_path $TMP; proxy_temp_path $TMP; fastcgi_temp_path $TMP;
uwsgi_temp_path $TMP; scgi_temp_path $TMP; sendfile on;
server { listen 80; listen [::]:80; root $TMP/www; } }
EOC
chmod 755 "$TMP"
fresh_name
background sandbox "$NAME" -- nginx -c "$TMP/nginx.conf"
wait_for 10 sandbox_listens "$NAME" 80
for f in 4 6; do
	http_family $f
	check "IPv$f: nginx with sendfile serves" \
		same "$(peer curl -sS --max-time 60 http://$URL_A/$FILE | sha256sum)" "$SUM"
	out=$(peer wrk -c 100 -t 2 -d 3 http://$URL_A/index.html 2>&1)
	check "IPv$f: wrk -c 100 against nginx gets answers" contains "$out" "Requests/sec"
	check "IPv$f: wrk saw no error" [ -z "$(echo "$out" | grep -E 'Socket errors|Non-2xx')" ]
done
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
		panic(http.ListenAndServe(":"+os.Args[2], http.FileServer(http.Dir(os.Args[3]))))
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
background sandbox "$NAME" -- "$TMP/gohttp" serve 8003 "$TMP/www"
GO=$LAST
SERVER=$NAME
wait_for 10 sandbox_listens "$SERVER" 8003
for f in 4 6; do
	http_family $f
	check "IPv$f: Go (static) as server, one socket for both families" \
		same "$(peer curl -sS --max-time 60 http://$URL_A:8003/$FILE | sha256sum)" "$SUM"
done
stop $GO
for f in 4 6; do
	http_family $f
	fresh_name
	check "IPv$f: Go (static) as client" \
		same "$(sandbox "$NAME" -- "$TMP/gohttp" get http://$URL_P:8000/$FILE)" "$SUM"
done

# ---- servers and clients inside, which need no network ----
inside() {	# inside URL-HOST BIND: what a client gets from a server beside it
	"$WEIR" run --network=none -- sh -c '
		python3 -c "$1" 8004 "$2" "$4" & curl -sS --retry 50 --retry-delay 1 --retry-connrefused http://$3:8004/index.html
		kill $!' sh "$http_server" "$TMP/www" "$1" "$2" 2>"$TMP/inside.err"
}
check "::1 inside" same "$(inside [::1] ::1)" "hello from weir"
check "localhost inside, of both families, where only ::1 listens" same "$(inside localhost ::1)" "hello from weir"
check "localhost inside, where only 127.0.0.1 listens" same "$(inside localhost 127.0.0.1)" "hello from weir"

# ---- names with addresses of both families (RFC 8305) ----
cat > "$TMP/hosts" <<EOC
127.0.0.1 localhost
::1 localhost
$PEER both.test
$PEER6 both.test
$PEER silent.test
fd00:77::dead silent.test
EOC
background peer python3 -c "$http_server" 8005 "$TMP/www" 0.0.0.0
wait_for 10 peer_listens 8005
named() {	# named URL PROGRAM...: inside, with names of our own
	fresh_name
	unshare -m sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$TMP/hosts" \
		"$WEIR" run --netns $NSW --name "$NAME" -- "$@"
}
reached() { named curl -sS -o "$TMP/named" -w '%{remote_ip}' "$@" && cmp "$TMP/named" "$TMP/www/index.html"; }
check "curl takes IPv6 where there are both" \
	same "$(reached --happy-eyeballs-timeout-ms 60000 http://both.test:8000/index.html)" $PEER6
check "curl takes IPv4 where IPv6 is refused" same "$(reached http://both.test:8005/index.html)" $PEER
check "curl takes IPv4 where IPv6 is silent" same "$(reached http://silent.test:8000/index.html)" $PEER
check "wget takes IPv4 where IPv6 is refused" \
	same "$(named wget -qO- http://both.test:8005/index.html)" "hello from weir"
check "Go takes IPv4 where IPv6 is silent" \
	same "$(named "$TMP/gohttp" get http://silent.test:8000/small)" "$SUM6"
finish
