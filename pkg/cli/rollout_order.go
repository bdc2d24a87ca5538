package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/observe"
	"github.com/addonctl/addonctl/pkg/status"
)

// orderVerb is a command that gives a rollout an order.
type orderVerb struct {
	verb, args, short, long, example string
}

var orderVerbs = []orderVerb{
	{
		status.Approve, " --wave W", "Let a wave of a rollout begin",
		"Approves a wave whose policy wants that. It begins when the waves before it have run for long enough and a window is open.",
		`  addonctl rollout approve fleet-flannel-0.27.3 --wave prod --reason "the canaries are fine" --yes`,
	},
	{
		status.Pause, "", "Begin nothing more, and change no further node",
		"Pauses a rollout: no cluster begins, and those under way change no further node, until somebody resumes it.",
		`  addonctl rollout pause fleet-flannel-0.27.3 --reason "the network is being worked on" --yes`,
	},
	{
		status.Resume, "", "Go on with a rollout that is paused, or halted",
		"Goes on with a rollout that is paused or halted. What failed so far is forgiven, and does not spend the budget any more; retry tries it again.",
		`  addonctl rollout resume fleet-flannel-0.27.3 --yes`,
	},
	{
		status.Abort, "", "End a rollout where it stands",
		"Ends a rollout for good: no cluster begins, those that were told and had not begun are let go, and those under way change no further node. It can still be taken back (undo).",
		`  addonctl rollout abort fleet-flannel-0.27.3 --reason "a newer release comes tomorrow" --yes`,
	},
	{
		status.Undo, "", "Take every cluster back that was told to move",
		"Takes a rollout back: every cluster that was told to move goes back to what it ran before, those of the last wave first. No window and no approval is waited for.",
		`  addonctl rollout undo fleet-flannel-0.27.3 --reason "it loses packets" --yes`,
	},
	{
		status.Retry, " [--cluster C]...", "Let clusters that failed have another turn",
		"Lets clusters that failed have another turn, all of them or those that are named. Their wave has to be through again before the next begins.",
		`  addonctl rollout retry fleet-flannel-0.27.3 --cluster customer-7 --yes`,
	},
}

// orderFlags are the flags of the commands above.
type orderFlags struct {
	reason   string
	wave     string
	clusters []string
	yes      bool
}

func (a *app) orderCommand(o orderVerb) *cobra.Command {
	var f orderFlags
	c := &cobra.Command{
		Use: o.verb + " NAME" + o.args, Short: o.short, Example: o.example,
		Long: o.long + "\n\n" + `The order is written down with who gave it and why, and the manager carries it out at its next look; addonctl rollout status NAME shows what
became of it. What would change nothing is not ordered.`,
		Args: arguments(1, "NAME"), PreRunE: a.checkOutput, ValidArgsFunction: a.completeRollout,
		RunE: func(c *cobra.Command, args []string) error {
			if o.verb == status.Approve && f.wave == "" {
				return usage("addonctl rollout status "+args[0]+" lists the waves", "approve needs --wave")
			}
			if err := checkText("--reason", f.reason, 1024); err != nil {
				return err
			}
			s, err := a.fleet(a.note)
			if err != nil {
				return err
			}
			return s.order(c.Context(), args[0], o.verb, f)
		},
	}
	c.Flags().StringVar(&f.reason, "reason", "", "why, for whoever looks at it later")
	c.Flags().BoolVar(&f.yes, "yes", false, "act without asking")
	_ = c.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions)
	switch o.verb {
	case status.Approve:
		c.Flags().StringVar(&f.wave, "wave", "", "wave that may begin")
		_ = c.RegisterFlagCompletionFunc("wave", a.completeIn(waveNames))
	case status.Retry:
		c.Flags().StringSliceVar(&f.clusters, "cluster", nil, "cluster that failed; all of them without")
		_ = c.RegisterFlagCompletionFunc("cluster", a.completeIn(failedIn))
	}
	return c
}

// orderReport is the result of a command that gives an order.
type orderReport struct {
	Rollout string `json:"rollout"`
	Verb    string `json:"verb"`
	// Changed is false where the order would change nothing, and was not given.
	Changed bool `json:"changed"`
	// Order as it was given.
	Order *v1alpha1.Order `json:"order,omitempty"`
}

func (r orderReport) name() string { return "rollout/" + r.Rollout }

func (r orderReport) table(w io.Writer, _ bool) {
	row := []string{r.Rollout, "-", r.Verb, "-", "-"}
	if r.Order != nil {
		row = []string{r.Rollout, fmt.Sprint(r.Order.Number), r.Verb, r.Order.By, dash(r.Order.Reason)}
	}
	columns(w, []string{"ROLLOUT", "ORDER", "VERB", "BY", "REASON"}, row)
}

// order gives an order, unless it would change nothing.
func (s *session) order(ctx context.Context, name, verb string, f orderFlags) error {
	r, err := s.rollout(ctx, name)
	if err != nil {
		return err
	}
	out := orderReport{Rollout: name, Verb: verb}
	want := v1alpha1.Order{Verb: verb, Wave: f.wave, Clusters: sorted(f.clusters), Reason: strings.TrimSpace(f.reason)}
	why, err := needless(*r, want, s.clock())
	if err != nil {
		return err
	}
	if why != "" {
		s.note(fmt.Sprintf("rollout %s: %s; nothing is ordered (%s)", name, why, verdictOf(rowOf(*r))))
		return s.print(out)
	}
	s.note(fmt.Sprintf("rollout %s, %s: %s", name, verdictOf(rowOf(*r)), intended(*r, want)))
	if err := s.agree(ctx, "rollout "+name, f.yes); err != nil {
		return err
	}
	want.By, want.At = s.whoOrders(ctx)
	out.Order, err = s.hub.Order(ctx, name, func(now v1alpha1.AddonRollout) (*v1alpha1.Order, error) {
		if why, err = needless(now, want, s.clock()); err != nil || why != "" {
			return nil, err
		}
		given := want
		return &given, nil
	})
	switch {
	case errors.Is(err, hub.ErrNotRecorded):
		return s.noRollout(ctx, name)
	case err != nil:
		return err
	case out.Order == nil:
		s.note(fmt.Sprintf("rollout %s: %s; nothing is ordered", name, why))
	}
	out.Changed = out.Order != nil
	if err := s.undriven(ctx, *r); err != nil {
		s.note("who decides on it cannot be told: " + err.Error())
	}
	return s.print(out)
}

// sorted are names in order, each once.
func sorted(names []string) []string {
	out := slices.Sorted(slices.Values(names))
	return slices.Compact(out)
}

// whoOrders is who gives an order, and when, as the API server has it.
func (s *session) whoOrders(ctx context.Context) (string, *metav1.Time) {
	const most = 256
	user, now, err := observe.WhoAmI(ctx, s.home)
	if err != nil {
		s.note("who orders cannot be told: " + err.Error())
		user, now = "unknown", s.clock()
	}
	user = strings.ToValidUTF8(user[:min(most, len(user))], "")
	at := metav1.NewTime(now)
	return user, &at
}

// intended says what an order is about, before anybody agrees to it.
func intended(r v1alpha1.AddonRollout, o v1alpha1.Order) string {
	st := r.Status
	switch o.Verb {
	case status.Approve:
		return fmt.Sprintf("approve wave %s, of %s", o.Wave, plural(clustersOf(st, o.Wave), "cluster", "clusters"))
	case status.Pause:
		return fmt.Sprintf("pause it; %s under way change no further node", plural(int(st.Running), "cluster", "clusters"))
	case status.Resume:
		return "go on with it; what failed is forgiven"
	case status.Abort:
		return fmt.Sprintf("end it where it stands, with %d of %s done", st.Done, plural(int(st.Clusters), "cluster", "clusters"))
	case status.Undo:
		moved := 0
		for _, m := range st.Members {
			if m.Tries > 0 {
				moved++
			}
		}
		return fmt.Sprintf("take %s back to what they ran before, in no window and without approval", plural(moved, "cluster", "clusters"))
	default:
		if len(o.Clusters) > 0 {
			return "try again " + someOf(o.Clusters)
		}
		return "try again what failed: " + someOf(failedIn(st))
	}
}

func clustersOf(st v1alpha1.AddonRolloutStatus, wave string) int {
	for _, w := range st.Waves {
		if w.Name == wave {
			return int(w.Clusters)
		}
	}
	return 0
}
