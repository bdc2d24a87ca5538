package addons_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// concern is what a block or hazard speaks of: moves as "from>to", installations as ">to".
type concern struct{ told, silent string }

// concerns has a row for every block and hazard, with moves at both ends of its ranges, forwards and backwards.
var concerns = map[string]map[string]concern{
	"Flannel": {
		"EgressGapOnStop":      {"0.25.0>0.26.0 0.26.2>0.26.4 0.26.2>0.27.3 0.26.7>0.27.0 0.26.2>0.24.4", ">0.26.2 0.24.4>0.25.0 0.24.4>0.27.3 0.27.0>0.26.7 0.27.3>0.28.9"},
		"ForwardGapOnStop":     {"0.25.0>0.26.0 0.26.2>0.27.3 0.26.7>0.27.0 0.26.2>0.24.4", ">0.26.2 0.24.4>0.26.2 0.27.0>0.26.7"},
		"BrNetfilterNeeded":    {">0.26.0 >0.28.9 0.25.0>0.26.0 0.20.2>0.27.3", ">0.25.0 0.26.0>0.26.2 0.26.2>0.27.3 0.27.3>0.26.2 0.26.2>0.24.4"},
		"HostPort8081":         {">0.28.9 0.28.8>0.28.9 0.27.3>0.28.9", ">0.28.8 0.28.9>0.28.10 0.28.9>0.27.3 0.26.2>0.27.3"},
		"RegistryMove":         {"0.26.3>0.26.4 0.26.2>0.27.3 0.20.2>0.28.9", ">0.27.3 0.26.4>0.27.0 0.27.3>0.26.2 0.24.4>0.26.2"},
		"RegistryMoveBack":     {"0.26.4>0.26.3 0.27.3>0.26.2 0.28.9>0.21.0 0.27.3>0.20.2", ">0.26.2 0.26.2>0.27.3 0.27.3>0.26.4 0.26.2>0.24.4"},
		"VtepMACNotKept":       {"0.20.2>0.21.0 0.24.4>0.20.2 0.27.3>0.24.0", ">0.20.2 0.20.2>0.24.4 0.21.0>0.24.1 0.27.3>0.24.4"},
		"DualStackVtepMAC":     {"0.20.2>0.24.4 0.24.4>0.25.0 0.27.3>0.24.4", ">0.24.4 0.24.4>0.26.2 0.24.4>0.21.0 0.25.0>0.25.2"},
		"DeviceNotRecreated":   {"0.27.4>0.27.3 0.28.9>0.26.2", ">0.27.3 0.27.3>0.27.4 0.28.0>0.27.4 0.27.3>0.26.2"},
		"RuleLeftovers":        {"0.27.0>0.26.7 0.28.9>0.24.4", ">0.26.2 0.26.7>0.27.0 0.28.0>0.27.3 0.26.2>0.24.4"},
		"SubnetFileTorn":       {"0.26.2>0.27.3 0.28.9>0.28.7 0.28.8>0.28.6", ">0.27.3 0.27.3>0.28.8 0.28.9>0.28.8"},
		"ConfCopyNotAtomic":    {"0.26.2>0.27.3 0.28.6>0.28.5", ">0.27.3 0.27.3>0.28.6 0.28.9>0.28.6"},
		"PluginCopyNotAtomic":  {"0.20.2>0.21.0 0.28.6>0.28.9 0.27.3>0.26.2", ">0.27.3"},
		"VxlanChecksumOffload": {">0.20.2 >0.28.9", "0.20.2>0.21.0 0.27.3>0.26.2"},
	},
	"OciVcnIpNative": {
		"PluginWaitsForReboot":      {"2.0.1>2.1.0 2.2.2>2.2.3 2.3.0>2.2.3", ">2.2.3 2.2.3>2.3.0 2.3.0>3.0.0 3.0.0>2.3.0"},
		"PluginPodsGuarded":         {"2.2.3>2.3.0 2.3.0>3.0.0 3.0.0>2.3.0", ">2.3.0 2.2.2>2.2.3 2.3.0>2.2.3"},
		"GuardLost":                 {"2.3.0>2.2.3 3.0.0>2.1.0", ">2.2.3 2.2.3>2.3.0 3.0.0>2.3.0 2.2.3>2.2.2"},
		"TooManyAddressesPerVNIC":   {">3.0.0 2.3.0>3.0.0", ">3.2.0 >2.3.0 3.0.0>3.2.0 3.2.0>3.0.0 2.2.3>2.3.0 3.0.0>2.3.0"},
		"VNICProfilesLost":          {"3.0.0>2.3.0 3.2.0>2.3.0", ">2.3.0 2.3.0>3.0.0 3.2.0>3.0.0 2.3.0>2.2.3"},
		"MultusPodsLost":            {"3.2.0>3.0.0 3.3.0>2.3.0", ">3.0.0 3.0.0>3.2.0 3.3.0>3.2.0 3.0.0>2.3.0"},
		"ApplicationResourcesLost":  {"2.3.0>2.2.3 3.0.0>2.2.3", ">2.2.3 2.2.3>2.3.0 3.0.0>2.3.0"},
		"DevicePluginCheckpoint":    {">2.3.0 >3.3.0 2.2.3>2.3.0", ">2.2.3 2.3.0>3.0.0 2.3.0>2.2.3"},
		"PacketRoutingLost":         {"3.3.0>3.2.0 3.3.0>2.3.0", ">3.2.0 3.2.0>3.3.0 3.2.0>3.0.0 3.3.0>3.3.1"},
		"ManyAddressesLost":         {"3.2.0>3.0.0 3.3.0>2.3.0 3.3.0>3.0.0", ">3.0.0 2.3.0>3.0.0 3.0.0>3.2.0 3.3.0>3.2.0 3.0.0>2.3.0"},
		"NewNodeWithoutAddresses":   {">2.0.1 >3.3.0 2.0.1>2.1.0 3.3.0>3.2.0", ""},
		"BareMetalShape":            {">2.0.1 >3.3.0", "2.0.1>2.1.0 3.2.0>3.3.0 3.3.0>3.2.0"},
		"FlexibleShapePods":         {">2.0.1 >3.3.0", "2.0.1>2.1.0 3.2.0>3.3.0"},
		"PodSubnetOutsideFirstCIDR": {">2.0.1 >3.3.0", "2.0.1>2.1.0 3.2.0>3.3.0"},
		"ClientAddressNotKept":      {">2.0.1 >3.3.0", "2.0.1>2.1.0 3.2.0>3.3.0"},
	},
	"Calico": {
		"PoliciesGoLive":              {">3.26.4 >3.32.0", "3.26.4>3.27.2 3.30.0>3.30.3 3.31.5>3.30.3"},
		"NFTBackendOnOL8":             {">3.26.4 >3.32.0", "3.26.4>3.27.2 3.31.5>3.30.3"},
		"BridgedPodsCutOff":           {">3.26.4 >3.32.0", "3.26.4>3.27.2 3.31.5>3.30.3"},
		"RegistryMove":                {"3.30.3>3.31.5 3.29.2>3.31.5", ">3.31.5 3.31.5>3.32.0 3.29.2>3.30.3 3.31.5>3.30.3"},
		"RegistryMoveBack":            {"3.31.5>3.30.3 3.32.0>3.30.0", ">3.30.3 3.30.3>3.31.5 3.32.0>3.31.5 3.30.3>3.29.2"},
		"UIDChange":                   {"3.27.2>3.28.0 3.26.4>3.28.2 3.27.2>3.29.2", ">3.28.0 3.26.4>3.27.2 3.28.0>3.28.2 3.28.0>3.27.2"},
		"TierPrefixShown":             {"3.28.2>3.29.2 3.27.2>3.29.2", ">3.29.2 3.28.2>3.30.3 3.28.2>3.29.4 3.29.2>3.28.2 3.27.2>3.28.0"},
		"TierPrefixDropped":           {"3.29.2>3.30.3 3.29.2>3.31.5", ">3.30.3 3.29.2>3.30.0 3.28.2>3.30.3 3.30.3>3.31.5"},
		"TierPrefixDroppedByPatch":    {"3.30.0>3.30.3 3.30.0>3.31.5", ">3.30.3 3.29.2>3.30.3 3.30.1>3.30.3 3.30.3>3.30.0 3.30.0>3.29.2"},
		"PolicyNamesStrict":           {"3.28.2>3.30.0 3.29.2>3.30.3 3.29.3>3.29.4", ">3.30.0 3.28.2>3.29.2 3.30.0>3.30.3 3.30.0>3.29.2"},
		"PolicyNamesMigrated":         {"3.31.5>3.32.0 3.30.3>3.32.0", ">3.32.0 3.30.3>3.31.5 3.32.0>3.31.5"},
		"TiersMissing":                {"3.28.2>3.29.2 3.28.0>3.30.3", ">3.29.2 3.29.2>3.30.0 3.28.2>3.31.5 3.29.2>3.28.2 3.27.2>3.28.0"},
		"StagedPoliciesMissing":       {"3.29.2>3.30.0 3.28.2>3.30.3", ">3.30.0 3.30.0>3.30.3 3.29.2>3.31.5 3.28.2>3.29.2"},
		"MissingDefinitionsUnnoticed": {"3.30.3>3.31.5 3.29.2>3.31.5 3.30.3>3.32.0", ">3.31.5 3.31.5>3.32.0 3.29.2>3.30.3 3.31.5>3.30.3"},
		"AdminDefinitionsDropped":     {"3.31.5>3.32.0 3.30.3>3.32.0", ">3.32.0 3.30.3>3.31.5 3.32.0>3.31.5 3.28.2>3.32.0 3.32.0>3.32.1"},
		"AdminDefinitionsMissing":     {"3.32.0>3.31.5 3.32.0>3.30.3", ">3.31.5 3.31.5>3.32.0 3.31.5>3.30.3 3.32.0>3.28.2 3.32.1>3.32.0"},
		"ConfigurationListRight":      {"3.27.2>3.28.0 3.27.2>3.29.2", ">3.28.0 3.28.0>3.29.2 3.28.0>3.27.2 3.26.4>3.27.2"},
		"TierRights":                  {"3.28.2>3.29.2 3.28.2>3.30.3", ">3.29.2 3.29.2>3.30.3 3.29.2>3.28.2 3.27.2>3.28.0"},
		"StagedPolicyRights":          {"3.29.2>3.30.0 3.28.2>3.30.3", ">3.30.0 3.30.0>3.30.3 3.30.0>3.29.2 3.28.2>3.29.2"},
		"NamespaceRights":             {"3.30.3>3.31.5 3.29.2>3.31.5", ">3.31.5 3.31.5>3.32.0 3.31.5>3.30.3 3.29.2>3.30.3"},
		"ClusterNetworkPolicyRights":  {"3.31.5>3.32.0 3.30.3>3.32.0", ">3.32.0 3.30.3>3.31.5 3.32.0>3.31.5"},
		"AdminPoliciesLost":           {"3.31.5>3.32.0 3.30.3>3.32.0", ">3.32.0 3.30.3>3.31.5 3.32.0>3.31.5"},
		"TyphaRefusesOldAgents":       {"3.31.5>3.32.0 3.30.3>3.32.0 3.31.5>3.32.1", ">3.32.0 3.30.3>3.31.5 3.32.0>3.32.1 3.32.0>3.31.5"},
	},
}

// speakers are the blocks and hazards of an add-on by name.
func speakers(a catalog.AddOn) map[string]func(from, to version.Version) bool {
	out := map[string]func(from, to version.Version) bool{}
	for _, b := range a.Blocks {
		out[b.Name] = b.Concerns
	}
	for _, h := range a.Hazards {
		out[h.Name] = h.Concerns
	}
	return out
}

// move reads "0.26.2>0.27.3", or ">0.27.3" for an installation.
func move(t *testing.T, text string) (from, to version.Version) {
	t.Helper()
	before, after, ok := strings.Cut(text, ">")
	if !ok {
		t.Fatalf("no move: %q", text)
	}
	if before != "" {
		from = version.MustParse(before)
	}
	return from, version.MustParse(after)
}

func TestBlocksAndHazardsSpeakOfTheirMovesAndOfNoOthers(t *testing.T) {
	t.Parallel()
	for _, a := range shipped(t).AddOns {
		rows := concerns[a.Name]
		for name, speaks := range speakers(a) {
			row, ok := rows[name]
			if !ok {
				t.Errorf("%s: %s has no row in the table", a.Name, name)
			}
			for want, moves := range map[bool]string{true: row.told, false: row.silent} {
				for m := range strings.FieldsSeq(moves) {
					if got := speaks(move(t, m)); got != want {
						t.Errorf("%s %s of %s: told %t, want %t", a.Name, m, name, got, want)
					}
				}
			}
		}
		if len(rows) != len(speakers(a)) {
			t.Errorf("%s: %d rows for %d blocks and hazards", a.Name, len(rows), len(speakers(a)))
		}
	}
}

// What concerns no move between shipped releases is dead, or has a range that was meant otherwise.
func TestEveryBlockAndHazardConcernsAShippedMove(t *testing.T) {
	t.Parallel()
	for _, a := range shipped(t).AddOns {
		froms := []version.Version{{}}
		for _, r := range a.Releases {
			froms = append(froms, r.Version)
		}
		for name, speaks := range speakers(a) {
			if !slices.ContainsFunc(froms, func(from version.Version) bool {
				return slices.ContainsFunc(a.Releases, func(r catalog.Release) bool { return !r.Version.Equal(from) && speaks(from, r.Version) })
			}) {
				t.Errorf("%s: %s concerns no move", a.Name, name)
			}
		}
	}
}

func TestConditionsHoldWhereTheyShould(t *testing.T) {
	t.Parallel()
	type facts struct {
		fact    catalog.Fact
		yes, no []string
	}
	want := map[string]facts{
		"Flannel ForwardGapOnStop":               {catalog.FactForwardPolicy, []string{"ACCEPT", "DROP"}, []string{"ACCEPT"}},
		"Flannel BrNetfilterNeeded":              {catalog.FactBrNetfilter, []string{"loaded", "missing"}, []string{"loaded"}},
		"Flannel DualStackVtepMAC":               {catalog.FactIPFamilies, []string{"IPv4", "IPv6"}, []string{"IPv4"}},
		"Flannel VxlanChecksumOffload":           {catalog.FactKernel, []string{"5.15.0", "5.4.17"}, []string{"5.7.0", "6.12.0"}},
		"OciVcnIpNative TooManyAddressesPerVNIC": {catalog.FactIPsPerVNIC, []string{"32"}, []string{"16"}},
		"OciVcnIpNative ManyAddressesLost":       {catalog.FactIPsPerVNIC, []string{"256"}, []string{"16"}},
		"OciVcnIpNative VNICProfilesLost":        {catalog.FactIPsPerVNIC, []string{"1"}, []string{"0"}},
		"Calico PoliciesGoLive":                  {catalog.FactNetworkPolicies, []string{"3"}, []string{"0"}},
		"Calico NFTBackendOnOL8":                 {catalog.FactOS, []string{"OL8", "Ubuntu"}, []string{"OL9"}},
		"Calico BridgedPodsCutOff":               {catalog.FactNetworkType, []string{"FLANNEL_OVERLAY"}, []string{"OCI_VCN_IP_NATIVE"}},
		"Calico TyphaRefusesOldAgents":           {catalog.FactTypha, []string{"true"}, []string{"false"}},
		"Calico AdminPoliciesLost":               {catalog.FactAdminNetworkPolicies, []string{"1"}, []string{"0"}},
	}
	got := map[string]facts{}
	ask := func(name string, when catalog.Conditions) {
		if len(when) == 0 {
			return
		}
		f := want[name]
		got[name] = f
		for told, answer := range map[string]catalog.Answer{"yes": catalog.Yes, "no": catalog.No, "nothing": catalog.Unknown} {
			values := map[string]catalog.Facts{"yes": {f.fact: f.yes}, "no": {f.fact: f.no}, "nothing": nil}[told]
			if a, _ := when.Hold(values); a != answer {
				t.Errorf("%s with %v: %d, want %d", name, values, a, answer)
			}
		}
	}
	for _, a := range shipped(t).AddOns {
		for _, b := range a.Blocks {
			ask(a.Name+" "+b.Name, b.When)
		}
		for _, h := range a.Hazards {
			ask(a.Name+" "+h.Name, h.When)
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(facts{})); diff != "" {
		t.Errorf("conditional blocks and hazards (-want +got):\n%s", diff)
	}
}

// A hazard stops a move only where it is known to strike, and only where somebody can mend that first.
func TestOnlyHazardsThatCanBeMendedBlock(t *testing.T) {
	t.Parallel()
	var got []string
	for _, a := range shipped(t).AddOns {
		for _, h := range a.Hazards {
			if h.Blocking {
				got = append(got, a.Name+" "+h.Name)
			}
			if h.Blocking && len(h.When) == 0 {
				t.Errorf("%s %s blocks without a condition: that is a block", a.Name, h.Name)
			}
		}
	}
	if diff := cmp.Diff([]string{"Flannel BrNetfilterNeeded", "OciVcnIpNative ManyAddressesLost", "OciVcnIpNative TooManyAddressesPerVNIC"}, got); diff != "" {
		t.Errorf("blocking hazards (-want +got):\n%s", diff)
	}
}

func TestHazardsNameEntriesOfTheFailureCatalogue(t *testing.T) {
	t.Parallel()
	hazards := 0
	for _, a := range shipped(t).AddOns {
		hazards += len(a.Hazards)
		for _, h := range a.Hazards {
			for _, entry := range h.Catalogue {
				if n, err := strconv.Atoi(strings.TrimPrefix(entry, "B")); err != nil || n < 1 || n > 58 {
					t.Errorf("%s %s: %s is no entry, they go from B1 to B58", a.Name, h.Name, entry)
				}
			}
			if !strings.HasSuffix(h.Effect, ".") || strings.HasSuffix(h.Mitigation, ".") {
				t.Errorf("%s %s: want an effect that is a sentence, and a mitigation that can be gone on from", a.Name, h.Name)
			}
		}
	}
	if hazards < 20 {
		t.Errorf("%d hazards", hazards)
	}
}

// Findings put these messages between other words.
func TestMessagesCanBePutIntoSentences(t *testing.T) {
	t.Parallel()
	for _, a := range shipped(t).AddOns {
		var messages []string
		for _, b := range a.Blocks {
			messages = append(messages, b.Message)
		}
		for _, s := range a.Rules.Stops {
			messages = append(messages, s.Message)
		}
		for _, r := range a.Rules.Back {
			messages = append(messages, r.Message)
		}
		for _, m := range messages {
			if strings.HasSuffix(m, ".") {
				t.Errorf("%s: %q ends with a full stop", a.Name, m)
			}
		}
	}
}

// The class of the way back of a move, settled and while nodes are still taking it.
func TestWaysBackCostWhatTheyCost(t *testing.T) {
	t.Parallel()
	const free, loss, never = catalog.Reversible, catalog.ReversibleWithLoss, catalog.OneWay
	tests := map[string]struct {
		moves           string
		settled, during catalog.Class
	}{
		"Flannel":                           {"0.20.2>0.21.0 0.21.0>0.24.4 0.24.4>0.27.0 0.26.2>0.27.3 0.26.7>0.28.9 0.27.0>0.27.3 0.27.3>0.28.9 0.28.6>0.28.9", free, free},
		"Flannel, into what removes chains": {"0.20.2>0.25.0 0.24.4>0.25.0 0.24.4>0.26.7 0.25.0>0.26.0 0.26.0>0.26.2 0.26.2>0.26.4 0.26.4>0.26.7", loss, loss},
		"OciVcnIpNative":                    {"2.0.1>2.1.0 2.2.2>2.2.3 2.2.3>2.3.0 2.3.0>3.0.0 3.0.0>3.2.0 2.3.0>3.3.0 3.2.0>3.3.0", loss, loss},
		"Calico, within a minor":            {"3.28.0>3.28.2 3.30.0>3.30.3 3.32.0>3.32.1", free, free},
		"Calico, over a minor":              {"3.26.4>3.27.2 3.28.2>3.30.3 3.31.5>3.32.0", never, loss},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addOnName, _, _ := strings.Cut(name, ",")
			rules := addOn(t, addOnName).Rules.Back
			for m := range strings.FieldsSeq(tt.moves) {
				from, to := move(t, m)
				i := slices.IndexFunc(rules, func(r catalog.BackRule) bool { return r.Matches(from, to) })
				if got := []catalog.Class{rules[i].Class, rules[i].During()}; !slices.Equal(got, []catalog.Class{tt.settled, tt.during}) {
					t.Errorf("%s: %v, want %s, and %s until settled", m, got, tt.settled, tt.during)
				}
			}
		})
	}
}

// Each of the two crossings of VCN-native has a reason of its own.
func TestWaysBackOfVCNNativeNameWhatIsLost(t *testing.T) {
	t.Parallel()
	rules := addOn(t, "OciVcnIpNative").Rules.Back
	for m, want := range map[string]string{
		"2.2.3>2.3.0": "admission policy", "2.0.1>3.3.0": "rebooted or replaced", "2.3.0>3.2.0": "Multus", "3.0.0>3.3.0": "16 addresses",
		"2.1.0>2.2.3": "every node reboots", "3.2.0>3.3.0": "deleted behind the admission policy",
	} {
		from, to := move(t, m)
		i := slices.IndexFunc(rules, func(r catalog.BackRule) bool { return r.Matches(from, to) })
		if !strings.Contains(rules[i].Message, want) {
			t.Errorf("%s: %q does not speak of %q", m, rules[i].Message, want)
		}
	}
}
