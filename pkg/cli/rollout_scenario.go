package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// lasts is a duration as people write it: 30s, 4h.
type lasts time.Duration

func (l *lasts) UnmarshalJSON(text []byte) error {
	var s string
	if err := yaml.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%s: want a duration such as 30s or 4h", text)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q: want a duration such as 30s or 4h", s)
	}
	*l = lasts(d)
	return nil
}

func (l *lasts) pointer() *time.Duration { return (*time.Duration)(l) }

// scenarioDocument is a scenario as it stands in a file. It is described in docs/rollout.md.
type scenarioDocument struct {
	AddOn    string            `json:"addon"`
	Start    time.Time         `json:"start"`
	For      lasts             `json:"for"`
	Policy   policyDocument    `json:"policy"`
	Fleet    []groupDocument   `json:"fleet"`
	Releases []releaseDocument `json:"releases"`
	People   struct {
		Approve *lasts `json:"approve"`
		OnHalt  string `json:"onHalt"`
		After   lasts  `json:"after"`
	} `json:"people"`
}

type policyDocument struct {
	Name          string         `json:"name"`
	Selector      string         `json:"selector"`
	Waves         []waveDocument `json:"waves"`
	MaxConcurrent string         `json:"maxConcurrent"`
	Soak          *lasts         `json:"soak"`
	FailureBudget string         `json:"failureBudget"`
	MinimumAge    lasts          `json:"minimumAge"`
	Windows       struct {
		Allow []windowDocument `json:"allow"`
		Deny  []windowDocument `json:"deny"`
	} `json:"windows"`
	OnWindowEnd string `json:"onWindowEnd"`
	OnPinEnd    string `json:"onPinEnd"`
	HungAfter   *lasts `json:"hungAfter"`
	AwayAfter   *lasts `json:"awayAfter"`
}

type waveDocument struct {
	Name          string `json:"name"`
	Selector      string `json:"selector"`
	MaxConcurrent string `json:"maxConcurrent"`
	Soak          *lasts `json:"soak"`
	Approval      bool   `json:"approval"`
}

type windowDocument struct {
	Cron     string `json:"cron"`
	Duration lasts  `json:"duration"`
	Zone     string `json:"zone"`
}

// groupDocument is a number of clusters that are alike.
type groupDocument struct {
	Name    string            `json:"name"`
	Count   int               `json:"count"`
	Pinned  int               `json:"pinned"`
	Until   time.Time         `json:"pinnedUntil"`
	Region  string            `json:"region"`
	Labels  map[string]string `json:"labels"`
	Version string            `json:"version"`
	Takes   spreadDocument    `json:"takes"`
	Fails   float64           `json:"fails"`
	Away    struct {
		Share float64 `json:"share"`
		P50   lasts   `json:"p50"`
		P95   lasts   `json:"p95"`
	} `json:"away"`
	Outages []struct {
		From time.Time `json:"from"`
		For  lasts     `json:"for"`
	} `json:"outages"`
}

type spreadDocument struct {
	P50 lasts `json:"p50"`
	P95 lasts `json:"p95"`
}

type releaseDocument struct {
	Version  string    `json:"version"`
	At       time.Time `json:"at"`
	Bad      float64   `json:"bad"`
	Recalled time.Time `json:"recalled"`
}

// largestScenario is as many bytes as a scenario may have.
const largestScenario = 1 << 20

// readScenario reads a scenario from a file; - is standard input.
func (a *app) readScenario(file string) (rollout.Scenario, error) {
	const hint = "docs/rollout.md describes scenarios"
	text, err := a.readLimited(file)
	if err != nil {
		return rollout.Scenario{}, usage("give the file of a scenario, or - for standard input; "+hint, "reading -f %q: %w", file, err)
	}
	var doc scenarioDocument
	if err := yaml.UnmarshalStrict(text, &doc); err != nil {
		return rollout.Scenario{}, usage(hint, "%s: %w", file, err)
	}
	s, err := doc.scenario()
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return rollout.Scenario{}, usage(hint, "%s: %w", file, err)
	}
	return s, nil
}

func (a *app) readLimited(file string) ([]byte, error) {
	in := a.In
	if file != "-" {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, errors.New("it is no file")
		}
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, largestScenario+1))
	if err == nil && len(text) > largestScenario {
		err = fmt.Errorf("it has more than %d bytes", largestScenario)
	}
	return text, err
}

func (doc scenarioDocument) scenario() (rollout.Scenario, error) {
	s := rollout.Scenario{
		AddOn: doc.AddOn, Start: doc.Start, For: time.Duration(doc.For), Policy: doc.Policy.policy(),
		People: rollout.People{Approve: doc.People.Approve.pointer(), OnHalt: doc.People.OnHalt, After: time.Duration(doc.People.After)},
	}
	if s.Start.IsZero() {
		return s, errors.New("start: want a time, such as 2026-12-01T08:00:00Z")
	}
	for _, r := range doc.Releases {
		s.Releases = append(s.Releases, rollout.SimRelease{Version: r.Version, At: r.At, Bad: r.Bad, Recalled: r.Recalled})
	}
	if err := doc.Policy.pinEnd(); err != nil {
		return s, err
	}
	place, err := doc.Policy.placing()
	if err != nil {
		return s, err
	}
	for i, g := range doc.Fleet {
		if err := g.check(fmt.Sprintf("fleet[%d].", i)); err != nil {
			return s, err
		}
		if doc.Policy.OnPinEnd != v1alpha1.OnPinEndAutomatic {
			g.Until = time.Time{} // a pin that has ended holds
		}
		s.Clusters = append(s.Clusters, g.clusters(place(g.Labels))...)
	}
	return s, unique(s.Clusters)
}

func unique(clusters []rollout.SimCluster) error {
	seen := map[string]bool{}
	for _, c := range clusters {
		if seen[c.Name] {
			return fmt.Errorf("fleet: two clusters are called %s", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

func (p policyDocument) policy() rollout.Policy {
	out := rollout.Policy{
		Name: p.Name, Selector: p.Selector, MaxConcurrent: p.MaxConcurrent, Soak: p.Soak.pointer(), FailureBudget: p.FailureBudget,
		MinimumAge: time.Duration(p.MinimumAge), OnWindowEnd: rollout.OnWindowEnd(p.OnWindowEnd),
		HungAfter: p.HungAfter.pointer(), AwayAfter: p.AwayAfter.pointer(),
	}
	for _, w := range p.Waves {
		out.Waves = append(out.Waves, rollout.Wave{Name: w.Name, Selector: w.Selector, MaxConcurrent: w.MaxConcurrent, Soak: w.Soak.pointer(), Approval: w.Approval})
	}
	for _, w := range p.Windows.Allow {
		out.Windows.Allow = append(out.Windows.Allow, rollout.Window{Cron: w.Cron, Duration: time.Duration(w.Duration), Zone: w.Zone})
	}
	for _, w := range p.Windows.Deny {
		out.Windows.Deny = append(out.Windows.Deny, rollout.Window{Cron: w.Cron, Duration: time.Duration(w.Duration), Zone: w.Zone})
	}
	return out
}

// pinEnd tells what is wrong with what becomes of pins.
func (p policyDocument) pinEnd() error {
	known := []string{"", v1alpha1.OnPinEndWarn, v1alpha1.OnPinEndHold, v1alpha1.OnPinEndAutomatic}
	if !slices.Contains(known, p.OnPinEnd) {
		return rollout.FieldError{Field: "policy.onPinEnd", Value: p.OnPinEnd, Want: "want warn, hold or automatic"}
	}
	return nil
}

// placing is how clusters come into waves, by their labels: the first that takes one has it; -1 stands for none.
func (p policyDocument) placing() (func(map[string]string) int, error) {
	all, err := labels.Parse(p.Selector)
	if err != nil {
		return nil, fmt.Errorf("policy.selector: %q: %w", p.Selector, err)
	}
	var waves []labels.Selector
	for i, w := range p.Waves {
		s, err := labels.Parse(w.Selector)
		if err != nil {
			return nil, fmt.Errorf("policy.waves[%d].selector: %q: %w", i, w.Selector, err)
		}
		waves = append(waves, s)
	}
	if len(waves) == 0 {
		waves = append(waves, labels.Everything())
	}
	return func(of map[string]string) int {
		for i, s := range waves {
			if all.Matches(labels.Set(of)) && s.Matches(labels.Set(of)) {
				return i
			}
		}
		return -1
	}, nil
}

// check tells the first thing that is wrong with a group.
func (g groupDocument) check(at string) error {
	for _, is := range []struct {
		wrong bool
		text  string
	}{
		{g.Name == "", "name: want a name"},
		{g.Count < 0 || g.Count > 100_000, fmt.Sprintf("count: %d: want a number of clusters", g.Count)},
		{g.Pinned < 0 || g.Pinned > max(1, g.Count), fmt.Sprintf("pinned: %d: want how many of them are pinned", g.Pinned)},
		{!g.Until.IsZero() && g.Pinned == 0, "pinnedUntil: want it beside pinned, which says how many are"},
		{g.Version == "", "version: want what they run at first"},
		{g.Takes.wrong(), "takes: want p50 and a p95 that is not shorter"},
		{g.Fails < 0 || g.Fails > 1, fmt.Sprintf("fails: %v: want a share from 0 to 1", g.Fails)},
		{g.Away.Share < 0 || g.Away.Share >= 1, fmt.Sprintf("away.share: %v: want a share from 0 to below 1", g.Away.Share)},
		{g.Away.Share > 0 && (spreadDocument{g.Away.P50, g.Away.P95}).wrong(), "away: want p50 and a p95 that is not shorter"},
	} {
		if is.wrong {
			return errors.New(at + is.text)
		}
	}
	return nil
}

// wrong tells whether it is no distribution.
func (s spreadDocument) wrong() bool { return s.P50 <= 0 || s.P95 < s.P50 }

// clusters of a group: one of its name, or as many as are counted.
func (g groupDocument) clusters(wave int) []rollout.SimCluster {
	var out []rollout.SimCluster
	count := max(1, g.Count)
	width := len(fmt.Sprint(count))
	for i := range count {
		name := g.Name
		if g.Count > 0 {
			name = fmt.Sprintf("%s-%0*d", g.Name, width, i+1)
		}
		c := rollout.SimCluster{
			Name: name, Region: g.Region, Wave: wave, Version: g.Version, Fails: g.Fails, Away: g.Away.Share,
			Takes:   rollout.Spread{P50: time.Duration(g.Takes.P50), P95: time.Duration(g.Takes.P95)},
			AwayFor: rollout.Spread{P50: time.Duration(g.Away.P50), P95: time.Duration(cmp.Or(g.Away.P95, g.Away.P50))},
		}
		if i < g.Pinned {
			c.Unfit, c.Until = "is pinned", g.Until
		}
		for _, o := range g.Outages {
			c.Outages = append(c.Outages, rollout.Outage{From: o.From, For: time.Duration(o.For)})
		}
		out = append(out, c)
	}
	return out
}
