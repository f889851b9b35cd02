"""Colours a shop prints and shows: by name or as #RRGGBB, and whether white can be read on them."""

NAMED = {
    "rouge": "#A8324A",
    "gold": "#8A6A2F",
    "silver": "#5C6470",
    "diamond": "#2D4A6B",
    "jade": "#2F6B57",
    "amber": "#8F5A0A",
    "ink": "#2A1F22",
}
"""The house's colours that carry white text."""

READABLE = 4.5
"""Contrast a text needs against its ground. Source: WCAG 2.2, 1.4.3."""


def is_colour(text: str) -> bool:
    """Whether this is a colour as #RRGGBB."""
    digits = text.removeprefix("#")
    return text.startswith("#") and len(digits) == 6 and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def contrast_with_white(colour: str) -> float:
    """How well white stands out on a #RRGGBB colour: 1 (not at all) to 21. Source: WCAG 2.2, relative luminance."""
    shares = (channel / 255 for channel in _channels(colour))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def carries_white(text: str) -> bool:
    """Whether this is a colour, and one on which white can be read."""
    return is_colour(text) and contrast_with_white(text) >= READABLE


def mixed(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0–1) of `other` in it. Print wants solid colours: transparency is flattened by each
    printer's driver in its own way."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(own * (1 - share) + alien * share):02X}" for own, alien in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    digits = colour.removeprefix("#")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
