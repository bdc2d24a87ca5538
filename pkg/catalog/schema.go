package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaLocation is what every schema is called while it is compiled; nothing is ever read from there.
const schemaLocation = "catalog:///schema"

// maxReasons bounds how much of a value's misfit is told.
const maxReasons = 5

// closedLoader refuses every reference to another document: a schema is judged by what stands in the catalog alone.
type closedLoader struct{}

// Load refuses.
func (closedLoader) Load(string) (any, error) {
	return nil, errors.New("a schema may not refer to another document")
}

// schemas are compiled ones by their text: add-ons share most of their keys, and compiling is dear.
type schemas map[string]*jsonschema.Schema

func (s schemas) compile(schema map[string]any) (*jsonschema.Schema, error) {
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	if known, ok := s[string(text)]; ok {
		return known, nil
	}
	compiled, err := compile(schema)
	if err == nil {
		s[string(text)] = compiled
	}
	return compiled, err
}

// compile makes a JSON Schema (draft 2020-12, unless it names another) ready for use.
func compile(schema map[string]any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(closedLoader{})
	if err := c.AddResource(schemaLocation, schema); err != nil {
		return nil, err
	}
	compiled, err := c.Compile(schemaLocation)
	if err != nil {
		return nil, misfit(err)
	}
	return compiled, nil
}

// misfit says in one line where a value does not fit its schema, and what is wanted there. For a schema that is none itself it
// does so too; other errors pass through.
func misfit(err error) error {
	if none, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		err = none.Err
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	all := reasons(invalid, nil)
	slices.Sort(all)
	all = slices.Compact(all)
	if more := len(all) - maxReasons; more > 0 {
		all = append(all[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(all, "; "))
}

// reasons are the innermost of a tree of errors; those around them only say that something inside is wrong. Each begins with its
// place, unless the value as a whole is meant.
func reasons(e *jsonschema.ValidationError, all []string) []string {
	if len(e.Causes) == 0 {
		return append(all, strings.TrimPrefix(oneLine(e), "at '': "))
	}
	for _, inner := range e.Causes {
		all = reasons(inner, all)
	}
	return all
}
