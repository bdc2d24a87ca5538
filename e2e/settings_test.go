package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const (
	resourcesKey = "kube-flannel.ContainerResources"
	resources    = `{"limits":{"memory":"300Mi"},"requests":{"memory":"200Mi"}}`
)

// mirror is an overlay that every operator with a registry of their own has, for the releases of before and after the images moved.
const mirror = `
images:
  - {name: docker.io/flannel/flannel, newName: mirror.example/flannel}
  - {name: ghcr.io/flannel-io/flannel, newName: mirror.example/flannel}
patches:
  - target: {kind: DaemonSet, name: kube-flannel-ds}
    patch: |-
      - {op: add, path: /spec/template/spec/tolerations/-, value: {key: edge, operator: Exists}}
`

// What an operator set stays set: through updates, changes and slips, until it is taken away.
func TestAnOperatorsSettingsStay(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	overlay := t.TempDir()
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(mirror), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("a slip writes nothing to a new cluster", c.slips)
	encoded := base64.StdEncoding.EncodeToString([]byte(resources))
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--set-config", resourcesKey+"="+encoded, "--overlay", overlay, "--yes")
	want := set{image: "mirror.example/flannel:v0.26.2", memory: "300Mi", tolerates: true}
	c.has(t, "installed", want)
	t.Run("installing again changes nothing", func(t *testing.T) {
		again := read[act](t, c.must(t, "install", "--network-type", "flannel", "--set-config", resourcesKey+"="+resources, "--yes", "-o", "json"))
		if again.Outcome != "Unchanged" {
			t.Errorf("installing again: %+v", again)
		}
		c.want(t, 3, "install", "--set-config", "numOfReplicas=2", "--yes").says(t, "AlreadyInstalled", "addonctl update --set-config")
	})
	t.Run("they are shown", c.shown)
	c.must(t, "unpin", "--yes")
	c.must(t, "update", "--version", "0.27.3", "--yes")
	want.image = "mirror.example/flannel:v0.27.3"
	c.has(t, "updated", want)
	t.Run("one of them changes", c.changes)
	want.memory = "400Mi"
	c.has(t, "with one of them changed", want)
	t.Run("what another add-on takes is refused", c.refuses)
	t.Run("a record that somebody broke is refused and mended", c.broken)
	t.Run("a record that was deleted takes nothing with it", func(t *testing.T) { c.deleted(t, overlay) })
	c.has(t, "after slips", want)
	c.must(t, "update", "--set-config", resourcesKey+"=", "--overlay", "", "--yes")
	c.has(t, "taken away", set{image: "ghcr.io/flannel-io/flannel:v0.27.3"})
	if p := read[act](t, c.must(t, "update", "--yes", "-o", "json")); p.Outcome != "Unchanged" {
		t.Errorf("after taking them away: %+v", p)
	}
	t.Run("they may change in the middle of a move", c.changesInMidMove)
}

// set is what shows of settings on the live DaemonSet, and on every pod.
type set struct {
	image, memory string
	tolerates     bool
}

func (c *cluster) has(t *testing.T, when string, want set) {
	t.Helper()
	spec := c.daemonSet(t).Spec.Template.Spec
	if got := setOf(&spec); got != want {
		t.Errorf("%s, the DaemonSet has %+v, want %+v", when, got, want)
	}
	for _, p := range c.pods(t) {
		if got := setOf(&p.Spec); got != want {
			t.Errorf("%s, pod %s has %+v, want %+v", when, p.Name, got, want)
		}
	}
}

func setOf(p *corev1.PodSpec) set {
	out := set{image: p.Containers[0].Image, tolerates: slices.ContainsFunc(p.Tolerations, func(t corev1.Toleration) bool { return t.Key == "edge" })}
	if limit, ok := p.Containers[0].Resources.Limits[corev1.ResourceMemory]; ok {
		out.memory = limit.String()
	}
	return out
}

func (c *cluster) slips(t *testing.T) {
	c.want(t, 2, "install", "--network-type", "flannel", "--set-config", "kube-flannel.containerResources="+resources, "--yes").
		says(t, "--set-config", `"kube-flannel.containerResources"`, resourcesKey)
	c.want(t, 2, "install", "--network-type", "flannel", "--set-config", resourcesKey+`={"limit":{}}`, "--yes").says(t, resourcesKey, "limit")
	c.want(t, 3, "install", "--network-type", "flannel", "--set-config", "install-cni-ips.ContainerResources="+resources, "--yes").
		says(t, "BadConfiguration", `no configuration key "install-cni-ips.ContainerResources"`, resourcesKey)
	if a, err := c.dynamic(t).Resource(v1alpha1.Addons).List(t.Context(), metav1.ListOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("our definitions were written: %v, %v", a, err)
	}
	if _, err := c.Client().CoreV1().ConfigMaps(system).Get(t.Context(), hub.StampName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the cluster was stamped: %v", err)
	}
}

func (c *cluster) shown(t *testing.T) {
	if s := c.must(t, "status", "-o", "wide").out; !strings.Contains(s, "configuration "+resourcesKey+"; an overlay of 1 file") {
		t.Errorf("status:\n%s", s)
	}
	type report struct {
		Settings struct{ Configurations, Overlay []string }
	}
	var want report
	want.Settings.Configurations, want.Settings.Overlay = []string{resourcesKey}, []string{"kustomization.yaml"}
	if diff := cmp.Diff(want, read[report](t, c.must(t, "status", "-o", "json"))); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// changes changes one key: the nodes take it once, the version stays, and asking again does nothing.
func (c *cluster) changes(t *testing.T) {
	before, revisions := c.daemonSet(t).Generation, c.controllerRevisions(t)
	other := strings.ReplaceAll(resources, "300Mi", "400Mi")
	if p := c.must(t, "plan", "--set-config", resourcesKey+"="+other).out; !strings.Contains(p, "configure DaemonSet kube-flannel-ds") ||
		!strings.Contains(p, "configuration "+resourcesKey+" is set") {
		t.Errorf("plan:\n%s", p)
	}
	r := c.must(t, "update", "--set-config", resourcesKey+"="+other, "--yes", "-o", "json").
		says(t, "Flannel stays at 0.27.3, with other settings (updates are automatic)", "SettingsChanged")
	done := read[act](t, r)
	if done.Outcome != "Done" || done.Version != "0.27.3" || done.State != "UpToDate" || done.Revision != 3 {
		t.Errorf("changing a key: %+v", done)
	}
	written := c.versions(t)
	encoded := base64.StdEncoding.EncodeToString([]byte(other))
	for _, again := range [][]string{{"update", "--yes"}, {"update", "--yes", "--set-config", resourcesKey + "=" + other}, {"update", "--yes", "--set-config", resourcesKey + "=" + encoded}} {
		if got := read[act](t, c.must(t, append(again, "-o", "json")...)); got.Outcome != "Unchanged" {
			t.Errorf("%v: %+v", again, got)
		}
	}
	if diff := cmp.Diff(written, c.versions(t)); diff != "" {
		t.Errorf("asking again wrote something (-before +after):\n%s", diff)
	}
	if g, r := c.daemonSet(t).Generation, c.controllerRevisions(t); g != before+1 || r != revisions+1 {
		t.Errorf("generation %d, then %d; %d revisions of the template, then %d: want one more of each", before, g, revisions, r)
	}
}

func (c *cluster) controllerRevisions(t *testing.T) int {
	t.Helper()
	l, err := c.Client().AppsV1().ControllerRevisions(system).List(t.Context(), metav1.ListOptions{LabelSelector: "app=flannel"})
	if err != nil {
		t.Fatal(err)
	}
	return len(l.Items)
}

// versions are the resourceVersions of all that a refused command could have written. What controllers write of their own
// accord has come to rest.
func (c *cluster) versions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	a, err := c.dynamic(t).Resource(v1alpha1.Addons).Get(t.Context(), "in-cluster.flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out["addon"] = fmt.Sprint(a.GetResourceVersion(), " generation ", a.GetGeneration())
	out["daemonset"] = fmt.Sprint("generation ", c.daemonSet(t).Generation)
	secrets, err := c.Client().CoreV1().Secrets(system).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets.Items {
		out["secret "+s.Name] = s.ResourceVersion
	}
	maps, err := c.Client().CoreV1().ConfigMaps(system).List(t.Context(), metav1.ListOptions{LabelSelector: "addonctl.io/addon"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps.Items {
		out["configmap "+m.Name] = m.ResourceVersion
	}
	return out
}

func (c *cluster) refuses(t *testing.T) {
	before := c.versions(t)
	c.want(t, 2, "update", "--set-config", "toleration=[]", "--yes").says(t, `"toleration"`, "tolerations")
	c.want(t, 3, "update", "--set-config", "install-cni-ips.ContainerResources="+resources, "--yes").says(t, "BadConfiguration", resourcesKey)
	bad := t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, "kustomization.yaml"), []byte("namePrefix: my-\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.want(t, 3, "update", "--overlay", bad, "--yes").says(t, "refused")
	values := filepath.Join(bad, "values.yaml")
	if err := os.WriteFile(values, []byte("namespace: kube-flannel\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.want(t, 3, "update", "--values", values, "--yes").says(t, "BadSettings", "DaemonSet kube-system/kube-flannel-ds")
	if diff := cmp.Diff(before, c.versions(t)); diff != "" {
		t.Errorf("a refused change wrote something (-before +after):\n%s", diff)
	}
}

// broken writes a key into the record by hand that the release does not have.
func (c *cluster) broken(t *testing.T) {
	_, err := c.dynamic(t).Resource(v1alpha1.Addons).Patch(t.Context(), "in-cluster.flannel", types.JSONPatchType,
		[]byte(`[{"op":"add","path":"/spec/configurations/-","value":{"key":"mtu","value":"1400"}}]`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	generation := c.daemonSet(t).Generation
	if s := c.must(t, "status").out; !strings.Contains(s, "Blocked") || !strings.Contains(s, `no configuration key "mtu"`) {
		t.Errorf("status:\n%s", s)
	}
	c.want(t, 3, "update", "--yes").says(t, "BadConfiguration", `"mtu"`)
	c.must(t, "update", "--set-config", "mtu=", "--yes")
	if s := c.must(t, "status").out; !strings.Contains(s, "UpToDate") || c.daemonSet(t).Generation != generation {
		t.Errorf("after mending, generation %d, then %d, status:\n%s", generation, c.daemonSet(t).Generation, s)
	}
}

// deleted deletes the record, and the settings in it.
func (c *cluster) deleted(t *testing.T, overlay string) {
	t.Helper()
	if err := c.dynamic(t).Resource(v1alpha1.Addons).Delete(t.Context(), "in-cluster.flannel", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	generation := c.daemonSet(t).Generation
	c.want(t, 3, "update", "--yes").says(t, "SettingsLost", "--values ''")
	c.want(t, 3, "install", "--yes").says(t, "SettingsLost")
	other := strings.ReplaceAll(resources, "300Mi", "400Mi")
	c.must(t, "update", "--set-config", resourcesKey+"="+other, "--overlay", overlay, "--yes")
	if s := c.must(t, "status").out; !strings.Contains(s, "UpToDate") || c.daemonSet(t).Generation != generation {
		t.Errorf("after giving them again, generation %d, then %d, status:\n%s", generation, c.daemonSet(t).Generation, s)
	}
}

// changesInMidMove changes a setting while the first node cannot take the release that is on its way. The DaemonSet controller rolls, so
// that OKE's key for its strategy shows.
func (c *cluster) changesInMidMove(t *testing.T) {
	if err := c.Play(t.Context(), sandbox.Fault{Name: "pull", Image: ":v0.26.2", Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 4, "update", "--version", "0.26.2", "--nodes", "rolling-update", "--on-failure", "hold", "--yes")
	c.want(t, 4, "update", "--set-config", `rollingUpdate={"maxUnavailable":2}`, "--set-config", resourcesKey+"="+resources, "--yes")
	c.heals(t, "pull")
	c.running(t, system, 2)
	done := read[act](t, c.must(t, "update", "--yes", "--timeout", "2m", "-o", "json"))
	if done.Outcome != "Done" || done.Version != "0.26.2" || done.State != "UpToDate" || done.Previous != "0.27.3" {
		t.Errorf("after a change in mid-move: %+v", done)
	}
	c.has(t, "after a change in mid-move", set{image: "docker.io/flannel/flannel:v0.26.2", memory: "300Mi"})
	if s := c.daemonSet(t).Spec.UpdateStrategy; s.Type != appsv1.RollingUpdateDaemonSetStrategyType || s.RollingUpdate.MaxUnavailable.String() != "2" {
		t.Errorf("the strategy is %+v", s)
	}
	history := read[struct {
		Revisions []struct {
			Version, Status string
		}
	}](t, c.must(t, "history", "-o", "json"))
	var states []string
	for _, r := range history.Revisions[:3] {
		states = append(states, r.Version+" "+r.Status)
	}
	if want := "0.26.2 deployed, 0.26.2 failed, 0.27.3 superseded"; strings.Join(states, ", ") != want {
		t.Errorf("history %v, want %s", states, want)
	}
}
