package catalog

import (
	"fmt"
	"strings"
)

// NetworkType is a cluster's network type, in the words of OKE's cniType. A
// cluster keeps it for life (facts: OKE 1.1).
type NetworkType string

// The two network types of OKE.
const (
	// OCIVCNIPNative gives pods addresses of the VCN itself.
	OCIVCNIPNative NetworkType = "OCI_VCN_IP_NATIVE"
	// FlannelOverlay gives pods addresses of an overlay between the nodes.
	FlannelOverlay NetworkType = "FLANNEL_OVERLAY"
)

// networkTypeNames maps what is accepted on input, in lower case. Oracle's own
// tools differ in their names (facts: OKE 5).
var networkTypeNames = map[string]NetworkType{
	"oci_vcn_ip_native": OCIVCNIPNative,
	"vcn-native":        OCIVCNIPNative,
	"npn":               OCIVCNIPNative,
	"native":            OCIVCNIPNative,
	"flannel_overlay":   FlannelOverlay,
	"flannel":           FlannelOverlay,
}

// NetworkTypes returns all network types, sorted.
func NetworkTypes() []NetworkType { return []NetworkType{FlannelOverlay, OCIVCNIPNative} }

// ParseNetworkType reads the enum or one of its aliases in any case. There is
// no default: three of Oracle's tools have three different ones (facts: OKE
// 1.3), so an empty string is an error too.
func ParseNetworkType(s string) (NetworkType, error) {
	if t, ok := networkTypeNames[strings.ToLower(s)]; ok {
		return t, nil
	}
	return "", fmt.Errorf("parsing network type %q: want %s (or vcn-native, npn, native), or %s (or flannel)",
		s, OCIVCNIPNative, FlannelOverlay)
}

// String returns the enum.
func (t NetworkType) String() string { return string(t) }
