"""Bodies no browser of ours sends: refused with a sentence, or taken as words; never a broken page, never much memory."""

import io
import itertools
import json
import resource
import zipfile
from urllib.parse import quote, urlencode

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

MEGABYTE = 1024 * 1024
PUBLIC = ["/s/satisfaction", "/join", "/setup", "/admin/login", "/no-such-page"]
FORMS = [*PUBLIC, "/admin/tag/create", "/admin/settings", "/admin/customer/create", "/admin/logout", "/admin/cards"]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def browser(app: FastAPI, owner: TestClient) -> TestClient:
    """The owner's browser; what breaks comes back as a page."""
    return TestClient(
        app,
        raise_server_exceptions=False,
        follow_redirects=False,
        cookies=dict(owner.cookies),
        headers={"Accept-Language": "zh-CN", "Origin": "http://testserver"},
    )


def part(name: str, content: bytes, file_name: str = "", head: str = "") -> bytes:
    """A part of a form as it travels."""
    file = f'; filename="{file_name}"' if file_name else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{head}\r\n'.encode() + content + b"\r\n"


def bomb() -> bytes:
    """A packed file of a few kB that unpacks to a hundred megabytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.xml", b"0" * 10 * MEGABYTE)
    return packed.getvalue()


URLENCODED = {
    "10,000 fields": b"&".join(b"f%d=1" % number for number in range(10_000)),
    "10,000 of the same": b"answer=1&" * 10_000,
    "a field without a name": b"=1&=2&&&===",
    "one long field": b"answer=" + b"x" * (MEGABYTE - 100),
    "deep brackets": b"a" + b"[a]" * 20_000 + b"=1",
    "not text": bytes(range(256)) * 20,
    "half an escape": b"question=%&answer=%e4%bd",
    "lone surrogates": b"question=%ed%a0%80&answer=%ed%b0%80&username=%ed%a0%80&password=%ed%a0%80&code=%ed%a0%80",
    "nothing at all": b"\x00" * 1000,
}
PARTS = {
    "10,000 parts": b"".join(part(f"f{number}", b"1") for number in range(10_000)) + b"--x--\r\n",
    "a big file": part("answer", b"x" * (MEGABYTE - 500), "a.bin") + b"--x--\r\n",
    "a packed bomb": part("answer", bomb(), "a.xlsx") + b"--x--\r\n",
    "a part without an end": part("answer", b"x" * 1000),
    "a head without an end": b"--x\r\nContent-Disposition: form-data; name=" + b"a" * 50_000,
    "a thousand heads": part("answer", b"1", head="X-A: b\r\n" * 5_000) + b"--x--\r\n",
    "a name that climbs": part("answer", b"1", "../../../etc/passwd") + b"--x--\r\n",
    "no name": b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n",
    "a strange alphabet": part("answer", b"\xff\xfe", head="Content-Type: text/plain; charset=utf-7\r\n")
    + b"--x--\r\n",
    "parts within a part": part("answer", b"--y\r\n" * 1000, head="Content-Type: multipart/mixed; boundary=y\r\n"),
}
DEEP = {"deep JSON": b"[" * 400_000, "JSON as a form": json.dumps({"answer": "1"}).encode()}


def bodies() -> list[tuple[str, dict[str, str], bytes]]:
    """All of them, each with the head it travels under."""
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    return [
        *((name, FORM, body) for name, body in URLENCODED.items()),
        *((name, multipart, body) for name, body in PARTS.items()),
        *((name, {"Content-Type": "application/json"}, body) for name, body in DEEP.items()),
        ("no boundary", {"Content-Type": "multipart/form-data"}, b"--x--"),
        ("a long boundary", {"Content-Type": "multipart/form-data; boundary=" + "x" * 5_000}, b"--x--"),
        ("a broken alphabet", {"Content-Type": "application/x-www-form-urlencoded; charset=none"}, b"answer=1"),
        ("packed", {**FORM, "Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\x00" * 500),
    ]


def memory() -> int:
    """The most this process has needed so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.mark.parametrize("path", FORMS)
def test_no_odd_body_breaks_a_page(browser: TestClient, shop: dict[str, int], path: str) -> None:
    browser.post("/admin/login", data={"username": "a", "password": "b"})  # checking a password takes 64 MB by design
    before = memory()
    for name, headers, body in bodies():
        answer = browser.post(path, content=body, headers=headers)
        assert answer.status_code < 500, (name, answer.status_code)
        assert "Traceback" not in answer.text, name
        if answer.status_code >= 400:
            assert '<html lang="zh-CN"' in answer.text, (name, answer.text[:200])
    assert memory() - before < 50


@pytest.mark.parametrize("path", ["/s/satisfaction", "/admin/login", "/admin/tag/create"])
@pytest.mark.parametrize("name", ["10,000 fields", "10,000 parts"])
def test_a_form_of_ten_thousand_fields_is_refused(browser: TestClient, path: str, name: str) -> None:
    body, kind = (
        (URLENCODED[name], FORM["Content-Type"])
        if name in URLENCODED
        else (PARTS[name], "multipart/form-data; boundary=x")
    )
    answer = browser.post(path, content=body, headers={"Content-Type": kind})
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("path", ["/s/satisfaction", "/admin/login", "/admin/tag/create"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"x"),
        ("multipart/form-data; boundary=x", PARTS["10,000 parts"]),
    ],
)
def test_a_form_that_cannot_be_read_is_said_to_be_one_and_nothing_else(
    browser: TestClient, path: str, kind: str, body: bytes
) -> None:
    answer = browser.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "这份表单没能读懂" in answer.text
    assert "什么都没有保存。" in answer.text
    for words in ("Too many", "boundary", "地址里有看不懂", "系统出了点问题"):
        assert words not in answer.text.split("<body", 1)[1]
    assert ('href="/admin/"' in answer.text) is path.startswith("/admin")


ODD = {
    "nothing": "\x00",
    "right to left": "\u202eabc\u2066\u200f مرحبا",
    "emoji": "👩‍🎤💅🏽" * 20,
    "marks upon marks": "a" + "\u0301" * 500,
    "line ends": "a\r\nSet-Cookie: x=1\r\n\r\n<b>",
    "a page": "<script>alert(1)</script>{{7*7}}{% x %}${7*7}%s%d{0}{x}",
    "a query": "' OR 1=1 --\"; DROP TABLE staff; %_\\",
    "a large number": "9" * 400,
    "a small number": "-99999999999999999999",
    "no number": "NaN",
    "without end": "1e999",
    "a day that is none": "2026-02-30",
    "a day too late": "99999-12-31T23:59",
    "a formula": "=cmd|' /C calc'!A0",
    "long": "长" * 20_000,
    "spaces": "\u3000\u00a0\t ",
}


QUERY = ("search", "sortBy", "sort", "page", "pageSize", "tier", "pks", "name", "term", "lang", "next")


@pytest.mark.parametrize(("kind", "turns"), [("create", range(0, len(ODD), 2)), ("edit", range(1, len(ODD), 4))])
def test_no_odd_word_breaks_a_form_of_the_back_office(
    browser: TestClient, shop: dict[str, int], kind: str, turns: range
) -> None:
    """Every field gets another odd word each time; over the forms every word comes into every kind of field."""
    tried, words = 0, list(ODD.values())
    for identity, number in shop.items():
        path = f"/admin/{identity}/create" if kind == "create" else f"/admin/{identity}/edit/{number}"
        page = browser.get(path)
        if page.status_code != 200:
            continue
        names = [*sorted(set(re_names(page.text))), "save"]
        for turn in turns:
            sent = {name: words[(turn + place) % len(words)] for place, name in enumerate(names)}
            answer = browser.post(path, content=urlencode(sent), headers=FORM)
            assert answer.status_code < 500, (path, sent)
            tried += 1
    assert tried > 30


def re_names(html: str) -> list[str]:
    """The names of the fields on a page."""
    return [piece.split('"')[0] for piece in html.split(' name="')[1:]]


def test_no_odd_word_behind_an_address_breaks_a_list(browser: TestClient, shop: dict[str, int]) -> None:
    """Every odd word at the largest register, and all of them over the registers in turn."""
    asked = [("customer", text) for text in ODD.values()]
    asked += zip(shop, itertools.cycle(ODD.values()), strict=False)
    for identity, text in asked:
        odd = quote(text[:500])
        query = "&".join(f"{name}={odd}" for name in QUERY)
        for path in (f"{identity}/list", f"{identity}/details/{odd}", f"{identity}/ajax/lookup"):
            assert browser.get(f"/admin/{path}?{query}").status_code < 500, (path, text[:50])
