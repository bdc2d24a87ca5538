package crash

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// outcome is what a cluster stores beside what a bare one does, without what two equal clusters differ in: UIDs, resource
// versions and times.
type outcome map[string]any

// lease elects who is at work; that of a killed command is left to run out, when there is nothing more to do.
const lease = "/registry/leases/kube-system/addonctl"

func outcomeOf(tb testing.TB, s, bare testkube.State) outcome {
	tb.Helper()
	out := outcome{}
	for key, value := range s.Values {
		if bytes.Equal(value, bare.Values[key]) || key == lease {
			continue
		}
		object, err := decode(value)
		if err != nil {
			tb.Fatalf("reading %s: %v", key, err)
		}
		if strings.HasPrefix(key, "/registry/pods/") {
			key, object = podOf(object)
			for out[key] != nil {
				key += ", one more"
			}
		}
		if m, ok := object.(map[string]any); ok && strings.HasPrefix(key, "/registry/secrets/") {
			unpack(m)
		}
		out[key] = clean(object)
	}
	return out
}

// decode reads a value as the API server stores it: protobuf for what is built in, JSON for the rest.
func decode(value []byte) (any, error) {
	var out any
	if json.Unmarshal(value, &out) == nil {
		return out, nil
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(value, nil, nil)
	if err != nil {
		if runtime.IsNotRegisteredError(err) {
			return "of a kind that clients do not know", nil
		}
		return nil, err
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(data, &out)
}

// podOf names a pod by its node and tells what it is, as its own name is a random one.
func podOf(object any) (string, any) {
	var p corev1.Pod
	data, _ := json.Marshal(object)
	_ = json.Unmarshal(data, &p)
	ready := false
	for _, c := range p.Status.Conditions {
		ready = ready || c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	}
	return fmt.Sprintf("/registry/pods/%s/%s on %s", p.Namespace, p.GenerateName, p.Spec.NodeName), map[string]any{
		"template": p.Labels["controller-revision-hash"], "image": p.Spec.Containers[0].Image, "phase": string(p.Status.Phase), "ready": ready,
	}
}

// unpack shows a Helm release instead of its packed form.
func unpack(secret map[string]any) {
	if secret["type"] != "helm.sh/release.v1" {
		return
	}
	release, err := unpacked(secret)
	if err != nil {
		secret["data"] = "unreadable: " + err.Error()
		return
	}
	if info, ok := release["info"].(map[string]any); ok {
		for _, at := range []string{"first_deployed", "last_deployed", "deleted"} {
			delete(info, at)
		}
	}
	if c, ok := release["chart"].(map[string]any); ok {
		release["chart"] = c["metadata"]
	}
	secret["data"] = release
	metadata, _ := secret["metadata"].(map[string]any)
	if labels, ok := metadata["labels"].(map[string]any); ok {
		delete(labels, "modifiedAt")
		delete(labels, "createdAt")
	}
}

func unpacked(secret map[string]any) (map[string]any, error) {
	data, _ := secret["data"].(map[string]any)
	text, _ := data["release"].(string)
	inner, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(inner)))
	if err != nil {
		return nil, err
	}
	var release map[string]any
	return release, json.NewDecoder(z).Decode(&release)
}

var (
	moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	uid    = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

func nameless(text string) string {
	return moment.ReplaceAllString(uid.ReplaceAllString(text, "UID"), "TIME")
}

// counted is what counts how often a cluster was taken over: a command that was killed and the one that goes on are two takers.
var counted = []string{"addonctl.io/epoch", "f:addonctl.io/epoch"}

// clean drops what two equal objects differ in.
func clean(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			switch {
			case k == "uid", k == "resourceVersion", k == "creationTimestamp", slices.Contains(counted, k):
			case k == "managedFields":
				out[k] = managers(inner)
			default:
				out[nameless(k)] = clean(inner)
			}
		}
		return out
	case []any:
		for i := range v {
			v[i] = clean(v[i])
		}
		return v
	case string:
		return nameless(v)
	default:
		return v
	}
}

// managers are who owns which fields, without those that are counted and whoever owns nothing else.
func managers(v any) any {
	out := map[string]any{}
	entries, _ := v.([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		if fields := prune(clean(entry["fieldsV1"])); fields != nil {
			out[fmt.Sprintf("%v %v %v", entry["manager"], entry["operation"], entry["subresource"])] = fields
		}
	}
	return out
}

// prune drops from owned fields what has nothing in it any more; a leaf is empty and stays.
func prune(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	delete(m, ".")
	for k, inner := range m {
		if branch(k, inner) && prune(inner) == nil {
			delete(m, k)
		}
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

// branch tells whether an owned field can have others in it.
func branch(k string, v any) bool {
	m, _ := v.(map[string]any)
	return len(m) > 0 || k == "f:annotations" || k == "f:metadata"
}

// difference tells in which fields an outcome differs from the wanted one; empty when in none.
func (o outcome) difference(want outcome) string {
	var out []string
	compare("", map[string]any(want), map[string]any(o), &out)
	return strings.Join(out, "\n")
}

// missing stands for a field that is not there.
type missing struct{}

func compare(path string, want, got any, out *[]string) {
	if reflect.DeepEqual(want, got) {
		return
	}
	w, inWant := want.(map[string]any)
	g, inGot := got.(map[string]any)
	if inWant && inGot {
		for _, k := range slices.Sorted(maps.Keys(w)) {
			if _, ok := g[k]; !ok {
				compare(path+" "+k, w[k], missing{}, out)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(g)) {
			if inner, ok := w[k]; ok {
				compare(path+" "+k, inner, g[k], out)
				continue
			}
			compare(path+" "+k, missing{}, g[k], out)
		}
		return
	}
	*out = append(*out, fmt.Sprintf("%s: want %s, got %s", path, short(want), short(got)))
}

func short(v any) string {
	if reflect.DeepEqual(v, missing{}) {
		return "nothing"
	}
	data, _ := json.Marshal(v)
	if len(data) > 300 {
		data = append(data[:300], "..."...)
	}
	return string(data)
}
