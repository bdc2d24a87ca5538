package catalog_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
)

// The keys below have one schema of each kind.
func keys() map[string]catalog.Configuration {
	type schema = map[string]any
	resources := schema{
		"type":       "object",
		"properties": schema{"limits": schema{"type": "object", "additionalProperties": schema{"type": "string"}}},
		"required":   []any{"limits"}, "additionalProperties": false,
	}
	return map[string]catalog.Configuration{
		"tolerations": {Key: "tolerations", Schema: schema{"type": "array", "items": schema{"type": "object"}}},
		"resources":   {Key: "resources", Schema: resources},
		"replicas":    {Key: "replicas", Schema: schema{"type": "integer", "minimum": int64(1)}},
		"share":       {Key: "share", Schema: schema{"type": "number"}},
		"on":          {Key: "on", Schema: schema{"type": "boolean"}},
		"level":       {Key: "level", Schema: schema{"type": "string", "enum": []any{"info", "10", "true"}}},
		"surge":       {Key: "surge", Schema: schema{"type": []any{"integer", "string"}}},
		"text":        {Key: "text", Schema: schema{"type": "string"}},
		"any":         {},
		"broken":      {Key: "broken", Schema: schema{"type": "struct"}},
	}
}

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestDecodeReadsJSONAsPlainTextOrInBase64(t *testing.T) {
	t.Parallel()
	list := []any{map[string]any{"key": "gpu", "operator": "Exists"}}
	tests := map[string]struct {
		key, value string
		want       any
	}{
		"plain JSON":                            {"tolerations", `[{"key":"gpu","operator":"Exists"}]`, list},
		"plain JSON on several lines":           {"tolerations", "\n[\n {\"key\": \"gpu\", \"operator\": \"Exists\"}\n]\n", list},
		"Base64":                                {"tolerations", encoded(`[{"key":"gpu","operator":"Exists"}]`), list},
		"Base64 in lines":                       {"tolerations", "W3sia2V5IjoiZ3B1Iiwib3Bl\ncmF0b3IiOiJFeGlzdHMifV0=\n", list},
		"Base64 without its padding":            {"tolerations", strings.TrimRight(encoded(`[{"key":"gpu","operator":"Exists"}]`), "="), list},
		"an empty list":                         {"tolerations", `[]`, []any{}},
		"an object":                             {"resources", `{"limits":{"cpu":"500m"}}`, map[string]any{"limits": map[string]any{"cpu": "500m"}}},
		"a number":                              {"replicas", "3", int64(3)},
		"a number in Base64":                    {"replicas", encoded("3"), int64(3)},
		"a whole number written as a fraction":  {"replicas", "3.0", int64(3)},
		"a fraction":                            {"share", "0.25", 0.25},
		"a number with 19 digits":               {"replicas", "9007199254740993", int64(9007199254740993)},
		"true":                                  {"on", "true", true},
		"true in Base64":                        {"on", encoded("true"), true},
		"plain text where a string is wanted":   {"level", "info", "info"},
		"a JSON string":                         {"level", `"info"`, "info"},
		"a JSON string in Base64":               {"level", encoded(`"info"`), "info"},
		"a number where a string is wanted":     {"level", "10", "10"},
		"true where a string is wanted":         {"level", "true", "true"},
		"a number where both are allowed":       {"surge", "1", int64(1)},
		"text where both are allowed":           {"surge", "25%", "25%"},
		"text that could be Base64 but no JSON": {"text", "aW5mbw==", "aW5mbw=="},
		"text that is Base64 of a number":       {"text", encoded("123"), encoded("123")},
		"nothing where a string is wanted":      {"text", "", ""},
		"anything without a schema":             {"any", `{"a":[1,null]}`, map[string]any{"a": []any{int64(1), nil}}},
		"text without a schema":                 {"any", "25%", "25%"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := keys()[tt.key].Decode(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeNamesKeyValueAndWhatIsWanted(t *testing.T) {
	t.Parallel()
	const json = "want JSON as plain text or in Base64: "
	tests := map[string]struct{ key, value, want string }{
		"text where a list is wanted":       {"tolerations", "gpu", `decoding configuration "tolerations" with value "gpu": ` + json + `invalid character 'g' looking for beginning of value`},
		"nothing where a list is wanted":    {"tolerations", "", `decoding configuration "tolerations" with value "": ` + json + `unexpected end of JSON input`},
		"an object where a list is wanted":  {"tolerations", "{}", `decoding configuration "tolerations" with value "{}": got object, want array`},
		"the same in Base64":                {"tolerations", encoded("{}"), `decoding configuration "tolerations" with value "e30=": got object, want array`},
		"a wrong element":                   {"tolerations", `[{},1]`, `decoding configuration "tolerations" with value "[{},1]": at '/1': got number, want object`},
		"many wrong elements":               {"tolerations", `[1,1,1,1,1,1,1]`, `decoding configuration "tolerations" with value "[1,1,1,1,1,1,1]": at '/0': got number, want object; at '/1': got number, want object; at '/2': got number, want object; at '/3': got number, want object; at '/4': got number, want object; and 2 more`},
		"a missing field":                   {"resources", `{}`, `decoding configuration "resources" with value "{}": missing property 'limits'`},
		"an unknown field":                  {"resources", `{"limits":{},"limit":{}}`, `decoding configuration "resources" with value "{\"limits\":{},\"limit\":{}}": additional properties 'limit' not allowed`},
		"a doubled field":                   {"resources", `{"limits":{},"limits":{}}`, `decoding configuration "resources" with value "{\"limits\":{},\"limits\":{}}": ` + json + `duplicate field "limits"`},
		"something behind the value":        {"replicas", "3 4", `decoding configuration "replicas" with value "3 4": ` + json + `invalid character '4' after top-level value`},
		"a fraction where none is wanted":   {"replicas", "3.5", `decoding configuration "replicas" with value "3.5": got number, want integer`},
		"a number that is too small":        {"replicas", "0", `decoding configuration "replicas" with value "0": minimum: got 0, want 1`},
		"a number that would be rounded":    {"share", "12345678901234567890", `decoding configuration "share" with value "12345678901234567890": ` + json + `number 1.2345678901234567e+19 is too large`},
		"a number beyond all bounds":        {"share", "1e999", `decoding configuration "share" with value "1e999": ` + json + `json: cannot unmarshal number 1e999 into Go value of type float64`},
		"a string that is not allowed":      {"level", "loud", `decoding configuration "level" with value "loud": value must be one of 'info', '10', 'true'`},
		"text that looks like a JSON value": {"on", "yes", `decoding configuration "on" with value "yes": ` + json + `invalid character 'y' looking for beginning of value`},
		"bytes that are no text":            {"text", "\xff", `decoding configuration "text" with value "\xff": not UTF-8`},
		"a value that is too long":          {"text", strings.Repeat("é", 40_000), `decoding configuration "text" with value "` + strings.Repeat("é", 80) + `...": longer than 65536 bytes`},
		"a schema that is none":             {"broken", "{}", `decoding configuration "broken" with value "{}": at '/type': got string, want array; at '/type': value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := keys()[tt.key].Decode(tt.value)
			if err == nil {
				t.Fatalf("decoded as %v", got)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValuesAreComparedDecoded(t *testing.T) {
	t.Parallel()
	const object, turned = `{"limits":{"cpu":"1","memory":"2"}}`, `{ "limits": {"memory": "2", "cpu": "1"} }`
	tests := map[string]struct {
		key, a, b string
		want      bool
	}{
		"the same text":                                {"resources", object, object, true},
		"another order of keys":                        {"resources", object, turned, true},
		"plain and Base64":                             {"resources", object, encoded(turned), true},
		"both in Base64":                               {"resources", encoded(object), encoded(turned), true},
		"another value":                                {"resources", object, `{"limits":{"cpu":"1","memory":"3"}}`, false},
		"a field less":                                 {"resources", object, `{"limits":{"cpu":"1"}}`, false},
		"another order of a list":                      {"tolerations", `[{"key":"a"},{"key":"b"}]`, `[{"key":"b"},{"key":"a"}]`, false},
		"one number in two forms":                      {"replicas", "1", "1.0", true},
		"neighbors beyond exact numbers":               {"share", "9007199254740993.0", "9007199254740992.0", false},
		"text and a JSON string":                       {"text", "info", `"info"`, true},
		"a number is text where text is wanted":        {"text", "10", `"10"`, true},
		"a number is no text elsewhere":                {"any", "10", `"10"`, false},
		"text whose letters are Base64 of other text":  {"text", encoded("123"), "123", false},
		"the same without a schema":                    {"any", encoded("123"), "123", true},
		"one value that does not decode, twice":        {"resources", "{", "{", true},
		"two values that do not decode":                {"resources", "{", "{ ", false},
		"two values that do not fit, in another order": {"resources", `{"a":1,"b":2}`, `{"b":2,"a":1}`, true},
		"two values that do not fit and differ":        {"resources", `{"a":1}`, `{"a":2}`, false},
		"two values that are too long":                 {"any", strings.Repeat("a", 70_000), strings.Repeat("a", 70_001), false},
		"one value that decodes and one that does not": {"resources", object, "{", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := keys()[tt.key]
			if key.SameValue(tt.a, tt.b) != tt.want || key.SameValue(tt.b, tt.a) != tt.want {
				t.Errorf("%s and %s: want %t both ways", tt.a, tt.b, tt.want)
			}
		})
	}
	if !catalog.SameValue(object, encoded(turned)) || catalog.SameValue("1", "2") {
		t.Error("a key that is not in the catalog is compared in another way")
	}
}

// What Load has compiled decodes as what is compiled on the spot, and a key is found by its exact name.
func TestAReleaseKnowsItsConfigurations(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(complete(t))
	if err != nil {
		t.Fatal(err)
	}
	flannel, _ := c.AddOn("Flannel")
	release, _ := flannel.Find(version.MustParse("0.27.3"))
	key, ok := release.Configuration("tolerations")
	if !ok || !key.Required {
		t.Fatalf("got %v, %t", key, ok)
	}
	if _, err := key.Decode(`[{}]`); err != nil {
		t.Error(err)
	}
	if got, err := key.Decode(`{}`); err == nil {
		t.Errorf("an object was taken for a list: %v", got)
	}
	for _, none := range []string{"Tolerations", "rollingUpdate", ""} {
		if key, ok := release.Configuration(none); ok {
			t.Errorf("%q finds %s", none, key.Key)
		}
	}
}

func TestConfigurationsAreEqualByWhatTheySay(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(complete(t))
	if err != nil {
		t.Fatal(err)
	}
	flannel, _ := c.AddOn("Flannel")
	key, _ := flannel.Releases[0].Configuration("tolerations")
	written := catalog.Configuration{
		Key: key.Key, Required: key.Required, DisplayName: key.DisplayName, Description: key.Description, Schema: key.Schema,
	}
	if !key.Equal(written) {
		t.Error("a loaded configuration differs from one that says the same")
	}
	written.Schema = map[string]any{"type": "object"}
	if key.Equal(written) {
		t.Error("another schema makes no difference")
	}
}
