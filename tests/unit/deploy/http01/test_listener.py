"""The listener's script: whatever it is given stays data."""

import ast
import json
from pathlib import Path

from deploy.http01.listener import Listener
from tests.fuzz.payloads import payloads

NUMBER = 5000


def facts_in(script: bytes) -> object:
    """What the script's one literal of JSON holds."""
    (literal,) = [
        call.args[0].value
        for call in ast.walk(ast.parse(script))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "json.loads"
        and isinstance(call.args[0], ast.Constant)
    ]
    return json.loads(str(literal))


def test_no_text_becomes_a_part_of_the_program(tmp_path: Path) -> None:
    lines = Listener(80, "", {}).script().count(b"\n")
    for text in payloads(NUMBER, tmp_path / "canary"):
        script = Listener(80, text, {text: text}).script()
        assert facts_in(script) == {
            "port": 80,
            "stop_word": text,
            "seconds": 300,
            "answers": {f"/.well-known/acme-challenge/{text}": text},
        }
        assert script.count(b"\n") == lines
    assert list(tmp_path.iterdir()) == []
