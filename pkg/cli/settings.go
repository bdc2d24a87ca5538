package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
)

// settingsFlags are an operator's own settings as they are given.
type settingsFlags struct {
	configurations  []string
	values, overlay string
}

func (f *settingsFlags) add(a *app, c *cobra.Command) {
	s := c.Flags()
	s.StringArrayVar(&f.configurations, "set-config", nil,
		"set a configuration key of the add-on, as KEY=VALUE or KEY=@FILE, JSON as plain text or in Base64; KEY= takes it away; may be repeated")
	s.StringVar(&f.values, "values", "", "YAML file with values of the chart, in place of those that are set; '' takes them away")
	s.StringVar(&f.overlay, "overlay", "", "folder with a kustomize overlay, in place of the one that is set; '' takes it away")
	_ = c.RegisterFlagCompletionFunc("set-config", a.completeConfiguration)
	_ = c.MarkFlagFilename("values", "yaml", "yml", "json")
	_ = c.MarkFlagDirname("overlay")
}

// read makes a change of settings of what was given. What no release of the catalog takes is refused here, before any cluster is
// asked; what one certain release takes is the planner's to say.
func (f *settingsFlags) read(a *app, c *cobra.Command) (change plan.SettingsChange, err error) {
	if change.Configurations, err = a.readConfigurations(f.configurations); err != nil {
		return change, err
	}
	if c.Flags().Changed("values") {
		if change.Values, err = readValues(f.values); err != nil {
			return change, err
		}
	}
	if c.Flags().Changed("overlay") {
		if change.Overlay, err = readOverlay(f.overlay); err != nil {
			return change, err
		}
	}
	if err := (plan.Settings{}).With(change).Check(); err != nil {
		return change, usage("docs/configurations.md lists what a record holds", "reading --set-config, --values and --overlay: %w", err)
	}
	return change, nil
}

func (a *app) readConfigurations(given []string) (map[string]string, error) {
	if len(given) == 0 {
		return nil, nil
	}
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, g := range given {
		key, value, found := strings.Cut(g, "=")
		if !found || key == "" {
			return nil, usage(`write it as KEY=VALUE, such as rollingUpdate='{"maxUnavailable":"25%"}'; KEY= takes the key away`, "--set-config %q names no key and value", g)
		}
		if _, twice := out[key]; twice {
			return nil, usage("give it once", "--set-config %s is given twice", key)
		}
		if file, ok := strings.CutPrefix(value, "@"); ok {
			if value, err = configurationFile(key, file); err != nil {
				return nil, err
			}
		}
		if err := checkConfiguration(c, key, value); err != nil {
			return nil, err
		}
		out[key] = value
	}
	return out, nil
}

// configurationFile is the value that a file holds. An empty one is no way to take a key away.
func configurationFile(key, file string) (string, error) {
	data, err := readBounded(file)
	if err != nil {
		return "", usage("name a file that holds the value", "--set-config %s=@%s: %w", key, file, err)
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		return "", usage("--set-config "+key+"= takes the key away", "--set-config %s=@%s: the file is empty", key, file)
	}
	return value, nil
}

// maxSettingsFile is more than a record takes of one file.
const maxSettingsFile = 256 << 10

// readBounded reads a file, or a pipe, that has to be small.
func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSettingsFile+1))
	if err == nil && len(data) > maxSettingsFile {
		err = fmt.Errorf("larger than %d KiB", maxSettingsFile>>10)
	}
	return data, err
}

// checkConfiguration refuses a key that no release of the catalog has, and a value that none takes which has the key.
func checkConfiguration(c *catalog.Catalog, key, value string) error {
	if value == "" {
		return nil // what is set may be of an older catalog
	}
	var all catalog.Release // with the keys of every release
	var problem error
	for _, addOn := range c.AddOns {
		for _, r := range addOn.Releases {
			all.Configurations = append(all.Configurations, r.Configurations...)
			configuration, ok := r.Configuration(key)
			if !ok {
				continue
			}
			_, err := configuration.Decode(value)
			if err == nil {
				return nil
			}
			problem = cmp.Or(problem, err)
		}
	}
	const lists = "addonctl catalog show ADDON VERSION lists the keys, with -o json their schemas"
	if problem != nil {
		return usage(lists, "--set-config %s: %w", key, problem)
	}
	if nearest := all.NearestKey(key); nearest != "" {
		return usage("did you mean "+nearest+"? "+lists, "--set-config %s=%s: no release has the key %q, the nearest is %q", key, short(value), key, nearest)
	}
	return usage(lists, "--set-config %s=%s: no release has the key %q", key, short(value), key)
}

// short keeps a message readable.
func short(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return value
}

// readValues reads a map; never nil, for nil would leave those that are set.
func readValues(file string) (map[string]any, error) {
	out := map[string]any{}
	if file == "" {
		return out, nil
	}
	const hint = "give a YAML file that holds a map of the chart's values; --values '' takes away those that are set"
	data, err := readBounded(file)
	if err != nil {
		return nil, usage(hint, "reading --values: %w", err)
	}
	text, err := oneDocument(data)
	if err != nil {
		return nil, usage(hint, "reading --values %q: %w", file, err)
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &out); err != nil || out == nil {
		return nil, usage(hint, "reading --values %q: it holds no map", file)
	}
	return out, nil
}

// oneDocument is the only YAML document of a text, as JSON: what stands in a second one must not be lost.
func oneDocument(data []byte) ([]byte, error) {
	r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var found [][]byte
	for {
		document, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if text, err := yaml.YAMLToJSONStrict(document); err != nil || string(text) != "null" {
			found = append(found, document)
		}
	}
	switch len(found) {
	case 0:
		return []byte("null"), nil
	case 1:
		return yaml.YAMLToJSONStrict(found[0])
	default:
		return nil, fmt.Errorf("it holds %d YAML documents, want one", len(found))
	}
}

// readOverlay reads a folder; never nil, for nil would leave the one that is set.
func readOverlay(dir string) (map[string]string, error) {
	out := map[string]string{}
	if dir == "" {
		return out, nil
	}
	const hint = "give a folder with a kustomization.yaml; --overlay '' takes away the one that is set"
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usage(hint, "reading --overlay %q: it is no folder", dir)
	}
	files, err := render.ReadOverlay(os.DirFS(dir))
	if err != nil {
		return nil, usage(hint, "reading --overlay %q: %w", dir, err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !utf8.Valid(files[name]) {
			return nil, usage(hint, "reading --overlay %q: file %s is no text", dir, name)
		}
		out[name] = string(files[name])
	}
	return out, nil
}

// completeConfiguration offers the keys of the catalog's releases; no cluster is asked.
func (a *app) completeConfiguration(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalog()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	takes := map[string][]string{}
	for _, addOn := range c.AddOns {
		for _, r := range addOn.Releases {
			for _, configuration := range r.Configurations {
				if names := takes[configuration.Key]; !slices.Contains(names, addOn.Name) {
					takes[configuration.Key] = append(names, addOn.Name)
				}
			}
		}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(takes)) {
		if strings.HasPrefix(key, prefix) {
			out = append(out, fmt.Sprintf("%s=\t%s", key, strings.Join(takes[key], ", ")))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// settingsReport names what is set, without the values: those stand in the record.
type settingsReport struct {
	Configurations []string `json:"configurations,omitempty"`
	Values         []string `json:"values,omitempty"`
	Overlay        []string `json:"overlay,omitempty"`

	text string
}

// settingsOf is nil where nothing is set.
func settingsOf(s plan.Settings) *settingsReport {
	if s.IsZero() {
		return nil
	}
	return &settingsReport{
		Configurations: slices.Sorted(maps.Keys(s.Configurations)), Values: slices.Sorted(maps.Keys(s.Values)),
		Overlay: slices.Sorted(maps.Keys(s.Overlay)), text: s.Text(),
	}
}
