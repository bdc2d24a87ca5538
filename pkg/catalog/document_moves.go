package catalog

import "strconv"

// rulesDocument is the section "moves" of addon.yaml.
type rulesDocument struct {
	MaxMinorStep int                `json:"maxMinorStep"`
	Stops        []stopDocument     `json:"stops"`
	Back         []backRuleDocument `json:"back"`
}

type stopDocument struct {
	At      rangeDocument `json:"at"`
	Reason  string        `json:"reason"`
	Message string        `json:"message"`
	URL     string        `json:"url"`
}

type backRuleDocument struct {
	Crossing     text   `json:"crossing"`
	WithinMinor  bool   `json:"withinMinor"`
	Class        Class  `json:"class"`
	UntilSettled Class  `json:"untilSettled"`
	Message      string `json:"message"`
}

func (doc rulesDocument) rules(s *sheet) Rules {
	if doc.MaxMinorStep < 0 {
		s.fault("moves.maxMinorStep", strconv.Itoa(doc.MaxMinorStep), "want 0 or more")
	}
	r := Rules{MaxMinorStep: doc.MaxMinorStep}
	for i, stop := range doc.Stops {
		r.Stops = append(r.Stops, stop.stop(s, at("moves.stops", i)))
	}
	for i, back := range doc.Back {
		r.Back = append(r.Back, back.rule(s, at("moves.back", i)))
	}
	checkStopOrder(s, r.Stops)
	checkBackOrder(s, doc.Back)
	return r
}

func (doc stopDocument) stop(s *sheet, field string) Stop {
	if doc.At.Minimal == (text{}) || doc.At.Maximum == (text{}) {
		s.fault(field+".at", "", "missing, a stop needs both minimal and maximum")
	}
	s.match(field+".reason", doc.Reason, reasonName)
	s.sentence(field+".message", doc.Message)
	s.address(field+".url", doc.URL)
	return Stop{At: doc.At.versions(s, field+".at"), Reason: doc.Reason, Message: doc.Message, URL: doc.URL}
}

// checkStopOrder wants each stop to end before the next begins.
func checkStopOrder(s *sheet, stops []Stop) {
	for i := 1; i < len(stops); i++ {
		before, start := stops[i-1].At, stops[i].At.Minimal
		if !before.Maximum.IsZero() && !start.IsZero() && !before.Above(start) {
			s.fault(at("moves.stops", i)+".at.minimal", start.String(),
				"not later than the stop before it, which ends with "+before.Maximum.String())
		}
	}
}

func (doc backRuleDocument) rule(s *sheet, field string) BackRule {
	oneOf(s, field+".class", doc.Class, classes...)
	if doc.UntilSettled != "" {
		oneOf(s, field+".untilSettled", doc.UntilSettled, classes...)
		if doc.Class.rank() > 0 && doc.UntilSettled.rank() >= doc.Class.rank() {
			s.fault(field+".untilSettled", string(doc.UntilSettled), "want a better class than "+string(doc.Class))
		}
	}
	s.sentence(field+".message", doc.Message)
	return BackRule{
		Crossing:     s.version(field+".crossing", doc.Crossing),
		WithinMinor:  doc.WithinMinor,
		Class:        doc.Class,
		UntilSettled: doc.UntilSettled,
		Message:      doc.Message,
	}
}

// all tells whether the rule matches every move.
func (doc backRuleDocument) all() bool { return doc.Crossing == text{} && !doc.WithinMinor }

// checkBackOrder wants the last rule, and only the last, to match every move.
func checkBackOrder(s *sheet, rules []backRuleDocument) {
	if len(rules) == 0 {
		s.fault("moves.back", "", "missing, want at least one rule that says how a move can be taken back")
		return
	}
	last := len(rules) - 1
	for i, rule := range rules[:last] {
		if rule.all() {
			s.fault(at("moves.back", i), "", "matches every move, so that the rules behind it are never used")
		}
	}
	if !rules[last].all() {
		s.fault(at("moves.back", last), "", "the last rule must match every move, so it has neither crossing nor withinMinor")
	}
}
