package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/controller"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// enroller records clusters that Cluster API made, as addonctl cluster register does.
type enroller struct {
	*sites
	// namespace of the manager, with its ServiceAccount.
	namespace string
}

// Enrol looks at a cluster first: what runs there and its stamp have to agree with the record, or there is none.
func (e *enroller) Enrol(ctx context.Context, n *v1alpha1.ClusterNetwork, version string) error {
	target, err := e.client(ctx, n)
	if err != nil {
		return e.explain(n, err)
	}
	seat := drive.New(drive.Place{Cluster: n.Name, Target: target, Hub: e.hub, Catalog: e.catalogs.Current(), Charts: e.charts, By: e.by})
	seat.Adjust = func(in *plan.Input) {
		for _, f := range n.Spec.IPFamilies {
			in.Cluster.IPFamilies = append(in.Cluster.IPFamilies, string(f))
		}
	}
	if err := seat.AsAccount(ctx); err != nil {
		return e.explain(n, err)
	}
	if acting := seat.Acting(); acting != nil {
		seat.Observer.Target, target = acting, acting
	}
	t := catalog.NetworkType(n.Spec.NetworkType)
	seat.Observer.NetworkType = t
	in, p, err := seat.Loop.LookWith(ctx, plan.Request{Verb: plan.Register, NetworkType: t, PodCIDRs: n.Spec.PodCIDRs})
	if err != nil {
		return e.explain(n, err)
	}
	if blocking := p.Blocking(); len(blocking) > 0 {
		return refusal(blocking[0])
	}
	record := hub.Enrolment{Network: *n, Marks: marks(n), Stamp: hub.Stamp{NetworkType: n.Spec.NetworkType, UID: in.Cluster.UID, Cluster: n.Name}}
	recorded, err := record.Inherit(ctx, hub.New(target), p.AddOn)
	if err != nil {
		return err
	}
	if version != "" && !recorded {
		pin(&record, p.AddOn, version)
	}
	err = hub.New(e.hub).PickUp(ctx, target, record, func(a *v1alpha1.Addon) bool {
		return a.Annotations[v1alpha1.AnnotationClusterAPIUID] == n.Annotations[v1alpha1.AnnotationClusterAPIUID]
	})
	if errors.Is(err, hub.ErrRecorded) {
		return &controller.RefusalError{Reason: controller.RegisteredByHand, Note: fmt.Sprintf(
			"Addons of a cluster %s are recorded, and were not made for this Cluster: addonctl cluster unregister %s takes them away", n.Name, n.Name)}
	}
	return err
}

// marks are the annotations by which a record is known as that of its Cluster.
func marks(n *v1alpha1.ClusterNetwork) map[string]string {
	out := map[string]string{}
	for _, key := range []string{v1alpha1.AnnotationClusterAPI, v1alpha1.AnnotationClusterAPIUID} {
		out[key] = n.Annotations[key]
	}
	return out
}

// pin pins the CNI of a cluster whose own records know nothing of it.
func pin(e *hub.Enrolment, cni, version string) {
	of := "Cluster " + e.Network.Annotations[v1alpha1.AnnotationClusterAPI]
	now := metav1.NewTime(time.Now())
	for i := range e.Addons {
		if a := &e.Addons[i]; a.Addon == cni {
			a.Version, a.Pin = version, &v1alpha1.Pin{Reason: "annotation " + v1alpha1.AnnotationVersion + " of " + of, By: of, At: &now}
		}
	}
}

// contradicts are the findings that say that a cluster is of another network type than its Cluster says, or that one cannot tell.
var contradicts = []plan.Reason{plan.NetworkTypeImmutable, plan.NetworkTypeUnproven, plan.OtherCNI}

// refusal is a finding that blocks.
func refusal(f plan.Finding) *controller.RefusalError {
	out := &controller.RefusalError{Reason: string(f.Reason), Note: "nothing is recorded, and nothing was written: " + f.Message}
	if slices.Contains(contradicts, f.Reason) {
		out.Reason = string(plan.NetworkTypeUnproven)
	}
	if f.Fix != "" {
		out.Note += "; " + f.Fix
	}
	return out
}

// explain says what an error means to whoever looks at the Cluster. One of the hub is not his.
func (e *enroller) explain(n *v1alpha1.ClusterNetwork, err error) error {
	ref := n.Spec.Connection.KubeconfigSecret
	secret := fmt.Sprintf("Secret %s/%s", ref.Namespace, ref.Name)
	about, ok := errors.AsType[*apierrors.StatusError](err)
	ofSecret := ok && about.ErrStatus.Details != nil && about.ErrStatus.Details.Kind == "secrets" && about.ErrStatus.Details.Name == ref.Name
	_, bad := errors.AsType[*hub.KubeconfigError](err)
	switch {
	case errors.Is(err, controller.ErrHub), errors.Is(err, context.Canceled):
		return err
	case ofSecret && apierrors.IsNotFound(err):
		return &controller.RefusalError{Reason: controller.PickUpWaits, Waits: true, Note: secret + " with its kubeconfig is not there yet"}
	case ofSecret && apierrors.IsForbidden(err):
		return &controller.RefusalError{Reason: controller.KubeconfigForbidden, Note: fmt.Sprintf("the manager may not read %s: "+
			"kubectl create rolebinding addon-manager --namespace %s --clusterrole addon-manager-kubeconfigs --serviceaccount %s:addon-manager", secret, ref.Namespace, e.namespace)}
	case kube.Unreachable(err):
		return &controller.RefusalError{Reason: controller.PickUpWaits, Waits: true, Note: "its API server does not answer yet"}
	case bad:
		return &controller.RefusalError{Reason: controller.KubeconfigBad, Note: err.Error()}
	default:
		return &controller.RefusalError{Reason: controller.PickUpFailed, Note: err.Error()}
	}
}
