"""The same request twice does its work once, and both times gets the same answer.

    keyed = named("staff:7", key, place="POST /admin/tag/create", body=body)
    with database.writing(actor) as session:
        kept = do_once(session, keyed, lambda: Kept(303, save_tag(session)), now=now)

Key, effect and answer are one transaction: whoever comes with the same key meanwhile waits for its end, then gets the
answer without doing anything. What was refused leaves nothing behind, so the same key may try again.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Table, delete, update
from sqlmodel import Session, SQLModel, col

from app.columns import blind_index
from app.db import upsert
from app.models import KeptAnswer
from app.queries.idempotency import kept_answer
from app.rules.idempotency import KEPT_FOR, Kept, Keyed, usable_key


def named(scope: str, key: str, *, place: str, body: str) -> Keyed:
    """A request by its key. `place` is the method and path, `body` everything that was sent. The fingerprint is keyed: a
    password that was typed cannot be guessed from it. Raises KeyUnusable."""
    return Keyed(scope, usable_key(key), blind_index(f"{place}\0{body}", "kept_answers.body"))


def do_once(session: Session, keyed: Keyed | None, work: Callable[[], Kept], *, now: datetime) -> Kept:
    """Do `work` unless this request did it before; its answer either way. Call it first in the unit of work: the key is
    held until its end. None: a request without a key, done each time. Raises KeyUsedForOther."""
    if keyed is None:
        return work()
    table = _table()
    row = {
        "scope": keyed.scope,
        "key": keyed.key,
        "body_mark": keyed.body,
        "status": 0,
        "answer": "",
        "created_at": now,
    }
    # On PostgreSQL this waits for whoever holds the key; on SQLite they have waited for their turn already.
    claim = upsert(session, KeptAnswer).values(row).on_conflict_do_nothing()
    if session.connection().execute(claim.returning(table.c.id)).first() is None:
        before = kept_answer(session, keyed)
        assert before is not None, "a key that is taken has an answer"
        return before
    kept = work()
    session.connection().execute(
        update(table)
        .where(table.c.scope == keyed.scope, table.c.key == keyed.key)
        .values(status=kept.status, answer=kept.answer)
    )
    return kept


def forget_old_answers(session: Session, *, now: datetime) -> int:
    """Let go of answers nobody asks for any more. How many went."""
    gone = session.execute(delete(KeptAnswer).where(col(KeptAnswer.created_at) < now - KEPT_FOR))
    return gone.rowcount  # type: ignore[attr-defined]  # of a DELETE


def _table() -> Table:
    return SQLModel.metadata.tables["kept_answers"]
