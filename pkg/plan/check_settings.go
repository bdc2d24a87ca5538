package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// settingsRecorded refuses to write over what was set when the record of it is gone: nodes may be without a CNI once their
// tolerations are. Whoever names settings, or says that there are none, goes on.
func settingsRecorded(d decision) []Finding {
	unset := d.Change.Unset
	if unset == "" || unset == d.Installed.Digest || d.Desired.AddOn != "" || d.stays() || !d.Request.Settings.IsZero() {
		return nil
	}
	return block(SettingsLost, fmt.Sprintf("nothing is recorded of %s, and what is live is not what %s is without settings: those that it was written with would be lost",
		d.addOn.Name, d.Installed.Version), "give them again: --set-config, --values, --overlay; or say that there are none: --values ''")
}

// settingsFit refuses what no record may hold, however it came there.
func settingsFit(d decision) []Finding {
	err := d.desired.Settings.Check()
	if err == nil {
		return nil
	}
	return block(BadSettings, "these settings cannot be kept: "+strings.ReplaceAll(err.Error(), "\n", "; "), "make them smaller, or mend the paths")
}

// configurationKeys accepts the keys that each release on the way publishes, with values of their form (facts: OKE 2.7, rule 18).
// A key that the installed release takes and a later one does not is told with the name that it may have now: nothing that was set
// is lost without a word.
func configurationKeys(d decision) []Finding {
	if d.goal.Version.IsZero() {
		return nil
	}
	way := d.way()
	var out []Finding
	for _, key := range slices.Sorted(maps.Keys(d.desired.Settings.Configurations)) {
		for _, r := range way {
			if f := d.refuse(key, r); len(f) > 0 {
				out = append(out, f...)
				break // the first of them says enough
			}
		}
	}
	for _, r := range way {
		if f := d.wanting(r); len(f) > 0 {
			out = append(out, f...)
			break
		}
	}
	return append(out, d.neverSet()...)
}

// way is the goal, then each release that is passed before it.
func (d decision) way() []catalog.Release {
	out := []catalog.Release{d.goal}
	for _, h := range d.hops {
		if !h.to.Version.Equal(d.goal.Version) {
			out = append(out, h.to)
		}
	}
	return out
}

// refuse makes a finding of a misfit.
func (d decision) refuse(key string, r catalog.Release) []Finding {
	why, reason := d.misfit(key, r)
	if why == "" {
		return nil
	}
	name := fmt.Sprintf("%s %s", d.addOn.Name, r.Version)
	fix := fmt.Sprintf("addonctl catalog show %s lists the keys", name)
	if reason == ConfigurationDropped {
		fix = fmt.Sprintf("--set-config %s= takes it away; %s", key, fix)
	}
	return block(reason, name+" "+why, fix)
}

// misfit says why a release does not take a configuration that is wanted, as the end of a sentence that begins with the release;
// empty when it does. What the installed release takes is dropped:
//
//	| the installed release takes it | the release has the key | reason               |
//	|--------------------------------|-------------------------|----------------------|
//	| yes                            | no                      | ConfigurationDropped |
//	| yes                            | with another form       | ConfigurationDropped |
//	| no                             | no                      | BadConfiguration     |
//	| no                             | with another form       | BadConfiguration     |
func (d decision) misfit(key string, r catalog.Release) (why string, reason Reason) {
	value := d.desired.Settings.Configurations[key]
	c, has := r.Configuration(key)
	_, err := c.Decode(value) // a key that is none of the release's takes everything
	if has && err == nil {
		return "", ""
	}
	reason, known := BadConfiguration, ""
	if d.installedTakes(key, value) {
		reason, known = ConfigurationDropped, fmt.Sprintf(", which %s takes", d.from)
	}
	if has {
		return fmt.Sprintf("does not take a value that is set%s: %v", known, err), reason
	}
	why = fmt.Sprintf("has no configuration key %q%s", key, known)
	if nearest := r.NearestKey(key); nearest != "" {
		why += fmt.Sprintf("; the nearest is %q", nearest)
	}
	return why, reason
}

// installedTakes tells whether the release of the live version takes a configuration.
func (d decision) installedTakes(key, value string) bool {
	live, _ := d.addOn.Find(d.from)
	c, ok := live.Configuration(key)
	if !ok {
		return false
	}
	_, err := c.Decode(value)
	return err == nil
}

// wanting are the keys that a release requires and nobody set.
func (d decision) wanting(r catalog.Release) []Finding {
	var out []Finding
	for _, c := range r.Configurations {
		if _, ok := d.desired.Settings.Configurations[c.Key]; c.Required && !ok {
			out = append(out, block(BadConfiguration, fmt.Sprintf("configuration key %q is required by %s %s", c.Key, d.addOn.Name, r.Version),
				"add --set-config "+c.Key+"=…")...)
		}
	}
	return out
}

// neverSet refuses to take away what was never there and no release knows: the key is misspelt, and the one that was meant would
// stay.
func (d decision) neverSet() []Finding {
	var out []Finding
	for _, key := range slices.Sorted(maps.Keys(d.Request.Settings.Configurations)) {
		_, was := d.Desired.Settings.Configurations[key]
		if was || d.Request.Settings.Configurations[key] != "" || slices.ContainsFunc(d.addOn.Releases, func(r catalog.Release) bool {
			_, known := r.Configuration(key)
			return known
		}) {
			continue
		}
		message := fmt.Sprintf("configuration key %q is not set, and no release of %s has it", key, d.addOn.Name)
		if nearest := d.goal.NearestKey(key); nearest != "" {
			message += fmt.Sprintf("; the nearest is %q", nearest)
		}
		out = append(out, block(BadConfiguration, message, "addonctl status -o wide shows what is set")...)
	}
	return out
}

// settingsRule is the name of the rule of automatic mode about settings.
const settingsRule = "settings"

func settingsInput(d decision, _ catalog.Release) string {
	if text := d.desired.Settings.Text(); text != "" {
		return "set: " + text
	}
	return "nothing is set"
}

// takesSettings holds automatic mode back from a release that would lose what is set. Where nothing is installed, or what is
// installed does not take it either, the release is no worse, and configuration-keys speaks.
func takesSettings(d decision, r catalog.Release) (string, bool) {
	live, _ := d.addOn.Find(d.from)
	if d.from.IsZero() || r.Version.Equal(d.from) {
		return "", true
	}
	for _, key := range slices.Sorted(maps.Keys(d.desired.Settings.Configurations)) {
		if why, reason := d.misfit(key, r); reason == ConfigurationDropped {
			return why, false
		}
	}
	if len(d.wanting(live)) == 0 {
		if f := d.wanting(r); len(f) > 0 {
			return "wants what nobody set: " + f[0].Message, false
		}
	}
	return "", true
}

// heldBySettings tells that settings alone keep automatic mode from a newer release.
func heldBySettings(d decision) []Finding {
	if d.desired.Version != "" || d.desired.MoveTo != "" || d.stays() || d.from.IsZero() {
		return nil
	}
	for _, r := range d.addOn.Releases {
		if !d.goal.Version.Less(r.Version) {
			return nil
		}
		if rule, why := d.refusedBy(r); rule == settingsRule {
			return note(ConfigurationDropped, fmt.Sprintf("%s %s is newer and is not taken: it %s", d.addOn.Name, r.Version, why),
				"addonctl update --set-config KEY= takes a key away, --set-config KEY=… sets another")
		}
	}
	return nil
}

// settingsChange says what is set otherwise than it is recorded.
func settingsChange(d decision) []Finding {
	want, have := d.desired.Settings, d.Desired.Settings
	if want.Equal(have) || d.addOn.Name == "" {
		return nil
	}
	return note(SettingsChanged, fmt.Sprintf("settings of %s change: %s", d.addOn.Name, strings.Join(want.since(have), "; ")), "")
}

// since says in which way settings are others than before.
func (s Settings) since(before Settings) []string {
	var set, gone, out []string
	for _, key := range slices.Sorted(maps.Keys(s.Configurations)) {
		if was, had := before.Configurations[key]; !had || !catalog.SameValue(was, s.Configurations[key]) {
			set = append(set, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before.Configurations)) {
		if _, stays := s.Configurations[key]; !stays {
			gone = append(gone, key)
		}
	}
	tell := func(is bool, format string, args ...any) {
		if is {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	tell(len(set) > 0, "configuration %s is set", strings.Join(set, ", "))
	tell(len(gone) > 0, "configuration %s is taken away", strings.Join(gone, ", "))
	values := encoded(s.Values) != encoded(before.Values)
	tell(values && len(s.Values) > 0, "values are set: %s", strings.Join(slices.Sorted(maps.Keys(s.Values)), ", "))
	tell(values && len(s.Values) == 0, "values are taken away")
	overlay := !maps.Equal(s.Overlay, before.Overlay)
	tell(overlay && len(s.Overlay) > 0, "an overlay of %s is set", count(len(s.Overlay), "file", "files"))
	tell(overlay && len(s.Overlay) == 0, "the overlay is taken away")
	return out
}

// installSettings : installing is for a cluster without the add-on, so a pipeline that runs twice changes nothing.
func installSettings(d decision) []Finding {
	have := cmp.Or(d.Desired.Version, d.Desired.MoveTo, d.begun(), d.Desired.AddOn)
	if d.Request.Verb != Install || have == "" || d.desired.Settings.Equal(d.Desired.Settings) {
		return nil
	}
	return block(AlreadyInstalled, fmt.Sprintf("%s is installed, or recorded to be, with other settings; installing does not change them", d.addOn.Name),
		"addonctl update --set-config … changes them, and so do --values and --overlay")
}

// renderFindings are what the render itself says. What configuration-keys tells of the same keys is not told twice.
func renderFindings(d decision) []Finding {
	told := len(configurationKeys(d)) > 0
	return slices.DeleteFunc(slices.Clone(d.Change.Findings), func(f Finding) bool { return told && f.Reason == BadConfiguration })
}
