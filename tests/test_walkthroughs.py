"""The walkthroughs: splits and rates by hand, quick trainings on the real recordings."""

import numpy as np
import pytest
from benchmarks.walkthroughs import __main__, baseline, bearing, data, ecg, judging


@pytest.fixture(scope="module")
def cwru(data_dir):
    if not (data_dir / "cwru").is_dir():
        pytest.skip("no bearing data")
    pytest.importorskip("torch")


@pytest.fixture(scope="module")
def discords(data_dir):
    if not (data_dir / "ucr_discords").is_dir():
        pytest.skip("no electrocardiograms")
    pytest.importorskip("torch")


def test_rates_are_those_of_the_rows_that_the_threshold_was_not_chosen_on():
    labels = np.repeat(np.array([0, 1], np.int8), 500)
    scores = np.arange(1000.0)  # a threshold between 499 and 500 is right everywhere
    verdict = judging.judge(scores, labels, seed=0)
    assert verdict.auroc == 1.0
    assert verdict.ie == 0.0
    assert 0.98 < verdict.f1 < 1.0  # the chosen step is off by the rows that it did not see
    assert verdict.auroc_labels == pytest.approx(1 - (verdict.frr + verdict.far) / 2)


def test_rates_of_a_known_cutoff_are_counted_by_hand():
    scores = np.array([0.1, 0.9, 0.2, 0.8, 0.7, 0.3])
    labels = np.array([0, 0, 0, 1, 1, 1], np.int8)
    verdict = judging.by_cutoff(scores, labels, 0.5)
    assert verdict.frr == pytest.approx(1 / 3)
    assert verdict.far == pytest.approx(1 / 3)
    assert verdict.f1 == pytest.approx(2 / 3)
    assert verdict.auroc == pytest.approx(6 / 9)  # pairs that are in the right order
    assert judging.mean([verdict, verdict]) == pytest.approx(verdict)


def test_published_rates_agree_with_one_another():
    _, _, _, of_labels, frr, far, _ = bearing.PUBLISHED
    assert of_labels == pytest.approx(1 - (frr + far) / 2, abs=1e-4)


def test_rows_are_averaged_and_peaks_found_where_they_are():
    values = np.arange(22.0)[:, None]
    assert ecg.averaged(values, 4)[:, 0].tolist() == [1.5, 5.5, 9.5, 13.5, 17.5]
    scores = np.array([1.0, 2.0, 6.0, 3.0, 1.0])
    found = ecg.locate(scores, (8, 12), 4, 0)
    assert found == ecg.Finding(10, hit=True, lead=2.0)
    assert not ecg.locate(scores, (0, 4), 4, 0).hit


def test_a_discord_late_in_a_record_is_drawn_where_it_is(tmp_path):
    pytest.importorskip("matplotlib")
    record = data.Record("late", np.zeros((400, 2)), (300, 340))
    scores = np.arange(100.0)
    judged = ecg.Run(np.zeros((100, 2)), scores, 90.0, 0.1, 0, ecg.Finding(300, True, 2.0))
    assert ecg.draw(record, judged, tmp_path / "new").stat().st_size > 0


def test_a_report_replaces_the_one_between_its_marks(tmp_path):
    file = tmp_path / "README.md"
    file.write_text("a\n<!-- ecg: begin -->\nold\n<!-- ecg: end -->\nb\n")
    __main__.write("ecg", "new", file)
    assert file.read_text() == "a\n<!-- ecg: begin -->\nnew\n\n<!-- ecg: end -->\nb\n"
    with pytest.raises(ValueError, match="no marks for bearing"):
        __main__.write("bearing", "new", file)
    for name in __main__.WALKTHROUGHS:
        assert f"<!-- {name}: begin -->" in __main__.README.read_text()


@pytest.mark.usefixtures("cwru")
def test_the_fault_begins_where_one_recording_ends():
    values, labels = bearing.rows()
    assert values.shape == (122_571 + 122_281, 3)
    assert labels[bearing.FIRST : bearing.LAST].sum() == 429


@pytest.mark.usefixtures("cwru")
def test_bearing_as_published():
    verdict = bearing.walkthrough(0, epochs=3, stride=20)
    assert verdict.f1 > 0.93
    assert verdict.auroc > 0.98


@pytest.mark.usefixtures("cwru")
def test_the_default_detector_does_better_on_the_same_rows():
    verdict = bearing.ours(0, epochs=6, stride=5)
    assert verdict.f1 > 0.98
    assert verdict.auroc > 0.995


@pytest.mark.usefixtures("cwru")
def test_a_classifier_of_normal_windows_collapses_and_an_autoencoder_does_not():
    found = baseline.run(0, epochs=2)
    assert found.knows_all.accuracy > 0.95
    assert found.knows_normal == baseline.Answers(0.25, 1.0)
    assert found.autoencoder.auroc > 0.99


@pytest.mark.usefixtures("discords")
def test_records_are_as_described():
    for name in data.HEARTS:
        record = data.heart(name)
        first, stop = record.clean
        assert record.values.shape[1] == 2
        assert not first < record.discord[0] < stop
        assert stop - first > len(record.values) / 2


@pytest.mark.usefixtures("discords")
def test_the_discord_of_a_record_is_found_by_network_and_peer():
    record = data.heart("chfdb_chf13_45590")
    judged = ecg.run(record, 0, epochs=8)
    assert judged.finding.hit
    assert judged.finding.lead > 1.2
    assert judged.scores[record.discord[0] // ecg.STEP :].max() > judged.threshold
    assert ecg.peer(record).hit
