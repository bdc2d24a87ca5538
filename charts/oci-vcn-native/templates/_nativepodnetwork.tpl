{{/*
What is asked for a node.
*/}}
{{- define "oci-vcn-native.npnSpec" -}}
type: object
x-kubernetes-preserve-unknown-fields: true
required: [id]
properties:
  id:
    description: OCID of the instance.
    type: string
    minLength: 1
    maxLength: 128
  maxPodCount:
    description: How many pods the node may run, which is how many addresses it gets.
    type: integer
    format: int64
    default: 31
    minimum: 1
    maximum: 256
  podSubnetIds:
    description: OCIDs of the subnets of the pods' addresses.
    type: array
    maxItems: 5
    items:
      type: string
  networkSecurityGroupIds:
    description: OCIDs of the network security groups of the pods' VNICs.
    type: array
    maxItems: 5
    items:
      type: string
  ipFamilies:
    description: IPv4, IPv6, or both.
    type: array
    minItems: 1
    maxItems: 2
    items:
      type: string
  secondaryVnics:
    description: VNICs for pods, where they are described one by one instead of by the flat fields.
    type: array
    maxItems: 64
    items:
      type: object
      x-kubernetes-preserve-unknown-fields: true
      properties:
        displayName:
          type: string
        nicIndex:
          description: The physical NIC, on bare metal.
          type: integer
        createVnicDetails:
          {{- include "oci-vcn-native.npnVNICDetails" . | nindent 10 }}
{{- end }}

{{/*
How a VNIC is to be made.
*/}}
{{- define "oci-vcn-native.npnVNICDetails" -}}
type: object
x-kubernetes-preserve-unknown-fields: true
properties:
  subnetId:
    type: string
  nsgIds:
    type: array
    items:
      type: string
  ipCount:
    description: How many addresses for pods it gets.
    type: integer
    minimum: 1
    maximum: 256
  applicationResources:
    description: Names by which pods ask for this VNIC.
    type: array
    items:
      type: string
  assignIpv6Ip:
    type: boolean
  assignPublicIp:
    type: boolean
  ipv6AddressIpv6SubnetCidrPairDetails:
    type: array
    items:
      type: object
      x-kubernetes-preserve-unknown-fields: true
      properties:
        ipv6Address:
          type: string
        ipv6SubnetCidr:
          type: string
  skipSourceDestCheck:
    type: boolean
  displayName:
    type: string
  freeformTags:
    type: object
    additionalProperties:
      type: string
  {{- range list "definedTags" "securityAttributes" }}
  {{ . }}:
    description: By namespace, then by key.
    type: object
    additionalProperties:
      type: object
      x-kubernetes-preserve-unknown-fields: true
  {{- end }}
{{- end }}

{{/*
What a node has. The fields of 2022 (routerIp, subnetCidr, addresses, hostAddress)
stand beside those that know two families.
*/}}
{{- define "oci-vcn-native.npnStatus" -}}
type: object
x-kubernetes-preserve-unknown-fields: true
properties:
  state:
    description: SUCCESS once the node has its VNICs and addresses.
    type: string
    enum: [BACKOFF, IN_PROGRESS, SUCCESS]
  reason:
    description: The step that failed, such as FailedToCreatePrivateIP.
    type: string
  vnics:
    type: array
    items:
      type: object
      x-kubernetes-preserve-unknown-fields: true
      properties:
        vnicId:
          type: string
        macAddress:
          type: string
        nicIndex:
          type: integer
        vlanTag:
          type: integer
        nicConfiguration:
          {{- include "oci-vcn-native.npnVNICConfiguration" . | nindent 10 }}
        addresses:
          type: array
          maxItems: 256
          items:
            type: string
        {{- range list "routerIp" "subnetCidr" "hostAddress" }}
        {{ . }}:
          type: string
        {{- end }}
        {{- range list "podAddresses" "routerIps" "subnetCidrs" "hostAddresses" }}
        {{ . }}:
          description: Addresses or ranges, each with its IPv4 and its IPv6.
          type: array
          maxItems: 256
          items:
            type: object
            x-kubernetes-preserve-unknown-fields: true
            properties:
              v4:
                type: string
              v6:
                type: string
        {{- end }}
{{- end }}

{{/*
How a VNIC was made.
*/}}
{{- define "oci-vcn-native.npnVNICConfiguration" -}}
type: object
x-kubernetes-preserve-unknown-fields: true
properties:
  ipCount:
    type: integer
    format: int64
    minimum: 1
    maximum: 256
  ipFamilies:
    type: array
    minItems: 1
    maxItems: 2
    items:
      type: string
  subnet:
    type: string
  nsgs:
    type: array
    maxItems: 5
    items:
      type: string
  applicationResources:
    type: array
    items:
      type: string
{{- end }}
