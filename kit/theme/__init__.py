"""Theme packages: strangers' ZIP files, and what may be taken out of them.

`package` reads a ZIP and says what is wrong with it, `svg` what is wrong with an icon; `pictures`
and `sound` bring into memory what was found fit. None of them writes a file.
"""

from kit.theme.package import Package, Unfit, read, read_directory

__all__ = ["Package", "Unfit", "read", "read_directory"]
