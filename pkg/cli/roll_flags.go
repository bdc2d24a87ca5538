package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// nodesValue is the flag --nodes.
type nodesValue struct{ to *plan.NodeUpdate }

// nodesNames are the values as they are typed.
var nodesNames = map[plan.NodeUpdate]string{
	"": "", plan.RollNodes: "roll", plan.ReplaceNodes: "replace", plan.HoldNodes: "hold", plan.RollingUpdate: "rolling-update",
}

func (v nodesValue) String() string {
	if v.to == nil {
		return ""
	}
	return nodesNames[*v.to]
}

func (v nodesValue) Type() string { return "way" }

func (v nodesValue) Set(s string) error {
	for value, name := range nodesNames {
		if s == name && s != "" {
			*v.to = value
			return nil
		}
	}
	return errors.New("want roll, replace, hold or rolling-update")
}

// rollFlags say how nodes follow, and how they are changed one after the other. What is not given stays as it is recorded.
type rollFlags struct {
	nodes                       plan.NodeUpdate
	canaries                    int
	selector, maxUnavailable    string
	soak, readyFor, nodeTimeout time.Duration
	maxRestarts                 int32
	prePull, cordon, drain      bool
	freshPod                    string
	gates                       []string
}

// gateFlagNames are those of them that the DaemonSet controller's own update knows too.
var gateFlagNames = []string{"ready-for", "node-timeout", "max-restarts", "fresh-pod", "gate"}

// rollFlagNames are the flags that mean something where nodes are changed one after the other.
var rollFlagNames = []string{
	"canaries", "canary-selector", "max-unavailable", "soak", "ready-for", "node-timeout", "max-restarts",
	"pre-pull", "cordon", "drain", "fresh-pod", "gate",
}

func (f *rollFlags) add(c *cobra.Command) {
	s := c.Flags()
	s.Var(nodesValue{&f.nodes}, "nodes", "how nodes follow: roll changes them one by one with gates and halts at the first that fails, replace cordons them in turn and waits for new ones, "+
		"hold changes none, rolling-update leaves it to the DaemonSet controller and stops that at the first that fails and at a recall; recorded; where nothing is recorded, hold for VCN-native from 2.3.0 on, else roll (docs/roll.md)")
	s.IntVar(&f.canaries, "canaries", 0, "roll: how many nodes go first, one at a time; recorded, and one of each kind of node where nothing is recorded")
	s.StringVar(&f.selector, "canary-selector", "", "roll: label selector of the nodes that go first, instead of a number; recorded")
	s.StringVar(&f.maxUnavailable, "max-unavailable", "", "roll: how many nodes may be without a working agent at any moment, broken ones among them: a count or a percentage; "+
		"recorded, and the configuration key rollingUpdate or "+noderoll.DefaultMax+" where nothing is recorded")
	s.DurationVar(&f.soak, "soak", noderoll.DefaultSoak, "roll: how long the first nodes, and then each pool and zone, run before others follow; recorded")
	s.DurationVar(&f.readyFor, "ready-for", noderoll.DefaultReadyFor, "roll, rolling-update: how long an agent must have been Ready; recorded")
	s.DurationVar(&f.nodeTimeout, "node-timeout", noderoll.DefaultNodeTimeout, "roll, rolling-update: how long a node may take to pass its gates; recorded")
	s.Int32Var(&f.maxRestarts, "max-restarts", noderoll.DefaultMaxRestarts, "roll, rolling-update: how often a container of an agent may restart; recorded")
	s.BoolVar(&f.prePull, "pre-pull", false, "roll: bring the images to a node before its agent goes; recorded")
	s.BoolVar(&f.cordon, "cordon", false, "roll: let no new pods come to a node before its agent goes, until it has passed its gates; recorded")
	s.BoolVar(&f.drain, "drain", false, "roll: evict a node's pods before its agent goes, by their disruption budgets, and cordon it; recorded")
	s.StringVar(&f.freshPod, "fresh-pod", "", "roll, rolling-update: image of a pod that has to get an address on each changed node, such as registry.k8s.io/pause:3.10; '' tries none; recorded")
	s.StringArrayVar(&f.gates, "gate", nil, "roll, rolling-update: type of a condition of the agent's pod that somebody sets and that has to be True on each changed node; can be given more than "+
		"once, '' asks for none; recorded")
	_ = c.RegisterFlagCompletionFunc("nodes", fixed("roll", "replace", "hold", "rolling-update"))
	for _, name := range rollFlagNames {
		_ = c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// read writes what was given into a request. What no roll can follow is refused here, before any cluster is asked.
func (f *rollFlags) read(c *cobra.Command, r *plan.Request) error {
	r.NodeUpdate = f.nodes
	given := c.Flags().Changed
	if given("canaries") && given("canary-selector") {
		return usage("give one of them", "--canaries and --canary-selector both say which nodes go first")
	}
	for _, check := range []func(func(string) bool) error{f.checkCanaries, f.checkMaxUnavailable, f.checkTimes, f.checkFreshPod, f.checkGates} {
		if err := check(given); err != nil {
			return err
		}
	}
	r.Roll = noderoll.Policy{Canaries: f.canaries, CanarySelector: f.selector, MaxUnavailable: f.maxUnavailable}
	if given("max-restarts") {
		if f.maxRestarts < 0 || f.maxRestarts > mostRestarts {
			return usage(fmt.Sprintf("give a number from 0 to %d", mostRestarts), "--max-restarts %d is no number of restarts to bear", f.maxRestarts)
		}
		r.Roll.MaxRestarts = &f.maxRestarts
	}
	for name, to := range map[string]struct {
		value *time.Duration
		field **time.Duration
	}{
		"soak": {&f.soak, &r.Roll.Soak}, "ready-for": {&f.readyFor, &r.Roll.ReadyFor}, "node-timeout": {&f.nodeTimeout, &r.Roll.NodeTimeout},
	} {
		if given(name) {
			*to.field = to.value
		}
	}
	f.readErrands(given, &r.Roll)
	return nil
}

// readErrands writes what was given of errands and gates into a policy.
func (f *rollFlags) readErrands(given func(string) bool, p *noderoll.Policy) {
	for name, to := range map[string]struct {
		value *bool
		field **bool
	}{"pre-pull": {&f.prePull, &p.PrePull}, "cordon": {&f.cordon, &p.Cordon}, "drain": {&f.drain, &p.Drain}} {
		if given(name) {
			*to.field = to.value
		}
	}
	if given("fresh-pod") {
		p.FreshPod = &f.freshPod
	}
	if given("gate") {
		p.Gates = slices.DeleteFunc(slices.Clone(f.gates), func(g string) bool { return g == "" })
		slices.Sort(p.Gates)
		p.Gates = slices.Compact(p.Gates)
	}
}

// What a record takes at most.
const (
	mostNodes    = 5000
	mostRestarts = 100
	mostSelector = 1024
	mostGates    = 16
	longestTime  = 24 * time.Hour
)

func (f *rollFlags) checkCanaries(given func(string) bool) error {
	if given("canaries") && (f.canaries < 1 || f.canaries > mostNodes) {
		return usage(fmt.Sprintf("give a number from 1 to %d, or leave it out for one node of each kind", mostNodes), "--canaries %d is no number of nodes", f.canaries)
	}
	if !given("canary-selector") {
		return nil
	}
	const hint = "give labels of nodes, such as canary=true or 'zone in (a,b)'"
	if strings.TrimSpace(f.selector) == "" {
		return usage(hint, "--canary-selector is empty")
	}
	if len(f.selector) > mostSelector {
		return usage("shorten it, or label the nodes", "--canary-selector has %d bytes, at most %d are kept", len(f.selector), mostSelector)
	}
	if _, err := labels.Parse(f.selector); err != nil {
		return usage(hint, "--canary-selector %q: %w", f.selector, err)
	}
	return nil
}

// fewNodes is a count of nodes, or a share of them, that lets a roll begin.
var fewNodes = regexp.MustCompile(`^([1-9][0-9]{0,3}|(100|[1-9][0-9]?)%)$`)

func (f *rollFlags) checkMaxUnavailable(given func(string) bool) error {
	if !given("max-unavailable") {
		return nil
	}
	if n, err := noderoll.Scale(f.maxUnavailable, 0); err != nil || n > mostNodes || !fewNodes.MatchString(f.maxUnavailable) {
		return usage(fmt.Sprintf("give a count from 1 to %d, or a percentage from 1%% to 100%%", mostNodes), "--max-unavailable %q is no number of nodes to begin with", f.maxUnavailable)
	}
	return nil
}

func (f *rollFlags) checkTimes(given func(string) bool) error {
	for _, d := range []struct {
		name  string
		value time.Duration
		least time.Duration
	}{{"soak", f.soak, 0}, {"ready-for", f.readyFor, 0}, {"node-timeout", f.nodeTimeout, time.Second}} {
		if given(d.name) && (d.value < d.least || d.value > longestTime) {
			return usage("give a duration such as 30s or 5m", "--%s %s is not between %s and %s", d.name, d.value, d.least, longestTime)
		}
	}
	return nil
}

// checkFreshPod refuses what is no image.
func (f *rollFlags) checkFreshPod(given func(string) bool) error {
	if !given("fresh-pod") || f.freshPod == "" {
		return nil
	}
	if len(f.freshPod) > mostSelector {
		return usage("give a shorter one", "--fresh-pod has %d bytes, at most %d are kept", len(f.freshPod), mostSelector)
	}
	if _, err := name.ParseReference(f.freshPod); err != nil {
		return usage("give an image that stays running, such as registry.k8s.io/pause:3.10", "--fresh-pod %q: %w", f.freshPod, err)
	}
	return nil
}

// checkGates refuses what is no type of a condition that others set.
func (f *rollFlags) checkGates(func(string) bool) error {
	const hint = "give a type such as example.com/DataPlane"
	if len(f.gates) > mostGates {
		return usage("leave some out", "--gate is given %d times, at most %d are kept", len(f.gates), mostGates)
	}
	for _, g := range f.gates {
		if problems := validation.IsQualifiedName(g); g != "" && len(problems) > 0 {
			return usage(hint, "--gate %q is no type of a condition: %s", g, problems[0])
		}
		if slices.Contains(ownConditions, g) {
			return usage(hint, "--gate %s is a condition that Kubernetes sets, which the other gates look at", g)
		}
	}
	return nil
}

// ownConditions are the types of a pod's conditions that no gate of an operator's can be.
var ownConditions = []string{"PodScheduled", "Initialized", "Ready", "ContainersReady", "PodReadyToStartContainers", "DisruptionTarget"}

// checkRoll refuses what was asked for and goes ill with what is recorded, such as times that no node can keep.
func checkRoll(asked, merged noderoll.Policy) error {
	if asked.Equal(noderoll.Policy{}) {
		return nil
	}
	if err := merged.Check(); err != nil {
		return usage("docs/roll.md tells what goes together; addonctl status -o json shows what is recorded", "no roll can follow this, with what is recorded: %w", err)
	}
	return nil
}

// idle tells of flags of a roll that were given where nodes follow otherwise.
func (s *session) idle(c *cobra.Command, in plan.Input) {
	if text := idle(c, plan.NodeUpdateOf(in)); text != "" && !in.Request.Roll.Equal(noderoll.Policy{}) {
		s.note(text)
	}
}

// idle says that flags of a roll were given where nodes follow otherwise: they are recorded and change nothing now.
func idle(c *cobra.Command, u plan.NodeUpdate) string {
	var given []string
	for _, name := range rollFlagNames {
		if c.Flags().Changed(name) && (u != plan.RollingUpdate || !slices.Contains(gateFlagNames, name)) {
			given = append(given, "--"+name)
		}
	}
	if len(given) == 0 || u == plan.RollNodes || u == plan.ReplaceNodes {
		return ""
	}
	slices.Sort(given)
	return fmt.Sprintf("note: %s: recorded, and of use with --nodes roll or replace; here nodes follow by %s", strings.Join(given, ", "), nodesNames[u])
}
