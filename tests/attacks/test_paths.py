"""An address leads to nothing outside what it is for."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.settings import Settings

MARK = "SECRET-OUTSIDE-0451"
UP = [
    "../{0}", "..%2f{0}", "%2e%2e/{0}", "%2e%2e%2f{0}", "..%5c{0}", "%2e%2e%5c{0}", "..%c0%af{0}", "%252e%252e%252f{0}",
    "....//{0}", "/{0}", "//{0}", "%00{0}", "vendor/../../{0}", "vendor/%2e%2e/%2e%2e/{0}", "{0}%00.css", "{0}%00",
    "./{0}", "file:{0}", "C:%5c{0}",
]  # fmt: skip
PLACES = ["/static/", "/admin/statics/", "/card/", "/admin/customer/details/"]


@pytest.fixture
def outside(settings: Settings) -> list[str]:
    """Files a guest must not read, as one might name them from within the static folder or absolutely."""
    secret = settings.data_dir / "secret.txt"
    secret.write_text(MARK)
    up = "../" * 30
    return [
        f"{up}{str(secret).lstrip('/')}",
        str(secret),
        "settings.py",
        "main.py",
        f"{up}etc/passwd",
        str(settings.key_path),
    ]


@pytest.mark.parametrize("place", PLACES)
def test_no_address_leads_out_of_its_place(owner: TestClient, outside: list[str], place: str) -> None:
    found = set()
    for name in outside:
        for way in UP:
            for spelt in {name, name.replace("../", "%2e%2e/"), name.replace("/", "%2f")}:
                answer = owner.get(place + way.format(spelt))
                found.add(answer.status_code)
                text = answer.text
                assert MARK not in text, (place, way, name)
                assert "class Settings" not in text, (place, way, name)
    assert found <= {200, 303, 400, 403, 404, 405, 422, 429}, found


def test_the_same_way_does_lead_to_what_is_meant_for_guests(owner: TestClient) -> None:
    """The control: files are served, and a way with dots inside the folder is one."""
    assert owner.get("/static/tokens.css").status_code == 200
    assert "--rouge" in owner.get("/static/vendor/%2e%2e/tokens.css").text


def test_a_file_beside_the_static_folder_would_be_seen_if_it_lay_inside(owner: TestClient) -> None:
    """The other control: what the test looks for is really in that file."""
    static = Path(__file__).parents[2] / "app" / "static"
    assert "class Settings" in (static.parent / "settings.py").read_text()
    assert owner.get("/static/../settings.py").status_code in {403, 404}
