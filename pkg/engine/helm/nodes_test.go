package helm_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// roller is a bench with nodes, whose steps are made by hand: when nodes change is not the engine's to decide.
type roller struct {
	*bench
	network catalog.NetworkType
	update  plan.NodeUpdate
}

func startRoller(t *testing.T, network catalog.NetworkType, o testkube.Options) *roller {
	t.Helper()
	r := &roller{bench: startWith(t, o), network: network, update: plan.RollNodes}
	r.observer.NetworkType = network
	return r
}

// see is what a look on the way to a version shows.
func (r *roller) see(t *testing.T, v string) plan.Input {
	t.Helper()
	in, err := r.observer.Observe(t.Context())
	must(t, err)
	in.Cluster.Guard = plan.Guard{} // it has tests of its own
	in.Request = plan.Request{Verb: plan.SetPin, NetworkType: r.network, Version: v, Pin: plan.Pin{Reason: "test"}, NodeUpdate: r.update}
	in.Change, err = r.Change(t.Context(), in)
	must(t, err)
	return in
}

func (r *roller) step(in plan.Input, kind plan.StepKind) plan.Step {
	a, _, _ := plan.Target(in)
	s := plan.Step{Kind: kind, AddOn: a.Name, Version: in.Change.Version, Revision: in.Installed.Revision, Digest: in.Change.Digest, Text: "test"}
	if kind == plan.Apply {
		s.Revision = in.Record.Last().Number + 1
	}
	return s
}

// change is the step that changes nodes.
func (r *roller) change(t *testing.T, v string, nodes ...string) (plan.Input, plan.Step) {
	t.Helper()
	in := r.see(t, v)
	s := r.step(in, plan.ChangeNodes)
	for _, n := range in.Nodes {
		if slices.Contains(nodes, n.Name) {
			s.Targets = append(s.Targets, noderoll.Target{Node: n.Name, Pod: n.Pod.Name, UID: n.Pod.UID})
		}
	}
	s.Roll = noderoll.Record{Revision: in.Installed.Newest, Started: in.Now.UTC(), Intent: s.Targets, At: in.Now.UTC()}
	return in, s
}

// writes carries out an Apply and waits until its controller has seen it.
func (r *roller) writes(t *testing.T, v string) {
	t.Helper()
	in := r.see(t, v)
	_, err := r.Do(t.Context(), in, r.step(in, plan.Apply))
	must(t, err)
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if in := r.see(t, v); !in.Installed.Observed || in.Installed.Version != v {
			return errors.New("the controller has not seen the template")
		}
		return nil
	})
}

// agents are the pods by node, once every node has one that is Ready and no other.
func (r *roller) agents(t *testing.T) []noderoll.Node {
	t.Helper()
	var out []noderoll.Node
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		in, err := r.observer.Observe(ctx)
		if err != nil {
			return err
		}
		for _, n := range in.Nodes {
			if n.Pod == nil || !n.Pod.Ready || n.Pod.Terminating {
				return fmt.Errorf("%s has %+v", n.Name, n.Pod)
			}
		}
		out = in.Nodes
		return nil
	})
	return out
}

// changed names the nodes whose pods are others than before.
func changed(before, after []noderoll.Node) []string {
	var out []string
	for i, n := range before {
		if n.Pod.UID != after[i].Pod.UID {
			out = append(out, n.Name)
		}
	}
	return out
}

const beside = `
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: beside, namespace: kube-system}
spec:
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 7}}
  selector: {matchLabels: {app: beside}}
  template:
    metadata: {labels: {app: beside}}
    spec: {containers: [{name: beside, image: "example.org/beside:v1"}]}
`

// The strategy is the engine's: with it the DaemonSet is written, with it it is compared, and what is recorded stays the chart's. It
// would catch a controller that changes all nodes at once while we believe to change one, a drift that is told of what we wrote
// ourselves, and one that is not told where somebody turned it back.
func TestTheStrategyIsTheEngines(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 1})
	r.extend(t, beside)
	r.update = plan.RollingUpdate
	r.writes(t, "0.24.4")
	before := r.agents(t)
	chart := r.daemonSet(t).Spec.UpdateStrategy
	if chart.Type != appsv1.RollingUpdateDaemonSetStrategyType || chart.RollingUpdate == nil {
		t.Fatalf("the chart's strategy is %+v", chart)
	}

	r.update = plan.RollNodes
	in := r.see(t, "0.24.4")
	if c := action(t, in, "DaemonSet kube-flannel-ds"); c.Action != plan.Configure || len(c.Fields) > 0 || in.Change.Digest != in.Installed.Digest {
		t.Errorf("the dry run says %+v, of render %s", c, in.Change.Digest)
	}
	r.writes(t, "0.24.4")
	if got := r.daemonSet(t).Spec.UpdateStrategy; got.Type != appsv1.OnDeleteDaemonSetStrategyType || got.RollingUpdate != nil {
		t.Errorf("it was written with %+v, want OnDelete and nothing of the other one", got)
	}
	other, err := r.Target.Typed.AppsV1().DaemonSets("kube-system").Get(t.Context(), "beside", metav1.GetOptions{})
	must(t, err)
	if other.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType {
		t.Errorf("another DaemonSet was written with %+v", other.Spec.UpdateStrategy)
	}
	stored, err := record.Open(r.Target, "kube-system", "flannel", time.Now).Revisions(t.Context())
	must(t, err)
	last := stored[len(stored)-1]
	if last.Digest != stored[0].Digest || last.Manifest != stored[0].Manifest || strings.Contains(last.Manifest, "OnDelete") {
		t.Error("what is recorded is not the chart's")
	}
	if in := r.see(t, "0.24.4"); !in.Installed.OnDelete || in.Change.Objects != nil {
		t.Errorf("OnDelete is %t, and there is something to write: %+v", in.Installed.OnDelete, in.Change.Objects)
	}
	r.settles(t, "0.24.4")

	const path = "DaemonSet kube-flannel-ds spec.updateStrategy.type by "
	for update, want := range map[plan.NodeUpdate][]string{plan.RollNodes: nil, plan.HoldNodes: nil, plan.RollingUpdate: {path, "DaemonSet kube-flannel-ds spec.updateStrategy.rollingUpdate by "}} {
		if diff := gocmp.Diff(want, sorted(r.driftOf(t, update)), sortedText); diff != "" {
			t.Errorf("drift where nodes follow by %s (-want +got):\n%s", update, diff)
		}
	}
	r.edit(t, "somebody", types.MergePatchType, `{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`)
	if diff := gocmp.Diff([]string{path + "somebody"}, r.driftOf(t, plan.RollNodes)); diff != "" {
		t.Errorf("drift after somebody turned it back (-want +got):\n%s", diff)
	}
	in, d := r.drifted(t, plan.RollNodes)
	_, err = r.SetBack(t.Context(), in, d, nil)
	must(t, err)
	if got := r.daemonSet(t).Spec.UpdateStrategy.Type; got != appsv1.OnDeleteDaemonSetStrategyType {
		t.Errorf("it was set back to %s", got)
	}
	// What the API server filled in for somebody is theirs, and stays beside OnDelete, where it means nothing: they take it back.
	r.edit(t, "somebody", types.MergePatchType, `{"spec":{"updateStrategy":{"rollingUpdate":null}}}`)

	r.update = plan.RollingUpdate
	r.writes(t, "0.24.4")
	if diff := gocmp.Diff(chart, r.daemonSet(t).Spec.UpdateStrategy); diff != "" {
		t.Errorf("the chart's strategy, written again (-want +got):\n%s", diff)
	}
	if c := changed(before, r.agents(t)); len(c) > 0 {
		t.Errorf("the pods of %v were replaced", c)
	}
}

// What was written when the controller's roll was what nobody had to ask for, and what was adopted with it, stays as it is until it is
// changed: it is no drift, nothing is to be written, an object that was lost is put back beside it, and the next release brings our
// strategy, with which no pod is replaced. It would catch a build that touches every cluster's agent because it is a newer one.
func TestTheControllersStrategyStaysUntilTheNextChange(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 1})
	r.update = plan.RollingUpdate
	r.writes(t, "0.24.4")
	before := r.agents(t)
	r.settles(t, "0.24.4")
	chart, generation := r.daemonSet(t).Spec.UpdateStrategy, r.daemonSet(t).Generation

	r.update = ""
	in := r.see(t, "0.24.4")
	if next, _ := plan.Make(in).Next(); in.Change.Objects != nil || next.Kind == plan.Apply {
		t.Errorf("there is something to write: %+v, next is %+v", in.Change.Objects, next)
	}
	if d := r.driftOf(t, ""); len(d) > 0 {
		t.Errorf("drift: %v", d)
	}
	must(t, r.Target.Typed.RbacV1().ClusterRoleBindings().Delete(t.Context(), "flannel", metav1.DeleteOptions{}))
	r.writes(t, "0.24.4")
	if got := r.daemonSet(t); got.Generation != generation {
		t.Errorf("putting an object back wrote the DaemonSet (-before +after):\n%s", gocmp.Diff(chart, got.Spec.UpdateStrategy))
	}
	r.settles(t, "0.24.4")

	// The negative controls: somebody's word is no default, and somebody's edit is drift.
	if d := r.driftOf(t, plan.RollNodes); len(d) != 1 {
		t.Errorf("drift where a roll was asked for: %v", d)
	}
	r.edit(t, "somebody", types.MergePatchType, `{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}`)
	r.edit(t, "somebody", types.MergePatchType, `{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`)
	if d := r.driftOf(t, ""); len(d) != 1 {
		t.Errorf("drift after somebody's edit: %v", d)
	}
	var d helm.Drift
	in, d = r.drifted(t, "")
	_, err := r.SetBack(t.Context(), in, d, nil)
	must(t, err)

	r.writes(t, "0.26.2")
	if got := r.daemonSet(t).Spec.UpdateStrategy; got.Type != appsv1.OnDeleteDaemonSetStrategyType {
		t.Errorf("the next release was written with %+v", got)
	}
	if c := changed(before, r.agents(t)); len(c) > 0 {
		t.Errorf("the pods of %v were replaced", c)
	}
}

var sortedText = gocmp.Transformer("sorted", sorted)

func sorted(in []string) []string {
	return slices.SortedFunc(slices.Values(in), cmp.Compare[string])
}

func (r *roller) drifted(t *testing.T, update plan.NodeUpdate) (plan.Input, helm.Drift) {
	t.Helper()
	in, err := r.observer.Observe(t.Context())
	must(t, err)
	in.Cluster.NetworkType, in.Cluster.Guard, in.Desired.NodeUpdate = r.network, plan.Guard{}, update
	d, err := r.Drift(t.Context(), in, nil)
	must(t, err)
	return in, d
}

func (r *roller) driftOf(t *testing.T, update plan.NodeUpdate) []string {
	t.Helper()
	_, d := r.drifted(t, update)
	return differing(d)
}

func (r *roller) settles(t *testing.T, v string) {
	t.Helper()
	in := r.see(t, v)
	_, err := r.Do(t.Context(), in, r.step(in, plan.Settle))
	must(t, err)
}

// A render that says so itself leaves nothing to write, however nodes are to follow: what was adopted like that, or has an overlay. It
// would catch a release that is written again and again.
func TestARenderThatReplacesNoneIsWrittenOnce(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{})
	r.update = plan.RollingUpdate
	see := func() (plan.Input, plan.Plan) {
		in, err := r.observer.Observe(t.Context())
		must(t, err)
		in.Cluster.Guard = plan.Guard{}
		in.Request = plan.Request{Verb: plan.SetPin, NetworkType: r.network, Version: "0.24.4", Pin: plan.Pin{Reason: "test"}, Settings: plan.SettingsChange{
			Overlay: map[string]string{"kustomization.yaml": `
patches:
- target: {kind: DaemonSet}
  patch: |
    - {op: replace, path: /spec/updateStrategy, value: {type: OnDelete}}
`},
		}}
		in.Change, err = r.Change(t.Context(), in)
		must(t, err)
		return in, plan.Make(in)
	}
	in, _ := see()
	_, err := r.Do(t.Context(), in, r.step(in, plan.Apply))
	must(t, err)
	in, p := see()
	if next, _ := p.Next(); !in.Installed.OnDelete || in.Change.Objects != nil || next.Kind == plan.Apply {
		t.Errorf("OnDelete is %t, next is %s, to write is %+v", in.Installed.OnDelete, next.Kind, in.Change.Objects)
	}
}

// One node is changed and no other, and what the roll is about to do is written before it is done: whoever comes after a kill knows
// which node is in flight. The next Apply leaves it, a Settle takes it away.
func TestJustTheTargetIsChangedAndToldOfBefore(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 3, Audit: true})
	r.writes(t, "0.24.4")
	r.agents(t)
	r.settles(t, "0.24.4")
	before := r.agents(t)
	r.writes(t, "0.26.2")
	if c := changed(before, r.agents(t)); len(c) > 0 {
		t.Fatalf("writing the template changed %v", c)
	}
	r.asAccount(t)
	in, s := r.change(t, "0.26.2", "node-02")
	got, err := r.Do(t.Context(), in, s)
	must(t, err)
	want := []plan.ObjectChange{{Object: "Pod " + s.Targets[0].Pod + " on node-02", Action: helm.Deleted}}
	if diff := gocmp.Diff(want, got.Objects); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	after := r.agents(t)
	if diff := gocmp.Diff([]string{"node-02"}, changed(before, after)); diff != "" {
		t.Errorf("changed nodes (-want +got):\n%s", diff)
	}
	if p := after[1].Pod; p.Version != "0.26.2" || p.Revision != s.Roll.Revision {
		t.Errorf("node-02 runs %+v", p)
	}
	var order []string
	for _, c := range r.cluster.Calls(t, func(c testkube.Call) bool {
		return strings.HasSuffix(c.User.Username, ":addonctl") && c.Write() && (c.Object.Resource == "daemonsets" || c.Object.Resource == "pods")
	}) {
		order = append(order, fmt.Sprintf("%s %s %d", c.Verb, c.Object.Name, c.Response.Code))
		if c.Verb == "patch" && !strings.Contains(string(c.Request), s.Targets[0].UID) {
			t.Errorf("what is noted does not tell of the pod: %s", c.Request)
		}
	}
	if diff := gocmp.Diff([]string{"patch kube-flannel-ds 200", "delete " + s.Targets[0].Pod + " 200"}, order); diff != "" {
		t.Errorf("writes, in order (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff(s.Roll, r.see(t, "0.26.2").Roll); diff != "" {
		t.Errorf("what the roll remembers (-want +got):\n%s", diff)
	}
	// Again: the pod of that node is of the newest revision now, and the one that was to be deleted is gone.
	got, err = r.Do(t.Context(), in, s)
	if err != nil || len(got.Objects) != 1 || got.Objects[0].Message != "it is gone" || len(changed(after, r.agents(t))) > 0 {
		t.Errorf("carried out again: %+v, %v", got.Objects, err)
	}
	in = r.see(t, "0.26.2")
	_, err = r.Do(t.Context(), in, r.step(in, plan.Apply))
	must(t, err)
	if diff := gocmp.Diff(s.Roll, r.see(t, "0.26.2").Roll); diff != "" {
		t.Errorf("what the roll remembers after an Apply (-want +got):\n%s", diff)
	}
	r.settles(t, "0.26.2")
	if text, ok := r.daemonSet(t).Annotations[kube.AnnotationRoll]; ok {
		t.Errorf("a settled release remembers a roll: %s", text)
	}
}

// What is not an older pod of our DaemonSet, as it was seen, is not deleted, and a step that is not of what is live deletes nothing and
// writes nothing. The negative control is the last row: the very same step as it was planned.
func TestWhatIsNotTheTargetIsNotDeleted(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 2})
	r.extend(t, beside)
	r.writes(t, "0.24.4")
	r.agents(t)
	r.writes(t, "0.26.2")
	before := r.agents(t)
	others := func() []corev1.Pod {
		list, err := r.Target.Typed.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "app=beside"})
		must(t, err)
		return list.Items
	}
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if n := len(others()); n != 2 {
			return fmt.Errorf("%d pods of another DaemonSet", n)
		}
		return nil
	})
	stranger := others()[0]
	for _, c := range []struct {
		name   string
		change func(*plan.Step)
		epoch  int64
		err    error
		says   string
	}{
		{"another pod of that name", func(s *plan.Step) { s.Targets[0].UID = "another" }, 0, nil, ""},
		{"a pod of the newest revision", func(s *plan.Step) { s.Roll.Revision = before[0].Pod.Revision }, 0, nil, ""},
		{"a pod on another node", func(s *plan.Step) { s.Targets[0].Node = "node-02" }, 0, nil, ""},
		{"another DaemonSet's pod", func(s *plan.Step) {
			s.Targets[0] = noderoll.Target{Node: stranger.Spec.NodeName, Pod: stranger.Name, UID: string(stranger.UID)}
		}, 0, nil, ""},
		{"a pod that is gone", func(s *plan.Step) { s.Targets[0].Pod = "gone" }, 0, nil, ""},
		{"another render", func(s *plan.Step) { s.Digest = "another" }, 0, helm.ErrStale, ""},
		{"another revision", func(s *plan.Step) { s.Revision-- }, 0, helm.ErrStale, "not the live one"},
		{"no revision of the template", func(s *plan.Step) { s.Roll.Revision = "" }, 0, helm.ErrStale, "names no revision"},
		{"too much to remember", func(s *plan.Step) {
			s.Roll.Broken = slices.Repeat([]string{strings.Repeat("n", 100)}, 1100)
		}, 0, helm.ErrRollTooLarge, "1100 nodes that were broken"},
		{"an actor that was fenced off", func(*plan.Step) {}, 1, kube.ErrFenced, "epoch"},
		{"as it was planned", func(*plan.Step) {}, 0, nil, "deleted"},
	} {
		in, s := r.change(t, "0.26.2", "node-01")
		c.change(&s)
		engine := *r.Engine
		if c.epoch > 0 {
			must(t, r.Target.WithEpoch(c.epoch+1).MarkEpoch(t.Context(), flannelSet()))
			engine.Target = r.Target.WithEpoch(c.epoch)
		}
		was := r.daemonSet(t)
		got, err := engine.Do(t.Context(), in, s)
		if !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v that says %q", c.name, err, c.err, c.says)
		}
		if c.says == "deleted" {
			if len(got.Objects) != 1 || got.Objects[0].Action != helm.Deleted {
				t.Errorf("%s: %+v, %v: this test shows nothing", c.name, got.Objects, err)
			}
			continue
		}
		if n := changed(before, r.agents(t)); len(n) > 0 || !slices.ContainsFunc(others(), func(p corev1.Pod) bool { return p.UID == stranger.UID && p.DeletionTimestamp == nil }) {
			t.Fatalf("%s: a pod was deleted (%v)", c.name, n)
		}
		if c.err != nil && r.daemonSet(t).Annotations[kube.AnnotationRoll] != was.Annotations[kube.AnnotationRoll] {
			t.Errorf("%s: something was noted", c.name)
		}
	}
}

// A pod is deleted at the edition that was decided on, without reading it again; one that changed since is read, and is still deleted only
// if it is an older pod of the workload. It would catch a delete without a resourceVersion, and one that gives up on a pod that never rests.
func TestAPodThatChangedSinceTheLookIsReadAgain(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 2, Audit: true})
	r.writes(t, "0.24.4")
	r.agents(t)
	r.writes(t, "0.26.2")
	r.agents(t)
	in, s := r.change(t, "0.26.2", "node-01", "node-02")
	_, err := r.cluster.Client().CoreV1().Pods("kube-system").Patch(t.Context(), s.Targets[1].Pod, types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}}}`), metav1.PatchOptions{})
	must(t, err)
	r.asAccount(t)
	got, err := r.Do(t.Context(), in, s)
	must(t, err)
	if len(got.Objects) != 2 || got.Objects[0].Action != helm.Deleted || got.Objects[1].Action != helm.Deleted {
		t.Errorf("%+v", got.Objects)
	}
	var calls []string
	for _, c := range r.cluster.Calls(t, func(c testkube.Call) bool {
		return strings.HasSuffix(c.User.Username, ":addonctl") && c.Object.Resource == "pods" && c.Object.Name != ""
	}) {
		calls = append(calls, fmt.Sprintf("%s %s %d", c.Verb, c.Object.Name, c.Response.Code))
		if c.Verb == "delete" && (!strings.Contains(string(c.Request), `"resourceVersion":"`) || !strings.Contains(string(c.Request), `"uid":"`)) {
			t.Errorf("deleted without preconditions: %s", c.Request)
		}
	}
	first, second := s.Targets[0].Pod, s.Targets[1].Pod
	if diff := gocmp.Diff([]string{"delete " + first + " 200", "delete " + second + " 409", "get " + second + " 200", "delete " + second + " 200"}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func flannelSet() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("apps/v1")
	o.SetKind("DaemonSet")
	o.SetNamespace("kube-system")
	o.SetName("kube-flannel-ds")
	return o
}

// Under a controller that replaces pods by itself nothing is deleted beside: twice as many nodes would be down.
func TestNothingIsDeletedWhereTheControllerReplaces(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 1})
	r.writes(t, "0.24.4")
	before := r.agents(t)
	step := func(strategy string) error {
		r.edit(t, "somebody", types.MergePatchType, `{"spec":{"updateStrategy":{"type":"`+strategy+`"}}}`)
		testkube.Eventually(t, time.Minute, func(context.Context) error {
			if !r.see(t, "0.24.4").Installed.Observed {
				return errors.New("the controller has not seen it")
			}
			return nil
		})
		in, s := r.change(t, "0.24.4", "node-01")
		s.Roll.Revision = "another" // so that no pod is spared for its own
		_, err := r.Do(t.Context(), in, s)
		return err
	}
	if err := step("RollingUpdate"); !errors.Is(err, helm.ErrStale) || !strings.Contains(err.Error(), "replaces pods by itself") {
		t.Errorf("%v, want ErrStale", err)
	}
	if _, ok := r.daemonSet(t).Annotations[kube.AnnotationRoll]; ok || len(changed(before, r.agents(t))) > 0 {
		t.Error("something was noted, or deleted")
	}
	must(t, step("OnDelete")) // the negative control
	if len(changed(before, r.agents(t))) == 0 {
		t.Error("the same step under OnDelete deleted nothing: this test shows nothing")
	}
}

// through is an engine whose calls go through a proxy.
func (r *roller) through(t *testing.T, p *testkube.Proxy) *helm.Engine {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", p.KubeconfigPath())
	must(t, err)
	cfg.QPS = -1
	k, err := kube.New(rest.CopyConfig(cfg))
	must(t, err)
	out := *r.Engine
	out.Target = k
	return &out
}

// An actor that is fenced off between two deletions finishes at most the one that it was about to send.
func TestAnActorFencedInTheMiddleFinishesOneDelete(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 3})
	r.writes(t, "0.24.4")
	r.agents(t)
	r.writes(t, "0.26.2")
	before := r.agents(t)
	p := r.cluster.Proxy(t)
	old := r.through(t, p)
	old.Target = old.Target.WithEpoch(1)
	fenced := false
	p.Plan(func(_ int, c testkube.Passed) testkube.Fault {
		if c.Method != http.MethodDelete || fenced {
			return nil
		}
		fenced = true
		return testkube.Before(func() {
			if err := r.Target.WithEpoch(2).MarkEpoch(context.WithoutCancel(t.Context()), flannelSet()); err != nil {
				t.Error(err)
			}
		})
	})
	var got plan.Result
	var err error
	for try := 1; try == 1 || !fenced && err != nil && try <= 3; try++ { // a call can break on a busy machine before anything is deleted
		in, s := r.change(t, "0.26.2", "node-01", "node-02", "node-03")
		got, err = old.Do(t.Context(), in, s)
		t.Logf("attempt %d: %v", try, err)
	}
	if !errors.Is(err, kube.ErrFenced) || len(got.Objects) != 1 {
		t.Errorf("%+v, %v; want one deletion, then ErrFenced", got.Objects, err)
	}
	if diff := gocmp.Diff([]string{"node-01"}, changed(before, r.agents(t))); diff != "" {
		t.Errorf("changed nodes (-want +got):\n%s", diff)
	}
}
