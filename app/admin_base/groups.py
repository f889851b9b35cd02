"""A long form in groups: each says for which choices it counts, and a browser with scripts shows only what counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from app.admin_base.kinds import SetupView


class When:
    """Where a field counts: another field stands at one of these words."""

    def __init__(self, field: str, is_one_of: Iterable[str]) -> None:
        self.field = field
        self.words = " ".join(sorted(is_one_of))


@dataclass(frozen=True)
class FieldGroup:
    """Fields that belong together, under a title of theirs. `hint` says for which choices they count, which is `when` for
    the browser; None: always."""

    fields: tuple[str, ...]
    title: str = ""
    hint: str = ""
    when: When | None = None


class GroupsFields(SetupView):
    """A register whose form comes in groups. Without scripts everything is there; what is left out is sent all the same,
    as it stands."""

    create_template: ClassVar[str] = "backoffice/grouped_form.html"
    edit_template: ClassVar[str] = "backoffice/grouped_form.html"
    field_groups: ClassVar[tuple[FieldGroup, ...]]
    field_conditions: ClassVar[dict[str, When]] = {}
