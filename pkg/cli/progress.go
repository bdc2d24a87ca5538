package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// progress writes how far a run is to the error stream: a bar on a terminal, elsewhere a line when something changed.
type progress struct {
	session *session
	// key is what the last line was about; a line that would say no more than it waits for the next beat.
	key    string
	lastAt time.Time
	drawn  bool
	pace   pace
	// finished is true when the end of the roll was told.
	finished bool
}

const (
	// quiet is the least time between two lines of progress.
	quiet = 2 * time.Second
	// beat is the most time between two lines while nothing changes.
	beat = 30 * time.Second
)

func (b *progress) show(in plan.Input, p plan.Plan) {
	if w := b.session.rolled; w != nil {
		w.see(in, p, b.session.clock())
	}
	if b.finishes(p.Roll) {
		b.roll(p)
	}
	next, ok := p.Next()
	if !ok {
		return
	}
	switch {
	case p.Roll != nil && (next.Kind == plan.AwaitNodes || next.Kind == plan.ChangeNodes || next.Kind == plan.TendNodes):
		b.roll(p) // the same again says nothing
	case next.Kind != plan.AwaitNodes:
		b.line(next.Text, next.Text)
	case !in.Installed.Observed:
		const text = "waiting for the DaemonSet controller to see the new template"
		b.line(text, text)
	default:
		b.waiting(p)
	}
}

// finishes tells whether a roll has come to its end since the last look.
func (b *progress) finishes(d *noderoll.Decision) bool {
	before := b.finished
	b.finished = d != nil && d.Phase == noderoll.Finished
	return b.finished && !before
}

// waiting shows how many nodes have taken a release by themselves.
func (b *progress) waiting(p plan.Plan) {
	text := fmt.Sprintf("%s %s: %d of %d nodes updated, %d ready", p.AddOn, p.Hop, p.Nodes.Updated, p.Nodes.Total, p.Nodes.Ready)
	key := text
	if bad := p.Nodes.Bad(); len(bad) > 0 {
		text += "; in trouble: " + drive.Nodes(bad)
		key += troubled(bad)
	}
	if isTerminal(b.session.Err) {
		b.bar(text, p.Nodes.Ready, p.Nodes.Total)
		return
	}
	if since := time.Since(b.lastAt); since >= quiet && key != b.key || since >= beat {
		b.line(text, key)
	}
}

// troubled names the nodes alone: their restarts are counted up with every look.
func troubled(bad []noderoll.Waiting) string {
	var out strings.Builder
	for _, w := range bad {
		out.WriteString(" " + w.Node)
	}
	return out.String()
}

func (b *progress) line(text, key string) {
	b.end()
	if key != b.key || time.Since(b.lastAt) >= beat {
		b.session.note(text)
		b.key, b.lastAt = key, time.Now()
	}
}

func (b *progress) bar(text string, ready, total int) {
	const width = 20
	full := width
	if total > 0 {
		full = width * ready / total
	}
	fmt.Fprintf(b.session.Err, "\r\x1b[K[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", width-full), fitting(b.session.Err, text, width+3))
	b.drawn = true
}

// fitting cuts a text where a terminal's line ends, after what stands there already: a bar that wraps is not drawn over.
func fitting(w io.Writer, text string, used int) string {
	f, ok := w.(*os.File)
	if !ok {
		return text
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	runes := []rune(text)
	if err != nil || columns <= used+1 || len(runes) < columns-used {
		return text
	}
	return string(runes[:columns-used-1]) + "…"
}

// end leaves the bar's line.
func (b *progress) end() {
	if b.drawn {
		fmt.Fprintln(b.session.Err)
		b.drawn = false
	}
}
