{{/*
Labels of every object.
*/}}
{{- define "oci-vcn-native.labels" -}}
app: vcn-native-ip-cni
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/*
Annotations of every object. Removing the Helm release must not take the pod
network away from running pods.
*/}}
{{- define "oci-vcn-native.annotations" -}}
helm.sh/resource-policy: keep
{{- end }}

{{/*
The version, refused where the chart does not know what the plugin needs, or
where it takes interfaces away that pods have.
*/}}
{{- define "oci-vcn-native.version" -}}
{{- if semverCompare "<2.0.1" .Values.version -}}
{{- fail (printf "plugin %s is not supported, the chart needs 2.0.1 or later" .Values.version) -}}
{{- else if and .Values.multus.enabled (semverCompare "<3.2.0" .Values.version) -}}
{{- fail (printf "multus.enabled says that pods have several interfaces, and plugin %s gives them one: it needs 3.2.0 or later" .Values.version) -}}
{{- end -}}
{{- .Values.version -}}
{{- end }}

{{/*
Whether the cluster has, or may get, a node that runs the plugin's pod. Virtual
nodes run no DaemonSet, and Oracle runs the plugin for them itself.
*/}}
{{- define "oci-vcn-native.runs" -}}
{{- if or (not .Values.nodeKinds) (without .Values.nodeKinds "Virtual") -}}
true
{{- end -}}
{{- end }}

{{/*
Whether the deletion of pods is guarded: where it is wanted, from the version
that brought it on, on a server that has such policies.
*/}}
{{- define "oci-vcn-native.guarded" -}}
{{- if and (include "oci-vcn-native.runs" .) .Values.guard.enabled -}}
{{- if and (semverCompare ">=2.3.0" .Values.version) (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) -}}
true
{{- end -}}
{{- end -}}
{{- end }}

{{/*
The CNI configuration list as JSON. The name must never change: addresses are
recorded under it on the nodes.
*/}}
{{- define "oci-vcn-native.cniConf" -}}
{{- $ipvlan := dict "cniVersion" "0.3.1" "type" "oci-ipvlan" "mode" "l2" "ipam" (dict "type" "oci-ipam") -}}
{{- $ptp := dict "cniVersion" "0.3.1" "type" "oci-ptp" "containerInterface" "ptp-veth0" "mtu" (int .Values.mtu) -}}
{{- dict "name" "oci" "cniVersion" "0.3.1" "plugins" (list $ipvlan $ptp) | mustToPrettyJson -}}
{{- end }}

{{/*
A wrapper that runs a program of the node, since rules have to be written by the
node's own iptables.
*/}}
{{- define "oci-vcn-native.wrapper" -}}
#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin exec chroot /host {{ . }} "$@"
{{ end }}

{{/*
The ConfigMap's data. Its name follows from it, so both come from here.
*/}}
{{- define "oci-vcn-native.configData" -}}
{{- $data := dict "cni-conf.json" (include "oci-vcn-native.cniConf" .) -}}
{{- range list "iptables" "ip6tables" -}}
{{- $_ := set $data . (include "oci-vcn-native.wrapper" .) -}}
{{- end -}}
{{- toYaml $data -}}
{{- end }}

{{/*
The ConfigMap's name: content in, name out, so that a pod template and the
configuration it was made for stay together.
*/}}
{{- define "oci-vcn-native.configName" -}}
vcn-native-ip-cni-cfg-{{ include "oci-vcn-native.configData" . | sha256sum | trunc 10 }}
{{- end }}

{{/*
How the DaemonSet controller replaces pods: as the operator says, else as the
version does. maxUnavailable of the configuration takes the place of the chart's
unless it is zero, with which no node would ever take an update.
*/}}
{{- define "oci-vcn-native.updateStrategy" -}}
{{- $type := .Values.updateStrategy.type -}}
{{- if not $type -}}
{{- $type = ternary "OnDelete" "RollingUpdate" (semverCompare ">=2.3.0" .Values.version) -}}
{{- end -}}
{{- $strategy := dict "type" $type -}}
{{- if eq $type "RollingUpdate" -}}
{{- $most := get (get .Values.configurations "rollingUpdate" | default dict) "maxUnavailable" -}}
{{- if has (toString $most) (list "" "0" "0%") -}}
{{- $most = .Values.updateStrategy.rollingUpdate.maxUnavailable -}}
{{- end -}}
{{- $_ := set $strategy "rollingUpdate" (dict "maxUnavailable" $most) -}}
{{- end -}}
{{- toYaml $strategy -}}
{{- end }}
