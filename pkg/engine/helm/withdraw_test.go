package helm_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// bindingAs is what the guard's binding says, and its UID.
func (r *roller) bindingAs(t *testing.T) (says map[string]any, uid types.UID) {
	t.Helper()
	b, err := r.Target.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Get(t.Context(), kube.PodGuardBinding, metav1.GetOptions{})
	must(t, err)
	return map[string]any{"labels": b.Labels, "annotations": b.Annotations, "spec": b.Spec}, b.UID
}

// isCopied tells whether a copy of the guard is stored.
func (r *roller) isCopied(t *testing.T) bool {
	t.Helper()
	_, err := r.Target.Typed.CoreV1().ConfigMaps("kube-system").Get(t.Context(), kube.PodGuardCopy, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		must(t, err)
	}
	return err == nil
}

// isBack fails unless the guard says what it said, denies at once, and nothing is left of its having been away.
func (r *roller) isBack(t *testing.T, name string, before map[string]any) {
	t.Helper()
	if err := r.tryDelete(t.Context(), t); !denied(err) {
		t.Errorf("%s: deleting is not denied: %v", name, err)
	}
	says, _ := r.bindingAs(t)
	if diff := gocmp.Diff(before, says); diff != "" {
		t.Errorf("%s: the guard is another (-before +after):\n%s", name, diff)
	}
	if r.isCopied(t) || r.see(t, "3.3.0").Installed.Lifted {
		t.Errorf("%s: a copy is left, or the guard is seen as lifted", name)
	}
}

func lifts(c testkube.Passed) bool {
	return c.Method == http.MethodPatch && strings.Contains(c.Path, kube.PodGuardBinding)
}

func takesAway(c testkube.Passed) bool {
	return c.Method == http.MethodDelete && strings.Contains(c.Path, kube.PodGuardBinding)
}

// Where the guard cannot be lifted, or is set back at once, it is taken away, and made anew as it was. It would catch a node that cannot be
// changed there, a guard that comes back with other labels, annotations or actions, or not at all, and one that is taken away where lifting
// it does.
func TestAGuardThatCannotBeLiftedIsTakenAwayAndMadeAnew(t *testing.T) {
	t.Parallel()
	r := vcn(t)
	r.theirGuard(t)
	r.denies(t)
	before, first := r.bindingAs(t)
	p := r.cluster.Proxy(t)
	engine := r.through(t, p)
	changes := func(name, node string, away bool) {
		t.Helper()
		pods := r.agents(t)
		_, was := r.bindingAs(t)
		in, s := r.change(t, "3.3.0", node)
		got, err := engine.Do(t.Context(), in, s)
		if err != nil || len(got.Objects) != 1 || got.Objects[0].Action != helm.Deleted {
			t.Errorf("%s: %+v, %v", name, got.Objects, err)
		}
		r.isBack(t, name, before)
		if c := changed(pods, r.agents(t)); !slices.Equal(c, []string{node}) {
			t.Errorf("%s: %v were changed", name, c)
		}
		if _, is := r.bindingAs(t); (is != was) != away {
			t.Errorf("%s: it was taken away: %t, want %t", name, is != was, away)
		}
	}
	changes("the control: it can be lifted", "node-01", false)

	p.Plan(func(_ int, c testkube.Passed) testkube.Fault {
		if lifts(c) {
			return testkube.Instead(http.StatusForbidden, metav1.StatusReasonForbidden, 0)
		}
		return nil
	})
	changes("nobody may change it", "node-02", true)

	p.Plan(func(int, testkube.Passed) testkube.Fault { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	engine.Patience = 5 * time.Second // it waits in vain; before, a starved API server gets the time that it has outside of tests
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.setsBack(ctx)
	}()
	changes("somebody sets it back", "node-03", true)
	cancel()
	<-done
	if _, is := r.bindingAs(t); is == first {
		t.Error("it is the same object still: this test shows nothing")
	}
}

// setsBack gives the guard its actions back whenever they are others, as a reconciler does.
func (r *roller) setsBack(ctx context.Context) {
	api := r.Target.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	want := []admissionv1.ValidationAction{admissionv1.Deny, admissionv1.Audit}
	for ctx.Err() == nil {
		b, err := api.Get(ctx, kube.PodGuardBinding, metav1.GetOptions{})
		if err == nil && !slices.Equal(b.Spec.ValidationActions, want) {
			b.Spec.ValidationActions = want
			_, _ = api.Update(ctx, b, metav1.UpdateOptions{FieldManager: "oke"}) // it tries again
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Whoever is killed when the guard is taken away, or before, leaves a copy of it, from which the next one makes it anew, first thing; one that
// somebody else has made meanwhile stays. The calls that the killed one cannot make any more are cut here.
func TestAGuardThatWasTakenAwayIsMadeAnew(t *testing.T) {
	t.Parallel()
	r := vcn(t)
	r.theirGuard(t)
	r.denies(t)
	before, _ := r.bindingAs(t)
	p := r.cluster.Proxy(t)
	killed := r.through(t, p)
	killed.Patience = 3 * time.Second
	for _, c := range []struct {
		name  string
		fault testkube.Fault // at the deletion, after which nothing comes through
		then  func()
		gone  bool
	}{
		{"killed before", testkube.Cut, func() {}, false},
		{"killed after", testkube.CutAfter(func() {}), func() {}, true},
		{"killed after, and somebody made another", testkube.CutAfter(func() {}), func() {
			b := &admissionv1.ValidatingAdmissionPolicyBinding{
				ObjectMeta: metav1.ObjectMeta{Name: kube.PodGuardBinding, Labels: map[string]string{"owner": "another"}},
				Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: kube.PodGuard, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
			}
			_, err := r.Target.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(t.Context(), b, metav1.CreateOptions{})
			must(t, err)
			before, _ = r.bindingAs(t)
		}, true},
	} {
		pods := r.agents(t)
		in, s := r.change(t, "3.3.0", "node-01", "node-02")
		dead := false
		p.Plan(func(_ int, call testkube.Passed) testkube.Fault {
			switch {
			case dead:
				return testkube.Cut
			case lifts(call):
				return testkube.Instead(http.StatusForbidden, metav1.StatusReasonForbidden, 0)
			case takesAway(call):
				dead = true
				return c.fault
			}
			return nil
		})
		if _, err := killed.Do(t.Context(), in, s); !errors.Is(err, helm.ErrLifted) || !strings.Contains(err.Error(), kube.PodGuardBinding) {
			t.Errorf("%s: %v; want an error that names the guard", c.name, err)
		}
		if !r.isCopied(t) || !r.see(t, "3.3.0").Installed.Lifted {
			t.Fatalf("%s: no copy is stored, or nobody sees it: this test shows nothing", c.name)
		}
		if c.gone {
			testkube.Eventually(t, time.Minute, func(ctx context.Context) error { return r.tryDelete(ctx, t) }) // it really is
		}
		c.then()
		if _, err := r.Do(t.Context(), r.see(t, "3.3.0"), plan.Step{Kind: plan.Relock, AddOn: s.AddOn, Version: s.Version}); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r.isBack(t, c.name, before)
		if n := changed(pods, r.agents(t)); len(n) > 0 {
			t.Errorf("%s: %v were changed", c.name, n)
		}
	}
}
