"""The one home of foreign text and of sentences: what cannot be seen, quotes, lists, guesses, numbers, cells.

Names of columns, classes, files and keys come with other people's data. They may steer a terminal, turn the direction
of reading, be as long as a book, or begin a formula in a spreadsheet. Whoever writes one asks here.
"""

from __future__ import annotations

import html
import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal

Form = Literal["short", "long", "masked"]
"""How a letter that cannot be seen is written: as Python does, as JSON and TOML do, or as one letter for one letter."""

LONGEST: Final = 61
"""Letters of a name that a sentence shows."""
_COMPARED: Final = 2000
_COMPARED_LETTERS: Final = 100
"""Names, and letters of a name, that are compared; with more it would take long."""
FORMULA: Final = (
    "=\ufe66\uff1d\u207c\u208c\u2a75\u2a76"  # small, wide, raised, lowered, doubled
    "+\ufe62\uff0b\u207a\u208a\ufb29"
    "-\ufe63\uff0d\u2212\u207b\u208b"
    "@\ufe6b\uff20"
)
"""What begins a formula in a spreadsheet: its signs, the minus sign, and every letter that Unicode takes for one."""
ROUNDING: Final = 1e-12
"""What is smaller than this share of the largest number is a rounding error, and shown as 0."""
_PLAIN_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LATER_CELL: Final = re.compile(rf';(?=[\s"]*[{re.escape(FORMULA)}])')
"""Where the comma is a decimal mark, spreadsheets split at semicolons, quoted or not."""

NAMED: Final = 12
MANY: Final = 20
"""Of more choices than `MANY` a refusal names the first `NAMED`, and says how many more there are."""
_ALSO_CALLED: Final = {
    "gpu": "cuda",
    "max_error": "neg_max_error",
    "auc": "roc_auc",
    "mcc": "matthews_corrcoef",
}
"""Words for a choice that look like another one."""

_ORDINALS: Final = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip

_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}

# Foreign text


def visible(text: str, form: Form = "short", keep: str = "") -> str:
    """Write a text on one line: what cannot be seen (controls, line ends, directions) as escapes such as \\x1b.

    Letters of `keep` stay as they are. The form "masked" keeps the width, for columns of a table.
    """
    if text.isprintable():
        return text
    escape = _ESCAPES[form]
    return "".join(letter if letter.isprintable() or letter in keep else escape(letter) for letter in text)


def visible_lines(text: str) -> str:
    """Give the same lines, without anything that would steer a terminal."""
    return "\n".join(map(visible, text.split("\n")))


def lines_html(text: str) -> str:
    """Give the same lines for a notebook, with the ink of the page around them."""
    shown = html.escape(visible_lines(text))
    return (
        f'<pre style="font-family:monospace;white-space:pre-wrap;background:none;color:inherit">{shown}</pre>'
    )


def long_escape(letter: str) -> str:
    """Write a letter as JSON and TOML escape it: `\\u001b`; beyond 16 bits as TOML does."""
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES: Final[dict[Form, Callable[[str], str]]] = {
    "short": lambda letter: letter.encode("unicode_escape").decode("ascii"),
    "long": long_escape,
    "masked": lambda _: "?",
}


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can write a text; names of files may hold bytes that it cannot (as lone surrogates)."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def shorten(text: str, longest: int = LONGEST) -> str:
    """Cut a text that has more than `longest` letters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def cut_amid(text: str, fits: Callable[[str], bool]) -> str:
    """Shorten a text in its middle, as little as fits: names that begin alike differ at their ends."""
    if fits(text):
        return text

    def ends(count: int) -> tuple[str, str]:
        return text[: (count + 1) // 2], text[len(text) - count // 2 :]

    too_many = bisect_left(range(len(text)), True, key=lambda count: not fits("…".join(ends(count))))
    first, last = ends(max(too_many - 1, 0))
    return f"{first.rstrip()}…{last.lstrip()}"


def quoted(text: str, longest: int = LONGEST, form: Form = "short") -> str:
    """Show a foreign text within a sentence: in quotes, cut, on one line."""
    return f'"{visible(shorten(text, longest), form)}"'


# Sentences


def listed(parts: Sequence[str], last: Literal["and", "or"] = "and", most: int | None = None) -> str:
    """Write a list: `a`, `a and b`, `a, b and c`; of more than `most` the first, and how many more."""
    if most is not None and len(parts) > most:
        parts = [*parts[: most - 1], f"{len(parts) - most + 1:,} more"]
    *first, end = parts or ("",)
    return f"{', '.join(first)} {last} {end}" if first else end


def first_few(parts: Sequence[str], most: int, joint: str = " and ", what: str = "more") -> str:
    """Write the first parts of a list, and how many more there are: `a, b and 12 more`."""
    more = f"{joint}{len(parts) - most:,} {what}" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def few_quoted(names: Iterable[str], most: int = 10) -> str:
    """Write the first names of a list, each in quotes, and how many more there are."""
    names = list(names)
    return first_few([*map(quoted, names[:most]), *names[most:]], most)


def nearest(word: str, known: Sequence[str]) -> str:
    """Give the known word that may be meant, "" where none is close; small and capital letters count the same.

    None among very many words: to compare with all of them would take long.
    """
    if len(known) > _COMPARED:
        return ""
    spelled = {other.lower(): other for other in reversed(known)}
    close = get_close_matches(word[:_COMPARED_LETTERS].lower(), list(spelled), n=1)
    return spelled[close[0]] if close else ""


def did_you_mean(word: str, known: Sequence[str], quote: Callable[[str], str] = str) -> str:
    """End a sentence with the known word that may be meant, never what was asked for; with nothing if none is close."""
    meant, said = nearest(word, known), quote(word)
    if meant and quote(meant) == said:  # as it is shown, it is what was asked for
        meant = nearest(word, [other for other in known if quote(other) != said])
    return f"; did you mean {quote(meant)}?" if meant else ""


def named_few(choices: Sequence[str]) -> str:
    """Name all choices, of very many the first."""
    return first_few(choices, NAMED if len(choices) > MANY else len(choices))


def wrong_choice(value: Any, choices: Sequence[str]) -> str:
    """Refuse a value that is none of the choices: all of them in their own order, what came, what may be meant."""
    hint = ""
    if isinstance(value, str):
        known = _ALSO_CALLED.get(value.lower(), "")
        hint = f"; did you mean {known!r}?" if known in choices else did_you_mean(value, choices, repr)
    return f"expected one of {named_few(choices)}, got {value_text(value)}{hint}"


def wrong_count(value: Any, most: int | None = None) -> str:
    """Refuse a value that is no whole number of at least 1; the upper bound is told only to whom it concerns."""
    above = most is not None and isinstance(value, int) and value > most
    bound = f" and at most {most}" if above else ""
    return f"expected a whole number of at least 1{bound}, got {value_text(value)}"


def value_text(value: Any) -> str:
    """Write a value that was given, for the end of a sentence: never long, never with a control character."""
    if isinstance(value, list | tuple):
        return _list_text(value)
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 10**20:
            return f"a whole number of {math.ceil(value.bit_length() * math.log10(2))} digits"
        case int() | float():
            return repr(value)
        case str():
            return shorten(repr(value[:200]), 60)
        case dict():
            return "a table"
    text = shorten(visible(str(value), "long"), 60)
    return f"{type(value).__name__} {text}"


def _list_text(values: list[Any] | tuple[Any, ...]) -> str:
    if not values:
        return "an empty list"
    if len(values) > 4 or any(isinstance(value, list | tuple | dict) for value in values):
        return f"a list of {len(values)}"
    return shorten(f"[{', '.join(value_text(value) for value in values)}]", 60)


# Numbers: z in a format writes a zero without a sign


def rounded(value: float, digits: int) -> str:
    """Write a number in a sentence with so many significant digits at most, without zeros at its end.

    From 1,000 to 999,999 it is whole, with thousands apart, and nothing from 0.0001 to there has an exponent.
    """
    text = f"{value:z.{digits}g}"
    if not math.isfinite(value):
        return text
    size = abs(float(text))
    if "e" in text and size < 1000 and size >= 1e-4:
        return f"{float(text):.0f}"
    return f"{value:,.0f}" if size >= 1000 and abs(value) < 999_999.5 else text


def one_number(value: float, digits: int = 3) -> str:
    """Write one number with some significant digits, thousands apart and a true minus; from 1,000 on it is whole."""
    if not math.isfinite(value):
        return "–"
    if abs(value) < 1000:
        value = float(f"{value:.{digits}g}")
    if value == 0 or 1e-4 <= abs(value) < 1e15:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:z,.{decimals}f}".replace("-", "−")
    return f"{value:.{digits - 1}e}".replace("-", "−")


def told_apart(values: Sequence[float], digits: int = 4) -> tuple[str, ...]:
    """Write numbers of one unit with so many digits, or with as many, up to eight, as tell apart those that differ."""
    different = len({f"{value:z.8g}" for value in values})
    for count in range(digits, 9):
        cells = tuple(one_number(value, count) for value in values)
        if len(set(cells)) == different:
            break
    return cells


def percent(share: float, decimals: int = 1) -> str:
    """Write a share as a percentage that stays on one line; 0 and 100 only where it is so."""
    if not math.isfinite(share):
        return "–"
    least = 10.0**-decimals
    if ROUNDING < share < least / 100:
        return f"< {least:.{decimals}f}\u00a0%"
    if 1 - least / 100 < share < 1 - ROUNDING:
        return f"> {100 - least:.{decimals}f}\u00a0%"
    return f"{100 * share:z.{decimals}f}\u00a0%"


def interval(low: float, high: float) -> str:
    """Write an interval."""
    return "–" if math.isnan(low) or math.isnan(high) else f"{one_number(low)} to\u00a0{one_number(high)}"


def worth(rows: float) -> str:
    """Write a number of rows that may be no whole one: "24.9 rows", never more than it is, rounding apart."""
    shown = math.floor(10 * rows + 1e-6) / 10 if rows < 100 else math.floor(rows + 1e-6)
    return f"{shown:,.6g} row{'s' * (shown != 1)}"


def ordinal(number: int) -> str:
    """Write the place in an order, from 1: `first`, `second`, `11th`, `21st`."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    return f"{number}{'th' if number % 100 in (11, 12, 13) else _ENDINGS.get(number % 10, 'th')}"


def counted(number: int, noun: str) -> str:
    """Write how many there are: `1 fold`, `2 folds`, `2 classes`, `2 batches`, `2 categories`, `2 days`."""
    return f"{number:,} {noun if number == 1 else _plural(noun)}"


def is_or_are(number: int) -> str:
    """Give the verb of so many."""
    return "is" if number == 1 else "are"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "sh", "tch")) else f"{noun}s"


# Spreadsheets


def repeated(what: str, names: Sequence[str]) -> Iterator[str]:
    """Name, of a file that may be foreign, what comes more than once where it may come once only."""
    for name, times in Counter(names).items():
        if times > 1:
            yield f"expected every {what} once, got {name[:60]!a} {times} times"


def safe_cell(text: str) -> str:
    """Write a text as a cell that no spreadsheet takes for a formula.

    Text that begins with = + - @ or their like (after blanks, too, and after a semicolon inside it) gets an apostrophe
    before that, as OWASP advises ("CSV injection"), unless all of it is a plain number; what cannot be seen is
    written as escapes.
    """
    line = _LATER_CELL.sub(";'", visible(text))
    formula = line.lstrip().startswith(tuple(FORMULA))
    return f"'{line}" if formula and not _PLAIN_NUMBER.fullmatch(line) else line
