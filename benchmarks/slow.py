"""Slow clients at a real shop: fifty who never finish the head of a request and fifty who never finish its body, while
somebody else fills in a survey. `./dev bench slow`

Limit: everybody else is answered, the slowest within a second; every slow one is hung up on or told so. Control: with
patience without end (the server's own way) all of them stay.
"""

import os
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

from benchmarks._serving import free_port, rouge, serving

MANY = 50
HEAD = b"POST /s/satisfaction HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = HEAD + b"1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\nquestion=prod"
LONGEST_WAIT = 40
ENDLESS = """
import sys
from app.cli import main
from app.gateways.patience import PatientProtocol
from app.routes import guard
PatientProtocol.HEAD_SECONDS = 3600
guard.BodyGuard.__init__.__defaults__ = (3600,)
sys.argv = ["rouge", "serve"]
main()
"""


def callers(port: int, begin: bytes) -> list[socket.socket]:
    """Those who begin and do not go on."""
    made = [socket.create_connection(("127.0.0.1", port)) for _ in range(MANY)]
    for one in made:
        one.sendall(begin)
    return made


def served(port: int, seconds: float) -> list[float]:
    """How long somebody waits for each page of the survey, asked for over and over."""
    waits, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        with urlopen(f"http://127.0.0.1:{port}/s/satisfaction", timeout=30) as answer:
            answer.read()
        waits.append(time.monotonic() - began)
        time.sleep(0.05)
    return sorted(waits)


def ended(slow: list[socket.socket], until: float) -> tuple[int, int]:
    """How many were hung up on, and how many of them were told 408 first."""
    gone = told = 0
    for one in slow:
        one.settimeout(max(0.01, until - time.monotonic()))
        heard = b""
        with suppress(TimeoutError, ConnectionError):
            while piece := one.recv(65536):
                heard += piece
            gone += 1
        told += heard.startswith(b"HTTP/1.1 408")
        one.close()
    return gone, told


def run(folder: Path, *, is_endless: bool) -> tuple[list[float], tuple[int, int], tuple[int, int]]:
    """One server, a hundred slow callers, one ordinary one."""
    port = free_port()
    command, environment = rouge(folder / "data", port)
    if is_endless:
        command = [sys.executable, "-c", ENDLESS]
    with serving(command, environment, port, folder=folder):
        began = time.monotonic()
        heads, bodies = callers(port, HEAD), callers(port, BODY)
        waits = served(port, 25 if not is_endless else 5)
        until = began + LONGEST_WAIT
        return waits, ended(heads, until), ended(bodies, until)


def main() -> int:
    """Print the figures; 1 where a limit is not held."""
    os.chdir(Path(__file__).parent.parent)
    results = {}
    for is_endless in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            results[is_endless] = waits, heads, bodies = run(Path(folder), is_endless=is_endless)
        print("control, patience without end" if is_endless else f"{MANY} half heads and {MANY} half bodies")
        print(
            f"  somebody else: {len(waits)} pages, half within {waits[len(waits) // 2] * 1000:.0f} ms, "
            f"the slowest {waits[-1] * 1000:.0f} ms"
        )
        print(
            f"  after {LONGEST_WAIT} s: half heads hung up on {heads[0]} of {MANY}; "
            f"half bodies {bodies[0]} of {MANY}, told 408: {bodies[1]}"
        )
    waits, heads, bodies = results[False]
    is_held = waits[-1] < 1 and heads[0] == bodies[0] == bodies[1] == MANY
    is_real = results[True][1][0] == results[True][2][0] == 0
    print("held" if is_held and is_real else "NOT HELD")
    return 0 if is_held and is_real else 1


if __name__ == "__main__":
    sys.exit(main())
