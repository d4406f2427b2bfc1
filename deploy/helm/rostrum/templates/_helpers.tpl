{{- define "rostrum.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "rostrum.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "rostrum.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rostrum.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rostrum.selector" -}}
app.kubernetes.io/name: {{ include "rostrum.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rostrum.labels" -}}
{{ include "rostrum.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* Labels of what talks to the bus; who has `rostrum.io/metrics` is scraped. */ -}}
{{- define "rostrum.serviceLabels" -}}
rostrum.io/bus: "true"
rostrum.io/metrics: "true"
{{- end -}}

{{- define "rostrum.image" -}}
{{- printf "%s/%s:%s" (trimSuffix "/" .root.Values.image.repository) .target (default .root.Chart.AppVersion .root.Values.image.tag) -}}
{{- end -}}

{{- define "rostrum.secret" -}}
{{- default (include "rostrum.fullname" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "rostrum.users" -}}
provision operator conference_state routing scheduler mixer rtmp_egress gateway webhooks
{{- end -}}

{{- define "rostrum.credentials" -}}
{{- if or .Values.nats.enabled .Values.nats.external.credentials -}}true{{- end -}}
{{- end -}}

{{- define "rostrum.natsUrl" -}}
{{- if .Values.nats.enabled -}}
{{- printf "nats://%s-nats:4222" (include "rostrum.fullname" .) -}}
{{- else -}}
{{- required "nats.external.url: say where NATS is, or let nats.enabled be true" .Values.nats.external.url -}}
{{- end -}}
{{- end -}}

{{- /* What every service is told; root, service, location, health (port; 0: none). */ -}}
{{- define "rostrum.env" -}}
- {name: ROSTRUM_NATS_URL, value: {{ include "rostrum.natsUrl" .root | quote }}}
{{- if include "rostrum.credentials" .root }}
- {name: ROSTRUM_NATS_USER, value: {{ .service }}}
- {name: ROSTRUM_NATS_PASSWORD_FILE, value: /run/secrets/rostrum/nats-{{ .service }}}
{{- end }}
- {name: ROSTRUM_LOG_LEVEL, value: {{ .root.Values.logLevel }}}
{{- with .location }}
- {name: ROSTRUM_LOCATION, value: {{ . | quote }}}
{{- end }}
{{- with .health }}
- {name: ROSTRUM_HEALTH_PORT, value: {{ . | quote }}}
{{- end }}
{{- if has "secret-key" .keys }}
- {name: ROSTRUM_SECRET_KEY_FILE, value: /run/secrets/rostrum/secret-key}
{{- end }}
{{- if has "admin-token" .keys }}
- {name: ROSTRUM_ADMIN_TOKEN_FILE, value: /run/secrets/rostrum/admin-token}
{{- end }}
{{- if has "turn-secret" .keys }}
- {name: ROSTRUM_TURN_SECRET_FILE, value: /run/secrets/rostrum/turn-secret}
{{- end }}
{{- with .root.Values.telemetry.otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- end -}}

{{- /* Of the Secret, what one service may read and no more; root, volume, service, keys. */ -}}
{{- define "rostrum.secretVolume" -}}
{{- $keys := .keys -}}
{{- if include "rostrum.credentials" .root }}{{ $keys = append $keys (printf "nats-%s" .service) }}{{ end -}}
- name: {{ .volume }}
{{- if $keys }}
  secret:
    secretName: {{ include "rostrum.secret" .root }}
    defaultMode: 0440
    items:
    {{- range $keys }}
      - {key: {{ . }}, path: {{ . }}}
    {{- end }}
{{- else }}
  emptyDir: {sizeLimit: 1Mi}
{{- end }}
{{- end -}}

{{- define "rostrum.tmp" -}}
- name: {{ . }}
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- end -}}

{{- define "rostrum.probes" -}}
startupProbe:
  httpGet: {path: /health/live, port: {{ . }}}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /health/live, port: {{ . }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /health/ready, port: {{ . }}}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{- define "rostrum.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "rostrum.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* What all pods of services have in common. */ -}}
{{- define "rostrum.podBase" -}}
serviceAccountName: {{ include "rostrum.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - {name: {{ . }}}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Over nodes and zones; root, component. */ -}}
{{- define "rostrum.spread" -}}
topologySpreadConstraints:
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $.root.Values.spread }}
    labelSelector:
      matchLabels:
        {{- include "rostrum.selector" $.root | nindent 8 }}
        app.kubernetes.io/component: {{ $.component }}
{{- end }}
{{- end -}}

{{- define "rostrum.antiAffinity" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "rostrum.selector" .root | nindent 12 }}
            app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* No two on a node, whose ports they would both want; root, component. */ -}}
{{- define "rostrum.alone" -}}
podAntiAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels:
          {{- include "rostrum.selector" .root | nindent 10 }}
          app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* One of `pools`, with what it does not say taken from `poolDefaults`, as JSON. */ -}}
{{- define "rostrum.pool" -}}
{{- mergeOverwrite (deepCopy .root.Values.poolDefaults) .pool | toJson -}}
{{- end -}}

{{- /* Where recordings are; root, and own: the directory is written by this pod. */ -}}
{{- define "rostrum.recordings" -}}
{{- $r := .root.Values.recordings -}}
{{- if or $r.existingClaim (and .own $r.store.url) }}
- {name: ROSTRUM_RECORDINGS_DIR, value: /recordings}
{{- end }}
{{- if .own }}
- {name: ROSTRUM_RECORDINGS_KEEP_DAYS, value: {{ $r.keepDays | toString | quote }}}
- {name: ROSTRUM_RECORDINGS_KEEP_GB, value: {{ $r.keepGb | toString | quote }}}
{{- if $r.store.url }}
- {name: ROSTRUM_UPLOAD_SECONDS, value: {{ $r.uploadSeconds | toString | quote }}}
{{- end }}
{{- end }}
{{- if $r.store.url }}
- {name: ROSTRUM_STORE_URL, value: {{ $r.store.url | quote }}}
- {name: ROSTRUM_STORE_REGION, value: {{ $r.store.region | quote }}}
{{- with $r.store.endpoint }}
- {name: ROSTRUM_STORE_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- if $r.store.credentialsSecret }}
- {name: ROSTRUM_STORE_CREDENTIALS_FILE, value: /run/secrets/store/credentials}
{{- end }}
{{- end }}
{{- end -}}

{{- define "rostrum.recordingsMounts" -}}
{{- $r := .root.Values.recordings -}}
{{- if or $r.existingClaim (and .own $r.store.url) }}
- {name: recordings, mountPath: /recordings{{ if not .own }}, readOnly: true{{ end }}}
{{- end }}
{{- if and $r.store.url $r.store.credentialsSecret }}
- {name: store, mountPath: /run/secrets/store, readOnly: true}
{{- end }}
{{- end -}}

{{- define "rostrum.recordingsVolumes" -}}
{{- $r := .root.Values.recordings -}}
{{- if $r.existingClaim }}
- name: recordings
  persistentVolumeClaim: {claimName: {{ $r.existingClaim }}{{ if not .own }}, readOnly: true{{ end }}}
{{- else if and .own $r.store.url }}
- name: recordings
  emptyDir: {sizeLimit: {{ $r.scratchSize }}}
{{- end }}
{{- if and $r.store.url $r.store.credentialsSecret }}
- name: store
  secret: {secretName: {{ $r.store.credentialsSecret }}, defaultMode: 0440, items: [{key: credentials, path: credentials}]}
{{- end }}
{{- end -}}

{{- /* Settings that the chart has no value of its own for. */ -}}
{{- define "rostrum.settings" -}}
{{- range $key, $value := . }}
- {name: ROSTRUM_{{ $key }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end -}}
