package cli

import (
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/rollout"
)

// simulateFlags are those of `rollout simulate`.
type simulateFlags struct {
	file, svg string
	seed      uint64
	runs      int
	live      liveFlags
}

func (a *app) rolloutSimulateCommand() *cobra.Command {
	f := simulateFlags{}
	c := &cobra.Command{
		Use:   "simulate (-f SCENARIO | --policy FILE)",
		Short: "Let a release go over a fleet on virtual time, and see when what happens",
		Long: `Plays a scenario: a fleet, a policy, the releases that come, how long moves take, what fails, who is out of reach, and what
people do. It asks the same code that decides on a real fleet, also about which rollout goes on: after a recall clusters leave the release, and
those whose pin has ended join where the policy says so. The same seed gives the same run; with --runs the ends of that many runs are summed
up, and the first is shown.

With --policy it says what would happen on the fleet of this hub if a release came out now, or at --at: FILE is an UpdatePolicy, which takes
the place of the one of its name. Each cluster takes part as its record stands, and those that would not move are named with the reason.
Nothing is written, and no cluster is asked. Without --version it is what the manager would bring next: the release that clusters leave a
recalled one for, else the newest that a cluster of the policy would take by itself.`,
		Example: `  addonctl rollout simulate -f docs/examples/rollout-scenario.yaml
  addonctl rollout simulate -f docs/examples/rollout-scenario.yaml --runs 200 -o json
  addonctl rollout simulate --policy docs/examples/update-policy.yaml --version 0.27.3 --runs 100 --svg rollout.svg`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error { return a.simulate(c, f) },
	}
	f.add(a, c)
	return c
}

func (f *simulateFlags) add(a *app, c *cobra.Command) {
	c.Flags().StringVarP(&f.file, "filename", "f", "", "file of the scenario; - reads standard input")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of chance")
	c.Flags().IntVar(&f.runs, "runs", 1, "how many runs, with the seeds from --seed on")
	c.Flags().StringVar(&f.svg, "svg", "", "file to draw the first run into")
	_ = c.MarkFlagFilename("filename", "yaml", "yml", "json")
	_ = c.MarkFlagFilename("svg", "svg")
	_ = c.RegisterFlagCompletionFunc("seed", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("runs", cobra.NoFileCompletions)
	f.live.add(a, c)
}

func (a *app) simulate(c *cobra.Command, f simulateFlags) error {
	if f.runs < 1 || f.runs > 10_000 {
		return usage("give a number from 1 to 10000", "--runs %d is no number of runs", f.runs)
	}
	var s rollout.Scenario
	var assumed string
	var err error
	switch given := f.live.given(c); {
	case f.file == "" && f.live.policy == "":
		return usage("docs/rollout.md describes scenarios and policies", "simulate needs -f SCENARIO or --policy FILE")
	case f.file != "" && given != "":
		return usage("a scenario says this itself; leave one of them out", "-f and --%s do not go together", given)
	case f.file != "":
		s, err = a.readScenario(f.file)
	default:
		s, assumed, err = a.liveScenario(c, f.live)
	}
	if err != nil {
		return err
	}
	r, err := simulated(c.Context().Err, s, f.seed, f.runs)
	if err != nil {
		return err
	}
	r.Assumed = assumed
	if f.svg != "" {
		if err := os.WriteFile(f.svg, []byte(drawing(s, r.first)), 0o644); err != nil { //nolint:gosec // a picture is for everybody
			return usage("give a file that can be written", "writing --svg: %w", err)
		}
	}
	return a.print(r)
}

// simulationReport is the result of `rollout simulate`.
type simulationReport struct {
	Seed     uint64 `json:"seed"`
	Runs     int    `json:"runs"`
	Clusters int    `json:"clusters"`
	// Assumed says what was, and from where; empty for a scenario, which says it itself.
	Assumed  string             `json:"assumed,omitempty"`
	Releases []simulatedRelease `json:"releases"`
	// Log of the first run; in wide and the documents.
	Log []rollout.Happening `json:"log"`

	first rollout.Simulation
}

// simulatedRelease sums up the rollouts of one release over all runs. What is of the first run is of the first that opened one.
type simulatedRelease struct {
	Version string `json:"version"`
	// Leaves is the recalled release that the rollout leads away from; empty for another rollout.
	Leaves string    `json:"leaves,omitempty"`
	Opened time.Time `json:"opened"`
	// Phase, Why and Who as at the end of the first run.
	Phase rollout.Phase `json:"phase"`
	Why   string        `json:"why"`
	Who   string        `json:"who,omitempty"`
	// Ended counts the runs that came to an end, P50 and P95 say after how many seconds; half, and 95 of 100, were faster.
	Ended int     `json:"ended"`
	P50   float64 `json:"p50Seconds,omitempty"`
	P95   float64 `json:"p95Seconds,omitempty"`
	// Waves of the first run.
	Waves []simulatedWave `json:"waves"`
	// Stays are how long the first run waited for what, longest first.
	Stays []simulatedStay `json:"stays"`
	// Worst is the largest number of clusters under way at a moment of all runs, by region; "" is all.
	Worst map[string]int `json:"worst"`
	// Left are the clusters that do not run the release at the end of the first run, with the reason.
	Left []simulatedLeft `json:"left"`

	// run is the first in which it was opened, and log what happened in that.
	run rollout.Simulated
	log []rollout.Happening
}

type simulatedWave struct {
	Name     string    `json:"name"`
	Clusters int       `json:"clusters"`
	Done     int       `json:"done"`
	Failed   int       `json:"failed"`
	Started  time.Time `json:"started,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
}

type simulatedStay struct {
	Phase   rollout.Phase `json:"phase"`
	Wave    string        `json:"wave,omitempty"`
	Who     string        `json:"who,omitempty"`
	Seconds float64       `json:"seconds"`
}

type simulatedLeft struct {
	Cluster string        `json:"cluster"`
	State   rollout.State `json:"state"`
	Why     string        `json:"why,omitempty"`
}

// simulated plays a scenario so many times.
func simulated(stopped func() error, s rollout.Scenario, seed uint64, runs int) (simulationReport, error) {
	r := simulationReport{Seed: seed, Runs: runs, Clusters: len(s.Clusters)}
	took := map[rollout.Target][]float64{}
	for i := range runs {
		if err := stopped(); err != nil {
			return r, err
		}
		one, err := rollout.Simulate(s, chances(seed+uint64(i))) //nolint:gosec // a count of runs
		if err != nil {
			return r, err
		}
		if i == 0 {
			r.first, r.Log = one, one.Log
		}
		for _, x := range one.Rollouts {
			j := slices.IndexFunc(r.Releases, func(o simulatedRelease) bool { return o.run.Target() == x.Target() })
			if j < 0 {
				j, r.Releases = len(r.Releases), append(r.Releases, firstOf(x, one.Log))
			}
			for region, n := range x.Worst {
				r.Releases[j].Worst[region] = max(r.Releases[j].Worst[region], n)
			}
			if !x.Ended.IsZero() {
				r.Releases[j].Ended++
				took[x.Target()] = append(took[x.Target()], x.Ended.Sub(x.Opened).Seconds())
			}
		}
	}
	for i := range r.Releases {
		t := took[r.Releases[i].run.Target()]
		slices.Sort(t)
		if len(t) > 0 {
			r.Releases[i].P50, r.Releases[i].P95 = t[(len(t)-1)/2], t[(len(t)*95+99)/100-1]
		}
	}
	return r, nil
}

// chances of a seed, one for each cluster.
func chances(seed uint64) func(string) rollout.Chance {
	return func(cluster string) rollout.Chance {
		h := fnv.New64a()
		_, _ = h.Write([]byte(cluster))
		return rand.New(rand.NewPCG(seed, h.Sum64())) //nolint:gosec // a simulation is to be repeatable
	}
}

func firstOf(x rollout.Simulated, log []rollout.Happening) simulatedRelease {
	out := simulatedRelease{
		Version: x.Version, Leaves: x.Leaves, Opened: x.Opened, Phase: x.Phase, Why: x.Why, Who: x.Who, Worst: maps.Clone(x.Worst),
		Stays: []simulatedStay{}, Left: []simulatedLeft{}, run: x, log: log,
	}
	for _, w := range x.Record.Waves {
		out.Waves = append(out.Waves, simulatedWave{Name: w.Name, Started: w.Started, Ended: w.Ended})
	}
	for _, m := range x.Record.Members {
		w := &out.Waves[m.Wave]
		w.Clusters++
		if m.State == rollout.Failed {
			w.Failed++
		}
		if m.State == rollout.Done && !m.Back {
			w.Done++
			continue
		}
		out.Left = append(out.Left, simulatedLeft{m.Cluster, m.State, leftWhy(m)})
	}
	for _, c := range x.Outside {
		out.Left = append(out.Left, simulatedLeft{c.Cluster, rollout.Skipped, c.Why})
	}
	for _, s := range x.Stays {
		out.Stays = append(out.Stays, simulatedStay{s.Phase, s.Wave, s.Who, s.For.Seconds()})
	}
	return out
}

func leftWhy(m rollout.Member) string {
	if m.Back && m.State == rollout.Done {
		return "was put back to " + m.From
	}
	return m.Reason
}

func (r simulationReport) name() string {
	var out []string
	for _, x := range r.Releases {
		out = append(out, x.run.Target().String())
	}
	return strings.Join(out, "\n")
}

func (r simulationReport) table(w io.Writer, wide bool) {
	fmt.Fprintf(w, "%s, %s, seed %d\n", plural(r.Clusters, "cluster", "clusters"), plural(r.Runs, "run", "runs"), r.Seed)
	if r.Assumed != "" {
		fmt.Fprintln(w, r.Assumed)
	}
	for _, x := range r.Releases {
		fmt.Fprintf(w, "\n%s, opened %s: %s: %s\n", x.run.Target(), stamp(x.Opened), x.Phase, x.Why)
		if x.Who != "" {
			fmt.Fprintf(w, "Waits for: %s\n", x.Who)
		}
		if x.Ended > 0 {
			fmt.Fprintf(w, "Ended in %d of %s, half of them after %s, 95%% after %s\n", x.Ended, plural(r.Runs, "run", "runs"), inTime(x.P50), inTime(x.P95))
		}
		fmt.Fprintln(w)
		x.waves(w)
		fmt.Fprintln(w)
		fmt.Fprint(w, gantt(x.run, x.log, wide))
		x.rest(w, wide)
	}
	if wide {
		fmt.Fprintln(w)
		rows := [][]string{{"AT", "RELEASE", "CLUSTER", "WHAT", "WHY"}}
		for _, h := range r.Log {
			rows = append(rows, []string{stamp(h.At), h.Release, dash(h.Cluster), h.What, h.Why})
		}
		columns(w, rows...)
	}
}

func (x simulatedRelease) waves(w io.Writer) {
	rows := [][]string{{"WAVE", "CLUSTERS", "DONE", "FAILED", "STARTED", "ENDED"}}
	for _, v := range x.Waves {
		rows = append(rows, []string{v.Name, fmt.Sprint(v.Clusters), fmt.Sprint(v.Done), fmt.Sprint(v.Failed), stamp(v.Started), stamp(v.Ended)})
	}
	columns(w, rows...)
}

// rest says how much was under way at once, what was waited for, and who is left.
func (x simulatedRelease) rest(w io.Writer, wide bool) {
	var regions []string
	for _, region := range slices.Sorted(maps.Keys(x.Worst)) {
		if region != "" {
			regions = append(regions, fmt.Sprintf("%s %d", region, x.Worst[region]))
		}
	}
	fmt.Fprintf(w, "At most %d at once", x.Worst[""])
	if len(regions) > 0 {
		fmt.Fprintf(w, ": %s", strings.Join(regions, ", "))
	}
	fmt.Fprintln(w)
	const most = 5
	for i, s := range x.Stays {
		if i == most && !wide {
			break
		}
		text := fmt.Sprintf("%s for %s", s.Phase, inTime(s.Seconds))
		if s.Wave != "" {
			text += ", wave " + s.Wave
		}
		if s.Who != "" {
			text += ", for " + s.Who
		}
		fmt.Fprintln(w, text)
	}
	for i, l := range x.Left {
		if i == most && !wide {
			fmt.Fprintf(w, "left: %d more (-o wide)\n", len(x.Left)-most)
			break
		}
		fmt.Fprintf(w, "left: %s %s %s\n", l.Cluster, l.State, l.Why)
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// inTime is a number of seconds in days, hours and minutes.
func inTime(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Minute)
	if d < time.Minute {
		return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
	}
	days, text := d/(24*time.Hour), strings.TrimSuffix((d%(24*time.Hour)).String(), "0s")
	if days == 0 {
		return text
	}
	return fmt.Sprintf("%dd %s", days, text)
}
