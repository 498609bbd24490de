#!/usr/bin/env python3
# Part of objbus. SPDX-License-Identifier: Apache-2.0
# Writes the test vectors beside it, from docs/protocol/framing.md and handshake.md alone.
"""Run it without arguments; it overwrites every *.hex file in its own folder."""
import base64
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
KINDS = dict(
    HELLO=1, ATTACH=2, WELCOME=3, REFUSED=4, HEARTBEAT=5, GOODBYE=6, STOPPING=7, CALL=16,
    REPLY=17, FAILURE=18, CANCEL=19, ACKNOWLEDGE=20, RELEASE=32, UNREF=33, REVOKE=34,
    PEER_RELINKED=48, PEER_ENDED=49, REVOKED=50, UNIMPLEMENTED=63, KIND_200=200)
FLAGS = dict(
    chain=0, parent=1, method=2, name=3, hint=4, ranges=5, trace=6, members=7, oneWay=8, resent=9,
    idempotent=10)
A, B = 0xA1, 0xB2
SEAL = bytes(range(0x10, 0x20))
SECRET = bytes(range(0xE0, 0xF0))


class Slot(int):
    """A reference in a value."""


class Frame(int):
    """A buffer in a value."""


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise ValueError(number)


def cbor(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, Slot):
        return head(6, 28514) + head(0, int(value))
    if isinstance(value, Frame):
        return head(6, 28516) + head(0, int(value))
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    pairs = sorted((cbor(key), cbor(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


def plain(value):
    """The value as docs/protocol/json.md writes it; a buffer by its number."""
    if isinstance(value, Slot):
        return {"$ref": f"#{int(value)}"}
    if isinstance(value, Frame):
        return f"buffer {int(value)}"
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def row(owner, number, generation=1, seal=bytes(16)):
    high, low = (int.from_bytes(half, "big") for half in (seal[:8], seal[8:]))
    return struct.pack("<QQIIQQ", owner, number, generation, 0, high, low)


def told(owner, number, generation=1, seal=bytes(16)):
    seal = seal.hex() if any(seal) else "none"
    return f"{owner:016x}/{number} generation {generation} seal {seal}"


def text(string):
    return struct.pack("<H", len(string.encode())) + string.encode()


def grouped(data, size=16):
    return [data[at:at + size].hex(" ") for at in range(0, len(data), size)]


class Message:
    def __init__(self, kind, flags=(), payload=None, references=(), buffers=(), extra=None, **fields):
        self.kind, self.buffers, self.fields = kind, list(buffers), fields
        self.rows = [row(*reference) for reference in references]
        self.payload = b"" if payload is None else cbor(payload)
        self.lines = [("kind", kind)]
        self.parts = []
        names = list(flags) + [name for name in FLAGS if name in (extra or {})]
        for name, build in EXTENSIONS.items():
            if extra and name in extra:
                self.parts.append((name, build(extra[name])))
        self.flags = sorted(names, key=FLAGS.get)
        if self.flags:
            self.lines.append(("flags", " ".join(self.flags)))
        for name in "epoch sequence peer object call behind peerEpoch remaining".split():
            if fields.get(name):
                shown = f"{fields[name]:016x}" if name == "peer" else fields[name]
                self.lines.append((name, shown))
        size = sum(len(part) for _, part in self.parts)
        for name, count in (
                ("extensionLength", size), ("references", len(self.rows)), ("buffers", len(self.buffers))):
            if count:
                self.lines.append((name, count))
        for name, _ in self.parts:
            self.lines.append((name, shown_extension(name, extra[name])))
        for index, reference in enumerate(references):
            self.lines.append((f"reference {index}", told(*reference)))
        for index, buffer in enumerate(self.buffers):
            self.lines.append((f"buffer {index}", len(buffer)))
        if payload is not None and kind not in ("HELLO", "WELCOME"):
            self.lines.append(("payload", json.dumps(plain(payload), ensure_ascii=False)))

    def header(self):
        get = lambda name: self.fields.get(name, 0)
        flags = sum(1 << FLAGS[name] for name in self.flags)
        size = sum(len(part) for _, part in self.parts)
        return [
            (struct.pack("<HBBHH", 0x424F, 1, KINDS[self.kind], flags, size),
             "magic, version, kind, flags, extensionLength"),
            (struct.pack("<IHH", get("epoch"), len(self.rows), len(self.buffers)),
             "epoch, referenceCount, bufferCount"),
            (struct.pack("<Q", get("sequence")), "sequence"),
            (struct.pack("<Q", get("peer")), "peer"),
            (struct.pack("<Q", get("object")), "object"),
            (struct.pack("<Q", get("call")), "call"),
            (struct.pack("<II", get("behind"), get("peerEpoch")), "behind, peerEpoch"),
            (struct.pack("<Q", get("remaining")), "remaining"),
        ]

    def hex(self):
        lines = [f"{data.hex(' '):24}; {name}" for data, name in self.header()]
        named = [("payload", self.payload)] + self.parts
        named += [(f"reference {index}", data) for index, data in enumerate(self.rows)]
        for name, data in named:
            if data:
                lines += [f"; {name}"] + grouped(data)
        for index, buffer in enumerate(self.buffers):
            lines += [f"; buffer {index}", "frame"]
            same = len(set(buffer)) == 1
            lines += [f"{len(buffer)}*{buffer[:1].hex()}"] if same else grouped(buffer)
        return lines


EXTENSIONS = dict(
    chain=lambda it: struct.pack("<QQ", *it),
    parent=lambda it: struct.pack("<QQ", *it),
    method=text, name=text, hint=text,
    ranges=lambda it: struct.pack("<H", len(it)) + b"".join(struct.pack("<QQ", *r) for r in it),
    trace=lambda it: struct.pack("<H", len(cbor(it))) + cbor(it),
    members=lambda it: struct.pack("<Q", it))


def shown_extension(name, it):
    return {
        "chain": lambda: f"{it[0]:016x}~{it[1]}", "parent": lambda: f"{it[0]:016x}#{it[1]}",
        "ranges": lambda: " ".join(f"{first}-{last}" for first, last in it),
        "trace": lambda: json.dumps(it), "members": lambda: str(it)}.get(name, lambda: it)()


def write(name, remark, message, more=()):
    lines = [f"## {line}" for line in remark.splitlines()]
    lines += [f"# {field}: {value}" for field, value in message.lines + list(more)]
    lines += message.hex()
    (HERE / f"{name}.hex").write_text("\n".join(lines) + "\n")


def write_bad(name, remark, error, lines):
    text = [f"## {remark}", f"# error: {error}"] + lines
    (HERE / f"bad-{name}.hex").write_text("\n".join(text) + "\n")


def handshakes():
    token = dict(object=0x0123456789ABCDEF, call=0x0FEDCBA987654321)
    body = dict(versions=[1], node="shell", program="objbus", process=4711, holdings=b"",
                exports=b"", names=[])
    shown = [("versions", "1"), ("node", "shell"), ("program", "objbus"), ("process", 4711)]
    hello = [(f"hello.{name}", value) for name, value in shown]
    write("hello-new", "HELLO of a node that is new on the bus.",
          Message("HELLO", payload=body, epoch=1, sequence=1, **token), hello)
    held, other = (B, 7, 2, SEAL), (B, 9)
    body |= dict(
        incarnation=A, secret=SECRET,
        holdings=row(*held) + struct.pack("<Q", 3) + row(*other) + struct.pack("<Q", 1),
        exports=struct.pack("<QIIQ", 4, 1, 0, 2) + struct.pack("<QIIQ", 5, 3, 0, 1),
        names=[["counter", 4, "Counter"], ["resizer", 5, "Resizer", "roundRobin"]])
    hello += [
        ("hello.incarnation", f"{A:016x}"), ("hello.secret", SECRET.hex()),
        ("hello.holding 0", told(*held) + " count 3"), ("hello.holding 1", told(*other) + " count 1"),
        ("hello.export 0", "4 generation 1 count 2"), ("hello.export 1", "5 generation 3 count 1"),
        ("hello.name 0", "counter 4 Counter"), ("hello.name 1", "resizer 5 Resizer roundRobin")]
    write("hello-resume", "HELLO of a node that resumes its incarnation: what it holds (rcv), what it\n"
          "has given out (exp), and what it has published.",
          Message("HELLO", payload=body, epoch=3, sequence=1, **token), hello)
    write("attach", "ATTACH on the receiving connection, with the token of hello-resume.",
          Message("ATTACH", epoch=3, sequence=1, **token))
    body = dict(version=1, incarnation=A, secret=SECRET, run=0x5EED, heartbeat=10**9,
                silence=3 * 10**9, resumeWindow=2 * 10**9, credit=1 << 26)
    shown = [("incarnation", f"{A:016x}"), ("secret", SECRET.hex())]
    shown += [(name, body[name]) for name in "run heartbeat silence resumeWindow credit".split()]
    write("welcome", "WELCOME, the first message on the receiving connection.",
          Message("WELCOME", payload=body, epoch=3, sequence=1, peer=A),
          [(f"welcome.{name}", value) for name, value in shown])
    body = dict(kind="notFound", executed="no", message="incarnation 00000000000000a1 has ended")
    write("refused", "REFUSED: the incarnation that the node claims has ended.",
          Message("REFUSED", payload=body), [(f"failure.{name}", body[name]) for name in body])
    write("heartbeat", "HEARTBEAT of the broker, which has taken in 5,000 bytes of one-way calls.",
          Message("HEARTBEAT", epoch=3, sequence=12, call=5000))
    write("heartbeat-node", "HEARTBEAT of a node that has taken in 70,000 bytes of calls and 900 of all else.",
          Message("HEARTBEAT", epoch=3, sequence=12, object=900, call=70000))
    write("goodbye", "GOODBYE: the incarnation ends at once, with every call answered.", Message("GOODBYE", epoch=3, sequence=13, call=5))
    write("stopping", "STOPPING: the broker ends; the last message on the receiving connection.",
          Message("STOPPING", epoch=3, sequence=14))


def calls():
    write("call-small", "CALL, as small as a useful one gets: add(3) to object 7 of node b2, one frame.",
          Message("CALL", payload=[3], extra=dict(method="add(_:)"), epoch=1, sequence=5, peer=B, object=7,
                  call=1, behind=1))
    buffer = b"\xab" * 16384
    write("call-full", "CALL with all that a call can have: every extension, two references, a buffer,\n"
          "a deadline, an acknowledgement. As the broker forwards it: from node a1, repeated.",
          Message("CALL", ["resent", "idempotent"], [Slot(0), "ä", Frame(0), {"to": Slot(1)}],
                  [(A, 4), (B, 9, 2, SEAL)], [buffer],
                  dict(chain=(A, 12), parent=(B, 40), method="transfer(_:to:)", name="bank",
                       hint="$s4Bank7AccountC8transferyySi_ACtF", ranges=[(30, 33), (35, 41)],
                       trace={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                       members=9),
                  epoch=2, sequence=77, peer=A, object=7, call=42, behind=13, peerEpoch=4,
                  remaining=1_500_000_000))
    write("call-one-way", "CALL that wants no answer: number 0.",
          Message("CALL", ["oneWay"], ["hello"], extra=dict(method="log(_:)"), epoch=1, sequence=6, peer=B,
                  object=7))
    write("call-publish", "CALL to the broker itself: publish own object 4 as \"counter\".",
          Message("CALL", payload=[Slot(0), "counter", "Counter"], references=[(A, 4)],
                  extra=dict(method="publish(_:as:interface:)"), epoch=1, sequence=7, call=2, behind=2))
    write("reply-find", "REPLY of the broker to find(\"counter\"): the receiver becomes a holder, so there is a seal.",
          Message("REPLY", payload=[Slot(0), "Counter", 5], references=[(B, 7, 1, SEAL)], epoch=1,
                  sequence=3,
                  call=3))
    write("call-publish-replica", "CALL to the broker itself: publish own object 5 as a replica of \"resizer\".",
          Message("CALL", payload=[Slot(0), "resizer", "Resizer", "roundRobin"], references=[(A, 5)],
                  extra=dict(method="publish(_:as:interface:replicas:)"), epoch=1, sequence=8, call=3,
                  behind=2))
    write("reply-find-replicas", "REPLY of the broker to find(\"resizer\"): two replicas, whose number is 23.",
          Message("REPLY", payload=[Slot(0), "Resizer", 23, "roundRobin", [Slot(0), Slot(1)]],
                  references=[(B, 7, 1, SEAL), (A, 5)], epoch=1, sequence=4, call=4))
    write("call-replica", "CALL of one of the replicas 23 of \"resizer\".",
          Message("CALL", payload=[3], extra=dict(method="resize(_:)", name="resizer", members=23),
                  epoch=1, sequence=9, peer=B, object=7, call=5, behind=1))
    write("reply", "REPLY to call-small, as the caller gets it.",
          Message("REPLY", payload=3, epoch=1, sequence=4, peer=B, call=1))
    body = dict(kind="failed", executed="yes", message="the account is overdrawn", type="Bank.Overdrawn",
                error={"by": 12}, hops=[["bank", "00000000000000b2/7", "transfer(_:to:)"],
                                        ["shop", "00000000000000c3/1", "pay(_:)"]])
    failure = [(f"failure.{name}", body[name]) for name in ("kind", "executed", "message", "type")]
    failure += [("failure.error", json.dumps(body["error"])),
                ("failure.hop 0", "transfer(_:to:) of 00000000000000b2/7 at bank"),
                ("failure.hop 1", "pay(_:) of 00000000000000c3/1 at shop")]
    write("failure", "FAILURE: the object threw an error of its own type, two hops away.",
          Message("FAILURE", payload=body, epoch=1, sequence=5, peer=B, call=42), failure)
    write("cancel", "CANCEL of call 42.", Message("CANCEL", epoch=1, sequence=8, peer=B, object=7, call=42))
    write("acknowledge", "ACKNOWLEDGE: everything up to 29 is settled, and two ranges above it.",
          Message("ACKNOWLEDGE", extra=dict(ranges=[(31, 33), (35, 41)]), epoch=1, sequence=9, peer=B,
                  call=29))


def rest():
    write("release", "RELEASE of three copies of object 7 of node b2.",
          Message("RELEASE", epoch=1, sequence=10, peer=B, object=7, call=3))
    write("unref", "UNREF: two exports of the receiver's object 4 are given back.",
          Message("UNREF", epoch=1, sequence=6, peer=A, object=4, call=2))
    write("revoke", "REVOKE: from now on only generation 2 of own object 4 counts.",
          Message("REVOKE", epoch=1, sequence=11, object=4, call=2))
    write("peer-relinked", "PEER_RELINKED: node b2 has a new link, its fourth.",
          Message("PEER_RELINKED", epoch=1, sequence=7, peer=B, peerEpoch=4))
    write("peer-ended", "PEER_ENDED: node b2 had no link for too long.",
          Message("PEER_ENDED", epoch=1, sequence=8, peer=B, call=2))
    write("revoked", "REVOKED: what was given of object 7 of node b2 before generation 3 is worth nothing.",
          Message("REVOKED", epoch=1, sequence=13, peer=B, object=7, call=3))
    write("unknown-kind", "A message of a kind that nobody knows.",
          Message("KIND_200", epoch=1, sequence=12, peer=B, object=7, call=9))
    write("unimplemented", "UNIMPLEMENTED: what comes back for unknown-kind; remaining is its kind.",
          Message("UNIMPLEMENTED", epoch=1, sequence=9, peer=B, object=7, call=9, remaining=200))


def bad():
    good = Message("CALL", payload=[3], extra=dict(method="add(_:)"), epoch=1, sequence=5, peer=B, object=7,
                   call=1, behind=1)
    header = b"".join(data for data, _ in good.header())

    def patched(at, data, base=header, tail=b""):
        return grouped(base[:at] + data + base[at + len(data):] + tail)

    def extension(flags, data):
        base = header[:4] + struct.pack("<HH", flags, len(data)) + header[8:]
        return grouped(base + data)

    write_bad("empty", "An empty frame.", "truncated 0", [])
    write_bad("truncated", "A header that lacks its last byte.", "truncated 63", grouped(header[:63]))
    write_bad("magic", "Something else's message.", "notObjbus", patched(0, b"GE"))
    write_bad("version", "The next version of the protocol.", "unsupportedVersion 2", patched(2, b"\x02"))
    write_bad("extension-length", "Extensions longer than the frame.", "inconsistentLengths",
              patched(6, b"\x01\x00"))
    write_bad("reference-count", "One reference, but only 39 bytes behind the header.",
              "inconsistentLengths", patched(4, bytes(4) + header[8:12] + b"\x01\x00", tail=bytes(39)))
    write_bad("too-many-references", "4,097 references.", "overLimit references or buffers per message",
              patched(12, b"\x01\x10"))
    write_bad("too-many-buffers", "257 buffers.", "overLimit references or buffers per message",
              patched(14, b"\x01\x01"))
    write_bad("buffer-missing", "One buffer announced, none there.", "inconsistentLengths",
              patched(4, bytes(4) + header[8:14] + b"\x01\x00"))
    write_bad("buffer-surplus", "A frame too many.", "inconsistentLengths",
              patched(4, bytes(4)) + ["frame", "00"])
    write_bad("chain", "A chain of 15 bytes.", "malformedExtension chain", extension(1, bytes(15)))
    write_bad("method-cut", "A method shorter than its length.", "malformedExtension method",
              extension(4, b"\x04\x00add"))
    write_bad("method-text", "A method that is not UTF-8.", "malformedExtension method",
              extension(4, b"\x02\x00\xc3\x28"))
    write_bad("method-long", "A method of 1,025 bytes.", "overLimit bytes of method",
              grouped(header[:4] + struct.pack("<HH", 4, 1027) + header[8:] + b"\x01\x04")
              + ["1025*61"])
    write_bad("name-long", "A name of 256 bytes.", "overLimit bytes of name",
              grouped(header[:4] + struct.pack("<HH", 8, 258) + header[8:] + b"\x00\x01")
              + ["256*61"])
    write_bad("ranges-empty", "A range that ends before it begins.", "malformedExtension ranges",
              extension(32, struct.pack("<HQQ", 1, 5, 4)))
    write_bad("ranges-many", "33 ranges announced.", "overLimit ranges", extension(32, b"\x21\x00"))
    write_bad("left-over", "A byte behind the last extension.", "malformedExtension length",
              extension(4, b"\x03\x00add\x00"))
    write_bad("members-cut", "A number of members of seven bytes.", "malformedExtension members",
              extension(128, bytes(7)))
    write_bad("members-zero", "Members numbered 0.", "malformedExtension members",
              extension(128, bytes(8)))
    body = dict(versions=[1], node="shell", program="objbus", process=4711, holdings=bytes(47))
    write_bad("hello-holdings", "A HELLO whose holdings are no whole rows.",
              "body holdings is not a table of rows of 48 bytes",
              Message("HELLO", payload=body, epoch=1, sequence=1).hex())
    body = dict(versions=[1], node="shell", program="objbus", process=4711,
                names=[["resizer", 5, "Resizer", "fairly"]])
    write_bad("hello-policy", "A HELLO with replicas by a policy that nobody knows.",
              "body names has a malformed row",
              Message("HELLO", payload=body, epoch=1, sequence=1).hex())
    body = dict(versions=[1], node="shell", program="objbus", process=4711, incarnation=A)
    write_bad("hello-secret", "A HELLO that claims an incarnation without its secret.",
              "body incarnation and secret belong together",
              Message("HELLO", payload=body, epoch=2, sequence=1).hex())
    write_bad("hello-array", "A HELLO whose payload is not a map.", "body the payload is not a map",
              Message("HELLO", payload=[1], epoch=1, sequence=1).hex())
    body = dict(version=1, incarnation=A, secret=SECRET, run=1, heartbeat=0, silence=1, resumeWindow=1)
    write_bad("welcome-heartbeat", "A WELCOME without a pause between heartbeats.",
              "body WELCOME lacks a member", Message("WELCOME", payload=body, epoch=1, sequence=1).hex())


handshakes()
calls()
rest()
bad()
