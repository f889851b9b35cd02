"""Cards and posters as a printer, an eye and a scanner take them."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from jinja2 import Environment
from pypdf import PdfReader

from app.gateways import prints
from app.gateways.prints import PosterSize, Press
from app.i18n import use_locale
from app.routes.rendering import environment
from app.rules.cards import Card
from app.rules.colours import NAMED
from app.rules.policy import Policy
from app.rules.sheets import CARD_HEIGHT, CARD_WIDTH, Layout, a4_slots
from tests.conftest import isolated
from tests.paper import Paper, codes_in

SHOP = "https://vip.example.cn"
POLICY = Policy(
    shop_name="胭脂美妆", shop_phone="0571-8888 6666", shop_address="杭州市西湖区文三路 138 号东方通信大厦 1 楼"
)
CARD = Card("王小梅", "10000016", "金卡会员", NAMED["gold"], date(2028, 11, 30), "aB3_-xYz" * 4)
EDGE_MM = 4


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The site's own templates."""
    return environment(isolated(tmp_path_factory.mktemp("prints")))


@pytest.fixture
def press(templates: Environment) -> Press:
    """The shop's press, printing in Chinese."""
    use_locale("zh_CN")
    return Press(templates, POLICY, SHOP)


def cards(count: int) -> list[Card]:
    """So many different cards."""
    return [replace(CARD, name=f"顾客{at}", member_no=f"{20000000 + at}", token=f"{at:032d}") for at in range(count)]


def address(card: Card) -> str:
    """Where its code must lead."""
    return f"{SHOP}/card/{card.token}"


@pytest.fixture(scope="session")
def one(templates: Environment) -> Paper:
    """One card for the card printer."""
    use_locale("zh_CN")
    return Paper(Press(templates, POLICY, SHOP).member_cards([CARD], Layout.CR80))


@pytest.fixture(scope="session")
def ten(templates: Environment) -> Paper:
    """Ten cards on A4."""
    use_locale("zh_CN")
    return Paper(Press(templates, POLICY, SHOP).member_cards(cards(10), Layout.A4))


# ── One card ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_card_is_two_pages_of_a_cards_size(one: Paper) -> None:
    assert one.sizes_mm == [(85.60, 53.98)] * 2


def test_the_front_says_who_which_number_which_tier_until_when(one: Paper) -> None:
    front = one.text(1)
    for words in ("胭脂美妆", "王小梅", "1000 0016", "金卡会员", "2028年11月30日"):
        assert words in front


def test_the_back_says_what_the_code_is_for_and_whom_to_call(one: Paper) -> None:
    back = one.text(2)
    for words in ("扫一扫", "0571-8888 6666", "以系统为准", "文三路"):
        assert words in back


def test_every_font_is_embedded_and_has_chinese(one: Paper) -> None:
    fonts = one.fonts()
    assert fonts
    assert all(font["embedded"] == "yes" and font["subset"] == "yes" for font in fonts)
    assert any("WenQuanYi" in font["name"] or "CJK" in font["name"] for font in fonts)


def test_a_scanner_reads_the_code_and_it_leads_to_the_cards_page(one: Paper) -> None:
    assert codes_in(one.picture(2)) == [address(CARD)]


def test_the_code_is_large_enough_and_stands_in_white(one: Paper) -> None:
    dpi = 300
    page = one.picture(2, dpi).convert("L")
    left = page.crop((0, 0, page.width * 46 // 100, page.height * 80 // 100))
    dark = left.point(lambda shade: 255 if shade < 128 else 0).getbbox()
    assert dark is not None
    width_mm, height_mm = ((dark[2] - dark[0]) / dpi * 25.4, (dark[3] - dark[1]) / dpi * 25.4)
    assert width_mm >= 22
    assert height_mm == pytest.approx(width_mm, abs=0.3)
    module_mm = width_mm / 41
    assert dark[0] / dpi * 25.4 >= 4 * module_mm
    assert dark[1] / dpi * 25.4 >= 4 * module_mm


@pytest.mark.parametrize("face", NAMED.values())
def test_the_colour_covers_the_whole_face(press: Press, face: str) -> None:
    page = Paper(press.member_cards([replace(CARD, face=face)], Layout.CR80)).picture(1, 150)
    wanted = tuple(int(face[at : at + 2], 16) for at in (1, 3, 5))
    corners = [(1, 1), (page.width - 3, page.height - 3), (1, page.height - 3), (page.width // 3, page.height - 3)]
    assert [page.getpixel(corner) for corner in corners] == [wanted] * 4


NAMES = [
    "王小梅",
    "Alexandra Konstantinopoulos-Wu",
    "买买提·吐尔逊·阿卜杜热合曼江·伊敏",
    "欧阳" + "娜" * 30,
    "W" * 80,
    "林" * 80,
    "喆嫒 張愛玲",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:6])
def test_no_name_runs_to_the_edge_or_into_the_number(press: Press, name: str) -> None:
    long = replace(CARD, name=name, tier="非常非常非常长的等级名称叫做钻石至尊会员", member_no="1" * 20)
    paper = Paper(press.member_cards([long], Layout.CR80))
    assert len(paper.sizes_mm) == 2
    for page in (1, 2):
        boxes = [(left, top, right, bottom) for _, left, top, right, bottom in paper.words_mm(page)]
        assert min(box[0] for box in boxes) >= EDGE_MM
        assert min(box[1] for box in boxes) >= EDGE_MM
        assert max(box[2] for box in boxes) <= CARD_WIDTH - EDGE_MM
        assert max(box[3] for box in boxes) <= CARD_HEIGHT - EDGE_MM
    words = {word: box for word, *box in paper.words_mm(1)}
    tier_bottom = max(box[3] for word, box in words.items() if word.startswith("非常"))
    assert tier_bottom <= words["会员号"][1] + 0.3


def test_a_long_shop_stays_on_the_card(press: Press) -> None:
    wordy = replace(
        POLICY, shop_name="店" * 60, shop_phone="0571-8888 6666 转 8001 或 138 0013 8000", shop_address="路" * 90
    )
    paper = Paper(Press(press.templates, wordy, SHOP).member_cards([CARD], Layout.CR80))
    for page in (1, 2):
        assert max(right for _, _, _, right, _ in paper.words_mm(page)) <= CARD_WIDTH - EDGE_MM
    assert codes_in(paper.picture(2)) == [address(CARD)]


def test_no_letter_is_smaller_than_six_points(one: Paper) -> None:
    css = (Path(prints.__file__).parents[1] / "static" / "print.css").read_text(encoding="utf-8")
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)mm", css.split("── a poster")[0])]
    assert min(sizes) >= 6 / 72 * 25.4


def test_a_shop_without_phone_and_address_leaves_no_empty_label(press: Press) -> None:
    bare = Press(press.templates, Policy(shop_name="胭脂"), SHOP)
    assert "电话" not in Paper(bare.member_cards([CARD], Layout.CR80)).text(2)


def test_what_a_name_holds_is_printed_as_text(press: Press) -> None:
    paper = Paper(press.member_cards([replace(CARD, name="<b>A&B</b>")], Layout.CR80))
    assert "<b>A&B</b>" in paper.text(1)


def test_the_card_speaks_the_readers_language(press: Press) -> None:
    use_locale("en")
    try:
        paper = Paper(press.member_cards([CARD], Layout.CR80))
    finally:
        use_locale("zh_CN")
    assert "30 Nov 2028" in paper.text(1)


# ── Ten on a sheet ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ten_cards_are_one_sheet_of_a4_with_two_sides(ten: Paper) -> None:
    assert ten.sizes_mm == [(210.0, 297.0)] * 2


def test_all_ten_codes_are_read_from_the_printed_sheet(ten: Paper) -> None:
    assert sorted(codes_in(ten.picture(2))) == sorted(address(card) for card in cards(10))


@pytest.mark.parametrize("place", [0, 1, 4, 9])
def test_each_back_lies_behind_its_own_front(ten: Paper, place: int) -> None:
    """Cut out of both sides of the sheet, the card's front names whom its back's code leads to."""
    dpi, card = 300, cards(10)[place]
    front, behind = a4_slots(mirrored=False)[place], a4_slots(mirrored=True)[place]
    left, top = front.left + front.card_left, front.top + front.card_top
    box = [edge / 25.4 * dpi for edge in (210 - left - CARD_WIDTH, top, 210 - left, top + CARD_HEIGHT)]
    assert codes_in(ten.picture(2, dpi).crop(tuple(map(round, box)))) == [address(card)]
    assert behind.left + behind.card_left == pytest.approx(210 - left - CARD_WIDTH, abs=0.01)
    names = [(x, y) for word, x, y, _, _ in ten.words_mm(1) if word == card.name]
    assert len(names) == 1
    assert left < names[0][0] < left + CARD_WIDTH
    assert top < names[0][1] < top + CARD_HEIGHT


def test_crop_marks_stand_outside_the_colour(ten: Paper) -> None:
    dpi = 300
    page = ten.picture(1, dpi).convert("L")

    def dark_runs(left: float, top: float, right: float, bottom: float) -> int:
        """How many times a line through that strip turns from white to dark."""
        strip = page.crop(tuple(round(edge / 25.4 * dpi) for edge in (left, top, right, bottom)))
        line = strip.resize((strip.width, 1) if strip.width > strip.height else (1, strip.height)).tobytes()
        return sum(before >= 128 > after for before, after in pairwise(b"\xff" + line))

    assert dark_runs(0, 3, 210, 5) == 4
    assert dark_runs(10, 0, 11, 297) >= 10


def test_an_eleventh_card_begins_a_new_sheet(press: Press) -> None:
    paper = Paper(press.member_cards(cards(11), Layout.A4))
    assert len(paper.sizes_mm) == 4
    assert codes_in(paper.picture(4)) == [address(cards(11)[10])]


# ── Many ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hundred_cards_are_one_document_and_each_code_its_own(press: Press) -> None:
    heard: list[int] = []
    paper = Paper(press.member_cards(cards(100), Layout.CR80, progress=heard.append))
    assert len(paper.sizes_mm) == 200
    assert heard == [100]
    for page in (2, 100, 200):
        assert codes_in(paper.picture(page)) == [address(cards(100)[page // 2 - 1])]
    assert len(paper.pdf) < 2_000_000


def test_a_long_run_is_joined_without_losing_a_card(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prints, "CARDS_AT_ONCE", 10)
    heard: list[int] = []
    paper = Paper(press.member_cards(cards(12), Layout.A4, progress=heard.append))
    assert heard == [10, 12]
    found = Counter(code for page in (2, 4) for code in codes_in(paper.picture(page, 200)))
    assert found == Counter(address(card) for card in cards(12))


# ── Posters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("size", "paper_mm"), [(PosterSize.A4, (210.0, 297.0)), (PosterSize.A6, (105.0, 148.0))])
def test_a_poster_is_one_page_with_a_code_a_phone_reads_from_afar(
    press: Press, size: PosterSize, paper_mm: tuple[float, float]
) -> None:
    paper = Paper(press.survey_poster(title="到店满意度", slug="satisfaction", size=size))
    assert paper.sizes_mm == [paper_mm]
    assert codes_in(paper.picture(1, 150)) == [f"{SHOP}/s/satisfaction"]
    for words in ("胭脂美妆", "到店满意度", "微信扫一扫", "1 分钟", "0571-8888 6666"):
        assert words in paper.text(1)
    assert all(font["embedded"] == "yes" for font in paper.fonts())


@pytest.mark.parametrize(
    "title",
    ["好", "您" * 80, "How did you like your last visit to our salon in Hangzhou"],
    ids=["short", "long", "English"],
)
def test_a_title_of_any_length_stays_on_the_poster(press: Press, title: str) -> None:
    paper = Paper(press.survey_poster(title=title, slug="spring-2026", size=PosterSize.A6))
    assert paper.sizes_mm == [(105.0, 148.0)]
    assert all(left > 0 and right < 105 for _, left, _, right, _ in paper.words_mm(1))
    assert codes_in(paper.picture(1)) == [f"{SHOP}/s/spring-2026"]


def test_a_document_names_itself(one: Paper) -> None:
    assert PdfReader(BytesIO(one.pdf)).metadata.title == "会员卡 · 胭脂美妆"
