"""A dangerous text shows as dots wherever it is printed, and opens only by name."""

import copy
import json
import pickle

import pytest
from jinja2 import Environment
from markupsafe import escape
from sqlmodel import select

from app.columns import MASK, Sealed, blind_index, opened
from app.db import Database
from app.models import Complaint, Customer, Tier
from tests.conftest import NOW

PHONE = "+8613987654321"


@pytest.fixture
def sealed(database: Database) -> Sealed:
    """A sealed number; the database brings the keys."""
    return Sealed.of(PHONE, "customers.phone")


@pytest.mark.parametrize(
    "printed",
    [
        str,
        repr,
        "{}".format,
        "{:>20}".format,
        lambda one: f"{one}",
        lambda one: f"{one!r}",
        lambda one: "%s" % one,  # noqa: UP031
        escape,
        lambda one: Environment(autoescape=True).from_string("{{ one }}{{ one|string }}").render(one=one),
        lambda one: str([one]),
        lambda one: json.dumps(one, default=str),
        lambda one: Customer(member_no="1", name="x", phone=one, tier_id=1).model_dump_json(),
        lambda one: str(Customer(member_no="1", name="x", phone=one, tier_id=1).model_dump()),
        lambda one: repr(Customer(member_no="1", name="x", phone=PHONE, tier_id=1)),
        lambda one: str(vars(Customer(member_no="1", name="x", phone=PHONE, tier_id=1))),
    ],
)
def test_however_it_is_printed_it_does_not_show(sealed: Sealed, printed) -> None:
    said = str(printed(sealed))
    assert "13987654321" not in said
    assert opened(sealed) == PHONE


@pytest.mark.parametrize("packed", [pickle.dumps, copy.deepcopy, json.dumps])
def test_it_leaves_its_process_in_no_packet(sealed: Sealed, packed) -> None:
    with pytest.raises(TypeError):
        packed(sealed)


def test_it_compares_and_counts_as_its_text(sealed: Sealed) -> None:
    assert sealed == PHONE
    assert sealed == Sealed.of(PHONE, "customers.phone")
    assert sealed != "+8613900000000"
    assert {sealed: 1}[PHONE] == 1
    assert sealed
    assert not Sealed.of("", "customers.phone")


def test_the_dots_are_never_stored_as_a_value(database: Database) -> None:
    with pytest.raises(ValueError, match="mask"):
        Customer(member_no="1", name="x", allergy_note=MASK, tier_id=1)


def test_a_text_moves_to_another_column_without_being_shown(database: Database, sealed: Sealed) -> None:
    with database.writing() as session:
        case = Complaint(receipt_no="X1", text="等了很久", contact_phone=sealed, opened_at=NOW, due_at=NOW)
        session.add(case)
    with database.reading() as session:
        assert opened(session.exec(select(Complaint)).one().contact_phone) == PHONE


def test_what_is_read_is_sealed_and_a_same_value_is_no_change(database: Database) -> None:
    with database.writing() as session:
        tier = session.exec(select(Tier)).first()
        index = blind_index(PHONE, "customers.phone")
        session.add(Customer(member_no="1", name="x", phone=PHONE, phone_index=index, tier_id=tier.id))
    with database.writing() as session:
        customer = session.exec(select(Customer)).one()
        assert isinstance(customer.phone, Sealed)
        customer.phone = PHONE
        assert not session.is_modified(customer)
        customer.phone = "+8613900000000"
        assert session.is_modified(customer)
