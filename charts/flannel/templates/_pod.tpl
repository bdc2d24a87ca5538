{{/*
What keeps the agent off a node: another system, and an opt-out of OKE's pod
network by the operator. Virtual nodes need no word: a cluster with flannel has
none (facts: OKE 1.4, 4). Nothing may be added here lightly: a node that an update
leaves out loses its pod network.
*/}}
{{- define "flannel.nodeExpressions" -}}
- key: kubernetes.io/os
  operator: In
  values: [linux]
{{- if .Values.respectOptOut }}
- key: oci.oraclecloud.com/custom-k8s-networking
  operator: NotIn
  values: ["true"]
{{- end }}
{{- end }}

{{/*
The operator's affinity with the chart's own expressions in every term of the
required node affinity: terms are alternatives, so one without them would let the
agent onto any node. A term that says nothing matches no node and stays as it is.
*/}}
{{- define "flannel.affinity" -}}
{{- $own := include "flannel.nodeExpressions" . | fromYamlArray -}}
{{- $affinity := get .Values.configurations "affinity" | default dict | deepCopy -}}
{{- $node := get $affinity "nodeAffinity" | default dict -}}
{{- $required := "requiredDuringSchedulingIgnoredDuringExecution" -}}
{{- $terms := list -}}
{{- range dig $required "nodeSelectorTerms" list $node -}}
{{- if or (get . "matchExpressions") (get . "matchFields") -}}
{{- $_ := set . "matchExpressions" (concat $own (get . "matchExpressions" | default list)) -}}
{{- end -}}
{{- $terms = append $terms . -}}
{{- end -}}
{{- $_ := set $node $required (dict "nodeSelectorTerms" ($terms | default (list (dict "matchExpressions" $own)))) -}}
{{- $_ := set $affinity "nodeAffinity" $node -}}
{{- toYaml $affinity -}}
{{- end }}

{{/*
A node without pod network is of no use whatever its taints say, so the chart's
own tolerate all that would keep a pod away.
*/}}
{{- define "flannel.tolerations" -}}
{{- $own := list (dict "effect" "NoSchedule" "operator" "Exists") (dict "effect" "NoExecute" "operator" "Exists") -}}
{{- concat $own .Values.tolerations (get .Values.configurations "tolerations" | default list) | uniq | toYaml -}}
{{- end }}

{{/*
Labels that a node must have; OKE's key wins.
*/}}
{{- define "flannel.nodeSelector" -}}
{{- with merge dict (get .Values.configurations "nodeSelectors" | default dict) .Values.nodeSelector -}}
{{- toYaml . -}}
{{- end -}}
{{- end }}

{{/*
How many nodes may be without a working agent at once. With none of them no node
would ever take an update, so OKE's key counts only when it allows some.
*/}}
{{- define "flannel.maxUnavailable" -}}
{{- $asked := dig "rollingUpdate" "maxUnavailable" 0 .Values.configurations -}}
{{- if has (toString $asked) (list "0" "0%") -}}
{{- $asked = .Values.updateStrategy.rollingUpdate.maxUnavailable -}}
{{- end -}}
{{- toJson $asked -}}
{{- end }}

{{/*
The port of the health server, empty where flannel cannot tell whether it is
ready: before 0.28.9 there is /healthz alone, which answers as soon as the process
runs (flannel #2523).
*/}}
{{- define "flannel.healthzPort" -}}
{{- if semverCompare ">=0.28.9" (include "flannel.version" .) -}}
{{- get .Values.agent "healthzPort" | default 8081 | int -}}
{{- end -}}
{{- end }}

{{/*
flanneld's arguments. What is left at flannel's default is not written.
*/}}
{{- define "flannel.args" -}}
{{- $agent := .Values.agent -}}
{{- $args := ternary (list "--ip-masq") list $agent.ipMasq -}}
{{- $args = append $args "--kube-subnet-mgr" -}}
{{- with include "flannel.healthzPort" . -}}{{- $args = append $args (printf "--healthz-port=%s" .) -}}{{- end -}}
{{- range get $agent "iface" | default list -}}{{- $args = append $args (printf "--iface=%s" .) -}}{{- end -}}
{{- range get $agent "ifaceRegex" | default list -}}{{- $args = append $args (printf "--iface-regex=%s" .) -}}{{- end -}}
{{- with get $agent "ifaceCanReach" -}}{{- $args = append $args (printf "--iface-can-reach=%s" .) -}}{{- end -}}
{{- if get $agent "ipMasqFullyRandomDisable" -}}{{- $args = append $args "--ip-masq-fully-random-disable" -}}{{- end -}}
{{- with get $agent "iptablesResync" -}}{{- $args = append $args (printf "--iptables-resync=%d" (int .)) -}}{{- end -}}
{{- if not $agent.iptablesForwardRules -}}{{- $args = append $args "--iptables-forward-rules=false" -}}{{- end -}}
{{- toYaml $args -}}
{{- end }}
