"""Languages: nothing missing, the right one chosen, money and days as people read them."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from app import i18n
from locales import update

TEMPLATES = Path(i18n.__file__).parent / "templates"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def _chinese_again():
    yield
    i18n.use_locale("zh_CN")


def test_every_word_is_marked_and_translated() -> None:
    assert update.gaps() == []


def test_a_missing_translation_would_be_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(update, "path_of", lambda locale: tmp_path / f"{locale}.po")
    assert any("no translation" in gap for gap in update.gaps())


_SAID = re.compile(r"\{#.*?#\}|\{%-?\s*trans\b.*?endtrans\s*-?%\}|_\((\"[^\"]*\"|'[^']*')", re.DOTALL)


@pytest.mark.parametrize("page", sorted(TEMPLATES.rglob("*.html")), ids=lambda page: page.stem)
def test_no_page_writes_chinese_punctuation_past_the_catalogues(page: Path) -> None:
    assert re.findall(r"[（）。；，、：！？]", _SAID.sub("", page.read_text())) == []


def test_english_is_english_and_traditional_is_not_simplified() -> None:
    for message in update.kept("en"):
        if message.id:
            assert not any("\u4e00" <= letter <= "\u9fff" for letter in str(message.string)), message.id
    simplified = set("这们时个来说问开关见过还没发实样务应当图对电传识让认证设计请进选项类动数据库")
    for message in update.kept("zh_TW"):
        assert not simplified & set(str(message.string)), message.id


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh_CN"),
        ("zh", "zh_CN"),
        ("zh-Hans-CN", "zh_CN"),
        ("zh-TW,zh;q=0.9", "zh_TW"),
        ("zh-Hant-HK", "zh_TW"),
        ("en-GB,en;q=0.9,zh;q=0.5", "en"),
        ("zh;q=0.3,en;q=0.7", "en"),
        ("fr,de;q=0.8", None),
        ("", None),
        ("en;q=nonsense,zh-CN", "zh_CN"),
        ("en;q=0", None),
    ],
)
def test_a_browsers_wish_is_understood(header: str, locale: str | None) -> None:
    assert i18n.best_locale(header) == locale


@pytest.mark.parametrize(
    ("lang", "cookie", "header", "seen"),
    [
        ("en", "zh_TW", "zh-CN", "en"),
        ("", "zh_TW", "en", "zh-TW"),
        ("", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "", "fr", "zh-CN"),
        ("klingon", "", "en", "en"),
    ],
)
def test_the_page_says_which_language_it_is_in(
    client: TestClient, lang: str, cookie: str, header: str, seen: str
) -> None:
    headers = {"Accept-Language": header} | ({"Cookie": f"rouge_lang={cookie}"} if cookie else {})
    answer = client.get("/no-such-page", params={"lang": lang} if lang else {}, headers=headers)
    assert f'<html lang="{seen}"' in answer.text


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "¥0.00"), (5, "¥0.05"), (123450, "¥1,234.50"), (-1, "-¥0.01"), (100_000_000, "¥1,000,000.00")]
)
def test_money_is_shown_as_a_shop_writes_it(fen: int, text: str) -> None:
    assert i18n.yuan(fen) == text


def test_days_and_moments_are_the_shops() -> None:
    at = datetime(2026, 11, 25, 16, 30, tzinfo=UTC)
    assert i18n.long_day(date(2026, 11, 23)) == "2026年11月23日"
    assert i18n.moment(at, SHANGHAI) == "11月26日 00:30 周四"
    i18n.use_locale("en")
    assert i18n.long_day(date(2026, 11, 23)) == "23 Nov 2026"
    assert i18n.moment(at, SHANGHAI) == "26 Nov 00:30 Thu"


def test_plain_text_keeps_its_lines_and_loses_its_markup() -> None:
    assert i18n.with_breaks("一\n<b>二") == "一<br>&lt;b&gt;二"


def test_what_a_night_did_is_told_in_the_readers_language() -> None:
    written = i18n.kept("{entries} 条，完整无缺", {"entries": 54})
    assert i18n.told(written) == "54 条，完整无缺"
    i18n.use_locale("en")
    assert i18n.told(written).startswith("54 ")
    assert "条" not in i18n.told(written)


@pytest.mark.parametrize("text", ["", "顾客.xlsx", '["cut off', "54 条，完整无缺"])
def test_what_was_written_down_otherwise_is_told_as_it_stands(text: str) -> None:
    assert i18n.told(text) == text


def test_a_label_is_translated_when_shown_and_keeps_its_identity() -> None:
    label = i18n.later("周一")
    i18n.use_locale("en")
    assert str(label) == "Mon"
    assert {label: 1}["周一"] == 1


def test_bringing_the_catalogues_up_to_date_keeps_what_people_wrote(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = {locale: update.path_of(locale).read_bytes() for locale in update.LOCALES}
    paths = {locale: tmp_path / locale / "LC_MESSAGES" / "rouge.po" for locale in update.LOCALES}
    for locale, path in paths.items():
        path.parent.mkdir(parents=True)
        path.write_bytes(kept[locale])
        path.with_name("sqladmin.po").write_bytes(update.path_of(locale).with_name("sqladmin.po").read_bytes())
    monkeypatch.setattr(update, "path_of", paths.__getitem__)
    monkeypatch.setattr("sys.argv", ["update"])
    assert update.main() == 0
    assert {locale: path.read_bytes() for locale, path in paths.items()} == kept


def test_a_register_is_called_by_one_and_by_many_where_a_language_has_both() -> None:
    tag, customers = i18n.one("标签"), i18n.many("顾客")
    assert (f"{tag}", f"{customers}") == ("标签", "顾客")
    i18n.use_locale("en")
    assert (f"{tag}", f"{i18n.later('标签')}") == ("Tag", "Tags")
    assert (f"{customers}", f"{i18n.later('顾客')}") == ("Customers", "Customer")
    i18n.use_locale("zh_TW")
    assert (f"{tag}", f"{customers}") == ("標籤", "顧客")


@pytest.mark.parametrize(("noun", "inside"), [("Tag", "tag"), ("API key", "API key"), ("标签", "标签"), ("", "")])
def test_a_noun_within_a_sentence_is_small_unless_it_is_an_abbreviation(noun: str, inside: str) -> None:
    assert i18n.within(noun) == inside
