{{- define "shimmy.labels" -}}
app.kubernetes.io/name: shimmy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "shimmy.claim" -}}
{{ .Values.models.existingClaim | default (printf "%s-models" .Release.Name) }}
{{- end }}
