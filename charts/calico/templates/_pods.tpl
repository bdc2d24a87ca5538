{{/*
The nodes that Calico's pods may be on, as matchExpressions. Virtual nodes know
no NetworkPolicy at all and run neither DaemonSets nor pods on the host's network
(facts: OKE 1.4). No document names their label: this is the one that OpenCost's
provider for Oracle knows them by.
*/}}
{{- define "calico.nodes" -}}
- key: kubernetes.io/os
  operator: In
  values: [linux]
- key: node-role.kubernetes.io/virtual-node
  operator: DoesNotExist
{{- end }}

{{/*
Affinity of the pods that the operator's configurations are not for.
*/}}
{{- define "calico.ownAffinity" -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          {{- include "calico.nodes" . | nindent 10 }}
{{- end }}

{{/*
Affinity of calico-node: what the operator gave, and in each of their node
selector terms the chart's own expressions, since one term is enough for a node.
A term that says nothing fits no node and stays as it is.
*/}}
{{- define "calico.nodeAffinity" -}}
{{- $own := include "calico.nodes" . | fromYamlArray -}}
{{- $required := "requiredDuringSchedulingIgnoredDuringExecution" -}}
{{- $affinity := get .Values.configurations "affinity" | default dict | deepCopy -}}
{{- $node := get $affinity "nodeAffinity" | default dict -}}
{{- $terms := list -}}
{{- range dig $required "nodeSelectorTerms" list $node -}}
{{- if or (get . "matchExpressions") (get . "matchFields") -}}
{{- $_ := set . "matchExpressions" (concat (get . "matchExpressions" | default list) $own) -}}
{{- end -}}
{{- $terms = append $terms . -}}
{{- end -}}
{{- $_ := set $node $required (dict "nodeSelectorTerms" ($terms | default (list (dict "matchExpressions" $own)))) -}}
{{- $_ := set $affinity "nodeAffinity" $node -}}
{{- toYaml $affinity -}}
{{- end }}

{{/*
Tolerations of calico-node: a node's pods need their policies whatever its taints
say. The operator's are added, each once.
*/}}
{{- define "calico.nodeTolerations" -}}
{{- $own := list
      (dict "effect" "NoSchedule" "operator" "Exists")
      (dict "effect" "NoExecute" "operator" "Exists")
      (dict "key" "CriticalAddonsOnly" "operator" "Exists") -}}
{{- concat $own (get .Values.configurations "tolerations" | default list) | uniq | toYaml -}}
{{- end }}

{{/*
How many nodes may be without a working agent at once. With none of them no node
would ever take an update, so OKE's key counts only when it allows some.
*/}}
{{- define "calico.maxUnavailable" -}}
{{- $asked := dig "rollingUpdate" "maxUnavailable" 0 .Values.configurations -}}
{{- if has (toString $asked) (list "0" "0%") -}}
{{- $asked = .Values.updateStrategy.rollingUpdate.maxUnavailable -}}
{{- end -}}
{{- toJson $asked -}}
{{- end }}

{{/*
What a pod is allowed by the kernel, and the secrets that its images need.
*/}}
{{- define "calico.podDefaults" -}}
{{- $defaults := dict -}}
{{- if semverCompare ">=3.29.0" .Values.version -}}
{{- $_ := set $defaults "securityContext" (dict "seccompProfile" (dict "type" "RuntimeDefault")) -}}
{{- end -}}
{{- with .Values.imagePullSecrets -}}
{{- $_ := set $defaults "imagePullSecrets" . -}}
{{- end -}}
{{- with $defaults -}}
{{- toYaml . -}}
{{- end -}}
{{- end }}

{{/*
Environment of calico-node, by name. The order of a pod's variables has no
meaning here: none refers to another.
*/}}
{{- define "calico.nodeEnv" -}}
{{- $env := dict
      "DATASTORE_TYPE" "kubernetes"
      "USE_POD_CIDR" "true"
      "WAIT_FOR_DATASTORE" "true"
      "CALICO_NETWORKING_BACKEND" "none"
      "CALICO_DISABLE_FILE_LOGGING" "true"
      "NO_DEFAULT_POOLS" "true"
      "FELIX_DEFAULTENDPOINTTOHOSTACTION" "ACCEPT"
      "FELIX_HEALTHENABLED" "true"
      "FELIX_IPV6SUPPORT" (include "calico.ipv6" .)
      "FELIX_USAGEREPORTINGENABLED" (toString .Values.felix.usageReporting) -}}
{{- if include "calico.wiresPods" . -}}
{{- $env = merge $env (dict
      "CLUSTER_TYPE" "k8s,canal"
      "CALICO_MANAGE_CNI" "true"
      "CALICO_CNI_SERVICE_ACCOUNT" "calico-cni-plugin"
      "FELIX_IPTABLESREFRESHINTERVAL" "60"
      "IP" "") -}}
{{- else -}}
{{- $env = merge $env (dict
      "CLUSTER_TYPE" "k8s"
      "CALICO_MANAGE_CNI" "false"
      "FELIX_INTERFACEPREFIX" "oci"
      "FELIX_CHAININSERTMODE" "Append"
      "FELIX_IPTABLESMANGLEALLOWACTION" "Return") -}}
{{- end -}}
{{- if include "calico.typha" . -}}
{{- $_ := set $env "FELIX_TYPHAK8SSERVICENAME" "calico-typha" -}}
{{- end -}}
{{- if ne .Values.iptablesBackend "Auto" -}}
{{- $_ := set $env "FELIX_IPTABLESBACKEND" .Values.iptablesBackend -}}
{{- end -}}
{{- with get .Values.felix "logSeverity" -}}
{{- $_ := set $env "FELIX_LOGSEVERITYSCREEN" . -}}
{{- end -}}
{{- if get .Values.felix "prometheusMetrics" -}}
{{- $_ := set $env "FELIX_PROMETHEUSMETRICSENABLED" "true" -}}
{{- end -}}
- name: NODENAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- range $name, $value := $env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/*
What is done on a node before calico-node starts, where its plugin wires pods.
flannel's own plugin is left to the flannel add-on. The second container mounts
what eBPF needs and never fails.
*/}}
{{- define "calico.initContainers" -}}
- name: install-cni
  image: {{ .Values.images.cni }}
  command: [/opt/cni/bin/install]
  env:
    # Before 10-flannel.conflist, so that new pods get it.
    - name: CNI_CONF_NAME
      value: 10-canal.conflist
    - name: CNI_NETWORK_CONFIG
      valueFrom:
        configMapKeyRef:
          name: {{ include "calico.configName" . }}
          key: cni_network_config
    - name: CALICO_CNI_SERVICE_ACCOUNT
      value: calico-cni-plugin
    - name: KUBERNETES_NODE_NAME
      valueFrom:
        fieldRef:
          fieldPath: spec.nodeName
    - name: SKIP_CNI_BINARIES
      value: flannel
    - name: SLEEP
      value: "false"
  securityContext:
    privileged: true
  volumeMounts:
    - name: cni-bin-dir
      mountPath: /host/opt/cni/bin
    - name: cni-net-dir
      mountPath: /host/etc/cni/net.d
- name: {{ ternary "ebpf-bootstrap" "mount-bpffs" (semverCompare ">=3.31.0" .Values.version) }}
  image: {{ .Values.images.node }}
  command: [calico-node, -init, -best-effort]
  securityContext:
    privileged: true
  volumeMounts:
    - name: sys-fs
      mountPath: /sys/fs
      mountPropagation: Bidirectional
    - name: var-run-calico
      mountPath: /var/run/calico
      mountPropagation: Bidirectional
    - name: nodeproc
      mountPath: /nodeproc
      readOnly: true
{{- end }}
