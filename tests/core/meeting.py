"""A system whose chains meet: random walks that are drawn towards the mean of all of them at fixed steps."""

from dataclasses import dataclass

import numpy as np

from weakchaos.samplers.metropolis import RandomWalkMetropolis, _Bound


class MeetingBound(_Bound):
    def __init__(self, sampler, target, driver):
        super().__init__(sampler, target, driver)
        self.pool_every = sampler.every

    def new_state(self, rng, position):
        state = super().new_state(rng, position)
        state.tuning = {"meetings": np.zeros(1)}
        return state

    def pool(self, states, steps, warmup):
        mean = np.mean([s.phase for s in states], axis=0)
        for state in states:
            state.phase[:] = 0.5 * (state.phase + mean)
            state.tuning["meetings"] += 1
        if self.sampler.fails_at is not None and steps >= self.sampler.fails_at:
            raise RuntimeError("the meeting failed")
        return self.sampler.over_at is not None and steps >= self.sampler.over_at

    def warm(self, state, n, done, total, draws, stats):
        if self.sampler.ends_alone and done > 5:
            return 0, True
        return super().warm(state, n, done, total, draws, stats)


@dataclass(frozen=True)
class Meeting(RandomWalkMetropolis):
    every: int | None = 7
    fails_at: int | None = None
    over_at: int | None = None
    ends_alone: bool = False

    def bind(self, target, driver="pcg64"):
        return MeetingBound(self, target, driver)
