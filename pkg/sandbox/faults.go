package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Mode is how a pod behaves under a fault.
type Mode string

const (
	// Crash lets a pod be Running and Ready for about 0.3 s, then not Ready in CrashLoopBackOff with one more restart and
	// exit code 1, for about 1.5 s, again and again: a crash loop of a container without probes. Pods that run already
	// join in.
	Crash Mode = "Crash"

	// Pending keeps a pod Pending in ImagePullBackOff. Pods that run already go on.
	Pending Mode = "Pending"

	// Creating keeps a pod Pending in ContainerCreating, without an address, as one whose network is not set up. Pods that run already
	// go on.
	Creating Mode = "Creating"

	// Slow makes a pod Ready only Delay after its creation, which has a resolution of one second. Pods that run already
	// go on.
	Slow Mode = "Slow"
)

var modes = []Mode{Crash, Pending, Creating, Slow}

// Fault is how a bad release is played: which pods behave badly, and in which way. A pod that two faults match takes
// one of them, at random each time.
type Fault struct {
	// Name is a DNS label; Play with a name that is played replaces that fault.
	Name string `json:"name"`
	// Image is a part of the image of any container or init container, such as ":v0.27.3". Empty matches every pod.
	Image string `json:"image,omitempty"`
	// Nodes are where the fault is played; none means everywhere.
	Nodes []string `json:"nodes,omitempty"`
	Mode  Mode     `json:"mode"`
	// Delay is for Slow alone.
	Delay time.Duration `json:"delay,omitempty"`
}

func (f Fault) validate() error {
	var errs []error
	if problems := validation.IsDNS1123Label(f.Name); len(problems) > 0 {
		errs = append(errs, fmt.Errorf("fault name %q: %s", f.Name, problems[0]))
	}
	if !slices.Contains(modes, f.Mode) {
		errs = append(errs, fmt.Errorf("fault mode %q: want one of %s", f.Mode, modes))
	}
	if (f.Mode == Slow) != (f.Delay > 0) {
		errs = append(errs, fmt.Errorf("fault delay %s: want one for %s, and for no other mode", f.Delay, Slow))
	}
	return errors.Join(errs...)
}

// Play starts a fault, or replaces the one of that name. When it returns no pod is played by the old rules any more;
// that pods show the fault takes as long as their moves do.
func (s *Sandbox) Play(ctx context.Context, f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	return s.changeFaults(ctx, func(faults []Fault) ([]Fault, error) {
		return append(without(faults, f.Name), f), nil
	})
}

// Heal ends a fault; the pods that it held back become Ready as healthy ones do. ErrFaultNotFound if there is none.
func (s *Sandbox) Heal(ctx context.Context, name string) error {
	return s.changeFaults(ctx, func(faults []Fault) ([]Fault, error) {
		left := without(faults, name)
		if len(left) == len(faults) {
			return nil, fmt.Errorf("healing %q: %w", name, ErrFaultNotFound)
		}
		return left, nil
	})
}

// Faults are played at the moment, in the order in which they were started.
func (s *Sandbox) Faults() ([]Fault, error) {
	st, err := readState(s.dir)
	return st.Faults, err
}

func without(faults []Fault, name string) []Fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f Fault) bool { return f.Name == name })
}

// changeFaults writes the new rules and restarts kwok, which reads them, and all pods, anew. Rules as objects in the
// cluster would need no restart, but kwok can miss a change of those, or part of them, for as long as a minute.
func (s *Sandbox) changeFaults(ctx context.Context, change func([]Fault) ([]Fault, error)) error {
	return s.locked(ctx, func() error {
		st, err := readState(s.dir)
		if err != nil {
			return err
		}
		if st.Faults, err = change(st.Faults); err != nil {
			return err
		}
		if err := s.writeStages(st.Faults); err != nil {
			return err
		}
		if err := writeState(s.dir, st); err != nil {
			return err
		}
		return s.restartIfRunning(ctx, Kwok)
	})
}

// restartIfRunning leaves a program that was killed as it is: it will start with the new rules. A paused one goes on.
func (s *Sandbox) restartIfRunning(ctx context.Context, p Program) error {
	processes, err := s.find(p)
	if err != nil || len(processes) == 0 {
		return err
	}
	if err := s.Kill(ctx, p); err != nil {
		return err
	}
	return s.startAgain(ctx, p)
}

// stages are the fault's moves. Their weight makes them win over the healthy ones wherever they match.
//
//	mode     Ready                not Ready                      Pending, backed off
//	Crash    crashed after 0.3 s  running after 1.5 s (0.4 new)  -
//	Pending  -                    backed off while Pending       stays
//	Creating -                    waits while Pending            stays
//	Slow     -                    running at creation + delay    -
func (f Fault) stages() []stage {
	matches := is(f.expression(), "true")
	name := "fault-" + f.Name
	switch f.Mode {
	case Crash:
		return []stage{
			{
				name: name + "-start", kind: "Pod", when: []requirement{matches, staying, unended, notReady},
				after: `if .status.phase == "Pending" then "400ms" else "1500ms" end`, weight: 1, template: "running.tmpl",
			},
			{
				name: name + "-crash", kind: "Pod", when: []requirement{matches, staying, ready},
				delay: 300 * time.Millisecond, weight: 1, template: "crashed.tmpl",
			},
		}
	case Pending:
		return []stage{
			{
				name: name, kind: "Pod", when: []requirement{matches, staying, pending, not(waitingExpression, "ImagePullBackOff")},
				delay: 200 * time.Millisecond, weight: 1, template: "waiting.tmpl",
			},
			{
				name: name + "-stays", kind: "Pod", when: []requirement{matches, staying, pending, backedOff},
				weight: 1, status: "phase: Pending\n",
			},
		}
	case Creating:
		return []stage{
			{
				name: name, kind: "Pod", when: []requirement{matches, staying, pending, not(waitingExpression, "ContainerCreating")},
				delay: 200 * time.Millisecond, weight: 1, template: "creating.tmpl",
			},
			{
				name: name + "-stays", kind: "Pod", when: []requirement{matches, staying, pending, is(waitingExpression, "ContainerCreating")},
				weight: 1, status: "phase: Pending\n",
			},
		}
	case Slow:
		return []stage{{
			name: name, kind: "Pod", when: []requirement{matches, staying, unended, notReady},
			after: fmt.Sprintf(".metadata.creationTimestamp | fromdate + %g | todate", f.Delay.Seconds()), weight: 1, template: "running.tmpl",
		}}
	}
	return nil
}

// expression is true for the pods that the fault matches.
func (f Fault) expression() string {
	expression := fmt.Sprintf(`([.spec.containers[].image, .spec.initContainers[]?.image] | any(.[]; contains(%s)))`, quote(f.Image))
	if len(f.Nodes) == 0 {
		return expression
	}
	var nodes []string
	for _, n := range f.Nodes {
		nodes = append(nodes, quote(n))
	}
	return expression + fmt.Sprintf(` and (.spec.nodeName | IN(%s))`, strings.Join(nodes, ", "))
}

// quote makes a string of jq, which has JSON's.
func quote(text string) string {
	data, _ := json.Marshal(text) // a string never fails
	return string(data)
}
