"""Chinese in a page: the characters it uses, cut from the font and embedded; what to warn of."""

import base64
import io
import re
from functools import lru_cache

from csatlib import fonts

LIMIT = 1_000_000
FAMILY = "csat Chinese"
_SLOT = re.compile(r"(/\* fonts \*/)(?:@font-face\{[^}]*\})?")
_HELD = re.compile(r"(src:url\(data:font/woff;base64,)([A-Za-z0-9+/=]+)(\))")
_UNUSED = ("maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs", "maxStackElements")
_FIRST = 0x2E80  # from here on characters are East Asian; below, every reader's machine has a font
_ASIDE = re.compile(r"<style>.*?</style>|data:[\w/+-]+;base64,[A-Za-z0-9+/=]+", re.DOTALL)


def embed(page: str) -> str:
    """Put the Chinese characters a page uses into it as a font, so that it reads on any machine.

    Parameters
    ----------
    page : str
        A document whose style holds the place for it; a font put in before is replaced.

    Returns
    -------
    str
        The same where it has no Chinese, or where the font would make it larger than 1 MB.
    """
    wanted = _eastern(page)
    font = _cut(wanted) if wanted else ""
    source = f'unicode-range:U+{_FIRST:X}-10FFFF;src:url(data:font/woff;base64,{font}) format("woff")'
    face = f'@font-face{{font-family:"{FAMILY}";{source}}}'
    fits = len(_SLOT.sub("", page, count=1).encode()) + len(face) <= LIMIT
    return _SLOT.sub(lambda slot: slot[1] + (face if font and fits else ""), page, count=1)


def for_paper(page: str) -> str:
    """Turn a page's Chinese font into TrueType, which a PDF holds as a font; another kind comes out as drawings.

    Parameters
    ----------
    page : str
        From :func:`embed`.

    Returns
    -------
    str
        The same where there is no such font.
    """
    return _HELD.sub(lambda found: found[1] + _quadratic(found[2]) + found[3], page, count=1)


def warnings(page: str) -> list[str]:
    """Say what a reader of a page may miss.

    Parameters
    ----------
    page : str
        A finished document.

    Returns
    -------
    list of str
        For the manifest; empty where all is well.
    """
    size, wanted = len(page.encode()), _eastern(page)
    lost = fonts.missing(wanted)
    told = []
    if size > LIMIT:
        told.append(f"the page has {size / 1e6:.1f} MB, more than 1: show fewer rows or fewer pictures in it")
    if wanted and "@font-face" not in page:
        told.append("the page has no room for a Chinese font; it reads where the reader's machine has one")
    if lost:
        told.append(f"no font in the page has these characters, the reader's machine needs one: {lost[:20]}")
    return told


def _eastern(page: str) -> str:
    return "".join(sorted({c for c in _ASIDE.sub("", page) if ord(c) >= _FIRST and c.isprintable()}))


@lru_cache(maxsize=32)
def _cut(characters: str) -> str:
    """Cut these characters from the font: WOFF as base64, "" where the font has none of them."""
    from fontTools import subset

    if not set(characters) - set(fonts.missing(characters)):
        return ""
    options = subset.Options(
        flavor="woff",
        hinting=False,
        layout_features=[],
        name_IDs=[0, 13, 14],  # copyright and licence stay
        recalc_timestamp=False,
        drop_tables=["BASE", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx", "DSIG"],
    )
    held = io.BytesIO()
    with subset.load_font(str(fonts.chinese()), options) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(text=characters)
        cutter.subset(font)
        subset.save_font(font, held, options)
    return base64.b64encode(held.getvalue()).decode()


def _quadratic(held: str) -> str:
    """Draw the cubic curves of a font again as quadratic ones, within a thousandth of the letter's height."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont, newTable

    with TTFont(io.BytesIO(base64.b64decode(held))) as font:
        if "CFF " not in font:
            return held
        shapes, drawn = font.getGlyphSet(), {}
        for name in font.getGlyphOrder():
            pen = TTGlyphPen(None)
            shapes[name].draw(Cu2QuPen(pen, font["head"].unitsPerEm / 1000, reverse_direction=True))
            drawn[name] = pen.glyph()
        font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
        font["glyf"].glyphOrder, font["glyf"].glyphs = font.getGlyphOrder(), drawn
        for name, glyph in drawn.items():
            glyph.recalcBounds(font["glyf"])
            font["hmtx"][name] = (font["hmtx"][name][0], getattr(glyph, "xMin", 0))
        del font["CFF "]
        font.sfntVersion, font["post"].formatType = "\0\1\0\0", 3.0
        numbers = {
            "tableVersion": 0x00010000,
            "maxZones": 1,
            "maxSizeOfInstructions": 0,
            "maxComponentElements": 0,
        }
        vars(font["maxp"]).update(numbers | dict.fromkeys(_UNUSED, 0))
        out = io.BytesIO()
        font.save(out)
    return base64.b64encode(out.getvalue()).decode()
