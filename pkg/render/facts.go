package render

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Network reads the address blocks that a render's net-conf.json names; nil for an add-on that has none.
func (r *Render) Network() ([]string, error) {
	for _, o := range r.Objects {
		text, ok, _ := unstructured.NestedString(o.Object, "data", "net-conf.json")
		if !ok || o.GetKind() != "ConfigMap" {
			continue
		}
		var conf struct{ Network, IPv6Network string }
		if err := json.Unmarshal([]byte(text), &conf); err != nil {
			return nil, fmt.Errorf("reading net-conf.json of %s: %w", o.GetName(), err)
		}
		var out []string
		for _, n := range []string{conf.Network, conf.IPv6Network} {
			if n != "" {
				out = append(out, n)
			}
		}
		return out, nil
	}
	return nil, nil
}

// into puts the settings where the chart reads them.
func (s Settings) into(values map[string]any) error {
	var cidrs []any
	for _, c := range s.PodCIDRs {
		if _, err := netip.ParsePrefix(c); err != nil {
			return fmt.Errorf("reading pod CIDR %q: %w", c, err)
		}
		cidrs = append(cidrs, c)
	}
	if len(cidrs) > 0 {
		values["podCIDRs"] = cidrs
	}
	return nil
}
