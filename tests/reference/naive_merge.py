"""One forest of the trees of several, as plain as it can be."""

import copy
from typing import Any

from reference.naive_forest import NaiveForest
from reference.naive_sampler import Random
from reference.naive_tree import Leaf
from reference.portable_math import expm1, log


def weight(forest: NaiveForest) -> float:
    """All points that the forest has learned, each with what is left of its weight."""
    decay = forest.options["time_decay"]
    if forest.fitted or decay == 0:
        return float(forest.n_points)
    return expm1(-decay * forest.n_points) / expm1(-decay)


def merge(forests: list[NaiveForest]) -> NaiveForest:
    """Make a forest of all trees, which goes on as if each had sampled the points of all."""
    options: dict[str, Any] = {**forests[0].options, "n_trees": 0}
    merged = NaiveForest(**options)
    merged.fitted = forests[0].fitted
    merged.n_points = sum(forest.n_points for forest in forests)
    total = 0.0
    for part in sorted(weight(forest) for forest in forests):
        total += part
    for forest in copy.deepcopy(forests):
        shift = log(weight(forest) / total)
        shift -= options["time_decay"] * (merged.n_points - forest.n_points)
        for sampled in forest.trees:
            for node in sampled.tree.nodes():
                if isinstance(node, Leaf):
                    node.arrival += merged.n_rows
            sampled.random = Random(sampled.random.bits(), len(merged.trees))
            sampler = sampled.sampler
            sampler.random = sampled.random
            sampler.seed = sampled.random.bits()
            sampler.sample = {key + shift: leaf for key, leaf in sampler.sample.items()}
            sampler.plan(merged.n_points)
            merged.trees.append(sampled)
        merged.n_rows += forest.n_rows
        merged.n_skipped += forest.n_skipped
    merged.options["n_trees"] = len(merged.trees)
    if merged.is_ready:
        for sampled in merged.trees:
            if sampled.tree.root is None:
                sampled.grow()
    return merged
