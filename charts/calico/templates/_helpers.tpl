{{/*
Labels of every object.
*/}}
{{- define "calico.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: calico
{{- end }}

{{/*
Annotations of every object. Removing the Helm release must not take policies
away from running pods, nor what is stored under the definitions.
*/}}
{{- define "calico.annotations" -}}
helm.sh/resource-policy: keep
{{- end }}

{{/*
The version, refused where the chart does not know what Calico needs.
*/}}
{{- define "calico.version" -}}
{{- if not (semverCompare ">=3.26.0, <3.33.0" .Values.version) -}}
{{- fail (printf "calico %s is not supported, the chart knows 3.26 to 3.32" .Values.version) -}}
{{- end -}}
{{- .Values.version -}}
{{- end }}

{{/*
An image of another version than the templates decide by is refused. A tag that
is no plain version tells nothing.
*/}}
{{- define "calico.refuseOtherImages" -}}
{{- range $name, $image := .Values.images -}}
{{- $tag := splitList "@" $image | first | splitList ":" | last | trimPrefix "v" -}}
{{- if and (regexMatch "^[0-9]+\\.[0-9]+\\.[0-9]+$" $tag) (ne $tag $.Values.version) -}}
{{- fail (printf "version is %s and images.%s is %s: set both to the same release" $.Values.version $name $image) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Not empty where Calico's plugin wires the pods, beside flannel.
*/}}
{{- define "calico.wiresPods" -}}
{{- if eq .Values.networkType "FLANNEL_OVERLAY" }}true{{ end -}}
{{- end }}

{{/*
"true" or "false": whether policies hold for IPv6.
*/}}
{{- define "calico.ipv6" -}}
{{- if eq (toString .Values.ipv6) "auto" -}}
{{- has "IPv6" .Values.ipFamilies -}}
{{- else -}}
{{- .Values.ipv6 -}}
{{- end -}}
{{- end }}

{{/*
Not empty where Typha runs: Calico's authors advise it above 50 nodes.
*/}}
{{- define "calico.typha" -}}
{{- if eq (toString .Values.typha.enabled) "auto" -}}
{{- if gt (int .Values.nodes) 50 }}true{{ end -}}
{{- else if .Values.typha.enabled -}}
true
{{- end -}}
{{- end }}

{{/*
How many Typhas: one for 200 nodes, three in production, never above 20, as its
authors advise. And always fewer than nodes: they take a port of the node, so
that one too many could never start and would hold every update up.
*/}}
{{- define "calico.typhaReplicas" -}}
{{- $nodes := int .Values.nodes -}}
{{- $wanted := max 3 (div (add $nodes 199) 200) -}}
{{- max 1 (min $wanted 20 (sub $nodes 1)) -}}
{{- end }}

{{/*
The CNI configuration list as JSON; what stands as __NAME__ is filled in on the
node. Its name is flannel's: both plugins then record the addresses of a node's
pods in one place, so that no new pod gets the address of an old one, and each
gives back what the other has given. It must never change.
*/}}
{{- define "calico.cniConf" -}}
{{- $ipam := dict "type" "host-local" "subnet" "usePodCidr" -}}
{{- if has "IPv6" .Values.ipFamilies -}}
{{- $ranges := list (list (dict "subnet" "usePodCidr")) (list (dict "subnet" "usePodCidrIPv6")) -}}
{{- $ipam = dict "type" "host-local" "ranges" $ranges -}}
{{- end -}}
{{- $calico := dict
      "type" "calico"
      "log_level" "info"
      "log_file_path" "/var/log/calico/cni/cni.log"
      "datastore_type" "kubernetes"
      "nodename" "__KUBERNETES_NODE_NAME__"
      "mtu" (int .Values.mtu)
      "ipam" $ipam
      "policy" (dict "type" "k8s")
      "kubernetes" (dict "kubeconfig" "__KUBECONFIG_FILEPATH__") -}}
{{- $portmap := dict "type" "portmap" "snat" true "capabilities" (dict "portMappings" true) -}}
{{- dict "name" "cbr0" "cniVersion" "0.3.1" "plugins" (list $calico $portmap) | mustToPrettyJson -}}
{{- end }}

{{/*
The ConfigMap's data. Its name follows from it, so both come from here.
*/}}
{{- define "calico.configData" -}}
{{- dict "cni_network_config" (include "calico.cniConf" .) | toYaml -}}
{{- end }}

{{/*
The ConfigMap's name: content in, name out, so that a pod template and the
configuration it was made for stay together.
*/}}
{{- define "calico.configName" -}}
calico-config-{{ include "calico.configData" . | sha256sum | trunc 10 }}
{{- end }}
