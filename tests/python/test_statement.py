"""Holds docs/statement.md, the golden vectors and the Rust code to account from a second implementation."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import driftless_statement as ds
import pytest

FILE = json.loads((Path(__file__).parent.parent / "vectors" / "statement.json").read_text())
KEYS = {name: bytes.fromhex(key["secret"]) for name, key in FILE["keys"].items()}


def listed(kind: str):
    return pytest.mark.parametrize("vector", FILE[kind], ids=[vector["name"] for vector in FILE[kind]])


def statement(vector: dict) -> ds.Statement:
    return ds.Statement(**vector["statement"])


def wire(vector: dict) -> bytes:
    return bytes.fromhex(vector["canonical"] + vector["signature"])


def word(data: bytes, mesh: str | None = None) -> str:
    try:
        ds.receive(data, mesh)
    except ds.Refused as refused:
        return refused.word
    return "accepted"


def test_there_are_enough_vectors():
    assert len(FILE["valid"]) >= 36
    assert len(FILE["refused"]) + len(FILE["named"]) >= 60


@listed("valid")
def test_a_valid_statement_is_read_as_described(vector):
    own, read = ds.receive(wire(vector))
    assert own == vector["id"]
    # Text compares 1 with 1.0 and 0.0 with -0.0 as different; objects would not.
    assert json.dumps(read.__dict__, sort_keys=True) == json.dumps(vector["statement"], sort_keys=True)
    assert read.is_unknown == vector["unknown"]
    if "genesis" not in read.body:
        assert word(wire(vector), FILE["mesh"]) == "accepted"


@listed("valid")
def test_a_statement_signed_here_is_byte_for_byte_the_same(vector):
    canonical = ds.build(statement(vector))
    assert canonical.hex() == vector["canonical"]
    assert ds.statement_id(canonical).hex() == vector["id"]
    assert ds.sign(canonical, KEYS[vector["key"]]).hex() == vector["canonical"] + vector["signature"]


@listed("refused")
def test_a_refused_statement_is_refused_for_the_same_reason(vector):
    assert word(bytes.fromhex(vector["wire"]), FILE["mesh"]) == vector["word"]


@listed("named")
def test_a_statement_is_held_against_what_it_names(vector):
    _, own = ds.receive(bytes.fromhex(vector["statement"]))
    named_id, named = ds.receive(bytes.fromhex(vector["named"]))
    assert named_id in own.names
    try:
        ds.check_named(own, named_id, named)
        got = "ok"
    except ds.Refused as refused:
        got = refused.word
    assert got == vector["word"]


@pytest.mark.parametrize("vector", FILE["naming"], ids=lambda vector: json.dumps(vector["value"]))
def test_list_elements_are_numbered_alike(vector):
    assert ds.elements(vector["value"]) == vector["elements"]


@pytest.mark.parametrize("vector", FILE["floats"], ids=lambda vector: repr(vector["value"]))
def test_floats_have_the_same_width(vector):
    assert ds.encode(vector["value"]).hex() == vector["cbor"]


def test_limits_hold_at_their_edge():
    base = statement(next(vector for vector in FILE["valid"] if vector["name"] == "put-text"))

    def of_size(size: int) -> bytes:
        def canonical(length: int) -> bytes:
            return ds.build(replace(base, body={"write": [[{"at": [], "put": "x" * length}]]}))

        return ds.sign(canonical(size - len(canonical(1 << 17)) + (1 << 17)), KEYS["writer"])

    assert len(of_size(ds.STATEMENT_BYTES)) == ds.STATEMENT_BYTES + 64
    assert word(of_size(ds.STATEMENT_BYTES - 1)) == "accepted"
    assert word(of_size(ds.STATEMENT_BYTES)) == "accepted"
    assert word(of_size(ds.STATEMENT_BYTES + 1)) == "too_large"


def test_every_cut_is_refused():
    whole = wire(next(vector for vector in FILE["valid"] if vector["name"] == "configuration"))
    assert [length for length in range(len(whole)) if word(whole[:length]) == "accepted"] == []


def test_no_flipped_bit_is_accepted():
    whole = wire(next(vector for vector in FILE["valid"] if vector["name"] == "insert-own"))
    chance = random.Random(int(os.environ.get("DRIFTLESS_SEED", "7")))
    for bit in chance.sample(range(len(whole) * 8), 200):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        assert word(bytes(flipped)) != "accepted", bit
