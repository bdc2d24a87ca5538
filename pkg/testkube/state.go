package testkube

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// State is what the API server of a cluster has stored at one moment.
type State struct {
	// Revision of the moment: a resourceVersion.
	Revision int64
	// Values by key, such as /registry/daemonsets/kube-system/kube-flannel-ds, as the API server stores them.
	Values map[string][]byte
}

// Event is one change of one key.
type Event struct {
	Revision int64
	Key      string
	// Value is nil when the key was removed.
	Value []byte
}

// registry is where an API server keeps everything.
const registry = "/registry/"

// restless are the keys that change by themselves all the time, and those that the API server keeps for itself. Neither
// belongs to a State.
var restless = []string{
	"events/", "masterleases/", "minions/", "leases/kube-node-lease/", "leases/kube-system/apiserver-", "leases/kube-system/kube-",
	"apiregistration.k8s.io/", "ranges/", "flowschemas/", "prioritylevelconfigurations/", "configmaps/kube-system/kube-apiserver-legacy",
	"peerserverleases/", "servicecidrs/", "ipaddresses/",
}

func isRestless(key string) bool {
	rest := strings.TrimPrefix(key, registry)
	return slices.ContainsFunc(restless, func(p string) bool { return strings.HasPrefix(rest, p) })
}

// Save reads everything that is stored, at one moment.
func (c *Cluster) Save(tb testing.TB) State {
	tb.Helper()
	s, err := c.save(tb.Context())
	check(tb, err)
	return s
}

func (c *Cluster) save(ctx context.Context) (State, error) {
	var answer struct {
		Header header `json:"header"`
		KVs    []pair `json:"kvs"`
	}
	if err := c.etcd(ctx, "/v3/kv/range", map[string]any{"key": []byte(registry), "range_end": []byte("/registry0")}, &answer); err != nil {
		return State{}, err
	}
	s := State{Revision: answer.Header.Revision, Values: map[string][]byte{}}
	for _, kv := range answer.KVs {
		if key := string(kv.Key); !isRestless(key) {
			s.Values[key] = kv.Value
		}
	}
	return s, nil
}

// Restore puts everything back as it was, past the API server: what is new goes without finalizers, garbage collection
// or admission, and what comes back has its old UID. The controllers see it happen and may have a last word, so it is repeated
// until nothing differs any more. It returns what is stored then: the values of the State, at a later revision.
func (c *Cluster) Restore(tb testing.TB, to State) State {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	for quiet := 0; ; {
		now, err := c.save(ctx)
		check(tb, err)
		differ := difference(now, to)
		if len(differ) == 0 {
			if quiet++; quiet == 3 {
				return now
			}
		} else {
			quiet = 0
			check(tb, c.put(ctx, differ, to))
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("the cluster does not go back to what it was: %v", differ)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// difference are the keys whose values differ, what comes back before what goes.
func difference(now, to State) []string {
	var out []string
	for key, value := range to.Values {
		if !bytes.Equal(now.Values[key], value) {
			out = append(out, key)
		}
	}
	for key := range now.Values {
		if _, ok := to.Values[key]; !ok {
			out = append(out, key)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(to.Values[b]), 0)-cmp.Compare(len(to.Values[a]), 0), strings.Compare(a, b))
	})
	return out
}

// put writes the keys as they were, as many at once as etcd allows.
func (c *Cluster) put(ctx context.Context, keys []string, to State) error {
	for some := range slices.Chunk(keys, 100) {
		var operations []any
		for _, key := range some {
			if value, ok := to.Values[key]; ok {
				operations = append(operations, map[string]any{"request_put": map[string]any{"key": []byte(key), "value": value}})
				continue
			}
			operations = append(operations, map[string]any{"request_delete_range": map[string]any{"key": []byte(key)}})
		}
		if err := c.etcd(ctx, "/v3/kv/txn", map[string]any{"success": operations}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Since are all changes after a State, in the order of their revisions, which count all objects together. What etcd keeps
// for five minutes at least cannot be missed, whatever happened to the API server meanwhile.
func (c *Cluster) Since(tb testing.TB, s State) []Event {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	var marker struct {
		Header header `json:"header"`
	}
	check(tb, c.etcd(ctx, "/v3/kv/put", map[string]any{"key": []byte("/testkube/marker"), "value": []byte("x")}, &marker))
	everything := map[string]any{"key": []byte{0}, "range_end": []byte{0}, "start_revision": s.Revision + 1}
	body, err := c.ask(ctx, "/v3/watch", map[string]any{"create_request": everything})
	check(tb, err)
	defer func() { _ = body.Close() }()
	events, err := until(json.NewDecoder(body), marker.Header.Revision)
	check(tb, err)
	return events
}

// until reads events up to a revision.
func until(d *json.Decoder, last int64) ([]Event, error) {
	var out []Event
	for {
		var answer struct {
			Result struct {
				Canceled bool   `json:"canceled"`
				Reason   string `json:"cancel_reason"`
				Compact  int64  `json:"compact_revision,string"`
				Events   []struct {
					Type string `json:"type"`
					KV   pair   `json:"kv"`
				} `json:"events"`
			} `json:"result"`
		}
		if err := d.Decode(&answer); err != nil {
			return nil, fmt.Errorf("reading etcd's history: %w", err)
		}
		if answer.Result.Canceled {
			return nil, fmt.Errorf("reading etcd's history: %s, compacted up to %d", answer.Result.Reason, answer.Result.Compact)
		}
		for _, e := range answer.Result.Events {
			if e.KV.Revision >= last {
				return out, nil
			}
			event := Event{Revision: e.KV.Revision, Key: string(e.KV.Key), Value: e.KV.Value}
			if e.Type == "DELETE" {
				event.Value = nil
			}
			if strings.HasPrefix(event.Key, registry) && !isRestless(event.Key) {
				out = append(out, event)
			}
		}
	}
}

// With is the State after further events.
func (s State) With(events ...Event) State {
	next := State{Revision: s.Revision, Values: maps.Clone(s.Values)}
	for _, e := range events {
		next.Revision = e.Revision
		if e.Value == nil {
			delete(next.Values, e.Key)
			continue
		}
		next.Values[e.Key] = e.Value
	}
	return next
}

type header struct {
	Revision int64 `json:"revision,string"`
}

type pair struct {
	Key      []byte `json:"key"`
	Value    []byte `json:"value"`
	Revision int64  `json:"mod_revision,string"`
}

// etcd makes one call.
func (c *Cluster) etcd(ctx context.Context, path string, request, answer any) error {
	body, err := c.ask(ctx, path, request)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(body).Decode(answer); err != nil {
		return fmt.Errorf("reading etcd's answer to %s: %w", path, err)
	}
	return nil
}

func (c *Cluster) ask(ctx context.Context, path string, request any) (io.ReadCloser, error) {
	url, client := c.etcdURL, c.etcdClient
	data, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		_ = response.Body.Close()
		return nil, fmt.Errorf("etcd answers %s with %s: %s", path, response.Status, text)
	}
	return response.Body, nil
}
