package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// field is one key of the configuration: a leaf of the struct.
type field struct {
	path  string // "pubsub.topic"
	value reflect.Value
}

// env is the name of the variable that overrides the key.
func (f field) env() string {
	return "SPACEKEEPER_" + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// fields lists the keys of a struct that is addressable, in its order.
func fields(prefix string, v reflect.Value) []field {
	var list []field
	for _, key := range strictyaml.KeysOf(v.Type()) {
		path, value := strictyaml.Join(prefix, key.Name), v.FieldByIndex(key.Field.Index)
		if value.Kind() == reflect.Struct {
			list = append(list, fields(path, value)...)
			continue
		}
		list = append(list, field{path, value})
	}
	return list
}

// suggestKey says which key was meant by one that doesn't exist.
func suggestKey(section, key string, known []string) string {
	if file := key + "_file"; slices.Contains(known, file) {
		return fmt.Sprintf("a secret is read from a file that %q names", file)
	}
	if strictyaml.Nearest(key, known) == "" {
		for _, f := range fields("", reflect.ValueOf(&Config{}).Elem()) { // right word, wrong section
			if f.path == key || strings.HasSuffix(f.path, "."+key) {
				return "did you mean " + f.path + "?"
			}
		}
	}
	return strictyaml.Suggest(key, known)
}

// String lists every key and its value, one a line. It holds no secret.
func (c Config) String() string {
	var b strings.Builder
	for _, f := range fields("", reflect.ValueOf(&c).Elem()) {
		fmt.Fprintln(&b, mask(fmt.Sprintf("%s=%v", f.path, f.value.Interface())))
	}
	return b.String()
}
