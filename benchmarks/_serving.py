"""Servers of a benchmark: started on a free port, measured, ended, and never mistaken for another one's."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A running server and its process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def cpu_seconds(self) -> float:
        """CPU time of the process and all below it, so far."""
        return sum(_cpu_seconds(pid) for pid in family(self.process.pid))


def rouge(data: Path, port: int, **settings: object) -> tuple[list[str], dict[str, str]]:
    """How a shop is served in production, behind a proxy of this machine that says who asks."""
    chosen = {"DATA_DIR": data, "PORT": port, "PUBLIC_URL": "https://rouge.test", "WORKERS": 1, "DATABASE_URL": ""}
    return [sys.executable, "-m", "app.cli", "serve"], {
        f"ROUGE_{name}": str(value) for name, value in (chosen | settings).items()
    }


@contextmanager
def serving(
    command: Sequence[str], environment: Mapping[str, str], port: int, *, folder: Path, path: str = "/healthz"
) -> Iterator[Server]:
    """The server, once it answers `path`; ended with everything below it."""
    _wait_for_port(port)
    log = folder / f"server-{port}.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ROUGE_")}
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, env=clean | dict(environment), cwd=ROOT, stdout=written, stderr=written, start_new_session=True
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}{path}", log)
        yield Server(process, port, log)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """kill -9, the oldest first: a parent that lived on would start new children."""
    for pid in family(process.pid):
        _kill(pid)
    process.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def family(pid: int) -> list[int]:
    """A process and all below it, the oldest first."""
    found = [pid]
    for parent in found:
        try:
            found += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
        except OSError:
            continue
    return found


def post(port: int, path: str, body: str, *, sender: str = "127.0.0.1", timeout: float = 30) -> tuple[int, str, str]:
    """Send a form: status, where it leads, and the page."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": sender}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("location") or "", answer.read().decode()
    finally:
        connection.close()


def wrk(port: int, script: Path, *, connections: int, seconds: int) -> dict[str, float]:
    """What wrk measured, as its script says it."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    return json.loads(said[said.rindex("{") :])


def _wait_for_port(port: int) -> None:
    """Until nobody has the port: another one's server is not the one to measure."""
    deadline = time.monotonic() + 10
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        try:
            with urlopen(address, timeout=2):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not answer: {log.read_text()[-2000:]}")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
