"""Holds the golden cases of the schema subset against an implementation of JSON Schema that is not ours."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

FILE = json.loads((Path(__file__).parent.parent / "vectors" / "schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", FILE["meets"], ids=lambda row: json.dumps(row["schema"])[:60])
def test_the_subset_means_what_json_schema_means(row):
    Draft202012Validator.check_schema(row["schema"])
    validator = Draft202012Validator(row["schema"])
    for case in row["cases"]:
        assert validator.is_valid(case["value"]) == (case["unmet"] is None), case
