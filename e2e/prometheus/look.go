package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// set of labels.
type set map[string]bool

func setOf(names ...string) set {
	s := set{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

func (s set) with(o set) set {
	out := maps.Clone(s)
	maps.Copy(out, o)
	return out
}

func (s set) without(names ...string) set {
	out := maps.Clone(s)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

func (s set) sorted() []string { return slices.Sorted(maps.Keys(s)) }

// target are the labels that Prometheus adds to whatever it scrapes.
var target = setOf("instance", "job")

// look goes through one expression.
type look struct {
	series map[string]series
	reply
}

func (q question) answer() []reply {
	out := make([]reply, 0, len(q.Expressions))
	for _, text := range q.Expressions {
		l := look{series: q.Series}
		e, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			l.fault("%v", err)
		} else {
			l.Labels = l.of(e).sorted()
			if len(l.Metrics) == 0 {
				l.fault("it reads no metric")
			}
		}
		out = append(out, l.reply)
	}
	return out
}

func (l *look) fault(format string, args ...any) {
	l.Faults = append(l.Faults, fmt.Sprintf(format, args...))
}

// needs says which of the names are missing in a set.
func (l *look) needs(have set, e fmt.Stringer, names ...string) {
	for _, n := range names {
		if !have[n] {
			l.fault("%s has no label %s", e, n)
		}
	}
}

// of are the labels of what an expression gives. A kind of expression that is not here is a fault: nobody has said what it does to labels.
func (l *look) of(e parser.Expr) set {
	switch e := e.(type) {
	case *parser.NumberLiteral, *parser.StringLiteral:
		return set{}
	case *parser.ParenExpr:
		return l.of(e.Expr)
	case *parser.UnaryExpr:
		return l.of(e.Expr)
	case *parser.MatrixSelector:
		return l.of(e.VectorSelector)
	case *parser.SubqueryExpr:
		return l.of(e.Expr)
	case *parser.VectorSelector:
		return l.selector(e)
	case *parser.AggregateExpr:
		return l.aggregate(e)
	case *parser.Call:
		return l.call(e)
	case *parser.BinaryExpr:
		return l.binary(e)
	}
	l.fault("%s: nobody has said which labels a %T gives", e, e)
	return set{}
}

func (l *look) selector(e *parser.VectorSelector) set {
	l.Metrics = append(l.Metrics, e.Name)
	s, ok := l.series[e.Name]
	if !ok {
		l.fault("nobody tells %q", e.Name)
		return target
	}
	have := target.with(setOf(s.Labels...))
	for _, m := range e.LabelMatchers {
		if m.Name != labels.MetricName {
			l.needs(have, e, m.Name)
		}
	}
	return have
}

func (l *look) aggregate(e *parser.AggregateExpr) set {
	have := l.of(e.Expr)
	l.needs(have, e.Expr, e.Grouping...)
	if e.Without {
		return have.without(e.Grouping...)
	}
	return setOf(e.Grouping...)
}

// same are functions whose result has the labels of what they are given.
var same = setOf("rate", "increase", "changes", "max_over_time", "last_over_time", "sort")

func (l *look) call(e *parser.Call) set {
	name := e.Func.Name
	switch {
	case name == "time":
		return set{}
	case name == "vector":
		l.of(e.Args[0])
		return set{}
	case strings.HasPrefix(name, "absent"):
		l.of(e.Args[0])
		return set{}
	case name == "histogram_quantile":
		have := l.of(e.Args[1])
		l.needs(have, e.Args[1], "le")
		return have.without("le")
	case same[name]:
		if m, ok := e.Args[0].(*parser.MatrixSelector); ok && (name == "rate" || name == "increase") {
			if v, ok := m.VectorSelector.(*parser.VectorSelector); ok && !l.series[v.Name].Counter {
				l.fault("%s is no counter", v.Name)
			}
		}
		return l.of(e.Args[0])
	}
	l.fault("nobody has said which labels %s gives", name)
	return set{}
}

// binary looks at the labels by which the sides find each other: both have to have them, and without on and ignoring all of them.
func (l *look) binary(e *parser.BinaryExpr) set {
	left, right := l.of(e.LHS), l.of(e.RHS)
	switch {
	case e.RHS.Type() == parser.ValueTypeScalar:
		return left
	case e.LHS.Type() == parser.ValueTypeScalar:
		return right
	case e.Op == parser.LOR:
		return left.with(right)
	}
	m := e.VectorMatching
	if m.On {
		l.needs(left, e.LHS, m.MatchingLabels...)
		l.needs(right, e.RHS, m.MatchingLabels...)
	} else if a, b := left.without(m.MatchingLabels...), right.without(m.MatchingLabels...); !maps.Equal(a, b) {
		l.fault("%s has the labels %v and %s has %v: they never find each other", e.LHS, a.sorted(), e.RHS, b.sorted())
	}
	switch {
	case m.Card == parser.CardManyToOne:
		l.needs(right, e.RHS, m.Include...)
		return left.with(setOf(m.Include...))
	case m.Card == parser.CardOneToMany:
		l.needs(left, e.LHS, m.Include...)
		return right.with(setOf(m.Include...))
	case m.Card == parser.CardOneToOne && m.On:
		return setOf(m.MatchingLabels...)
	}
	return left
}
