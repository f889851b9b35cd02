"""A till's week, over a real HTTP server: new guests and old ones, lost answers, a day without network, a stolen key."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, select

from app.actions.api_keys import create_api_key, issue_api_key, key_id_of, revoke_api_key
from app.db import Database
from app.models import AuditEntry, Customer, Purchase
from app.rules.api_keys import KeyDetails
from tests.browser.conftest import Served, served  # noqa: F401  fixture

LIN, SU = {"name": "林小满", "phone": "138 0013 8000"}, {"name": "苏晴", "phone": "13900139000"}
MONDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=7)


@dataclass
class Till:
    """A program of few words: the standard library's HTTP, a key, and nothing else."""

    base_url: str
    key: str

    def call(self, method: str, path: str, sent: Any = None, once: str = "") -> tuple[int, dict[str, Any]]:
        """The answer's number and what it says."""
        heads = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Accept-Language": "zh-CN"}
        heads |= {"Idempotency-Key": once} if once else {}
        body = None if sent is None else json.dumps(sent).encode()
        asked = urllib.request.Request(f"{self.base_url}/api/v1/{path}", body, heads, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)


def slip(order_no: str, day: int, amount_fen: int, **buyer: str) -> dict[str, Any]:
    """A sale on that day of the week."""
    line = {"item": "护理", "sku": "F-60", "quantity": 1, "unit_price_fen": amount_fen, "amount_fen": amount_fen}
    return {"order_no": order_no, "occurred_at": (MONDAY + timedelta(days=day)).isoformat(), "lines": [line]} | buyer


def new_key(database: Database, name: str) -> str:
    """A key of the shop."""
    with database.writing() as session:
        return issue_api_key(session, create_api_key(session, KeyDetails(name=name), now=MONDAY).id)


def test_a_tills_week(served: Served) -> None:  # noqa: F811
    till = Till(served.base_url, new_key(served.database, "前台"))

    # Monday: nobody knows her, so she is entered and buys. The answer is lost on the way; the till sends again.
    assert till.call("POST", "customers/lookup", {"phone": LIN["phone"]})[0] == 404
    status, lin = till.call("POST", "customers", LIN | {"consents": [{"purpose": "marketing", "channel": "sms"}]})
    assert status == 201
    first = till.call("POST", "purchases", slip("M-1", 0, 39800, member_no=lin["member_no"]), "m-1")
    again = till.call("POST", "purchases", slip("M-1", 0, 39800, member_no=lin["member_no"]), "m-1")
    assert first == again
    assert first[0] == 201

    # Tuesday: the web shop has a key of its own and finds the same customer.
    web = Till(served.base_url, new_key(served.database, "网店"))
    assert web.call("POST", "customers", {"name": "小满", "phone": "+8613800138000"}) == (200, lin | {"points": 398})
    assert web.call("POST", "purchases", slip("W-1", 1, 12900, phone=LIN["phone"]) | {"channel": "online"})[0] == 201

    # Wednesday: no network. In the evening everything goes up, in another order and some of it twice.
    queue = [slip(f"X-{number}", 2, 100_000 * number, phone=LIN["phone"]) for number in range(1, 5)]
    heard = [till.call("POST", "purchases", sale) for sale in [*reversed(queue), *queue[:2]]]
    assert [status for status, _ in heard] == [201, 201, 201, 201, 200, 200]
    assert heard[4] == (200, heard[3][1])

    # Thursday: somebody gives a phone nobody knows; the sale waits. On Friday she signs up, and it is hers.
    status, waiting = till.call("POST", "purchases", slip("T-1", 3, 500_000, phone=SU["phone"]))
    assert (status, waiting["is_waiting"], waiting["tier"]) == (201, True, None)
    su = till.call("POST", "customers", SU)[1]
    assert till.call("GET", f"customers/{su['member_no']}")[1]["tier"] != lin["tier"]

    # Friday: the till counts from the beginning again; the old sale stays, the till hears so.
    status, refused = till.call("POST", "purchases", slip("M-1", 4, 9900, phone=SU["phone"]))
    assert (status, refused["code"]) == (409, "order_differs")

    # Saturday: the till is stolen. Its key is taken back; the web shop works on, and a new till begins.
    with served.database.writing() as session:
        revoke_api_key(session, key_id_of(session, "前台"), now=MONDAY)
    assert till.call("POST", "customers/lookup", {"phone": SU["phone"]})[0] == 401
    assert web.call("POST", "customers/lookup", {"phone": SU["phone"]})[0] == 200
    new_till = Till(served.base_url, new_key(served.database, "前台（新）"))
    assert new_till.call("POST", "purchases", slip("S-1", 5, 9900))[0] == 201

    # Sunday: what was sold is there once, each under whom it belongs to, and the journal says by which program.
    with served.database.reading() as session:
        sold = session.exec(select(Purchase.order_no, Purchase.paid_fen, Purchase.customer_id)).all()
        ids = {customer.member_no: customer.id for customer in session.exec(select(Customer))}
        actors = set(session.exec(select(AuditEntry.actor).where(col(AuditEntry.subject) == "purchases")))
    assert len(ids) == 2
    assert {order: (paid, whose) for order, paid, whose in sold} == {
        "M-1": (39800, ids[lin["member_no"]]),
        "W-1": (12900, ids[lin["member_no"]]),
        **{f"X-{number}": (100_000 * number, ids[lin["member_no"]]) for number in range(1, 5)},
        "T-1": (500_000, ids[su["member_no"]]),
        "S-1": (9900, None),
    }
    assert {"api:前台", "api:网店", "api:前台（新）"} <= actors
