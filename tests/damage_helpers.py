"""Bundles with changed contents: bytes that are not to be trusted."""

import copy
import json

import pytest

from detector_helpers import state
from fastrcf import ModelFormatError, persistence

_STRANGE = [None, -1, 0, 3, 2.5, 1e300, 10**30, True, "text", [], [None], {}, {"kind": "shape"}]


def opened(model):
    """Section and parts of a bundle, as they are read again."""
    section, parts = model._to_parts()
    return json.loads(json.dumps(section)), parts


def bundle_of(model, section, parts):
    """A bundle with sound checksums around changed contents."""

    class Changed:
        _bundle_kind = model._bundle_kind
        n_features_in_ = model.n_features_in_

        def _to_parts(self):
            return section, parts

    return persistence.to_bytes(Changed())


def refused_sections(detector, rows, step):
    """Put strange values in every place of a section, one of `step` in turn; count what is refused.

    Whatever is believed must go on: it learns the rows and is saved.
    """
    section, parts = opened(detector)
    assert section["state"]["detections"]
    refused = 0
    for turn, path in enumerate(_places(section)):
        for strange in _STRANGE[turn % step :: step] if path else ():
            data = bundle_of(detector, _changed(section, path, strange), parts)
            try:
                other = persistence.from_bytes(data)
            except ModelFormatError:
                refused += 1
                continue
            if other.n_seen_:
                other.update(rows)
                assert isinstance(state(other), bytes)
    return refused


def check_refused_parts(detector, part, many_changes):
    """Whatever is changed in the parts is refused, and a bundle without one of them."""
    section, parts = opened(detector)
    for changes in many_changes:
        with pytest.raises(ModelFormatError):
            persistence.from_bytes(bundle_of(detector, section, parts | changes))
    del parts[part]
    with pytest.raises(ModelFormatError, match=part):
        persistence.from_bytes(bundle_of(detector, section, parts))


def _places(value, path=()):
    """Every place in nested lists and dictionaries, some of long lists."""
    yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _places(each, (*path, name))
    elif isinstance(value, list):
        for place in sorted({0, len(value) - 1} if value else ()):
            yield from _places(value[place], (*path, place))


def _changed(section, path, new):
    section = copy.deepcopy(section)
    inside = section
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = new
    return section
