package catalog

import (
	"regexp"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/version"
)

// conditionDocument is a Condition as written.
type conditionDocument struct {
	Fact    Fact   `json:"fact"`
	In      []text `json:"in"`
	NotIn   []text `json:"notIn"`
	Below   text   `json:"below"`
	AtLeast text   `json:"atLeast"`
}

// number is the value of a fact that counts.
var number = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// knownValues are the values of the facts that have only a few. A condition with a misspelt value would never hold, and
// nobody would notice.
var knownValues = map[Fact][]string{
	FactBrNetfilter:   {"loaded", "missing"},
	FactClusterType:   {"basic", "enhanced"},
	FactDriver:        {"Helm", "OKE"},
	FactForwardPolicy: {"ACCEPT", "DROP"},
	FactIPFamilies:    {"IPv4", "IPv6"},
	FactIptables:      {"legacy", "nft"},
	FactKubeProxyMode: {"iptables", "ipvs", "nftables"},
	FactNetworkType:   {string(FlannelOverlay), string(OCIVCNIPNative)},
	FactNodeKind:      {string(Managed), string(SelfManaged), string(Virtual)},
	FactTypha:         {"false", "true"},
}

// countFacts have numbers as values.
var countFacts = []Fact{FactAdminNetworkPolicies, FactIPsPerVNIC, FactNetworkPolicies}

func conditions(s *sheet, docs []conditionDocument) Conditions {
	var out Conditions
	for i, doc := range docs {
		out = append(out, doc.condition(s, at("when", i)))
	}
	return out
}

func (doc conditionDocument) condition(s *sheet, field string) Condition {
	oneOf(s, field+".fact", doc.Fact, FactNames()...)
	c := Condition{
		Fact:    doc.Fact,
		In:      doc.values(s, field+".in", doc.In),
		NotIn:   doc.values(s, field+".notIn", doc.NotIn),
		Below:   doc.bound(s, field+".below", doc.Below),
		AtLeast: doc.bound(s, field+".atLeast", doc.AtLeast),
	}
	switch given := doc.given(); len(given) {
	case 1:
	case 0:
		s.fault(field, "", "want exactly one of in, notIn, below, atLeast")
	default:
		s.fault(field, strings.Join(given, " and "), "want exactly one of in, notIn, below, atLeast")
	}
	return c
}

// given are the names of the comparisons that are written.
func (doc conditionDocument) given() []string {
	var names []string
	for _, way := range []struct {
		name  string
		given bool
	}{
		{"in", len(doc.In) > 0},
		{"notIn", len(doc.NotIn) > 0},
		{"below", doc.Below != text{}},
		{"atLeast", doc.AtLeast != text{}},
	} {
		if way.given {
			names = append(names, way.name)
		}
	}
	return names
}

func (doc conditionDocument) values(s *sheet, field string, texts []text) []string {
	var out []string
	for i, t := range texts {
		switch field := at(field, i); {
		case !s.quoted(field, t):
		case slices.Contains(out, t.value):
			s.fault(field, t.value, "given twice")
		default:
			doc.value(s, field, t.value)
		}
		out = append(out, t.value)
	}
	return out
}

// value wants what the fact can be; "" is how an unknown value is told of, so no condition may ask for it.
func (doc conditionDocument) value(s *sheet, field, value string) {
	known := knownValues[doc.Fact]
	switch {
	case len(known) > 0:
		oneOf(s, field, value, known...)
	case slices.Contains(countFacts, doc.Fact):
		s.match(field, value, number)
	case doc.Fact == FactRealm:
		s.match(field, value, realmName)
	case value == "":
		s.fault(field, "", "missing")
	}
}

func (doc conditionDocument) bound(s *sheet, field string, t text) version.Version {
	if t != (text{}) && doc.Fact != "" && !slices.Contains(versionFacts, doc.Fact) {
		s.fault(field, t.value, "fact "+string(doc.Fact)+" is no version, want in or notIn")
		return version.Version{}
	}
	return s.version(field, t)
}
