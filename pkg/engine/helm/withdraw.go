package helm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// ErrNoWayPast says that a release's own guard of its pods can neither be lifted nor taken away and put back.
var ErrNoWayPast = errors.New("no node can be changed behind it; give the rights, take away what is in the way, or use --nodes replace")

// outOfReach tells whether lifting a guard failed in a way that taking it away may not: somebody refuses the change, or sets it back again
// and again.
func outOfReach(err error) bool {
	return denied(err) || apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsConflict(err)
}

// withdraw deletes the guard's binding, which is for where it cannot be lifted, or lifting it does not help. All of it is stored before,
// so that whoever comes next puts it back; a guard that nobody could put back stays.
func (j *job) withdraw(ctx context.Context, because error) error {
	missing, err := j.Target.Missing(ctx, withdrawRights())
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s cannot be lifted (%w), and to take it away and put it back rights are missing: %v: %w", guardRef, because, missing, ErrNoWayPast)
	}
	for tried := 1; ; tried++ {
		b, err := j.bindings().Get(ctx, kube.PodGuardBinding, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = kube.Fenced(b, j.Target.Epoch)
		}
		if err == nil {
			err = j.copyGuard(ctx, b)
		}
		if err != nil {
			return err
		}
		err = j.bindings().Delete(ctx, b.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &b.UID, ResourceVersion: &b.ResourceVersion}})
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return nil
		case !apierrors.IsConflict(err):
			return fmt.Errorf("%s cannot be lifted (%w), nor taken away: %w: %w", guardRef, because, err, ErrNoWayPast)
		case tried == markings:
			return err
		}
	}
}

// withdrawRights are those that taking a guard away and putting it back needs, beside those of every change of nodes.
func withdrawRights() []kube.Right {
	const group, bindings = "admissionregistration.k8s.io", "validatingadmissionpolicybindings"
	ns := metav1.NamespaceSystem
	return []kube.Right{
		{Verb: "create", Group: group, Resource: bindings},
		{Verb: "delete", Group: group, Resource: bindings, Name: kube.PodGuardBinding},
		{Verb: "create", Resource: "configmaps", Namespace: ns},
		{Verb: "update", Resource: "configmaps", Namespace: ns, Name: kube.PodGuardCopy},
		{Verb: "delete", Resource: "configmaps", Namespace: ns, Name: kube.PodGuardCopy},
	}
}

// copyGuard stores what has to be put back of a binding: its labels, annotations and spec, with the actions that it has by rights.
func (j *job) copyGuard(ctx context.Context, b *admissionv1.ValidatingAdmissionPolicyBinding) error {
	text, err := json.Marshal(byRights(b))
	if err != nil {
		return fmt.Errorf("encoding %s: %w", guardRef, err)
	}
	live, err := j.copies().Get(ctx, kube.PodGuardCopy, metav1.GetOptions{})
	if err == nil {
		err = kube.Fenced(live, j.Target.Epoch)
	}
	switch {
	case err == nil:
		live.Data = map[string]string{kube.PodGuardBinding: string(text)}
		_, err = j.copies().Update(ctx, live, metav1.UpdateOptions{FieldManager: kube.RollManager})
	case apierrors.IsNotFound(err):
		_, err = j.copies().Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name:        kube.PodGuardCopy,
				Labels:      map[string]string{kube.LabelManagedBy: kube.FieldManager, kube.LabelAddOn: j.addOn.Name},
				Annotations: map[string]string{kube.AnnotationReleaseName: j.addOn.Release, kube.AnnotationReleaseNS: j.addOn.Workload.Namespace},
			},
			Data: map[string]string{kube.PodGuardBinding: string(text)},
		}, metav1.CreateOptions{FieldManager: kube.RollManager})
	}
	if err != nil {
		return fmt.Errorf("keeping a copy of %s: %w", guardRef, err)
	}
	return nil
}

// byRights is a binding as it is to be made again.
func byRights(b *admissionv1.ValidatingAdmissionPolicyBinding) *admissionv1.ValidatingAdmissionPolicyBinding {
	out := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: b.Name, Labels: b.Labels, Annotations: maps.Clone(b.Annotations)}, Spec: *b.Spec.DeepCopy(),
	}
	if kept, ok := b.Annotations[kube.AnnotationActions]; ok {
		delete(out.Annotations, kube.AnnotationActions)
		out.Spec.ValidationActions = rightful(b.Spec.ValidationActions, kept)
	}
	return out
}

// putBack makes a binding anew that was taken away, and then drops its copy. One that somebody else has made meanwhile stays as it is. It
// does nothing where there is no copy.
func (e *Engine) putBack(ctx context.Context) error {
	m, err := e.copies().Get(ctx, kube.PodGuardCopy, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the copy of %s: %w", guardRef, err)
	}
	_, err = e.bindings().Get(ctx, kube.PodGuardBinding, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		var b admissionv1.ValidatingAdmissionPolicyBinding
		if err := json.Unmarshal([]byte(m.Data[kube.PodGuardBinding]), &b); err != nil || b.Name != kube.PodGuardBinding {
			return fmt.Errorf("ConfigMap %s/%s holds no copy of %s: make that anew by hand, then delete the ConfigMap", m.Namespace, m.Name, guardRef)
		}
		_, err = e.bindings().Create(ctx, &b, metav1.CreateOptions{FieldManager: kube.FieldManager})
	}
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("putting %s back: %w", guardRef, err)
	}
	err = e.copies().Delete(ctx, m.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &m.UID, ResourceVersion: &m.ResourceVersion}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("dropping the copy of %s: %w", guardRef, err)
	}
	return nil
}
