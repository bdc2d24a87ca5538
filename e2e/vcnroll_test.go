package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/testkube"
	"github.com/addonctl/addonctl/pkg/version"
)

// okeGuard is a guard as OKE might have it: its body is not public, its names are (facts: OKE 2.6).
const okeGuard = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
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
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: npn-pod-deletion-deny-policy-binding, labels: {owner: oke}, annotations: {note: theirs}}
spec: {policyName: npn-pod-deletion-deny-policy, validationActions: [Deny, Audit]}
`

// vcnRoll moves VCN-native over all nodes, one by one.
var vcnRoll = append([]string{"update", "--version", "3.3.0", "--nodes", "roll", "--yes"}, byNode...)

// vcnRolled is a cluster whose nodes are changed, and somebody who broke the glass: addonctl's guard lets them through, so that the
// plugin's own alone decides.
type vcnRolled struct {
	*vcnCluster
	other kubernetes.Interface
}

// pluginPods are the name and the revision of the plugin's pod on each node.
func (c *vcnRolled) pluginPods(t *testing.T) map[string][2]string {
	t.Helper()
	list, err := c.Client().CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{LabelSelector: vcnAgents})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][2]string{}
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			out[p.Spec.NodeName] = [2]string{p.Name, p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]}
		}
	}
	return out
}

// guardAs is what the guard says: labels, annotations and spec of both objects, and that they are the same objects.
func (c *vcnRolled) guardAs(t *testing.T) map[string]any {
	t.Helper()
	api := c.Client().AdmissionregistrationV1()
	p, err := api.ValidatingAdmissionPolicies().Get(t.Context(), guard, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := api.ValidatingAdmissionPolicyBindings().Get(t.Context(), guard+"-binding", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"policy labels": p.Labels, "policy annotations": p.Annotations, "policy": p.Spec,
		"binding labels": b.Labels, "binding annotations": b.Annotations, "binding": b.Spec, "UIDs": string(p.UID + " " + b.UID),
	}
}

// otherDeletes asks whether the one who broke the glass could delete an agent.
func (c *vcnRolled) otherDeletes(ctx context.Context) error {
	list, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: vcnAgents})
	if err != nil {
		return err
	}
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			return c.other.CoreV1().Pods(system).Delete(ctx, p.Name, dryRun)
		}
	}
	return errors.New("there is no agent to try with")
}

// deniesOthers is nil while the plugin's guard denies somebody whom addonctl's own guard lets through.
func (c *vcnRolled) deniesOthers(ctx context.Context) error {
	err := c.otherDeletes(ctx)
	if err != nil && strings.Contains(err.Error(), "with binding '"+guard+"-binding' denied request") {
		return nil
	}
	return fmt.Errorf("the plugin's guard does not deny: %v", err) //nolint:errorlint // nil is an answer here
}

// guarded fails unless the guard is what it was and denies right now, without waiting.
func (c *vcnRolled) guarded(t *testing.T, before map[string]any) {
	t.Helper()
	if err := c.deniesOthers(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.tryDelete(t.Context()); err == nil {
		t.Error("an administrator may delete an agent")
	}
	if diff := cmp.Diff(before, c.guardAs(t)); diff != "" {
		t.Errorf("the guard is another (-before +after):\n%s", diff)
	}
}

// killable is a cluster on its way, the program itself, and a proxy between them.
type killable struct {
	*vcnRolled
	program string
	proxy   *testkube.Proxy
	order   []string // of the nodes
	// before the roll
	guard map[string]any
	pods  map[string][2]string
}

// VCN-native goes from 2.3.0 to 3.3.0 behind OKE's guard in four runs of the program: one is killed before its first pod is deleted,
// one right after, one is interrupted, and the last finishes. It would catch a guard that stays lifted after Ctrl-C or beside the next
// run, one that comes back as another, a second run that deletes before it restores, a node that is changed twice, and whatever else
// is deleted. That the guard really was lifted in between is tried too: a test of a guard that is never lifted would pass otherwise.
func TestVCNNativeRollsBehindItsGuardThoughItIsKilled(t *testing.T) {
	c := &killable{vcnRolled: &vcnRolled{vcnCluster: &vcnCluster{cluster: start(t, testkube.Options{Nodes: 5, Audit: true})}}}
	c.program, c.proxy, c.order = built(t), c.Proxy(t), c.cluster.order(t)
	c.must(t, "install", "--network-type", "vcn-native", "--version", "2.3.0", "--yes")
	c.must(t, "unpin", "--yes")
	c.other = c.breaker(t)
	c.guard, c.pods = c.guardAs(t), c.pluginPods(t)
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"without --nodes no pod changes", c.holds},
		{"OKE puts its guard in the place of ours", c.okeGuards},
		{"killed before the first pod is deleted", c.killedBefore},
		{"killed when it is deleted", c.killedAfter},
		{"interrupted while the guard is lifted", c.interrupted},
		{"the last run finishes", c.finishes},
	} {
		if !t.Run(step.name, step.run) {
			return // later steps stand on it
		}
	}
}

// built is the program itself.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "addonctl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../cmd/addonctl").CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	return path
}

// nodesChanged fails unless the pods of just these nodes are others than before the roll.
func (c *killable) nodesChanged(t *testing.T, want ...string) {
	t.Helper()
	if got := changed(c.pods, c.pluginPods(t), 0); !slices.Equal(got, sorted(want)) {
		t.Errorf("the pods of %v were made anew, want %v", got, want)
	}
}

func (c *killable) holds(t *testing.T) {
	t.Helper()
	r := c.want(t, 5, "update", "--version", "3.3.0", "--yes", "-o", "json").says(t, "no node was touched", "--nodes=roll", "--nodes=replace")
	if a := read[act](t, r); a.Outcome != "Held" || a.Version != "3.3.0" || a.Nodes.Updated != 0 || a.Nodes.Total != 5 {
		t.Errorf("%+v", a)
	}
	c.nodesChanged(t)
	c.guarded(t, c.guard)
}

func (c *killable) okeGuards(t *testing.T) {
	t.Helper()
	if out, err := c.tryKubectl(t, "delete", "validatingadmissionpolicybinding/"+guard+"-binding", "validatingadmissionpolicy/"+guard); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.await(t, c.otherDeletes) // the new one is not taken for the old
	c.pipe(t, okeGuard, "create", "--field-manager=oke", "-f", "-")
	c.await(t, c.deniesOthers)
	c.guard = c.guardAs(t)
}

// process is a run of the program that is to be killed or interrupted.
type process struct {
	*exec.Cmd
	out, err bytes.Buffer
	ended    chan struct{}
}

// kill returns when the process is gone.
func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended by itself
	<-p.ended
}

// rolls runs the program through the proxy, and does something at each deletion of a pod that is no dry run. The result's code is -1 when
// it was killed.
func (c *killable) rolls(t *testing.T, at func(*process) testkube.Fault) result {
	t.Helper()
	p, started := &process{ended: make(chan struct{})}, make(chan struct{})
	args := slices.Concat(vcnRoll, []string{"--kubeconfig", c.proxy.KubeconfigPath(), "--catalog", c.catalog})
	p.Cmd = exec.CommandContext(t.Context(), c.program, args...)
	p.Stdout, p.Stderr = &p.out, &p.err
	c.proxy.Plan(func(_ int, call testkube.Passed) testkube.Fault {
		if call.Method == http.MethodDelete && strings.Contains(call.Path, "/pods/") {
			<-started // only then is there a process to kill
			return unlessDry(at(p))
		}
		return nil
	})
	err := p.Start()
	close(started)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // how it ended is read from its state
		close(p.ended)
	}()
	<-p.ended
	return result{p.ProcessState.ExitCode(), p.out.String(), p.err.String()}
}

// unlessDry passes dry runs on, which ask so in their bodies.
func unlessDry(fault testkube.Fault) testkube.Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte(metav1.DryRunAll)) {
				next.ServeHTTP(w, r)
				return
			}
			fault(next).ServeHTTP(w, r)
		})
	}
}

// killedBefore ends a run whose first deletion the server never hears of.
func (c *killable) killedBefore(t *testing.T) {
	t.Helper()
	r := c.rolls(t, func(p *process) testkube.Fault { return testkube.Both(testkube.Before(p.kill), testkube.Cut) })
	if r.code != -1 {
		t.Fatalf("it was not killed: %s", r)
	}
	c.isLifted(t)
	c.nodesChanged(t)
}

// isLifted fails unless others may delete agents, and `status` says so and tells what comes first.
func (c *killable) isLifted(t *testing.T) {
	t.Helper()
	if err := c.otherDeletes(t.Context()); err != nil {
		t.Fatalf("the guard is not lifted, and this test shows nothing: %v", err)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "THE GUARD OF THE AGENTS' PODS IS LIFTED") || !strings.Contains(s, "go on with: addonctl update --version 3.3.0") {
		t.Errorf("status:\n%s", s)
	}
	if s := read[struct{ GuardLifted bool }](t, c.must(t, "status", "-o", "json")); !s.GuardLifted {
		t.Error("status does not say that the guard is lifted")
	}
	if p := read[struct{ Steps []struct{ Kind string } }](t, c.must(t, "plan", "-o", "json")); len(p.Steps) < 2 || p.Steps[0].Kind != "Relock" {
		t.Errorf("the plan is %+v", p)
	}
	// Whoever is refused changes nothing, and is told.
	c.want(t, 3, "update", "--version", "9.9.9", "--yes").says(t, "UnknownVersion", "THE GUARD OF THE AGENTS' PODS IS LIFTED")
}

// killedAfter ends the next run right after its first deletion.
func (c *killable) killedAfter(t *testing.T) {
	t.Helper()
	r := c.rolls(t, func(p *process) testkube.Fault { return testkube.CutAfter(p.kill) })
	if r.code != -1 {
		t.Fatalf("it was not killed: %s", r)
	}
	c.restoredFirst(t, r)
	c.isLifted(t)
	c.nodesChanged(t, c.order[0])
}

// restoredFirst fails unless the run restored the guard before it touched anything else of the CNI but the marks of the fence, and before
// it asked any pod to go.
func (c *killable) restoredFirst(t *testing.T, r result) {
	t.Helper()
	r.says(t, "restore the guard of the agents' pods")
	for _, call := range c.proxy.Calls() {
		if call.Method == http.MethodDelete || call.Method == http.MethodPatch && !strings.Contains(call.Path, "fieldManager=addonctl-fence") {
			if call.Method != http.MethodPatch || !strings.Contains(call.Path, guard+"-binding") {
				t.Errorf("what it did first: %s", call)
			}
			return
		}
	}
	t.Errorf("it did nothing: %s", r)
}

// interrupted presses Ctrl-C while a deletion is under way, of which the server never hears.
func (c *killable) interrupted(t *testing.T) {
	t.Helper()
	hit := false
	r := c.rolls(t, func(p *process) testkube.Fault {
		return testkube.Both(testkube.Before(func() {
			hit = true
			if err := c.otherDeletes(t.Context()); err != nil {
				t.Errorf("the guard is not lifted: %v", err)
			}
			if err := p.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}), c.proxy.HalfOpen())
	})
	if r.code != 130 || !hit {
		t.Fatalf("it was not interrupted: %s", r)
	}
	c.guarded(t, c.guard)
	c.restoredFirst(t, r)
	c.nodesChanged(t, c.order[0])
	if s := c.must(t, "status").out; strings.Contains(s, "LIFTED") {
		t.Errorf("status:\n%s", s)
	}
}

func (c *killable) finishes(t *testing.T) {
	t.Helper()
	r := c.rolls(t, func(*process) testkube.Fault { return func(next http.Handler) http.Handler { return next } })
	if r.code != 0 {
		t.Fatal(r)
	}
	c.guarded(t, c.guard)
	c.nodesChanged(t, c.order...)
	if got := changed(c.pods, c.pluginPods(t), 1); !slices.Equal(got, sorted(c.order)) {
		t.Errorf("%v run the new release", got)
	}
	var gone, want []string
	for _, call := range c.Calls(t, carriedOut) {
		gone = append(gone, call.Object.Resource+" "+call.Object.Name)
	}
	for _, p := range c.pods {
		want = append(want, "pods "+p[0])
	}
	if diff := cmp.Diff(sorted(want), sorted(gone)); diff != "" {
		t.Errorf("what addonctl deleted (-the old pods +got):\n%s", diff)
	}
}

// carriedOut tells the deletions by addonctl that the server carried out.
func carriedOut(c testkube.Call) bool {
	return changing(c) && strings.HasPrefix(c.Verb, "delete") && strings.HasPrefix(c.User.Username, "system:") && c.Response.Code < 300 &&
		!bytes.Contains(c.Request, []byte(`"dryRun"`))
}

// A release that crashes on the second node, behind a guard that OKE laid out and that was adopted with the rest: exit 4, that node runs
// the old release again, and the guard is what it was before the update, and denies. It would catch a halt or a way back that leaves the
// guard lifted, and a way back that leaves another guard than was there.
func TestVCNNativeHaltsBehindItsGuard(t *testing.T) {
	c := &vcnRolled{vcnCluster: &vcnCluster{cluster: start(t, testkube.Options{Nodes: 4})}}
	c.byOKE(t)
	c.must(t, "adopt", "--automatic", "--yes")
	c.other = c.breaker(t)
	c.guarded(t, c.guardAs(t))
	before, pods, order := c.guardAs(t), c.pluginPods(t), c.order(t)
	c.crashesOn(t, ":v3.3.0", order[1])

	c.want(t, 4, append(slices.Clone(vcnRoll), "--ready-for", "5s")...).
		says(t, "halted at "+order[1], "agent-", order[1]+" runs OciVcnIpNative 2.3.0 again", "1 node keeps 3.3.0")
	c.guarded(t, before)
	after := c.pluginPods(t)
	if got := changed(pods, after, 0); !slices.Equal(got, sorted(order[:2])) {
		t.Errorf("the pods of %v were made anew, want those of the first two nodes, %v", got, order[:2])
	}
	if got := changed(pods, after, 1); !slices.Equal(got, order[:1]) {
		t.Errorf("%v run the new release, want the first node, %s", got, order[0])
	}
}

// byOKE lays VCN-native 2.3.0 out as OKE's add-on manager might, behind a guard of its own.
func (c *vcnRolled) byOKE(t *testing.T) {
	t.Helper()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := shipped.AddOn("OciVcnIpNative")
	r, _ := a.Find(version.MustParse("2.3.0"))
	out, err := render.Release(os.DirFS("../charts"), a, r, render.Settings{
		Kubernetes: version.MustParse(c.Version()), Values: map[string]any{"minReadySeconds": 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := okeGuard
	for _, o := range out.Objects {
		if o.GetName() == guard || o.GetName() == guard+"-binding" {
			continue
		}
		o.SetLabels(map[string]string{"owner": "oke"})
		o.SetAnnotations(nil)
		data, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		text += "---\n" + string(data)
	}
	c.pipe(t, text, "create", "--field-manager=oke", "-f", "-")
	c.await(t, func(ctx context.Context) error {
		d, err := c.Client().AppsV1().DaemonSets(system).Get(ctx, vcnNative, metav1.GetOptions{})
		if err == nil && d.Status.NumberAvailable != 4 {
			err = fmt.Errorf("%d agents are available", d.Status.NumberAvailable)
		}
		return err
	})
}
