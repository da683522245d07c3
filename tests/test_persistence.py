"""Bundles: exact, the same bytes for the same model, and safe against any bytes."""

import copy
import io
import json
import math
import os
import stat
import struct
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fastrcf import ForestFleet, ModelFormatError, RandomCutForest, persistence
from fastrcf._archive import archive_size, check_name, pack_members
from fastrcf.thresholds import (
    BestThreshold,
    FixedThreshold,
    PotThreshold,
    QuantileThreshold,
    SigmaThreshold,
)

RNG = np.random.default_rng(7)
SERIES = np.sin(np.arange(1200) / 8) + RNG.normal(scale=0.1, size=1200)
AHEAD = np.sin(np.arange(300) / 7) + RNG.normal(scale=0.3, size=300)


def forest_and_threshold(threshold=None, n_trees=10):
    forest = RandomCutForest(n_trees=n_trees, sample_size=32)
    scores = forest.score_update(SERIES)
    threshold = SigmaThreshold() if threshold is None else threshold
    return forest, threshold.fit(scores, scores > 1.5, fingerprint=forest.fingerprint)


@pytest.fixture(scope="module")
def bundle() -> bytes:
    """A small bundle with a threshold."""
    return persistence.to_bytes(*forest_and_threshold(n_trees=2))


# ---- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "threshold",
    [
        FixedThreshold(1.25),
        SigmaThreshold(2.0),
        QuantileThreshold(0.95, window=300),
        PotThreshold(depth=20),
        BestThreshold("cost", cost_fn=5.0),
    ],
    ids=lambda threshold: type(threshold).__name__,
)
def test_model_and_threshold_go_on_with_the_same_bits(tmp_path, threshold):
    forest, threshold = forest_and_threshold(threshold)
    persistence.save(forest, tmp_path / "model.frcf", threshold)
    twin = persistence.load(tmp_path / "model.frcf")
    assert type(twin) is RandomCutForest
    assert twin.to_bytes() == forest.to_bytes()
    assert twin.threshold == threshold
    scores = forest.score_update(AHEAD)
    assert_array_equal(twin.score_update(AHEAD), scores)
    assert_array_equal(
        twin.threshold.predict_update(scores, fingerprint=twin.fingerprint),
        threshold.predict_update(scores),
    )
    assert persistence.to_bytes(twin) == persistence.to_bytes(forest, threshold)


def test_without_a_threshold():
    for forest in (RandomCutForest(n_trees=3), RandomCutForest(n_trees=3).update(SERIES[:50])):
        twin = persistence.from_bytes(persistence.to_bytes(forest))
        assert twin.threshold is None
        assert twin.to_bytes() == forest.to_bytes()


def test_a_fleet(tmp_path):
    fleet = ForestFleet(n_trees=5)
    fleet.score_update(["a", "b"] * 60, SERIES[:120])
    persistence.save(fleet, tmp_path / "fleet.frcf", FixedThreshold(1.5))
    twin = persistence.load(tmp_path / "fleet.frcf")
    assert type(twin) is ForestFleet
    assert twin.to_bytes() == fleet.to_bytes()
    assert twin.threshold.cutoff_ == 1.5
    assert persistence.inspect(tmp_path / "fleet.frcf")["kind"] == "ForestFleet"


def test_equal_models_make_equal_bytes(bundle):
    assert persistence.to_bytes(*forest_and_threshold(n_trees=2)) == bundle
    forest, threshold = forest_and_threshold(n_trees=2)
    assert persistence.to_bytes(forest.update([0.0]), threshold) != bundle


def test_the_manifest(tmp_path):
    table = {"users": SERIES, "clicks": SERIES**2}
    forest = RandomCutForest(n_trees=4).fit(table)
    threshold = SigmaThreshold(2.5).fit(forest.score(table), fingerprint=forest.fingerprint)
    path = tmp_path / "model.frcf"
    persistence.save(
        forest, path, threshold, training={"first": "2020-07-07 00:00", "last": "2020-07-15 12:00"}
    )
    manifest = persistence.inspect(path)
    parts = {part["name"]: part["size"] for part in manifest.pop("parts")}
    assert parts == {
        "forest.bin": len(forest.to_bytes()),
        "threshold.json": len(json.dumps(threshold.to_dict(), separators=(",", ":"))),
    }
    assert manifest.pop("library")
    assert manifest == {
        "format": "fastrcf bundle",
        "version": 1,
        "kind": "RandomCutForest",
        "fingerprint": forest.fingerprint,
        "training": {"first": "2020-07-07 00:00", "last": "2020-07-15 12:00", "rows": 1200},
        "n_features": 2,
        "feature_names": ["users", "clicks"],
        "model": {},
        "threshold": {
            "type": "sigma",
            "options": {"z": 2.5, "decay": None, "warm_up": 100},
            "cutoff": threshold.cutoff_,
            "n_seen": 1200,
        },
    }


def test_any_zip_program_reads_it(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "forest.bin", "threshold.json"]
        assert json.loads(archive.read("manifest.json"))["kind"] == "RandomCutForest"
        assert RandomCutForest.from_bytes(archive.read("forest.bin")).n_trees == 2


# ---- what is refused on the way out --------------------------------------------------------------


def test_only_what_belongs_together_is_saved(tmp_path):
    forest, threshold = forest_and_threshold()
    other = RandomCutForest(n_trees=10, shingle_size=2).update(SERIES)
    path = tmp_path / "model.frcf"
    with pytest.raises(ValueError, match=r"threshold: made from scores of the model .*: fit"):
        persistence.save(other, path, threshold)
    with pytest.raises(TypeError, match="threshold: expected a Threshold or None, got float"):
        persistence.save(forest, path, 2.5)
    for model in (SERIES, "forest", None, RandomCutForest):
        with pytest.raises(TypeError, match="model: expected one of"):
            persistence.save(model, path)
    for training in ({"rows": "many"}, {"last": [1]}, {"first": math.nan}):
        with pytest.raises(TypeError, match="training: expected"):
            persistence.save(forest, path, training=training)
    with pytest.raises(ValueError, match=r"training: expected .* got 'end'"):
        persistence.save(forest, path, training={"end": 1})
    assert not path.exists()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    forest, threshold = forest_and_threshold()
    path = tmp_path / "model.frcf"
    persistence.save(forest, path)
    path.chmod(0o640)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            persistence.save(forest, path, threshold)
    assert path.read_bytes() == before
    persistence.save(forest, path, threshold)
    assert path.read_bytes() != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["model.frcf"]


# ---- what is refused on the way in ---------------------------------------------------------------


def both(data, tmp_path):
    """The errors of `load` and of `inspect`, None where there is none."""
    path = tmp_path / "model.frcf"
    path.write_bytes(data)
    return [_error_of(read, path) for read in (persistence.load, persistence.inspect)]


def _error_of(read, path):
    try:
        read(path)
    except ModelFormatError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def zipped(members, **options):
    """An archive as another program would write it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def members_of(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def changed(bundle, **changes):
    """The bundle with another manifest; all else fits."""
    (_, text), *parts = members_of(bundle)
    return repacked({**json.loads(text), **changes}, parts)


def repacked(manifest, parts):
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return pack_members([("manifest.json", text), *parts])


def listed(parts):
    import hashlib

    return [
        {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in parts
    ]


def test_every_flipped_byte_is_found(bundle):
    assert persistence.from_bytes(bundle).threshold is not None
    for place in [
        *range(2000),
        *range(2000, len(bundle), 11),
        *range(len(bundle) - 300, len(bundle)),
    ]:
        damaged = bytearray(bundle)
        damaged[place] ^= 1 << (place % 8)
        with pytest.raises(ModelFormatError):
            persistence.from_bytes(damaged)


def test_every_truncation_is_found(bundle, tmp_path):
    for size in [*range(200), *range(200, len(bundle), 97), len(bundle) - 1]:
        with pytest.raises(ModelFormatError):
            persistence.from_bytes(bundle[:size])
    for size in (0, 3, 29, 40, 500, len(bundle) - 1):
        load, inspect = both(bundle[:size], tmp_path)
        assert load is not None
        assert inspect is not None
    assert both(bundle[:-1], tmp_path)[0].startswith("cut short, or parts are missing")
    assert both(bundle + b"\0", tmp_path)[0].startswith("there are extra parts")


@settings(max_examples=150)
@given(data=st.data())
def test_hostile_bytes_are_model_format_errors(bundle, data):
    place = data.draw(st.integers(0, len(bundle) - 1))
    stop = data.draw(st.integers(place, min(len(bundle), place + 40)))
    filling = data.draw(st.binary(max_size=40))
    hostile = bundle[:place] + filling + bundle[stop:]
    if hostile == bundle:
        return
    with pytest.raises(ModelFormatError):
        persistence.from_bytes(hostile)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=150)
@given(data=st.data(), value=JSON)
def test_hostile_manifests_are_model_format_errors_or_harmless(bundle, data, value):
    manifest = json.loads(members_of(bundle)[0][1])
    name = data.draw(st.sampled_from(sorted(manifest)))
    if name == "parts" and data.draw(st.booleans()):
        value = copy.deepcopy(manifest["parts"])
        value[0][data.draw(st.sampled_from(sorted(value[0])))] = data.draw(JSON)
    try:
        persistence.from_bytes(changed(bundle, **{name: value}))
    except ModelFormatError:
        return
    assert (
        name
        in {
            "library",
            "training",
            "n_features",
            "feature_names",
            "model",
            "threshold",
            "fingerprint",
        }
        or value == manifest[name]
    )


@settings(max_examples=60)
@given(data=st.data(), value=JSON)
def test_hostile_thresholds_are_model_format_errors_or_harmless(bundle, data, value):
    (_, text), forest, (name, saved) = members_of(bundle)
    whole = json.loads(saved)
    place = data.draw(st.sampled_from([whole, whole["options"], whole["state"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = value
    parts = [forest, (name, json.dumps(whole).encode())]
    manifest = {**json.loads(text), "parts": listed(parts)}
    try:
        found = persistence.from_bytes(repacked(manifest, parts)).threshold
    except ModelFormatError:
        return
    with np.errstate(all="ignore"):
        found.predict_update(SERIES[1:20] + 3)


def test_other_files_are_told_apart(bundle, tmp_path):
    forest, _ = forest_and_threshold()
    manifest, *parts = members_of(bundle)
    cases = {
        "not a bundle": b"",
        "not a bundle of fastrcf \\(it": b"hello, world",
        "write a bundle with": forest.to_bytes(),
        "the first member is not manifest.json": zipped(parts),
        "does not say so": zipped([("manifest.json", b"{}")]),
        "manifest.json: not JSON": zipped([("manifest.json", b"{")]),
        "manifest.json: not JSON:": zipped([("manifest.json", b"[" * 100_000)]),
        "at most 16,777,216 are read": zipped([("manifest.json", b" " * (2**24 + 1))]),
        "packed anew": zipped([manifest, *parts], compression=zipfile.ZIP_DEFLATED),
        "packed anew by": zipped([manifest, *parts]),
        "parts are missing": zipped([manifest, parts[0]]),
        "extra parts": zipped([manifest, *parts, ("more.bin", b"x" * 9999)]),
    }
    for message, data in cases.items():
        with pytest.raises(ModelFormatError, match=message):
            persistence.from_bytes(data)
        assert both(data, tmp_path)[0] is not None


def test_parts_must_be_those_of_the_manifest(bundle):
    (_, text), *parts = members_of(bundle)
    manifest = json.loads(text)
    forest, threshold = parts
    for wrong, message in [
        ([forest, forest, threshold], "there twice"),
        ([threshold, forest], "not in order"),
        ([("../forest.bin", forest[1]), threshold], "no sound name"),
        ([("/forest.bin", forest[1]), threshold], "no sound name"),
        ([("a\\b", forest[1]), threshold], "no sound name"),
        ([("manifest.json", forest[1]), threshold], "no sound name"),
        ([forest, ("other.bin", b""), threshold], r"expected \['forest.bin'\], got"),
        ([forest], "says something else"),
        ([threshold], r"expected \['forest.bin'\], got \[\]"),
        ([("forest.bin", b"x"), threshold], "first bytes"),
        ([forest, ("threshold.json", b"[]")], "threshold: expected an object"),
        ([forest, ("threshold.json", b"\xff")], "threshold.json: not JSON"),
        ([(f"p{i:04}", b"") for i in range(1001)], "at most 1000"),
    ]:
        data = repacked({**manifest, "parts": listed(wrong)}, wrong)
        with pytest.raises(ModelFormatError, match=message):
            persistence.from_bytes(data)
    lies = copy.deepcopy(manifest["parts"])
    lies[0]["sha256"] = "0" * 64
    with pytest.raises(ModelFormatError, match=r"forest\.bin: damaged \(the checksum"):
        persistence.from_bytes(changed(bundle, parts=lies))
    lies = copy.deepcopy(manifest["parts"])
    lies[0]["size"] = 2**31 - 1
    with pytest.raises(ModelFormatError, match="cut short"):
        persistence.from_bytes(changed(bundle, parts=lies))


def test_versions_and_kinds(bundle, tmp_path):
    later = changed(bundle, version=2, library="9.1")
    assert all("version 2 of the format is unknown" in error for error in both(later, tmp_path))
    assert "the fastrcf that wrote it (9.1) or a later one" in both(later, tmp_path)[0]
    anew = members_of(later)  # even if it is no longer the same kind of archive
    assert "version 2" in both(zipped(anew), tmp_path)[0]
    for kind in ("os", "Network", "builtins.eval"):
        with pytest.raises(ModelFormatError, match="which this fastrcf does not know"):
            persistence.from_bytes(changed(bundle, kind=kind))
    with pytest.raises(ModelFormatError, match=r"expected \['fleet.bin'\]"):
        persistence.from_bytes(changed(bundle, kind="ForestFleet"))


def test_a_threshold_of_another_model_is_refused(bundle):
    with pytest.raises(ModelFormatError, match="threshold: made from scores of the model"):
        persistence.from_bytes(changed(bundle, fingerprint="0" * 16))


def test_a_threshold_stays_bound_when_fingerprints_are_made_anew(bundle, monkeypatch):
    monkeypatch.setattr(RandomCutForest, "fingerprint", "made anew")
    assert persistence.from_bytes(bundle).threshold.fingerprint == "made anew"


def test_sizes_are_limited(bundle, tmp_path):
    path = tmp_path / "model.frcf"
    path.write_bytes(bundle)
    with pytest.raises(ModelFormatError, match="more than 1,000 bytes; give load a larger"):
        persistence.load(path, max_bytes=1000)
    persistence.load(path, max_bytes=len(bundle))
    with pytest.raises(ValueError, match="max_bytes"):
        persistence.load(path, max_bytes=0)
    with pytest.raises(FileNotFoundError):
        persistence.load(tmp_path / "none")
    with pytest.raises(TypeError, match="data: expected bytes, got str"):
        persistence.from_bytes("model")


def test_what_a_header_declares_is_not_believed(bundle):
    """A manifest of 4 GiB, says the first header."""
    data = bytearray(bundle)
    struct.pack_into("<II", data, 18, 2**32 - 1, 2**32 - 1)
    with pytest.raises(ModelFormatError, match=r"4,294,967,295 bytes; at most"):
        persistence.from_bytes(data)


def test_names():
    assert all(map(check_name, ["a", "forest.bin", "layer-1_w.npy", "a" * 64]))
    bad = ["", ".", "..", ".a", "a.", "A", "a/b", "a\\b", "a b", "ä", "a\n", "a" * 65, None, 1]
    assert not any(map(check_name, bad))


def test_the_archive_is_that_of_zipfile():
    members = [("a", b"hello"), ("b.bin", b""), ("c", bytes(1000))]
    data = pack_members(members)
    assert len(data) == archive_size((name, len(each)) for name, each in members)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [(info.filename, archive.read(info)) for info in archive.infolist()] == members
        for info, (_, each) in zip(archive.infolist(), members, strict=True):
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.compress_type == zipfile.ZIP_STORED
            assert zlib.crc32(each) == info.CRC
