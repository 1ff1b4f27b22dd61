"""The console as it is served: its own files, and the libraries that `package-lock.json` names.

There is no bundler: what is copied keeps its name, and loses its comments, the white space that
separates nothing, the rules of the stylesheet for what no page has, and the variables that nothing
reads. It stands in one folder, which is named after all of the content: a browser may cache a file
without a limit, and no page ever mixes the files of two versions. Only `index.html` stands outside.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.stamp import ROOT, digest

MODULES = ROOT / "node_modules"
LIBRARIES = {
    "preact": "preact/dist/preact.mjs",
    "preact/hooks": "preact/hooks/dist/hooks.mjs",
    "@preact/signals": "@preact/signals/dist/signals.mjs",
    "@preact/signals-core": "@preact/signals-core/dist/signals-core.mjs",
    "htm": "htm/dist/htm.mjs",
    "papaparse": "papaparse/papaparse.min.js",
}
"""Where a package keeps the ES module that is imported by its name."""
STYLE = MODULES / "@picocss/pico/css/pico.classless.min.css"

_BARE = re.compile(r"""\b(from\s*|import\s*)(["'])(@?[a-z][\w/-]*)\2""")
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<regex>/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/)"""
    r"""|(?P<space>\s+)|(?P<word>[\w$]+)|(?P<sign>.)""",
    re.DOTALL,
)
"""A token of a script outside of its templates; a regex only where none can divide."""
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)", re.DOTALL)
"""The text of a template up to its end, or to an expression in it."""
_SIGN = re.compile(r"(?P<sign>.)", re.DOTALL)
_WORD = re.compile(r"[\w$]")
_DIVIDED = re.compile(r"[\w$)\]}]")
"""What may stand before a division."""
_BESIDE = re.compile(r"""\b(?:from|import)\s*["']\./([\w-]+\.js)["']""")
_RULE = re.compile(r"[^{}]*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}")
_SELECTORS = re.compile(r",(?![^(]*\))")
_UNUSED = re.compile(
    r"tooltip|data-theme=dark\]|aria-controls|aria-busy|breadcrumb|invalid=false|multiple|rel=prev|rtl"
    r"|role=(?:group|link|search|switch)|:host|file-selector|checkbox\]:indeterminate|striped"
    r"|type=(?:color|datetime-local|file|month|radio|range|reset|search|time|week)"
    r"|\b(?:abbr|aside|audio|blockquote|canvas|del|fig\w+|h[4-6]|hgroup|hr|iframe|ins|kbd|mark|optgroup|pre|samp"
    r"|su[bp]|template|tfoot|video)\b"
)
"""What selectors name that no page of ours has."""
_VARIABLE = re.compile(r"""(--pico-[\w-]+):(?:"[^"]*"|[^;{}"])*(?:;|(?=\}))""")
_NOT = re.compile(r":not\([^)]*\)")
_IS = re.compile(r":is\(([^)]*)\)")
_LINK = re.compile(r'(href|src)="([\w.-]+\.(?:css|js|svg))"')


def build_console(sources: Path, target: Path) -> None:
    """Write to `target` what functions/console/handler.py serves, made from `sources`."""
    shutil.rmtree(target, ignore_errors=True)
    files = target / "files"
    files.mkdir(parents=True)
    for name, place in LIBRARIES.items():
        text = (MODULES / place).read_text(encoding="utf-8")
        module = text if place.endswith(".mjs") else _as_module(text)
        (files / _file_of(name)).write_text(_resolved(module), encoding="utf-8")
    ours = (sources / "style.css").read_text(encoding="utf-8")
    pico = _read(_unset(_used(STYLE.read_text(encoding="utf-8")), ours), ours)
    (files / "pico.css").write_text(pico, encoding="utf-8")
    for source in sources.iterdir():
        if source.suffix == ".js":
            text = bare(source.read_text(encoding="utf-8"))
            (files / source.name).write_text(_resolved(text), encoding="utf-8")
        elif source.suffix == ".css":
            text = _dense(source.read_text(encoding="utf-8"))
            (files / source.name).write_text(text, encoding="utf-8")
        elif source.suffix != ".html":
            shutil.copyfile(source, files / source.name)
    _write_rules(files / "rules.json")
    version = digest(*_content(files))[:12]
    files.rename(target / version)
    page = (sources / "index.html").read_text(encoding="utf-8")
    (target / "index.html").write_text(_page(page, target / version), encoding="utf-8")


def bare(text: str) -> str:
    """A script of ours without comments, and without white space that separates nothing.

    Every statement of ours ends with a semicolon or a brace, so that no line break does. The text
    of a template keeps its line breaks, which are white space of markup, and no indentation.
    """
    kept: list[str] = []
    opened: list[int] = []  # of each template that is open, how many braces its expression has
    at, spaced = 0, False
    while at < len(text):
        found = _token(text, at, kept)
        at, piece, kind = found.end(), found[0], found.lastgroup
        if kind in ("comment", "space"):
            spaced = True
            continue
        if spaced and kept and _would_join(kept[-1][-1], piece[0]):
            kept.append(" ")
        spaced = False
        if piece in "{}" and opened:
            opened[-1] += 1 if piece == "{" else -1
        ends = piece == "}" and opened and opened[-1] == 0
        if ends:
            opened.pop()
        if piece == "`" or ends:
            part = _TEMPLATE.match(text, at)
            if part is None:
                raise ValueError(f"a template has no end: {text[at : at + 60]}")
            at = part.end()
            piece += re.sub(r"\n[ ]+", "\n", part[0])
            if part[0].endswith("${"):
                opened.append(1)
        kept.append(piece)
    return "".join(kept)


def _token(text: str, at: int, before: list[str]) -> re.Match[str]:
    found = _TOKEN.match(text, at)
    if found and found.lastgroup == "regex" and before and _divides(before[-1]):
        found = _SIGN.match(text, at)
    if found is None:
        raise ValueError(f"no script: {text[at : at + 60]}")
    return found


def _divides(before: str) -> bool:
    """Whether a slash behind this token divides, rather than begins a regex."""
    return before != "return" and bool(_DIVIDED.fullmatch(before[-1]))


def _would_join(one: str, other: str) -> bool:
    """Whether two tokens become one, or other ones, when nothing is between them."""
    return bool(_WORD.fullmatch(one) and _WORD.fullmatch(other)) or (one == other and one in "+-/")


def _dense(style: str) -> str:
    """Our own stylesheet without comments, and without space where it says nothing."""
    bare = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))
    return re.sub(r":\s+", ":", re.sub(r"\s*([{};,])\s*", r"\1", bare)).strip()


def _used(style: str) -> str:
    """A stylesheet without the selectors for what no page has, and rules that have no others."""

    def kept(rule: str) -> str:
        head, _, body = rule.partition("{")
        if "prefers-reduced-motion:reduce" in head:
            return ""  # Ours spares what only waits, and what is important in a layer would win.
        if head.startswith(("@media", "@supports")):
            inner = _used(body[:-1])
            return f"{head}{{{inner}}}" if inner else ""
        comment, _, selectors = head.rpartition("*/")
        named = [each for each in _SELECTORS.split(selectors) if is_met(each)]
        return f"{comment}{comment and '*/'}{','.join(named)}{{{body}" if named else ""

    def is_met(selector: str) -> bool:
        named = _IS.sub(
            lambda any_of: "" if any_met(any_of[1]) else any_of[0], _NOT.sub("", selector)
        )
        return not _UNUSED.search(named)

    def any_met(selectors: str) -> bool:
        return not all(map(_UNUSED.search, _SELECTORS.split(selectors)))

    return "".join(map(kept, _RULE.findall(style)))


def _unset(style: str, ours: str) -> str:
    """A stylesheet without the variables of the whole page that ours sets for the whole page."""
    names = "|".join(re.findall(r"^  (--pico-[\w-]+):", ours, flags=re.MULTILINE))
    variable = re.compile(rf"""(?:{names}):(?:"[^"]*"|[^;{{}}"])*(?:;|(?=\}}))""")

    def without(rule: str) -> str:
        head, _, body = rule.partition("{")
        if head.startswith("@media"):
            return f"{head}{{{_RULE.sub(lambda inner: without(inner[0]), body[:-1])}}}"
        body = variable.sub("", body) if ":root" in head else body
        return f"{head}{{{body}" if body != "}" or "/*!" in head else ""

    return _RULE.sub(lambda rule: without(rule[0]), style)


def _read(style: str, ours: str) -> str:
    """A stylesheet without the variables that neither it reads nor ours."""
    read = set(re.findall(r"var\((--pico-[\w-]+)", style + ours))
    less = _VARIABLE.sub(lambda found: found[0] if found[1] in read else "", style)
    return style if less == style else _read(less, ours)


def _write_rules(path: Path) -> None:
    """Have the row models write what their files may hold."""
    subprocess.run([sys.executable, "-m", "functions.console.rules", path], cwd=ROOT, check=True)


def _content(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        yield from (path.name, path.read_text(encoding="utf-8"))


def _page(page: str, folder: Path) -> str:
    """The page with its links into the folder, and the names of what start.js is to fetch."""
    names = " ".join(sorted(needed("app.js", folder)))
    linked = _LINK.sub(rf'\1="{folder.name}/\2"', page)
    return linked.replace("data-files", f'data-files="{names}"')


def needed(module: str, folder: Path) -> set[str]:
    """A module with all that it imports, and that they import, before it can run."""
    found: set[str] = set()
    open_ = {module}
    while open_:
        found |= open_
        texts = [(folder / name).read_text(encoding="utf-8") for name in open_]
        open_ = {name for text in texts for name in _BESIDE.findall(text)} - found
    return found


def _resolved(text: str) -> str:
    """A module whose imports by a package's name are those of the file beside it."""
    return _BARE.sub(lambda found: f'{found[1]}"./{_file_of(found[3])}"', text)


def _file_of(name: str) -> str:
    if name not in LIBRARIES:
        raise ValueError(f"the console imports {name}, which infra/console.py does not know")
    return name.removeprefix("@").replace("/", "-") + ".js"


def _as_module(text: str) -> str:
    """A CommonJS script as an ES module with a default export."""
    head = "const module = { exports: {} }, exports = module.exports;"
    return f"{head}\n{text}\nexport default module.exports;\n"
