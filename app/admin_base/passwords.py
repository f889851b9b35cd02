"""A password typed for somebody else: judged and hashed before the unit of work begins."""

from typing import Any

from app.admin_base.asking import asking
from app.gateways.passwords import hash_password
from app.rules.passwords import check_password


def hashed(typed: dict[str, Any], row: Any) -> dict[str, Any]:
    """The typed password replaced by its hash. Raises what `check_password` finds."""
    password = typed.pop("password", None) or ""
    person = {"login": row.login, "name": row.name} if row is not None else typed
    known = (str(person.get("login", "")), str(person.get("name", "")), asking().policy.shop_name)
    check_password(password, known=known)
    return {**typed, "password_hash": hash_password(password)}
