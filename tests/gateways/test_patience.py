"""Half-sent requests are hung up on; meanwhile and afterwards everybody else is served."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.gateways.patience import PatientProtocol

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 50


class Hasty(PatientProtocol):
    """The same, for a test."""

    HEAD_SECONDS = 0.2


async def greeting(scope: dict, receive: Callable, send: Callable[[Any], Awaitable[None]]) -> None:
    """A page."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def served(protocol: type, visit: Callable[[int], Awaitable[Any]]) -> Any:
    """What a visit at a server that speaks this protocol brings."""
    config = uvicorn.Config(greeting, port=0, http=protocol, log_config=None, lifespan="off", timeout_keep_alive=60)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        return await visit(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = server.force_exit = True
        await running


async def is_hung_up(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has closed, waiting for it for ten of its patiences."""
    try:
        return await asyncio.wait_for(reader.read(1), 10 * Hasty.HEAD_SECONDS) == b""
    except TimeoutError:
        return False


async def answered(port: int) -> bool:
    """Whether somebody who asks properly is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WHOLE)
    answer = await asyncio.wait_for(reader.readuntil(b"ok"), 10)
    writer.close()
    return b"200 OK" in answer


async def crowd(port: int, begin: bytes) -> tuple[bool, int, bool]:
    """Many who begin and do not go on: whether others are served meanwhile, how many are hung up on, and afterwards."""
    callers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MANY)]
    for _, writer in callers:
        writer.write(begin)
    meanwhile = await answered(port)
    gone = sum(await asyncio.gather(*(is_hung_up(reader) for reader, _ in callers)))
    return meanwhile, gone, await answered(port)


@pytest.mark.parametrize("begin", [HALF, b""])
def test_fifty_who_do_not_go_on_are_hung_up_on_and_others_served(begin: bytes) -> None:
    assert asyncio.run(served(Hasty, lambda port: crowd(port, begin))) == (True, MANY, True)


def test_without_patience_running_out_they_would_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: uvicorn's own protocol."""
    assert asyncio.run(served(HttpToolsProtocol, lambda port: crowd(port, HALF))) == (True, 0, True)


async def pour(port: int) -> bool:
    """A head without an end, as fast as it is taken: whether it is hung up on before ten megabytes of it."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HALF)
    try:
        for _ in range(160):
            writer.write(b"x" * 64 * 1024)
            await writer.drain()
    except ConnectionError:
        return True
    return False


def test_a_head_without_an_end_is_hung_up_on_long_before_its_time_is_over() -> None:
    assert asyncio.run(served(PatientProtocol, pour))


def test_uvicorns_own_protocol_would_take_it_all() -> None:
    """The negative control."""
    assert not asyncio.run(served(HttpToolsProtocol, pour))


def test_a_large_body_is_no_head() -> None:
    async def send(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 1024 * 1024)
        return await asyncio.wait_for(reader.readuntil(b"ok"), 10)

    assert b"200 OK" in asyncio.run(served(PatientProtocol, send))


def test_a_letter_at_a_time_does_not_help() -> None:
    async def drip(port: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF)
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(Hasty.HEAD_SECONDS / 10)
            if reader.at_eof() or reader.exception() or writer.transport.is_closing():
                return True
        return False

    assert asyncio.run(served(Hasty, drip))


def test_whoever_speaks_is_never_hung_up_on_between_two_requests() -> None:
    async def talk(port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = 0
        for _ in range(3):
            writer.write(WHOLE)
            await asyncio.wait_for(reader.readuntil(b"ok"), 10)
            answers += 1
            await asyncio.sleep(2 * Hasty.HEAD_SECONDS)
        return answers

    assert asyncio.run(served(Hasty, talk)) == 3


def test_a_second_request_that_stops_half_way_is_hung_up_on_as_well() -> None:
    async def stop(port: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        await asyncio.wait_for(reader.readuntil(b"ok"), 10)
        writer.write(HALF)
        return await is_hung_up(reader)

    assert asyncio.run(served(Hasty, stop))
