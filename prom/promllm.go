// Package promllm draws the totals of routes for Prometheus's Go client:
//
//	prometheus.MustRegister(promllm.Collector(llm.Core().Manager()))
//
// Counting begins with the collector. Names and labels are those of
// [manager.Manager.Metrics], which needs no module but the core. It is a module
// of its own, so that the core pulls in no client of Prometheus.
package promllm

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/meter"
)

// Collector draws the routes of m, also those that are registered later.
func Collector(m *manager.Manager) prometheus.Collector {
	m.Report() // counting begins
	return &collector{m}
}

type collector struct{ manager *manager.Manager }

// described are the families of the core, in their order.
var described = describe()

func describe() (all []*prometheus.Desc) {
	for _, f := range meter.Families {
		labels := []string{"provider", "model", f.Label}
		if f.Label == "" {
			labels = labels[:2]
		}
		all = append(all, prometheus.NewDesc(f.Name, f.Help, labels, nil))
	}
	return all
}

// Describe sends the descriptions of all families.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range described {
		to <- d
	}
}

// Collect sends the metrics of each route.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	reports := c.manager.Report()
	for i := range reports {
		collect(&reports[i], to)
	}
}

func collect(r *llm.RouteReport, to chan<- prometheus.Metric) {
	for i := range meter.Families {
		f, kind := &meter.Families[i], prometheus.CounterValue
		switch f.Kind {
		case meter.Histogram:
			to <- histogram(described[i], f.Times(r), r)
			continue
		case meter.Gauge:
			kind = prometheus.GaugeValue
		}
		f.Series(r, func(value string, n float64) {
			labels := []string{r.Provider, r.Model, value}
			if f.Label == "" {
				labels = labels[:2]
			}
			to <- prometheus.MustNewConstMetric(described[i], kind, n, labels...)
		})
	}
}

func histogram(d *prometheus.Desc, h *llm.Histogram, r *llm.RouteReport) prometheus.Metric {
	bounds, sum := map[float64]uint64{}, uint64(0)
	for i, n := range h.Buckets[:llm.HistogramBuckets-1] {
		sum += n
		bounds[llm.HistogramBound(i).Seconds()] = sum
	}
	return prometheus.MustNewConstHistogram(d, h.Count(), h.Sum, bounds, r.Provider, r.Model)
}
