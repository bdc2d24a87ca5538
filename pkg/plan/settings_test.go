package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

const (
	plainJSON = `{"maxUnavailable": 1}`
	inBase64  = "eyJtYXhVbmF2YWlsYWJsZSI6MX0="
)

func configuration(key, value string) func(*plan.Input) {
	return func(in *plan.Input) { in.Desired.Settings.Configurations = map[string]string{key: value} }
}

func setting(key, value string) func(*plan.Input) {
	return func(in *plan.Input) { in.Request.Settings.Configurations = map[string]string{key: value} }
}

// keyless takes every key away from a release.
func keyless(tb testing.TB, v string) func(*plan.Input) {
	tb.Helper()
	return func(in *plan.Input) { release(tb, in.Catalog, "Flannel", v).Configurations = nil }
}

// requiring gives a release the one key that it requires.
func requiring(tb testing.TB, v string) func(*plan.Input) {
	tb.Helper()
	return func(in *plan.Input) {
		release(tb, in.Catalog, "Flannel", v).Configurations = []catalog.Configuration{{Key: "mtu", Required: true}}
	}
}

func rowsOfSettings(tb testing.TB) map[string]row {
	tb.Helper()
	settled := func(fs ...func(*plan.Input)) plan.Input { return with(settled(tb, "0.26.2"), fs...) }
	return map[string]row{
		"a configuration key that the release does not have": {
			"configuration-keys", settled(configuration("mtu", "1400")), plan.BadConfiguration, true, `Flannel 0.26.2 has no configuration key "mtu"`,
		},
		"a configuration value of another form": {
			"configuration-keys", settled(configuration("rollingUpdate", `["10%"]`)), plan.BadConfiguration, true, `configuration "rollingUpdate"`,
		},
		"a configuration key that is required": {
			"configuration-keys", settled(requiring(tb, "0.26.2")), plan.BadConfiguration, true, `configuration key "mtu" is required by Flannel 0.26.2`,
		},
		"a configuration key that was misspelt": {
			"configuration-keys", settled(configuration("rollingupdate", plainJSON)), plan.BadConfiguration, true, `the nearest is "rollingUpdate"`,
		},
		"a configuration that the named release dropped": {
			"configuration-keys", settled(configuration("rollingUpdate", plainJSON), keyless(tb, "0.27.3"), request(plan.Update, "0.27.3")),
			plan.ConfigurationDropped, true, `Flannel 0.27.3 has no configuration key "rollingUpdate", which 0.26.2 takes`,
		},
		"a configuration that a release on the way back lacks": {
			"configuration-keys", settled(configuration("rollingUpdate", plainJSON), keyless(tb, "0.24.4"), request(plan.Update, "0.24.4")),
			plan.ConfigurationDropped, true, "which 0.26.2 takes",
		},
		"taking away a key that nobody knows": {
			"configuration-keys", settled(request(plan.Update, ""), setting("mtu", "")), plan.BadConfiguration, true, `"mtu" is not set, and no release of Flannel has it`,
		},
		"a configuration that a newer release dropped": {
			"held-by-settings", settled(configuration("rollingUpdate", plainJSON), keyless(tb, "0.27.3"), request(plan.Update, "")),
			plan.ConfigurationDropped, false, "Flannel 0.27.3 is newer and is not taken: it has no configuration key",
		},
		"a configuration that a newer release requires": {
			"held-by-settings", settled(requiring(tb, "0.27.3"), request(plan.Update, "")), plan.ConfigurationDropped, false, "it wants what nobody set",
		},
		"a record that was deleted, and settings with it": {
			"settings-recorded", settled(func(in *plan.Input) { in.Desired, in.Change.Unset = plan.Desired{}, "render-without" }), plan.SettingsLost, true,
			"what is live is not what 0.26.2 is without settings",
		},
		"an overlay that reaches out of its folder": {
			"settings-fit", settled(func(in *plan.Input) { in.Desired.Settings.Overlay = map[string]string{"../x": ""} }), plan.BadSettings, true, `overlay file "../x"`,
		},
		"settings that are asked for": {
			"settings-change", settled(request(plan.Update, ""), setting("rollingUpdate", plainJSON)), plan.SettingsChanged, false, "configuration rollingUpdate is set",
		},
		"installing over other settings": {
			"install-settings", settled(install(""), setting("rollingUpdate", plainJSON)), plan.AlreadyInstalled, true, "with other settings",
		},
		"a render that says something": {
			"render-findings", settled(func(in *plan.Input) {
				in.Change.Findings = []plan.Finding{{Reason: plan.ConfigurationUnused, Message: "it has one pod on each node"}}
			}), plan.ConfigurationUnused, false, "one pod on each node",
		},
		"a render that cannot be made with what is set": {
			"render-findings", settled(func(in *plan.Input) {
				in.Change.Findings = []plan.Finding{{Reason: plan.BadSettings, Message: "no such field", Blocking: true}}
			}), plan.BadSettings, true, "no such field",
		},
		"settings of a target that cannot be rendered": {
			"renderable", settled(request(plan.Update, ""), setting("rollingUpdate", plainJSON), func(in *plan.Input) { in.Change.Unrenderable = "no chart" }),
			plan.NotRenderable, true, "no chart",
		},
	}
}

func TestAMisfitIsNotToldTwice(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), configuration("mtu", "1400"), func(in *plan.Input) {
		in.Change.Findings = []plan.Finding{{Reason: plan.BadConfiguration, Message: "as the render has it", Blocking: true}}
	})
	if f := plan.Make(rendered(in)).Blocking(); len(f) != 1 || f[0].Check != "configuration-keys" {
		t.Errorf("findings %+v", f)
	}
}

func TestLostSettingsStopNobodyWhoNamesThem(t *testing.T) {
	t.Parallel()
	lost := func(in *plan.Input) { in.Desired, in.Change.Unset = plan.Desired{}, "render-without" }
	for name, f := range map[string]func(*plan.Input){
		"settings are given again":        setting("rollingUpdate", plainJSON),
		"it is said that there are none":  func(in *plan.Input) { in.Request.Settings.Values = map[string]any{} },
		"the cluster is registered again": func(in *plan.Input) { in.Request.Verb = plan.Register },
		"it was written without any":      func(in *plan.Input) { in.Request.Verb, in.Change.Unset = plan.Unpin, in.Installed.Digest },
		"nobody can tell":                 func(in *plan.Input) { in.Request.Verb, in.Change.Unset = plan.Unpin, "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if f := plan.Make(rendered(with(settled(t, "0.26.2"), request(plan.Update, ""), lost, f))).Blocking(); len(f) > 0 {
				t.Errorf("refused: %+v", f)
			}
		})
	}
}

func TestSettingsAreEqualWhenTheyMeanTheSame(t *testing.T) {
	t.Parallel()
	keys := func(value string) plan.Settings { return plan.Settings{Configurations: map[string]string{"k": value}} }
	values := func(v map[string]any) plan.Settings { return plan.Settings{Values: v} }
	overlay := func(text string) plan.Settings {
		return plan.Settings{Overlay: map[string]string{"kustomization.yaml": text}}
	}
	for name, c := range map[string]struct {
		a, b plan.Settings
		want bool
	}{
		"nothing and nothing, otherwise made": {
			plan.Settings{}, plan.Settings{Configurations: map[string]string{}, Values: map[string]any{}, Overlay: map[string]string{}}, true,
		},
		"a value plain and in Base64":       {keys(plainJSON), keys(inBase64), true},
		"a value with its fields turned":    {keys(`{"a":1,"b":2}`), keys(`{"b":2,"a":1}`), true},
		"another value":                     {keys(plainJSON), keys(`{"maxUnavailable":2}`), false},
		"another key":                       {keys(plainJSON), plan.Settings{Configurations: map[string]string{"l": plainJSON}}, false},
		"one key more":                      {plan.Settings{}, keys(plainJSON), false},
		"numbers as two readers make them":  {values(map[string]any{"n": int64(1)}), values(map[string]any{"n": 1.0}), true},
		"other values":                      {values(map[string]any{"n": int64(1)}), values(map[string]any{"n": "1"}), false},
		"the same overlay":                  {overlay("namePrefix: x"), overlay("namePrefix: x"), true},
		"an overlay with other white space": {overlay("namePrefix: x"), overlay("namePrefix:  x"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, wished := range [][2]plan.Desired{{{Settings: c.a}, {Settings: c.b}}, {{Settings: c.b}, {Settings: c.a}}} {
				if got := wished[0].Equal(wished[1]); got != c.want {
					t.Errorf("equal: %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestAChangeIsMergedAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	before := plan.Settings{
		Configurations: map[string]string{"a": plainJSON, "b": "2"}, Values: map[string]any{"v": "1"}, Overlay: map[string]string{"f": "x"},
	}
	for name, c := range map[string]struct {
		change plan.SettingsChange
		want   plan.Settings
	}{
		"nothing": {plan.SettingsChange{}, before},
		"one key set, one taken away, one as it was": {
			plan.SettingsChange{Configurations: map[string]string{"a": inBase64, "b": "", "c": "3"}},
			plan.Settings{Configurations: map[string]string{"a": plainJSON, "c": "3"}, Values: before.Values, Overlay: before.Overlay},
		},
		"values replaced as a whole": {
			plan.SettingsChange{Values: map[string]any{"w": "2"}},
			plan.Settings{Configurations: before.Configurations, Values: map[string]any{"w": "2"}, Overlay: before.Overlay},
		},
		"values and overlay cleared": {
			plan.SettingsChange{Values: map[string]any{}, Overlay: map[string]string{}},
			plan.Settings{Configurations: before.Configurations, Values: map[string]any{}, Overlay: map[string]string{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, before.With(c.change)); diff != "" {
				t.Errorf("after the change (-want +got):\n%s", diff)
			}
		})
	}
	if before.Configurations["b"] != "2" || len(before.Configurations) != 2 {
		t.Errorf("the settings before were changed: %v", before.Configurations)
	}
}

func TestWhatNoRecordHoldsIsRefused(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 201 {
		many[strings.Repeat("x", i+1)] = "1"
	}
	long := func(kib int) string { return strings.Repeat("x", kib<<10) }
	for name, c := range map[string]struct {
		s    plan.Settings
		want string
	}{
		"nothing":            {plan.Settings{}, ""},
		"as much as it may":  {plan.Settings{Overlay: map[string]string{"a/b.yaml": long(255)}, Values: map[string]any{"v": long(63)}}, ""},
		"too many keys":      {plan.Settings{Configurations: many}, "201 configurations are set, and a record holds at most 50"},
		"too long a value":   {plan.Settings{Configurations: map[string]string{"k": long(65)}}, `configuration "k": 66560 bytes`},
		"too much in values": {plan.Settings{Values: map[string]any{"v": long(65)}}, "values: 66"},
		"too much together": {
			plan.Settings{Configurations: map[string]string{"a": long(50), "b": long(50), "c": long(50)}}, "configurations: 153603 bytes, and a record holds at most 128 KiB",
		},
		"too many files":         {plan.Settings{Overlay: many}, "the overlay has 201 files, and a record holds at most 200"},
		"too large an overlay":   {plan.Settings{Overlay: map[string]string{"a": long(257)}}, "overlay: 263169 bytes, and a record holds at most 256 KiB"},
		"a path that leads out":  {plan.Settings{Overlay: map[string]string{"../a": ""}}, `overlay file "../a"`},
		"a path from the root":   {plan.Settings{Overlay: map[string]string{"/a": ""}}, `overlay file "/a"`},
		"values that no JSON is": {plan.Settings{Values: map[string]any{"f": func() {}}}, "values are not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.s.Check()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("says %v, want %q", err, c.want)
			}
		})
	}
}

// What is merged is what is rendered, before anything is recorded.
func TestARequestIsRenderedBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), configuration("a", "1"), request(plan.Update, ""), setting("b", "2"))
	want := plan.Settings{Configurations: map[string]string{"a": "1", "b": "2"}}
	if diff := cmp.Diff(want, plan.MergedSettings(in)); diff != "" {
		t.Errorf("to be rendered (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, plan.Make(in).Desired.Settings); diff != "" {
		t.Errorf("to be recorded (-want +got):\n%s", diff)
	}
}
