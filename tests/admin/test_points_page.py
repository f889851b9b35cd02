"""The counter's pages of points: seeing why, putting right, a second person's yes, redeeming and taking it back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from app.actions.points import earn_points, freeze_account, reverse_entry, spend_points
from app.db import Database
from app.gateways.passwords import hash_password
from app.models import (
    AuditEntry,
    Customer,
    EarningRule,
    PointsAccount,
    PointsEntry,
    PointsPending,
    PointsRequest,
    Redemption,
    Reward,
    Staff,
    Tier,
)
from app.queries.points import balance_of, check_ledger
from app.vocabulary import EarningKind, RequestState, RewardKind, Role
from tests.admin.reading import form_on, seen_on

ZONE = ZoneInfo("Asia/Shanghai")
Browsers = Callable[..., TestClient]


@pytest.fixture
def page(database: Database, shop: dict[str, int], real_now: datetime) -> str:
    """Her points' address: 42 of a sale, 100 that end in thirty days, 200 in sixty, 30 that wait."""
    with database.writing() as session:
        for points, days in ((100, 30), (200, 60)):
            earn_points(
                session, shop["customer"], points, reference=f"e{days}", reason="礼", now=real_now, zone=ZONE,
                expires_on=real_now.date() + timedelta(days=days),
            )  # fmt: skip
        session.add(
            PointsPending(
                customer_id=shop["customer"], purchase_id=shop["purchase"], reference="wait", points=30,
                earned_on=real_now.date(), due_on=real_now.date() + timedelta(days=7),
            )
        )  # fmt: skip
        return f"/desk/customers/{session.get_one(Customer, shop['customer']).member_no}"


def add_reward(database: Database, name: str, points: int, **given: Any) -> int:
    """Something to redeem."""
    with database.writing() as session:
        reward = Reward(name=name, kind=RewardKind.PRODUCT, points=points, **given)
        session.add(reward)
        session.flush()
        return reward.id or 0


def balance(database: Database, shop: dict[str, int]) -> int:
    """What she has."""
    with database.reading() as session:
        assert check_ledger(session) == []
        return balance_of(session, shop["customer"])


def test_everything_about_her_points_stands_on_one_page(owner: TestClient, page: str, shop: dict[str, int]) -> None:
    html = owner.get(f"{page}/points").text
    words = seen_on(html)
    for one in ("342", "待入账", "30 分", "不会过期", "S-1001", "明细"):
        assert one in words, one
    assert words.count("有效到") == 2  # every lot that ends, not only the first
    assert f'href="{page}/points"' in owner.get(page).text


def test_a_debt_stands_in_red_words(
    owner: TestClient, database: Database, page: str, shop: dict[str, int], real_now: datetime
) -> None:
    with database.writing() as session:
        first = session.exec(select(PointsEntry).where(PointsEntry.reference == "e60")).one()
        add = {"reason": "", "now": real_now, "zone": ZONE}
        reverse_entry(session, first.id or 0, reference="x", **add)
        account = session.exec(select(PointsAccount).where(PointsAccount.customer_id == shop["customer"])).one()
        earned = session.get_one(PointsEntry, shop["points-entry"])
        spend_points(session, shop["customer"], account.balance, reference="all", **add)
        reverse_entry(session, earned.id or 0, reference="y", **add)
    html = owner.get(f"{page}/points").text
    assert "欠 42 分" in seen_on(html)
    assert 'class="points-figure tone-alarm"' in html
    assert "欠 42 分" in seen_on(owner.get(page).text)


@pytest.mark.parametrize(
    ("role", "sees", "does"),
    [
        (Role.MANAGER, 200, 200),
        (Role.RECEPTION, 200, 200),
        (Role.BEAUTICIAN, 200, 403),
        (Role.AUDITOR, 200, 403),
        (Role.MARKETER, 403, 403),
    ],
)
def test_who_sees_her_points_and_who_moves_them(as_role: Browsers, page: str, role: Role, sees: int, does: int) -> None:
    browser = as_role(role)
    assert browser.get(f"{page}/points").status_code == sees
    assert [browser.get(f"{page}/{one}").status_code for one in ("points/adjust", "redeem")] == [does, does]
    typed = {"way": "give", "points": "5", "reason_code": "goodwill", "note": "x"}
    assert browser.post(f"{page}/points/adjust", data=typed).status_code == (303 if does == 200 else 403)


def test_what_was_typed_wrong_comes_back_beside_its_field(owner: TestClient, page: str) -> None:
    typed = {"way": "take", "points": "1.5", "reason_code": "goodwill", "note": "等太久", "expires_on": ""}
    html = owner.post(f"{page}/points/adjust", data=typed)
    assert html.status_code == 422
    assert 'id="points-error"' in html.text
    assert 'value="1.5"' in html.text
    assert 'value="take" checked' in html.text
    assert 'id="note-error"' in owner.post(f"{page}/points/adjust", data=typed | {"points": "5", "note": " "}).text
    assert "积分不够" in owner.post(f"{page}/points/adjust", data=typed | {"points": "400"}).text
    assert (
        'id="expires_on-error"'
        in owner.post(f"{page}/points/adjust", data=typed | {"points": "4", "expires_on": "morgen"}).text
    )


def test_nobody_is_asked_about_taking_more_than_there_is(owner: TestClient, database: Database, page: str) -> None:
    typed = {"way": "take", "points": "99999", "reason_code": "goodwill", "note": "弄错了"}
    refused = owner.post(f"{page}/points/adjust", data=typed)
    assert refused.status_code == 422
    assert "现有 342 分，需要 99999 分" in refused.text
    assert 'id="points-error"' in refused.text
    with database.reading() as session:
        waiting = select(PointsRequest).where(PointsRequest.state == RequestState.WAITING)
        assert session.exec(waiting).all() == []


def test_a_large_change_waits_for_a_second_person(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int]
) -> None:
    clerk, boss = as_role(Role.RECEPTION), as_role(Role.OWNER)
    assert "没有等着同意的" in boss.get("/desk/points-requests").text
    form = form_on(clerk.get(f"{page}/points/adjust").text, "/adjust")
    typed = form | {"points": ["700"], "reason_code": ["compensation"], "note": ["弄错了两次"]}
    assert {clerk.post(f"{page}/points/adjust", data=typed).status_code for _ in range(2)} == {303}
    words = seen_on(clerk.get(f"{page}/points").text)
    assert "等第二个人同意" in words
    assert balance(database, shop) == 342
    assert clerk.get("/desk/points-requests").status_code == 403
    assert "1 笔积分调整等您同意" in seen_on(boss.get("/admin/").text)
    html = boss.get("/desk/points-requests").text
    assert "现在 342 分，之后 1,042 分" in seen_on(html)
    form = form_on(html, "points-requests") | {"say": ["approved"]}
    assert [boss.post("/desk/points-requests", data=form).status_code for _ in range(2)] == [303, 303]
    assert balance(database, shop) == 1042
    again = as_role(Role.MANAGER).post("/desk/points-requests", data={"request": form["request"], "say": "refused"})
    assert again.status_code == 409
    assert "已经有人处理过了" in again.text
    words = seen_on(clerk.get(f"{page}/points").text)
    assert "补偿：弄错了两次" in words
    assert "测试owner 同意的" in words
    assert "700" in seen_on(boss.get("/desk/points-totals").text)


def test_whoever_is_alone_confirms_with_her_password_and_it_is_said(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int]
) -> None:
    boss = as_role(Role.OWNER)
    with database.writing() as session:
        for one in session.exec(select(Staff).where(col(Staff.role).in_((Role.OWNER, Role.MANAGER)))):
            one.is_active = one.role is Role.OWNER
            one.password_hash = hash_password("peony-mirror-velvet")
    asked = boss.post(f"{page}/points/adjust", data={"points": "700", "reason_code": "other", "note": "x"})
    assert asked.status_code == 303
    html = boss.get("/desk/points-requests").text
    assert "没有第二位可以同意的人" in html
    form = form_on(html, "points-requests") | {"say": ["approved"]}
    for password in ("", "wrong-wrong-wrong"):
        refused = boss.post("/desk/points-requests", data=form | {"password": [password]})
        assert refused.status_code == 409
        assert "密码不对" in refused.text
    assert balance(database, shop) == 342
    said = boss.post("/desk/points-requests", data=form | {"password": ["peony-mirror-velvet"]})
    assert said.status_code == 303
    assert balance(database, shop) == 1042
    assert "本人输入密码处理" in boss.get("/desk/points-requests").text
    with database.reading() as session:
        deeds = [one.changes for one in session.exec(select(AuditEntry).where(AuditEntry.subject == "points_requests"))]
    assert any("alone" in str(one) for one in deeds)


def test_nobody_approves_her_own(as_role: Browsers, database: Database, page: str, shop: dict[str, int]) -> None:
    boss, _ = as_role(Role.OWNER), as_role(Role.MANAGER)
    boss.post(f"{page}/points/adjust", data={"points": "700", "reason_code": "other", "note": "x"})
    assert 'name="say"' not in boss.get("/desk/points-requests").text
    with database.reading() as session:
        asked = session.exec(select(PointsRequest).where(PointsRequest.state == RequestState.WAITING)).one()
    refused = boss.post("/desk/points-requests", data={"request": asked.id, "say": "approved"})
    assert refused.status_code == 409
    assert "要请另一位店主或店长" in refused.text
    assert balance(database, shop) == 342
    assert (
        as_role(Role.AUDITOR).post("/desk/points-requests", data={"request": asked.id, "say": "approved"}).status_code
        == 403
    )
    with database.reading() as session:
        assert session.get_one(PointsRequest, asked.id).state is RequestState.WAITING


def test_she_redeems_in_three_taps_and_a_double_tap_is_one(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int]
) -> None:
    clerk, reward = as_role(Role.RECEPTION), add_reward(database, "玫瑰小样", 120, stock=3)
    assert f'href="{page}/redeem"' in clerk.get(page).text
    choice = f"{page}/redeem?reward={reward}"
    assert choice in clerk.get(f"{page}/redeem").text
    html = clerk.get(choice).text
    assert [one for one in seen_on(html).split() if one in {"342", "120", "222"}] == ["342", "120", "222"]
    form = form_on(html, "/redeem")
    assert {clerk.post(f"{page}/redeem", data=form).status_code for _ in range(2)} == {303}
    assert balance(database, shop) == 222
    with database.reading() as session:
        assert session.get_one(Reward, reward).stock == 2
    html = clerk.get(f"{page}/points").text
    assert "玫瑰小样" in seen_on(html)
    undo = form_on(html, "/undo")
    address = f"{page}/redeem/{_redemption(database)}/undo"
    assert clerk.post(address, data=undo | {"reason": [" "]}).status_code == 422
    assert clerk.post(address, data=undo | {"reason": ["不要了"], "once": ["t2"]}).status_code == 303
    assert balance(database, shop) == 342
    words = seen_on(clerk.get(f"{page}/points").text)
    assert "兑换撤销：玫瑰小样" in words
    assert "不要了" in words
    with database.reading() as session:
        assert session.get_one(Reward, reward).stock == 3


def _redemption(database: Database) -> int:
    with database.reading() as session:
        return session.exec(select(Redemption.id).where(col(Redemption.returned_at).is_(None))).one() or 0


def test_what_she_may_not_have_says_why(owner: TestClient, database: Database, page: str, real_now: datetime) -> None:
    with database.reading() as session:
        top = session.exec(select(Tier.id).order_by(col(Tier.rank).desc())).first()
    tomorrow, yesterday = (real_now.date() + timedelta(days=one) for one in (2, -2))
    shut = {
        add_reward(database, "贵的", 400): "还差 58 分",
        add_reward(database, "高级的", 5, tier_id=top): "及以上才能兑换",
        add_reward(database, "没了的", 5, stock=0): "已经换完了",
        add_reward(database, "还没开始的", 5, starts_on=tomorrow): "起才能兑换",
    }
    gone = add_reward(database, "过了的", 5, ends_on=yesterday)
    html = owner.get(f"{page}/redeem").text
    for reward, why in shut.items():
        assert why in seen_on(html)
        assert f"reward={reward}" not in html
        refused = owner.post(f"{page}/redeem", data={"reward": reward, "points": "5"})
        assert refused.status_code == 422
    assert "过了的" not in html
    assert owner.post(f"{page}/redeem", data={"reward": gone, "points": "5"}).status_code == 422


def test_something_the_counter_agreed_on_needs_a_note(
    owner: TestClient, database: Database, page: str, shop: dict[str, int]
) -> None:
    form = form_on(owner.get(f"{page}/redeem?points=42").text, "/redeem")
    assert "请写明换了什么" in owner.post(f"{page}/redeem", data=form | {"note": [""]}).text
    assert owner.post(f"{page}/redeem", data=form | {"note": ["一支口红"]}).status_code == 303
    assert balance(database, shop) == 300
    assert "一支口红" in seen_on(owner.get(f"{page}/points").text)
    assert "换不了" in owner.get(f"{page}/redeem?points=400").text
    assert owner.post(f"{page}/redeem", data={"points": "400", "note": "x"}).status_code == 422


@pytest.mark.parametrize("typed", ["0", "-5", "1.5", "abc", "1e3", "²", "", "9" * 40])
def test_points_nobody_can_hand_in_come_back_beside_what_was_typed(owner: TestClient, page: str, typed: str) -> None:
    refused = owner.get(f"{page}/redeem", params={"points": typed})
    assert refused.status_code == 422
    assert 'id="points-error"' in refused.text
    assert f'name="points" value="{typed}"' in refused.text
    assert owner.post(f"{page}/redeem", data={"points": typed, "note": "口红"}).status_code == 422


def test_the_wide_digits_of_a_chinese_keyboard_are_digits(owner: TestClient, page: str) -> None:
    assert form_on(owner.get(f"{page}/redeem", params={"points": "４２"}).text, "/redeem")["points"] == ["42"]


def test_a_redemption_is_asked_about_again_where_her_balance_moved_since_the_page_was_shown(
    owner: TestClient, database: Database, page: str, shop: dict[str, int]
) -> None:
    first, second = (form_on(owner.get(f"{page}/redeem?points=42").text, "/redeem") for _ in range(2))
    assert owner.post(f"{page}/redeem", data=first | {"note": ["一支口红"]}).status_code == 303
    asked = owner.post(f"{page}/redeem", data=second | {"note": ["两支口红"]})
    assert asked.status_code == 422
    words = seen_on(asked.text)
    assert "您看到的是 342 分，现在是 300 分" in words
    assert [one for one in words.split() if one in {"342", "300", "258"}][-2:] == ["300", "258"]  # before and after
    again = form_on(asked.text, "/redeem")
    assert again["note"] == ["两支口红"]
    assert balance(database, shop) == 300
    assert owner.post(f"{page}/redeem", data=again).status_code == 303
    assert balance(database, shop) == 258


def test_an_occasion_says_which_one_counts_as_given_by_hand_and_is_taken_back(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int]
) -> None:
    with database.writing() as session:
        session.execute(update(EarningRule).values(is_active=False))
        session.add(EarningRule(name="活动积分", kind=EarningKind.EVENT, points=300))
    clerk, boss = as_role(Role.RECEPTION), as_role(Role.OWNER)

    def tell(what: str, **more: str) -> Any:
        form = form_on(clerk.get(f"{page}/points").text, "/occasion")
        return clerk.post(f"{page}/points/occasion", data=form | {"what": [what]} | more)

    nameless = tell(" ")
    assert nameless.status_code == 422
    assert 'id="what-event-error"' in nameless.text
    assert tell("十二月沙龙").status_code == 303
    assert balance(database, shop) == 642
    assert "十二月沙龙" in seen_on(clerk.get(f"{page}/points").text)
    assert "+300" in seen_on(boss.get("/desk/points-totals").text)
    again = tell("十二月沙龙")
    assert "已经给她记过了" in again.text
    assert 'value="十二月沙龙"' in again.text
    assert "要第二个人同意" in tell("一月沙龙").text  # 300 and 300 are more than the 500 of one person
    assert balance(database, shop) == 642
    undo = form_on(clerk.get(f"{page}/points").text, "/undo")
    with database.reading() as session:
        entry = session.exec(select(PointsEntry).where(col(PointsEntry.reason) == "十二月沙龙")).one()
    assert clerk.post(f"{page}/points/occasion/{entry.id}/undo", data=undo).status_code == 303
    assert balance(database, shop) == 342
    assert f"/occasion/{entry.id}/undo" not in clerk.get(f"{page}/points").text
    assert clerk.post(f"{page}/points/occasion/1/undo").status_code == 404  # a sale's points are no occasion
    assert clerk.post(f"{page}/points/occasion", data={"kind": "birthday"}).status_code == 404
    refused = clerk.post(f"{page}/points/occasion", data={"kind": "sharing", "what": "朋友圈"})
    assert refused.status_code == 422
    assert "现在没有这一项的积分规则" in refused.text


def test_a_doubtful_account_shows_its_figures_and_is_released_by_the_owner(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int], real_now: datetime
) -> None:
    account, boss = shop["points-account"], as_role(Role.OWNER)
    release = f"/admin/points-account/do/release/{account}"
    with database.writing() as session:
        freeze_account(session, account, now=real_now)
        session.execute(update(PointsAccount).where(col(PointsAccount.id) == account).values(balance=350))
    words = seen_on(boss.get(f"{page}/points").text)
    for one in ("已暂停兑换", "350", "342", "余额和明细加起来不一样"):
        assert one in words, one
    assert "已暂停兑换" in seen_on(boss.get(f"{page}/redeem").text)
    assert boss.post(release).status_code == 422
    with database.writing() as session:
        session.execute(update(PointsAccount).where(col(PointsAccount.id) == account).values(balance=342))
    assert as_role(Role.MANAGER).post(release).status_code == 403
    form = form_on(boss.get(f"{page}/points").text, "/do/release")
    assert boss.post(release, data=form).status_code == 303
    with database.reading() as session:
        assert session.get_one(PointsAccount, account).frozen_at is None


def test_long_histories_are_turned_page_by_page(
    owner: TestClient, database: Database, page: str, shop: dict[str, int], real_now: datetime
) -> None:
    with database.writing() as session:
        for number in range(25):
            earn_points(
                session, shop["customer"], 1, reference=f"n{number}", reason=f"第{number}笔", now=real_now, zone=ZONE
            )
    first = owner.get(f"{page}/points").text
    assert "第24笔" in first
    assert "第4笔" not in first
    older = first.split("?before=")[1].split("#")[0]
    assert "第4笔" in owner.get(f"{page}/points?before={older}").text
    assert owner.get(f"{page}/points?before=x").status_code == 200


@pytest.mark.parametrize("path", ["points", "points/adjust", "redeem"])
def test_nobody_of_that_number_is_not_found(owner: TestClient, shop: dict[str, int], path: str) -> None:
    assert owner.get(f"/desk/customers/99999999/{path}").status_code == 404
