#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
#
# Another reader of the binary form, written from docs/trace-format.md alone and with
# the tables of fields that it finds there: a check that the document is enough, and
# an example. It reads whole files only. Prints an item a line; strings in hexadecimal.
#
#	other_reader.py trace-format.md FILE
import re
import struct
import sys
import zlib

M32, M64 = (1 << 32) - 1, (1 << 64) - 1
DENSE, SPARSE, BITS = 0, 1, 2
STRINGS, DEFS, EVENTS = 1, 2, 3


def load_kinds(doc):
	"""Kind number -> name and list of (field, type, coding)."""
	kinds = {}
	for m in re.finditer(r"\n### (\d+) `(\w+)`\n(.*?)(?=\n##)", doc, re.S):
		rows = re.findall(r"\n\| \d+ \| `(\w+)` \| (\w+) \| (\w+) \|", m[3])
		kinds[int(m[1])] = (m[2], rows)
	return kinds


def crc32c(data):
	crc = M32
	for byte in data:
		crc ^= byte
		for _ in range(8):
			crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
	return crc ^ M32


def unzigzag(z):
	return (z >> 1) ^ -(z & 1)


class Bytes:
	def __init__(self, data):
		self.data, self.pos = data, 0

	def take(self, n):
		self.pos += n
		assert self.pos <= len(self.data)
		return self.data[self.pos - n:self.pos]

	def varint(self):
		value = shift = 0
		while True:
			byte = self.take(1)[0]
			value |= (byte & 127) << shift
			shift += 7
			if byte < 128:
				return value

	def end(self):
		return self.pos == len(self.data)


class Column:
	def __init__(self, payload, tail):
		head = payload.varint()
		self.mode, self.length = head & 3, head >> 2
		if self.mode == BITS:
			tail.append(self)
		else:
			self.fill(payload)

	def fill(self, payload):
		self.bytes = Bytes(payload.take(self.length))
		if self.mode == SPARSE:
			self.next = self.gap(0)
		elif self.mode == BITS:
			self.bits = int.from_bytes(self.bytes.data, "little")
			self.left = 8 * self.length

	def gap(self, row):
		return None if self.bytes.end() else row + self.bytes.varint()

	def get(self, row):
		"""The value of the next row of a dense, or of this row of a sparse column."""
		if not self.length or (self.mode == SPARSE and row != self.next):
			return 0
		value = self.bytes.varint()
		if self.mode == SPARSE:
			self.next = self.gap(row + 1)
		return value

	def take_bits(self, n):
		assert n <= self.left
		value = self.bits & ((1 << n) - 1)
		self.bits >>= n
		self.left -= n
		return value

	def get_bits(self, scale):
		"""A number in bits, and the next scale."""
		if not self.length:
			return 0, scale
		k, q = scale // 8, 0
		while q < 20 and not self.take_bits(1):
			q += 1
		if q == 20:
			value = self.take_bits(self.take_bits(6) + 1)
		else:
			value = q << k | self.take_bits(k)
		if q == 0:
			return value, max(scale - 1, 0)
		return value, scale if q == 1 else min(scale + q, 448)


class Context:
	def __init__(self, nfields):
		self.value = [0] * nfields
		self.scale = {"START": 64, "END": 64}
		self.tag = None

	def take_over(self, other):
		self.value, self.scale = list(other.value), dict(other.scale)


class Decoder:
	"""The rows of a DEFS or EVENTS payload."""

	def __init__(self, payload, kinds, strings, objects):
		self.kinds, self.strings, self.objects = kinds, strings, objects
		p, tail = Bytes(payload), []
		self.nrows = p.varint()
		self.tasks, self.steps, self.keys = (Column(p, tail) for _ in range(3))
		self.columns = {}
		for _ in range(p.varint()):
			kind, n = p.varint(), p.varint()
			self.columns[kind] = [Column(p, tail) for _ in range(n)]
		for column in tail:
			column.fill(p)
		assert p.end()
		self.registers, self.step, self.contexts, self.row_of = {}, {}, {}, {}
		self.last = {}
		self.start = self.end = 0

	def rows(self):
		"""(kind, fields), or None for a mark."""
		task = 0
		for row in range(self.nrows):
			step, diff = self.steps.get(row), self.tasks.get(row)
			if step == 255:
				yield None
				continue
			task = (task + unzigzag(diff)) & M64
			regs = self.registers.setdefault(task % 256, dict(
				start=self.start, end=self.end, cpu=0, seq=0, sys=0, depth=0, history=0, object=0, first=0))
			at = ((regs["history"] * 0x9E3779B1 + task * 97) & M32) >> 22
			if step:
				self.step[at] = step, unzigzag(self.keys.get(None)) & M64
			kind, key = self.step[at]
			if kind in self.kinds:
				yield self.kinds[kind][0], self.item(kind, key, task, regs)
			regs["history"] = (regs["history"] * 256 + (kind * 37 + key) % 256) & M32

	def context(self, kind, key, task, regs):
		fields = self.kinds[kind][1]
		number = 0
		keyed = any(coding == "KEY" for _, _, coding in fields)
		if keyed:
			number = ((task * 97 + key + regs["history"] % 256 * 389) & M64) % 1024
		if not keyed or not self.objects:
			return self.contexts.setdefault((kind, number), Context(len(fields)))
		tag = number, regs["object"]
		at = kind, (number + regs["object"] * 613) % 1024
		ctx = self.contexts.setdefault(at, Context(len(fields)))
		if ctx.tag != tag:
			ctx.take_over(self.contexts[self.last[kind, number]] if (kind, number) in self.last
				else Context(len(fields)))
			ctx.tag = tag
		self.last[kind, number] = at
		return ctx

	def item(self, kind, key, task, regs):
		fields, columns = self.kinds[kind][1], self.columns.get(kind, [])
		ctx, values = self.context(kind, key, task, regs), {}
		is_sys = self.kinds[kind][0] == "sys"
		row = self.row_of[kind] = self.row_of.get(kind, -1) + 1
		order = sorted(range(len(fields)), key=lambda i: fields[i][2] != "CONTEXT")
		for i in order:
			name, _, coding = fields[i]
			z = 0
			if i < len(columns) and columns[i].mode == BITS:
				which = "START" if coding == "START" else "END"
				z, ctx.scale[which] = columns[i].get_bits(ctx.scale[which])
			elif i < len(columns):
				z = columns[i].get(row)
			values[name] = self.value(i, coding, z, key, task, regs, ctx, values, is_sys)
		is_call = "depth" in values
		if is_call:
			regs["object"] = values["buf"]
		if is_sys:
			regs["first"] = 0
		elif is_call and values["sys"]:
			regs["first"] = min(regs["first"] or regs["start"], regs["start"])
		regs["depth"] = values.get("depth", 0)
		self.start, self.end = regs["start"], regs["end"]
		return [self.show(values[name], type_) for name, type_, _ in fields]

	def value(self, i, coding, z, key, task, regs, ctx, values, is_sys):
		if coding == "TASK":
			return task
		if coding == "KEY":
			return key
		if coding == "CONTEXT":
			ctx.value[i] = (ctx.value[i] + unzigzag(z)) & M64
			return ctx.value[i]
		reg = "end" if coding == "DUR" else coding.lower()
		base = regs[reg]
		leaf = values.get("depth", -1) >= regs["depth"]
		if coding == "START" and leaf:
			base = regs["end"]
		if self.objects and coding == "START" and is_sys and regs["first"]:
			base = regs["first"]
		if self.objects and coding in ("END", "DUR") and leaf:
			base = regs["start"]
		diff = unzigzag(z)
		if coding != "CPU":
			diff += ctx.value[i]
			ctx.value[i] = diff & M64
		regs[reg] = (base + diff) & M64
		return (regs["end"] - regs["start"]) & M64 if coding == "DUR" else regs[reg]

	def show(self, value, type_):
		if type_ == "string":
			return self.strings.get(value, b"?").hex()
		if type_.startswith("i") and value >> 63:
			value -= 1 << 64
		return str(value)


def chunks(data):
	pos, number = struct.unpack_from("<I", data, 8)[0], 0
	while pos < len(data):
		type_, flags, stored, raw, seq, crc = struct.unpack_from("<HHIIII", data, pos + 4)
		padded = stored + 7 & ~7
		assert data[pos:pos + 4] == b"\xc3\x5a\xc4\xd5" and seq == number
		assert crc == crc32c(data[pos:pos + 20] + data[pos + 24:pos + 24 + padded])
		payload = data[pos + 24:pos + 24 + stored]
		if flags & 2:
			n = struct.unpack_from("<I", payload)[0]
			payload = zlib.decompress(payload[4:4 + n]) + payload[4 + n:]
		assert len(payload) == raw
		yield type_, flags, payload
		pos, number = pos + 24 + padded, number + 1


def items(data, kinds):
	strings, facts = {0: b""}, iter(())
	assert data[:8] == b"\x8dDSQ\r\n\x1a\n"
	assert crc32c(data[:60]) == struct.unpack_from("<I", data, 60)[0]
	for type_, flags, payload in chunks(data):
		if not (type_ == EVENTS and flags & 4):
			yield from facts
		if type_ == STRINGS:
			p = Bytes(payload)
			first, n = p.varint(), p.varint()
			for i in range(first, first + n):
				strings[i] = p.take(p.varint())
		elif type_ == DEFS:
			facts = Decoder(payload, kinds, strings, flags & 8).rows()
		elif type_ == EVENTS:
			for item in Decoder(payload, kinds, strings, flags & 8).rows():
				yield next(facts) if item is None else item
	yield from facts


def main(doc, path):
	with open(doc, encoding="utf-8") as f:
		kinds = load_kinds(f.read())
	with open(path, "rb") as f:
		for name, values in items(f.read(), kinds):
			print(name, *values)


main(*sys.argv[1:])
