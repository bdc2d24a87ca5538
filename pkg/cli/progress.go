package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/plan"
)

// progress writes how far a run is to the error stream: a bar on a terminal, elsewhere a line when something changed.
type progress struct {
	session *session
	resume  string
	last    string
	lastAt  time.Time
	drawn   bool
}

// quiet is the least time between two lines that differ in numbers alone.
const quiet = 2 * time.Second

func (b *progress) show(in plan.Input, p plan.Plan) {
	next, ok := p.Next()
	if !ok {
		return
	}
	if next.Kind != plan.AwaitNodes {
		b.line(next.Text)
		return
	}
	if !in.Installed.Observed {
		b.line("waiting for the DaemonSet controller to see the new template")
		return
	}
	text := fmt.Sprintf("%s %s: %d of %d nodes updated, %d ready", p.AddOn, p.To, p.Nodes.Updated, p.Nodes.Total, p.Nodes.Ready)
	if bad := p.Nodes.Bad(); len(bad) > 0 {
		text += "; in trouble: " + nodesText(bad)
	}
	if b.session.terminal() {
		b.bar(text, p.Nodes.Ready, p.Nodes.Total)
		return
	}
	if text != b.last && (time.Since(b.lastAt) >= quiet || b.last == "") {
		b.line(text)
	}
}

func (b *progress) line(text string) {
	b.end()
	if text != b.last {
		b.session.note(text)
	}
	b.last, b.lastAt = text, time.Now()
}

func (b *progress) bar(text string, ready, total int) {
	const width = 20
	full := width
	if total > 0 {
		full = width * ready / total
	}
	fmt.Fprintf(b.session.Err, "\r\x1b[K[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", width-full), text)
	b.drawn, b.last = true, text
}

// end leaves the bar's line.
func (b *progress) end() {
	if b.drawn {
		fmt.Fprintln(b.session.Err)
		b.drawn = false
	}
}
