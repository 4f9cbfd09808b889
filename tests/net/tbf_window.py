#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tbf_window.py PCAP SOURCE RATE BURST MTU TOLERANCE LEAST [PEAKRATE PEAKBURST]: judge a token bucket by what the peer captured.

Bytes on the wire are counted as Linux's qdiscs count them: a GSO packet stands for as many
segments as its payload needs, each with its own headers. For the bound, ANY window is tried: with
the virtual queue v(i) = max(v(i-1) - rate*dt, 0) + bytes(i), some window carries more than
burst + rate*t exactly when v exceeds burst.

Prints the worst excess over burst (negative: below) and the sustained rate after the first
burst, as a ratio of RATE; exits 1 when the bound is passed by more than TOLERANCE bytes or the
sustained rate is not in LEAST..1.002.
"""
import socket
import struct
import sys


def packets(path):
	with open(path, "rb") as f:
		head = f.read(24)
		magic = struct.unpack("<I", head[:4])[0]
		scale = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
		while len(h := f.read(16)) == 16:
			sec, frac, caplen, length = struct.unpack("<IIII", h)
			yield sec * 10**9 + frac * scale, length, f.read(caplen)


def wire_bytes(length, data, mtu):
	ihl = (data[14] & 15) * 4
	if data[23] != 6:
		return length
	headers = 14 + ihl + (data[14 + ihl + 12] >> 4) * 4
	payload = length - headers
	mss = mtu + 14 - headers
	segments = max(1, -(-payload // mss))
	return payload + segments * headers


def main():
	path, source, rate, burst, mtu, tolerance, least = sys.argv[1:8]
	rate, burst, mtu, tolerance, least = float(rate), float(burst), int(mtu), float(tolerance), float(least)
	src = socket.inet_aton(source)
	peak, peak_burst = (float(x) for x in sys.argv[8:10]) if len(sys.argv) > 8 else (0, 0)
	v, worst, last = 0.0, float("-inf"), None
	v2, worst2 = 0.0, float("-inf")
	times, sizes = [], []
	for t, length, data in packets(path):
		if data[12:14] != b"\x08\x00" or data[26:30] != src:
			continue
		n = wire_bytes(length, data, mtu)
		if last is not None:
			v = max(v - rate * (t - last) / 1e9, 0.0)
			v2 = max(v2 - peak * (t - last) / 1e9, 0.0)
		v += n
		worst = max(worst, v - burst)
		if peak:
			v2 += n
			worst2 = max(worst2, v2 - peak_burst)
		last = t
		times.append(t)
		sizes.append(n)
	# Sustained: from when twice the burst has gone out, while the transfer lasts. The tail, when
	# the sender has nothing more, is left out.
	total, i = 0, 0
	while i < len(sizes) and total < 2 * burst:
		total += sizes[i]
		i += 1
	j = len(sizes) - max(10, len(sizes) // 50)
	if j - i < 10:
		print("too few packets:", len(sizes))
		sys.exit(1)
	sustained = sum(sizes[i + 1:j + 1]) / ((times[j] - times[i]) / 1e9) / rate
	print(f"packets {len(sizes)} worst excess {worst:.0f} B, sustained {100 * sustained:.2f}% of {rate:.0f} B/s")
	if peak:
		print(f"worst excess over the peak {worst2:.0f} B")
	sys.exit(not (worst <= tolerance and worst2 <= tolerance and least <= sustained <= 1.002))


main()
