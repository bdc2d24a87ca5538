package controller

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// elsewhere is a source of catalogs that answers as a test wants.
type elsewhere struct {
	answers chan func() (Fetched, error)
	least   chan int64
}

func (e elsewhere) fetch(_ context.Context, _ v1alpha1.AddonCatalogSpec, least int64) (Fetched, error) {
	e.least <- least
	return (<-e.answers)()
}

// only is the built-in catalog without what is not of flannel.
func only(t *testing.T) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	must(t, fs.WalkDir(addons.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(name, "flannel/") {
			return err
		}
		data, err := fs.ReadFile(addons.FS, name)
		out[name] = &fstest.MapFile{Data: data}
		return err
	}))
	return out
}

// What somebody else serves is waited for beside: a recall is in force at once, even while a registry does not answer, and nobody acts on a
// catalog that was never the hub's. Without the first, a recall would wait for minutes; without the second, a manager that starts
// while the registry is away would move clusters to releases that the hub's catalog does not have.
func TestARecallDoesNotWaitForARegistry(t *testing.T) {
	t.Parallel()
	e := elsewhere{make(chan func() (Fetched, error)), make(chan int64, 9)}
	c, err := NewCatalogs(addons.FS)
	must(t, err)
	c.Fetch = e.fetch
	now := time.Now()
	spec := v1alpha1.AddonCatalogSpec{OCI: "oci://example.com/catalog:now", Keys: []string{"a key"}}
	last := v1alpha1.AddonCatalogStatus{Source: spec.OCI, Version: 6}
	follow := func() (taken, error) {
		read, digest, _, err := c.follow(t.Context(), spec, last, now)
		if err == nil {
			last.Version, last.Digest = read.Version, digest
		}
		return read, err
	}
	answer := func(f func() (Fetched, error), want error, reason string) taken {
		t.Helper()
		select {
		case e.answers <- f:
		case <-time.After(time.Minute):
			t.Fatal("nobody asks for the catalog")
		}
		var read taken
		testkube.Eventually(t, time.Minute, func(context.Context) error {
			var err error
			var told *FetchError
			switch read, err = follow(); {
			case !errors.Is(err, want):
				return err
			case reason != "" && (!errors.As(err, &told) || told.Reason != reason):
				return err
			}
			return nil
		})
		return read
	}
	if _, err := follow(); !errors.Is(err, errPending) || c.Followed() {
		t.Errorf("before an answer: %v, followed: %v", err, c.Followed())
	}
	if least := <-e.least; least != 6 {
		t.Errorf("version %d will do, and 6 was read", least)
	}
	spec.Recalls = []v1alpha1.Recall{{Addon: "Flannel", Version: "0.27.3", Reason: "it loses packets"}}
	if _, err := follow(); !errors.Is(err, errPending) || !recalled(c, "0.27.3") {
		t.Errorf("a recall waits for the registry: %v", err)
	}
	down := errors.New("the registry is away")
	answer(func() (Fetched, error) { return Fetched{}, &FetchError{Reason: "Unreachable", Err: down} }, down, "Unreachable")
	if c.Followed() {
		t.Error("somebody may act on a catalog that was never the hub's")
	}
	follow() // too early to ask again
	now = now.Add(rereadAfter)
	follow()
	<-e.least
	read := answer(func() (Fetched, error) { return Fetched{Files: only(t), Version: 7}, nil }, nil, "")
	if _, ok := c.Current().AddOn("Flannel"); !ok || len(c.Current().AddOns) != 1 || read.Version != 7 || !c.Followed() || !recalled(c, "0.27.3") {
		t.Errorf("it is not in force: %d add-ons, version %d, followed %v", len(c.Current().AddOns), read.Version, c.Followed())
	}

	// Another catalog of the same version is a trick or a mistake; what was read before stays.
	now = now.Add(refetchAfter)
	follow()
	if least := <-e.least; least != 7 {
		t.Errorf("version %d will do, and 7 was read", least)
	}
	e.answers <- func() (Fetched, error) { return Fetched{Files: addons.FS, Version: 7}, nil }
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		var told *FetchError
		if _, err := follow(); !errors.As(err, &told) || told.Reason != v1alpha1.ReasonRolledBack {
			return errors.Join(errors.New("it was not refused"), err)
		}
		return nil
	})
	if len(c.Current().AddOns) != 1 {
		t.Error("what was refused is in force")
	}
	// The negative control: with the next version it is taken.
	now = now.Add(refetchAfter)
	follow()
	<-e.least
	e.answers <- func() (Fetched, error) { return Fetched{Files: addons.FS, Version: 8}, nil }
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if _, err := follow(); err != nil || len(c.Current().AddOns) == 1 {
			return errors.Join(errors.New("it is not in force"), err)
		}
		return nil
	})
}

func recalled(c *Catalogs, v string) bool {
	a, _ := c.Current().AddOn("Flannel")
	for _, r := range a.Releases {
		if r.Version.String() == v {
			return r.Status == "RECALLED"
		}
	}
	return false
}
