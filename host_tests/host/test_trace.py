"""The trace reader: every bad file is refused with file, line, column and reason."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packwarden_host.errors import BadInput
from packwarden_host.trace import Trace


@pytest.fixture
def rows(written):
    def read(content, batteries=4):
        trace = Trace(written(content), batteries)
        return [(row.t_ms, row.cells) for row in trace]

    return read


@pytest.fixture
def reason(written):
    """The text with which a trace is refused, without the file's name."""

    def read(content, batteries=4):
        path = written(content)
        with pytest.raises(BadInput) as caught:
            list(Trace(path, batteries))
        text = str(caught.value)
        assert text.startswith(f"{path}: line ")
        return text.removeprefix(f"{path}: ")

    return read


def test_cells_are_numbers_words_or_nothing(rows):
    text = "t_s,i1_A,tp1_C,v1_V,cb1\n0,-1.5e1,open,frozen,1\n0.25, ,+80.,absent,0\n"
    assert rows(text) == [
        (0, [0.0, -15.0, "open", "frozen", 1.0]),
        (250, [0.25, None, 80.0, "absent", 0.0]),
    ]


def test_comments_empty_lines_mark_and_line_ends_do_not_matter(rows):
    text = "\ufeff# made by hand\r\n\r\nt_s , i1_A\r\n  # half way\r\n0,1\r\n1,2\r\n"
    assert rows(text) == [(0, [0.0, 1.0]), (1000, [1.0, 2.0])]


def test_a_file_without_a_last_line_end_and_with_quotes_is_read(rows):
    assert rows('"t_s","i1_A"\n0,"1"') == [(0, [0.0, 1.0])]


def test_two_rows_may_fall_into_one_millisecond(rows):
    assert [t for t, _ in rows("t_s\n0\n0.0001\n0.0002\n")] == [0, 0, 0]


def test_time_is_rounded_to_milliseconds(rows):
    assert [t for t, _ in rows("t_s\n0\n0.0294\n0.0296\n1.1\n")] == [0, 29, 30, 1100]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: the file is empty"),
        ("# only a comment\n\n", "line 1: the file is empty"),
        ("0,1,2\n1,2,3\n", "line 1: no header row"),
        ("i1_A,v1_V\n1,53\n", "line 1: the column t_s (time in seconds) is missing"),
        ("t_s,i1_A\n", "line 1: no rows below the header"),
        ("t_s,amps\n0,1\n", "line 1, column 2 ('amps'): unknown column"),
        ("t_s,i1_a\n0,1\n", "line 1, column 2 ('i1_a'): unknown column, is i1_A meant?"),
        ("t_s,i01_A\n0,1\n", "line 1, column 2 ('i01_A'): unknown column"),
        ("t_s,cb1_A\n0,1\n", "line 1, column 2 ('cb1_A'): unknown column"),
        ("t_s,i16_A\n0,1\n", "line 1, column 2 ('i16_A'): unknown column"),
        ("t_s;i1_A\n0;1\n", "line 1, column 1 ('t_s;i1_A'): unknown column"),
        ("t_s,i1_A,\n0,1,\n", "line 1, column 3 (''): a column without a name"),
        (
            "t_s,i5_A\n0,1\n",
            "line 1, column 2 ('i5_A'): names battery 5, the configured bank has 4",
        ),
        ("t_s,i1_A,i1_A\n0,1,1\n", "line 1, column 3 ('i1_A'): the column appears twice"),
        (
            "t_s,i1_A\n0,many\n",
            "line 2, column 2 (i1_A): 'many' is not a finite number or 'absent'",
        ),
        ("t_s,i1_A\n0,nan\n", "line 2, column 2 (i1_A): 'nan' is not a finite number"),
        ("t_s,i1_A\n0,-inf\n", "line 2, column 2 (i1_A): '-inf' is not a finite number"),
        ("t_s,i1_A\n0,1e400\n", "line 2, column 2 (i1_A): '1e400' is too large"),
        ("t_s,i1_A\n0,1_000\n", "line 2, column 2 (i1_A): '1_000' is not a finite number"),
        ("t_s,i1_A\n0,\u0663\n", "line 2, column 2 (i1_A): '\u0663' is not a finite number"),
        ("t_s,i1_A\n0,open\n", "line 2, column 2 (i1_A): 'open' is not a finite number"),
        ("t_s,tp1_C\n0,absent\n", "line 2, column 2 (tp1_C): 'absent' is not a finite number"),
        ("t_s,tp1_C\n0,-300\n", "line 2, column 2 (tp1_C): '-300' is below absolute zero"),
        ("t_s,cb1\n0,2\n", "line 2, column 2 (cb1): '2' is neither 0 nor 1"),
        ("t_s,bms1\n0,yes\n", "line 2, column 2 (bms1): 'yes' is not a finite number"),
        ("t_s,i1_A\n,1\n", "line 2, column 1 (t_s): '' is not a finite number"),
        ("t_s\n-1\n", "line 2, column 1 (t_s): '-1' is outside 0.."),
        ("t_s\n1\n", "line 2, column 1 (t_s): the first row stands at 0 s"),
        ("t_s\n0\n2\n1.5\n", "line 4, column 1 (t_s): time runs back, from 2 s to 1.5 s"),
        ("t_s,i1_A\n0\n", "line 2, column 2: the row has 1 cells, the header names 2 columns"),
        ("t_s,i1_A\n0,1,2\n", "line 2, column 3: the row has 3 cells"),
        ('t_s,i1_A\n0,"1\n', "line 2: unexpected end of data"),
        (b"t_s,i1_A\n0,\xff\xfe\n", "line 2: not UTF-8 text"),
        (b"\x7fELF\x00\x00\x01\n", "line 1: not UTF-8 text"),
        ("t_s\n0\n".encode("utf-16"), "line 1: not UTF-8 text"),
        ("t_s\n0" + "0" * 70_000, "line 2: longer than 65536 characters"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_reason(reason, text, expected):
    assert reason(text).startswith(expected)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        Trace(tmp_path / "none.csv", 4)
    with pytest.raises(BadInput, match="Is a directory"):
        Trace(tmp_path, 4)


_headers = st.lists(
    st.sampled_from(["t_s", "i1_A", "v2_V", "tp1_C", "cb1", "bms2", "vbus_V", "tamb_C", "x", ""]),
    min_size=1,
    max_size=5,
).map(",".join)
_cells = st.sampled_from(["0", "1", "2.5", "-1", "open", "absent", "frozen", "", "x", "nan", '"'])
_lines = st.lists(st.lists(_cells, min_size=1, max_size=5).map(",".join), max_size=4)
_almost = st.builds(lambda head, lines: "\n".join([head, *lines]).encode(), _headers, _lines)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300) | _almost)
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(written, content):
    try:
        for row in Trace(written(content), 4):
            assert row.t_ms >= 0
    except BadInput as error:
        assert "\n" not in str(error)
