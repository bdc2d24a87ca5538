package helm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedadmission "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// ErrLifted says that a release's own guard of its pods could not be restored.
var ErrLifted = errors.New("it is still lifted: nothing keeps the pods of the CNI from being deleted; run the same command again, or set its validationActions back")

const (
	patience = 30 * time.Second
	// askEvery is the pause between two questions to the guard.
	askEvery = 100 * time.Millisecond
)

// noDenial are the actions of a guard that is lifted.
var noDenial = []admissionv1.ValidationAction{admissionv1.Audit}

// guardRef names the binding of the guard in messages.
const guardRef = "ValidatingAdmissionPolicyBinding " + kube.PodGuardBinding

// hasGuard tells whether releases of the add-on have a guard of their own pods.
func (j *job) hasGuard() bool { return j.addOn.NetworkType == catalog.OCIVCNIPNative }

func (e *Engine) patience() time.Duration { return cmp.Or(e.Patience, patience) }

// denied tells whether an error is the guard's answer. Its reason is whatever the policy says, and Invalid where it says none.
func denied(err error) bool {
	var answer apierrors.APIStatus
	return errors.As(err, &answer) && strings.Contains(answer.Status().Message, "with binding '"+kube.PodGuardBinding+"' denied request")
}

// tryDelete asks whether a pod could be deleted.
func (e *Engine) tryDelete(ctx context.Context, p *corev1.Pod) error {
	err := e.Target.Typed.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{
		DryRun: []string{metav1.DryRunAll}, Preconditions: &metav1.Preconditions{UID: &p.UID},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // nobody denies it
	}
	return err
}

// letGo makes sure that the guard lets a pod be deleted: it is lifted, and taken away where that cannot be done or does not help. lifted tells
// whether it has to be restored, also beside an error.
func (j *job) letGo(ctx context.Context, p *corev1.Pod) (lifted bool, err error) {
	if err = j.tryDelete(ctx, p); !denied(err) {
		return false, err
	}
	err = j.lift(ctx)
	if err == nil {
		err = j.gone(ctx, p)
	}
	if err == nil || ctx.Err() != nil || !outOfReach(err) {
		return true, because("lifting", err)
	}
	if err = j.withdraw(ctx, err); err == nil {
		err = j.gone(ctx, p)
	}
	return true, because("taking away", err)
}

func because(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", doing, guardRef, err)
}

// gone waits until the guard lets a pod go; the error of one that goes on denying is its answer.
func (j *job) gone(ctx context.Context, p *corev1.Pod) error {
	var answer error
	err := j.until(ctx, func(ctx context.Context) (bool, error) {
		err := j.tryDelete(ctx, p)
		if denied(err) {
			answer = err
			return false, nil
		}
		return true, err
	})
	if errors.Is(err, context.DeadlineExceeded) && answer != nil && ctx.Err() == nil {
		return fmt.Errorf("it goes on denying for %s: %w", j.patience(), answer)
	}
	return err
}

// bindings of admission policies, and copies of the guard's.
func (e *Engine) bindings() typedadmission.ValidatingAdmissionPolicyBindingInterface {
	return e.Target.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
}

func (e *Engine) copies() typedcore.ConfigMapInterface {
	return e.Target.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem)
}

// lift lets the guard deny nothing, and keeps its actions on it.
func (j *job) lift(ctx context.Context) error {
	for tried := 1; ; tried++ {
		b, err := j.bindings().Get(ctx, kube.PodGuardBinding, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := kube.Fenced(b, j.Target.Epoch); err != nil {
			return err
		}
		kept, ok := b.Annotations[kube.AnnotationActions]
		if ok && slices.Equal(b.Spec.ValidationActions, noDenial) {
			return nil
		}
		if !ok {
			kept = listed(b.Spec.ValidationActions)
		}
		if err = j.setActions(ctx, b, &kept, noDenial); !apierrors.IsConflict(err) || tried == markings {
			return err
		}
	}
}

// setActions writes a binding's actions, and the note of those that it has by rights; nil takes the note away.
func (e *Engine) setActions(ctx context.Context, b *admissionv1.ValidatingAdmissionPolicyBinding, kept *string, actions []admissionv1.ValidationAction) error {
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid": b.UID, "resourceVersion": b.ResourceVersion, "annotations": map[string]any{kube.AnnotationActions: kept},
		},
		"spec": map[string]any{"validationActions": actions},
	})
	if err != nil {
		return fmt.Errorf("encoding the actions of %s: %w", b.Name, err)
	}
	_, err = e.bindings().Patch(ctx, b.Name, types.MergePatchType, body,
		metav1.PatchOptions{FieldManager: kube.FieldManager})
	return err
}

// listed are actions as they are kept.
func listed(actions []admissionv1.ValidationAction) string {
	var out []string
	for _, a := range actions {
		out = append(out, string(a))
	}
	return strings.Join(out, ",")
}

// actionsOf reads what was kept; Deny where that says nothing.
func actionsOf(kept string) []admissionv1.ValidationAction {
	var out []admissionv1.ValidationAction
	for text := range strings.SplitSeq(kept, ",") {
		switch a := admissionv1.ValidationAction(strings.TrimSpace(text)); a {
		case admissionv1.Deny, admissionv1.Warn, admissionv1.Audit:
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, admissionv1.Deny)
	}
	return out
}

// rightful are the actions that a guard has by rights, of those that it has and those that were kept: what somebody else has set since stays.
func rightful(has []admissionv1.ValidationAction, kept string) []admissionv1.ValidationAction {
	if slices.Equal(has, noDenial) {
		return actionsOf(kept)
	}
	return has
}

// relock restores a guard that somebody left lifted, and waits until it denies.
func (e *Engine) relock(ctx context.Context, in plan.Input, s plan.Step) (plan.Result, error) {
	result := plan.Result{Step: s}
	addOn, _, _ := plan.Target(in)
	j := &job{Engine: e, addOn: addOn}
	d, err := j.workload(ctx)
	if apierrors.IsNotFound(err) {
		d, err = nil, nil
	}
	if err == nil {
		err = e.lockAgain(ctx, d)
	}
	if err != nil {
		return result, fmt.Errorf("carrying out %s of %s: %w", s.Kind, s.AddOn, err)
	}
	result.Objects = []plan.ObjectChange{{Object: guardRef, Action: plan.Configure}}
	return result, nil
}

// lockAgain restores the guard, also when the caller has gone away, and waits until it denies deleting a pod of the workload; nil and a
// workload without pods leave nothing to ask. It is done by an actor too that was fenced off: it is that one's to clean up, and whoever
// is at work now lifts the guard again.
func (e *Engine) lockAgain(ctx context.Context, d *appsv1.DaemonSet) error {
	ctx = context.WithoutCancel(ctx)
	var actions []admissionv1.ValidationAction
	var last error
	err := e.until(ctx, func(ctx context.Context) (bool, error) {
		actions, last = e.giveBack(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("restoring %s: %w: %w", guardRef, ErrLifted, cmp.Or(last, err))
	}
	if d == nil || !slices.Contains(actions, admissionv1.Deny) {
		return nil
	}
	asked := false
	err = e.until(ctx, func(ctx context.Context) (bool, error) {
		var p *corev1.Pod
		if p, last = e.onePod(ctx, d); p == nil {
			return false, nil // or nobody answered: ask again
		}
		asked = true
		last = e.tryDelete(ctx, p)
		return denied(last), nil
	})
	if err == nil || !asked && last == nil {
		return nil
	}
	return fmt.Errorf("waiting until %s, which is restored, denies: %w", guardRef, cmp.Or(last, err))
}

// giveBack makes the guard anew where it was taken away, sets its actions back to those that it has by rights, and returns them; none where there is nothing to set back. Actions
// that somebody else has set meanwhile stay.
func (e *Engine) giveBack(ctx context.Context) ([]admissionv1.ValidationAction, error) {
	if err := e.putBack(ctx); err != nil {
		return nil, err
	}
	b, err := e.bindings().Get(ctx, kube.PodGuardBinding, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept, ok := b.Annotations[kube.AnnotationActions]
	if !ok {
		return b.Spec.ValidationActions, nil
	}
	actions := rightful(b.Spec.ValidationActions, kept)
	return actions, e.setActions(ctx, b, nil, actions)
}

// onePod is a pod of the workload that nobody is deleting; nil when there is none.
func (e *Engine) onePod(ctx context.Context, d *appsv1.DaemonSet) (*corev1.Pod, error) {
	list, err := e.Target.Typed.CoreV1().Pods(d.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector), Limit: 100})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of DaemonSet %s: %w", d.Name, err)
	}
	i := slices.IndexFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp == nil && metav1.IsControlledBy(&p, d) })
	if i < 0 {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	return &list.Items[i], nil
}

// until asks until it is so, for as long as a guard may take.
func (e *Engine) until(ctx context.Context, so func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience())
	defer cancel()
	for {
		done, err := so(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askEvery):
		}
	}
}
