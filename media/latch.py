"""Symmetric RTP: learn where a leg's packets come from, then lock it; whoever else sends is refused and counted.

The address that SDP names locks with its first packet. Another port of that address, or the address of the peer's SIP (a phone behind a
NAT), locks after four packets in sequence. A third address may lock only where SDP and SIP disagree about where the peer is, with four
packets in sequence, when nobody better has been heard for a second. For five seconds a better source may take over; then the lock holds:
only the locked address itself may change its port, after two seconds without a packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Address = tuple[str, int]

RUN = 4
"""Packets in sequence that prove a source to be a stream."""
GRACE_S = 1.0
"""How long a better source is waited for before a third address may lock."""
LEARNING_S = 5.0
SILENCE_S = 2.0
CANDIDATES = 8
"""Sources watched at a time; a spray of more finds the door shut."""

EXACT, KIN, STRANGER, NEVER = 3, 2, 1, 0


@dataclass(slots=True)
class Candidate:
    rank: int
    sequence: int
    run: int = 1


@dataclass(slots=True)
class Latch:
    """Owns who a leg's peer is."""

    expected: Address | None = None
    """What SDP says; None: nowhere yet."""
    signalling: str = ""
    locked: Address | None = None
    rank: int = NEVER
    _since: float = 0.0
    _locked_at: float = 0.0
    _heard_at: float = 0.0
    _candidates: dict[Address, Candidate] = field(default_factory=dict)

    def connect(self, expected: Address | None, signalling: str, now: float) -> None:
        """Take what signalling says; another address than before opens the door anew."""
        changed = expected != self.expected
        self.signalling = signalling
        if not changed and self._since:
            return
        self.expected = expected
        self._since = now
        if self.locked is not None and self.locked == expected:
            self.rank, self._locked_at = EXACT, now
            return
        if expected is not None:  # on hold in the style of RFC 2543 nobody new is expected: the lock stays
            self.locked, self.rank = None, NEVER
        self._candidates.clear()

    @property
    def target(self) -> Address | None:
        """Where our packets go."""
        return self.locked or self.expected

    def heard(self, now: float) -> None:
        """A packet has come from the locked source (the caller compares; it is the fast path)."""
        self._heard_at = now

    def offer(self, source: Address, sequence: int, now: float) -> bool:
        """Judge a packet from another source than the locked one: may it in?"""
        if source == self.locked:
            self._heard_at = now
            return True
        rank = self._rank(source, now)
        if rank == EXACT:
            self._lock(source, rank, now)
            return True
        if rank == NEVER or not self._proven(source, rank, sequence):
            return False
        if rank == STRANGER and (now - self._since < GRACE_S or self._better_is_coming()):
            return False
        self._lock(source, rank, now)
        return True

    def may_report(self, host: str) -> bool:
        """Whether RTCP from *host* is the peer's."""
        known = self.target
        return known is not None and host == known[0]

    def _rank(self, source: Address, now: float) -> int:
        """How well a source fits, where it may still take over; else NEVER."""
        rank = STRANGER
        if source == self.expected:
            rank = EXACT
        elif source[0] == self.signalling or (self.expected is not None and source[0] == self.expected[0]):
            rank = KIN
        elif self.expected is not None and self.expected[0] == self.signalling:
            return NEVER  # SDP and SIP agree where the peer is
        if self.locked is None:
            return rank
        if now - self._locked_at < LEARNING_S and rank > self.rank:
            return rank
        moved = source[0] == self.locked[0] and now - self._heard_at >= SILENCE_S
        return KIN if moved else NEVER

    def _proven(self, source: Address, rank: int, sequence: int) -> bool:
        candidate = self._candidates.get(source)
        if candidate is None:
            if len(self._candidates) >= CANDIDATES:
                worst = min(
                    self._candidates, key=lambda known: (self._candidates[known].rank, self._candidates[known].run)
                )
                if self._candidates[worst].rank >= rank and self._candidates[worst].run > 1:
                    return False
                del self._candidates[worst]
            self._candidates[source] = Candidate(rank, sequence)
            return False
        in_sequence = (sequence - candidate.sequence) & 0xFFFF == 1
        candidate.run = candidate.run + 1 if in_sequence else 1
        candidate.sequence = sequence
        candidate.rank = rank
        return candidate.run >= RUN

    def _better_is_coming(self) -> bool:
        return any(candidate.rank > STRANGER for candidate in self._candidates.values())

    def _lock(self, source: Address, rank: int, now: float) -> None:
        self.locked, self.rank = source, rank
        self._locked_at = self._heard_at = now
        self._candidates.clear()
