package helm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// theirs is a guard as OKE might have it: its body is not public, its names are (facts: OKE 2.6). It carries no mark of ours.
const theirs = `
metadata: {name: npn-pod-deletion-deny-policy, labels: {owner: oke}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [DELETE], resources: [pods]}]
  matchConditions:
  - name: pod-of-the-plugin
    expression: has(oldObject.metadata.labels) && 'app' in oldObject.metadata.labels && oldObject.metadata.labels['app'] == 'vcn-native-ip-cni'
  validations:
  - expression: has(oldObject.metadata.deletionTimestamp) || request.userInfo.username.startsWith('system:serviceaccount:kube-system:daemon-set')
    message: not allowed
`

const theirBinding = `
metadata: {name: npn-pod-deletion-deny-policy-binding, labels: {owner: oke}, annotations: {note: theirs}}
spec: {policyName: npn-pod-deletion-deny-policy, validationActions: [Deny, Audit]}
`

// vcn is VCN-native 2.3.0 on nodes that keep it: 3.3.0 is written, and no pod is replaced.
func vcn(t *testing.T) *roller {
	t.Helper()
	r := startRoller(t, catalog.OCIVCNIPNative, testkube.Options{Nodes: 3})
	r.writes(t, "2.3.0")
	r.agents(t)
	r.settles(t, "2.3.0")
	r.writes(t, "3.3.0")
	r.denies(t)
	return r
}

// theirGuard puts another guard in the place of ours.
func (r *roller) theirGuard(t *testing.T) {
	t.Helper()
	api := r.Target.Typed.AdmissionregistrationV1()
	must(t, api.ValidatingAdmissionPolicyBindings().Delete(t.Context(), kube.PodGuardBinding, metav1.DeleteOptions{}))
	must(t, api.ValidatingAdmissionPolicies().Delete(t.Context(), kube.PodGuard, metav1.DeleteOptions{}))
	var p admissionv1.ValidatingAdmissionPolicy
	must(t, yaml.Unmarshal([]byte(theirs), &p))
	_, err := api.ValidatingAdmissionPolicies().Create(t.Context(), &p, metav1.CreateOptions{FieldManager: "oke"})
	must(t, err)
	var b admissionv1.ValidatingAdmissionPolicyBinding
	must(t, yaml.Unmarshal([]byte(theirBinding), &b))
	_, err = api.ValidatingAdmissionPolicyBindings().Create(t.Context(), &b, metav1.CreateOptions{FieldManager: "oke"})
	must(t, err)
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if err := r.tryDelete(ctx, t); err == nil || !strings.Contains(err.Error(), "not allowed") {
			return fmt.Errorf("it does not deny: %w", err)
		}
		return nil
	})
}

// guardAs is what the guard says: labels, annotations and spec of both objects.
func (r *roller) guardAs(t *testing.T) map[string]any {
	t.Helper()
	api := r.Target.Typed.AdmissionregistrationV1()
	p, err := api.ValidatingAdmissionPolicies().Get(t.Context(), kube.PodGuard, metav1.GetOptions{})
	must(t, err)
	b, err := api.ValidatingAdmissionPolicyBindings().Get(t.Context(), kube.PodGuardBinding, metav1.GetOptions{})
	must(t, err)
	return map[string]any{
		"policy labels": p.Labels, "policy annotations": p.Annotations, "policy": p.Spec,
		"binding labels": b.Labels, "binding annotations": b.Annotations, "binding": b.Spec, "UIDs": string(p.UID + b.UID),
	}
}

func (r *roller) tryDelete(ctx context.Context, t *testing.T) error {
	t.Helper()
	list, err := r.Target.Typed.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "app=vcn-native-ip-cni"})
	must(t, err)
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			return r.Target.Typed.CoreV1().Pods("kube-system").Delete(ctx, p.Name, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}})
		}
	}
	return errors.New("there is no pod to try with")
}

func denied(err error) bool {
	return err != nil && strings.Contains(err.Error(), kube.PodGuardBinding)
}

// denies wants the guard to deny, at once where it has been waited for.
func (r *roller) denies(t *testing.T) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		err := r.tryDelete(ctx, t)
		if !denied(err) {
			return fmt.Errorf("deleting an agent: %w", err)
		}
		return nil
	})
}

// A node of VCN-native takes 3.3.0 behind the guard that denies it: the guard denies before and right after, and is what it was, whoever's
// it is. It would catch a guard that stays lifted, one that comes back as another, and one that nobody waited for.
func TestAGuardIsLiftedForTheTargetsAndRestored(t *testing.T) {
	t.Parallel()
	r := vcn(t)
	r.asAccount(t)
	for _, c := range []struct {
		name    string
		prepare func(*testing.T)
		node    string
	}{
		{"ours", func(*testing.T) {}, "node-02"},
		{"theirs", r.theirGuard, "node-03"},
	} {
		admin, err := kube.New(r.cluster.Config())
		must(t, err)
		acting := r.Target
		r.Target = admin
		c.prepare(t)
		r.denies(t)
		r.Target = acting
		before, guard := r.agents(t), r.guardAs(t)
		in, s := r.change(t, "3.3.0", c.node)
		got, err := r.Do(t.Context(), in, s)
		if err != nil || len(got.Objects) != 1 || got.Objects[0].Action != helm.Deleted {
			t.Fatalf("%s: %+v, %v", c.name, got.Objects, err)
		}
		if err := r.tryDelete(t.Context(), t); !denied(err) { // without waiting
			t.Errorf("%s: after the step deleting is not denied: %v", c.name, err)
		}
		if diff := gocmp.Diff(guard, r.guardAs(t)); diff != "" {
			t.Errorf("%s: the guard is another (-before +after):\n%s", c.name, diff)
		}
		if diff := gocmp.Diff([]string{c.node}, changed(before, r.agents(t))); diff != "" {
			t.Errorf("%s: changed nodes (-want +got):\n%s", c.name, diff)
		}
		if r.see(t, "3.3.0").Installed.Lifted {
			t.Errorf("%s: it is seen as lifted", c.name)
		}
	}
}

// Whoever is killed while the guard is lifted leaves a note on it, by which the next one restores it, first thing. The calls that the
// killed one cannot make any more are cut here, so it says what it leaves behind.
func TestAGuardThatWasLeftLiftedIsRestored(t *testing.T) {
	t.Parallel()
	r := vcn(t)
	p := r.cluster.Proxy(t)
	killed := r.through(t, p)
	killed.Patience = 3 * time.Second
	for _, whose := range []string{"ours", "theirs"} {
		if whose == "theirs" {
			r.theirGuard(t)
		}
		before, guard := r.agents(t), r.guardAs(t)
		in, s := r.change(t, "3.3.0", "node-01", "node-02")
		dead := false
		p.Plan(func(_ int, c testkube.Passed) testkube.Fault {
			if dead {
				return testkube.Cut
			}
			dead = c.Method == http.MethodPatch && strings.Contains(c.Path, kube.PodGuardBinding)
			if dead {
				return testkube.CutAfter(func() {})
			}
			return nil
		})
		got, err := killed.Do(t.Context(), in, s)
		if !errors.Is(err, helm.ErrLifted) || !strings.Contains(err.Error(), kube.PodGuardBinding) || !strings.Contains(err.Error(), "still lifted") || len(got.Objects) > 0 {
			t.Errorf("%s: %+v, %v; want an error that names the guard", whose, got.Objects, err)
		}
		in = r.see(t, "3.3.0")
		if gocmp.Equal(guard, r.guardAs(t)) || !in.Installed.Lifted {
			t.Fatalf("%s: lifted is %t: this test shows nothing", whose, in.Installed.Lifted)
		}
		testkube.Eventually(t, time.Minute, func(ctx context.Context) error { return r.tryDelete(ctx, t) }) // it really is
		got, err = r.Do(t.Context(), in, plan.Step{Kind: plan.Relock, AddOn: s.AddOn, Version: s.Version})
		if err != nil || len(got.Objects) != 1 {
			t.Fatalf("%s: %+v, %v", whose, got.Objects, err)
		}
		if err := r.tryDelete(t.Context(), t); !denied(err) {
			t.Errorf("%s: after restoring it deleting is not denied: %v", whose, err)
		}
		if diff := gocmp.Diff(guard, r.guardAs(t)); diff != "" || r.see(t, "3.3.0").Installed.Lifted {
			t.Errorf("%s: the guard is another (-before +after):\n%s", whose, diff)
		}
		if n := changed(before, r.agents(t)); len(n) > 0 {
			t.Errorf("%s: %v were changed", whose, n)
		}
	}
}

// Ctrl-C, a server that refuses and an actor that is fenced off, all while the guard is lifted: it is restored.
func TestAGuardIsRestoredWhateverHappens(t *testing.T) {
	t.Parallel()
	r := vcn(t)
	guard := r.guardAs(t)
	p := r.cluster.Proxy(t)
	engine := r.through(t, p)
	engine.Target = engine.Target.WithEpoch(1)
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		name  string
		fault testkube.Fault
		err   error
	}{
		{"a failure of the server", testkube.Instead(http.StatusInternalServerError, metav1.StatusReasonInternalError, 0), nil},
		{"Ctrl-C", testkube.Both(testkube.Before(cancel), p.HalfOpen()), context.Canceled},
		{"somebody who takes over", testkube.Both(testkube.Before(func() {
			o := flannelSet()
			o.SetName("vcn-native-ip-cni")
			if err := r.Target.WithEpoch(2).MarkEpoch(context.WithoutCancel(t.Context()), o); err != nil {
				t.Error(err)
			}
		}), testkube.Instead(http.StatusConflict, metav1.StatusReasonConflict, 0)), kube.ErrFenced},
	} {
		before := r.agents(t)
		in, s := r.change(t, "3.3.0", "node-01", "node-02")
		deletes := 0
		p.Plan(func(_ int, x testkube.Passed) testkube.Fault {
			if x.Method == http.MethodDelete {
				deletes++
			}
			if lifted := r.lifted(t); x.Method == http.MethodDelete && lifted && deletes > 2 {
				deletes = -1000
				return c.fault
			}
			return nil
		})
		_, err := engine.Do(ctx, in, s)
		if err == nil || c.err != nil && !errors.Is(err, c.err) || errors.Is(err, helm.ErrLifted) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if err := r.tryDelete(t.Context(), t); !denied(err) {
			t.Errorf("%s: deleting is not denied: %v", c.name, err)
		}
		if diff := gocmp.Diff(guard, r.guardAs(t)); diff != "" {
			t.Errorf("%s: the guard is another (-before +after):\n%s", c.name, diff)
		}
		if n := changed(before, r.agents(t)); len(n) > 1 {
			t.Errorf("%s: %v were changed", c.name, n)
		}
		if c.err == context.Canceled { //nolint:errorlint // it is the table's own
			ctx, cancel = context.WithCancel(t.Context())
		}
	}
	cancel()
}

func (r *roller) lifted(t *testing.T) bool {
	t.Helper()
	b, err := r.Target.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Get(t.Context(), kube.PodGuardBinding, metav1.GetOptions{})
	must(t, err)
	_, ok := b.Annotations[kube.AnnotationActions]
	return ok
}
