"""Interleaved rounds: a busy moment of the machine falls on everybody. Medians and ratios."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measuring.peers import Peer, Runner, Take


@dataclass(frozen=True, slots=True)
class Rounds:
    """What was measured: per peer one take for each round."""

    peers: Sequence[Peer]
    counts: dict[str, int]
    takes: dict[str, list[Take]]

    def rate(self, key: str) -> float:
        """Return the median of messages a second."""
        return median(take.rate for take in self.takes[key])

    def spread(self, key: str) -> tuple[float, float]:
        """Return the slowest and the fastest round."""
        rates = [take.rate for take in self.takes[key]]
        return min(rates), max(rates)

    def cpu_us(self, key: str) -> float:
        """Return the median of processor time for a message."""
        return median(take.cpu_us for take in self.takes[key])

    def ratio(self, key: str, other: str) -> float:
        """Return the median over the rounds of how much faster `key` was than `other`."""
        pairs = zip(self.takes[key], self.takes[other], strict=True)
        return median(one.rate / two.rate for one, two in pairs)

    def cpu_ratio(self, key: str, other: str) -> float:
        """Return the same of processor time, which a busy machine disturbs less."""
        pairs = zip(self.takes[key], self.takes[other], strict=True)
        return median(two.cpu_us / one.cpu_us for one, two in pairs)


def measure(
    runner: Runner, peers: Sequence[Peer], rounds: int, seconds: float, delay_ms: float = 0
) -> Rounds:
    """Run each peer once in each round, `seconds` long by what a first, uncounted run told."""
    counts = {}
    for peer in peers:
        probe = runner.run(peer, peer.probe, delay_ms)
        counts[peer.key] = max(peer.connections * 2, round(probe.rate * seconds))
    takes: dict[str, list[Take]] = {peer.key: [] for peer in peers}
    for number in range(1, rounds + 1):
        for peer in peers:
            take = runner.run(peer, counts[peer.key], delay_ms)
            takes[peer.key].append(take)
            print(
                f"round {number}/{rounds}  {peer.name:36} {take.rate:10,.1f} messages/s",
                file=sys.stderr,
            )
    return Rounds(peers, counts, takes)
