"""Reads, checks, builds and signs Driftless statements as docs/statement.md specifies them.

It shares no code with the Rust packages and uses no CBOR library: what both say of the golden vectors is the format. `receive` does what a node does with bytes from outside; `build` and `sign` make statements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from deterministic_cbor import Missing, Pairs, Refused, ascending, decode, encode, need

CONTEXT = b"driftless/statement/v1\x00"
STATEMENT_BYTES = 256 * 1024
SIGNATURE_BYTES = 64
VALUE_DEPTH = 32
NONE = bytes(32)
VERBS = ["write", "approve", "delegate", "revoke", "operate", "member"]
PATH_CHARACTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~@-")


# --- Fields ------------------------------------------------------------------------------------------------------


def uint(item: Any) -> int:
    need(type(item) is int and 0 <= item < 1 << 64)
    return item


def small(item: Any) -> int:
    need(type(item) is int and 0 <= item < 1 << 32)
    return item


def bytes32(item: Any) -> bytes:
    need(isinstance(item, bytes) and len(item) == 32)
    return item


def text(item: Any) -> str:
    need(isinstance(item, str))
    return item


def listed(item: Any, limit: int) -> list:
    need(isinstance(item, list))
    need(len(item) <= limit, "too_many")
    return item


def path_like(given: str) -> int:
    """Checks characters, segments and length; the number of segments."""
    need(len(given.encode()) <= 512, "path_too_long")
    segments = given.split("/")
    need(len(segments) <= 16, "path_too_deep")
    for segment in segments:
        need(segment != "", "path_empty_segment")
        need(segment not in (".", ".."), "path_dots")
        need(set(segment) <= PATH_CHARACTERS, "path_character")
    need(not segments[0].startswith("@") or segments[0] == "@mesh", "path_reserved")
    return len(segments)


def path(item: Any) -> str:
    need(path_like(text(item)) >= 2, "path_too_short")
    return item


def scope(item: Any) -> str:
    need(path_like(text(item)) == 1, "not_a_scope")
    return item


def ids(item: Any) -> list[bytes]:
    found = [bytes32(one) for one in listed(item, 16)]
    need(ascending(found), "not_ascending")
    return found


P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P


def sound_key(key: bytes) -> bool:
    """A canonical point of the curve that is not of small order, worked out from RFC 8032 section 5.1.3."""
    number = int.from_bytes(key, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    if y >= P:
        return False
    x = recover_x(y, sign)
    if x is None:
        return False
    for _ in range(3):
        x, y = double(x, y)
    return (x, y) != (0, 1)


def recover_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def double(x: int, y: int) -> tuple[int, int]:
    product = D * x * x * y * y % P
    return (
        2 * x * y * pow(1 + product, P - 2, P) % P,
        (y * y + x * x) * pow(1 - product, P - 2, P) % P,
    )


def public_key(item: Any) -> bytes:
    need(sound_key(bytes32(item)), "weak_key")
    return item


def value(item: Any, depth: int = 0) -> Any:
    """A JSON value: maps come back as dicts."""
    kind = convert(item)
    check_value(kind, depth)
    return kind


def convert(item: Any) -> Any:
    need(not isinstance(item, bytes), "value_kind")
    if isinstance(item, list):
        return [convert(one) for one in item]
    if isinstance(item, Pairs):
        need(all(isinstance(key, str) for key, _ in item.entries), "value_kind")
        return {key: convert(one) for key, one in item.entries}
    return item


def check_value(item: Any, depth: int) -> None:
    need(depth <= VALUE_DEPTH, "too_deep")
    if isinstance(item, list):
        for one in item:
            check_value(one, depth + 1)
    if isinstance(item, dict):
        for key, one in item.items():
            check_key(key)
            check_value(one, depth + 1)


def check_key(key: str) -> None:
    need(len(key.encode()) <= 1024, "long_key")


# --- Bodies: each gives its description, or None when a later version must have made it ---------------------------


def element(item: Any) -> dict:
    need(isinstance(item, list) and len(item) in (2, 3))
    if len(item) == 2:
        return {"own": [small(item[0]), small(item[1])]}
    return {"of": [bytes32(item[0]).hex(), small(item[1]), small(item[2])]}


def step(item: Any) -> Any:
    if isinstance(item, str):
        check_key(item)
        return item
    return element(item)


def pointer(item: Any) -> list:
    return [step(one) for one in listed(item, VALUE_DEPTH)]


def bounded(item: Any, limit: int) -> int:
    need(type(item) is int and -(1 << 63) <= item < 1 << 63)
    need(abs(item) <= limit, "counter_range")
    return item


def edit(item: Any) -> dict | None:
    need(isinstance(item, list) and item != [] and type(item[0]) is int and item[0] >= 0)
    code, parts = item[0], len(item)
    if code > 4:
        return None
    need(parts == {0: 3, 1: 2, 2: 3, 3: 3, 4: 4}[code])
    at = pointer(item[1])
    if code == 0:
        return {"at": at, "put": value(item[2])}
    if code == 1:
        return {"at": at, "delete": True}
    if code == 2:
        return {"at": at, "counter": bounded(item[2], 1 << 53)}
    if code == 3:
        return {"at": at, "increment": bounded(item[2], 1 << 32)}
    after = None if item[2] is None else element(item[2])
    return {"at": at, "insert": value(item[3]), "after": after}


def write(item: Any, touches: int) -> dict | None:
    need(isinstance(item, list))
    need(len(item) == touches, "edits_and_touches")
    total, lists = 0, []
    for edits in item:
        need(isinstance(edits, list))
        total += len(edits)
        need(edits != [], "empty")
        need(total <= 256, "too_many")
        lists.append([edit(one) for one in edits])
    known = all(one is not None for edits in lists for one in edits)
    return {"write": lists} if known else None


def numbered(item: Any, count: int) -> tuple[list, bool]:
    """Fields 0 to count-1 of a map, and whether there are more."""
    need(isinstance(item, Pairs) and all(type(key) is int and key >= 0 for key, _ in item.entries))
    found = [item.of(number) for number in range(count)]
    need(Missing not in found)
    return found, len(item.entries) > count


def epoch(keys: Any, threshold: Any) -> list[str]:
    keys = [public_key(key) for key in listed(keys, 32)]
    need(ascending(keys), "not_ascending")
    need(uint(threshold) <= len(keys) < 2 * threshold, "threshold")
    return [key.hex() for key in keys]


def genesis(item: Any) -> dict | None:
    (keys, threshold, fold_version, name), more = numbered(item, 4)
    keys = epoch(keys, threshold)
    uint(fold_version)
    need(len(text(name).encode()) <= 64 and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in name))
    body = {"keys": keys, "threshold": threshold, "fold_version": fold_version, "name": name}
    return None if more else {"genesis": body}


def demand(item: Any) -> dict:
    need(isinstance(item, list) and len(item) == 2)
    keys = [public_key(key) for key in listed(item[1], 32)]
    need(ascending(keys), "not_ascending")
    need(0 < uint(item[0]) <= len(keys), "approvals")
    return {"approvals": item[0], "of": [key.hex() for key in keys]}


def demands(item: Any) -> dict | None:
    need(isinstance(item, Pairs))
    need(item.entries != [], "empty")
    found = {uint(key): (demand(one) if key < 2 else None) for key, one in item.entries}
    return None if None in found.values() else {("writes", "deletes")[key]: one for key, one in found.items()}


def labels(item: Any) -> dict:
    need(isinstance(item, Pairs))
    need(item.entries != [], "empty")
    need(len(item.entries) <= 16, "too_many")
    for name, one in item.entries:
        need(re.fullmatch(r"[a-z0-9._-]{1,63}", text(name)) and re.fullmatch(r"[A-Za-z0-9._-]{1,63}", text(one)))
    return dict(item.entries)


def grant(item: Any) -> dict | None:
    (key, verbs, prefix, scopes), _ = numbered(item, 4)
    terms, more = {}, any(number > 6 for number, _ in item.entries)
    for number, name, reader in ((4, "demands", demands), (5, "not_after", uint), (6, "labels", labels)):
        if item.of(number) is not Missing:
            terms[name] = reader(item.of(number))
            more |= terms[name] is None
    public_key(key)
    verbs = [uint(verb) for verb in listed(verbs, 64)]
    need(ascending(verbs), "not_ascending")
    need(verbs != [], "empty")
    if text(prefix) != "":
        path_like(prefix)
    scopes = [scope(one) for one in listed(scopes, 64)]
    need(ascending([one.encode() for one in scopes]), "not_ascending")
    if more or verbs[-1] >= len(VERBS):
        return None
    body = {"key": key.hex(), "verbs": [VERBS[v] for v in verbs], "prefix": prefix, "scopes": scopes}
    return {"grant": body | terms}


def approve(item: Any) -> dict | None:
    (where, what), more = numbered(item, 2)
    body = {"scope": scope(where), "id": bytes32(what).hex()}
    return None if more else {"approve": body}


def frontier(item: Any) -> dict:
    """Ids by scope; at most 4,096 in all."""
    found = {}
    for one in listed(item, 4096):
        need(isinstance(one, list) and len(one) == 2)
        where, some = scope(one[0]), [bytes32(each) for each in listed(one[1], 4096)]
        need(some != [], "empty")
        need(ascending(some), "not_ascending")
        need(not found or list(found)[-1].encode() < where.encode(), "not_ascending")
        found[where] = [each.hex() for each in some]
    need(sum(map(len, found.values())) <= 4096, "too_many")
    return found


def revoke(item: Any) -> dict | None:
    (key, prefix, accepted), more = numbered(item, 3)
    public_key(key)
    if text(prefix) != "":
        path_like(prefix)
    body = {"key": key.hex(), "prefix": prefix, "frontier": frontier(accepted)}
    return None if more else {"revoke": body}


def accept(item: Any) -> dict | None:
    (accepted,), more = numbered(item, 1)
    body = {"frontier": frontier(accepted)}
    need(body["frontier"] != {}, "empty")
    return None if more else {"accept": body}


def rotate(item: Any) -> dict | None:
    (keys, threshold, accepted), more = numbered(item, 3)
    body = {"keys": epoch(keys, threshold), "threshold": threshold, "frontier": frontier(accepted)}
    return None if more else {"rotate": body}


def note(item: Any) -> dict | None:
    need(isinstance(item, Pairs))
    names, known, found = ["reason", "ticket", "traceparent"], True, {}
    for key, one in item.entries:
        if uint(key) > 2:
            known = False
            continue
        need(isinstance(one, str) and one != "")
        found[names[key]] = one
    need(item.entries != [], "empty")
    need(sum(len(one.encode()) for one in found.values()) <= 1024, "too_many")
    return found if known else None


# --- Statements --------------------------------------------------------------------------------------------------


@dataclass
class Statement:
    """A statement as described in tests/vectors/statement.json; ids in hexadecimal."""

    mesh: str
    scope: str
    author: str
    grant: str
    prev: list[str]
    touches: list[dict]
    hlc: int
    body: dict
    note: dict = field(default_factory=dict)
    unknown: list = field(default_factory=list)

    @property
    def is_unknown(self) -> bool:
        return self.unknown != [] or "unknown" in self.body

    @property
    def names(self) -> set[str]:
        bases = {base for touch in self.touches for base in touch["bases"]}
        return (bases | set(self.prev) | {self.grant}) - {NONE.hex()}


def statement_id(canonical: bytes) -> bytes:
    return blake3.blake3(canonical).digest()


def read_touch(item: Any) -> dict:
    need(isinstance(item, list) and len(item) == 2)
    return {"path": path(item[0]), "bases": [one.hex() for one in ids(item[1])]}


def read_body(kind: int, item: Any, touches: int) -> dict:
    readers = {0: genesis, 1: lambda one: write(one, touches), 2: grant, 3: approve, 4: revoke, 5: accept, 6: rotate}
    known = readers[kind](item) if kind in readers else None
    return known or {"unknown": {"kind": kind, "body": {"cbor": encode(item).hex()}}}


def read(canonical: bytes) -> Statement:
    """Canonical bytes to a statement, with every rule that needs nothing else."""
    need(len(canonical) <= STATEMENT_BYTES, "too_large")
    item = decode(canonical)
    need(isinstance(item, Pairs) and all(type(key) is int and key >= 0 for key, _ in item.entries))
    need(uint(item.of(0)) == 1, "unknown_version")
    touches = [read_touch(one) for one in listed(item.of(6), 256)]
    need(ascending([touch["path"].encode() for touch in touches]), "not_ascending")
    kind = uint(item.of(8))
    noted = {} if item.of(10) is Missing else note(item.of(10))
    later = [(key, one) for key, one in item.entries if key > 10 or (key == 10 and noted is None)]
    statement = Statement(
        mesh=bytes32(item.of(1)).hex(),
        scope=scope(item.of(2)),
        author=bytes32(item.of(3)).hex(),
        grant=bytes32(item.of(4)).hex(),
        prev=[one.hex() for one in ids(item.of(5))],
        touches=touches,
        hlc=uint(item.of(7)),
        body=read_body(kind, item.of(9) if item.of(9) is not Missing else need(False), len(touches)),
        note=noted or {},
        unknown=[[key, {"cbor": encode(one).hex()}] for key, one in later],
    )
    check(statement, kind)
    return statement


def check(statement: Statement, kind: int) -> None:
    """The rules between fields."""
    for touch in statement.touches:
        need(touch["path"].split("/")[0] == statement.scope, "outside_scope")
    none = NONE.hex()
    if "genesis" in statement.body:
        alone = statement.mesh == statement.grant == none and not statement.prev + statement.touches + statement.unknown
        need(alone and statement.author in statement.body["genesis"]["keys"], "genesis")
    else:
        need(none not in (statement.mesh, statement.grant), "genesis")
    need(statement.scope == "@mesh" or kind not in (0, 2, 3, 4, 5, 6), "not_in_mesh")
    need("write" not in statement.body or statement.touches != [], "empty")


def receive(wire: bytes, mesh: str | None = None) -> tuple[str, Statement]:
    """What a node does with bytes from outside: read, compare the mesh, check the signature. Gives id and statement."""
    need(len(wire) <= STATEMENT_BYTES + SIGNATURE_BYTES, "too_large")
    need(len(wire) >= SIGNATURE_BYTES, "short")
    canonical, signature = wire[:-SIGNATURE_BYTES], wire[-SIGNATURE_BYTES:]
    statement = read(canonical)
    own = statement_id(canonical).hex()
    need(mesh is None or mesh == (own if "genesis" in statement.body else statement.mesh), "other_mesh")
    author = bytes.fromhex(statement.author)
    need(sound_key(author) and sound_key(signature[:32]), "signature")
    try:
        Ed25519PublicKey.from_public_bytes(author).verify(signature, CONTEXT + canonical)
    except (InvalidSignature, ValueError):
        raise Refused("signature") from None
    return own, statement


def check_named(statement: Statement, own_id: str, named: Statement) -> None:
    """The rule about one statement that another names."""
    need(named.hlc < statement.hlc, "not_later")
    if own_id in statement.prev:
        need((named.author, named.scope) == (statement.author, statement.scope), "wrong_name")
    for touch in statement.touches:
        if own_id in touch["bases"]:
            need(named.scope == statement.scope, "wrong_name")
            there = touch["path"] in [one["path"] for one in named.touches]
            need(there or "write" not in statement.body, "wrong_name")
    if own_id == statement.grant:
        need(named.scope == "@mesh", "wrong_name")


# --- Building ----------------------------------------------------------------------------------------------------


def build_element(given: dict) -> list:
    if "own" in given:
        return list(given["own"])
    made, number, ordinal = given["of"]
    return [bytes.fromhex(made), number, ordinal]


def build_edit(given: dict) -> list:
    at = [one if isinstance(one, str) else build_element(one) for one in given["at"]]
    if "put" in given:
        return [0, at, given["put"]]
    if "delete" in given:
        return [1, at]
    if "counter" in given:
        return [2, at, given["counter"]]
    if "increment" in given:
        return [3, at, given["increment"]]
    after = None if given["after"] is None else build_element(given["after"])
    return [4, at, after, given["insert"]]


def build_demand(given: dict) -> list:
    return [given["approvals"], [bytes.fromhex(key) for key in given["of"]]]


def build_body(given: dict) -> tuple[int, Any]:
    [(kind, body)] = given.items()
    if kind == "genesis":
        keys = [bytes.fromhex(key) for key in body["keys"]]
        return 0, {0: keys, 1: body["threshold"], 2: body["fold_version"], 3: body["name"]}
    if kind == "write":
        return 1, [[build_edit(one) for one in edits] for edits in body]
    if kind == "grant":
        verbs = sorted(VERBS.index(verb) for verb in body["verbs"])
        fields = {0: bytes.fromhex(body["key"]), 1: verbs, 2: body["prefix"], 3: body["scopes"]}
        if "demands" in body:
            fields[4] = {("writes", "deletes").index(what): build_demand(one) for what, one in body["demands"].items()}
        return 2, fields | {number: body[name] for number, name in ((5, "not_after"), (6, "labels")) if name in body}
    if kind == "approve":
        return 3, {0: body["scope"], 1: bytes.fromhex(body["id"])}
    if kind in ("revoke", "accept", "rotate"):
        lists = [[where, [bytes.fromhex(one) for one in some]] for where, some in sorted(body["frontier"].items())]
        if kind == "accept":
            return 5, {0: lists}
        if kind == "rotate":
            return 6, {0: [bytes.fromhex(key) for key in body["keys"]], 1: body["threshold"], 2: lists}
        return 4, {0: bytes.fromhex(body["key"]), 1: body["prefix"], 2: lists}
    return body["kind"], decode(bytes.fromhex(body["body"]["cbor"]))


def build(statement: Statement) -> bytes:
    """A statement's canonical bytes."""
    kind, body = build_body(statement.body)
    unhex = bytes.fromhex
    fields = {
        0: 1,
        1: unhex(statement.mesh),
        2: statement.scope,
        3: unhex(statement.author),
        4: unhex(statement.grant),
        5: [unhex(one) for one in statement.prev],
        6: [[touch["path"], [unhex(one) for one in touch["bases"]]] for touch in statement.touches],
        7: statement.hlc,
        8: kind,
        9: body,
    }
    names = ["reason", "ticket", "traceparent"]
    noted = {number: statement.note[name] for number, name in enumerate(names) if statement.note.get(name)}
    if noted:
        fields[10] = noted
    for number, item in statement.unknown:
        fields[number] = decode(unhex(item["cbor"]))
    return encode(fields)


def sign(canonical: bytes, secret: bytes) -> bytes:
    """Wire bytes: the canonical bytes and their signature."""
    return canonical + Ed25519PrivateKey.from_private_bytes(secret).sign(CONTEXT + canonical)


def elements(given: Any) -> list[dict]:
    """Where the list elements lie that a put of this value creates, with their ordinals, in the order of places."""
    found: list[dict] = []
    counter = iter(range(1 << 32))

    def walk(item: Any, at: str) -> None:
        if isinstance(item, list):
            for index, one in enumerate(item):
                found.append({"at": f"{at}/{index}", "ordinal": next(counter)})
                walk(one, f"{at}/{index}")
        if isinstance(item, dict):
            for key in sorted(item, key=str.encode):
                walk(item[key], at + "/" + key.replace("~", "~0").replace("/", "~1"))

    walk(given, "")
    return found
