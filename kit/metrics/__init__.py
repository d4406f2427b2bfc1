"""What a process counts: declared in one place, kept here, shown to Prometheus and sent by OTLP.

A process has one set of figures, as it has one log. They belong to its event loop: what threads
and child processes count comes as `Tally`s and sums, once a second, and is added here.
OpenTelemetry's own instruments cannot take what was counted elsewhere (ADR 33).
"""

from kit.metrics.registry import Registry
from kit.metrics.tally import Distribution, Growth, Tally

__all__ = ["REGISTRY", "Distribution", "Growth", "Registry", "Tally"]

REGISTRY = Registry()
"""Of this process."""

add = REGISTRY.add
put = REGISTRY.put
shift = REGISTRY.shift
observe = REGISTRY.observe
merge = REGISTRY.merge
watch = REGISTRY.watch
drop = REGISTRY.drop
forget = REGISTRY.forget
timed = REGISTRY.timed
