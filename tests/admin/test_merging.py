"""Two people with the same record open: nobody's words are lost unseen, and the page that asks is kind."""

import threading
from collections.abc import Callable

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.admin_base.merging import Marks, merge, plain
from app.db import Database
from app.models import AuditEntry, Customer, Tag, Treatment
from app.vocabulary import AuditAction, Role
from tests.admin.reading import form_on

EDIT = "/admin/customer/edit/"
Browser = Callable[[Role], TestClient]


def opened(browser: TestClient, address: str) -> dict[str, list[str]]:
    """A form as it is when somebody opens it."""
    return form_on(browser.get(address).text, address.partition("?")[0]) | {"save": ["保存"]}


def customer(database: Database, shop: dict[str, int]) -> Customer:
    """The record as it lies there."""
    with database.reading() as session:
        return session.get(Customer, shop["customer"])


def test_two_people_change_different_fields_and_both_stay(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    address = f"{EDIT}{shop['customer']}"
    owner, manager = as_role(Role.OWNER), as_role(Role.MANAGER)
    first, second = opened(owner, address), opened(manager, address)
    assert owner.post(address, data=first | {"note": ["改坐里间"]}).status_code == 303
    assert manager.post(address, data=second | {"occupation": ["老师"]}).status_code == 303
    assert (customer(database, shop).note, customer(database, shop).occupation) == ("改坐里间", "老师")


def test_control_without_the_marks_the_first_ones_field_is_lost(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    address = f"{EDIT}{shop['customer']}"
    owner, manager = as_role(Role.OWNER), as_role(Role.MANAGER)
    first, second = opened(owner, address), opened(manager, address)
    owner.post(address, data=first | {"note": ["改坐里间"]})
    del second["opened"]
    manager.post(address, data=second | {"occupation": ["老师"]})
    assert customer(database, shop).note == "喜欢靠窗"


def test_both_wrote_the_same_and_nobody_is_asked(as_role: Browser, database: Database, shop: dict[str, int]) -> None:
    address = f"{EDIT}{shop['customer']}"
    forms = [(as_role(role), opened(as_role(role), address)) for role in (Role.OWNER, Role.MANAGER)]
    for browser, form in forms:
        assert browser.post(address, data=form | {"note": ["改坐里间"]}).status_code == 303


def clashing(as_role: Browser, shop: dict[str, int]) -> tuple[TestClient, str, str]:
    """The manager's browser, the form's address, and the page that asks her after the owner was quicker."""
    address = f"{EDIT}{shop['customer']}"
    owner, manager = as_role(Role.OWNER), as_role(Role.MANAGER)
    first, second = opened(owner, address), opened(manager, address)
    changed = {"note": ["改坐里间"], "source": ["referral"], "tags": ["1"]}
    assert owner.post(address, data=first | changed).status_code == 303
    page = manager.post(
        address, data=second | {"note": ["要安静\r\n不聊天"], "tags": ["2", "3"], "occupation": ["老师"]}
    )
    assert page.status_code == 409
    return manager, address, page.text


def test_the_page_shows_both_with_who_and_when_and_saves_nothing(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    _, _, page = clashing(as_role, shop)
    for words in ("有人改了同样的地方", "要安静", "改坐里间", "测试owner", "改的", "您填的", "现在的"):
        assert words in page
    assert "会保持现在的样子：来源" in page
    assert 'value="老师"' in page
    assert customer(database, shop).occupation == ""
    assert "13800138000" not in page


@pytest.mark.parametrize(("choice", "note"), [("mine", "要安静\n不聊天"), ("theirs", "改坐里间")])
def test_what_she_chooses_is_saved_and_the_rest_is_kept(
    as_role: Browser, database: Database, shop: dict[str, int], choice: str, note: str
) -> None:
    manager, address, page = clashing(as_role, shop)
    form = form_on(page, EDIT) | {"choice-note": ["", choice], "choice-tags": ["", choice], "save": ["保存"]}
    assert manager.post(address, data=form).status_code == 303
    with database.reading() as session:
        row = session.get(Customer, shop["customer"])
        assert (row.note.replace("\r\n", "\n"), row.occupation, row.source.value) == (note, "老师", "referral")
        assert {tag.id for tag in row.tags} == ({2, 3} if choice == "mine" else {1})


def test_no_choice_asks_again(as_role: Browser, database: Database, shop: dict[str, int]) -> None:
    manager, address, page = clashing(as_role, shop)
    again = manager.post(address, data=form_on(page, EDIT) | {"save": ["保存"], "choice-tags": ["", "mine"]})
    assert again.status_code == 409
    assert "要安静" in again.text
    assert customer(database, shop).note == "改坐里间"


def test_a_third_change_comes_round_again(as_role: Browser, database: Database, shop: dict[str, int]) -> None:
    manager, address, page = clashing(as_role, shop)
    owner = as_role(Role.OWNER)
    owner.post(address, data=opened(owner, address) | {"note": ["算了，靠窗"]})
    form = form_on(page, EDIT) | {"choice-note": ["", "mine"], "choice-tags": ["", "mine"], "save": ["保存"]}
    again = manager.post(address, data=form)
    assert again.status_code == 409
    assert "算了，靠窗" in again.text
    assert "choice-tags" not in again.text
    settled = form_on(again.text, EDIT) | {"choice-note": ["", "theirs"], "save": ["保存"]}
    assert manager.post(address, data=settled).status_code == 303
    assert customer(database, shop).note == "算了，靠窗"


def test_a_record_deleted_meanwhile_says_so_and_shows_what_was_typed(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    owner, manager = as_role(Role.OWNER), as_role(Role.MANAGER)
    form = opened(manager, "/admin/tag/edit/1")
    assert owner.delete("/admin/tag/delete?pks=1").status_code == 200
    page = manager.post("/admin/tag/edit/1", data=form | {"note": ["每周三来\r\n要提前约"]})
    assert page.status_code == 404
    for words in ("这条记录已经不在了", "可以选中复制", "每周三来\r\n要提前约"):
        assert words in page.text.replace("\n", "\r\n").replace("\r\r\n", "\r\n")


def test_a_health_note_is_marked_only_for_whom_may_see_it(as_role: Browser, shop: dict[str, int]) -> None:
    address = f"{EDIT}{shop['customer']}"
    assert "allergy_note=" in opened(as_role(Role.OWNER), address)["opened"][0]
    assert "allergy_note" not in opened(as_role(Role.RECEPTION), address)["opened"][0]


def test_a_mark_tells_nothing_and_is_another_in_each_form(owner: TestClient, shop: dict[str, int]) -> None:
    address = f"{EDIT}{shop['customer']}"
    first, second = (opened(owner, address)["opened"][0] for _ in range(2))
    assert first != second
    assert "王" not in first
    assert "138" not in first.partition(" ")[2].replace("=", "") or first.partition(" ")[2] != second.partition(" ")[2]


@pytest.mark.parametrize("forged", ["x", "x note=", "\x00", "n note=1 note=2"])
def test_a_made_up_mark_overwrites_nothing_unasked(
    owner: TestClient, database: Database, shop: dict[str, int], forged: str
) -> None:
    address = f"{EDIT}{shop['customer']}"
    form = opened(owner, address) | {"opened": [forged], "note": ["改坐里间"]}
    answer = owner.post(address, data=form)
    assert answer.status_code == (409 if "note=" in forged else 303)


def test_marks_of_another_record_do_not_fit(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    foreign = opened(owner, "/admin/tag/edit/2")["opened"]
    form = opened(owner, "/admin/tag/edit/1") | {"opened": foreign, "note": ["改了"]}
    assert owner.post("/admin/tag/edit/1", data=form).status_code == 409


def test_a_birthday_and_its_calendar_are_judged_as_one(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    address = f"{EDIT}{shop['customer']}"
    owner, manager = as_role(Role.OWNER), as_role(Role.MANAGER)
    first, second = opened(owner, address), opened(manager, address)
    assert owner.post(address, data=first | {"birthday_calendar": ["lunar"]}).status_code == 303
    page = manager.post(address, data=second | {"birthday": ["03-03"]})
    assert page.status_code == 409
    assert "choice-birthday_calendar" in page.text


def test_a_refused_form_still_knows_when_it_was_opened(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    owner, manager = as_role(Role.OWNER), as_role(Role.MANAGER)
    form = opened(manager, "/admin/tag/edit/1")
    refused = manager.post("/admin/tag/edit/1", data=form | {"name": [""], "note": ["经理写的"]})
    assert refused.status_code == 422
    owner.post("/admin/tag/edit/1", data=opened(owner, "/admin/tag/edit/1") | {"note": ["店主写的"]})
    again = form_on(refused.text, "/admin/tag/edit/1") | {"name": ["换个名"], "save": ["保存"]}
    assert manager.post("/admin/tag/edit/1", data=again).status_code == 409


def test_the_shops_rules_are_put_together_the_same_way(as_role: Browser, database: Database, people: dict) -> None:
    owner = as_role(Role.OWNER)
    first, second = (opened(owner, "/admin/settings") for _ in range(2))
    assert (
        owner.post("/admin/settings", data=first | {"shop_name": ["花间"], "grade_good_from": ["82"]}).status_code
        == 303
    )
    page = owner.post("/admin/settings", data=second | {"shop_name": ["月下"], "shop_phone": ["021-1"]})
    assert page.status_code == 409
    assert "花间" in page.text
    assert "月下" in page.text
    form = form_on(page.text, "/admin/settings") | {"choice-shop_name": ["", "mine"]}
    assert owner.post("/admin/settings", data=form).status_code == 303
    now = opened(owner, "/admin/settings")
    assert (now["shop_name"], now["shop_phone"], now["grade_good_from"]) == (["月下"], ["021-1"], ["82"])


def test_a_password_somebody_just_set_is_not_replaced_unseen(
    owner: TestClient, database: Database, people: dict[Role, int]
) -> None:
    address = f"/admin/staff/details/{people[Role.RECEPTION]}"
    do = f"/admin/staff/do/password/{people[Role.RECEPTION]}"
    first, second = (form_on(owner.get(address).text, "/do/password/") for _ in range(2))
    assert owner.post(do, data=first | {"password": "three odd words 8"}).status_code == 303
    page = owner.post(do, data=second | {"password": "four other words 9"})
    assert page.status_code == 422
    assert "刚才别人也做过这一步" in page.text
    again = form_on(page.text, "/do/password/")
    assert owner.post(do, data=again | {"password": "four other words 9"}).status_code == 303


# ── Races ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def at_once(*posts: Callable[[], object]) -> list[int]:
    """Post at the same moment; the status of each."""
    gate, results = threading.Barrier(len(posts)), [0] * len(posts)

    def one(number: int) -> None:
        gate.wait()
        results[number] = posts[number]().status_code

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(posts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


FIELDS = {"treatment": ("after_care", "contraindications"), "customer": ("note", "occupation")}


@pytest.mark.parametrize("register", FIELDS)
def test_of_two_saving_at_the_same_moment_neither_loses_a_field(
    as_role: Browser, database: Database, shop: dict[str, int], register: str
) -> None:
    address = f"/admin/{register}/edit/{shop[register]}"
    browsers = [as_role(Role.OWNER), as_role(Role.MANAGER)]
    table = {"treatment": Treatment, "customer": Customer}[register]
    for turn in range(3):
        forms = [opened(browser, address) | {"save": ["保存"]} for browser in browsers]
        typed = [form | {field: [f"第{turn}次"]} for form, field in zip(forms, FIELDS[register], strict=True)]
        posts = [
            lambda browser=browser, form=form: browser.post(address, data=form)
            for browser, form in zip(browsers, typed, strict=True)
        ]
        assert at_once(*posts) == [303, 303]
        with database.reading() as session:
            row = session.get(table, shop[register])
            assert [getattr(row, field) for field in FIELDS[register]] == [f"第{turn}次"] * 2


def test_control_at_the_same_moment_without_marks_a_field_is_lost(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    address = f"/admin/treatment/edit/{shop['treatment']}"
    browsers = [as_role(Role.OWNER), as_role(Role.MANAGER)]
    forms = [opened(browser, address) for browser in browsers]
    posts = []
    for browser, form, field in zip(browsers, forms, FIELDS["treatment"], strict=True):
        del form["opened"]
        posts.append(lambda browser=browser, form=form | {field: ["改了"]}: browser.post(address, data=form))
    assert at_once(*posts) == [303, 303]
    with database.reading() as session:
        row = session.get(Treatment, shop["treatment"])
        assert [row.after_care, row.contraindications].count("改了") == 1


def test_of_two_writing_the_same_field_at_the_same_moment_one_is_asked(
    as_role: Browser, database: Database, shop: dict[str, int]
) -> None:
    browsers = [as_role(Role.OWNER), as_role(Role.MANAGER)]
    forms = [opened(browser, "/admin/tag/edit/1") for browser in browsers]
    posts = [
        lambda browser=browser, form=form | {"note": [str(number)]}: browser.post("/admin/tag/edit/1", data=form)
        for number, (browser, form) in enumerate(zip(browsers, forms, strict=True))
    ]
    assert sorted(at_once(*posts)) == [303, 409]
    with database.reading() as session:
        changes = select(AuditEntry).where(AuditEntry.subject == "tags", AuditEntry.action == AuditAction.UPDATE)
        assert len(session.exec(changes).all()) == 1
        assert session.get(Tag, 1).note in {"0", "1"}


# ── The rule itself ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "now", "choices", "values", "clashing"),
    [
        ("a", "a", {}, "a", ()),
        ("b", "a", {}, "b", ()),
        ("a", "c", {}, "c", ()),
        ("b", "b", {}, "b", ()),
        ("b", "c", {}, "b", ("f",)),
        ("b", "c", {"f": ""}, "b", ("f",)),
        ("b", "c", {"f": "theirs"}, "c", ()),
        ("b", "c", {"f": "mine"}, "b", ("f",)),
        (" a\r\n", "c", {}, "c", ()),
    ],
)
def test_a_field_opened_with_a_ends_as_it_should(
    database: Database, typed: str, now: str, choices: dict[str, str], values: str, clashing: tuple[str, ...]
) -> None:
    found = merge(Marks.of("x:1", {"f": "a"}), {"f": typed}, {"f": now}, choices)
    assert (found.values["f"], found.clashing) == (values, clashing)


def test_what_a_record_and_its_form_call_the_same_is_the_same() -> None:
    assert plain(None) == plain("") == plain(False) == plain([])
    assert plain(["2", "1"]) == plain((1, 2))
    assert plain(True) != plain(False)
    assert plain("甲\r\n乙 ") == plain("甲\n乙")
