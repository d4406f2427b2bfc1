"""Whether an SVG is a plain drawing: nothing that loads, runs, or grows when it is drawn.

What is not on the list is refused: a new way to make a renderer work for ever would not be on it.
"""

import re
from xml.parsers import expat

LARGEST = 256 * 1024
"""Bytes; an icon has a few thousand."""

MOST = 2000
"""Elements."""

DEEPEST = 32
"""Levels of nested elements."""

SVG = "http://www.w3.org/2000/svg"

ELEMENTS = frozenset(
    {"svg", "g", "defs", "title", "desc", "metadata", "style"}
    | {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
    | {"linearGradient", "radialGradient", "stop", "clipPath", "mask"}
)

HOLDERS = frozenset({"mask", "clipPath"})
"""They are drawn whenever they are referred to; one in another would double with every level."""

ELSEWHERE = re.compile(r"""url\(\s*["']?\s*(?!#)|@import|expression\(|\\""", re.IGNORECASE)
"""What leads out of the drawing, or hides from this look at it."""

SPACE = "\n"
"""Between a namespace and a name; no name holds one."""


class UnfitDrawing(Exception):
    """Says why, in words that follow “the drawing ”."""


class _Look:
    def __init__(self) -> None:
        self.open: list[str] = []
        self.count = 0
        self.style = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(SPACE)
        self.count += 1
        if self.count > MOST:
            raise UnfitDrawing(f"has more than {MOST} elements")
        if len(self.open) >= DEEPEST:
            raise UnfitDrawing(f"nests more than {DEEPEST} levels deep")
        if not self.open and (space, local) != (SVG, "svg"):
            raise UnfitDrawing("is not an SVG")
        # Editors leave notes of their own, which no renderer draws.
        if space == SVG and local not in ELEMENTS:
            raise UnfitDrawing(f"uses <{local[:40]}>, which a theme's icon may not")
        held = not HOLDERS.isdisjoint(self.open)
        for attribute, value in attributes.items():
            self._attribute(attribute.rpartition(SPACE)[2], value, held=held)
        self.open.append(local)

    def _attribute(self, name: str, value: str, *, held: bool) -> None:
        if name == "href" and not value.startswith("#"):
            raise UnfitDrawing("refers to something outside of it")
        if name.lower().startswith("on"):
            raise UnfitDrawing("holds a script")
        if ELSEWHERE.search(value):
            raise UnfitDrawing("refers to something outside of it")
        if held and "url(" in value.lower():
            raise UnfitDrawing("refers to something from within a mask or clip path")

    def end(self, _: str) -> None:
        # As a whole: a comment could have come between.
        if self.open.pop() == "style" and (
            ELSEWHERE.search(self.style) or "url" in self.style.lower()
        ):
            raise UnfitDrawing("refers to something from within a style sheet")

    def text(self, text: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += text

    def entity(self, *_: object) -> None:
        raise UnfitDrawing("declares entities")

    def instruction(self, *_: object) -> None:
        raise UnfitDrawing("holds a processing instruction")


def check(drawing: bytes) -> None:
    """Raises UnfitDrawing."""
    if len(drawing) > LARGEST:
        raise UnfitDrawing(f"is larger than {LARGEST // 1024} KB")
    try:
        text = drawing.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnfitDrawing("is not UTF-8") from exc
    look = _Look()
    # In the encoding that it will be drawn in, whatever it says of itself.
    parser = expat.ParserCreate("utf-8", SPACE)
    parser.StartElementHandler = look.start
    parser.EndElementHandler = look.end
    parser.CharacterDataHandler = look.text
    parser.EntityDeclHandler = look.entity
    parser.UnparsedEntityDeclHandler = look.entity
    parser.ProcessingInstructionHandler = look.instruction
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, ValueError, LookupError) as exc:
        raise UnfitDrawing("is not well-formed XML") from exc
