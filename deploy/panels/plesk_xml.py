"""Plesk's XML API as packets: built and read by a library, with no room for entities.

https://docs.plesk.com/en-US/obsidian/api-rpc/about-xml-api.28709/
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Answers are read by `_parsed` alone, which takes no document type: without one there are no entities.
from xml.etree import ElementTree as ET

from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy.panels.exchange import exchange, in_words, require_answer, unreadable
from deploy.panels.panel import Access, LoginRefused

_TARGET = "/enterprise/control/agent.php"
EXISTS, MISSING, MALFORMED = 1007, 1013, 1014
# Their list, reduced since Plesk 8; the others mean things that are not asked for here.
_LOGIN = {1001: "panel_login_refused", 1029: "panel_login_refused", 1012: "panel_login_locked"}
_LOGIN |= {11003: "plesk_key_refused", 1011: "panel_account_disabled"}
_LATER = {1003: "plesk_not_ready", 1023: "plesk_operation_failed"}
_PERSON = {
    1004: "plesk_not_set_up",
    1005: "plesk_too_old",
    1006: "panel_rights_missing",
    1008: "plesk_api_denied",
    1009: "plesk_licence",
    1010: "plesk_api_denied",
    1013: "plesk_object_missing",
    1014: "plesk_packet_refused",
    1015: "plesk_object_missing",
    1017: "plesk_too_old",
    1019: "panel_value_refused",
    1024: "panel_quota",
    1026: "plesk_component_missing",
    1030: "plesk_licence",
    1031: "plesk_component_missing",
    1033: "plesk_account_incomplete",
}


def node(tag: str, *inside: ET.Element | str) -> ET.Element:
    """`<tag>` with elements or text in it; the library escapes."""
    made = ET.Element(tag)
    for one in inside:
        if isinstance(one, str):
            made.text = one
        else:
            made.append(one)
    return made


def talk(access: Access, *operators: ET.Element, secrets: Sequence[str] = ()) -> ET.Element:
    """The packet that answers these operators, in their order. Raises for what concerns all of it (`system`)."""
    body: bytes = ET.tostring(node("packet", *operators), encoding="utf-8", xml_declaration=True)
    headers = {**_login(access), "content-type": "text/xml", "accept": "text/xml"}
    answer = exchange(access, "POST", _TARGET, headers, body)
    require_answer(access, answer, secrets)
    packet = _parsed(answer.body)
    if packet is None or packet.tag != "packet":
        raise unreadable(access, answer)
    system = packet.find("system")
    if system is not None and _text(system, "status") != "ok":
        raise _refusal(access, system, secrets)
    return packet


def _login(access: Access) -> Mapping[str, str]:
    """A secret key has no user: it was made for one, and for one address."""
    if not access.user:
        return {"KEY": access.secret}
    return {"HTTP_AUTH_LOGIN": access.user, "HTTP_AUTH_PASSWD": access.secret}


def _parsed(body: bytes) -> ET.Element | None:
    """None for what is no XML in UTF-8, or has a document type, where entities are made."""
    try:
        text = body.decode()
        return None if "<!DOCTYPE" in text else ET.fromstring(text)  # noqa: S314
    except (ValueError, ET.ParseError):
        return None


def results(
    access: Access, packet: ET.Element, path: str, *, secrets: Sequence[str] = (), missing_is_none: bool = False
) -> Iterator[ET.Element]:
    """The results of one operator, as `site/get`. Raises where one failed, unless it says that there is nothing."""
    found = packet.findall(f"{path}/result")
    if not found:
        raise Transient("panel_garbled", panel=access.panel, host=access.host, port=access.port)
    for result in found:
        if _text(result, "status") == "ok":
            yield result
        elif not missing_is_none or _number(result) != MISSING:
            raise _refusal(access, result, secrets)


def _refusal(access: Access, told: ET.Element, secrets: Sequence[str]) -> ExpectedError:
    number = _number(told)
    params: dict[str, Any] = {"panel": access.panel, "host": access.host, "port": access.port, "number": number}
    params["answer"] = in_words(access, f"{number}: {_text(told, 'errtext')}", secrets)
    if number in _LOGIN:
        return LoginRefused(_LOGIN[number], **params)
    if number in _LATER:
        return Transient(_LATER[number], **params)
    return NeedsUser(_PERSON.get(number, "panel_refused"), **params)


def _number(told: ET.Element) -> int:
    text = _text(told, "errcode")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _text(told: ET.Element, path: str) -> str:
    return (told.findtext(path) or "").strip()


def texts(told: ET.Element, path: str) -> list[str]:
    return [(one.text or "").strip() for one in told.findall(path)]


def properties(told: ET.Element, path: str) -> dict[str, str]:
    """`<property><name/><value/></property>`, as hosting settings are written."""
    return {_text(one, "name"): _text(one, "value") for one in told.findall(f"{path}/property")}
