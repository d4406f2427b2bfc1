"""Theme packages: strangers' ZIP files, and what may be taken out of them.

`package` reads a ZIP and says what is wrong with it; `svg` says what is wrong with an icon; `media` brings icons,
pictures and prompts into memory. None of them writes a file.
"""

from kit.theme.package import Package, Unfit, read, read_directory

__all__ = ["Package", "Unfit", "read", "read_directory"]
