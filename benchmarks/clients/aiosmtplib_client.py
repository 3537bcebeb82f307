"""Sends with aiosmtplib and EmailMessage, one task for each connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import aiosmtplib
from benchmarks.clients.fields import Task, answer, task
from benchmarks.clients.standard_message import compose


async def work(client: aiosmtplib.SMTP, numbers: Iterator[int]) -> int:
    accepted = 0
    for number in numbers:  # shared: each number goes to whoever is free
        refused, _ = await client.send_message(compose(number))
        accepted += not refused
    return accepted


async def send(clients: list[aiosmtplib.SMTP], first: int, count: int) -> int:
    numbers = iter(range(first, first + count))
    return sum(await asyncio.gather(*[work(client, numbers) for client in clients]))


async def run(todo: Task) -> None:
    clients = [
        aiosmtplib.SMTP(hostname="127.0.0.1", port=todo.port, start_tls=False)
        for _ in range(todo.connections)
    ]
    for client in clients:
        await client.connect()
    accepted = await send(clients, 0, todo.warm_up)
    began, cpu_began = time.perf_counter(), time.process_time()
    accepted += await send(clients, todo.warm_up, todo.count)
    answer(accepted, time.perf_counter() - began, time.process_time() - cpu_began)
    for client in clients:
        await client.quit()


def main() -> None:
    todo = task()
    if todo.uvloop:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(todo))
    else:
        asyncio.run(run(todo))


if __name__ == "__main__":
    main()
