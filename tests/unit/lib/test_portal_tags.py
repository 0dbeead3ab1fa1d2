import re
from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template

from config.lib import clock, states
from config.templatetags import portal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def shown(source: str, **values: object) -> str:
    with clock.frozen(NOW):
        return Template(source).render(Context(values))


@pytest.mark.parametrize("state", list(states.LOOKS))
def test_every_state_has_a_word_a_shape_and_a_colour(state: str) -> None:
    html = shown("{% state state %}", state=state)
    look = states.look(state)
    assert look.word in html
    assert "<svg" in html
    assert f"tone-{look.tone}" in html


def test_a_state_may_carry_other_words() -> None:
    assert "Seen on 2 of 4" in shown("{% state 'partly_seen' 'Seen on 2 of 4' %}")


def test_an_unknown_state_is_shown_by_its_own_word() -> None:
    assert "Very odd" in shown("{% state 'very_odd' %}")


def test_no_two_states_of_a_domain_look_alike_in_word() -> None:
    words = [look.word for look in states.LOOKS.values()]
    assert len(words) == len(set(words))


def test_a_lifeline_is_an_image_with_a_description_and_no_inline_style() -> None:
    html = shown(
        "{% lifeline a b renew_at=c state='ok' %}",
        a=NOW - timedelta(days=28),
        b=NOW + timedelta(days=62),
        c=NOW + timedelta(days=32),
    )
    assert 'role="img" aria-label="Life of the certificate, 26 October to 24 January 2027: 62 days left' in html
    assert "style=" not in html


def test_a_lifeline_without_dates_is_an_empty_track() -> None:
    html = shown("{% lifeline None None state='no_certificate' note='nothing answers on port 443' %}")
    assert "No certificate yet" in html
    assert "nothing answers on port 443" in html


def test_a_note_replaces_the_right_hand_words_and_is_escaped() -> None:
    html = shown("{% lifeline a b note=c %}", a=NOW - timedelta(days=1), b=NOW + timedelta(days=1), c="<b>")
    assert "&lt;b&gt;" in html


def test_without_a_state_the_dates_decide_the_colour() -> None:
    html = shown("{% lifeline a b %}", a=NOW - timedelta(days=2), b=NOW - timedelta(days=1))
    assert "tone-bad" in html


def test_a_time_is_relative_with_the_exact_utc_time_on_hover() -> None:
    html = shown("{% reltime at %}", at=NOW - timedelta(minutes=14))
    assert '<time datetime="2026-11-23T11:46:00+00:00" title="2026-11-23 11:46:00 UTC"' in html
    assert "14 minutes ago" in html


def test_a_time_that_never_came_says_never() -> None:
    assert "never" in shown("{% reltime None %}")


def test_a_fingerprint_breaks_only_between_groups_and_copies_as_one_value() -> None:
    html = str(portal.fingerprint("4f1a9ce207aa"))
    assert html == '<code class="fingerprint">4F:1A:9C:E2:<wbr>07:AA</code>'
    assert re.sub(r"<[^>]+>", "", html) == "4F:1A:9C:E2:07:AA"


def test_a_link_to_a_page_that_does_not_exist_is_empty() -> None:
    assert portal.url_if("nowhere:at-all", 1) == ""
    assert portal.url_if("account_login") != ""


def test_a_code_is_worded_by_the_catalogue() -> None:
    html = shown(
        "{% wording_of 'no_such_code' as wording %}{% include 'components/note.html' with severity='critical' %}"
    )
    assert "no_such_code" in html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Run `sudo -l`, then <wait>.", "Run <code>sudo -l</code>, then &lt;wait&gt;."),
        ("An odd ` stays", "An odd ` stays"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
    ],
)
def test_backticks_in_sentences_become_code_and_everything_is_escaped(text: str, html: str) -> None:
    assert portal.prose(text) == html


def test_a_note_escapes_each_word_once() -> None:
    html = shown("{% include 'components/note.html' with title=t why=w severity='info' %}", t="a & b", w="Let's <go>")
    assert "a &amp; b" in html
    assert "Let&#x27;s &lt;go&gt;" in html


def test_a_hostname_breaks_at_its_dots_and_before_its_port() -> None:
    assert portal.breakable("a.b.example:465") == "a.<wbr>b.<wbr>example<wbr>:465"
    assert portal.breakable("<b>") == "&lt;b&gt;"
