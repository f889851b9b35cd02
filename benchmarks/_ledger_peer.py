"""The limit of the ledger benchmark: points by hand-written SQL and the driver alone, one connection, one commit for each
movement.

It keeps what the ledger promises, and writes the very same rows (the benchmark compares them): the account is locked, a
reference that was written already is found, what is over would be seen, the balance is guarded in its own UPDATE, every
lot and use has its row. No rule is asked beyond these, no object made, no writer's turn kept between processes, and
nothing is checked about what it is told.
"""

from datetime import date, datetime
from typing import Any

_ACCOUNT = "SELECT id, frozen_at FROM points_accounts WHERE customer_id = ? AND closed_at IS NULL"
_CUSTOMER = "SELECT id FROM customers WHERE id = ?"
_OPEN = "INSERT INTO points_accounts (customer_id, balance, seq, closed_by) VALUES (?, 0, 0, '') RETURNING id"
_KNOWN = "SELECT id FROM points_entries WHERE kind = ? AND reference = ?"
_LOTS = "SELECT id, remaining, earned_on, expires_on FROM points_lots WHERE account_id = ? AND remaining > 0"
_BOOK = """UPDATE points_accounts SET balance = balance + ?, seq = seq + 1 WHERE id = ? AND balance + ? >= 0
    RETURNING balance, seq"""
_ENTRY = """INSERT INTO points_entries (account_id, seq, kind, points, balance_after, reference, reason, working, at)
    VALUES (?, ?, ?, ?, ?, ?, '', '', ?) RETURNING id"""
_LOT = "INSERT INTO points_lots (account_id, entry_id, points, remaining, earned_on) VALUES (?, ?, ?, ?, ?)"
_TAKE = "UPDATE points_lots SET remaining = remaining - ? WHERE id = ? AND remaining >= ?"
_USE = "INSERT INTO points_allocations (entry_id, lot_id, points) VALUES (?, ?, ?)"


class ByHand:
    """Points of a shop, by hand."""

    def __init__(self, connection: Any, *, is_sqlite: bool, now: datetime, today: date) -> None:
        self._cursor, self._is_sqlite = connection.cursor(), is_sqlite
        self._at: Any = f"{now:%Y-%m-%d %H:%M:%S.%f}" if is_sqlite else now
        self._today: Any = today.isoformat() if is_sqlite else today

    def earn(self, customer_id: int, points: int, reference: str) -> None:
        """Points come in as a lot without an end. Of a customer who owes nothing."""
        account = self._begun(customer_id, "earn", reference)
        if account is not None:
            entry = self._entry(account, "earn", points, reference)
            self._tell(_LOT, account, entry, points, points, self._today)
        self._tell("COMMIT")

    def spend(self, customer_id: int, points: int, reference: str) -> None:
        """Points go out of the lots that end soonest."""
        account = self._begun(customer_id, "redeem", reference)
        if account is not None:
            lots = sorted(self._lots, key=lambda lot: (lot[3] is None, lot[3] or self._today, lot[2], lot[0]))
            entry = self._entry(account, "redeem", -points, reference)
            for lot, remaining, *_ in lots:
                used = min(remaining, points)
                if used:
                    self._tell(_TAKE, used, lot, used)
                    if self._cursor.rowcount != 1:
                        raise ValueError("the lot was less")
                    self._tell(_USE, entry, lot, used)
                    points -= used
            if points:
                raise ValueError("the lots hold less than the balance")
        self._tell("COMMIT")

    def _begun(self, customer_id: int, kind: str, reference: str) -> int | None:
        """The account, locked; None where the movement is written already."""
        self._tell("BEGIN IMMEDIATE" if self._is_sqlite else "BEGIN")
        found = self._asked(_ACCOUNT + ("" if self._is_sqlite else " FOR UPDATE"), customer_id)
        if not found:
            self._tell(_CUSTOMER + ("" if self._is_sqlite else " FOR NO KEY UPDATE"), customer_id)
            found = [(*self._asked(_OPEN, customer_id)[0], None)]
        (account, frozen_at), known = found[0], self._asked(_KNOWN, kind, reference)
        if known:
            return None
        if frozen_at is not None and kind == "redeem":
            raise ValueError("frozen")
        self._lots = self._asked(_LOTS, account)
        if any(expires_on and expires_on < self._today for *_, expires_on in self._lots):
            raise NotImplementedError("nothing ends in the benchmark")
        return int(account)

    def _entry(self, account: int, kind: str, points: int, reference: str) -> int:
        booked = self._asked(_BOOK, points, account, points)
        if not booked:
            raise ValueError("not enough")
        balance, seq = booked[0]
        return int(self._asked(_ENTRY, account, seq, kind, points, balance, reference, self._at)[0][0])

    def _asked(self, statement: str, *values: Any) -> list[Any]:
        self._tell(statement, *values)
        return list(self._cursor.fetchall())

    def _tell(self, statement: str, *values: Any) -> None:
        self._cursor.execute(statement if self._is_sqlite else statement.replace("?", "%s"), values)
