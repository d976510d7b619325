import pytest

from gallery.printable import printable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo\r", r"one\ntwo\r"),
        ("a\tb", r"a\tb"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("C:\\new", r"C:\\new"),
        ("\udcff.jpg", r"\udcff.jpg"),
        ("\u2028", r"\u2028"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2066gpj\u2069", r"\u2066gpj\u2069"),
        ("\x85\x0b\x1c", r"\x85\x0b\x1c"),
        ("\0\x7f\x9b", r"\x00\x7f\x9b"),
    ],
)
def test_what_would_move_the_cursor_or_break_the_line_is_escaped(text: str, line: str) -> None:
    assert printable(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Кошка на окне.jpg",
        "🐈 cat",
        "café",
        "e\u0301",
        "猫",
        "a 'b' \"c\"",
        "Screenshot 2024-03-01 at 3.45.12\u202fPM.png",
        "全角\u3000スペース.jpg",
        "👩\u200d👩\u200d👧",
        "می\u200cخواهم",  # noqa: RUF001
        "\u200eשלום",  # noqa: RUF001
        "\ue000\u0378",
    ],
)
def test_text_that_can_be_read_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_a_real_newline_and_a_typed_one_stay_apart() -> None:
    assert printable("\n") != printable("\\n")
