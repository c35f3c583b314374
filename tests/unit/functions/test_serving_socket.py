"""The socket of `churn serve`."""

from __future__ import annotations

import asyncio
import socket

from functions.cli import listening_socket


def test_answers_are_sent_without_nagles_delay() -> None:
    """With Nagle's algorithm, each answer over a kept-alive connection takes some 40 ms longer."""

    async def accepted_without_delay() -> bool:
        seen: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            seen.set_result(bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            writer.close()

        with listening_socket("127.0.0.1", 0) as listener:
            server = await asyncio.start_server(connected, sock=listener)
            _, writer = await asyncio.open_connection(*listener.getsockname())
            try:
                return await seen
            finally:
                writer.close()
                server.close()

    assert asyncio.run(accepted_without_delay())
