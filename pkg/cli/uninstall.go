package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// outcomeUninstalled : the add-on is gone.
const outcomeUninstalled reconcile.End = "Uninstalled"

// uninstallFlags say how sure somebody is.
type uninstallFlags struct {
	addOn   string
	accept  bool
	force   bool
	confirm string
}

func (a *app) uninstallCommand() *cobra.Command {
	var f uninstallFlags
	c := &cobra.Command{
		Use:   "uninstall --cluster C --i-accept-no-network",
		Short: "Take the CNI, or Calico beside it, off a cluster, and leave it without",
		Long: `Deletes the add-on's workloads, configuration and rights, its revisions and its record. Pods cannot be started from then on. Definitions, namespaces and the cluster's network type stay: the type is for life. Nothing else in addonctl
ever does this.

It is refused while nodes have workloads, unless --force is given. The cluster has to be named twice: with --cluster, and at the
question or with --confirm. Interrupted, the same command goes on.`,
		Example: `  addonctl uninstall --cluster prod-7 --i-accept-no-network --confirm prod-7
  addonctl uninstall --cluster prod-7 --addon Calico --i-accept-no-network`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(c, a.cluster); err != nil {
				return err
			}
			s, err := a.connect(c.Context(), f.addOn)
			if err != nil {
				return err
			}
			return s.uninstall(c.Context(), f)
		},
	}
	a.addOnFlag(c, &f.addOn)
	c.Flags().BoolVar(&f.accept, "i-accept-no-network", false, "say that the cluster is left without a network")
	c.Flags().BoolVar(&f.force, "force", false, "go on although nodes have workloads")
	c.Flags().StringVar(&f.confirm, "confirm", "", "name of the cluster once more, where nobody can be asked")
	_ = c.RegisterFlagCompletionFunc("confirm", cobra.NoFileCompletions)
	return c
}

// check refuses everybody who has not said what they mean.
func (f uninstallFlags) check(c *cobra.Command, cluster string) error {
	switch {
	case !c.Flags().Changed("cluster"):
		return usage("add --cluster with the name of the cluster's record", "uninstall needs --cluster: no cluster is taken by default")
	case !f.accept:
		return usage("add --i-accept-no-network if that is what you mean", "uninstall leaves cluster %s without a network", cluster)
	case c.Flags().Changed("confirm") && f.confirm != cluster:
		return usage("give the same name twice, or leave --confirm out and be asked", "--confirm %q is not --cluster %q", f.confirm, cluster)
	}
	return nil
}

// uninstallReport is the result of `uninstall`.
type uninstallReport struct {
	Cluster string              `json:"cluster"`
	AddOn   string              `json:"addon"`
	Outcome reconcile.End       `json:"outcome"`
	Objects []plan.ObjectChange `json:"objects,omitempty"`
	// Event in kube-system that tells of it.
	Event string `json:"event,omitempty"`
}

func (r uninstallReport) name() string {
	return fmt.Sprintf("addon/%s.%s", r.Cluster, strings.ToLower(r.AddOn))
}

func (r uninstallReport) table(w io.Writer, _ bool) {
	columns(w, []string{"CLUSTER", "ADDON", "OUTCOME", "OBJECTS"}, []string{r.Cluster, r.AddOn, string(r.Outcome), fmt.Sprint(len(r.Objects))})
}

func (s *session) uninstall(ctx context.Context, f uninstallFlags) error {
	in, err := s.observer.Observe(ctx)
	if err != nil {
		return s.explain(ctx, err)
	}
	addOn, err := s.departing(in, f.addOn)
	if err != nil {
		return err
	}
	if !in.Installed.Present && in.Desired.AddOn == "" && len(in.Record.Revisions) == 0 {
		return s.print(uninstallReport{Cluster: s.cluster, AddOn: addOn.Name, Outcome: outcomeUnchanged})
	}
	if err := s.mayDepart(ctx, in, addOn, f.force); err != nil {
		return err
	}
	s.note(fmt.Sprintf("cluster %s (%s, %s): take %s off it, and leave its pods without what %s does",
		s.cluster, in.Cluster.NetworkType, plural(len(in.Nodes), "node", "nodes"), addOn.Name, addOn.Name))
	if err := s.confirmName(ctx, f.confirm); err != nil {
		return err
	}
	return s.remove(ctx, addOn)
}

// departing is the add-on that is meant.
func (s *session) departing(in plan.Input, named string) (catalog.AddOn, error) {
	addOn, ok := in.Catalog.ForNetworkType(in.Cluster.NetworkType)
	if named != "" {
		addOn, ok = in.Catalog.AddOn(named)
	}
	if in.Cluster.NetworkType == "" || !ok {
		return addOn, &exit{
			code: exitRefused, err: fmt.Errorf("cluster %s is not registered: what runs there is not ours to take away", s.cluster),
			hint: "addonctl status shows what is known",
		}
	}
	return addOn.In(in.Desired.Namespace), nil
}

// mayDepart refuses what must not go, or not yet.
func (s *session) mayDepart(ctx context.Context, in plan.Input, addOn catalog.AddOn, force bool) error {
	if in.Installed.Present && !in.Installed.Ours {
		return &exit{
			code: exitConflict, err: fmt.Errorf("%s runs on cluster %s and is not managed by addonctl; nothing was touched", addOn.Name, s.cluster),
			hint: "whoever put it there takes it away",
		}
	}
	if in.Cluster.Paused {
		return &exit{code: exitRefused, err: fmt.Errorf("cluster %s is paused: nothing is written to it", s.cluster), hint: "un-pause its ClusterNetwork first"}
	}
	if addOn.NetworkType != "" {
		others, err := s.besideIt(ctx, addOn)
		if err != nil {
			return err
		}
		if len(others) > 0 {
			return &exit{
				code: exitRefused, err: fmt.Errorf("%s stands beside %s, and goes first", others[0], addOn.Name),
				hint: fmt.Sprintf("addonctl uninstall --cluster %s --addon %s --i-accept-no-network", s.cluster, others[0]),
			}
		}
	}
	busy, err := s.workloads(ctx, addOn)
	if err != nil || len(busy) == 0 {
		return err
	}
	if force {
		s.note("forced, although these would lose their network: " + busyText(busy))
		return nil
	}
	return &exit{
		code: exitRefused, err: fmt.Errorf("refused while nodes have workloads: %s", busyText(busy)),
		hint: "drain the nodes first; --force takes their network away all the same",
	}
}

// besideIt are the add-ons of ours that run beside the CNI.
func (s *session) besideIt(ctx context.Context, addOn catalog.AddOn) ([]string, error) {
	list, err := s.client.Typed.AppsV1().DaemonSets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: kube.LabelAddOn})
	if err != nil {
		return nil, fmt.Errorf("listing add-ons: %w", err)
	}
	var out []string
	for i := range list.Items {
		if name := list.Items[i].Labels[kube.LabelAddOn]; name != addOn.Name && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// workloads counts, for each node, the pods that a network is for: those that have not ended, have an address of their own, and
// are not a node's or the add-on's.
func (s *session) workloads(ctx context.Context, addOn catalog.AddOn) (map[string]int, error) {
	out := map[string]int{}
	for next := ""; ; {
		list, err := s.client.Typed.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{Limit: 500, Continue: next})
		if err != nil {
			return nil, fmt.Errorf("listing pods: %w", err)
		}
		for i := range list.Items {
			if p := &list.Items[i]; needsNetwork(p) && p.Labels["k8s-app"] != ownController(addOn) {
				out[p.Spec.NodeName]++
			}
		}
		if next = list.Continue; next == "" {
			return out, nil
		}
	}
}

// ownController is the label k8s-app of an add-on's own pods that have an address.
func ownController(addOn catalog.AddOn) string { return addOn.Release + "-kube-controllers" }

func needsNetwork(p *corev1.Pod) bool {
	_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
	owner := metav1.GetControllerOf(p)
	ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	return p.Spec.NodeName != "" && !p.Spec.HostNetwork && !mirror && !ended && (owner == nil || owner.Kind != "DaemonSet")
}

// busyText names at most five nodes.
func busyText(busy map[string]int) string {
	const most = 5
	var nodes []string
	pods := 0
	for node, n := range busy {
		nodes = append(nodes, node)
		pods += n
	}
	slices.Sort(nodes)
	var out []string
	for _, node := range nodes[:min(len(nodes), most)] {
		out = append(out, fmt.Sprintf("%s (%d)", node, busy[node]))
	}
	if len(nodes) > most {
		out = append(out, fmt.Sprintf("%d more", len(nodes)-most))
	}
	return fmt.Sprintf("%s on %s: %s", plural(pods, "pod", "pods"), plural(len(nodes), "node", "nodes"), strings.Join(out, ", "))
}

// confirmName asks for the cluster's name once more, unless it was given.
func (s *session) confirmName(ctx context.Context, given string) error {
	if given == s.cluster {
		return nil
	}
	if !s.terminal() {
		return usage("add --confirm "+s.cluster+" if that is what you mean", "this would leave cluster %s without a network, and there is no terminal to ask on", s.cluster)
	}
	return s.question(ctx, "Type the name of the cluster to go on: ", func(name string) bool { return name == s.cluster })
}

// remove takes the cluster over, breaks the glass, takes the add-on away and then its record. The guard stays in place all the
// while: it protects what is left, such as another add-on and the stamp.
func (s *session) remove(ctx context.Context, addOn catalog.AddOn) error {
	end, err := s.seat.Begin(ctx, nil)
	defer end()
	if err != nil {
		return err
	}
	g, err := s.glass(ctx, "addonctl uninstall of "+addOn.Name+" from cluster "+s.cluster, guard.Shortest)
	if err != nil {
		return err
	}
	breaker, err := s.client.As(g.Token)
	if err == nil {
		err = drive.Allowed(ctx, breaker, guard.BreakGlassAccount, breakingRights)
	}
	if err != nil {
		return fmt.Errorf("breaking the glass: %w", err)
	}
	gone, err := s.engine.Remove(ctx, addOn, breaker)
	r := uninstallReport{Cluster: s.cluster, AddOn: addOn.Name, Outcome: outcomeUninstalled, Objects: gone, Event: g.Event}
	if err == nil {
		err = s.hub.RemoveAddon(ctx, s.cluster, addOn.Name)
	}
	if err != nil {
		r.Outcome = outcomeFailed
		if e := s.print(r); e != nil {
			return e
		}
		return left(err, "the same command goes on from here")
	}
	return s.print(r)
}

// breakingRights tell whether the rights of the break-glass' account are bound to it.
var breakingRights = []kube.Right{{Verb: "delete", Group: "apps", Resource: "daemonsets", Namespace: metav1.NamespaceSystem}}
