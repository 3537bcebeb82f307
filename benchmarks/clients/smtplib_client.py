"""Sends with smtplib and EmailMessage, one thread for each connection."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.clients.fields import answer, task
from benchmarks.clients.standard_message import compose


def work(client: smtplib.SMTP, numbers: Iterator[int]) -> int:
    accepted = 0
    for number in numbers:  # shared: `next` of a range is atomic under the interpreter's lock
        accepted += not client.send_message(compose(number))  # a refusal of all raises
    return accepted


def main() -> None:
    todo = task()
    clients = [smtplib.SMTP("127.0.0.1", todo.port) for _ in range(todo.connections)]
    with ThreadPoolExecutor(todo.connections) as threads:

        def send(first: int, count: int) -> int:
            numbers = iter(range(first, first + count))
            return sum(threads.map(work, clients, [numbers] * len(clients)))

        accepted = send(0, todo.warm_up)
        began, cpu_began = time.perf_counter(), time.process_time()
        accepted += send(todo.warm_up, todo.count)
        answer(accepted, time.perf_counter() - began, time.process_time() - cpu_began)
    for client in clients:
        client.quit()


if __name__ == "__main__":
    main()
