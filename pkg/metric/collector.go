package metric

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector tells of a fleet at each scrape, while this process leads, and always of the time that gates and halts took. Register it once.
// Histograms are told from the start on, while they are at 0: Prometheus sees growth between two scrapes only, so the first halt of a process would
// otherwise be none.
type Collector struct {
	// Read gives the records as they are at hand; it asks nobody else for them. It is called by the leader alone.
	Read func(context.Context) (Records, error)
	// Leads tells whether this process does.
	Leads func() bool

	gates, halts *prometheus.HistogramVec
	descs        map[string]*prometheus.Desc
}

// within is how long a scrape may take.
const within = 5 * time.Second

// New makes a collector.
func New(read func(context.Context) (Records, error), leads func() bool) *Collector {
	c := &Collector{Read: read, Leads: leads, descs: map[string]*prometheus.Desc{}}
	for _, f := range Families() {
		switch f.Name {
		case gateSeconds:
			c.gates = prometheus.NewHistogramVec(prometheus.HistogramOpts{
				Name: f.Name, Help: f.Help, Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800},
			}, f.Labels)
		case rolloutHaltSecond:
			c.halts = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: []float64{1, 2, 3, 5, 10, 20, 30, 60, 300}}, f.Labels)
			for _, cause := range causes {
				c.halts.WithLabelValues(cause)
			}
		default:
			c.descs[f.Name] = f.desc()
		}
	}
	return c
}

// Gate notes how long a node took to pass its gates.
func (c *Collector) Gate(addOn string, took time.Duration) {
	c.gates.WithLabelValues(addOn).Observe(took.Seconds())
}

// Halt notes how long a rollout took to hold every cluster.
func (c *Collector) Halt(cause string, took time.Duration) {
	c.halts.WithLabelValues(cause).Observe(took.Seconds())
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
	c.gates.Describe(ch)
	c.halts.Describe(ch)
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	leads := 0.0
	if c.Leads() {
		leads = 1
		c.fleet(ch)
	}
	ch <- prometheus.MustNewConstMetric(c.descs[leader], prometheus.GaugeValue, leads)
	c.gates.Collect(ch)
	c.halts.Collect(ch)
}

// fleet tells what the records say, and gets the gates of their add-ons ready.
func (c *Collector) fleet(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	r, err := c.Read(ctx)
	if err != nil {
		return // the process ends: half a fleet would be told as a whole one
	}
	for i := range r.Addons {
		c.gates.WithLabelValues(r.Addons[i].Spec.Addon)
	}
	for _, s := range Fleet(r) {
		ch <- prometheus.MustNewConstMetric(c.descs[s.Name], prometheus.GaugeValue, s.Value, s.Labels...)
	}
}
