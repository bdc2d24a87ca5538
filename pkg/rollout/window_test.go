package rollout_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones do not depend on the machine

	"github.com/addonctl/addonctl/pkg/rollout"
)

func at(t *testing.T, zone, text string) time.Time {
	t.Helper()
	l, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	out, err := time.ParseInLocation("2006-01-02 15:04", text, l)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// In Berlin the clock goes from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
func TestWindowsOpenAndClose(t *testing.T) {
	t.Parallel()
	const berlin = "Europe/Berlin"
	night := rollout.Window{Cron: "30 2 * * *", Duration: time.Hour, Zone: berlin}
	weekend := rollout.Window{Cron: "0 0 * * 6", Duration: 48 * time.Hour, Zone: berlin}
	for name, c := range map[string]struct {
		allow, deny []rollout.Window
		at          time.Time
		open        bool
		until       time.Time
	}{
		"without windows":                     {nil, nil, at(t, "UTC", "2026-03-28 12:00"), true, time.Time{}},
		"before the night":                    {[]rollout.Window{night}, nil, at(t, berlin, "2026-03-27 02:29"), false, at(t, berlin, "2026-03-27 02:30")},
		"in the night":                        {[]rollout.Window{night}, nil, at(t, berlin, "2026-03-27 02:30"), true, at(t, berlin, "2026-03-27 03:30")},
		"at its end":                          {[]rollout.Window{night}, nil, at(t, berlin, "2026-03-27 03:30"), false, at(t, berlin, "2026-03-28 02:30")},
		"the hour that is left out":           {[]rollout.Window{night}, nil, at(t, "UTC", "2026-03-29 01:29"), false, at(t, "UTC", "2026-03-29 01:30")},
		"the hour that is left out, after":    {[]rollout.Window{night}, nil, at(t, "UTC", "2026-03-29 01:30"), true, at(t, "UTC", "2026-03-29 02:30")},
		"the hour that comes twice":           {[]rollout.Window{night}, nil, at(t, "UTC", "2026-10-25 00:30"), true, at(t, "UTC", "2026-10-25 01:30")},
		"the hour that comes twice, again":    {[]rollout.Window{night}, nil, at(t, "UTC", "2026-10-25 01:30"), false, at(t, "UTC", "2026-10-26 01:30")},
		"a weekend with 23 hours less":        {[]rollout.Window{weekend}, nil, at(t, "UTC", "2026-03-29 22:59"), true, at(t, "UTC", "2026-03-29 23:00")},
		"denied at the weekend":               {nil, []rollout.Window{weekend}, at(t, berlin, "2026-03-28 01:00"), false, at(t, "UTC", "2026-03-29 23:00")},
		"allowed at night, denied by weekend": {[]rollout.Window{night}, []rollout.Window{weekend}, at(t, berlin, "2026-03-28 02:45"), false, at(t, berlin, "2026-03-28 03:30")},
		"two that overlap":                    {[]rollout.Window{{Cron: "0 * * * *", Duration: 90 * time.Minute}}, nil, at(t, "UTC", "2026-03-27 05:10"), true, at(t, "UTC", "2026-03-27 06:00")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open, until, err := rollout.Windows{Allow: c.allow, Deny: c.deny}.Open(c.at)
			if err != nil {
				t.Fatal(err)
			}
			if open != c.open || !until.Equal(c.until) {
				t.Errorf("at %s it is open: %t until %s, want %t until %s", c.at.UTC(), open, until.UTC(), c.open, c.until.UTC())
			}
		})
	}
}

func TestAPolicyIsRefusedFieldByField(t *testing.T) {
	t.Parallel()
	negative, short := -time.Second, time.Millisecond
	err := rollout.Policy{
		MaxConcurrent: "0", FailureBudget: "101%", Soak: &negative, HungAfter: &short, OnWindowEnd: "never",
		Waves: []rollout.Wave{{Name: "a"}, {Name: "a", Selector: "x", MaxConcurrent: "x%"}, {Selector: "y"}},
		Windows: rollout.Windows{
			Allow: []rollout.Window{{Cron: "0 25 * * *", Duration: time.Hour}, {Cron: "0 0 30 2 *", Duration: time.Hour}, {Cron: "TZ=UTC 0 0 * * *", Duration: time.Hour}},
			Deny:  []rollout.Window{{Cron: "0 0 * * *", Duration: time.Second}, {Cron: "0 0 * * *", Duration: time.Hour, Zone: "Mars/Olympus"}},
		},
	}.Check()
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{
		`maxConcurrent: "0"`, `failureBudget: "101%"`, `soak: "-1s"`, `hungAfter: "1ms"`, `onWindowEnd: "never"`,
		`waves[0].selector`, `waves[1].name: "a"`, `waves[1].maxConcurrent: "x%"`, `waves[2].name: ""`,
		`windows.allow[0].cron: "0 25 * * *"`, `windows.allow[1].cron: "0 0 30 2 *"`, `windows.allow[2].cron: "TZ=UTC`,
		`windows.deny[0].duration: "1s"`, `windows.deny[1].zone: "Mars/Olympus"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %s:\n%v", want, err)
		}
	}
	if err := (rollout.Policy{}).Check(); err != nil {
		t.Errorf("the empty policy is refused: %v", err)
	}
}
