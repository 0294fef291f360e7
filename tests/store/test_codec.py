"""The codec: every bit pattern survives every encoding, and no payload can do harm."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.errors import CorruptObject
from wisedb.store import byte_shuffle
from wisedb.store.blobs import ITEM_SIZES, Array
from wisedb.store.codec import RAW, SHUFFLE, ULP, decode, encode, needs_reference

dtypes = st.sampled_from(sorted(ITEM_SIZES))


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    dtype = draw(dtypes)
    shape = draw(st.sampled_from([(0,), (1,), (3,), (2, 5), (4, 0), (), (300,)]))
    size = int(np.prod(shape)) * ITEM_SIZES[dtype]
    # Few distinct bytes make runs, all of them make noise: both kinds of encodings get chosen.
    alphabet = draw(st.sampled_from([bytes(range(256)), b"\x00\xff", b"\x00\x7f\x80\xc0\xff"]))
    seed = draw(st.integers(0, 2**32 - 1))
    picks = np.random.default_rng(seed).integers(0, len(alphabet), size)
    return Array(dtype, shape, bytes(alphabet[pick] for pick in picks))


@st.composite
def versions(draw: st.DrawFn) -> tuple[Array, Array]:
    """An array and an earlier version of it that differs in a few bytes."""
    array = draw(arrays())
    data = bytearray(array.data)
    for _ in range(draw(st.integers(0, 4)) if data else 0):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return array, Array(array.dtype, array.shape, bytes(data))


def floats(values: list[float] | np.ndarray, kind: str = "F32") -> Array:
    packed = np.asarray(values, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[kind])
    return Array(kind, packed.shape, packed.tobytes())


def check(array: Array, reference: Array | None = None) -> str:
    payload, recipe = encode(array, reference=reference)
    assert len(payload) <= len(array.data)
    back = decode(payload, recipe, dtype=array.dtype, shape=array.shape, reference=reference)
    assert back == array
    return str(recipe["codec"])


@given(arrays())
def test_every_array_comes_back(array: Array) -> None:
    assert check(array) in {RAW, SHUFFLE}


@given(versions())
def test_every_array_comes_back_from_its_difference(pair: tuple[Array, Array]) -> None:
    check(*pair)


@given(versions())
def test_each_encoding_by_itself_is_lossless(pair: tuple[Array, Array]) -> None:
    """Also where it isn't the smallest and so would never be chosen for so small an array."""
    array, reference = pair
    steps = byte_shuffle.steps(array.data, reference.data, array.dtype)
    for name, encoded in ((SHUFFLE, array.data), (ULP, steps)):
        payload = zlib.compress(byte_shuffle.shuffle(encoded, array.dtype))
        assert decode(payload, {"codec": name}, dtype=array.dtype, shape=array.shape, reference=reference) == array


@pytest.mark.parametrize("dtype", ["F16", "BF16", "I16", "U16"])
def test_all_patterns_of_sixteen_bits_survive_against_any_other(dtype: str) -> None:
    patterns = np.arange(1 << 16, dtype="<u2")
    array = Array(dtype, (1 << 16,), patterns.tobytes())
    shuffled = np.random.default_rng(0).permutation(patterns)
    for other in (np.roll(patterns, 1), patterns[::-1], shuffled):
        check(array, Array(dtype, (1 << 16,), other.tobytes()))
        check(Array(dtype, (1 << 16,), other.tobytes()), array)


def test_special_floats_keep_their_bits() -> None:
    patterns = [0x7FC00001, 0xFFC12345, 0x7F800001, 0x80000000, 0, 0x7F800000, 0xFF800000, 1, 0x80000001]
    words = np.array(patterns * 50, "<u4")
    array = Array("F32", words.shape, words.tobytes())
    check(array, floats(np.zeros(words.shape)))
    check(floats(np.zeros(words.shape)), array)


def test_a_step_of_one_ulp_is_one_also_across_zero() -> None:
    """−0.0 and the smallest negative are neighbours of 0.0: their difference costs next to nothing."""
    tiny = np.finfo(np.float32).smallest_subnormal
    before = np.random.default_rng(0).choice(np.array([0.0, -0.0, tiny, -tiny], np.float32), 20_000)
    after = np.nextafter(before, np.float32(1))
    payload, recipe = encode(floats(after), reference=floats(before))
    assert recipe["codec"] == ULP
    assert len(payload) < 0.2 * before.nbytes


def test_a_close_version_is_stored_as_a_difference_and_much_smaller() -> None:
    generator = np.random.default_rng(0)
    weights = generator.standard_normal(20_000).astype(np.float32)
    near = floats(weights * (1 + 1e-5 * generator.standard_normal(20_000)))
    alone, recipe = encode(near)
    assert recipe == {"codec": SHUFFLE}
    against, recipe = encode(near, reference=floats(weights))
    assert recipe == {"codec": ULP}
    assert needs_reference(recipe)
    assert len(against) < 0.6 * len(alone)


def test_large_arrays_are_judged_by_samples() -> None:
    words = np.random.default_rng(0).standard_normal(600_000).astype("<f4")
    assert check(floats(words)) == SHUFFLE
    words[::1000] += 1
    assert check(floats(words), floats(np.sort(words))) in {SHUFFLE, ULP}


def test_noise_stays_raw() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 1000, np.uint8).tobytes()
    payload, recipe = encode(Array("U8", (1000,), noise))
    assert (payload, recipe) == (noise, {"codec": RAW})
    assert not needs_reference(recipe)


@pytest.mark.parametrize("other", [floats([1.0] * 65), floats([1.0] * 64, "F64"), Array("F32", (8, 8), bytes(256))])
def test_a_reference_of_another_kind_is_left_alone(other: Array) -> None:
    array = floats([1.0] * 64)
    payload, recipe = encode(array, reference=other)
    assert recipe == {"codec": SHUFFLE}
    assert decode(payload, recipe, dtype="F32", shape=(64,)) == array


def test_a_difference_needs_its_reference() -> None:
    before, after = floats(np.arange(1000)), floats(np.nextafter(np.arange(1000, dtype=np.float32), np.float32(9e9)))
    payload, recipe = encode(after, reference=before)
    assert recipe["codec"] == ULP
    for wrong in (None, floats(np.arange(999)), floats(np.arange(1000), "F64")):
        with pytest.raises(CorruptObject):
            decode(payload, recipe, dtype="F32", shape=(1000,), reference=wrong)


@pytest.mark.parametrize("claimed", [0, 10, 1 << 30])
def test_a_zip_bomb_is_not_inflated(claimed: int) -> None:
    """64 MB of zeros in 64 kB: what is declared is all that is ever made."""
    bomb = zlib.compress(bytes(64 << 20))
    with pytest.raises(CorruptObject):
        decode(bomb, {"codec": SHUFFLE}, dtype="U8", shape=(claimed,))


@pytest.mark.parametrize(
    ("payload", "recipe", "dtype", "shape"),
    [
        (b"12345", {"codec": RAW}, "F32", (1,)),
        (b"1234", {"codec": RAW}, "F32", (-1,)),
        (b"1234", {"codec": RAW}, "C64", (1,)),
        (b"1234", {"codec": "zstd"}, "F32", (1,)),
        (b"1234", {"codec": ["raw"]}, "F32", (1,)),
        (b"1234", {}, "F32", (1,)),
        (b"no zlib", {"codec": SHUFFLE}, "F32", (1,)),
        (b"", {"codec": SHUFFLE}, "F32", (1,)),
        (zlib.compress(b"1234")[:-1], {"codec": SHUFFLE}, "F32", (1,)),
        (zlib.compress(b"1234") + b"x", {"codec": SHUFFLE}, "F32", (1,)),
        (zlib.compress(b"123"), {"codec": SHUFFLE}, "F32", (1,)),
        (zlib.compress(b"12345"), {"codec": SHUFFLE}, "F32", (1,)),
    ],
)
def test_what_does_not_fit_is_corrupt(
    payload: bytes, recipe: dict[str, object], dtype: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(CorruptObject):
        decode(payload, recipe, dtype=dtype, shape=shape)


@given(arrays(), st.data())
def test_a_damaged_payload_never_raises_anything_else(array: Array, data: st.DataObject) -> None:
    payload, recipe = encode(array)
    damaged = bytearray(payload)
    if damaged:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        back = decode(bytes(damaged), recipe, dtype=array.dtype, shape=array.shape)
    except CorruptObject:
        return
    assert len(back.data) == len(array.data)


def test_equal_arrays_give_equal_payloads() -> None:
    array = floats(np.random.default_rng(3).standard_normal(5000))
    assert encode(array) == encode(Array(array.dtype, array.shape, bytes(array.data)))
