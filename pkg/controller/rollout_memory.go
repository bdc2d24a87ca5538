package controller

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// memory keeps what was written until a cache shows it, so that nothing is decided on a record that was just replaced. It is a help for
// speed, and may be lost: a write on an old record is refused by the API server in any case.
type memory struct {
	mu      sync.Mutex
	written map[string]writing
}

// writing is the newest edition of an object that was written, and the editions that it and those before it replaced.
type writing struct {
	object   client.Object
	replaced map[string]bool
}

func memoryKey(o client.Object) string { return fmt.Sprintf("%T/%s/%s", o, o.GetName(), o.GetUID()) }

// wrote notes that an edition was replaced by an object.
func (m *memory) wrote(replaced string, o client.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := memoryKey(o)
	w := m.written[key]
	if w.replaced == nil {
		w.replaced = map[string]bool{}
	}
	w.replaced[replaced] = true
	w.object = o
	if m.written == nil {
		m.written = map[string]writing{}
	}
	m.written[key] = w
}

// latest is the edition to work on of an object that was read from a cache.
func latest[T client.Object](m *memory, read T) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := memoryKey(read)
	w, ok := m.written[key]
	if !ok {
		return read
	}
	if o, is := w.object.(T); is && w.replaced[read.GetResourceVersion()] {
		return o
	}
	delete(m.written, key)
	return read
}

// watcher remembers when each add-on moved last. Where nothing is remembered, such as after a start, a cluster counts as one that moved just
// now: whoever was not there cannot say that it hung.
type watcher struct {
	mu   sync.Mutex
	seen map[string]seen
}

type seen struct {
	movement string
	at       time.Time
}

// moved is when an add-on moved last.
func (w *watcher) moved(addon, movement string, now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.seen[addon]; ok && s.movement == movement {
		return s.at
	}
	if w.seen == nil {
		w.seen = map[string]seen{}
	}
	w.seen[addon] = seen{movement, now}
	return now
}

// forget drops the add-ons that are not there any more.
func (w *watcher) forget(there map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.seen {
		if !there[name] {
			delete(w.seen, name)
		}
	}
}

// movement is what is compared to see whether a cluster gets on: numbers of its nodes, not words.
func movement(a *v1alpha1.Addon) string {
	s := a.Status
	out := []string{s.CurrentInstalledVersion}
	if s.Nodes != nil {
		out = append(out, fmt.Sprintf("updated %d of %d", s.Nodes.Updated, s.Nodes.Total))
	}
	if s.Roll != nil {
		out = append(out, fmt.Sprintf("%s: changed %d, passed %d of %d", s.Roll.Phase, s.Roll.Changed, s.Roll.Passed, s.Roll.Total))
	}
	return strings.Join(out, "; ")
}
