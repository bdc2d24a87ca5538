package render

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// chainKeys are the keys of a CNI configuration in a ConfigMap (facts: CNI A1.4, A3.4). In those that are lenient, the
// program that installs it fills in what stands as __NAME__, so it need not be JSON yet.
var chainKeys = []struct {
	name    string
	lenient bool
}{
	{"cni-conf.json", false},
	{"cni_network_config", true},
	{"CNI_NETWORK_CONFIG", true},
}

func (r *reading) chainOf(m configMap, key string, lenient bool) error {
	text, ok := m.data[key]
	readers := r.readers(m, key)
	if !ok || len(readers) == 0 {
		return nil
	}
	if lenient {
		text = readable(text)
	}
	c, err := chain(text)
	if err != nil && !lenient {
		return fmt.Errorf("reading %s of %s: %w", key, m.ref(), err)
	}
	c.File = fileOf(readers)
	r.Chain = cmp.Or(r.Chain, &c)
	return nil
}

// placeholder is a value that is filled in on the node: __CNI_MTU__ as a number.
var placeholder = regexp.MustCompile(`([:\[,]\s*)__[A-Za-z0-9_]+__`)

// readable is a JSON object of the fields that can be read, up to the first one that cannot.
func readable(text string) string {
	fields := map[string]json.RawMessage{}
	d := json.NewDecoder(strings.NewReader(placeholder.ReplaceAllString(text, "${1}null")))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "{}"
	}
	for d.More() {
		var value json.RawMessage
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok || d.Decode(&value) != nil {
			break
		}
		fields[name] = value
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return "{}"
	}
	return string(out)
}

// chain reads a CNI network configuration list, or a configuration of a single plugin. With an error comes what could be
// read nevertheless.
func chain(text string) (catalog.CNIChain, error) {
	type plugin struct {
		Type string `json:"type"`
	}
	var conf struct {
		Name    string `json:"name"`
		Version string `json:"cniVersion"`
		plugin
		Plugins []plugin `json:"plugins"`
	}
	err := json.Unmarshal([]byte(text), &conf)
	out := catalog.CNIChain{Name: conf.Name, Version: conf.Version}
	if conf.Type != "" {
		conf.Plugins = append(conf.Plugins, conf.plugin)
	}
	for _, p := range conf.Plugins {
		out.Plugins = append(out.Plugins, p.Type)
	}
	var all any
	if json.Unmarshal([]byte(text), &all) == nil {
		out.IPAM, out.MTU = inside(all, ipam), inside(all, mtu)
	}
	if err == nil && (out.Name == "" || len(out.Plugins) == 0 || slices.Contains(out.Plugins, "")) {
		err = errors.New("a CNI configuration has a name and plugins that have types")
	}
	return out, err
}

// ipam is the type of a plugin's address plugin.
func ipam(plugin map[string]any) string {
	t, _, _ := unstructured.NestedString(plugin, "ipam", "type")
	return t
}

// mtu is that of a plugin or of its delegate; one that is filled in on the node is none.
func mtu(plugin map[string]any) int {
	if _, ok := plugin["type"]; !ok {
		return 0
	}
	delegate, _ := plugin["delegate"].(map[string]any)
	own, _ := plugin["mtu"].(float64)
	delegated, _ := delegate["mtu"].(float64)
	return int(cmp.Or(own, delegated))
}

// inside is the first value that any object in a document has, the outer ones first, such as a delegate.
func inside[T comparable](v any, of func(map[string]any) T) T {
	var none T
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if t := inside(x, of); t != none {
				return t
			}
		}
	case map[string]any:
		if t := of(v); t != none {
			return t
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if t := inside(v[k], of); t != none {
				return t
			}
		}
	}
	return none
}

// readers are the containers that read a key of a ConfigMap. A configuration that no pod reads is put on no node, whatever
// a ConfigMap holds: Calico beside VCN-native has no installer (facts: OKE 1.8).
func (r *reading) readers(m configMap, key string) []corev1.Container {
	var out []corev1.Container
	for _, p := range r.pods {
		if p.namespace != m.namespace {
			continue
		}
		for _, c := range containers(&p.spec) {
			if readsVariable(c, m.name, key) || readsFile(c, p.spec.Volumes, m.name, key) {
				out = append(out, c)
			}
		}
	}
	return out
}

func readsVariable(c corev1.Container, name, key string) bool {
	return slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool {
		return e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil &&
			e.ValueFrom.ConfigMapKeyRef.Name == name && e.ValueFrom.ConfigMapKeyRef.Key == key
	}) || slices.ContainsFunc(c.EnvFrom, func(e corev1.EnvFromSource) bool {
		return e.ConfigMapRef != nil && e.ConfigMapRef.Name == name
	})
}

func readsFile(c corev1.Container, volumes []corev1.Volume, name, key string) bool {
	for _, v := range volumes {
		if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name }) {
			continue
		}
		for _, s := range sources(v) {
			if s.ConfigMap != nil && s.ConfigMap.Name == name && holds(s.ConfigMap.Items, key) {
				return true
			}
		}
	}
	return false
}

// holds tells whether a volume shows a key: without a list it shows all.
func holds(items []corev1.KeyToPath, key string) bool {
	return len(items) == 0 || slices.ContainsFunc(items, func(i corev1.KeyToPath) bool { return i.Key == key })
}

// fileOf is the name under which containers install a configuration: Calico's variable, or the one path below net.d among
// the words of their command lines; empty when that is not told plainly.
func fileOf(readers []corev1.Container) string {
	var names []string
	for _, c := range readers {
		for _, e := range c.Env {
			if e.Name == "CNI_CONF_NAME" && e.Value != "" {
				names = append(names, e.Value)
			}
		}
		for word := range strings.FieldsSeq(strings.Join(append(slices.Clone(c.Command), c.Args...), " ")) {
			if word = strings.Trim(word, `"';`); path.Base(path.Dir(word)) == "net.d" {
				names = append(names, path.Base(word))
			}
		}
	}
	if names = set(names); len(names) != 1 {
		return ""
	}
	return names[0]
}
