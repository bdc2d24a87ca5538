{{/*
Every refusal that the schema cannot tell, in one place. Each is a sentence that
names the value and what to do.
*/}}
{{- define "flannel.refuse" -}}
{{- include "flannel.refuseNewOptions" . -}}
{{- include "flannel.refuseOtherImages" . -}}
{{- include "flannel.refuseFamilies" . -}}
{{- include "flannel.refuseBackend" . -}}
{{- end }}

{{/*
Options that came with a later flannel (facts: CNI A1.4, A1.6; the MTU: flannel
#1736). An older one passes over a key of its network configuration that it does
not know, exits for a flag, and has nothing to ask whether it is ready.
*/}}
{{- define "flannel.refuseNewOptions" -}}
{{- $version := include "flannel.version" . -}}
{{- $since := dict -}}
{{- if hasKey .Values.backend "mtu" -}}{{- $_ := set $since "backend.mtu" "0.21.3" -}}{{- end -}}
{{- if .Values.enableNFTables -}}{{- $_ := set $since "enableNFTables" "0.25.0" -}}{{- end -}}
{{- if get .Values.agent "ipMasqFullyRandomDisable" -}}{{- $_ := set $since "agent.ipMasqFullyRandomDisable" "0.27.4" -}}{{- end -}}
{{- if hasKey .Values.agent "healthzPort" -}}{{- $_ := set $since "agent.healthzPort" "0.28.9" -}}{{- end -}}
{{- range $option, $first := $since -}}
{{- if semverCompare (printf "<%s" $first) $version -}}
{{- fail (printf "flannel %s cannot be given %s, which needs %s or later: leave it out or choose a newer release" $version $option $first) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
An image of another version than the templates decide by. A tag that is no plain
version tells nothing.
*/}}
{{- define "flannel.refuseOtherImages" -}}
{{- $image := .Values.images.flannel -}}
{{- $tag := splitList "@" $image | first | splitList ":" | last | trimPrefix "v" -}}
{{- if and (regexMatch "^[0-9]+\\.[0-9]+\\.[0-9]+$" $tag) (ne $tag .Values.version) -}}
{{- fail (printf "version is %s and images.flannel is %s: set both to the same release, and images.flannel-cni-plugin to the one that belongs to it" .Values.version $image) -}}
{{- end -}}
{{- end }}

{{/*
Pod ranges of other families than the cluster has.
*/}}
{{- define "flannel.refuseFamilies" -}}
{{- $ranges := dict -}}
{{- range .Values.podCIDRs -}}
{{- $family := contains ":" . | ternary "IPv6" "IPv4" -}}
{{- if hasKey $ranges $family -}}
{{- fail (printf "podCIDRs holds more than one %s range: %s and %s" $family (get $ranges $family) .) -}}
{{- end -}}
{{- $_ := set $ranges $family . -}}
{{- end -}}
{{- $have := keys $ranges | sortAlpha | join ", " -}}
{{- $want := sortAlpha .Values.ipFamilies | join ", " -}}
{{- if and $want (ne $have $want) -}}
{{- fail (printf "ipFamilies is %s and podCIDRs has a range of %s: give one range of each family" $want $have) -}}
{{- end -}}
{{- end }}

{{/*
Options that the backend does not have or cannot use. flannel would pass over
them without a word.
*/}}
{{- define "flannel.refuseBackend" -}}
{{- $backend := .Values.backend -}}
{{- $known := get (include "flannel.backendOptions" . | fromJson) $backend.type -}}
{{- range $option := omit $backend "type" | keys | sortAlpha -}}
{{- if not (hasKey $known $option) -}}
{{- fail (printf "backend %s has no option %s, it has: %s" $backend.type $option (keys $known | sortAlpha | join ", " | default "none")) -}}
{{- end -}}
{{- end -}}
{{- if include "flannel.dualStack" . -}}
{{- include "flannel.refuseDualStack" . -}}
{{- else if or (hasKey $backend "listenPortV6") (eq (get $backend "mode") "ipv6") -}}
{{- fail "backend.listenPortV6 and backend.mode ipv6 need an IPv6 range in podCIDRs" -}}
{{- end -}}
{{- end }}

{{/*
What cannot carry IPv6, and what a tunnel for both families does not use. The
name of a network device has at most 15 characters, and flannel's is
flannel-v6.VNI.
*/}}
{{- define "flannel.refuseDualStack" -}}
{{- $mode := get .Values.backend "mode" | default "separate" -}}
{{- if and (hasKey .Values.backend "listenPortV6") (ne $mode "separate") -}}
{{- fail (printf "backend.listenPortV6 is for mode separate, and backend.mode is %s: leave one of them out" $mode) -}}
{{- end -}}
{{- if eq .Values.backend.type "ipip" -}}
{{- fail "backend ipip carries IPv4 only: take vxlan or wireguard for dual stack" -}}
{{- end -}}
{{- if gt (get .Values.backend "vni" | int) 9999 -}}
{{- fail (printf "backend.vni is %d: with dual stack it may have at most 4 digits, because the device is named flannel-v6.VNI" (int .Values.backend.vni)) -}}
{{- end -}}
{{- end }}
