"""A visit that began at the desk is completed by whoever served her, not written down a second time."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from app.actions.visits import open_visit_of
from app.admin_base.asking import asking, only_own
from app.admin_base.writing import chosen
from app.models import Customer, Visit


class CompletesVisits:
    """The register of visits: what a beautician writes down of a customer who was handed over to her today goes into that
    visit."""

    def created(self, session: Session, typed: Mapping[str, Any]) -> Any:
        """Saved: as a visit of its own, or into the one that waits for it."""
        here = asking()
        if here.person is not None and only_own(Visit) and typed.get("customer"):
            customer_id = chosen(session, Customer, typed["customer"], "customer")
            waits = open_visit_of(session, customer_id, here.person.staff_id, now=here.now, zone=here.zone)
            if waits is not None:
                said = {name: value for name, value in typed.items() if name not in {"staff", "store"} or value}
                return self.changed(session, waits, said)  # type: ignore[attr-defined]  # of the view it is mixed into
        return super().created(session, typed)  # type: ignore[misc]
