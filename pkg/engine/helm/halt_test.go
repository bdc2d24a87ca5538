package helm_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// Stopping the controller writes its strategy and nothing else: no pod is made anew, no field changes hands, and the next write of the
// release finds nobody else's, whatever somebody did to the strategy before. It would catch a halt that changes the template, one that a
// later update conflicts with, one that drift is told of, and one of a workload that is not what the verdict was about, or somebody else's
// to write by now.
func TestTheControllerIsStoppedByItsStrategyAlone(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 1})
	r.update = plan.RollingUpdate
	r.writes(t, "0.24.4")
	pods := r.agents(t)
	chart := r.daemonSet(t).Spec.UpdateStrategy
	r.edit(t, "somebody", types.MergePatchType, `{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":3}}}}`)
	in := r.see(t, "0.24.4")
	s := r.step(in, plan.Halt)

	other := s
	other.Digest = "another"
	if _, err := r.Do(t.Context(), in, other); !errors.Is(err, helm.ErrStale) {
		t.Errorf("a halt of another release: %v, want ErrStale", err)
	}
	must(t, r.Target.WithEpoch(2).MarkEpoch(t.Context(), flannelSet()))
	late := *r.Engine
	late.Target = r.Target.WithEpoch(1)
	if _, err := late.Do(t.Context(), in, s); !errors.Is(err, kube.ErrFenced) {
		t.Errorf("an actor that was fenced off: %v, want ErrFenced", err)
	}
	before := r.daemonSet(t)
	if before.Spec.UpdateStrategy.Type != chart.Type {
		t.Fatal("it was stopped")
	}

	done, err := r.Do(t.Context(), in, s)
	must(t, err)
	if len(done.Objects) != 1 || done.Objects[0].Action != plan.Configure {
		t.Errorf("done: %+v", done.Objects)
	}
	after := r.daemonSet(t)
	if after.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType {
		t.Errorf("the strategy is %+v", after.Spec.UpdateStrategy)
	}
	if diff := gocmp.Diff(parts(before), parts(after)); diff != "" {
		t.Errorf("what else it wrote (-before +after):\n%s", diff)
	}
	if again, err := r.Do(t.Context(), in, s); err != nil || again.Objects[0].Action != plan.Unchanged {
		t.Errorf("done again: %+v, %v", again.Objects, err)
	}
	r.edit(t, "somebody", types.MergePatchType, `{"spec":{"updateStrategy":{"rollingUpdate":null}}}`) // as for any strategy that is not theirs

	r.writes(t, "0.24.4")
	if diff := gocmp.Diff(chart, r.daemonSet(t).Spec.UpdateStrategy); diff != "" {
		t.Errorf("the chart's strategy, written again (-want +got):\n%s", diff)
	}
	if diff := r.driftOf(t, plan.RollingUpdate); len(diff) > 0 {
		t.Errorf("drift: %v", diff)
	}
	if c := changed(pods, r.agents(t)); len(c) > 0 {
		t.Errorf("the pods of %v were replaced", c)
	}
}

// parts of a workload that a halt leaves alone: what pods are made of, whose it is, and which fields are ours.
func parts(d *appsv1.DaemonSet) map[string]any {
	out := map[string]any{"template": d.Spec.Template, "labels": d.Labels, "annotations": d.Annotations, "selector": d.Spec.Selector, "minReadySeconds": d.Spec.MinReadySeconds}
	for _, f := range d.ManagedFields {
		if f.Manager == kube.FieldManager && f.Subresource == "" {
			out["ours by "+string(f.Operation)] = fieldsOf(f.FieldsV1.GetRawString())
		}
	}
	return out
}

// fieldsOf are the fields of ours without those of the strategy.
func fieldsOf(text string) any {
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return text
	}
	spec, _ := all["f:spec"].(map[string]any)
	delete(spec, "f:updateStrategy")
	return all
}

// What was broken is on the workload before its template changes. It would catch a note that comes after the first pod is replaced, when
// nobody can tell any more what it was.
func TestWhatIsBrokenIsNotedBeforeTheTemplateChanges(t *testing.T) {
	t.Parallel()
	r := startRoller(t, catalog.FlannelOverlay, testkube.Options{Nodes: 1})
	r.update = plan.RollingUpdate
	r.writes(t, "0.24.4")
	r.agents(t)
	was := r.see(t, "0.24.4").Installed.Newest
	in := r.see(t, "0.26.2")
	s := r.step(in, plan.Apply)
	s.Roll = noderoll.Record{Revision: was, Started: in.Now.UTC(), Broken: []string{"node-01"}}
	p := r.cluster.Proxy(t)
	seen := false
	p.Plan(func(_ int, c testkube.Passed) testkube.Fault {
		if c.Method == http.MethodPatch && strings.Contains(c.Path, "daemonsets/kube-flannel-ds") && strings.Contains(c.Path, "fieldManager="+kube.FieldManager+"&") && !strings.Contains(c.Path, "dryRun") && !seen {
			seen = true
			return testkube.Before(func() {
				if got := r.daemonSet(t).Annotations[kube.AnnotationRoll]; !strings.Contains(got, `"broken":["node-01"]`) {
					t.Errorf("noted before the template is written: %q", got)
				}
			})
		}
		return nil
	})
	_, err := r.through(t, p).Do(t.Context(), in, s)
	must(t, err)
	if !seen {
		t.Error("the template was not written: this test shows nothing")
	}
	if in := r.see(t, "0.26.2"); !slices.Equal(in.Roll.Broken, []string{"node-01"}) || in.Roll.Revision != was || in.Installed.Version != "0.26.2" {
		t.Errorf("noted %+v, live is %s", in.Roll, in.Installed.Version)
	}
}
