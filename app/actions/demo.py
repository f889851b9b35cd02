"""Taking the demo shop away again: exactly its rows, never the owner's own."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import ForeignKey, Table, delete, insert
from sqlalchemy import select as rows_of
from sqlmodel import Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.audit import note_deed
from app.models import DemoMark, OutboundMessage, PublicToken, Staff, StaffSession
from app.vocabulary import AuditAction, Role, TokenPurpose

_Ids = dict[str, set[int]]
_UNUSABLE = "!"
"""A password hash nothing verifies against."""
SUBJECTS = {
    TokenPurpose.CARD: "customers",
    TokenPurpose.MEMBER: "customers",
    TokenPurpose.CASE: "complaints",
    TokenPurpose.SURVEY: "survey_invitations",
}
"""The table a token's `subject_id` points into; no foreign key says so."""


@dataclass(frozen=True)
class Wiped:
    """Rows by table: those taken away, and those that stay because the owner's own records need them."""

    removed: dict[str, int]
    kept: dict[str, int]


def wipe_demo(session: Session) -> Wiped:
    """Take every row of the demo shop away. A demo row that one of the owner's own rows cannot be without stays and is
    hers from now on; a demo account that stays can no longer sign in."""
    _mark_parts(session)
    marked = _marked(session)
    kept = _needed(session, marked)
    _close_accounts(session, marked["staff"], kept["staff"])
    _unmark(session, kept)
    _delete_tokens(session)
    _delete_notices(session)
    removed = {table.name: _delete(session, table) for table in reversed(SQLModel.metadata.sorted_tables)}
    session.connection().execute(delete(DemoMark))
    session.expire_all()
    note_deed(session, AuditAction.DELETE, DemoMark.__tablename__, rows=sum(removed.values()))
    return Wiped(
        {table: count for table, count in sorted(removed.items()) if count},
        {table: len(ids) for table, ids in sorted(kept.items()) if ids},
    )


def _marked(session: Session) -> _Ids:
    marked: _Ids = defaultdict(set)
    for table, row_id in session.exec(select(DemoMark.table_name, DemoMark.row_id)):
        marked[table].add(row_id)
    return marked


def _links(*, whole: bool) -> Iterator[tuple[Table, ForeignKey]]:
    """Every link between two tables: of a part to its whole (ON DELETE CASCADE), or of a row to one it cannot be
    without (RESTRICT). A link that may become empty binds nobody."""
    for table in SQLModel.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.ondelete == ("CASCADE" if whole else "RESTRICT"):
                yield table, key


def _mark_parts(session: Session) -> None:
    """A part of a demo row is a demo row, whoever added it: a reply to a demo complaint, a tag on a demo customer.
    Tables come in the order of their links, so parts of parts are found too."""
    for table, key in _links(whole=True):
        found = _referring(session, table, key)
        known = set(session.exec(select(DemoMark.row_id).where(DemoMark.table_name == table.name)))
        fresh = [{"table_name": table.name, "row_id": row_id} for row_id in sorted({row for row, _ in found} - known)]
        if fresh:
            session.connection().execute(insert(DemoMark), fresh)


def _referring(session: Session, table: Table, key: ForeignKey) -> list[tuple[int, int]]:
    """Rows of a table that point at a demo row by this link: (their id, the demo row's id)."""
    parent = key.column.table.name
    mark = SQLModel.metadata.tables["demo_marks"]
    query = rows_of(table.c.id, key.parent).join(mark, (mark.c.table_name == parent) & (mark.c.row_id == key.parent))
    return [(row[0], row[1]) for row in session.connection().execute(query)]


_BOOKS = {"points_entries", "points_lots", "points_allocations"}
"""Of an account that stays every movement stays: half of them would not bear out its balance."""


def _needed(session: Session, marked: _Ids) -> _Ids:
    """The demo rows that own rows need, with all their parts and all they need themselves."""
    needs: dict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
    wanted: list[tuple[str, int]] = []
    for whole in (True, False):
        for table, key in _links(whole=whole):
            for child, parent in _referring(session, table, key):
                target, row = (key.column.table.name, parent), (table.name, child)
                if child not in marked[table.name]:
                    wanted.append(target)
                    continue
                needs[row].add(target)
                if whole or table.name in _BOOKS:
                    needs[target].add(row)
    kept: _Ids = defaultdict(set)
    while wanted:
        table_name, row_id = wanted.pop()
        if row_id not in kept[table_name]:
            kept[table_name].add(row_id)
            wanted.extend(needs[table_name, row_id])
    return kept


def _close_accounts(session: Session, marked: Iterable[int], kept: Iterable[int]) -> None:
    """End every demo sign-in. An account that must stay, because the journal names it, loses its password, its login
    name and its rank: the first two are public, and a shop whose owner nobody can be must be set up anew."""
    session.connection().execute(delete(StaffSession).where(col(StaffSession.staff_id).in_(marked)))
    for staff in session.exec(select(Staff).where(col(Staff.id).in_(kept))):
        staff.is_active, staff.password_hash, staff.login = False, _UNUSABLE, f"demo-{staff.id}"
        staff.role = Role.AUDITOR
    session.flush()


def _unmark(session: Session, kept: _Ids) -> None:
    for table_name, ids in kept.items():
        session.connection().execute(
            delete(DemoMark).where(col(DemoMark.table_name) == table_name, col(DemoMark.row_id).in_(ids))
        )


def _marked_ids(table_name: str) -> SelectOfScalar[int]:
    return select(DemoMark.row_id).where(DemoMark.table_name == table_name)


def _delete(session: Session, table: Table) -> int:
    """Delete the marked rows, those first that point at others of the same table (a refund before its sale): RESTRICT
    looks at every single row. Returns how many went."""
    own = [key.parent.is_not(None) for key in table.foreign_keys if key.column.table is table]
    return sum(
        session.connection().execute(delete(table).where(table.c.id.in_(_marked_ids(table.name)), *condition)).rowcount
        for condition in (*([each] for each in own), [])
    )


def _delete_tokens(session: Session) -> None:
    """Addresses handed out for demo customers and cases open nothing any more."""
    for purpose, table_name in SUBJECTS.items():
        session.connection().execute(
            delete(PublicToken).where(
                col(PublicToken.purpose) == purpose, col(PublicToken.subject_id).in_(_marked_ids(table_name))
            )
        )


def _delete_notices(session: Session) -> None:
    """What the machine wrote to demo customers: no row of theirs, and to nobody without them."""
    written = col(OutboundMessage.customer_id).in_(_marked_ids("customers"))
    session.connection().execute(delete(OutboundMessage).where(written))
