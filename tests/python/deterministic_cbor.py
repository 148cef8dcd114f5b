"""Deterministic CBOR (RFC 8949 section 4.2.1) as docs/statement.md asks for it, without a CBOR library.

None, bool, int, float, bytes, str, list; a map is read as a `Pairs`, since its keys may be of any kind.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

DEPTH = 44
WEIGHT = 128 * 1024
MAP_WEIGHT = 16


class Refused(Exception):
    """Why bytes are no statement; `word` is the stable code."""

    def __init__(self, word: str):
        super().__init__(word)
        self.word = word


def need(condition: bool, word: str = "bad_field") -> None:
    if not condition:
        raise Refused(word)


@dataclass
class Pairs:
    """A map: its entries in the order of their keys' encodings."""

    entries: list[tuple[Any, Any]]

    def of(self, number: int) -> Any:
        """The item under an integer key; `Missing` when there is none."""
        return next((item for key, item in self.entries if type(key) is int and key == number), Missing)


class Missing:
    """What `Pairs.of` gives for a key that is not there."""


def head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | code]) + argument.to_bytes(size, "big")
    raise ValueError(argument)


def encode_float(value: float) -> bytes:
    """The shortest of the three widths that keeps every bit."""
    exact = struct.pack(">d", value)
    for code, form in ((0xF9, ">e"), (0xFA, ">f")):
        try:
            short = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.pack(">d", struct.unpack(form, short)[0]) == exact:
            return bytes([code]) + short
    return b"\xfb" + exact


def encode(item: Any) -> bytes:
    if item is None:
        return b"\xf6"
    if item is True:
        return b"\xf5"
    if item is False:
        return b"\xf4"
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, float):
        return encode_float(item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        text = item.encode()
        return head(3, len(text)) + text
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(map(encode, item))
    if isinstance(item, dict):
        item = Pairs(list(item.items()))
    pairs = sorted((encode(key), encode(value)) for key, value in item.entries)
    return head(5, len(pairs)) + b"".join(key + value for key, value in pairs)


class Reader:
    """Reads one item. What is not well-formed, not of the model, too deep or too much is refused at once."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0
        self.weight = 0

    def take(self, count: int) -> bytes:
        need(self.at + count <= len(self.data), "malformed")
        self.at += count
        return self.data[self.at - count : self.at]

    def item(self, depth: int = 0) -> Any:
        first = self.take(1)[0]
        major, code = first >> 5, first & 31
        need(code < 28 or code == 31, "malformed")
        if major == 7:
            self.count(1, depth)
            return self.simple(code)
        if code == 31:
            raise Refused("not_canonical" if 2 <= major <= 5 else "malformed")
        need(major != 6, "unsupported")
        argument = code if code < 24 else int.from_bytes(self.take(1 << (code - 24)), "big")
        self.count(MAP_WEIGHT if major == 5 and argument > 0 else 1, depth)
        if major == 0:
            return argument
        if major == 1:
            need(argument < 1 << 63, "unsupported")
            return -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            try:
                return self.take(argument).decode("utf-8")
            except UnicodeDecodeError:
                raise Refused("malformed") from None
        need(argument <= len(self.data) - self.at, "malformed")
        if major == 4:
            return [self.item(depth + 1) for _ in range(argument)]
        return Pairs([(self.item(depth + 1), self.item(depth + 1)) for _ in range(argument)])

    def count(self, weight: int, depth: int) -> None:
        self.weight += weight
        need(self.weight <= WEIGHT, "too_many_items")
        need(depth <= DEPTH, "too_deep")

    def simple(self, code: int) -> Any:
        if code in (20, 21, 22):
            return {20: False, 21: True, 22: None}[code]
        need(code in (25, 26, 27), "unsupported")
        size, form = {25: (2, ">e"), 26: (4, ">f"), 27: (8, ">d")}[code]
        value = struct.unpack(form, self.take(size))[0]
        need(math.isfinite(value), "unsupported")
        return value


def decode(data: bytes) -> Any:
    """The one item with exactly this encoding."""
    reader = Reader(data)
    item = reader.item()
    need(reader.at == len(data), "malformed")
    need(encode(item) == data and strictly_sorted(item), "not_canonical")
    return item


def strictly_sorted(item: Any) -> bool:
    """Encoding sorts, so a map out of order shows in the bytes; a key given twice does not."""
    if isinstance(item, list):
        return all(map(strictly_sorted, item))
    if isinstance(item, Pairs):
        keys = [encode(key) for key, _ in item.entries]
        return ascending(keys) and all(strictly_sorted(key) and strictly_sorted(value) for key, value in item.entries)
    return True


def ascending(items: list) -> bool:
    return all(a < b for a, b in zip(items, items[1:]))
