"""A small picture of each layout, to choose by."""

from services.gateway.core.layout_table import BOXES, HEIGHT, WIDTH, Box


def svg(boxes: tuple[Box, ...]) -> str:
    shown = "".join(
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3"/>'
        for x, y, width, height in boxes
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<g fill="#666" stroke="#fff">{shown}</g></svg>'
    )


SVGS = {name: svg(boxes) for name, boxes in BOXES.items()}
"""By client API name."""
