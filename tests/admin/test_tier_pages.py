"""The table of tiers says whom it moves before it is saved; a customer's page gives what her tier grants."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.actions.customers import create_customer
from app.jobs.worker import runner_of
from app.models import BenefitUse, Customer, Job, Purchase, RuleVersion, Tier, TierBenefit, TierChange
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.vocabulary import JobKind, Role, TierWhy

SILVER = {
    "rank": "2", "name": "银卡会员", "threshold_visits": "6", "window": "rolling", "points_percent": "120",
    "discount_percent": "5", "valid_months": "12", "colour": "silver", "benefits": "", "is_active": "y",
}  # fmt: skip


@pytest.fixture
def her(database, owner, real_now):
    """Somebody who has bought for ¥900, and her number."""
    with database.writing() as session:
        made = create_customer(session, CustomerDetails(name="王小丽"), policy=current_policy(session), now=real_now)
        session.add(Purchase(order_no="A1", occurred_at=real_now, customer_id=made.id, paid_fen=90_000))
        return made.id, made.member_no


def rank(database, customer_id):
    with database.reading() as session:
        wanted = select(Tier.rank).join(Customer, Customer.tier_id == Tier.id).where(Customer.id == customer_id)
        return session.exec(wanted).one()


def test_a_changed_threshold_is_not_saved_before_the_owner_has_seen_whom_it_moves(database, owner, her):
    _customer_id, _ = her
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    asked = owner.post(f"/admin/tier/edit/{silver}", data=SILVER | {"threshold_fen": "900"})
    assert asked.status_code in {400, 422}
    assert "<strong>1 位升级，0 位降级</strong>" in asked.text
    assert "王小丽" in asked.text
    assert 'value="900"' in asked.text, "what was typed is still there"
    with database.reading() as session:
        assert session.get(Tier, silver).threshold_fen == 100_000
        assert session.exec(select(RuleVersion)).all() == []


@pytest.mark.parametrize(("choice", "after"), [("now", 2), ("later", 1)])
def test_the_owner_chooses_whether_they_move_now_or_as_they_come(database, owner, her, choice, after):
    customer_id, _ = her
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    saved = owner.post(f"/admin/tier/edit/{silver}", data=SILVER | {"threshold_fen": "900", "movers": choice})
    assert saved.status_code in {302, 303}
    assert saved.headers["location"].endswith("/admin/tier/list")
    assert rank(database, customer_id) == after
    with database.reading() as session:
        assert session.get(Tier, silver).threshold_fen == 90_000
        assert len(session.exec(select(RuleVersion)).all()) == 1
        whys = session.exec(select(TierChange.why)).all()
        assert whys == ([TierWhy.TABLE] if choice == "now" else [])


def test_what_moves_nobody_is_saved_at_once(database, owner, her):
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    saved = owner.post(f"/admin/tier/edit/{silver}", data=SILVER | {"threshold_fen": "1000", "colour": "gold"})
    assert saved.status_code in {302, 303}


def test_in_a_large_shop_the_machine_moves_them(database, owner, her, monkeypatch):
    monkeypatch.setattr("app.admin_base.tier_table.AT_ONCE", 0)
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    owner.post(f"/admin/tier/edit/{silver}", data=SILVER | {"threshold_fen": "900", "movers": "now"})
    with database.reading() as session:
        jobs = session.exec(select(Job).where(Job.kind == JobKind.REVIEW_TIERS)).all()
    assert [one.payload for one in jobs] == ['{"apply": 1}']


def test_her_page_says_how_far_it_is_and_how_she_came_there(database, owner, her):
    _, number = her
    page = owner.get(f"/desk/customers/{number}", follow_redirects=True).text
    assert "再消费 ¥100.00，或者再来 5 次，就升到银卡会员" in page


@pytest.fixture
def gold(database, owner, real_now):
    """Somebody with gold whose birthday it is, her number and its free care."""
    with database.writing() as session:
        tier = session.exec(select(Tier.id).where(Tier.rank == 3)).one()
        made = create_customer(
            session,
            CustomerDetails(name="李梅", tier_id=tier, birthday=f"1990-{real_now:%m-%d}"),
            policy=current_policy(session),
            now=real_now,
        )
        care = session.exec(select(TierBenefit.id).where(TierBenefit.tier_id == tier, TierBenefit.times_a_year == 1))
        return made.member_no, care.one()


def test_a_benefit_is_given_once_and_can_be_taken_back(database, as_role, gold):
    number, care = gold
    reception = as_role(Role.RECEPTION)
    used = reception.post(f"/desk/customers/{number}/benefit", data={"benefit": care, "note": "补水"})
    assert used.status_code == 303
    again = reception.post(f"/desk/customers/{number}/benefit", data={"benefit": care})
    assert again.status_code == 422
    assert "已经用完" in again.text
    with database.reading() as session:
        use = session.exec(select(BenefitUse)).one()
    back = reception.post(f"/desk/customers/{number}/benefit", data={"use": use.id, "undo": "1"})
    assert back.status_code == 303
    with database.reading() as session:
        assert session.exec(select(BenefitUse)).one().taken_back_at is not None


def test_a_tier_by_hand_is_for_who_leads_and_says_why(database, as_role, gold, real_now):
    number, _ = gold
    until = (real_now + timedelta(days=30)).date().isoformat()
    typed = {"tier": "4", "until_on": until, "reason": "老顾客"}
    assert as_role(Role.RECEPTION).post(f"/desk/customers/{number}/tier", data=typed).status_code == 403
    manager = as_role(Role.MANAGER)
    wrong = manager.post(f"/desk/customers/{number}/tier", data=typed | {"reason": " "})
    assert wrong.status_code == 422
    assert "请写清楚为什么" in wrong.text
    assert f'value="{until}"' in wrong.text
    assert manager.post(f"/desk/customers/{number}/tier", data=typed).status_code == 303
    page = manager.get(f"/desk/customers/{number}").text
    assert "老顾客" in page
    assert manager.post(f"/desk/customers/{number}/tier", data={"undo": "1"}).status_code == 303
    with database.reading() as session:
        whys = [one.why for one in session.exec(select(TierChange).order_by(TierChange.id))]
    assert whys == [TierWhy.MANUAL, TierWhy.MANUAL, TierWhy.MANUAL_OVER]


def test_the_owner_may_say_that_one_kind_of_care_earns_nothing_and_customers_read_it(database, owner):
    typed = {
        "name": "储值卡不积分", "kind": "purchase", "points": "0", "per_fen": "1", "category": "other", "is_active": "y",
        "expiry": "never", "expiry_day": "12-31", "round_up": "none", "percent": "100", "most_points": "0",
        "most_times_a_year": "0", "pending_days": "0", "expiry_months": "12", "from_paid_fen": "0",
    }  # fmt: skip
    assert owner.post("/admin/earning-rule/create", data=typed | {"category": ""}).status_code in {400, 422}
    saved = owner.post("/admin/earning-rule/create", data=typed)
    assert saved.status_code in {302, 303}, saved.text
    assert "其他不积分" in owner.get("/points-rules").text


def test_other_rules_are_tried_on_the_past_without_changing_anything(database, owner, her):
    customer_id, _ = her
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    tried = owner.get(f"/desk/design?try=1&fen_{silver}=900&percent_1=300", follow_redirects=True)
    assert "<strong>1 位升级，0 位降级</strong>" in tried.text
    assert "900" in tried.text
    assert rank(database, customer_id) == 1
    sent = owner.post("/desk/design", data={f"fen_{silver}": "900"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/desk/design?fen_{silver}=900&try=1")
    wrong = owner.get(f"/desk/design?try=1&fen_{silver}=abc", follow_redirects=True)
    assert wrong.status_code == 422
    assert 'value="abc"' in wrong.text


# ── A large shop ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def large(monkeypatch):
    """So many customers that nobody waits while each is looked at; portions of one."""
    monkeypatch.setattr("app.queries.tier_preview.AT_ONCE", 0)
    monkeypatch.setattr("app.queries.tier_preview.PORTION", 1)
    monkeypatch.setattr("app.queries.design.PORTION", 1)


def worked(database, settings):
    """Let the machine do what it has to."""
    runner_of(database, settings, schedule=()).sweep(signs=False)


def test_a_large_shop_is_looked_through_by_the_machine_and_told_exactly(database, settings, owner, her, large):
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    typed = SILVER | {"threshold_fen": "900"}
    asked = owner.post(f"/admin/tier/edit/{silver}", data=typed)
    assert asked.status_code == 422
    assert "正在逐个算" in asked.text
    assert 'name="movers"' not in asked.text
    owner.post(f"/admin/tier/edit/{silver}", data=typed)  # once more, before it is done: the same work
    with database.reading() as session:
        [job] = session.exec(select(Job).where(Job.kind == JobKind.TRY_DESIGN)).all()
    part = f"/desk/design?job={job.id}&part=movers"
    assert "hx-get" in owner.get(part, headers={"HX-Request": "true"}).text
    worked(database, settings)
    assert "看看谁会变动" in owner.get(part, headers={"HX-Request": "true"}).text
    ready = owner.post(f"/admin/tier/edit/{silver}", data=typed)
    assert "<strong>1 位升级，0 位降级</strong>" in ready.text
    assert "王小丽" in ready.text
    assert 'name="movers"' in ready.text
    with database.reading() as session:
        kept = session.exec(select(Job.payload).where(Job.id == job.id)).one()
    assert "王小丽" not in kept, "what the machine keeps names nobody"


def test_the_design_of_a_large_shop_is_answered_on_a_page_of_its_own(database, settings, owner, her, large):
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    small = owner.get(f"/desk/design?try=1&fen_{silver}=900").text
    assert "位升级" not in small
    assert "要算一会儿" in small
    sent = owner.post("/desk/design", data={f"fen_{silver}": "900", "points_per_yuan": "50"})
    assert sent.status_code == 303
    address = sent.headers["location"]
    assert "正在逐个算" in owner.get(address).text
    worked(database, settings)
    over = owner.get(f"{address}&part=page", headers={"HX-Request": "true"})
    assert over.headers["HX-Redirect"] == address
    page = owner.get(address).text
    assert "<strong>1 位升级，0 位降级</strong>" in page
    assert "会员消费 1 笔，共 ¥900.00" in page
    assert 'value="900"' in page
    assert owner.get("/desk/design?job=999999").status_code == 404


@pytest.mark.parametrize(
    ("field", "typed"), [("months", "0"), ("points_per_yuan", "0"), ("fen_{silver}", "-1"), ("visits_{silver}", "-1")]
)
def test_a_figure_nobody_can_mean_is_said_and_not_replaced(database, owner, field, typed):
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    name = field.format(silver=silver)
    page = owner.post("/desk/design", data={name: typed})
    assert page.status_code == 422
    assert f'id="{name}-error"' in page.text
    assert f'name="{name}" value="{typed}"' in page.text
    assert "算出来是这样" not in page.text


def test_a_higher_tier_that_is_easier_than_a_lower_one_is_asked_about(database, owner):
    with database.reading() as session:
        silver = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    typed = SILVER | {"threshold_fen": "99999999", "threshold_visits": "6"}
    asked = owner.post(f"/admin/tier/edit/{silver}", data=typed)
    assert asked.status_code in {400, 422}
    assert "“金卡会员”比低一些的“银卡会员”还容易达到" in asked.text
    assert owner.post(f"/admin/tier/edit/{silver}", data=typed | {"movers": "later"}).status_code in {302, 303}


def test_the_words_about_a_tier_say_that_they_are_words_only(owner):
    assert "倍率和折扣以上面填的为准" in owner.get("/admin/tier/create").text
