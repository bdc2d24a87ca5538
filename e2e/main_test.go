package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// folder is removed when all tests have ended.
var folder string

// perTest is the memory that a test may need, in GiB: the largest have four control planes.
const perTest = 2

// atOnce is how many tests run at once where -parallel does not say: they wait for control planes, nodes and Leases more than they compute, so twice
// as many as there are cores, as far as there is memory for them.
func atOnce() int {
	cores := runtime.GOMAXPROCS(0)
	data, err := os.ReadFile("/proc/meminfo")
	_, rest, found := strings.Cut(string(data), "MemAvailable:")
	kib := 0
	if _, scanned := fmt.Sscan(rest, &kib); err != nil || !found || scanned != nil {
		return cores
	}
	return min(2*cores, max(cores, kib>>20/perTest))
}

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	err := error(nil)
	if !asked {
		err = flag.Set("test.parallel", strconv.Itoa(atOnce()))
	}
	if err == nil {
		folder, err = os.MkdirTemp("", "addonctl-e2e-")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// buildManager builds addon-manager once, under two names: an audit log tells a program by its name.
var buildManager = sync.OnceValue(func() error {
	out, err := exec.Command("go", "build", "-o", filepath.Join(folder, "addon-manager-a"), "../cmd/addon-manager").CombinedOutput() //nolint:noctx // a build ends
	if err != nil {
		return fmt.Errorf("building addon-manager: %w\n%s", err, out)
	}
	return os.Link(filepath.Join(folder, "addon-manager-a"), filepath.Join(folder, "addon-manager-b"))
})

// managerProgram is the path of addon-manager under the name addon-manager-a or addon-manager-b.
func managerProgram(t *testing.T, name string) string {
	t.Helper()
	if err := buildManager(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, "addon-manager-"+name)
}
