{{/*
The image: the catalog's reference, with the host that region and realm give,
and over that what the operator says of the registry. One whose tag is another
version is refused, since the templates decide by the version.
*/}}
{{- define "oci-vcn-native.image" -}}
{{- $registry := .Values.registry -}}
{{- $image := get .Values.images "vcn-native-ip-cni" -}}
{{- $tag := splitList "@" $image | first | splitList ":" | last | trimPrefix "v" -}}
{{- if and (regexMatch "^[0-9]+\\.[0-9]+\\.[0-9]+$" $tag) (ne $tag .Values.version) -}}
{{- fail (printf "version is %s and images.vcn-native-ip-cni is %s: set both to the same release" .Values.version $image) -}}
{{- end -}}
{{- $parts := splitList "/" $image -}}
{{- $host := get $registry "host" -}}
{{- if not $host -}}
{{- $host = include "oci-vcn-native.host" . | default (first $parts) -}}
{{- end -}}
{{- $namespace := get $registry "namespace" | default (initial (rest $parts) | join "/") -}}
{{- $name := last $parts -}}
{{- with get (get $registry "digests" | default dict) .Values.version -}}
{{- $name = printf "%s@%s" (regexReplaceAll "[:@].*$" $name "") . -}}
{{- end -}}
{{- list $host $namespace $name | compact | join "/" -}}
{{- end }}

{{/*
The host of Oracle's registry for region and realm; empty where the reference
stands as it is. Realm OC1 has hosts of its own by key and by identifier, every
other realm one by identifier and domain.
*/}}
{{- define "oci-vcn-native.host" -}}
{{- $realms := include "oci-vcn-native.realms" . | fromYaml -}}
{{- $place := include "oci-vcn-native.place" . | fromYaml -}}
{{- $realm := get $place "realm" -}}
{{- if and (not $place.region) (eq $realm "OC1" "") -}}
{{- else if not (hasKey $realms $realm) -}}
{{- fail (printf "realm %s is not known: set registry.host to a registry that has the image, and registry.namespace to its namespace there" $realm) -}}
{{- else if not $place.region -}}
{{- fail (printf "realm %s needs a region beside it, or registry.host" $realm) -}}
{{- else if eq $realm "OC1" -}}
{{- $place.key | default $place.region }}.ocir.io
{{- else if not (contains "-" $place.region) -}}
{{- fail (printf "region key %s is not known: give the region's identifier, or registry.host" $place.region) -}}
{{- else if not (get .Values.registry "namespace") -}}
{{- fail (printf "no public source names the namespace of Oracle's images in realm %s: set registry.namespace" $realm) -}}
{{- else -}}
ocir.{{ $place.region }}.oci.{{ get (get $realms $realm) "domain" }}
{{- end -}}
{{- end }}

{{/*
Region and realm, completed from each other as YAML: region is an identifier
where it is known, key is empty where it is not.
*/}}
{{- define "oci-vcn-native.place" -}}
{{- $given := lower .Values.region -}}
{{- $realm := upper .Values.realm -}}
{{- $place := dict "region" $given "realm" $realm "key" "" -}}
{{- range $of, $facts := include "oci-vcn-native.realms" . | fromYaml -}}
{{- range $identifier, $key := $facts.regions -}}
{{- if has $given (list $identifier $key) -}}
{{- $place = dict "region" $identifier "realm" $of "key" $key -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $realm (ne $realm $place.realm) -}}
{{- fail (printf "region %s is in realm %s, not in %s" $place.region $place.realm $realm) -}}
{{- else if and $given (not $place.realm) -}}
{{- fail (printf "region %s is not known: set realm beside it, or registry.host" $given) -}}
{{- end -}}
{{- toYaml $place -}}
{{- end }}
