{{/*
Labels of every object.
*/}}
{{- define "flannel.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
k8s-app: flannel
{{- end }}

{{/*
Annotations of every object. Removing the Helm release must not take the pod
network away from running pods.
*/}}
{{- define "flannel.annotations" -}}
helm.sh/resource-policy: keep
{{- end }}

{{/*
Where the namespaced objects are.
*/}}
{{- define "flannel.namespace" -}}
{{- .Values.namespace | default .Release.Namespace -}}
{{- end }}

{{/*
The version, refused where the chart does not know what flannel needs.
*/}}
{{- define "flannel.version" -}}
{{- if semverCompare "<0.20.2" .Values.version -}}
{{- fail (printf "flannel %s is not supported, the chart needs 0.20.2 or later" .Values.version) -}}
{{- end -}}
{{- .Values.version -}}
{{- end }}

{{/*
"true" when the cluster has an IPv6 range, else empty.
*/}}
{{- define "flannel.dualStack" -}}
{{- range .Values.podCIDRs -}}
{{- if contains ":" . -}}true{{- end -}}
{{- end -}}
{{- end }}
