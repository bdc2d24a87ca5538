package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// Fence writes the epoch of Target on all that an actor before may be about to write of an add-on: its release Secrets, the live
// objects of the recorded releases that pods may still run, and its configuration. Whatever that actor has read is stale then,
// and all that it reads from then on tells it to stop. It may be repeated. kube.ErrFenced when somebody took over meanwhile.
//
// What is not there cannot be marked. One create that is under way still may succeed, under the name that the next look finds it
// by; it never changes an object that is there.
func (e *Engine) Fence(ctx context.Context, addOn catalog.AddOn) error {
	if e.Target.Epoch <= 0 {
		return errors.New("fencing: the client writes in no tenure")
	}
	err := e.fence(ctx, addOn)
	if err != nil {
		return fmt.Errorf("fencing add-on %s with epoch %d: %w", addOn.Name, e.Target.Epoch, err)
	}
	return nil
}

func (e *Engine) fence(ctx context.Context, addOn catalog.AddOn) error {
	// The record first: an actor reads it before it begins anything.
	if err := e.fenceRecord(ctx, addOn); err != nil {
		return err
	}
	objects, err := e.atStake(ctx, addOn)
	if err != nil {
		return err
	}
	maps, err := e.configuration(ctx, addOn)
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, o := range slices.Concat(objects, maps) {
		if done[kube.Ref(o)] {
			continue
		}
		if err := e.markOurs(ctx, addOn, o); err != nil {
			return err
		}
		done[kube.Ref(o)] = true
	}
	return nil
}

// atStake are the objects that an actor before may be about to write. Where a release Secret cannot be read the workload stands for
// them: nobody writes anything of that release before the Secret is mended.
func (e *Engine) atStake(ctx context.Context, addOn catalog.AddOn) ([]*unstructured.Unstructured, error) {
	stored, err := record.Open(e.Target, addOn.Workload.Namespace, addOn.Release, e.Now).Revisions(ctx)
	if errors.Is(err, record.ErrUnreadable) {
		w := addOn.Workload
		return []*unstructured.Unstructured{reference("apps/v1", w.Kind, &metav1.ObjectMeta{Namespace: w.Namespace, Name: w.Name})}, nil
	}
	if err != nil {
		return nil, err
	}
	return mayRun(slices.DeleteFunc(stored, func(r record.Revision) bool { return r.By != "" }))
}

// markOurs marks an object that is there and ours; of kinds that we do not know, none is.
func (e *Engine) markOurs(ctx context.Context, addOn catalog.AddOn, o *unstructured.Unstructured) error {
	live, err := e.Target.Get(ctx, o)
	switch {
	case meta.IsNoMatchError(err):
		return nil
	case err != nil:
		return fmt.Errorf("reading %s: %w", kube.Ref(o), err)
	case live == nil || !kube.Ours(live, addOn.Name, addOn.Release, addOn.Workload.Namespace):
		return nil
	}
	return e.Target.MarkEpoch(ctx, o)
}

// fenceRecord marks the release Secrets until a look finds none without the mark: the actor before may add one meanwhile, and
// no more than that, for it reads them all before it adds another.
func (e *Engine) fenceRecord(ctx context.Context, addOn catalog.AddOn) error {
	secrets := e.Target.Typed.CoreV1().Secrets(addOn.Workload.Namespace)
	for range 3 {
		list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + addOn.Release})
		if err != nil {
			return fmt.Errorf("listing release Secrets: %w", err)
		}
		unmarked := slices.DeleteFunc(list.Items, func(s corev1.Secret) bool { return kube.EpochOf(&s) == e.Target.Epoch || !byUs(&s) })
		if len(unmarked) == 0 {
			return nil
		}
		for i := range unmarked {
			if err := e.Target.MarkEpoch(ctx, reference("v1", "Secret", &unmarked[i])); err != nil {
				return err
			}
		}
	}
	return errors.New("the release Secrets do not keep the mark, or become more and more")
}

// byUs tells whether we wrote a release Secret, or wrote to it.
func byUs(s *corev1.Secret) bool {
	return s.Labels[record.LabelRevision] != "" || slices.ContainsFunc(s.ManagedFields, func(f metav1.ManagedFieldsEntry) bool {
		return strings.HasPrefix(f.Manager, kube.FieldManager)
	})
}

// mayRun are the objects of the recorded releases that pods may still run: the newest deployed revision and all after it.
func mayRun(stored []record.Revision) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for _, r := range slices.Backward(stored) {
		objects, err := render.Parse(r.Manifest)
		if err != nil {
			return nil, fmt.Errorf("reading recorded revision %d: %w", r.Number, err)
		}
		out = append(out, objects...)
		if r.Status == string(plan.Deployed) {
			break
		}
	}
	return out, nil
}

// configuration are the ConfigMaps of the add-on, of whatever release: old ones are deleted once nobody reads them.
func (e *Engine) configuration(ctx context.Context, addOn catalog.AddOn) ([]*unstructured.Unstructured, error) {
	list, err := e.Target.Typed.CoreV1().ConfigMaps(addOn.Workload.Namespace).List(ctx, metav1.ListOptions{LabelSelector: kube.LabelAddOn + "=" + addOn.Name})
	if err != nil {
		return nil, fmt.Errorf("listing configuration: %w", err)
	}
	out := make([]*unstructured.Unstructured, 0, len(list.Items))
	for i := range list.Items {
		out = append(out, reference("v1", "ConfigMap", &list.Items[i]))
	}
	return out, nil
}

// reference is an object without its content.
func reference(apiVersion, kind string, o metav1.Object) *unstructured.Unstructured {
	out := &unstructured.Unstructured{}
	out.SetAPIVersion(apiVersion)
	out.SetKind(kind)
	out.SetNamespace(o.GetNamespace())
	out.SetName(o.GetName())
	return out
}
