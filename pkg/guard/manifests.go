package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/addonctl/addonctl/manifests"
)

// stampPolicy is the policy that Restore wakes the guard with; it and its binding are written last.
const stampPolicy = "addonctl-guard-stamp"

// wanted is the guard as it should be.
var wanted = sync.OnceValues(func() (out objects, err error) {
	err = each("guard/*.yaml", func(o runtime.Object) error {
		switch o := o.(type) {
		case *admissionv1.ValidatingAdmissionPolicy:
			out.policies = append(out.policies, *o)
		case *admissionv1.ValidatingAdmissionPolicyBinding:
			out.bindings = append(out.bindings, *o)
		default:
			return fmt.Errorf("%T is no part of a guard", o)
		}
		return nil
	})
	slices.SortFunc(out.policies, func(a, b admissionv1.ValidatingAdmissionPolicy) int { return stampLast(a.Name, b.Name) })
	slices.SortFunc(out.bindings, func(a, b admissionv1.ValidatingAdmissionPolicyBinding) int { return stampLast(a.Name, b.Name) })
	return out, err
})

func stampLast(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == stampPolicy:
		return 1
	case b == stampPolicy:
		return -1
	default:
		return strings.Compare(a, b)
	}
}

// accounts are the identities as they should be.
type accounts struct {
	accounts []corev1.ServiceAccount
	roles    []rbacv1.ClusterRole
	bindings []rbacv1.ClusterRoleBinding
}

var wantedAccounts = sync.OnceValues(func() (out accounts, err error) {
	err = each("identity/*.yaml", func(o runtime.Object) error {
		switch o := o.(type) {
		case *corev1.ServiceAccount:
			out.accounts = append(out.accounts, *o)
		case *rbacv1.ClusterRole:
			out.roles = append(out.roles, *o)
		case *rbacv1.ClusterRoleBinding:
			out.bindings = append(out.bindings, *o)
		default:
			return fmt.Errorf("%T is no part of an identity", o)
		}
		return nil
	})
	return out, err
})

// each decodes every document of the embedded files strictly.
func each(pattern string, take func(runtime.Object) error) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{admissionv1.AddToScheme, corev1.AddToScheme, rbacv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	files, err := fs.Glob(manifests.FS, pattern)
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := eachOf(decoder, name, take); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return nil
}

func eachOf(decoder runtime.Decoder, name string, take func(runtime.Object) error) error {
	file, err := manifests.FS.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	documents := utilyaml.NewDocumentDecoder(file)
	defer func() { _ = documents.Close() }()
	for text := make([]byte, 64<<10); ; {
		n, err := documents.Read(text)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o, _, err := decoder.Decode(text[:n], nil, nil)
		if err != nil {
			return err
		}
		if err := take(o); err != nil {
			return err
		}
	}
}
