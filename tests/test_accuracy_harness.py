"""The accuracy runs: readers against known counts, protocols on planted anomalies, controls."""

import json

import numpy as np
import pytest
from benchmarks.accuracy import (
    __main__,
    controls,
    data,
    detectors,
    judges,
    peers,
    protocols,
    rules,
    runner,
    table,
)
from benchmarks.accuracy.data import Series

COUNTS = {  # series, rows, columns of the first, labelled rows
    "nab": (41, 191_263, 1, 16_284),
    "ucr": (78, 4_626_712, 1, 11_656),
    "discords": (10, 49_598, 1, 4_367),
    "smd": (4, 94_777, 38, 3_176),
    "asd": (6, 25_920, 19, 1_065),
    "wsd": (20, 722_540, 1, 6_511),
    "smap_msl": (41, 254_044, 55, 25_512),
    "gecco": (1, 139_566, 9, 1_726),
    "skab": (11, 12_056, 8, 4_105),
}


def planted(n=3000, *, train_end=1000, at=2200, width=20, d=1, seed=0, name="wave"):
    """A noisy wave with one lifted stretch."""
    rng = np.random.default_rng(seed)
    values = np.sin(np.arange(n) / 8)[:, None] + 0.1 * rng.standard_normal((n, d))
    values[at : at + width] += 4
    labels = np.zeros(n, np.int8)
    labels[at : at + width] = 1
    windows = ((at, at + width),)
    train = values[:train_end].copy()
    return Series("planted", name, values, labels, windows, train_end, train)


def score_where(series, row):
    """A scorer that knows the answer: 1 at one row of the series."""

    def score(train, rows):
        return (rows[:, 0] == series.values[row, 0]).astype(float)

    return score


# Readers -------------------------------------------------------------------------------------


@pytest.fixture
def real_data(data_dir, monkeypatch):
    monkeypatch.setenv("FASTRCF_DATA", str(data_dir))


@pytest.mark.parametrize("collection", sorted(set(COUNTS) - {"ucr"}))
def test_readers_find_the_known_rows(real_data, collection):
    series = [data.load(collection, name) for name in data.names(collection)]
    found = (
        len(series),
        sum(map(len, series)),
        series[0].values.shape[1],
        sum(int(one.labels.sum()) for one in series),
    )
    assert found == COUNTS[collection]
    for one in series:
        assert one.values.dtype == np.float64
        assert one.labels.shape == (len(one),)
        assert data.ranges(one.labels) == one.windows or collection == "nab"


def test_ucr_index_and_files_agree(real_data):
    names = data.names("ucr")
    assert len(names) == COUNTS["ucr"][0]
    for name in names[::20]:
        series = data.load("ucr", name)
        (window,) = series.windows
        assert name.endswith(f"_{series.train_end}_{window[0]}_{window[1] - 1}.npz")
        assert series.train_end <= window[0]
        assert 0 < series.published["MP"] <= 1


def test_training_prefixes_are_those_of_the_published_files(real_data):
    ends = {name: data.load("smd", name).train_end for name in data.names("smd")}
    assert ends == {
        "machine-1-2": 4529,
        "machine-2-1": 5923,
        "machine-2-7": 564,
        "machine-3-10": 500,
    }


def test_ranges_are_half_open_runs():
    assert data.ranges([1, 0, 0, 1, 1, 0, 1]) == ((0, 1), (3, 5), (6, 7))
    assert data.ranges([0, 0]) == ()


def test_no_data_no_names(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTRCF_DATA", str(tmp_path))
    data._rows.cache_clear()
    data._nab_windows.cache_clear()
    data._discord_facts.cache_clear()
    assert all(data.names(collection) == [] for collection in data.COLLECTIONS)
    data._nab_windows.cache_clear()
    data._discord_facts.cache_clear()


# Protocols -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ucr-prefix", "ucr-stream"])
@pytest.mark.parametrize(
    ("row", "share"), [(2200, 1), (2219, 1), (2100, 1), (2319, 1), (2099, 0), (2320, 0), (1500, 0)]
)
def test_highest_score_may_miss_by_a_hundred_rows(name, row, share):
    series = planted()
    outcome = protocols.run(protocols.PROTOCOLS[name], series, score_where(series, row))
    assert outcome.figures["share"] == share
    assert outcome.figures["chance"] == pytest.approx(220 / 2000)


def test_training_prefix_is_not_judged():
    series = planted()
    outcome = protocols.run(
        protocols.PROTOCOLS["ucr-stream"], series, lambda _, rows: np.arange(len(rows))[::-1] * 1.0
    )
    assert outcome.figures["share"] == 0  # of the rows that count, the first has the highest score


def test_equal_highest_scores_count_in_parts():
    outcome = protocols.run(
        protocols.PROTOCOLS["ucr-prefix"], planted(), lambda _, rows: np.zeros(len(rows))
    )
    assert outcome.figures["share"] == outcome.figures["chance"] == pytest.approx(0.11)


def test_frozen_protocols_give_the_training_part_and_streaming_ones_do_not():
    series = planted()
    for protocol in protocols.PROTOCOLS.values():
        task = protocol.ask(series)
        assert (task.train is not None) == protocol.frozen
        assert len(task.rows) - task.skip in {len(series), len(series) - series.train_end}


def test_lead_in_ends_where_the_judged_rows_begin():
    series = planted(5000, train_end=3000, at=4200)
    task = protocols.freeze_prefix(series)
    assert task.skip == protocols.LEAD_IN
    np.testing.assert_array_equal(task.rows[task.skip :], series.values[3000:])
    np.testing.assert_array_equal(task.train, series.values[:3000])


def test_wrong_number_of_scores_is_an_error():
    with pytest.raises(ValueError, match=r"expected one for each of 3000 rows .* shape \(2999,\)"):
        protocols.run(
            protocols.PROTOCOLS["wsd"], planted(), lambda _, rows: np.zeros(len(rows) - 1)
        )


def test_volume_leaves_rows_without_values_out():
    series = planted()
    perfect = series.labels + 0.001 * np.arange(len(series)) / len(series)
    assert judges.volume(series, perfect).figures["AUPRC"] == 1.0
    wrong = perfect.copy()
    wrong[:50] = 9
    assert judges.volume(series, wrong).figures["AUPRC"] < 0.5
    gone = series.values.copy()
    gone[:50] = np.nan
    holes = Series("planted", "holes", gone, series.labels, series.windows)
    assert judges.volume(holes, wrong).figures["AUPRC"] == 1.0


def test_nab_corpus_has_one_threshold_for_all_series(monkeypatch):
    monkeypatch.setattr(judges, "kinesis_scores", lambda name: None)
    series = [planted(seed=seed) for seed in (0, 1)]
    outcomes = [
        judges.NabOutcome(str(index), one.windows, scale * one.labels.astype(float))
        for index, (one, scale) in enumerate(zip(series, (1.0, 5.0), strict=True))
    ]
    figures = judges.nab_figures(outcomes, 2.0)
    assert figures["standard"] == pytest.approx(100)
    assert figures["standard at fixed level"] == pytest.approx(50)


# Controls, peers, rules ----------------------------------------------------------------------


def test_running_z_is_that_of_the_rows_before():
    rows = planted(300, at=200).values
    z = controls.abs_z(None, rows)
    for row in (2, 57, 200, 299):
        past = rows[:row, 0]
        plain = abs(rows[row, 0] - past.mean()) / past.std()
        assert z[row] == pytest.approx(plain / (1 + plain / 10))
    assert (z[:2] == 0).all()


def test_frozen_z_takes_the_moments_of_the_training_part():
    series = planted(d=3)
    plain = np.abs(series.values - series.train.mean(axis=0)) / series.train.std(axis=0)
    expected = (plain / (1 + plain / 10)).mean(axis=1)
    np.testing.assert_allclose(controls.abs_z(series.train, series.values), expected)


def test_outside_range_measures_in_shares_of_the_range():
    rows = np.array([[0.0], [2.0], [1.0], [3.0], [-1.5], [np.nan], [3.0]])
    expected = [0, controls.MOST, 0, 0.5, 0.5, 0, 0]
    np.testing.assert_allclose(controls.outside_range(None, rows), expected)
    np.testing.assert_allclose(controls.outside_range(rows[:2], rows), [0, 0, 0, 0.5, 0.75, 0, 0.5])


CAUSAL = sorted(
    name
    for name, detector in detectors.DETECTORS.items()
    if detector.streams and name not in {"fastrcf", "kinesis", "iforest-whole", "pca-whole"}
)


@pytest.mark.parametrize("name", CAUSAL)
def test_streaming_scores_do_not_look_ahead(name):
    rows = planted(1200, at=700, d=2).values
    score = detectors.named(name).score
    whole, part = score(None, rows), score(None, rows[:900])
    assert whole.shape == (1200,)
    np.testing.assert_array_equal(whole[:900], part)


@pytest.mark.parametrize("name", ["z", "forest-1", "forest-8", "iforest", "pca", "pca-10"])
def test_detectors_find_a_lifted_stretch(name):
    series = planted()
    outcome = protocols.run(protocols.PROTOCOLS["ucr-prefix"], series, detectors.named(name).score)
    assert outcome.figures["share"] == 1


def test_windows_are_averaged_down_exactly():
    rows = np.arange(200.0)[:, None]
    found = peers.windows(rows, 64)
    assert found.shape == (137, 32)
    np.testing.assert_allclose(found[5], 5 + 0.5 + 2 * np.arange(32))
    np.testing.assert_array_equal(peers.windows(rows, 3)[4], [4, 5, 6])


def test_period_of_a_wave():
    assert peers.period(np.sin(2 * np.pi * np.arange(4000) / 50)) == 50
    assert peers.period(np.zeros(100)) == 25


def test_rule_rests_after_an_alarm():
    levels = np.zeros(100)
    levels[[10, 20, 40, 41, 80]] = 6
    np.testing.assert_array_equal(np.flatnonzero(rules._with_rest(levels)), [10, 41, 80])


def test_hold_rises_at_once_and_falls_slowly():
    held = rules.hold(np.array([0.0, 3.0, 0.0, 0.0, 5.0]), np.zeros((5, 1)))
    np.testing.assert_allclose(held, [0, 3, 3 * 29 / 30, 3 * (29 / 30) ** 2, 5])


def test_rule_tail_is_that_of_a_normal_distribution():
    from statistics import NormalDist

    for z in (0.5, 2.0, 5.0):
        assert rules._log_tail(np.array([z]))[0] == pytest.approx(-np.log10(NormalDist().cdf(-z)))
    far = rules._log_tail(np.array([29.9, 30.0, 30.1, 100.0]))
    assert (np.diff(far) > 0).all()


def test_published_figures_come_out_again(real_data):
    """Isolation forest and principal components, run as TSB-AD runs them, give its figures."""
    series = data.load("smd", "machine-2-7")
    for name, published in (("iforest-whole", "IForest"), ("pca-whole", "PCA")):
        outcome = protocols.run(
            protocols.PROTOCOLS["smd-prefix"], series, detectors.named(name).score
        )
        assert outcome.figures["VUS-PR"] == pytest.approx(series.published[published], abs=0.001)


# Runner and tables ---------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    """A collection of two planted series in place of the UCR archive."""
    series = {"a": planted(seed=1, name="a"), "b": planted(seed=2, name="b")}
    reader = (lambda: list(series), series.__getitem__)
    monkeypatch.setitem(data.COLLECTIONS, "ucr", reader)
    runner._series.cache_clear()
    yield series
    runner._series.cache_clear()


def test_evaluate_takes_any_function(small):
    found = runner.evaluate(controls.abs_z, "ucr-prefix")
    assert found.figures["share"] == 1
    assert found.n_series == 2
    assert set(found.by_series) == {"a", "b"}
    small["b"] = planted(4000, name="b")
    assert set(runner.evaluate(controls.abs_z, "ucr-prefix", longest=3000).by_series) == {"a"}


def test_table_shows_every_figure_and_escapes_bars(small):
    results = [
        runner.Result("ucr-prefix", name, says, 2, {"share": share}, {}, 4000, 1.0)
        for name, says, share in (("z", "|z|", 0.25), ("forest-8", "raw forest", 0.5))
    ]
    text = table.markdown(results)
    assert "| `forest-8` | raw forest | 0.500 | 2 | 4,000 |" in text
    assert text.index("`forest-8`") < text.index("`z`")
    assert "\\|z\\|" in text
    assert "matrix profile (all 250)" in text


def test_names_of_functions_are_detectors(small):
    found = detectors.named("benchmarks.accuracy.controls:outside_range")
    assert found.score is controls.outside_range
    with pytest.raises(ValueError, match="expected one of fastrcf"):
        detectors.named("nothing")


def test_command_line_refuses_unknown_names(capsys):
    for arguments in (["--only", "nothing"], ["--detector", "nothing"]):
        with pytest.raises(SystemExit):
            __main__.main(arguments)
        assert "expected" in capsys.readouterr().err


def test_command_line_writes_json(small, monkeypatch, tmp_path, capsys):
    def here(wanted, names, **options):
        return [runner.evaluate(controls.abs_z, protocol.name) for protocol in wanted]

    monkeypatch.setattr(runner, "run", here)
    file = tmp_path / "figures.json"
    assert __main__.main(["--only", "ucr-prefix", "--detector", "z", "--json", str(file)]) == 0
    (row,) = json.loads(file.read_text())
    assert row["figures"]["share"] == 1
    assert "ucr-prefix" in capsys.readouterr().out


def test_processes_give_what_one_process_gives(real_data):
    (one,) = runner.run([protocols.PROTOCOLS["discords"]], ["range"], jobs=2)
    assert one.figures == pytest.approx(
        runner.evaluate(controls.outside_range, "discords").figures, nan_ok=True
    )
