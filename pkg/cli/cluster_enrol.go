package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// enrolFlags are those of `cluster register NAME`.
type enrolFlags struct {
	file, namespace string
	labels          []string
}

func (f *enrolFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "kubeconfig-file", "", "kubeconfig of the cluster NAME, whose current context is taken; what it names by files goes along")
	c.Flags().StringVar(&f.namespace, "kubeconfig-namespace", "addonctl-system", "namespace of the hub for the Secret NAME-kubeconfig")
	c.Flags().StringSliceVar(&f.labels, "label", nil, "label KEY=VALUE of the cluster NAME, for policies and their waves; may be repeated")
	_ = c.MarkFlagFilename("kubeconfig-file")
	_ = c.RegisterFlagCompletionFunc("kubeconfig-namespace", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("label", cobra.NoFileCompletions)
}

// enrolReport is the result of `cluster register NAME` and `cluster unregister NAME`.
type enrolReport struct {
	Cluster     string               `json:"cluster"`
	NetworkType v1alpha1.NetworkType `json:"networkType,omitempty"`
	Labels      map[string]string    `json:"labels,omitempty"`
	// AddOns with the versions that run there.
	AddOns  []clusterAddOn `json:"addons,omitempty"`
	Deleted []string       `json:"deleted,omitempty"`
	// Outcome is Registered, Unregistered or Unchanged.
	Outcome string `json:"outcome"`
}

func (r enrolReport) name() string { return "clusternetwork/" + r.Cluster }

func (r enrolReport) table(w io.Writer, _ bool) {
	columns(w, []string{"CLUSTER", "NETWORK TYPE", "LABELS", "OUTCOME"}, []string{r.Cluster, dash(string(r.NetworkType)), labelText(r.Labels), r.Outcome})
	for _, d := range r.Deleted {
		fmt.Fprintf(w, "deleted %s\n", d)
	}
}

// enrol registers another cluster in the hub.
func (a *app) enrol(c *cobra.Command, name string, r plan.Request, f enrolFlags, yes bool) error {
	ctx := c.Context()
	given, err := f.check(name)
	if err != nil {
		return err
	}
	s, kubeconfig, err := a.reach(ctx, name, f.file)
	if err != nil {
		return err
	}
	in, p, err := s.look(ctx, r)
	if err != nil {
		return err
	}
	if len(p.Blocking()) > 0 {
		s.tell(p)
		return refusal(p)
	}
	e := hub.Enrolment{
		Kubeconfig: kubeconfig,
		Stamp:      hub.Stamp{NetworkType: v1alpha1.NetworkType(p.NetworkType), UID: in.Cluster.UID, Cluster: name},
		Network: v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: given, Annotations: hub.RuleOf(in.Request.TypeRule)}, Spec: v1alpha1.ClusterNetworkSpec{
			NetworkType: v1alpha1.NetworkType(p.NetworkType), PodCIDRs: r.PodCIDRs,
			Connection: &v1alpha1.Connection{KubeconfigSecret: v1alpha1.SecretReference{Namespace: f.namespace, Name: name + "-kubeconfig"}},
		}},
	}
	if err := s.sameName(ctx, name, f.file); err != nil {
		return err
	}
	if err := s.nobodyElses(ctx, name); err != nil {
		return err
	}
	if _, err := e.Inherit(ctx, hub.New(s.client), p.AddOn); err != nil {
		return err
	}
	s.note(fmt.Sprintf("cluster %s (%s, Kubernetes %s): register it in this hub, reached by Secret %s/%s", name, p.NetworkType, in.Cluster.Kubernetes.Core(), f.namespace, name+"-kubeconfig"))
	if err := s.agree(ctx, "what the hub knows of cluster "+name, yes); err != nil {
		return err
	}
	changed, err := s.hub.Enrol(ctx, s.client, e)
	if err != nil {
		return err
	}
	return a.print(enrolled(e, p.AddOn, in.Installed.Version, changed))
}

// sameName refuses a second name for a cluster.
func (s *session) sameName(ctx context.Context, name, file string) error {
	stamp, err := hub.ReadStamp(ctx, s.client)
	if err != nil || stamp == nil || stamp.Cluster == name {
		return err
	}
	return &exit{
		code: exitRefused, hint: "addonctl cluster register " + stamp.Cluster + " --kubeconfig-file " + file,
		err: fmt.Errorf("the cluster is registered as %s, and stays so: a second name would be a way around its pins", stamp.Cluster),
	}
}

// nobodyElses refuses to register a cluster that a Cluster of Cluster API keeps recorded: its kubeconfig would be replaced, and the record still go
// with that Cluster.
func (s *session) nobodyElses(ctx context.Context, name string) error {
	n, err := s.hub.Cluster(ctx, name)
	if err != nil || n == nil || n.Annotations[v1alpha1.AnnotationClusterAPI] == "" {
		return err
	}
	return &exit{
		code: exitRefused,
		hint: "its labels and its kubeconfig are the Cluster's; to keep it by hand, take " + v1alpha1.AnnotationNetworkType + " off that and run addonctl cluster unregister " + name,
		err:  fmt.Errorf("cluster %s was picked up from Cluster %s of Cluster API, and goes with it", name, n.Annotations[v1alpha1.AnnotationClusterAPI]),
	}
}

// enrolled is the report of a registration.
func enrolled(e hub.Enrolment, cni, version string, changed bool) enrolReport {
	out := enrolReport{Cluster: e.Network.Name, NetworkType: e.Network.Spec.NetworkType, Labels: e.Network.Labels, Outcome: "Unchanged"}
	if changed {
		out.Outcome = "Registered"
	}
	for _, spec := range e.Addons {
		one := clusterAddOn{AddOn: spec.Addon, Pinned: spec.Version}
		if spec.Addon == cni {
			one.Installed = version
		}
		out.AddOns = append(out.AddOns, one)
	}
	return out
}

// check reads the labels, and refuses what is no name.
func (f *enrolFlags) check(name string) (labels.Set, error) {
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 || name == v1alpha1.InCluster {
		return nil, usage("give the cluster a name such as prod-7", "%q is no name for another cluster of this hub %s", name, strings.Join(problems, "; "))
	}
	if problems := validation.IsDNS1123Label(f.namespace); len(problems) > 0 {
		return nil, usage("give a namespace such as addonctl-system", "--kubeconfig-namespace %q: %s", f.namespace, problems[0])
	}
	out, err := labels.ConvertSelectorToLabelsMap(strings.Join(f.labels, ","))
	if err != nil {
		return nil, usage("give labels such as env=prod", "--label: %w", err)
	}
	return out, nil
}

// reach connects to another cluster, with the records in the hub.
func (a *app) reach(ctx context.Context, name, file string) (*session, []byte, error) {
	const hint = "give a kubeconfig whose current context is the cluster, with a token or certificate in it"
	data, err := kube.Portable(file)
	if err != nil {
		return nil, nil, usage(hint, "reading --kubeconfig-file %q: %w", file, err)
	}
	cfg, err := kube.FromKubeconfig(data)
	if err != nil {
		return nil, nil, usage(hint, "reading --kubeconfig-file %q: %w", file, err)
	}
	target, err := kube.New(cfg)
	if err != nil {
		return nil, nil, usage(hint, "%w", err)
	}
	c, err := a.catalog()
	if err != nil {
		return nil, nil, err
	}
	folder, err := a.chartFolder(ctx)
	if err != nil {
		return nil, nil, err
	}
	f, err := a.fleet(a.note)
	if err != nil {
		return nil, nil, err
	}
	s := a.sit(drive.Place{Cluster: name, Target: target, Hub: f.home, Catalog: c, Charts: folder, By: drivenBy})
	s.seat.Note = a.note
	return s, data, s.asAccount(ctx)
}

func (a *app) unregisterCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "unregister NAME",
		Short: "Take the records of another cluster out of this hub; the cluster itself is not touched",
		Long: `Deletes the ClusterNetwork and the Addons of the cluster from this hub, and the Secret with its kubeconfig where cluster register made it. The
cluster is not asked: its CNI runs on as it does, and its stamp and its own records stay, so it can be registered again under its name.
A cluster that is its own hub is not unregistered: its network type is for life.`,
		Example: `  addonctl cluster unregister prod-7 --yes`,
		Args:    arguments(1, "NAME"), PreRunE: a.checkOutput, ValidArgsFunction: a.completeCluster,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.fleet(a.note)
			if err != nil {
				return err
			}
			n, err := s.hub.Cluster(c.Context(), args[0])
			if err != nil {
				return err
			}
			out := enrolReport{Cluster: args[0], Outcome: "Unregistered"}
			if n != nil {
				if n.Spec.Connection == nil {
					return &exit{code: exitRefused, err: fmt.Errorf("cluster %s is its own hub: its network type is for life", n.Name), hint: "addonctl uninstall takes an add-on off a cluster"}
				}
				out.NetworkType, out.Labels = n.Spec.NetworkType, n.Labels
				if of := n.Annotations[v1alpha1.AnnotationClusterAPI]; of != "" {
					s.note(fmt.Sprintf("it was picked up from Cluster %s of Cluster API, and is again as long as that has the annotation %s", of, v1alpha1.AnnotationNetworkType))
				}
			}
			s.note(fmt.Sprintf("cluster %s: take its records out of this hub; the cluster is not touched", args[0]))
			if err := s.agree(c.Context(), "what the hub knows of cluster "+args[0], yes); err != nil {
				return err
			}
			if out.Deleted, err = s.hub.Forget(c.Context(), args[0]); err != nil {
				return err
			}
			if len(out.Deleted) == 0 {
				out.Outcome = "Unchanged"
				s.note("nothing is recorded of it")
			}
			return a.print(out)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "act without asking")
	return c
}

// completeCluster offers the clusters of the hub.
func (a *app) completeCluster(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completing(c, func(ctx context.Context, s *session) ([]string, error) {
		all, err := s.hub.Clusters(ctx, "")
		var out []string
		for _, n := range all {
			if n.Spec.Connection != nil && strings.HasPrefix(n.Name, prefix) {
				out = append(out, n.Name)
			}
		}
		return out, err
	})
}
