package helm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// extended are the shipped charts with one more file of objects in flannel's.
func extended(t *testing.T, objects string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{"flannel/templates/extra.yaml": {Data: []byte(objects)}}
	err := fs.WalkDir(charts.FS, "flannel", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(charts.FS, path)
		out[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *bench) extend(t *testing.T, objects string) {
	t.Helper()
	b.Charts, b.NewCharts = extended(t, objects), true
}

// action is what a look says of an object.
func action(t *testing.T, in plan.Input, object string) plan.ObjectChange {
	t.Helper()
	for _, o := range in.Change.Objects {
		if o.Object == object {
			return o
		}
	}
	t.Fatalf("%s is not among %+v; %+v", object, in.Change.Objects, in.Change)
	return plan.ObjectChange{}
}

const (
	extraNamespace = `
---
apiVersion: v1
kind: Namespace
metadata: {name: extra}
`
	extraDefinition = `
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: one}
spec: {size: 1}
`
	extraMap = `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: there, namespace: extra}
data: {a: b}
`
	// A server takes no Deployment whose selector is not its template's; a program that reads it does.
	extraWorkload = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: later, namespace: extra}
spec:
  selector: {matchLabels: {app: LABEL}}
  template:
    metadata: {labels: {app: later}}
    spec: {containers: [{name: a, image: a.example.org/a:v1}]}
`
)

// What needs a namespace or a definition of the same release cannot be tried before that is there. It is read strictly then, and
// tried once it can be, before the workloads.
func TestWhatCannotBeTriedYetIsTriedBeforeTheWorkloads(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.extend(t, extraNamespace+extraDefinition+extraMap+strings.Replace(extraWorkload, "LABEL", "later", 1))
	in, p := b.look(t, "0.26.2")
	for object, waits := range map[string]string{
		"ConfigMap extra/there": "Namespace extra", "Deployment extra/later": "Namespace extra", "Widget one": "CustomResourceDefinition widgets.example.org",
	} {
		if o := action(t, in, object); o.Action != plan.Create || !strings.Contains(o.Message, waits) {
			t.Errorf("%+v, want it created once %s is there", o, waits)
		}
	}
	b.carry(t, in, p)
	for _, o := range []string{"Widget one", "ConfigMap extra/there"} {
		in.Installed.Digest = "" // so that everything is asked again
		if in.Change, _ = b.Change(t.Context(), in); action(t, in, o).Action != plan.Unchanged {
			t.Errorf("after writing, %+v", action(t, in, o))
		}
	}
}

// A refusal that shows only when the namespace is there stops before the DaemonSet, which comes first among the workloads. Without
// the second look it would be written, and every agent restarted, before the server refuses what comes behind it.
func TestALateRefusalStopsBeforeTheWorkloads(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.extend(t, extraNamespace+strings.Replace(extraWorkload, "LABEL", "another", 1))
	in, p := b.look(t, "0.26.2")
	s, ok := p.Next()
	if !ok || len(p.Blocking()) > 0 {
		t.Fatalf("steps %+v, findings %+v", p.Steps, p.Findings)
	}
	if _, err := b.Do(t.Context(), in, s); !errors.Is(err, helm.ErrRefused) || !strings.Contains(err.Error(), "Deployment extra/later") {
		t.Errorf("%v, want ErrRefused that names the Deployment", err)
	}
	if _, err := b.Target.Typed.CoreV1().Namespaces().Get(t.Context(), "extra", metav1.GetOptions{}); err != nil {
		t.Errorf("the phases before were not written: %v", err)
	}
	if _, err := b.Target.Typed.AppsV1().DaemonSets("kube-system").Get(t.Context(), workload, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the DaemonSet: %v, want that it was not written", err)
	}
}

// A field that is written wrong is found before the first write, though no server can be asked.
func TestAFieldThatIsWrongIsFoundWithoutAServer(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.extend(t, extraNamespace+strings.Replace(strings.Replace(extraWorkload, "LABEL", "later", 1), "template:", "templates: {}\n  template:", 1))
	in, p := b.look(t, "0.26.2")
	if o := action(t, in, "Deployment extra/later"); o.Action != plan.Refused || !strings.Contains(o.Message, "templates") || !blocked(p, plan.ObjectRefused) {
		t.Errorf("%+v; findings %+v", o, p.Findings)
	}
}

// written tells calls of ours that change something from those that ask.
func written(c testkube.Call) bool {
	return c.Write() && !strings.HasPrefix(c.User.Username, "system:") && !strings.Contains(c.URI, "dryRun=All") &&
		!strings.HasPrefix(c.Object.Resource, "selfsubject")
}

// What nobody serves stops before the first write: as a kind that was never heard of, and as an old version of one that is known.
func TestAnAPIThatIsNotServedStopsBeforeTheFirstWrite(t *testing.T) {
	t.Parallel()
	b := startWith(t, testkube.Options{Audit: true})
	before := len(b.cluster.Calls(t, written))
	for object, text := range map[string]string{
		"Gadget one":                    "apiVersion: example.org/v1\nkind: Gadget\nmetadata: {name: one}\n",
		"PodDisruptionBudget old":       "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: old, namespace: kube-system}\n",
		"ValidatingAdmissionPolicy old": "apiVersion: admissionregistration.k8s.io/v1alpha1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: old}\n",
	} {
		b.extend(t, text)
		_, p := b.look(t, "0.26.2")
		version, _, _ := strings.Cut(strings.TrimPrefix(text, "apiVersion: "), "\n")
		if f := finding(t, p, plan.APINotServed); !f.Blocking || !strings.Contains(f.Message, object) || !strings.Contains(f.Message, version) {
			t.Errorf("%+v, want it to name %s and %s", f, object, version)
		}
	}
	for _, c := range b.cluster.Calls(t, written)[before:] {
		t.Errorf("a write: %s %s", c.Verb, c.URI)
	}
	// The negative controls: a kind that is unknown to this program and served is no reason to stop, and writing shows in the log.
	b.extend(t, "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: agents}\nvalue: 5\n")
	in, p := b.look(t, "0.26.2")
	if action(t, in, "PriorityClass agents").Action != plan.Create {
		t.Errorf("%+v", p.Findings)
	}
	b.carry(t, in, p)
	if len(b.cluster.Calls(t, written)) == before {
		t.Error("the log shows no write of an Apply")
	}
}

// A refused object that the overlay made is blamed on the overlay.
func TestARefusalIsBlamedOnTheOverlayThatCausedIt(t *testing.T) {
	t.Parallel()
	b := start(t)
	in, _ := b.look(t, "0.26.2")
	in.Request.Settings.Overlay = map[string]string{"kustomization.yaml": `
patches:
  - target: {kind: DaemonSet}
    patch: |-
      - {op: add, path: /spec/template/spec/tolerations/-, value: {key: "no label!", operator: Exists}}
`}
	var err error
	if in.Change, err = b.Change(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	f := finding(t, plan.Make(in), plan.ObjectRefused)
	if !strings.Contains(f.Fix, "overlay") {
		t.Errorf("%+v", f)
	}
	in.Change.Objects[len(in.Change.Objects)-1].Overlay = false // the negative control
	if f := finding(t, plan.Make(in), plan.ObjectRefused); strings.HasPrefix(f.Fix, "the overlay") || f.Fix == "" {
		t.Errorf("%+v", f)
	}
}

// An admission policy that only an older release had is taken back behind the last node: nobody would know it any more, and it
// would deny for ever. One of somebody else's stays. addonctl's own account has to be allowed to.
func TestAPolicyOfAnOlderReleaseIsTakenBackLast(t *testing.T) {
	t.Parallel()
	b := start(t)
	const policies = `
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: npn-pod-deletion-deny-policy}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [DELETE], resources: [secrets]}]}
  validations: [{expression: "true"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: npn-pod-deletion-deny-policy-binding}
spec: {policyName: npn-pod-deletion-deny-policy, validationActions: [Deny]}
`
	b.extend(t, policies)
	b.installed(t, "0.26.2")
	b.Charts = charts.FS
	all := b.Target.Typed.AdmissionregistrationV1()
	b.asAccount(t)
	b.do(t, "0.27.3", plan.Apply)
	waitObserved(t, b, "0.27.3")
	const name = "npn-pod-deletion-deny-policy"
	if _, err := all.ValidatingAdmissionPolicyBindings().Get(t.Context(), name+"-binding", metav1.GetOptions{}); err != nil {
		t.Errorf("while nodes change the policy is gone: %v", err)
	}
	// Somebody made the policy theirs; the binding is ours still.
	p, err := all.ValidatingAdmissionPolicies().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	delete(p.Labels, "addonctl.io/addon")
	if _, err := all.ValidatingAdmissionPolicies().Update(t.Context(), p, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.do(t, "0.27.3", plan.Settle)
	if _, err := all.ValidatingAdmissionPolicyBindings().Get(t.Context(), name+"-binding", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the binding: %v, want that it is gone", err)
	}
	if _, err := all.ValidatingAdmissionPolicies().Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Errorf("somebody else's policy: %v", err)
	}
}

// asAccount lets the engine act as addonctl's own account.
func (b *bench) asAccount(t *testing.T) {
	t.Helper()
	if _, err := guard.Identity(t.Context(), b.Target); err != nil {
		t.Fatal(err)
	}
	token, err := guard.Mint(t.Context(), b.Target, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	acting, err := b.Target.As(token)
	if err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error { // rights reach the API server a moment later
		missing, err := acting.Missing(ctx, []kube.Right{{Verb: "list", Resource: "secrets", Namespace: "kube-system"}})
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("missing %v", missing)
		}
		return err
	})
	b.Target = acting
}
