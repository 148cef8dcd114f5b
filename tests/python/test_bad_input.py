"""docs/bad-input.md says what the tests try."""

import pathlib

import bad_input


def test_the_page_lists_what_the_tests_try():
    page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "bad-input.md"
    assert page.read_text(encoding="utf-8") == bad_input.page(), "run: python3 tests/python/bad_input.py > docs/bad-input.md"


def test_there_are_at_least_150_cases():
    cases = sum(len(bad_input.names(file, pattern)) for _, file, pattern in bad_input.AREAS)
    assert cases >= 150
