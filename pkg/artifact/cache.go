package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// cache keeps what registries gave in files that are called after their digest: <dir>/sha256/<64 digits>. Several
// processes may use it at once: a file appears whole or not at all, and is checked each time it is read. Without a folder
// nothing is kept.
type cache struct{ dir string }

// read gives what is kept under a digest. What is damaged is dropped.
func (c cache) read(digest string) ([]byte, bool) {
	if c.dir == "" {
		return nil, false
	}
	f, err := os.Open(c.file(digest))
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxBlob+1))
	if err == nil && digestOf(data) == digest {
		return data, true
	}
	_ = os.Remove(c.file(digest))
	return nil, false
}

// write keeps something under a digest. A process that is killed meanwhile leaves a file that nobody reads.
func (c cache) write(digest string, data []byte) error {
	if c.dir == "" {
		return nil
	}
	dir := filepath.Dir(c.file(digest))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), c.file(digest))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("keeping %s: %w", digest, err)
	}
	return nil
}

func (c cache) file(digest string) string {
	return filepath.Join(c.dir, "sha256", strings.TrimPrefix(digest, "sha256:"))
}

// digestOf is the digest of some bytes as registries write it.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
