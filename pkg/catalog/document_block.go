package catalog

const kindBlock = "Block"

// blockDocument is a file below blocked/ as written.
type blockDocument struct {
	header

	Name     string              `json:"name"`
	From     rangeDocument       `json:"from"`
	To       rangeDocument       `json:"to"`
	When     []conditionDocument `json:"when"`
	Message  string              `json:"message"`
	URL      string              `json:"url"`
	Reviewed text                `json:"reviewed"`
}

// block turns the document into a block and reports what is wrong with it.
func (doc blockDocument) block(s *sheet) Block {
	s.header(doc.header, kindBlock)
	s.fileName(doc.Name)
	if doc.To.empty() {
		s.fault("to", "", "missing, want minimal or maximum or both")
	}
	s.sentence("message", doc.Message)
	s.match("url", doc.URL, webAddress)
	if doc.Reviewed == (text{}) {
		s.fault("reviewed", "", "missing, want a day such as 2025-08-08")
	}
	s.day("reviewed", doc.Reviewed)
	return Block{
		Name:     doc.Name,
		From:     doc.From.versions(s, "from"),
		To:       doc.To.versions(s, "to"),
		When:     conditions(s, doc.When),
		Message:  doc.Message,
		URL:      doc.URL,
		Reviewed: doc.Reviewed.value,
	}
}
