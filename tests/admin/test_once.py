"""A form that arrives twice is done once: every POST form there is, tapped twice at the same moment."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import chain

import pytest
from fastapi import FastAPI
from PIL import Image
from sqlmodel import Session, col, func, select
from starlette.testclient import TestClient

from app.actions.consents import grant_many
from app.actions.customers import create_customer
from app.actions.tags import tag_many
from app.admin import VIEWS
from app.db import Database
from app.gateways.prints import Press
from app.models import (
    AuditEntry,
    Customer,
    DuplicatePair,
    ImportBatch,
    KeptAnswer,
    PointsEntry,
    PointsRequest,
    PublicToken,
    Staff,
    StaffSession,
    Survey,
    SurveyQuestion,
    Tag,
)
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.vocabulary import AdjustReason, ImportKind, Purpose, QuestionKind, Role
from tests.admin.reading import REGISTERS, Forms, pages_of
from tests.conftest import on_sqlite
from tests.questionnaires import put_survey

SAVE = {"save": ["保存"]}
# What is typed into each form, by its address without numbers. A form that is not here fails the test.
TYPED: dict[str, dict[str, list[str]]] = {
    "/admin/customer/create": {"name": ["赵六"], "gender": ["female"], "tags": []},
    "/admin/customer/edit": {"note": ["改了"]},
    "/admin/customer/do/reveal": {"reason": ["回电话"]},
    "/admin/skin-record/create": {"customer": ["1"], "seen_on": ["2026-11-20"], "skin_type": ["dry"]},
    "/admin/skin-record/edit": {"concerns": ["改了"], "customer": ["1"]},
    "/admin/consent/create": {"customer": ["1"], "purpose": ["service_care"], "channel": ["sms"]},
    "/admin/consent/do/withdraw": {},
    "/admin/tag/create": {"name": ["新标签"], "category": ["skin"]},
    "/admin/tag/edit": {"note": ["改了"]},
    "/admin/tag/delete": {},
    "/admin/tier/create": {"name": ["黑金"], "rank": ["99"], "threshold_fen": ["50000"]},
    "/admin/tier/edit": {"benefits": ["改了"]},
    "/admin/tier/delete": {"do": ["close"]},
    "/desk/customers/tier": {"tier": ["2"], "reason": ["老顾客"], "until_on": [str(date.today() + timedelta(days=30))]},
    "/admin/tier-benefit/create": {"tier": ["2"], "kind": ["gift"], "name": ["小样"]},
    "/admin/tier-benefit/edit": {"name": ["改了"]},
    "/admin/tier-benefit/delete": {"do": ["close"]},
    "/admin/earning-rule/create": {"name": ["双倍"], "kind": ["campaign"], "percent": ["200"]},
    "/admin/earning-rule/edit": {"name": ["改了"]},
    "/admin/reward/create": {"name": ["小样"], "kind": ["product"], "points": ["9"]},
    "/admin/reward/edit": {"description": ["改了"]},
    "/admin/reward/delete": {"do": ["close"]},
    "/admin/treatment/create": {"code": ["T9"], "name": ["清洁"], "price_fen": ["1"], "minutes": ["5"]},
    "/admin/treatment/edit": {"after_care": ["改了"]},
    "/admin/treatment/delete": {"do": ["close"]},
    "/admin/product/create": {"sku": ["S9"], "name": ["卸妆油"], "price_fen": ["1"]},
    "/admin/product/edit": {"series": ["改了"]},
    "/admin/product/delete": {"do": ["close"]},
    "/admin/visit/create": {"customer": ["1"], "visited_at": ["2026-11-24 18:30"], "outcome": ["improved"]},
    "/admin/visit/edit": {"customer": ["1"], "note": ["改了"]},
    "/admin/complaint/create": {"kind": ["complaint"], "channel": ["hotline"], "text": ["等太久"], "contact_name": ["陈"]},
    "/admin/complaint/do/reveal": {"reason": ["回电话"]},
    "/admin/complaint/do/reply": {"text": ["马上处理"]},
    "/admin/complaint/do/note": {"text": ["跟进"]},
    "/admin/complaint/do/close": {"text": ["好了"]},
    "/admin/survey/create": {"title": ["春季"], "slug": ["spring-2027"], "mode": ["open"]},
    "/admin/survey/edit": {"thanks": ["改了"]},
    "/admin/survey/do/publish": {},
    "/admin/survey/do/revise": {},
    "/admin/survey/do/close": {},
    "/admin/survey/delete": {},
    "/admin/survey-question/create": {"text": ["好玩吗？"], "kind": ["rating"], "weight": ["1"], "scale_max": ["5"]},
    "/admin/survey-question/edit": {"hint": ["改了"]},
    "/admin/survey-question/delete": {},
    "/admin/survey-place/create": {"name": ["一号台"], "slug": ["table-1"], "way": ["qr"], "channel": ["store"]},
    "/admin/survey-place/edit": {"name": ["改了"]},
    "/admin/survey-wave/create": {
        "name": ["春季"], "opens_at": ["2031-03-01 10:00"], "closes_at": ["2031-03-08 10:00"], "audience": ["everyone"],
        "repeat_months": ["0"],
    },
    "/admin/survey-wave/edit": {"repeat_months": ["6"]},
    "/admin/survey-wave/do/open": {},
    "/admin/survey-invitation/do/revoke": {},
    "/admin/low-feedback/do/handle": {"note": ["打过电话"]},
    "/admin/improvement/create": {"dimension": ["环境"], "title": ["换灯"], "owner": ["1"], "due_on": ["2031-03-01"]},
    "/admin/improvement/edit": {"plan": ["改了"]},
    "/admin/improvement/do/done": {},
    "/admin/improvement/do/drop": {},
    "/admin/staff/create": {"name": ["小赵"], "login": ["xiaozhao"], "password": ["three odd words 9"], "role": ["auditor"]},
    "/admin/staff/edit": {"name": ["改了"]},
    "/admin/staff/do/password": {"password": ["three odd words 8"]},
    "/admin/staff/do/unlock": {},
    "/admin/staff/do/disable": {},
    "/admin/staff/do/end-all": {},
    "/admin/staff-session/do/end": {},
    "/admin/staff-session/do/end-all": {},
    "/admin/job/do/retry": {},
    "/admin/store/create": {"code": ["b2"], "name": ["二店"]},
    "/admin/store/edit": {"phone": ["021-9"]},
    "/admin/settings": {"shop_name": ["改了"]},
    "/admin/cards": {"who": ["everyone"], "step": ["print"], "anew": ["1"]},
    "/admin/posters": {"size": ["a6"]},
    "/admin/customer/do/agreed": {},
    "/admin/customer/do/unreachable": {"contact": ["phone"], "reason": ["空号"]},
    "/admin/skin-record/do/agreed": {},
    "/admin/visit/do/agreed": {},
    "/admin/consent/of": {"say": ["yes:service_care.wechat"], "how": ["当面"]},
    "/admin/purposes": {"notice_version": ["2026-12"], "kept": ["到她说不为止"]},
    "/admin/sign-up/do/adopt": {},
    "/admin/sign-up/do/dismiss": {},
    "/admin/social-account/create": {"customer": ["1"], "platform": ["wechat_group"], "handle": ["美甲群"]},
    "/admin/social-account/edit": {"customer": ["1"], "handle": ["护肤二群"]},
    "/admin/social-account/delete": {},
    "/admin/photo/delete": {},
    "/admin/api-key/create": {"name": ["后台收银机"]},
    "/admin/api-key/do/issue": {},
    "/admin/api-key/do/revoke": {},
    "/admin/import-map/edit": {"name": ["旧收银系统"]},
    "/admin/import-map/delete": {},
    "/admin/desk/tagging": {"step": ["do"], "tag": ["1"], "query": ["customers=1"]},
    "/admin/desk/tagged": {},
    "/admin/desk/tag-rule": {
        "step": ["save"], "match": ["all"], "field": ["gender"], "op": ["is"], "value": ["female"], "new_field": [""],
    },
    "/desk/customers/verified": {},
    "/desk/customers/declined": {},
    "/desk/customers/hand-over": {},
    "/desk/customers/points/adjust": {"points": ["5"], "note": ["等太久"]},
    "/desk/customers/points/occasion": {"what": ["十二月沙龙"]},
    "/desk/customers/sale": {},
    "/admin/purchase/do/refund": {"reason": ["记错了"]},
    "/desk/customers/redeem": {"note": ["一支口红"]},
    "/desk/points-requests": {"say": ["refused"]},
    "/desk/duplicates": {"say": ["distinct"]},
    "/desk/merge": {"same": ["1"], "mistaken": ["1"]},
    "/desk/imports": {"do": ["undo"]},
    "/desk/photos": {"kind": ["after"], "taken_on": ["2026-11-20"]},
}  # fmt: skip
PICTURE = BytesIO()
Image.new("RGB", (300, 400), "pink").save(PICTURE, "JPEG")
LINES = {"/admin/desk/tag-rule": 2, "/desk/merge": 4, "/admin/survey/do/revise": 8, "/admin/survey/do/publish": 2}
"""Where one deed is more lines of a kind: the rule and what it put on; the consents that go over; the questions of a new
version; the version that is asked and the one before it."""
FILES = {
    "/desk/imports": {"file": ("顾客.csv", "姓名\n李四\n".encode(), "text/csv")},
    "/desk/photos": {"photo": ("脸.jpg", PICTURE.getvalue(), "image/jpeg")},
}
"""What is brought along, by the form's address."""
LAST = (
    "/do/done",
    "/do/drop",
    "/do/disable",
    "/do/password",
    "/do/end",
    "/do/close",
    "/delete",
    "/do/publish",
    "/do/revoke",
    "/merge",
)
"""What ends something is tapped after everything else, the mildest first."""
NO_TOKEN = {"/admin/logout", "/admin/demo", "/admin/journal", "/desk/design", "?"}
"""Leaving twice is leaving; the demo shop is gone after the first time; a check, a trial and an export (whose form's address
is a query alone) only read."""


def general(address: str) -> str:
    """A form's address without the record's number."""
    return re.sub(r"/\d+(?=/|$)|\?.*$", "", address) or "?"


@pytest.fixture(autouse=True)
def _quick_press(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes out of the printer is looked at elsewhere."""
    for name in ("member_cards", "survey_poster"):
        monkeypatch.setattr(Press, name, lambda *_, **__: b"%PDF")


@pytest.fixture
def whole(database: Database, shop: dict[str, int], people: dict[Role, int], real_now: datetime) -> dict[str, int]:
    """The shop with what its forms need: a draft with a question, a case with a phone, an account that may go."""
    with database.writing() as session:
        draft = Survey(slug="draft", title="草稿")
        survey_id, version_id = put_survey(session, draft)
        question = SurveyQuestion(
            survey_id=survey_id, version_id=version_id, key="q1", position=1, kind=QuestionKind.RATING, text="好吗？"
        )
        session.add(question)
        helper = session.get(Staff, people[Role.AUDITOR])
        helper.failed_logins = 3
        session.flush()
        sid = session.exec(select(StaffSession.id).where(StaffSession.staff_id == helper.id)).one()
        return (
            shop
            | _member_file(session, shop["customer"], real_now)
            | {"draft": draft.id, "survey-question": question.id, "staff": helper.id, "staff-session": sid}
        )


def _member_file(session: Session, customer_id: int, now: datetime) -> dict[str, int]:
    """Somebody like her, her yes to photos, a tag put on many, a file that may be taken back."""
    rules = current_policy(session)
    other = create_customer(session, CustomerDetails(name="王小莉"), policy=rules, now=now)
    grant_many(session, customer_id, [(Purpose.PHOTOS, None)], how="当面", policy=rules, now=now)
    batch = ImportBatch(kind=ImportKind.PURCHASES, file_name="消费.csv", file_sha256="1" * 64, started_at=now)
    asked = PointsRequest(
        customer_id=customer_id, points=700, reason_code=AdjustReason.OTHER, note="x", reference="r", asked_at=now,
        staff_id=session.exec(select(Staff.id).where(Staff.role == Role.RECEPTION)).one(),
    )  # fmt: skip
    session.add_all([batch, asked, DuplicatePair(low_id=customer_id, high_id=other.id, score=70, found_at=now)])
    put_on = tag_many(session, 2, col(Customer.id) == customer_id, now=now, staff_id=None)
    session.flush()
    numbers = {"no": session.get_one(Customer, customer_id).member_no, "other_no": other.member_no}
    return {"batch": batch.id, "mark": int(put_on.mark)} | {name: int(number) for name, number in numbers.items()}


DESK = (
    "desk/customers/{no}", "desk/customers/{no}/points", "desk/customers/{no}/points/adjust", "desk/customers/{no}/redeem?points=2",
    "desk/customers/{no}/sale?step=check&price=9",
    "desk/photos?customer={no}", "consent/of/{customer}", "desk/tag-rule?tag=3", "desk/duplicates",
    "desk/tagged?tag=2&mark={mark}", "desk/imports/{batch}/undo", "desk/merge?a={no}&b={other_no}",
)  # fmt: skip
"""The pages with a form that are about one customer, tag or file."""


def pages(app: FastAPI, whole: dict[str, int]) -> list[str]:
    """Every page of the back office that may hold a form."""
    registers = chain.from_iterable(pages_of(view, whole) for view in REGISTERS)
    deletions = [f"{view.identity}/delete?pks={whole[view.identity]}" for view in REGISTERS if view.can_delete]
    office = next(route for route in app.routes if getattr(route, "name", "") == "admin").app
    others = [
        route.path.strip("/")
        for route in office.routes
        if {"GET", "POST"} <= (getattr(route, "methods", None) or set()) and "{" not in route.path
    ]
    drafts = [f"survey/{page}{whole['draft']}" for page in ("details/", "delete?pks=")]
    desk = [page.format_map(whole) for page in DESK]
    return [*registers, *deletions, *desk, *(one for one in others if one != "login"), *drafts]


def forms_on(browser: TestClient, addresses: list[str]) -> dict[str, dict[str, list[str]]]:
    """Every POST form of these pages, by its address."""
    found: dict[str, dict[str, list[str]]] = {}
    for address in addresses:
        page = browser.get(f"/admin/{address}")
        if page.status_code == 200:
            found |= {action or f"/admin/{address}": fields for action, fields in Forms(page.text).forms.items()}
    return found


def twice(browser: TestClient, address: str, form: dict[str, list[str]]) -> list[object]:
    """The same form from two threads at the same moment."""
    gate, answers = threading.Barrier(2), [None, None]

    def tap(number: int) -> None:
        gate.wait()
        brought = FILES.get(address)
        form_too = {key: value for key, value in form.items() if key not in (brought or {})}
        answers[number] = browser.post(address, data=form_too, files=brought, headers={"Sec-Fetch-Site": "same-origin"})

    threads = [threading.Thread(target=tap, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def newest_entry(database: Database) -> int:
    """Where the journal ends."""
    with database.reading() as session:
        return session.exec(select(func.max(AuditEntry.id))).one() or 0


def deeds_since(database: Database, entry: int) -> Counter:
    """What the journal says happened after that entry."""
    with database.reading() as session:
        rows = session.exec(select(AuditEntry).where(col(AuditEntry.id) > entry))
        return Counter((row.action.value, row.subject) for row in rows if row.subject != "public_tokens")


def newest_move(database: Database) -> int:
    """Where the ledger of points ends, which is a journal of its own."""
    with database.reading() as session:
        return session.exec(select(func.max(PointsEntry.id))).one() or 0


def moves_since(database: Database, entry: int) -> Counter:
    """What moved in it after that entry."""
    with database.reading() as session:
        rows = session.exec(select(PointsEntry).where(col(PointsEntry.id) > entry))
        return Counter((row.kind.value, "points_entries") for row in rows)


@on_sqlite
def test_every_form_that_does_something_carries_a_token(app: FastAPI, owner: TestClient, whole: dict[str, int]) -> None:
    found = forms_on(owner, pages(app, whole))
    assert {general(address) for address, fields in found.items() if not fields.get("once")} - NO_TOKEN == set()
    assert {general(address) for address in found} - NO_TOKEN - TYPED.keys() == set()
    tokens = [fields["once"][0] for fields in found.values() if "once" in fields]
    assert len(set(tokens)) == len(tokens)


def test_every_form_of_the_back_office_tapped_twice_is_done_once(
    app: FastAPI, owner: TestClient, database: Database, whole: dict[str, int]
) -> None:
    found = forms_on(owner, pages(app, whole))
    order = sorted(found, key=lambda address: next((n for n, part in enumerate(LAST, 1) if part in address), 0))
    wrong, tapped = {}, set()
    for address in order:
        if general(address) in NO_TOKEN:
            continue
        fresh = forms_on(owner, [address_of_page(address, whole)]).get(address)
        if fresh is None:
            continue  # what was done before took it away
        before, moved = newest_entry(database), newest_move(database)
        form = {**fresh, **TYPED[general(address)], **SAVE}
        first, second = twice(owner, address, form)
        deeds = deeds_since(database, before) + moves_since(database, moved)
        same = (first.status_code, first.headers.get("location")) == (
            second.status_code,
            second.headers.get("location"),
        )
        is_done = bool(deeds) or "/do/end" in address  # of the three ways to end a session, two come too late
        if (
            not same
            or first.status_code >= 400
            or not is_done
            or max(deeds.values(), default=1) > LINES.get(general(address), 1)
        ):
            wrong[address] = (first.status_code, second.status_code, dict(deeds))
        if "/do/reveal" in address:
            assert ("13800138000" in first.text) == ("13800138000" in second.text)
        tapped.add(general(address))
    assert not wrong, "\n".join(f"{address}: {what}" for address, what in wrong.items())
    assert len(tapped) >= 35


def address_of_page(address: str, whole: dict[str, int]) -> str:
    """The page a form stands on."""
    deed = re.fullmatch(r"/admin/([\w-]+)/do/[\w-]+/(\d+)", address)
    if deed:
        return f"{deed.group(1)}/details/{deed.group(2)}"
    place = address.removeprefix("/admin").lstrip("/")
    return next((page.format_map(whole) for page in DESK if page.format_map(whole).startswith(f"{place}?")), None) or (
        re.sub(r"/(verified|declined|occasion|hand-over)$", "", place) if "/customers/" in place else _undo_of(place)
    )


def _undo_of(place: str) -> str:
    return f"{place}/undo" if re.fullmatch(r"desk/imports/\d+", place) else place


def test_control_without_the_token_a_double_tap_does_it_twice(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    form = {"kind": "complaint", "channel": "hotline", "text": "等太久", "contact_name": "陈", "store": "__None"}
    before = newest_entry(database)
    twice(owner, "/admin/complaint/create", form)
    assert deeds_since(database, before)["create", "complaints"] == 2


def test_the_same_form_a_day_later_gets_the_same_answer(owner: TestClient, database: Database, people: dict) -> None:
    form = {"name": "甲", "category": "skin", "once": "t1"} | {"save": "保存"}
    first = owner.post("/admin/tag/create", data=form)
    owner.get("/admin/tag/list")
    again = owner.post("/admin/tag/create", data=form)
    assert (again.status_code, again.headers["location"]) == (303, first.headers["location"])
    assert "已保存：甲" in owner.get("/admin/tag/list").text


def test_the_same_token_with_other_words_is_refused_and_they_stay(
    owner: TestClient, database: Database, people: dict
) -> None:
    form = {"category": "skin", "once": "t1", "save": "保存"}
    owner.post("/admin/tag/create", data=form | {"name": "甲"})
    page = owner.post("/admin/tag/create", data=form | {"name": "乙"})
    assert page.status_code == 422
    assert "刚才已经保存过一次" in page.text
    assert 'value="乙"' in page.text
    fresh = Forms(page.text).forms["/admin/tag/create"]
    assert fresh["once"] != ["t1"]
    assert owner.post("/admin/tag/create", data=fresh | {"save": ["保存"]}).status_code == 303
    with database.reading() as session:
        assert session.exec(select(Tag).where(Tag.name == "乙")).one()


def test_what_was_refused_may_be_mended_with_the_same_token(owner: TestClient, people: dict) -> None:
    form = {"category": "skin", "once": "t1", "save": "保存"}
    assert owner.post("/admin/tag/create", data=form | {"name": ""}).status_code == 422
    assert owner.post("/admin/tag/create", data=form | {"name": "甲"}).status_code == 303


def test_somebody_elses_token_is_nobodys(as_role: Callable[[Role], TestClient], database: Database) -> None:
    form = {"category": "skin", "once": "t1", "save": "保存"}
    for number, role in enumerate((Role.OWNER, Role.MANAGER)):
        assert as_role(role).post("/admin/tag/create", data=form | {"name": f"甲{number}"}).status_code == 303
    with database.reading() as session:
        assert len(session.exec(select(Tag).where(col(Tag.name).startswith("甲"))).all()) == 2


def test_a_program_sends_its_key_in_the_header(owner: TestClient, database: Database, people: dict) -> None:
    def post(name: str) -> int:
        headers = {"Idempotency-Key": "till-7"}
        return owner.post("/admin/tag/create", data={"name": name, "category": "skin"}, headers=headers).status_code

    assert [post("甲"), post("甲"), post("乙")] == [303, 303, 422]
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(KeptAnswer)).one() == 1


def test_what_no_form_sends_is_refused_in_words(owner: TestClient, people: dict) -> None:
    def too_long() -> Iterator[bytes]:
        yield b"once=t1&name="
        for _ in range(20):
            yield b"x" * 65_536

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert owner.post("/admin/tag/create", content=too_long(), headers=form).status_code == 413
    assert owner.post("/admin/tag/create", data={f"f{n}": "1" for n in range(3000)}).status_code in {400, 413}
    refused = owner.post("/admin/tag/create", data={"name": "甲"}, headers={"Idempotency-Key": "k" * 256})
    assert refused.status_code == 400
    assert "Idempotency-Key" in refused.text


def test_a_lost_card_is_replaced_once_and_the_next_run_is_another(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    form = Forms(owner.get("/admin/cards").text).forms["/admin/cards"]
    form |= {"who": ["everyone"], "step": ["print"], "anew": ["1"]}
    first, second = twice(owner, "/admin/cards", form)
    assert first.status_code == second.status_code == 200
    with database.reading() as session:
        assert len(session.exec(select(PublicToken)).all()) == 1
    other = owner.post("/admin/cards", data=form | {"layout": ["a4"]}, headers={"Sec-Fetch-Site": "same-origin"})
    assert other.status_code == 200
    with database.reading() as session:
        assert len(session.exec(select(PublicToken)).all()) == 2


def test_a_kept_answer_holds_no_name_in_clear(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    owner.post("/admin/tag/create", data={"name": "王小丽的", "category": "skin", "once": "t1"})
    with database.reading() as session:
        kept = session.exec(select(KeptAnswer)).one()
        assert "王小丽".encode() not in kept.answer.as_stored()
        assert session.exec(select(func.count()).select_from(Customer)).one() == 1


def test_no_register_was_forgotten() -> None:
    forms = {f"/admin/{view.identity}/create" for view in VIEWS if view.is_model and view.can_create}
    forms |= {f"/admin/{view.identity}/edit" for view in VIEWS if view.is_model and view.can_edit}
    forms |= {f"/admin/{view.identity}/delete" for view in VIEWS if view.is_model and view.can_delete}
    assert forms <= TYPED.keys()
