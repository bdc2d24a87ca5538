package catalog

import (
	"fmt"
	"path"
	"slices"
)

const kindAddOn = "AddOn"

// addOnDocument is addon.yaml as written.
type addOnDocument struct {
	header

	Name           string                  `json:"name"`
	NetworkType    NetworkType             `json:"networkType"`
	Beside         []NetworkType           `json:"beside"`
	Chart          string                  `json:"chart"`
	Release        string                  `json:"release"`
	Workload       Workload                `json:"workload"`
	NodeKinds      []NodeKind              `json:"nodeKinds"`
	Moves          rulesDocument           `json:"moves"`
	Configurations []configurationDocument `json:"configurations"`
}

// addOn turns the document into an add-on without what lies in other files, and reports what is wrong with it.
func (doc addOnDocument) addOn(s *sheet) AddOn {
	s.header(doc.header, kindAddOn)
	checkAddOnName(s, doc.Name)
	checkNetworkTypes(s, doc)
	s.match("chart", doc.Chart, objectName)
	s.match("release", doc.Release, objectName)
	checkWorkload(s, doc.Workload)
	checkNodeKinds(s, doc.NodeKinds)
	return AddOn{
		Name:        doc.Name,
		NetworkType: doc.NetworkType,
		Chart:       doc.Chart,
		Release:     doc.Release,
		Workload:    doc.Workload,
		NodeKinds:   slices.Sorted(slices.Values(doc.NodeKinds)),
		Beside:      slices.Sorted(slices.Values(doc.Beside)),
		Rules:       doc.Moves.rules(s),
	}
}

func checkAddOnName(s *sheet, name string) {
	s.match("name", name, addOnName)
	folder := path.Dir(s.file)
	if want := kebab(name); addOnName.MatchString(name) && folder != want {
		s.fault("name", name, fmt.Sprintf("lies in folder %q, want %q", folder, want))
	}
}

// checkNetworkTypes wants an add-on to be the CNI of one network type, or to stand beside the CNI of some.
func checkNetworkTypes(s *sheet, doc addOnDocument) {
	if doc.NetworkType != "" {
		oneOf(s, "networkType", doc.NetworkType, NetworkTypes()...)
	}
	switch {
	case doc.NetworkType == "" && len(doc.Beside) == 0:
		s.fault("beside", "", "missing, want at least one network type, for there is no networkType")
	case doc.NetworkType != "" && len(doc.Beside) > 0:
		s.fault("beside", list(doc.Beside), fmt.Sprintf("not allowed, for the add-on is the CNI of %s", doc.NetworkType))
	}
	each(s, "beside", doc.Beside, func(field string, t NetworkType) { oneOf(s, field, t, NetworkTypes()...) })
}

func checkWorkload(s *sheet, w Workload) {
	s.match("workload.namespace", w.Namespace, objectName)
	oneOf(s, "workload.kind", w.Kind, "DaemonSet")
	s.match("workload.name", w.Name, objectName)
	s.match("workload.container", w.Container, objectName)
}

func checkNodeKinds(s *sheet, kinds []NodeKind) {
	if len(kinds) == 0 {
		s.fault("nodeKinds", "", "missing, want at least one")
	}
	each(s, "nodeKinds", kinds, func(field string, k NodeKind) { oneOf(s, field, k, Managed, SelfManaged, Virtual) })
}
