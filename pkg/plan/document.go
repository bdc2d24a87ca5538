package plan

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/version"
)

// documentVersion and documentKind open a facts file.
const (
	documentVersion = "addonctl.io/v1alpha1"
	documentKind    = "Facts"
)

// document is a facts file: an Input as people write it. What is left out is unknown, but for the fields that say otherwise.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Now is the observer's clock.
	Now time.Time `json:"now"`
	// AddOn asked about; the CNI of the network type when empty.
	AddOn          string            `json:"addon"`
	MinimumAge     string            `json:"minimumAge"`
	Cluster        clusterDocument   `json:"cluster"`
	Nodes          []nodeDocument    `json:"nodes"`
	Installed      installedDocument `json:"installed"`
	Desired        desiredDocument   `json:"desired"`
	Held           []Held            `json:"held"`
	Configurations map[string]string `json:"configurations"`
	Values         map[string]any    `json:"values"`
	Overlay        map[string]string `json:"overlay"`
	Revisions      []Revision        `json:"revisions"`
	Change         changeDocument    `json:"change"`
}

type clusterDocument struct {
	Name        string              `json:"name"`
	NetworkType catalog.NetworkType `json:"networkType"`
	Kubernetes  string              `json:"kubernetes"`
	// Registered is true when not given: record and stamp agree.
	Registered     *bool         `json:"registered"`
	Stamp          *Stamp        `json:"stamp"`
	Paused         bool          `json:"paused"`
	PodCIDRs       []string      `json:"podCIDRs"`
	IPFamilies     []string      `json:"ipFamilies"`
	Driver         Driver        `json:"driver"`
	Pools          []Pool        `json:"pools"`
	CNIs           []CNI         `json:"cnis"`
	Facts          catalog.Facts `json:"facts"`
	Contradictions []string      `json:"contradictions"`
}

type nodeDocument struct {
	noderoll.Node
	// Count makes that many nodes of it, NAME-1 and so on.
	Count int `json:"count"`
	// Runs is the version of the add-on's pod; empty for a node without one.
	Runs string `json:"runs"`
	// Ready is true when not given.
	Ready *bool `json:"ready"`
	// BrokenPod says what keeps the pod from being Ready; it is Ready when not given.
	BrokenPod string `json:"brokenPod"`
}

type installedDocument struct {
	Version        string   `json:"version"`
	Foreign        bool     `json:"foreign"`
	Network        []string `json:"network"`
	MaxUnavailable int      `json:"maxUnavailable"`
}

type desiredDocument struct {
	Version string `json:"version"`
	MoveTo  string `json:"moveTo"`
	Pin     Pin    `json:"pin"`
	Accept  Accept `json:"accept"`
	Back    Back   `json:"back"`
}

type changeDocument struct {
	Missing       []string           `json:"missing"`
	MissingRights []string           `json:"missingRights"`
	Objects       []ObjectChange     `json:"objects"`
	From          *catalog.Footprint `json:"from"`
	To            *catalog.Footprint `json:"to"`
	Unrenderable  string             `json:"unrenderable"`
	Findings      []Finding          `json:"findings"`
}

// ReadFacts reads a facts file, YAML or JSON, strictly: an unknown or doubled field is an error. It fills everything of an
// Input but Catalog, Request and what a render tells of the target (see Imagine).
func ReadFacts(data []byte) (Input, error) {
	converted, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return Input{}, fmt.Errorf("reading facts: %w", err)
	}
	var doc document
	strict, err := kjson.UnmarshalStrict(converted, &doc)
	if err := errors.Join(append(strict, err)...); err != nil {
		return Input{}, fmt.Errorf("reading facts: %w", err)
	}
	in, err := doc.input()
	if err != nil {
		return Input{}, fmt.Errorf("reading facts: %w", err)
	}
	return in, nil
}

func (doc document) input() (Input, error) {
	r := reader{}
	in := Input{
		Now: doc.Now, AddOn: doc.AddOn, Held: doc.Held,
		Cluster: r.cluster(doc.Cluster, len(doc.Nodes) > 0), Nodes: r.nodes(doc.Nodes),
		Desired: Desired{
			Version: doc.Desired.Version, MoveTo: doc.Desired.MoveTo, Pin: doc.Desired.Pin, Accept: doc.Desired.Accept,
			Back:     doc.Desired.Back,
			Settings: Settings{doc.Configurations, doc.Values, doc.Overlay},
		},
		Record: Record{Revisions: doc.Revisions},
		Change: Change{
			Missing: doc.Change.Missing, MissingRights: doc.Change.MissingRights, Objects: doc.Change.Objects,
			From: doc.Change.From, To: doc.Change.To, Unrenderable: doc.Change.Unrenderable, Findings: doc.Change.Findings,
		},
	}
	r.want("apiVersion", doc.APIVersion, documentVersion)
	r.want("kind", doc.Kind, documentKind)
	if doc.MinimumAge != "" {
		var err error
		if in.MinimumAge, err = time.ParseDuration(doc.MinimumAge); err != nil || in.MinimumAge < 0 {
			r.fault("minimumAge", doc.MinimumAge, "want a duration such as 72h")
		}
	}
	in.Installed = installedOf(doc.Installed, in.Desired.Settings)
	if in.Installed.Present && in.Installed.Ours && doc.Revisions == nil {
		in.Record = settledAt(in.Installed)
	}
	return in, errors.Join(r.faults...)
}

// reader gathers the faults of a facts file.
type reader struct{ faults []error }

func (r *reader) fault(field, value, problem string) {
	r.faults = append(r.faults, fmt.Errorf("%s: %q: %s", field, value, problem))
}

func (r *reader) want(field, have, want string) {
	if have != want {
		r.fault(field, have, "want "+want)
	}
}

func (r *reader) cluster(doc clusterDocument, nodes bool) Cluster {
	c := Cluster{
		Name: doc.Name, UID: "uid", PodCIDRs: doc.PodCIDRs, Paused: doc.Paused, CNIs: doc.CNIs, IPFamilies: doc.IPFamilies,
		Driver: doc.Driver, Pools: doc.Pools, Facts: doc.Facts, Contradictions: doc.Contradictions, Stamp: doc.Stamp,
	}
	if c.Name == "" {
		c.Name = "cluster"
	}
	var err error
	if doc.Kubernetes != "" {
		if c.Kubernetes, err = version.Parse(doc.Kubernetes); err != nil {
			r.fault("cluster.kubernetes", doc.Kubernetes, "want a version such as 1.34.2")
		}
	}
	r.networkType("cluster.networkType", &doc.NetworkType)
	if doc.NetworkType != "" && (doc.Registered == nil || *doc.Registered) {
		c.NetworkType = doc.NetworkType
		if c.Stamp == nil {
			c.Stamp = &Stamp{NetworkType: c.NetworkType, UID: c.UID, Cluster: c.Name}
		}
	}
	r.closed(c)
	r.facts(doc.Facts, nodes)
	return c
}

// closed reports what the cluster's fields with few or well-formed values cannot hold.
func (r *reader) closed(c Cluster) {
	for i, cidr := range c.PodCIDRs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			r.fault(fmt.Sprintf("cluster.podCIDRs[%d]", i), cidr, "want a block such as 10.244.0.0/16")
		}
	}
	for i, family := range c.IPFamilies {
		r.word(fmt.Sprintf("cluster.ipFamilies[%d]", i), catalog.FactIPFamilies, family)
	}
	if c.Driver != "" {
		r.word("cluster.driver", catalog.FactDriver, string(c.Driver))
	}
	r.pools(c.Pools)
	for i := range c.CNIs {
		r.networkType(fmt.Sprintf("cluster.cnis[%d].networkType", i), &c.CNIs[i].NetworkType)
	}
	if c.Stamp != nil {
		if c.Stamp.UID == "" {
			c.Stamp.UID = c.UID
		}
		r.networkType("cluster.stamp.networkType", &c.Stamp.NetworkType)
	}
}

func (r *reader) nodes(docs []nodeDocument) []noderoll.Node {
	var out []noderoll.Node
	for i, doc := range docs {
		field := fmt.Sprintf("nodes[%d]", i)
		if doc.Name == "" {
			r.fault(field+".name", "", "missing")
		}
		r.node(field, doc)
		n := doc.Node
		n.Ready = doc.Ready == nil || *doc.Ready
		if doc.Runs != "" {
			n.Pod = podOf(doc)
		}
		if n.NPN == nil { // whoever does not tell of it means one that is well
			n.NPN = &noderoll.NPN{State: noderoll.NPNSuccess}
		}
		if doc.Count == 0 {
			out = append(out, n)
		}
		for k := range min(doc.Count, maxCount) {
			numbered := n
			numbered.Name = fmt.Sprintf("%s-%d", n.Name, k+1)
			out = append(out, numbered)
		}
	}
	seen := map[string]bool{}
	for _, n := range out {
		if seen[n.Name] {
			r.fault("nodes", n.Name, "there are two nodes of that name")
		}
		seen[n.Name] = true
	}
	return out
}

// podOf is a pod of the revision that its version stands for. It is what it is for ages: a description tells no times.
func podOf(doc nodeDocument) *noderoll.Pod {
	ages := time.Unix(0, 0).UTC()
	p := &noderoll.Pod{
		Name: "pod", Revision: strings.TrimPrefix(doc.Runs, "v"), Version: doc.Runs, Ready: true, Available: true, Created: ages, ReadySince: ages,
	}
	if doc.BrokenPod != "" {
		p.Ready, p.Available, p.Bad, p.Trouble = false, false, true, doc.BrokenPod
	}
	return p
}

// installedOf is an add-on that was written with the recorded settings.
func installedOf(doc installedDocument, s Settings) Installed {
	if doc.Version == "" {
		return Installed{}
	}
	revision := strings.TrimPrefix(doc.Version, "v")
	return Installed{
		Present: true, Ours: !doc.Foreign, Version: doc.Version, Digest: imagined(revision, s), Observed: true, Newest: revision,
		Network: doc.Network, MaxUnavailable: max(1, doc.MaxUnavailable),
	}
}

// settledAt is the record of an add-on whose installation was settled, and of which no more is known.
func settledAt(i Installed) Record {
	return Record{Revisions: []Revision{{Number: 1, Version: i.Version, Status: Deployed, Digest: i.Digest}}}
}

// ImagineInstalled puts an add-on of ours into an input, settled at a version, as a facts file does that says no more of it.
func ImagineInstalled(in Input, v string) Input {
	in.Installed = installedOf(installedDocument{Version: v}, in.Desired.Settings)
	in.Record = settledAt(in.Installed)
	return in
}

// described is how the digests of renders begin that nobody made.
const described = "imagined:"

// imagined is the digest of a render that nobody made.
func imagined(v string, s Settings) string { return described + v + s.encoded() }

// Imagine completes an input for which nothing is rendered, so that a plan can be made from facts alone: the target is taken
// to be renderable, and to be written with the pod CIDRs that are known. Such a plan is for looking at: no engine renders
// its digests.
func Imagine(in Input) Input {
	_, r, ok := Target(in)
	if !ok || in.Change.Unrenderable != "" {
		return in
	}
	in.Change.Version, in.Change.Digest = r.Version.String(), imagined(r.Version.String(), MergedSettings(in))
	if in.Installed.Digest == in.Change.Digest {
		in.Installed.OnDelete = OnDelete(in) // which a description does not tell
	}
	if in.Change.To != nil && in.Change.To.Network != nil && len(in.Change.Network) == 0 {
		in.Change.Network = in.Change.To.Network.Networks
	}
	return in
}
