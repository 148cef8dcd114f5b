"""Writes docs/bad-input.md: which bad inputs the tests try, by name, and where the expected refusals stand.

python3 tests/python/bad_input.py > docs/bad-input.md
"""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Area, test file, how its cases begin: the name is the first text.
AREAS = [
    ("Paths, prefixes and limits of statements", "core/statement/tests/refusals.rs", r'^\s*\("((?:[^"\\]|\\.)*)",'),
    ("Peer messages", "core/tests/reconcile/wire.rs", r'^\s*\(?"([^"\\]{3,80})",(?:$| )'),
    ("HTTP", "node/tests/http/bad.rs", r'^\s*(?:get|put|patch|post|delete|case|send|with)?\(?"([^"\\/]{3,80})", '),
    ("Authorization over HTTP", "node/tests/http/access.rs", r'^\s*\(?"((?:token|auth|scheme|another|two|hash)[^"\\/]{3,80})", (?:"|format)'),
    ("Files of tokens", "client/tests/outside/tokens.rs", r'^\s*\("([^"\\]{3,80})",'),
    ("Configuration", "node/tests/config/bad.rs", r'^\s*\(?"([^"\\:]{3,80})",'),
    ("Key files", "node/tests/config/keys.rs", r'^\s*\("([^"\\]{3,80})",'),
    ("Store files", "node/tests/store/damage.rs", r'^\s*\("([^"\\]{3,80})",'),
    ("Command line", "client/tests/outside/bad_input.rs", r'\(\s*"([^"\\]{3,80})",\s*(?:&\[|b")'),
]


def names(file: str, pattern: str) -> list[str]:
    path = ROOT / file
    if not path.exists():
        return []
    found = re.findall(pattern, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return list(dict.fromkeys(found))


def code(text: str) -> str:
    return f"`{text}`" if text else "the empty text"


def page() -> str:
    vectors = json.loads((ROOT / "tests/vectors/statement.json").read_text(encoding="utf-8"))
    refused = [(v["name"], v["about"], v["word"]) for v in vectors["refused"]]
    refused += [(v["name"], v["about"], v["word"]) for v in vectors["named"] if v["word"] != "ok"]
    areas = [(title, file, names(file, pattern)) for title, file, pattern in AREAS]
    total = len(refused) + sum(len(list_) for _, _, list_ in areas)
    lines = [
        "# Bad input",
        "",
        f"{total} named cases, each tried by a test that checks the refusal it expects: nothing crashes, nothing is half applied,",
        "reads go on. Beside these, properties throw arbitrary and mutated bytes at every decoder, whole stores are truncated and",
        "flipped byte by byte, and hostile peers, half-open clients and slow readers are played over real sockets",
        "(`node/tests/p2p/hostile.rs`, `node/tests/http/bad.rs`, `node/tests/store`).",
        "",
        "This page is made from the tests: `python3 tests/python/bad_input.py > docs/bad-input.md`; a test compares it with them.",
        "",
        "## Statements",
        "",
        "Bytes in `tests/vectors/statement.json`, checked in Rust and in Python. The word is the stable name of the refusal.",
        "",
        "| case | what is wrong | refusal |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {name} | {about.replace('|', '/')} | `{word}` |" for name, about, word in refused]
    for title, file, list_ in areas:
        lines += ["", f"## {title}", "", f"{len(list_)} cases in `{file}`, each with its expected refusal:", ""]
        lines += ["; ".join(code(name) for name in list_) + "."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
