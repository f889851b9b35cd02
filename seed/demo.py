"""placeholder"""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from app.db import Database

DEMO_PASSWORD = "peony-mirror-velvet"


def build_demo(database: Database, *, today: date, zone: ZoneInfo, customers: int = 200, seed: int = 1) -> Any:
    """Build."""
