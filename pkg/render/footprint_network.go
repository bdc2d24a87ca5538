package render

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// keyNetConf is the key of flannel's network configuration in a ConfigMap.
const keyNetConf = "net-conf.json"

// configMap is a ConfigMap of the render.
type configMap struct {
	namespace, name string
	data            map[string]string
}

func (m configMap) ref() string { return reference("ConfigMap", m.namespace, m.name) }

func (r *reading) configMap(o *unstructured.Unstructured) error {
	var m struct {
		Data map[string]string `json:"data"`
	}
	if err := typed(o, &m); err != nil {
		return err
	}
	r.configs = append(r.configs, configMap{o.GetNamespace(), o.GetName(), m.Data})
	return nil
}

// network reads flannel's network configuration, and the chain that some pod reads in order to install it. All of them
// have to be readable; the first one by the name of its ConfigMap is taken.
func (r *reading) network() error {
	for _, m := range tidy(r.configs, configMap.ref) {
		if err := r.networkOf(m); err != nil {
			return err
		}
		for _, key := range chainKeys {
			if err := r.chainOf(m, key.name, key.lenient); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reading) networkOf(m configMap) error {
	text, ok := m.data[keyNetConf]
	if !ok {
		return nil
	}
	conf, err := netConf(text)
	if err != nil {
		return fmt.Errorf("reading %s of %s: %w", keyNetConf, m.ref(), err)
	}
	r.Network = cmp.Or(r.Network, conf)
	return nil
}

// netConf reads a net-conf.json. What it leaves out is what flannel makes of that (facts: CNI A1.4), so that writing a
// default down is no change.
func netConf(text string) (*catalog.NetConf, error) {
	var conf struct {
		Network, IPv6Network string
		EnableNFTables       bool
		Backend              *struct {
			Type                                string
			VNI                                 *int
			Port, ListenPort, ListenPortV6, MTU int
			Mode                                string
			GBP, DirectRouting                  bool
		}
	}
	if err := json.Unmarshal([]byte(text), &conf); err != nil {
		return nil, err
	}
	out := &catalog.NetConf{Backend: "udp", NFTables: conf.EnableNFTables}
	for _, n := range []string{conf.Network, conf.IPv6Network} {
		if n == "" {
			continue
		}
		if _, err := netip.ParsePrefix(n); err != nil {
			return nil, err
		}
		out.Networks = append(out.Networks, n)
	}
	out.Networks = set(out.Networks)
	b := conf.Backend
	if b == nil {
		return out, nil
	}
	out.Backend, out.Port, out.MTU, out.GBP, out.DirectRouting = b.Type, max(b.Port, b.ListenPort), b.MTU, b.GBP, b.DirectRouting
	if b.VNI != nil {
		out.VNI = *b.VNI
	}
	switch b.Type {
	case "vxlan":
		vxlanDefaults(out, b.VNI != nil)
	case "wireguard":
		out.Port, out.PortV6 = cmp.Or(out.Port, 51820), cmp.Or(b.ListenPortV6, 51821)
		out.Mode = cmp.Or(b.Mode, "separate")
	}
	return out, nil
}

func vxlanDefaults(c *catalog.NetConf, hasVNI bool) {
	if !hasVNI {
		c.VNI = 1
	}
	if c.Port == 0 {
		c.Port = 8472
	}
}
