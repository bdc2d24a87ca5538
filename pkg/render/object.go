package render

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	plainyaml "go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Phase is a stage of writing; a failure in one stops the later ones.
type Phase int

// The phases, in order. Rules come before the pods that need them, and the workload comes last.
const (
	Definitions   Phase = iota // namespaces and CRDs
	Identity                   // service accounts and RBAC
	Configuration              // what pods read
	Guards                     // admission policies
	Workloads                  // what runs
)

// PhaseOf is the phase in which an object is written. A kind that is not known counts as configuration.
func PhaseOf(o *unstructured.Unstructured) Phase {
	switch o.GetKind() {
	case "Namespace", "CustomResourceDefinition":
		return Definitions
	case "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding":
		return Identity
	case "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding":
		return Guards
	case "DaemonSet", "Deployment", "StatefulSet", "Job", "Pod":
		return Workloads
	default:
		return Configuration
	}
}

// Marks that every object carries. The first three are Helm's, the label is ours; package kube reads them.
const (
	labelManagedBy    = "app.kubernetes.io/managed-by"
	labelAddOn        = "addonctl.io/addon"
	annotationRelease = "meta.helm.sh/release-name"
	annotationNS      = "meta.helm.sh/release-namespace"
	annotationKeep    = "helm.sh/resource-policy"
	annotationHook    = "helm.sh/hook"
)

// mark writes ownership onto the objects, so that Helm knows them as its own, and keeps the live CNI's objects alive
// through a `helm uninstall`.
func mark(objects []*unstructured.Unstructured, addOn catalog.AddOn) error {
	for _, o := range objects {
		for _, field := range []string{"labels", "annotations"} {
			if _, _, err := unstructured.NestedStringMap(o.Object, "metadata", field); err != nil {
				return fmt.Errorf("%s %s: %s have to be text: %w", o.GetKind(), o.GetName(), field, err)
			}
		}
		o.SetLabels(with(o.GetLabels(), map[string]string{labelManagedBy: "Helm", labelAddOn: addOn.Name}))
		o.SetAnnotations(with(o.GetAnnotations(), map[string]string{
			annotationRelease: addOn.Release, annotationNS: addOn.Workload.Namespace, annotationKeep: "keep",
		}))
	}
	return nil
}

func with(m, more map[string]string) map[string]string {
	out := maps.Clone(m)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, more)
	return out
}

// Parse reads the objects of a manifest text; empty documents are skipped. Whole numbers stay whole.
func Parse(manifest string) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	r := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
	for {
		document, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading document %d: %w", len(out)+1, err)
		}
		o := &unstructured.Unstructured{}
		if err := decode(document, &o.Object); err != nil {
			return nil, fmt.Errorf("reading document %d: %w", len(out)+1, err)
		}
		if len(o.Object) == 0 {
			continue
		}
		if o.GetKind() == "" || o.GetAPIVersion() == "" || o.GetName() == "" {
			return nil, fmt.Errorf("document %d has no kind, apiVersion or name", len(out)+1)
		}
		out = append(out, o)
	}
}

func decode(document []byte, into *map[string]any) error {
	text, err := yaml.YAMLToJSON(document)
	if err != nil {
		return err
	}
	return kjson.UnmarshalCaseSensitivePreserveInts(text, into)
}

// Print writes objects as a manifest text: one document each, keys sorted.
func Print(objects []*unstructured.Unstructured) (string, error) {
	var b bytes.Buffer
	for _, o := range objects {
		text, err := plainyaml.Marshal(o.Object) // as sigs.k8s.io/yaml writes it, without its way over JSON
		if err != nil {
			return "", fmt.Errorf("printing %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	return b.String(), nil
}
