package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/cli"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// office is a hub with the records of a small fleet. The test decides on its rollout, as a manager would; there are no clusters.
type office struct {
	*cluster
	hub      *hub.Hub
	rules    rollout.Rules
	versions map[string]string
	failed   map[string]string
	told     map[string]bool
}

const theRollout = "fleet-flannel-0.27.3"

// openOffice registers four clusters, a canary and three of production, and opens a rollout that wants an approval.
func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{cluster: start(t, testkube.Options{Audit: true}), versions: map[string]string{}, failed: map[string]string{}, told: map[string]bool{}}
	k, err := kube.New(o.Config())
	if err != nil {
		t.Fatal(err)
	}
	o.hub = hub.New(k)
	o.must(t, "rollout", "list").says(t, "no manager drives a cluster of this hub")
	o.want(t, 2, "rollout", "status", theRollout).says(t, `there is no rollout "`+theRollout+`", and no other`)
	if err := o.hub.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	spec := v1alpha1.UpdatePolicySpec{
		Waves: []v1alpha1.PolicyWave{{Name: "canary", Selector: "tier=canary"}, {Name: "prod", Approval: true}}, Soak: &metav1.Duration{},
	}
	o.write(t, v1alpha1.UpdatePolicies, "", &v1alpha1.UpdatePolicy{
		TypeMeta: kind("UpdatePolicy"), ObjectMeta: metav1.ObjectMeta{Name: "fleet"}, Spec: spec,
	})
	for _, name := range []string{"canary", "prod-1", "prod-2", "prod-3"} {
		o.register(t, name)
	}
	if o.rules, err = rollout.NewRules(status.RolloutPolicy("fleet", spec)); err != nil {
		t.Fatal(err)
	}
	r := &v1alpha1.AddonRollout{
		TypeMeta: kind("AddonRollout"), ObjectMeta: metav1.ObjectMeta{Name: theRollout},
		Spec: v1alpha1.AddonRolloutSpec{Policy: "fleet", Addon: "Flannel", Version: "0.27.3"},
	}
	o.write(t, v1alpha1.AddonRollouts, "", r)
	return o
}

func kind(name string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: name}
}

// write creates an object, or updates what is named of it.
func (o *office) write(t *testing.T, r schema.GroupVersionResource, sub string, object any) {
	t.Helper()
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	unstructured.RemoveNestedField(m, "metadata", "creationTimestamp")
	u, c := &unstructured.Unstructured{Object: m}, o.dynamic(t).Resource(r)
	if sub == "" {
		_, err = c.Create(t.Context(), u, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	} else {
		_, err = c.UpdateStatus(t.Context(), u, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (o *office) register(t *testing.T, name string) {
	t.Helper()
	tier, _, _ := strings.Cut(name, "-")
	o.versions[name] = "0.26.2"
	o.write(t, v1alpha1.ClusterNetworks, "", &v1alpha1.ClusterNetwork{
		TypeMeta: kind("ClusterNetwork"), ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"tier": tier}},
		Spec: v1alpha1.ClusterNetworkSpec{NetworkType: v1alpha1.FlannelOverlay, Connection: &v1alpha1.Connection{
			KubeconfigSecret: v1alpha1.SecretReference{Namespace: "nowhere", Name: name},
		}},
	})
	addOn := v1alpha1.Addon{
		TypeMeta: kind("Addon"), ObjectMeta: metav1.ObjectMeta{Name: hub.AddonName(name, "Flannel")},
		Spec: v1alpha1.AddonSpec{Cluster: name, Addon: "Flannel", Driver: v1alpha1.DriverHelm},
	}
	if name == "prod-3" {
		addOn.Spec.Version, addOn.Spec.Pin = "0.27.3", &v1alpha1.Pin{Reason: "a test"}
	}
	o.write(t, v1alpha1.Addons, "", &addOn)
	a, err := o.hub.Addon(t.Context(), name, "Flannel")
	if err != nil {
		t.Fatal(err)
	}
	a.Status.CurrentInstalledVersion, a.Status.DrivenBy, a.Status.LifecycleState = "0.26.2", "cli", v1alpha1.StateActive
	a.Status.NewestFit = "0.27.3"
	if err := o.hub.SaveAddonStatus(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if name == "prod-2" || name == "prod-3" {
		return // nobody has reached them
	}
	n, err := o.hub.Cluster(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	n.TypeMeta, n.Status.KubernetesVersion = kind("ClusterNetwork"), "v1.34.1"
	n.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: "True", Reason: "Reachable", LastTransitionTime: metav1.Now()}}
	o.write(t, v1alpha1.ClusterNetworks, "status", n)
}

// decide is what a manager does: orders are carried out, a decision is made, and its record is kept.
func (o *office) decide(t *testing.T) rollout.Decision {
	t.Helper()
	r, err := o.hub.Rollout(t.Context(), theRollout)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Microsecond)
	var reports []rollout.Report
	for _, name := range []string{"canary", "prod-1", "prod-2", "prod-3"} {
		reports = append(reports, rollout.Report{
			Cluster: name, Wave: min(1, strings.Count(name, "prod")), Reachable: true, Version: o.versions[name], Settled: !o.told[name], Fit: true, Failed: o.failed[name],
		})
	}
	record := status.RolloutRecord(r.Spec, r.Status)
	if r.Status.Opened == nil {
		record = rollout.Open(o.rules, "Flannel", "0.27.3", time.Time{}, reports, now)
	}
	record, number, refused := status.Obey(record, r.Spec.Orders, r.Status.Obeyed, now)
	d := rollout.Decide(o.rules, record, reports, "", now)
	for _, s := range d.Start {
		o.told[s.Cluster] = true
		delete(o.failed, s.Cluster)
	}
	r.Status = status.Rollout(r.Status, r.Generation, d.Record, d, "")
	r.Status.Obeyed, r.Status.Refused = number, refused
	r.TypeMeta = kind("AddonRollout")
	o.write(t, v1alpha1.AddonRollouts, "status", r)
	return d
}

// ends says how a cluster's move ended.
func (o *office) ends(cluster, version, failed string) {
	o.versions[cluster], o.failed[cluster], o.told[cluster] = version, failed, false
	if failed == "" {
		delete(o.failed, cluster)
	}
}

// verbs are the orders that stand in the record.
func (o *office) verbs(t *testing.T) []string {
	t.Helper()
	r, err := o.hub.Rollout(t.Context(), theRollout)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range r.Spec.Orders {
		out = append(out, fmt.Sprintf("%d %s", one.Number, one.Verb))
		if one.By == "" || one.By == "unknown" || one.At == nil {
			t.Errorf("order %d does not say who gave it, and when: %+v", one.Number, one)
		}
	}
	return out
}

// ordered is what the tests read of an order's result.
type ordered struct {
	Changed bool
	Order   *v1alpha1.Order
}

// People say what they want of a rollout, once, and see what becomes of it. It would catch an order that is given twice, one that goes over
// another's, and one that nobody can carry out.
func TestPeopleGiveARolloutOrders(t *testing.T) {
	o := openOffice(t)
	o.want(t, 2, "rollout", "status", "nothing").says(t, "there are: "+theRollout)
	if out := o.must(t, "rollout", "status", theRollout).out; !strings.Contains(out, "nobody has decided on it yet") {
		t.Errorf("before anybody decided:\n%s", out)
	}
	o.foresees(t)
	o.decide(t)
	o.must(t, "rollout", "status", theRollout).says(t, "no manager drives a cluster of this hub")

	// Nothing is written without a yes, and unknown names say what there is.
	o.want(t, 2, "rollout", "pause", theRollout).says(t, "1 cluster under way change no further node", "add --yes")
	o.want(t, 2, "rollout", "approve", theRollout, "--wave", "nowhere", "--yes").says(t, `has no wave "nowhere"`, "its waves are: canary, prod")
	o.want(t, 2, "rollout", "approve", theRollout, "--yes").says(t, "approve needs --wave")
	o.want(t, 2, "rollout", "retry", theRollout, "--cluster", "mars", "--yes").says(t, `has no cluster "mars"`, "those that failed: none")
	o.want(t, 2, "rollout", "retry", theRollout, "--cluster", "prod-1", "--yes").says(t, "is Pending, and did not fail")
	o.must(t, "rollout", "retry", theRollout, "--yes").says(t, "no cluster is there that failed")
	o.must(t, "rollout", "resume", theRollout, "--yes").says(t, "it is not paused, and nothing failed that is not forgiven")
	o.must(t, "rollout", "approve", theRollout, "--wave", "canary", "--yes").says(t, "has begun already")
	if v := o.verbs(t); len(v) > 0 {
		t.Fatalf("orders: %v", v)
	}

	// A pause is given once, be it carried out or not.
	first := read[ordered](t, o.must(t, "rollout", "pause", theRollout, "--reason", "the net is down", "--yes", "-o", "json"))
	if !first.Changed || first.Order.Number != 1 || first.Order.Reason != "the net is down" {
		t.Errorf("the pause: %+v", first)
	}
	if second := read[ordered](t, o.must(t, "rollout", "pause", theRollout, "--yes", "-o", "json").says(t, "it is paused already, by ")); second.Changed {
		t.Errorf("the second pause: %+v", second)
	}
	if out := o.must(t, "rollout", "status", theRollout).out; !strings.Contains(out, "Not carried out yet: order 1, pause, by ") {
		t.Errorf("an open order:\n%s", out)
	}
	o.decide(t)
	o.must(t, "rollout", "pause", theRollout, "--yes").says(t, "it is paused already, by ", "(the net is down)")
	out := o.must(t, "rollout", "status", theRollout).out
	for _, want := range []string{"Paused: paused by ", "Next: it waits for somebody: addonctl rollout resume " + theRollout, "0 of 4 clusters done, 1 under way", "prod     3", "needed"} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	o.must(t, "rollout", "resume", theRollout, "--yes")
	o.must(t, "rollout", "pause", theRollout, "--yes") // after the resume that nobody has carried out yet, it does make a difference
	o.must(t, "rollout", "resume", theRollout, "--yes")
	if diff := cmp.Diff([]string{"1 pause", "2 resume", "3 pause", "4 resume"}, o.verbs(t)); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	o.decide(t)

	t.Run("a halt", func(t *testing.T) { o.halts(t) })
	t.Run("everybody at once", func(t *testing.T) { o.crowd(t) })
	t.Run("the way to the end", func(t *testing.T) { o.finishes(t) })
	t.Run("taken back", func(t *testing.T) { o.takenBack(t) })
}

// ours are the writes of this process to the hub so far.
func (o *office) ours(t *testing.T) int {
	t.Helper()
	return len(o.Calls(t, func(c testkube.Call) bool {
		return c.Write() && strings.HasPrefix(c.UserAgent, "e2e.test") && !strings.Contains(c.URI, "selfsubject")
	}))
}

// foresees asks what would happen if a release came out now, under a policy that is only in a file. It would catch a simulation that writes, one
// that has other clusters than the manager would, and one that forgets to say who stays.
func (o *office) foresees(t *testing.T) {
	t.Helper()
	before := o.ours(t)
	if before == 0 {
		t.Fatal("the test itself wrote, and the audit log does not show it")
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	policy := func(spec string) {
		text := "apiVersion: addonctl.io/v1alpha1\nkind: UpdatePolicy\nmetadata: {name: fleet}\nspec: " + spec + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	policy("{addons: [Flannel], soak: 1h, waves: [{name: canary, selector: tier=canary}, {name: rest}]}")
	svg := filepath.Join(t.TempDir(), "out.svg")
	out := o.must(t, "rollout", "simulate", "--policy", file, "--runs", "5", "--svg", svg).out
	for _, want := range []string{
		"4 clusters, 5 runs", "A move takes 10m, 95% at most 30m (assumed: no rollout of this hub tells; --takes sets it); 0% fail",
		"0.27.3, opened ", "CatchingUp: 2 of 3 clusters run 0.27.3; 1 cannot be reached", "Ended in 5 of 5 runs, half of them after",
		"left: prod-2 Unreachable", "left: prod-3 Skipped is pinned to 0.27.3", "Soaking for 1h",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	if _, err := os.Stat(svg); err != nil {
		t.Error(err)
	}
	o.must(t, "rollout", "simulate", "--policy", file, "--version", "0.99.0", "--fails", "1").says(t, "the catalog does not know Flannel 0.99.0")
	policy("{addons: [Flannel], paused: true}")
	o.must(t, "rollout", "simulate", "--policy", file).says(t, "spec.paused of policy fleet is true, so no rollout is opened")
	policy("{addons: [Flannel], selector: tier=canary, minimumAge: 720h}")
	out = o.must(t, "rollout", "simulate", "--policy", file, "--version", "0.99.0", "--at", "2027-01-01T00:00:00Z", "--for", "48h").out
	if want := "Waiting: the release is old enough on 2027-01-31"; !strings.Contains(out, want) {
		t.Errorf("want %q in\n%s", want, out)
	}
	policy("{addons: [Flannel], selector: tier=nowhere}")
	o.want(t, 2, "rollout", "simulate", "--policy", file, "--version", "0.27.3").says(t, "takes no cluster of this hub")
	o.want(t, 2, "rollout", "simulate", "--policy", file).says(t, "no cluster of policy fleet would take a newer release of Flannel")
	if after := o.ours(t); after != before {
		t.Errorf("a simulation wrote %d times to the hub", after-before)
	}
}

// halts lets the canary fail, and tries it again.
func (o *office) halts(t *testing.T) {
	t.Helper()
	o.ends("canary", "0.26.2", "the agents crash")
	o.decide(t)
	o.want(t, 4, "rollout", "status", theRollout, "--watch").says(t, "Halted: 1 failed, and 0 may: canary (the agents crash)", "hint: somebody has to look: addonctl rollout retry "+theRollout)
	list := o.must(t, "rollout", "list", "-o", "wide").out
	for _, want := range []string{theRollout, "Halted", "addonctl rollout retry " + theRollout} {
		if !strings.Contains(list, want) {
			t.Errorf("want %q in\n%s", want, list)
		}
	}
	o.must(t, "rollout", "retry", theRollout, "--cluster", "canary", "--reason", "mended", "--yes")
	o.must(t, "rollout", "retry", theRollout, "--cluster", "canary", "--yes").says(t, "they are tried again already: canary")
	o.decide(t)
	o.ends("canary", "0.27.3", "")
	if d := o.decide(t); d.Phase != rollout.Approval {
		t.Errorf("the canary is through, and the phase is %s", d.Phase)
	}
}

// explains asks why a cluster does not move, and what was decided. It would catch an explanation that asks the cluster, and one that does not
// say who has to act.
func (o *office) explains(t *testing.T) {
	t.Helper()
	before := o.ours(t)
	for cluster, wants := range map[string][]string{
		"prod-1": {
			"Runs: 0.26.2", "Now: it does not move: the rollout " + theRollout + " is Approval: wave prod has to be approved",
			"who: addonctl rollout approve " + theRollout + " --wave prod", "order 1 for " + theRollout + ": pause, by ", ": the net is down",
		},
		"prod-2": {"Now: it does not move: "},
		"canary": {"retry, by ", ": mended", "wave canary of " + theRollout + " ended"},
	} {
		out := o.must(t, "explain", "--cluster", cluster, "-o", "wide").out
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s: want %q in\n%s", cluster, want, out)
			}
		}
	}
	past := read[struct{ Records []status.Explanation }](t, o.must(t, "explain", "--cluster", "prod-1", "--at", "2020-01-01T00:00:00Z", "-o", "json"))
	if len(past.Records) != 1 || !strings.Contains(past.Records[0].Ends, "the record begins on ") {
		t.Errorf("before the record: %+v", past)
	}
	o.want(t, 2, "explain", "--cluster", "mars", "--at", "2020-01-01T00:00:00Z").says(t, `there is no record of cluster "mars"`)
	o.want(t, 2, "explain", "--cluster", "prod-1", "--at", "2999-01-01T00:00:00Z").says(t, "has not come yet")
	if after := o.ours(t); after != before {
		t.Errorf("explaining wrote %d times to the hub", after-before)
	}
}

// crowd lets many approve at once, while somebody else writes: one order comes of it.
func (o *office) crowd(t *testing.T) {
	t.Helper()
	before := len(o.verbs(t))
	if out := o.must(t, "rollout", "status", theRollout).out; !strings.Contains(out, "addonctl rollout approve "+theRollout+" --wave prod") {
		t.Errorf("what is waited for:\n%s", out)
	}
	o.explains(t)
	var all sync.WaitGroup
	results := make([]result, 6)
	for i := range results {
		all.Go(func() {
			results[i] = o.runUntil(t.Context(), "rollout", "approve", theRollout, "--wave", "prod", "--reason", fmt.Sprint("person ", i), "--yes", "-o", "json")
		})
	}
	all.Wait()
	given := 0
	for _, r := range results {
		if r.code != 0 {
			t.Errorf("an approval: %s", r)
			continue
		}
		if read[ordered](t, r).Changed {
			given++
		}
	}
	if v := o.verbs(t); given != 1 || len(v) != before+1 {
		t.Errorf("%d orders were given, %v stand", given, v)
	}
}

func (o *office) finishes(t *testing.T) {
	t.Helper()
	out, watched := &heard{}, make(chan int, 1)
	go func() {
		args := []string{"rollout", "status", theRollout, "--watch", "--kubeconfig", o.kubeconfig}
		watched <- cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: out, Err: &heard{}})
	}()
	testkube.Eventually(t, soon, func(context.Context) error {
		if out.first("Approval: wave prod has to be approved").IsZero() {
			return errors.New("the watch has shown nothing")
		}
		return nil
	})
	o.decide(t)
	for range 3 { // 10% of four is one at a time
		for _, name := range []string{"prod-1", "prod-2", "prod-3"} {
			if o.told[name] {
				o.ends(name, "0.27.3", "")
			}
		}
		o.decide(t)
	}
	if code := <-watched; code != 0 || out.first("Finished: 4 of 4 clusters run 0.27.3").IsZero() {
		t.Errorf("watched: exit %d\n%s", code, out)
	}
	if out := o.must(t, "rollout", "status", theRollout, "-o", "wide").out; !strings.Contains(out, "Finished: 4 of 4 clusters run 0.27.3") || strings.Count(out, "0.26.2") != 4 {
		t.Errorf("the end:\n%s", out)
	}
	doc := read[struct {
		Phase, Verdict string
		Waves          []struct {
			Name           string
			Clusters, Done int
			Approval       bool
			Approved       string
		}
		Members []struct{ Cluster, State string }
	}](t, o.must(t, "rollout", "status", theRollout, "-o", "json"))
	if len(doc.Waves) != 2 || doc.Waves[1].Done != 3 || !doc.Waves[1].Approval || !strings.Contains(doc.Waves[1].Approved, "person") || len(doc.Members) != 4 {
		t.Errorf("as JSON: %+v", doc)
	}
}

func (o *office) takenBack(t *testing.T) {
	t.Helper()
	o.must(t, "rollout", "abort", theRollout, "--reason", "enough", "--yes")
	o.must(t, "rollout", "abort", theRollout, "--yes").says(t, "it is aborted already, by ")
	o.want(t, 3, "rollout", "resume", theRollout, "--yes").says(t, "the rollout was aborted by ", "(enough)")
	o.decide(t)
	o.want(t, 3, "rollout", "status", theRollout, "--watch").says(t, "Aborted: aborted by ")
	o.must(t, "rollout", "undo", theRollout, "--reason", "it loses packets", "--yes").says(t, "take 4 clusters back to what they ran before")
	o.must(t, "rollout", "undo", theRollout, "--yes").says(t, "it is taken back already, by ")
	o.want(t, 3, "rollout", "pause", theRollout, "--yes").says(t, "the rollout was taken back by ")
	for range 5 {
		for name := range o.versions {
			if o.told[name] {
				o.ends(name, "0.26.2", "")
			}
		}
		o.decide(t)
	}
	o.want(t, 6, "rollout", "status", theRollout, "--watch").says(t, "Undone: 4 clusters are back")
}

// recalls is what the tests read of a recall's result.
type recalls struct {
	Changed  bool
	Recalls  []v1alpha1.Recall
	Affected struct{ Run, Moving, Pinned []string }
}

// A recall stands in the hub's catalog, which is made where there is none, and says whom it concerns. Clusters are listed as their records say.
func TestReleasesAreRecalledAndClustersListed(t *testing.T) {
	o := openOffice(t)
	o.must(t, "recall", "--list").says(t, "no release is recalled")
	o.must(t, "recall", "--undo", "Flannel", "0.27.3").says(t, "Flannel 0.27.3 is not recalled")
	o.want(t, 2, "recall", "Flannel", "0.27.3", "--yes").says(t, "recall needs --reason")
	o.want(t, 2, "recall", "Flannel", "--reason", "x", "--yes").says(t, "needs VERSION")
	o.want(t, 2, "recall", "flannel", "0.27.3", "--reason", "x", "--yes").says(t, "did you mean Flannel?")
	o.want(t, 2, "recall", "Flannel", "newest", "--reason", "x", "--yes").says(t, `"newest" is no version`)
	o.want(t, 2, "recall", "Flannel", "0.27.3", "--reason", "x").says(t, "pinned to it, and staying: 1 (prod-3)", "add --yes")
	if c, err := o.hub.Catalog(t.Context()); c != nil || err != nil {
		t.Fatalf("a catalog was written: %+v (%v)", c, err)
	}
	first := read[recalls](t, o.must(t, "recall", "Flannel", "v0.26.2", "--reason", "it loses packets", "--yes", "-o", "json"))
	if !first.Changed || len(first.Recalls) != 1 || first.Recalls[0].Version != "0.26.2" || first.Recalls[0].By == "" || first.Recalls[0].At == nil {
		t.Errorf("the recall: %+v", first)
	}
	if diff := cmp.Diff([]string{"canary", "prod-1", "prod-2", "prod-3"}, first.Affected.Run); diff != "" {
		t.Errorf("affected (-want +got):\n%s", diff)
	}
	if again := read[recalls](t, o.must(t, "recall", "Flannel", "0.26.2", "--reason", "other", "--yes", "-o", "json").says(t, "is recalled already: it loses packets")); again.Changed {
		t.Errorf("again: %+v", again)
	}
	o.must(t, "recall", "Flannel", "9.9.9", "--reason", "x", "--yes").says(t, "the catalog of this addonctl has no Flannel 9.9.9")
	if out := o.must(t, "recall", "--list").out; !strings.Contains(out, "it loses packets") || !strings.Contains(out, "9.9.9") {
		t.Errorf("the list:\n%s", out)
	}
	o.must(t, "recall", "--undo", "flannel", "0.26.2", "--yes")
	c, err := o.hub.Catalog(t.Context())
	if err != nil || c == nil || !c.Spec.BuiltIn || len(c.Spec.Recalls) != 1 || c.Spec.Recalls[0].Version != "9.9.9" {
		t.Errorf("the catalog: %+v (%v)", c, err)
	}

	t.Run("clusters", func(t *testing.T) { o.listed(t) })
	t.Run("pins", func(t *testing.T) { o.pins(t) })
	t.Run("completion", func(t *testing.T) { o.completes(t) })
	t.Run("rights", func(t *testing.T) { o.rights(t) })
}

func (o *office) listed(t *testing.T) {
	t.Helper()
	net, err := o.hub.Cluster(t.Context(), "prod-1")
	if err != nil {
		t.Fatal(err)
	}
	since := metav1.NewTime(time.Now().Add(-time.Hour))
	net.TypeMeta = kind("ClusterNetwork")
	net.Status = v1alpha1.ClusterNetworkStatus{
		Manager: "addonctl-system/addon-manager", KubernetesVersion: "v1.36.3", Away: &since,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUnreachable, LastTransitionTime: since}},
	}
	o.write(t, v1alpha1.ClusterNetworks, "status", net)
	out := o.must(t, "cluster", "list", "-l", "tier=prod", "-o", "wide").out
	for _, want := range []string{
		"prod-1   FLANNEL_OVERLAY   v1.36.3      no (for 60m)   Flannel 0.26.2   automatic          addonctl-system/addon-manager",
		"prod-3   FLANNEL_OVERLAY   -            unknown        Flannel 0.26.2   pinned to 0.27.3   cli", "tier=prod", "ACTIVE",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "canary") {
		t.Errorf("the selector takes none of tier canary:\n%s", out)
	}
	o.want(t, 2, "cluster", "list", "-l", "tier in (prod").says(t, "--selector")
	doc := read[struct {
		Clusters []struct{ Name, Reachable string }
	}](t, o.must(t, "cluster", "list", "-o", "json"))
	if len(doc.Clusters) != 4 || doc.Clusters[0].Reachable != "yes" || doc.Clusters[2].Reachable != "unknown" {
		t.Errorf("as JSON: %+v", doc)
	}
	if r := o.must(t, "rollout", "list"); strings.Contains(r.err, "no manager") {
		t.Errorf("a manager drives a cluster: %s", r)
	}
}

// pins pins and un-pins many clusters by their labels. It would catch one that is written though another one is refused, a pin that does not say who
// set it, a wish of a rollout that is left behind, and a record that is written though nothing changes.
func (o *office) pins(t *testing.T) {
	t.Helper()
	for name, kubernetes := range map[string]string{"prod-1": "v1.36.3", "prod-2": "v1.20.0", "prod-3": "v1.34.2"} {
		net, err := o.hub.Cluster(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		net.TypeMeta, net.Status.KubernetesVersion = kind("ClusterNetwork"), kubernetes
		o.write(t, v1alpha1.ClusterNetworks, "status", net)
	}
	addOn := func(name string) *v1alpha1.Addon {
		t.Helper()
		a, err := o.hub.Addon(t.Context(), name, "Flannel")
		if err != nil || a == nil {
			t.Fatalf("%s: %v (%v)", name, a, err)
		}
		return a
	}
	told := addOn("prod-1")
	told.Spec.MoveTo, told.Spec.Rollout = "0.27.3", &v1alpha1.AddonInRollout{Name: theRollout, Hold: v1alpha1.HoldFinishNode}
	if err := o.hub.SaveAddon(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	before := addOn("prod-1").ResourceVersion
	pin := []string{"pin", "-l", "tier=prod", "--version", "0.26.2", "--reason", "a freeze", "--until", "2099-01-07", "--ticket", "NET-1"}
	with := func(more ...string) []string { return append(slices.Clone(pin), more...) }
	shows := func(r result, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(r.out, text) {
				t.Errorf("want %q in:\n%s", text, r.out)
			}
		}
	}
	r := o.want(t, 3, with("--yes")...)
	r.says(t, "refused for 1 cluster; nothing was written", "--skip-unfit")
	shows(r, "prod-2", "Refused", "Flannel 0.26.2 needs Kubernetes 1.31 or later, the cluster runs 1.20.0")
	shows(o.want(t, 0, with("--skip-unfit", "--dry-run")...), "Would", "Refused")
	o.want(t, 2, with("--skip-unfit")...).says(t, "this would change 2 clusters", "add --yes")
	o.want(t, 2, with("--nodes", "roll")...).says(t, "--nodes does not go with --selector")
	o.want(t, 2, "pin", "-l", "", "--version", "0.26.2", "--reason", "x").says(t, "chooses no clusters")
	o.want(t, 2, "unpin", "-l", "tier=none", "--yes").says(t, "no cluster has the labels")
	shows(o.want(t, 3, "pin", "-l", "tier=canary", "--version", "3.3.0", "--reason", "x", "--yes"), "which its network type FLANNEL_OVERLAY has, has no release 3.3.0")
	if addOn("prod-1").ResourceVersion != before {
		t.Fatal("something was written that nobody said yes to, or that was refused")
	}
	r = o.want(t, 7, with("--skip-unfit", "--yes", "-o", "json")...)
	r.says(t, "2 records written, 1 refused, 0 failed")
	a := addOn("prod-1")
	if p := a.Spec.Pin; a.Spec.Version != "0.26.2" || a.Spec.MoveTo != "" || a.Spec.Rollout != nil || p == nil || p.By == "" || p.At == nil || p.Until == nil || p.Ticket != "NET-1" {
		t.Errorf("pinned: %+v, %+v", a.Spec, a.Spec.Pin)
	}
	if addOn("prod-2").Spec.Version != "" || addOn("canary").Spec.Version != "" {
		t.Error("a cluster was pinned that was refused, or not chosen")
	}
	o.want(t, 7, with("--skip-unfit", "--yes")...) // prod-2 is still left out
	if addOn("prod-1").ResourceVersion != a.ResourceVersion {
		t.Error("a record was written, and nothing was to change")
	}
	shows(o.must(t, "unpin", "-l", "tier=prod", "--yes"), "automatic", "Done", "Unchanged")
	if s := addOn("prod-1").Spec; s.Version != "" || s.Pin != nil {
		t.Errorf("un-pinned: %+v", s)
	}
}

func (o *office) completes(t *testing.T) {
	t.Helper()
	o.decide(t)
	o.ends("canary", "0.26.2", "broke")
	o.decide(t)
	for want, args := range map[string][]string{
		theRollout + "\tFlannel 0.27.3 Halted\n": {"rollout", "status"},
		"canary\nprod\n":                         {"rollout", "approve", theRollout, "--wave"},
		"canary\n":                               {"rollout", "retry", theRollout, "--cluster"},
	} {
		// The kubeconfig comes first: what is completed is last.
		args = append([]string{"__complete", args[0], "--kubeconfig", o.kubeconfig}, append(args[1:], "")...)
		if r := o.bare(t, args...); !strings.HasPrefix(r.out, want) || r.code != 0 {
			t.Errorf("%v: %s", args, r)
		}
	}
}

// bare carries out a command line as it stands.
func (o *office) bare(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return result{code, out.String(), errs.String()}
}

// rights runs every command with the role of docs/rights.md, and some command fails without each of its rules.
func (o *office) rights(t *testing.T) {
	t.Helper()
	rules := documented(t)[3]
	user := *o.cluster
	commands := func(name string) [][]string {
		return [][]string{
			{"rollout", "list"},
			{"cluster", "list"},
			{"rollout", "pause", theRollout, "--reason", name, "--yes"},
			{"rollout", "resume", theRollout, "--yes"},
			{"rollout", "status", theRollout},
			{"pin", "-l", "tier=prod", "--version", "0.26.2", "--reason", name, "--skip-unfit", "--yes"},
			{"explain", "--cluster", "prod-1"},
			{"recall", "Flannel", "0.24.4", "--reason", name, "--yes"},
			{"recall", "--undo", "Flannel", "0.24.4", "--yes"},
		}
	}
	if err := o.dynamic(t).Resource(v1alpha1.AddonCatalogs).Delete(t.Context(), v1alpha1.CatalogName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, without := range []string{"clusternetworks", "addons", "addonrollouts", "addoncatalogs", "customresourcedefinitions", "updatepolicies"} {
		less := slices.DeleteFunc(slices.Clone(rules), func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, without) })
		if len(less) != len(rules)-1 {
			t.Fatalf("no rule is about %s alone", without)
		}
		_, user.kubeconfig = o.User(t, "no-"+without, less...)
		failed := false
		for _, args := range commands(without) {
			r := user.run(t, args...)
			failed = failed || r.code == 1 && strings.Contains(r.err, without)
		}
		if !failed {
			t.Errorf("every command comes through without a right to %s", without)
		}
		if c, err := o.hub.Catalog(t.Context()); err != nil || c != nil && without == "customresourcedefinitions" {
			t.Errorf("without %s: catalog %+v (%v)", without, c, err)
		}
		if without == "addonrollouts" { // the next one wants to see no catalog
			_ = o.dynamic(t).Resource(v1alpha1.AddonCatalogs).Delete(t.Context(), v1alpha1.CatalogName, metav1.DeleteOptions{})
		}
	}
	_, user.kubeconfig = o.User(t, "enough", rules...)
	for _, args := range commands("enough") {
		if r := user.run(t, args...); r.code != 0 && (args[0] != "pin" || r.code != 7) { // prod-2 is left out
			t.Errorf("%v: %s", args, r)
		}
	}
}
