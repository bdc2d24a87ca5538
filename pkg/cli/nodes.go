package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// nodesReport is the result of `nodes`.
type nodesReport struct {
	Cluster string      `json:"cluster"`
	AddOn   string      `json:"addon"`
	Items   []nodeTruth `json:"nodes"`

	// now is the observer's clock.
	now time.Time
	// npn is true when nodes have to have a NativePodNetwork.
	npn bool
}

// nodeTruth is one node with its state.
type nodeTruth struct {
	noderoll.Node
	State noderoll.State `json:"state"`
	Why   string         `json:"why,omitempty"`
}

func (a *app) nodesCommand() *cobra.Command {
	var addOn string
	var watch bool
	c := &cobra.Command{
		Use:   "nodes",
		Short: "Show for every node what it really runs of the add-on",
		Long: `Shows for every node the version and revision of the add-on's pod, whether it is Ready, how often it restarted, and why a node should
not run it. -o wide shows more, and for VCN-native the state of its NativePodNetwork.

With --watch it looks again every two seconds until it is interrupted (exit 130): on a terminal the table is drawn anew, elsewhere it is
printed when something changed.`,
		Example: `  addonctl nodes -o wide
  addonctl nodes --watch`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.connect(c.Context(), addOn)
			if err != nil {
				return err
			}
			if watch {
				return s.watchNodes(c.Context())
			}
			r, err := s.nodes(c.Context())
			if err != nil {
				return err
			}
			return a.print(r)
		},
	}
	a.addOnFlag(c, &addOn)
	c.Flags().BoolVarP(&watch, "watch", "w", false, "look again every two seconds, until interrupted")
	return c
}

func (s *session) nodes(ctx context.Context) (nodesReport, error) {
	in, p, err := s.look(ctx, plan.Request{})
	return nodesOf(in, p), err
}

// watchEvery is the pause between two looks of a watch.
const watchEvery = 2 * time.Second

// watchNodes shows the nodes until it is interrupted. A server that does not answer for a while is told of, once it had answered.
func (s *session) watchNodes(ctx context.Context) error {
	var last *nodesReport
	for {
		r, err := s.nodes(ctx)
		switch {
		case ctx.Err() != nil:
			return &exit{code: exitInterrupted, err: errors.New("interrupted; it only looked")}
		case err != nil && (last == nil || !drive.Transient(err)):
			return err
		case err != nil:
			s.trouble(err)
		default:
			if err := s.redraw(r, last); err != nil {
				return err
			}
			last = &r
		}
		_ = pause(ctx, watchEvery)
	}
}

// redraw prints a report anew: always on a terminal, where it takes the place of the last one, else when it says something else.
func (s *session) redraw(r nodesReport, last *nodesReport) error {
	const wipe = "\x1b[H\x1b[2J\x1b[3J"
	switch {
	case s.screen:
		fmt.Fprint(s.Out, wipe)
	case last != nil && reflect.DeepEqual(r.Items, last.Items):
		return nil
	}
	return s.print(r)
}

func nodesOf(in plan.Input, p plan.Plan) nodesReport {
	why := map[string]string{}
	for _, w := range p.Nodes.Waiting {
		why[w.Node] = w.Why
	}
	r := nodesReport{Cluster: p.Cluster, AddOn: p.AddOn, Items: []nodeTruth{}, now: in.Now}
	if in.Catalog != nil {
		addOn, _ := in.Catalog.AddOn(p.AddOn)
		r.npn = addOn.NetworkType == catalog.OCIVCNIPNative
	}
	for _, n := range in.Nodes {
		t := nodeTruth{Node: n, State: noderoll.Classify(n, in.Installed.Newest), Why: why[n.Name]}
		if n.Exempt != "" {
			t.Why = n.Exempt
		}
		r.Items = append(r.Items, t)
	}
	return r
}

func (r nodesReport) name() string {
	var out []string
	for _, n := range r.Items {
		out = append(out, "node/"+n.Name)
	}
	return strings.Join(out, "\n")
}

func (r nodesReport) table(w io.Writer, wide bool) {
	head := []string{"NODE", "STATE", "VERSION", "READY", "RESTARTS"}
	if wide {
		head = append(head, "AGE", "POOL", "ZONE", "CORDONED", "KUBELET", "POD", "REVISION", "FRESH")
	}
	if wide && r.npn {
		head = append(head, "NPN")
	}
	rows := [][]string{append(head, "WHY")}
	for _, n := range r.Items {
		row := n.row(wide, r.now)
		if wide && r.npn {
			row = append(row, npnState(n.NPN))
		}
		rows = append(rows, append(row, n.Why))
	}
	columns(w, rows...)
}

func (n nodeTruth) row(wide bool, now time.Time) []string {
	p := noderoll.Pod{}
	if n.Pod != nil {
		p = *n.Pod
	}
	out := []string{n.Name, string(n.State), dash(p.Version), yesNo(p.Available && n.Ready), fmt.Sprint(p.Restarts)}
	if wide {
		out = append(out, age(p.Created, now), dash(n.Pool), dash(n.Zone), n.cordoned(), dash(n.KubeletVersion), dash(p.Name), dash(p.Revision), n.fresh())
	}
	return out
}

// npnState is a NativePodNetwork in a few words.
func npnState(n *noderoll.NPN) string {
	switch {
	case n == nil:
		return "-"
	case n.State == noderoll.NPNSuccess || n.Reason == "":
		return dash(n.State)
	default:
		return fmt.Sprintf("%s (%s)", cmp.Or(n.State, "?"), n.Reason)
	}
}

// cordoned tells whether no new pods come to a node, and whether that is our doing.
func (n nodeTruth) cordoned() string {
	if n.Cordoned && n.CordonedByUs {
		return "by the roll"
	}
	return yesNo(n.Cordoned)
}

// fresh tells whether a fresh pod got an address beside the agent: yes, that one is being tried, or nothing.
func (n nodeTruth) fresh() string {
	if n.Pod != nil && n.Pod.Proved {
		return "yes"
	}
	for _, h := range n.Helpers {
		if h.Purpose == noderoll.Fresh {
			return "tried"
		}
	}
	return "-"
}

// age is how long a pod has been there, and so how long its node has had the revision.
func age(since, now time.Time) string {
	if since.IsZero() || now.IsZero() {
		return "-"
	}
	return duration.HumanDuration(max(0, now.Sub(since)))
}
