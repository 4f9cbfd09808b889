# SPDX-License-Identifier: Apache-2.0
"""What root inside a sandbox tries against those who hold it: `confine.py WHAT`. One line says how it went."""
import ctypes, errno, fcntl, os, signal, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH, PIDFD_OPEN, PIDFD_GETFD, VM_READV = 16, 17, 434, 438, 310
STARTED, RUNS, STOPPED, EXITED, FAILED = range(5)

def outcome(rc):
    return "done" if rc >= 0 else errno.errorcode[ctypes.get_errno()]

def trace(pid):
    rc = libc.ptrace(PTRACE_ATTACH, pid, None, None)
    said = outcome(rc)
    if rc == 0:
        os.waitpid(pid, 0x40000000)
    return said

def channels(pid):
    """The message sockets of a process, taken by pidfd_getfd."""
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    found, said = [], "none"
    for n in range(3, 64):
        fd = libc.syscall(PIDFD_GETFD, pidfd, n, 0)
        if fd < 0:
            said = errno.errorcode[ctypes.get_errno()] if said == "none" else said
            continue
        try:
            s = socket.socket(fileno=fd)
        except OSError:		# no socket
            continue
        if s.family == socket.AF_UNIX and s.type == socket.SOCK_SEQPACKET:
            found.append(s)
        else:
            s.detach()
    return found or said

def forge(kind, status, text, size=520, fds=()):
    found = channels(1)
    if isinstance(found, str):
        return found
    message = struct.pack("ii512s", kind, status, text)
    message = (message * (size // len(message) + 1))[:size]
    for s in found:
        socket.send_fds(s, [message], list(fds)) if fds else s.send(message)
    return "done"

def read_memory(pid):
    line = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    class iovec(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
    buf = ctypes.create_string_buffer(8)
    here, there = iovec(ctypes.addressof(buf), 8), iovec(int(line[25]) or 4096, 8)
    return outcome(libc.syscall(VM_READV, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))

def opened(path, flags=os.O_RDONLY):
    try:
        os.close(os.open(path, flags))
        return "done"
    except OSError as e:
        return errno.errorcode[e.errno]

def enter(what):
    try:
        fd = os.open("/proc/1/ns/" + what, os.O_RDONLY)
    except OSError as e:
        return errno.errorcode[e.errno]
    return outcome(libc.setns(fd, 0))

def attempt(call, *args):
    try:
        call(*args)
        return "done"
    except OSError as e:
        return errno.errorcode[e.errno]

what, args = sys.argv[1], sys.argv[2:]
if what == "trace":
    print(trace(int(args[0])))
elif what == "children":		# a program may trace its own
    pid = os.fork()
    if not pid:
        signal.pause()
    print(trace(pid))
    os.kill(pid, signal.SIGKILL)
elif what == "channels":
    found = channels(1)
    print(found if isinstance(found, str) else "done")
elif what == "forge":
    texts = {"plain": b"A" * 511, "escape": b"\x1b]0;owned\x07\xc2\x9b31m\x9bred\n"}
    print(forge(int(args[0]), 0, texts[args[1]], int(args[2]) if args[2:] else 520, [0] if args[3:] else []), flush=True)
elif what == "flood":			# what makes no sense, in every order
    for size in 0, 1, 519, 520, 521, 4096:
        for kind in -1, STARTED, RUNS, STOPPED, FAILED, 5, 0x7fffffff:
            forge(kind, 0, b"B" * 512, size)
            forge(kind, 0, b"B" * 512, size or 1, [0])
            forge(kind, 0, b"B" * 512, size or 1, [0, 1, 2])
    print("done", flush=True)
elif what == "memory":
    print(read_memory(1))
elif what == "files":
    print(*(opened("/proc/1/" + f) for f in ("mem", "environ", "fd/0", "root/etc", "ns/net", "ns/mnt")))
elif what == "namespaces":
    print(*(enter(n) for n in ("net", "mnt", "pid")), attempt(os.unshare, 0x40000000) if hasattr(os, "unshare") else outcome(libc.unshare(0x40000000)))
elif what == "group":			# the front is in it
    print(attempt(os.kill, 0, signal.SIGSTOP))
elif what == "type":			# into the terminal
    print(attempt(fcntl.ioctl, 0, 0x5412, b"x"))
elif what == "descriptors":
    held = "/proc/self/fd"
    print(*sorted(n for n in os.listdir(held) if os.path.exists("%s/%s" % (held, n))))
