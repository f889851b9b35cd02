"""The sales of a file give points, where somebody said so when it came in: after its last row, some slips at a time. Again it
changes nothing, so that one broken off goes on where it was."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, or_, select

from app.actions.refunds import follow_slips
from app.audit import Actor
from app.db import COLLIDED, Database, among
from app.models import ImportBatch, Purchase
from app.rules.policy import Policy

AT_ONCE = 100
"""Slips in one transaction: a fraction of a second, so that the till does not wait."""
_BUYERS = 500
_TRIES = 5


def earn_file(
    database: Database,
    batch_id: int,
    buyers: Sequence[int],
    *,
    actor: Actor,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Points for all that a file sold to these customers. Opens its own units of work; `alive` is called after each."""
    for start in range(0, len(buyers), _BUYERS):
        with database.reading() as session:
            portions = list(_slips(session, batch_id, list(buyers[start : start + _BUYERS])))
        for sales in portions:
            for attempt in range(1, _TRIES + 1):
                try:
                    with database.writing(actor) as session:
                        earn_imported(session, batch_id, sales, policy=policy, now=now, zone=zone)
                    break
                except OperationalError as trouble:
                    # A till that moves the points of two of these customers in the other order was faster.
                    if getattr(trouble.orig, "sqlstate", None) not in COLLIDED or attempt == _TRIES:
                        raise
            alive()


def _slips(session: Session, batch_id: int, buyers: Sequence[int]) -> Iterator[list[int]]:
    """The sales of a file to these customers, so many at a time: customer by customer, as whoever locks them does, and of
    each the oldest first."""
    wanted = select(Purchase.id).where(
        Purchase.import_batch_id == batch_id,
        among(session, Purchase.customer_id, buyers),
        col(Purchase.refund_of_id).is_(None),
        Purchase.paid_fen > 0,
    )
    ids = session.exec(wanted.order_by(col(Purchase.customer_id), col(Purchase.occurred_at), col(Purchase.id))).all()
    for start in range(0, len(ids), AT_ONCE):
        yield [one or 0 for one in ids[start : start + AT_ONCE]]


def earn_imported(
    session: Session, batch_id: int, purchase_ids: Sequence[int], *, policy: Policy, now: datetime, zone: ZoneInfo
) -> None:
    """Points for these sales of a file, by the rules and the tiers of their own days; what was refunded of them, in the file
    or since, is taken back at once."""
    batch = session.get_one(ImportBatch, batch_id)  # held here: each sale asks for it
    assert batch.earns, "a file that is history gives no points"
    named = or_(among(session, Purchase.id, purchase_ids), among(session, Purchase.refund_of_id, purchase_ids))
    slips = {slip.id: slip for slip in session.exec(select(Purchase).where(named))}
    refunds = sorted(
        (slip for slip in slips.values() if slip.refund_of_id), key=lambda one: (one.occurred_at, one.id or 0)
    )
    for purchase_id in purchase_ids:
        if sale := slips.get(purchase_id):
            hers = [sale, *(one for one in refunds if one.refund_of_id == purchase_id)]
            follow_slips(session, hers, policy=policy, now=now, zone=zone)
