"""Sends with Postroad's AsyncMailer.send_many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from benchmarks.clients.fields import FROM_EMAIL, FROM_NAME, Task, answer, fields, task

from postroad import Address, AsyncMailer, Message, Relay


def messages(first: int, count: int) -> Iterator[Message]:
    for number in range(first, first + count):
        to_name, to_email, subject, text, html = fields(number)
        yield Message(
            from_=Address(FROM_EMAIL, FROM_NAME),
            to=Address(to_email, to_name),
            subject=subject,
            text=text,
            html=html,
        )


async def send(mailer: AsyncMailer, first: int, count: int) -> int:
    accepted = 0
    async for result in mailer.send_many(messages(first, count)):
        if result:
            accepted += 1
    return accepted


async def run(todo: Task) -> None:
    relay = Relay("127.0.0.1", todo.port, security="none")
    async with AsyncMailer(relay, connections=todo.connections) as mailer:
        accepted = await send(mailer, 0, todo.warm_up)
        began, cpu_began = time.perf_counter(), time.process_time()
        accepted += await send(mailer, todo.warm_up, todo.count)
        answer(accepted, time.perf_counter() - began, time.process_time() - cpu_began)


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
