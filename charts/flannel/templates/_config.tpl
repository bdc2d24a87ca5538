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
The options of each backend with flannel's names for them, as JSON.
*/}}
{{- define "flannel.backendOptions" -}}
{{- $vxlan := dict "vni" "VNI" "port" "Port" "mtu" "MTU" "gbp" "GBP" "directRouting" "DirectRouting" "learning" "Learning" -}}
{{- $wireguard := dict "listenPort" "ListenPort" "listenPortV6" "ListenPortV6" "mtu" "MTU" "mode" "Mode" -}}
{{- $_ := set $wireguard "persistentKeepaliveInterval" "PersistentKeepaliveInterval" -}}
{{- dict "vxlan" $vxlan "host-gw" dict "wireguard" $wireguard "ipip" (dict "directRouting" "DirectRouting") | toJson -}}
{{- end }}

{{/*
The backend as flannel reads it. An option that is not set is left out, so that
flannel's default stays in force.
*/}}
{{- define "flannel.backend" -}}
{{- $backend := dict "Type" .Values.backend.type -}}
{{- range $option, $name := get (include "flannel.backendOptions" . | fromJson) .Values.backend.type -}}
{{- if hasKey $.Values.backend $option -}}
{{- $value := get $.Values.backend $option -}}
{{- if not (or (kindIs "bool" $value) (kindIs "string" $value)) -}}
{{- $value = int $value -}}
{{- end -}}
{{- $_ := set $backend $name $value -}}
{{- end -}}
{{- end -}}
{{- toJson $backend -}}
{{- end }}

{{/*
flannel's own network configuration as JSON.
*/}}
{{- define "flannel.netConf" -}}
{{- $conf := dict "Backend" (include "flannel.backend" . | fromJson) -}}
{{- range .Values.podCIDRs -}}
{{- if contains ":" . -}}
{{- $_ := set $conf "EnableIPv6" true -}}
{{- $_ := set $conf "IPv6Network" . -}}
{{- else -}}
{{- $_ := set $conf "Network" . -}}
{{- end -}}
{{- end -}}
{{- if semverCompare ">=0.25.0" (include "flannel.version" .) -}}
{{- $_ := set $conf "EnableNFTables" .Values.enableNFTables -}}
{{- end -}}
{{- mustToPrettyJson $conf -}}
{{- end }}

{{/*
The ConfigMap's data. Its name follows from it, so both come from here.
*/}}
{{- define "flannel.configData" -}}
{{- $data := dict "net-conf.json" (include "flannel.netConf" .) -}}
{{- if not .Values.skipCNIConfigInstallation -}}
{{- $_ := set $data "cni-conf.json" (include "flannel.cniConf" .) -}}
{{- end -}}
{{- toYaml $data -}}
{{- end }}

{{/*
The ConfigMap's name: content in, name out, so that a pod template and the
configuration it was made for stay together.
*/}}
{{- define "flannel.configName" -}}
kube-flannel-cfg-{{ include "flannel.configData" . | sha256sum | trunc 10 }}
{{- end }}
