"""Specs of networks: what they refuse, and that they survive as plain values."""

import json

import pytest

from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec, spec_from_dict, spec_to_dict

SPECS = [
    LstmSpec(window_size=5, n_features=39, encoder=(128, 64), activation="relu", dropout=0.1),
    LstmSpec(window_size=5, n_features=3, encoder=(2,), decoder=(4,), output="sigmoid"),
    LinearSpec(window_size=500, n_features=1),
    ConvSpec(window_size=500, n_features=1, n_classes=3),
]


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_a_spec_survives_json(spec):
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(spec)))) == spec


def test_the_decoder_mirrors_the_encoder_unless_given():
    spec = LstmSpec(window_size=5, n_features=39, encoder=[128, 64])
    assert spec.decoder == (64, 128)
    assert spec.layers == (
        ("encoder.0", 39, 128),
        ("encoder.1", 128, 64),
        ("decoder.0", 64, 64),
        ("decoder.1", 64, 128),
    )


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        (LstmSpec, {"window_size": 0}, ValueError, "window_size: expected an integer of at least"),
        (LstmSpec, {"n_features": 1.5}, TypeError, "n_features: expected an integer"),
        (LstmSpec, {"encoder": ()}, ValueError, "encoder: expected 1 to 16 layers, got 0"),
        (LstmSpec, {"encoder": 64}, TypeError, "encoder: expected a tuple of layer sizes"),
        (LstmSpec, {"encoder": (64, 0)}, ValueError, r"encoder\[1\]: expected an integer"),
        (LstmSpec, {"activation": "gelu"}, ValueError, "activation: expected one of"),
        (LstmSpec, {"output": "tanh"}, ValueError, "output: expected one of"),
        (LstmSpec, {"dropout": 1.0}, ValueError, "dropout: expected at least 0 and below 1"),
        (LinearSpec, {"hidden": (0,)}, ValueError, r"hidden\[0\]: expected an integer"),
        (LinearSpec, {"slope": 1}, ValueError, "slope: expected at least 0 and below 1"),
        (ConvSpec, {"n_classes": 1}, ValueError, "n_classes: expected an integer of at least 2"),
        (ConvSpec, {"n_classes": 2, "kernel_size": 4}, ValueError, "kernel_size: expected an odd"),
        (
            ConvSpec,
            {"n_classes": 2, "window_size": 3},
            ValueError,
            "window_size: expected at least 4 rows for 2 layers",
        ),
    ],
)
def test_a_wrong_option_is_named(kind, options, error, message):
    with pytest.raises(error, match=message):
        kind(**{"window_size": 8, "n_features": 3, **options})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kind": "gru"}, ValueError, "kind: expected one of"),
        ({"kind": None}, TypeError, "kind: expected one of"),
        ({"depth": 3}, ValueError, r"spec: expected .*, got \['depth'\]"),
        ({"window_size": "5"}, TypeError, "window_size: expected an integer"),
    ],
)
def test_a_foreign_dict_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        spec_from_dict({**spec_to_dict(SPECS[0]), **change})
