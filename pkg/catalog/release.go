package catalog

import (
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/addonctl/addonctl/pkg/version"
)

// Release is an add-on at one version. The slices and maps in it are shared
// with the catalog and must not be changed.
type Release struct {
	// AddOn is the add-on's name.
	AddOn string
	// Version keeps the raw string of the data file.
	Version version.Version
	Status  Status
	// Recall says in a sentence why a hub has recalled it; empty where no hub has. A release that a data file recalls says it there.
	Recall string
	// Released is a day as "2025-08-08", or empty: unknown.
	Released string
	// Kubernetes says which clusters the release is made for.
	Kubernetes version.Filters
	// ListedFor are the minors that Oracle's tables list the release for,
	// sorted. It is evidence; Kubernetes is the rule.
	ListedFor []version.Minor
	// Chart names the chart's folder: the add-on's, unless the release has its own.
	Chart string
	// Images are all images the release runs, in the order of the data file.
	Images []Image
	// Mechanism is how nodes take this release by themselves.
	Mechanism Mechanism
	// Nodes is what the release needs of every node.
	Nodes NodeNeeds
	// Realms that the release is published in, such as OC1; empty when no source tells of a limit.
	Realms []string
	// Configurations are the keys it may be configured by, sorted by key.
	Configurations []Configuration
	// Values go to the chart; ChartValues completes them.
	Values map[string]any
	// Renders are what the release rendered to when it was published, one for each version of its chart, oldest first. What
	// was reviewed can so be told from what would be put on a cluster.
	Renders []Frozen
	// Sources say where the facts above come from, one per fact.
	Sources []string
	// Confidence grades the evidence for the version and its Kubernetes minors.
	Confidence Confidence
}

// Image is one container image of a release.
type Image struct {
	Name string `json:"name"`
	// Ref is a full reference with tag or digest.
	Ref string `json:"ref"`
}

// Frozen is the canonical render of a release with one version of its chart (render.Canonical).
type Frozen struct {
	// Chart is the chart's own version.
	Chart string `json:"chart"`
	// Digest as "sha256:" and 64 hexadecimal digits.
	Digest string `json:"digest"`
}

// Frozen is the digest that the release was published with for a version of its chart.
func (r Release) Frozen(chart string) (digest string, ok bool) {
	for _, f := range r.Renders {
		if f.Chart == chart {
			return f.Digest, true
		}
	}
	return "", false
}

// Status is the state of a release, in the words of OKE's AddonVersions
// (facts: OKE 2.3, 2.5).
type Status string

// The states of a release.
const (
	// Active releases are supported; only these are chosen automatically.
	Active Status = "ACTIVE"
	// Deprecated releases are unsupported and kept for a way back.
	Deprecated Status = "DEPRECATED"
	// Preview releases are taken only by somebody who asks for them.
	Preview Status = "PREVIEW"
	// Recalled releases are never installed, and clusters move away from them.
	Recalled Status = "RECALLED"
)

// Mechanism is how nodes take a release by themselves once it is on the
// cluster (facts: OKE 2.6).
type Mechanism string

// The mechanisms.
const (
	// RollingUpdate: the DaemonSet controller replaces pods in batches.
	RollingUpdate Mechanism = "RollingUpdate"
	// OnDelete: a node changes when its pod is deleted, or when it is new.
	OnDelete Mechanism = "OnDelete"
	// OnReboot: a node changes when it reboots.
	OnReboot Mechanism = "OnReboot"
)

// Confidence grades the sources of a release.
type Confidence string

// The grades, best first.
const (
	// Documented: the vendor's own text or code says so.
	Documented Confidence = "documented"
	// Observed: seen on running clusters.
	Observed Confidence = "observed"
	// Inferred: concluded from other facts.
	Inferred Confidence = "inferred"
)

// RecallText says that the release has been recalled, and why where that is known, to follow its name.
func (r Release) RecallText() string {
	if r.Recall == "" {
		return "has been recalled"
	}
	return "has been recalled: " + r.Recall
}

// Image returns the reference of the image with that name.
func (r Release) Image(name string) (ref string, ok bool) {
	for _, image := range r.Images {
		if image.Name == name {
			return image.Ref, true
		}
	}
	return "", false
}

// Configuration returns the configuration with exactly that key.
func (r Release) Configuration(key string) (Configuration, bool) {
	for _, c := range r.Configurations {
		if c.Key == key {
			return c, true
		}
	}
	return Configuration{}, false
}

// NewestKubernetes is the version to judge and to render for where no cluster says one: the newest minor that the release is
// listed for or, where no table lists it, what its filters name as a bound. It is zero when the release has neither, and then
// fits any version.
func (r Release) NewestKubernetes() (k version.Version, listed bool) {
	f := r.Kubernetes
	switch n := len(r.ListedFor); {
	case n > 0:
		return version.MustParse(r.ListedFor[n-1].String()), true
	case len(f.Exact) > 0:
		return slices.MaxFunc(f.Exact, version.Compare), false
	case !f.Maximum.IsZero():
		return f.Maximum, false
	default:
		return f.Minimal, false
	}
}

// ReleasedOn returns the release's day at midnight UTC; ok is false when the
// day is unknown.
func (r Release) ReleasedOn() (day time.Time, ok bool) {
	day, err := time.Parse(time.DateOnly, r.Released)
	return day, err == nil
}

// ChartValues returns the values this release gives its chart, a deep copy of
// Values with two keys added, so that version and images stand in one place
// only: "version" (the core version, such as "0.27.3") and "images" (name to
// reference). Every chart takes these two.
func (r Release) ChartValues() map[string]any {
	values, ok := deepCopy(r.Values).(map[string]any)
	if !ok || values == nil {
		values = map[string]any{}
	}
	images := make(map[string]any, len(r.Images))
	for _, image := range r.Images {
		images[image.Name] = image.Ref
	}
	values["version"] = r.Version.Core()
	values["images"] = images
	return values
}

// deepCopy copies what decoding JSON can produce.
func deepCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = deepCopy(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = deepCopy(value)
		}
		return out
	default:
		return v
	}
}

// NearestKey is the configuration key that a misspelt one may have meant; empty when none is near.
func (r Release) NearestKey(key string) string {
	const near = 0.6 // of 1, which is the same
	best, most := "", near
	for _, c := range r.Configurations {
		if s := levenshtein.Similarity(strings.ToLower(key), strings.ToLower(c.Key), nil); s > most {
			best, most = c.Key, s
		}
	}
	return best
}
