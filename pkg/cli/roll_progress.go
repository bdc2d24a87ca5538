package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// rollLine is one line of progress for machines.
type rollLine struct {
	Time     time.Time      `json:"time"`
	AddOn    string         `json:"addon"`
	Version  string         `json:"version"`
	Phase    noderoll.Phase `json:"phase"`
	Stage    string         `json:"stage"`
	Changed  int            `json:"changed"`
	Passed   int            `json:"passed"`
	Total    int            `json:"total"`
	InFlight []string       `json:"inFlight"`
	// Replace are the nodes that are cordoned and somebody has to replace.
	Replace []string `json:"replace,omitempty"`
	// Why says what is waited for.
	Why string `json:"why,omitempty"`
	// Left is how many seconds the rest takes at the pace so far; nil as long as there is none.
	Left *float64       `json:"secondsLeft,omitempty"`
	Halt *noderoll.Halt `json:"halt"`
}

// pace is how fast nodes have passed so far.
type pace struct {
	// target is what the nodes are taking; another one begins anew.
	target string
	since  time.Time
	passed int
}

// left is how long the rest takes at the pace so far; false as long as nobody knows.
func (e *pace) left(target string, d *noderoll.Decision, now time.Time) (time.Duration, bool) {
	if e.target != target || d.Passed < e.passed || d.Phase == noderoll.Paused { // a pause is no pace
		*e = pace{target, now, d.Passed}
	}
	done, rest := d.Passed-e.passed, d.Total-d.Passed-len(d.Skipped)
	if done <= 0 || rest <= 0 || d.Halt != nil {
		return 0, false
	}
	return now.Sub(e.since) / time.Duration(done) * time.Duration(rest), true
}

// roll shows how far the nodes are.
func (b *progress) roll(p plan.Plan) {
	d := p.Roll
	now := b.session.clock()
	left, known := b.pace.left(p.Hop, d, now)
	key := fmt.Sprint(d.Phase, d.Stage, d.Changed, d.Passed, d.Total, d.InFlight, d.Replace, d.Halt)
	switch {
	case isTerminal(b.session.Err):
		b.bar(rollText(p, left, known), d.Passed, d.Total)
	case b.session.output == "json":
		if key != b.key || now.Sub(b.lastAt) >= beat {
			b.jsonLine(rollLineOf(p, left, known, now))
			b.key, b.lastAt = key, now
		}
	case key != b.key && (now.Sub(b.lastAt) >= quiet || d.Halt != nil || d.Phase == noderoll.Finished), now.Sub(b.lastAt) >= beat:
		b.session.note(rollText(p, left, known))
		b.key, b.lastAt = key, now
	}
}

func (b *progress) jsonLine(l rollLine) {
	text, err := json.Marshal(l)
	if err != nil {
		b.session.note("telling the progress: " + err.Error())
		return
	}
	b.session.note(string(text))
}

func rollLineOf(p plan.Plan, left time.Duration, known bool, now time.Time) rollLine {
	d := p.Roll
	l := rollLine{
		Time: now.UTC(), AddOn: p.AddOn, Version: p.Hop, Phase: d.Phase, Stage: d.Stage, Changed: d.Changed, Passed: d.Passed, Total: d.Total,
		InFlight: d.InFlight, Replace: d.Replace, Why: d.Why, Halt: d.Halt,
	}
	if l.InFlight == nil {
		l.InFlight = []string{}
	}
	if known {
		seconds := left.Round(time.Second).Seconds()
		l.Left = &seconds
	}
	return l
}

// rollText is one line of progress for people.
func rollText(p plan.Plan, left time.Duration, known bool) string {
	d := p.Roll
	parts := []string{fmt.Sprintf("%s %s: %s", p.AddOn, p.Hop, standing(d))}
	switch {
	case p.Recalled != "":
		parts = append(parts, p.Recalled)
	case d.Phase == noderoll.Paused:
		parts = append(parts, "no further node is changed until: addonctl resume"+forAddOn(p))
	case d.Why != "":
		parts = append(parts, d.Why)
	case len(d.InFlight) > 0:
		parts = append(parts, "in flight: "+someOf(d.InFlight))
	}
	if known {
		parts = append(parts, "about "+roughly(left)+" left")
	}
	return strings.Join(parts, "; ")
}

// standing says where a roll stands, in a few words.
func standing(d *noderoll.Decision) string {
	text := string(d.Phase)
	if d.Stage != "" {
		text += " (" + d.Stage + ")"
	}
	text += fmt.Sprintf(", %d of %d nodes passed", d.Passed, d.Total)
	if d.Changed > d.Passed {
		text += fmt.Sprintf(", %d changed", d.Changed)
	}
	return text
}

// roughly is a duration as precise as a guess is.
func roughly(d time.Duration) string {
	if d < 2*time.Minute {
		return d.Round(5 * time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
