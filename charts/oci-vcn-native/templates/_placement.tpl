{{/*
The nodes that the plugin is for: Linux nodes that are not virtual and of which
nobody says that they have no VCN-native pod network.
*/}}
{{- define "oci-vcn-native.nodes" -}}
- key: kubernetes.io/os
  operator: In
  values: [linux]
- key: node-role.kubernetes.io/virtual-node
  operator: DoesNotExist
- key: oci.oraclecloud.com/vcn-native-ip-cni
  operator: NotIn
  values: ["false"]
{{- end }}

{{/*
The operator's affinity as it is given, with the plugin's nodes in every term of
the required node affinity: terms are alternatives, so one without them would let
the agent onto any node. A term that says nothing selects no node and stays as it
is.
*/}}
{{- define "oci-vcn-native.affinity" -}}
{{- $own := include "oci-vcn-native.nodes" . | fromYamlArray -}}
{{- $affinity := get .Values.configurations "affinity" | default dict | deepCopy -}}
{{- $nodes := get $affinity "nodeAffinity" | default dict -}}
{{- $required := "requiredDuringSchedulingIgnoredDuringExecution" -}}
{{- $terms := list -}}
{{- range dig $required "nodeSelectorTerms" list $nodes -}}
{{- if or (get . "matchExpressions") (get . "matchFields") -}}
{{- $_ := set . "matchExpressions" (concat $own (get . "matchExpressions" | default list)) -}}
{{- end -}}
{{- $terms = append $terms . -}}
{{- end -}}
{{- $_ := set $nodes $required (dict "nodeSelectorTerms" ($terms | default (list (dict "matchExpressions" $own)))) -}}
{{- set $affinity "nodeAffinity" $nodes | toYaml -}}
{{- end }}

{{/*
Tolerations: every taint, since a node without pod network is of no use whatever
its taints say, and the operator's.
*/}}
{{- define "oci-vcn-native.tolerations" -}}
{{- concat (list (dict "operator" "Exists")) (get .Values.configurations "tolerations" | default list) | uniq | toYaml -}}
{{- end }}
