"""How the pages are written: plain sentences, truthful references, an introduction and a way onward."""

import re
from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.puzzling import WORDS

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "chassis" / "README.md"]
PAGES.append(ROOT / "tests" / "resilience" / "README.md")
PAGES += sorted((ROOT / "docs").glob("*.md"))
GENERATED = re.compile(
    r"<!-- what follows is written by `make \w+` -->.*?<!-- end of what `make \w+` writes -->", re.DOTALL
)
NOT_PROSE = re.compile(r"```.*?```|<!--.*?-->|`[^`]*`|\]\([^)]*\)|https?://\S+|^\|[-| ]+\|$", re.DOTALL | re.MULTILINE)
COMMANDS = {"shop", "make", "docker", "python", "timedatectl"}
CODE = ("chassis", "services", "shop", "bootstrap")
MOST_PER_HUNDRED = 100 / 60
LONGEST_SENTENCE = 30  # words


def raw(page: Path) -> str:
    return GENERATED.sub("", page.read_text(encoding="utf-8"))


def prose(page: Path) -> str:
    return NOT_PROSE.sub(" ", raw(page))


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_colons_and_semicolons_are_few(page: Path) -> None:
    words = len(re.findall(r"\w[\w'’.,/-]*", prose(page)))
    assert len(re.findall(r"[:;]", prose(page))) * 100 / words <= MOST_PER_HUNDRED


@each_page
def test_sentences_are_short(page: Path) -> None:
    """Tables and headings aside; a list item is a sentence of its own."""
    text = re.sub(r"^(?:\||#).*", "\n\n", prose(page), flags=re.MULTILINE)
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:-|\d+\.) )", text)
    sentences = [each for block in blocks for each in re.split(r"(?<=[.!?])[*]*\s", block)]
    assert [each for each in sentences if len(each.split()) > LONGEST_SENTENCE] == []


@each_page
def test_page_has_no_word_that_puzzles(page: Path) -> None:
    assert WORDS.findall(prose(page)) == []


@each_page
def test_page_starts_with_its_readers_and_ends_with_a_way_onward(page: Path) -> None:
    text = raw(page)
    first = re.split(r"\n\n", text)[1]
    assert re.search(r"\breaders\b|\bpeople\b", first), first
    assert re.findall(r"^## (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)[-1] == "Where to go next"


@each_page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    folders = "services|chassis|bootstrap|shop|tests|docs"
    named = re.findall(rf"`((?:{folders})/[\w./*<>-]*)`", raw(page))
    assert [name for name in named if "<" not in name and not list(ROOT.glob(name.rstrip("/")))] == []


@each_page
def test_every_name_that_a_page_places_in_a_file_is_there(page: Path) -> None:
    """`name` in `file`, or `name`, `file`."""
    placed = re.findall(r"`([\w.]+)`(?: in|,)\s`([\w./*-]+\.(?:py|yaml|yml))`", raw(page))
    wrong = []
    for name, file in placed:
        found = [path for path in ROOT.glob(file) if name.rpartition(".")[2] in path.read_text(encoding="utf-8")]
        wrong += [] if found else [(name, file)]
    assert wrong == []


@each_page
def test_code_that_a_page_quotes_is_in_the_file_it_names(page: Path) -> None:
    for file, code in re.findall(r"```python\n# (\S+)\n(.*?)```", raw(page), re.DOTALL):
        lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
        quoted = [line.strip() for line in code.splitlines() if line.strip()]
        assert "\n".join(quoted) in "\n".join(line for line in lines if line), (file, code)


def test_every_log_message_that_the_runbook_quotes_is_in_the_code() -> None:
    source = "".join(path.read_text(encoding="utf-8") for part in CODE for path in (ROOT / part).rglob("*.py"))
    quoted = re.findall(r"`([a-z]+ [a-z ;:-]*[a-z])`", raw(ROOT / "docs" / "runbook.md"))
    messages = {text for text in quoted if "--" not in text and text.partition(" ")[0] not in COMMANDS}
    assert len(messages) >= 10
    assert {text for text in messages if f'"{text}' not in source} == set()


def test_every_page_of_the_docs_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"]({page}" not in index} == set()


def test_every_heading_that_a_page_links_to_exists() -> None:
    wrong = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^):]*#[^)]+)\)", raw(page)):
            path, _, anchor = link.partition("#")
            target = (page.parent / path) if path else page
            headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), re.MULTILINE)
            if anchor not in {_anchor(heading) for heading in headings}:
                wrong.append((page.name, link))
    assert wrong == []


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_each_shell_command_of_the_readme_is_followed_by_its_output() -> None:
    blocks = re.split(r"(```\w*\n.*?```)", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)[1::2]
    kinds = [block[3:].split("\n")[0] for block in blocks]
    alone = [
        number
        for number, kind in enumerate(kinds)
        if kind == "sh" and kinds[number + 1 : number + 2] not in (["text"], ["json"])
    ]
    assert alone == []
