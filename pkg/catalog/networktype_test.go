package catalog_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/google/go-cmp/cmp"
)

func TestParseNetworkTypeTakesAliasesAndGivesTheEnum(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want catalog.NetworkType
	}{
		"the VCN-native enum":               {"OCI_VCN_IP_NATIVE", catalog.OCIVCNIPNative},
		"the VCN-native enum in lower case": {"oci_vcn_ip_native", catalog.OCIVCNIPNative},
		"the word of the documentation":     {"vcn-native", catalog.OCIVCNIPNative},
		"the Terraform module's word":       {"npn", catalog.OCIVCNIPNative},
		"the landing zones' word":           {"native", catalog.OCIVCNIPNative},
		"the flannel enum":                  {"FLANNEL_OVERLAY", catalog.FlannelOverlay},
		"the short word in any case":        {"Flannel", catalog.FlannelOverlay},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := catalog.ParseNetworkType(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestParseNetworkTypeHasNoDefaultAndListsWhatItTakes(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "calico", "flannel "} {
		_, err := catalog.ParseNetworkType(in)
		if err == nil {
			t.Fatalf("%q was accepted", in)
		}
		want := `parsing network type "` + in + `": want OCI_VCN_IP_NATIVE (or vcn-native, npn, native), or FLANNEL_OVERLAY (or flannel)`
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}
