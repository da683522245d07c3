"""The detector that is made of random cut forests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastrcf._forest.checks import choice, integer
from fastrcf._forest.options import resolve_n_jobs
from fastrcf.detectors.base import Detector
from fastrcf.detectors.engine import Engine, Settings
from fastrcf.detectors.plan import LONGEST_PERIOD, VIEWS
from fastrcf.detectors.settings import alarm_settings
from fastrcf.detectors.state import engine_to_parts, names_from, restore_engine

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ForestDetector"]


class ForestDetector(Detector):
    """Few and right alarms from a series of one or many columns.

    The series is shown to random cut forests in several views, each estimated from its own past:
    one column by its values and, where it repeats itself, by the shape of its latest window;
    several columns by their values on a common scale, by what of each column the others do not
    foretell, and by the path of the latest rows. Every view's scores are turned into tail
    probabilities by the law that they have followed so far, and put together. Nothing looks ahead,
    and nothing needs labels.

    Parameters
    ----------
    views : "auto" or sequence of str, default "auto"
        Which views to use, all of them or some of ``"values"``, ``"shape"``, ``"change"`` (one
        column), ``"rest"``, ``"path"`` (several). ``("values",)`` is a single forest.
    period : int or None, default None
        Rows after which one column repeats itself, at most 2,730; 0 for no period. It is used when
        two of them are known. None estimates it, from the first 256 rows on, whenever their number
        has doubled.
    n_trees : int, default 50
        Of each forest, as in `RandomCutForest`.
    sample_size : int, optional
        Of each tree. The default is 256 for one column and 1,024 for several.
    alarm_rate : float, default 0.001
        The one knob: alarms to expect per row when nothing but noise comes. At five-minute rows the
        default is about two a week; series whose neighbouring rows are alike raise fewer. Values
        outside everything seen alarm at any rate.
    rest : int, default 50
        Rows beyond the cutoff that are no more apart than this belong to one event: one alarm.
    ignore_amount, ignore_ratio : float or sequence of float, optional
        No alarm for a value that differs from the expected one by less than this amount, or by less
        than this share of it; one number, or one per column. The column counts that the anomaly
        shows most in.
    random_state : int, default 0
        Seed of all forests.
    n_jobs : int, default 1
        Threads, as in `RandomCutForest`: changes the speed and never a result.

    See Also
    --------
    RandomCutForest : The forest alone: a score for each row.

    Notes
    -----
    *Views.* A forest can only find what its points show (Guha et al. 2016 shingle rows for this
    reason). Windows of half a period and one period are averaged down to 32 values; their level and
    amplitude are taken out, but for a floor, or they are differenced. Columns are standardised with
    a floor on their deviation.

    *Law.* Means over some neighbouring scores follow a Pearson type III law whose three moments are
    learned while they come in, extremes clipped: see `alarm_rate` for what that is worth. The score
    is ``-log10`` of the tail probability: of several columns its mean over the views, of one column
    halfway between mean and maximum. It rises at once and falls by a thirtieth per row, as an
    anomaly is rarely over when it looks so; alarms go by what has not faded.

    *Alarms.* A row beyond `cutoff` raises one, and so does a value that lies outside everything
    seen so far by 5 % of its extent (times the number of columns).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(3000) * 2 * np.pi / 100) + rng.normal(0, 0.1, 3000)
    >>> series[2500:2530] = series[2500]
    >>> found = ForestDetector().detect(series)
    >>> [2500 <= alarm.start < 2600 for alarm in found if alarm.start > 2000]
    [True]
    """

    _bundle_kind = "ForestDetector"

    def __init__(
        self,
        *,
        views: str | Sequence[str] = "auto",
        period: int | None = None,
        n_trees: int = 50,
        sample_size: int | None = None,
        alarm_rate: float = 0.001,
        rest: int = 50,
        ignore_amount: float | Sequence[float] | None = None,
        ignore_ratio: float | Sequence[float] | None = None,
        random_state: int = 0,
        n_jobs: int = 1,
    ) -> None:
        self.views = views
        self.period = period
        self.n_trees = n_trees
        self.sample_size = sample_size
        self.alarm_rate = alarm_rate
        self.rest = rest
        self.ignore_amount = ignore_amount
        self.ignore_ratio = ignore_ratio
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _new_engine(self, names: tuple[str | int, ...]) -> Engine:
        alarms = alarm_settings(
            self.alarm_rate, self.rest, self.ignore_amount, self.ignore_ratio, len(names)
        )
        period = self.period
        resolve_n_jobs(self.n_jobs)
        settings = Settings(
            views=_views(self.views),
            period=None if period is None else integer("period", period, 0, LONGEST_PERIOD),
            n_trees=integer("n_trees", self.n_trees, 1, 100_000),
            sample_size=None
            if self.sample_size is None
            else integer("sample_size", self.sample_size, 2, 32_000),
            **alarms._asdict(),
            random_state=integer("random_state", self.random_state, 0, 2**64 - 1),
            n_jobs=self.n_jobs,
        )
        return Engine(settings, names)

    def _engine_to_parts(self, engine: Engine) -> tuple[dict[str, Any], dict[str, bytes]]:
        return engine_to_parts(engine)

    def _engine_from_parts(self, section: dict[str, Any], parts: dict[str, bytes]) -> Engine:
        engine = self._new_engine(names_from(section))
        restore_engine(engine, section, parts)
        return engine


def _views(views: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(views, str):
        choice("views", views, ("auto",))
        return VIEWS
    wanted = tuple(choice("views", each, VIEWS) for each in views)
    if not wanted:
        raise ValueError(f"views: expected 'auto' or some of {list(VIEWS)}, got none")
    return wanted
