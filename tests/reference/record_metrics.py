"""Record what the authors' packages say about a few series, in metrics.json beside this file.

They need an old NumPy, so they get an environment of their own::

    python -m venv /tmp/oracle
    /tmp/oracle/bin/pip install 'numpy<2' pandas scikit-learn statsmodels tqdm
    /tmp/oracle/bin/pip install --no-deps vus==0.0.6 TSB-AD==1.5
    /tmp/oracle/bin/python tests/reference/record_metrics.py
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("metrics.json")


def case(seed: int, n: int, spans: list[tuple[int, int]], window: int, thresholds: int) -> Any:
    """Make a series' labels, scores that rise late and have ties, and the packages' figures."""
    from TSB_AD.evaluation.affiliation.generics import convert_vector_to_events
    from TSB_AD.evaluation.affiliation.metrics import pr_from_events
    from TSB_AD.evaluation.basic_metrics import generate_curve
    from TSB_AD.utils.slidingWindows import find_length_rank
    from vus.utils.metrics import metricor

    rng = np.random.default_rng(seed)
    labels = np.zeros(n, int)
    for start, stop in spans:
        labels[start:stop] = 1
    scores = np.round(rng.normal(size=n) + 2 * np.roll(labels, 3), 2)
    predictions = (scores > 1.5).astype(int)
    series = np.round(np.sin(np.arange(n) * 2 * np.pi / (9 + seed)) + rng.normal(size=n) / 3, 3)

    *_, roc, pr = generate_curve(labels, scores, window, "opt", thresholds)
    *_, older_roc, older_pr = metricor().RangeAUC_volume_opt(labels, scores, window, thresholds)
    near = pr_from_events(
        convert_vector_to_events(predictions), convert_vector_to_events(labels), (0, n)
    )
    return {
        "events": spans,
        "scores": scores.tolist(),
        "series": series.tolist(),
        "window": window,
        "thresholds": thresholds,
        "TSB-AD": {"roc": roc, "pr": pr},
        "vus": {"roc": older_roc, "pr": older_pr},
        "period": int(find_length_rank(series.reshape(-1, 1), rank=1)),
        "affiliation": {
            "precision": near["individual_precision_probabilities"],
            "recall": near["individual_recall_probabilities"],
        },
    }


def main() -> None:
    """Write the figures."""
    cases = [
        case(0, 120, [(30, 40)], 12, 250),
        case(1, 200, [(0, 6), (50, 51), (60, 75), (190, 200)], 30, 250),
        case(2, 150, [(40, 45), (47, 48), (50, 52), (140, 149)], 41, 20),
        case(3, 400, [(100, 130), (300, 303)], 0, 50),
        case(4, 300, [(10, 20), (25, 27), (90, 140), (150, 152)], 100, 250),
    ]
    FILE.write_text(json.dumps(cases) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
