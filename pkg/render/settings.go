package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// Settings are what a cluster and its operator add to a release's own values. What a chart does not declare in its
// values.yaml it does not get: one that knows no IPv6 has no ipFamilies.
type Settings struct {
	// Kubernetes is the version that templates may ask for.
	Kubernetes version.Version
	// NetworkType of the cluster (value networkType): an add-on that is no CNI may depend on what it is beside.
	NetworkType catalog.NetworkType
	// PodCIDRs that hold every node's pod CIDR, at most one per family (value podCIDRs).
	PodCIDRs []string
	// IPFamilies, IPv4 and IPv6, in order of preference (value ipFamilies).
	IPFamilies []string
	// NodeKinds of the cluster's pools (value nodeKinds); empty means that nothing is known of them.
	NodeKinds []catalog.NodeKind
	// Nodes is about how many nodes the cluster has (value nodes); 0 means unknown.
	Nodes int
	// Region such as us-ashburn-1, and Realm such as OC1, that the cluster is in (values region and realm).
	Region, Realm string
	// Configurations are OKE's keys with their values as given, JSON plain or in Base64 (value configurations, decoded).
	Configurations map[string]string
	// Values are the operator's own, merged over the release's; those that come from the catalog or the cluster are not
	// theirs to set.
	Values map[string]any
	// Overlay is a kustomize overlay, files by path, laid over what the chart gives; nil means none.
	Overlay map[string][]byte
	// Definitions take the place of the chart's own of the same name: upstream's, where an operator supplies them.
	Definitions []*unstructured.Unstructured
}

// reserved are the values that come from the catalog and the cluster alone.
var reserved = []string{"version", "images", "networkType", "podCIDRs", "ipFamilies", "nodeKinds", "nodes", "region", "realm", "configurations"}

// values are what a chart that declares certain values is rendered with: the release's, the cluster's, then the
// operator's.
func (s Settings) values(declared map[string]any, r catalog.Release, configurations map[string]any) (map[string]any, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	out := r.ChartValues()
	for name, value := range s.ofCluster(configurations) {
		if _, ok := declared[name]; ok {
			out[name] = value
		}
	}
	if _, ok := declared["configurations"]; !ok && len(configurations) > 0 {
		return nil, errors.New("the chart takes no configurations")
	}
	// The first argument wins, and both are changed.
	own, err := plain(s.Values)
	if err != nil {
		return nil, err
	}
	return chartutil.CoalesceTables(own, out), nil
}

// check refuses what the operator may not set, and networks that are none.
func (s Settings) check() error {
	var problems []error
	for _, c := range s.PodCIDRs {
		if _, err := netip.ParsePrefix(c); err != nil {
			problems = append(problems, fmt.Errorf("reading pod CIDR %q: %w", c, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		if slices.Contains(reserved, name) {
			problems = append(problems, fmt.Errorf("value %q is not an operator's to set: it comes from the catalog or the cluster", name))
		}
	}
	return errors.Join(problems...)
}

// ofCluster are the values that are set by name, without those that nothing is known of.
func (s Settings) ofCluster(configurations map[string]any) map[string]any {
	out := map[string]any{}
	for name, words := range map[string][]any{"podCIDRs": anys(s.PodCIDRs), "ipFamilies": anys(s.IPFamilies), "nodeKinds": anys(s.NodeKinds)} {
		if len(words) > 0 {
			out[name] = words
		}
	}
	for name, word := range map[string]string{"networkType": string(s.NetworkType), "region": s.Region, "realm": s.Realm} {
		if word != "" {
			out[name] = word
		}
	}
	if s.Nodes > 0 {
		out["nodes"] = int64(s.Nodes)
	}
	if len(configurations) > 0 {
		out["configurations"] = configurations
	}
	return out
}

func anys[T ~string](words []T) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

// ConfigurationError says that a configuration is not one that the release takes.
type ConfigurationError struct {
	Key string
	// Nearest key that the release has; empty when none is near.
	Nearest string
	// Err is what is wrong with the value; nil when the key is unknown.
	Err error
}

func (e *ConfigurationError) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Nearest != "":
		return fmt.Sprintf("configuration %q is none of the release's; did you mean %q?", e.Key, e.Nearest)
	default:
		return fmt.Sprintf("configuration %q is none of the release's", e.Key)
	}
}

func (e *ConfigurationError) Unwrap() error { return e.Err }

// decoded are configurations by key, each fitting the release's schema. Every one that does not is an error, a
// *ConfigurationError, and so is a required one that is missing.
func decoded(r catalog.Release, given map[string]string) (map[string]any, error) {
	out := map[string]any{}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(given)) {
		c, ok := r.Configuration(key)
		if !ok {
			problems = append(problems, &ConfigurationError{Key: key, Nearest: r.NearestKey(key)})
			continue
		}
		value, err := c.Decode(given[key])
		if err != nil {
			problems = append(problems, &ConfigurationError{Key: key, Err: err})
			continue
		}
		out[key] = value
	}
	for _, c := range r.Configurations {
		if _, ok := given[c.Key]; c.Required && !ok {
			problems = append(problems, &ConfigurationError{Key: c.Key, Err: fmt.Errorf("configuration %q is required", c.Key)})
		}
	}
	return out, errors.Join(problems...)
}

// unused tells of configurations that are taken and mean nothing: a DaemonSet has one pod on each node, and never two.
func unused(a catalog.AddOn, configurations map[string]any) []Finding {
	if a.Workload.Kind != "DaemonSet" {
		return nil
	}
	out := keptOff(a, configurations)
	tell := func(key, why string) {
		out = append(out, Finding{
			Reason: "ConfigurationUnused", Message: fmt.Sprintf("configuration %s has no effect on %s: %s", key, a.Name, why),
			Fix: "leave it out",
		})
	}
	if _, ok := configurations["numOfReplicas"]; ok {
		tell("numOfReplicas", "it has one pod on each node")
	}
	if _, ok := configurations["topologySpreadConstraints"]; ok {
		tell("topologySpreadConstraints", "it has one pod on each node, and a constraint could only keep one away")
	}
	if rolling, ok := configurations["rollingUpdate"].(map[string]any); ok {
		if surge, ok := rolling["maxSurge"]; ok && !zero(surge) {
			tell("rollingUpdate.maxSurge", "two agents are never run on one node")
		}
		if most, ok := rolling["maxUnavailable"]; ok && zero(most) {
			tell("rollingUpdate.maxUnavailable", "no node would ever take an update, so the chart's own stays")
		}
	}
	return out
}

// keptOff refuses what could keep an agent off its node: a DaemonSet's pod that has to stand beside other pods, or away from
// them, stays Pending where it cannot, and the node without pod network.
func keptOff(a catalog.AddOn, configurations map[string]any) []Finding {
	affinity, _ := configurations["affinity"].(map[string]any)
	var out []Finding
	for _, kind := range []string{"podAffinity", "podAntiAffinity"} {
		terms, ok, _ := unstructured.NestedSlice(affinity, kind, "requiredDuringSchedulingIgnoredDuringExecution")
		if ok && len(terms) > 0 {
			out = append(out, Finding{
				Reason: "AgentKeptOff", Blocking: true,
				Message: fmt.Sprintf("configuration affinity.%s.requiredDuringSchedulingIgnoredDuringExecution can keep the agent of %s off nodes: they would be without pod network", kind, a.Name),
				Fix:     "use preferredDuringSchedulingIgnoredDuringExecution, or leave it out",
			})
		}
	}
	return out
}

// regionless tells that images come from the registry that the catalog names, where a chart could name the cluster's own.
func (s Settings) regionless(declared map[string]any) []Finding {
	host, _, _ := unstructured.NestedString(s.Values, "registry", "host")
	if _, ok := declared["region"]; !ok || s.Region != "" || host != "" || len(s.Overlay) > 0 {
		return nil
	}
	return []Finding{{
		Reason:  "RegionUnknown",
		Message: "the cluster's region is not known, so images are pulled from the registry that the catalog names, which other regions and realms may not reach",
		Fix:     "--values FILE with registry: {host: fra.ocir.io} (your region's registry), or an overlay with a mirror; addonctl images shows what is pulled",
	}}
}

func zero(amount any) bool {
	return slices.Contains([]string{"0", "0%"}, strings.TrimSpace(fmt.Sprint(amount)))
}

// plain is a copy of values as JSON has them, so that a chart sees the same whatever they were read from.
func plain(values map[string]any) (map[string]any, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("reading values: %w", err)
	}
	out := map[string]any{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &out); err != nil {
		return nil, fmt.Errorf("reading values: %w", err)
	}
	return out, nil
}
