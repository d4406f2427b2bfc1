"""The JSON schema of `themeconfig.json`, with what each key means."""

from typing import Any

import msgspec

from proto import theme
from services.gateway.core.meanings import meanings

STRUCTS: tuple[type[msgspec.Struct], ...] = (
    theme.ThemeConfig,
    theme.Indicators,
    theme.IndicatorLook,
    theme.SplashScreens,
    theme.Splash,
    theme.Background,
    theme.Element,
)


def document() -> dict[str, Any]:
    found: dict[str, Any] = theme.json_schema()
    for struct in STRUCTS:
        properties = found["$defs"][struct.__name__]["properties"]
        for name, meaning in meanings(struct).items():
            properties[name] = {**properties[name], "description": meaning}
    prompts = found["$defs"]["ThemeConfig"]["properties"]["prompts"]
    prompts["propertyNames"] = {"enum": list(theme.PLATFORMS)}
    prompts["additionalProperties"]["propertyNames"] = {"enum": list(theme.ANNOUNCEMENTS)}
    return found
