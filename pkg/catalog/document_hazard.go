package catalog

import "regexp"

const kindHazard = "Hazard"

// catalogueEntry is the form of an entry of the failure catalogue (facts: CNI B).
var catalogueEntry = regexp.MustCompile(`^B[0-9]+$`)

// hazardDocument is a file below hazards/ as written.
type hazardDocument struct {
	header

	Name       string              `json:"name"`
	From       rangeDocument       `json:"from"`
	OnInstall  bool                `json:"onInstall"`
	To         rangeDocument       `json:"to"`
	When       []conditionDocument `json:"when"`
	Blocking   bool                `json:"blocking"`
	Minor      bool                `json:"minor"`
	Effect     string              `json:"effect"`
	Mitigation string              `json:"mitigation"`
	URL        string              `json:"url"`
	Catalogue  []string            `json:"catalogue"`
	Sources    []string            `json:"sources"`
}

// hazard turns the document into a hazard and reports what is wrong with it.
func (doc hazardDocument) hazard(s *sheet) Hazard {
	s.header(doc.header, kindHazard)
	s.fileName(doc.Name)
	doc.checkMoves(s)
	s.sentence("effect", doc.Effect)
	s.sentence("mitigation", doc.Mitigation)
	s.address("url", doc.URL)
	if len(doc.Catalogue) == 0 {
		s.fault("catalogue", "", "missing, want at least one")
	}
	each(s, "catalogue", doc.Catalogue, func(field, value string) { s.match(field, value, catalogueEntry) })
	s.sources(doc.Sources)
	return Hazard{
		Name:       doc.Name,
		From:       doc.From.versions(s, "from"),
		OnInstall:  doc.OnInstall,
		To:         doc.To.versions(s, "to"),
		When:       conditions(s, doc.When),
		Blocking:   doc.Blocking,
		Minor:      doc.Minor,
		Effect:     doc.Effect,
		Mitigation: doc.Mitigation,
		URL:        doc.URL,
		Catalogue:  doc.Catalogue,
		Sources:    doc.Sources,
	}
}

func (doc hazardDocument) checkMoves(s *sheet) {
	if doc.From.empty() && doc.To.empty() {
		s.fault("from", "", "missing, want from or to or both")
	}
	if doc.Minor && doc.Blocking {
		s.fault("minor", "true", "not allowed with blocking")
	}
	if doc.OnInstall && doc.From.empty() {
		s.fault("onInstall", "true", "only allowed with from, for without it every installation is meant")
	}
}
