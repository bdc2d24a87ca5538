package cli

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/rollout"
)

// bar is one stretch of time of a cluster in a rollout.
type bar struct {
	from, to time.Time
	state    string
}

// bars are what each cluster went through, by its name, from the log of a simulation.
func bars(x rollout.Simulated, log []rollout.Happening, end time.Time) map[string][]bar {
	out := map[string][]bar{}
	for _, h := range log {
		if h.Release != x.Target().String() || h.Cluster == "" {
			continue
		}
		b := out[h.Cluster]
		if len(b) > 0 {
			b[len(b)-1].to = h.At
		}
		out[h.Cluster] = append(b, bar{h.At, end, h.What})
	}
	return out
}

// span is the time in which anything happened to a rollout.
func span(x rollout.Simulated, log []rollout.Happening) (from, to time.Time) {
	from, to = x.Opened, x.Opened.Add(time.Minute)
	for _, h := range log {
		if h.Release == x.Target().String() && h.At.After(to) {
			to = h.At
		}
	}
	return from, to
}

// stateMarks show states in text, the one that counts most first.
var stateMarks = []struct {
	state string
	mark  byte
}{{"failed", 'x'}, {"back", '<'}, {"started", '#'}, {"unreachable", '?'}, {"done", '='}, {"skipped", '-'}, {"pending", '.'}}

// gantt draws a rollout as text: one row for each wave, or for each cluster.
func gantt(x rollout.Simulated, log []rollout.Happening, wide bool) string {
	const width = 72
	from, to := span(x, log)
	all := bars(x, log, to)
	names := make([]string, 0, len(x.Record.Waves))
	rows := map[string][]string{}
	for _, m := range x.Record.Members {
		row := x.Record.Waves[m.Wave].Name
		if wide {
			row = m.Cluster
		}
		if rows[row] == nil {
			names = append(names, row)
		}
		rows[row] = append(rows[row], m.Cluster)
	}
	longest := 0
	for _, n := range names {
		longest = max(longest, len(n))
	}
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "%-*s |", longest, n)
		for i := range width {
			a, z := at(from, to, i, width), at(from, to, i+1, width)
			b.WriteByte(cell(rows[n], all, a, z))
		}
		b.WriteString("|\n")
	}
	fmt.Fprintf(&b, "%-*s  %-*s%s\n", longest, "", width-16, stamp(from), stamp(to))
	b.WriteString("# under way  = done  x failed  < on the way back  ? out of reach  - skipped  . waits\n")
	return b.String()
}

func at(from, to time.Time, i, width int) time.Time {
	return from.Add(time.Duration(float64(to.Sub(from)) * float64(i) / float64(width)))
}

// cell is the mark of some clusters in a stretch of time: what is under way or failed shows over what rests; all have to be done for done.
func cell(clusters []string, all map[string][]bar, from, to time.Time) byte {
	seen := map[string]bool{}
	for _, c := range clusters {
		for _, b := range all[c] {
			seen[b.state] = seen[b.state] || b.from.Before(to) && (b.to.After(from) || b.to.Equal(b.from) && !b.from.Before(from))
		}
	}
	if seen["pending"] {
		seen["done"], seen["skipped"], seen["unreachable"] = false, false, false
	}
	for _, m := range stateMarks {
		if seen[m.state] {
			return m.mark
		}
	}
	return '.'
}

// colours of states in a drawing.
var colours = map[string]string{
	"failed": "#c0392b", "back": "#8e44ad", "started": "#2980b9", "unreachable": "#7f8c8d", "done": "#27ae60", "skipped": "#d5d8dc",
}

// drawing is a simulation as SVG: one row for each cluster, one block for each release.
func drawing(s rollout.Scenario, r rollout.Simulation) string {
	const left, width, row, head = 220, 1000, 6, 28
	var b strings.Builder
	y := 0
	for _, x := range r.Rollouts {
		from, to := span(x, r.Log)
		all := bars(x, r.Log, to)
		place := func(t time.Time) float64 {
			return left + width*float64(t.Sub(from))/float64(to.Sub(from))
		}
		fmt.Fprintf(&b, `<text x="4" y="%d" font-size="14">%s %s: %s, %s to %s</text>`+"\n", y+18, escaped(s.AddOn), escaped(x.Target().String()), x.Phase, stamp(from), stamp(to))
		y += head
		members := slices.Clone(x.Record.Members)
		wave := -1
		for _, m := range members {
			if m.Wave != wave {
				wave = m.Wave
				fmt.Fprintf(&b, `<text x="4" y="%d" font-size="10">%s</text>`+"\n", y+row+3, escaped(x.Record.Waves[wave].Name))
			}
			for _, p := range all[m.Cluster] {
				colour, ok := colours[p.state]
				if !ok {
					continue
				}
				x0, x1 := place(p.from), place(p.to)
				fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s %s</title></rect>`+"\n", x0, y, max(1, x1-x0), row-1, colour, escaped(m.Cluster), p.state)
			}
			y += row
		}
		y += head / 2
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif">`+"\n", left+width+20, y) + b.String() + "</svg>\n"
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}
