"""Bodies as nobody's library would write them."""

import json

from hypothesis import strategies as st

FIELDS = (
    "name",
    "hostname",
    "port",
    "tags",
    "names",
    "host",
    "private_key",
    "file_names",
    "verify_ports",
    "fingerprint",
)
ODD = (
    b"",
    b"null",
    b"[]",
    b'"name"',
    b"{",
    b"{}{}",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b"\x00",
    b"[" * 100_000,
    b'{"name":' * 100_000,
    b'{"tags": ' + b"[" * 600 + b"]" * 600 + b"}",
    b'{"port": ' + b"9" * 5000 + b"}",
    b'{"port": 1e400}',
    b'{"port": NaN, "tags": [Infinity]}',
    b'{"name": "\\ud800", "hostname": "\\udfff.example.net"}',
    b'{"file_names": {"\\ud800": "x"}, "host": "x"}',
    b'{"name": "\\u0000", "hostname": "a\\u0000b", "tags": ["\\u0000"]}',
    b'{"\\u0000": 1}',
    b'{"port": 1, "port": "x"}',
    b'{"tags": [' + b"1," * 20_000 + b"1]}",
    b'{"hostname": "' + b"a." * 500_000 + b'com"}',
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n",
    b"--x\r\nContent-Disposition: form-data; name=csrfmiddlewaretoken\r\n\r\n",
    b"a=1&" * 2000,
    b" " * (2 * 1024 * 1024 + 1),
)
CONTENT_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "nonsense",
)

_texts = st.text(st.characters(exclude_categories=()), max_size=50)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=8,
)
_objects = st.dictionaries(st.sampled_from(FIELDS) | _texts, _values, max_size=5).map(json.dumps).map(str.encode)


def bodies() -> st.SearchStrategy[bytes]:
    return st.sampled_from(ODD) | _objects | st.binary(max_size=100)


def content_types() -> st.SearchStrategy[str]:
    return st.sampled_from(CONTENT_TYPES)
