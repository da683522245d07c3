"""Random numbers, and the sample of a stream that a tree keeps, point after point."""

import math
from typing import TYPE_CHECKING

from reference.portable_math import exp, expm1, log, log1p

if TYPE_CHECKING:
    from reference.naive_tree import Leaf

WORD = 2**64 - 1


class Draws:
    """Numbers from 64 random bits each."""

    def bits(self) -> int:
        raise NotImplementedError

    def uniform(self) -> float:
        """Draw from [0, 1)."""
        return (self.bits() >> 11) * 2.0**-53

    def uniform_positive(self) -> float:
        """Draw from (0, 1]."""
        return ((self.bits() >> 11) + 1) * 2.0**-53

    def exponential(self) -> float:
        return max(-log(self.uniform_positive()), 2.0**-54)

    def below(self, bound: int) -> int:
        """Draw from 0 … bound - 1; numbers that would favour the small ones are drawn again."""
        unfair = 2**64 % bound
        while (drawn := self.bits()) < unfair:
            pass
        return drawn % bound


class SplitMix(Draws):
    """SplitMix64 from a place of its sequence on."""

    STEP = 0x9E3779B97F4A7C15

    def __init__(self, seed: int, place: int = 0) -> None:
        self.state = (seed + place * self.STEP) & WORD

    def bits(self) -> int:
        self.state = z = (self.state + self.STEP) & WORD
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
        return z ^ (z >> 31)


class Random(Draws):
    """xoshiro256++ (Blackman & Vigna 2021), seeded by SplitMix64."""

    def __init__(self, seed: int, stream: int) -> None:
        words = SplitMix(SplitMix(seed).bits() ^ (stream * 0xD1342543DE82EF95 & WORD))
        self.words = [words.bits() for _ in range(4)]

    @staticmethod
    def _rotate(word: int, by: int) -> int:
        return (word << by | word >> (64 - by)) & WORD

    def bits(self) -> int:
        a, b, c, d = self.words
        result = (self._rotate((a + d) & WORD, 23) + a) & WORD
        c, d = c ^ a, d ^ b
        self.words = [a ^ d, b ^ c, c ^ (b << 17 & WORD), self._rotate(d, 45)]
        return result


class Sampler:
    """A sample whose points have the smallest keys ln(E) - decay·index, E exponential.

    The number and the key of the next point to take are drawn ahead, as the native sampler does.
    While there is room, what decides on a point depends on its number and the seed alone.
    """

    def __init__(self, capacity: int, decay: float, accept_fraction: float, random: Random) -> None:
        self.capacity, self.decay, self.accept_fraction = capacity, decay, accept_fraction
        self.random = random
        self.seed = random.bits()
        self.sample: dict[float, Leaf] = {}
        self.plan(0)

    def plan(self, start: int) -> None:
        """Draw what happens at the next point taken, which is not before number `start`."""
        if len(self.sample) < self.capacity:
            self._plan_filling(start)
        else:
            self._plan_full(start)

    def _plan_filling(self, start: int) -> None:
        chance = math.inf
        if self.accept_fraction < 1:
            slope = 1.0 / (self.capacity * (1.0 - self.accept_fraction))
            chance = (self.capacity - len(self.sample)) * slope
        self.index = start
        while True:
            random = SplitMix(self.seed, 2 * self.index)
            self.key = log(random.exponential()) - self.decay * self.index
            self.replaces = False
            if not self.sample or random.uniform() < chance:
                return
            self.replaces = True
            if self.key < max(self.sample):
                return
            self.index += 1

    def _plan_full(self, start: int) -> None:
        # Point t is taken with probability 1 - e^(-hazard of t). An exponential budget pays for
        # the hazards of the points that go by; what is left of it makes the key of the point that
        # it cannot pay for.
        largest = max(self.sample)
        faded = self.decay * start
        hazard = exp(largest + faded)
        budget = self.random.exponential()
        if self.decay > 0:
            growth = expm1(self.decay)
            skipped = math.floor(log1p(budget * growth / hazard) / self.decay)
            left = budget - hazard * expm1(self.decay * skipped) / growth
        else:
            skipped = math.floor(budget / hazard)
            left = budget - hazard * skipped
        self.index = start + skipped
        left = max(left, budget * 2.0**-53)
        self.key = min(log(left) - (faded + self.decay * skipped), largest)
        self.replaces = True

    def accept(self, leaf: "Leaf") -> "Leaf | None":
        """Take the planned point and return the leaf whose point goes for it."""
        lost = self.sample.pop(max(self.sample)) if self.replaces else None
        self.sample[self.key] = leaf
        self.plan(self.index + 1)
        return lost
