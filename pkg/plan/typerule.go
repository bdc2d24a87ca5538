package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// TypeRule chooses the network type of a new cluster as somebody's default does. Three of Oracle's tools have three different defaults (facts: OKE
// 1.3), so none is taken unless its rule is named (facts: OKE rule 2), and what it chose, and why, is said and recorded.
type TypeRule struct {
	// Name as it is asked for.
	Name string
	// Source of the rule in words.
	Source string
	choose func(TypeFacts) (catalog.NetworkType, string)
}

// TypeFacts are what rules choose by.
type TypeFacts struct {
	// Kubernetes version of the cluster.
	Kubernetes version.Version
	// Created is when the cluster was: the time of its namespace kube-system.
	Created time.Time
}

// TypeRules are all of them, in order of their names.
var TypeRules = []TypeRule{
	// The provider of Cluster API for OCI writes VCN-native where nothing is said.
	{"capoci", "Cluster API's provider for OCI: VCN-native where cniType is left out", always(catalog.OCIVCNIPNative)},
	// Until VCN-native came there was flannel alone; after that day a date decides nothing.
	{"date", "OKE before July 2022 had flannel alone", byDate},
	// The API, and the oci command line over it, stay with flannel.
	{"oke-api", "OKE's API: flannel where cniType is left out", always(catalog.FlannelOverlay)},
	// The Console offers VCN-native first since it came, for the versions of Kubernetes that it serves.
	{"oke-console", "OKE's Console: VCN-native since July 2022 for Kubernetes 1.22 or later, else flannel", byConsole},
	// Oracle's Terraform module for OKE has its own default.
	{"terraform-module", `Oracle's Terraform module for OKE: cni_type is "flannel" where it is left out`, always(catalog.FlannelOverlay)},
}

// nativeSince is the day on which OKE got VCN-native pod networking (facts: OKE 1.3), and nativeFrom the first version of Kubernetes with it.
var (
	nativeSince = time.Date(2022, time.July, 12, 0, 0, 0, 0, time.UTC)
	nativeFrom  = version.MustParse("1.22.0")
)

func always(t catalog.NetworkType) func(TypeFacts) (catalog.NetworkType, string) {
	return func(TypeFacts) (catalog.NetworkType, string) { return t, "" }
}

func byDate(f TypeFacts) (catalog.NetworkType, string) {
	created := "the cluster was created on " + f.Created.UTC().Format(time.DateOnly)
	if f.Created.Before(nativeSince) {
		return catalog.FlannelOverlay, created
	}
	return "", created + ", and from " + nativeSince.Format(time.DateOnly) + " on its date does not tell"
}

func byConsole(f TypeFacts) (catalog.NetworkType, string) {
	if t, why := byDate(f); t != "" {
		return t, why
	}
	if f.Kubernetes.Less(nativeFrom) {
		return catalog.FlannelOverlay, "it runs Kubernetes " + f.Kubernetes.Core()
	}
	return catalog.OCIVCNIPNative, fmt.Sprintf("created on %s, Kubernetes %s", f.Created.UTC().Format(time.DateOnly), f.Kubernetes.Core())
}

// FindTypeRule finds a rule by its name.
func FindTypeRule(name string) (TypeRule, bool) {
	i := slices.IndexFunc(TypeRules, func(r TypeRule) bool { return r.Name == name })
	if i < 0 {
		return TypeRule{}, false
	}
	return TypeRules[i], true
}

// Choose is the type that the rule chooses, and a sentence about it. ok is false where the facts do not decide; the sentence says why.
func (r TypeRule) Choose(f TypeFacts) (t catalog.NetworkType, sentence string, ok bool) {
	t, why := r.choose(f)
	sentence = "rule " + r.Name + " (" + r.Source + ")"
	if why != "" {
		sentence += ": " + why
	}
	return t, sentence, t != ""
}

// typeRuled says which rule chose the network type, so that nobody has to guess later.
func typeRuled(d decision) []Finding {
	if d.Request.TypeRule == "" || d.Cluster.NetworkType != "" {
		return nil
	}
	return note(NetworkTypeByRule, fmt.Sprintf("cluster %s becomes %s, for life, by %s", d.Cluster.Name, d.Request.NetworkType, d.Request.TypeRule),
		"--network-type says it outright")
}
