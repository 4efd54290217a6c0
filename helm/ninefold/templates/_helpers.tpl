{{- /* The operator is one a cluster: its names are fixed, and a second release of the chart is refused by Helm. */ -}}

{{- define "ninefold.selector" -}}
app.kubernetes.io/name: ninefold
app.kubernetes.io/component: operator
{{- end }}

{{- define "ninefold.labels" -}}
app.kubernetes.io/name: ninefold
app.kubernetes.io/part-of: ninefold
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "ninefold.image" -}}
{{- $repository := .Values.image.repository | required "image.repository is empty, and a checkout names no image: build one and push it (make image IMAGE=images.example.com/sre/ninefold:0.1.0 ARGS=--push), then add --set image.repository=images.example.com/sre/ninefold" -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "ninefold.prometheusPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (eq $url.scheme "https" | ternary "443" "80") -}}
{{- end }}

{{- define "ninefold.prometheusFile" -}}
{{- get (dict "ca.crt" "ca" "token" "token" "password" "password" "tls.crt" "cert" "tls.key" "key") . -}}
{{- end }}

{{- /* The accounts that no person stands behind, as subjects of a binding. */ -}}
{{- define "ninefold.machines" -}}
{{- $subjects := list }}
{{- range .Values.machines.users }}
{{- $subjects = append $subjects (dict "apiGroup" "rbac.authorization.k8s.io" "kind" "User" "name" .) }}
{{- end }}
{{- range .Values.machines.groups }}
{{- $subjects = append $subjects (dict "apiGroup" "rbac.authorization.k8s.io" "kind" "Group" "name" .) }}
{{- end }}
{{- toJson $subjects }}
{{- end }}
