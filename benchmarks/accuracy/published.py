"""What others report of whole collections. Results on single series stand with the data."""

from __future__ import annotations

Table = dict[str, dict[str, float]]

UCR: Table = {
    "isolation forest (all 250)": {"share": 0.236},
    "autoencoder (all 250)": {"share": 0.292},
    "LOF (all 250)": {"share": 0.428},
    "matrix profile (all 250)": {"share": 0.528},
    "best known (all 250)": {"share": 0.836},
}
NAB: Table = {
    "random cut forest (all 58)": {"standard": 51.7, "low FP": 38.4, "low FN": 59.7},
    "krcf, raw score, shingle 1 (all 58)": {"standard": 53.1},
    "Numenta HTM (all 58; knows each file's range)": {
        "standard": 70.1,
        "low FP": 63.1,
        "low FN": 74.3,
    },
    "CAD OSE (all 58; knows each file's range)": {
        "standard": 69.9,
        "low FP": 67.0,
        "low FN": 73.2,
    },
    "ARTime (all 58; knows each file's range)": {"standard": 74.9, "low FP": 65.2, "low FN": 80.4},
}
GECCO: Table = {
    f"{name} (TSB-AD's file)": {"VUS-PR": value}
    for name, value in (("IForest", 0.037), ("PCA", 0.202), ("LOF", 0.130), ("CNN", 0.033))
}
WSD: Table = {
    f"{name} (TSB-AD's 20 files)": {"VUS-PR": value}
    for name, value in (
        ("Sub-IForest", 0.009),
        ("IForest", 0.144),
        ("Sub-PCA", 0.094),
        ("CNN", 0.245),
        ("POLY", 0.411),
        ("MOMENT (FT)", 0.5),
    )
}
DISCORDS: Table = {"10 principal components of 100-row windows": {"found": 6.0}}
