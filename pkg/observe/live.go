package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// live reads the add-on's DaemonSet, its revisions and its pods, then the nodes.
func (o *Observer) live(ctx context.Context, in *plan.Input, addOn catalog.AddOn) error {
	d, err := o.daemonSet(ctx, addOn.Workload)
	if err != nil {
		return err
	}
	if d == nil {
		return o.nodes(ctx, in, nil, addOn)
	}
	in.Installed, in.Roll = installed(d, addOn), rollOf(d)
	if in.Installed.Lifted, err = o.lifted(ctx, addOn); err != nil {
		return err
	}
	if in.Installed.Network, err = o.network(ctx, d); err != nil {
		return err
	}
	if in.Installed.Newest, err = o.newestRevision(ctx, d); err != nil {
		return err
	}
	if err := o.nodes(ctx, in, d, addOn); err != nil {
		return err
	}
	in.Installed.MaxUnavailable = maxUnavailable(d)
	return nil
}

// daemonSet of an add-on; nil when there is none.
func (o *Observer) daemonSet(ctx context.Context, w catalog.Workload) (*appsv1.DaemonSet, error) {
	d, err := o.Target.Typed.AppsV1().DaemonSets(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	if err != nil {
		return nil, fmt.Errorf("reading DaemonSet %s/%s: %w", w.Namespace, w.Name, err)
	}
	return d, nil
}

func installed(d *appsv1.DaemonSet, addOn catalog.AddOn) plan.Installed {
	out := plan.Installed{
		Present:  true,
		Ours:     kube.Ours(d, addOn.Name, addOn.Release, addOn.Workload.Namespace),
		Digest:   d.Annotations[kube.AnnotationDigest],
		Observed: d.Status.ObservedGeneration >= d.Generation,
		OnDelete: d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
	}
	out.Revision, _ = strconv.Atoi(d.Annotations[kube.AnnotationRevision]) // one that cannot be read is none
	if c := container(d.Spec.Template.Spec.Containers, addOn.Workload.Container); c != nil {
		out.Version = imageVersion(c.Image)
	}
	return out
}

// rollOf is what the roll of a DaemonSet's nodes remembers. What cannot be read is nothing: the roll begins anew then, with the nodes
// that are changed already.
func rollOf(d *appsv1.DaemonSet) noderoll.Record {
	var out noderoll.Record
	if json.Unmarshal([]byte(d.Annotations[kube.AnnotationRoll]), &out) != nil {
		return noderoll.Record{}
	}
	return out
}

// network reads the address blocks of the configuration that the DaemonSet's template mounts; nil when there is none.
func (o *Observer) network(ctx context.Context, d *appsv1.DaemonSet) ([]string, error) {
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		m, err := o.Target.Typed.CoreV1().ConfigMaps(d.Namespace).Get(ctx, v.ConfigMap.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", d.Namespace, v.ConfigMap.Name, err)
		}
		var conf struct{ Network, IPv6Network string }
		if json.Unmarshal([]byte(m.Data["net-conf.json"]), &conf) != nil {
			continue // not flannel's, or somebody's mistake that the pods will tell of
		}
		return slices.DeleteFunc([]string{conf.Network, conf.IPv6Network}, func(s string) bool { return s == "" }), nil
	}
	return nil, nil
}

func container(cs []corev1.Container, name string) *corev1.Container {
	for i := range cs {
		if cs[i].Name == name {
			return &cs[i]
		}
	}
	return nil
}

// maxUnavailable is the number of nodes that a rolling update may take down at once, by the DaemonSet controller's own
// arithmetic: a percentage is rounded up. Under OnDelete it is 0: nothing is taken down by itself.
func maxUnavailable(d *appsv1.DaemonSet) int {
	s := d.Spec.UpdateStrategy
	if s.Type != appsv1.RollingUpdateDaemonSetStrategyType || s.RollingUpdate == nil {
		return 0
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(s.RollingUpdate.MaxUnavailable, int(d.Status.DesiredNumberScheduled), true)
	if err != nil {
		return 0
	}
	return n
}

// newestRevision is the hash of the newest ControllerRevision of a DaemonSet.
func (o *Observer) newestRevision(ctx context.Context, d *appsv1.DaemonSet) (string, error) {
	list, err := o.Target.Typed.AppsV1().ControllerRevisions(d.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector),
	})
	if err != nil {
		return "", fmt.Errorf("listing the ControllerRevisions of DaemonSet %s: %w", d.Name, err)
	}
	var newest *appsv1.ControllerRevision
	for i := range list.Items {
		r := &list.Items[i]
		if ownedBy(r.OwnerReferences, d.UID) && (newest == nil || r.Revision > newest.Revision) {
			newest = r
		}
	}
	if newest == nil {
		return "", nil
	}
	return newest.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], nil
}

func ownedBy(refs []metav1.OwnerReference, uid types.UID) bool {
	for _, r := range refs {
		if r.UID == uid && r.Controller != nil && *r.Controller {
			return true
		}
	}
	return false
}
