# SPDX-License-Identifier: Apache-2.0
"""What a program can do to /proc/net, of which nothing may trouble the stack: run inside the sandbox.

	procnet_hostile.py hold		opens files until it cannot, says how many there are, and holds them
	procnet_hostile.py abuse	names, offsets, mappings; prints what is not as it should be, and "done"
	procnet_hostile.py far		threads that read far away, for ever
"""
import ctypes, errno, os, socket, sys, threading

def expect(what, wanted, fn):
	try:
		got = fn()
	except OSError as e:
		got = errno.errorcode[e.errno]
	if got != wanted:
		print("%s: %r instead of %r" % (what, got, wanted))

def hold():
	fds = []
	try:
		while len(fds) < 1000:
			fds.append(os.open("/proc/net/tcp", os.O_RDONLY))
	except OSError as e:
		print(len(fds), errno.errorcode[e.errno], flush=True)
	sys.stdin.readline()

def abuse():
	for name in b"x", b"\xff\xfe\x01", b"n" * 255, b"dev\n", b"TCP", b"..dev", b"%s%n":
		expect("open %r" % name, "ENOENT", lambda: os.open(b"/proc/net/" + name, os.O_RDONLY))
	expect("a long name", "ENOENT", lambda: os.open(b"/proc/net/" + b"n" * 1024, os.O_RDONLY))
	expect("below a file", "ENOTDIR", lambda: os.open("/proc/net/dev/x", os.O_RDONLY))
	for flags in os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC:
		expect("open for writing", "EROFS", lambda: os.open("/proc/net/dev", flags))
	expect("create", "EROFS", lambda: os.open("/proc/net/new", os.O_CREAT | os.O_WRONLY))
	expect("mkdir", "EROFS", lambda: os.mkdir("/proc/net/new"))
	expect("unlink", "EROFS", lambda: os.unlink("/proc/net/dev"))
	expect("rename", "EROFS", lambda: os.rename("/proc/net/dev", "/proc/net/new"))
	expect("chmod", "EROFS", lambda: os.chmod("/proc/net/dev", 0o666))
	fd = os.open("/proc/net/dev", os.O_RDONLY)
	expect("write", "EBADF", lambda: os.write(fd, b"x"))
	for off in 10**6, 1 << 40, (1 << 63) - 4097:
		expect("pread at %d" % off, b"", lambda: os.pread(fd, 4096, off))
	expect("pread of nothing", b"", lambda: os.pread(fd, 0, 0))
	expect("lseek to the end", 0, lambda: os.lseek(fd, 0, os.SEEK_END))
	expect("length", 0, lambda: os.fstat(fd).st_size)
	expect("xattr", "ENOTSUP", lambda: os.getxattr("/proc/net/dev", "user.x"))
	expect("a read of a megabyte", True, lambda: len(os.pread(fd, 1 << 20, 0)) > 100)
	# A page of a file cannot be brought: neither for the program nor for the stack, which looks where sendto points.
	libc = ctypes.CDLL(None, use_errno=True)
	libc.mmap.restype = ctypes.c_void_p
	libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
	at = libc.mmap(None, 4096, 1, 2, fd, 0)
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	to = (ctypes.c_uint8 * 16)(2, 0, 0, 9, 127, 0, 0, 1)
	libc.sendto.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint]
	r = libc.sendto(u.fileno(), at, 100, 0, to, 16)
	if r != -1 or ctypes.get_errno() != errno.EFAULT:
		print("sendto from a mapped file gave %d, %s" % (r, os.strerror(ctypes.get_errno())))
	r = libc.sendto(u.fileno(), to, 8, 0, at, 16)
	if r != -1 or ctypes.get_errno() != errno.EFAULT:
		print("sendto to an address in a mapped file gave %d, %s" % (r, os.strerror(ctypes.get_errno())))
	os.close(fd)
	print("done")

def far():
	def run():
		fd = os.open("/proc/net/tcp", os.O_RDONLY)
		while True:
			os.pread(fd, 4096, 1 << 40)
	for _ in range(20):
		threading.Thread(target=run, daemon=True).start()
	print("reading", os.getpid(), flush=True)
	sys.stdin.readline()

{"hold": hold, "abuse": abuse, "far": far}[sys.argv[1]]()
