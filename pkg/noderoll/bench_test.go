package noderoll_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// A roll of 5,000 nodes is decided on thousands of times: one decision is to take less than 5 ms.
func BenchmarkDecide(b *testing.B) {
	const nodes = 5000
	half := fleet(nodes)
	for i := range half {
		half[i].Pool, half[i].Zone = string(rune('a'+i%5)), string(rune('1'+i%3))
		if i%2 == 0 {
			taken(0)(&half[i])
			half[i].Pod.ReadySince, half[i].Pod.Created = noon.Add(-3e11), noon.Add(-3e11)
		}
	}
	record := begun(0)
	for i := range nodes / 10 {
		record.Broken = append(record.Broken, half[i].Name)
		record.Intent = append(record.Intent, noderoll.Target{Node: half[nodes-1-i].Name, UID: "gone"})
	}
	r := rules
	r.Max = nodes / 10
	back := r
	back.Back = true
	some := r
	for i := range nodes {
		some.Only = append(some.Only, half[i].Name)
	}
	for name, c := range map[string]struct {
		nodes  []noderoll.Node
		rules  noderoll.Rules
		record noderoll.Record
	}{
		"beginning": {fleet(nodes), r, none}, "half": {half, r, record}, "back": {half, back, record}, "only": {half, some, record},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				noderoll.Decide(c.nodes, newest, c.rules, c.record, noon)
			}
		})
	}
}
