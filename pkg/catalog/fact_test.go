package catalog_test

import (
	"slices"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
)

func in(f catalog.Fact, values ...string) catalog.Condition {
	return catalog.Condition{Fact: f, In: values}
}

func notIn(f catalog.Fact, values ...string) catalog.Condition {
	return catalog.Condition{Fact: f, NotIn: values}
}

func below(f catalog.Fact, v string) catalog.Condition {
	return catalog.Condition{Fact: f, Below: version.MustParse(v)}
}

func atLeast(f catalog.Fact, v string) catalog.Condition {
	return catalog.Condition{Fact: f, AtLeast: version.MustParse(v)}
}

// One value is one node's, or the cluster's; "" is a node that does not tell.
func TestAConditionHoldsWhenItHoldsForAnyValueAndUnknownIsNotNo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		condition catalog.Condition
		values    []string
		want      catalog.Answer
	}{
		"in: the value is in the list":                         {in(catalog.FactOS, "OL7", "OL8"), []string{"OL8"}, catalog.Yes},
		"in: the value is not in the list":                     {in(catalog.FactOS, "OL7", "OL8"), []string{"OL9"}, catalog.No},
		"in: one of several values is in the list":             {in(catalog.FactOS, "OL7"), []string{"OL9", "OL7"}, catalog.Yes},
		"in: none of several values is in the list":            {in(catalog.FactOS, "OL7"), []string{"OL9", "OL8"}, catalog.No},
		"in: letters count":                                    {in(catalog.FactOS, "OL7"), []string{"ol7"}, catalog.No},
		"in: no value is known":                                {in(catalog.FactOS, "OL7"), nil, catalog.Unknown},
		"in: one node does not tell, the others do not match":  {in(catalog.FactOS, "OL7"), []string{"OL9", "", "OL8"}, catalog.Unknown},
		"in: one node does not tell, another matches":          {in(catalog.FactOS, "OL7"), []string{"", "OL7"}, catalog.Yes},
		"in: one node matches, another does not tell":          {in(catalog.FactOS, "OL7"), []string{"OL7", ""}, catalog.Yes},
		"notIn: the value is in the list":                      {notIn(catalog.FactIptables, "nft"), []string{"nft"}, catalog.No},
		"notIn: the value is not in the list":                  {notIn(catalog.FactIptables, "nft"), []string{"legacy"}, catalog.Yes},
		"notIn: one of several values is not in the list":      {notIn(catalog.FactIptables, "nft"), []string{"nft", "legacy"}, catalog.Yes},
		"notIn: no value is known":                             {notIn(catalog.FactIptables, "nft"), []string{}, catalog.Unknown},
		"notIn: a fact of the cluster":                         {notIn(catalog.FactRealm, "OC1"), []string{"OC2"}, catalog.Yes},
		"notIn: a node that does not tell is not another":      {notIn(catalog.FactIptables, "nft"), []string{"nft", ""}, catalog.Unknown},
		"below: before it":                                     {below(catalog.FactKubernetes, "1.34"), []string{"v1.33.9"}, catalog.Yes},
		"below: at it":                                         {below(catalog.FactKubernetes, "1.34"), []string{"v1.34.0"}, catalog.No},
		"below: numbers are not words":                         {below(catalog.FactKubernetes, "1.10"), []string{"v1.9.0"}, catalog.Yes},
		"below: a pre-release counts as its release":           {below(catalog.FactKubernetes, "1.37"), []string{"v1.37.0-alpha.1"}, catalog.No},
		"below: one node of several":                           {below(catalog.FactKubelet, "1.34"), []string{"v1.34.1", "v1.33.1"}, catalog.Yes},
		"below: one node does not tell, the others are beyond": {below(catalog.FactKubelet, "1.34"), []string{"", "v1.34.1"}, catalog.Unknown},
		"below: a value that is no version":                    {below(catalog.FactKubernetes, "1.34"), []string{"master"}, catalog.Unknown},
		"below: no value is known":                             {below(catalog.FactKubernetes, "1.34"), nil, catalog.Unknown},
		"atLeast: at it":                                       {atLeast(catalog.FactKubernetes, "1.34"), []string{"v1.34.0+oke.1"}, catalog.Yes},
		"atLeast: before it":                                   {atLeast(catalog.FactKubernetes, "1.34"), []string{"v1.33.9"}, catalog.No},
		"atLeast: a later patch than asked":                    {atLeast(catalog.FactKubernetes, "1.34.2"), []string{"v1.34.1", "v1.34.3"}, catalog.Yes},
		"atLeast: a value that is no version":                  {atLeast(catalog.FactKernel, "5.10"), []string{"unknown"}, catalog.Unknown},
		"a kernel of Oracle Linux":                             {below(catalog.FactKernel, "5.10"), []string{"5.4.17-2136.338.4.1.el8uek.x86_64"}, catalog.Yes},
		"a later kernel of Oracle Linux":                       {atLeast(catalog.FactKernel, "5.10"), []string{"5.15.0-302.167.6.el8uek.x86_64"}, catalog.Yes},
		"a kernel of Ubuntu":                                   {atLeast(catalog.FactKernel, "6.8"), []string{"6.8.0-1021-oracle"}, catalog.Yes},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := catalog.Facts{tt.condition.Fact: tt.values}
			if got := tt.condition.Holds(facts); got != tt.want {
				t.Errorf("%v of %q is %d, want %d", tt.condition, tt.values, got, tt.want)
			}
		})
	}
}

func TestConditionsHoldTogetherAndNameWhatWouldHaveToBeKnown(t *testing.T) {
	t.Parallel()
	yes, no := in(catalog.FactOS, "OL8"), in(catalog.FactOS, "OL9")
	dark, darker := in(catalog.FactIptables, "nft"), in(catalog.FactTypha, "true")
	known := catalog.Facts{catalog.FactOS: {"OL8"}, catalog.FactIptables: {""}}
	tests := map[string]struct {
		conditions catalog.Conditions
		want       catalog.Answer
		unknown    []catalog.Fact
	}{
		"no condition always holds":           {nil, catalog.Yes, nil},
		"all hold":                            {catalog.Conditions{yes, yes}, catalog.Yes, nil},
		"one does not hold":                   {catalog.Conditions{yes, no}, catalog.No, nil},
		"one is unknown":                      {catalog.Conditions{dark, yes}, catalog.Unknown, []catalog.Fact{catalog.FactIptables}},
		"several are unknown":                 {catalog.Conditions{darker, dark}, catalog.Unknown, []catalog.Fact{catalog.FactTypha, catalog.FactIptables}},
		"no decides before the unknown":       {catalog.Conditions{no, dark}, catalog.No, nil},
		"no decides behind the unknown":       {catalog.Conditions{dark, no}, catalog.No, nil},
		"what holds does not settle the rest": {catalog.Conditions{yes, dark, yes}, catalog.Unknown, []catalog.Fact{catalog.FactIptables}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, unknown := tt.conditions.Hold(known)
			if got != tt.want {
				t.Errorf("the answer is %d, want %d", got, tt.want)
			}
			if diff := cmp.Diff(tt.unknown, unknown); diff != "" {
				t.Errorf("unknown facts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFactNamesAreSortedAndEachIsThereOnce(t *testing.T) {
	t.Parallel()
	names := catalog.FactNames()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("not sorted, or one twice: %v", names)
	}
	for _, f := range []catalog.Fact{catalog.FactKubernetes, catalog.FactIPsPerVNIC, catalog.FactAdminNetworkPolicies, catalog.FactOS} {
		if !slices.Contains(names, f) {
			t.Errorf("%s is missing", f)
		}
	}
}

// A word that no condition knows is told to be none: "Loaded" would answer neither loaded nor missing.
func TestMisfitsOfFacts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fact  catalog.Fact
		value string
		want  string
	}{
		"a word":                       {catalog.FactBrNetfilter, "loaded", ""},
		"a misspelt word":              {catalog.FactBrNetfilter, "Loaded", "one of loaded, missing"},
		"a number":                     {catalog.FactNetworkPolicies, "12", ""},
		"a number with a sign":         {catalog.FactNetworkPolicies, "+1", "a number such as 0"},
		"a kernel with its tail":       {catalog.FactKernel, "5.15.0-209.161.7.2.el8uek.x86_64", ""},
		"no version":                   {catalog.FactKubelet, "new", "a version such as 5.15.0"},
		"anything where all may stand": {catalog.FactOS, "OL8", ""},
		"nothing":                      {catalog.FactOS, " ", "a value that is not empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.fact.Misfit(c.value); got != c.want {
				t.Errorf("%s=%q: %q, want %q", c.fact, c.value, got, c.want)
			}
		})
	}
	for _, f := range catalog.FactNames() {
		for _, v := range f.Values() {
			if want := f.Misfit(v); want != "" {
				t.Errorf("%s=%s is one of its values and wants %s", f, v, want)
			}
		}
	}
}
