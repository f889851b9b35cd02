"""How likely two records are one person: every reason, and both sides of every threshold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.duplicates import (
    COMMON_LESS,
    HINTED_FROM,
    LIKELY_FROM,
    POINTS,
    PROPOSED_FROM,
    Person,
    birthdays_like,
    likeness,
)
from app.rules.names import parse_name
from app.vocabulary import Alike, Calendar, Gender


def person(name: str, **known: object) -> Person:
    """Somebody of this name."""
    read = parse_name(name)
    return Person(1, read.text, read.pinyin, read.initials, read.given, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("王小明", "王小明", Alike.NAME),
        ("王小明", "王 小明", Alike.NAME),
        ("Mary Smith", "SMITH mary", Alike.NAME),
        ("Ｍary Smith", "Mary Smith", Alike.NAME),
        ("陈静", "陳靜", Alike.SOUND),
        ("张晓丽", "张小莉", Alike.SOUND),
        ("单雅琴", "單雅琴", Alike.SOUND),
        ("王小明", "Wang Xiaoming", Alike.SOUND),
        ("王小明", "Xiaoming Wang", Alike.SOUND),
        ("王小明", "小明", Alike.NO_SURNAME),
        ("欧阳娜娜", "娜娜", Alike.NO_SURNAME),
        ("王晓丽", "小莉", Alike.NO_SURNAME),
        ("王小雨", "王小雪", Alike.ONE_LETTER),
        ("王小雨", "王雨", Alike.ONE_LETTER),
        ("张晓丽", "张晓妮", Alike.ONE_LETTER),
        ("Mary Smith", "Mary Smyth", Alike.ONE_LETTER),
        ("王女士", "王丽", Alike.SURNAME),
        ("王女士", "王女士", Alike.SURNAME),
        ("陈姐", "陳女士", Alike.SURNAME),
        # The other side of each.
        ("王丹", "王芳", None),
        ("王明", "明", None),
        ("李小明", "王小明", None),
        ("张晓丽", "臧晓丽", None),
        ("Amy", "May", None),
        ("王女士", "李女士", None),
        ("王小雨", "王大雪", None),
    ],
)
def test_a_name_agrees_for_one_reason_or_none(one: str, other: str, reason: Alike | None) -> None:
    for first, second in ((one, other), (other, one)):
        how = likeness(person(first), person(second))
        assert how.reasons == ((reason,) if reason else ())
        assert how.score == (POINTS[reason] if reason else 0)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("1990-03-12", "1990-03-12", Alike.BIRTHDAY),
        ("1990-03-12", "03-12", Alike.DAY),
        ("03-12", "03-12", Alike.DAY),
        ("1990-03-12", "1990-12-03", Alike.DIGITS),
        ("1990-03-12", "1990-03-21", Alike.DIGITS),
        ("1990-03-12", "1909-03-12", Alike.DIGITS),
        ("1990-03-12", "1990-03-13", None),
        ("1990-03-12", "1980-03-12", None),
        ("1990-03-12", "12-03", None),
        ("03-12", "12-03", None),
        ("03-12", "03-13", None),
        ("1990-03-12", "", None),
        ("1990-03-12", "1990-04-23", Alike.OTHER_BIRTHDAY),
        ("1990-03-12", "1985-07-03", Alike.OTHER_BIRTHDAY),
        ("1990-03-12", "07-25", Alike.OTHER_BIRTHDAY),
    ],
)
def test_a_birthday_agrees_is_turned_round_or_contradicts(one: str, other: str, reason: Alike | None) -> None:
    for first, second in ((one, other), (other, one)):
        how = likeness(person("王丹", birthday=first), person("李芳", birthday=second))
        assert how.reasons == ((reason,) if reason else ())


def test_birthdays_of_two_calendars_are_not_compared() -> None:
    how = likeness(person("王丹", birthday="03-12"), person("李芳", birthday="03-12", calendar=Calendar.LUNAR))
    assert how.reasons == ()


@pytest.mark.parametrize(
    ("known", "hers", "reasons"),
    [
        ({"phone_index": b"1", "last4": "8000"}, {"phone_index": b"1", "last4": "8000"}, (Alike.PHONE,)),
        ({"phone_index": b"1", "last4": "8000"}, {"phone_index": b"2", "last4": "8000"}, (Alike.LAST4,)),
        ({"phone_index": b"1", "last4": "8000"}, {"phone_index": b"2", "last4": "8001"}, ()),
        ({"wechat_index": b"1"}, {"wechat_index": b"1"}, (Alike.WECHAT,)),
        ({"wechat_index": None}, {"wechat_index": None}, ()),
        ({"email": "a@b.cn"}, {"email": "a@b.cn"}, (Alike.EMAIL,)),
        ({"email": ""}, {"email": ""}, ()),
        ({"store_id": 1}, {"store_id": 1}, (Alike.STORE,)),
        ({"store_id": None}, {"store_id": None}, ()),
        ({"gender": Gender.FEMALE}, {"gender": Gender.MALE}, (Alike.OTHER_GENDER,)),
        ({"gender": Gender.FEMALE}, {"gender": Gender.UNKNOWN}, ()),
    ],
)
def test_contacts_and_the_rest_are_reasons_of_their_own(known: dict, hers: dict, reasons: tuple[Alike, ...]) -> None:
    assert likeness(person("王丹", **known), person("李芳", **hers)).reasons == reasons


def test_the_example_of_the_rules_page_holds() -> None:
    one = person("张晓丽", birthday="1990-03-12", phone_index=b"1", last4="8000")
    how = likeness(one, person("張小麗", birthday="1990-12-03", phone_index=b"2", last4="8000"))
    assert (how.score, how.is_likely) == (82, True)
    assert how.reasons == (Alike.SOUND, Alike.DIGITS, Alike.LAST4)
    assert not likeness(person("王芳"), person("王芳")).is_proposed
    assert likeness(person("王芳", birthday="1990-01-02"), person("王芳", birthday="1990-01-02")).score == 83


@pytest.mark.parametrize(
    ("known", "hers", "score"),
    [
        ({"last4": "8000"}, {"last4": "8000"}, 60),  # sound 38 + last four 22: just proposed
        ({"store_id": 1, "birthday": "1990-03-12"}, {"store_id": 1, "birthday": "1990-03-21"}, 65),
        ({"birthday": "1990-03-12"}, {"birthday": "1990-03-13"}, 38),
    ],
)
def test_a_pair_is_proposed_from_sixty(known: dict, hers: dict, score: int) -> None:
    how = likeness(person("张晓丽", **known), person("张小莉", **hers))
    assert how.score == score
    assert how.is_proposed is (score >= PROPOSED_FROM)


def test_one_point_less_is_not_proposed_and_not_likely() -> None:
    assert likeness(person("王芳", birthday="1990-01-02"), person("王芳", birthday="01-02"), is_common=True).score == 55
    assert not likeness(
        person("王芳", birthday="1990-01-02"), person("王芳", birthday="01-02"), is_common=True
    ).is_proposed
    renamed = likeness(
        person("Lily", wechat_index=b"1", birthday="1990-01-02"),
        person("王芳", wechat_index=b"1", birthday="1990-01-02"),
    )
    assert (renamed.score, renamed.is_proposed, renamed.is_likely) == (LIKELY_FROM - 1, True, False)
    same_number = {"phone_index": b"1", "last4": "8000"}
    same = likeness(person("王芳", **same_number), person("王芳", **same_number, shares_phone=True))
    assert (same.score, same.is_likely) == (LIKELY_FROM, True)


def test_a_common_name_says_less_and_nothing_else_does() -> None:
    for other in ("王芳", "王方"):
        plain, common = (likeness(person("王芳"), person(other), is_common=is_common) for is_common in (False, True))
        assert plain.score - common.score == COMMON_LESS
    short = [likeness(person("王小明"), person("小明"), is_common=is_common).score for is_common in (False, True)]
    assert short[0] == short[1]


def test_twins_on_their_mothers_phone_are_not_proposed() -> None:
    both = {"phone_index": b"1", "last4": "8000", "birthday": "2010-05-01", "wechat_index": b"2", "store_id": 1}
    how = likeness(person("王小雨", **both, shares_phone=True), person("王小雪", **both))
    assert Alike.PHONE in how.reasons
    assert how.score == PROPOSED_FROM - 1


def test_twins_each_with_a_phone_are_looked_at_and_never_called_likely() -> None:
    both = {"birthday": "2010-05-01", "email": "mother@example.cn"}
    how = likeness(person("王小雨", **both), person("王小雪", **both))
    assert how.is_proposed
    assert not how.is_likely


def test_a_shared_number_alone_is_no_duplicate() -> None:
    number = {"phone_index": b"1", "last4": "8000"}
    assert not likeness(person("王芳", **number), person("李强", **number, shares_phone=True)).is_proposed
    assert not likeness(person("王小雨", **number), person("王小雪", **number, shares_phone=True)).is_proposed


def test_the_same_name_is_shown_while_it_is_typed_and_a_contradiction_hides_it() -> None:
    assert likeness(person("王芳"), person("王芳")).score == HINTED_FROM
    assert likeness(person("王芳", birthday="1990-01-02"), person("王芳", birthday="1985-07-30")).score < HINTED_FROM


def test_the_days_a_birthday_may_be_a_slip_of() -> None:
    assert birthdays_like("1990-03-12") >= {(3, 12), (12, 3), (3, 21)}
    assert all(1 <= month <= 12 and 1 <= day <= 31 for month, day in birthdays_like("1990-12-31"))
    assert birthdays_like("") == frozenset()


NAMES = st.sampled_from(["王小明", "小明", "王女士", "Wang Xiaoming", "陳靜", "王小雨", "李", "𡃁仔", "Amy", ""])
PEOPLE = st.builds(
    lambda name, birthday, last4, email: (
        person(name, birthday=birthday, last4=last4, email=email) if name else Person(0, "")
    ),
    NAMES,
    st.sampled_from(["", "1990-03-12", "1990-12-03", "03-12", "1985-07-30"]),
    st.sampled_from(["", "8000", "8001"]),
    st.sampled_from(["", "a@b.cn"]),
)


@given(PEOPLE, PEOPLE, st.booleans())
def test_it_is_the_same_from_both_sides_and_always_a_score(one: Person, other: Person, is_common: bool) -> None:
    how = likeness(one, other, is_common=is_common)
    assert how == likeness(other, one, is_common=is_common)
    assert 0 <= how.score <= 100
    assert len(",".join(how.reasons)) <= 120
