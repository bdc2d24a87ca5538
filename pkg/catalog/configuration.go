package catalog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	kjson "sigs.k8s.io/json"
)

// Configuration is a key that a release may be configured by, as OKE's AddonVersionConfiguration publishes it (facts: OKE
// 2.3, 2.7).
type Configuration struct {
	Key         string
	Required    bool
	DisplayName string
	Description string
	// Schema is the JSON Schema of the decoded value.
	Schema map[string]any

	// compiled is Schema, ready for use; Load fills it, and without it each Decode compiles anew.
	compiled *jsonschema.Schema
}

// maxValue bounds what Decode reads, in bytes. No published key needs a value anywhere near it.
const maxValue = 64 << 10

// maxExact is where a float64 begins to take one whole number for the next.
const maxExact = 1 << 53

// Equal tells whether two configurations say the same. It also serves cmp.Diff.
func (c Configuration) Equal(d Configuration) bool {
	c.compiled, d.compiled = nil, nil
	return reflect.DeepEqual(c, d)
}

// Decode reads a value: JSON as plain text or in Base64 (facts: OKE 2.7), or plain text where the schema asks for a string.
// It returns what fits the schema, made of map[string]any, []any, string, int64, float64, bool and nil. An error names key,
// value and what is wanted. The zero Configuration takes everything.
func (c Configuration) Decode(value string) (any, error) {
	decoded, err := c.decode(value)
	if err != nil {
		return nil, fmt.Errorf("decoding configuration %q with value %q: %w", c.Key, shortened(value), err)
	}
	return decoded, nil
}

// SameValue tells whether two values of the key mean the same: decoded, whatever the order of object keys. Where one does not
// fit the schema, both are compared without it.
func (c Configuration) SameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := c.decode(a)
	y, errY := c.decode(b)
	if misfits := errX != nil || errY != nil; misfits {
		return c.Schema != nil && SameValue(a, b)
	}
	return reflect.DeepEqual(x, y)
}

// SameValue is Configuration.SameValue for a key without a schema.
func SameValue(a, b string) bool { return Configuration{}.SameValue(a, b) }

func (c Configuration) decode(value string) (any, error) {
	switch {
	case len(value) > maxValue:
		return nil, fmt.Errorf("longer than %d bytes", maxValue)
	case !utf8.ValidString(value):
		return nil, errors.New("not UTF-8")
	}
	readings, problem := c.readings(value)
	if c.Schema == nil {
		return readings[0], nil
	}
	schema, err := c.schema()
	if err != nil {
		return nil, err
	}
	for _, reading := range readings {
		err := schema.Validate(reading)
		if err == nil {
			return reading, nil
		}
		if problem == nil {
			problem = misfit(err)
		}
	}
	return nil, problem
}

// readings are all that a value can mean, the likeliest first: a value may be both plain JSON and text, or Base64 and text.
// When there is none, the problem says why; without a schema there is always one.
func (c Configuration) readings(value string) (out []any, problem error) {
	plain, err := decodeJSON([]byte(value))
	if err == nil {
		out = append(out, plain)
	} else {
		problem = fmt.Errorf("want JSON as plain text or in Base64: %w", err)
		if hidden, ok := decodeBase64(value); ok {
			out, problem = append(out, hidden), nil
		}
	}
	if c.takesText() {
		return append(out, value), nil
	}
	return out, problem
}

// takesText tells whether plain text will do: where the schema says so, or where there is none.
func (c Configuration) takesText() bool {
	switch t := c.Schema["type"].(type) {
	case string:
		return t == "string"
	case []any:
		return slices.Contains(t, any("string"))
	default:
		return c.Schema == nil
	}
}

// schema is the compiled one; a configuration that Load did not make has none yet.
func (c Configuration) schema() (*jsonschema.Schema, error) {
	if c.compiled != nil {
		return c.compiled, nil
	}
	return compile(c.Schema)
}

func decodeBase64(value string) (any, bool) {
	encoding := base64.StdEncoding
	if !strings.HasSuffix(strings.TrimRight(value, "\r\n"), "=") {
		encoding = base64.RawStdEncoding
	}
	data, err := encoding.DecodeString(value)
	if err != nil || !utf8.Valid(data) {
		return nil, false
	}
	decoded, err := decodeJSON(data)
	return decoded, err == nil
}

// decodeJSON reads one JSON value and refuses doubled keys and whatever follows it.
func decodeJSON(data []byte) (any, error) {
	var v any
	strict, err := kjson.UnmarshalStrict(data, &v)
	if err := errors.Join(append(strict, err)...); err != nil {
		return nil, errors.New(oneLine(err))
	}
	return normal(v)
}

// normal writes each whole number as int64, so that 1 and 1.0 are the same, and refuses numbers that do not survive decoding.
func normal(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if v[key], err = normal(value); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, value := range v {
			if v[i], err = normal(value); err != nil {
				return nil, err
			}
		}
	case float64:
		return normalNumber(v)
	}
	return v, nil
}

func normalNumber(f float64) (any, error) {
	switch {
	case f <= -maxExact || f >= maxExact:
		return nil, fmt.Errorf("number %g is too large", f)
	case f == float64(int64(f)):
		return int64(f), nil
	default:
		return f, nil
	}
}

// shortened keeps a message readable.
func shortened(value string) string {
	const most = 80
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return value
}
