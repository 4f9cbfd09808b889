# SPDX-License-Identifier: Apache-2.0
"""Who says what on a control socket, by which way: `control_peer.py HOW ...`. Prints "ok" or the refusal."""
import json, os, socket, sys, time

def answer(s):
    data = b""
    s.settimeout(20)
    try:
        while piece := s.recv(65536):
            data += piece
    except OSError:		# closed with our request unread
        pass
    if not data:
        return "closed"
    a = json.loads(data)
    return "ok" if a["ok"] else a["error"]

def say(s, request, fds=()):
    try:
        socket.send_fds(s, [request.encode() + b"\n"], fds) if fds else s.send(request.encode() + b"\n")
    except OSError:		# refused already; the answer is there
        pass
    return answer(s)

def connected(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s

def way(path):
    l = socket.socket(socket.AF_UNIX)
    l.bind(path)
    l.listen()
    return l

how, args = sys.argv[1], sys.argv[2:]
if how == "say":			# SOCKET REQUEST [FILE]: with a descriptor of it
    print(say(connected(args[0]), args[1], [os.open(args[2], os.O_RDONLY)] if args[2:] else []))
elif how == "pass":			# SOCKET WAY stays|ends: hands on what it has connected
    l = way(args[1])
    c = l.accept()[0]
    s = connected(args[0])
    socket.send_fds(c, [b"x"], [s.fileno()])
    if args[2] == "stays":
        c.recv(1)
elif how == "pass-half":		# the first half is said by who connected
    l = way(args[1])
    c = l.accept()[0]
    s = connected(args[0])
    s.send(b'{"command":')
    time.sleep(.5)
    socket.send_fds(c, [b"x"], [s.fileno()])
    c.recv(1)
elif how == "take":			# WAY REQUEST
    c = connected(args[0])
    fd = socket.recv_fds(c, 1, 1)[1][0]
    time.sleep(.2)
    print(say(socket.socket(fileno=fd), args[1]))
elif how == "inherited":		# REQUEST on what stdin is
    print(say(socket.socket(fileno=os.dup(0)), args[0]))
elif how == "become":			# SOCKET PROGRAM...: it has the connection as its stdin
    s = connected(args[0])
    os.dup2(s.fileno(), 0)
    os.execvp(args[1], args[1:])
elif how == "orphan":			# SOCKET REQUEST: said by a child of who connected
    s = connected(args[0])
    if os.fork():
        os.wait()
    else:
        print(say(s, args[1]))
