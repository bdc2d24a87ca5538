package rollout

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Windows are when clusters may be changed: inside any of Allow, or always where there is none, and outside of all of Deny.
type Windows struct {
	Allow []Window `json:"allow,omitempty"`
	Deny  []Window `json:"deny,omitempty"`
}

// Window opens by a schedule and stays open for a while.
type Window struct {
	// Cron is when it opens: minute, hour, day of the month, month, day of the week, on the clock of its zone.
	Cron string `json:"cron"`
	// Duration is how long it stays open, as time passes: a clock that is put forward or back makes it neither shorter nor longer.
	Duration time.Duration `json:"duration"`
	// Zone by IANA's name, such as Europe/Berlin; empty means UTC.
	Zone string `json:"zone,omitempty"`
}

// longestWindow keeps the number of openings that have to be looked at small.
const longestWindow = 31 * 24 * time.Hour

var wall = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// parsed is a window that can be asked.
type parsed struct {
	schedule cron.Schedule
	duration time.Duration
	zone     *time.Location
}

// Check tells everything that is wrong with windows at once; nil when nothing is.
func (w Windows) Check() error {
	_, err := w.compile()
	return err
}

// calendar is windows that can be asked.
type calendar struct{ allow, deny []parsed }

func (w Windows) compile() (calendar, error) {
	var out calendar
	var wrong []error
	for _, list := range []struct {
		field   string
		windows []Window
		to      *[]parsed
	}{{"allow", w.Allow, &out.allow}, {"deny", w.Deny, &out.deny}} {
		for i, one := range list.windows {
			p, err := one.parse(fmt.Sprintf("windows.%s[%d].", list.field, i))
			if err != nil {
				wrong = append(wrong, err)
				continue
			}
			*list.to = append(*list.to, p)
		}
	}
	return out, errors.Join(wrong...)
}

func (w Window) parse(at string) (parsed, error) {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil || w.Zone == "Local" {
		return parsed{}, FieldError{at + "zone", w.Zone, "want a zone of the IANA database, such as Europe/Berlin"}
	}
	if w.Duration < time.Minute || w.Duration > longestWindow {
		return parsed{}, FieldError{at + "duration", w.Duration.String(), fmt.Sprintf("want a duration from 1m to %s", longestWindow)}
	}
	if strings.Contains(w.Cron, "=") { // the parser would take a zone there
		return parsed{}, FieldError{at + "cron", w.Cron, "want five fields, such as 0 2 * * 6; the zone has a field of its own"}
	}
	s, err := wall.Parse(w.Cron)
	if err != nil {
		return parsed{}, FieldError{at + "cron", w.Cron, "want five fields, such as 0 2 * * 6: " + err.Error()}
	}
	if s.Next(time.Unix(0, 0).UTC()).IsZero() {
		return parsed{}, FieldError{at + "cron", w.Cron, "want a time that comes: this one never does"}
	}
	return parsed{s, w.Duration, zone}, nil
}

// next is the first opening after t; zero when there is none within five years. The schedule is asked on the clock on the wall, which knows
// no summer time, so that each opening comes once: one in an hour that is left out comes when that hour would have ended, and one in an
// hour that comes twice comes the first time.
func (p parsed) next(t time.Time) time.Time {
	local := t.In(p.zone)
	clock := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	for clock = clock.Add(-lookBack); ; {
		if clock = p.schedule.Next(clock); clock.IsZero() {
			return clock
		}
		if at := onWall(clock, p.zone); at.After(t) {
			return at
		}
	}
}

// lookBack covers the largest step of a clock on the wall.
const lookBack = 3 * time.Hour

// onWall is when a clock on the wall of a zone first shows what clock shows, or would have.
func onWall(clock time.Time, zone *time.Location) time.Time {
	at := time.Date(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, zone)
	if before := at.Add(-time.Hour); before.Hour() == at.Hour() && before.Minute() == at.Minute() {
		return before // the hour comes twice
	}
	return at
}

// spans tells whether the window is open at t, and when that may change next; zero when it never does.
func (p parsed) spans(t time.Time) (open bool, until time.Time) {
	at := p.next(t.Add(-p.duration))
	for ; !at.IsZero() && !at.After(t); at = p.next(at) {
		open, until = true, at.Add(p.duration)
	}
	return open, Earlier(until, at)
}

// open tells whether clusters may be changed at t, and the first moment at which that may be another; zero when there is none.
func (c calendar) open(t time.Time) (open bool, until time.Time) {
	open = len(c.allow) == 0
	for _, p := range c.allow {
		o, at := p.spans(t)
		open, until = open || o, Earlier(until, at)
	}
	for _, p := range c.deny {
		o, at := p.spans(t)
		open, until = open && !o, Earlier(until, at)
	}
	return open, until
}

// openings bounds how many changes of windows are looked at for the next moment at which clusters may be changed.
const openings = 20_000

// opens is the first moment from t on at which clusters may be changed; zero when there is none within a year.
func (c calendar) opens(t time.Time) time.Time {
	at := t
	for range openings {
		open, until := c.open(at)
		switch {
		case open:
			return at
		case until.IsZero() || until.Sub(t) > longest:
			return time.Time{}
		}
		at = until
	}
	return time.Time{}
}

// Open tells whether clusters may be changed at t, and the first moment at which that may be another; zero when there is none. An error is
// that of Check.
func (w Windows) Open(t time.Time) (open bool, until time.Time, err error) {
	c, err := w.compile()
	if err != nil {
		return false, time.Time{}, err
	}
	open, until = c.open(t)
	return open, until, nil
}

// Earlier is the earlier of two times that are not zero.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
