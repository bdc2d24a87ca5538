package record

import (
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// Marks of ours in the storage. Helm's tools show them, and copy them to the revisions that they write themselves.
const (
	// LabelRevision is the number of the revision, on every revision that we wrote.
	LabelRevision = kube.AnnotationRevision
	// AnnotationSettings of a chart's metadata are the operator's settings.
	AnnotationSettings = "addonctl.io/settings"
)

// by tells who wrote a revision; empty for us.
//
//	| our label                 | the Secret was created by    | it was written by              |
//	|---------------------------|------------------------------|--------------------------------|
//	| names this revision       | anybody: a restored backup   | us                             |
//	| names another             | anybody                      | a tool that copied it: Helm    |
//	| is missing                | addonctl                     | us, before there was the label |
//	| is missing                | Helm                         | Helm                           |
//	| is missing                | another, or nobody knows     | whoever its texts are of       |
func (r stored) by() string {
	who := creator(r.secret)
	label, labelled := r.Labels[LabelRevision]
	switch {
	case label == strconv.Itoa(r.Version), !labelled && strings.HasPrefix(who, kube.FieldManager):
		return ""
	case labelled || who == tool:
	case r.texts():
		return ""
	}
	if who == "" {
		return tool
	}
	return who
}

// tool is who writes releases when nothing says who: the storage is Helm's.
const tool = "helm"

// texts tells whether a release has our marks in its manifest and is no copy of such a one by a rollback of Helm's.
func (r stored) texts() bool {
	rolledBack := r.Info != nil && strings.HasPrefix(r.Info.Description, "Rollback ")
	return strings.Contains(r.Manifest, kube.LabelAddOn+":") && !rolledBack
}

// creator is the field manager that created a release Secret, in lower case: the one that still owns the label that nobody
// changes. Empty when the server does not say.
func creator(m metav1.ObjectMeta) string {
	for _, f := range m.ManagedFields {
		if f.FieldsV1 != nil && strings.Contains(f.FieldsV1.GetRawString(), `"f:owner":{}`) {
			return strings.ToLower(f.Manager)
		}
	}
	return ""
}
