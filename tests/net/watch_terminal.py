# SPDX-License-Identifier: Apache-2.0
# A terminal for test_watch.sh: a pty, a shell with job control on it, and an emulator of as much of a VT100 and xterm
# as ncurses uses, so that a test can ask what is on the screen. What it does not know is an error.
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

class Screen:
	def __init__(self, rows, cols):
		self.size(rows, cols)
		self.rest = b""
		self.alternate = self.hidden = False
		self.escapes = 0
		self.beyond = 0			# printed in the last column and again: cut lines must not do that

	def size(self, rows, cols):
		self.rows, self.cols = rows, cols
		self.cells = [[" "] * cols for _ in range(rows)]
		self.y = self.x = 0
		self.top, self.bottom = 0, rows - 1	# what scrolls

	def text(self):
		return "\n".join("".join(r).rstrip() for r in self.cells)

	# A row goes at one place of what scrolls, and an empty one comes at another.
	def shift(self, gone, new):
		self.cells.pop(gone)
		self.cells.insert(new, [" "] * self.cols)

	def put(self, c):
		if self.x == self.cols:
			self.beyond += 1
			self.x = 0
			self.down()
		self.cells[self.y][self.x] = self.last = c
		self.x += 1

	def down(self):
		self.x = min(self.x, self.cols - 1)
		if self.y == self.bottom:
			self.shift(self.top, self.bottom)
		else:
			self.y = min(self.y + 1, self.rows - 1)

	def up(self):
		if self.y == self.top:
			self.shift(self.bottom, self.top)
		else:
			self.y = max(self.y - 1, 0)

	def clear(self, y, x0, x1):
		for x in range(max(x0, 0), min(x1, self.cols)):
			self.cells[y][x] = " "

	def other_screen(self, on):
		if on and not self.alternate:
			self.main, self.main_at = self.cells, (self.y, self.x)
			self.cells = [[" "] * self.cols for _ in range(self.rows)]
		elif self.alternate and not on:
			if (len(self.main), len(self.main[0])) == (self.rows, self.cols):
				self.cells, (self.y, self.x) = self.main, self.main_at
			else:
				self.cells = [[" "] * self.cols for _ in range(self.rows)]
		self.alternate = on

	def csi(self, private, params, final):
		n = [int(p) if p else 0 for p in params.split(";")]
		if final != "m":
			self.x = min(self.x, self.cols - 1)
		k = max(n[0], 1)
		if private or final in "hl":
			if private == "?" and 1049 in n:
				self.other_screen(final == "h")
			if private == "?" and 25 in n:
				self.hidden = final == "l"
		elif final == "H" or final == "f":
			self.y, self.x = min(k, self.rows) - 1, min(max(n[1] if len(n) > 1 else 1, 1), self.cols) - 1
		elif final == "d": self.y = min(k, self.rows) - 1
		elif final == "G": self.x = min(k, self.cols) - 1
		elif final == "A": self.y = max(self.y - k, 0)
		elif final == "B": self.y = min(self.y + k, self.rows - 1)
		elif final == "C": self.x = min(self.x + k, self.cols - 1)
		elif final == "D": self.x = max(self.x - k, 0)
		elif final == "X": self.clear(self.y, self.x, self.x + k)
		elif final == "b":
			for _ in range(k):
				self.put(self.last)
		elif final == "K":
			self.clear(self.y, 0 if n[0] else self.x, self.x + 1 if n[0] == 1 else self.cols)
		elif final == "J":
			if (self.y, self.x) == (0, 0): self.beyond = 0	# not what the shell echoed
			if n[0] == 0: self.clear(self.y, self.x, self.cols)
			for y in range(self.y + 1 if n[0] == 0 else 0, self.rows if n[0] != 1 else self.y):
				self.clear(y, 0, self.cols)
		elif final == "P":
			self.cells[self.y][self.x:] = self.cells[self.y][self.x + k:] + [" "] * min(k, self.cols - self.x)
		elif final == "@":
			self.cells[self.y][self.x:] = ([" "] * k + self.cells[self.y][self.x:])[:self.cols - self.x]
		elif final in "LMST":
			for _ in range(k):
				if final == "L": self.shift(self.bottom, self.y)
				elif final == "M": self.shift(self.y, self.bottom)
				elif final == "S": self.shift(self.top, self.bottom)
				else: self.shift(self.bottom, self.top)
		elif final == "r":
			self.top, self.bottom = k - 1, min(n[1] if len(n) > 1 and n[1] else self.rows, self.rows) - 1
			self.y = self.x = 0
		elif final not in "mtc":
			raise ValueError(f"CSI {params}{final} is not known")

	# One token of what came; b"" if it is not whole yet.
	token = re.compile(rb"\x1b\[([?>!]?)([0-9;]*)([@-~])|\x1b[()]([0-9A-Z])|\x1b([78=>MDEc])|\$<[0-9.*/]+>|"
			   rb"([\x00-\x1a\x1c-\x1f\x7f])|([\x20-\x7e])|([\xc0-\xff][\x80-\xbf]+)")

	def feed(self, data):
		data = self.rest + data
		at = 0
		while m := self.token.match(data, at):
			if m[8] and len(m[8]) < (2 if m[8][0] < 0xe0 else 3 if m[8][0] < 0xf0 else 4):
				break
			at = m.end()
			if m[3]: self.csi(m[1].decode(), m[2].decode(), m[3].decode())
			elif m[6] == b"\r": self.x = 0
			elif m[6] == b"\n": self.down()
			elif m[6] == b"\b": self.x = max(min(self.x, self.cols - 1) - 1, 0)
			elif m[6] == b"\t": self.x = min(self.x // 8 * 8 + 8, self.cols - 1)
			elif m[7] or m[8]: self.put((m[7] or m[8]).decode())
			elif m[5] == b"M": self.up()
			if data[m.start():at][:1] == b"\x1b": self.escapes += 1
		self.rest = data[at:]
		if len(self.rest) > 64:
			raise ValueError(f"not understood: {self.rest[:64]!r}")

class Terminal:
	def __init__(self, rows, cols, **env):
		self.master, self.slave = pty.openpty()
		self.screen = Screen(rows, cols)
		self.raw = b""
		self.resize(rows, cols, quiet=True)
		# The shell does no editing of its own, and its prompt is what nobody else writes.
		self.pid = os.fork()
		if self.pid == 0:
			os.setsid()
			fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
			for fd in 0, 1, 2:
				os.dup2(self.slave, fd)
			os.closerange(3, 100)
			os.environ.update(PS1="READY$? ", ENV="", **env)
			os.execvp("dash", ["dash", "-i"])
		self.until(r"READY0$")
		self.modes = termios.tcgetattr(self.slave)

	def resize(self, rows, cols, quiet=False):
		self.screen.size(rows, cols)
		fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

	def read(self, seconds):
		if not select.select([self.master], [], [], seconds)[0]:
			return False
		data = os.read(self.master, 65536)
		self.raw += data
		self.screen.feed(data)
		return True

	# until the screen has the pattern
	def until(self, pattern, seconds=20):
		end = time.monotonic() + seconds
		while not re.search(pattern, self.screen.text(), re.M):
			if time.monotonic() > end:
				raise SystemExit(f"no {pattern!r} in {seconds} s on\n{self.screen.text()}")
			self.read(0.2)
		return self.screen.text()

	def type(self, text):
		os.write(self.master, text.encode())

	def run(self, line):
		self.screen.size(self.screen.rows, self.screen.cols)
		self.type("clear 2>/dev/null; " + line + "\n")

	# The command has ended with this status, the terminal is as it was, and the shell's again.
	def ended(self, status):
		self.until(rf"READY{status}$")
		self.same_modes()
		if self.screen.alternate or self.screen.hidden:
			raise SystemExit("the terminal was left in its other screen, or without a cursor")

	def same_modes(self):
		modes = termios.tcgetattr(self.slave)
		if modes != self.modes:
			raise SystemExit(f"modes were {self.modes}, are {modes}")

	def close(self):
		os.kill(self.pid, signal.SIGKILL)
		os.waitpid(self.pid, 0)
		os.close(self.master)
		os.close(self.slave)

def want(condition, what, screen=""):
	if not condition:
		raise SystemExit(f"not so: {what}\n{screen}")
