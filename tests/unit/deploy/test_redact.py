"""What servers print is kept without secrets and without control codes."""

from deploy.ssh.redact import redact

KEY = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmU
AAAAEbm9uZQAAAAAAAAABAAAAMwAAA
-----END OPENSSH PRIVATE KEY-----"""


def test_private_keys_go_even_when_their_end_is_missing() -> None:
    assert redact(f"before\n{KEY}\nafter") == "before\n[hidden]\nafter"
    assert "b3Blbn" not in redact(f"x {KEY[:60]}")


def test_known_secrets_go_and_so_does_each_line_of_one() -> None:
    assert redact("pass=correct-horse!", ["correct-horse"]) == "pass=[hidden]!"
    assert "AAAAEbm9" not in redact("grep: AAAAEbm9uZQAAAAAAAAABAAAAMwAAA", [KEY])


def test_short_lines_of_a_secret_do_not_eat_ordinary_words() -> None:
    assert redact("nginx: ok", ["ok\nlong-enough-secret"]) == "nginx: ok"


def test_terminal_codes_and_control_characters_go() -> None:
    assert redact("\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07\r\nnext\x00") == "red bell\nnext"


def test_a_control_code_inside_a_secret_does_not_save_it() -> None:
    assert redact("correct\x1b[31m-horse cor\x08rect-horse", ["correct-horse"]) == "[hidden] [hidden]"
