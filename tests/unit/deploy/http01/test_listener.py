"""The listener's script: whatever it is given stays data."""

import ast
import json
from pathlib import Path

from deploy.http01.listener import Listener
from tests.fuzz.payloads import payloads

NUMBER = 5000


def around_the_facts() -> tuple[bytes, bytes]:
    """The script before and after the one literal that holds what it was given."""
    script = Listener(80, "", {}).script()
    (literal,) = [
        call.args[0]
        for call in ast.walk(ast.parse(script))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "json.loads"
        and isinstance(call.args[0], ast.Constant)
    ]
    source = (ast.get_source_segment(script.decode(), literal) or "").encode()
    assert script.count(source) == 1
    before, _, after = script.partition(source)
    return before, after


def test_no_text_becomes_a_part_of_the_program(tmp_path: Path) -> None:
    """Around its literal the script is the same, byte for byte, and the literal is one and holds exactly the text."""
    before, after = around_the_facts()
    for text in payloads(NUMBER, tmp_path / "canary"):
        script = Listener(80, text, {text: text}).script()
        assert script.startswith(before)
        assert script.endswith(after)
        literal = ast.literal_eval(script[len(before) : -len(after)].decode())
        assert json.loads(literal) == {
            "port": 80,
            "stop_word": text,
            "seconds": 300,
            "peer_seconds": 3,
            "answers": {f"/.well-known/acme-challenge/{text}": text},
        }
    assert list(tmp_path.iterdir()) == []
