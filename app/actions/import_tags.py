"""The tags a customers file brings along."""

from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from app.actions.import_changes import Changes
from app.actions.kept_rows import columns_of
from app.models import CustomerTag, Tag
from app.vocabulary import TagOrigin


def tag_by_file(
    session: Session,
    new: list[tuple[int, tuple[str, ...]]],
    standing: list[tuple[int, tuple[str, ...]]],
    changes: Changes,
) -> None:
    """Put tags on customers, making the tags that are not there. No customer has any of hers twice. On a record that was
    there each is written down; on a new one it came with the record."""
    names = {name for _, tags in (*new, *standing) for name in tags}
    if not names:
        return
    ids = dict(session.exec(select(Tag.name, Tag.id).where(col(Tag.name).in_(names))).all())
    fresh = [Tag(name=name) for name in sorted(names - ids.keys())]
    session.add_all(fresh)
    session.flush()
    changes.made(Tag, [tag.id for tag in fresh], [columns_of(tag) for tag in fresh])
    ids |= {tag.name: tag.id for tag in fresh}

    def rows(tagged: list[tuple[int, tuple[str, ...]]]) -> list[dict[str, Any]]:
        return [
            {"customer_id": customer_id, "tag_id": ids[name], "origin": TagOrigin.IMPORT}
            for customer_id, tags in tagged
            for name in tags
        ]

    given = [CustomerTag(**row) for row in rows(standing)]
    session.add_all(given)
    session.flush()
    changes.made(CustomerTag, [one.id for one in given], [columns_of(one) for one in given])
    if fresh_rows := rows(new):
        session.execute(insert(CustomerTag), fresh_rows)
