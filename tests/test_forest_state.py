"""State: bytes, files, pickles, copies; exact, and safe against any bytes."""

import base64
import contextlib
import copy
import json
import pickle
import stat
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import ModelFormatError, RandomCutForest
from fastrcf._core import Forest

RNG = np.random.default_rng(5)
SERIES = np.sin(np.arange(1500) / 8) + RNG.normal(scale=0.1, size=1500)
TABLE = RNG.normal(size=(400, 3))

FORESTS = {
    "unstarted": lambda: RandomCutForest(n_trees=7, contamination=0.1, n_jobs=2),
    "first rows": lambda: RandomCutForest(shingle_size=8).update(SERIES[:5]),
    "warming up": lambda: RandomCutForest(n_trees=10, shingle_size=2).update(SERIES[:30]),
    "filling": lambda: RandomCutForest(n_trees=10).update(SERIES[:200]),
    "running": lambda: RandomCutForest(n_trees=10, shingle_size=4).update(SERIES[:900]),
    "duplicates": lambda: RandomCutForest(n_trees=10).update(SERIES[:900].round(1)),
    "constant": lambda: RandomCutForest(n_trees=10, shingle_size=3).update(np.ones(500)),
    "gap": lambda: RandomCutForest(n_trees=10, shingle_size=3).update([*SERIES[:300], np.nan, 1.0]),
    "only gaps": lambda: RandomCutForest(n_trees=10).update([np.nan, np.nan]),
    "uniform": lambda: RandomCutForest(n_trees=10, time_decay=0).update(SERIES[:900]),
    "table": lambda: RandomCutForest(n_trees=10, contamination=0.1, sample_size=64).fit(TABLE),
    "small table": lambda: RandomCutForest(n_trees=10).fit(TABLE[:3]),
    "shingled table": lambda: RandomCutForest(n_trees=10, shingle_size=5).fit(TABLE),
    "after fit": lambda: RandomCutForest(n_trees=10, sample_size=64).fit(TABLE).update(TABLE[:150]),
    "names": lambda: RandomCutForest(n_trees=10).fit(dict(zip(["ä", "b", ""], TABLE.T))),  # noqa: B905
    "drawn seed": lambda: RandomCutForest(n_trees=10, random_state=None).update(SERIES[:300]),
    "numpy numbers": lambda: RandomCutForest(
        np.int64(10), np.int32(64), time_decay=np.float32(0.01), random_state=np.uint64(2**63)
    ).update(SERIES[:300]),
}

WAYS = {
    "bytes": lambda forest: RandomCutForest.from_bytes(forest.to_bytes()),
    "pickle": lambda forest: pickle.loads(pickle.dumps(forest)),
    "oldest pickle": lambda forest: pickle.loads(pickle.dumps(forest, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def columns_of(forest):
    return getattr(forest, "n_features_in_", 1)


def ahead(forest, n=600):
    """Rows that the forest has not seen."""
    rng = np.random.default_rng(99)
    rows = np.sin(np.arange(n) / 8)[:, np.newaxis] + rng.normal(size=(n, columns_of(forest)))
    rows[::97, 0] = np.nan
    return rows


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FORESTS)
def test_the_future_is_the_same(name, way):
    forest = FORESTS[name]()
    twin = WAYS[way](forest)
    assert twin is not forest
    assert repr(twin.get_params()) == repr(forest.get_params()) or name == "numpy numbers"
    assert twin.get_params() == forest.get_params()
    for attribute in ("n_seen", "n_skipped", "is_ready"):
        assert getattr(twin, attribute) == getattr(forest, attribute)
    for attribute in ("offset_", "n_features_in_"):
        assert getattr(twin, attribute, None) == getattr(forest, attribute, None)
    assert_array_equal(
        getattr(twin, "feature_names_in_", None), getattr(forest, "feature_names_in_", None)
    )
    rows = ahead(forest)
    assert_array_equal(twin.score(rows), forest.score(rows))
    assert_array_equal(twin.score_update(rows), forest.score_update(rows))
    if name == "unstarted":
        return
    assert twin.to_bytes() == forest.to_bytes()
    assert [twin.score_update_one(row) for row in rows[:50]] == [
        forest.score_update_one(row) for row in rows[:50]
    ]


def test_copies_are_independent():
    forest = FORESTS["running"]()
    before = forest.to_bytes()
    for way in WAYS.values():
        way(forest).update(SERIES)
    assert forest.to_bytes() == before


def test_bytes_are_the_same_for_the_same_history():
    first, second = (RandomCutForest(n_trees=10).update(SERIES) for _ in range(2))
    assert first.to_bytes() == second.to_bytes()
    assert first.to_bytes() == first.to_bytes()
    assert RandomCutForest().to_bytes() == RandomCutForest().to_bytes()
    assert first.to_bytes() != RandomCutForest(n_trees=10).update(SERIES[:-1]).to_bytes()


def test_pickle_carries_the_bytes_and_what_subclasses_add():
    forest = Tagged(n_trees=5).update(SERIES[:300])
    forest.tag = ["x"]
    twin = pickle.loads(pickle.dumps(forest))
    assert type(twin) is Tagged
    assert twin.tag == ["x"]
    assert forest.to_bytes() in pickle.dumps(forest)
    assert type(Tagged.from_bytes(forest.to_bytes())) is Tagged


class Tagged(RandomCutForest):
    pass


def test_pickle_and_copy_do_not_mind_wrong_parameters():
    forest = RandomCutForest(n_trees="many")
    assert pickle.loads(pickle.dumps(forest)).n_trees == "many"
    assert copy.copy(forest).n_trees == "many"
    with pytest.raises(TypeError, match="n_trees"):
        forest.to_bytes()


def test_parameters_that_were_changed_since_are_kept_apart_from_what_runs():
    forest = RandomCutForest(n_trees=10).update(SERIES[:300]).set_params(n_trees=20)
    twin = RandomCutForest.from_bytes(forest.to_bytes())
    assert twin.n_trees == 20
    assert twin._core.options()["n_trees"] == 10
    assert_array_equal(twin.score(SERIES), forest.score(SERIES))


def test_an_offset_set_by_hand_is_kept():
    for offset in (-1.5, np.float32(-1.25), -float("inf")):
        forest = RandomCutForest(n_trees=5).update(SERIES[:300])
        forest.offset_ = offset
        assert RandomCutForest.from_bytes(forest.to_bytes()).offset_ == offset


def test_size():
    rng = np.random.default_rng(0)
    forest = RandomCutForest(50, 256, 8).update(rng.normal(size=(20_000, 3)))
    data = forest.to_bytes()
    assert len(data) <= 400_000


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes(kind):
    data = FORESTS["table"]().to_bytes()
    assert RandomCutForest.from_bytes(kind(data)).to_bytes() == data


@pytest.mark.parametrize("data", ["text", None, 5, [1, 2]])
def test_only_bytes(data):
    with pytest.raises(TypeError, match="data: expected bytes"):
        RandomCutForest.from_bytes(data)


# ---- files --------------------------------------------------------------------------------------


def test_save_and_load(tmp_path):
    forest = FORESTS["names"]()
    for path in (tmp_path / "a.frcf", str(tmp_path / "b.frcf")):
        assert forest.save(path) is None
        assert RandomCutForest.load(path).to_bytes() == forest.to_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.frcf", "b.frcf"]


def test_save_replaces_in_one_step(tmp_path):
    path = tmp_path / "model.frcf"
    small, large = (RandomCutForest(n_trees=n).update(SERIES[:300]) for n in (2, 30))
    small.save(path)
    sizes = {len(small.to_bytes()), len(large.to_bytes())}
    done = threading.Event()

    def write():
        try:
            for _ in range(30):
                large.save(path)
                small.save(path)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert len(path.read_bytes()) in sizes
        RandomCutForest.load(path)
    writer.join()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.frcf"]


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "model.frcf"
    path.write_bytes(b"before")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        FORESTS["table"]().save(path)
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.frcf"]


def fail(*_):
    raise OSError("disk full")


@pytest.mark.skipif(sys.platform == "win32", reason="other permissions and links")
def test_save_keeps_permissions_and_links(tmp_path):
    path, link = tmp_path / "model.frcf", tmp_path / "latest"
    fresh = tmp_path / "fresh"
    fresh.touch()
    FORESTS["table"]().save(path)
    assert path.stat().st_mode == fresh.stat().st_mode
    path.chmod(0o640)
    link.symlink_to(path.name)
    FORESTS["running"]().save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert RandomCutForest.load(path).to_bytes() == FORESTS["running"]().to_bytes()


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        RandomCutForest.load(tmp_path / "none.frcf")
    with pytest.raises(FileNotFoundError):
        FORESTS["table"]().save(tmp_path / "none" / "model.frcf")
    with pytest.raises(IsADirectoryError):
        RandomCutForest.load(tmp_path)


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.frcf"
    path.write_text("series,score\n1,2\n")
    with pytest.raises(ModelFormatError, match=r"model\.frcf: data: not a fastrcf model"):
        RandomCutForest.load(path)
    path.write_bytes(b"")
    with pytest.raises(ModelFormatError, match=r"model\.frcf: "):
        RandomCutForest.load(path)


# ---- hostile bytes ------------------------------------------------------------------------------


def mutations(data, n, rng):
    """Change bytes, cut, lengthen, move and double parts."""
    for _ in range(n):
        changed = bytearray(data)
        at = int(rng.integers(len(data)))
        match int(rng.integers(7)):
            case 0:
                changed[at] ^= 1 << int(rng.integers(8))
            case 1:
                changed[at] = int(rng.integers(256))
            case 2:
                del changed[at:]
            case 3:
                del changed[at : at + int(rng.integers(1, 9))]
            case 4:
                changed[at:at] = rng.bytes(int(rng.integers(1, 9)))
            case 5:
                width = int(rng.choice([2, 4, 8]))
                value = int(rng.choice([0, 1, 2**15, 2**16 - 1]))
                changed[at : at + width] = (value * (2**48 + 1) % 2 ** (8 * width)).to_bytes(
                    width, "little"
                )
            case 6:
                to = int(rng.integers(len(data)))
                changed[to : to + 16] = changed[at : at + 16]
        if changed != data:
            yield bytes(changed)


@pytest.mark.parametrize("name", ["unstarted", "running", "table", "names"])
def test_damaged_bytes_are_refused(name):
    data = FORESTS[name]().to_bytes()
    for damaged in mutations(data, 1500, np.random.default_rng(1)):
        with pytest.raises(ModelFormatError):
            RandomCutForest.from_bytes(damaged)


@pytest.mark.parametrize("name", ["running", "table"])
def test_truncated_bytes_are_refused(name):
    data = FORESTS[name]().to_bytes()
    for size in {*range(300), *range(0, len(data), 211)}:
        with pytest.raises(ModelFormatError):
            RandomCutForest.from_bytes(data[:size])


def resealed(data):
    """Put a matching checksum under changed bytes."""
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))


@pytest.mark.parametrize("name", ["running", "table", "names"])
def test_forged_bytes_are_refused_or_harmless(name):
    data = FORESTS[name]().to_bytes()
    head = 24 + struct.unpack_from("<I", data, 12)[0]
    rng = np.random.default_rng(2)
    accepted = 0
    for damaged in mutations(data[: head + 64], 3000, rng):
        accepted += survives(resealed(damaged + data[head + 64 :]))
    for damaged in mutations(data[head:-4], 1500, rng):
        sizes = struct.pack("<Q", len(damaged))
        accepted += survives(resealed(data[:16] + sizes + data[24:head] + damaged + data[-4:]))
    assert accepted < 1500  # some change nothing but a digit of a parameter


def survives(data):
    """Whether the bytes are taken; if they are, the forest must work."""
    try:
        forest = RandomCutForest.from_bytes(data)
    except ModelFormatError:
        return False
    if forest.n_seen or forest.is_ready:
        rows = ahead(forest, 5)
        assert np.isfinite(forest.score(rows)).all()
        forest.update(rows)
    return True


@pytest.mark.parametrize("name", ["running", "table", "small table", "first rows"])
def test_the_native_state_is_guarded_too(name):
    data = FORESTS[name]()._core.to_bytes()
    assert Forest.from_bytes(data).to_bytes() == data
    for damaged in mutations(data, 2000, np.random.default_rng(3)):
        with pytest.raises(ValueError, match=r"\w"):
            Forest.from_bytes(damaged)


def native_reseal(data):
    """Put length and checksum into the head of a changed native state."""
    body = data[20:]
    return data[:8] + struct.pack("<QI", len(body), zlib.crc32(body)) + body


def forge_native_state(name):
    """Run by the test below in a process of its own."""
    data = FORESTS[name]()._core.to_bytes()
    assert native_reseal(data) == data
    accepted = 0
    for forged in mutations(data, 1500, np.random.default_rng(4)):
        try:
            forest = Forest.from_bytes(native_reseal(forged))
        except ValueError:
            continue
        accepted += 1
        rows = np.random.default_rng(0).normal(size=(300, forest.options()["n_columns"]))
        assert np.isfinite(forest.score_update(rows)).all()
        assert np.isfinite(forest.score(rows)).all()
        assert forest.to_bytes()
    assert accepted > 10


@pytest.mark.parametrize(
    "name", ["first rows", "running", "duplicates", "gap", "only gaps", "after fit"]
)
def test_forged_native_state_is_refused_or_harmless(name):
    command = [sys.executable, __file__, "forge_native_state", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"


def ask_for_memory(shingle_size, n_trees, padding):
    """A small file that describes a huge empty forest."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    data = bytearray(RandomCutForest().update([np.nan])._core.to_bytes())
    struct.pack_into("<IIII", data, 20, 1, int(shingle_size), int(n_trees), 32_000)
    data += bytes(int(padding))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(ValueError):
        Forest.from_bytes(native_reseal(bytes(data)))
    taken_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken_kib < 600 << 10


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("options", [("65535", "100", "0"), ("1", "20000", "1000000")])
def test_small_bytes_cannot_ask_for_much_memory(options):
    command = [sys.executable, __file__, "ask_for_memory", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"


def with_header(data, **changes):
    """Change entries of the header; None removes one."""
    size, core_size = struct.unpack_from("<IQ", data, 12)
    header = json.loads(data[24 : 24 + size])
    header.update(changes)
    text = json.dumps({key: value for key, value in header.items() if value != "gone"}).encode()
    body = data[:12] + struct.pack("<IQ", len(text), core_size) + text + data[24 + size :]
    return resealed(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "Autoencoder"},
        {"model": "gone"},
        {"params": "gone"},
        {"params": []},
        {"params": {}, "n_features_in": "gone"},
        {"params": {"n_trees": 0}},
        {"params": {"n_trees": True}},
        {"params": {"trees": 5}},
        {"params": {"self": 5}},
        {"params": {"n_jobs": "all"}},
        {"params": {"n_trees": {"a": [1]}}},
        {"n_features_in": 2},
        {"n_features_in": "3"},
        {"n_features_in": None},
        {"feature_names_in": ["a", "b"]},
        {"feature_names_in": ["a", "b", 3]},
        {"feature_names_in": "abc"[:2]},
        {"feature_names_in": 5},
        {"offset": "low"},
        {"offset": "gone"},
        {"offset": [1.0]},
    ],
)
def test_headers_are_checked(changes):
    data = FORESTS["table"]().to_bytes()
    assert RandomCutForest.from_bytes(with_header(data)).n_seen == 400
    with pytest.raises(ModelFormatError):
        RandomCutForest.from_bytes(with_header(data, **changes))


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000, b"[]", b"1" * 10_000, b"\xff", b""])
def test_headers_that_are_no_json_objects(text):
    body = struct.pack("<8sHHIQ", b"FASTRCF\0", 1, 0, len(text), 0) + text
    with pytest.raises(ModelFormatError, match="header"):
        RandomCutForest.from_bytes(resealed(body + b"0000"))


# What version 2 of the native format wrote after 5, 7 and 60 rows, compressed, with the forest's
# scores of 0, 2.5 and 4.
VERSION_2 = {
    5: (
        [0.0, 0.0, 0.0],
        (
            "c-nIda&}{4U|`5+WB>!J0=Xm*6NEwH96($xvd;ZsRf|0v12TAE&(44fSaI+fVH`&6iX9jj8bH_{$aDy~V=lE"
            "f_i$Ms+na!WXQl*}df6oX(&PEuF8ijr)sHm*rf>1DjSjmLKko+_l+$GIzz}(9k3ECip<sJP21aH^Mh5S#Q4W"
            "kOj7(dCD{`Vu*belisrzhS$#)=g?rCfG%y;|iWE1aJh=1H)mbTnTNbrb#Sw|q_mvl#oU7`1m9V)wLktgBs@6"
            "XibP3iLln+&IPErwY<-GFiHOZOM{Ad8KDnK&>kzZnFylflNe#~y6)(Q~n2i&G}do~je^Y5%OO{9`PWp6vhMz"
            "2s6)-qZbYDL+KonXcRaQ~mk7`u_X<04RoP5C"
        ),
    ),
    7: (
        [0.7093212604522705, 1.0022960901260376, 0.8931871056556702],
        (
            "c-nIda&}{4U|{HFWB`NnihZ|1Ob`Z%a{zI*$U66jRW0^x49MVtJv##`z{Lj}%?e{c0V{&(z`)P|!uCL>1OEZ"
            "155HP6H>|QbFV4sHJNSn8k3WxVJsnr-doV4{cQNCDY7#TMy8L?->j980IZgHs43U@i*fY2t3btngI-HT2i4o"
            "|0@2yb|j4X^yTY@WcqD|NiEdI68VRz!^{e5ZbKHFFF9mt$}+L}G{-TrOb`+R#(Kigj?n|QZE{Nw(zwB<%Zf="
            "BFczI%DkvQO}Y(yyDVmUl7>3S6{Y7n>>jlI5M@(Ne$I127+|zOAu4c$(n=BQS`JewjEhEWa6K5A>~#ZI3<FD"
            "M!!6f}N5wVfIv=h)?@xW#u1Zne=4;|L!H1dh(v`FWC^(EH?9jeO$^9k#?r*_Wx9W{;t0Nem?-e(|JA"
        ),
    ),
    60: (
        [0.8821506202220917, 1.6377946138381958, 1.4637662470340729],
        (
            "c-nIda&}{4U|?9q$N&amDJmC0Ob`Z%a{zI*$U66jRW0^x49MVtJv##`u))Cx8_f#D%t(?j3mBl{Qpk$Ipuqu"
            "%?HL#xfHZ@{vFUDXt2EZP<qO|CyRbnxf5+-Y37oF-f1KYZF^4>Uvcv_di^Z>L{p9of2N;1a57)kF&){|_*q#"
            "Y!6%!LH10&0p;EJ4R6Sf1h4lD~Yn9O*fFHPNN`%1n8E9QtB%D1o`_{F?hKum(|fSB3U<=>-N515GU-@a@T%Y"
            "hecvQLyw2_JY}+LkqYR@%Fd!X_fe*=HE~mm6A5n|VO_+iK^!uafbeFh8#?;<)nHkrV6;qhBTt49jl@*)swi0"
            "rd0HbFmJL%uI|d3|kl!Qk*5251crqwCd<ejswqgdjA`XG95_%BI)@50>^=RE7|T@#u5htZfaikn8R@(>!3o;"
            "`g*1VB4IvhrrJyg0MAo$-v"
        ),
    ),
}


def version_2(n_rows):
    scores, text = VERSION_2[n_rows]
    forest = Forest.from_bytes(zlib.decompress(base64.b85decode(text)))
    return forest, np.array(scores)


@pytest.mark.parametrize("n_rows", VERSION_2)
def test_states_of_version_2_are_read(n_rows):
    forest, scores = version_2(n_rows)
    assert forest.n_seen == n_rows
    assert_array_equal(forest.score(np.array([[0.0], [2.5], [4.0]])), scores)
    again = Forest.from_bytes(forest.to_bytes())
    rows = (np.arange(100.0) * 7 % 11)[:, None]
    assert_array_equal(again.score_update(rows), forest.score_update(rows))
    assert again.to_bytes() == forest.to_bytes()


def test_a_forest_of_version_2_that_is_not_ready_keeps_its_sample_alone():
    forest, _ = version_2(5)
    tree = forest.tree(0)
    assert_array_equal(tree["dimension"], -1)
    assert_array_equal(tree["arrival"], np.arange(5))
    assert_array_equal(tree["sample_leaves"][np.argsort(tree["sample_keys"])], [3, 0, 4, 1, 2])
    forest.update(np.array([[1.0]]))
    tree = forest.tree(0)
    assert forest.is_ready
    assert tree["mass"][0] == 6
    assert (tree["dimension"] >= 0).sum() == 4  # six points, of which two are equal


def test_later_versions_are_told():
    data = bytearray(FORESTS["table"]().to_bytes())
    data[8] = 9
    with pytest.raises(ModelFormatError, match="version 9 of the format is unknown"):
        RandomCutForest.from_bytes(resealed(bytes(data)))


def test_a_hostile_number_of_threads_is_bounded():
    data = FORESTS["table"]().to_bytes()
    params = {**FORESTS["table"]().get_params(), "n_jobs": 10**9}
    forest = RandomCutForest.from_bytes(with_header(data, params=params))
    assert forest._core.n_jobs <= 256


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
