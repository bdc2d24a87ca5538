package testkube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// ClusterAPI is the resource of Clusters of Cluster API in a version.
func ClusterAPI(version string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "cluster.x-k8s.io", Version: version, Resource: "clusters"}
}

// ServeClusterAPI makes the API server serve Clusters of Cluster API in these versions, v1beta1 and v1beta2, and in no other; none serves none.
// The definition is ours, with those fields of Cluster API's that tell how a cluster stands, and no controllers behind it. Both versions know the
// fields of both, because nothing converts them: an object has in each version what it was written with.
func (c *Cluster) ServeClusterAPI(tb testing.TB, versions ...string) {
	tb.Helper()
	client, err := dynamic.NewForConfig(c.config)
	check(tb, err)
	api := client.Resource(apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions"))
	crd := clusterDefinition(versions)
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(crd)
	check(tb, err)
	want := &unstructured.Unstructured{Object: object}
	if _, err = api.Create(tb.Context(), want, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
		var live *unstructured.Unstructured
		live, err = api.Get(tb.Context(), crd.Name, metav1.GetOptions{})
		check(tb, err)
		live.Object["spec"] = want.Object["spec"]
		_, err = api.Update(tb.Context(), live, metav1.UpdateOptions{})
	}
	check(tb, err)
	Eventually(tb, time.Minute, func(ctx context.Context) error {
		for _, v := range []string{"v1beta1", "v1beta2"} {
			_, err := client.Resource(ClusterAPI(v)).List(ctx, metav1.ListOptions{})
			if served := slices.Contains(versions, v); served != (err == nil) {
				return errors.Join(fmt.Errorf("%s is served: %t", v, err == nil), err)
			}
		}
		return nil
	})
}

func clusterDefinition(served []string) *apiextensionsv1.CustomResourceDefinition {
	object := func(of map[string]apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps {
		return apiextensionsv1.JSONSchemaProps{Type: "object", Properties: of}
	}
	list := func(of apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps {
		return apiextensionsv1.JSONSchemaProps{Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &of}}
	}
	text, yes := apiextensionsv1.JSONSchemaProps{Type: "string"}, apiextensionsv1.JSONSchemaProps{Type: "boolean"}
	blocks := object(map[string]apiextensionsv1.JSONSchemaProps{"cidrBlocks": list(text)})
	spec := object(map[string]apiextensionsv1.JSONSchemaProps{
		"paused": yes, "clusterNetwork": object(map[string]apiextensionsv1.JSONSchemaProps{"pods": blocks, "services": blocks, "serviceDomain": text}),
	})
	status := object(map[string]apiextensionsv1.JSONSchemaProps{
		"phase":             text,
		"conditions":        list(object(map[string]apiextensionsv1.JSONSchemaProps{"type": text, "status": text, "reason": text, "lastTransitionTime": text})),
		"controlPlaneReady": yes, "infrastructureReady": yes, // v1beta1
		"initialization": object(map[string]apiextensionsv1.JSONSchemaProps{"controlPlaneInitialized": yes, "infrastructureProvisioned": yes}), // v1beta2
	})
	whole := object(map[string]apiextensionsv1.JSONSchemaProps{"apiVersion": text, "kind": text, "metadata": object(nil), "spec": spec, "status": status})
	crd := &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiextensionsv1.SchemeGroupVersion.String(), Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: "clusters.cluster.x-k8s.io"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "cluster.x-k8s.io", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "clusters", Singular: "cluster", Kind: "Cluster", ListKind: "ClusterList"},
		},
	}
	for _, v := range []string{"v1beta1", "v1beta2"} {
		crd.Spec.Versions = append(crd.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{
			Name: v, Served: slices.Contains(served, v), Storage: v == "v1beta1",
			Schema:       &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &whole},
			Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
		})
	}
	return crd
}
