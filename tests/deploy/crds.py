"""What the chart uses of other people's kinds, by their documentation; anything else is a slip."""

from typing import Any

WORD = {"type": "string", "minLength": 1}
WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
NUMBER = {"type": "integer", "minimum": 0}


def struct(optional: dict[str, Any] | None = None, **required: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def kind(api_version: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = struct({"annotations": WORDS}, name=WORD, labels=WORDS)
    return struct(apiVersion={"const": api_version}, kind=WORD, metadata=metadata, spec=spec)


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": items}


POLICY = struct(
    stabilizationWindowSeconds=NUMBER,
    policies=many(struct(type={"enum": ["Pods", "Percent"]}, value=NUMBER, periodSeconds=NUMBER)),
)

CRDS = {
    "ServiceMonitor": kind(
        "monitoring.coreos.com/v1",
        struct(
            selector=struct(matchLabels=WORDS),
            namespaceSelector=struct(matchNames=many(WORD)),
            podTargetLabels=many(WORD),
            endpoints=many(
                struct(
                    port=WORD,
                    path=WORD,
                    interval={"type": "string", "pattern": r"^\d+[sm]$"},
                    relabelings=many(struct(targetLabel=WORD, replacement=WORD)),
                )
            ),
        ),
    ),
    "PrometheusRule": kind(
        "monitoring.coreos.com/v1",
        struct(
            groups=many(
                struct(
                    name=WORD,
                    rules=many(
                        struct(
                            {"for": {"type": "string", "pattern": r"^\d+[sm]$"}},
                            alert=WORD,
                            expr=WORD,
                            labels=WORDS,
                            annotations=WORDS,
                        )
                    ),
                )
            )
        ),
    ),
    "ScaledObject": kind(
        "keda.sh/v1alpha1",
        struct(
            scaleTargetRef=struct(apiVersion=WORD, kind=WORD, name=WORD),
            minReplicaCount=NUMBER,
            maxReplicaCount=NUMBER,
            pollingInterval=NUMBER,
            fallback=struct(
                failureThreshold=NUMBER,
                replicas=NUMBER,
                behavior={
                    "enum": [
                        "static",
                        "currentReplicas",
                        "currentReplicasIfHigher",
                        "currentReplicasIfLower",
                    ]
                },
            ),
            advanced=struct(
                horizontalPodAutoscalerConfig=struct(behavior=struct(scaleDown=POLICY))
            ),
            triggers=many(
                struct(
                    type={"const": "prometheus"},
                    metricType={"enum": ["AverageValue", "Value"]},
                    metadata=struct(
                        serverAddress=WORD,
                        query=WORD,
                        threshold={"type": "string", "pattern": r"^\d+(\.\d+)?$"},
                    ),
                )
            ),
        ),
    ),
    "ExternalSecret": kind(
        "external-secrets.io/v1",
        struct(
            refreshInterval=WORD,
            secretStoreRef=struct(kind={"enum": ["SecretStore", "ClusterSecretStore"]}, name=WORD),
            target=struct(
                name=WORD,
                creationPolicy={"enum": ["Owner", "Orphan", "Merge", "None"]},
                template=struct(
                    engineVersion={"const": "v2"},
                    mergePolicy={"enum": ["Replace", "Merge"]},
                    data=WORDS,
                ),
            ),
            dataFrom=many(struct(extract=struct(key=WORD))),
        ),
    ),
}
