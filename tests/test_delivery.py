"""What is delivered beside the program fits the program: its settings, its commands, its port."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from app.cli import cli
from app.main import BODY_LIMIT
from app.settings import Settings
from tests.test_docs import ROOT, commands, read

COMPOSE = yaml.safe_load(read("compose.yaml"))
SERVICES = COMPOSE["services"]
UNIT = read("deploy/rouge.service")
CADDY = read("deploy/Caddyfile")
DOCKERFILE = read("Dockerfile")
SETTINGS = {f"ROUGE_{name.upper()}" for name in Settings.model_fields}
COMMANDS = commands(get_command(cli))


def unit(key: str) -> list[str]:
    """What the unit says for a key."""
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def test_every_setting_they_name_exists() -> None:
    for text in (DOCKERFILE, read("compose.yaml"), UNIT, CADDY):
        named = set(re.findall(r"ROUGE_[A-Z_]+", text)) - {"ROUGE_DB_PASSWORD"}
        assert named <= SETTINGS


@pytest.mark.parametrize("name", ["rouge", "worker"])
def test_both_programs_are_built_once_kept_small_and_share_data_and_key(name: str) -> None:
    service = SERVICES[name]
    assert service["image"].startswith("rouge:")
    assert set(service["volumes"]) == {"data:/data", "keys:/keys"}
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert "db:5432" in service["environment"]["ROUGE_DATABASE_URL"]
    # Longer than the server and the worker take to finish what they have begun.
    assert int(service["stop_grace_period"].rstrip("s")) > 20


def test_the_second_worker_works_and_serves_nothing() -> None:
    worker = SERVICES["worker"]
    assert " ".join(worker["command"]) in COMMANDS
    assert "ports" not in worker
    assert worker["depends_on"]["rouge"]["condition"] == "service_healthy"
    assert "jobs" in str(worker["healthcheck"]["test"])


def test_both_programs_are_watched() -> None:
    assert re.search(r"^HEALTHCHECK .*\n.*/healthz", DOCKERFILE, re.MULTILINE)
    for name in ("worker", "db"):
        assert SERVICES[name]["healthcheck"]["retries"] >= 3


def test_only_this_machine_reaches_the_port_and_the_database_none() -> None:
    assert SERVICES["rouge"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in SERVICES["db"]


def test_every_volume_is_named_and_the_key_has_its_own() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])
    assert "/keys/rouge.key" in DOCKERFILE


def test_the_image_runs_as_nobody_special_and_has_the_dump_program_of_its_database() -> None:
    assert re.search(r"^USER rouge$", DOCKERFILE, re.MULTILINE)
    assert "./dev setup --with-postgresql" in DOCKERFILE
    debian = re.search(r"^FROM debian:(\w+)-slim", DOCKERFILE, re.MULTILINE)
    postgres = SERVICES["db"]["image"]
    # Debian 13 brings PostgreSQL 17; a newer server would find no pg_dump in the image.
    assert (debian and debian[1], postgres) == ("trixie", "postgres:17")


def test_the_image_brings_what_the_program_runs_from_and_no_key() -> None:
    ignored = read(".dockerignore").split()
    for needed in ("app", "seed", "migrations", "locales", "requirements", "dev", "pyproject.toml"):
        assert f"!{needed}" in ignored
    assert "**/*.key" in ignored


def test_the_unit_starts_a_command_that_exists_in_a_folder_it_owns() -> None:
    (start,) = unit("ExecStart")
    assert f"rouge {start.split('/rouge ')[1]}" in COMMANDS
    (environment,) = unit("Environment")
    assert f"ROUGE_DATA_DIR=/var/lib/{unit('StateDirectory')[0]}" in environment
    assert int(unit("TimeoutStopSec")[0].rstrip("s")) > 20


@pytest.mark.parametrize(
    "line",
    [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "DynamicUser=yes",
        "StateDirectoryMode=0700",
        "UMask=0077",
        "CapabilityBoundingSet=",
        "SystemCallFilter=@system-service",
        "Restart=on-failure",
    ],
)
def test_the_unit_may_do_little(line: str) -> None:
    assert re.search(rf"^{re.escape(line)}$", UNIT, re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    here = tmp_path / "rouge.service"
    program = tmp_path / "rouge"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here.write_text(UNIT.replace("/opt/rouge/.venv/bin/rouge", str(program)))
    said = subprocess.run(
        ["systemd-analyze", "verify", str(here)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_the_proxy_sends_to_our_port_says_who_calls_and_keeps_the_numbers_to_itself() -> None:
    port = Settings.model_fields["port"].default
    assert f"reverse_proxy 127.0.0.1:{port}" in CADDY
    assert "X-Forwarded-For {remote_host}" in CADDY
    assert "X-Forwarded-Proto {scheme}" in CADDY
    assert re.search(r"@watched path /metrics .*\n\trespond @watched 404", CADDY)
    assert re.search(r"rate_limit \{.*key \{remote_host\}", CADDY, re.DOTALL)
    assert CADDY.count("{") == CADDY.count("}")


def test_its_limit_for_a_body_leaves_the_refusal_to_us() -> None:
    (limit,) = re.findall(r"max_size (\d+)MB", CADDY)
    assert int(limit) * 1000 * 1000 > 2 * BODY_LIMIT


def test_a_list_of_benchmarks_is_printed_without_installing_anything() -> None:
    said = subprocess.run(
        ["bash", "dev", "bench", "--list"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    names = {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    assert {line.split()[0] for line in said.stdout.splitlines()} == names
    assert said.returncode == 0
