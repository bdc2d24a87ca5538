package observe

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/version"
)

// firstCall is how long the first call to an API server may take before the server counts as unreachable.
const firstCall = 8 * time.Second

// Observer looks at one cluster. One goroutine may use it at a time.
type Observer struct {
	// Cluster is the name of its record.
	Cluster string
	// Target is the cluster itself.
	Target *kube.Client
	// Hub holds the records.
	Hub *hub.Hub
	// Catalog of add-ons.
	Catalog *catalog.Catalog
	// Now is the clock used when the server's cannot be read.
	Now func() time.Time
	// AddOn to look at, by its name in the catalog; empty means the CNI add-on of the network type.
	AddOn string
	// NetworkType to look for when the cluster is not registered yet; empty means the recorded one.
	NetworkType catalog.NetworkType
	// Watching is the client that follows nodes and pods between looks; nil takes Target.
	Watching *kube.Client

	// last is what the nodes of the last look were made of, and watch what follows them since; nil where there is none.
	last  *looked
	watch *watching
	hand  hand
}

// Observe reads everything that a plan depends on, except Request and Change.
func (o *Observer) Observe(ctx context.Context) (plan.Input, error) {
	in := plan.Input{Catalog: o.Catalog, AddOn: o.AddOn, Cluster: plan.Cluster{Name: o.Cluster}}
	for _, look := range []func(context.Context, *plan.Input) error{
		o.server, o.identity, o.guard, o.stamp, o.records, o.addOn, o.facts, o.besides,
	} {
		if err := look(ctx, &in); err != nil {
			return plan.Input{}, fmt.Errorf("looking at cluster %s: %w", o.Cluster, err)
		}
	}
	return in, nil
}

func (o *Observer) server(ctx context.Context, in *plan.Input) error {
	var err error
	if in.Cluster.Kubernetes, err = o.kubernetes(ctx); err != nil {
		return err
	}
	_, in.Now, err = WhoAmI(ctx, o.Target)
	if kube.Unreachable(err) {
		return err
	}
	if err != nil || in.Now.IsZero() {
		in.Now = o.Now() // Kubernetes before 1.28 cannot say; our own clock has to do
	}
	o.hand.set(in.Now)
	return ctx.Err()
}

// How often, and after what pause, an API server is asked who we are that fails to answer now and then, or does not within a time. A pin without a
// name stays one.
const (
	asked        = 3
	askedAfter   = 200 * time.Millisecond
	answerWithin = 10 * time.Second
)

// WhoAmI asks the API server for our user's name and for its own clock, which is the one to compare its timestamps with. A server that fails to
// answer is asked again; one that cannot say it, as before Kubernetes 1.28, or may not, is not.
func WhoAmI(ctx context.Context, c *kube.Client) (user string, now time.Time, err error) {
	for tried := 1; ; tried++ {
		within, cancel := context.WithTimeout(ctx, answerWithin)
		r, err := c.Typed.AuthenticationV1().SelfSubjectReviews().Create(within, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		cancel()
		switch {
		case err == nil:
			return r.Status.UserInfo.Username, r.CreationTimestamp.Time, nil
		case tried == asked, apierrors.IsNotFound(err), apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			return "", time.Time{}, fmt.Errorf("asking who we are: %w", err)
		}
		select {
		case <-ctx.Done():
			return "", time.Time{}, fmt.Errorf("asking who we are: %w", err)
		case <-time.After(askedAfter):
		}
	}
}

func (o *Observer) identity(ctx context.Context, in *plan.Input) error {
	ns, err := o.system(ctx)
	if err != nil {
		return err
	}
	in.Cluster.UID = string(ns.UID)
	return nil
}

// TypeFacts are what a rule chooses the network type of the cluster by. They are asked for by themselves: which add-on is looked at depends on
// the type.
func (o *Observer) TypeFacts(ctx context.Context) (f plan.TypeFacts, err error) {
	if f.Kubernetes, err = o.kubernetes(ctx); err != nil {
		return f, err
	}
	ns, err := o.system(ctx)
	if err != nil {
		return f, err
	}
	f.Created = ns.CreationTimestamp.Time
	return f, nil
}

// kubernetes is the API server's version.
func (o *Observer) kubernetes(ctx context.Context) (version.Version, error) {
	text, err := o.Target.Version(ctx, firstCall)
	if err != nil {
		return version.Version{}, err
	}
	v, err := version.Parse(text)
	if err != nil {
		return v, fmt.Errorf("reading the API server's version: %w", err)
	}
	return v, nil
}

// system is the namespace that is as old as the cluster, and whose UID is the cluster's.
func (o *Observer) system(ctx context.Context) (*corev1.Namespace, error) {
	ns, err := o.Target.Typed.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading namespace kube-system: %w", err)
	}
	return ns, nil
}

func (o *Observer) records(ctx context.Context, in *plan.Input) error {
	c, err := o.Hub.Cluster(ctx, o.Cluster)
	if err != nil {
		return err
	}
	if c != nil {
		in.Cluster.NetworkType = catalog.NetworkType(c.Spec.NetworkType)
		in.Cluster.PodCIDRs = c.Spec.PodCIDRs
		for _, f := range c.Spec.IPFamilies {
			in.Cluster.IPFamilies = append(in.Cluster.IPFamilies, string(f))
		}
		in.Cluster.Paused = c.Spec.Paused
	}
	addOn, ok := o.lookedAt(in)
	if !ok {
		return nil
	}
	a, err := o.Hub.Addon(ctx, o.Cluster, addOn.Name)
	if err != nil || a == nil {
		return err
	}
	in.Held, in.Cluster.Driver = hub.Held(a.Status), plan.Driver(a.Spec.Driver)
	in.Desired, err = hub.Desired(a.Spec)
	return err
}

// networkType whose add-on is looked at: the recorded one, else the stamped one, else the one asked for. So a cluster whose
// record was deleted is still seen as what it is.
func (o *Observer) networkType(in *plan.Input) catalog.NetworkType {
	if in.Cluster.NetworkType != "" {
		return in.Cluster.NetworkType
	}
	if s := in.Cluster.Stamp; s != nil && s.UID == in.Cluster.UID {
		return s.NetworkType
	}
	return o.NetworkType
}

// lookedAt is the add-on that is looked at; false when the catalog has none.
func (o *Observer) lookedAt(in *plan.Input) (catalog.AddOn, bool) {
	a, ok := o.Catalog.ForNetworkType(o.networkType(in))
	if o.AddOn != "" {
		a, ok = o.Catalog.AddOn(o.AddOn)
	}
	return a.In(in.Desired.Namespace), ok
}

func (o *Observer) stamp(ctx context.Context, in *plan.Input) error {
	s, err := hub.ReadStamp(ctx, o.Target)
	if err != nil || s == nil {
		return err
	}
	in.Cluster.Stamp = &plan.Stamp{NetworkType: catalog.NetworkType(s.NetworkType), UID: s.UID, Cluster: s.Cluster}
	return nil
}

// addOn reads what is live of the add-on, and the nodes.
func (o *Observer) addOn(ctx context.Context, in *plan.Input) error {
	addOn, known := o.lookedAt(in)
	if err := o.workloads(ctx, in, addOn); err != nil {
		return err
	}
	if !known {
		return o.nodes(ctx, in, nil, addOn)
	}
	var err error
	if in.Record, err = o.revisions(ctx, addOn); err != nil {
		return err
	}
	return o.live(ctx, in, addOn)
}

func (o *Observer) revisions(ctx context.Context, addOn catalog.AddOn) (out plan.Record, err error) {
	rs, err := record.Open(o.Target, addOn.Workload.Namespace, addOn.Release, o.Now).Revisions(ctx)
	if err != nil {
		return out, err
	}
	for _, r := range rs {
		out.Revisions = append(out.Revisions, plan.Revision{
			Number: r.Number, Version: r.Version, Status: plan.Status(r.Status), Digest: r.Digest, Updated: r.Updated, Description: r.Description,
			By: r.By, Settings: plan.ParseSettings(r.Settings),
		})
	}
	return out, nil
}
