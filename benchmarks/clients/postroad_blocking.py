"""Sends with Postroad's Mailer: one connection, one message after the other."""

from __future__ import annotations

import time

from benchmarks.clients.fields import answer, task
from benchmarks.clients.postroad_async import messages

from postroad import Mailer, Relay


def main() -> None:
    todo = task()
    with Mailer(Relay("127.0.0.1", todo.port, security="none")) as mailer:
        accepted = sum(bool(mailer.send(each)) for each in messages(0, todo.warm_up))
        began, cpu_began = time.perf_counter(), time.process_time()
        accepted += sum(bool(mailer.send(each)) for each in messages(todo.warm_up, todo.count))
        answer(accepted, time.perf_counter() - began, time.process_time() - cpu_began)


if __name__ == "__main__":
    main()
