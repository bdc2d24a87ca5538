package hub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// keeper records wishes with settings.
type keeper struct {
	*hub.Hub
	client *kube.Client
	seen   plan.Desired
}

func (k *keeper) wish(s plan.Settings) hub.Wish {
	return hub.Wish{
		Cluster: "in-cluster", NetworkType: v1alpha1.FlannelOverlay, UID: "uid-1", Seen: k.seen,
		Desired: plan.Desired{AddOn: "Flannel", Settings: s},
	}
}

// keeps saves settings and reads them back; it returns the record's resourceVersion.
func (k *keeper) keeps(t *testing.T, s plan.Settings) string {
	t.Helper()
	if err := k.Save(t.Context(), k.client, k.wish(s)); err != nil {
		t.Fatal(err)
	}
	a, err := k.Addon(t.Context(), "in-cluster", "Flannel")
	if err != nil {
		t.Fatal(err)
	}
	if k.seen, err = hub.Desired(a.Spec); err != nil || !k.seen.Settings.Equal(s) {
		t.Fatalf("kept %+v (%v), want %+v", k.seen.Settings, err, s)
	}
	return a.ResourceVersion
}

func TestSettingsAreKeptAsTheyAreMeantOnARealAPIServer(t *testing.T) {
	t.Parallel()
	c := client(t, testkube.Start(t, testkube.Options{}))
	k := &keeper{Hub: hub.New(c), client: c}
	k.keeps(t, plan.Settings{})
	all := plan.Settings{
		Configurations: map[string]string{"rollingUpdate": `{"maxUnavailable": 1}`, "kube-flannel.ContainerResources": "eyJsaW1pdHMiOnsiY3B1IjoiMSJ9fQ=="},
		Values:         map[string]any{"backend": map[string]any{"port": int64(4789), "deep": []any{true, nil, 1.5, "x"}}},
		Overlay:        map[string]string{"kustomization.yaml": "patches: []\n", "patches/a.yaml": "# \u00e9\n"},
	}
	version := k.keeps(t, all)
	// What means the same is not written again, and keeps the words that somebody chose.
	same := all
	same.Configurations = map[string]string{"rollingUpdate": "eyJtYXhVbmF2YWlsYWJsZSI6MX0=", "kube-flannel.ContainerResources": `{"limits":{"cpu":"1"}}`}
	if now := k.keeps(t, same); now != version {
		t.Errorf("the record was written for settings that mean the same: %s, then %s", version, now)
	}
	if v := k.seen.Settings.Configurations["rollingUpdate"]; v != `{"maxUnavailable": 1}` {
		t.Errorf("a value was rewritten as %s", v)
	}
	t.Run("settings that were not seen are not written over", k.raced)
	t.Run("what no record may hold is refused by the API server", k.refused)
	k.keeps(t, plan.Settings{})
	u, err := c.Dynamic.Resource(v1alpha1.Addons).Get(t.Context(), "in-cluster.flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range settingsFields {
		if _, there, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", field); there {
			t.Errorf("spec.%s is left: %v", field, u.Object["spec"])
		}
	}
	t.Run("an older definition is told of", k.outdated)
}

var settingsFields = []string{"configurations", "values", "overlay"}

func (k *keeper) raced(t *testing.T) {
	late := k.wish(plan.Settings{Overlay: map[string]string{"kustomization.yaml": "late"}})
	late.Seen = plan.Desired{AddOn: "Flannel"}
	if err := k.Save(t.Context(), k.client, late); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("writing over settings that were not seen: %v", err)
	}
}

func (k *keeper) refused(t *testing.T) {
	var keys, files []string
	for i := range 201 {
		keys = append(keys, fmt.Sprintf(`{"key":"k%d","value":"1"}`, i))
		files = append(files, fmt.Sprintf(`"f%d":"x"`, i))
	}
	for name, body := range map[string]string{
		"a key that is no name":  `{"configurations":[{"key":"../x","value":"1"}]}`,
		"a key without a value":  `{"configurations":[{"key":"x","value":""}]}`,
		"a key given twice":      `{"configurations":[{"key":"x","value":"1"},{"key":"x","value":"2"}]}`,
		"too many keys":          `{"configurations":[` + strings.Join(keys[:51], ",") + `]}`,
		"too long a value":       `{"configurations":[{"key":"x","value":"` + strings.Repeat("x", 65537) + `"}]}`,
		"values that are no map": `{"values":[1]}`,
		"too many files":         `{"overlay":{` + strings.Join(files, ",") + `}}`,
		"too long a file":        `{"overlay":{"f":"` + strings.Repeat("x", 262145) + `"}}`,
	} {
		_, err := k.client.Dynamic.Resource(v1alpha1.Addons).Patch(t.Context(), "in-cluster.flannel", types.MergePatchType,
			[]byte(`{"spec":`+body+`}`), metav1.PatchOptions{})
		if !apierrors.IsInvalid(err) {
			t.Errorf("%s: %v, want it refused as invalid", name, err)
		}
	}
}

// outdated takes the fields out of the definition, as it was before there were settings. Records without settings go on; one
// with them is not written in part.
func (k *keeper) outdated(t *testing.T) {
	definitions, err := hub.Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions {
		if strings.HasPrefix(d.GetName(), "addons.") {
			k.age(t, d)
		}
	}
	wish := k.wish(plan.Settings{Configurations: map[string]string{"rollingUpdate": `{"maxUnavailable": 1}`}})
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if err := k.Save(ctx, k.client, wish); !errors.Is(err, hub.ErrOldDefinition) || !strings.Contains(err.Error(), "manifests/crds") {
			return fmt.Errorf("settings with an older definition: %w", err)
		}
		return nil
	})
	wish.Desired.Settings, wish.Desired.MoveTo = plan.Settings{}, "0.27.3"
	if err := k.Save(t.Context(), k.client, wish); err != nil {
		t.Errorf("a wish without settings: %v", err)
	}
}

func (k *keeper) age(t *testing.T, definition *unstructured.Unstructured) {
	t.Helper()
	live, err := k.client.Get(t.Context(), definition)
	if err != nil {
		t.Fatal(err)
	}
	versions, _, err := unstructured.NestedSlice(live.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		for _, field := range settingsFields {
			unstructured.RemoveNestedField(v.(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties", field)
		}
	}
	if err := unstructured.SetNestedSlice(live.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	r, err := k.client.Resource(live)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
