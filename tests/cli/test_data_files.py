"""Files of points: either they are read, or one DataFileError names the place."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingd_ref._io import PointFile, read_points, write_arrays, write_bytes, write_json
from ingd_ref.errors import CheckpointError, DataFileError

POINTS = np.array([[1.0, -2.5], [3.0, 1e-300], [5e300, 0.1]])
# All examples of a test write the same file in the same directory.
fuzz = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def npy(array, **options):
    packed = io.BytesIO()
    np.save(packed, array, **options)
    return packed.getvalue()


def npz(**arrays):
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def wrong(path, data, message):
    path.write_bytes(data)
    with pytest.raises(DataFileError, match=message) as caught:
        read_points(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i2", "u1", "<f2"])
def test_npy_of_any_real_type(tmp_path, dtype):
    array = np.array([[1, 2], [3, 4]], dtype=dtype)
    (tmp_path / "a.npy").write_bytes(npy(array))
    found = read_points(tmp_path / "a.npy").points
    assert np.array_equal(found, array)
    assert found.dtype == (np.float32 if dtype == "<f4" else np.float64)
    assert found.dtype.isnative
    assert found.flags.writeable


def test_npy_in_fortran_order_and_one_axis(tmp_path):
    (tmp_path / "f.npy").write_bytes(npy(np.asfortranarray(POINTS)))
    assert np.array_equal(read_points(tmp_path / "f.npy").points, POINTS)
    (tmp_path / "v.npy").write_bytes(npy(POINTS[:, 0]))
    assert np.array_equal(read_points(tmp_path / "v.npy").points, POINTS[:, :1])


def test_npz_by_name_or_alone(tmp_path):
    (tmp_path / "one.npz").write_bytes(npz(points=POINTS))
    assert np.array_equal(read_points(tmp_path / "one.npz").points, POINTS)
    (tmp_path / "two.npz").write_bytes(npz(a=POINTS, b=POINTS + 1))
    assert np.array_equal(read_points(tmp_path / "two.npz", "b").points, POINTS + 1)
    with pytest.raises(DataFileError, match=r"2 arrays \(a, b\)"):
        read_points(tmp_path / "two.npz")
    with pytest.raises(DataFileError, match="no array 'c'; it holds a, b"):
        read_points(tmp_path / "two.npz", "c")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " "])
@pytest.mark.parametrize("header", ["", "east{}north\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_of_any_layout(tmp_path, delimiter, header, newline):
    rows = [delimiter.join(map(repr, row.tolist())) for row in POINTS]
    text = "# a remark\n" + header.format(delimiter) + "\n".join([rows[0], "", *rows[1:]])
    (tmp_path / "a.csv").write_bytes(text.replace("\n", newline).encode("utf-8-sig"))
    found = read_points(tmp_path / "a.csv")
    assert np.array_equal(found.points, POINTS)
    assert found.columns == (("east", "north") if header else ("0", "1"))
    assert found.named == bool(header)


def test_csv_of_one_column(tmp_path):
    (tmp_path / "a.csv").write_text("value\n1\n2\n")
    assert np.array_equal(read_points(tmp_path / "a.csv").points, [[1.0], [2.0]])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.npy", b"1.0,2.0\n", "not a NumPy array file"),
        ("a.npy", b"", "is empty"),
        ("a.npy", npy(POINTS)[:-1], "cut short"),
        ("a.npy", npy(POINTS)[:40], "not a NumPy array file"),
        ("a.npy", npy(np.array([{}], dtype=object)), "Python objects"),
        ("a.npy", npy(POINTS * 1j), "real numbers, got dtype complex128"),
        ("a.npy", npy(POINTS > 0), "real numbers, got dtype bool"),
        ("a.npy", npy(np.array(["a"])), "real numbers"),
        ("a.npy", npy(np.zeros((0, 2))), "n ≥ 1"),
        ("a.npy", npy(np.zeros((2, 2, 2))), r"got shape \(2, 2, 2\)"),
        (
            "a.npy",
            npy(np.array([[1.0, 2.0], [np.nan, np.inf]])),
            r"2 value\(s\) .* first in row 1, column 0",
        ),
        ("a.npz", b"PK\x03\x04 but no more", "not a NumPy archive"),
        ("a.npz", npz(a=POINTS)[:-30], "not a NumPy archive"),
        ("a.csv", b"\xff\xfe1,2\n", "not text in UTF-8"),
        ("a.csv", b"\n\n# nothing\n", "no line of numbers"),
        ("a.csv", b"east,north\n", "no line of numbers"),
        ("a.csv", b"1,2\n3\n", "ragged: line 2 has 1"),
        ("a.csv", b"a,b,c\n1,2\n", "ragged: line 2 has 2 column"),
        ("a.csv", b"1,2\n3,four\n", "line 2, column 1 reads 'four'"),
        ("a.csv", b"1,two\n3,4\n", "line 1, column 1 reads 'two'"),
        ("a.csv", b"1,2\n3,nan\n", "finite numbers, but line 2, column 1 reads 'nan'"),
        ("a.csv", b"1,2\n3,\n", "line 2, column 1 reads ''"),
        ("a.csv", b"1;2,5\n", "line 1, column 1 reads '2,5'"),
        ("a.txt", b"1,2\n", "must end in .npy, .npz, .csv"),
    ],
)
def test_wrong_files_are_named(tmp_path, name, data, message):
    wrong(tmp_path / name, data, message)


def test_a_header_larger_than_the_file_is_rejected(tmp_path):
    header = npy(POINTS).replace(b"(3, 2)", b"(9999999999, 9999)")
    length = int.from_bytes(header[8:10], "little") + 10  # ten bytes more of shape
    wrong(
        tmp_path / "a.npy",
        header[:8] + length.to_bytes(2, "little") + header[10:],
        "cut short|not a NumPy array file",
    )


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(DataFileError, match="No such file"):
        read_points(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataFileError, match="cannot be read"):
        read_points(tmp_path / "folder.csv")
    (tmp_path / "a.csv").write_text("1\n")
    with pytest.raises(DataFileError, match="single array"):
        read_points(tmp_path / "a.csv", "name")


def sound(path):
    """Read a valid array, or raise DataFileError."""
    try:
        found = read_points(path)
    except DataFileError:
        return
    assert isinstance(found, PointFile)
    assert found.points.ndim == 2
    assert found.points.size > 0
    assert np.all(np.isfinite(found.points))
    assert len(found.columns) == found.points.shape[1]


@fuzz
@given(data=st.binary(max_size=400), suffix=st.sampled_from(["npy", "npz", "csv"]))
def test_random_bytes(tmp_path, data, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(data)
    sound(tmp_path / f"a.{suffix}")


@fuzz
@given(
    place=st.integers(0, 10_000),
    value=st.integers(0, 255),
    cut=st.integers(0, 10_000),
    zipped=st.booleans(),
)
def test_damaged_arrays(tmp_path, place, value, cut, zipped):
    data = bytearray(npz(a=POINTS) if zipped else npy(POINTS))
    data[place % len(data)] = value
    path = tmp_path / ("a.npz" if zipped else "a.npy")
    path.write_bytes(bytes(data[: 1 + cut % len(data)]))
    sound(path)
    path.write_bytes(bytes(data))
    sound(path)


@fuzz
@given(
    header=st.text(
        alphabet="{}()[]'\",:<>fiO0123456789 descrshapeortan_TrueFalse\\\n", max_size=120
    )
)
def test_random_headers(tmp_path, header):
    encoded = header.encode()
    data = b"\x93NUMPY\x01\x00" + len(encoded).to_bytes(2, "little") + encoded + bytes(64)
    (tmp_path / "a.npy").write_bytes(data)
    sound(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", data)
    sound(tmp_path / "a.npz")


@fuzz
@given(text=st.text(alphabet='0123456789.,;\t eEnaif+-_#"\n\rxyz\0\u00e9\u2028', max_size=120))
def test_random_tables(tmp_path, text):
    (tmp_path / "a.csv").write_bytes(text.encode())
    sound(tmp_path / "a.csv")


def test_writing_keeps_an_earlier_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, {"a": [1.0, 2.0]})
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(
        CheckpointError,
        match=r"a\.json cannot be written: No space left on device; the earlier file",
    ):
        write_bytes(path, b"other")
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})


def test_arrays_come_back(tmp_path):
    write_arrays(tmp_path / "a.npz", {"points": POINTS})
    assert np.array_equal(read_points(tmp_path / "a.npz").points, POINTS)
