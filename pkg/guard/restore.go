package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

const (
	// awake is how long an API server may take to act on a guard that was written. It looks once in a second, and a busy one has a turn later;
	// only where the admission plugin is switched off is it waited for to the end.
	awake = 30 * time.Second
	// settled is waited for where nothing can be asked.
	settled = 2 * time.Second
	// probing is the pause between two questions.
	probing = 100 * time.Millisecond
	// stampName is the ConfigMap that carries the network type; package hub writes it.
	stampName = "addonctl-network-type"
)

// ErrAsleep says that a guard was written and the API server does not act on it.
var ErrAsleep = errors.New("the guard is in place and does not deny: is the admission plugin ValidatingAdmissionPolicy switched off?")

// ErrChanged says that somebody changes the guard as soon as it is restored.
var ErrChanged = errors.New("somebody else changes the guard")

// Restore writes what is missing or was changed of the guard, and waits until it denies. What was written is returned, as "Kind
// name", also beside an error; nothing where the guard is in place, or is not supported. What a newer addonctl wrote stays. Policies
// are written before what binds them, and the policy that protects the stamp, by which the wait is done, is the last of each.
func Restore(ctx context.Context, c *kube.Client) ([]string, error) {
	state, err := Look(ctx, c)
	if err != nil || len(state.Wrong) == 0 {
		return nil, err
	}
	written, err := write(ctx, c, state.Wrong)
	if err != nil {
		return written, err
	}
	if err := wake(ctx, c, written); err != nil {
		return written, err
	}
	if state, err = Look(ctx, c); err == nil && len(state.Wrong) > 0 {
		err = fmt.Errorf("%w: %s", ErrChanged, strings.Join(state.Wrong, ", "))
	}
	return written, err
}

func write(ctx context.Context, c *kube.Client, wrong []string) (written []string, err error) {
	want, err := wanted()
	if err != nil {
		return nil, err
	}
	done := func(kind, name string, err error) error {
		if err != nil {
			return fmt.Errorf("writing %s %s: %w", kind, name, err)
		}
		written = append(written, kind+" "+name)
		return nil
	}
	for _, p := range want.policies {
		if !slices.Contains(wrong, policyKind+" "+p.Name) {
			continue
		}
		if err := done(policyKind, p.Name, writePolicy(ctx, c, &p)); err != nil {
			return written, err
		}
	}
	for _, b := range want.bindings {
		if !slices.Contains(wrong, bindingKind+" "+b.Name) {
			continue
		}
		if err := done(bindingKind, b.Name, writeBinding(ctx, c, &b)); err != nil {
			return written, err
		}
	}
	return written, nil
}

func writePolicy(ctx context.Context, c *kube.Client, want *admissionv1.ValidatingAdmissionPolicy) error {
	return replace(ctx, c.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicies(), want, func(live *admissionv1.ValidatingAdmissionPolicy) { live.Spec = want.Spec })
}

func writeBinding(ctx context.Context, c *kube.Client, want *admissionv1.ValidatingAdmissionPolicyBinding) error {
	return replace(ctx, c.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings(), want, func(live *admissionv1.ValidatingAdmissionPolicyBinding) { live.Spec = want.Spec })
}

// api writes objects of one kind.
type api[T metav1.Object] interface {
	Get(ctx context.Context, name string, o metav1.GetOptions) (T, error)
	Create(ctx context.Context, o T, options metav1.CreateOptions) (T, error)
	Update(ctx context.Context, o T, options metav1.UpdateOptions) (T, error)
}

// replace creates an object of the guard, or replaces the whole spec of the live one: applying it would leave what somebody added to
// its lists.
func replace[T metav1.Object](ctx context.Context, of api[T], want T, respecify func(live T)) error {
	live, err := of.Get(ctx, want.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = of.Create(ctx, want, metav1.CreateOptions{FieldManager: kube.FieldManager})
		return err
	}
	if err != nil {
		return err
	}
	if !newer(live, want) {
		respecify(live)
		stampVersion(live, want)
	}
	label(live)
	_, err = of.Update(ctx, live, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	return err
}

// label marks an object as the guard's, by which it is found.
func label(o metav1.Object) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	key, value, _ := strings.Cut(managed, "=")
	labels[key] = value
	o.SetLabels(labels)
}

// wake waits until the API server acts on what was written. An API server takes policies and bindings in the order in which they
// were written, so it knows all of them when it denies what the last ones deny: a dry run of deleting the stamp. Where they were
// not among what was written, or there is no stamp, or our user may not ask, a while has to do.
func wake(ctx context.Context, c *kube.Client, written []string) error {
	if !slices.Contains(written, bindingKind+" "+stampPolicy) {
		return pause(ctx, settled)
	}
	for until := time.Now().Add(awake); time.Now().Before(until); {
		err := c.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Delete(ctx, stampName, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}})
		switch {
		case apierrors.IsForbidden(err) && strings.Contains(err.Error(), stampPolicy):
			return nil
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
			return pause(ctx, settled)
		case err != nil:
			return fmt.Errorf("asking whether the guard denies: %w", err)
		}
		if err := pause(ctx, probing); err != nil {
			return err
		}
	}
	return ErrAsleep
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
