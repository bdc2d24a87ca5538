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
The version, refused where the chart does not know what flannel needs.
*/}}
{{- define "flannel.version" -}}
{{- if semverCompare "<0.20.2" .Values.version -}}
{{- fail (printf "flannel %s is not supported, the chart needs 0.20.2 or later" .Values.version) -}}
{{- end -}}
{{- .Values.version -}}
{{- end }}

{{/*
The CNI configuration list as JSON. The name must never change: addresses are
recorded under it on the nodes.
*/}}
{{- define "flannel.cniConf" -}}
{{- $delegate := dict "hairpinMode" true "isDefaultGateway" true -}}
{{- $flannel := dict "type" "flannel" "delegate" $delegate -}}
{{- $portmap := dict "type" "portmap" "capabilities" (dict "portMappings" true) -}}
{{- dict "name" "cbr0" "cniVersion" "0.3.1" "plugins" (list $flannel $portmap) | mustToPrettyJson -}}
{{- end }}

{{/*
flannel's own network configuration as JSON. An option that is not set is left
out, so that flannel's default stays in force.
*/}}
{{- define "flannel.netConf" -}}
{{- $backend := dict "Type" .Values.backend.type -}}
{{- range $key, $option := dict "vni" "VNI" "port" "Port" "mtu" "MTU" -}}
{{- if hasKey $.Values.backend $key -}}
{{- $_ := set $backend $option (get $.Values.backend $key | int) -}}
{{- end -}}
{{- end -}}
{{- $conf := dict "Backend" $backend -}}
{{- range .Values.podCIDRs -}}
{{- if contains ":" . -}}
{{- $_ := set $conf "EnableIPv6" true -}}
{{- $_ := set $conf "IPv6Network" . -}}
{{- else if hasKey $conf "Network" -}}
{{- fail (printf "podCIDRs holds more than one IPv4 range: %s and %s" (get $conf "Network") .) -}}
{{- else -}}
{{- $_ := set $conf "Network" . -}}
{{- end -}}
{{- end -}}
{{- if semverCompare ">=0.25.0" (include "flannel.version" .) -}}
{{- $_ := set $conf "EnableNFTables" false -}}
{{- end -}}
{{- mustToPrettyJson $conf -}}
{{- end }}

{{/*
The ConfigMap's data. Its name follows from it, so both come from here.
*/}}
{{- define "flannel.configData" -}}
{{- dict "cni-conf.json" (include "flannel.cniConf" .) "net-conf.json" (include "flannel.netConf" .) | toYaml -}}
{{- end }}

{{/*
The ConfigMap's name: content in, name out, so that a pod template and the
configuration it was made for stay together.
*/}}
{{- define "flannel.configName" -}}
kube-flannel-cfg-{{ include "flannel.configData" . | sha256sum | trunc 10 }}
{{- end }}
